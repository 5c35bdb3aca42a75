"""Every outgoing mail is in one state, carries its own key, and what was rendered is whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from peewee import fn

from gateway.desk.audit.reading import Content, contents, pairs, portions
from gateway.desk.outgoing import KEYS_BY_NAME
from gateway.keys import Purpose, key_in_id, unseal
from gateway.policy.telling import Delay
from gateway.store.states import AuthorRole, MessageState, OutboxState
from gateway.store.tables import Event, Message, Outbox, OutboxPart, Ticket, UsedLink
from gateway.ticket import Role, Visibility

_BY_HAND = "sent from the desk's mailbox"


def outgoing_mails(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """Check every row of the outbox, then that nobody was told twice or not at all."""
    refused = {event.detail.get("outbox") for event in Event.select(Event.detail).where(Event.kind == "refused")}
    for rows in portions(Outbox):
        numbers = pairs(Ticket.select(Ticket.id, Ticket.number).where(Ticket.id << [row.ticket_id for row in rows]))
        found = contents(OutboxPart, OutboxPart.outbox, rows)
        for row in rows:
            yield from _state(row, refused)
            yield from _key(row, numbers.get(row.ticket_id, 0), secrets)
            yield from _rendered(row, found.get(row.id, Content()))
    yield from _taken_back()
    yield from _used_links()
    yield from _acknowledged_twice()
    yield from _answers_not_sent()


def _state(row: Any, refused: set[object]) -> Iterator[str]:
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


def _roles_of(row: Any) -> tuple[Role, ...]:
    """As whom somebody may answer a mail: a manager who is no agent reads what agents read, and writes along."""
    return (Role.AGENT, Role.WATCHER) if row.role == Role.AGENT else (Role(row.role),)


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
    if not row.part_count and not content.count:
        return
    digest = bytes(row.sha256 or b"")
    if (content.count, content.size_bytes, content.sha256) != (row.part_count, row.size_bytes, digest):
        yield f"outbox {row.id}: its bytes are not the ones that were rendered"
    elif not content.is_in_order:
        yield f"outbox {row.id}: a part of its bytes is missing"
    elif row.message_id.encode() not in content.head:
        yield f"outbox {row.id}: its bytes are those of a mail with another Message-ID"


def _taken_back() -> Iterator[str]:
    """What an agent took back before it left has not left."""
    for event in Event.select(Event.detail).where(Event.kind == "undone"):
        cancelled = event.detail.get("cancelled", [])
        for number, state in pairs(Outbox.select(Outbox.id, Outbox.state).where(Outbox.id.in_(cancelled))).items():
            if state != OutboxState.CANCELLED:
                yield f"outbox {number} was taken back before it was sent, but is {state}"


def _used_links() -> Iterator[str]:
    """Every link that was used is remembered as used, and none else: each works once."""
    told = [event.detail for event in Event.select(Event.detail).where(Event.kind == "link-used")]
    by_history = {(int(detail["outbox"]), int(detail["number"])) for detail in told}
    query: Any = UsedLink.select(UsedLink.outbox, UsedLink.number)
    kept: set[tuple[int, int]] = set(query.tuples())
    for number, link in sorted(by_history - kept):
        yield f"outbox {number}: its link {link} was used, but could be used again"
    for number, link in sorted(kept - by_history):
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
