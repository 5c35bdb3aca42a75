"""What the clock does to tickets: resolved ones close, held ones come back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import peewee

from gateway.desk.calming import GIVEN_UP, UNDELIVERABLE
from gateway.desk.carry_out import carry_out
from gateway.desk.clocks import CLOCK
from gateway.desk.tickets import ticket_facts
from gateway.desk.traffic import may_hear, outside_of, traffic_to
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
from gateway.triage.ending import tell_closing
from gateway.triage.facts import TicketFacts
from gateway.triage.notices import agents_of_ticket, tell_agents
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
            facts = ticket_facts(ticket, policy)
            moved = MoveStatus(to=Status.CLOSED, why="nobody wrote after the resolution")
            _apply(facts, (moved, *tell_closing(policy, facts)), policy, secrets, now=now)
    return len(tickets)


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
            facts = ticket_facts(ticket, policy)
            moved = MoveStatus(to=Status.IN_PROGRESS, why="the time it was held until has come")
            agents = agents_of_ticket(policy, facts, Event.CHANGED)
            changed = {"changes": [say("no longer on hold: the time it waited for has come")], "agent": None}
            _apply(facts, (moved, *tell_agents("changed", agents, context=changed)), policy, secrets, now=now)
    return len(tickets)


def _apply(
    ticket: TicketFacts, changes: tuple[Change, ...], policy: Policy, secrets: Mapping[int, bytes], *, now: datetime
) -> None:
    hearing = may_hear(CLOCK, [ticket], policy)
    changes = with_updates(
        changes,
        ticket.number,
        find=lambda _: ticket,
        policy=policy,
        acting=CLOCK,
        now=now,
        traffic=traffic_to(hearing, now=now),
        outside=outside_of((one.address for one in hearing), policy, now=now),
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
