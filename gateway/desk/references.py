"""Which Message-ID was seen on which ticket: what threading looks ids up in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from gateway.store.rows import insert_new
from gateway.store.tables import ThreadReference, Ticket


def reference_digest(an_id: str) -> bytes:
    """The index key of a Message-ID; the id itself may be longer than an index entry."""
    return hashlib.sha256(an_id.strip().encode("utf-8", "surrogatepass")).digest()[:16]


def remember_references(
    ticket: Ticket, ids: Iterable[str], *, named: list[str], now: datetime, outbox: int | None = None
) -> None:
    """Note that these ids belong to the ticket; `named` are the addresses of the mail that they were seen in."""
    common = {"ticket": ticket, "named": named, "outbox": outbox, "at": now}
    rows = [{"digest": reference_digest(an_id), "message_id": an_id, **common} for an_id in ids]
    insert_new(ThreadReference, rows)
