"""Every outgoing mail is in one state, carries its own key, and what was rendered is whole."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from peewee import chunked, fn

from gateway.desk.audit.reading import Content, contents, pairs, portions
from gateway.desk.calming import GIVEN_UP
from gateway.desk.outgoing import KEYS_BY_NAME
from gateway.keys import KEY_LENGTH, Purpose, key_in_id, plus_suffix, unseal
from gateway.policy.telling import Delay
from gateway.store.states import AuthorRole, MessageState, OutboxState
from gateway.store.tables import Event, Message, Outbox, OutboxPart, Ticket, UsedLink
from gateway.ticket import Role, Visibility
from gateway.triage.traffic import TO_PEOPLE

_AT_ONCE = 500
_BY_HAND = "sent from the desk's mailbox"


def outgoing_mails(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """Check every row of the outbox, then that nobody was told twice or not at all."""
    refused = _last_told(["refused"])
    came_back = refused | _last_told(["bounce-failed"])
    for rows in portions(Outbox):
        told = _told_of(rows)
        numbers = pairs(Ticket.select(Ticket.id, Ticket.number).where(Ticket.id << [row.ticket_id for row in rows]))
        found = contents(OutboxPart, OutboxPart.outbox, rows)
        for row in rows:
            yield from _state(row, refused.keys())
            yield from _came_back(row, came_back.get(row.id), is_refused=row.id in refused)
            yield from _about(row, told.get(row.about_id))
            yield from _way_back(row, secrets)
            yield from _key(row, numbers.get(row.ticket_id, 0), secrets)
            yield from _rendered(row, found.get(row.id, Content()))
    yield from _taken_back()
    yield from _used_links()
    yield from _acknowledged_twice()
    yield from _answers_not_sent()


def _last_told(kinds: list[str]) -> dict[int, datetime]:
    """Outgoing mails of which an event of these kinds tells → when the last one did."""
    events = Event.select(Event.detail, Event.at).where(Event.kind.in_(kinds)).order_by(Event.id)
    return {event.detail.get("outbox", 0): event.at for event in events}


def _told_of(rows: Sequence[Any]) -> dict[int, Any]:
    """The messages that these mails are about."""
    query = Message.select(Message.id, Message.visibility, Message.ticket)
    return {one.id: one for one in query.where(Message.id << [row.about_id for row in rows if row.about_id])}


def _came_back(row: Any, told_at: datetime | None, *, is_refused: bool) -> Iterator[str]:
    """What came back is marked as such. A refusal counts only where it says that there is nobody."""
    if row.bounced_at != told_at and not (is_refused and row.bounced_at is None):
        yield f"outbox {row.id} came back at {row.bounced_at or 'no time'}, by its history at {told_at or 'no time'}"


def _about(row: Any, message: Any) -> Iterator[str]:
    """It tells of a message of its own ticket, and nobody but agents of one that is internal."""
    if message is None:
        return
    if row.ticket_id is not None and row.ticket_id != message.ticket_id:
        yield f"outbox {row.id} tells of message {message.id}, which is of another ticket"
    if row.role != Role.AGENT and message.visibility != Visibility.PUBLIC:
        yield f"outbox {row.id} goes to somebody outside, but tells of message {message.id}, which is internal"


def _way_back(row: Any, secrets: Mapping[int, bytes]) -> Iterator[str]:
    """A delivery report to its envelope sender names this mail."""
    suffix = plus_suffix(row.reverse_path).rpartition("+")[2]
    if len(suffix) != KEY_LENGTH:
        return
    key = unseal(suffix, purpose=Purpose.BOUNCE, secrets=secrets)
    if key is None or (key.ticket, key.person) != (row.id, row.recipient_id):
        yield f"outbox {row.id}: a delivery report to {row.reverse_path} would not be known as its own"


def _state(row: Any, refused: Collection[int]) -> Iterator[str]:
    if row.state == OutboxState.SENT and (row.part_count == 0 or row.sent_at is None):
        yield f"outbox {row.id} is sent, but its bytes or its time are not there"
    if row.state != OutboxState.SENT and row.sent_at is not None:
        yield f"outbox {row.id} was sent at {row.sent_at:%Y-%m-%d %H:%M}, but is {row.state}"
    if (row.state == OutboxState.MERGED) != (row.merged_into_id is not None):
        yield f"outbox {row.id} is {row.state}, merged into {row.merged_into_id or 'nothing'}"
    waits = row.state == OutboxState.WAITING and row.hold_reason in tuple(Delay)
    if waits and row.not_before is None:
        yield f"outbox {row.id} waits ({row.hold_reason}), but not until some moment"
    if not waits and (row.state == OutboxState.HELD) != (row.hold_reason != ""):
        yield f"outbox {row.id} is {row.state}, held because of {row.hold_reason or 'nothing'}"
    if row.state == OutboxState.FAILED and row.id not in refused:
        yield f"outbox {row.id} was refused, but nobody was told"


def _roles_of(row: Any) -> tuple[str, ...]:
    """As whom somebody may answer a mail: a manager who is no agent reads what agents read, and writes along."""
    may_be_manager = row.role == Role.AGENT and row.notice not in (*TO_PEOPLE, "answer", "resolution")
    return (Role.AGENT, Role.WATCHER) if may_be_manager else (row.role,)


def _key(row: Any, number: int, secrets: Mapping[int, bytes]) -> Iterator[str]:
    """The Message-ID carries the reply key of its person, ticket and role; a bundle's carries none."""
    sealed = key_in_id(row.message_id)
    if not sealed and row.ticket_id is None:
        return
    purpose = Purpose.REPLY
    for name, of_that in KEYS_BY_NAME.items():
        if isinstance(row.context.get(name), int):
            number, purpose = row.context[name], of_that
            break
    key = unseal(sealed, purpose=purpose, secrets=secrets)
    if key is None:
        yield f"outbox {row.id}: no secret of ours has sealed the key in its Message-ID"
    elif (key.person, key.ticket) != (row.recipient_id, number) or key.role not in _roles_of(row):
        yield f"outbox {row.id}: its Message-ID carries the key of another person, ticket or role"


def _rendered(row: Any, content: Content) -> Iterator[str]:
    if not (row.part_count or row.size_bytes or content.count) and row.sha256 is None:
        return
    digest = bytes(row.sha256 or b"")
    if (content.count, content.size_bytes, content.sha256) != (row.part_count, row.size_bytes, digest):
        yield f"outbox {row.id}: its bytes are not the ones that were rendered"
    elif not content.is_in_order:
        yield f"outbox {row.id}: a part of its bytes is missing"
    elif row.message_id.encode() not in content.head:
        yield f"outbox {row.id}: its bytes are those of a mail with another Message-ID"


def _taken_back() -> Iterator[str]:
    """What an agent took back before it left has not left, and nothing else was given up but what grew too old."""
    told: set[int] = set()
    for event in Event.select(Event.detail).where(Event.kind.in_(["undone", GIVEN_UP])).order_by(Event.id):
        told.update(event.detail.get("cancelled", []))
        told.difference_update(event.detail.get("restored", []))
    for portion in chunked(sorted(told), _AT_ONCE):
        for number, state in pairs(Outbox.select(Outbox.id, Outbox.state).where(Outbox.id.in_(portion))).items():
            if state != OutboxState.CANCELLED:
                yield f"outbox {number} was taken back before it was sent, but is {state}"
    never: Any = Outbox.select(Outbox.id).where(Outbox.state == OutboxState.CANCELLED).order_by(Outbox.id)
    for (number,) in never.tuples():
        if number not in told:
            yield f"outbox {number} will never be sent, but no event says so"


def _used_links() -> Iterator[str]:
    """Every link that was used is remembered as used, and none else: each works once."""
    told = Event.select(Event.detail, Event.at).where(Event.kind == "link-used")
    by_history = {(int(one.detail["outbox"]), int(one.detail["number"]), one.at) for one in told}
    query: Any = UsedLink.select(UsedLink.outbox, UsedLink.number, UsedLink.used_at)
    kept: set[tuple[int, int, datetime]] = set(query.tuples())
    for number, link, _ in sorted(by_history - kept):
        yield f"outbox {number}: its link {link} was used, but could be used again"
    for number, link, _ in sorted(kept - by_history):
        yield f"outbox {number}: its link {link} counts as used, but by no event"


def _acknowledged_twice() -> Iterator[str]:
    count = fn.COUNT(Outbox.id)
    query = Outbox.select(Outbox.ticket, count).where(Outbox.notice == "acknowledgement").group_by(Outbox.ticket)
    for ticket_id, times in pairs(query.having(count > 1)).items():
        yield f"ticket row {ticket_id} was acknowledged {times} times"


def _answers_not_sent() -> Iterator[str]:
    answers = Message.select(Message.id, Message.marks).where(
        (Message.author_role == AuthorRole.AGENT)
        & (Message.visibility == Visibility.PUBLIC)
        & (Message.state == MessageState.POSTED)
        & Message.id.not_in(Outbox.select(Outbox.about).where(Outbox.about.is_null(False)))
    )
    for message in answers:
        if _BY_HAND not in message.marks:
            yield f"message {message.id} is an agent's answer, but no mail of it is in the outbox"
