"""`#escalate [reason]`: the ticket goes to the team of the next tier, and who had it goes on hearing of it. Pure."""

from __future__ import annotations

from dataclasses import replace

from gateway.phrase import say, word
from gateway.subject import one_line
from gateway.ticket import OPEN_STATUSES, Field
from gateway.triage.decision import Follow
from gateway.triage.work import Refusal, Work

_LONGEST_CHARS = 1_000


def escalate(work: Work, argument: str) -> Work | Refusal:
    """Give the ticket to the team above its own; refused where there is none."""
    ticket, policy = work.ticket, work.policy
    if ticket.status not in OPEN_STATUSES:
        stands = say("the ticket is {status}", status=word("status", ticket.status.value))
        return Refusal(why=stands, suggestion="#reopen")
    above = next(iter(policy.tiers_above(ticket.team)), None)
    if above is None:
        others = [team.name for team in policy.teams if team != policy.team_named(ticket.team)]
        hint = f"#assign {'|'.join(others[:12])}" if others else say("#note what you need")
        return Refusal(why=say("no team is above {team}", team=ticket.team), suggestion=hint)
    name, reason = above.name, one_line(argument)[:_LONGEST_CHARS]
    told = say("escalated to the team {team}", team=name)
    if reason:
        told = say("escalated to the team {team}: {reason}", team=name, reason=reason)
    given = work.with_fields([(Field.TEAM, name), (Field.ASSIGNEE, "")], team=name, assignee="", told=told)
    if ticket.assignee and ticket.assignee != work.agent.address and ticket.assignee not in ticket.agents:
        given = given.with_changes(Follow(agent=ticket.assignee))
    newcomers = tuple(agent for agent in policy.agents_of(name) if agent != work.agent)
    return replace(
        given, newcomers=given.newcomers + newcomers, given_team=name, escalated_from=ticket.team, reason=reason
    )
