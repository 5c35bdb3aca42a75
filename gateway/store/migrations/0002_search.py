"""The words of messages, to be searched: the one table that the two databases keep each in its own way."""

from __future__ import annotations

from typing import Any

import peewee

_SQLITE = ("CREATE VIRTUAL TABLE message_words USING fts5(words, tokenize = 'unicode61', detail = full)",)
_POSTGRESQL = (
    "CREATE TABLE message_words (message_id BIGINT NOT NULL PRIMARY KEY, words TSVECTOR NOT NULL)",
    "CREATE INDEX message_words_words ON message_words USING GIN (words)",
)


def up(migrator: Any, db: Any) -> None:
    """Create the table; what was written before is put into it by the clock."""
    for statement in _SQLITE if isinstance(db, peewee.SqliteDatabase) else _POSTGRESQL:
        db.execute_sql(statement)
