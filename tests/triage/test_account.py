"""The account of the rules agrees with the decision, and says why each rule holds or not and what it set or not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mail import Address, Forwarded, Mail, Verdict
from gateway.policy import Occasion, Policy
from gateway.ticket import Authority, Status
from gateway.triage.account import Account, Outcome, account_of, view_of_decision
from gateway.triage.classify import classify, holding_of
from gateway.triage.decide import decide
from gateway.triage.filling import classified
from gateway.triage.view import view_of
from tests.triage.values import ANNA, ENVELOPE, ERIKA, facts, key, mail, policy, ticket

WORDS = ("vpn", "printer", "red", "blue", "slow", "host")
RULES = """
[[rule]]
name = "first"
when.words = ["vpn", "tunnel"]
when.none = [{ words = "red" }]
set = { category = "network/vpn", team = "network" }
[[rule]]
name = "host"
when.pattern = 'host (?P<host>\\S+)'
set = { asset = "{host}", team = "{host}", fields = { host = "{host}" } }
[[rule]]
name = "later"
when.any = [{ words = "printer" }, { all = [{ words = "slow" }, { from = "erika@*" }] }]
set = { category = "printing/queue", impact = "high" }
[[rule]]
name = "wins"
override = true
when.words = "blue"
set.team = "desk"
[[rule]]
name = "ends"
stop = true
when.words = "red"
set.urgency = "high"
[[rule]]
name = "behind"
when.from = "*@example.com"
set.tags = "inside"
[[rule]]
name = "answers"
on = ["reply", "reopen"]
when.words = ["slow", "vpn"]
set = { urgency = "high", category = "slow" }
"""


def written(text: str, sender: str = ERIKA) -> Mail:
    return mail(sender, text, subject="Hello", in_reply_to=(), headers=())


def ruled() -> Policy:
    return policy(more=RULES)


def account(text: str, occasion: Occasion = "open", standing: dict[str, Authority] | None = None) -> Account:
    view = view_of(written(text), policy=ruled(), occasion=occasion)
    return account_of(view, ruled(), standing)


def settings_of(told: Account, name: str) -> dict[str, str]:
    rule = next(one for one in told.rules if one.name == name)
    return {f"{one.key}={one.value}": str(one.why_not or "") for one in rule.settings}


TEXTS = st.lists(st.sampled_from([*WORDS, "web-1", "?"]), max_size=8).map(" ".join)


@given(text=TEXTS, occasion=st.sampled_from(["open", "reply", "reopen"]))
@settings(max_examples=150)
def test_the_account_agrees_with_the_decision(text: str, occasion: Occasion) -> None:
    told = account(text, occasion)
    view = told.view
    held = [rule.name for rule, _ in holding_of(view, ruled())]
    assert [one.name for one in told.with_outcome(Outcome.HOLDS)] == held
    assert told.made == classify(written(text), policy=ruled(), occasion=occasion)
    for rule in told.rules:
        is_met = all(condition.held for condition in rule.conditions)
        assert is_met == (rule.outcome is Outcome.HOLDS) or rule.outcome in (Outcome.STOPPED, Outcome.OTHER_OCCASION)
        for one in rule.settings:
            stands = any(
                (value.key, value.value, value.rule) == (one.key, one.value, rule.name) for value in told.made.values
            )
            assert stands == (one.why_not is None)
    by_rules = {(value.key, value.rule) for value in told.made.values if value.rule}
    assert by_rules == {(one.key, rule.name) for rule in told.rules for one in rule.settings if one.why_not is None}


def test_it_says_why_something_was_not_set() -> None:
    told = account("vpn and printer, host web-1, blue")
    assert settings_of(told, "first") == {
        "category=network": "",
        "subcategory=vpn": "",
        "team=network": "rule “wins” overrides it",
    }
    assert settings_of(told, "host") == {
        "asset=web-1,": "",
        "fields.host=web-1,": "",
        "team=web-1,": "that is not possible here",
    }
    assert settings_of(told, "later")["category=printing"] == "rule “first” has set it"
    assert settings_of(told, "later")["subcategory=queue"] == "the category is network, by rule “first”"
    assert settings_of(told, "later")["impact=high"] == ""


def test_an_empty_place_is_named() -> None:
    people = "[[person]]\naddress = 'a@b.example'\nsite = 'L'"
    rules = f"[[rule]]\nname = 'x'\nwhen.words = 'vpn'\nset.asset = '{{person.site}}'\n{people}"
    view = view_of(written("vpn"), policy=policy(more=rules))
    (rule,) = account_of(view, policy(more=rules)).rules
    assert [str(one.why_not) for one in rule.settings] == ["{person.site} is empty"]


def test_rules_behind_a_stop_and_for_other_occasions_are_told_apart() -> None:
    told = account("red printer")
    outcomes = {one.name: one.outcome.value for one in told.rules}
    assert outcomes == {
        "first": "far",
        "host": "far",
        "later": "holds",
        "wins": "far",
        "ends": "holds",
        "behind": "stopped",
        "answers": "stopped",
    }
    assert told.stopped_by == "ends"
    assert {one.name: one.outcome.value for one in account("slow", "reply").rules}["first"] == "other-occasion"


def test_a_rule_is_near_by_what_is_there_and_not_by_what_is_missing() -> None:
    outcomes = {one.name: one.outcome for one in account("vpn in red").rules}
    assert outcomes["first"] is Outcome.NEAR
    assert {one.name: one.outcome for one in account("nothing").rules}["first"] is Outcome.FAR


def test_on_a_reply_an_agents_word_stands_and_so_does_an_override() -> None:
    standing = {"urgency": Authority.AGENT, "category": Authority.OVERRIDE}
    told = settings_of(account("slow", "reply", standing), "answers")
    assert told == {"category=slow": "a rule with override has set it", "urgency=high": "an agent has set it"}
    assert [one.key for one in account("slow", "reply").fields] == ["category", "urgency"]


def test_the_cell_of_the_matrix_is_named_unless_a_rule_chose_the_priority() -> None:
    assert account("printer").matrix_cell == ("incident", "high", "medium")
    chosen = policy(more="[[rule]]\nname='p'\nwhen.words='vpn'\nset.priority='P1'")
    assert account_of(view_of(written("vpn"), policy=chosen), chosen).matrix_cell is None


LOGGED = Forwarded(sender=Address(address="dora@example.com"), subject="Fw printer", text="the printer is slow")


@pytest.mark.parametrize(
    "sent",
    [
        written("vpn is slow"),
        written("#requester dora@example.com\nvpn and host web-1", sender=ANNA),
        replace(written("please log it: vpn", sender=ANNA), forwarded=LOGGED),
    ],
    ids=["plain", "a call", "passed on"],
)
def test_what_rules_looked_at_is_found_again(sent: Mail) -> None:
    known = facts(auth_trusted=True)
    decision = decide(sent, ENVELOPE, known, ruled())
    view = view_of_decision(sent, ENVELOPE, known, ruled(), decision)
    assert view is not None and decision.classification is not None
    assert classified(holding_of(view, ruled()), ruled()) == decision.classification


def test_a_reply_is_seen_as_one_and_an_agents_answer_not_at_all() -> None:
    there = ticket(status=Status.RESOLVED)
    replied = facts(keys=(key(holder=ERIKA),), named_tickets=(there,))
    decision = decide(written("still slow"), ENVELOPE, replied, ruled())
    assert decision.verdict is Verdict.ACCEPT
    view = view_of_decision(written("still slow"), ENVELOPE, replied, ruled(), decision)
    assert view is not None and view.occasion == "reopen"
