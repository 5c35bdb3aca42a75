"""Houses of the delivery: an outbox on each database, or on SQLite alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.delivery.house import House, open_house
from tests.servers.prepared import postgres_url, sqlite_url

__all__ = ["postgres_url", "sqlite_url"]


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> Iterator[House]:
    """An empty outbox, on SQLite and on PostgreSQL."""
    with open_house(database_url, tmp_path) as house:
        yield house


@pytest.fixture
def small_house(sqlite_url: str, tmp_path: Path) -> Iterator[House]:
    """An empty outbox on SQLite, for what does not depend on the database."""
    with open_house(sqlite_url, tmp_path) as house:
        yield house


@pytest.fixture
def postgres_house(postgres_url: str, tmp_path: Path) -> Iterator[House]:
    """An empty outbox on PostgreSQL, for connections that can be lost."""
    with open_house(postgres_url, tmp_path) as house:
        yield house
