"""News of a ticket to the people who are not agents: taken, handed over, on hold, merged, another priority, reopened.

They get one mail for all of it, and only of the events that a `[[notice]]` of the rules gives them; without one there
is none. Who reads words of an agent, or acts, or hears of it as an agent already gets none.

These mails, and those that say that a ticket is closed, go out as far as the limits allow: none to who answers them by
itself or is out of reach. How many they may be is bound by what agents do, and by the clock; where somebody else makes
them, each counts in the budgets of automatic mail. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.phrase import Phrase, say
from gateway.policy import Policy
from gateway.policy.telling import UPDATE, Event
from gateway.ticket import OPEN_STATUSES, Field, HoldReason, Role, Status
from gateway.triage.decision import (
    Change,
    LinkTicket,
    MoveStatus,
    MuteTicket,
    Notice,
    RemoveWatchers,
    SetFields,
    SetRequester,
    TurnTo,
)
from gateway.triage.facts import TicketFacts
from gateway.triage.notices import person_at, tell_people
from gateway.triage.restraint import is_outside, restraint_on
from gateway.triage.traffic import NOTHING_OUTSIDE, AutomaticMail, Outside, Traffic

_MINUTE = timedelta(minutes=1)
FindTicket = Callable[[int], TicketFacts | None]


def with_updates(
    changes: tuple[Change, ...],
    ticket: int | None,
    *,
    find: FindTicket,
    policy: Policy,
    acting: str,
    now: datetime,
    traffic: Sequence[Traffic] = (),
    outside: Outside = NOTHING_OUTSIDE,
) -> tuple[Change, ...]:
    """The changes with a mail to each person whom the rules let hear of them, and of all news what the limits allow.

    `ticket` is what they begin with; `traffic` and `outside` are what went to its people lately.
    """
    told = tuple(_with_mails(changes, ticket, find, policy, acting)) if policy.updates else changes
    if not any(map(_is_news, told)):
        return told
    is_agents = policy.agent_of(acting) is not None
    budgets = _Budgets({}, NOTHING_OUTSIDE) if is_agents else _Budgets({one.address: one for one in traffic}, outside)
    return tuple(_within_limits(told, ticket, find, policy, now, budgets, is_counted=not is_agents))


def _with_mails(
    changes: Sequence[Change], ticket: int | None, find: FindTicket, policy: Policy, acting: str
) -> Iterator[Change]:
    for number, part in _by_ticket(changes, ticket):
        yield from part
        before = find(number) if number is not None else None
        if before is not None:
            yield from _updates(_News(part, before, policy, find), part, acting)


def _by_ticket(changes: Sequence[Change], ticket: int | None) -> Iterator[tuple[int | None, list[Change]]]:
    part: list[Change] = []
    for change in changes:
        if isinstance(change, TurnTo):
            yield ticket, part
            ticket, part = change.ticket, []
        part.append(change)
    yield ticket, part


def _updates(news: _News, part: Sequence[Change], acting: str) -> Iterator[Change]:
    policy, ticket = news.policy, news.before
    lines = dict(news.lines())
    left_out = {person_at(policy, acting), *_of_no_concern(part, ticket, policy)}
    for person in tell_people(UPDATE, ticket):
        if person_at(policy, person.to.address) in left_out:
            continue
        of_theirs = [say_it(person.role) for event, say_it in lines.items() if person.role in policy.people_told(event)]
        if of_theirs:
            context: dict[str, object] = {"changes": of_theirs, "watcher": person.role is Role.WATCHER}
            yield replace(person, context=context)


def _of_no_concern(part: Sequence[Change], ticket: TicketFacts, policy: Policy) -> Iterator[str]:
    """Who hears of it by another mail, and who is on the ticket no more."""
    for change in part:
        if isinstance(change, Notice):
            yield person_at(policy, change.to.address)
        elif isinstance(change, SetRequester):
            yield person_at(policy, ticket.requester.address)
        elif isinstance(change, RemoveWatchers):
            yield from (person_at(policy, address) for address in change.addresses)


def _is_news(change: Change) -> bool:
    return isinstance(change, Notice) and change.name in (UPDATE, Event.CLOSING)


def _within_limits(
    changes: Sequence[Change],
    ticket: int | None,
    find: FindTicket,
    policy: Policy,
    now: datetime,
    budgets: _Budgets,
    *,
    is_counted: bool,
) -> Iterator[Change]:
    """The changes, with news only as far as its readers can be written to; of the rest the history tells."""
    taken_up = {number for number, part in _by_ticket(changes, ticket) if MuteTicket(is_muted=False) in part}
    for number, part in _by_ticket(changes, ticket):
        before = find(number) if number is not None and any(map(_is_news, part)) else None
        for change in part:
            if before is None or not isinstance(change, Notice) or not _is_news(change):
                yield change
                continue
            known = budgets.lately.get(change.to.address) or _known_of(change.to.address, before)
            restraint = restraint_on(
                change.name,
                change.to.address,
                ticket=before.number,
                now=now,
                policy=policy,
                traffic=known,
                outside=budgets.outside,
                is_muted_ticket=before.is_muted and before.number not in taken_up,
            )
            if restraint is not None:
                yield restraint.as_event(change.name, change.to.address)
            elif is_counted:
                budgets.count(change, known, before.number, now, policy)
            if restraint is None or restraint.holds:
                yield replace(change, hold=restraint.code if restraint is not None else "")


def _known_of(address: str, ticket: TicketFacts) -> Traffic:
    """What the ticket itself says of one of its people."""
    people = (ticket.requester, *ticket.watchers)
    return next((one.as_traffic() for one in people if one.address == address), Traffic(address=address))


@dataclass
class _Budgets:
    """What went to people lately; each mail of this very decision counts for the next one."""

    lately: dict[str, Traffic]
    outside: Outside

    def count(self, notice: Notice, known: Traffic, ticket: int, now: datetime, policy: Policy) -> None:
        address = notice.to.address
        mail = AutomaticMail(notice=notice.name, ticket=ticket, at=now)
        self.lately[address] = replace(known, automatic=(*known.automatic, mail))
        if is_outside(address, policy):
            self.outside = self.outside.with_mail_to(address.rpartition("@")[2])


@dataclass(frozen=True)
class _News:
    """What a part of a decision makes of one ticket, told to somebody in a role."""

    part: Sequence[Change]
    before: TicketFacts
    policy: Policy
    find: FindTicket

    def lines(self) -> Iterator[tuple[Event, Callable[[Role], Phrase]]]:
        """Each event with its sentence; none where the ticket ends, which has its own mail or must not be told."""
        moved = next((one for one in reversed(self.part) if isinstance(one, MoveStatus)), None)
        if moved is not None and moved.to not in OPEN_STATUSES:
            return
        yield from self._fields()
        if moved is not None:
            yield from self._standing(moved)
        merged = next((one for one in self.part if isinstance(one, LinkTicket) and one.kind == "merged"), None)
        if merged is not None:
            yield Event.MERGED, lambda role: self._merged(merged, role)

    def _fields(self) -> Iterator[tuple[Event, Callable[[Role], Phrase]]]:
        set_to = {value.field: value.value for one in self.part if isinstance(one, SetFields) for value in one.values}
        before, policy = self.before, self.policy
        agent = policy.agent_of(set_to.get(Field.ASSIGNEE, ""))
        if agent is not None and agent.address != before.assignee:
            yield Event.TAKEN, lambda _: say("{agent} takes care of it now", agent=agent.name)
        team = policy.team_named(set_to.get(Field.TEAM, ""))
        if team is not None and team != policy.team_named(before.team):
            yield Event.HANDED_OVER, lambda _: say("the team {team} takes care of it now", team=team.title or team.name)
        priority = set_to.get(Field.PRIORITY, before.priority.value)
        if priority != before.priority.value:
            was = before.priority.value
            yield (
                Event.PRIORITY_CHANGED,
                lambda _: say("its priority is {now}; it was {before}", now=priority, before=was),
            )

    def _standing(self, moved: MoveStatus) -> Iterator[tuple[Event, Callable[[Role], Phrase]]]:
        before = self.before
        if moved.to is Status.ON_HOLD:
            if (moved.hold_reason, moved.hold_until) != (before.hold_reason, before.hold_until):
                yield Event.ON_HOLD, lambda role: self._waits(moved, role)
        elif before.status is Status.ON_HOLD:
            yield Event.RESUMED, lambda _: say("it is no longer on hold, and goes on")
        elif before.status not in OPEN_STATUSES:
            yield Event.REOPENED, lambda _: say("it is open again")

    def _waits(self, moved: MoveStatus, role: Role) -> Phrase:
        waits = {
            HoldReason.REQUESTER: say("it waits for your answer"),
            HoldReason.VENDOR: say("it waits for a supplier"),
            HoldReason.APPROVAL: say("it waits for an approval"),
        }.get(moved.hold_reason or HoldReason.VENDOR, say("it waits for a supplier"))
        if moved.hold_reason is HoldReason.REQUESTER and role is not Role.REQUESTER:
            waits = say("it waits for an answer of who reported it")
        if moved.hold_until is None:
            return waits
        # An end at midnight is that of the day before.
        day = (moved.hold_until - _MINUTE).astimezone(ZoneInfo(self.policy.desk.time_zone)).date()
        return say("{waits}, until {day}", waits=waits, day=day)

    def _merged(self, merged: LinkTicket, role: Role) -> Phrase:
        """Where it goes on; of somebody else's ticket nothing is told but that there is one."""
        other, before, policy = self.find(merged.number), self.before, self.policy
        is_theirs = other is not None and policy.is_same_person(other.requester.address, before.requester.address)
        if other is None or not is_theirs or role is not Role.REQUESTER:
            return say("it goes on together with another report of the same matter")
        return say("it goes on together with {ticket}", ticket=policy.token(other.type, other.number).strip("[]"))
