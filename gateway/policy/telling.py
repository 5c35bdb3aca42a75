"""The tables of rules.toml that say which event tells whom, and when: `[[notice]]` and `[notices]`.

The docstring under a field is the admin's documentation of that key.
"""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.options.shapes import OneOrMany, shaped
from gateway.options.tables import OptionTable, wrong
from gateway.policy.duties import ClockTime
from gateway.policy.values import PriorityName, one_or_many
from gateway.ticket import Priority

_SPAN = re.compile(r"([01]?\d|2[0-3]):([0-5]\d) ?[-–] ?([01]?\d|2[0-3]):([0-5]\d)")


class Event(StrEnum):
    """What agents are told of. The names are those of the mails (`compose.notices`); ASSIGNED is a ticket that was
    given to somebody."""

    NEW_TICKET = "new_ticket"
    ASSIGNED = "assigned"
    NEW_REPLY = "new_reply"
    AGENT_ANSWERED = "agent_answered"
    INTERNAL_NOTE = "internal_note"
    CHANGED = "changed"
    ABSENT = "absent"
    UNDELIVERABLE = "undeliverable"


# Somebody must hear of these.
NEVER_SILENT: Final = frozenset({Event.NEW_TICKET, Event.ASSIGNED, Event.NEW_REPLY, Event.UNDELIVERABLE})
# Who is told follows from the event itself.
FIXED: Final = frozenset({Event.ASSIGNED})
When = Literal["at once", "bundle", "digest", "never"]
Who = Literal["assignee", "writers", "team_if_unowned", "team", "watchers", "lead"]


def _quiet(text: str) -> str:
    if text and not _SPAN.fullmatch(text.strip()):
        raise wrong(f'"{text}" is not a time from … to …', 'write it like "22:00-07:00"')
    return text.strip()


Events = Annotated[
    tuple[Annotated[Event, Field(strict=False)], ...],
    BeforeValidator(one_or_many),
    Field(strict=False, min_length=1),
    OneOrMany(),
]
Whom = Annotated[tuple[Who, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
Minutes = Annotated[int, Field(ge=1, le=24 * 60)]
QuietHours = Annotated[str, AfterValidator(_quiet), shaped(r"^([0-9]{1,2}:[0-9]{2} ?[-–] ?.*)?$", "22:00-07:00")]


class NoticeRule(OptionTable):
    """`[[notice]]`: whom an event tells, and when. An event that no table names tells whom it always told, at once."""

    event: Events
    """Which events: new_ticket, assigned, new_reply, agent_answered, internal_note, changed, absent, undeliverable."""
    to: Whom = ()
    """Which agents: assignee, writers, team_if_unowned, team, watchers, lead; [] = the first three of these."""
    when: When = "at once"
    """When the mail goes out: "at once", "bundle" (some minutes' worth in one), "digest" (once a day), "never"."""

    @model_validator(mode="after")
    def _somebody_hears(self) -> Self:
        for event in self.event:
            if event in NEVER_SILENT and self.when == "never":
                raise wrong(f"nobody would hear of {event.value}", 'write when = "digest"')
            if event in FIXED and self.to:
                raise wrong(f"{event.value} tells whom the ticket was given to", "leave out to")
        return self


class Notices(OptionTable):
    """`[notices]`: when agents' mails wait."""

    quiet_hours: QuietHours = ""
    """By each agent's clock: in these hours mails about less urgent tickets wait for their end, "22:00-07:00"."""
    below: PriorityName = Priority.P2
    """Quiet hours hold for tickets below this priority; P2 = for P3, P4 and P5."""
    bundle_minutes: Minutes = 15
    """How many minutes' worth of mails `when = "bundle"` puts into one."""
    digest_at: ClockTime = "08:00"
    """At what time of day, by each agent's clock, `when = "digest"` sends its one mail."""


class Delay(StrEnum):
    """Why a mail waits in the outbox for its moment. The first two are put into one mail with others like them."""

    BUNDLE = "bundle"
    DIGEST = "digest"
    QUIET = "quiet_hours"
    SEND = "send_delay"


GATHERED: Final = (Delay.BUNDLE, Delay.DIGEST)


def next_at(clock_time: str, *, now: datetime, zone: str) -> datetime:
    """The next moment at which a clock in that zone shows this time."""
    hour, _, minute = clock_time.partition(":")
    return _next(time(int(hour), int(minute)), now=now, zone=ZoneInfo(zone))


def quiet_until(span: str, *, now: datetime, zone: str) -> datetime | None:
    """The end of the quiet hours that `now` is in, None where it is in none."""
    found = _SPAN.fullmatch(span)
    if found is None:
        return None
    begins, ends = time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))
    clock = now.astimezone(ZoneInfo(zone)).time().replace(tzinfo=None)
    inside = begins <= clock < ends if begins <= ends else clock >= begins or clock < ends
    return _next(ends, now=now, zone=ZoneInfo(zone)) if inside else None


def _next(clock: time, *, now: datetime, zone: ZoneInfo) -> datetime:
    today = now.astimezone(zone).date()
    moments = (datetime.combine(today + timedelta(days=days), clock, tzinfo=zone) for days in (0, 1, 2))
    # Compared as moments: two times of one zone are compared by their clocks, whatever the season.
    found = next(moment for moment in moments if moment.timestamp() > now.timestamp())
    return found.astimezone(now.tzinfo)
