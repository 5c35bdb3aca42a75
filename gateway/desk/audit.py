"""The proof of DESIGN's first two promises: nothing is lost, nothing happens twice. Reads only; names what breaks them.

Each check is one function that yields findings; `CHECKS` is the list. A check reads rows, not code: it finds what a
bug, a
crash, a bad disk or a hand in the database has done.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from peewee import JOIN, fn

from gateway.keys import Purpose, key_in_id, unseal
from gateway.store.states import AuthorRole, LedgerState, OutboxState, Outcome
from gateway.store.tables import (
    AttachmentRow,
    Dedupe,
    Event,
    Ledger,
    Message,
    Outbox,
    OutboxPart,
    RawMailPart,
    ThreadReference,
    Ticket,
)

_WITH_TICKET = (Outcome.OPENED, Outcome.APPENDED, Outcome.HELD)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was checked (what → how many) and every finding, as a sentence that names the row."""

    checked: Mapping[str, int]
    findings: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not self.findings


def audit_all(secrets: Mapping[int, bytes]) -> Report:
    """Run every check over the whole database."""
    checked = {
        "accepted mails": Ledger.select().count(),
        "tickets": Ticket.select().count(),
        "messages": Message.select().count(),
        "outgoing mails": Outbox.select().count(),
    }
    findings = [finding for check in CHECKS for finding in check(secrets)]
    return Report(checked=checked, findings=findings)


def _raw_mails(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """Every accepted mail has its bytes, whole: count of parts, size and SHA-256 agree with the ledger."""
    for row in Ledger.select().order_by(Ledger.id).iterator():
        if row.outcome in (Outcome.DUPLICATE, Outcome.DELETED):
            if RawMailPart.select().where(RawMailPart.ledger == row).exists():
                yield f"ledger {row.id} is a {row.outcome} one but has bytes"
            continue
        size, count, digest = 0, 0, hashlib.sha256()
        parts = RawMailPart.select().where(RawMailPart.ledger == row.id).order_by(RawMailPart.sequence)
        for number, part in enumerate(parts.iterator()):
            if part.sequence != number:
                yield f"ledger {row.id}: part {number} of the raw mail is missing"
            count += 1
            size += len(part.content)
            digest.update(part.content)
        if count != row.part_count:
            yield f"ledger {row.id}: {count} parts of the raw mail instead of {row.part_count}"
        elif size != row.size_bytes or digest.digest() != bytes(row.sha256):
            yield f"ledger {row.id}: the raw mail is not the one that was accepted ({size} of {row.size_bytes} bytes)"


def _orphans(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """Nothing belongs to a row that is gone."""
    pairs: tuple[tuple[Any, Any, Any, str, str], ...] = (
        (RawMailPart, RawMailPart.ledger, Ledger, "a part of a raw mail", "ledger row"),
        (OutboxPart, OutboxPart.outbox, Outbox, "a part of an outgoing mail", "outbox row"),
        (Dedupe, Dedupe.ledger, Ledger, "a dedupe key", "ledger row"),
        (Message, Message.ticket, Ticket, "a message", "ticket"),
        (AttachmentRow, AttachmentRow.message, Message, "an attachment", "message"),
        (ThreadReference, ThreadReference.ticket, Ticket, "a thread reference", "ticket"),
        (Ledger, Ledger.ticket, Ticket, "a ledger row", "ticket"),
        (Ledger, Ledger.duplicate_of, Ledger.alias(), "a duplicate", "first ledger row"),
        (Outbox, Outbox.ticket, Ticket, "an outgoing mail", "ticket"),
        (Outbox, Outbox.about, Message, "an outgoing mail", "message"),
        (Message, Message.ledger, Ledger, "a message", "ledger row"),
    )
    for table, key, parent, child_words, parent_words in pairs:
        query = (
            table.select(key)
            .join(parent, JOIN.LEFT_OUTER, on=(key == parent.id))
            .where(key.is_null(False) & parent.id.is_null())
            .distinct()
            .tuples()
        )
        for (missing,) in query:
            yield f"{child_words} belongs to {parent_words} {missing}, which is not there"


def _outcomes(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """Every mail that is done has exactly one outcome, and what the outcome says is there."""
    opened: Counter[int] = Counter()
    for row in Ledger.select().where(Ledger.state == LedgerState.DONE).order_by(Ledger.id).iterator():
        if row.outcome == Outcome.NONE:
            yield f"ledger {row.id} is done without an outcome"
        if row.outcome in _WITH_TICKET and row.ticket_id is None:
            yield f"ledger {row.id} is {row.outcome} but names no ticket"
        if row.outcome in _WITH_TICKET and not Message.select().where(Message.ledger == row.id).exists():
            yield f"ledger {row.id} is {row.outcome} but left no message on a ticket"
        if row.outcome == Outcome.OPENED and row.ticket_id is not None:
            opened[row.ticket_id] += 1
        if row.outcome not in (Outcome.DUPLICATE, Outcome.DELETED) and row.decision is None:
            yield f"ledger {row.id} is {row.outcome} without a decision"
    for row in Ledger.select().where(Ledger.state != LedgerState.DONE).order_by(Ledger.id).iterator():
        if row.outcome != Outcome.NONE:
            yield f"ledger {row.id} is {row.state} but has the outcome {row.outcome}"
        if row.state == LedgerState.QUARANTINED and not row.reason_code:
            yield f"ledger {row.id} is in quarantine without a reason"
        if row.state != LedgerState.DONE and Message.select().where(Message.ledger == row.id).exists():
            yield f"ledger {row.id} is {row.state} but has left a message on a ticket"
    for ticket_id, count in opened.items():
        if count > 1:
            yield f"ticket row {ticket_id} was opened by {count} mails"


def _tickets(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """Every ticket was opened by one mail, has a message, a history and a place in the life cycle."""
    for ticket in Ticket.select().order_by(Ticket.number).iterator():
        if not Message.select().where(Message.ticket == ticket.id).exists():
            yield f"ticket {ticket.number} has no message"
        events = Event.select(fn.COUNT(Event.id)).where((Event.ticket == ticket.id) & (Event.kind == "opened")).scalar()
        if events != 1:
            yield f"ticket {ticket.number} was opened {events} times by its history"
        last = (
            Event.select()
            .where((Event.ticket == ticket.id) & (Event.kind == "status"))
            .order_by(Event.id.desc())
            .first()
        )
        expected = last.detail.get("after") if last is not None else "new"
        if ticket.merged_into_id is None and ticket.status != expected:
            yield f"ticket {ticket.number} is {ticket.status}, but its history says {expected}"
        if not Ledger.select().where((Ledger.ticket == ticket.id) & (Ledger.outcome == Outcome.OPENED)).exists():
            yield f"ticket {ticket.number} was opened by no mail of the ledger"


def _messages(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """No mail is on a ticket twice, and every message is told of in the history."""
    twice = (
        Message.select(Message.ledger, Message.visibility, fn.COUNT(Message.id).alias("count"))
        .where(Message.ledger.is_null(False))
        .group_by(Message.ledger, Message.visibility, Message.text)
        .having(fn.COUNT(Message.id) > 1)
    )
    for row in cast(list[dict[str, Any]], twice.dicts()):
        yield f"ledger {row['ledger']} stands {row['count']} times on its ticket"
    told = {
        event.detail.get("message")
        for event in Event.select(Event.detail).where(Event.kind.in_(["message", "note", "held"])).iterator()
    }
    for message in Message.select(Message.id).order_by(Message.id).iterator():
        if message.id not in told:
            yield f"message {message.id} is in no history"
    known = {message.id for message in Message.select(Message.id).iterator()}
    for gone in sorted(one for one in told if one is not None and one not in known):
        yield f"message {gone} is in the history but not there"


def _dedupe(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """What was accepted can't be accepted as new once more: each first mail has its dedupe key."""
    for row in Ledger.select().where(Ledger.outcome != Outcome.DUPLICATE).order_by(Ledger.id).iterator():
        key = Dedupe.get_or_none(Dedupe.digest == row.digest)
        if key is None:
            yield f"ledger {row.id} has no dedupe key: the same mail would be taken for a new one"
    for row in Ledger.select().where(Ledger.outcome == Outcome.DUPLICATE).order_by(Ledger.id).iterator():
        first = Ledger.get_or_none(Ledger.id == row.duplicate_of_id)
        if first is not None and bytes(first.digest) != bytes(row.digest):
            yield f"ledger {row.id} counts as a duplicate of {first.id}, but says something else"


def _outbox(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """Every outgoing mail is in one state, what was rendered is whole, and one cause made one mail."""
    acknowledged: Counter[int] = Counter()
    for row in Outbox.select().order_by(Outbox.id).iterator():
        if row.notice == "acknowledgement" and row.ticket_id is not None:
            acknowledged[row.ticket_id] += 1
        if row.state == OutboxState.SENT and (row.part_count == 0 or row.sent_at is None):
            yield f"outbox {row.id} is sent, but its bytes or its time are not there"
        if row.state == OutboxState.MERGED and row.merged_into_id is None:
            yield f"outbox {row.id} is merged into nothing"
        sealed = key_in_id(row.message_id)
        key = unseal(sealed, purpose=Purpose.REPLY, secrets=secrets) if sealed else None
        if sealed and (key is None or key.person != row.recipient_id):
            yield f"outbox {row.id}: its Message-ID carries the key of somebody else"
        if row.part_count:
            yield from _rendered(row)
    for ticket_id, count in acknowledged.items():
        if count > 1:
            yield f"ticket row {ticket_id} was acknowledged {count} times"
    twice = (
        Outbox.select(Outbox.message_id, fn.COUNT(Outbox.id))
        .group_by(Outbox.message_id)
        .having(fn.COUNT(Outbox.id) > 1)
        .tuples()
    )
    for message_id, count in cast(list[tuple[str, int]], twice):
        yield f"{count} outgoing mails have the Message-ID {message_id}"


def _rendered(row: Outbox) -> Iterator[str]:
    digest, size, count = hashlib.sha256(), 0, 0
    for part in OutboxPart.select().where(OutboxPart.outbox == row.id).order_by(OutboxPart.sequence).iterator():
        digest.update(part.content)
        size += len(part.content)
        count += 1
    if count != row.part_count or size != row.size_bytes or digest.digest() != bytes(row.sha256 or b""):
        yield f"outbox {row.id}: its bytes are not the ones that were rendered"


def _acknowledgements(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """What a decision said would be sent is in the outbox."""
    for row in Ledger.select().where(Ledger.outcome == Outcome.OPENED).order_by(Ledger.id).iterator():
        promised = bool((row.decision or {}).get("acknowledged"))
        query = Outbox.select().where((Outbox.ticket == row.ticket_id) & (Outbox.notice == "acknowledgement"))
        if promised and row.ticket_id is not None and not query.exists():
            yield f"ledger {row.id} was to be acknowledged, but no acknowledgement is in the outbox"
    answers = Message.select().where(
        (Message.author_role == AuthorRole.AGENT) & (Message.visibility == "public") & (Message.state == "posted")
    )
    for message in answers.iterator():
        sent_by_hand = "sent from the desk's mailbox" in message.marks
        if not sent_by_hand and not Outbox.select().where(Outbox.about == message.id).exists():
            yield f"message {message.id} is an agent's answer, but no mail of it is in the outbox"


CHECKS: tuple[Callable[[Mapping[int, bytes]], Iterator[str]], ...] = (
    _raw_mails,
    _orphans,
    _outcomes,
    _tickets,
    _messages,
    _dedupe,
    _outbox,
    _acknowledgements,
)
