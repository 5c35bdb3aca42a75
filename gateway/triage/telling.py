"""Which event tells whom, and when, where `[[notice]]` and `[notices]` of the rules say something of it. Pure.

Who is told is decided with the mail (`notices.agents_of_ticket`); what an event tells nobody of is an entry of the
history instead (`without_untold`). When a mail goes out is decided as it is written into the outbox (`delay_of`), where
it waits for its moment and says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from gateway.policy import Policy
from gateway.policy.telling import Delay, Event, next_at, quiet_until
from gateway.ticket import Role
from gateway.triage.decision import Change, Notice, Record

# Beside the events: what may wait for the end of quiet hours too. What answers an agent's own mail never does.
_QUIET_TOO = frozenset({"reminder", "escalated", "bad_rating"})
# What a ticket that was given to somebody comes as.
_GIVEN = frozenset({"escalated"})
_EVENTS = {event.value: event for event in Event}


def event_of(name: str, context: Mapping[str, object]) -> Event | None:
    """The event that a mail to an agent tells of; None for one that the rules can't redirect."""
    if name in _GIVEN or (name == Event.NEW_TICKET and context.get("history")):
        return Event.ASSIGNED
    return _EVENTS.get(name)


def without_untold(changes: tuple[Change, ...], policy: Policy) -> tuple[Change, ...]:
    """The changes without mails of which the rules say that they tell nobody; the history says so instead."""
    silent = policy.silent_events
    if not silent:
        return changes
    kept: list[Change] = []
    told: set[Event] = set()
    for change in changes:
        event = event_of(change.name, change.context) if isinstance(change, Notice) else None
        if event is None or event not in silent or not isinstance(change, Notice) or change.role is not Role.AGENT:
            kept.append(change)
        elif event not in told:
            told.add(event)
            kept.append(Record(kind="not-told", text=f"nobody is told: the rules say never for {event.value}"))
    return tuple(kept)


def delay_of(
    name: str, context: Mapping[str, object], *, role: Role, priority: str, reader: str, policy: Policy, now: datetime
) -> tuple[datetime, Delay] | None:
    """Until when a mail waits, and why; None for one that goes out at once. `priority` is the ticket's, "" for none."""
    if role is not Role.AGENT:
        by_agent = name in _BY_PEOPLE or (name == Event.CLOSING and context.get("agent"))
        minutes = policy.desk.send_delay_minutes if by_agent else 0
        return (now + timedelta(minutes=minutes), Delay.SEND) if minutes else None
    if not policy.delays_notices:
        return None
    event = event_of(name, context)
    if event is None and name not in _QUIET_TOO:
        return None
    notices, zone = policy.notices, policy.zone_of(reader)
    rule = policy.notice_of(event) if event is not None else None
    if rule is not None and rule.when == "digest":
        return next_at(notices.digest_at, now=now, zone=zone), Delay.DIGEST
    waits = None
    if rule is not None and rule.when == "bundle":
        waits = now + timedelta(minutes=notices.bundle_minutes), Delay.BUNDLE
    if notices.quiet_hours and priority > notices.below:
        until = quiet_until(notices.quiet_hours, now=waits[0] if waits is not None else now, zone=zone)
        if until is not None:
            return until, waits[1] if waits is not None else Delay.QUIET
    return waits


# What an agent wrote to people outside, which the agent may take back while it waits; so is a closing by an agent.
_BY_PEOPLE = frozenset({"answer", "resolution"})
