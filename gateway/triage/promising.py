"""What the ladder does to a ticket and whom it tells, and `#ack`, by which an agent asks for no more of it. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from gateway.mail import Address
from gateway.phrase import Phrase, level_word, say
from gateway.policy import Policy
from gateway.policy.promises import LadderStep, Rung
from gateway.ticket import Authority, Field, FieldValue, Priority
from gateway.triage.decision import AckClocks, SetFields
from gateway.triage.facts import TicketFacts
from gateway.triage.work import Refusal, Work

REMINDER, REMINDERS = "reminder", "reminders"


def ack(work: Work, argument: str) -> Work | Refusal:
    """Ask for no more steps of the ladder until the ticket is reopened or has another target."""
    if not work.policy.slas:
        return Refusal(why=say("this desk promises no times, so nobody is reminded"), suggestion="#take")
    change = AckClocks(by=work.agent.address)
    return work.with_changes(change, told=say("{agent} has seen it: no more reminders", agent=work.agent.name))


def reminded(
    steps: Iterable[LadderStep], *, team: str, assignee: str, policy: Policy, away: Container[str] = ()
) -> dict[Address, Rung]:
    """Whom steps remind, each once, and as whom; who is `away` reads nothing in time."""
    found: dict[str, tuple[Address, Rung]] = {}
    for rung in dict.fromkeys(rung for step in steps for rung in step.remind):
        stands_on, addresses = _on(rung, team=team, assignee=assignee, policy=policy, away=away)
        for address in addresses:
            found.setdefault(address, (_mailbox(address, policy), stands_on))
    return dict(found.values())


def why_reminded(rung: Rung, steps: Iterable[LadderStep], *, team: str, assignee: str, policy: Policy) -> Phrase:
    """Why somebody on that rung is told, in one sentence."""
    owner = policy.agent_of(assignee) if assignee else None
    team = policy.team_title(team)
    if rung == "assignee":
        return say("You get this because the ticket is yours.")
    if rung == "lead":
        return say("You get this as a lead of the team {team}.", team=team)
    if rung == "manager":
        return say("You get this as a manager of the team {team}.", team=team)
    if owner is None:
        return say("You get this because nobody has the ticket; it is your team's: {team}.", team=team)
    if any("team" in step.remind for step in steps):
        return say("You get this because the ticket is your team's: {team}.", team=team)
    return say("You get this in place of {agent}, who is away.", agent=owner.name)


def _on(rung: Rung, *, team: str, assignee: str, policy: Policy, away: Container[str]) -> tuple[Rung, Sequence[str]]:
    """Who stands on a rung and is there; where nobody is, the next below: manager, lead, assignee, team."""
    agent = policy.agent_of(assignee) if assignee else None
    by_rung: dict[Rung, Sequence[str]] = {
        "manager": policy.managers_of(team),
        "lead": policy.leads_of(team),
        "assignee": (agent.address,) if agent is not None else (),
        "team": [one.address for one in policy.agents_of(team) or policy.agents],
    }
    rungs = list(by_rung)
    for below in rungs[rungs.index(rung) :]:
        if here := [one for one in by_rung[below] if one not in away]:
            return below, here
    # Where everybody is away, all of the team hear of it: somebody may look all the same.
    return "team", by_rung["team"]


def _mailbox(address: str, policy: Policy) -> Address:
    agent = policy.agent_of(address)
    return Address(address=address, name=agent.name if agent is not None else policy.person_of(address).get("name", ""))


def raised(steps: Iterable[LadderStep], ticket: TicketFacts, policy: Policy) -> SetFields | None:
    """What steps raise, and the priority that goes with it; None where nothing is left to raise."""
    urgency, priority = ticket.urgency, ticket.priority
    for step in steps:
        if step.raises == "priority":
            priority = _next(priority)
        elif step.raises == "urgency":
            urgency = _more_pressing(urgency, policy)
            priority = min(priority, policy.priority_of(ticket.impact, urgency, ticket.type))
    values = []
    if urgency != ticket.urgency:
        values.append(FieldValue(field=Field.URGENCY, value=urgency, authority=Authority.OVERRIDE))
    if priority is not ticket.priority:
        values.append(FieldValue(field=Field.PRIORITY, value=priority.value, authority=Authority.OVERRIDE))
    return SetFields(values=tuple(values)) if values else None


def what_is_raised(raising: SetFields | None) -> tuple[Phrase, ...]:
    """What the ladder raises of a ticket, in words."""
    values = {value.field: value.value for value in raising.values} if raising is not None else {}
    said = []
    if urgency := values.get(Field.URGENCY):
        said.append(level_word("urgency", urgency))
    if priority := values.get(Field.PRIORITY):
        said.append(say("priority {priority}", priority=priority))
    return tuple(said)


def _next(priority: Priority) -> Priority:
    order = list(Priority)
    return order[max(0, order.index(priority) - 1)]


def _more_pressing(urgency: str, policy: Policy) -> str:
    """The next urgency of the matrix, which has the most pressing first."""
    levels = policy.matrix.urgencies
    return levels[max(0, levels.index(urgency) - 1)] if urgency in levels else urgency


def sent_to(steps: Iterable[LadderStep], ticket: TicketFacts, policy: Policy) -> str:
    """The last team that steps give the ticket to; "" where it has it already."""
    names = [step.reassign for step in steps if step.reassign]
    team = policy.team_named(names[-1]) if names else None
    return team.name if team is not None and policy.team_named(ticket.team) != team else ""


def to_team(team: str, *, nobody: bool = False) -> SetFields:
    """The move to a team; `nobody` of it has the ticket then."""
    pairs = ((Field.TEAM, team), *(((Field.ASSIGNEE, ""),) if nobody else ()))
    return SetFields(
        values=tuple(FieldValue(field=field, value=value, authority=Authority.OVERRIDE) for field, value in pairs)
    )
