"""What the clock does to tickets: resolved ones close, held ones come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import peewee

from gateway.desk.calming import UNDELIVERABLE
from gateway.desk.carry_out import carry_out
from gateway.desk.people import find_contact
from gateway.desk.tickets import ticket_facts
from gateway.desk.traffic import outside_of, traffic_with
from gateway.desk.unit import Unit
from gateway.mail import MailKind, Reason, Verdict
from gateway.phrase import say
from gateway.policy import Policy
from gateway.policy.telling import Event
from gateway.store.database import lock_conversations, transaction
from gateway.store.rows import update
from gateway.store.states import OutboxState
from gateway.store.tables import Outbox, Ticket
from gateway.ticket import Status
from gateway.triage.decision import Action, Change, Decision, MoveStatus
from gateway.triage.notices import agents_of_ticket, tell_agents, tell_people
from gateway.triage.restraint import restraint_on
from gateway.triage.telling import without_untold

_AT_ONCE = 100


def close_due(database: peewee.Database, policy: Policy, secrets: Mapping[int, bytes], *, now: datetime) -> int:
    """Close resolved tickets whose time to answer is over; the number of those closed."""
    due = (Ticket.status == Status.RESOLVED) & (Ticket.close_at <= now)
    with transaction(database):
        lock_conversations(database)
        tickets = list(Ticket.select().where(due).order_by(Ticket.close_at).limit(_AT_ONCE))
        for ticket in tickets:
            closing: tuple[Change, ...] = (MoveStatus(to=Status.CLOSED, why="nobody wrote after the resolution"),)
            if policy.desk.closing_mail:
                closing += _closing_mails(ticket, policy, now=now)
            _apply(ticket, closing, policy, secrets, now=now)
    return len(tickets)


def _closing_mails(ticket: Ticket, policy: Policy, *, now: datetime) -> tuple[Change, ...]:
    """Tell the people of the ticket, as far as the limits allow."""
    facts = ticket_facts(ticket)
    changes: list[Change] = []
    for notice in tell_people("closing", facts):
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
    held = "state = ? AND hold_reason = ? AND created_at <= ?"
    with transaction(database):
        changes = {"state": OutboxState.CANCELLED, "hold_reason": ""}
        return update(Outbox, changes, held, OutboxState.HELD, UNDELIVERABLE, before)


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
    decision = Decision(
        kind=MailKind.OWN,
        verdict=Verdict.ACCEPT,
        action=Action.FILE,
        reasons=(Reason(code="clock", text="the clock, not a mail"),),
        ticket=ticket.number,
        actor="clock",
        changes=without_untold(changes, policy),
    )
    carry_out(
        Unit(
            decision=decision, policy=policy, now=now, secrets=secrets, cause=f"clock/{ticket.number}/{now.isoformat()}"
        )
    )
