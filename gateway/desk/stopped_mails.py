"""Mails that wait in the outbox and are stopped there, and how they go on where what stopped them is taken back.

Place in the mail's way: between the unit that wrote the outbox rows and the delivery that claims them. The event of a
stop keeps how each mail stood, so that it can stand so again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from gateway.desk.calming import GIVEN_UP
from gateway.desk.clocks import CLOCK
from gateway.store.database import is_sqlite
from gateway.store.rows import find_all, find_values, marks, update
from gateway.store.states import OutboxState
from gateway.store.tables import Contact, Event, Outbox, database_proxy
from gateway.ticket import Role
from gateway.triage.undoable import Caused, GivenUp

# Where a mail stands that has not left: what is held, for whatever reason, may be let go some day.
STILL_HERE = (OutboxState.WAITING, OutboxState.HELD)
# What a unit writes carries its moment. What was stopped since will never leave.
_OF_UNIT = """SELECT o.id, o.notice, c.address, o.role, o.about_id, o.state, o.lease_until, o.uncertain_count
    FROM outbox o JOIN contact c ON c.id = o.recipient_id
    WHERE o.ticket_id IN (SELECT id FROM ticket WHERE number IN ({})) AND o.created_at = ? AND o.state <> ?
    ORDER BY o.id"""
_STOPPED = """SELECT o.id, o.notice, c.address, o.role FROM outbox o JOIN contact c ON c.id = o.recipient_id
    WHERE o.id IN ({}) AND o.ticket_id = ? AND o.state = ? AND o.created_at < ? ORDER BY o.id"""


def caused_mails(tickets: Sequence[int], at: datetime, *, but: Iterable[str]) -> Iterable[Caused]:
    """The mails of that moment's unit on these tickets, but for those to some addresses; locked where they wait."""
    sql, locked = _OF_UNIT.format(marks(tickets)), None
    values = (*tickets, at, OutboxState.CANCELLED)
    if not is_sqlite(database_proxy.obj) and database_proxy.obj.in_transaction():
        # What somebody has just now is on its way: no mail of the desk waits for a delivery.
        locked = {an_id for an_id, *_ in find_values(f"{sql} FOR UPDATE OF o SKIP LOCKED", *values)}
    for an_id, notice, to, role, about, state, lease, uncertain in find_values(sql, *values):
        if to not in but:
            waits = state in STILL_HERE and lease is None and not uncertain and (locked is None or an_id in locked)
            yield Caused(outbox=an_id, notice=notice, to=to, role=Role(role), about=about, waits=waits)


def give_up(ids: Sequence[int]) -> dict[str, object]:
    """Stop mails that the caller has locked, one at least; what its event keeps of them."""
    rows = find_all(Outbox, f"id IN ({marks(ids)})", *ids, order="id")
    changes = {"state": OutboxState.CANCELLED, "hold_reason": "", "not_before": None}
    update(Outbox, changes, f"id IN ({marks(ids)})", *ids)
    asked = [row.recipient_id for row in rows if row.context.get("asks_rating")]
    if asked:
        # Nobody has been asked after all.
        update(Contact, {"rating_asked_at": None}, f"id IN ({marks(asked)})", *asked)
    moments = [row.not_before.isoformat() if row.not_before is not None else "" for row in rows]
    was = [[row.id, row.state, row.hold_reason, moment] for row, moment in zip(rows, moments, strict=True)]
    return {"cancelled": [row.id for row in rows], "was": was}


def given_up_by(own: Sequence[Event], ticket_id: int) -> Iterable[GivenUp]:
    """What of a ticket these events of one mail have stopped, or the clock since; nothing that the mail has caused."""
    late = find_all(Event, "kind = ? AND at >= ? AND actor = ?", GIVEN_UP, own[0].at, CLOCK, order="id")
    stops = [*(one for one in own if one.kind == GIVEN_UP), *(one for one in late if one.id > own[0].id)]
    was = {an_id: tuple(stood) for one in stops for an_id, *stood in one.detail.get("was", ())}
    if not was:
        return
    sql, values = _STOPPED.format(marks([*was])), (*was, ticket_id, OutboxState.CANCELLED, own[0].at)
    for an_id, notice, to, role in find_values(sql, *values):
        yield GivenUp(outbox=an_id, notice=notice, to=to, role=Role(role), was=was[an_id])


def bring_back(mails: Iterable[GivenUp]) -> None:
    """Let stopped mails stand as they did; whom one asks for a rating counts as asked when it was written."""
    for one in mails:
        state, hold_reason, not_before = one.was
        moment = datetime.fromisoformat(not_before) if not_before else None
        changes = {"state": OutboxState(state), "hold_reason": hold_reason, "not_before": moment}
        update(Outbox, changes, "id = ? AND state = ?", one.outbox, OutboxState.CANCELLED)
        (row,) = find_all(Outbox, "id = ?", one.outbox)
        if row.context.get("asks_rating"):
            asked = {"rating_asked_at": row.created_at}
            update(Contact, asked, "id = ? AND rating_asked_at IS NULL", row.recipient_id)
