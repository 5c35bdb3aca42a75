"""Working time to the minute: weekends, holidays, summer time, nights, and days with hours of their own."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.sla import WorkCalendar, to_the_minute
from gateway.sla.public_holidays import is_region, possible_regions, public_holidays
from tests.sla.by_minutes import SlowCalendar, floor

BERLIN = ZoneInfo("Europe/Berlin")


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def office(**more: object) -> WorkCalendar:
    values: dict[str, object] = {"name": "office", "time_zone": "Europe/Berlin", "hours": "Mo-Fr 08:00-17:00"} | more
    return WorkCalendar(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "minutes", "due"),
    [
        ("2026-03-02 09:00", 60, "2026-03-02 10:00"),
        ("2026-03-02 09:00", 8 * 60, "2026-03-02 17:00"),  # to the end of work, not the next morning
        ("2026-03-02 09:00", 8 * 60 + 1, "2026-03-03 08:01"),
        ("2026-03-06 16:00", 120, "2026-03-09 09:00"),  # over a weekend
        ("2026-03-07 12:00", 30, "2026-03-09 08:30"),  # from a weekend
        ("2026-03-27 16:30", 60, "2026-03-30 08:30"),  # over the change to summer time
        ("2026-12-31 16:30", 60, "2027-01-01 08:30"),  # into another year
        ("2026-03-02 09:00:59", 1, "2026-03-02 09:01"),  # what lies in a minute counts as the minute
    ],
)
def test_the_due_moment_is_what_a_person_would_say(start: str, minutes: int, due: str) -> None:
    assert office().after(berlin(start), minutes) == berlin(due)


def test_a_public_holiday_of_the_region_is_no_working_day_and_one_of_another_region_is() -> None:
    womens_day = berlin("2027-03-08 07:00")  # a Monday, a holiday in Berlin alone
    assert office(regions=["DE-BE"]).after(womens_day, 60) == berlin("2027-03-09 09:00")
    assert office(regions=["DE-BY"]).after(womens_day, 60) == berlin("2027-03-08 09:00")
    assert office(regions=["DE-BE"]).is_holiday(date(2027, 3, 8))


def test_a_closed_day_is_closed_and_an_opened_one_open_whatever_else_is_said_of_it() -> None:
    calendar = office(
        regions=["DE"],
        closed=[date(2026, 12, 24)],
        opened={date(2026, 12, 5): "09:00-13:00", date(2026, 12, 25): "10:00-12:00"},
    )
    assert calendar.after(berlin("2026-12-04 16:30"), 60) == berlin("2026-12-05 09:30")
    assert calendar.minutes_between(berlin("2026-12-24 00:00"), berlin("2026-12-27 00:00")) == 120
    assert not calendar.is_holiday(date(2026, 12, 25))


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-28", 7), ("2026-10-24", 9), ("2026-03-07", 8)], ids=["spring", "autumn", "winter"]
)
def test_a_night_shift_has_the_hours_that_people_work_in_it(day: str, hours: int) -> None:
    night = office(hours="Mo-Su 22:00-06:00")
    start = berlin(f"{day} 21:00")
    assert night.minutes_between(start, start.astimezone(UTC) + timedelta(hours=12)) == hours * 60


def test_around_the_clock_every_minute_counts_on_days_of_any_length() -> None:
    always = office(hours="24/7")
    for day, hours in (("2026-03-29", 23), ("2026-10-25", 25), ("2026-01-01", 24)):
        start = berlin(day)
        assert always.minutes_between(start, berlin(day) + timedelta(days=1)) == hours * 60


def test_where_nothing_ever_opens_the_due_moment_is_years_away() -> None:
    assert office(hours="off").after(berlin("2026-03-02 09:00"), 1).year == 2036


def test_time_goes_backwards_too() -> None:
    calendar = office()
    one, other = berlin("2025-12-30 12:00"), berlin("2026-01-02 12:00")
    assert calendar.minutes_between(other, one) == -calendar.minutes_between(one, other) == -3 * 9 * 60


@pytest.mark.parametrize(("code", "known"), [("DE", True), ("DE-BE", True), ("DE-XX", False), ("XX", False)])
def test_a_region_is_one_that_has_holidays(code: str, known: bool) -> None:
    assert is_region(code) is known
    assert possible_regions(code)
    assert date(2026, 12, 25) in public_holidays("DE-BE", 2026)


# --- the same, minute by minute ---

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca", "UTC")
# Around the changes of the clock, a turn of the year and an ordinary week.
ANCHORS = (
    "2026-03-28",
    "2026-10-24",
    "2026-03-07",
    "2026-10-31",
    "2026-12-30",
    "2026-04-04",
    "2026-02-14",
    "2026-06-10",
)


@st.composite
def weeks(draw: st.DrawFn) -> tuple[tuple[int, int, int], ...]:
    spans = []
    for day in draw(st.sets(st.integers(0, 6), min_size=1)):
        first = draw(st.integers(0, 22 * 60))
        spans.append((day, first, draw(st.integers(first + 1, 24 * 60))))
    return tuple(sorted(spans))


@st.composite
def calendars(draw: st.DrawFn) -> tuple[WorkCalendar, SlowCalendar, datetime]:
    anchor = date.fromisoformat(draw(st.sampled_from(ANCHORS)))
    days = st.integers(0, 5).map(lambda number: anchor + timedelta(days=number))
    closed, special = draw(st.sets(days, max_size=2)), draw(st.dictionaries(days, st.just((600, 725)), max_size=1))
    zone = draw(st.sampled_from(ZONES))
    slow = SlowCalendar(ZoneInfo(zone), draw(weeks()), frozenset(closed), special)
    opened = dict.fromkeys(special, "10:00-12:05")
    fast = WorkCalendar(name="any", time_zone=zone, hours=slow.hours, closed=closed, opened=opened)
    start = datetime(anchor.year, anchor.month, anchor.day, tzinfo=UTC) + timedelta(
        seconds=draw(st.integers(0, 86_400))
    )
    return fast, slow, start


@settings(max_examples=40, deadline=None)
@given(calendars(), st.integers(0, 3 * 24 * 60))
def test_working_time_equals_a_count_of_its_minutes(
    case: tuple[WorkCalendar, SlowCalendar, datetime], length_minutes: int
) -> None:
    fast, slow, start = case
    end = start + timedelta(minutes=length_minutes)
    assert fast.minutes_between(start, end) == slow.minutes_between(start, end)


@settings(max_examples=40, deadline=None)
@given(calendars(), st.integers(0, 900))
def test_a_due_moment_is_the_first_minute_at_which_so_many_have_been_worked(
    case: tuple[WorkCalendar, SlowCalendar, datetime], minutes: int
) -> None:
    fast, slow, start = case
    give_up = start + timedelta(days=5)
    expected = slow.after(start, minutes, give_up=give_up)
    found = fast.after(start, minutes)
    assert found == expected or (expected is None and found >= floor(give_up))
    assert found == to_the_minute(found)
