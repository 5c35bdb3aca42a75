"""What the servers before the desk do to a mail of `gateway doctor` decides whether Authentication-Results count."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from gateway.desk.border import border_records, border_troubles
from gateway.doctor import BorderMail, make_test_mails
from gateway.mail import Transport
from gateway.policy import Policy
from gateway.store.database import connection
from gateway.store.tables import Ledger
from tests.desk.harness import DESK, DeskUnderTest, policy_of

ANNA = "anna@example.com"
GENUINE = b"Authentication-Results: mx.example.com; spf=none smtp.mailfrom=; dmarc=fail header.from=example.com\r\n"
PASS = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}
# The listener that the harness has not proven.
WAY: dict[str, Any] = {"transport": Transport.SMTP, "peer": "192.0.2.25"}


def mails(desk: DeskUnderTest) -> tuple[BorderMail, BorderMail]:
    return make_test_mails(desk.policy, sender="probe@outside.example", secrets=desk.secrets, now=desk.now)


def stripped(content: bytes) -> bytes:
    """What a good server makes of it: every header of its own name out, its own one in."""
    return GENUINE + re.sub(rb"Authentication-Results:[^\r]*(?:\r\n[ \t][^\r]*)*\r\n", b"", content)


def arrives(desk: DeskUnderTest, mail: BorderMail, content: bytes, **way: Any) -> Ledger:
    return desk.receive(content, **{"reverse_path": "", "recipients": (mail.recipient,)} | WAY | way)


def records(desk: DeskUnderTest) -> dict[str, Any]:
    with connection(desk.database):
        found = border_records(desk.policy, now=desk.now)
    return {f"{one['intake']}: {one['test']}": one for one in found if one["intake"] != "smtp"}


def troubles(desk: DeskUnderTest) -> str:
    with connection(desk.database):
        return "\n".join(border_troubles(desk.policy, now=desk.now))


def is_believed(desk: DeskUnderTest, **way: Any) -> bool:
    """Whether Anna's mail acts by its Authentication-Results, on a ticket of its own."""
    desk.write("erika@example.com", "It drops.", subject=f"Matter {desk.now}")
    number = max(int(found) for found in re.findall(r"INC-(\d+)", " ".join(one.subject for one in desk.sent)))
    row = desk.write(ANNA, "#take", subject=f"[INC-{number}]", headers=PASS, **WAY | way)
    return row.outcome == "appended"


def test_the_header_counts_after_a_passed_test_and_only_for_that_way(desk: DeskUnderTest) -> None:
    forged, bare = mails(desk)
    assert not is_believed(desk)
    row = arrives(desk, forged, stripped(forged.content))
    assert (row.outcome, row.ticket) == ("filed", None)
    arrives(desk, bare, GENUINE + bare.content.replace(b"\r\n", b"\n").replace(b"\r", b" ").replace(b"\n", b"\r\n"))
    found = records(desk)
    assert found["smtp from 192.0.2.25: forged headers"]["findings"] == {
        "forged-removed": True,
        "no-smuggling": True,
        "genuine-present": True,
        "plus-address": True,
        "null-sender": True,
    }
    assert found["smtp from 192.0.2.25: bare CR"]["passed"]
    assert is_believed(desk)
    assert not is_believed(desk, peer="192.0.2.26")
    assert not is_believed(desk, transport=Transport.IMAP, mailbox="support", peer="")
    assert desk.audit() == []


def test_the_header_of_another_server_does_not_count(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    desk = make_desk(policy_of())
    forged, _ = mails(desk)
    arrives(desk, forged, stripped(forged.content))
    other = policy_of().desk.model_copy(update={"trusted_authserv_id": "mx2.example.com"})
    desk.policy = policy_of().__class__(**{**vars_of(desk.policy), "desk": other})
    assert not is_believed(desk)
    assert "not believed before" in troubles(desk)


def vars_of(policy: Policy) -> dict[str, Any]:
    names = ("version", "defaults", "teams", "agents", "rules", "matrix", "limits", "sources", "trust")
    return {name: getattr(policy, name) for name in names}


def test_a_server_that_lets_forged_headers_through_is_not_believed(desk: DeskUnderTest) -> None:
    forged, _ = mails(desk)
    arrives(desk, forged, GENUINE + forged.content)
    found = records(desk)["smtp from 192.0.2.25: forged headers"]
    assert (found["passed"], found["findings"]["forged-removed"]) == (False, False)
    assert not is_believed(desk)
    assert "forged Authentication-Results get through" in troubles(desk)


def test_one_shape_that_gets_through_is_enough(desk: DeskUnderTest) -> None:
    forged, _ = mails(desk)
    for shape in (b"MX.EXAMPLE.COM;", b"(a comment) mx", b"mx.example.com 1;", b'"mx.example.com"', b"\t"):
        kept = re.findall(rb"Authentication-Results:.*?\r\n(?![ \t])", forged.content, re.DOTALL)
        one = next(line for line in kept if shape in line)
        arrives(desk, forged, one + stripped(forged.content))
        assert not records(desk)["smtp from 192.0.2.25: forged headers"]["passed"], shape


def test_a_server_that_makes_headers_of_a_bare_cr_is_not_believed(desk: DeskUnderTest) -> None:
    forged, bare = mails(desk)
    arrives(desk, forged, stripped(forged.content))
    arrives(desk, bare, GENUINE + bare.content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n"))
    assert not is_believed(desk)


@pytest.mark.parametrize("broken", ["nothing", "twice", "unsound"])
def test_without_one_genuine_header_nothing_is_proven(desk: DeskUnderTest, broken: str) -> None:
    forged, _ = mails(desk)
    content = stripped(forged.content)
    before = {"nothing": content.removeprefix(GENUINE), "twice": GENUINE + content}
    arrives(desk, forged, before.get(broken, content.replace(b"dmarc=fail", b"dmarc=fail (")))
    assert not records(desk)["smtp from 192.0.2.25: forged headers"]["findings"]["genuine-present"]
    assert not is_believed(desk)


def test_what_a_server_does_to_address_and_sender_is_told(desk: DeskUnderTest) -> None:
    forged, _ = mails(desk)
    arrives(desk, forged, stripped(forged.content), recipients=(DESK,), reverse_path="bounce@mx.example.com")
    found = records(desk)["smtp from 192.0.2.25: forged headers"]
    assert not found["findings"]["plus-address"]
    assert not found["findings"]["null-sender"]
    assert found["passed"]


def test_a_proof_grows_old(desk: DeskUnderTest) -> None:
    forged, _ = mails(desk)
    arrives(desk, forged, stripped(forged.content))
    desk.wait(days=80)
    assert "expires on" in troubles(desk)
    desk.wait(days=11)
    assert "too old" in troubles(desk)
    assert not is_believed(desk)


def test_a_test_mail_counts_for_a_week_and_only_with_our_key(desk: DeskUnderTest) -> None:
    forged, _ = mails(desk)
    other = forged.content.replace(b"X-Helpdesk-Gateway-Doctor: a", b"X-Helpdesk-Gateway-Doctor: b")
    assert other != forged.content
    arrives(desk, forged, stripped(other))
    desk.wait(days=8)
    arrives(desk, forged, stripped(forged.content))
    assert records(desk) == {}


def test_a_desk_that_trusts_nobody_believes_nobody(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    desk = make_desk(policy_of())
    quiet = desk.policy.desk.model_copy(update={"trusted_authserv_id": ""})
    desk.policy = desk.policy.__class__(**{**vars_of(desk.policy), "desk": quiet})
    forged, _ = mails(desk)
    arrives(desk, forged, stripped(forged.content))
    assert not is_believed(desk)
    assert troubles(desk) == ""
