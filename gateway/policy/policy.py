"""The policy in force: one immutable value made of a whole, checked rules.toml; all questions to it are pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from gateway.policy.answers import Answers, NoAnswers
from gateway.policy.closing import Closing
from gateway.policy.conditions import counts_asked, tables_of
from gateway.policy.duties import Rota, Sweeps
from gateway.policy.limits import Limits, Source
from gateway.policy.matrix import USUAL_MATRIX, Matrix
from gateway.policy.measures import period_of
from gateway.policy.on_call_file import OnCallFile
from gateway.policy.people import KNOWN, OTHERS, Attributes, language_in, says_no
from gateway.policy.promises import DESK, Calendar, LadderStep, Sla, work_calendars
from gateway.policy.rules import Example, Rule
from gateway.policy.tables import Agent, Defaults, Desk, Team, Trust
from gateway.policy.telling import EVENTS, UPDATE, Event, NoticeRule, Notices, When
from gateway.policy.values import is_time_zone
from gateway.sla import ClockKind, WorkCalendar
from gateway.ticket import Priority, Role, TicketType

_ROUTED = re.compile(r'[%!":@]')
# What `[[notice]]` calls the people of a ticket.
_NAMES = {Role.REQUESTER: "requester", Role.WATCHER: "watchers"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Policy:
    """How the desk works. `version` is the first 12 hex digits of the file's SHA-256.

    Compared by identity: a policy is read once and swapped as a whole, and what is compiled from it hangs on it.
    `file` and `text` are the file as read, for messages that name a line; `files` are all that were read for it.
    """

    version: str
    desk: Desk
    defaults: Defaults
    teams: tuple[Team, ...]
    agents: tuple[Agent, ...]
    rules: tuple[Rule, ...]
    matrix: Matrix = USUAL_MATRIX
    limits: Limits = field(default_factory=Limits)
    sources: tuple[Source, ...] = ()
    examples: tuple[Example, ...] = ()
    people: Mapping[str, Attributes] = field(default_factory=dict)
    others: tuple[tuple[str, str], ...] = ()
    trust: Trust = field(default_factory=Trust)
    closing: Closing = field(default_factory=Closing)
    calendars: tuple[Calendar, ...] = ()
    slas: tuple[Sla, ...] = ()
    ladder: tuple[LadderStep, ...] = ()
    rotas: tuple[Rota, ...] = ()
    rota_files: Mapping[str, OnCallFile] = field(default_factory=dict)
    sweeps: Sweeps = field(default_factory=Sweeps)
    notices: Notices = field(default_factory=Notices)
    notice_rules: tuple[NoticeRule, ...] = ()
    file: str = "rules.toml"
    text: str = field(default="", repr=False)
    files: tuple[Path, ...] = ()
    answers: Answers = field(default_factory=NoAnswers, repr=False)

    def with_answers(self, answers: Answers) -> Policy:
        """The same policy with canned answers, which are no part of its file."""
        return replace(self, answers=answers)

    def agent_of(self, address: str) -> Agent | None:
        """Find the agent who writes from an address (plus addresses of theirs do not count)."""
        return self._agents_by_address.get(address.strip().lower())

    def agent_named(self, word: str) -> Agent | None:
        """Find an agent by handle, address, full name, or a first name that only one agent has."""
        return self._agents_by_word.get(_folded(word))

    def team_named(self, word: str) -> Team | None:
        """Find a team by its short name or its title."""
        return self._teams_by_word.get(_folded(word))

    def team_title(self, word: str) -> str:
        """What people read for a team: its title, else its name; a team that is gone keeps what it was called."""
        team = self.team_named(word)
        return word if team is None else team.title or team.name

    def person_of(self, address: str) -> Attributes:
        """What the people table says of an address; nothing where it does not know it."""
        return self.people.get(self.main_address(address), {})

    def main_address(self, address: str) -> str:
        """The address that stands for a person: the first of those that the people table has of them, else this one."""
        written = address.strip().lower()
        return self._main_addresses.get(written, written)

    def addresses_of(self, address: str) -> tuple[str, ...]:
        """All addresses of the person who has this one, the main one first."""
        main = self.main_address(address)
        return main, *self._other_addresses.get(main, ())

    def is_same_person(self, one: str, other: str) -> bool:
        """Whether two addresses are one person's, by the people table or as an agent's."""
        if one == other or (bool(self.others) and self.main_address(one) == self.main_address(other)):
            return True
        agent = self.agent_of(one)
        return agent is not None and agent == self.agent_of(other)

    def language_of(self, address: str) -> str:
        """The language that the people table has of somebody, "" where it has none that the desk writes."""
        return language_in(self.person_of(address))

    def described(self, address: str) -> dict[str, str]:
        """Everything that templates may ask of a person: "" for what is not known, and for a no."""
        known = dict.fromkeys(self._attribute_names, "")
        said = self.person_of(address).items()
        return known | {name: text for name, text in said if name != OTHERS and not says_no(text)}

    def zone_of(self, address: str) -> str:
        """The time zone that somebody reads times in: their own, where the people table has it, else the desk's."""
        own = self.person_of(address).get("time_zone", "")
        return own if own and is_time_zone(own) else self.desk.time_zone

    def agents_of(self, team_name: str) -> tuple[Agent, ...]:
        """List the agents of a team, in the order of the file."""
        wanted = _folded(team_name)
        return tuple(agent for agent in self.agents if wanted in map(_folded, agent.teams))

    def leads_of(self, team_name: str) -> tuple[str, ...]:
        """The addresses of those who lead a team; nobody where it names nobody."""
        team = self.team_named(team_name)
        return self._addresses_of(team.leads) if team is not None else ()

    def managers_of(self, team_name: str) -> tuple[str, ...]:
        """The addresses of those above a team's leads; nobody where it names nobody."""
        team = self.team_named(team_name)
        return self._addresses_of(team.managers) if team is not None else ()

    def tiers_above(self, team_name: str) -> tuple[Team, ...]:
        """The teams to which a ticket of this one escalates, next first; ends before it would go round."""
        found: list[Team] = []
        team = self.team_named(team_name)
        while team is not None and (team := self.team_named(team.escalates_to)) is not None and team not in found:
            found.append(team)
        return tuple(found)

    def _addresses_of(self, words: tuple[str, ...]) -> tuple[str, ...]:
        named = [(self.agent_named(word), word.strip().lower()) for word in words]
        return tuple(dict.fromkeys(agent.address if agent is not None else word for agent, word in named))

    def sla_of(self, ticket_type: str, priority: str, team: str) -> Sla | None:
        """The targets of a ticket: the first `[[sla]]` that fits; None where nothing is promised."""
        return next((sla for sla in self.slas if sla.fits(ticket_type, priority, team)), None)

    def steps_of(self, sla: str, kind: ClockKind) -> tuple[LadderStep, ...]:
        """The steps of the ladder beside one clock, in the order of the file."""
        return tuple(step for step in self.ladder if kind in step.clock and (not step.sla or sla in step.sla))

    def work_calendar(self, name: str) -> WorkCalendar:
        """A calendar by name; for one that the file has no longer, the desk's."""
        return self._work_calendars.get(name.casefold(), self._work_calendars[DESK])

    @cached_property
    def _work_calendars(self) -> dict[str, WorkCalendar]:
        return work_calendars(self.desk_calendar, self.calendars, time_zone=self.desk.time_zone)

    @cached_property
    def desk_calendar(self) -> Calendar:
        """The desk's own hours and holidays, as a calendar."""
        desk = self.desk
        return Calendar(
            name=DESK, hours=desk.working_hours, holidays=desk.holidays, closed=desk.closed, open=desk.opened
        )

    def is_desk_address(self, address: str) -> bool:
        """Say whether an address is the desk's: its address, an alias, or a plus address of either."""
        local, _, domain = address.strip().lower().rpartition("@")
        without_plus = local.partition("+")[0]
        return not self._desk_addresses.isdisjoint({f"{local}@{domain}", f"{without_plus}@{domain}"})

    def is_own_domain(self, address: str) -> bool:
        """Say whether an address (or a bare domain) is of the organisation; "*.example.com" covers what is below.

        A local part in which a mail server may read a way to another domain ("a%b.example@…", "b!a@…", a quoted "a@b";
        Postfix does by default) belongs to nobody's own people.
        """
        local, _, domain = address.strip().lower().rpartition("@")
        if _ROUTED.search(local):
            return False
        if domain in self._own_domains:
            return True
        return any(domain.endswith(own[1:]) for own in self._own_domains if own.startswith("*."))

    def priority_of(self, impact: str, urgency: str, ticket_type: str = TicketType.INCIDENT) -> Priority:
        """Read the priority matrix; for a level that it does not have (any more), that of `[defaults]` counts."""
        matrix, defaults = self.matrix, self.defaults
        known = (impact if impact in matrix.impacts else defaults.impact), urgency
        known = known[0], (urgency if urgency in matrix.urgencies else defaults.urgency)
        return matrix.priority(ticket_type, *known) or Priority.P3

    def token(self, ticket_type: TicketType, number: int) -> str:
        """Write the token that goes into subjects: [INC-1042]."""
        desk = self.desk
        prefix = desk.incident_prefix if ticket_type is TicketType.INCIDENT else desk.request_prefix
        return f"[{prefix}-{number}]"

    def prefixes(self) -> tuple[str, str]:
        """Give the prefixes of incidents and requests."""
        return self.desk.incident_prefix, self.desk.request_prefix

    @cached_property
    def field_names(self) -> tuple[str, ...]:
        """The names of fields that some rule sets, or that must be known before a ticket ends."""
        by_rules = [name for rule in self.rules for name in rule.set.fields]
        return tuple(dict.fromkeys([*by_rules, *self.closing.field_names]))

    @cached_property
    def acknowledgement_templates(self) -> tuple[tuple[int, str], ...]:
        """The templates that rules acknowledge with, each with the number of the first rule that names it."""
        named: dict[str, int] = {}
        for number, rule in enumerate(self.rules):
            if isinstance(rule.set.acknowledge, str):
                named.setdefault(rule.set.acknowledge, number)
        return tuple((number, name) for name, number in named.items())

    def notice_of(self, event: str) -> NoticeRule | None:
        """What the rules say of an event; None where they leave it as it always was."""
        return self._notices_by_event.get(event)

    def when_told(self, event: Event) -> When:
        """When whoever hears of an event does."""
        rule = self.notice_of(event)
        return rule.when if rule is not None else "at once"

    @cached_property
    def _notices_by_event(self) -> dict[str, NoticeRule]:
        return {event: rule for rule in reversed(self.notice_rules) for event in rule.event}

    @cached_property
    def silent_events(self) -> frozenset[str]:
        """The events of which nobody is told."""
        return frozenset(event for event, rule in self._notices_by_event.items() if rule.when == "never")

    def people_told(self, event: Event) -> frozenset[Role]:
        """Who of a ticket's people hears of an event that is theirs; of one that the rules do not name, as ever."""
        rule = self.notice_of(event)
        if rule is not None:
            whom = () if rule.when == "never" else rule.to or EVENTS[event].by_default
        else:
            whom = EVENTS[event].by_default if event is not Event.CLOSING or self.desk.closing_mail else ()
        return frozenset(role for role in (Role.REQUESTER, Role.WATCHER) if _NAMES[role] in whom)

    @cached_property
    def updates(self) -> frozenset[Event]:
        """The events of which some rule tells people beside what they always hear."""
        return frozenset(event for event, told in EVENTS.items() if UPDATE in told.mails and self.people_told(event))

    @cached_property
    def delays_notices(self) -> bool:
        """Whether some mail to an agent may wait for its moment."""
        return bool(self.notices.quiet_hours) or any(rule.when in ("bundle", "digest") for rule in self.notice_rules)

    @property
    def default_team(self) -> Team:
        """The team of a ticket that no rule gives to another."""
        return self.team_named(self.defaults.team) or self.teams[0]

    @cached_property
    def ticket_periods(self) -> tuple[timedelta | None, ...]:
        """The periods in which some rule counts a sender's tickets; None = since midnight where the desk is."""
        counts = (text for rule in self.rules for text in counts_asked(rule.when))
        return tuple(dict.fromkeys(map(period_of, counts)))

    @cached_property
    def asks_for_auth(self) -> bool:
        """Whether some rule asks what the mail server says of SPF, DKIM or DMARC."""
        return any(table.auth for rule in self.rules for _, table in tables_of(rule.when, ()))

    @cached_property
    def keepers(self) -> tuple[Agent, ...]:
        """The agents who decide about the quarantine; never nobody."""
        named = [self.agent_named(word) for word in self.desk.keepers]
        found = tuple(dict.fromkeys(agent for agent in named if agent is not None))
        return found or self.agents_of(self.default_team.name) or self.agents

    @cached_property
    def operators(self) -> tuple[str, ...]:
        """The addresses of those who keep the gateway running; never nobody."""
        return self._addresses_of(self.desk.operators) or tuple(agent.address for agent in self.agents[:1])

    @cached_property
    def admins(self) -> tuple[Agent, ...]:
        """The agents who tune the rules; never nobody."""
        named = [self.agent_named(word) for word in self.desk.admins] or [self.agent_of(one) for one in self.operators]
        return tuple(dict.fromkeys(agent for agent in named if agent is not None)) or self.agents[:1]

    @cached_property
    def _main_addresses(self) -> dict[str, str]:
        return dict(self.others)

    @cached_property
    def _other_addresses(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for other, owner in self.others:
            found.setdefault(owner, []).append(other)
        return found

    @cached_property
    def _attribute_names(self) -> tuple[str, ...]:
        named = (name for attributes in self.people.values() for name in attributes if name not in ("name", OTHERS))
        return tuple(dict.fromkeys([*KNOWN, *named]))

    @cached_property
    def _desk_addresses(self) -> frozenset[str]:
        return frozenset({self.desk.address, *self.desk.aliases})

    @cached_property
    def _own_domains(self) -> frozenset[str]:
        return frozenset(self.desk.own_domains)

    @cached_property
    def _agents_by_address(self) -> dict[str, Agent]:
        return {address: agent for agent in self.agents for address in (agent.address, *agent.other_addresses)}

    @cached_property
    def _agents_by_word(self) -> dict[str, Agent]:
        first_names = [_folded(agent.name).partition(" ")[0] for agent in self.agents]
        words = {
            first: agent for agent, first in zip(self.agents, first_names, strict=True) if first_names.count(first) == 1
        }
        # What is unmistakable comes last, so that it wins over a colleague's first name.
        words |= {_folded(agent.name): agent for agent in self.agents}
        words |= {_folded(agent.handle): agent for agent in self.agents}
        return words | self._agents_by_address

    @cached_property
    def _teams_by_word(self) -> dict[str, Team]:
        titles = {_folded(team.title): team for team in self.teams if team.title}
        return titles | {_folded(team.name): team for team in self.teams}


def _folded(word: str) -> str:
    return " ".join(word.split()).casefold()
