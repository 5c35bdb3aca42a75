"""What the clocks of all open tickets do because time passes: steps of the ladder, misses, and what came too late.

Place in the mail's way: the timers call `climb` at least once a minute. It finds what is due by index, a few hundred
clocks in a transaction: their rows, the history, and the mails in the outbox are one, so a kill in the middle loses
nothing and says nothing twice. After a standstill only the last of the missed steps of a clock is told, and to somebody
with many of them in one mail.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import peewee

from gateway.desk.absences import away_now
from gateway.desk.carry_out import carry_out
from gateway.desk.chores import detail_of, done
from gateway.desk.clocks import CLOCK, as_clock, clock_prints, clock_values, clocks_of, save_clock, steps_at
from gateway.desk.outgoing import enqueue, enqueue_all, outbox_row
from gateway.desk.people import KnownPeople
from gateway.desk.tickets import ticket_facts
from gateway.desk.turns import duty_facts
from gateway.desk.unit import Unit
from gateway.mail import Address, MailKind, Reason, Verdict
from gateway.phrase import Phrase
from gateway.policy import Policy
from gateway.policy.promises import LadderStep, Rung
from gateway.sla import (
    Clock,
    ClockKind,
    Outcome,
    dropped,
    reached_at,
    settled,
    steps_passed,
    threshold,
    used_minutes,
)
from gateway.store.database import lock_conversations, transaction
from gateway.store.history import write_events
from gateway.store.rows import find_all, marks, update, write_over
from gateway.store.tables import Contact, SlaClock, Ticket
from gateway.ticket import Role, TicketType
from gateway.triage.climbing import Climbed, climbed
from gateway.triage.decision import Action, Decision
from gateway.triage.due_words import reminder_line
from gateway.triage.promising import REMINDER, REMINDERS, reminded, why_reminded

# So many clocks in one transaction: what comes in meanwhile waits for about a tenth of a second.
BATCH = 200
_MOST_BATCHES = 5000
# A step that was due before that was not noticed in time; ticks come every few seconds.
LATE = timedelta(minutes=10)
# So many late reminders somebody gets one by one; more come in one mail, with so many lines.
_FEW = 3
_MOST_LINES = 50
_LATE_AT_ONCE = 5000
# What the rules said of clocks when these were last looked at for it.
_CHORE = "ladder"


def climb(database: peewee.Database, policy: Policy, secrets: Mapping[int, bytes], *, now: datetime) -> int:
    """Do what is due at `now`, however much it is; how many clocks there were."""
    if not policy.slas:
        return 0
    seen = 0
    fresh: _Fresh = {}
    for step in (_climb_some, _tell_late):
        for _ in range(_MOST_BATCHES):
            with transaction(database):
                lock_conversations(database)
                found = step(policy, secrets, now=now, fresh=fresh)
            if not found:
                break
            seen += found if step is _climb_some else 0
    return seen


def look_anew(database: peewee.Database, policy: Policy, *, now: datetime) -> int:
    """Let the clocks that run follow another ladder, or end them where nothing is promised any more; how many.

    Does nothing where the rules of before said the same of it. Their targets stay until their tickets change.
    """
    rules = (policy.slas, policy.calendars, policy.desk_calendar, policy.desk.time_zone, policy.ladder)
    said = hashlib.sha256(repr(rules).encode()).hexdigest()[:16]
    if detail_of(_CHORE).get("said") == said or (not policy.slas and not SlaClock.select().exists()):
        return 0
    seen, last = 0, 0
    while rows := find_all(SlaClock, "outcome = ? AND id > ?", Outcome.RUNNING, last, order="id", limit=BATCH):
        with transaction(database):
            lock_conversations(database)
            # Read once more: what came in meanwhile may have moved them.
            ids = [row.id for row in rows]
            for row in find_all(SlaClock, f"outcome = ? AND id IN ({marks(ids)})", Outcome.RUNNING, *ids):
                _look_anew(row, policy, now=now)
        seen, last = seen + len(rows), rows[-1].id
    with transaction(database):
        done(_CHORE, now=now, said=said)
    return seen


def _look_anew(row: SlaClock, policy: Policy, *, now: datetime) -> None:
    clock = as_clock(row)
    if policy.slas:
        save_clock(row.id, clock, policy, now=now)
        return
    clock = dropped(clock, policy.work_calendar(clock.calendar), now)
    save_clock(row.id, clock, policy, now=now, late_at=None)
    write_events([_event(row, clock, "the rules promise nothing any more", now=now)])


# Who got the whole ticket in this tick, by the row of the clock: nobody is told twice.
_Fresh = dict[int, frozenset[str]]


@dataclass(frozen=True, kw_only=True)
class _Due:
    """A clock that is due, with what has passed noted: its steps, the last of them, and when that was reached. `fresh`
    are the addresses that get the whole ticket by it, so that they need no reminder."""

    row: SlaClock
    clock: Clock
    steps: tuple[LadderStep, ...] = ()
    last: tuple[LadderStep, ...] = ()
    reached_at: datetime | None = None
    fresh: frozenset[str] = frozenset()


def _climb_some(policy: Policy, secrets: Mapping[int, bytes], *, now: datetime, fresh: _Fresh) -> int:
    rows = find_all(SlaClock, "next_at <= ?", now, order="next_at, id", limit=BATCH)
    around, written = _Around.of(rows, now=now), _Written()
    acted: set[int] = set()
    for row in rows:
        if row.ticket_id in acted:
            # The step of one clock has moved the other: it is read anew with the next batch.
            continue
        due = _look(row, policy, now=now)
        is_late = due.reached_at is not None and now - due.reached_at >= LATE
        written.clock(row, due, policy, now=now, late_at=now if is_late else row.late_at)
        around.clocks[row.ticket_id][due.clock.kind] = due.clock
        more: Sequence[Phrase] = ()
        if any(step.raises or step.reassign for step in due.steps):
            written.put(now=now)
            acted.add(row.ticket_id)
            if (done := _act(due, around, policy, secrets, now=now)) is not None:
                more, fresh[row.id] = done.words, done.newcomers
                due = replace(due, fresh=done.newcomers)
        if due.steps and not is_late:
            written.mails += _reminders(due, around, policy, secrets, now=now, more=more)
    written.put(now=now)
    return len(rows)


@dataclass(kw_only=True)
class _Written:
    """What a batch writes, table by table in one statement each."""

    clocks: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    mails: list[dict[str, Any]] = field(default_factory=list)

    def clock(self, row: SlaClock, due: _Due, policy: Policy, *, now: datetime, late_at: datetime | None) -> None:
        values = clock_values(due.clock, row.ticket_id, policy, now=now)
        self.clocks.append(values | {"id": row.id, "late_at": late_at})
        self.events.append(_event(row, due.clock, _what_happened(due), now=now))

    def put(self, *, now: datetime) -> None:
        write_over(SlaClock, self.clocks, _MOVED)
        write_events(self.events)
        enqueue_all(self.mails, now=now)
        self.clocks, self.events, self.mails = [], [], []


# What a tick changes of a clock.
_MOVED = ("told_minutes", "breached_at", "due_at", "next_at", "late_at")


@dataclass(kw_only=True)
class _Around:
    """What a batch of clocks hangs on, read together: their tickets, and all clocks of these."""

    tickets: dict[int, Ticket]
    clocks: dict[int, dict[str, Clock]]
    people: KnownPeople
    away: Mapping[str, datetime]

    def reminded(self, due: _Due, policy: Policy) -> dict[Address, Rung]:
        """Whom the last steps of a clock remind, and as whom."""
        ticket = self.tickets[due.row.ticket_id]
        found = reminded(due.last, team=ticket.team, assignee=ticket.assignee, policy=policy, away=self.away)
        return {person: rung for person, rung in found.items() if person.address not in due.fresh}

    @classmethod
    def of(cls, rows: Sequence[SlaClock], *, now: datetime) -> _Around:
        ids = sorted({row.ticket_id for row in rows})
        among = f"IN ({marks(ids)})"
        tickets = {one.id: one for one in find_all(Ticket, f"id {among}", *ids)} if ids else {}
        clocks: dict[int, dict[str, Clock]] = {an_id: {} for an_id in ids}
        for row in find_all(SlaClock, f"ticket_id {among}", *ids, order="kind DESC") if ids else []:
            clocks[row.ticket_id][row.kind] = as_clock(row)
        requesters = sorted({ticket.requester_id for ticket in tickets.values()})
        people = find_all(Contact, f"id IN ({marks(requesters)})", *requesters) if ids else []
        by_id = {one.id: one for one in people}
        for ticket in tickets.values():
            ticket.requester = by_id[ticket.requester_id]
        return cls(
            tickets=tickets,
            clocks=clocks,
            people={one.address: one for one in people},
            away=away_now(now) if ids else {},
        )


def _look(row: SlaClock, policy: Policy, *, now: datetime) -> _Due:
    clock = as_clock(row)
    calendar = policy.work_calendar(clock.calendar)
    clock = settled(clock, calendar, now)
    steps, ats = policy.steps_of(clock.goal, clock.kind), steps_at(policy, clock)
    passed = [] if clock.acked_by else steps_passed(ats, clock, used_minutes(clock, calendar, now))
    if not passed:
        return _Due(row=row, clock=clock)
    last = ats[passed[-1]]
    told = replace(clock, told_minutes=threshold(last, clock))
    return _Due(
        row=row,
        clock=told,
        steps=tuple(steps[place] for place in passed),
        last=_last_steps(told, policy),
        reached_at=reached_at(last, clock, calendar),
    )


def _last_steps(clock: Clock, policy: Policy) -> tuple[LadderStep, ...]:
    """The steps that were told last of a clock, in the order of the file."""
    pairs = zip(policy.steps_of(clock.goal, clock.kind), steps_at(policy, clock), strict=True)
    return tuple(step for step, at in pairs if threshold(at, clock) == clock.told_minutes)


def _what_happened(due: _Due) -> str:
    what = "the first answer" if due.clock.kind is ClockKind.RESPONSE else "the solution"
    said = []
    if due.steps:
        said.append(f"{what}: {', '.join(step.at for step in due.steps)} reached")
    if due.clock.breached_at is not None and due.row.breached_at is None:
        moment = f"{due.clock.breached_at:%Y-%m-%d %H:%M} UTC"
        said.append(f"{what}: the target of “{due.clock.goal}” was missed at {moment}")
    return "; ".join(said) or f"{what}: nothing is due"


def _event(row: SlaClock, clock: Clock, text: str, *, now: datetime) -> dict[str, Any]:
    detail = {"clocks": clock_prints([clock])}
    return {"at": now, "kind": "sla", "actor": CLOCK, "ticket": row.ticket_id, "text": text, "detail": detail}


def _reminders(
    due: _Due,
    around: _Around,
    policy: Policy,
    secrets: Mapping[int, bytes],
    *,
    now: datetime,
    more: Sequence[Phrase] = (),
    is_late: bool = False,
    only: Container[str] | None = None,
) -> Iterator[dict[str, Any]]:
    """One mail to each person whom the last steps name, or to those of them in `only`."""
    ticket, clock = around.tickets[due.row.ticket_id], due.clock
    for person, rung in around.reminded(due, policy).items():
        if only is not None and person.address not in only:
            continue
        row = outbox_row(
            notice=REMINDER,
            to=person,
            role=Role.AGENT,
            ticket=ticket,
            about_id=None,
            context={
                "changes": [_due_words(clock, ticket, policy, person.address, now=now), *more],
                "clock": clock.kind.value,
                "why": why_reminded(rung, due.last, team=ticket.team, assignee=ticket.assignee, policy=policy),
                "is_late": is_late,
                "can_act": policy.agent_of(person.address) is not None,
            },
            cause=f"sla/{ticket.number}/{clock.kind}/{clock.turn}/{clock.told_minutes}",
            policy=policy,
            secrets=secrets,
            now=now,
            people=around.people,
            clocks=list(around.clocks[ticket.id].values()),
        )
        if row is not None:
            yield row


def _due_words(clock: Clock, ticket: Ticket, policy: Policy, reader: str, *, now: datetime) -> Phrase:
    return reminder_line(
        clock, ticket_type=ticket.type, priority=ticket.priority, reader=reader, policy=policy, now=now
    )


def _act(due: _Due, around: _Around, policy: Policy, secrets: Mapping[int, bytes], *, now: datetime) -> Climbed | None:
    """Raise and give on what the steps say, in the clock's name; what was done."""
    ticket = around.tickets[due.row.ticket_id]
    # Of the tickets before this one in the batch, too, somebody may have been given one.
    duty = duty_facts(policy) if any(step.reassign for step in due.steps) else None
    facts = ticket_facts(ticket, policy)
    done = climbed(due.steps, due.last, facts, policy, duty=duty, away=around.away, now=now)
    if done is None:
        return None
    decision = Decision(
        kind=MailKind.OWN,
        verdict=Verdict.ACCEPT,
        action=Action.FILE,
        reasons=(Reason(code="ladder", text="the clock, not a mail"),),
        ticket=ticket.number,
        actor=CLOCK,
        changes=done.changes,
    )
    cause = f"ladder/{ticket.number}/{due.clock.kind}/{due.clock.turn}/{due.clock.told_minutes}"
    unit = Unit(decision=decision, policy=policy, now=now, secrets=secrets, cause=cause, people=around.people)
    if (changed_ticket := carry_out(unit)) is not None:
        around.tickets[ticket.id] = changed_ticket
        around.clocks[ticket.id] = {one.kind: one for one in clocks_of(changed_ticket, policy)}
    return done


# --- after a standstill ---


# What somebody has said to have seen waits, for as long as it runs: they may take that back.
_TO_TELL_LATE = "late_at IS NOT NULL AND (acked_by = '' OR outcome <> ?)"


def _tell_late(policy: Policy, secrets: Mapping[int, bytes], *, now: datetime, fresh: _Fresh) -> int:
    """Tell what was noticed too late: one by one to somebody with few of it, else in one mail; how much there was."""
    rows = find_all(SlaClock, _TO_TELL_LATE, Outcome.RUNNING, order="due_at, id", limit=_LATE_AT_ONCE)
    if not rows:
        return 0
    around = _Around.of(rows, now=now)
    late = [
        _Due(row=row, clock=clock, last=_last_steps(clock, policy), fresh=fresh.get(row.id, frozenset()))
        for row in rows
        if (clock := as_clock(row)).is_open
    ]
    by_person: dict[str, list[_Due]] = defaultdict(list)
    mailboxes: dict[str, Address] = {}
    for due in late:
        for person in around.reminded(due, policy):
            by_person[person.address].append(due)
            mailboxes[person.address] = person
    for address, dues in by_person.items():
        if len(dues) > _FEW:
            _list_late(mailboxes[address], dues, around, policy, secrets, now=now)
    few = {address for address, dues in by_person.items() if len(dues) <= _FEW}
    mails = [mail for due in late for mail in _reminders(due, around, policy, secrets, now=now, is_late=True, only=few)]
    enqueue_all(mails, now=now)
    update(SlaClock, {"late_at": None}, f"id IN ({marks(rows)})", *(row.id for row in rows))
    return len(rows)


def _list_late(
    person: Address,
    dues: Sequence[_Due],
    around: _Around,
    policy: Policy,
    secrets: Mapping[int, bytes],
    *,
    now: datetime,
) -> None:
    """One mail with a line for each ticket, the most overdue first."""
    letters = []
    for due in dues[:_MOST_LINES]:
        ticket = around.tickets[due.row.ticket_id]
        token = policy.token(TicketType(ticket.type), ticket.number)
        letters.append(
            {
                "token": token,
                "subject": ticket.subject,
                "line": _due_words(due.clock, ticket, policy, person.address, now=now),
            }
        )
    enqueue(
        notice=REMINDERS,
        to=person,
        role=Role.AGENT,
        ticket=None,
        about_id=None,
        context={"letters": letters, "more": len(dues) - len(letters)},
        cause=f"sla-late/{now.isoformat()}/{dues[0].row.id}",
        policy=policy,
        secrets=secrets,
        now=now,
        people=around.people,
    )
