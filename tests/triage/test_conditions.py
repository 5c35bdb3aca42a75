"""Every condition of a rule holds for its mail and not for the one beside it; patterns capture; triggers never miss."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mail import Address, Attachment, AuthResults, Forwarded, Mail, Passage, PassageRole
from gateway.policy import Policy, parse_policy
from gateway.triage.classify import holding_of, rules_holding
from gateway.triage.requirements import try_requirement
from gateway.triage.rulebook import rulebook_of
from gateway.triage.trace import ConditionTrace, traced, word_spans
from gateway.triage.view import Known, TicketCount, view_of

DESK = """\
[desk]
address = "helpdesk@example.com"
aliases = ["printing@example.com"]
own_domains = ["example.com"]
time_zone = "Europe/Berlin"
working_hours = "Mo-Fr 08:00-17:00"
[[team]]
name = "desk"
[[agent]]
name = "Anna Agent"
address = "anna@example.com"
[[person]]
address = "ben@hr.example.com"
name = "Ben Huber"
department = "Verkauf Süd"
VIP = true
floor = 3
left = "n"
"""
# A Monday, at ten in Berlin.
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KNOWN = Known(
    received_at=MONDAY,
    recipients=("helpdesk+vip@example.com",),
    authenticated=True,
    auth=AuthResults(spf="pass", dmarc="fail", sound=True),
    tickets=(
        TicketCount(address="ben@hr.example.com", period=None, count=2),
        TicketCount(address="ben@hr.example.com", period=timedelta(days=7), count=9),
        TicketCount(address="eve@example.com", period=None, count=50),
    ),
)
MAIL = Mail(
    size_bytes=12_000_000,
    subject="Host SRV-12 is down",
    sender=Address(address="ben@hr.example.com", name="Ben Huber"),
    to=(Address(address="Printing@example.com".lower()),),
    headers=(("x-ref", "order no. 4711"),),
    passages=(Passage(role=PassageRole.NEW, text="Please look at\nserial: AB 99\nand at srv-12."),),
    attachments=(
        Attachment(number=1, filename="scan.pdf", content_type="application/pdf", size_bytes=6_000_000),
        Attachment(number=2, filename="invoice-881.txt", content_type="text/plain", size_bytes=20),
    ),
)


def policy_of(when: str, more: str = "") -> Policy:
    return parse_policy(f'{DESK}[[rule]]\nname = "rule"\nwhen = {when}\nset.type = "request"\n{more}')


def holds(when: str, mail: Mail = MAIL, known: Known = KNOWN) -> bool:
    return rules_holding(mail, policy=policy_of(when), known=known) == ("rule",)


def captured(when: str, mail: Mail = MAIL) -> dict[str, str]:
    ((_, captures),) = holding_of(view_of(mail, policy=(policy := policy_of(when)), known=KNOWN), policy)
    return dict(captures)


@pytest.mark.parametrize(
    ("hit", "near_miss"),
    [
        ('domain = "hr.example.com"', 'domain = "example.com"'),
        ('domain = "*.example.com"', 'domain = "*.hr.example.com"'),
        ('to = "helpdesk+vip@example.com"', 'to = "helpdesk@example.com"'),
        ('desk = "printing@example.com"', 'desk = "helpdesk+hr@example.com"'),
        ('desk = "helpdesk+vip@example.com"', 'desk = "printing+vip@example.com"'),
        ('desk = ["helpdesk@example.com"]', 'desk = ["print+*@example.com"]'),
        ('attachment_type = "application/pdf"', 'attachment_type = "application/zip"'),
        ('attachment_type = ["image/*", "text/*"]', 'attachment_type = ["image/*", "audio/*"]'),
        ('attachment_size = "above 5 MB"', 'attachment_size = "above 6 MB"'),
        ('attachment_size = "below 1 kB"', 'attachment_size = "below 20 B"'),
        ('size = "above 10 MB"', 'size = "above 12 MB"'),
        ('size = "below 12.1 MB"', 'size = "below 11 MiB"'),
        ('time = "working hours"', 'time = "outside working hours"'),
        ('time = "Mo-Tu 09:30-10:30"', 'time = "Mo 08:30-09:30"'),
        ('time = ["Sa-Su", "Mo"]', 'time = ["Sa-Su", "Tu"]'),
        ("authenticated = true", "authenticated = false"),
        ('auth = { dmarc = ["fail", "none"] }', 'auth = { dmarc = "pass" }'),
        ('auth = { spf = "pass", dkim = "none" }', 'auth = { spf = "pass", dkim = "pass" }'),
        ("person = { vip = true }", "person = { vip = false }"),
        ("person = { left = false }", "person = { left = true }"),
        ('person = { Department = ["HR", "verkauf*"] }', 'person = { department = "Verkauf" }'),
        ('person = { department = "VERKAUF SUD" }', 'person = { department = "verkauf nord" }'),
        ('person = { department = "*" }', 'person = { department = "Süd" }'),
        ("person = { floor = 3 }", "person = { floor = 33 }"),
        ('tickets = "3 today"', 'tickets = "4 today"'),
        ('tickets = "10 in 7 days"', 'tickets = "11 in 7 days"'),
        ("pattern = 'srv-[0-9]+ is'", "pattern = 'srv-[0-9]{3}'"),
        ("pattern = '^serial: [a-z]+ [0-9]+$'", "pattern = '^serial: [a-z]+$'"),
        ("pattern.subject = 'srv-12'", "pattern.subject = 'serial'"),
        ("pattern.body = 'serial'", "pattern.body = 'host'"),
        ("pattern.from = '^ben@'", "pattern.from = '^huber'"),
        ("pattern.from = 'Ben H[a-z]+$'", "pattern.from = 'ben h$'"),
        ("pattern.header = { X-Ref = 'no[.] [0-9]{4}$' }", "pattern.header = { X-Reference = '[0-9]' }"),
        ("pattern.attachment = '^invoice-[0-9]+'", "pattern.attachment = '^[0-9]'"),
        ("pattern = ['nothing', '(?-i)SRV']", "pattern = ['nothing', '(?-i)Srv']"),
        ("pattern.subject = 'srv'\npattern.body = 'serial'", "pattern.subject = 'srv'\npattern.body = 'host'"),
    ],
)
def test_a_condition_holds_for_its_mail_and_not_beside_it(hit: str, near_miss: str) -> None:
    def table(keys: str) -> str:
        return f"{{ {', '.join(keys.splitlines())} }}"

    assert holds(table(hit))
    assert not holds(table(near_miss))


def test_what_is_not_known_of_a_mail_holds_nothing() -> None:
    assert not holds('{ time = "working hours" }', known=Known())
    assert not holds('{ time = "outside working hours" }', known=Known())
    assert not holds('{ auth = { spf = "none" } }', known=Known())
    assert not holds("{ authenticated = true }", known=Known())
    assert holds("{ authenticated = false }", known=Known())
    assert not holds('{ tickets = "2 today" }', known=Known())


def test_of_somebody_unknown_every_attribute_means_no() -> None:
    mail = replace(MAIL, sender=Address(address="eve@example.com"))
    assert holds("{ person = { vip = false } }", mail)
    assert not holds('{ person = { department = "*" } }', mail)


def test_whoever_passes_a_mail_on_proves_nothing_about_its_author() -> None:
    policy = policy_of("{ authenticated = true }")
    for requester, held in (("", True), ("eve@example.com", False)):
        view = view_of(MAIL, policy=policy, requester=requester, known=KNOWN)
        assert bool(list(holding_of(view, policy))) is held


def test_on_a_reply_only_the_tickets_before_it_are_counted() -> None:
    policy = parse_policy(
        f'{DESK}[[rule]]\nname = "rule"\nwhen.tickets = "3 today"\nset.type = "request"\non = ["open", "reply"]'
    )
    assert rules_holding(MAIL, policy=policy, known=KNOWN, occasion="open") == ("rule",)
    assert rules_holding(MAIL, policy=policy, known=KNOWN, occasion="reply") == ()


@pytest.mark.parametrize(
    ("when", "name", "text"),
    [
        ("{ pattern = 'host (?P<host>[a-z0-9-]+)' }", "host", "SRV-12"),
        ("{ pattern = '(?P<host>srv-[0-9]+)' }", "host", "SRV-12"),
        ("{ pattern.body = '(?P<host>srv-[0-9]+)' }", "host", "srv-12"),
        (r"{ pattern = 'serial: (?P<serial>[A-Z]+\s+[0-9]+)' }", "serial", "AB 99"),
        ("{ pattern.header.X-Ref = 'no[.] (?P<number>[0-9]+)' }", "number", "4711"),
        ("{ pattern.attachment = 'invoice-(?P<number>[0-9]+)' }", "number", "881"),
        ("{ pattern.from = '(?P<first>[a-z]+) huber' }", "first", "Ben"),
        ("{ pattern = ['host (?P<first>\\w+)', 'serial: (?P<second>\\w+)'] }", "second", "AB"),
        ("{ words = 'down', any = [{ pattern = 'x(?P<a>y)' }, { pattern = '(?P<a>srv)' }] }", "a", "SRV"),
        (
            "{ any = [{ subject = 'nix', pattern = '(?P<a>host)' }, { pattern = '(?P<a>down)' }] }",
            "a",
            "down",
        ),
        ("{ all = [{ pattern = '(?P<a>host)' }, { captured.a = 'HOST' }] }", "a", "Host"),
        ("{ words = 'down' }", "sender", "ben@hr.example.com"),
        ("{ words = 'down' }", "sender_name", "Ben Huber"),
        ("{ words = 'down' }", "subject", "Host SRV-12 is down"),
        ("{ words = 'down' }", "desk", "printing@example.com"),
        ("{ words = 'down' }", "person.department", "Verkauf Süd"),
        ("{ words = 'down' }", "person.vip", "yes"),
    ],
)
def test_a_pattern_captures_what_set_and_other_conditions_may_use(when: str, name: str, text: str) -> None:
    assert captured(when)[name] == text


@pytest.mark.parametrize(
    ("condition", "held"),
    [
        ("captured.host = 'srv*'", True),
        ("captured.host = ['web*', 'SRV-12']", True),
        ("captured.host = '*'", True),
        ("captured.host = 'srv'", False),
        ("captured.other = '*'", False),
        ("captured.other = false", True),
        ("captured.host = '{again}'", True),
        ("captured.host = '{other}'", False),
        ("none = [{ captured.host = 'srv*' }]", False),
        ("none = [{ captured.host = 'web*' }]", True),
        ("any = [{ captured.host = 'web*' }, { captured.again = 'srv*' }]", True),
    ],
)
def test_what_was_captured_can_be_asked_for(condition: str, held: bool) -> None:
    patterns = "['host (?P<host>[a-z0-9-]+)', 'at (?P<again>srv-[0-9]+)', 'nothing (?P<other>x)']"
    assert holds(f"{{ pattern = {patterns}, {condition} }}") is held


def test_a_member_that_does_not_hold_captures_nothing() -> None:
    when = "{ any = [{ subject = 'nix', pattern = 'host (?P<host>.+)' }, { words = 'down' }], captured.host = '*' }"
    assert not holds(when)


def test_the_author_of_a_mail_that_was_passed_on_has_their_own_name() -> None:
    forwarded = Forwarded(sender=Address(address="eve@example.com", name="Eve"), subject="Fwd", text="text")
    policy = policy_of("{ pattern.from = '^eve$' }")
    mail = replace(MAIL, forwarded=forwarded)
    for requester, held in (("", 0), ("eve@example.com", 1)):
        view = view_of(mail, policy=policy, requester=requester)
        assert len(list(holding_of(view, policy))) == held


WORDS = ("host", "srv", "down", "phone", "überall")
LEAVES = st.sampled_from(
    (
        *(f"words = '{word}'" for word in WORDS),
        *(f"subject = ['{word}', 'x']" for word in WORDS[:2]),
        "pattern = '(?P<a>host|down)'",
        "pattern.body = '(?P<a>srv)'",
        "pattern.subject = '(?P<b>phone)'",
        "captured.a = 'h*'",
        "captured.b = '{a}'",
        "language = 'en'",
        "time = 'working hours'",
        "person.vip = true",
        "tickets = '2 today'",
        "authenticated = true",
    )
)
CONDITIONS = st.recursive(
    st.lists(LEAVES, min_size=1, max_size=2, unique_by=lambda leaf: leaf.partition(" ")[0].partition(".")[0]).map(
        lambda leaves: "{ " + ", ".join(leaves) + " }"
    ),
    lambda inner: st.tuples(
        LEAVES, st.sampled_from(("any", "all", "none")), st.lists(inner, min_size=1, max_size=2)
    ).map(lambda parts: f"{{ {parts[0]}, {parts[1]} = [{', '.join(parts[2])}] }}"),
    max_leaves=5,
)
RULES = st.lists(CONDITIONS, min_size=1, max_size=5)
TEXTS = st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join)


def policy_with(conditions: list[str]) -> Policy:
    # Whatever a rule asks of captures, one of its patterns might capture.
    able = "any = [{ pattern = 'zz(?P<a>z)(?P<b>z)' }, { none = [{ words = 'zzzz' }] }]"
    rules = "".join(
        f"[[rule]]\nname = 'r{number}'\nset.type = 'request'\nwhen = {{ all = [{condition}], {able} }}\n"
        for number, condition in enumerate(conditions)
    )
    return parse_policy(DESK + rules)


@settings(max_examples=60, deadline=None)
@given(RULES, TEXTS, TEXTS, st.booleans())
def test_the_trace_agrees_with_the_decision_and_no_trigger_misses(
    conditions: list[str], subject: str, body: str, vip: bool
) -> None:
    policy = policy_with(conditions)
    sender = MAIL.sender if vip else Address(address="eve@example.com")
    mail = replace(
        MAIL, subject=subject, sender=sender, passages=(Passage(role=PassageRole.NEW, text=body),), language="en"
    )
    view = view_of(mail, policy=policy, known=KNOWN)
    rulebook = rulebook_of(policy)
    seen = rulebook.see(view)
    holding = {rule.name for rule, _ in rulebook.holding(seen, "open")}
    assert holding == {rule.name for rule, test in rulebook.rules if test.captured_from(seen) is not None}
    for rule, test in rulebook.rules:
        assert all(trace.held for trace in traced(rule, seen)) is (rule.name in holding)
        captured: dict[str, str] = {}
        if try_requirement(test, seen, captured):
            assert dict(test.captured_from(seen) or {}) == {**view.built_in, **captured}
        if not test.asks_captured:
            assert test.holds(seen.found) is (rule.name in holding)


@settings(max_examples=40, deadline=None)
@given(st.lists(CONDITIONS, min_size=2, max_size=5), TEXTS, st.randoms(use_true_random=False))
def test_the_order_of_rules_changes_nothing_about_which_hold(conditions: list[str], text: str, chance: object) -> None:
    numbered = list(enumerate(conditions))
    chance.shuffle(numbered)  # type: ignore[attr-defined]
    mail = replace(MAIL, subject=text)
    plain = rules_holding(mail, policy=policy_with(conditions), known=KNOWN)
    shuffled = rules_holding(mail, policy=policy_with([one for _, one in numbered]), known=KNOWN)
    names = {f"r{place}": f"r{number}" for place, (number, _) in enumerate(numbered)}
    assert {names[name] for name in shuffled} == set(plain)


def trace_of(when: str, mail: Mail = MAIL) -> tuple[ConditionTrace, ...]:
    policy = policy_of(when)
    return traced(policy.rules[0], rulebook_of(policy).see(view_of(mail, policy=policy, known=KNOWN)))


def test_a_trace_says_what_each_condition_found_and_where() -> None:
    when = (
        "{ words = ['down', 'serial', 'nothing'], pattern = 'host (?P<host>[a-z0-9-]+)', from = '*@hr.example.com', "
        "none = [{ subject = 'phone' }], captured.host = 'srv*', person.vip = true, any = [{ size = 'above 1 GB' }] }"
    )
    traces = {trace.path: trace for trace in trace_of(when)}
    words = traces["words",]
    assert (words.held, words.matched) == (True, ("down", "serial"))
    assert [(span.where, span.text, span.start, span.end) for span in words.spans] == [
        ("subject", "down", 15, 19),
        ("body", "serial", 15, 21),
    ]
    pattern = traces["pattern", "words"]
    assert [(span.text, span.start, span.end) for span in pattern.spans] == [("Host SRV-12", 0, 11)]
    assert pattern.captured == {"host": "SRV-12"}
    assert [span.text for span in traces["from",].spans] == ["ben@hr.example.com"]
    assert [span.text for span in traces["captured", "host"].spans] == ["SRV-12"]
    assert traces["person", "vip"].matched == ("yes",)
    nothing = traces["none",]
    assert (nothing.held, nothing.inner[0].held, nothing.inner[0].inner[0].asked) == (True, False, ("phone",))
    too_large = traces["any",].inner[0].inner[0]
    assert (traces["any",].held, too_large.path) == (False, ("any", 0, "size"))
    assert [span.text for span in too_large.spans] == ["12,000,000 bytes"]


@pytest.mark.parametrize(
    ("word", "text", "marked"),
    [
        (
            "passwort zurücksetzen",
            "Bitte mein Passwort, äh, Passwort zuru\u0308cksetzen!",
            ["Passwort zuru\u0308cksetzen"],
        ),
        ("zurücksetzen", "zuruecksetzen zurücksetzen", ["zuruecksetzen", "zurücksetzen"]),
        ("print*", "Printing the printers' print", ["Printing", "printers", "print"]),
        ("straße", "In der STRASSE", ["STRASSE"]),
        ("c++", "C++, c++", ["C++", "c++"]),
        ("打印机", "我的打印机坏了", ["打印机"]),
        ("e-mail", "E-Mail/e mail", ["E-Mail", "e mail"]),
        ("vpn", "ＶＰＮ", ["ＶＰＮ"]),
    ],
)
def test_words_are_marked_as_they_stand_in_the_text(word: str, text: str, marked: list[str]) -> None:
    assert [text[start:end] for start, end in word_spans(word, text)] == marked


@given(st.text(max_size=30), st.sampled_from(("vpn", "überall", "a*b")))
def test_marking_words_never_fails(text: str, word: str) -> None:
    for start, end in word_spans(word, text):
        assert 0 <= start < end <= len(text)
