"""`#hold … until`: days as agents write them in the five languages, never a guess."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.when import read_until

# A Monday, a minute past midnight in Berlin, and still Sunday in UTC.
NOW = datetime(2026, 3, 1, 23, 1, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def day(text: str, *, now: datetime = NOW, time_zone: str = BERLIN) -> str:
    until = read_until(text, now=now, time_zone=time_zone)
    return until.astimezone(ZoneInfo(time_zone)).strftime("%Y-%m-%d") if until is not None else ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-24", "2026-12-24"),
        ("2026-3-5", "2026-03-05"),
        ("24.12.2026", "2026-12-24"),
        ("24.12.26", "2026-12-24"),
        ("24.12.", "2026-12-24"),
        ("24.12", "2026-12-24"),
        ("24/12/2026", "2026-12-24"),
        ("24/12", "2026-12-24"),
        ("1.3.", "2027-03-01"),
        ("2.3.", "2026-03-02"),
        ("tomorrow", "2026-03-03"),
        ("Tomorrow", "2026-03-03"),
        ("morgen", "2026-03-03"),
        ("demain", "2026-03-03"),
        ("mañana", "2026-03-03"),
        ("amanhã", "2026-03-03"),
        ("Friday", "2026-03-06"),
        ("fri", "2026-03-06"),
        ("Freitag", "2026-03-06"),
        ("vendredi", "2026-03-06"),
        ("viernes", "2026-03-06"),
        ("sexta-feira", "2026-03-06"),
        ("sexta", "2026-03-06"),
        ("sábado", "2026-03-07"),
        ("terça-feira", "2026-03-03"),
        ("miércoles", "2026-03-04"),
        # The day of today means that of next week.
        ("Monday", "2026-03-09"),
        ("lundi", "2026-03-09"),
        ("3d", "2026-03-05"),
        ("3 days", "2026-03-05"),
        ("3 Tage", "2026-03-05"),
        ("3 jours", "2026-03-05"),
        ("3 días", "2026-03-05"),
        ("3 dias", "2026-03-05"),
        ("2w", "2026-03-16"),
        ("2 weeks", "2026-03-16"),
        ("2 Wochen", "2026-03-16"),
        ("2 semaines", "2026-03-16"),
        ("2 semanas", "2026-03-16"),
        ("1 week", "2026-03-09"),
        ("until Friday", "2026-03-06"),
        ("bis Freitag", "2026-03-06"),
        ("bis zum 24.12.", "2026-12-24"),
        ("jusqu'au 24/12", "2026-12-24"),
        ("jusqu'à vendredi", "2026-03-06"),
        ("hasta el viernes", "2026-03-06"),
        ("até sexta", "2026-03-06"),
    ],
)
def test_days_that_are_understood(text: str, expected: str) -> None:
    assert day(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "12/24/2026", "2026-02-30", "31.4.", "2026-03-01", "1.1.2020", "0.0.", "yesterday", "a"),
        *("3x", "until", "d", "99999999999 days", "9999-99-99", "later today", "2026-12-24 24:01", "3h", "-3d"),
    ],
)
def test_what_is_not_understood_or_past_is_no_day(text: str) -> None:
    assert day(text) == ""


def test_a_day_means_when_its_work_begins_and_once_begun_its_end() -> None:
    until = read_until("2026-07-01", now=NOW, time_zone="America/New_York")
    assert until == datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    assert until is not None
    assert until.tzinfo is UTC

    def at_ten(day: date) -> datetime:
        return datetime(day.year, day.month, day.day, 10, tzinfo=UTC)

    assert read_until("2026-07-01", now=NOW, time_zone="UTC", begins=at_ten) == datetime(2026, 7, 1, 10, tzinfo=UTC)
    at_noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert read_until("today", now=at_noon, time_zone="UTC", begins=at_ten) == datetime(2026, 7, 1, 23, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Friday 14:00", "03-06 14:00"),
        ("friday, 14:30", "03-06 14:30"),
        ("until Friday at 2pm", "03-06 14:00"),
        ("tomorrow 9 am", "03-03 09:00"),
        ("2026-03-05 09:30", "03-05 09:30"),
        ("2026-03-05T09:30", "03-05 09:30"),
        ("5.3. 9:30", "03-05 09:30"),
        ("Freitag um 14 Uhr", "03-06 14:00"),
        ("bis morgen 9:30 Uhr", "03-03 09:30"),
        ("vendredi à 14h30", "03-06 14:30"),
        ("viernes a las 9:30", "03-06 09:30"),
        ("até sexta às 14h", "03-06 14:00"),
        ("Friday 24:00", "03-07 00:00"),
        ("12:00 am", "03-03 00:00"),
        # A time alone is the next one; "14h" only where it says until.
        ("14:00", "03-02 14:00"),
        ("until 0:00", "03-03 00:00"),
        ("jusqu'à 14h", "03-02 14:00"),
        ("14h", ""),
        ("today 00:00", ""),
        ("Friday 14", ""),
        ("Friday 13pm", ""),
        ("Friday 14:60", ""),
        ("soon 14:00", ""),
    ],
)
def test_a_time_of_day_means_exactly_that(text: str, expected: str) -> None:
    until = read_until(text, now=NOW, time_zone=BERLIN)
    assert (until.astimezone(ZoneInfo(BERLIN)).strftime("%m-%d %H:%M") if until is not None else "") == expected


def test_today_is_what_the_desk_s_clock_says() -> None:
    assert day("2026-03-01") == ""
    assert day("2026-03-01", time_zone="UTC") == "2026-03-01"
    assert day("tomorrow", time_zone="UTC") == "2026-03-02"


def test_the_29th_of_february_waits_for_its_year_or_is_asked_about() -> None:
    leap = datetime(2028, 1, 10, tzinfo=UTC)
    assert day("29.2.", now=leap) == "2028-02-29"
    assert day("29.2.", now=datetime(2028, 3, 10, tzinfo=UTC)) == ""


@given(st.text(max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    until = read_until(text, now=NOW, time_zone=BERLIN)
    assert until is None or until > NOW


@given(st.dates(min_value=date(2026, 3, 2), max_value=date(9998, 12, 31)))
def test_every_coming_day_is_understood_in_both_notations(one: date) -> None:
    assert day(one.isoformat()) == day(f"{one.day}.{one.month}.{one.year:04}") == one.isoformat()
