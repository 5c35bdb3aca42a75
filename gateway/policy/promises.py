"""The tables of rules.toml that say what people are promised: `[[calendar]]`, `[[sla]]`, `[[ladder]]`.

The docstring under a field is the admin's documentation of that key.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.options.shapes import OneOrMany, shaped
from gateway.options.suggestions import nearest_or_all
from gateway.options.tables import OptionTable, wrong
from gateway.policy.values import (
    FullName,
    Name,
    NameOrNone,
    Names,
    PriorityName,
    TimeZoneOrNone,
    Type,
    WorkingHoursOrNone,
    one_or_many,
)
from gateway.sla import ClockKind, WorkCalendar, read_at, read_minutes
from gateway.sla.public_holidays import is_region, possible_regions
from gateway.ticket import HoldReason, TicketType
from gateway.worktime import is_opening_hours

# Calendars that there are without being written.
DESK, ALWAYS = "desk", "always"
_REGION = re.compile(r"[A-Z]{2,3}(?:-[^\s-][^\s]*)?")
_OPENED = re.compile(r"(\d{4}-\d{2}-\d{2}) +(\S.*)")


def _region(text: str) -> str:
    if not _REGION.fullmatch(text) or not is_region(text):
        hint = nearest_or_all(text, possible_regions(text)) or 'write a country, "DE", or one of its regions, "DE-BE"'
        raise wrong(f'there are no holidays for "{text}"', hint)
    return text


def as_day(value: object) -> object:
    """A day as TOML's own or as text; kept as text."""
    if isinstance(value, date):
        return value.isoformat()[:10]
    if isinstance(value, str):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            raise wrong(f'"{value}" is not a day', 'write it like "2026-12-24"') from None
    return value


def _opened(text: str) -> str:
    found = _OPENED.fullmatch(text)
    if found is None or not _is_hours_of_a_day(found[1], found[2]):
        raise wrong(f'"{text}" is not a day with its hours', 'write it like "2026-12-05 09:00-13:00"')
    return f"{found[1]} {found[2]}"


def _is_hours_of_a_day(day: str, hours: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return is_opening_hours(hours)


def _span(text: str) -> str:
    minutes = read_minutes(text) if text else 1
    if minutes is None:
        days = re.fullmatch(r"(\d+) ?d(?:ays?)?", text.strip())
        hint = (
            f'write hours: a day of 9 working hours is "{int(days[1]) * 9}h"' if days else 'write it like "4h" or "30m"'
        )
        raise wrong(f'"{text}" is not understood as working time', hint)
    if minutes < 1:
        raise wrong(f'"{text}" is no time at all')
    return text


def _at(text: str) -> str:
    if read_at(text) is None:
        raise wrong(
            f'"{text}" is not understood', 'write a part of the target, "75%", or time around it: "-30m", "+1h"'
        )
    return text


_SPAN_SHAPE = r"^\s*([0-9]+ ?[hH])? ?([0-9]+ ?[mM]([iI][nN])?)?\s*$"
_DAY_SHAPE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
Region = Annotated[str, AfterValidator(_region), shaped(r"^[A-Z]{2,3}(-\S+)?$", "DE", "DE-BE", "US-CA")]
Regions = Annotated[tuple[Region, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
Day = Annotated[str, BeforeValidator(as_day), shaped(_DAY_SHAPE, "2026-12-24")]
Days = Annotated[tuple[Day, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
OpenedDay = Annotated[
    str, AfterValidator(_opened), shaped(r"^[0-9]{4}-[0-9]{2}-[0-9]{2} +\S", "2026-12-05 09:00-13:00")
]
OpenedDays = Annotated[tuple[OpenedDay, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
SpanOrNone = Annotated[
    str, AfterValidator(lambda text: text and _span(text)), shaped(_SPAN_SHAPE, "30m", "4h", "1h 30m")
]
At = Annotated[str, AfterValidator(_at), shaped(r"^\s*([0-9]+ ?%|[+-].*)\s*$", "75%", "-30m", "+1h")]
Types = Annotated[tuple[Type, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
Priorities = Annotated[tuple[PriorityName, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
Holds = Annotated[
    tuple[Annotated[HoldReason, Field(strict=False)], ...],
    BeforeValidator(one_or_many),
    Field(strict=False),
    OneOrMany(),
]
Clocks = Annotated[
    tuple[Annotated[ClockKind, Field(strict=False)], ...],
    BeforeValidator(one_or_many),
    Field(strict=False, min_length=1),
    OneOrMany(),
]
Rung = Literal["assignee", "team", "lead", "manager"]
Rungs = Annotated[tuple[Rung, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
SlaNames = Annotated[tuple[FullName, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]


class Calendar(OptionTable):
    """`[[calendar]]`: when people work; targets count such time only. "desk" is `[desk]` itself, "always" all time."""

    name: Name
    """A short name without spaces, for `calendar` of an `[[sla]]`."""
    time_zone: TimeZoneOrNone = ""
    """The zone of its hours, like "Europe/Berlin"; "" = the desk's."""
    hours: WorkingHoursOrNone = ""
    """When people work, in the notation of OpenStreetMap's opening_hours; "" = the desk's `working_hours`."""
    holidays: Regions = ()
    """Whose public holidays are free: countries or their regions, "DE", "DE-BE", "US-CA"; not those of the desk."""
    closed: Days = ()
    """Further days on which nobody works: "2026-12-24"."""
    opened: OpenedDays = Field(default=(), alias="open")
    """Days with hours of their own, whatever else is said of them: "2026-12-05 09:00-13:00"."""


class Sla(OptionTable):
    """`[[sla]]`: until when people hear from a person, and when a matter is settled; the first that fits holds."""

    name: FullName
    """Its own name; every clock remembers it."""
    type: Types = ()
    """For which type, incident or request; [] = both."""
    priority: Priorities = ()
    """For which priorities; [] = all."""
    team: Names = ()
    """For which teams; [] = all."""
    response: SpanOrNone = ""
    """How long until a person's first answer, in working time: "30m", "4h", "1h 30m"; "" = no such target."""
    resolution: SpanOrNone = ""
    """How long until the matter is settled; "" = no such target."""
    fulfilment: SpanOrNone = ""
    """The same under the name that fits service requests; only with type = "request", instead of `resolution`."""
    calendar: Name = DESK
    """Whose working time counts: a `[[calendar]]`, "desk" (its hours and holidays), or "always", around the clock."""
    pause: Holds = (HoldReason.REQUESTER, HoldReason.VENDOR, HoldReason.APPROVAL)
    """While a ticket is on hold for whom its clocks stand."""

    @model_validator(mode="after")
    def _has_targets(self) -> Self:
        if self.fulfilment and self.resolution:
            raise wrong("has both resolution and fulfilment, which are the same", "write one of them")
        if self.fulfilment and self.type != (TicketType.REQUEST,):
            raise wrong("has fulfilment, but is not for requests alone", 'write resolution, or add type = "request"')
        if not (self.response or self.resolution or self.fulfilment):
            raise wrong("has no target", 'write for instance response = "1h" and resolution = "8h"')
        return self

    def target_minutes(self, kind: ClockKind) -> int | None:
        """The target of a clock in minutes, None where there is none."""
        text = self.response if kind is ClockKind.RESPONSE else self.resolution or self.fulfilment
        return read_minutes(text) if text else None

    def fits(self, ticket_type: str, priority: str, team: str) -> bool:
        """Whether it holds for a ticket."""
        fits_type = not self.type or ticket_type in self.type
        fits_team = not self.team or team.casefold() in [name.casefold() for name in self.team]
        return fits_type and fits_team and (not self.priority or priority in self.priority)


class LadderStep(OptionTable):
    """`[[ladder]]`: what happens when a target comes near or has passed. Each step is one mail to a person."""

    at: At
    """When: a part of the target, "75%", or working time before or after the due moment, "-30m", "+1h"."""
    clock: Clocks = (ClockKind.RESPONSE, ClockKind.RESOLUTION)
    """Beside which clocks: response, resolution."""
    sla: SlaNames = ()
    """Only for these `[[sla]]`, by name; [] = all."""
    remind: Rungs = ()
    """Who is reminded: assignee, team, lead, manager; where there is none, the next below in this order of the list."""
    reassign: NameOrNone = ""
    """The team to which the ticket is given; "" = it stays."""
    raises: Literal["", "priority", "urgency"] = Field(default="", alias="raise")
    """What goes up by one: the priority, or the urgency and with it the priority; "" = nothing."""

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not (self.remind or self.reassign or self.raises):
            raise wrong("does nothing", 'write for instance remind = ["assignee", "lead"]')
        return self


def work_calendar(table: Calendar, *, time_zone: str, hours: str = "") -> WorkCalendar:
    """The calendar that a table describes; `time_zone` and `hours` are those where it names none."""
    opened = (text.split(" ", 1) for text in table.opened)
    return WorkCalendar(
        name=table.name,
        time_zone=table.time_zone or time_zone,
        hours=table.hours or hours,
        regions=table.holidays,
        closed=[date.fromisoformat(day) for day in table.closed],
        opened={date.fromisoformat(day): times for day, times in opened},
    )


def work_calendars(desk: Calendar, tables: tuple[Calendar, ...], *, time_zone: str) -> dict[str, WorkCalendar]:
    """All calendars by name in small letters: the desk's own, "always", and those of the file."""
    always = WorkCalendar(name=ALWAYS, time_zone=time_zone, hours="24/7")
    own = work_calendar(desk, time_zone=time_zone)
    others = {table.name.casefold(): work_calendar(table, time_zone=time_zone, hours=desk.hours) for table in tables}
    return {DESK: own, ALWAYS: always} | others
