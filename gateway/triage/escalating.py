"""`#escalate [reason]`: the ticket goes to the team of the next tier, and who had it goes on hearing of it. Pure."""

from __future__ import annotations

from dataclasses import replace

from gateway.phrase import say, word
from gateway.subject import one_line
from gateway.ticket import OPEN_STATUSES, Field
from gateway.triage.decision import Follow
from gateway.triage.routing import given_in_team
from gateway.triage.work import Refusal, Work

_LONGEST_CHARS = 1_000


def escalate(work: Work, argument: str) -> Work | Refusal:
    """Give the ticket to the team above its own, and there as a new one is; refused where there is none."""
    ticket, policy = work.ticket, work.policy
    if ticket.status not in OPEN_STATUSES:
        stands = say("the ticket is {status}", status=word("status", ticket.status.value))
        return Refusal(why=stands, suggestion="#reopen")
    above = next(iter(policy.tiers_above(ticket.team)), None)
    if above is None:
        others = [team.name for team in policy.teams if team != policy.team_named(ticket.team)]
        hint = f"#assign {'|'.join(others[:12])}" if others else say("#note what you need")
        return Refusal(why=say("no team is above {team}", team=policy.team_title(ticket.team)), suggestion=hint)
    name, reason = above.name, one_line(argument)[:_LONGEST_CHARS]
    told = say("escalated to the team {team}", team=policy.team_title(name))
    if reason:
        told = say("escalated to the team {team}: {reason}", team=policy.team_title(name), reason=reason)
    given = given_in_team(work, name, but=[ticket.assignee], told=told)
    if given is None:
        given = work.with_fields([(Field.TEAM, name), (Field.ASSIGNEE, "")], team=name, assignee="", told=told)
        newcomers = tuple(agent for agent in policy.agents_of(name) if agent != work.agent)
        given = replace(given, newcomers=given.newcomers + newcomers, given_team=name)
    if ticket.assignee and ticket.assignee != work.agent.address and ticket.assignee not in ticket.agents:
        given = given.with_changes(Follow(agent=ticket.assignee))
    return replace(given, escalated_from=ticket.team, reason=reason)
