"""What `set` and `[matrix]` of a rules.toml may say, and the exact word on what they may not."""

from __future__ import annotations

import pytest

from gateway.errors import ConfigurationError
from gateway.policy import parse_policy
from gateway.policy.captures import LONGEST_VALUE_CHARS, filled_in
from gateway.policy.settable import read_hold
from gateway.ticket import HoldReason, Priority, TicketType

SOUND = """\
[desk]
address = "helpdesk@example.com"
[[team]]
name = "network"
[[agent]]
name = "Anna Agent"
address = "anna@example.com"
teams = ["network"]
"""
RULE = '[[rule]]\nname = "a"\nwhen.words = "vpn"\n'
LEVELS = '[defaults]\nimpact = "site"\nurgency = "now"\n'


def problems_of(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        parse_policy(text)
    return [str(problem).removeprefix("rules.toml:") for problem in refused.value.problems]


# What stands after SOUND and RULE (from line 12 on), and what is said about it.
BROKEN_SETS = [
    ('set.fields = { host = "{sendr}" }',
     '12:16: rule[1] “a”, set.fields.host: no pattern of this rule captures {sendr} (did you mean "sender"?)'),
    ('set.asset = "{host}"',
     "12:1: rule[1] “a”, set.asset: no pattern of this rule captures {host} "
     "(possible: sender, sender_name, subject, desk)"),
    ('set.asset = "{person.pc}"',
     "12:1: rule[1] “a”, set.asset: {person.pc} is known of nobody (write [[person]] with address and pc)"),
    ('set.asset = "{person.pd}"\n[[person]]\naddress = "a@example.com"\npc = "PC-1"',
     '12:1: rule[1] “a”, set.asset: {person.pd} is known of nobody (did you mean "person.pc"?)'),
    ('set.asset = "{host"',
     "12:1: rule[1] “a”, set.asset: has a { without its } (write {{ for the character)"),
    ('set.asset = "host}"',
     "12:1: rule[1] “a”, set.asset: has a } without its { (write }} for the character)"),
    ('set.tags = ["vpn", "{a b}"]',
     "12:20: rule[1] “a”, set.tags[2]: {a b} is not the name of a capture "
     "(write {{a b}} for braces that are meant as such)"),
    ('set.tags = "##"',
     '12:1: rule[1] “a”, set.tags: "##" is not a tag (write one word, like "vpn" or "site-berlin")'),
    ('set.tags = 7',
     "12:1: rule[1] “a”, set.tags: should be a list in square brackets, not 7"),
    ('set.fields = { impact = "high" }',
     '12:16: rule[1] “a”, set.fields.impact: "impact" is something else on every ticket (take another name)'),
    ('set.fields = { "a b" = "x" }',
     '12:16: rule[1] “a”, set.fields.a b: "a b" is not the name of a field (write one word, like "host")'),
    ('set.fields = { port = 22 }',
     '12:16: rule[1] “a”, set.fields.port: should be a text in quotes, not 22 (write "22")'),
    ('set.language = "it"',
     '12:1: rule[1] “a”, set.language: "it" is no language that the desk writes in (possible: en, de, fr, es, pt)'),
    ('set.acknowledge = "outage.txt"',
     '12:1: rule[1] “a”, set.acknowledge: "outage.txt" is not the name of a template (write "outage")'),
    ('set.acknowledge = "Outage mail"',
     '12:1: rule[1] “a”, set.acknowledge: "Outage mail" is not the name of a template '
     '(write small letters, like "outage" for outage.txt)'),
    ('set.acknowledge = "false"',
     '12:1: rule[1] “a”, set.acknowledge: "false" is in quotes (write false)'),
    ('set.acknowledge = 0',
     "12:1: rule[1] “a”, set.acknowledge: should be true, false or the name of a template "
     '(write for instance false or "outage")'),
    ('set.acknowledge = false\non = "reply"',
     "12:1: rule[1] “a”, set.acknowledge: counts only when a ticket opens, and this rule is not looked at then "
     '(add "open" to on)'),
    ('set.hold = "vendor"\non = ["reply", "reopen"]',
     "12:1: rule[1] “a”, set.hold: counts only when a ticket opens, and this rule is not looked at then "
     '(add "open" to on)'),
    ('set.hold = "friday"',
     '12:1: rule[1] “a”, set.hold: "friday" does not say for whom the ticket waits '
     '(write for instance "vendor" or "approval until friday"; possible: requester, vendor, approval)'),
    ('set.hold = "vendor until someday"',
     '12:1: rule[1] “a”, set.hold: "someday" names no day '
     '(write for instance "vendor until friday", "vendor until 3 days" or "vendor" alone)'),
    ('set.watchers = "x@vendor.example"',
     '12:1: rule[1] “a”, set.watchers: "x@vendor.example" is outside your own domains, where only an agent may let '
     "somebody read (leave it out; agents write #cc on a ticket)"),
    ('set.watchers = ["anna", "{sender}"]',
     "12:25: rule[1] “a”, set.watchers[2]: a mail can't say who reads the answers "
     "(name agents or addresses of your own domains)"),
    ('set.watchers = "ana"',
     '12:1: rule[1] “a”, set.watchers: there is no agent "ana" (did you mean "anna"?)'),
    ('set.watchers = "two words@example.com"',
     '12:1: rule[1] “a”, set.watchers: "two words@example.com" is not an e-mail address'),
    ('set.watchers = "helpdesk+x@example.com"',
     '12:1: rule[1] “a”, set.watchers: "helpdesk+x@example.com" is an address of the desk itself'),
    ('set.impact = "hgh"',
     '12:1: rule[1] “a”, set.impact: "hgh" is not possible here (did you mean "high"?; possible: high, medium, low)'),
    ('set.priority = "P9"',
     '12:1: rule[1] “a”, set.priority: "P9" is not possible here (possible: P1, P2, P3, P4, P5)'),
    ('set.tag = "vpn"',
     '12:1: rule[1] “a”, set.tag: there is no such key (did you mean "tags"?)'),
    ('set.type = "request"\n[[example]]\nsubject = "x"\nexpect.urgency = "soon"',
     '15:1: example[1].expect.urgency: "soon" is not possible here (possible: high, medium, low)'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), BROKEN_SETS)
def test_what_a_rule_can_not_set_is_told_with_its_place_and_what_would_be_right(text: str, said: str) -> None:
    assert problems_of(SOUND + RULE + text) == [said]


def test_a_key_beside_braces_is_told_in_an_admin_s_words() -> None:
    assert problems_of(SOUND + RULE + 'set = { type = "request" }\nset.asset = "x"\n') == [
        "13:16: not TOML: rule.set stands whole in braces above, so nothing can be added to it "
        "(write it into the braces, or every key on a line of its own: set.KEY = …)"
    ]


# What stands after SOUND, and what is said about it.
BROKEN_MATRICES = [
    ('[matrix]\ncompany = { now = "P1", week = "P2" }',
     ["9:1: matrix: has words of its own for the impact, so [defaults] must say which one holds without a rule "
      '(write [defaults] with impact = "company")',
      "9:1: matrix: has words of its own for the urgency, so [defaults] must say which one holds without a rule "
      '(write [defaults] with urgency = "week")']),
    (LEVELS + '[matrix]\ncompany = { now = "P1", week = "P2" }\nsite = { now = "P1" }',
     ['14:1: matrix.site: has no priority for "week" (write for instance site = { …, week = "P3" })']),
    (LEVELS + '[matrix]\ncompany = { now = "P1", week = "P2" }\nsite = { now = "P1", wek = "P2" }',
     ['14:22: matrix.site.wek: there is no urgency "wek" (did you mean "week"?)']),
    (LEVELS + '[matrix]\nsite = { now = "P7" }\n[matrix.request]\nsit = { now = "P1" }\nsite.now = "p2"',
     ['13:10: matrix.site.now: "P7" is not possible here (possible: P1, P2, P3, P4, P5)',
      '15:1: matrix.request.sit: there is no impact "sit" (did you mean "site"?)',
      '16:1: matrix.request.site.now: "p2" is not possible here (did you mean "P2"?; possible: P1, P2, P3, P4, P5)']),
    (LEVELS + '[matrix]\nsite = { now = "P1" }\n"high/low" = "P1"',
     ['14:1: matrix.high/low: there is no impact "high" (possible: site)',
      '14:1: matrix.high/low: there is no urgency "low" (did you mean "now"?)']),
    (LEVELS + '[matrix]\nsite = { now = "P1" }\nSITE = { now = "P1" }',
     ['14:1: matrix.SITE: "SITE" stands there already, as "site"']),
    (LEVELS + '[matrix]\nsite = { now = "P1" }\n"my room" = { now = "P1" }',
     ['14:1: matrix.my room: "my room" is not a short name without spaces']),
    ('[matrix]\nhigh = "P1"',
     ['10:1: matrix.high: "high" is not impact/urgency (write for instance "high/low" = "P3")']),
    ('[matrix]\nrequest = "P1"', ["10:1: matrix.request: should be a table ([matrix.request])"]),
    ('[matrix]\nsite = {}', ["10:1: matrix.site: has no priorities"]),
    ('[matrix.request]\nsite = { low = "P1" }',
     ['10:1: matrix.request.site: there is no impact "site" (possible: high, medium, low)']),
    (LEVELS + '[matrix]\nsite = { now = "P1" }\n' + RULE + 'set.impact = "high"',
     ['17:1: rule[1] “a”, set.impact: "high" is not possible here (possible: site)']),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), BROKEN_MATRICES)
def test_a_wrong_matrix_is_told_cell_by_cell(text: str, said: list[str]) -> None:
    assert problems_of(SOUND + text) == said


OWN = """
[defaults]
impact = "person"
urgency = "week"
[matrix]
company = { now = "P1", today = "P1", week = "P3" }
person = { now = "P3", today = "P4", week = "P5" }
[matrix.request]
company.now = "P2"
"person/week" = "P4"
"""


def test_a_matrix_of_any_size_and_what_differs_for_a_type() -> None:
    policy = parse_policy(SOUND + OWN)
    assert policy.matrix.impacts == ("company", "person")
    assert policy.matrix.urgencies == ("now", "today", "week")
    assert policy.priority_of("company", "now") is Priority.P1
    assert policy.priority_of("company", "now", TicketType.REQUEST) is Priority.P2
    assert policy.priority_of("company", "today", TicketType.REQUEST) is Priority.P1
    assert policy.priority_of("person", "week", TicketType.REQUEST) is Priority.P4


def test_a_level_that_the_matrix_no_longer_has_counts_as_the_default() -> None:
    policy = parse_policy(SOUND + OWN)
    assert policy.priority_of("high", "medium") is policy.priority_of("person", "week") is Priority.P5
    assert policy.priority_of("company", "medium") is Priority.P3


def test_rows_of_the_usual_words_change_only_what_they_name() -> None:
    policy = parse_policy(SOUND + '[matrix]\nhigh = { low = "P1" }\n"low/low" = "P4"')
    assert policy.matrix.impacts == ("high", "medium", "low")
    found = [policy.priority_of(*levels.split("/")) for levels in ("high/low", "low/low", "high/high", "medium/low")]
    assert found == [Priority.P1, Priority.P4, Priority.P1, Priority.P4]


@pytest.mark.parametrize(
    ("text", "captured", "becomes"),
    [
        ("srv", {}, "srv"),
        ("host {host}", {"host": "srv1"}, "host srv1"),
        ("{host}/{port}", {"host": "srv1"}, None),
        ("{host}", {"host": "  "}, None),
        ("{{host}} {host}", {"host": "a"}, "{host} a"),
        ("{person.department}", {"person.department": "Sales"}, "Sales"),
        ("{ host }", {"host": "one\n two\u202e\x00"}, "one two"),
        ("{a}{b}", {"a": "{b}", "b": "x"}, "{b}x"),
    ],
)
def test_a_place_takes_what_was_captured_as_one_line(text: str, captured: dict[str, str], becomes: str | None) -> None:
    assert filled_in(text, captured) == becomes


def test_what_a_mail_brings_is_cut() -> None:
    assert len(filled_in("host {host}", {"host": "a" * 10_000}) or "") == LONGEST_VALUE_CHARS


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("vendor", (HoldReason.VENDOR, "")),
        ("Approval until Friday", (HoldReason.APPROVAL, "friday")),
        ("requester 2w", (HoldReason.REQUESTER, "2w")),
        ("nobody", None),
        ("vendor until 31.02.2026", None),
    ],
)
def test_a_hold_reads_as_the_command_does(text: str, read: tuple[HoldReason, str] | None) -> None:
    assert read_hold(text) == read
