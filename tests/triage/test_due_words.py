"""Until when: which promise it is and how it stands, in reminders and in lists."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.sla import ClockKind, settled
from gateway.sla.clock import paused, started
from gateway.triage.due_words import list_line, reminder_line
from tests.triage.values import ANNA, policy

BERLIN = ZoneInfo("Europe/Berlin")
DESK = 'time_zone = "Europe/Berlin"\n'
QUIET = '[notices]\nquiet_hours = "18:00-07:00"\n'


def at(text: str) -> datetime:
    """A moment of March 2026; the second is a Monday."""
    return datetime.fromisoformat(f"2026-03-{text}").replace(tzinfo=BERLIN)


def said(
    now: str,
    *,
    kind: ClockKind = ClockKind.RESOLUTION,
    ticket_type: str = "incident",
    calendar: str = "desk",
    is_paused: bool = False,
    more: str = "",
) -> str:
    """What a reminder of a target of four hours says that began on Monday at 11:40."""
    rules = policy(DESK, more)
    clock = started(kind, goal="g", calendar=calendar, target_minutes=240, at=at("02T11:40"))
    if is_paused:
        clock = paused(clock, rules.work_calendar(calendar), at("02T12:00"))
    clock = settled(clock, rules.work_calendar(calendar), at(now))
    line = reminder_line(clock, ticket_type=ticket_type, priority="P3", reader=ANNA, policy=rules, now=at(now))
    return str(line)


@pytest.mark.parametrize(
    ("now", "line"),
    [
        ("02T14:28", "Solution due in 1 h 12 min (15:40)"),
        ("02T15:10", "Solution due in 30 min (15:40)"),
        ("02T15:40", "Solution due now (15:40)"),
        ("02T17:40", "Solution overdue since 15:40 (by 2 h)"),
        ("03T09:00", "Solution overdue since Mon 15:40 (by 2 h 20 min of working time)"),
        ("12T09:00", "Solution overdue since 2026-03-02 15:40 (by 65 h 20 min of working time)"),
    ],
)
def test_a_reminder_says_at_once_whether_it_comes_is_now_or_was(now: str, line: str) -> None:
    assert said(now) == line


@pytest.mark.parametrize(
    ("kind", "ticket_type", "what"),
    [
        (ClockKind.RESPONSE, "incident", "First answer"),
        (ClockKind.RESPONSE, "request", "First answer"),
        (ClockKind.RESOLUTION, "incident", "Solution"),
        (ClockKind.RESOLUTION, "request", "Fulfilment"),
    ],
)
def test_it_says_which_promise_it_is(kind: ClockKind, ticket_type: str, what: str) -> None:
    assert said("02T15:40", kind=kind, ticket_type=ticket_type) == f"{what} due now (15:40)"


def test_around_the_clock_the_span_is_that_of_the_wall() -> None:
    assert said("03T01:40", calendar="always") == "Solution overdue since Mon 15:40 (by 10 h)"


def test_what_stands_says_so() -> None:
    assert said("02T14:00", is_paused=True) == "Solution still open; its time stands still now"


@pytest.mark.parametrize(
    ("now", "line"), [("02T18:30", "Solution overdue since Mon 15:40"), ("02T03:00", "Solution due Mon 15:40")]
)
def test_a_mail_that_waits_for_the_morning_names_the_day_and_no_span(now: str, line: str) -> None:
    assert said(now, more=QUIET) == line


@pytest.mark.parametrize(
    ("kind", "ticket_type", "due", "line"),
    [
        (ClockKind.RESPONSE, "incident", "02T15:40", "answer due 15:40"),
        (ClockKind.RESPONSE, "request", "02T09:00", "answer overdue since 09:00"),
        (ClockKind.RESOLUTION, "incident", "06T12:00", "solve by Fri 12:00"),
        (ClockKind.RESOLUTION, "incident", "01T12:00", "solution overdue since Sun 12:00"),
        (ClockKind.RESOLUTION, "request", "16T12:00", "fulfil by 2026-03-16 12:00"),
        (ClockKind.RESOLUTION, "request", "02T11:00", "fulfilment overdue since 11:00"),
        # In its last minute it is met still.
        (ClockKind.RESPONSE, "incident", "02T12:00", "answer due 12:00"),
    ],
)
def test_a_list_says_in_a_few_words_what_is_due(kind: ClockKind, ticket_type: str, due: str, line: str) -> None:
    assert str(list_line(kind, ticket_type, due=at(due), now=at("02T12:00"), zone="Europe/Berlin")) == line


@pytest.mark.parametrize(
    ("now", "line"),
    [
        ("02T20:00", "solve by 24:00"),
        ("01T20:00", "solve by Mon 24:00"),
        ("03T00:30", "solution overdue since Mon 24:00"),
        ("20T08:00", "solution overdue since 2026-03-02 24:00"),
    ],
)
def test_what_is_due_at_midnight_is_due_on_the_day_that_ends(now: str, line: str) -> None:
    due = at("03T00:00")
    assert str(list_line(ClockKind.RESOLUTION, "incident", due=due, now=at(now), zone="Europe/Berlin")) == line
