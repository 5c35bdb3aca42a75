"""How long an answer and a solution may take: working time, clocks, and the steps of the ladder beside them. Pure.

Place in the mail's way: `policy` makes goals, calendars and steps of rules.toml; the desk keeps one clock for the first
answer and one for the solution of a ticket, and asks here what becomes of them. Everything is exact to the minute: a
moment counts as the minute that it lies in, and a minute has passed when the next one begins.
"""

from gateway.sla.calendar import WorkCalendar, minute_of, moment_of, to_the_minute
from gateway.sla.clock import (
    Clock,
    ClockKind,
    Outcome,
    dropped,
    due_at,
    minutes_left,
    paused,
    reopened,
    replayed,
    resumed,
    retargeted,
    settled,
    started,
    stopped,
    used_minutes,
)
from gateway.sla.ladder import At, look_again_at, reached_at, read_at, steps_passed, threshold
from gateway.sla.spans import read_minutes, written_minutes
from gateway.sla.turns import Standing, Target, turned

__all__ = [
    "At",
    "Clock",
    "ClockKind",
    "Outcome",
    "Standing",
    "Target",
    "WorkCalendar",
    "dropped",
    "due_at",
    "look_again_at",
    "minute_of",
    "minutes_left",
    "moment_of",
    "paused",
    "reached_at",
    "read_at",
    "read_minutes",
    "reopened",
    "replayed",
    "resumed",
    "retargeted",
    "settled",
    "started",
    "steps_passed",
    "stopped",
    "threshold",
    "to_the_minute",
    "turned",
    "used_minutes",
    "written_minutes",
]
