"""Days of work: when one begins, when the fifth from now ends, and since when three of them have passed. Pure.

A day of work is not a day of the calendar: a night shift that begins at 22:00 is that evening's, also after midnight.
So it goes from five o'clock to five o'clock by the calendar's clock, and begins where a span of work begins in it. What
is open for more than twenty hours on end is a desk that several people keep; there, and for what needs some hour of a
day without work, the day begins at eight.

Spans of whole days count by midnight, as people count them: "five working days" are five days on which somebody works.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from gateway.sla.calendar import WorkCalendar

_MINUTE = timedelta(minutes=1)
_FARTHEST_DAYS = 800
_EARLIEST = time(5)
_MORNING = time(8)
_LONGEST_SHIFT = timedelta(hours=20)


def is_working_time(calendar: WorkCalendar, now: datetime) -> bool:
    return calendar.minutes_between(now, now + _MINUTE) > 0


def day_of_work(calendar: WorkCalendar, now: datetime) -> date:
    """The day whose work a moment belongs to."""
    local = now.astimezone(calendar.zone)
    return local.date() - timedelta(days=local.time() < _EARLIEST)


def began_today(calendar: WorkCalendar, now: datetime) -> datetime | None:
    """When work began on the day of work that `now` lies in; None before it has, and on a day without work."""
    begins = _begins_on(calendar, day_of_work(calendar, now))
    return begins if begins is not None and begins <= now else None


def morning_of(calendar: WorkCalendar, day: date) -> datetime:
    """When work begins on a day; at eight where nobody works on it."""
    return _begins_on(calendar, day) or _moment(calendar, day, _MORNING)


@lru_cache(maxsize=1024)
def _begins_on(calendar: WorkCalendar, day: date) -> datetime | None:
    tomorrow = day + timedelta(days=1)
    first, last = _moment(calendar, day, _EARLIEST), _moment(calendar, tomorrow, _EARLIEST)
    morning, midnight = _moment(calendar, day, _MORNING), _moment(calendar, tomorrow, time())
    found = []
    around = _LONGEST_SHIFT + _MINUTE
    for begins, ends in calendar.spans_between(first - around, last + around):
        if ends - begins <= _LONGEST_SHIFT:
            found += [begins] if first <= begins < last else []
        elif (begins := max(begins, morning)) < min(ends, midnight):
            found.append(begins)
    return min(found, default=None)


def days_worked_before(calendar: WorkCalendar, now: datetime, days: int) -> datetime:
    """The moment before which everything has lain for `days` whole working days, to the day."""
    end = _midnight(calendar, now, 0)
    for back in range(1, _FARTHEST_DAYS):
        if days <= 0:
            break
        start = _midnight(calendar, now, -back)
        days -= calendar.minutes_between(start, end) > 0
        end = start
    return end


def waited_before(calendar: WorkCalendar, now: datetime, days: int) -> datetime:
    """The moment before which everything has waited for `days` working days, each to its end; to the day."""
    for back in range(_FARTHEST_DAYS):
        if after_working_days(calendar, _midnight(calendar, now, -back), days) <= now:
            return _midnight(calendar, now, 1 - back)
    return now - timedelta(days=days)


@lru_cache(maxsize=1024)
def after_working_days(calendar: WorkCalendar, start: datetime, days: int) -> datetime:
    """When work ends on the `days`-th working day after the day of `start`.

    Where nobody works for more than two years, calendar days count.
    """
    left = days
    for offset in range(1, _FARTHEST_DAYS):
        begins = _midnight(calendar, start, offset)
        worked = calendar.minutes_between(begins, _midnight(calendar, start, offset + 1))
        left -= worked > 0
        if left <= 0:
            return calendar.after(begins, worked)
    return start + timedelta(days=days)


def _midnight(calendar: WorkCalendar, now: datetime, days: int) -> datetime:
    return _moment(calendar, now.astimezone(calendar.zone).date() + timedelta(days=days), time())


def _moment(calendar: WorkCalendar, day: date, clock: time) -> datetime:
    # As UTC: two times of one zone are compared by their clocks, whatever the season.
    return datetime.combine(day, clock, tzinfo=calendar.zone).astimezone(UTC)
