"""To whom a new ticket is given by itself: in turn, to who has the fewest, or to who is on call. Pure.

Place in the mail's way: behind the rules, which may have named an agent already; then nothing happens here. A ticket
that comes to a team later, by `#assign`, `#escalate` or a step of the ladder, is given in the same way. Chosen is
among the agents of the ticket's team who are neither away nor outside their hours, and of these among those who know
its category or a tag of it, where there are any. Where nobody is at work, a ticket of the priorities of a rota that
holds goes to who is on call; every other one stays with its team. Nothing here fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.phrase import Phrase, say
from gateway.policy import Agent, Policy
from gateway.policy.duty import is_at_work, on_call, rota_at
from gateway.ticket import Authority, Classification, Field, FieldValue
from gateway.triage.decision import SetFields, TakeTurn
from gateway.triage.facts import DutyFacts, TicketFacts
from gateway.triage.work import Work

TURN, LOAD, ON_CALL = "turn", "load", "on_call"
_HOW = {"round_robin": TURN, "least_loaded": LOAD}


@dataclass(frozen=True, kw_only=True)
class Matter:
    """What of a ticket decides whom it is given to."""

    team: str
    priority: str
    category: str = ""
    subcategory: str = ""
    tags: tuple[str, ...] = ()

    @property
    def topics(self) -> frozenset[str]:
        """What an agent may know of it, in small letters."""
        below = (f"{self.category}/{self.subcategory}",) if self.subcategory else ()
        return frozenset(word.casefold() for word in (self.category, *below, *self.tags) if word)


@dataclass(frozen=True, kw_only=True)
class Given:
    """The agent to whom a ticket is given, by what (TURN, LOAD, ON_CALL), and why, in words for that agent."""

    team: str
    agent: Agent
    how: str
    why: Phrase

    @property
    def turn(self) -> TakeTurn:
        """What the desk remembers of it."""
        text = f"given to {self.agent.name}: {self.why}"
        return TakeTurn(team=self.team, agent=self.agent.address, how=self.how, text=text)


def matter_in(classification: Classification) -> Matter:
    """The matter of a new ticket."""
    return Matter(
        team=classification.get(Field.TEAM),
        priority=classification.get(Field.PRIORITY),
        category=classification.get(Field.CATEGORY),
        subcategory=classification.get(Field.SUBCATEGORY),
        tags=tuple(tag.value for tag in classification.all(Field.TAG)),
    )


def given(
    matter: Matter, policy: Policy, duty: DutyFacts | None, away: Mapping[str, object], now: datetime
) -> Given | None:
    """Choose an agent; None where the ticket stays with its team."""
    team = policy.team_named(matter.team)
    if team is None:
        return None
    called = _on_call(matter, policy, away, now)
    if called is not None or duty is None or team.assign not in _HOW:
        return called
    members = policy.agents_of(team.name)
    present = [agent for agent in members if agent.address not in away and is_at_work(policy, agent, now)]
    if not present:
        return None
    skilled = [agent for agent in present if not matter.topics.isdisjoint(map(str.casefold, agent.skills))]
    how, chosen = _HOW[team.assign], _first(skilled or present, team.name, team.assign, duty)
    why = _why(how, chosen, team.title or team.name, duty, knows=bool(skilled))
    return Given(team=team.name, agent=chosen, how=how, why=why)


def _on_call(matter: Matter, policy: Policy, away: Mapping[str, object], now: datetime) -> Given | None:
    rota = rota_at(policy, matter.team, now) if policy.rotas else None
    if rota is None or matter.priority not in rota.priorities:
        return None
    agent = on_call(policy, matter.team, now, away=frozenset(away))
    if agent is None:
        return None
    return Given(
        team=matter.team, agent=agent, how=ON_CALL, why=say("on call for {team}", team=policy.team_title(matter.team))
    )


def _first(agents: Sequence[Agent], team: str, assign: str, duty: DutyFacts) -> Agent:
    """Whose turn it is: who was given one the longest ago; with least_loaded, of those with the fewest."""

    def rank(agent: Agent) -> tuple[int, int]:
        load = duty.loads.get(agent.address, 0) if assign == "least_loaded" else 0
        return load, duty.turns.get((team, agent.address), 0)

    # Of equals the first of the file, since min() keeps the order.
    return min(agents, key=rank)


def _why(how: str, agent: Agent, team: str, duty: DutyFacts, *, knows: bool) -> Phrase:
    why = say("in turn in {team}", team=team)
    if how == LOAD:
        why = say("has the fewest open tickets in {team}: {count}", team=team, count=duty.loads.get(agent.address, 0))
    return say("{why}, among those who know this", why=why) if knows else why


def after(duty: DutyFacts | None, turn: TakeTurn) -> DutyFacts | None:
    """What the next choice of the same mail goes by."""
    return duty.after(turn.team, turn.agent, is_turn=turn.how != ON_CALL) if duty is not None else None


def with_assignee(classification: Classification, agent: Agent) -> Classification:
    """What the ticket opens with; nobody has decided it, so that rules and agents may."""
    value = assignee_by_turn(agent)
    values = tuple(value if one.field is Field.ASSIGNEE else one for one in classification.values)
    return replace(classification, values=values)


def given_from_elsewhere(
    team: str,
    ticket: TicketFacts,
    policy: Policy,
    duty: DutyFacts | None,
    away: Mapping[str, object],
    *,
    now: datetime,
    but: Iterable[str],
) -> Given | None:
    """The agent to whom a team gives a ticket that comes to it from elsewhere, as it would a new one.

    Never one of `but`, who had it or give it away; None where it gives it to nobody.
    """
    matter = Matter(
        team=team,
        priority=ticket.priority,
        category=ticket.category,
        subcategory=ticket.subcategory,
        tags=ticket.tags,
    )
    return given(matter, policy, duty, {**away, **{address: now for address in but if address}}, now)


def assignee_by_turn(agent: Agent) -> FieldValue:
    """The assignee on whom nobody has decided, so that rules and agents may."""
    return FieldValue(field=Field.ASSIGNEE, value=agent.address, authority=Authority.DEFAULT)


def given_in_team(work: Work, team: str, *, but: Iterable[str] = (), told: Phrase | None = None) -> Work | None:
    """A ticket that an agent gives to a team, with the colleague to whom the team gives it by itself.

    None where it gives it to nobody; never to who has just given it away. `told` says in other words that the team has
    it.
    """
    but = (work.agent.address, *but)
    found = given_from_elsewhere(team, work.ticket, work.policy, work.duty, work.away, now=work.now, but=but)
    if found is None:
        return None
    agent = found.agent
    title = work.policy.team_title(team)
    plain = say("given to the team {team}, there to {agent}: {why}", team=title, agent=agent.name, why=found.why)
    more = say("given to {agent}: {why}", agent=agent.name, why=found.why) if told is not None else None
    moved = work.with_field(Field.TEAM, team, team=team, assignee=agent.address, told=told or plain)
    by_turn = SetFields(values=(assignee_by_turn(agent),))
    moved = moved.with_changes(by_turn, found.turn, told=more)
    newcomers = (*moved.newcomers, agent)
    return replace(moved, newcomers=newcomers, given_team="", routed=found.why, duty=after(work.duty, found.turn))
