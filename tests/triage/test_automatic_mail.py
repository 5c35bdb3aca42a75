"""The table of automatic mail, row by row: a mail that hits and one that just misses, through the whole decision.

Two answers for each: what becomes of the mail, and whether it is acknowledged. docs/storms.md says the same in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from gateway.mail import Envelope, Transport
from gateway.parse import parse
from gateway.policy import Policy
from gateway.ticket import Status
from gateway.triage.decide import decide
from gateway.triage.decision import Decision, MoveStatus, Notice, PostMessage
from gateway.triage.facts import BouncedMail, Facts
from tests.triage.values import DESK, ERIKA, EVE, NOW, facts, key, policy, ticket

OPEN, FILED = "open", "file"
APPENDED = "append"
DSN = (
    "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
    "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n"
    "Final-Recipient: rfc822; x@example.net\nAction: {action}\nStatus: 5.1.1\n\n--b--\n"
)
MDN = (
    "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n"
    "--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; erika@example.com\n\n--b--\n"
)
ARF = (
    "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
    "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n\n--b--\n"
)
ICAL = "Content-Type: text/calendar; method={method}\n\nBEGIN:VCALENDAR\nMETHOD:{method}\nEND:VCALENDAR\n"
OURS = BouncedMail(outbox_id=1, notice="acknowledgement", recipient=ERIKA, ticket=1001, is_agent=False)
PROVEN: dict[str, Any] = {"keys": (key(),)}
MONITOR = '[[source]]\nname = "Monitoring"\nfrom = ["probe@example.com"]\n'


@dataclass(frozen=True, kw_only=True)
class Row:
    """One mail: its headers over the ordinary ones (or a whole body), what is known, and what must come of it."""

    headers: str = ""
    body: str = "\nThe door is broken.\n"
    sender: str = ERIKA
    to: str = DESK
    path: str | None = ERIKA
    known: dict[str, Any] | None = None
    rules: Policy | None = None
    becomes: str = OPEN
    acknowledged: bool = False


def many(count: int) -> str:
    return ", ".join(f"p{number}@example.com" for number in range(count))


TABLE: dict[str, Row] = {
    # A1: the null path
    "A1 nothing explains it": Row(path="", becomes="null-sender"),
    "A1 answers us": Row(path="", headers="In-Reply-To: <0@example.com>\n", known=PROVEN, becomes=APPENDED),
    "A1 misses: an ordinary path": Row(acknowledged=True),
    # A2: delivery reports
    "A2 failed": Row(
        path="",
        sender="mailer-daemon@mx.example.net",
        body=DSN.format(action="failed"),
        known={"bounced": (OURS,)},
        becomes=FILED,
    ),
    "A2 delayed": Row(
        path="",
        sender="mailer-daemon@mx.example.net",
        body=DSN.format(action="delayed"),
        known={"bounced": (OURS,)},
        becomes=FILED,
    ),
    "A2 not ours": Row(
        path="",
        sender="mailer-daemon@mx.example.net",
        body=DSN.format(action="failed"),
        becomes="bounce-unmatched",
    ),
    "A2 misses: a person asks about one": Row(headers="Subject: Undeliverable?\n", acknowledged=True),
    # A3: receipts, calendar answers, complaints
    "A3 receipt": Row(body=MDN, known=PROVEN, becomes=APPENDED),
    "A3 receipt for nothing": Row(body=MDN, becomes="receipt-unmatched"),
    "A3 calendar answer": Row(body=ICAL.format(method="REPLY"), known=PROVEN, becomes=APPENDED),
    "A3 misses: an invitation": Row(body=ICAL.format(method="REQUEST"), acknowledged=True),
    "A3 complaint": Row(body=ARF, becomes="abuse-report"),
    # A4, A5: Auto-Submitted
    "A4 replied": Row(headers="Auto-Submitted: auto-replied\n", known=PROVEN, becomes=APPENDED),
    "A4 replied to nothing": Row(headers="Auto-Submitted: auto-replied\n", becomes="auto-reply-unmatched"),
    "A4 generated": Row(headers="Auto-Submitted: auto-generated\n"),
    "A4 some other word": Row(headers="Auto-Submitted: auto-notified; why=x\n"),
    "A5 no": Row(headers="Auto-Submitted: No (really)\n", acknowledged=True),
    # A6: Precedence
    "A6 bulk": Row(headers="Precedence: Bulk\n"),
    "A6 junk, the other name": Row(headers="X-Precedence: junk\n"),
    "A6 misses: normal": Row(headers="Precedence: normal\n", acknowledged=True),
    # A7: lists
    "A7 to us": Row(headers="List-Id: <staff.example.org>\n"),
    "A7 not to us": Row(headers="List-Id: <staff.example.org>\n", to="staff@example.org", becomes="list"),
    "A7 misses: an own list": Row(
        headers="List-Id: Staff <staff.example.com>\nPrecedence: list\n",
        rules=policy('own_lists = ["staff.example.com"]'),
        acknowledged=True,
    ),
    "A7 an own list has another id": Row(
        headers="List-Id: Staff <staff.example.com.evil.example>\n", rules=policy('own_lists = ["staff.example.com"]')
    ),
    # A8: a wish
    "A8 all": Row(headers="X-Auto-Response-Suppress: All\n"),
    "A8 misses: reports only": Row(headers="X-Auto-Response-Suppress: DR, NDR, RN, NRN\n", acknowledged=True),
    # A9: responders of their own kind
    "A9": Row(headers="X-Autoreply: yes\n", known=PROVEN, becomes=APPENDED),
    "A9 to nothing": Row(headers="X-Autorespond: Away\n", becomes="auto-reply-unmatched"),
    "A9 misses: it says no": Row(headers="X-Autoreply: no\n", acknowledged=True),
    # A10: addresses that nobody reads
    "A10 no-reply": Row(sender="no-reply@example.com"),
    "A10 owner": Row(path="owner-staff@example.com"),
    "A10 postmaster": Row(sender="postmaster@example.com", becomes="bounce-unmatched"),
    "A10 misses": Row(sender="rootes@example.com", acknowledged=True),
    # A11, A12: our own
    "A11 from our address": Row(sender=DESK, known={"is_own": True}, becomes="own-mail"),
    "A11 with our mark": Row(known={"is_own": True, "has_own_mark": True}, becomes="own-mail"),
    "A12 a forged mark": Row(headers="X-Helpdesk-Gateway: 0123456789abcdef\n", acknowledged=True),
    # A13: hops
    "A13": Row(headers="Received: from a by b; x\n" * 51, becomes="hops"),
    "A13 misses": Row(headers="Received: from a by b; x\n" * 50, acknowledged=True),
    # A14: not addressed to us
    "A14": Row(to="somebody@example.com"),
    "A14 misses: Cc": Row(to="somebody@example.com", headers=f"Cc: {DESK}\n", acknowledged=True),
    "A14 misses: resent": Row(to="somebody@example.com", headers=f"Resent-To: {DESK}\n", acknowledged=True),
    # A15: outsiders
    "A15": Row(sender=EVE, path=EVE),
    "A15 misses: authenticated": Row(sender=EVE, path=EVE, known={"auth_trusted": True}, acknowledged=True),
    "A15 the option": Row(sender=EVE, path=EVE, rules=policy('acknowledge = "everyone"'), acknowledged=True),
    # A16: crowds
    "A16": Row(headers=f"Cc: {many(50)}\n"),
    "A16 misses": Row(headers=f"Cc: {many(49)}\n", acknowledged=True),
    # A17: out-of-office words, and it answers an automatic mail of ours
    "A17": Row(
        headers="Subject: Automatic reply: [INC-1001] VPN\nIn-Reply-To: <0@example.com>\n",
        known=PROVEN,
        becomes=APPENDED,
    ),
    "A17 misses: a topic": Row(headers="Subject: Out of office is broken\n", acknowledged=True),
    # A19: spam flags
    "A19": Row(headers="X-Spam-Flag: YES\n", becomes="spam"),
    "A19 misses: it is none": Row(headers="X-Spam-Flag: NO\n", acknowledged=True),
    "A19 misses: not a header that is believed": Row(
        headers="X-Spam-Flag: YES\n", rules=policy('spam_headers = ["X-Our-Filter: spam"]'), acknowledged=True
    ),
    "A19 our own filter": Row(
        headers="X-Our-Filter: Spam, 9.1\n", rules=policy('spam_headers = ["X-Our-Filter: spam"]'), becomes="spam"
    ),
    # A20: nothing speaks against it
    "A20": Row(acknowledged=True),
    # Machines that the policy names
    "source": Row(sender="probe@example.com", path="", rules=policy(more=MONITOR)),
    "source misses": Row(sender="probes@example.com", rules=policy(more=MONITOR), acknowledged=True),
}


def decided(row: Row) -> Decision:
    subject = "" if "Subject:" in row.headers else "Subject: Door\n"
    raw = f"From: {row.sender}\nTo: {row.to}\nMessage-ID: <1@client.example>\n{subject}{row.headers}{row.body}"
    mail = parse(raw.replace("\n", "\r\n").encode(), own_addresses=(DESK,))
    envelope = Envelope(transport=Transport.SMTP, received_at=NOW, reverse_path=row.path, recipients=(DESK,))
    known: Facts = facts(named_tickets=(ticket(status=Status.RESOLVED),), **(row.known or {}))
    return decide(mail, envelope, known, row.rules or policy())


@pytest.mark.parametrize("name", TABLE)
def test_each_row_of_the_table_and_what_just_misses_it(name: str) -> None:
    row = TABLE[name]
    decision = decided(row)
    assert (decision.quarantine_code or decision.action.value) == row.becomes
    assert decision.acknowledges is row.acknowledged
    if row.becomes == APPENDED:
        assert not [change for change in decision.changes if isinstance(change, MoveStatus)], "it reopens nothing"
        assert [change.author_role for change in decision.changes if isinstance(change, PostMessage)] == ["automatic"]


def test_nobody_of_a_crowd_in_cc_follows_the_ticket() -> None:
    decision = decided(TABLE["A16"])
    told = {change.to.address for change in decision.changes if isinstance(change, Notice)}
    assert not [address for address in told if address.startswith("p")]


def test_every_row_of_the_table_is_tried() -> None:
    numbers = {name.split()[0] for name in TABLE if name.startswith("A")}
    # A18, the same mail twice, is decided at the door: tests/intake and tests/desk have it.
    assert numbers == {f"A{number}" for number in range(1, 21)} - {"A18"}
