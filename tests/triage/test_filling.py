"""Rules fill: once, in order, from the mail where they say so; tags and watchers add up; the agent's word stays."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mail import Mail
from gateway.policy import Policy, Rule
from gateway.ticket import Authority, Classification, Field, FieldValue
from gateway.triage.classify import check_examples, classify
from gateway.triage.decide import decide
from gateway.triage.decision import AddWatcher, MoveStatus, Notice, SetFields
from gateway.triage.filling import classified
from gateway.triage.opening import why
from tests.triage.values import BEN, DORA, ENVELOPE, ERIKA, facts, key, mail, policy, ticket

BOSS = "boss@example.com"
RULES = """
[matrix.request]
"high/high" = "P2"
[[rule]]
name = "host"
when.pattern = 'host (?P<host>\\S+)(?: in (?P<room>\\S+))?'
set.asset = "{host}"
set.tags = ["Server", "at {room}"]
set.team = "{host}"
set.fields = { host = "{host}", where = "room {room}", from = "{sender}", "Brace" = "{{x}}" }
[[rule]]
name = "printer"
when.words = "printer"
set.tags = ["printing", "server"]
set.watchers = ["boss@example.com"]
set.hold = "vendor until 3 days"
set.fields = { where = "the cellar" }
[[rule]]
name = "late"
when.words = "printer"
override = true
set.tags = "first"
set.asset = "PRN-1"
set.watchers = ["ben", "boss@example.com"]
set.acknowledge = "outage"
[[rule]]
name = "quiet"
when.words = "printer"
set.acknowledge = false
set.language = "fr"
set.hold = "requester"
[[rule]]
name = "from the mail"
when.pattern = 'level (?P<level>\\S+) (?P<what>\\S+)'
set.impact = "{level}"
set.urgency = "{level}"
set.type = "{what}"
set.priority = "{level}"
set.category = "{what}/{level}"
"""


def made(text: str, more: str = RULES) -> Classification:
    return classify(mail(text=text, subject=""), policy=policy(more=more))


def kept(classification: Classification) -> dict[str, tuple[str, str]]:
    """Value and rule by key, of what a rule has set."""
    return {value.key: (value.value, value.rule) for value in classification.values if value.rule}


def test_captures_fill_what_they_are_written_into_and_nothing_where_they_are_empty() -> None:
    found = kept(made("host srv1 is down"))
    assert found == {
        "asset": ("srv1", "host"),
        "tags.server": ("server", "host"),
        "fields.host": ("srv1", "host"),
        "fields.from": (ERIKA, "host"),
        "fields.brace": ("{x}", "host"),
    }
    # There is no team "srv1", so the team stays free; in a room, the rest is filled too.
    assert made("host srv1").get(Field.TEAM) == "desk"
    assert kept(made("host srv1 in 204"))["fields.where"] == ("room 204", "host")
    assert kept(made("host srv1 in 204"))["tags.at-204"] == ("at-204", "host")
    assert made("host network").get(Field.TEAM) == "network"


class Asked(dict[str, str]):
    """Captures that remember whether anything asked for them."""

    was_asked = False

    def get(self, *args: Any) -> Any:
        self.was_asked = True
        return super().get(*args)


def test_captures_are_looked_for_only_where_something_is_still_free() -> None:
    rules = policy(
        more="""
        [[rule]]
        name = "first"
        when.pattern = '(?P<host>srv1)'
        set = { asset = "{host}", category = "servers/{host}" }
        [[rule]]
        name = "full"
        when.pattern = '(?P<host>srv2)'
        set = { asset = "{host}", category = "servers/{host}", team = "desk" }
        [[rule]]
        name = "a name of its own"
        when.pattern = '(?P<host>srv3)'
        set = { fields.host = "{host}" }
        """
    ).rules
    holding = [(rule, Asked(host=f"srv{number}")) for number, rule in enumerate(rules, 1)]
    by_key = {value.key: value.value for value in classified(holding, policy()).values}
    assert [captures.was_asked for _, captures in holding] == [True, False, True]
    assert (by_key["asset"], by_key["subcategory"], by_key["fields.host"]) == ("srv1", "srv1", "srv3")


def test_a_subcategory_from_the_mail_goes_below_a_category_that_has_none() -> None:
    rules = """
    [[rule]]
    name = "plain"
    when.words = "down"
    set.category = "servers"
    [[rule]]
    name = "host"
    when.pattern = 'host (?P<host>\\S+)'
    set.category = "servers/{host}"
    """
    assert kept(made("host srv1 is down", rules))["subcategory"] == ("srv1", "host")


def test_tags_and_watchers_add_up_and_everything_else_is_filled_once() -> None:
    found = kept(made("host srv1 in 204 printer"))
    assert [key for key in found if key.startswith(("tags.", "watchers."))] == [
        *("tags.first", f"watchers.{BEN}", f"watchers.{BOSS}", "tags.server", "tags.at-204", "tags.printing"),
    ]
    assert found["asset"] == ("PRN-1", "late")
    assert found[f"watchers.{BOSS}"] == (BOSS, "late")
    assert found["fields.where"] == ("room 204", "host")
    assert found["acknowledge"] == ("outage", "late")
    assert found["hold"] == ("vendor until 3 days", "printer")
    assert found["language"] == ("fr", "quiet")


def test_what_a_mail_says_counts_only_where_it_is_possible() -> None:
    found = made("level HIGH Request")
    assert (found.get(Field.IMPACT), found.get(Field.URGENCY), found.get(Field.TYPE)) == ("high", "high", "request")
    assert (found.get(Field.CATEGORY), found.get(Field.SUBCATEGORY)) == ("Request", "HIGH")
    assert found.get(Field.PRIORITY) == "P2"  # by the matrix of requests
    assert made("level 1 x").get(Field.PRIORITY) == "P1"
    odd = made("level a/b x/y")
    assert kept(odd) == {}


def test_who_set_it_is_said_in_words() -> None:
    lines = [str(line) for line in why(made("printer"))]
    assert "tagged printing (rule “printer”)" in lines
    assert "asset PRN-1 (rule “late”, override)" in lines
    assert "acknowledgement with the words of “outage” (rule “late”, override)" in lines
    assert "on hold for vendor until 3 days (rule “printer”)" in lines
    assert f"{BOSS} gets the answers from now on (rule “late”, override)" in lines


def test_an_example_can_expect_all_of_it() -> None:
    expected = """
[[example]]
subject = "printer"
[example.expect]
tags = ["printing", "first", "server"]
watchers = ["boss@example.com", "ben"]
acknowledge = "outage"
hold = "vendor until 3 days"
language = "fr"
asset = "PRN-1"
fields = { where = "the cellar", host = "" }
[[example]]
subject = "nothing of all that"
expect = { tags = [], watchers = [], acknowledge = true, hold = "", language = "", asset = "", fields = { host = "" } }
"""
    assert check_examples(policy(more=RULES + expected)) == []


def test_an_example_that_comes_out_otherwise_says_what_it_became_and_by_which_rule() -> None:
    wrong = '[[example]]\nsubject = "printer"\nexpect = { tags = "x", acknowledge = true, fields = { where = "y" } }'
    said = [problem.message for problem in check_examples(policy(more=RULES + wrong))]
    assert said == [
        '"printer" becomes "outage" by the rule "late", not "true"',
        '"printer" becomes "the cellar" by the rule "printer", not "y"',
        '"printer" becomes "first, printing, server" by the rules "late" and "printer", not "x"',
    ]


# A few rules by number, each with what it sets and whether it overrides.
KEYS = ("asset", "tags", "fields", "language", "watchers", "category")
ONE_SET = st.fixed_dictionaries({}, optional={key: st.integers(0, 2) for key in KEYS}).filter(bool)
SETS = st.lists(st.tuples(ONE_SET, st.booleans()), min_size=1, max_size=6)
WORDS = {
    "asset": ('"a"', '"b"', '"c"'),
    "tags": ('["x"]', '["x", "y"]', '["z"]'),
    "fields": ('{ f = "1" }', '{ f = "2", g = "3" }', '{ g = "4" }'),
    "language": ('"de"', '"fr"', '"es"'),
    "watchers": ('["anna"]', '["ben", "boss@example.com"]', '["boss@example.com"]'),
    "category": ('"m"', '"m/n"', '"o/p"'),
}
TAGS = (("x",), ("x", "y"), ("z",))


def many(rules: list[tuple[dict[str, int], bool]]) -> Policy:
    texts = [
        f'[[rule]]\nname = "{number}"\nwhen.words = "word"\noverride = {str(override).lower()}\n'
        + "\n".join(f"set.{key} = {WORDS[key][choice]}" for key, choice in chosen.items())
        for number, (chosen, override) in enumerate(rules)
    ]
    return policy.__wrapped__(more="\n".join(texts))


@given(SETS)
@settings(max_examples=60, deadline=None)
def test_the_first_of_a_rank_fills_and_what_adds_up_loses_nothing(rules: list[tuple[dict[str, int], bool]]) -> None:
    desk = many(rules)
    result = classify(mail(text="word"), policy=desk)
    ranked = sorted(enumerate(rules), key=lambda one: not one[1][1])
    for name in ("asset", "language"):
        setters = [(str(one), WORDS[name][chosen[name]].strip('"')) for one, (chosen, _) in ranked if name in chosen]
        found = result.found(Field(name))
        assert [(found.rule, found.value)] == setters[:1] if found is not None else setters == []
    wanted = {tag for chosen, _ in rules if "tags" in chosen for tag in TAGS[chosen["tags"]]}
    assert {value.value for value in result.all(Field.TAG)} == wanted
    assert len({value.key for value in result.values}) == len(result.values)


@given(SETS)
@settings(max_examples=30, deadline=None)
def test_rules_that_do_not_hold_set_nothing(rules: list[tuple[dict[str, int], bool]]) -> None:
    desk = many(rules)
    holding: list[tuple[Rule, dict[str, str]]] = [(rule, {}) for rule in desk.rules]
    assert classified(holding, desk) == classify(mail(text="word"), policy=desk)
    assert [value for value in classify(mail(text="other"), policy=desk).values if value.rule] == []


@given(SETS, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_rules_that_have_no_field_in_common_may_change_places(
    rules: list[tuple[dict[str, int], bool]], chance: Random
) -> None:
    desk = many(rules)
    order = [*range(len(rules))]
    for _ in range(3 * len(order)):
        at = chance.randrange(len(order) - 1) if len(order) > 1 else 0
        pair = order[at : at + 2]
        if len(pair) == 2 and rules[pair[0]][0].keys().isdisjoint(rules[pair[1]][0]):
            order[at : at + 2] = reversed(pair)
    there = classified([(rule, {}) for rule in desk.rules], desk)
    here = classified([(desk.rules[number], {}) for number in order], desk)
    assert {value.key: value for value in here.values} == {value.key: value for value in there.values}


# ---- what happens then


NOTHING = facts(named_tickets=())


def first_mail(text: str, sender: str = ERIKA) -> Mail:
    return mail(
        sender, text=text, subject="", in_reply_to=(), headers=(("from", sender), ("to", "helpdesk@example.com"))
    )


def decided(text: str, more: str = RULES) -> tuple[object, ...]:
    return decide(first_mail(text), ENVELOPE, NOTHING, policy(more=more)).changes


def test_a_ticket_opens_on_hold_with_its_watchers_and_the_words_of_a_rule() -> None:
    changes = decided("printer")
    (hold,) = [change for change in changes if isinstance(change, MoveStatus)]
    assert (hold.hold_reason, hold.hold_until.date().isoformat() if hold.hold_until else "") == ("vendor", "2026-03-05")
    assert hold.why == "the rule “printer” holds it for vendor until 3 days"
    watchers = [(change.watcher.address, change.rule) for change in changes if isinstance(change, AddWatcher)]
    assert watchers == [(BEN, "late"), (BOSS, "late")]
    (told,) = [change for change in changes if isinstance(change, Notice) and change.name == "acknowledgement"]
    assert told.context["template"] == "outage"


def test_a_hold_until_a_day_that_is_over_holds_nothing() -> None:
    rule = '[[rule]]\nname = "a"\nwhen.words = "vpn"\nset.hold = "vendor until 2026-03-01"'
    assert [change for change in decided("vpn", rule) if isinstance(change, MoveStatus)] == []


SILENT = '[[rule]]\nname = "hush"\nwhen.words = "vpn"\nset.acknowledge = false'
LOUD = '[[rule]]\nname = "shout"\nwhen.words = "vpn"\nset.acknowledge = "outage"'


def test_a_rule_can_silence_an_acknowledgement_and_says_so() -> None:
    decision = decide(first_mail("vpn"), ENVELOPE, NOTHING, policy(more=SILENT))
    assert not decision.acknowledges
    assert "the rule “hush” sets acknowledge = false" in [reason.text for reason in decision.reasons]


@pytest.mark.parametrize(
    ("desk", "sender"), [('acknowledge = "nobody"', ERIKA), ("", "eve@evil.example")], ids=["nobody", "outsider"]
)
def test_no_rule_forces_an_acknowledgement_that_triage_forbids(desk: str, sender: str) -> None:
    decision = decide(first_mail("vpn", sender), ENVELOPE, NOTHING, policy(desk, more=LOUD))
    assert not decision.acknowledges


REPLYING = """
[[rule]]
name = "again"
when.words = "again"
on = ["reply", "reopen"]
set.type = "request"
set.category = "again"
set.impact = "high"
set.urgency = "high"
set.team = "network"
set.assignee = "ben"
set.language = "fr"
set.asset = "PC-2"
set.tags = ["again", "other"]
set.watchers = "boss@example.com"
set.fields = { host = "srv2" }
[matrix.request]
"high/high" = "P2"
"""


def rules_on_reply(**values: Any) -> tuple[dict[str, FieldValue], list[str]]:
    known = facts(named_tickets=(ticket(**values),), keys=(key(),))
    changes = decide(mail(text="again"), ENVELOPE, known, policy(more=REPLYING)).changes
    found = [value for change in changes if isinstance(change, SetFields) for value in change.values]
    watchers = [change.watcher.address for change in changes if isinstance(change, AddWatcher)]
    return {value.key: value for value in found}, watchers


def test_rules_on_a_reply_set_all_of_it_and_the_priority_follows() -> None:
    found, watchers = rules_on_reply(subcategory="old")
    assert {key: value.value for key, value in found.items()} == {
        "type": "request",
        "category": "again",
        "subcategory": "",
        "impact": "high",
        "urgency": "high",
        "team": "network",
        "assignee": BEN,
        "language": "fr",
        "asset": "PC-2",
        "tags.again": "again",
        "tags.other": "other",
        "fields.host": "srv2",
        "priority": "P2",
    }
    assert found["priority"].authority is Authority.DEFAULT
    assert watchers == [BOSS]


EVERY_KEY = (
    *("type", "category", "impact", "urgency", "team", "assignee", "language", "asset"),
    *("tags.again", "tags.other", "fields.host"),
)


@pytest.mark.parametrize("authority", [Authority.AGENT, Authority.OVERRIDE])
@pytest.mark.parametrize("key", EVERY_KEY)
def test_no_rule_on_a_reply_touches_what_an_agent_or_an_override_has_set(key: str, authority: Authority) -> None:
    found, _ = rules_on_reply(authority=((key, authority),))
    assert key not in found
    assert set(EVERY_KEY) - {key} <= set(found)


@pytest.mark.parametrize("authority", [Authority.AGENT, Authority.RULE, Authority.OVERRIDE])
def test_a_priority_that_somebody_chose_does_not_follow(authority: Authority) -> None:
    found, _ = rules_on_reply(authority=(("priority", authority),))
    assert "priority" not in found


def test_who_reads_along_already_is_not_added_again() -> None:
    one = ticket()
    assert [watcher.address for watcher in one.watchers] == [DORA]
    assert rules_on_reply(watchers=(replace(one.watchers[0], address=BOSS),))[1] == []
