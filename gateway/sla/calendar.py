"""Working time of one calendar, to the minute: how much of it lies between two moments, and when some of it is over.

A minute is working time when a clock on the wall of the calendar's zone shows an open minute. So an hour that the clock
jumps over in spring is nowhere, and one that it shows twice in autumn counts twice; a night shift has the hours that
people work in it. A holiday or a closed day is closed from midnight to midnight.

The open hours of a year are read from `worktime` once, as intervals of UTC minutes in order; each question is then a
search in them. What may fail: nothing; a calendar that is never open ends at its horizon, some years away.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gateway.sla.public_holidays import public_holidays
from gateway.worktime import opening_intervals

# Where nothing opens for so long, nothing is ever due.
_HORIZON_YEARS = 10
_DAY = 24 * 60
_Intervals = list[tuple[int, int]]


def minute_of(moment: datetime) -> int:
    """The number of the minute that a moment lies in, since 1970 in UTC."""
    return int(moment.timestamp() // 60)


def moment_of(minute: int) -> datetime:
    """When a minute begins."""
    return datetime.fromtimestamp(minute * 60, UTC)


def to_the_minute(moment: datetime) -> datetime:
    """The beginning of the minute that a moment lies in."""
    return moment_of(minute_of(moment))


class WorkCalendar:
    """When a desk works: `hours` in the notation of opening_hours by the clock of `time_zone`.

    `regions` name whose public holidays are closed, `closed` further days; `opened` has the hours of single days, which
    count whatever else is said of them.
    """

    def __init__(
        self,
        *,
        name: str,
        time_zone: str,
        hours: str,
        regions: Iterable[str] = (),
        closed: Iterable[date] = (),
        opened: Mapping[date, str] | None = None,
    ) -> None:
        self.name = name
        self.hours = hours
        self.zone = ZoneInfo(time_zone)
        self._regions = tuple(regions)
        self._closed = frozenset(closed)
        self._opened = dict(opened or {})
        self._years: dict[int, _Year] = {}

    def __repr__(self) -> str:
        return f"WorkCalendar({self.name!r})"

    def minutes_between(self, start: datetime, end: datetime) -> int:
        """How much working time lies between two moments; negative where they are the other way round."""
        first, before_start = self._position(start)
        last, before_end = self._position(end)
        between = sum(self._year(year).total for year in range(first, last))
        between -= sum(self._year(year).total for year in range(last, first))
        return before_end - before_start + between

    def after(self, start: datetime, minutes: int) -> datetime:
        """The first moment at which so much working time has passed since `start`; for 0, `start` itself."""
        if minutes <= 0:
            return to_the_minute(start)
        year, before = self._position(start)
        left = before + minutes
        for number in range(year, year + _HORIZON_YEARS):
            found = self._year(number)
            if left <= found.total:
                return moment_of(found.when_worked(left))
            left -= found.total
        return datetime(year + _HORIZON_YEARS, 1, 1, tzinfo=UTC)

    def spans_between(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """The spans of work between two moments, cut off there; what goes on over midnight is one."""
        first, last = minute_of(start), minute_of(end)
        years = range(start.astimezone(self.zone).year, end.astimezone(self.zone).year + 1)
        found: _Intervals = []
        for begins, ends in (one for year in years for one in self._year(year).between(first, last)):
            if found and begins <= found[-1][1]:
                found[-1] = (found[-1][0], ends)
            else:
                found.append((begins, ends))
        return [(moment_of(max(begins, first)), moment_of(min(ends, last))) for begins, ends in found]

    def is_holiday(self, day: date) -> bool:
        """Whether a day is closed by a holiday or by name."""
        return day in self._closed_days(day.year) and day not in self._opened

    def _position(self, moment: datetime) -> tuple[int, int]:
        """The year of a moment by the calendar's clock, and how much of it had been worked before."""
        year = moment.astimezone(self.zone).year
        return year, self._year(year).worked_before(minute_of(moment))

    def _year(self, year: int) -> _Year:
        found = self._years.get(year)
        if found is None:
            found = self._years[year] = _Year.of(self._in_utc(self._by_the_wall(year), year))
        return found

    def _closed_days(self, year: int) -> frozenset[date]:
        return self._closed.union(*(public_holidays(region, year) for region in self._regions))

    def _by_the_wall(self, year: int) -> _Intervals:
        """The open intervals of a year in minutes of the wall clock."""
        found = _hours_on(self.hours, date(year, 1, 1), date(year + 1, 1, 1))
        special = {day for day in self._closed_days(year) | self._opened.keys() if day.year == year}
        for day in special:
            midnight = _wall_minute(datetime.combine(day, time()))
            found = list(_without(found, midnight, midnight + _DAY))
        for day in special & self._opened.keys():
            found += _hours_on(self._opened[day], day, day + timedelta(days=1))
        return sorted(found)

    def _in_utc(self, wall: _Intervals, year: int) -> _Intervals:
        """The same as minutes of UTC, offset by offset: what the clock jumps over falls out, what it repeats is there
        twice."""
        found: _Intervals = []
        for start, end, offset in _offsets(self.zone, year):
            shifted = ((max(first - offset, start), min(last - offset, end)) for first, last in wall)
            found += [(first, last) for first, last in shifted if first < last]
        return sorted(found)


@dataclass(frozen=True)
class _Year:
    """The open intervals of a year in UTC minutes, and how much had been worked at the end of each."""

    starts: list[int]
    ends: list[int]
    worked: list[int]

    @classmethod
    def of(cls, intervals: _Intervals) -> _Year:
        worked, sum_so_far = [], 0
        for start, end in intervals:
            sum_so_far += end - start
            worked.append(sum_so_far)
        return cls([start for start, _ in intervals], [end for _, end in intervals], worked)

    @property
    def total(self) -> int:
        return self.worked[-1] if self.worked else 0

    def between(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """The intervals that reach into a stretch of minutes."""
        places = range(bisect_right(self.ends, first), bisect_left(self.starts, last))
        return ((self.starts[place], self.ends[place]) for place in places)

    def worked_before(self, minute: int) -> int:
        index = bisect_right(self.starts, minute) - 1
        if index < 0:
            return 0
        return self.worked[index] - max(0, self.ends[index] - minute)

    def when_worked(self, minutes: int) -> int:
        """The minute at which so many (from 1 to `total`) have been worked."""
        index = bisect_left(self.worked, minutes)
        return self.ends[index] - (self.worked[index] - minutes)


def _wall_minute(naive: datetime) -> int:
    return minute_of(naive.replace(tzinfo=UTC))


def _hours_on(hours: str, first: date, end: date) -> _Intervals:
    found = opening_intervals(hours, datetime.combine(first, time()), datetime.combine(end, time()))
    return [(_wall_minute(start), _wall_minute(end)) for start, end in found]


def _without(intervals: _Intervals, start: int, end: int) -> Iterator[tuple[int, int]]:
    for first, last in intervals:
        if first < min(last, start):
            yield first, min(last, start)
        if max(first, end) < last:
            yield max(first, end), last


def _offsets(zone: ZoneInfo, year: int) -> Iterator[tuple[int, int, int]]:
    """The stretches around a year in which the zone keeps one offset: first and last UTC minute, offset in minutes."""
    # A day more on either side: the wall clock's year begins and ends at other moments than that of UTC.
    day, last = minute_of(datetime(year - 1, 12, 30, tzinfo=UTC)), minute_of(datetime(year + 1, 1, 3, tzinfo=UTC))
    start, offset = day, _offset(zone, day)
    while day < last:
        following = min(day + _DAY, last)
        if (new := _offset(zone, following)) != offset:
            change = _change_between(zone, day, following)
            yield start, change, offset
            start, offset = change, new
        day = following
    yield start, last, offset


def _change_between(zone: ZoneInfo, before: int, after: int) -> int:
    """The first minute of the new offset."""
    old = _offset(zone, before)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if _offset(zone, middle) == old else (before, middle)
    return after


def _offset(zone: ZoneInfo, minute: int) -> int:
    offset = moment_of(minute).astimezone(zone).utcoffset() or timedelta(0)
    return int(offset.total_seconds()) // 60
