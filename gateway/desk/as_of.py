"""A ticket as it stood at an earlier moment: the row of today, and what the history says of every change since."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from gateway.desk.people import as_person
from gateway.store.rows import find, find_values
from gateway.store.tables import Contact
from gateway.ticket import COLUMNS, ENDED, FINDINGS, Authority, Field, HoldReason, Priority, Status, TicketType
from gateway.triage.facts import TicketFacts

# More changes after one moment no ticket has had; and the first of each kind is all that is asked for.
_MOST_CHANGES = 1000
_CHANGES = f"""SELECT event.kind, event.detail FROM event JOIN ticket ON ticket.id = event.ticket_id
    WHERE ticket.number = ? AND event.at >= ? AND event.kind IN ('field', 'status', 'requester')
    ORDER BY event.id LIMIT {_MOST_CHANGES}"""  # noqa: S608
_MOVED = """SELECT event.actor FROM event JOIN ticket ON ticket.id = event.ticket_id
    WHERE ticket.number = ? AND event.at < ? AND event.kind = 'status' ORDER BY event.id DESC LIMIT 1"""
_READ = {Field.TYPE.value: TicketType, Field.PRIORITY.value: Priority}


def as_of(ticket: TicketFacts, moment: datetime) -> TicketFacts:
    """Take back fields, status and requester as they were right before a moment; the rest is as it is today."""
    fields: dict[str, Sequence[str]] = {}
    standing: Sequence[str] = ()
    requester: int | None = None
    for kind, detail in find_values(_CHANGES, ticket.number, moment):
        found = json.loads(detail)
        if kind == "field":
            fields.setdefault(found["field"], found["before"])
        elif kind == "status":
            standing = standing or found["before"]
        elif requester is None:
            requester = found["before"]
    there = _with_requester(_with_standing(_with_fields(ticket, fields), standing), requester)
    return replace(there, cancelled_by=_cancelled_by(there, moment) if there.status is Status.CANCELLED else "")


def _cancelled_by(ticket: TicketFacts, moment: datetime) -> str:
    """Who had moved the ticket last before a moment."""
    found = find_values(_MOVED, ticket.number, moment)
    return str(found[0][0]) if found else ""


def _with_fields(ticket: TicketFacts, fields: Mapping[str, Sequence[str]]) -> TicketFacts:
    values: dict[str, Any] = {}
    named, authority = dict(ticket.named), dict(ticket.authority)
    tags = [*ticket.tags]
    for key, (text, who, *_) in fields.items():
        of_field, _, name = key.partition(".")
        if of_field in (*COLUMNS, *FINDINGS):
            values[of_field] = _READ.get(of_field, str)(text)
        elif of_field == Field.NAMED:
            named[name] = text
        else:
            tags = [tag for tag in tags if tag != name] + ([name] if text else [])
        authority.pop(key, None)
        if who:
            authority[key] = Authority(who)
    if not fields:
        return ticket
    kept = tuple(sorted((name, text) for name, text in named.items() if text))
    return replace(ticket, **values, named=kept, tags=tuple(tags), authority=tuple(sorted(authority.items())))


def _with_standing(ticket: TicketFacts, standing: Sequence[str]) -> TicketFacts:
    if not standing:
        return ticket
    status, hold, until = Status(standing[0]), standing[1], standing[2]
    return replace(
        ticket,
        status=status,
        hold_reason=HoldReason(hold) if hold else None,
        hold_until=datetime.fromisoformat(until) if until else None,
        closed_at=ticket.closed_at if status in ENDED else None,
    )


def _with_requester(ticket: TicketFacts, requester: int | None) -> TicketFacts:
    row = find(Contact, "id = ?", requester) if requester is not None else None
    return replace(ticket, requester=as_person(row)) if row is not None else ticket
