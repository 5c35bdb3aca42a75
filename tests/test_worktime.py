"""Five working days: by the desk's hours and zone, across weekends and changes to summer time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.worktime import add_working_days, is_opening_hours, opened_today, working_days_before

BERLIN = "Europe/Berlin"
OFFICE = "Mo-Fr 08:00-17:00"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


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
    assert add_working_days(at(start), days, hours=hours, time_zone=zone) == at(expected)


def test_where_nobody_ever_works_calendar_days_count() -> None:
    start = at("2026-03-02 09:00")
    assert add_working_days(start, 5, hours="off", time_zone="UTC") == start + timedelta(days=5)


@given(st.integers(0, 5_000), st.integers(1, 20))
def test_more_days_end_later_and_a_later_start_never_ends_sooner(hours_on: int, days: int) -> None:
    start = at("2026-01-01 00:00") + timedelta(hours=hours_on)
    end = add_working_days(start, days, hours=OFFICE, time_zone=BERLIN)
    assert end > start
    assert end < add_working_days(start, days + 1, hours=OFFICE, time_zone=BERLIN)
    assert end <= add_working_days(start + timedelta(hours=1), days, hours=OFFICE, time_zone=BERLIN)


@pytest.mark.parametrize(("text", "expected"), [(OFFICE, True), ("24/7", True), ("Mo-Fr 8 to 5", False), ("x", False)])
def test_opening_hours_are_told_from_other_text(text: str, expected: bool) -> None:
    assert is_opening_hours(text) is expected


@pytest.mark.parametrize(
    ("now", "opened"),
    [
        (datetime(2026, 3, 2, 6, 59, tzinfo=UTC), None),
        (datetime(2026, 3, 2, 7, 0, tzinfo=UTC), datetime(2026, 3, 2, 7, 0, tzinfo=UTC)),
        (datetime(2026, 3, 2, 20, 0, tzinfo=UTC), datetime(2026, 3, 2, 7, 0, tzinfo=UTC)),
        (datetime(2026, 3, 7, 12, 0, tzinfo=UTC), None),  # a Saturday
        (datetime(2026, 6, 2, 6, 0, tzinfo=UTC), datetime(2026, 6, 2, 6, 0, tzinfo=UTC)),  # summer time
    ],
)
def test_work_begins_by_the_clock_on_the_wall(now: datetime, opened: datetime | None) -> None:
    assert opened_today(now, hours="Mo-Fr 08:00-17:00", time_zone="Europe/Berlin") == opened


def test_three_working_days_are_not_three_days() -> None:
    hours = {"hours": "Mo-Fr 08:00-17:00", "time_zone": "UTC"}
    tuesday = datetime(2026, 3, 10, 18, 0, tzinfo=UTC)
    # What came on Thursday has Friday, Monday and Tuesday behind it; what came on Friday has not.
    assert working_days_before(tuesday, 3, **hours) == datetime(2026, 3, 6, 0, 0, tzinfo=UTC)
    assert working_days_before(tuesday - timedelta(hours=2), 3, **hours) == datetime(2026, 3, 5, 0, 0, tzinfo=UTC)
