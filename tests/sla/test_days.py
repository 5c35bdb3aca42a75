"""Days of work: when one begins, five of them, and how long ago three of them began; with holidays, by every clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.sla import WorkCalendar
from gateway.sla.days import after_working_days, began_today, day_of_work, morning_of, waited_before

BERLIN = "Europe/Berlin"
OFFICE = "Mo-Fr 08:00-17:00"


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def calendar(hours: str = OFFICE, zone: str = BERLIN, **more: object) -> WorkCalendar:
    return WorkCalendar(name="desk", time_zone=zone, hours=hours, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "days", "hours", "zone", "expected"),
    [
        ("2026-03-02 09:00", 5, OFFICE, "UTC", "2026-03-09 17:00"),
        ("2026-03-02 09:00", 1, OFFICE, "UTC", "2026-03-03 17:00"),
        # On a Friday, at the weekend, at night
        ("2026-03-06 16:59", 1, OFFICE, "UTC", "2026-03-09 17:00"),
        ("2026-03-07 12:00", 1, OFFICE, "UTC", "2026-03-09 17:00"),
        ("2026-03-08 23:59", 1, OFFICE, "UTC", "2026-03-09 17:00"),
        # Monday by UTC is Tuesday in Auckland, and Sunday in Los Angeles
        ("2026-03-02 12:00", 1, OFFICE, "Pacific/Auckland", "2026-03-04 04:00"),
        ("2026-03-02 05:00", 1, OFFICE, "America/Los_Angeles", "2026-03-03 01:00"),
        # Summer time begins on the 29th of March and ends on the 25th of October
        ("2026-03-27 12:00", 1, OFFICE, BERLIN, "2026-03-30 15:00"),
        ("2026-10-23 12:00", 1, OFFICE, BERLIN, "2026-10-26 16:00"),
        # Other weeks
        ("2026-03-02 09:00", 2, "Su-Th 08:00-16:00", "UTC", "2026-03-04 16:00"),
        ("2026-03-05 09:00", 1, "Su-Th 08:00-16:00", "UTC", "2026-03-08 16:00"),
        ("2026-03-02 09:00", 4, "Mo-Th 08:00-17:00; Fr 08:00-14:00", "UTC", "2026-03-06 14:00"),
        ("2026-03-02 09:00", 1, "Mo-Fr 08:00-12:00,13:00-17:00", "UTC", "2026-03-03 17:00"),
        ("2026-03-02 09:00", 1, "24/7", "UTC", "2026-03-04 00:00"),
    ],
)
def test_the_end_of_a_working_day(start: str, days: int, hours: str, zone: str, expected: str) -> None:
    assert after_working_days(calendar(hours, zone), at(start), days) == at(expected)


def test_holidays_closed_days_and_opened_ones_count_as_what_they_are() -> None:
    days = calendar(regions=["DE"], closed=[date(2026, 12, 24)], opened={date(2026, 12, 26): "10:00-12:00"})
    # After Wednesday the 23rd: not the 24th, not the 25th, but Saturday the 26th.
    assert after_working_days(days, at("2026-12-23 09:00"), 1) == at("2026-12-26 12:00", BERLIN)
    assert after_working_days(days, at("2026-12-23 09:00"), 2) == at("2026-12-28 17:00", BERLIN)
    assert waited_before(days, at("2026-12-28 18:00"), 2) == at("2026-12-26 00:00", BERLIN)
    assert began_today(days, at("2026-12-25 12:00")) is None
    assert began_today(days, at("2026-12-26 12:00")) == at("2026-12-26 10:00", BERLIN)


def test_where_nobody_ever_works_calendar_days_count() -> None:
    start = at("2026-03-02 09:00")
    assert after_working_days(calendar("off", "UTC"), start, 5) == start + timedelta(days=5)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 5_000), st.integers(1, 20))
def test_more_days_end_later_and_a_later_start_never_ends_sooner(hours_on: int, days: int) -> None:
    start = at("2026-01-01 00:00") + timedelta(hours=hours_on)
    end = after_working_days(_OFFICE, start, days)
    assert end > start
    assert end < after_working_days(_OFFICE, start, days + 1)
    assert end <= after_working_days(_OFFICE, start + timedelta(hours=1), days)


_OFFICE = calendar()


@pytest.mark.parametrize(
    ("now", "began"),
    [
        ("2026-03-02 07:59", ""),
        ("2026-03-02 08:00", "2026-03-02 08:00"),
        ("2026-03-02 21:00", "2026-03-02 08:00"),
        ("2026-03-07 13:00", ""),  # a Saturday
        ("2026-06-02 08:00", "2026-06-02 08:00"),  # summer time
    ],
)
def test_work_begins_by_the_clock_on_the_wall(now: str, began: str) -> None:
    assert began_today(_OFFICE, at(now, BERLIN)) == (at(began, BERLIN) if began else None)


@pytest.mark.parametrize(
    ("hours", "now", "began"),
    [
        # A night shift begins in the evening, and goes on after midnight without beginning once more.
        ("Mo-Fr 22:00-06:00", "2026-03-03 00:00", "2026-03-02 22:00"),
        ("Mo-Fr 22:00-06:00", "2026-03-03 05:30", ""),
        ("Mo-Fr 22:00-06:00", "2026-03-02 21:59", ""),
        ("Mo-Fr 22:00-06:00", "2026-03-07 03:00", "2026-03-06 22:00"),
        ("Mo-Fr 00:00-06:00,22:00-24:00", "2026-03-04 01:00", "2026-03-03 22:00"),
        # Work that begins at midnight begins then, and early work is that of its night.
        ("Mo-Fr 00:00-06:00", "2026-03-03 00:00", "2026-03-03 00:00"),
        ("Mo-Fr 04:00-12:00", "2026-03-03 04:30", "2026-03-03 04:00"),
        ("Mo-Fr 04:00-12:00", "2026-03-03 05:30", ""),
        # Where it is always open, nobody's day begins at midnight.
        ("24/7", "2026-03-03 07:59", ""),
        ("24/7", "2026-03-03 08:00", "2026-03-03 08:00"),
        ("Mo-Fr 00:00-24:00", "2026-03-02 00:00", ""),
        ("Mo-Fr 00:00-24:00", "2026-03-02 08:00", "2026-03-02 08:00"),
        # A night in which the clock is changed
        ("22:00-06:00", "2026-03-29 03:30", "2026-03-28 22:00"),
        ("22:00-06:00", "2026-10-25 02:30", "2026-10-24 22:00"),
        # Over the new year
        ("22:00-06:00", "2027-01-01 02:00", "2026-12-31 22:00"),
    ],
)
def test_a_day_of_work_begins_where_its_shift_does(hours: str, now: str, began: str) -> None:
    assert began_today(calendar(hours), at(now, BERLIN)) == (at(began, BERLIN) if began else None)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([OFFICE, "22:00-06:00", "Mo-Fr 00:00-06:00,22:00-24:00", "24/7"]), st.integers(0, 366 * 24 * 4))
def test_no_day_of_work_begins_twice(hours: str, quarters: int) -> None:
    known = _KNOWN.setdefault(hours, calendar(hours))
    now = at("2026-01-01 00:00") + timedelta(minutes=15 * quarters)
    began, later = began_today(known, now), began_today(known, now + timedelta(minutes=15))
    if began is not None and later is not None and began != later:
        assert day_of_work(known, now) < day_of_work(known, now + timedelta(minutes=15))


_KNOWN: dict[str, WorkCalendar] = {}


@pytest.mark.parametrize(
    ("hours", "day", "expected"),
    [
        (OFFICE, "2026-03-06", "2026-03-06 08:00"),
        ("Mo-Fr 09:30-17:00", "2026-03-06", "2026-03-06 09:30"),
        (OFFICE, "2026-03-07", "2026-03-07 08:00"),  # nobody works on Saturday
        ("24/7", "2026-03-07", "2026-03-07 08:00"),
        ("off", "2026-03-06", "2026-03-06 08:00"),
    ],
)
def test_the_morning_of_a_day_is_when_its_work_begins_or_eight(hours: str, day: str, expected: str) -> None:
    assert morning_of(calendar(hours), date.fromisoformat(day)) == at(expected, BERLIN)


def test_three_working_days_are_not_three_days() -> None:
    tuesday, known = at("2026-03-10 18:00"), calendar(zone="UTC")
    # What came on Thursday has Friday, Monday and Tuesday behind it; what came on Friday has not.
    assert waited_before(known, tuesday, 3) == at("2026-03-06 00:00")
    assert waited_before(known, tuesday - timedelta(hours=2), 3) == at("2026-03-05 00:00")
