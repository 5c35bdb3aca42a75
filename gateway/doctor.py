"""The mails of `gateway doctor`: what do the servers before the desk do to a forged mail from outside?

The operator sends them from outside; a running gateway knows them by their key and writes down what was left of them
(`desk.border`). The first carries forged Authentication-Results in several shapes, a plus address and the null sender;
the second a header with a bare CR, which some servers take for the end of a line and others refuse. The mails are only
made here, never sent: from inside they would prove nothing.
"""

from __future__ import annotations

import secrets as chance
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from gateway.desk.border import BARE_CR, FORGED, SMUGGLED_HEADER
from gateway.keys import DOCTOR_HEADER, Purpose, ReplyKey, issue_day, plus_address, seal
from gateway.policy import Policy
from gateway.ticket import Role

_NAMES = {FORGED: "forged.eml", BARE_CR: "bare-cr.eml"}
_SAYS = "dmarc=pass (p=reject) header.from={domain}; spf=pass smtp.mailfrom={domain}; dkim=pass header.d={domain}"
_BODY = (
    "`gateway doctor` has made this mail. It was sent from outside, to see what the mail servers do to it.",
    "Nobody needs to answer, and it may be deleted.",
    "",
)


@dataclass(frozen=True, kw_only=True)
class BorderMail:
    """One mail to send from outside; `content` has CRLF lines."""

    name: str
    recipient: str
    content: bytes


def make_test_mails(
    policy: Policy, *, sender: str, secrets: Mapping[int, bytes], now: datetime
) -> tuple[BorderMail, BorderMail]:
    """The two mails, for the desk of this policy and its `trusted_authserv_id`; they count for a week."""
    return _make(FORGED, policy, sender, secrets, now), _make(BARE_CR, policy, sender, secrets, now)


def _make(number: int, policy: Policy, sender: str, secrets: Mapping[int, bytes], now: datetime) -> BorderMail:
    newest = max(secrets)
    nonce = ReplyKey(ticket=number, person=chance.randbelow(2**40), role=Role.AGENT, issued_on=issue_day(now))
    key = seal(nonce, purpose=Purpose.DOCTOR, secret_id=newest, secret=secrets[newest])
    desk = policy.desk.address
    trusted = policy.desk.trusted_authserv_id or "no.server.is.trusted.invalid"
    says = _SAYS.format(domain=sender.rpartition("@")[2])
    odd: list[str] = []
    if number == FORGED:
        # A server that knows its name in one of these shapes only takes out what we read as the same name.
        shapes = (
            trusted,
            trusted.upper(),
            f"(a comment) {trusted}",
            f"{trusted} 1",
            f'"{trusted}"',
            f"{trusted}\r\n\t",
        )
        odd = [f'Authentication-Results: {shape}; {says} reason="{key}"' for shape in shapes]
    else:
        odd = [
            f"X-Helpdesk-Gateway-Bare: here\r{SMUGGLED_HEADER}: {key}"
            f'\rAuthentication-Results: {trusted}; {says} reason="{key}"'
        ]
    lines = [
        *odd,
        f"From: {sender}",
        f"To: {desk}",
        f"Subject: Test of the help desk's border {key[-8:]}",
        f"Date: {format_datetime(now)}",
        f"Message-ID: <{chance.token_hex(16)}@{sender.rpartition('@')[2]}>",
        "Auto-Submitted: auto-generated",
        f"{DOCTOR_HEADER}: {key}",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        *_BODY,
    ]
    plus = policy.desk.plus_addresses and number == FORGED
    return BorderMail(
        name=_NAMES[number],
        recipient=plus_address(desk, key) if plus else desk,
        content="\r\n".join(lines).encode("ascii", "replace"),
    )


def swaks_line(mail: BorderMail, file: str, *, server: str) -> str:
    """How to send it with swaks; that leaves a bare CR alone, and adds the dot at the end."""
    return f"swaks --server {server} --from '<>' --to '{mail.recipient}' --data @{file}"
