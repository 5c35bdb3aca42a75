"""Until when a ticket is on hold, as agents and rules write it. Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from gateway.policy import Policy
from gateway.policy.promises import DESK
from gateway.sla.days import morning_of
from gateway.when import MORNING, moment_on, read_until

# Nobody knows the holidays of later years.
_FARTHEST = timedelta(days=5 * 366)


def held_until(text: str, policy: Policy, *, now: datetime) -> datetime | None:
    """When what is on hold comes back, as UTC; None for what is not understood, already past or years away.

    On a day without a time that is when the desk's work begins on it, and at eight on a day without work.
    """
    calendar = policy.work_calendar(DESK)

    def begins(day: date) -> datetime:
        is_far = day > (now + _FARTHEST).date()
        return moment_on(day, MORNING, calendar.zone) if is_far else morning_of(calendar, day)

    until = read_until(text, now=now, time_zone=policy.desk.time_zone, begins=begins)
    return until if until is None or until <= now + _FARTHEST else None
