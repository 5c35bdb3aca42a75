"""The whole decision: total, deterministic, and whatever comes, nothing internal goes outside.

Hypothesis puts odd mails and odd facts together, as a bug in `parse` or in `desk.facts` could.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mail import (
    Address,
    Attachment,
    Envelope,
    FailedRecipient,
    Forwarded,
    Mail,
    MailboxRole,
    Passage,
    PassageRole,
    Transport,
    Verdict,
)
from gateway.mail import DeliveryReport as Report
from gateway.ticket import HoldReason, Role, Status, TicketType, Visibility
from gateway.triage.decide import decide
from gateway.triage.decision import (
    Action,
    CountQuickReply,
    Decision,
    HoldBack,
    Notice,
    OpenTicket,
    PostMessage,
    Record,
    ReleaseMessage,
)
from gateway.triage.facts import BouncedMail, Evidence, Facts, HeldMessage, Person, PublicAnswer
from gateway.triage.traffic import AutomaticMail, Outside, Traffic
from tests.triage.values import (
    ANNA,
    BEN,
    DESK,
    DORA,
    ERIKA,
    EVE,
    NOW,
    facts,
    key,
    mail,
    policy,
    reference,
    ticket,
    token,
)

INTERNAL = "internalsecret"
ADDRESSES = st.sampled_from([ERIKA, DORA, ANNA, BEN, EVE, DESK, "anna@home.example", "x", "", "@", "ünï@exämple.org"])
LINES = st.one_of(
    st.sampled_from(
        ["Hello", "Thanks!", "", "#send", "#take", "#close", "#reopen", "#spam", "#help", "#files", "#resolve"]
    ),
    st.sampled_from(["#resolve Done.", "#assign ben", "#assign network", "#assign x", "#priority P1", "#priority ²"]),
    st.sampled_from(
        ["#impact high", "#urgency x", "#category a/b", "#type request", "#hold requester until 9999-12-31"]
    ),
    st.sampled_from(
        ["#hold vendor", "#cc c@example.org", "#cc x", "#requester d@example.com", "#merge INC-1002", "#merge ²"]
    ),
    st.sampled_from(
        ["#link 1002", "#link INC-1001", "#merge 1001", "#note", f"#note {INTERNAL}", "#nope", "＃take", "yes"]
    ),
    st.text(max_size=20),
)
TEXTS = st.lists(LINES, max_size=6).map("\n".join)
# Behind a note nothing may be seen by those outside.
NOTED = st.tuples(TEXTS, TEXTS).map(lambda parts: f"{parts[0]}\n#note\n{INTERNAL} {parts[1]}\n{INTERNAL}")
PASSAGES = st.lists(
    st.builds(Passage, role=st.sampled_from(PassageRole), text=st.one_of(TEXTS, NOTED)), max_size=3
).map(tuple)
FORWARDED = st.builds(
    Forwarded,
    sender=st.builds(Address, address=ADDRESSES),
    subject=st.text(max_size=10),
    text=st.text(max_size=20),
    comment=st.one_of(TEXTS, NOTED),
)
HEADERS = st.lists(
    st.sampled_from(
        [("auto-submitted", "auto-replied"), ("list-id", "<x>"), ("x-spam-flag", "YES"), ("precedence", "bulk")]
    ),
    max_size=1,
).map(tuple)
MAILS = st.builds(
    lambda sender, headers, **values: mail(sender, headers=(("from", sender), ("to", DESK), *headers), **values),
    ADDRESSES,
    HEADERS,
    subject=st.sampled_from(["", "Re: [INC-1001] VPN", "VPN", "Fwd: x", "\udcff"]),
    sender_defects=st.sampled_from([(), ("several mailboxes",)]),
    in_reply_to=st.sampled_from([(), ("<1001@example.com>",)]),
    passages=PASSAGES,
    new_html=st.sampled_from(["", "<p>Hello</p>", f"<p>#note</p><p>{INTERNAL}</p>", "<p>#take</p><p>x</p>"]),
    forwarded=st.one_of(st.none(), FORWARDED),
    attachments=st.sampled_from([(), (Attachment(number=1, filename="a", content_type="text/plain", size_bytes=1),)]),
    report=st.sampled_from([None, None, Report(), Report(recipients=(FailedRecipient(address=ERIKA),))]),
    language=st.sampled_from(["", "de"]),
    defect=st.sampled_from(["", "", "took too long"]),
)
HELD = st.builds(
    HeldMessage,
    id=st.integers(1, 3),
    author=st.sampled_from([ANNA, BEN]),
    at=st.just(NOW),
    text=st.one_of(TEXTS, NOTED),
    marks=st.sampled_from([("question",), ("confirmation",), ()]),
    commands=st.lists(st.sampled_from(["#take", "#resolve Done.", "#merge INC-1002"]), max_size=2).map(tuple),
)
TICKETS = st.builds(
    lambda status, **values: ticket(status=status, **values),
    st.sampled_from(Status),
    type=st.sampled_from(TicketType),
    hold_reason=st.sampled_from([None, *HoldReason]),
    assignee=st.sampled_from(["", ANNA, "gone@example.com"]),
    team=st.sampled_from(["desk", "network", "gone", ""]),
    agents=st.sampled_from([(), (BEN,), ("gone@example.com",)]),
    requester=ADDRESSES.map(lambda address: Person(id=1, address=address or "unknown@sender.invalid")),
    last_answer=st.sampled_from([None, PublicAnswer(at=NOW - timedelta(minutes=5), author=BEN, text="Try.")]),
    held=st.lists(HELD, max_size=2).map(tuple),
)
KEYS = st.builds(
    lambda holder, role, evidence, usable: key(
        holder=holder, role=role, evidence=evidence, usable=usable, why_not="old"
    ),
    ADDRESSES,
    st.sampled_from(Role),
    st.sampled_from(Evidence),
    st.booleans(),
)
REFERENCES = st.builds(
    lambda named, notice, about, answered: reference(
        1001, named, notice=notice, about=about, sent_at=NOW - timedelta(hours=1), is_answered=answered
    ),
    ADDRESSES,
    st.sampled_from(["", "question", "confirmation", "new_ticket"]),
    st.sampled_from([None, 1, 2]),
    st.booleans(),
)
ACKNOWLEDGED = AutomaticMail(notice="acknowledgement", ticket=7, at=NOW - timedelta(minutes=1))
ASKED = AutomaticMail(notice="question", ticket=1001, at=NOW - timedelta(minutes=1))
TRAFFIC = st.builds(
    Traffic,
    address=ADDRESSES,
    automatic=st.sampled_from([(), (ACKNOWLEDGED,), (ACKNOWLEDGED,) * 5, (ASKED,) * 5, (ASKED,) * 10]),
    opened=st.sampled_from([(), (NOW,) * 9, (NOW,) * 10]),
    repeated=st.sampled_from([0, 0, 2, 3]),
    muted_until=st.sampled_from([None, None, NOW, NOW + timedelta(days=1)]),
    bounced_at=st.sampled_from([None, None, NOW - timedelta(days=1), NOW - timedelta(days=30)]),
)
FACTS = st.builds(
    lambda one, **values: facts(named_tickets=(one, ticket(1002)), **values),
    TICKETS,
    is_own=st.sampled_from([False, False, True]),
    auth_trusted=st.booleans(),
    keys=st.lists(KEYS, max_size=2).map(tuple),
    references=st.lists(REFERENCES, max_size=2).map(tuple),
    tokens=st.sampled_from([(), (token(),), (token(4711),), (token(1002),)]),
    bounced=st.sampled_from(
        [(), (BouncedMail(outbox_id=1, notice="answer", recipient=ERIKA, ticket=1001, is_agent=False),)]
    ),
    traffic=st.lists(TRAFFIC, max_size=2).map(tuple),
    outside=st.sampled_from([Outside(), Outside(to_all=300, to_domain={"evil.example": 60})]),
)
ENVELOPES = st.builds(
    Envelope,
    transport=st.sampled_from(Transport),
    received_at=st.just(NOW),
    reverse_path=st.sampled_from([None, "", ERIKA]),
    recipients=st.just((DESK,)),
    mailbox_role=st.sampled_from([MailboxRole.INBOX, MailboxRole.INBOX, MailboxRole.SENT]),
    quiet=st.booleans(),
    released=st.booleans(),
)
POLICIES = st.sampled_from(
    [policy(), policy('acknowledge = "everyone"'), policy('closing_mail = true\nacknowledge = "nobody"')]
)
OUTSIDE = (Role.REQUESTER, Role.WATCHER)
_CASES: dict[str, Any] = {"one": MAILS, "envelope": ENVELOPES, "known": FACTS, "rules": POLICIES}


def outside(decision: Decision) -> list[Notice]:
    """What goes to people who are no agents."""
    return [one for one in decision.changes if isinstance(one, Notice) and one.role in OUTSIDE]


@settings(max_examples=80)
@given(**_CASES)
def test_every_mail_gets_a_decision_and_equal_arguments_an_equal_one(
    one: Mail, envelope: Envelope, known: Facts, rules: Any
) -> None:
    decision = decide(one, envelope, known, rules)
    assert decision == decide(one, envelope, known, rules)
    assert decision.reasons
    assert (decision.verdict is Verdict.QUARANTINE) == (decision.action is Action.QUARANTINE)
    opens = [change for change in decision.changes if isinstance(change, OpenTicket)]
    assert len(opens) == (decision.action is Action.OPEN)
    if decision.action is Action.APPEND:
        assert decision.ticket is not None
        assert any(isinstance(change, PostMessage | ReleaseMessage) for change in decision.changes)


@settings(max_examples=80)
@given(**_CASES)
def test_what_is_quarantined_changes_nothing_and_reaches_nobody(
    one: Mail, envelope: Envelope, known: Facts, rules: Any
) -> None:
    decision = decide(one, envelope, known, rules)
    if decision.action is Action.QUARANTINE:
        remembered = [change for change in decision.changes if not isinstance(change, Notice)]
        assert all(isinstance(change, Record | HoldBack | CountQuickReply) for change in remembered)
        assert outside(decision) == []
        assert decision.quarantine_code
    if decision.action in (Action.HOLD, Action.FILE):
        assert outside(decision) == []


@settings(max_examples=200)
@given(**_CASES)
def test_nothing_internal_goes_to_a_requester_or_watcher(
    one: Mail, envelope: Envelope, known: Facts, rules: Any
) -> None:
    decision = decide(one, envelope, known, rules)
    posted = {change.label: change for change in decision.changes if isinstance(change, PostMessage | ReleaseMessage)}
    from_agent = rules.agent_of(one.sender.address) is not None if one.sender else False
    for notice in outside(decision):
        about = posted.get(notice.about)
        if about is not None:
            assert about.visibility is Visibility.PUBLIC
            assert not (isinstance(about, PostMessage) and about.held)
            # Only an agent's note is internal; the same word of anybody else is their own.
            if from_agent and decision.action is Action.APPEND:
                assert INTERNAL not in about.text
                assert INTERNAL not in about.html
        assert INTERNAL not in str(notice.context)
        assert "their_text" not in notice.context


@settings(max_examples=80)
@given(**_CASES)
def test_nobody_is_written_to_automatically_who_must_not_be(
    one: Mail, envelope: Envelope, known: Facts, rules: Any
) -> None:
    decision = decide(one, envelope, known, rules)
    if decision.acknowledges:
        assert decision.auto_reply_ok
        assert not envelope.quiet
        assert not envelope.released
        told = next(one for one in outside(decision) if one.name == "acknowledgement").to.address
        traffic = known.traffic_with(told) or Traffic(address=told)
        assert traffic.count("acknowledgement", since=NOW - timedelta(hours=1)) < rules.limits.acknowledgements_per_hour
        assert traffic.muted_until is None or traffic.muted_until <= NOW
        assert traffic.bounced_at in (None, NOW - timedelta(days=30))
        to_domain = known.outside.to_domain.get(told.rpartition("@")[2], 0)
        assert rules.is_own_domain(told) or rules.agent_of(told) or to_domain < 60
    for notice in outside(decision):
        assert not rules.is_desk_address(notice.to.address)
    if envelope.quiet and decision.action is Action.OPEN and not from_agent(one, rules):
        assert [change for change in decision.changes if isinstance(change, Notice)] == []


def from_agent(one: Mail, rules: Any) -> bool:
    return one.sender is not None and rules.agent_of(one.sender.address) is not None


@settings(max_examples=80)
@given(**_CASES)
def test_an_agent_commands_a_ticket_only_with_their_own_key_or_a_proven_domain(
    one: Mail, envelope: Envelope, known: Facts, rules: Any
) -> None:
    decision = decide(one, envelope, known, rules)
    agents_words = [
        change
        for change in decision.changes
        if isinstance(change, PostMessage) and change.author_role == "agent" and not change.held
    ]
    if agents_words and decision.action is Action.APPEND and envelope.mailbox_role is MailboxRole.INBOX:
        agent = rules.agent_of(one.sender.address) if one.sender else None
        assert agent is not None
        own = {agent.address, *agent.other_addresses}
        holds_key = any(one.usable and one.key.role is Role.AGENT and one.holder in own for one in known.keys)
        assert holds_key or known.auth_trusted
        assert not one.sender_defects
