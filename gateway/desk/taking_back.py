"""Take back what an agent's mail did, as `#undo` decided: rows as they were, and an event beside each that says so.

Place in the mail's way: part of carrying out a decision, in the transaction of the mail that says `#undo`. What is to
be taken back was read in the same transaction (`undoing`), so that nobody else has changed it since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.desk import fingerprints
from gateway.desk.clocks import take_back_answer, turn_clocks
from gateway.desk.clocks_back import restore_clocks
from gateway.desk.people import requester_of
from gateway.desk.stopped_mails import STILL_HERE, bring_back
from gateway.desk.ticket_fields import put
from gateway.desk.undoing import UNDONE
from gateway.desk.unit import Unit
from gateway.store.rows import find, insert, update
from gateway.store.states import MessageState, OutboxState
from gateway.store.tables import Contact, Message, Outbox, Ticket, TicketLink, TicketWatcher
from gateway.ticket import ENDED, Authority, Field, FieldValue, Status
from gateway.triage.decision import TakeBackAnswer
from gateway.triage.undoable import (
    FieldChanged,
    FollowingChanged,
    Linked,
    Merged,
    Moved,
    RequesterChanged,
    TakeBack,
    WatcherChanged,
)

_WITH_END = (Status.RESOLVED, *ENDED)


def take_back(unit: Unit, change: TakeBack) -> None:
    """Undo in the order in which nothing is said of what is no longer there: mails, words, people, fields, status."""
    ticket = unit.ticket
    if ticket is None:
        raise RuntimeError("there is no ticket on which something could be taken back")
    _cancel(change.mails)
    for number in change.messages:
        _drop(unit, number)
    for watcher in change.watchers:
        _restore_watcher(unit, ticket, watcher)
    if change.following is not None:
        _restore_following(unit, ticket, change.following, change.ledger)
    if change.requester is not None:
        _restore_requester(unit, ticket, change.requester)
    for link in change.links:
        _unlink(unit, ticket, link)
    if change.merged is not None:
        _unmerge(unit, ticket, change.merged)
    for place, one in enumerate(change.fields, 1):
        _restore_field(unit, ticket, one, is_last=place == len(change.fields))
    if change.moved is not None:
        _restore_standing(unit, ticket, change.moved, change.ledger)
    if change.is_no_answer:
        take_back_answer(unit, TakeBackAnswer(why="the first answer was taken back"))
    bring_back(change.given_up)
    detail: dict[str, object] = {"undoes": change.ledger, "cancelled": list(change.mails)}
    detail |= {"restored": [one.outbox for one in change.given_up]} if change.given_up else {}
    detail |= restore_clocks(unit, ticket, change.clocks)
    is_empty = change == TakeBack(ledger=change.ledger)
    what = f"what mail {change.ledger} did" if change.ledger > 0 else "what was done on the command line"
    unit.record(UNDONE, f"nothing of {what} could be taken back" if is_empty else f"took back {what}", detail)


def _cancel(mails: Sequence[int]) -> None:
    """Nobody has them: they were locked when they were read."""
    changes = {"state": OutboxState.CANCELLED, "hold_reason": "", "not_before": None}
    for number in mails:
        row = find(Outbox, "id = ?", number)
        if update(Outbox, changes, "id = ? AND state IN (?, ?) AND lease_until IS NULL", number, *STILL_HERE) != 1:
            raise RuntimeError(f"outbox {number} was claimed while it was taken back")
        if row is not None and row.context.get("asks_rating"):
            # Nobody has been asked after all.
            update(Contact, {"rating_asked_at": None}, "id = ?", row.recipient_id)


def _drop(unit: Unit, number: int) -> None:
    message = Message.get_by_id(number)
    message.state = MessageState.DROPPED
    message.save(only=[Message.state])
    detail = {"message": message.id, "print": fingerprints.of_message(message)}
    unit.record("dropped", "a message was taken back", detail)


def _restore_watcher(unit: Unit, ticket: Ticket, one: WatcherChanged) -> None:
    if one.added:
        key = (TicketWatcher.ticket == ticket) & (TicketWatcher.contact == one.contact)
        if TicketWatcher.delete().where(key).execute():
            unit.record("unwatcher", f"{one.address} gets no more answers", {"contact": one.contact}, on=ticket)
        return
    since = one.since or unit.now
    insert(TicketWatcher, ticket=ticket, contact=one.contact, added_at=since)
    detail = {"contact": one.contact, "since": since.isoformat()}
    unit.record("watcher", f"{one.address} gets the answers again", detail, on=ticket)


def _restore_following(unit: Unit, ticket: Ticket, one: FollowingChanged, ledger: int) -> None:
    ticket.followers, ticket.unwatched = [*one.followers], [*one.unwatched]
    ticket.save()
    detail = {"followers": ticket.followers, "unwatched": ticket.unwatched, "undoes": ledger}
    unit.record("followers", "who follows it is as before", detail)


def _restore_requester(unit: Unit, ticket: Ticket, one: RequesterChanged) -> None:
    now = ticket.requester
    ticket.requester_id = one.before
    ticket.save(only=[Ticket.requester])
    ticket.requester = requester_of(ticket)
    text = f"taken back: {now.address} → {one.address}"
    unit.record("requester", text, {"before": one.after, "after": one.before})


def _unlink(unit: Unit, ticket: Ticket, link: Linked) -> None:
    other = Ticket.get(Ticket.number == link.other)
    key = (TicketLink.ticket == ticket) & (TicketLink.other == other) & (TicketLink.kind == link.kind)
    TicketLink.delete().where(key).execute()
    text = f"{link.kind.replace('_', ' ')}: {link.other}, taken back"
    unit.record("unlink", text, {"other": link.other, "kind": link.kind})


def _unmerge(unit: Unit, ticket: Ticket, merged: Merged) -> None:
    """The two are two again; who came to the other one by the merger, and by nothing else, hears no more of it."""
    other = Ticket.get(Ticket.number == merged.other)
    _unlink(unit, ticket, Linked(other=merged.other, kind="merged", token=merged.token))
    for watcher in merged.watchers:
        _restore_watcher(unit, other, watcher)
    ticket.merged_into = None
    ticket.save()
    unit.record("unmerged", f"{ticket.number} is a ticket of its own again", {"merged": ticket.number}, on=other)


def _restore_field(unit: Unit, ticket: Ticket, one: FieldChanged, *, is_last: bool) -> None:
    field, _, name = one.key.partition(".")
    value, *who = one.before
    moves = ticket.moves
    given = FieldValue(field=Field(field), value=value, authority=Authority(who[0] or Authority.DEFAULT), name=name)
    put(ticket, given)
    if one.column and not value:
        setattr(ticket, field, one.column)
    kept: Mapping[str, Any] = {key: entry for key, entry in ticket.fields.items() if key != one.key}
    ticket.fields = {**kept, **({one.key: who} if who[0] else {})}
    detail: dict[str, object] = {"field": one.key, "before": list(one.after), "after": list(one.before)}
    if field == Field.TEAM:
        # The way back is no further move.
        moves = moves[: len(moves) - one.times]
        ticket.moves = moves if len(moves) > 1 else []
        detail["moves"] = ticket.moves
    ticket.updated_at = unit.now
    ticket.save()
    # No clock runs by what was true between two fields.
    detail |= turn_clocks(unit, ticket) if is_last else {}
    unit.record("field", f"{one.key}: {one.after[0] or '(none)'} → {value or '(none)'}, taken back", detail)


def _restore_standing(unit: Unit, ticket: Ticket, moved: Moved, ledger: int) -> None:
    status, hold_reason, hold_until, close_at = moved.before
    ticket.status, ticket.hold_reason = status, hold_reason
    ticket.hold_until = datetime.fromisoformat(hold_until) if hold_until else None
    ticket.close_at = datetime.fromisoformat(close_at) if close_at else None
    ticket.resolved_at = moved.resolved_at if status in _WITH_END else None
    ticket.closed_at = moved.closed_at if status in ENDED else None
    ticket.reopened -= moved.reopenings
    ticket.updated_at = unit.now
    ticket.save()
    detail: dict[str, object] = {"before": list(moved.after), "after": list(moved.before)}
    detail |= turn_clocks(unit, ticket) | {"undoes": ledger, "reopenings": moved.reopenings}
    for name in ("resolved_at", "closed_at"):
        moment = getattr(ticket, name)
        detail[name] = moment.isoformat() if moment is not None else ""
    unit.record("status", f"{moved.after[0]} → {status}: taken back", detail)
