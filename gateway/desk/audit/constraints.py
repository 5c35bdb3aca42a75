"""Every row keeps the rules of its table; the database should see to it, and can be told not to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from peewee import SQL

from gateway.store.tables import TABLES


def closed_sets(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """No row says what its table's CHECK constraints forbid: a state that there is not, a time that ends before it
    begins."""
    tables: tuple[Any, ...] = TABLES
    for table in tables:
        # peewee writes a constraint as "CHECK (…)". All in one look at a table, which may be long.
        broken = " OR ".join(f"NOT {one.sql.removeprefix('CHECK ')}" for one in table._meta.constraints or ())
        if not broken:
            continue
        keys = table._meta.get_primary_keys()
        for key in table.select(*keys).where(SQL(f"({broken})")).order_by(*keys).tuples():
            name, row = table._meta.table_name.replace("_", " "), "/".join(map(str, key))
            yield f"{name} {row} says what its table does not allow"
