"""The tables of rules.toml that say which event tells whom, and when: `[[notice]]` and `[notices]`.

The docstring under a field is the admin's documentation of that key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
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
    """What somebody is told of where that is a choice. The names are those of the mails (`compose.notices`), but for
    ASSIGNED, a ticket that was given to somebody, ADDED, a mail that joined a ticket by itself, and those whose mail is
    an "update"."""

    NEW_TICKET = "new_ticket"
    ASSIGNED = "assigned"
    NEW_REPLY = "new_reply"
    AGENT_ANSWERED = "agent_answered"
    INTERNAL_NOTE = "internal_note"
    CHANGED = "changed"
    BAD_RATING = "bad_rating"
    ABSENT = "absent"
    UNDELIVERABLE = "undeliverable"
    ACKNOWLEDGEMENT = "acknowledgement"
    ADDED = "added"
    RESOLUTION = "resolution"
    CLOSING = "closing"
    TAKEN = "taken"
    HANDED_OVER = "handed_over"
    ON_HOLD = "on_hold"
    RESUMED = "resumed"
    PRIORITY_CHANGED = "priority_changed"
    MERGED = "merged"
    REOPENED = "reopened"


Who = Literal["assignee", "writers", "team_if_unowned", "team", "watchers", "lead", "requester"]
AGENTS: Final[tuple[Who, ...]] = ("assignee", "writers", "team_if_unowned", "team", "watchers", "lead")
PEOPLE: Final[tuple[Who, ...]] = ("requester", "watchers")
_FOLLOWERS: Final[tuple[Who, ...]] = ("assignee", "writers", "team_if_unowned")
# The mail of all events that have none of their own.
UPDATE: Final = "update"


@dataclass(frozen=True, kw_only=True)
class Told:
    """An event: what has happened, which mails tell of it, whom by default and whom at all. `must`: who hears of it
    whatever the rules say; somebody, where it is of agents."""

    what: str
    mails: tuple[str, ...]
    by_default: tuple[Who, ...] = _FOLLOWERS
    possible: tuple[Who, ...] = AGENTS
    must: tuple[Who, ...] = ()
    is_must: bool = False
    words: str = ""

    @property
    def is_of_agents(self) -> bool:
        return "requester" not in self.possible


def _update(what: str) -> Told:
    return Told(what=what, mails=(UPDATE,), by_default=(), possible=PEOPLE)


EVENTS: Final[dict[Event, Told]] = {
    # To agents
    Event.NEW_TICKET: Told(
        what="a ticket was opened",
        mails=("new_ticket",),
        by_default=("assignee", "team_if_unowned"),
        is_must=True,
    ),
    Event.ASSIGNED: Told(
        what="a ticket was given to somebody or to a team, or comes from the tier before",
        mails=("new_ticket", "escalated"),
        by_default=(),
        possible=(),
        is_must=True,
        words="whom it was given to",
    ),
    Event.NEW_REPLY: Told(what="the requester or somebody else wrote", mails=("new_reply",), is_must=True),
    Event.AGENT_ANSWERED: Told(what="a colleague answered the requester", mails=("agent_answered",)),
    Event.INTERNAL_NOTE: Told(what="a colleague wrote a note", mails=("internal_note",)),
    Event.CHANGED: Told(what="status or fields changed", mails=("changed",)),
    Event.BAD_RATING: Told(
        what="the requester rated the handling 1 or 2 of 5",
        mails=("bad_rating",),
        by_default=(*_FOLLOWERS, "lead"),
        is_must=True,
    ),
    Event.ABSENT: Told(
        what="an agent's mailbox answered by itself",
        mails=("absent",),
        by_default=(*_FOLLOWERS, "team"),
    ),
    Event.UNDELIVERABLE: Told(what="a mail could not be delivered", mails=("undeliverable",), is_must=True),
    # To the requester and those who read along
    Event.ACKNOWLEDGEMENT: Told(
        what="their mail became a ticket",
        mails=("acknowledgement",),
        by_default=("requester",),
        possible=("requester",),
        words="`requester`, as `acknowledge` of `[desk]` and the rules say",
    ),
    Event.ADDED: Told(
        what="the same came once more and was added to their ticket",
        mails=("noted",),
        by_default=("requester",),
        possible=("requester",),
    ),
    Event.RESOLUTION: Told(
        what="an agent resolved it; with words of the agent, all of them hear of it",
        mails=("resolution",),
        by_default=PEOPLE,
        possible=PEOPLE,
        must=("requester",),
        is_must=True,
    ),
    Event.CLOSING: Told(
        what="it was closed for good, other than by their own word",
        mails=("closing",),
        by_default=PEOPLE,
        possible=PEOPLE,
        words="nobody; with `closing_mail = true` in `[desk]`, `requester`, `watchers`",
    ),
    Event.TAKEN: _update("an agent has it now"),
    Event.HANDED_OVER: _update("another team has it now"),
    Event.ON_HOLD: _update("it was put on hold"),
    Event.RESUMED: _update("it is no longer on hold"),
    Event.PRIORITY_CHANGED: _update("its priority changed"),
    Event.MERGED: _update("it goes on together with another ticket"),
    Event.REOPENED: _update("it was reopened, other than by them"),
}

# The mails that no rule can redirect or silence, and why.
_ANSWERS_AGENT: Final = "answers an agent's own mail or command"
_ANSWERS_PERSON: Final = "answers a person who asked by one word"
_OF_OPERATION: Final = "keeps the desk running; its table says who gets it"
FIXED_MAILS: Final[dict[str, str]] = {
    "answer": "is an agent's own words, which the requester and the watchers always get",
    "workaround": "is an agent's own words, which the requester and the watchers always get",
    "challenge": "asks an agent about a mail in that agent's name, which nobody else can answer",
    "confirmation": _ANSWERS_AGENT,
    "question": _ANSWERS_AGENT,
    "result": _ANSWERS_AGENT,
    "pace": _ANSWERS_AGENT,
    "preview": _ANSWERS_AGENT,
    "listing": "answers `#list`, or comes as `[sweeps]` says",
    "status": _ANSWERS_PERSON,
    "guide": _ANSWERS_PERSON,
    "noted": f"{_ANSWERS_PERSON}; for a mail that joins a ticket write added",
    "reminder": "comes as `[[ladder]]` says",
    "reminders": "comes as `[[ladder]]` says",
    "escalated": "tells the next tier; for its moment write assigned",
    "update": "tells of several events; write one of these",
    "flood": "tells the agents that somebody writes too fast, whose mails wait",
    "quarantine_digest": _OF_OPERATION,
    "alarm": _OF_OPERATION,
    "heartbeat": _OF_OPERATION,
    "bundle": "is made of other mails; say it of these",
}

# Somebody must hear of these.
NEVER_SILENT: Final = frozenset(event for event, told in EVENTS.items() if told.is_must)
# Who is told follows from the event itself.
FIXED: Final = frozenset(event for event, told in EVENTS.items() if not told.possible)
When = Literal["at once", "bundle", "digest", "never"]


def _quiet(text: str) -> str:
    if text and not _SPAN.fullmatch(text.strip()):
        raise wrong(f'"{text}" is not a time from … to …', 'write it like "22:00-07:00"')
    return text.strip()


def _events(value: object) -> object:
    """A single event stands for a list of one; the name of a mail that nobody may redirect is told why."""
    listed = one_or_many(value)
    for name in listed if isinstance(listed, list) else ():
        if isinstance(name, str) and (why := FIXED_MAILS.get(name)):
            raise wrong(f"{name} can't be changed here: it {why}", f"write one of {', '.join(Event)}")
    return listed


Events = Annotated[
    tuple[Annotated[Event, Field(strict=False)], ...],
    BeforeValidator(_events),
    Field(strict=False, min_length=1),
    OneOrMany(),
]
Whom = Annotated[tuple[Who, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
Minutes = Annotated[int, Field(ge=1, le=24 * 60)]
QuietHours = Annotated[str, AfterValidator(_quiet), shaped(r"^([0-9]{1,2}:[0-9]{2} ?[-–] ?.*)?$", "22:00-07:00")]


class NoticeRule(OptionTable):
    """`[[notice]]`: whom an event tells, and when. An event that no table names tells whom it always told, at once."""

    event: Events
    """Which events; a table in docs/admins.md has all of them and whom they tell without a word of yours."""
    to: Whom = ()
    """Whom: of agents assignee, writers, team_if_unowned, team, watchers, lead; of people requester, watchers; [] = as
    without this table."""
    when: When = "at once"
    """When the mail goes out: "at once", "bundle" (some minutes' worth in one), "digest" (once a day), "never"."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        for event in self.event:
            told = EVENTS[event]
            if told.is_must and self.when == "never":
                hint = 'write when = "digest"' if told.is_of_agents else "leave it out"
                raise wrong(f"nobody would hear of {event.value}", hint)
            if event in FIXED and self.to:
                raise wrong(f"{event.value} tells whom the ticket was given to", "leave out to")
            strange = [who for who in self.to if who not in told.possible]
            if strange:
                hint = f"of {event.value} hear: {', '.join(told.possible)}"
                raise wrong(f"{event.value} can't tell {', '.join(strange)}", hint)
            if not told.is_of_agents:
                self._suits_people(event, told)
        return self

    def _suits_people(self, event: Event, told: Told) -> None:
        if self.when in ("bundle", "digest"):
            raise wrong(f"{event.value} goes to people, whose mails never wait", 'write "at once" or "never"')
        if not self.to and not told.by_default and self.when != "never":
            raise wrong(f"does not say who is told of {event.value}", 'write to = "requester"')
        missing = [who for who in told.must if self.to and who not in self.to]
        if missing:
            raise wrong(f"{event.value} must tell the {missing[0]}", f'write to = ["{missing[0]}"]')


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
