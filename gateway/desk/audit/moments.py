"""When it was: the times that rows keep are times of the history, or of the mail that they tell of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.store.states import AuthorRole, MessageState
from gateway.store.tables import Ledger, Message, Ticket
from gateway.ticket import Visibility

# Answers that came back, or were taken back, have never been given.
_TAKEN_BACK = frozenset({"refused", "undone"})


def moments(ticket: Ticket, events: Sequence[Any], openers: Sequence[Any], messages: Sequence[Any]) -> Iterator[str]:
    """Something happened on a ticket at each of its times, and it came with the mail that opened it."""
    happened = {event.at for event in events}
    for name in ("updated_at", "first_answer_at", "resolved_at", "closed_at", "muted_at"):
        moment = getattr(ticket, name)
        if moment is not None and moment not in happened:
            yield f"nothing happened on it at {moment.isoformat()}, its {name}"
    if {event.at for event in events if event.kind == "opened"} != {ticket.opened_at}:
        yield f"it was opened at {ticket.opened_at.isoformat()}, but not by its history"
    arrived = {arrived_at(row.envelope, ticket.opened_at) for row in openers}
    if openers and ticket.arrived_at is not None and ticket.arrived_at not in arrived:
        yield f"it came at {ticket.arrived_at.isoformat()}, but its mail did not"
    came_back = any(event.kind in _TAKEN_BACK or event.kind.startswith("bounce") for event in events)
    if ticket.first_answer_at is None and not came_back:
        answers = [one.id for one in messages if _is_answer(one) and one.at != ticket.opened_at]
        yield from (f"message {answer} answered it, but it counts as not answered" for answer in answers[:1])


def arrived_at(envelope: Mapping[str, Any], at: datetime) -> datetime:
    """When a mail had arrived that was carried out at `at`, as `triage.restraint` has it."""
    return min(at, datetime.fromisoformat(envelope.get("internal_date") or envelope["received_at"]))


def _is_answer(message: Any) -> bool:
    said = (message.author_role, message.visibility, message.state)
    return said == (AuthorRole.AGENT, Visibility.PUBLIC, MessageState.POSTED)


def late_messages(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """What was put on its ticket long after it had come did come then."""
    query: Any = Message.select(Message.id, Message.at, Message.arrived_at, Ledger.envelope).join(Ledger)
    for row in query.where(Message.arrived_at.is_null(False)).order_by(Message.id).iterator():
        if row.arrived_at != arrived_at(row.ledger.envelope, row.at):
            yield f"message {row.id} came at {row.arrived_at.isoformat()}, but its mail did not"
