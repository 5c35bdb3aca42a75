"""The tables of rules.toml that say who is on duty: `[[rota]]` and `[sweeps]`.

The docstring under a field is the admin's documentation of that key.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.options.shapes import shaped
from gateway.options.tables import OptionTable, wrong
from gateway.policy.promises import Priorities, SpanOrNone, as_day
from gateway.policy.values import Name, People, TimeZoneOrNone, WorkingHoursOrNone
from gateway.ticket import Priority

_TIME = re.compile(r"(?:[01]?\d|2[0-3]):[0-5]\d")


def _clock_time(text: str) -> str:
    if not _TIME.fullmatch(text):
        raise wrong(f'"{text}" is not a time of day', 'write it like "09:00"')
    return text


ClockTime = Annotated[str, AfterValidator(_clock_time), shaped(r"^[0-9]{1,2}:[0-9]{2}$", "09:00")]
DayOrNone = Annotated[
    str,
    BeforeValidator(lambda value: value and as_day(value)),
    shaped(r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$", "2026-11-23"),
]
WorkingDays = Annotated[int, Field(ge=0)]


class Rota(OptionTable):
    """`[[rota]]`: who is on call for a team, in turns or by a calendar file."""

    team: Name
    """The team whose new tickets go to the one who is on call."""
    agents: People = ()
    """The agents who take turns, in this order."""
    starts: DayOrNone = ""
    """The day on which the first agent's turn begins, "2026-11-23"; it is also the weekday on which a week changes."""
    turn: Literal["week", "day"] = "week"
    """How long a turn is: a week or a day."""
    hand_over: ClockTime = "09:00"
    """The time of day at which one agent hands over to the next."""
    file: str = ""
    """Instead of `agents`: an .ics file beside rules.toml, whose events name the agent in title or attendees."""
    time_zone: TimeZoneOrNone = ""
    """The zone of its times, like "Europe/Berlin"; "" = the desk's."""
    hours: WorkingHoursOrNone = ""
    """When somebody is on call, in the notation of opening_hours; "" = whenever the desk is closed."""
    priorities: Priorities = (Priority.P1, Priority.P2)
    """Which new tickets go to the one on call at once; the others wait for the team."""

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if bool(self.agents) == bool(self.file):
            raise wrong("needs either agents or a file", 'write for instance agents = ["anna", "ben"]')
        if self.agents and not self.starts:
            raise wrong("does not say when the first turn begins", 'write for instance starts = "2026-11-23"')
        return self

    def turn_at(self, now: datetime, *, time_zone: str) -> int:
        """The place in `agents` of whose turn it is at `now`; `time_zone` is the desk's.

        Turns change by the clock on the wall: the one that has the change to summer time is an hour shorter.
        """
        zone = ZoneInfo(self.time_zone or time_zone)
        hour, _, minute = self.hand_over.partition(":")
        today = now.astimezone(zone).date()
        changes_at = datetime.combine(today, time(int(hour), int(minute)), tzinfo=zone)
        day = today if now.timestamp() >= changes_at.timestamp() else today - timedelta(days=1)
        days = (day - date.fromisoformat(self.starts)).days
        return (days // (7 if self.turn == "week" else 1)) % len(self.agents)


class Sweeps(OptionTable):
    """`[sweeps]`: what keeps tickets from being forgotten."""

    morning_mail: bool = True
    """Whether agents get their open tickets, and those that nobody has, in one mail when their working day begins."""
    unowned_after: SpanOrNone = ""
    """The team's leads are told of a ticket that nobody has after so much working time, "1h"; "" = they are not."""
    stale_after: WorkingDays = 0
    """The assignee is told of an open ticket on which no person did anything for so many working days, and after as
    many more the lead; 0 = nobody is."""
