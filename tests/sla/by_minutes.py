"""The same questions answered the slow way: minute by minute, by what a clock on the wall shows.

Nothing here uses the arithmetic of `gateway.sla`: hours are given as minutes of a week, and every minute is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")


@dataclass(frozen=True)
class SlowCalendar:
    """`week` is (weekday, first minute, last minute) of what is open; `special` has the open minutes of single days."""

    zone: ZoneInfo
    week: tuple[tuple[int, int, int], ...]
    closed: frozenset[date] = frozenset()
    special: dict[date, tuple[int, int]] = field(default_factory=dict)

    @property
    def hours(self) -> str:
        """The same week in the notation of opening_hours."""
        if not self.week:
            return "off"
        return "; ".join(
            f"{DAYS[day]} {', '.join(_span(first, last) for other, first, last in self.week if other == day)}"
            for day in sorted({day for day, _, _ in self.week})
        )

    def is_open(self, moment: datetime) -> bool:
        wall = moment.astimezone(self.zone)
        minute = wall.hour * 60 + wall.minute
        if (found := self.special.get(wall.date())) is not None:
            return found[0] <= minute < found[1]
        if wall.date() in self.closed:
            return False
        return any(day == wall.weekday() and first <= minute < last for day, first, last in self.week)

    def minutes_between(self, start: datetime, end: datetime) -> int:
        return sum(self.is_open(moment) for moment in _minutes(start, end))

    def after(self, start: datetime, minutes: int, *, give_up: datetime) -> datetime | None:
        worked = 0
        for moment in _minutes(start, give_up):
            if worked == minutes:
                return moment
            worked += self.is_open(moment)
        return None


def floor(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _minutes(start: datetime, end: datetime) -> Iterator[datetime]:
    moment, last = floor(start), floor(end)
    while moment < last:
        yield moment
        moment += MINUTE


def _span(first: int, last: int) -> str:
    return f"{first // 60:02}:{first % 60:02}-{last // 60:02}:{last % 60:02}"
