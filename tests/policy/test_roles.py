"""Who leads, who manages, which tier is above, and what each role may do."""

from __future__ import annotations

import pytest

from gateway.errors import ConfigurationError
from gateway.policy import Policy, parse_policy
from gateway.policy.roles import DUTIES, Duty, StaffRole, may_do, roles_of

FILE = """
[desk]
address = "helpdesk@example.com"
admins = ["Ada"]
[[team]]
name = "first"
leads = ["Lea"]
managers = ["Mia", "boss@example.com"]
escalates_to = "second"
[[team]]
name = "second"
escalates_to = "third"
[[team]]
name = "third"
[[agent]]
name = "Ada Admin"
address = "ada@example.com"
teams = ["first"]
[[agent]]
name = "Lea Lead"
address = "lea@example.com"
teams = ["first", "second"]
[[agent]]
name = "Mia Manager"
address = "mia@example.com"
teams = ["third"]
"""


def agent_roles(policy: Policy, name: str, team: str = "") -> frozenset[StaffRole]:
    agent = policy.agent_named(name)
    assert agent is not None
    return roles_of(policy, agent, team=team)


def test_roles_come_from_teams_and_desk() -> None:
    policy = parse_policy(FILE)
    assert agent_roles(policy, "ada") == {StaffRole.AGENT, StaffRole.ADMIN}
    assert agent_roles(policy, "lea") == {StaffRole.AGENT, StaffRole.LEAD}
    assert agent_roles(policy, "lea", team="second") == {StaffRole.AGENT}
    assert agent_roles(policy, "mia", team="first") == {StaffRole.AGENT, StaffRole.MANAGER}
    assert policy.managers_of("first") == ("mia@example.com", "boss@example.com")


def test_tiers_follow_each_other() -> None:
    policy = parse_policy(FILE)
    assert [team.name for team in policy.tiers_above("first")] == ["second", "third"]
    assert policy.tiers_above("third") == ()


@pytest.mark.parametrize("duty", Duty)
def test_every_duty_is_in_the_table_and_somebody_may(duty: Duty) -> None:
    assert DUTIES[duty].whose


def test_only_admins_ask_the_rules() -> None:
    policy = parse_policy(FILE)
    asking = [agent.handle for agent in policy.agents if may_do(policy, agent, Duty.ASK_RULES)]
    assert asking == ["ada"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('leads = ["Lea"]', 'leads = ["Leo"]', "Leo"),
        ('leads = ["Lea"]', 'leads = ["lead@example.org"]', "lead@example.org"),
        ('"boss@example.com"', '"helpdesk@example.com"', "is an address of the desk itself"),
        ('escalates_to = "third"', 'escalates_to = "fourth"', "fourth"),
        ('escalates_to = "third"', 'escalates_to = "first"', "leads back to itself: first → second → first"),
    ],
)
def test_a_wrong_name_is_refused(old: str, new: str, expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        parse_policy(FILE.replace(old, new))
