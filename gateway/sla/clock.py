"""One clock of a ticket: what of its target is used, until when, and what each turn of the ticket makes of it.

A clock runs from `since`, stands while the ticket waits (`since` None), and ends with an outcome. `used_minutes` is
what was used up to `since`, or in all where it does not run. Every function takes the calendar that the clock runs by,
and the moment; none changes its arguments.

Fairness, in four rules. What was worked before a change counts after it, by the calendar that it was worked in. A new
target is never due before the moment at which it began to count: what was used up by then makes it due at that moment.
A miss under a target that no longer holds is taken back, unless it is one under the new target too. And a clock that
goes on after its end (the ticket was reopened, the answer came back) has lost nothing to the time in between, or has
run on through it, as the case may be: reopening resumes it, a lost answer never stopped it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.sla.calendar import WorkCalendar, minute_of, to_the_minute


class ClockKind(StrEnum):
    """Until when the requester hears from a person, and until when the matter is settled."""

    RESPONSE = "response"
    RESOLUTION = "resolution"


class Outcome(StrEnum):
    """How a clock ended; RUNNING while it has not, DROPPED where nothing was to be met any more."""

    RUNNING = "running"
    MET = "met"
    MISSED = "missed"
    DROPPED = "dropped"


@dataclass(frozen=True, kw_only=True)
class Clock:
    """A clock as it stands. `goal` and `calendar` are names of rules.toml.

    `due_minutes` is how much working time may be used: the target, or what was used when a shorter target began to
    count. `breached_at` is the due moment that was missed. Steps of the ladder up to `told_minutes` are done;
    `acked_by` has asked for no more of them. `turn` counts new starts and targets, so that each has its own mails.
    """

    kind: ClockKind
    goal: str
    calendar: str
    target_minutes: int
    due_minutes: int
    started_at: datetime
    since: datetime | None
    used_minutes: int = 0
    stopped_at: datetime | None = None
    outcome: Outcome = Outcome.RUNNING
    breached_at: datetime | None = None
    told_minutes: int = 0
    acked_by: str = ""
    turn: int = 0

    @property
    def is_open(self) -> bool:
        return self.outcome is Outcome.RUNNING

    @property
    def is_paused(self) -> bool:
        return self.is_open and self.since is None


def started(kind: ClockKind, *, goal: str, calendar: str, target_minutes: int, at: datetime) -> Clock:
    """A clock that begins to run."""
    return Clock(
        kind=kind,
        goal=goal,
        calendar=calendar,
        target_minutes=target_minutes,
        due_minutes=target_minutes,
        started_at=to_the_minute(at),
        since=to_the_minute(at),
    )


def used_minutes(clock: Clock, calendar: WorkCalendar, now: datetime) -> int:
    """How much working time is used at `now`."""
    if clock.since is None:
        return clock.used_minutes
    return clock.used_minutes + max(0, calendar.minutes_between(clock.since, now))


def minutes_left(clock: Clock, calendar: WorkCalendar, now: datetime) -> int:
    """How much may still be used; never below 0."""
    return max(0, clock.due_minutes - used_minutes(clock, calendar, now))


def due_at(clock: Clock, calendar: WorkCalendar) -> datetime | None:
    """The last minute in which the target is met; the missed one, where it was missed; None while the clock stands."""
    if clock.breached_at is not None or clock.since is None:
        return clock.breached_at
    return calendar.after(clock.since, clock.due_minutes - clock.used_minutes)


def settled(clock: Clock, calendar: WorkCalendar, now: datetime) -> Clock:
    """The clock with a miss noted that lies before `now`."""
    due = due_at(clock, calendar) if clock.is_open and clock.breached_at is None else None
    return replace(clock, breached_at=due) if due is not None and minute_of(due) < minute_of(now) else clock


def paused(clock: Clock, calendar: WorkCalendar, now: datetime) -> Clock:
    """The ticket waits for somebody: the clock stands."""
    clock = settled(clock, calendar, now)
    if clock.since is None:
        return clock
    return replace(clock, used_minutes=used_minutes(clock, calendar, now), since=None)


def resumed(clock: Clock, now: datetime) -> Clock:
    """The ticket waits no longer."""
    return replace(clock, since=to_the_minute(now)) if clock.is_paused else clock


def stopped(clock: Clock, calendar: WorkCalendar, now: datetime) -> Clock:
    """What was to happen has happened."""
    if not clock.is_open:
        return clock
    clock = paused(clock, calendar, now)
    outcome = Outcome.MET if clock.breached_at is None else Outcome.MISSED
    return replace(clock, stopped_at=to_the_minute(now), outcome=outcome)


def dropped(clock: Clock, calendar: WorkCalendar, now: datetime) -> Clock:
    """Nothing is to be met any more; the clock counts neither as met nor as missed."""
    if not clock.is_open:
        return clock
    return replace(paused(clock, calendar, now), stopped_at=to_the_minute(now), outcome=Outcome.DROPPED)


def reopened(clock: Clock, now: datetime) -> Clock:
    """Go on where it ended: the time in between counts for nobody, a miss stays one, and the ladder may speak again."""
    if clock.is_open:
        return clock
    return replace(
        clock,
        stopped_at=None,
        outcome=Outcome.RUNNING,
        since=to_the_minute(now),
        acked_by="",
        turn=clock.turn + 1,
    )


def retargeted(
    clock: Clock,
    before: WorkCalendar,
    now: datetime,
    *,
    goal: str,
    calendar: str,
    target_minutes: int,
    by_clock: bool = False,
) -> Clock:
    """Another target holds from now on; `before` is the calendar until now.

    Steps of the ladder count anew where the target is shorter; where the ladder itself has brought it about
    (`by_clock`), what has passed by now has passed, so that no step can cause itself.
    """
    was_running = clock.since is not None
    clock = paused(clock, before, now)
    used = clock.used_minutes
    told = clock.told_minutes
    if by_clock:
        told = used
    elif target_minutes < clock.target_minutes:
        told = 0
    stays_missed = clock.breached_at is not None and used > target_minutes
    return replace(
        clock,
        goal=goal,
        calendar=calendar,
        target_minutes=target_minutes,
        due_minutes=clock.due_minutes if stays_missed else max(target_minutes, used),
        breached_at=clock.breached_at if stays_missed else None,
        since=to_the_minute(now) if was_running else None,
        told_minutes=told,
        acked_by=clock.acked_by if by_clock else "",
        turn=clock.turn + 1,
    )


def replayed(
    clock: Clock, calendar: WorkCalendar, stands: Iterable[tuple[datetime, bool]], *, not_before: datetime | None = None
) -> Clock:
    """Run a clock through what the ticket did since it started: when it began to wait (True) and when it no longer did.

    `not_before`: a target that holds only since then is due at that moment at the earliest.
    """
    for moment, waits in stands:
        clock = paused(clock, calendar, moment) if waits else resumed(clock, moment)
    if not_before is None:
        return clock
    used = used_minutes(clock, calendar, not_before)
    if used < clock.due_minutes and clock.breached_at is None:
        return clock
    since = to_the_minute(not_before) if clock.since is not None else None
    return replace(clock, used_minutes=used, since=since, due_minutes=max(used, clock.target_minutes), breached_at=None)


# A clock is late from the minute after the last in which its target is met.
LATE_AFTER = timedelta(minutes=1)
