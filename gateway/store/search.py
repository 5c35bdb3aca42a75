"""Full-text search over messages: FTS5 on SQLite, tsvector on PostgreSQL, and the same words on both.

Words are folded here (accents, case, width), so that both databases find alike; scripts without spaces between words
are taken sign by sign, and what stands together in a question must stand together in the text. A question is a list of
words of which each may be the beginning of one; a ticket that has them all, in whatever messages, is found.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import peewee

from gateway.store.database import execute, is_sqlite

MOST_WORDS = 8
_MOST_CHARS = 100_000
_LONGEST_WORD = 60
# Ideographs, kana, Hangul, Thai, Lao, Khmer, Myanmar: no spaces between words, or too many endings.
_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])"
)
_WORD = re.compile(r"[^\W_]+")


def folded_words(text: str) -> list[str]:
    """The words of a text as they are kept: without accents, in lower case, long ones cut."""
    plain = text[:_MOST_CHARS]
    if plain.isascii():
        return [word[:_LONGEST_WORD] for word in _WORD.findall(plain.lower())]
    plain = unicodedata.normalize("NFKD", plain)
    plain = "".join(one for one in plain if not unicodedata.combining(one)).casefold()
    return [word[:_LONGEST_WORD] for word in _WORD.findall(_UNSPACED.sub(r" \1 ", plain))]


def asked_words(question: str) -> list[list[str]]:
    """What is asked for: each part a word, or the signs of an unspaced script that stand together."""
    return [words for part in question.split() if (words := folded_words(part))][:MOST_WORDS]


def remember_words(database: peewee.Database, rows: Iterable[tuple[int, str]]) -> None:
    """Put messages (row, folded words) into the index; one that is in it already stays as it is. Inside a
    transaction."""
    if is_sqlite(database):
        sql = "INSERT INTO message_words (rowid, words) SELECT ?, ? WHERE NOT EXISTS "
        sql += "(SELECT 1 FROM message_words WHERE rowid = ?)"
        for row, words in rows:
            execute(database, sql, (row, words, row))
        return
    sql = "INSERT INTO message_words (message_id, words) VALUES (%s, to_tsvector('simple', %s)) ON CONFLICT DO NOTHING"
    for row, words in rows:
        execute(database, sql, (row, words))


def tickets_with(database: peewee.Database, question: Sequence[Sequence[str]]) -> tuple[str, list[Any]]:
    """The SQL of the ids of tickets in whose posted messages all parts of a question stand, and its parameters.

    The marks are those of SQLite (`?`), as `store.rows` takes them.
    """
    one = (
        "SELECT message.ticket_id FROM message_words JOIN message ON message.id = message_words.rowid "
        "WHERE message_words MATCH ? AND message.state = 'posted'"
        if is_sqlite(database)
        else "SELECT message.ticket_id FROM message_words JOIN message ON message.id = message_words.message_id "
        "WHERE message_words.words @@ to_tsquery('simple', ?) AND message.state = 'posted'"
    )
    parts = [_match(words, sqlite=is_sqlite(database)) for words in question]
    return " INTERSECT ".join([one] * len(parts)), parts


def _match(words: Sequence[str], *, sqlite: bool) -> str:
    """One part of a question in the database's own notation. Folded words have no sign that means anything in it."""
    if len(words) > 1:
        return '"' + " ".join(words) + '"' if sqlite else " <-> ".join(f"'{word}'" for word in words)
    return f'"{words[0]}"*' if sqlite else f"'{words[0]}':*"
