"""When a step of the ladder is due: at a part of the target, or some working time before or after the due moment.

A step is written "75%", "-30m" or "+1h"; "100%" and "+0m" are the due moment itself. All of them are working time of
the clock's own calendar, so that a step an hour after Friday's end of work is due on Monday morning, and stands while
the clock stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from gateway.sla.calendar import WorkCalendar
from gateway.sla.clock import LATE_AFTER, Clock, due_at, used_minutes
from gateway.sla.spans import read_minutes

_PERCENT = re.compile(r"([1-9]\d{0,3}) ?%")


@dataclass(frozen=True, kw_only=True)
class At:
    """When a step is due: at so much of the target, or so many working minutes after the due moment (before: < 0)."""

    percent: int | None = None
    offset_minutes: int = 0


@lru_cache(maxsize=256)
def read_at(text: str) -> At | None:
    """Read "75%", "-30m" or "+1h"; None for anything else."""
    plain = " ".join(text.split())
    if found := _PERCENT.fullmatch(plain):
        return At(percent=int(found[1]))
    sign, span = plain[:1], plain[1:]
    minutes = read_minutes(span) if sign in ("+", "-") else None
    if minutes is None:
        return None
    return At(offset_minutes=minutes if sign == "+" else -minutes)


def threshold(at: At, clock: Clock) -> int:
    """How much working time is used when the step is due; 0 or less for one that lies before the start."""
    if at.percent is None:
        return clock.due_minutes + at.offset_minutes
    if at.percent < 100:
        return -(-clock.target_minutes * at.percent // 100)
    return clock.due_minutes + -(-clock.target_minutes * (at.percent - 100) // 100)


def steps_passed(steps: Sequence[At], clock: Clock, used: int) -> list[int]:
    """Which steps are due and not done yet: their places in `steps`, in the order in which they were due."""
    found = [(threshold(at, clock), place) for place, at in enumerate(steps)]
    return [place for minutes, place in sorted(found) if max(0, clock.told_minutes) < minutes <= used]


def reached_at(at: At, clock: Clock, calendar: WorkCalendar) -> datetime | None:
    """When a step is or was due; None while the clock stands before it."""
    left = threshold(at, clock) - clock.used_minutes
    return calendar.after(clock.since, left) if clock.since is not None else None


def look_again_at(steps: Sequence[At], clock: Clock, calendar: WorkCalendar, now: datetime) -> datetime | None:
    """When something is due next: the next step, or the miss; None where nothing will be, as things stand.

    Whoever has asked for no more steps gets none; a miss is noted all the same.
    """
    if not clock.is_open or clock.since is None:
        return None
    moments = []
    if clock.breached_at is None:
        due = due_at(clock, calendar)
        moments += [due + LATE_AFTER] if due is not None else []
    if not clock.acked_by:
        used = used_minutes(clock, calendar, now)
        ahead = [minutes for at in steps if (minutes := threshold(at, clock)) > max(0, clock.told_minutes)]
        if ahead:
            left = min(ahead) - clock.used_minutes
            moments.append(now if min(ahead) <= used else calendar.after(clock.since, left))
    return min(moments, default=None)
