"""A database with the schema in it, and a door to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import peewee
import pytest

from gateway.intake.accept import Door
from gateway.intake.smtp import SmtpListener, SmtpThread
from gateway.settings.tables import Smtp
from gateway.store.database import connection
from tests.intake.desk import Clock, RawClient, Start, is_recipient, new_database
from tests.servers.prepared import postgres_url, sqlite_url

__all__ = ["postgres_url", "sqlite_url"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(database_url: str) -> Iterator[peewee.Database]:
    """An empty desk on each of the two databases, connected for the test's own thread."""
    database = new_database(database_url)
    with connection(database):
        yield database


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[peewee.Database]:
    """An empty desk on SQLite, for what does not depend on the kind of database."""
    database = new_database(sqlite_url)
    with connection(database):
        yield database


@pytest.fixture
def door(database: peewee.Database, clock: Clock) -> Iterator[Door]:
    with Door(database, clock=clock) as door:
        yield door


@pytest.fixture
def sqlite_door(sqlite: peewee.Database, clock: Clock) -> Iterator[Door]:
    with Door(sqlite, clock=clock) as door:
        yield door


@pytest.fixture
def start(clock: Clock) -> Iterator[Start]:
    """Start a listener with settings of your own in front of a door, and return its port."""
    with ExitStack() as stack:

        def started(door: Door, *, is_ours: Callable[[str], bool] = is_recipient, **options: Any) -> int:
            extra = {name: options.pop(name) for name in ("spool_folder", "timeouts", "memory") if name in options}
            defaults: dict[str, Any] = {"port": 0, "hostname": "desk.example.com"}
            settings = Smtp(**(defaults | options))
            listener = SmtpListener(settings, is_recipient=is_ours, door=door, clock=clock, **extra)
            thread = SmtpThread(listener).start()
            stack.callback(thread.stop, 1.0)
            return thread.port

        yield started


@pytest.fixture
def port(start: Start, sqlite_door: Door) -> int:
    return start(sqlite_door)


@pytest.fixture
def client(port: int) -> Iterator[RawClient]:
    with RawClient(port) as client:
        yield client
