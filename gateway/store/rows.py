"""The few statements that run for every mail, without building them anew each time.

peewee spends about a millisecond of CPU to write a statement out; here it is written once for each table and shape and
only the values change. Values go through the table's fields both ways, so a row is the same whichever way it came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

import peewee

from gateway.store.fields import CleanText, UtcDateTime, clean_text
from gateway.store.tables import database_proxy

_Table = TypeVar("_Table", bound=peewee.Model)
_MOMENT = UtcDateTime()


def insert(table: type[peewee.Model], **values: Any) -> int:
    """Insert one row, defaults filled in, and return its id (0 for a table whose key is not one number)."""
    return _insert(table, values)


def insert_if_new(table: type[peewee.Model], **values: Any) -> None:
    """Insert one row unless its key is there already."""
    insert_new(table, [values])


def insert_all(table: type[peewee.Model], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows with the same columns in one statement, in this order, defaults filled in."""
    _insert_many(table, rows, ignore=False)


def insert_new(table: type[peewee.Model], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those of the rows whose key is not there already; of two with one key, the first."""
    _insert_many(table, rows, ignore=True)


def insert_returning(table: type[peewee.Model], rows: Sequence[Mapping[str, Any]], column: str) -> dict[Any, int]:
    """Insert those of the rows whose key is not there already; their ids by what they have in a column."""
    if not rows:
        return {}
    sql, parameters = _many(table, rows)
    cursor = database_proxy.execute_sql(f'{sql} ON CONFLICT DO NOTHING RETURNING "{column}", "id"', parameters)
    return dict(cursor.fetchall())


def write_over(table: type[peewee.Model], rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Give rows that are there, each named whole with its id, what these say in some columns; in one statement."""
    if not rows:
        return
    sql, parameters = _many(table, rows)
    setters = ", ".join(f'"{name}" = excluded."{name}"' for name in columns)
    database_proxy.execute_sql(f'{sql} ON CONFLICT ("id") DO UPDATE SET {setters}', parameters)


def find_all(table: type[_Table], condition: str, *values: Any, order: str = "", limit: int = 0) -> list[_Table]:
    """The rows for which `condition` (SQL with a ? for each value) holds."""
    sql = _select(table, condition, order, limit, _mark())
    cursor = database_proxy.execute_sql(sql, tuple(map(_plain, values)))
    return [_as_row(table, found) for found in cursor.fetchall()]


def find(table: type[_Table], condition: str, *values: Any, order: str = "") -> _Table | None:
    """The first row for which `condition` holds, None when there is none."""
    found = find_all(table, condition, *values, order=order, limit=1)
    return found[0] if found else None


def find_together(tables: Mapping[str, type[peewee.Model]], joined: str, *values: Any) -> tuple[Any, ...] | None:
    """One row of each table in one statement, None for what a LEFT JOIN did not find; None when there is nothing.

    `tables` by their aliases in `joined`, which is what stands after FROM; each has its id as first column.
    """
    cursor = database_proxy.execute_sql(_joined(tuple(tables.items()), joined, _mark()), tuple(map(_plain, values)))
    found = cursor.fetchone()
    if found is None:
        return None
    rows, start = [], 0
    for table in tables.values():
        end = start + len(_meta(table).sorted_fields)
        rows.append(_as_row(table, found[start:end]) if found[start] is not None else None)
        start = end
    return tuple(rows)


def find_values(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """What a SELECT of single columns gives, as the database returns it; ? stands for each value."""
    cursor = database_proxy.execute_sql(sql.replace("?", _mark()), tuple(map(_plain, values)))
    return [tuple(found) for found in cursor.fetchall()]


def update(table: type[peewee.Model], changes: dict[str, Any], condition: str, *values: Any) -> int:
    """Change the rows for which `condition` holds, and return how many there were."""
    sql = _update_sql(table, tuple(changes), condition, _mark())
    new = tuple(write(changes[name]) for name, write in _writers(table, tuple(changes)))
    return int(database_proxy.execute_sql(sql, (*new, *map(_plain, values))).rowcount)


def execute(sql: str, *values: Any) -> int:
    """Run a statement that `insert` and `update` have no words for; how many rows it changed."""
    cursor = database_proxy.execute_sql(sql.replace("?", _mark()), tuple(map(_plain, values)))
    return int(cursor.rowcount)


def marks(values: Sequence[object]) -> str:
    """As many ? as there are values, for an IN ( )."""
    return ", ".join("?" * len(values))


def _insert(table: type[peewee.Model], values: dict[str, Any]) -> int:
    given = _defaults(table) | values
    names = tuple(given)
    sql, returns = _insert_sql(table, names, _mark())
    parameters = tuple(write(given[name]) for name, write in _writers(table, names))
    cursor = database_proxy.execute_sql(sql, parameters)
    if not returns:
        return 0
    return int(cursor.lastrowid if _mark() == "?" else cursor.fetchone()[0])


@lru_cache(maxsize=64)
def _defaults(table: type[peewee.Model]) -> dict[str, Any]:
    """What a column holds of which nothing is said; one that is made anew for each row is only written, never kept."""
    defaults = _meta(table).defaults
    return {field.name: default() if callable(default) else default for field, default in defaults.items()}


@lru_cache(maxsize=512)
def _writers(table: type[peewee.Model], names: tuple[str, ...]) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """How the value of each of these fields is stored; numbers as they are, a row as its key."""
    fields = ((name, _meta(table).fields[name]) for name in names)
    return tuple((name, _key_of if type(field) in _NUMBERS else field.db_value) for name, field in fields)


def _insert_many(table: type[peewee.Model], rows: Sequence[Mapping[str, Any]], *, ignore: bool) -> None:
    if not rows:
        return
    sql, parameters = _many(table, rows)
    database_proxy.execute_sql(sql + " ON CONFLICT DO NOTHING" if ignore else sql, parameters)


def _many(table: type[peewee.Model], rows: Sequence[Mapping[str, Any]]) -> tuple[str, tuple[Any, ...]]:
    """The statement that inserts rows, and its values."""
    defaults = _defaults(table)
    names = tuple({**defaults, **rows[0]})
    writers = _writers(table, names)
    parameters = tuple(write(row[name] if name in row else defaults[name]) for row in rows for name, write in writers)
    return _values_sql(table, names, len(rows), _mark()), parameters


@lru_cache(maxsize=512)
def _values_sql(table: type[peewee.Model], names: tuple[str, ...], count: int, mark: str) -> str:
    meta = _meta(table)
    columns = ", ".join(f'"{meta.fields[name].column_name}"' for name in names)
    one = f"({', '.join([mark] * len(names))})"
    return f'INSERT INTO "{meta.table_name}" ({columns}) VALUES {", ".join([one] * count)}'  # noqa: S608


@lru_cache(maxsize=512)
def _insert_sql(table: type[peewee.Model], names: tuple[str, ...], mark: str) -> tuple[str, bool]:
    meta = _meta(table)
    sql = _values_sql(table, names, 1, mark)
    has_id = "id" in meta.fields and not meta.composite_key
    return (sql if mark == "?" or not has_id else sql + ' RETURNING "id"'), has_id


@lru_cache(maxsize=512)
def _update_sql(table: type[peewee.Model], names: tuple[str, ...], condition: str, mark: str) -> str:
    meta = _meta(table)
    setters = ", ".join(f'"{meta.fields[name].column_name}" = {mark}' for name in names)
    return f'UPDATE "{meta.table_name}" SET {setters} WHERE {condition.replace("?", mark)}'  # noqa: S608


@lru_cache(maxsize=512)
def _select(table: type[peewee.Model], condition: str, order: str, limit: int, mark: str) -> str:
    meta = _meta(table)
    columns = ", ".join(f'"{field.column_name}"' for field in meta.sorted_fields)
    sql = f'SELECT {columns} FROM "{meta.table_name}" WHERE {condition.replace("?", mark)}'  # noqa: S608
    return sql + (f" ORDER BY {order}" if order else "") + (f" LIMIT {limit}" if limit else "")


@lru_cache(maxsize=64)
def _joined(tables: tuple[tuple[str, type[peewee.Model]], ...], joined: str, mark: str) -> str:
    columns = (f'{alias}."{field.column_name}"' for alias, table in tables for field in _meta(table).sorted_fields)
    return f"SELECT {', '.join(columns)} FROM {joined.replace('?', mark)}"  # noqa: S608


def _as_row(table: type[_Table], found: Sequence[Any]) -> _Table:
    names, readers = _readers(table)
    row: Any = table.__new__(table)
    row.__data__ = data = dict(zip(names, found, strict=True))
    row.__rel__ = {}
    row._dirty = set()
    for name, read in readers:
        if (value := data[name]) is not None:
            data[name] = read(value)
    made: _Table = row
    return made


@lru_cache(maxsize=64)
def _readers(table: type[peewee.Model]) -> tuple[tuple[str, ...], tuple[tuple[str, Callable[[Any], Any]], ...]]:
    """The names of a table's columns, and how to read those whose values the driver does not give as they are."""
    fields = _meta(table).sorted_fields
    readers = tuple((field.name, field.python_value) for field in fields if type(field) not in _AS_THEY_ARE)
    return tuple(field.name for field in fields), readers


# A foreign key is a number here as everywhere (`tables`); text and numbers come from both drivers as Python's own.
_NUMBERS = frozenset(
    {
        *(peewee.IntegerField, peewee.BigIntegerField, peewee.SmallIntegerField, peewee.BigAutoField),
        peewee.ForeignKeyField,
    }
)
_AS_THEY_ARE = _NUMBERS | {peewee.TextField, CleanText}


def _key_of(value: Any) -> Any:
    key: Any = value
    return key.id if isinstance(value, peewee.Model) else value


def _plain(value: Any) -> Any:
    """A value as the fields would store it: what was stored from hostile text is found by the same hostile text."""
    if isinstance(value, str):
        return value if value.isascii() and "\0" not in value else clean_text(value)
    return _MOMENT.db_value(value) if isinstance(value, datetime) else value


def _mark() -> str:
    return "?" if isinstance(database_proxy.obj, peewee.SqliteDatabase) else "%s"


def _meta(table: type[peewee.Model]) -> Any:
    return table._meta
