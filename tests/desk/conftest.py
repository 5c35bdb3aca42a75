"""A desk on each database, and one pool of parse workers for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.parsing import Parser
from gateway.policy import Policy
from tests.desk.harness import DeskUnderTest
from tests.servers.prepared import postgres_url, sqlite_url

__all__ = ["postgres_url", "sqlite_url"]


@pytest.fixture(scope="session")
def parser() -> Iterator[Parser]:
    pool = Parser(workers=1, parse_seconds=10, memory_bytes=512 * 1024 * 1024)
    yield pool
    pool.close()


@pytest.fixture
def desk(database_url: str, parser: Parser, tmp_path: Path) -> DeskUnderTest:
    """A desk with the policy of the harness, on SQLite and on PostgreSQL."""
    return DeskUnderTest(database_url, parser=parser, scratch=tmp_path)


@pytest.fixture
def make_desk(sqlite_url: str, parser: Parser, tmp_path: Path) -> Callable[[Policy], DeskUnderTest]:
    """A desk with another policy, on SQLite."""
    return lambda policy: DeskUnderTest(sqlite_url, parser=parser, scratch=tmp_path, policy=policy)
