"""Every mail that we said yes to: its bytes are whole, it has one outcome, and what was decided was done."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from peewee import fn

from gateway.desk.audit.reading import Content, contents, grouped, pairs, portions, span
from gateway.desk.ledger import HEARTBEAT, OUTCOMES
from gateway.phrase import counted
from gateway.store.states import LedgerState, Outcome
from gateway.store.tables import Contact, Dedupe, Event, Ledger, Message, Outbox, RawMailPart, Ticket
from gateway.triage.decision import Action

_WITHOUT_BYTES = (Outcome.DUPLICATE, Outcome.DELETED)
_WITH_MESSAGE = (Outcome.OPENED, Outcome.APPENDED, Outcome.HELD)


def raw_mails(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """Every accepted mail has its bytes, whole: count of parts, size and SHA-256 agree with the ledger."""
    columns = (Ledger.id, Ledger.outcome, Ledger.part_count, Ledger.size_bytes, Ledger.sha256)
    for rows in portions(Ledger, *columns):
        found = contents(RawMailPart, RawMailPart.ledger, rows)
        for row in rows:
            content = found.get(row.id, Content())
            if row.outcome in _WITHOUT_BYTES:
                if content.count or row.part_count:
                    yield f"ledger {row.id} is a {row.outcome} one but has bytes"
            elif content.count == row.part_count and not content.is_in_order:
                yield f"ledger {row.id}: the parts of the raw mail are not numbered in order"
            elif content.count != row.part_count:
                yield f"ledger {row.id}: {counted(content.count, 'part')} of the raw mail instead of {row.part_count}"
            elif content.size_bytes != row.size_bytes or content.sha256 != bytes(row.sha256):
                sizes = f"{content.size_bytes} of {row.size_bytes} bytes"
                yield f"ledger {row.id}: the raw mail is not the one that was accepted ({sizes})"


def outcomes(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """Every mail has exactly one outcome, and it is that of its decision."""
    opened: Counter[int] = Counter()
    for rows in portions(Ledger):
        messages = grouped(
            Message.select(Message.ledger, Message.ticket).where(span(Message.ledger, rows)), "ledger_id"
        )
        by_people = span(Event.ledger, rows) & Event.ticket.is_null()
        asked = grouped(Event.select(Event.ledger, Event.kind).where(by_people), "ledger_id")
        for row in rows:
            yield from _outcome(row, messages[row.id], Counter(event.kind for event in asked[row.id]))
            if row.outcome == Outcome.OPENED and row.ticket_id is not None:
                opened[row.ticket_id] += 1
    for ticket_id, count in opened.items():
        if count > 1:
            yield f"ticket row {ticket_id} was opened by {count} mails"


def _outcome(row: Any, messages: list[Any], asked: Counter[str]) -> Iterator[str]:
    name, decision = f"ledger {row.id}", row.decision or {}
    if row.outcome in _WITH_MESSAGE and row.ticket_id is None:
        yield f"{name} is {row.outcome} but names no ticket"
    if row.outcome in _WITH_MESSAGE and not messages:
        yield f"{name} is {row.outcome} but left no message on a ticket"
    if row.outcome not in (*_WITH_MESSAGE, Outcome.COMMANDED) and messages:
        yield f"{name} is {row.outcome or row.state} but has left a message on a ticket"
    if row.outcome != Outcome.COMMANDED and any(message.ticket_id != row.ticket_id for message in messages):
        yield f"{name} came to ticket row {row.ticket_id}, but its message is on another ticket"
    if row.state == LedgerState.DONE and row.outcome not in _WITHOUT_BYTES and not _is_of(row.outcome, decision):
        yield f"{name} is {row.outcome}, but what was decided is {decision.get('action', 'nothing')}"
    if row.outcome == Outcome.DUPLICATE and row.ticket_id is not None:
        yield f"{name} is a duplicate, but names ticket row {row.ticket_id}"
    if missing := {"received_at", "transport"} - row.envelope.keys():
        yield f"{name}: its envelope has no {sorted(missing)[0]}"
    if row.transport != row.envelope.get("transport"):
        yield f"{name} came by {row.transport}, by its envelope by {row.envelope.get('transport')}"
    if row.reason_code not in ("", HEARTBEAT) and row.state == LedgerState.DONE and row.outcome not in _WITHOUT_BYTES:
        yield f"{name} is {row.outcome}, but was kept in quarantine: {row.reason_code}"
    if row.state == LedgerState.QUARANTINED and (not row.reason_code or decision.get("action") != Action.QUARANTINE):
        yield f"{name} is in quarantine without a decision that says so"
    for kind, times in (
        ("deleted", row.outcome == Outcome.DELETED),
        ("released", bool(row.envelope.get("released"))),
        ("confirmed", bool(row.envelope.get("confirmed_by"))),
    ):
        if asked[kind] != times:
            yield f"{name} was {kind} {counted(int(times), 'time')}, by its history {counted(asked[kind], 'time')}"


def _is_of(outcome: str, decision: Mapping[str, Any]) -> bool:
    return any(action == decision.get("action") and of == outcome for action, of in OUTCOMES.items())


def decisions_done(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """What a decision said would be sent is in the outbox, what it said would be written down is in the history."""
    columns = (Ledger.id, Ledger.state, Ledger.outcome, Ledger.decision, Ledger.ticket, Ledger.decided_at)
    for rows in portions(Ledger, *columns):
        numbers = pairs(Ticket.select(Ticket.id, Ticket.number).where(Ticket.id << [row.ticket_id for row in rows]))
        events = Event.select(Event.ledger, Event.kind, Event.at).where(span(Event.ledger, rows))
        told = grouped(events, "ledger_id")
        expected = _expected_mails(rows)
        found = pairs(Outbox.select(Outbox.dedupe_key, Outbox.notice).where(Outbox.dedupe_key << list(expected)))
        yield from (sentence for key, (notice, sentence) in expected.items() if found.get(key) != notice)
        for row in rows:
            decision = row.decision or {}
            decided = row.state in (LedgerState.DONE, LedgerState.QUARANTINED)
            if decided and decision and decision.get("ticket") != numbers.get(row.ticket_id):
                where = f"ticket {decision.get('ticket')}, not on {numbers.get(row.ticket_id)}"
                yield f"ledger {row.id} was decided on {where}"
            if row.outcome in _WITH_MESSAGE and row.decided_at not in [event.at for event in told[row.id]]:
                yield f"ledger {row.id} was decided at {row.decided_at}, but nothing happened then"
            kinds = Counter(event.kind for event in told[row.id])
            for kind, count in Counter(decision.get("records", [])).items():
                if kinds[kind] != count:
                    yield f"ledger {row.id}: {counted(kinds[kind], 'event')} {kind!r} in the history instead of {count}"


def _expected_mails(rows: list[Any]) -> dict[str, tuple[str, str]]:
    """The dedupe key of every mail that these decisions cause → its notice, and what to say when it is not there."""
    notices = [
        (row.id, number, name, address)
        for row in rows
        for number, (name, address) in enumerate((row.decision or {}).get("notices", []), 1)
        if not address.endswith(".invalid")
    ]
    wanted = {address.lower() for _, _, _, address in notices}
    ids = pairs(Contact.select(Contact.address, Contact.id).where(Contact.address << list(wanted)))
    return {
        dedupe_key(f"ledger/{ledger}/{number}", name, ids.get(address.lower())): (
            name,
            f"ledger {ledger}: the mail {name!r} to {address} that was decided is not in the outbox",
        )
        for ledger, number, name, address in notices
    }


def dedupe_key(cause: str, notice: str, contact_id: int | None) -> str:
    """The key that keeps one cause from making a mail twice, as `desk.outgoing` writes it."""
    return hashlib.sha256(f"{cause}/{notice}/{contact_id}".encode()).hexdigest()


def dedupe_keys(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """What was accepted can't be accepted as new once more, and a duplicate is one."""
    columns = (Ledger.id, Ledger.outcome, Ledger.digest, Ledger.duplicate_of)
    for rows in portions(Ledger, *columns):
        query: Any = Dedupe.select().where(Dedupe.digest << [row.digest for row in rows])
        keys = {bytes(key.digest): key for key in query}
        originals = Ledger.select(*columns).where(Ledger.id << [row.duplicate_of_id for row in rows])
        firsts = {row.id: row for row in originals}
        for row in rows:
            key, first = keys.get(bytes(row.digest)), firsts.get(row.duplicate_of_id)
            if key is None:
                yield f"ledger {row.id} has no dedupe key: the same mail would be taken for a new one"
            elif row.outcome != Outcome.DUPLICATE and key.ledger_id < row.id:
                yield f"ledger {row.id}: the dedupe key of its words belongs to ledger {key.ledger_id}"
            if first is not None and bytes(first.digest) != bytes(row.digest):
                yield f"ledger {row.id} counts as a duplicate of {first.id}, but says something else"
        owned: Any = Dedupe.select(Dedupe, Ledger.id, Ledger.digest, Ledger.received_at, Ledger.outcome).join(Ledger)
        of_these = list(owned.where(span(Dedupe.ledger, rows)))
        copies = _copies([key.digest for key in of_these])
        for key in of_these:
            there = copies.get(bytes(key.digest), 0)
            if there != key.copies:
                yield f"ledger {key.ledger_id}: of its copies {there} are in the ledger instead of {key.copies}"
            if key.ledger.outcome == Outcome.DUPLICATE:
                yield f"ledger {key.ledger_id} is a duplicate, but its words count as new with it"
            if bytes(key.digest) != bytes(key.ledger.digest) or key.received_at != key.ledger.received_at:
                yield f"ledger {key.ledger_id} has a dedupe key that is not of its words or its time"


def _copies(digests: list[bytes]) -> dict[bytes, int]:
    """How many duplicates of these words the ledger has."""
    copies: Any = Ledger.select(Ledger.digest, fn.COUNT(Ledger.id))
    copies = copies.where((Ledger.digest << digests) & (Ledger.outcome == Outcome.DUPLICATE)).group_by(Ledger.digest)
    return {bytes(digest): count for digest, count in copies.tuples()}
