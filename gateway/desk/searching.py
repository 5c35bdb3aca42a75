"""Put what was written on tickets into the search, a few seconds behind; and find tickets by words."""

from __future__ import annotations

from datetime import datetime, timedelta

import peewee

from gateway.desk.chores import detail_of, done
from gateway.store.database import is_sqlite, transaction
from gateway.store.rows import find_values
from gateway.store.search import asked_words, folded_words, remember_words, tickets_with
from gateway.store.tables import Chore, database_proxy

# What is open, then what was last written on.
NEWEST_FIRST = "(CASE WHEN status IN ('new', 'in_progress', 'on_hold') THEN 0 ELSE 1 END), updated_at DESC, id DESC"
_CHORE = "search"
_AT_ONCE = 500
# PostgreSQL gives out numbers before it commits: a lower one may be seen after a higher one.
_SETTLED = timedelta(seconds=30)
_NEW = """
    SELECT message.id, ticket.subject, contact.name, contact.address, message.subject, message.text
    FROM message JOIN ticket ON ticket.id = message.ticket_id JOIN contact ON contact.id = ticket.requester_id
    WHERE message.id > ? AND message.at <= ? ORDER BY message.id LIMIT ?
"""
_FILES = "SELECT filename FROM attachment WHERE message_id = ? ORDER BY number"


def remember_new_words(database: peewee.Database, *, now: datetime) -> int:
    """Take the next messages into the search; how many, 0 where another process was quicker. A kill in between loses
    nothing and takes none twice."""
    before = now if is_sqlite(database) else now - _SETTLED
    upto = _upto()
    # Read and folded first: sorting need not wait for it.
    words = [_words_of(*row) for row in find_values(_NEW, upto, before, _AT_ONCE)]
    if not words:
        return 0
    with transaction(database):
        if not is_sqlite(database):
            # One process at a time; the first time there is no row yet, and the index keeps what came first.
            list(Chore.select().where(Chore.name == _CHORE).for_update())
        if _upto() != upto:
            return 0
        remember_words(database, words)
        done(_CHORE, now=now, upto=words[-1][0])
    return len(words)


def _upto() -> int:
    return int(detail_of(_CHORE).get("upto", 0))


def _words_of(row_id: int, *texts: str) -> tuple[int, str]:
    files = [str(name) for (name,) in find_values(_FILES, row_id)]
    return int(row_id), " ".join(folded_words("\n".join([*map(str, texts), *files])))


def words_condition(question: str) -> tuple[str, list[object]]:
    """The condition of tickets that have all words of a question; of none where it has no word."""
    asked = asked_words(question)
    if not asked:
        return "1 = 0", []
    sql, values = tickets_with(database_proxy.obj, asked)
    return f"id IN ({sql})", values
