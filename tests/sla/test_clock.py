"""What becomes of one clock: pauses, other targets, the end and what comes after it, and the steps of the ladder."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.sla import (
    At,
    Clock,
    ClockKind,
    Outcome,
    WorkCalendar,
    dropped,
    due_at,
    look_again_at,
    minutes_left,
    paused,
    reached_at,
    read_at,
    read_minutes,
    reopened,
    replayed,
    resumed,
    retargeted,
    settled,
    started,
    steps_passed,
    stopped,
    used_minutes,
    written_minutes,
)
from tests.sla.by_minutes import SlowCalendar, floor

OFFICE = WorkCalendar(name="office", time_zone="UTC", hours="Mo-Fr 08:00-17:00")
ALWAYS = WorkCalendar(name="always", time_zone="UTC", hours="24/7")


def at(text: str) -> datetime:
    """A moment of March 2026, whose second is a Monday: "2 09:00"."""
    day, clock = text.split()
    return datetime.fromisoformat(f"2026-03-{int(day):02} {clock}").replace(tzinfo=UTC)


def running(target_minutes: int = 480, start: str = "2 09:00") -> Clock:
    return started(ClockKind.RESOLUTION, goal="usual", calendar="office", target_minutes=target_minutes, at=at(start))


def other_target(clock: Clock, minutes: int, now: str, *, by_clock: bool = False) -> Clock:
    return retargeted(
        clock, OFFICE, at(now), goal="other", calendar="office", target_minutes=minutes, by_clock=by_clock
    )


def test_a_clock_is_met_in_its_last_minute_and_missed_in_the_next() -> None:
    assert stopped(running(60), OFFICE, at("2 10:00:59")).outcome is Outcome.MET
    missed = stopped(running(60), OFFICE, at("2 10:01"))
    assert (missed.outcome, missed.breached_at) == (Outcome.MISSED, at("2 10:00"))


def test_after_work_is_too_late_for_what_was_due_at_its_end() -> None:
    assert due_at(running(480), OFFICE) == at("2 17:00")
    assert stopped(running(480), OFFICE, at("2 19:00")).outcome is Outcome.MISSED


def test_a_hold_stands_and_what_is_left_goes_on_after_it() -> None:
    clock = paused(running(480), OFFICE, at("2 11:00"))
    assert (clock.is_paused, clock.used_minutes, due_at(clock, OFFICE)) == (True, 120, None)
    clock = resumed(clock, at("4 10:00"))
    assert due_at(clock, OFFICE) == at("4 16:00")
    assert minutes_left(clock, OFFICE, at("4 12:00")) == 240


def test_a_hold_after_the_due_moment_makes_nothing_good() -> None:
    clock = resumed(paused(running(60), OFFICE, at("2 11:00")), at("3 11:00"))
    assert due_at(clock, OFFICE) == clock.breached_at == at("2 10:00")


def test_a_shorter_target_counts_what_was_worked() -> None:
    assert due_at(other_target(running(480), 240, "2 10:00"), OFFICE) == at("2 13:00")


def test_a_target_that_was_used_up_before_it_held_is_due_when_it_begins_to_hold() -> None:
    clock = other_target(running(480), 60, "2 13:00")
    assert (due_at(clock, OFFICE), clock.breached_at) == (at("2 13:00"), None)
    assert settled(clock, OFFICE, at("2 13:01")).breached_at == at("2 13:00")


def test_a_miss_of_a_target_that_no_longer_holds_is_taken_back() -> None:
    missed = settled(running(60), OFFICE, at("2 12:00"))
    assert missed.breached_at == at("2 10:00")
    longer = other_target(missed, 480, "2 12:00")
    assert (longer.breached_at, due_at(longer, OFFICE)) == (None, at("2 17:00"))
    assert other_target(missed, 90, "2 12:00").breached_at == at("2 10:00")


def test_another_calendar_counts_from_the_change_on() -> None:
    clock = retargeted(running(480), OFFICE, at("2 16:00"), goal="other", calendar="always", target_minutes=480 + 60)
    assert due_at(clock, ALWAYS) == at("2 18:00")


def test_a_reopened_clock_goes_on_where_it_stopped() -> None:
    clock = reopened(stopped(running(480), OFFICE, at("2 12:00")), at("5 09:00"))
    assert (due_at(clock, OFFICE), clock.outcome, clock.turn) == (at("5 14:00"), Outcome.RUNNING, 1)
    late = reopened(stopped(running(60), OFFICE, at("2 12:00")), at("5 09:00"))
    assert stopped(late, OFFICE, at("5 09:00")).outcome is Outcome.MISSED


def test_a_dropped_clock_is_neither_met_nor_missed() -> None:
    assert dropped(running(60), OFFICE, at("2 12:00")).outcome is Outcome.DROPPED


def test_a_clock_that_never_stopped_has_run_through_all_but_the_holds() -> None:
    stands = [(at("2 10:00"), True), (at("3 10:00"), False)]
    clock = replayed(running(480), OFFICE, stands)
    assert used_minutes(clock, OFFICE, at("3 12:00")) == 60 + 120
    late = replayed(running(30), OFFICE, [], not_before=at("2 12:00"))
    assert (due_at(late, OFFICE), late.breached_at) == (at("2 12:00"), None)


# --- the ladder ---

STEPS = [At(percent=75), At(percent=100), At(offset_minutes=60)]


def test_steps_are_due_in_working_time() -> None:
    clock = running(480)
    assert [reached_at(step, clock, OFFICE) for step in STEPS] == [at("2 15:00"), at("2 17:00"), at("3 09:00")]
    assert reached_at(At(offset_minutes=-30), clock, OFFICE) == at("2 16:30")
    assert reached_at(STEPS[0], paused(clock, OFFICE, at("2 10:00")), OFFICE) is None


@pytest.mark.parametrize(
    ("now", "passed", "again"),
    [
        ("2 14:59", [], "2 15:00"),
        ("2 15:00", [0], "2 15:00"),
        ("2 17:00", [0, 1], "2 15:00"),
        ("9 09:00", [0, 1, 2], "2 15:00"),
    ],
)
def test_what_has_passed_is_due_in_order(now: str, passed: list[int], again: str) -> None:
    clock = running(480)
    assert steps_passed(STEPS, clock, used_minutes(clock, OFFICE, at(now))) == passed
    assert look_again_at(STEPS, clock, OFFICE, at("2 09:00")) == at(again)


def test_a_step_before_the_start_is_no_step() -> None:
    steps = [At(offset_minutes=-60)]
    clock = running(30)
    assert steps_passed(steps, clock, 30) == []
    assert look_again_at(steps, clock, OFFICE, at("2 09:00")) == at("2 09:31")


def test_whoever_asks_for_no_more_steps_gets_none_and_a_miss_is_noted_all_the_same() -> None:
    clock = running(480)
    acked = Clock(**{**clock.__dict__, "acked_by": "anna@example.com"})
    assert look_again_at(STEPS, acked, OFFICE, at("2 09:00")) == at("2 17:01")


def test_nothing_is_due_on_a_clock_that_stands_or_has_ended() -> None:
    assert look_again_at(STEPS, paused(running(), OFFICE, at("2 10:00")), OFFICE, at("2 10:00")) is None
    assert look_again_at(STEPS, stopped(running(), OFFICE, at("2 10:00")), OFFICE, at("2 10:00")) is None


def test_steps_count_anew_under_a_shorter_target_but_not_where_a_step_has_shortened_it() -> None:
    told = Clock(**{**running(480).__dict__, "told_minutes": 360})
    by_hand = other_target(told, 240, "2 15:30")
    assert steps_passed(STEPS, by_hand, used_minutes(by_hand, OFFICE, at("2 15:30"))) == [0, 1]
    by_clock = other_target(told, 240, "2 15:30", by_clock=True)
    assert steps_passed(STEPS, by_clock, used_minutes(by_clock, OFFICE, at("2 15:30"))) == []
    assert reached_at(STEPS[2], by_clock, OFFICE) == at("2 16:30")
    longer = other_target(told, 960, "2 15:30")
    assert steps_passed(STEPS, longer, 720) == [0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("75%", At(percent=75)),
        ("150 %", At(percent=150)),
        ("-30m", At(offset_minutes=-30)),
        ("+1h", At(offset_minutes=60)),
        ("+1h 30m", At(offset_minutes=90)),
        ("0%", None),
        ("1h", None),
        ("+1d", None),
        ("", None),
    ],
)
def test_when_a_step_is_due_is_read(text: str, expected: At | None) -> None:
    assert read_at(text) == expected


@pytest.mark.parametrize(("text", "minutes"), [("30m", 30), ("4h", 240), ("1h 30m", 90), ("45 min", 45), ("0m", 0)])
def test_spans_are_read_and_written(text: str, minutes: int) -> None:
    assert read_minutes(text) == minutes
    assert read_minutes(written_minutes(minutes)) == minutes


@pytest.mark.parametrize("text", ["", "4", "2d", "1w", "h", "4h30", "-4h"])
def test_what_could_mean_two_things_is_no_span(text: str) -> None:
    assert read_minutes(text) is None


# --- the same, minute by minute ---


@dataclass
class SlowClock:
    """The rules of `gateway.sla.clock` as a counter that is looked at every minute."""

    calendar: SlowCalendar
    target: int
    moment: datetime
    used: int = 0
    limit: int = 0
    is_running: bool = True
    due: datetime | None = None
    missed: datetime | None = None

    def run_until(self, end: datetime) -> None:
        while self.moment < floor(end):
            if self.is_running:
                if self.used >= self.limit and self.missed is None:
                    self.missed = self.moment if self.due is None else self.due
                self.used += self.calendar.is_open(self.moment)
                if self.used >= self.limit and self.due is None:
                    self.due = self.moment + timedelta(minutes=1)
            self.moment += timedelta(minutes=1)

    def aim(self, target: int) -> None:
        if self.missed is not None and self.used > target:
            self.target = target
            return
        self.target, self.limit = target, max(target, self.used)
        self.missed = None
        self.due = self.moment if self.used >= self.limit else None


WORDS = ("pause", "resume", "aim", "end", "reopen")


@settings(max_examples=120, deadline=None)
@given(
    st.integers(1, 300),
    st.lists(st.tuples(st.integers(0, 500), st.sampled_from(WORDS), st.integers(1, 400)), max_size=7),
    st.integers(0, 59),
)
def test_a_clock_is_what_a_counter_of_minutes_says(target: int, steps: list[tuple[int, str, int]], second: int) -> None:
    week = tuple((day, 8 * 60, 12 * 60 + 30) for day in range(5))
    slow_calendar = SlowCalendar(ZoneInfo("UTC"), week)
    calendar = WorkCalendar(name="mornings", time_zone="UTC", hours=slow_calendar.hours)
    now = at("6 07:50") + timedelta(seconds=second)  # a Friday
    clock = started(ClockKind.RESOLUTION, goal="any", calendar="mornings", target_minutes=target, at=now)
    slow = SlowClock(slow_calendar, target, floor(now), limit=target)
    for minutes, word, number in steps:
        now += timedelta(minutes=minutes)
        slow.run_until(now)
        match word:
            case "pause":
                clock = paused(clock, calendar, now)
                slow.is_running = False
            case "resume" if clock.is_open:
                clock = resumed(clock, now)
                slow.is_running, slow.due = True, slow.due if slow.used < slow.limit or slow.missed else slow.moment
            case "aim" if clock.is_open:
                clock = retargeted(clock, calendar, now, goal="any", calendar="mornings", target_minutes=number)
                slow.aim(number)
            case "end" if clock.is_open:
                clock = stopped(clock, calendar, now)
                slow.is_running = False
                assert (clock.outcome is Outcome.MISSED) == (slow.missed is not None)
            case "reopen" if not clock.is_open:
                clock = reopened(clock, now)
                slow.is_running, slow.due = True, slow.due if slow.used < slow.limit or slow.missed else slow.moment
        assert used_minutes(clock, calendar, now) == slow.used
        assert settled(clock, calendar, now).breached_at == slow.missed
