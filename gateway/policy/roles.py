"""Who is what at the desk, and what each role may do: one table, `DUTIES`.

Agents are all that `[[agent]]` lists. A lead or manager is one where a `[[team]]` names them (`leads`, `managers`); an
admin is named by `[desk] admins`. Somebody may be several of these. Pure; docs/agents.md prints the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.policy.policy import Policy
from gateway.policy.tables import Agent


class StaffRole(StrEnum):
    """What somebody is at the desk."""

    AGENT = "agent"
    LEAD = "lead"
    MANAGER = "manager"
    ADMIN = "admin"


class Duty(StrEnum):
    """What only some may do."""

    WORK = "work"
    HAND_OVER = "hand_over"
    ASK_RULES = "ask_rules"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One duty in words, and whose it is."""

    what: str
    whose: frozenset[StaffRole]


_ALL = frozenset(StaffRole)

DUTIES: Final[dict[Duty, Row]] = {
    Duty.WORK: Row(what="answer, note, command and list tickets", whose=_ALL),
    Duty.HAND_OVER: Row(
        what="hand over the open tickets of another agent of the team (`#handover anna ben`)",
        whose=frozenset({StaffRole.LEAD, StaffRole.MANAGER, StaffRole.ADMIN}),
    ),
    Duty.ASK_RULES: Row(
        what="ask how the rules came to a ticket (`#why`), and how all of them do (`#rules stats`)",
        whose=frozenset({StaffRole.ADMIN}),
    ),
}


def roles_of(policy: Policy, agent: Agent, *, team: str = "") -> frozenset[StaffRole]:
    """What an agent is; as lead or manager of `team`, or of any team where that is ""."""
    teams = [policy.team_named(team)] if team else list(policy.teams)
    names = [one.name for one in teams if one is not None]
    roles = {StaffRole.AGENT}
    if any(agent.address in policy.leads_of(name) for name in names):
        roles.add(StaffRole.LEAD)
    if any(agent.address in policy.managers_of(name) for name in names):
        roles.add(StaffRole.MANAGER)
    if agent in policy.admins:
        roles.add(StaffRole.ADMIN)
    return frozenset(roles)


def may_do(policy: Policy, agent: Agent, duty: Duty, *, team: str = "") -> bool:
    """Whether the duty is one of this agent's roles, in `team` where one is named."""
    return not DUTIES[duty].whose.isdisjoint(roles_of(policy, agent, team=team))
