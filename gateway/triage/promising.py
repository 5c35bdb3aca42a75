"""What the ladder does to a ticket and whom it tells, and `#ack`, by which an agent asks for no more of it. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from datetime import datetime

from gateway.mail import Address
from gateway.phrase import Phrase, level_word, say
from gateway.policy import Policy
from gateway.policy.promises import LadderStep, Rung
from gateway.sla import ClockKind
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
) -> tuple[Address, ...]:
    """Whom steps remind, each once; who is `away` reads nothing in time."""
    rungs = dict.fromkeys(rung for step in steps for rung in step.remind)
    found = (one for rung in rungs for one in _on(rung, team=team, assignee=assignee, policy=policy, away=away))
    return tuple({one.address: one for one in found}.values())


def _on(rung: Rung, *, team: str, assignee: str, policy: Policy, away: Container[str]) -> Iterable[Address]:
    """Who stands on a rung and is there; where nobody is, the next below: manager, lead, assignee, team."""
    agent = policy.agent_of(assignee) if assignee else None
    by_rung: dict[Rung, Sequence[str]] = {
        "manager": policy.managers_of(team),
        "lead": policy.leads_of(team),
        "assignee": (agent.address,) if agent is not None else (),
        "team": [one.address for one in policy.agents_of(team) or policy.agents],
    }
    rungs = list(by_rung)
    here = ([one for one in by_rung[below] if one not in away] for below in rungs[rungs.index(rung) :])
    # Where everybody is away, all of the team hear of it: somebody may look all the same.
    found = next((those for those in here if those), by_rung["team"])
    return [_mailbox(address, policy) for address in found]


def _mailbox(address: str, policy: Policy) -> Address:
    agent = policy.agent_of(address)
    return Address(address=address, name=agent.name if agent is not None else policy.person_of(address).get("name", ""))


def what_is_due(kind: ClockKind, *, due: datetime | None, was_missed: bool) -> Phrase:
    """What a reminder says first; `due` by the clock of who reads it, None where the clock stands."""
    is_response = kind is ClockKind.RESPONSE
    if due is None:
        return say("nobody has answered yet") if is_response else say("it is not settled yet")
    if was_missed:
        if is_response:
            return say("overdue: nobody has answered; an answer was due on {due}", due=due)
        return say("overdue: it is not settled; that was due on {due}", due=due)
    if is_response:
        return say("nobody has answered yet; an answer is due on {due}", due=due)
    return say("it is not settled yet; that is due on {due}", due=due)


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


def what_changes(changes: Iterable[SetFields]) -> tuple[Phrase, ...]:
    """What the ladder does to a ticket, in words."""
    values = {value.field: value.value for change in changes for value in change.values}
    said = []
    if urgency := values.get(Field.URGENCY):
        said.append(level_word("urgency", urgency))
    if priority := values.get(Field.PRIORITY):
        said.append(say("priority {priority}", priority=priority))
    if team := values.get(Field.TEAM):
        said.append(say("given to the team {team}", team=team))
    return tuple(said)


def _next(priority: Priority) -> Priority:
    order = list(Priority)
    return order[max(0, order.index(priority) - 1)]


def _more_pressing(urgency: str, policy: Policy) -> str:
    """The next urgency of the matrix, which has the most pressing first."""
    levels = policy.matrix.urgencies
    return levels[max(0, levels.index(urgency) - 1)] if urgency in levels else urgency


def given_to(steps: Iterable[LadderStep], ticket: TicketFacts, policy: Policy) -> SetFields | None:
    """The last team that steps give the ticket to; None where it has it already."""
    names = [step.reassign for step in steps if step.reassign]
    team = policy.team_named(names[-1]) if names else None
    if team is None or policy.team_named(ticket.team) == team:
        return None
    pairs = ((Field.TEAM, team.name), (Field.ASSIGNEE, ""))
    values = (FieldValue(field=field, value=value, authority=Authority.OVERRIDE) for field, value in pairs)
    return SetFields(values=tuple(values))
