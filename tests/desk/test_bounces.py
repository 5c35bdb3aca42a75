"""What came back: whose mail it was, what the agents learn of it, and what still goes to a dead address."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.desk.clockwork import expire_held
from gateway.desk.health import status_record
from gateway.store.database import connection
from gateway.store.states import OutboxState
from gateway.store.tables import Contact, Event, Ledger, Outbox
from tests.desk.harness import DeskUnderTest, Sent

ERIKA = "Erika Muster <erika@example.com>"
ANNA, BEN = "anna@example.com", "ben@example.com"


def bounce(
    desk: DeskUnderTest,
    sent: Sent,
    *,
    status: str = "5.1.1",
    diagnostic: str = "550 5.1.1 user unknown",
    action: str = "failed",
    recipients: tuple[str, ...] = (),
    returned: str = "",
    number: int = 1,
) -> Ledger:
    """A delivery report as a mail server writes it, to the envelope sender of one of our mails."""
    back = f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n{returned}\r\n" if returned else ""
    raw = (
        f"From: MAILER-DAEMON@mx.example.com\r\nTo: {sent.reverse_path}\r\nSubject: Undelivered\r\n"
        f"Message-ID: <b{sent.id}.{number}@mx.example.com>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/plain\r\n\r\nYour mail did not arrive.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\r\n"
        f"Final-Recipient: rfc822; {sent.to}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; {diagnostic}\r\n\r\n{back}--b--\r\n"
    ).encode()
    desk.now += timedelta(minutes=1)
    return desk.receive(raw, reverse_path="", recipients=recipients or (sent.reverse_path,))


def states(desk: DeskUnderTest, notice: str) -> list[tuple[str, str]]:
    with connection(desk.database):
        return [(row.state, row.hold_reason) for row in Outbox.select().where(Outbox.notice == notice)]


def test_the_agent_learns_in_plain_words_that_the_answer_never_arrived(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA), "#resolve Renewed; please restart the client.")
    row = bounce(desk, desk.last("erika@example.com", "resolution"))
    assert (row.state, row.outcome) == ("done", "filed")
    told = desk.last(ANNA, "undeliverable").text
    assert "erika@example.com" in told
    assert "there is no such address" in told
    assert "user unknown" in told
    assert "please restart the client" in told, "which words never arrived"
    assert "#requester" in told, "what to do"
    assert desk.ticket()["status"] == "resolved", "nothing reopens"
    assert desk.audit() == []


@pytest.mark.parametrize(
    ("status", "diagnostic", "words", "is_dead"),
    [
        ("5.1.1", "550 5.1.1 user unknown", "there is no such address", True),
        ("5.1.2", "host not found", "no mail server answers", True),
        ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied", "there is no such address", True),
        ("", "the account has been disabled", "there is no such address", True),
        ("5.0.0", "go away", "refused it for good", True),
        ("5.2.2", "552 5.2.2 over quota", "the mailbox is full", False),
        ("5.3.4", "message too big", "too big", False),
        ("5.7.1", "550 5.7.1 blocked as spam", "perhaps as spam", False),
        ("4.4.7", "message expired", "could not be reached", False),
        ("5.1.1", "552 mailbox is full", "the mailbox is full", False),
    ],
)
def test_the_cause_is_told_and_only_a_dead_address_is_held(
    desk: DeskUnderTest, status: str, diagnostic: str, words: str, is_dead: bool
) -> None:
    desk.write(ERIKA, "It drops.")
    bounce(desk, desk.last("erika@example.com"), status=status, diagnostic=diagnostic)
    assert words in " ".join(desk.last(ANNA, "undeliverable").text.split())
    with connection(desk.database):
        assert (Contact.get(Contact.address == "erika@example.com").bounced_at is not None) is is_dead


def test_automatic_mail_to_a_dead_address_is_held_and_an_agents_answer_still_goes(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    bounce(desk, desk.last("erika@example.com"))
    desk.now += timedelta(hours=2)
    desk.write(ERIKA, "And the printer?", subject="Printer")
    assert len(desk.inbox("erika@example.com", "acknowledgement")) == 1
    assert (OutboxState.HELD, "undeliverable") in states(desk, "acknowledgement")
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "It has no paper.")
    assert "no paper" in desk.last("erika@example.com", "answer").text
    told = [one["text"] for one in desk.ticket(1002)["history"] if one["kind"] == "suppressed"]
    assert "came back" in told[0]
    with connection(desk.database):
        record = status_record(now=desk.now)
    assert record["left_out"] == {"undeliverable": 1}
    assert desk.audit() == []


def test_an_agent_says_that_the_address_works_again_and_what_was_held_goes_out(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    bounce(desk, desk.last("erika@example.com"))
    desk.now += timedelta(hours=2)
    desk.write(ERIKA, "And the printer?", subject="Printer")
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#retry")
    desk.wait(minutes=1)
    assert len(desk.inbox("erika@example.com", "acknowledgement")) == 2
    with connection(desk.database):
        assert Contact.get(Contact.address == "erika@example.com").bounced_at is None
    assert any("works again" in one["text"] or "arrives again" in one["text"] for one in desk.ticket(1002)["history"])
    assert desk.audit() == []


def test_after_thirty_days_what_was_held_is_given_up_and_new_mail_goes_again(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    bounce(desk, desk.last("erika@example.com"))
    desk.now += timedelta(hours=2)
    desk.write(ERIKA, "And the printer?", subject="Printer")
    desk.now += timedelta(days=30)
    with connection(desk.database):
        assert expire_held(desk.database, desk.policy, now=desk.now) == 1
    desk.write(ERIKA, "A month later", subject="Later")
    assert len(desk.inbox("erika@example.com", "acknowledgement")) == 2
    assert (OutboxState.CANCELLED, "") in states(desk, "acknowledgement")
    assert desk.audit() == []


def test_several_reports_about_one_mail_are_told_once(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    sent = desk.last("erika@example.com")
    for number in range(5):
        bounce(desk, sent, number=number)
    assert len(desk.inbox(ANNA, "undeliverable")) == 1
    with connection(desk.database):
        assert Event.select().where(Event.kind == "bounce-failed").count() == 5


def test_a_delayed_mail_is_only_written_down(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    bounce(desk, desk.last("erika@example.com"), action="delayed", status="4.4.1", diagnostic="still trying")
    assert desk.inbox(ANNA, "undeliverable") == []
    assert "bounce-delayed" in [one["kind"] for one in desk.ticket()["history"]]
    with connection(desk.database):
        assert Contact.get(Contact.address == "erika@example.com").bounced_at is None


@pytest.mark.parametrize(("text", "told"), [("I am sorry, I gave up.", 1), ("It is delayed; I am still trying.", 0)])
def test_an_odd_report_that_no_machine_can_read_is_known_by_its_address(
    desk: DeskUnderTest, text: str, told: int
) -> None:
    desk.write(ERIKA, "It drops.")
    sent = desk.last("erika@example.com")
    raw = (
        f"From: MAILER-DAEMON@old.example.net\r\nTo: {sent.reverse_path}\r\nSubject: Your mail\r\n"
        f"Message-ID: <odd@old.example.net>\r\n\r\n{text}\r\n"
    ).encode()
    row = desk.receive(raw, reverse_path="", recipients=(sent.reverse_path,))
    assert row.outcome == "filed"
    assert len(desk.inbox(ANNA, "undeliverable")) == told


def test_without_plus_addresses_the_ids_of_what_came_back_tell(desk: DeskUnderTest) -> None:
    """What came back names itself first, and then the mails that it goes on from."""
    desk.write(ERIKA, "It drops.")
    first = desk.last("erika@example.com")
    desk.answer(ANNA, desk.last(ANNA), "Please restart the client.")
    answer = desk.last("erika@example.com", "answer")
    returned = f"Message-ID: {answer.message_id}\r\nReferences: {first.message_id} {answer.message_id}\r\n"
    bounce(desk, answer, recipients=("helpdesk@example.com",), returned=returned)
    assert "Please restart the client." in desk.last(ANNA, "undeliverable").text


def test_a_key_for_another_purpose_or_a_forged_one_ties_nothing(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    sent = desk.last("erika@example.com")
    first = sent.reverse_path.partition("+")[2][0]
    tampered = sent.reverse_path.replace(f"+{first}", "+b" if first == "a" else "+a", 1)
    for number, address in enumerate((sent.reply_to, tampered)):
        row = bounce(desk, replace(sent, reverse_path=address), number=number)
        assert row.reason_code == "bounce-unmatched"
    with connection(desk.database):
        assert Contact.get(Contact.address == "erika@example.com").bounced_at is None
    assert desk.inbox(ANNA, "undeliverable") == []
