"""The clocks of a ticket as rows: started when it opens, and brought up to date when it has turned.

Place in the mail's way: part of carrying out a decision, in the transaction of its mail. What each clock becomes is
decided in `gateway.sla`; every change of one stands in the detail of the event that brought it about, so that the audit
can play it again. Where the policy promises nothing, nothing here reads or writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.policy import Policy
from gateway.policy.promises import Sla
from gateway.sla import (
    At,
    Clock,
    ClockKind,
    Outcome,
    Standing,
    Target,
    due_at,
    look_again_at,
    read_at,
    replayed,
    settled,
    started,
    stopped,
    turned,
)
from gateway.store.rows import find_all, find_values, insert_all, marks, update
from gateway.store.states import AuthorRole, MessageState
from gateway.store.tables import Event, SlaClock, Ticket
from gateway.ticket import OPEN_STATUSES, HoldReason, Role, Status, Visibility
from gateway.triage.decision import AckClocks, Notice, TakeBackAnswer

if TYPE_CHECKING:
    from gateway.desk.unit import Unit


_AT_ONCE = 500
# How the history writes a moment of a clock, which is exact to the minute.
WRITTEN = "%Y-%m-%dT%H:%MZ"
# Whose word it is that the clock carries out.
CLOCK = "clock"

_ANSWERS = """SELECT MIN(m.at) FROM message m WHERE m.ticket_id = ? AND m.author_role = ? AND m.visibility = ?
    AND m.state = ? AND (NOT EXISTS (SELECT 1 FROM outbox o WHERE o.about_id = m.id AND o.role = ?)
    OR EXISTS (SELECT 1 FROM outbox o WHERE o.about_id = m.id AND o.role = ? AND o.bounced_at IS NULL
        AND o.state NOT IN ('failed', 'cancelled')))"""


@dataclass(frozen=True, kw_only=True)
class KeptClock:
    """A clock and its row."""

    row_id: int
    clock: Clock


def open_clocks(unit: Unit, ticket: Ticket) -> dict[str, object]:
    """Start the clocks of a new ticket, in one statement; what the history says of them.

    They run since its mail arrived; since now where nobody could see it before: let in by a person, or imported.
    """
    targets = _targets(ticket, unit.policy)
    unseen = unit.envelope is not None and (unit.envelope.released or unit.envelope.quiet)
    since = unit.now if unseen else ticket.arrived_at or unit.now
    clocks = [
        started(kind, goal=target.goal, calendar=target.calendar, target_minutes=target.minutes, at=since)
        for kind, target in targets.items()
    ]
    if not clocks:
        return {}
    insert_all(SlaClock, [clock_values(clock, ticket.id, unit.policy, now=unit.now) for clock in clocks])
    unit.clocks = (ticket.id, clocks)
    return told_of_clocks(clocks)


def shown_clocks(unit: Unit, notice: Notice) -> Sequence[Clock]:
    """The clocks whose due times a mail says: those to agents, and the acknowledgement. Read once for a unit."""
    is_shown = notice.role is Role.AGENT or notice.name == "acknowledgement"
    if unit.ticket is None or not is_shown or not unit.policy.slas:
        return ()
    if unit.clocks is None or unit.clocks[0] != unit.ticket.id:
        unit.clocks = (unit.ticket.id, clocks_of(unit.ticket, unit.policy))
    return unit.clocks[1]


def clocks_of(ticket: Ticket, policy: Policy) -> list[Clock]:
    """The clocks of a ticket, that of the answer first; none where the policy promises nothing."""
    return [kept.clock for kept in kept_clocks(ticket)] if policy.slas else []


def turn_clocks(unit: Unit, ticket: Ticket) -> dict[str, object]:
    """Bring the clocks up to where the ticket stands now; what the history says of those that changed."""
    if not unit.policy.slas:
        return {}
    standing, targets = _standing(ticket), _targets(ticket, unit.policy)
    changed, unchanged = [], []
    kept = kept_clocks(ticket)
    for one in kept:
        calendar = unit.policy.work_calendar(one.clock.calendar)
        target = targets.get(one.clock.kind)
        clock = turned(one.clock, standing, target, calendar, unit.now, by_clock=unit.decision.actor == CLOCK)
        if clock != one.clock:
            save_clock(one.row_id, clock, unit.policy, now=unit.now)
            changed.append(clock)
        else:
            unchanged.append(clock)
    missing = {kind: target for kind, target in targets.items() if kind not in {one.clock.kind for one in kept}}
    changed += _begin_late(unit, ticket, standing, missing)
    unit.clocks = (ticket.id, changed + unchanged)
    return told_of_clocks(changed)


def _begin_late(unit: Unit, ticket: Ticket, standing: Standing, targets: Mapping[ClockKind, Target]) -> list[Clock]:
    """Clocks for targets that the ticket had not when it opened: what was worked since counts, as far as it can."""
    clocks = []
    for kind, target in targets.items():
        if standing.status not in OPEN_STATUSES or (kind is ClockKind.RESPONSE and standing.is_answered):
            continue
        clock = started(
            kind,
            goal=target.goal,
            calendar=target.calendar,
            target_minutes=target.minutes,
            at=ticket.arrived_at or ticket.opened_at,
        )
        calendar = unit.policy.work_calendar(target.calendar)
        clocks.append(replayed(clock, calendar, _stands(ticket, target), not_before=unit.now))
    insert_all(SlaClock, [clock_values(clock, ticket.id, unit.policy, now=unit.now) for clock in clocks])
    return clocks


def ack_clocks(unit: Unit, change: AckClocks) -> None:
    """Nobody is reminded any more of what runs on the ticket now."""
    ticket = unit.ticket
    changed = []
    for one in kept_clocks(ticket) if ticket is not None else []:
        if one.clock.is_open and not one.clock.acked_by:
            clock = replace(one.clock, acked_by=change.by)
            save_clock(one.row_id, clock, unit.policy, now=unit.now)
            changed.append(clock)
    if changed:
        unit.record("ack", f"{change.by} has seen it: no more reminders", told_of_clocks(changed))


def take_back_answer(unit: Unit, change: TakeBackAnswer) -> None:
    """A mail to the requester came back: what was answered is what has not come back.

    A clock that an answer had stopped which never arrived has never stopped.
    """
    ticket = unit.ticket
    first = _first_answer_that_left(ticket) if ticket is not None else None
    if ticket is None or first == ticket.first_answer_at:
        return
    ticket.first_answer_at = first
    update(Ticket, {"first_answer_at": first}, "id = ?", ticket.id)
    changed = []
    for one in kept_clocks(ticket) if unit.policy.slas and ticket.status in OPEN_STATUSES else []:
        if one.clock.kind is ClockKind.RESPONSE:
            clock = _lived_again(ticket, one.clock, unit.policy, first, now=unit.now)
            save_clock(one.row_id, clock, unit.policy, now=unit.now)
            changed.append(clock)
    unit.clocks = None
    text = change.why + ("" if first is not None else ": nobody has answered yet")
    unit.record("answer-lost", text, told_of_clocks(changed))


def _lived_again(ticket: Ticket, before: Clock, policy: Policy, first: datetime | None, *, now: datetime) -> Clock:
    """The clock of the answer as it is where nobody answered before `first`: through all that the ticket was until
    then, every priority, type and team that it had among it."""
    clock = replace(
        before,
        due_minutes=before.target_minutes,
        since=before.started_at,
        used_minutes=0,
        stopped_at=None,
        outcome=Outcome.RUNNING,
        breached_at=None,
    )
    past = _past(ticket, until=first or now)
    opening = _target(policy.sla_of(*past[0].promised_by), ClockKind.RESPONSE)
    if opening is not None:
        minutes = opening.minutes
        clock = replace(
            clock, goal=opening.goal, calendar=opening.calendar, target_minutes=minutes, due_minutes=minutes
        )
    for stood in past:
        target = _target(policy.sla_of(*stood.promised_by), ClockKind.RESPONSE)
        clock = turned(clock, stood.standing, target, policy.work_calendar(clock.calendar), stood.at)
    calendar = policy.work_calendar(clock.calendar)
    clock = stopped(clock, calendar, first) if first is not None else settled(clock, calendar, now)
    # What was said of it was said.
    return replace(clock, told_minutes=before.told_minutes, acked_by="", turn=before.turn + 1)


@dataclass(kw_only=True)
class _Stood:
    """Where a ticket stood from a moment on, and by what its times were promised: type, priority, team."""

    at: datetime
    standing: Standing
    promised_by: tuple[str, str, str]


_PROMISED_BY = ("type", "priority", "team")


def _past(ticket: Ticket, *, until: datetime) -> list[_Stood]:
    """Where a ticket that nobody had answered stood, from its opening on."""
    found = find_all(Event, "ticket_id = ? AND kind IN ('status', 'field')", ticket.id, order="id")
    fields = {name: str(getattr(ticket, name)) for name in _PROMISED_BY}
    for event in reversed(found):
        if event.kind == "field" and event.detail["field"] in fields:
            fields[event.detail["field"]] = event.detail["before"][0]
    opened_at = ticket.arrived_at or ticket.opened_at
    past = [_Stood(at=opened_at, standing=Standing(status=Status.NEW), promised_by=_promised(fields))]
    for event in found:
        if event.at > until:
            break
        standing = past[-1].standing
        if event.kind == "status":
            status, hold, *_ = event.detail["after"]
            standing = Standing(status=Status(status), hold_reason=HoldReason(hold) if hold else None)
        elif event.detail["field"] in fields:
            fields[event.detail["field"]] = event.detail["after"][0]
        if past[-1].at == event.at:
            # What one mail does is done at once.
            past.pop()
        past.append(_Stood(at=event.at, standing=standing, promised_by=_promised(fields)))
    return past


def _promised(fields: Mapping[str, str]) -> tuple[str, str, str]:
    return fields["type"], fields["priority"], fields["team"]


def _first_answer_that_left(ticket: Ticket) -> datetime | None:
    """When the first answer was given of which no mail to the requester has come back."""
    people = (Role.REQUESTER, Role.REQUESTER)
    found = find_values(_ANSWERS, ticket.id, AuthorRole.AGENT, Visibility.PUBLIC, MessageState.POSTED, *people)
    return SlaClock.since.python_value(found[0][0])


def due_moments(tickets: Sequence[Ticket], policy: Policy) -> dict[int, dict[str, datetime]]:
    """When the running clocks of tickets are due, or were: by the ticket's row, then by the kind of the clock."""
    found: dict[int, dict[str, datetime]] = {ticket.id: {} for ticket in tickets}
    ids = list(found) if policy.slas else []
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        condition = f"ticket_id IN ({marks(some)}) AND outcome = ? AND due_at IS NOT NULL"
        for row in find_all(SlaClock, condition, *some, Outcome.RUNNING):
            found[row.ticket_id][row.kind] = row.due_at
    return found


def as_clock(row: SlaClock) -> Clock:
    return Clock(
        kind=ClockKind(row.kind),
        goal=row.goal,
        calendar=row.calendar,
        target_minutes=row.target_minutes,
        due_minutes=row.due_minutes,
        started_at=row.started_at,
        since=row.since,
        used_minutes=row.used_minutes,
        stopped_at=row.stopped_at,
        outcome=Outcome(row.outcome),
        breached_at=row.breached_at,
        told_minutes=row.told_minutes,
        acked_by=row.acked_by,
        turn=row.turn,
    )


def save_clock(row_id: int, clock: Clock, policy: Policy, *, now: datetime, **more: object) -> None:
    """Write a clock over its row."""
    update(SlaClock, clock_values(clock, None, policy, now=now) | more, "id = ?", row_id)


def clock_prints(clocks: Iterable[Clock]) -> dict[str, list[str]]:
    """Clocks as the history writes them."""
    return {clock.kind.value: print_of(clock) for clock in clocks}


def print_of(clock: Clock) -> list[str]:
    """All of a clock, as texts."""
    moments = (clock.started_at, clock.since, clock.stopped_at, clock.breached_at)
    written = [moment.strftime(WRITTEN) if moment is not None else "" for moment in moments]
    numbers = (clock.target_minutes, clock.due_minutes, clock.used_minutes, clock.told_minutes, clock.turn)
    return [clock.goal, clock.calendar, clock.outcome.value, *written, *map(str, numbers), clock.acked_by]


def steps_at(policy: Policy, clock: Clock) -> list[At]:
    """When the steps of the ladder beside a clock are due, in the order of the file."""
    found = (read_at(step.at) for step in policy.steps_of(clock.goal, clock.kind))
    return [at for at in found if at is not None]


def clock_values(clock: Clock, ticket_id: int | None, policy: Policy, *, now: datetime) -> dict[str, Any]:
    calendar = policy.work_calendar(clock.calendar)
    ticket = {"ticket": ticket_id, "kind": clock.kind, "started_at": clock.started_at} if ticket_id is not None else {}
    return ticket | {
        "goal": clock.goal,
        "calendar": clock.calendar,
        "target_minutes": clock.target_minutes,
        "due_minutes": clock.due_minutes,
        "since": clock.since,
        "used_minutes": clock.used_minutes,
        "due_at": due_at(clock, calendar) if clock.is_open else None,
        "stopped_at": clock.stopped_at,
        "outcome": clock.outcome,
        "breached_at": clock.breached_at,
        "told_minutes": clock.told_minutes,
        "acked_by": clock.acked_by,
        "turn": clock.turn,
        "next_at": look_again_at(steps_at(policy, clock), clock, calendar, now),
    }


def told_of_clocks(clocks: Sequence[Clock]) -> dict[str, object]:
    return {"clocks": clock_prints(clocks)} if clocks else {}


def kept_clocks(ticket: Ticket) -> list[KeptClock]:
    rows = find_all(SlaClock, "ticket_id = ?", ticket.id, order="kind DESC")
    return [KeptClock(row_id=row.id, clock=as_clock(row)) for row in rows]


def _targets(ticket: Ticket, policy: Policy) -> dict[ClockKind, Target]:
    sla = policy.sla_of(ticket.type, ticket.priority, ticket.team) if policy.slas else None
    found = {kind: _target(sla, kind) for kind in ClockKind}
    return {kind: target for kind, target in found.items() if target is not None}


def _target(sla: Sla | None, kind: ClockKind) -> Target | None:
    minutes = sla.target_minutes(kind) if sla is not None else None
    if sla is None or minutes is None:
        return None
    return Target(goal=sla.name, calendar=sla.calendar, minutes=minutes, pauses=frozenset(sla.pause))


def _standing(ticket: Ticket) -> Standing:
    return Standing(
        status=Status(ticket.status),
        hold_reason=HoldReason(ticket.hold_reason) if ticket.hold_reason else None,
        is_answered=ticket.first_answer_at is not None,
        is_merged=ticket.merged_into_id is not None,
    )


def _stands(ticket: Ticket, target: Target) -> list[tuple[datetime, bool]]:
    """Since when the ticket waited for somebody that the clock stands for, or was ended, and since when it did not."""
    events = find_all(Event, "ticket_id = ? AND kind = ?", ticket.id, "status", order="id")
    found = []
    for event in events:
        status, hold, *_ = event.detail["after"]
        standing = Standing(status=Status(status), hold_reason=HoldReason(hold) if hold else None)
        found.append((event.at, standing.waits(target) or standing.status not in OPEN_STATUSES))
    return found
