"""The mail of `gateway check --connect` in a running desk: known by its key, filed, and nothing for anybody to do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.roundtrip import Probe, make_probe
from gateway.store.states import LedgerState, Outcome
from gateway.store.tables import Ledger
from tests.desk.harness import DESK, DeskUnderTest


def probe_of(
    desk: DeskUnderTest, *, secret: bytes | None = None, plus: bool = True, age: timedelta = timedelta(0)
) -> Probe:
    number = max(desk.secrets)
    return make_probe(DESK, plus=plus, secret_id=number, secret=secret or desk.secrets[number], now=desk.now - age)


def without(content: bytes, name: bytes) -> bytes:
    return b"".join(line for line in content.splitlines(keepends=True) if not line.startswith(name))


def reason_codes(row: Ledger) -> list[str]:
    return [code for code, _ in row.decision["reasons"]]


@pytest.mark.parametrize("plus", [True, False])
def test_a_probe_is_filed_and_answered_by_nobody(desk: DeskUnderTest, plus: bool) -> None:
    probe = probe_of(desk, plus=plus)
    row = desk.receive(probe.content, reverse_path=probe.reverse_path, recipients=(probe.recipient,))
    assert (row.state, row.outcome, row.ticket_id) == (LedgerState.DONE, Outcome.FILED, None)
    assert "probe" in reason_codes(row)
    assert desk.sent == []


@pytest.mark.parametrize("lost", [b"X-Helpdesk-Gateway-Probe", b"Message-ID", b"To"])
def test_a_probe_is_known_by_what_a_server_has_left_of_it(desk: DeskUnderTest, lost: bytes) -> None:
    probe = probe_of(desk)
    row = desk.receive(without(probe.content, lost), recipients=(probe.recipient,))
    assert row.outcome == Outcome.FILED


def test_a_report_about_a_probe_is_filed_too(desk: DeskUnderTest) -> None:
    probe = probe_of(desk)
    report = (
        f"From: MAILER-DAEMON@mx.example.net\r\nTo: {probe.recipient}\r\nSubject: Undelivered\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n'
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\n\r\n"
        f"Final-Recipient: rfc822; {probe.recipient}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
    )
    row = desk.receive(report.encode(), reverse_path="", recipients=(probe.recipient,))
    assert row.outcome == Outcome.FILED


def test_a_key_that_we_did_not_seal_makes_no_probe(desk: DeskUnderTest) -> None:
    probe = probe_of(desk, secret=b"a stranger's secret, 32 bytes long")
    row = desk.receive(probe.content, recipients=(probe.recipient,))
    assert (row.state, row.reason_code) == (LedgerState.QUARANTINED, "own-mail")


def test_an_old_probe_is_known_no_more(desk: DeskUnderTest) -> None:
    probe = probe_of(desk, age=timedelta(days=8))
    row = desk.receive(probe.content, recipients=(probe.recipient,))
    assert row.state == LedgerState.QUARANTINED


def test_a_person_who_answers_a_probe_is_heard(desk: DeskUnderTest) -> None:
    probe = probe_of(desk)
    headers = {"In-Reply-To": probe.message_id, "References": probe.message_id}
    row = desk.write(
        "erika@example.com",
        "What is this?",
        subject=f"Re: {probe.subject}",
        to=probe.recipient,
        headers=headers,
        recipients=(probe.recipient,),
    )
    assert row.outcome == Outcome.OPENED
