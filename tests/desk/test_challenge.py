"""Was it you? Unproven mail in an agent's name does nothing, the agent is asked once, and a yes lets it in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.policy import Policy
from gateway.store.database import connection
from gateway.store.tables import Ledger
from gateway.triage.quarantine import todo_about
from tests.desk.harness import DESK, DeskUnderTest, Sent, policy_of

ERIKA = "Erika Muster <erika@example.com>"
ANNA, BEN, NORA = "anna@example.com", "ben@example.com", "nora@example.com"
OUTSIDER = "support@vendor.example"
PASS = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}

MakeDesk = Callable[[Policy], DeskUnderTest]


def row_of(desk: DeskUnderTest, number: int) -> Ledger:
    with connection(desk.database):
        found: Ledger = Ledger.get_by_id(number)
    return found


def forged(desk: DeskUnderTest, text: str = "Your password is 1234.\n#resolve", **more: object) -> Ledger:
    """A mail in Anna's name on ticket 1001, by its number alone."""
    return desk.write(ANNA, text, subject="Re: [INC-1001] My VPN is down", **more)  # type: ignore[arg-type]


def confirm(desk: DeskUnderTest, text: str = "Yes", *, sender: str = ANNA, **more: object) -> Ledger:
    return desk.answer(sender, desk.last(ANNA, "challenge"), text, **more)


@pytest.fixture
def opened(desk: DeskUnderTest) -> DeskUnderTest:
    desk.write(ERIKA, "It drops.")
    desk.sent.clear()
    return desk


def test_an_unproven_mail_does_nothing_and_its_agent_is_asked(opened: DeskUnderTest) -> None:
    before = opened.ticket()
    row = forged(opened, peer="203.0.113.7", helo="mail.evil.example", reverse_path="eve@evil.example")
    assert (row.state, row.reason_code) == ("quarantined", "agent-unproven")
    assert opened.ticket() == before
    assert [(one.to, one.notice) for one in opened.sent] == [(ANNA, "challenge")]
    text = opened.last(ANNA).text
    for shown in ("INC-1001", "mail.evil.example [203.0.113.7]", "eve@evil.example", "Your password is 1234."):
        assert shown in text
    assert opened.audit() == []


def test_a_server_that_names_itself_by_its_address_is_shown_once(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    forged(desk, peer="203.0.113.7", helo="[203.0.113.7]")
    assert "From the server: [203.0.113.7]\r\n" in desk.last(ANNA).text


def test_a_yes_lets_the_mail_in_as_if_it_had_been_proven(opened: DeskUnderTest) -> None:
    row = forged(opened)
    assert confirm(opened).outcome == "filed"
    assert row_of(opened, row.id).outcome == "appended"
    assert "Your password is 1234." in opened.last("erika@example.com", "resolution").text
    assert opened.ticket()["status"] == "resolved"
    assert opened.ticket()["assignee"] == ANNA
    assert opened.audit() == []


@pytest.mark.parametrize("plus", [True, False])
def test_the_answer_is_known_by_its_address_or_by_the_id_it_answers(make_desk: MakeDesk, plus: bool) -> None:
    desk = make_desk(policy_of(f"plus_addresses = {str(plus).lower()}"))
    desk.write(ERIKA, "It drops.")
    row = forged(desk)
    challenge = desk.last(ANNA, "challenge")
    if plus:
        desk.write(ANNA, "ja", subject="Was?", to=challenge.reply_to, recipients=(challenge.reply_to,))
    else:
        assert challenge.reply_to == DESK
        # A relay that writes Message-IDs anew leaves the References of the question.
        desk.write(ANNA, "ja", subject="Was?", headers={"References": str(challenge.message["References"])})
    assert row_of(desk, row.id).outcome == "appended"
    assert desk.audit() == []


@pytest.mark.parametrize("text", ["No", "Nein, das war ich nicht!", "That wasn't me."])
def test_a_no_leaves_the_mail_locked_up_for_good(opened: DeskUnderTest, text: str) -> None:
    row = forged(opened)
    confirm(opened, text)
    assert (row_of(opened, row.id).state, row_of(opened, row.id).reason_code) == ("quarantined", "agent-denied")
    assert "stays locked up" in opened.last(ANNA, "result").text
    confirm(opened, "Yes")
    assert row_of(opened, row.id).state == "quarantined"
    assert "settled before" in opened.last(ANNA, "result").text
    assert not opened.inbox("erika@example.com")
    assert opened.audit() == []


def test_an_out_of_office_confirms_nothing(opened: DeskUnderTest) -> None:
    row = forged(opened)
    answer = confirm(opened, "I am away until Monday.", headers={"Auto-Submitted": "auto-replied"})
    assert answer.outcome == "filed"
    assert row_of(opened, row.id).state == "quarantined"
    assert [one.notice for one in opened.sent] == ["challenge"]


@pytest.mark.parametrize("sender", [BEN, "eve@evil.example", "Anna <anna@example.com>, Eve <eve@evil.example>"])
def test_nobody_else_can_say_yes(opened: DeskUnderTest, sender: str) -> None:
    row = forged(opened)
    confirm(opened, sender=sender, reverse_path="x@example.com")
    assert row_of(opened, row.id).state == "quarantined"
    assert not opened.inbox("erika@example.com")


def test_the_key_of_a_ticket_is_no_yes(opened: DeskUnderTest) -> None:
    """Whoever has an agent's notice, passed on, has a reply key; the question has one of its own."""
    opened.write(ERIKA, "The printer too.", subject="Printer")
    notice = opened.last(ANNA, "new_ticket")
    row = forged(opened)
    opened.answer(ANNA, notice, "yes")
    assert row_of(opened, row.id).state == "quarantined"


def test_a_question_expires(opened: DeskUnderTest) -> None:
    row = forged(opened)
    opened.wait(days=8)
    confirm(opened)
    assert row_of(opened, row.id).state == "quarantined"


def test_only_of_what_was_asked_about_is_it_said(opened: DeskUnderTest) -> None:
    rows = [forged(opened), forged(opened)]
    todo = [todo_about(row.reason_code, (row.decision or {})["reasons"]) for row in rows]
    assert len(opened.inbox(ANNA, "challenge")) == 1
    assert "was asked by mail" in todo[0]
    assert todo[1].startswith("nobody was asked by mail")


def test_orders_to_the_desk_in_an_agents_name_are_asked_about_so_often_in_a_day(opened: DeskUnderTest) -> None:
    opened.change_policy(policy_of(more="[trust]\nquestions_per_day = 2\n"))
    rows = [opened.write(ANNA, "#away until Friday") for _ in range(3)]
    assert [row.reason_code for row in rows] == ["agent-unconfirmed"] * 3
    assert len(opened.inbox(ANNA, "challenge")) == 2
    assert "nobody was asked" in todo_about(rows[2].reason_code, (rows[2].decision or {})["reasons"])


def test_an_agent_is_asked_once_a_day_for_each_ticket(opened: DeskUnderTest) -> None:
    opened.write(ERIKA, "The printer too.", subject="Printer")
    opened.sent.clear()
    for _ in range(5):
        assert forged(opened).reason_code == "agent-unproven"
    assert len(opened.inbox(ANNA, "challenge")) == 1
    opened.write(ANNA, "#close", subject="[INC-1002]")
    assert len(opened.inbox(ANNA, "challenge")) == 2
    opened.wait(hours=25)
    forged(opened)
    assert len(opened.inbox(ANNA, "challenge")) == 3
    assert opened.audit() == []


def test_after_a_yes_the_next_mail_that_waits_is_asked_about(opened: DeskUnderTest) -> None:
    """One after the other: what somebody else wrote meanwhile in the agent's name never comes in with it."""
    opened.write(ERIKA, "The printer too.", subject="Printer")
    rows = [forged(opened, text) for text in ("Restart it.", "And the router.", "My password is 1234.")]
    other = opened.write(ANNA, "Pull the tray.", subject="[INC-1002]")
    opened.write(BEN, "I have an idea.", subject="[INC-1001]")

    def states() -> list[str]:
        return [row_of(opened, row.id).outcome or row_of(opened, row.id).state for row in (*rows, other)]

    assert len(opened.inbox(ANNA, "challenge")) == 2
    opened.answer(ANNA, opened.inbox(ANNA, "challenge")[0], "Yes")
    assert states() == ["appended", "quarantined", "quarantined", "quarantined"]
    assert "And the router." in opened.last(ANNA, "challenge").text
    confirm(opened)
    assert states() == ["appended", "appended", "quarantined", "quarantined"]
    assert "My password is 1234." in opened.last(ANNA, "challenge").text
    confirm(opened, "No")
    assert row_of(opened, rows[2].id).reason_code == "agent-denied"
    answers = [one.text for one in opened.inbox("erika@example.com", "answer")]
    assert ["Restart it." in answers[0], "And the router." in answers[1], len(answers)] == [True, True, 2]
    assert len(opened.inbox(ANNA, "challenge")) == 4
    # After a no, nobody is asked for a day.
    forged(opened)
    assert len(opened.inbox(ANNA, "challenge")) == 4
    assert len(opened.inbox(BEN, "challenge")) == 1
    assert opened.audit() == []


def test_who_has_said_yes_is_asked_about_the_next_mail_at_once(opened: DeskUnderTest) -> None:
    forged(opened, "Restart it.")
    confirm(opened)
    row = forged(opened, "Does it work now?")
    assert row.reason_code == "agent-unproven"
    confirm(opened)
    assert row_of(opened, row.id).outcome == "appended"
    assert len(opened.inbox(ANNA, "challenge")) == 2


def test_a_flood_of_forged_mails_asks_only_so_often(make_desk: MakeDesk) -> None:
    desk = make_desk(policy_of(more="[trust]\nquestions_per_day = 2"))
    for number in range(4):
        desk.write(ERIKA, f"Matter {number}.", subject=f"Matter {number}")
    for number in range(4):
        desk.write(ANNA, "#close", subject=f"[INC-{1001 + number}]")
    assert len(desk.inbox(ANNA, "challenge")) == 2


def test_a_colleagues_key_asks_the_author(opened: DeskUnderTest) -> None:
    """Ben answers a notice that Anna passed on to him: he is asked, and Anna hears nothing."""
    opened.write(ERIKA, "The printer too.", subject="Printer")
    notice = opened.last(ANNA, "new_ticket")
    opened.sent.clear()
    row = opened.answer(BEN, notice, "Use the other printer.")
    assert (row.state, row.reason_code) == ("quarantined", "agent-unproven")
    assert [(one.to, one.notice) for one in opened.sent] == [(BEN, "challenge")]
    opened.answer(BEN, opened.last(BEN, "challenge"), "Yes, it was me")
    assert "other printer" in opened.last("erika@example.com", "answer").text
    assert opened.ticket(1002)["assignee"] == BEN


def test_the_question_goes_to_the_registered_address(opened: DeskUnderTest) -> None:
    opened.write("nora.private@example.org", "#take", subject="Re: [INC-1001]")
    assert [(one.to, one.notice) for one in opened.sent] == [(NORA, "challenge")]


def test_a_former_agent_is_neither_heard_nor_asked(make_desk: MakeDesk) -> None:
    policy = policy_of()
    desk = make_desk(policy)
    desk.write(ERIKA, "It drops.")
    notice = desk.last(BEN)
    row = desk.write(BEN, "#resolve", subject="Re: [INC-1001]")
    challenge = desk.last(BEN, "challenge")
    desk.change_policy(replace(policy, agents=tuple(one for one in policy.agents if one.address != BEN)))
    desk.sent.clear()
    desk.answer(BEN, challenge, "Yes")
    desk.answer(BEN, notice, "I know better.\n#resolve")
    assert row_of(desk, row.id).state == "quarantined"
    assert desk.ticket()["status"] == "new"
    assert [one.notice for one in desk.sent if one.to in (BEN, "erika@example.com")] == ["acknowledgement"]
    assert desk.ticket(1002)["requester"] == BEN, "an employee like any other"


def test_what_stands_beside_a_yes_is_named_and_not_done(opened: DeskUnderTest) -> None:
    forged(opened, "Restart it.")
    confirm(opened, "Yes\n#priority P1")
    assert "#priority P1" in opened.last(ANNA, "result").text
    assert "Restart it." in opened.last("erika@example.com", "answer").text
    assert opened.ticket()["priority"] != "P1"


def test_no_key_of_anybody_stands_in_a_question(opened: DeskUnderTest) -> None:
    notice = opened.last(ANNA) if opened.inbox(ANNA) else None
    assert notice is None
    opened.write(ERIKA, "The printer too.", subject="Printer")
    key = opened.last(BEN, "new_ticket").reply_to
    opened.sent.clear()
    forged(opened, f"Write to {key} please.")
    assert key not in opened.last(ANNA, "challenge").text


# --- letting somebody outside read on ---


def cc(desk: DeskUnderTest, notice: Sent, who: str = OUTSIDER, **more: object) -> Ledger:
    return desk.answer(ANNA, notice, f"The vendor takes it from here.\n#cc {who}", **more)


@pytest.fixture
def notice(desk: DeskUnderTest) -> Sent:
    desk.write(ERIKA, "It drops.")
    return desk.last(ANNA)


def test_an_outsider_is_added_after_one_yes_which_counts_for_a_month(desk: DeskUnderTest, notice: Sent) -> None:
    row = cc(desk, notice)
    assert (row.state, row.reason_code) == ("quarantined", "agent-unconfirmed")
    assert not desk.inbox(OUTSIDER)
    assert f"#cc {OUTSIDER}" in desk.last(ANNA, "challenge").text
    confirm(desk)
    assert "vendor takes it" in desk.last(OUTSIDER, "answer").text
    assert "vendor takes it" in desk.last("erika@example.com", "answer").text
    assert cc(desk, notice, "second@vendor.example").outcome == "appended"
    desk.wait(days=31)
    assert cc(desk, notice, "third@vendor.example").state == "quarantined"
    assert desk.audit() == []


def test_a_colleague_is_added_without_a_question(desk: DeskUnderTest, notice: Sent) -> None:
    assert cc(desk, notice, "dora@example.com").outcome == "appended"


def test_where_the_domain_is_proven_too_nobody_is_asked(desk: DeskUnderTest, notice: Sent) -> None:
    assert cc(desk, notice, headers=PASS).outcome == "appended"
    assert desk.inbox(OUTSIDER, "answer")


def test_several_that_reach_out_are_each_asked_about(desk: DeskUnderTest, notice: Sent) -> None:
    """Their author is proven by the key: none of these waits in silence."""
    for who in ("a@vendor.example", "b@vendor.example"):
        cc(desk, notice, who)
    assert len(desk.inbox(ANNA, "challenge")) == 2


def test_an_outsider_does_not_become_the_requester_by_the_key_alone(desk: DeskUnderTest, notice: Sent) -> None:
    assert desk.answer(ANNA, notice, f"#requester {OUTSIDER}").reason_code == "agent-unconfirmed"
    assert desk.ticket()["requester"] == "erika@example.com"
    confirm(desk)
    assert desk.ticket()["requester"] == OUTSIDER


def test_an_outsiders_ticket_is_not_merged_by_the_key_alone(desk: DeskUnderTest, notice: Sent) -> None:
    desk.write("olga@customer.example", "Mine too.")
    row = desk.answer(ANNA, desk.last(ANNA), "#merge 1001")
    assert row.reason_code == "agent-unconfirmed"
    confirm(desk)
    assert desk.ticket(1002)["status"] == "closed"


# --- desks that ask for more ---


def test_a_strict_desk_asks_where_only_the_key_is_there(make_desk: MakeDesk) -> None:
    desk = make_desk(policy_of(more='[trust]\nrequire = "key+domain"'))
    desk.write(ERIKA, "It drops.")
    notice = desk.last(ANNA)
    row = desk.answer(ANNA, notice, "Restart it.")
    assert row.reason_code == "agent-unproven"
    confirm(desk)
    assert "Restart it." in desk.last("erika@example.com", "answer").text
    assert desk.answer(ANNA, notice, "And again.", headers=PASS).outcome == "appended"


def test_a_proven_domain_needs_no_key(desk: DeskUnderTest, notice: Sent) -> None:
    assert forged(desk, headers=PASS).outcome == "appended"
    assert desk.ticket()["status"] == "resolved"


@pytest.mark.parametrize(
    "results",
    [
        ["mx.example.com; dmarc=pass header.from=evil.example"],
        ["mx.example.com; dmarc=pass"],
        ["mx.example.com; dmarc=pass header.from=example.com; dmarc=fail header.from=example.com"],
        ['mx.example.com; dmarc=fail reason="dmarc=pass header.from=example.com"'],
        ["mx.example.com; dmarc=pass header.from=example.com, boss"],
        ['mx.example.com; spf=pass smtp.mailfrom="x; dmarc=pass header.from=example.com"'],
        ["mx.example.com.evil.example; dmarc=pass header.from=example.com"],
        ["(mx.example.com) evil.example; dmarc=pass header.from=example.com"],
        ["=?utf-8?q?mx.example.com=3B?= dmarc=pass header.from=example.com"],
        ["mx.example.com; dmarc=pass header.from=example.com; (" + "(" * 9000],
        ["mx.example.com; " + "dkim=fail; " * 2000 + "dmarc=pass header.from=example.com"],
        ["mx.example.com; auth=pass smtp.auth=ben@example.com"],
        ["mx.example.com; auth=pass smtp.auth=ben"],
        ["mx.example.com; dmarc=pass header.from=example.com"] * 2,
        ["mx.example.com; dmarc=pass header.from=example.com", "MX.example.com; none"],
    ],
    ids=lambda results: results[0][:60],
)
def test_what_vouches_for_nobody(opened: DeskUnderTest, results: list[str]) -> None:
    raw = opened.mail(ANNA, "#resolve", subject="Re: [INC-1001]")
    head = "".join(f"Authentication-Results: {result}\r\n" for result in results).encode()
    assert opened.receive(head + raw, reverse_path=ANNA).reason_code == "agent-unproven"
    assert opened.ticket()["status"] == "new"


@pytest.mark.parametrize(
    "result",
    [
        "mx.example.com; dmarc=pass header.from=example.com",
        '"MX.example.com" 1; spf=fail; dmarc=pass (p=none) header.from=example.com',
        "mx.example.com; auth=pass smtp.auth=anna@example.com",
        "mx.example.com; auth=pass (plain) smtp.auth=anna",
    ],
)
def test_what_vouches_for_an_agent(opened: DeskUnderTest, result: str) -> None:
    assert forged(opened, headers={"Authentication-Results": result}).outcome == "appended"


def test_before_doctor_has_passed_the_header_is_not_believed(opened: DeskUnderTest) -> None:
    assert forged(opened, headers=PASS, peer="192.0.2.7").reason_code == "agent-unproven"


def test_a_listener_for_proven_users_vouches_for_their_envelope_sender_only(opened: DeskUnderTest) -> None:
    assert forged(opened, authenticated=True, reverse_path=BEN).reason_code == "agent-unproven"
    assert forged(opened, authenticated=True, reverse_path=ANNA).outcome == "appended"


def unreadable(desk: DeskUnderTest, sent: Sent, *, subject: str) -> bytes:
    """An answer of Anna's of which only the header can be read."""
    desk.now += timedelta(minutes=1)
    headers = {"In-Reply-To": sent.message_id, "References": str(sent.message_id)}
    raw = desk.mail(ANNA, "No!", subject=subject, to=sent.reply_to, headers=headers)
    return raw.replace(b"Content-Type: text/plain", b'Content-Type: multipart/mixed; boundary="b"').replace(
        b"\r\n\r\n", b"\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 2_000, 1
    )


def test_an_answer_that_cannot_be_read_is_no_yes(opened: DeskUnderTest) -> None:
    """Neither to "was it you?" nor to commands that wait; its author is asked once more."""
    row = forged(opened)
    challenge = opened.last(ANNA, "challenge")
    opened.receive(unreadable(opened, challenge, subject="Re: was it you?"), recipients=(challenge.reply_to,))
    assert row_of(opened, row.id).state == "quarantined"
    assert "could not be read" in opened.last(ANNA, "result").text

    opened.write(ANNA, "#requester erika@example.com\n#priority P1\n\nShe called.", subject="Call", headers={})
    confirmation = opened.last(ANNA, "confirmation")
    opened.receive(unreadable(opened, confirmation, subject="Re: Call"), recipients=(confirmation.reply_to,))
    assert opened.ticket(1002)["priority"] != "P1"
    assert "it could not be read" in opened.last(ANNA, "question").text
    assert opened.audit() == []
