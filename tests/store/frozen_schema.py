"""Print the first schema step as a frozen copy of the tables as they are now.

Until the first release one command makes it anew after a change of `gateway/store/tables.py`:

    python -m tests.store.frozen_schema > gateway/store/migrations/0001_initial.py

After the release the first step is history: a change is a new step, and this module goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import peewee

from gateway.store.tables import TABLES, database_proxy

# What the two databases call differently: (name in the frozen copy, on PostgreSQL, on SQLite).
WORDS = (
    ("serial", "BIGSERIAL", "INTEGER"),
    ("bigint", "BIGINT", "INTEGER"),
    ("smallint", "SMALLINT", "INTEGER"),
    ("boolean", "BOOLEAN", "INTEGER"),
    ("bytes", "BYTEA", "BLOB"),
)

_HEAD = '''"""The first schema: a frozen copy, which no later change of the tables changes.

The two databases differ in the names of five types; everything else is said in the same words.
"""

from __future__ import annotations

from typing import Any

import peewee

_SQLITE = {sqlite}
_POSTGRESQL = {postgresql}

_STATEMENTS = (
'''

_TAIL = ''')


def up(migrator: Any, db: Any) -> None:
    """Create every table with its constraints and indexes."""
    words = _SQLITE if isinstance(db, peewee.SqliteDatabase) else _POSTGRESQL
    for statement in _STATEMENTS:
        db.execute_sql(statement.format_map(words))
'''


def statements(database: peewee.Database) -> Iterator[str]:
    """What peewee would say to this database to make all the tables."""
    tables: tuple[Any, ...] = TABLES
    for table in tables:
        schema = table._schema
        yield schema._create_table(safe=False).query()[0]
        for index in schema._create_indexes(safe=False):
            yield index.query()[0]


def frozen() -> str:
    """The text of the first step."""
    before = database_proxy.obj
    try:
        texts = []
        for database in (peewee.PostgresqlDatabase("none"), peewee.SqliteDatabase(":memory:")):
            database_proxy.initialize(database)
            texts.append(list(statements(database)))
    finally:
        database_proxy.initialize(before)
    postgresql, sqlite = texts
    copied = [_with_names(statement) for statement in postgresql]
    words = {name: on_sqlite for name, _, on_sqlite in WORDS}
    if [statement.format_map(words) for statement in copied] != sqlite:
        raise AssertionError("the two databases differ in more than WORDS says")
    head = _HEAD.replace("{sqlite}", _quoted(words)).replace(
        "{postgresql}", _quoted({name: on_postgresql for name, on_postgresql, _ in WORDS})
    )
    return head + "".join(_literal(statement) for statement in copied) + _TAIL


def _quoted(words: dict[str, str]) -> str:
    return "{\n" + "".join(f'    "{name}": "{word}",\n' for name, word in words.items()) + "}"


def _with_names(statement: str) -> str:
    for name, on_postgresql, _ in WORDS:
        statement = re.sub(rf"\b{on_postgresql}\b", f"{{{name}}}", statement)
    return statement


def _literal(statement: str) -> str:
    """An index as one line, a table as one line for each column and constraint."""
    head, parenthesis, body = statement.partition(" (")
    if not head.startswith("CREATE TABLE"):
        return f"    {statement!r},\n"
    parts = _split(body.removesuffix(")"))
    lines = ",\n".join(f"        {part}" for part in parts)
    return f'    """\n    {head}{parenthesis}\n{lines}\n    )\n    """,\n'


def _split(body: str) -> list[str]:
    """Cut at the commas that stand in no parentheses."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(body):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(body[start:position].strip())
            start = position + 1
    return [*parts, body[start:].strip()]


if __name__ == "__main__":
    print(frozen(), end="")
