"""What the clock does to tickets: resolved ones close, held ones come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import peewee

from gateway.desk.calming import GIVEN_UP, UNDELIVERABLE
from gateway.desk.carry_out import carry_out
from gateway.desk.clocks import CLOCK
from gateway.desk.people import find_contact
from gateway.desk.tickets import ticket_facts
from gateway.desk.traffic import outside_of, traffic_with
from gateway.desk.unit import Unit
from gateway.mail import MailKind, Reason, Verdict
from gateway.phrase import say
from gateway.policy import Policy
from gateway.policy.telling import Event
from gateway.store.database import lock_conversations, transaction
from gateway.store.history import write_event
from gateway.store.states import OutboxState
from gateway.store.tables import Outbox, Ticket
from gateway.ticket import Status
from gateway.triage.decision import Action, Change, Decision, MoveStatus
from gateway.triage.notices import agents_of_ticket, tell_agents, tell_people
from gateway.triage.restraint import restraint_on
from gateway.triage.telling import without_untold
from gateway.triage.updating import with_updates

_AT_ONCE = 100


def close_due(database: peewee.Database, policy: Policy, secrets: Mapping[int, bytes], *, now: datetime) -> int:
    """Close resolved tickets whose time to answer is over; the number of those closed."""
    due = (Ticket.status == Status.RESOLVED) & (Ticket.close_at <= now)
    with transaction(database):
        lock_conversations(database)
        tickets = list(Ticket.select().where(due).order_by(Ticket.close_at).limit(_AT_ONCE))
        for ticket in tickets:
            closing: tuple[Change, ...] = (MoveStatus(to=Status.CLOSED, why="nobody wrote after the resolution"),)
            closing += _closing_mails(ticket, policy, now=now)
            _apply(ticket, closing, policy, secrets, now=now)
    return len(tickets)


def _closing_mails(ticket: Ticket, policy: Policy, *, now: datetime) -> tuple[Change, ...]:
    """Tell the people of the ticket, as far as the rules say and the limits allow."""
    roles = policy.people_told(Event.CLOSING)
    if not roles:
        return ()
    facts = ticket_facts(ticket)
    changes: list[Change] = []
    for notice in tell_people("closing", facts, roles=roles, context={"agent": None}):
        address = notice.to.address
        restraint = restraint_on(
            notice.name,
            address,
            ticket=ticket.number,
            now=now,
            policy=policy,
            traffic=traffic_with(address, find_contact(address), now=now, policy=policy),
            outside=outside_of([address], policy, now=now),
            is_muted_ticket=facts.is_muted,
        )
        if restraint is not None:
            changes.append(restraint.as_event(notice.name, address))
        if restraint is None or restraint.holds:
            changes.append(replace(notice, hold=restraint.code if restraint is not None else ""))
    return tuple(changes)


def expire_held(database: peewee.Database, policy: Policy, *, now: datetime) -> int:
    """Give up automatic mails that waited for a dead address as long as it counts as one; what they said is old."""
    before = now - timedelta(days=policy.limits.undeliverable_days)
    held = (Outbox.state == OutboxState.HELD) & (Outbox.hold_reason == UNDELIVERABLE) & (Outbox.created_at <= before)
    with transaction(database):
        changes = {"state": OutboxState.CANCELLED, "hold_reason": ""}
        ids = sorted(one.id for one in Outbox.update(changes).where(held).returning(Outbox.id).execute())
        if ids:
            text = f"no longer sent, its address was out of reach too long: mail {', '.join(map(str, ids))}"
            write_event(at=now, kind=GIVEN_UP, actor=CLOCK, text=text, detail={"cancelled": ids})
    return len(ids)


def resume_due(database: peewee.Database, policy: Policy, secrets: Mapping[int, bytes], *, now: datetime) -> int:
    """Take up tickets whose hold is over, and tell their agents; the number of those taken up."""
    due = (Ticket.status == Status.ON_HOLD) & (Ticket.hold_until <= now)
    with transaction(database):
        lock_conversations(database)
        tickets = list(Ticket.select().where(due).order_by(Ticket.hold_until).limit(_AT_ONCE))
        for ticket in tickets:
            moved = MoveStatus(to=Status.IN_PROGRESS, why="the time it was held until has come")
            agents = agents_of_ticket(policy, ticket_facts(ticket), Event.CHANGED)
            changed = {"changes": [say("no longer on hold: the time it waited for has come")], "agent": None}
            _apply(ticket, (moved, *tell_agents("changed", agents, context=changed)), policy, secrets, now=now)
    return len(tickets)


def _apply(
    ticket: Ticket, changes: tuple[Change, ...], policy: Policy, secrets: Mapping[int, bytes], *, now: datetime
) -> None:
    changes = with_updates(
        changes, ticket.number, find=lambda _: ticket_facts(ticket), policy=policy, acting=CLOCK, now=now
    )
    decision = Decision(
        kind=MailKind.OWN,
        verdict=Verdict.ACCEPT,
        action=Action.FILE,
        reasons=(Reason(code="clock", text="the clock, not a mail"),),
        ticket=ticket.number,
        actor=CLOCK,
        changes=without_untold(changes, policy),
    )
    carry_out(
        Unit(
            decision=decision, policy=policy, now=now, secrets=secrets, cause=f"clock/{ticket.number}/{now.isoformat()}"
        )
    )
