"""The state between two commands of one mail: the ticket as it would stand, and what is to be done so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.mail import Address
from gateway.phrase import Phrase, say
from gateway.policy import Agent, Policy
from gateway.ticket import Authority, Field, FieldValue
from gateway.triage.decision import Change, SetFields
from gateway.triage.facts import DutyFacts, OwnedTicket, TicketFacts
from gateway.triage.undoable import Undoable

if TYPE_CHECKING:
    from gateway.triage.case import Case


# In the context of an answer to its author: that among its lines are hints.
HINTING = "hinting"


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a command is impossible now, and the nearest valid form."""

    why: Phrase
    suggestion: Phrase | str = ""

    @property
    def told(self) -> Phrase:
        """Both in one line."""
        if not self.suggestion:
            return self.why
        return say("{why}; what would fit: {suggestion}", why=self.why, suggestion=self.suggestion)


@dataclass(frozen=True, kw_only=True)
class Work:
    """What an agent's mail has commanded so far. `told` are sentences about changes, for the other agents but for those
    that are `own`: what an agent does about nobody but themselves.

    `newcomers` are agents who have to see the ticket because it was given to them; `given_team` is the team whose they
    are, "" where it was given to one of them, and `escalated_from` the team that gave it up. `routed` is why its new
    team gave it to its agent by itself. `works_around`: the words of the mail are a workaround. `owned` are open
    tickets that a hand-over may be about, `handed` what comes of it. `away` and `duty` are as in `Facts`. `used` are
    the words of canned answers, in order, and `previewed` those that only the agent is to see, each with its name.
    `undoable` is what `#undo` may take back, `held_back` are addresses for which mail is held. `hints` are for the
    agent alone: what was done, and is other than they may think.
    """

    ticket: TicketFacts
    others: tuple[TicketFacts, ...]
    policy: Policy
    agent: Agent
    now: datetime
    changes: tuple[Change, ...] = ()
    told: tuple[Phrase, ...] = ()
    own: tuple[Phrase, ...] = ()
    newcomers: tuple[Agent, ...] = ()
    given_team: str = ""
    escalated_from: str = ""
    routed: Phrase | None = None
    reason: str = ""
    works_around: bool = False
    workaround_text: str = ""
    owned: tuple[OwnedTicket, ...] = ()
    handed: tuple[Change, ...] = ()
    resolves: bool = False
    resolution_text: str = ""
    closes: bool = False
    merged_into: int | None = None
    silences: bool = False
    sends_held: bool = False
    wants_files: bool = False
    wants_help: bool = False
    wants_why: bool = False
    wants_stats: bool = False
    used: tuple[str, ...] = ()
    previewed: tuple[tuple[str, str], ...] = ()
    undoable: Undoable | None = None
    away: Mapping[str, datetime] = field(default_factory=dict)
    duty: DutyFacts | None = None
    held_back: tuple[str, ...] = ()
    hints: tuple[Phrase, ...] = ()

    def with_hint(self, *hints: Phrase) -> Work:
        """With what the author alone has to know of what was done."""
        return replace(self, told=self.told + hints, own=self.own + hints, hints=self.hints + hints)

    def with_changes(self, *changes: Change, ticket: TicketFacts | None = None, told: Phrase | None = None) -> Work:
        return replace(
            self,
            changes=self.changes + changes,
            ticket=ticket or self.ticket,
            told=(*self.told, told) if told is not None else self.told,
        )

    @property
    def news(self) -> tuple[Phrase, ...]:
        """What other agents are told of."""
        return tuple(line for line in self.told if line not in self.own)

    def with_field(self, field: Field, value: str, *, told: Phrase | None = None, **ticket_changes: object) -> Work:
        """Set one classification field in the agent's name; nothing overwrites that but another agent."""
        return self.with_fields([(field, value)], told=told, **ticket_changes)

    def with_fields(
        self, pairs: Sequence[tuple[Field, str]], *, told: Phrase | None = None, **ticket_changes: object
    ) -> Work:
        values = tuple(FieldValue(field=field, value=value, authority=Authority.AGENT) for field, value in pairs)
        return self.with_values(values, told=told, **ticket_changes)

    def with_values(
        self, values: tuple[FieldValue, ...], *, told: Phrase | None = None, **ticket_changes: object
    ) -> Work:
        """Set what a ticket may have many of, too: named fields, and tags (an empty value takes one away)."""
        authority = dict(self.ticket.authority) | {value.key: Authority.AGENT for value in values}
        ticket = replace(self.ticket, authority=tuple(authority.items()), **ticket_changes)  # type: ignore[arg-type]
        return self.with_changes(SetFields(values=values), ticket=ticket, told=told)

    def ticket_numbered(self, number: int) -> TicketFacts | None:
        """The ticket of that number, or the one that it was merged into."""
        known = (self.ticket, *self.others)
        return next((one for one in known if number == one.number or number in one.merged_from), None)

    @property
    def agent_mailbox(self) -> Address:
        return Address(address=self.agent.address, name=self.agent.name)


def work_on(case: Case, ticket: TicketFacts, agent: Agent) -> Work:
    """What an agent's mail begins with on a ticket."""
    facts = case.facts
    return Work(
        ticket=ticket,
        others=facts.named_tickets,
        policy=case.policy,
        agent=agent,
        now=facts.now,
        owned=facts.owned,
        away=facts.away,
        duty=facts.duty,
        undoable=facts.undoable.get(ticket.number),
        held_back=facts.held_back,
    )
