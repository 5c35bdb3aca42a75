"""What everybody asks the policy, answered from a file."""

from __future__ import annotations

import hashlib

import pytest

from gateway.policy import Policy, describe_policy, parse_policy
from gateway.ticket import Level, Priority, TicketType

TEXT = """\
[desk]
address = "HelpDesk@Example.com"
aliases = ["support@example.com"]
own_domains = ["example.com", "*.example.org"]
request_prefix = "SR"

[defaults]
team = "Network"

[[team]]
name = "first-line"
title = "First Line"
[[team]]
name = "network"

[[agent]]
name = "Anna Agent"
address = "anna.agent@example.com"
other_addresses = ["Anna@example.net"]
teams = ["First-Line", "network"]

[[agent]]
name = "Ben Berg"
address = "ben@example.com"
handle = "bb"
teams = ["network"]

[[agent]]
name = "Ben Cole"
address = "cole@example.com"

[matrix]
"low/low" = "P4"
"""


@pytest.fixture(scope="module")
def policy() -> Policy:
    return parse_policy(TEXT)


def name_of(policy: Policy, word: str) -> str | None:
    agent = policy.agent_named(word)
    return agent.name if agent else None


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("anna.agent", "Anna Agent"),
        ("ANNA.AGENT@example.com", "Anna Agent"),
        ("anna@example.net", "Anna Agent"),
        ("anna  agent", "Anna Agent"),
        ("Anna", "Anna Agent"),
        ("bb", "Ben Berg"),
        ("ben cole", "Ben Cole"),
        ("cole", "Ben Cole"),
        ("Ben", None),
        ("nobody", None),
        ("", None),
    ],
)
def test_an_agent_is_found_by_any_name_that_means_only_them(policy: Policy, word: str, name: str | None) -> None:
    assert name_of(policy, word) == name


def test_an_agent_is_known_by_every_address_they_write_from(policy: Policy) -> None:
    found = [policy.agent_of(address) for address in ("Anna.Agent@EXAMPLE.com", "anna@example.net")]
    assert [agent.name for agent in found if agent] == ["Anna Agent", "Anna Agent"]
    assert policy.agent_of("anna@example.com") is None
    assert policy.agent_of("anna.agent+x@example.com") is None


def test_a_team_is_found_by_name_and_title_in_any_case(policy: Policy) -> None:
    found = [policy.team_named(word) for word in ("FIRST-LINE", "first line", "Network", "sales")]
    assert [team.name if team else None for team in found] == ["first-line", "first-line", "network", None]


def test_a_teams_agents_come_in_the_order_of_the_file(policy: Policy) -> None:
    assert [agent.handle for agent in policy.agents_of("NETWORK")] == ["anna.agent", "bb"]
    assert policy.agents_of("sales") == ()


@pytest.mark.parametrize(
    ("address", "is_desk"),
    [
        ("helpdesk@example.com", True),
        ("HELPDESK@EXAMPLE.COM", True),
        ("helpdesk+a1b2@example.com", True),
        ("support+x+y@example.com", True),
        ("helpdesk@example.org", False),
        ("helpdesk2@example.com", False),
        ("+helpdesk@example.com", False),
        ("helpdesk", False),
        ("", False),
    ],
)
def test_the_desk_knows_its_addresses(policy: Policy, address: str, is_desk: bool) -> None:
    assert policy.is_desk_address(address) is is_desk


@pytest.mark.parametrize(
    ("address", "is_own"),
    [
        ("a@example.com", True),
        ("a@EXAMPLE.com", True),
        ("example.com", True),
        ("a@mail.example.com", False),
        ("a@mail.example.org", True),
        ("a@example.org", False),
        ("a@badexample.org", False),
        ("a@example.com.evil.example", False),
        ("", False),
    ],
)
def test_own_domains_are_exact_unless_they_have_a_star(policy: Policy, address: str, is_own: bool) -> None:
    assert policy.is_own_domain(address) is is_own


def test_the_desks_own_domain_is_own_without_being_listed() -> None:
    text = TEXT.replace('own_domains = ["example.com", "*.example.org"]\n', "")
    assert parse_policy(text).is_own_domain("a@example.com")


def test_the_matrix_changes_only_what_it_names(policy: Policy) -> None:
    assert policy.priority_of(Level.LOW, Level.LOW) is Priority.P4
    assert policy.priority_of(Level.HIGH, Level.HIGH) is Priority.P1


def test_tokens_wear_the_prefix_of_their_type(policy: Policy) -> None:
    assert policy.token(TicketType.INCIDENT, 1042) == "[INC-1042]"
    assert policy.token(TicketType.REQUEST, 1043) == "[SR-1043]"
    assert policy.prefixes() == ("INC", "SR")


def test_the_default_team_is_the_named_one_else_the_first(policy: Policy) -> None:
    assert policy.default_team.name == "network"
    assert parse_policy(TEXT.replace('team = "Network"', "")).default_team.name == "first-line"


def test_the_version_is_the_digest_of_the_file(policy: Policy) -> None:
    assert policy.version == hashlib.sha256(TEXT.encode()).hexdigest()[:12]
    assert parse_policy(TEXT + "\n").version != policy.version


def test_one_text_may_stand_for_a_list_of_one() -> None:
    assert parse_policy(TEXT.replace('["support@example.com"]', '"support@example.com"')).desk.aliases == (
        "support@example.com",
    )


def test_every_key_is_described() -> None:
    rows = describe_policy()
    assert [f"{row.table} {row.key}" for row in rows if not row.description] == []
    described = {(row.table, row.key): row for row in rows}
    assert described["[desk]", "collision_minutes"].default == "15"
    assert described["[[team]]", "name"].default == ""
    assert described["[rule.when]", "from"].kind == "list of texts"
