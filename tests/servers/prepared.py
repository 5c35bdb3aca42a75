"""Databases that have their tables already, used by one test after the other: to make one costs more than most tests.

A folder whose tests want them imports `sqlite_url` and `postgres_url` into its conftest. On PostgreSQL what a test left
behind is taken out again, row by row; a database of which that can't be said with certainty is dropped.
"""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import peewee
import psycopg
import pytest
from psycopg import sql
from psycopg.pq import TransactionStatus

from gateway.store.database import connection, is_sqlite, migrate, open_database
from tests.servers.postgres import PostgresServer

_BORN = datetime(2026, 3, 2, tzinfo=UTC)
# Deleted rows stay in the files until somebody vacuums; a database that so many tests had is made anew.
_TESTS_A_DATABASE = 40
# Anything that a test made, altered or dropped changes one of these counts.
_SCHEMA = """
SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_trigger), (SELECT count(*) FROM pg_proc),
       (SELECT count(*) FROM pg_attribute WHERE NOT attisdropped), (SELECT count(*) FROM pg_constraint)
"""
_SEQUENCES = "SELECT sequencename FROM pg_sequences WHERE last_value IS NOT NULL"
_STRANGERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND pid <> ALL(%s)
"""

Rows = list[tuple[Any, ...]]


class Unclean(Exception):
    """A test left something behind that deleting rows does not undo."""


@dataclass(kw_only=True)
class Lent:
    """One database: who keeps it clean, and the connections to it that wait for their next user."""

    url: str
    admin: psycopg.Connection[tuple[Any, ...]]
    tables: list[str]
    idle: list[psycopg.Connection[Any]] = field(default_factory=list)
    in_use: list[psycopg.Connection[Any]] = field(default_factory=list)
    schema: Rows = field(default_factory=list)
    first_rows: dict[str, Rows] = field(default_factory=dict)
    tests: int = 0

    def remember(self) -> None:
        """What is in it before the first test."""
        self.schema = self._ask(_SCHEMA)
        self.first_rows = {name: rows for name in self.tables if (rows := self._rows(name))}
        self.admin.execute("SET session_replication_role = replica")  # no foreign key is asked when rows go

    def clean(self) -> None:
        """Take out what the test left, and begin to count anew. Raises Unclean or what the driver says."""
        self.tests += 1
        # A thread of the test that has ended may have kept its own; whoever throws it away would be warned, much later.
        while self.in_use:
            self.in_use.pop().close()
        for one in self.idle:
            if one.closed or one.info.transaction_status != TransactionStatus.IDLE:
                raise Unclean("a connection within a transaction")
            one.execute("RESET ALL")
        self.admin.execute(_STRANGERS, ([one.info.backend_pid for one in self.idle],))
        if self._ask(_SCHEMA) != self.schema:
            raise Unclean("the schema")
        if any(self._rows(name) != rows for name, rows in self.first_rows.items()):
            raise Unclean("what stood there first")
        questions = [
            sql.SQL("SELECT {} WHERE EXISTS (SELECT 1 FROM {})").format(sql.Literal(name), sql.Identifier(name))
            for name in self.tables
            if name not in self.first_rows
        ]
        for (name,) in self._ask(sql.SQL(" UNION ALL ").join(questions)):
            self.admin.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
        for (name,) in self._ask(_SEQUENCES):
            if name.removesuffix("_id_seq") not in self.first_rows:
                self.admin.execute("SELECT setval(%s::regclass, 1, false)", (f'"{name}"',))

    def close(self) -> None:
        for one in (self.admin, *self.idle, *self.in_use):
            one.close()

    def _ask(self, question: str | sql.Composable) -> Rows:
        return self.admin.execute(question).fetchall()  # type: ignore[arg-type]

    def _rows(self, name: str) -> Rows:
        return self._ask(sql.SQL("SELECT * FROM {} LIMIT 100").format(sql.Identifier(name)))


class PreparedPostgres:
    """Lends databases with their tables and nothing in them."""

    lent: dict[str, Lent] = {}

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._free: list[Lent] = []
        url = server.new_database()
        _prepare(url)
        self._pattern = url.rpartition("/")[2]

    def lend(self) -> Lent:
        one = self._free.pop() if self._free else self._new()
        self.lent[one.url] = one
        return one

    def take_back(self, one: Lent) -> None:
        del self.lent[one.url]
        try:
            one.clean()
        except (Unclean, psycopg.Error):
            one.tests = _TESTS_A_DATABASE
        if one.tests < _TESTS_A_DATABASE:
            self._free.append(one)
            return
        one.close()
        self._server.drop_database(one.url)

    def close(self) -> None:
        for one in self._free:
            one.close()

    def _new(self) -> Lent:
        url = self._server.new_database(like=self._pattern)
        admin = psycopg.connect(url, autocommit=True)
        names = admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        made = Lent(url=url, admin=admin, tables=sorted(name for (name,) in names))
        made.remember()
        return made


def keep_connections(database: Any, url: str) -> None:
    """Let connections be used again: PostgreSQL warms each new one up for some ten milliseconds, SQLite asks its disk.

    Who closes one gives it back; who connects gets it as it was left. Does nothing for a PostgreSQL that is not lent.
    """
    if is_sqlite(database):
        idle: list[Any] = []
        in_use: list[Any] = []
        database.connect_params["check_same_thread"] = False
        weakref.finalize(database, _close_all, idle)
    elif url in PreparedPostgres.lent:
        idle, in_use = PreparedPostgres.lent[url].idle, PreparedPostgres.lent[url].in_use
    else:
        return
    connect = database._connect

    def take() -> Any:
        in_use.append(one := idle.pop() if idle else connect())
        return one

    def give_back(one: Any) -> None:
        in_use[:] = [other for other in in_use if other is not one]
        if getattr(one, "broken", False) or getattr(one, "in_transaction", False):
            one.close()
        else:
            idle.append(one)

    database._connect = take
    database._close = give_back


def _close_all(idle: list[Any]) -> None:
    for one in idle:
        one.close()


def _prepare(url: str) -> None:
    database: peewee.Database = open_database(url)
    with connection(database):
        migrate(database, now=_BORN)
    if is_sqlite(database):
        assert not Path(f"{database.database}-wal").exists()


# --- the fixtures ---


@pytest.fixture(scope="session")
def prepared_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prepared") / "gateway.sqlite"
    _prepare(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def prepared_postgres(postgres: PostgresServer) -> Iterator[PreparedPostgres]:
    lender = PreparedPostgres(postgres)
    yield lender
    lender.close()


@pytest.fixture
def sqlite_url(tmp_path: Path, prepared_sqlite: Path) -> str:
    """The URL of an SQLite database of this test's own, with its tables."""
    copy = shutil.copy(prepared_sqlite, tmp_path / "gateway.sqlite")
    return f"sqlite:///{copy}"


@pytest.fixture
def postgres_url(prepared_postgres: PreparedPostgres) -> Iterator[str]:
    """The URL of a PostgreSQL database of this test's own, with its tables."""
    lent = prepared_postgres.lend()
    yield lent.url
    prepared_postgres.take_back(lent)
