"""`#undo` and the tables: what an agent's last mail on a ticket did, and how it is taken back.

Both happen in the transaction of the mail that says `#undo`. The outgoing mails in question are locked as they are
read: a delivery that has one has it, and the answer says so; one that has not can't get it before we are done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from gateway.desk import fingerprints
from gateway.desk.clocks import take_back_answer, turn_clocks
from gateway.desk.ticket_fields import put, value_of
from gateway.policy import Agent, Policy
from gateway.store.database import is_sqlite
from gateway.store.rows import find, find_all, find_values, update
from gateway.store.states import MessageState, OutboxState
from gateway.store.tables import Contact, Event, Message, Outbox, Ticket, TicketWatcher, database_proxy
from gateway.ticket import Authority, Field, FieldValue, Role, Status, is_reopening
from gateway.triage.decision import TakeBackAnswer
from gateway.triage.facts import TicketFacts
from gateway.triage.grammar import command_lines
from gateway.triage.undoable import Caused, FieldChanged, Moved, TakeBack, Undoable, WatcherAdded, Written
from gateway.triage.undoing import FIXED, OPENED, UNDO

UNDONE = "undone"
_DONE = ("message", "note", "released", "field", "status", "watcher", *FIXED)
_ENDED = (Status.CLOSED, Status.CANCELLED)


def undoable_on(
    text: str, agent: Agent | None, tickets: Iterable[TicketFacts], policy: Policy, *, now: datetime
) -> dict[int, Undoable]:
    """What the agent's last mail did on each of these tickets, where the mail's text has a line `#undo`."""
    if agent is None or UNDO not in text.lower() or not any(line.name == UNDO for line in command_lines(text)):
        return {}
    found = {ticket.number: _last_of(ticket.number, agent, policy, now=now) for ticket in tickets}
    return {number: undoable for number, undoable in found.items() if undoable is not None}


def _last_of(number: int, agent: Agent, policy: Policy, *, now: datetime) -> Undoable | None:
    ticket = find(Ticket, "number = ?", number)
    if ticket is None:
        return None
    since = now - timedelta(minutes=policy.desk.undo_minutes)
    events = find_all(Event, "ticket_id = ? AND at >= ?", ticket.id, since, order="id")
    undone = {event.detail.get("undoes") for event in events if event.kind == UNDONE}
    undone |= {event.ledger_id for event in events if event.kind == UNDONE}
    own = [one for one in events if one.actor == agent.address and one.ledger_id not in (None, *undone)]
    last = next((one for one in reversed(own) if one.kind in _DONE), None)
    if last is None:
        return None
    done = [one for one in own if one.ledger_id == last.ledger_id]
    if any(one.kind == OPENED for one in done):
        # All of it, words of somebody else among them, is the ticket itself.
        return Undoable(ledger=last.ledger_id or 0, at=last.at, fixed=(OPENED,))
    return Undoable(
        ledger=last.ledger_id or 0,
        at=last.at,
        moved=_moved(ticket, [one for one in done if one.kind == "status"], events),
        fields=tuple(_fields(ticket, [one for one in done if one.kind == "field"], events)),
        written=tuple(_written(one for one in done if one.kind in ("message", "note", "released"))),
        watchers=tuple(_watchers(ticket, [one for one in done if one.kind == "watcher"])),
        mails=tuple(_mails(ticket, last.at, but=(agent.address, *agent.other_addresses))),
        fixed=tuple(dict.fromkeys(one.kind for one in done if one.kind in FIXED)),
    )


def _moved(ticket: Ticket, own: Sequence[Event], events: Sequence[Event]) -> Moved | None:
    """The move as a whole: from before the first to behind the last; None where it stands as it did."""
    if not own or own[0].detail["before"] == own[-1].detail["after"]:
        return None
    after = own[-1].detail["after"]
    later = [one for one in events if one.kind == "status" and one.id > own[-1].id]
    changed_by = later[-1].actor if later else ("gateway" if fingerprints.standing(ticket) != after else "")
    earlier = find(Event, "ticket_id = ? AND kind = ? AND id < ?", ticket.id, "status", own[0].id, order="id DESC")
    since = earlier.at if earlier is not None else ticket.opened_at
    return Moved(
        before=tuple(own[0].detail["before"]),
        after=tuple(after),
        since=since,
        reopenings=sum(is_reopening(one.detail["before"][0], one.detail["after"][0]) for one in own),
        changed_by=changed_by,
    )


def _fields(ticket: Ticket, own: Sequence[Event], events: Sequence[Event]) -> Iterable[FieldChanged]:
    for key in dict.fromkeys(one.detail["field"] for one in own):
        changes = [one for one in own if one.detail["field"] == key]
        before, after = changes[0].detail["before"], changes[-1].detail["after"]
        if before == after:
            continue
        later = [
            one for one in events if one.kind == "field" and one.detail["field"] == key and one.id > changes[-1].id
        ]
        changed_by = later[-1].actor if later else ""
        if not later and [value_of(ticket, key), *ticket.fields.get(key, ["", ""])] != after:
            changed_by = "gateway"
        yield FieldChanged(key=key, before=tuple(before), after=tuple(after), changed_by=changed_by)


def _written(own: Iterable[Event]) -> Iterable[Written]:
    for number in dict.fromkeys(one.detail["message"] for one in own):
        message = find(Message, "id = ? AND state = ?", number, MessageState.POSTED)
        if message is not None:
            yield Written(message=message.id, is_public=message.visibility == "public")


def _watchers(ticket: Ticket, own: Sequence[Event]) -> Iterable[WatcherAdded]:
    for number in dict.fromkeys(one.detail["contact"] for one in own):
        contact = find(Contact, "id = ?", number)
        if contact is not None:
            yield WatcherAdded(contact=contact.id, address=contact.address)


# What a unit writes carries its moment.
_OF_UNIT = """SELECT o.id, o.notice, c.address, o.role, o.about_id, o.state, o.lease_until, o.uncertain_count
    FROM outbox o JOIN contact c ON c.id = o.recipient_id WHERE o.ticket_id = ? AND o.created_at = ? ORDER BY o.id"""


def _mails(ticket: Ticket, at: datetime, *, but: Iterable[str]) -> Iterable[Caused]:
    database = database_proxy.obj
    lock = "" if is_sqlite(database) or not database.in_transaction() else " FOR UPDATE OF o"
    for an_id, notice, to, role, about, state, lease, uncertain in find_values(_OF_UNIT + lock, ticket.id, at):
        if to not in but:
            waits = state == OutboxState.WAITING and lease is None and not uncertain
            yield Caused(outbox=an_id, notice=notice, to=to, role=Role(role), about=about, waits=waits)


def take_back(unit: Any, change: TakeBack) -> None:
    """Undo in the order in which nothing is said of what is no longer there: mails, words, people, fields, status."""
    ticket = unit.ticket
    _cancel(change.mails)
    for number in change.messages:
        _drop(unit, number)
    for watcher in change.watchers:
        key = (TicketWatcher.ticket == ticket) & (TicketWatcher.contact == watcher.contact)
        if TicketWatcher.delete().where(key).execute():
            unit.record("unwatcher", f"{watcher.address} gets no more answers", {"contact": watcher.contact})
    for one in change.fields:
        _restore_field(unit, ticket, one)
    if change.moved is not None:
        _restore_standing(unit, ticket, change.moved, change.ledger)
    if change.was_public:
        take_back_answer(unit, TakeBackAnswer())
    cancelled = {"undoes": change.ledger, "cancelled": list(change.mails)}
    unit.record(UNDONE, f"took back what mail {change.ledger} did", cancelled)


def _cancel(mails: Sequence[int]) -> None:
    """Nobody has them: they were locked when they were read."""
    changes = {"state": OutboxState.CANCELLED, "hold_reason": "", "not_before": None}
    for number in mails:
        if update(Outbox, changes, "id = ? AND state = ? AND lease_until IS NULL", number, OutboxState.WAITING) != 1:
            raise RuntimeError(f"outbox {number} was claimed while it was taken back")


def _drop(unit: Any, number: int) -> None:
    message = Message.get_by_id(number)
    message.state = MessageState.DROPPED
    message.save(only=[Message.state])
    detail = {"message": message.id, "print": fingerprints.of_message(message)}
    unit.record("dropped", "a message was taken back", detail)


def _restore_field(unit: Any, ticket: Ticket, one: FieldChanged) -> None:
    field, _, name = one.key.partition(".")
    value, *who = one.before
    given = FieldValue(field=Field(field), value=value, authority=Authority(who[0] or Authority.DEFAULT), name=name)
    put(ticket, given)
    kept: Mapping[str, Any] = {key: entry for key, entry in ticket.fields.items() if key != one.key}
    ticket.fields = {**kept, **({one.key: who} if who[0] else {})}
    ticket.updated_at = unit.now
    ticket.save()
    detail = {"field": one.key, "before": list(one.after), "after": list(one.before)} | turn_clocks(unit, ticket)
    unit.record("field", f"{one.key}: {one.after[0] or '(none)'} → {value or '(none)'}, taken back", detail)


def _restore_standing(unit: Any, ticket: Ticket, moved: Moved, ledger: int) -> None:
    status, hold_reason, hold_until, close_at = moved.before
    ticket.status, ticket.hold_reason = status, hold_reason
    ticket.hold_until = datetime.fromisoformat(hold_until) if hold_until else None
    ticket.close_at = datetime.fromisoformat(close_at) if close_at else None
    if status not in _ENDED:
        ticket.resolved_at = moved.since if status == Status.RESOLVED else None
    ticket.closed_at = moved.since if status in _ENDED else None
    ticket.reopened -= moved.reopenings
    ticket.updated_at = unit.now
    ticket.save()
    detail = {"before": list(moved.after), "after": list(moved.before)} | turn_clocks(unit, ticket)
    detail |= {"undoes": ledger, "reopenings": moved.reopenings}
    unit.record("status", f"{moved.after[0]} → {status}: taken back", detail)
