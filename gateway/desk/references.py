"""Which Message-ID was seen on which ticket: what threading looks ids up in."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from gateway.store.rows import insert_if_new
from gateway.store.tables import ThreadReference, Ticket


def reference_digest(an_id: str) -> bytes:
    """The index key of a Message-ID; the id itself may be longer than an index entry."""
    return hashlib.sha256(an_id.strip().encode("utf-8", "surrogatepass")).digest()[:16]


def remember_reference(ticket: Ticket, an_id: str, *, named: list[str], now: datetime, outbox: Any = None) -> None:
    """Note that `an_id` belongs to the ticket; `named` are the addresses of the mail that it was seen in."""
    insert_if_new(
        ThreadReference,
        digest=reference_digest(an_id),
        ticket=ticket,
        message_id=an_id,
        named=named,
        outbox=outbox,
        at=now,
    )
