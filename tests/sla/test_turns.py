"""What a clock becomes when its ticket has turned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.sla import Clock, ClockKind, Outcome, Standing, Target, WorkCalendar, started, turned
from gateway.ticket import HoldReason, Status

ALWAYS = WorkCalendar(name="always", time_zone="UTC", hours="24/7")
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = START + timedelta(minutes=20)
USUAL = Target(goal="Usual", calendar="always", minutes=60, pauses=frozenset({HoldReason.REQUESTER}))


def begun(kind: ClockKind = ClockKind.RESOLUTION) -> Clock:
    return started(kind, goal="Usual", calendar="always", target_minutes=60, at=START)


def after(standing: Standing, *, clock: Clock | None = None, target: Target | None = USUAL) -> Clock:
    return turned(clock or begun(), standing, target, ALWAYS, LATER)


@pytest.mark.parametrize(
    ("kind", "standing", "outcome"),
    [
        ("resolution", Standing(status=Status.NEW), "running"),
        ("resolution", Standing(status=Status.IN_PROGRESS, is_answered=True), "running"),
        ("resolution", Standing(status=Status.RESOLVED), "met"),
        ("resolution", Standing(status=Status.CLOSED), "met"),
        ("resolution", Standing(status=Status.CLOSED, is_merged=True), "dropped"),
        ("resolution", Standing(status=Status.CANCELLED), "dropped"),
        ("response", Standing(status=Status.IN_PROGRESS), "running"),
        ("response", Standing(status=Status.IN_PROGRESS, is_answered=True), "met"),
        ("response", Standing(status=Status.ON_HOLD, hold_reason=HoldReason.VENDOR, is_answered=True), "met"),
        ("response", Standing(status=Status.RESOLVED), "met"),
        ("response", Standing(status=Status.CLOSED), "dropped"),
        ("response", Standing(status=Status.CANCELLED), "dropped"),
    ],
)
def test_where_a_ticket_stands_says_what_its_clock_does(kind: str, standing: Standing, outcome: str) -> None:
    found = after(standing, clock=begun(ClockKind(kind)))
    assert found.outcome == outcome
    assert (found.stopped_at is None) == (outcome == "running")


def test_a_clock_that_is_where_it_should_be_stays_as_it_is() -> None:
    assert after(Standing(status=Status.IN_PROGRESS)) == begun()
    ended = after(Standing(status=Status.RESOLVED))
    assert after(Standing(status=Status.RESOLVED), clock=ended) == ended
    assert after(Standing(status=Status.CLOSED), clock=ended) == ended


def test_it_stands_for_whom_the_target_waits_and_for_nobody_else() -> None:
    assert after(Standing(status=Status.ON_HOLD, hold_reason=HoldReason.REQUESTER)).is_paused
    assert not after(Standing(status=Status.ON_HOLD, hold_reason=HoldReason.VENDOR)).is_paused


def test_where_nothing_is_promised_any_more_it_is_dropped_and_taken_up_where_it_was() -> None:
    gone = after(Standing(status=Status.NEW), target=None)
    assert gone.outcome is Outcome.DROPPED
    again = turned(gone, Standing(status=Status.NEW), USUAL, ALWAYS, LATER + timedelta(hours=5))
    assert (again.outcome, again.used_minutes) == (Outcome.RUNNING, 20)


def test_a_reopened_ticket_waits_for_whom_it_waited_under_another_target() -> None:
    ended = after(Standing(status=Status.RESOLVED))
    other = Target(goal="Short", calendar="always", minutes=10, pauses=frozenset({HoldReason.VENDOR}))
    standing = Standing(status=Status.ON_HOLD, hold_reason=HoldReason.VENDOR)
    found = turned(ended, standing, other, ALWAYS, LATER + timedelta(hours=1))
    assert (found.is_paused, found.goal, found.due_minutes) == (True, "Short", 20)
