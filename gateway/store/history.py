"""Write the history: each event with a fingerprint of itself, by which the audit sees what was altered later.

A short digest is enough: it guards against accidents, and whoever can write rows can write fingerprints.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.store.fields import EncodedJson, UtcDateTime, clean_text, encode_json
from gateway.store.rows import insert, insert_all
from gateway.store.tables import Event, Ticket

_MOMENT = UtcDateTime()


def write_events(rows: Sequence[Mapping[str, Any]]) -> None:
    """Append several events of tickets in one statement: each with at, kind, actor, text, detail and ticket (its row's
    id)."""
    insert_all(Event, [_event(**row) for row in rows])


def write_event(
    *,
    at: datetime,
    kind: str,
    actor: str,
    text: str,
    detail: object,
    ticket: Ticket | int | None = None,
    ledger: int | None = None,
    outbox: int | None = None,
) -> None:
    """Append one event, in the caller's transaction."""
    row = _event(at=at, kind=kind, actor=actor, text=text, detail=detail, ticket=ticket, ledger=ledger, outbox=outbox)
    insert(Event, **row)


def _event(
    *,
    at: datetime,
    kind: str,
    actor: str,
    text: str,
    detail: object,
    ticket: Ticket | int | None = None,
    ledger: int | None = None,
    outbox: int | None = None,
) -> dict[str, Any]:
    actor, text, encoded = clean_text(actor), clean_text(text), encode_json(detail)
    ticket_id: Any = ticket.id if isinstance(ticket, Ticket) else ticket
    return {
        "at": at,
        "kind": kind,
        "actor": actor,
        "ticket": ticket_id,
        "ledger": ledger,
        "outbox": outbox,
        "text": text,
        "detail": encoded,
        "fingerprint": _fingerprint(at, kind, actor, text, encoded, ticket_id, ledger, outbox),
    }


def fingerprint_of(row: Any) -> str:
    """What the fingerprint of a stored event has to be."""
    detail = encode_json(row.detail)
    return _fingerprint(row.at, row.kind, row.actor, row.text, detail, row.ticket_id, row.ledger_id, row.outbox_id)


def _fingerprint(at: datetime, kind: str, actor: str, text: str, detail: EncodedJson, *about: int | None) -> str:
    written = "\0".join((_MOMENT.db_value(at) or "", kind, actor, text, detail, *map(str, about)))
    return hashlib.sha256(written.encode()).hexdigest()[:32]
