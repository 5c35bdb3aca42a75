"""A desk on each database, and one pool of parse workers for all of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.parsing import Parser
from gateway.policy import Policy
from gateway.store.database import connection, migrate, open_database
from tests.desk.harness import DeskUnderTest
from tests.servers.postgres import PostgresServer


@pytest.fixture(scope="session")
def parser() -> Iterator[Parser]:
    pool = Parser(workers=1, parse_seconds=10, memory_bytes=512 * 1024 * 1024)
    yield pool
    pool.close()


def _prepare(url: str) -> None:
    database = open_database(url)
    with connection(database):
        migrate(database, now=datetime(2026, 3, 2, tzinfo=UTC))


@pytest.fixture(scope="session")
def prepared_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables, of which every test gets a copy: to make them anew would cost more than it."""
    path = tmp_path_factory.mktemp("prepared") / "gateway.sqlite"
    _prepare(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, prepared_sqlite: Path) -> str:
    copy = shutil.copy(prepared_sqlite, tmp_path / "gateway.sqlite")
    return f"sqlite:///{copy}"


@pytest.fixture(scope="session")
def prepared_postgres(postgres: PostgresServer) -> str:
    url = postgres.new_database()
    _prepare(url)
    return url.rpartition("/")[2]


@pytest.fixture
def postgres_url(postgres: PostgresServer, prepared_postgres: str) -> Iterator[str]:
    url = postgres.new_database(like=prepared_postgres)
    yield url
    postgres.drop_database(url)


@pytest.fixture
def desk(database_url: str, parser: Parser, tmp_path: Path) -> DeskUnderTest:
    """A desk with the policy of the harness, on SQLite and on PostgreSQL."""
    return DeskUnderTest(database_url, parser=parser, scratch=tmp_path)


@pytest.fixture
def make_desk(sqlite_url: str, parser: Parser, tmp_path: Path) -> Callable[[Policy], DeskUnderTest]:
    """A desk with another policy, on SQLite."""
    return lambda policy: DeskUnderTest(sqlite_url, parser=parser, scratch=tmp_path, policy=policy)
