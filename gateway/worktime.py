"""Opening hours in the notation of OpenStreetMap, ``Mo-Fr 08:00-17:00``: what is open when, by a clock on the wall.

What holidays and changes to summer time make of it is `sla.calendar`'s.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from opening_hours import OpeningHours, validate


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
