"""A database with the schema in it, and a door to it."""

from __future__ import annotations

from collections.abc import Iterator

import peewee
import pytest

from gateway.intake.accept import Door
from gateway.store.database import connection
from tests.intake.desk import Clock, new_database


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
