"""What is allowed in rules.toml but hardly meant is told where it stands; what is meant is not told."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy import Policy, parse_policy
from gateway.triage.classify import rules_holding
from gateway.triage.lint import LINTS, MOST_FINDINGS, lint
from gateway.triage.linting import Ground
from tests.docs.pages import CHECKOUT
from tests.triage.values import mail

HEAD = """\
[desk]
address = "helpdesk@example.com"
aliases = ["printing@example.com"]
operators = ["anna"]
[[team]]
name = "network"
[[agent]]
name = "Anna Agent"
address = "anna@example.com"
teams = ["network"]
[[agent]]
name = "Ben Helper"
address = "ben@example.com"
[[person]]
address = "carla@example.com"
department = "Sales"
"""


def rule(name: str, when: str, set_: str = 'category = "a"', more: str = "") -> str:
    return f'[[rule]]\nname = "{name}"\nwhen = {{ {when} }}\nset = {{ {set_} }}\n{more}\n'


def said(*parts: str, but: str = "untried") -> list[str]:
    """What lint says of these rules, as "code key: message"; nobody wrote examples here."""
    findings = lint(parse_policy(HEAD + "".join(parts)))
    return [f"{one.code} {one.problem.key}: {one.problem.message}" for one in findings if one.code != but]


VPN = 'words = ["vpn", "tunnel"]'
B = 'category = "b"'

FOUND = {
    "the same words": (
        [rule("A", VPN), rule("B", VPN)],
        'unreachable rule[2].when: never sets anything: whenever it holds, "A" holds too and goes before',
    ),
    "narrower words": (
        [rule("A", 'words = "print*"'), rule("B", 'subject = ["printer", "Printing office"]')],
        'unreachable rule[2].when: never sets anything: whenever it holds, "A" holds too and goes before',
    ),
    "two rules fill what one sets": (
        [rule("A", VPN), rule("B", VPN, 'type = "request"'), rule("C", VPN, 'category = "a", type = "request"')],
        'unreachable rule[3].when: never sets anything: whenever it holds, "A" and "B" hold too and go before',
    ),
    "a stop above": (
        [rule("A", VPN, more="stop = true"), rule("B", f'{VPN}, from = "*@example.org"', 'tags = "x"')],
        'unreachable rule[2].when: is never looked at: "A" above holds whenever this does, and stops',
    ),
    "an override below": (
        [rule("A", VPN), rule("B", VPN, B, "override = true")],
        'unreachable rule[1].when: never sets anything: whenever it holds, "B" holds too and goes before',
    ),
    "one of a group": (
        [rule("A", 'any = [{ words = "vpn" }, { words = "lan" }]'), rule("B", 'words = "my vpn"')],
        'unreachable rule[2].when: never sets anything: whenever it holds, "A" holds too and goes before',
    ),
    "every case of a group": (
        [rule("A", VPN), rule("B", 'any = [{ words = "vpn" }, { words = "a tunnel" }]')],
        'unreachable rule[2].when: never sets anything: whenever it holds, "A" holds too and goes before',
    ),
    "one field": (
        [rule("A", VPN), rule("B", VPN, f'{B}, type = "request"')],
        'contradicting rule[2].set.category: never counts: whenever this rule holds, "A" holds too, goes before and '
        'says "a"',
    ),
    "one word": (
        [rule("A", VPN), rule("B", 'words = ["lan", "my vpn"]', B)],
        'contradicting rule[2].when.words[2]: with "my vpn" "A" holds too and goes before: the category is "a", '
        'not "b"',
    ),
    "an example": (
        [
            rule("A", 'words = "vpn"'),
            rule("B", 'words = "printer"', B),
            '[[example]]\nsubject = "VPN of the printer"\nexpect = { type = "incident" }\n',
        ],
        'undecided example[1]: "A" and "B" both hold, and differ in the category',
    ),
    "nobody is that": (
        [rule("A", 'person.department = "Saless"')],
        'never rule[1].when.person.department: never holds: nobody\'s department is "Saless"',
    ),
    "no such language": (
        [rule("A", 'language = "it"')],
        'never rule[1].when.language: never holds: no mail is taken for "it"',
    ),
    "no such address": (
        [rule("A", 'desk = "*@example.org"')],
        'never rule[1].when.desk: never holds: no address of the desk is like "*@example.org"',
    ),
    "not believed": (
        [rule("A", 'auth.dmarc = "fail"')],
        "never rule[1].when.auth.dmarc: never holds: the word of no mail server is believed",
    ),
    "none rules out all": (
        [rule("A", 'words = "my vpn", none = [{ words = "vpn" }]')],
        "never rule[1].when.none[1]: never holds: whatever the condition asks for, this rules out",
    ),
    "two conditions on the sender": (
        [rule("A", 'from = "*@hr.example.com", domain = "it.example.com"')],
        "never rule[1].when.domain: never holds: no address of from is in one of these domains",
    ),
    "a pattern for nothing": (
        [rule("A", "pattern = '[^\\s\\S]'")],
        "never rule[1].when.pattern: never holds: '[^\\s\\S]' matches no text at all",
    ),
    "none rules out one": (
        [rule("A", 'words = ["lan", "my vpn"], none = [{ words = "vpn" }]')],
        'useless rule[1].when.words[2]: "my vpn" never counts, since none rules it out',
    ),
    "twice": ([rule("A", 'words = ["VPN", "vpn"]')], 'useless rule[1].when.words[2]: "vpn" stands there already'),
    "one of two languages": (
        [rule("A", 'language = ["de", "it"]')],
        'useless rule[1].when.language[2]: never holds: no mail is taken for "it"',
    ),
    "a pattern for everything": (
        [rule("A", "pattern = '[a-z]+'")],
        "always rule[1].when.pattern: '[a-z]+' matches every text",
    ),
    "any time": (
        [rule("A", 'words = "vpn", time = ["working hours", "outside working hours"]')],
        "always rule[1].when.time: holds at any time",
    ),
    "any size": (
        [rule("A", 'words = "vpn", size = ["above 1 MB", "below 2 MB"]')],
        "always rule[1].when.size: holds for a mail of any size, since one of the list is enough",
    ),
    "only what must not be": (
        [rule("A", 'none = [{ words = "vpn" }]')],
        "always rule[1].when: holds for nearly every mail, since it only says what must not be written",
    ),
    "patterns without letters": (
        [rule(f"R{n}", f"pattern = '[0-9]{{{n}}}-[0-9]'", f'category = "c{n}"') for n in range(2, 13)],
        "slow rule[1].when.pattern: this and 10 more patterns have no fixed letters, so that all of them are "
        "tried on every mail (about 1.6 ms for a long one)",
    ),
    "spelt in two ways": (
        [rule("A", 'words = "lan"', 'category = "network"'), rule("B", 'words = "vpn"', 'category = "Networks"')],
        'categories rule[2].set.category: "Networks" is another category than "network" above',
    ),
    "spelt in two ways below": (
        [rule("A", 'words = "lan"', 'category = "net/wi-fi"'), rule("B", 'words = "vpn"', 'category = "net/wifi"')],
        'categories rule[2].set.category: "net/wifi" is another category than "net/wi-fi" above',
    ),
    "never set": (
        [rule("A", 'words = "vpn"'), '[[example]]\nsubject = "vpn"\nexpect = { category = "c" }\n'],
        'categories example[1].expect.category: no rule sets the category "c"',
    ),
    "an empty team": (
        ['[[team]]\nname = "printing"\n'],
        'teams team[2].name: "printing" has no agent, so nobody is told of its tickets',
    ),
    "outside the team": (
        [rule("A", VPN, 'team = "network", assignee = "ben"')],
        'people rule[1].set.assignee: Ben Helper is not in the team "network" that this rule sets',
    ),
    "watches own ticket": (
        [rule("A", VPN, 'assignee = "anna", watchers = ["Anna Agent"]')],
        "people rule[1].set.watchers[1]: Anna Agent is the assignee, and gets every mail of the ticket anyway",
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_it_is_told_where_it_stands(name: str) -> None:
    parts, expected = FOUND[name]
    assert said(*parts) == [expected]


def test_a_rule_without_an_example_is_told_and_one_with_an_example_is_not() -> None:
    rules = rule("A", 'words = "vpn"') + rule("B", 'words = "lan"', B)
    example = '[[example]]\nsubject = "My VPN"\nexpect = { category = "a" }\n'
    assert said(rules, example, but="") == [
        "untried rule[2]: has no example, so nobody would notice if it stopped holding"
    ]


def test_every_check_has_a_case() -> None:
    codes = {expected.partition(" ")[0] for _, expected in FOUND.values()} | {"untried", "admins"}
    assert codes == {one.code for one in LINTS}
    assert all(one.what for one in LINTS)


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (
            "",
            "desk.operators: names nobody, so Anna Agent, the first agent of the file, hears when something breaks "
            "and hears of refused files and may ask `#rules stats`",
        ),
        (
            'operators = ["pager@sms.example.org"]',
            "desk.admins: names nobody, so Anna Agent, the first agent of the file, hears of refused files "
            "and may ask `#rules stats`",
        ),
        (
            'admins = ["ben"]',
            "desk.operators: names nobody, so Anna Agent, the first agent of the file, hears when something breaks",
        ),
        ('operators = ["ben"]', ""),
        ('operators = ["pager@sms.example.org"]\nadmins = ["ben"]', ""),
    ],
)
def test_who_hears_of_trouble_is_not_left_to_the_order_of_the_agents(named: str, expected: str) -> None:
    found = lint(parse_policy(HEAD.replace('operators = ["anna"]', named)))
    assert [f"{one.problem.key}: {one.problem.message}" for one in found] == ([expected] if expected else [])
    alone = HEAD.replace('operators = ["anna"]', named).replace('[[agent]]\nname = "Ben Helper"', "[[person]]")
    assert lint(parse_policy(alone.replace('["ben"]', '["anna"]'))) == []


# What people mean, and what looks like the cases above.
MEANT = {
    "the special above the general": [rule("A", 'words = "my vpn"'), rule("B", 'words = "vpn"', B)],
    "a VIP's words": [rule("A", f'{VPN}, person.department = "Sales"'), rule("B", VPN, B)],
    "only on replies above": [rule("A", VPN, more='on = "reply"'), rule("B", VPN, B)],
    "another field": [rule("A", VPN), rule("B", VPN, 'type = "request"')],
    "tags add up": [rule("A", VPN, 'tags = "x"'), rule("B", VPN, 'tags = "y"')],
    "a subcategory below the same category": [rule("A", VPN), rule("B", 'words = "my vpn"', 'category = "a/vpn"')],
    "the same word for two languages": [rule("A", 'words = ["plante", "planté"]')],
    "more than the words": [rule("A", 'words = "vpn", body = "error"'), rule("B", 'words = "vpn"', B)],
    "what is captured may be empty": [
        rule("A", "pattern = 'host(?P<h> [a-z]+)?'", 'asset = "{h}"'),
        rule("B", "pattern = 'host(?P<h> [a-z]+)?'", 'asset = "unknown"'),
    ],
    "one that asks for a capture": [
        rule("A", "pattern = 'host (?P<h>[a-z]+)', captured.h = \"web\""),
        rule("B", "pattern = 'host (?P<h>[a-z]+)'", B),
    ],
    "only strangers": [rule("A", 'none = [{ domain = "example.com" }]')],
    "a stop that need not be reached": [
        rule("S", 'words = "vpn"', 'type = "request"', "stop = true"),
        rule("A", 'words = "lan"'),
        rule("B", 'words = "vpn"', 'tags = "x"', 'on = "reply"'),
    ],
    "an override behind a stop": [
        rule("A", VPN, more="stop = true"),
        rule("B", VPN, B, 'override = true\non = ["reply"]'),
    ],
    "few patterns without letters": [rule("A", "pattern = '[0-9]{5}'")],
    "a header that is there": [rule("A", 'header = { X-Host = "web" }'), rule("B", 'header = { X-Host = "*" }', B)],
    "an address of the desk with a tag": [rule("A", 'desk = "*+vip@example.com"')],
    "no": [rule("A", "person.vip_ = false".replace("vip_", "department"))],
}


@pytest.mark.parametrize("name", MEANT)
def test_what_is_meant_is_not_told(name: str) -> None:
    assert said(*MEANT[name]) == []


def test_the_shipped_rules_and_those_of_the_demo_are_clean() -> None:
    for file in (CHECKOUT / "rules.toml", CHECKOUT / "gateway" / "demo" / "rules.toml"):
        policy = parse_policy(file.read_text(encoding="utf-8"), str(file))
        assert [str(one) for one in lint(policy)] == []


WORDS = st.sampled_from(["vpn", "my vpn", "vp*", "*pn", "lan", "vpn * down", "tür", "Tuer", "c++", "wi-fi", "wifi"])
KEYS = st.sampled_from(["words", "subject", "body"])


@st.composite
def conditions(draw: st.DrawFn, depth: int = 1) -> str:
    keys = draw(st.lists(KEYS, min_size=1, max_size=2, unique=True))
    parts = [f"{key} = {draw(st.lists(WORDS, min_size=1, max_size=2))}" for key in keys]
    if depth < 2 and draw(st.booleans()):
        group = draw(st.sampled_from(["any", "all", "none"]))
        members = draw(st.lists(conditions(depth=depth + 1), min_size=1, max_size=2))
        parts.append(f"{group} = [{', '.join(members)}]")
    return f"{{ {', '.join(parts)} }}".replace("'", '"')


TEXTS = st.lists(
    st.sampled_from(["vpn", "my", "lan", "is", "down", "Tür", "tuer", "C++", "wi-fi", "wifi", "vpns"]), max_size=5
).map(" ".join)


def policy_with(*whens: str) -> Policy:
    rules = (f'[[rule]]\nname = "R{n}"\nwhen = {when}\nset = {{ type = "request" }}\n' for n, when in enumerate(whens))
    return parse_policy(HEAD + "".join(rules))


@settings(max_examples=100, deadline=None)
@given(narrow=conditions(), wide=conditions(), mails=st.lists(st.tuples(TEXTS, TEXTS), min_size=6, max_size=6))
def test_whatever_is_said_to_follow_does_follow(narrow: str, wide: str, mails: list[tuple[str, str]]) -> None:
    # That both hold must imply each of them; what else is implied is found among all pairs.
    policy = policy_with(narrow, wide, f"{{ all = [{narrow}, {wide}] }}", f"{{ any = [{narrow}, {wide}] }}")
    ground = Ground(policy)
    numbers = range(len(policy.rules))
    implied = [(a, b) for a in numbers for b in numbers if ground.known.implies(ground.tests[a], ground.tests[b])]
    for subject, body in mails:
        holding = set(rules_holding(mail(text=body, subject=subject), policy=policy))
        assert [pair for pair in implied if f"R{pair[0]}" in holding and f"R{pair[1]}" not in holding] == []


def test_what_plainly_follows_is_found() -> None:
    policy = policy_with(
        '{ words = "my vpn", none = [{ words = "lan*" }] }',
        '{ words = ["vp*", "x9"], none = [{ subject = ["lan", "lanes"] }] }',
        '{ words = "vpn", none = [{ words = "tunnel" }] }',
    )
    ground = Ground(policy)
    first, second, third = ground.tests
    assert ground.known.implies(first, second)
    assert not ground.known.implies(first, third)
    assert not ground.known.implies(second, first)


def test_thousands_of_rules_take_no_longer_than_an_admin_waits() -> None:
    whens = [
        f'{{ words = ["w{n} broken", "w{n}*", "printer"], domain = "c{n % 700}.example.com" }}' for n in range(1000)
    ]
    whens += [f'{{ subject = ["vpn", "x{n % 900}"], from = "*@d{n}.example.com" }}' for n in range(1000)]
    policy = policy_with(*whens)
    start = time.process_time()
    findings = lint(policy)
    assert time.process_time() - start < 2
    # Of each kind there are so many at most.
    assert max([one.code for one in findings].count(lint_.code) for lint_ in LINTS) <= MOST_FINDINGS
