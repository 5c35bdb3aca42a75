"""Working time counted minute by minute on a clock on the wall: slow, plain, and nothing of `gateway.sla`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
# The public holidays of Berlin in the months that are played, written down by hand.
HOLIDAYS = frozenset(
    date(2026, *day) for day in ((1, 1), (3, 8), (4, 3), (4, 6), (5, 1), (5, 14), (5, 25), (10, 3), (12, 25), (12, 26))
)
_Hours = tuple[int, int]


def berlin(text: str) -> datetime:
    """A moment in UTC of what a clock in Berlin shows: "2026-03-27 09:00"."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


def day_in_berlin(moment: datetime, days: int = 0) -> date:
    """The day there, or one so many days later."""
    return moment.astimezone(BERLIN).date() + timedelta(days=days)


def clock_time(day: date, hour: int = 0) -> datetime:
    """An hour of a day by the clock in Berlin, in UTC."""
    return datetime.combine(day, time(hour), tzinfo=BERLIN).astimezone(UTC)


@dataclass(frozen=True, kw_only=True)
class Wall:
    """One calendar from `first` on, for so many days: a flag for each minute that is worked.

    `hours` are minutes of the day by the weekday (Monday is 0); None means around the clock.
    """

    first: datetime
    days: int
    hours: Mapping[int, _Hours] | None
    flags: bytearray = field(init=False, repr=False)
    # How many minutes are worked before each place.
    before: list[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        minutes = range(self.days * 24 * 60)
        flags = bytearray(self._is_worked(self.first + timedelta(minutes=one)) for one in minutes)
        object.__setattr__(self, "flags", flags)
        object.__setattr__(self, "before", [0, *accumulate(flags)])

    def _is_worked(self, moment: datetime) -> bool:
        if self.hours is None:
            return True
        there = moment.astimezone(BERLIN)
        opens, closes = self.hours.get(there.weekday(), (0, 0))
        return opens <= there.hour * 60 + there.minute < closes and there.date() not in HOLIDAYS

    def place(self, moment: datetime) -> int:
        return int((moment - self.first).total_seconds() // 60)

    def moment(self, place: int) -> datetime:
        return self.first + timedelta(minutes=place)

    def is_open(self, moment: datetime) -> bool:
        return bool(self.flags[self.place(moment)])

    def worked(self, start: int, end: int) -> int:
        """How many minutes are worked from one place up to another."""
        return self.before[end] - self.before[start] if end > start else 0

    def after(self, start: int, minutes: int) -> int:
        """The place at which so many minutes have been worked; for 0 or less `start` itself."""
        return bisect_left(self.before, self.before[start] + minutes) if minutes > 0 else start

    def opens(self, moment: datetime) -> datetime:
        """The moment itself where it is worked, else the next that is."""
        place = self.place(moment)
        return moment if self.flags[place] else self.moment(self.after(place, 1) - 1)
