"""Rules fill fields from top to bottom; every field remembers which rule filled it."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail import Address, Attachment, Forwarded, Mail, MailKind, Passage, PassageRole
from gateway.options.tables import OptionTable
from gateway.policy import Condition, Occasion, Policy, parse_policy
from gateway.policy.conditions import Patterns
from gateway.ticket import ALWAYS_FILLED, Authority, Classification, Field, Priority, TicketType
from gateway.triage.classify import check_examples, classify, rules_holding
from gateway.triage.conditions import CONDITIONS

DESK = """\
[desk]
address = "helpdesk@example.com"
[[team]]
name = "first"
[[team]]
name = "Network"
[[agent]]
name = "Anna Agent"
address = "anna@example.com"
teams = ["first"]
"""


def policy_of(rules: str) -> Policy:
    return parse_policy(DESK + rules)


def mail_of(subject: str = "", text: str = "", sender: str = "someone@example.com") -> Mail:
    passages = (Passage(role=PassageRole.NEW, text=text),)
    return Mail(size_bytes=100, subject=subject, sender=Address(address=sender), passages=passages)


def said(classification: Classification, *fields: Field) -> list[tuple[str, str, str]]:
    """Value, authority and rule of some fields."""
    values = {value.field: value for value in classification.values}
    return [(values[field].value, values[field].authority.value, values[field].rule) for field in fields]


def test_without_a_rule_the_defaults_hold() -> None:
    result = classify(mail_of("hello"), policy=policy_of('[defaults]\ncategory = "other"\nsubcategory = "misc"'))
    assert [(value.field, value.value) for value in result.values] == [
        (Field.TYPE, "incident"),
        (Field.CATEGORY, "other"),
        (Field.SUBCATEGORY, "misc"),
        (Field.IMPACT, "medium"),
        (Field.URGENCY, "medium"),
        (Field.PRIORITY, "P3"),
        (Field.TEAM, "first"),
        (Field.ASSIGNEE, ""),
    ]
    assert {value.authority for value in result.values} == {Authority.DEFAULT}


FILLING = policy_of("""
[[rule]]
name = "urgent"
when.words = "urgent"
set.urgency = "high"
[[rule]]
name = "vpn"
when.words = "vpn"
set = { category = "network/vpn", team = "network", urgency = "low" }
[[rule]]
name = "network"
when.words = ["lan", "vpn"]
set = { type = "request", category = "network/lan", assignee = "Anna" }
[[rule]]
name = "director"
when.from = "director@example.com"
set = { impact = "high", type = "incident", priority = "P1" }
override = true
""")


def test_each_rule_fills_what_no_earlier_rule_has_filled() -> None:
    result = classify(mail_of("urgent", "my vpn"), policy=FILLING)
    assert said(result, *ALWAYS_FILLED) == [
        ("request", "rule", "network"),
        ("network", "rule", "vpn"),
        ("vpn", "rule", "vpn"),
        ("medium", "default", ""),
        ("high", "rule", "urgent"),
        ("P2", "default", ""),
        ("Network", "rule", "vpn"),
        ("anna@example.com", "rule", "network"),
    ]


def test_a_rule_with_override_wins_wherever_it_stands() -> None:
    result = classify(mail_of("lan", sender="Director@example.com".lower()), policy=FILLING)
    assert said(result, Field.TYPE, Field.IMPACT, Field.PRIORITY, Field.ASSIGNEE) == [
        ("incident", "override", "director"),
        ("high", "override", "director"),
        ("P1", "override", "director"),
        ("anna@example.com", "rule", "network"),
    ]


def test_the_classification_reads_as_words_of_the_ticket() -> None:
    result = classify(mail_of("lan"), policy=FILLING)
    assert (result.type, result.priority) == (TicketType.REQUEST, Priority.P3)


SUBCATEGORIES = """
[[rule]]
name = "wide"
when.words = "network"
set.category = "network"
[[rule]]
name = "narrow"
when.words = "vpn"
set.category = "network/vpn"
[[rule]]
name = "printer"
when.words = "printer"
set.category = "printing/printer"
"""


@pytest.mark.parametrize(
    ("subject", "category", "subcategory"),
    [
        ("network vpn", ("network", "rule", "wide"), ("vpn", "rule", "narrow")),
        ("network printer", ("network", "rule", "wide"), ("", "default", "")),
        ("network", ("network", "rule", "wide"), ("", "default", "")),
        ("nothing", ("general", "default", ""), ("misc", "default", "")),
    ],
)
def test_a_subcategory_is_filled_only_below_its_own_category(
    subject: str, category: tuple[str, str, str], subcategory: tuple[str, str, str]
) -> None:
    policy = policy_of('[defaults]\nsubcategory = "misc"\n' + SUBCATEGORIES)
    assert said(classify(mail_of(subject), policy=policy), Field.CATEGORY, Field.SUBCATEGORY) == [category, subcategory]


def test_stop_ends_the_search() -> None:
    policy = policy_of("""
[[rule]]
name = "first"
when.words = "vpn"
set.urgency = "low"
stop = true
[[rule]]
name = "second"
when.words = "vpn"
set.type = "request"
""")
    assert rules_holding(mail_of("vpn"), policy=policy) == ("first",)
    assert classify(mail_of("vpn"), policy=policy).type is TicketType.INCIDENT


@pytest.mark.parametrize(
    ("occasion", "names"), [("open", ("new", "both")), ("reply", ("both",)), ("reopen", ("again",))]
)
def test_a_rule_is_looked_at_on_its_occasions(occasion: Occasion, names: tuple[str, ...]) -> None:
    policy = policy_of("""
[[rule]]
name = "new"
when.words = "vpn"
set.type = "request"
[[rule]]
name = "both"
when.words = "vpn"
set.urgency = "high"
on = ["open", "reply"]
[[rule]]
name = "again"
when.words = "vpn"
set.urgency = "high"
on = "reopen"
""")
    assert rules_holding(mail_of("vpn"), policy=policy, occasion=occasion) == names


ADORNED = replace(
    mail_of("Invoice 12", "The total is wrong", "Ben@hr.example.com".lower()),
    to=(Address(address="helpdesk@example.com"),),
    cc=(Address(address="boss@example.com"),),
    delivered_to=("sap@example.com",),
    headers=(("x-priority", "1 (Highest)"), ("list-id", "<news.example.com>"), ("list-id", "<sport.example.com>")),
    attachments=(Attachment(number=1, filename="Invoice 12.PDF", content_type="application/pdf", size_bytes=9),),
    language="pt-BR",
)


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ('{ words = "invoice" }', True),
        ('{ words = "total" }', True),
        ('{ subject = "invoice" }', True),
        ('{ subject = "total" }', False),
        ('{ body = "total" }', True),
        ('{ body = "invoice" }', False),
        ('{ words = ["nothing", "total is wrong"] }', True),
        ('{ subject = "invoice", body = "total" }', True),
        ('{ subject = "invoice", body = "sum" }', False),
        ('{ from = "ben@hr.example.com" }', True),
        ('{ from = "*@hr.example.com" }', True),
        ('{ from = "*@*.example.com" }', True),
        ('{ from = "BEN@HR.example.com" }', True),
        ('{ from = "*@example.com" }', False),
        ('{ from = "en@hr.example.com" }', False),
        ('{ from = "ben@hrxexample.com" }', False),
        ('{ to = "helpdesk@example.com" }', True),
        ('{ to = "boss@*" }', True),
        ('{ to = "sap@example.com" }', True),
        ('{ to = "ben@hr.example.com" }', False),
        ('{ header = { X-Priority = "1" } }', True),
        ('{ header = { X-Priority = ["2", "3"] } }', False),
        ('{ header = { List-Id = "sport" } }', True),
        ('{ header = { List-Id = "*" } }', True),
        ('{ header = { X-Other = "*" } }', False),
        ('{ header = { X-Priority = "*", List-Id = "music" } }', False),
        ('{ attachment = "*.pdf" }', True),
        ('{ attachment = "invoice *" }', True),
        ('{ attachment = "*.doc" }', False),
        ('{ language = "pt" }', True),
        ('{ language = "pt-br" }', True),
        ('{ language = ["de", "en"] }', False),
        ('{ kind = "new" }', True),
        ('{ kind = "list" }', False),
        ('{ any = [{ subject = "x" }, { body = "total" }] }', True),
        ('{ any = [{ subject = "x" }, { body = "y" }] }', False),
        ('{ all = [{ words = "total" }, { words = "invoice" }] }', True),
        ('{ all = [{ words = "total" }, { words = "bill" }] }', False),
        ('{ none = [{ words = "bill" }] }', True),
        ('{ none = [{ words = "bill" }, { words = "total" }] }', False),
        ('{ words = "total", none = [{ all = [{ subject = "invoice" }, { from = "a@b.example" }] }] }', True),
        ('{ any = [{ none = [{ words = "bill" }] }, { words = "x" }] }', True),
    ],
)
def test_a_condition_holds_or_not(when: str, holds: bool) -> None:
    policy = policy_of(f'[[rule]]\nname = "rule"\nwhen = {when}\nset.type = "request"')
    assert rules_holding(ADORNED, policy=policy) == (("rule",) if holds else ())
    assert (classify(ADORNED, policy=policy).type is TicketType.REQUEST) is holds


def test_the_kind_of_mail_is_told_by_who_knows_it() -> None:
    policy = policy_of('[[rule]]\nname = "alarm"\nwhen.kind = "notification"\nset.type = "request"')
    assert rules_holding(mail_of(), policy=policy, kind=MailKind.NOTIFICATION) == ("alarm",)


def test_quotes_and_signature_are_not_looked_at() -> None:
    policy = policy_of('[[rule]]\nname = "vpn"\nwhen.words = "vpn"\nset.type = "request"')
    old = (Passage(role=PassageRole.QUOTED, text="> my vpn"), Passage(role=PassageRole.SIGNATURE, text="-- \nVPN team"))
    mail = mail_of("Re: hello", "thank you")
    assert rules_holding(replace(mail, passages=(*mail.passages, *old)), policy=policy) == ()
    assert rules_holding(replace(mail, passages=old), policy=policy) == ("vpn",), "who writes nothing means the quote"


def test_of_a_mail_that_was_passed_on_its_own_words_count_too() -> None:
    policy = policy_of("""
[[rule]]
name = "words"
when = { subject = "scanner", body = "broken" }
set.type = "request"
[[rule]]
name = "requester"
when.from = "eve@example.com"
set.impact = "high"
""")
    passed_on = Forwarded(sender=Address(address="eve@example.com"), subject="Scanner", text="It is broken")
    mail = replace(mail_of("Fwd: help", "please log this", "anna@example.com"), forwarded=passed_on)
    assert rules_holding(mail, policy=policy) == ("words",)
    result = classify(mail, policy=policy, requester="eve@example.com")
    assert said(result, Field.IMPACT) == [("high", "rule", "requester")]


def test_a_mail_without_sender_and_text_is_classified() -> None:
    assert classify(Mail(size_bytes=0), policy=FILLING).type is TicketType.INCIDENT


def test_an_example_that_comes_out_otherwise_is_told_with_its_place() -> None:
    policy = policy_of("""
[[rule]]
name = "vpn"
when = { words = "vpn", attachment = "*.log" }
set.category = "network/vpn"
[[example]]
subject = "VPN log"
attachments = "a.log"
expect = { category = "network", subcategory = "vpn", team = "FIRST", type = "incident", assignee = "" }
rule = "vpn"
[[example]]
subject = "the vpn"
attachments = "a.log"
expect = { category = "printing", type = "request", priority = "P1" }
[[example]]
subject = "hello"
rule = "vpn"
""")
    assert [str(problem) for problem in check_examples(policy)] == [
        'rules.toml:24:12: example[2].expect.category: "the vpn" becomes "network" by the rule "vpn", not "printing"',
        'rules.toml:24:53: example[2].expect.priority: "the vpn" becomes "P3" by the matrix, not "P1"',
        'rules.toml:24:35: example[2].expect.type: "the vpn" becomes "incident" by default, not "request"',
        'rules.toml:27:1: example[3].rule: the rule "vpn" does not hold for "hello"; no rule does',
    ]


def keys_of(table: type[OptionTable]) -> set[str]:
    return {field.alias or name for name, field in table.model_fields.items()}


def test_every_condition_that_can_be_written_is_looked_at() -> None:
    looked_at = {key for keys, _ in CONDITIONS for key in keys}
    patterns = {f"pattern.{key}" for key in keys_of(Patterns)}
    assert looked_at | {"any", "all", "none", "captured"} == keys_of(Condition) - {"pattern"} | patterns


WORDS = ("vpn", "printer", "screen", "mouse", "phone")
RULES = st.lists(
    st.tuples(
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=3),
        st.sampled_from(
            ('type = "request"', 'type = "incident"', 'category = "a/b"', 'category = "c"', 'urgency = "high"')
        ),
        st.booleans(),
        st.sampled_from(("words = {}", "none = [{{ words = {} }}]", "any = [{{ words = {} }}, {{ subject = {} }}]")),
    ),
    max_size=6,
)


@given(RULES, st.lists(st.sampled_from(WORDS), max_size=3))
def test_the_first_rule_that_holds_fills_a_field_and_override_goes_before(
    rules: list[tuple[list[str], str, bool, str]], said_words: list[str]
) -> None:
    """The plain reading of the sentence in the manual, against the indexed one."""
    text = "".join(
        f'[[rule]]\nname = "r{number}"\nwhen = {{ {when.format(words, words)} }}\n'
        f"set = {{ {assignment} }}\noverride = {str(override).lower()}\n"
        for number, (words, assignment, override, when) in enumerate(rules)
    ).replace("'", '"')
    expected: dict[str, str] = {}
    for wanted in (True, False):
        for number, (words, assignment, override, when) in enumerate(rules):
            holds = set(words).isdisjoint(said_words) is when.startswith("none")
            if holds and override is wanted:
                expected.setdefault(assignment.partition(" ")[0], f"r{number}")
    result = classify(mail_of(" ".join(said_words)), policy=policy_of(text))
    found = {value.field.value: value.rule for value in result.values if value.rule and value.field != "subcategory"}
    assert found == expected


def test_a_thousand_rules_cost_a_mail_no_more_than_a_moment() -> None:
    rules = "".join(
        f'[[rule]]\nname = "r{number}"\nwhen.words = ["word{number}", "phrase {number}", "stem{number}*"]\n'
        f'set.category = "c{number}"\n'
        for number in range(1000)
    )
    policy = policy_of(rules)
    mail = mail_of("word7", " ".join(f"other{number}" for number in range(250)))
    assert rules_holding(mail, policy=policy) == ("r7",)
    start = time.process_time()
    for _ in range(50):
        classify(mail, policy=policy)
    assert (time.process_time() - start) / 50 < 0.005
