"""An on-call rota that people keep in their calendar: an .ics file (RFC 5545) beside rules.toml.

Read once with the policy; asked for the moment of each ticket. Events may repeat (RRULE, EXDATE, changed ones); a time
without a zone is one of the rota's zone. What may fail: the file is no calendar.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

_MOST_CHARS = 4_000_000


class OnCallFile:
    """The events of a calendar file. Raises ValueError where it can't be read."""

    def __init__(self, text: str) -> None:
        # The calendar libraries cost a quarter of a second to load, and few desks have such a file.
        import icalendar

        if len(text) > _MOST_CHARS:
            raise ValueError("is larger than 4 MB")
        try:
            self._calendar: Any = icalendar.Calendar.from_ical(text)
        except ValueError as error:
            raise ValueError(f"is no calendar: {str(error)[:200]}") from error
        events: list[Any] = self._calendar.walk("VEVENT")
        for event in events:
            if event.errors or event.get("DTSTART") is None:
                raise ValueError(f'has an event that can\'t be read: "{event.get("SUMMARY", "")}"')
        if not events:
            raise ValueError("has no event")
        # What can't be repeated shows itself when it is first tried.
        for event in events:
            self._repeated.at(event["DTSTART"].dt)

    @cached_property
    def events(self) -> tuple[str, ...]:
        """Who is named by each event, as one line: title and attendees."""
        return tuple(map(_names_in, self._calendar.walk("VEVENT")))

    def at(self, now: datetime, *, time_zone: str) -> tuple[str, ...]:
        """Who is named by the events that hold at `now`, the shortest first: an exchange of one day goes before the
        week that it lies in."""
        zone = ZoneInfo(time_zone)
        local = now.astimezone(zone)
        found: list[tuple[timedelta, str]] = []
        for event in self._repeated.between(local - timedelta(days=1), local + timedelta(days=1)):
            start, end = _moment(event.start, zone), _moment(event.end, zone)
            if start <= now < end and str(event.get("STATUS", "")).upper() != "CANCELLED":
                found.append((end - start, _names_in(event)))
        return tuple(names for _, names in sorted(found))

    @cached_property
    def _repeated(self) -> Any:
        import recurring_ical_events

        return recurring_ical_events.of(self._calendar, components=["VEVENT"])


def _names_in(event: Any) -> str:
    attendees = event.get("ATTENDEE", [])
    addresses = attendees if isinstance(attendees, list) else [attendees]
    bare = [str(one).removeprefix("mailto:").removeprefix("MAILTO:") for one in addresses]
    return " ".join([*bare, str(event.get("SUMMARY", ""))])


def _moment(value: date | datetime, zone: ZoneInfo) -> datetime:
    if not isinstance(value, datetime):
        return datetime.combine(value, time(), tzinfo=zone)
    return value if value.tzinfo is not None else value.replace(tzinfo=zone)
