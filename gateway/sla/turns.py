"""What a ticket's clock becomes when the ticket has turned: answered, on hold, settled, ended, reopened, or another
target.

Pure and blind to how the ticket came there: a clock and where the ticket stands now make the clock as it should be.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.sla.calendar import WorkCalendar
from gateway.sla.clock import Clock, ClockKind, dropped, paused, reopened, resumed, retargeted, stopped
from gateway.ticket import OPEN_STATUSES, HoldReason, Status


@dataclass(frozen=True, kw_only=True)
class Target:
    """What holds for one clock of a ticket now: by which `[[sla]]`, how long, and whom it waits for while it stands."""

    goal: str
    calendar: str
    minutes: int
    pauses: frozenset[HoldReason]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a ticket stands. `is_answered`: a person's answer is on its way to the requester, or has arrived."""

    status: Status
    hold_reason: HoldReason | None = None
    is_answered: bool = False
    is_merged: bool = False

    def waits(self, target: Target) -> bool:
        return self.status is Status.ON_HOLD and self.hold_reason in target.pauses


def turned(
    clock: Clock,
    standing: Standing,
    target: Target | None,
    calendar: WorkCalendar,
    now: datetime,
    *,
    by_clock: bool = False,
) -> Clock:
    """The clock as it should be now. `calendar` is the one that it has run by; `target` None: nothing is promised.

    An open ticket's clock runs, or stands with it. The clock of the answer ends with the answer, and with the word that
    the matter is settled; that of the solution when it is settled. What is closed without either, merged or cancelled
    has nothing to meet any more.
    """
    if standing.status not in OPEN_STATUSES:
        return _ended(clock, standing, calendar, now)
    if clock.kind is ClockKind.RESPONSE and standing.is_answered:
        return stopped(clock, calendar, now)
    if target is None:
        return dropped(clock, calendar, now)
    if not clock.is_open:
        clock = reopened(clock, now)
    if (target.goal, target.calendar, target.minutes) != (clock.goal, clock.calendar, clock.target_minutes):
        clock = retargeted(
            clock,
            calendar,
            now,
            goal=target.goal,
            calendar=target.calendar,
            target_minutes=target.minutes,
            by_clock=by_clock,
        )
    # Where another calendar holds from now on, nothing has passed by it yet.
    return paused(clock, calendar, now) if standing.waits(target) else resumed(clock, now)


def _ended(clock: Clock, standing: Standing, calendar: WorkCalendar, now: datetime) -> Clock:
    if standing.is_merged or standing.status is Status.CANCELLED:
        return dropped(clock, calendar, now)
    is_settled = clock.kind is ClockKind.RESOLUTION or standing.status is Status.RESOLVED
    return stopped(clock, calendar, now) if is_settled or standing.is_answered else dropped(clock, calendar, now)
