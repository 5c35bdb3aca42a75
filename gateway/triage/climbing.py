"""What steps of the ladder do to a ticket beside reminding, and whom that is told. Pure.

They raise, and give the ticket to another team, which gives it on as it would a new one, but not back. Nobody is told
twice: who has it now reads the whole ticket, who is reminded reads of it there, and all others hear what has changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.phrase import Phrase, say
from gateway.policy import Policy
from gateway.policy.promises import LadderStep
from gateway.policy.telling import Event
from gateway.ticket import Field, Priority
from gateway.triage.decision import Change, Notice, SetFields
from gateway.triage.facts import DutyFacts, TicketFacts
from gateway.triage.notices import agents_of_ticket, tell_agents
from gateway.triage.promising import raised, reminded, sent_to, to_team, what_is_raised
from gateway.triage.routing import Given, assignee_by_turn, given_from_elsewhere
from gateway.triage.telling import without_untold
from gateway.triage.updating import with_updates


@dataclass(frozen=True, kw_only=True)
class Climbed:
    """What is done, in changes and in words, and the addresses of those who get the whole ticket by it."""

    changes: tuple[Change, ...]
    words: tuple[Phrase, ...]
    newcomers: frozenset[str] = frozenset()


def climbed(
    steps: Sequence[LadderStep],
    last: Sequence[LadderStep],
    ticket: TicketFacts,
    policy: Policy,
    *,
    duty: DutyFacts | None,
    away: Mapping[str, datetime],
    now: datetime,
) -> Climbed | None:
    """What `steps` do, of which the `last` are told; None where nothing is left to do; `duty`, `away` as in Facts."""
    raising = raised(steps, ticket, policy)
    team = sent_to(steps, ticket, policy)
    changes: list[Change] = [raising] if raising is not None else []
    words = what_is_raised(raising)
    after, given = _raised(ticket, raising), None
    if team:
        given = given_from_elsewhere(team, after, policy, duty, away, now=now, but=[ticket.assignee])
        changes += _moved(team, given)
        words = (*words, _in_words(policy.team_title(team), given))
        after = replace(after, team=team, assignee=given.agent.address if given is not None else "")
    if not changes:
        return None
    newcomers = (given.agent,) if given is not None else policy.agents_of(team) if team else ()
    addresses = frozenset(agent.address for agent in newcomers)
    whole = {"changes": list(words), "history": True, "marks": [], "why": [], "linked_token": ""}
    notices: tuple[Notice, ...] = tell_agents("new_ticket", newcomers, about="first", context=whole)
    told = reminded(last, team=after.team, assignee=after.assignee, policy=policy, away=away)
    changed = {"changes": list(words), "agent": None}
    left_out = [*addresses, *(one.address for one in told)]
    agents = agents_of_ticket(policy, ticket, Event.CHANGED)
    notices += tell_agents("changed", agents, context=changed, but=left_out)
    every = with_updates((*changes, *notices), ticket.number, find=lambda _: ticket, policy=policy, acting="", now=now)
    return Climbed(changes=without_untold(every, policy), words=words, newcomers=addresses)


def _raised(ticket: TicketFacts, raising: SetFields | None) -> TicketFacts:
    values = {value.field: value.value for value in raising.values} if raising is not None else {}
    return replace(ticket, priority=Priority(values.get(Field.PRIORITY, ticket.priority)))


def _moved(team: str, given: Given | None) -> tuple[Change, ...]:
    if given is None:
        return (to_team(team, nobody=True),)
    return (to_team(team), SetFields(values=(assignee_by_turn(given.agent),)), given.turn)


def _in_words(team: str, given: Given | None) -> Phrase:
    if given is None:
        return say("given to the team {team}", team=team)
    return say("given to the team {team}, there to {agent}: {why}", team=team, agent=given.agent.name, why=given.why)
