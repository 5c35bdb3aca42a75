"""An outage of the database fills no log: one line when it begins, one a minute, one when it is over."""

from __future__ import annotations

import peewee
import psycopg
from structlog.testing import capture_logs

from gateway.outage import Outage


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def refused() -> Exception:
    try:
        try:
            raise psycopg.OperationalError("connection to server failed: Connection refused\n\tIs the server running?")
        except psycopg.OperationalError as error:
            raise peewee.OperationalError(str(error)) from error
    except peewee.OperationalError as error:
        return error


def test_there_is_a_line_at_the_beginning_one_a_minute_and_one_at_the_end() -> None:
    clock = Clock()
    outage = Outage(ticks=clock)
    with capture_logs() as lines:
        for second in range(150):
            clock.seconds = second
            assert outage.met(refused())
            assert outage.met(refused())
        outage.over()
        outage.over()
    assert [line["event"] for line in lines] == ["database_trouble"] * 3 + ["database_well_again"]
    assert lines[0]["cause"] == "OperationalError: connection to server failed: Connection refused"
    assert (lines[1]["for_seconds"], lines[1]["failures"]) == (60, 121)
    assert (lines[-1]["after_seconds"], lines[-1]["failures"]) == (149, 300)
    assert not any("exception" in line or "exc_info" in line for line in lines)


def test_a_database_that_comes_and_goes_fills_no_log_either() -> None:
    clock = Clock()
    outage = Outage(ticks=clock)
    with capture_logs() as lines:
        for second in range(100):
            clock.seconds = second
            outage.met(refused())
            outage.over()
    assert len(lines) == 4


def test_what_the_database_is_not_to_blame_for_is_somebody_elses_to_tell() -> None:
    outage = Outage(ticks=Clock())
    with capture_logs() as lines:
        assert not outage.met(ValueError("ours"))
        assert not outage.met(peewee.IntegrityError("a row that may not be"))
        outage.over()
    assert lines == []
