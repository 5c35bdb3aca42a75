"""What employees live through: they write, are told, answer, and need to know nothing of tickets."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.mail import Transport
from tests.desk.harness import DESK, DeskUnderTest

ERIKA = "Erika Muster <erika@example.com>"
ANNA = "anna@example.com"
BEN = "ben@example.com"


def test_a_first_mail_opens_a_ticket_and_is_acknowledged_once(desk: DeskUnderTest) -> None:
    row = desk.write(ERIKA, "It drops since this morning.")
    assert (row.state, row.outcome) == ("done", "opened")
    ticket = desk.ticket()
    assert ticket["ticket"] == "INC-1001"
    assert ticket["status"] == "new"
    acknowledgement = desk.last("erika@example.com")
    assert acknowledgement.subject.count("[INC-1001]") == 1
    assert "My VPN is down" in acknowledgement.subject
    assert acknowledgement.message["Auto-Submitted"] == "auto-replied"
    assert len(desk.inbox("erika@example.com")) == 1
    assert desk.audit() == []


def test_each_agent_of_the_team_gets_one_mail_with_own_key(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops since this morning.")
    anna, ben = desk.last(ANNA, "new_ticket"), desk.last(BEN, "new_ticket")
    assert anna.reply_to != ben.reply_to
    assert "It drops since this morning." in anna.text
    assert anna.message["List-Id"] == "<desk.helpdesk.example.com>"
    assert desk.inbox("nora@example.com") == []


def test_the_answer_comes_in_the_same_thread_and_shows_no_agent_address(desk: DeskUnderTest) -> None:
    row = desk.write(ERIKA, "It drops since this morning.", headers={"Message-ID": "<first@example.com>"})
    assert row.outcome == "opened"
    desk.answer(f"Anna Agent <{ANNA}>", desk.last(ANNA), "Please restart the client.\n\n-- \nAnna, " + ANNA)
    answer = desk.last("erika@example.com", "answer")
    assert "Please restart the client." in answer.text
    assert "<first@example.com>" in answer.message["References"]
    assert str(answer.message["From"].addresses[0].addr_spec) == DESK
    assert "Anna Agent" in str(answer.message["From"])
    assert ANNA.encode() not in answer.content
    assert answer.message["Auto-Submitted"] is None
    assert desk.ticket()["status"] == "in_progress"
    assert desk.ticket()["assignee"] == ANNA


def test_a_reply_reaches_the_agents_without_the_quote(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops since this morning.")
    desk.answer(ERIKA, desk.last("erika@example.com"), "I have restarted it already.")
    reply = desk.last(ANNA, "new_reply")
    assert "I have restarted it already." in reply.text
    assert "Thank you for your message" not in reply.text
    assert len(desk.ticket()["messages"]) == 2


def test_a_reply_to_a_resolved_ticket_reopens_it(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops since this morning.")
    desk.answer(ANNA, desk.last(ANNA), "#resolve Profile renewed.")
    resolution = desk.last("erika@example.com", "resolution")
    assert "Profile renewed." in resolution.text
    desk.answer(ERIKA, resolution, "It still drops.")
    assert desk.ticket()["status"] == "in_progress"
    assert "still drops" in desk.last(ANNA, "new_reply").text


@pytest.mark.parametrize(
    "thanks", ["Thanks!", "Vielen Dank, läuft wieder!", "Merci beaucoup", "Gracias", "Obrigada, já funciona"]
)
def test_thanks_do_not_reopen(desk: DeskUnderTest, thanks: str) -> None:
    desk.write(ERIKA, "It drops since this morning.")
    desk.answer(ANNA, desk.last(ANNA), "#resolve")
    desk.answer(ERIKA, desk.last("erika@example.com"), thanks)
    assert desk.ticket()["status"] == "resolved"


def test_a_resolved_ticket_closes_after_five_working_days_and_then_a_reply_opens_a_follow_up(
    desk: DeskUnderTest,
) -> None:
    desk.write(ERIKA, "It drops since this morning.")
    desk.answer(ANNA, desk.last(ANNA), "#resolve")
    resolution = desk.last("erika@example.com")
    desk.wait(days=6)
    assert desk.ticket()["status"] == "resolved"
    desk.wait(days=2)
    assert desk.ticket()["status"] == "closed"
    desk.answer(ERIKA, resolution, "It is broken again.")
    follow_up = desk.ticket(1002)
    assert follow_up["links"] == ["follow_up 1001"]
    assert desk.ticket()["status"] == "closed"
    assert desk.audit() == []


def test_thanks_after_closure_open_nothing(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops since this morning.")
    desk.answer(ANNA, desk.last(ANNA), "#resolve")
    resolution = desk.last("erika@example.com")
    desk.wait(days=10)
    row = desk.answer(ERIKA, resolution, "Thanks a lot!")
    assert row.outcome == "appended"
    assert desk.ticket()["status"] == "closed"


def test_a_stranger_with_a_number_opens_a_linked_ticket_and_learns_nothing(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "My password is on a note under the keyboard.")
    desk.write("Eve <eve@evil.example>", "Please send me everything.", subject="Re: [INC-1001] My VPN is down")
    claimed = desk.ticket(1002)
    assert claimed["links"] == ["claimed 1001"]
    assert len(desk.ticket()["messages"]) == 1
    assert desk.inbox("eve@evil.example") == []
    assert "[INC-1001]" in desk.last(ANNA, "new_ticket").text


def test_an_acknowledged_stranger_learns_nothing_of_the_claimed_ticket(make_desk) -> None:  # type: ignore[no-untyped-def]
    from tests.desk.harness import policy_of

    desk = make_desk(policy_of('acknowledge = "everyone"'))
    desk.write(ERIKA, "Secret.", subject="The salary list")
    desk.write("Eve <eve@evil.example>", "Hello", subject="[INC-1001]")
    assert desk.inbox("eve@evil.example")
    for sent in desk.inbox("eve@evil.example"):
        assert b"1001" not in sent.content
        assert b"salary" not in sent.content


def test_a_watcher_or_colleague_in_the_thread_is_appended_as_another_person(desk: DeskUnderTest) -> None:
    """A colleague's reply-all before the acknowledgement: one ticket."""
    headers = {"Message-ID": "<team@example.com>", "Cc": "carl@example.com"}
    desk.write(ERIKA, "The printer on floor 3 is dead.", headers=headers)
    desk.write(
        "Carl <carl@example.com>",
        "Same for me.",
        subject="Re: My VPN is down",
        headers={"In-Reply-To": "<team@example.com>", "References": "<team@example.com>"},
    )
    ticket = desk.ticket()
    assert [message["as"] for message in ticket["messages"]] == ["requester", "other"]
    assert ticket["requester"] == "erika@example.com"
    assert desk.inbox("carl@example.com") == []


def test_a_reply_that_overtakes_its_parent_ends_on_one_ticket(desk: DeskUnderTest) -> None:
    desk.write(
        "Carl <carl@example.com>",
        "Same for me.",
        subject="Re: Printer",
        headers={"In-Reply-To": "<late@example.com>", "References": "<late@example.com>"},
    )
    row = desk.write(ERIKA, "The printer is dead.", subject="Printer", headers={"Message-ID": "<late@example.com>"})
    assert row.outcome == "appended"
    assert len(desk.ticket()["messages"]) == 2


def test_the_same_mail_twice_makes_one_ticket(desk: DeskUnderTest) -> None:
    raw = desk.mail(ERIKA, "Once.", subject="Once")
    rows = [desk.receive(raw), desk.receive(b"Received: from b by a; now\r\n" + raw, recipients=("it@example.com",))]
    assert [row.outcome for row in rows] == ["opened", "duplicate"]
    assert len(desk.inbox("erika@example.com")) == 1
    assert desk.audit() == []


def test_an_old_mail_of_a_mailbox_is_not_acknowledged_late_without_saying_so(desk: DeskUnderTest) -> None:
    old = desk.now - timedelta(days=3)
    desk.write(ERIKA, "Hello", transport=Transport.IMAP, internal_date=old, mailbox="desk", uid=1, uidvalidity=1)
    assert "3 days" in desk.last("erika@example.com", "acknowledgement").text


def test_an_imported_mail_tells_nobody(desk: DeskUnderTest) -> None:
    row = desk.write(ERIKA, "Hello", transport=Transport.IMPORT, quiet=True)
    assert row.outcome == "opened"
    assert desk.sent == []


def test_an_outsider_is_not_acknowledged_unless_authenticated(desk: DeskUnderTest) -> None:
    desk.write("Olga <olga@customer.example>", "Hello", subject="Question")
    assert desk.inbox("olga@customer.example") == []
    passed = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=customer.example"}
    desk.write("Olga <olga@customer.example>", "Hello again", subject="Question two", headers=passed)
    assert len(desk.inbox("olga@customer.example")) == 1


def test_an_out_of_office_is_filed_and_not_answered(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA), "#resolve")
    before = len(desk.sent)
    row = desk.answer(
        ERIKA, desk.last("erika@example.com"), "I am away until Friday.", headers={"Auto-Submitted": "auto-replied"}
    )
    assert row.outcome == "appended"
    assert desk.ticket()["status"] == "resolved"
    assert len(desk.sent) == before


def test_a_bounce_is_told_to_the_agents_and_matched_by_its_address(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    acknowledgement = desk.last("erika@example.com")
    bounce = (
        f"From: MAILER-DAEMON@mx.example.com\r\nTo: {acknowledgement.reverse_path}\r\nSubject: Undelivered\r\n"
        "Message-ID: <b1@mx.example.com>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: text/plain\r\n\r\nNo such user.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\r\n"
        "Final-Recipient: rfc822; erika@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 user unknown\r\n\r\n--b--\r\n"
    ).encode()
    row = desk.receive(bounce, reverse_path="", recipients=(acknowledgement.reverse_path,))
    assert (row.state, row.outcome) == ("done", "filed")
    told = desk.last(ANNA, "undeliverable")
    assert "erika@example.com" in told.text
    assert "user unknown" in told.text
    assert desk.audit() == []


def test_a_bounce_of_nothing_of_ours_waits_in_quarantine(desk: DeskUnderTest) -> None:
    bounce = (
        b"From: MAILER-DAEMON@mx.example.org\r\nTo: helpdesk@example.com\r\nSubject: Undelivered\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\n"
        b"Final-Recipient: rfc822; x@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
    )
    row = desk.receive(bounce, reverse_path="")
    assert (row.state, row.reason_code) == ("quarantined", "bounce-unmatched")


def test_our_own_mail_coming_back_is_quarantined(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    row = desk.receive(desk.last("erika@example.com").content)
    assert (row.state, row.reason_code) == ("quarantined", "own-mail")


def test_a_mail_that_cannot_be_read_still_becomes_a_ticket_with_the_original_attached(desk: DeskUnderTest) -> None:
    nested = "".join(
        f'Content-Type: multipart/mixed; boundary="b{level}"\r\n\r\n--b{level}\r\n' for level in range(3000)
    )
    raw = f"From: {ERIKA}\r\nTo: {DESK}\r\nSubject: Deep\r\nMIME-Version: 1.0\r\n{nested}\r\nHello\r\n".encode()
    row = desk.receive(raw)
    assert row.outcome == "opened"
    names = [part.get_filename() for part in desk.last(ANNA, "new_ticket").message.iter_attachments()]
    assert "original.eml" in names


def test_a_mail_without_any_sender_opens_a_ticket_and_answers_nobody(desk: DeskUnderTest) -> None:
    row = desk.receive(b"To: helpdesk@example.com\r\nSubject: who am I\r\n\r\nHello\r\n", reverse_path=None)
    assert row.outcome == "opened"
    assert {sent.to for sent in desk.sent} == {ANNA, BEN}
