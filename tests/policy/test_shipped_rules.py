"""The rules.toml that ships: it shows every option with its default, and its examples come true."""

from __future__ import annotations

import re
import time

import pytest

from gateway.defaults_files import default_file
from gateway.options.tables import OptionDescription
from gateway.policy import Policy, describe_policy, load_policy, parse_policy
from gateway.triage.classify import check_examples, rules_holding
from gateway.triage.example_mail import mail_of

TEXT = default_file("rules.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shipped() -> Policy:
    return load_policy(default_file("rules.toml"))


def test_the_desk_is_the_one_of_the_readme(shipped: Policy) -> None:
    assert shipped.desk.address == "helpdesk@example.com"
    assert shipped.desk.own_domains == ("example.com",)
    assert len(shipped.teams) == 1
    assert [agent.address for agent in shipped.agents] == ["agent@example.com"]
    assert shipped.agents_of(shipped.teams[0].name) == shipped.agents


@pytest.mark.parametrize("row", describe_policy(), ids=lambda row: f"{row.table}{row.key}")
def test_every_option_stands_in_it_with_its_default(row: OptionDescription) -> None:
    if row.key == "matrix":
        levels = re.findall(r'^# "(\w+/\w+)" = "P[1-5]"$', TEXT, re.MULTILINE)
        assert len(set(levels)) == 9
        return
    # The tables of [example.expect] and [rule.set] have the same keys; the example names them in one line.
    if row.table == "[example.expect]":
        assert re.search(rf"^#   expect = .*\b{row.key}\b", TEXT, re.MULTILINE)
        return
    lines = re.findall(rf"^[ #]*{row.key} = (.*)$", TEXT, re.MULTILINE)
    assert lines, f"{row.table} {row.key} is not shown"
    if row.default and f"# {row.key} = " in TEXT:
        assert any(line.startswith(row.default) for line in lines), f"the default of {row.key} is {row.default}"


def test_every_commented_option_may_be_uncommented(shipped: Policy) -> None:
    head, rest = TEXT.split("\n# Rules\n")
    uncommented = re.sub(r'^# (?=("\w+/\w+"|[a-z_]+) = )', "", head, flags=re.MULTILINE)
    policy = parse_policy(f"{uncommented}\n{rest}")
    agents = tuple(agent.model_copy(update={"handle": "agent"}) for agent in policy.agents)
    assert (policy.desk, policy.defaults, policy.teams, agents, policy.matrix) == (
        shipped.desk,
        shipped.defaults,
        shipped.teams,
        shipped.agents,
        shipped.matrix,
    )


def test_every_example_comes_true(shipped: Policy) -> None:
    assert [str(problem) for problem in check_examples(shipped)] == []


def test_every_rule_has_an_example_for_which_it_holds(shipped: Policy) -> None:
    holding = {
        name for example in shipped.examples for name in rules_holding(mail_of(example, shipped), policy=shipped)
    }
    assert {rule.name for rule in shipped.rules} - holding == set()


def test_a_rule_that_says_incident_says_its_impact_so_that_no_request_rule_below_makes_it_small(
    shipped: Policy,
) -> None:
    incidents = [rule for rule in shipped.rules if rule.set.type == "incident"]
    assert incidents
    assert [rule.name for rule in incidents if rule.set.impact is None] == []
    wide = [number for number, rule in enumerate(shipped.rules) if rule.set.impact == "high"]
    assert max(wide) < min(shipped.rules.index(rule) for rule in incidents)


def test_every_language_is_among_the_examples(shipped: Policy) -> None:
    text = " ".join(f"{example.subject} {example.text}" for example in shipped.examples)
    for word in ("please", "bitte", "pouvez-vous", "contraseña", "senha"):
        assert word in text.lower()


def test_it_loads_fast_enough_to_be_reloaded_live() -> None:
    start = time.process_time()
    load_policy(default_file("rules.toml"))
    assert time.process_time() - start < 0.5
