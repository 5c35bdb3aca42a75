"""The watched Sent folder of the desk's mailbox: what colleagues send by hand is an answer on its ticket."""

from __future__ import annotations

from typing import Any

from gateway.mail import MailboxRole, Transport
from tests.desk.harness import DESK, DeskUnderTest

ERIKA = "Erika Muster <erika@example.com>"
ANNA = "anna@example.com"
SENT: dict[str, Any] = {
    "transport": Transport.IMAP,
    "mailbox": "sent",
    "mailbox_role": MailboxRole.SENT,
    "uidvalidity": 1,
}


def test_an_answer_sent_by_hand_is_recorded_and_sends_nothing_to_the_requester(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.", headers={"Message-ID": "<first@example.com>"})
    before = len(desk.inbox("erika@example.com"))
    headers = {"In-Reply-To": "<first@example.com>", "References": "<first@example.com>"}
    row = desk.write(
        f"Help Desk <{DESK}>", "Try again now.", subject="Re: My VPN is down", to=ERIKA, headers=headers, uid=1, **SENT
    )
    assert row.outcome == "appended"
    assert desk.ticket()["messages"][-1]["as"] == "agent"
    assert "Try again now." in desk.last(ANNA, "agent_answered").text
    assert len(desk.inbox("erika@example.com")) == before
    assert desk.audit() == []


def test_our_own_copy_in_the_sent_folder_is_known(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    row = desk.receive(desk.last("erika@example.com").content, uid=2, **SENT)
    assert row.outcome == "filed"
    assert len(desk.ticket()["messages"]) == 1


def test_the_files_of_a_ticket_come_in_as_many_mails_as_they_need(desk: DeskUnderTest) -> None:
    big = bytes(range(256)) * 4096 * 9
    files = [("one.bin", big, "application/octet-stream"), ("two.bin", big + b"x", "application/octet-stream")]
    desk.write(ERIKA, "Two big files.", files=[*files, ("three.txt", b"small", "text/plain")])
    desk.answer(ANNA, desk.last(ANNA), "#files")
    mails = desk.inbox(ANNA, "result")
    names = [[part.get_filename() for part in mail.message.iter_attachments()] for mail in mails]
    assert names == [["one.bin"], ["two.bin", "three.txt"]]
    assert desk.inbox("erika@example.com", "answer") == []
