"""What every table is made of: the database behind it, and constraints for closed sets."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from peewee import Check, DatabaseProxy, Model

database_proxy: Any = DatabaseProxy()


def one_of(column: str, words: type[StrEnum], *more: str) -> Any:
    """The constraint that a column holds one of these words."""
    listed = ", ".join(f"'{word}'" for word in [*[str(w) for w in words], *more])
    return Check(f"{column} IN ({listed})")


class Table(Model):
    class Meta:
        database = database_proxy
        legacy_table_names = False
