"""Working time: what the desk's opening hours make of "five working days".

Opening hours read like ``Mo-Fr 08:00-17:00``; arithmetic is over UTC moments, so that a change to summer time neither
adds nor loses an hour.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from opening_hours import OpeningHours, validate

_FARTHEST_DAYS = 400


def is_opening_hours(text: str) -> bool:
    """Whether a text can be read as opening hours."""
    return bool(validate(text))


def is_open(moment: datetime, *, hours: str, time_zone: str) -> bool:
    """Whether a moment is within opening hours, by the clock of that zone."""
    return bool(_opening(hours).is_open(moment.astimezone(ZoneInfo(time_zone)).replace(tzinfo=None)))


@lru_cache(maxsize=256)
def _opening(hours: str) -> OpeningHours:
    return OpeningHours(hours)


def opening_intervals(hours: str, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """When it is open between two moments of a wall clock (naive, as are those that come back), in order."""
    found = _opening(hours).intervals(start, end)
    return [(max(one[0], start), min(one[1], end)) for one in found if str(one[2]) == "open"]


def add_working_days(start: datetime, days: int, *, hours: str, time_zone: str) -> datetime:
    """The end of the `days`-th working day after the day of `start`; a day with opening hours is a working day.

    Without any opening hours within about a year, calendar days count.
    """
    zone = ZoneInfo(time_zone)
    opening = OpeningHours(hours)
    midnight = start.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    left = days
    for offset in range(1, _FARTHEST_DAYS):
        day = midnight + timedelta(days=offset)
        closes = None
        for interval in opening.intervals(day, day + timedelta(days=1)):
            if str(interval[2]) == "open":
                closes = min(interval[1], day + timedelta(days=1))
        if closes is not None:
            left -= 1
            if left <= 0:
                return closes.replace(tzinfo=zone).astimezone(UTC)
    return start + timedelta(days=days)


def opened_today(now: datetime, *, hours: str, time_zone: str) -> datetime | None:
    """When work began on the day of `now`; None before it begins, and on a day without work."""
    zone = ZoneInfo(time_zone)
    local = now.astimezone(zone).replace(tzinfo=None)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    for interval in OpeningHours(hours).intervals(midnight, midnight + timedelta(days=1)):
        if str(interval[2]) == "open":
            opens = max(interval[0], midnight)
            return opens.replace(tzinfo=zone).astimezone(UTC) if opens <= local else None
    return None


def working_days_before(now: datetime, days: int, *, hours: str, time_zone: str) -> datetime:
    """The moment before which everything is older than `days` whole working days; to the day."""
    zone = ZoneInfo(time_zone)
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    for back in range(_FARTHEST_DAYS):
        day = midnight - timedelta(days=back)
        if add_working_days(day, days, hours=hours, time_zone=time_zone) <= now:
            return (day + timedelta(days=1)).astimezone(UTC)
    return now - timedelta(days=days)
