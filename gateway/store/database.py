"""Connections and transactions: the one place where SQLite and PostgreSQL differ.

`open_database` binds the tables to one database for the whole process; each thread has a connection of its own, which
`connection` opens and closes. No network I/O inside a transaction.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import peewee
from playhouse.migrations import Runner

from gateway.errors import ConfigurationError, Problem
from gateway.store.tables import Secret, database_proxy

# Any constant does; it only has to differ from those of other programs in the same database.
_MIGRATION_LOCK = 0x68646701
_CONVERSATION_LOCK = 0x68646702

# SQLite lets a waiting writer sleep ever longer beside a lock that is free again; threads of one process wait here
# instead, and are woken at once.
_TURN = threading.RLock()

# How long a writer waits for another one. Longer than any of our transactions, shorter than an SMTP client's patience.
BUSY_TIMEOUT_SECONDS = 20


def open_database(url: str) -> peewee.Database:
    """Bind the tables to the database behind `url` (sqlite:///path or postgresql://…) and return it, not connected.

    Raises ConfigurationError for a URL of another kind or without the driver installed.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        database: peewee.Database = _sqlite(
            Path(unquote(parts.path[1:] if parts.path.startswith("//") else parts.path))
        )
    elif parts.scheme in ("postgresql", "postgres"):
        database = _postgresql(url)
    else:
        raise _wrong_url(url, f"unknown database kind {parts.scheme!r}", "sqlite:///PATH or postgresql://HOST/NAME")
    database_proxy.initialize(database)
    return database


def bound_database() -> peewee.Database:
    """The database that the tables are bound to at this moment."""
    database: peewee.Database = database_proxy.obj
    return database


def _sqlite(path: Path) -> peewee.Database:
    # FULL: a 250 must survive power loss (NORMAL may lose the last commits). IMMEDIATE: a read-then-write in a deferred
    # transaction fails at once with "locked" whatever the timeout says.
    return peewee.SqliteDatabase(
        str(path),
        pragmas={
            "journal_mode": "wal",
            "synchronous": "full",
            "foreign_keys": 1,
            "cache_size": -16_000,
            # Fewer checkpoints: a page that changes with every mail is copied back once for many of them.
            "wal_autocheckpoint": 4000,
            # What a savepoint keeps for its rollback would else go through a file: half of all writes of a mail.
            "temp_store": "memory",
            "journal_size_limit": 64 * 1024 * 1024,
        },
        timeout=BUSY_TIMEOUT_SECONDS,
        lock_type="IMMEDIATE",
    )


def _postgresql(url: str) -> peewee.Database:
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise _wrong_url(url, "PostgreSQL needs its driver", "pip install 'helpdesk-gateway[postgres]'") from error
    parts = urlsplit(url)
    options = dict(item.partition("=")[::2] for item in parts.query.split("&") if item)
    host = unquote(options.pop("host", parts.hostname or "")) or None
    driver_options: dict[str, Any] = {key: unquote(value) for key, value in options.items()}
    return peewee.PostgresqlDatabase(
        parts.path.lstrip("/"),
        host=host,
        port=parts.port or 5432,
        user=unquote(parts.username or "") or None,
        password=unquote(parts.password or "") or None,
        prefer_psycopg3=True,
        connect_timeout=10,
        **driver_options,
    )


def _wrong_url(url: str, message: str, suggestion: str) -> ConfigurationError:
    scheme = url.partition(":")[0]
    return ConfigurationError(
        [Problem(file="gateway.toml", key="storage.url", message=f"{message} ({scheme}:…)", suggestion=suggestion)]
    )


# SQLite's result codes for what the disk, the file or its neighbours did; SQLITE_ERROR and SQLITE_TOOBIG are not there.
_SQLITE_TROUBLES = frozenset(
    {
        *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY),
        *(sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL),
        *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOTADB),
    }
)
# Classes of SQLSTATE: connection, transaction rollback, resources, prerequisite state, operator, system, damage.
_SERVER_TROUBLES = frozenset({"08", "25", "40", "53", "55", "57", "58", "F0", "XX"})


def is_trouble_of_storage(error: BaseException) -> bool:
    """Tell whether the database was at fault and not what it was asked: the same will go well when it is well again.

    What the driver says decides; where only peewee or the rollback spoke, the cause behind them.
    """
    unread: list[BaseException] = [error]
    for seen in unread:
        code, state = getattr(seen, "sqlite_errorcode", None), getattr(seen, "sqlstate", None)
        # An extended code has the primary one in its lowest byte.
        if (code is not None and code & 0xFF in _SQLITE_TROUBLES) or (state or "")[:2] in _SERVER_TROUBLES:
            return True
        causes = [one for one in (seen.__cause__, seen.__context__) if one is not None]
        # A driver that names no code has lost its connection, or never had one; so has peewee that asked no driver.
        if code is None and state is None and not causes and type(seen).__name__ in _CONNECTION_ERRORS:
            return True
        unread += [one for one in causes if one not in unread]
    return False


_CONNECTION_ERRORS = frozenset({"OperationalError", "InterfaceError"})


def execute(database: Any, sql: str, parameters: tuple[object, ...] = ()) -> None:
    """Run one statement that peewee has no words for."""
    database.execute_sql(sql, parameters)


def is_sqlite(database: peewee.Database) -> bool:
    return isinstance(database, peewee.SqliteDatabase)


@contextlib.contextmanager
def connection(database: peewee.Database) -> Iterator[None]:
    """Give this thread a connection for the length of the block; a dead one of before is thrown away."""
    if not database.is_closed():
        with contextlib.suppress(peewee.PeeweeException):
            database.close()
    database.connect(reuse_if_open=True)
    try:
        yield
    finally:
        with contextlib.suppress(peewee.PeeweeException):
            database.close()


@contextlib.contextmanager
def transaction(database: peewee.Database) -> Iterator[None]:
    """One flushed transaction: all of the block or nothing of it."""
    with _TURN if is_sqlite(database) else contextlib.nullcontext(), database.atomic():
        yield


@contextlib.contextmanager
def savepoint(database: peewee.Database) -> Iterator[None]:
    """A part of the running transaction that rolls back alone."""
    # One name for all (the innermost is meant): peewee's new name each time is a new statement to prepare.
    execute(database, "SAVEPOINT part")
    try:
        yield
    except BaseException:
        execute(database, "ROLLBACK TO SAVEPOINT part")
        execute(database, "RELEASE SAVEPOINT part")  # else it would stand for the one around it
        raise
    execute(database, "RELEASE SAVEPOINT part")


@contextlib.contextmanager
def snapshot(database: peewee.Database) -> Iterator[None]:
    """Read everything in the block as it was at one moment; writers go on beside it, the block must not write.

    Within a transaction it is that transaction's view.
    """
    if database.in_transaction():
        yield
        return
    if is_sqlite(database):
        with database.atomic("DEFERRED"):
            yield
        return
    with database.atomic():
        execute(database, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def lock_conversations(database: peewee.Database) -> None:
    """Keep every other sorter out of the tickets until this transaction ends.

    On SQLite the IMMEDIATE transaction has done so already. Two sorters that thread at the same time could open two
    tickets for one conversation; one lock for the desk is cheaper than to find out which conversations touch.
    """
    if not is_sqlite(database):
        execute(database, "SELECT pg_advisory_xact_lock(%s)", (_CONVERSATION_LOCK,))


def skip_locked(database: peewee.Database) -> str:
    """What the end of a claim's SELECT says for that; SQLite's IMMEDIATE transaction keeps all others out anyway."""
    return "" if is_sqlite(database) else " FOR UPDATE SKIP LOCKED"


def migrate(database: peewee.Database, *, now: Any) -> list[str]:
    """Bring the schema up to date under a lock and return the names of the steps that were taken.

    Raises ConfigurationError where a later version has taken steps that this one does not know.
    """
    runner = Runner(database, directory=str(Path(__file__).parent / "migrations"))
    with _migration_lock(database):
        unknown = sorted(step.name for step in runner.status() if step.path is None)
        if unknown:
            raise _newer_schema(unknown)
        steps: list[str] = runner.up()
        with transaction(database):
            if not Secret.select().exists():
                Secret.create(id=1, content=os.urandom(32), created_at=now)
    return steps


def _newer_schema(unknown: list[str]) -> ConfigurationError:
    message = f"the database was made by a later version of the gateway (schema step {', '.join(unknown)})"
    hint = "start that version, or restore a backup from before the upgrade"
    return ConfigurationError([Problem(file="gateway.toml", key="storage", message=message, suggestion=hint)])


@contextlib.contextmanager
def _migration_lock(database: peewee.Database) -> Iterator[None]:
    if is_sqlite(database):
        with _file_lock(Path(f"{database.database}.lock")):
            yield
        return
    execute(database, "SELECT pg_advisory_lock(%s)", (_MIGRATION_LOCK,))
    try:
        yield
    finally:
        execute(database, "SELECT pg_advisory_unlock(%s)", (_MIGRATION_LOCK,))


@contextlib.contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
