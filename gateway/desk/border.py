"""Who vouches for a sender: the border of the organisation, where `gateway doctor` has seen that it can be believed.

Anybody can write an Authentication-Results header (RFC 8601); it is worth something only where the server that is named
in `trusted_authserv_id` takes forged ones out. That is not assumed: a mail of `gateway doctor` with forged headers has
to have come in by the same way (`intake`: a mailbox, or a listener and the server that talks to it) in the last
`proof_days`, and without them. Until then the header is shown and never believed.

Reads and writes the tables `border_proof` and `seen_signature`; nothing here raises for what a mail contains.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from gateway.keys import DOCTOR_HEADER, Purpose, plus_suffix, unseal
from gateway.mail import AuthResults, Envelope, Mail, Signature, Transport
from gateway.policy import Policy
from gateway.store.rows import execute, find, find_all, insert, insert_if_new, update
from gateway.store.running_tables import SeenSignature
from gateway.store.tables import BorderProof
from gateway.triage.facts import BorderTest, SignatureFact

FORGED, BARE_CR = 1, 2
TEST_AGE = timedelta(days=7)
# The header that a bare CR in another one makes where a server takes it for the end of a line.
SMUGGLED_HEADER = "X-Helpdesk-Gateway-Smuggled"
# Without these a test has not passed; the others are worth knowing.
_NEEDED = frozenset({"forged-removed", "genuine-present", "no-smuggling"})
_NAMES = {Transport.SMTP: "smtp", Transport.LMTP: "lmtp", Transport.PIPE: "the pipe"}
_WARN_DAYS = 14
_DATE_AGE, _DATE_AHEAD = timedelta(days=5), timedelta(hours=12)


def intake_of(envelope: Envelope) -> str:
    """The way by which a mail came in: what is proven for one way says nothing about another."""
    if envelope.transport in (Transport.IMAP, Transport.IMPORT):
        return f"the mailbox {envelope.mailbox}"
    name = _NAMES.get(envelope.transport, "a file")
    return f"{name} from {envelope.peer}" if envelope.peer else name


def vouched_by(mail: Mail, envelope: Envelope, policy: Policy, *, now: datetime) -> str:
    """What vouches for the address in From, in words; "" where nothing does."""
    if mail.sender is None or mail.sender_defects:
        return ""
    address = mail.sender.address
    if envelope.authenticated and policy.is_own_domain(address) and envelope.reverse_path == address:
        return "it came through the listener for users who have proven who they are"
    said = _said_at_the_border(mail, policy)
    what = _what_it_says(said, address, policy) if said is not None else ""
    if said is not None and what and is_proven(envelope, policy, now=now):
        return f"{said.authserv_id} says {what}"
    return ""


def believed_results(mail: Mail, envelope: Envelope, policy: Policy, *, now: datetime) -> AuthResults | None:
    """The Authentication-Results header that is believed, whatever it says; None where none is."""
    said = _said_at_the_border(mail, policy)
    return said if said is not None and is_proven(envelope, policy, now=now) else None


def _said_at_the_border(mail: Mail, policy: Policy) -> AuthResults | None:
    """The one sound header in the name of our own mail server; not yet proven to be its."""
    trusted = policy.desk.trusted_authserv_id.lower()
    said = [one for one in mail.authentications if trusted and one.authserv_id == trusted]
    return said[0] if len(said) == 1 and said[0].sound else None


def check_signature(mail: Mail, policy: Policy, *, now: datetime, ledger_id: int | None) -> SignatureFact | None:
    """Whether the mail's own DKIM signature vouches for it, now and for the first time; None where nobody looked.

    A copy of a signed mail verifies as well as the mail: one that is old, was sent to somebody else, or was believed
    before, proves nothing. Message-ID and domain name it, for the signature itself can be written in several ways.
    """
    signature = mail.signature
    if signature is None:
        return None
    why = signature.why_not or _why_not_now(mail, signature, policy, now=now)
    if why:
        return SignatureFact(words=f"its DKIM signature proves nothing: {why}")
    # The author's domain, not the one that signed: of two good signatures a copy may have lost one.
    domain = signature.address.rpartition("@")[2]
    digest = hashlib.sha256(f"{domain}\0{mail.message_id}".encode()).digest()
    seen = find(SeenSignature, "digest = ?", digest)
    if seen is not None and seen.ledger_id != ledger_id:
        return SignatureFact(words=f"its DKIM signature proves nothing: it was seen before, in mail {seen.ledger_id}")
    return SignatureFact(words=f"we have verified the DKIM signature of {signature.domain}", digest=digest)


def _why_not_now(mail: Mail, signature: Signature, policy: Policy, *, now: datetime) -> str:
    if mail.sender is None or mail.sender.address != signature.address or not mail.message_id:
        return "it is another mail's"
    if mail.date is None or not -_DATE_AHEAD <= now - mail.date <= _DATE_AGE:
        return "its Date is not of the last five days"
    named = (*mail.to, *(mail.cc if "cc" in signature.covered else ()))
    if not any(policy.is_desk_address(one.address) for one in named):
        return "it was not sent to the desk, as far as it is signed"
    return ""


def remember_signature(fact: SignatureFact, *, ledger_id: int, now: datetime) -> None:
    """From now on copies of this mail are not believed."""
    insert_if_new(SeenSignature, digest=fact.digest, ledger_id=ledger_id, seen_at=now)


def forget_signatures(*, now: datetime) -> int:
    """Forget the mails whose Date is too old by now to be believed; how many they were."""
    return execute("DELETE FROM seen_signature WHERE seen_at <= ?", now - _DATE_AGE - 2 * _DATE_AHEAD)


def _what_it_says(said: AuthResults, address: str, policy: Policy) -> str:
    """Whether the header vouches for this very address."""
    local, _, domain = address.rpartition("@")
    if said.dmarc == "pass" and said.header_from == domain:
        return f"dmarc=pass for {domain}"
    # A login without a domain is one of our own users.
    if said.submitter and (said.submitter == address or (said.submitter == local and policy.is_own_domain(address))):
        return f"auth=pass for {said.submitter}"
    return ""


def is_proven(envelope: Envelope, policy: Policy, *, now: datetime) -> bool:
    """Whether a test of the border has passed on the mail's way in, and is not too old.

    A file that is only explained may have come in by any way.
    """
    authserv_id = policy.desk.trusted_authserv_id.lower()
    condition, values = "authserv_id = ?", [authserv_id]
    if envelope.transport is not Transport.FILE:
        condition, values = condition + " AND intake = ?", [authserv_id, intake_of(envelope)]
    rows = find_all(BorderProof, condition, *values)
    failed = {row.intake for row in rows if not row.passed}
    since = now - timedelta(days=policy.trust.proof_days)
    return any(row.number == FORGED and row.intake not in failed and row.tested_at > since for row in rows)


def read_border_test(
    mail: Mail, envelope: Envelope, policy: Policy, *, now: datetime, secrets: Mapping[int, bytes]
) -> BorderTest | None:
    """What a mail of `gateway doctor` shows on arrival; None for every other mail."""
    sealed = mail.header(DOCTOR_HEADER.lower()).strip()
    key = unseal(sealed, purpose=Purpose.DOCTOR, secrets=secrets) if sealed else None
    if key is None or key.ticket not in (FORGED, BARE_CR) or now.date() - key.issued_on > TEST_AGE:
        return None
    trusted = policy.desk.trusted_authserv_id.lower()
    forged = [value for value in mail.all_headers("authentication-results") if sealed in value.lower()]
    said = [one for one in mail.authentications if one.authserv_id == trusted]
    addresses = (*envelope.recipients, *mail.delivered_to)
    findings = {"forged-removed": not forged, "no-smuggling": not mail.header(SMUGGLED_HEADER.lower())}
    if key.ticket == FORGED:
        findings |= {
            "genuine-present": bool(trusted) and len(said) == 1 and said[0].sound and not forged,
            "plus-address": any(plus_suffix(address) == sealed for address in addresses),
            "null-sender": (envelope.reverse_path if envelope.reverse_path is not None else mail.return_path) == "",
        }
    return BorderTest(
        number=key.ticket, intake=intake_of(envelope), authserv_id=trusted, findings=tuple(findings.items())
    )


def record_border_test(test: BorderTest, *, now: datetime) -> None:
    """Remember a test; a newer one of the same way takes the place of the one before."""
    findings = dict(test.findings)
    values = {
        "tested_at": now,
        "passed": all(good for name, good in findings.items() if name in _NEEDED),
        "findings": findings,
    }
    key = (test.intake, test.authserv_id, test.number)
    if find(BorderProof, "intake = ? AND authserv_id = ? AND number = ?", *key) is None:
        insert(BorderProof, intake=key[0], authserv_id=key[1], number=key[2], **values)
    else:
        update(BorderProof, values, "intake = ? AND authserv_id = ? AND number = ?", *key)


def border_records(policy: Policy, *, now: datetime) -> list[dict[str, Any]]:
    """Every test that was recorded, for `gateway doctor` and `status`; `counts` says whether it makes us believe."""
    trusted = policy.desk.trusted_authserv_id.lower()
    rows = list(BorderProof.select().order_by(BorderProof.intake, BorderProof.number))
    return [
        {
            "intake": row.intake,
            "authserv_id": row.authserv_id,
            "test": "forged headers" if row.number == FORGED else "bare CR",
            "tested": row.tested_at,
            "expires": row.tested_at + timedelta(days=policy.trust.proof_days),
            "passed": row.passed,
            "counts": bool(trusted) and row.authserv_id == trusted and row.passed and _is_young(row, policy, now),
            "findings": dict(row.findings),
        }
        for row in rows
    ]


def _is_young(row: Any, policy: Policy, now: datetime) -> bool:
    return bool(row.tested_at > now - timedelta(days=policy.trust.proof_days))


def border_troubles(policy: Policy, *, now: datetime) -> Iterator[str]:
    """What an operator should know: nothing is believed yet, a test has failed, or one expires soon."""
    if policy.trust.verify_dkim and not all(map(importlib.util.find_spec, ("dkim", "dns", "nacl", "publicsuffixlist"))):
        yield "[trust] verify_dkim: not installed, so nothing is verified (pip install helpdesk-gateway[dkim])"
    trusted = policy.desk.trusted_authserv_id.lower()
    if not trusted:
        return
    records = [one for one in border_records(policy, now=now) if one["authserv_id"] == trusted]
    failed = {one["intake"] for one in records if not one["passed"]}
    for intake in sorted(failed):
        yield f"{intake}: forged Authentication-Results get through, so none is believed (gateway doctor)"
    passed = [one for one in records if one["test"] == "forged headers" and one["intake"] not in failed]
    if not passed and not failed:
        yield f"Authentication-Results of {trusted} are not believed before `gateway doctor` has passed"
    for one in passed:
        if not one["counts"]:
            yield f"{one['intake']}: the test of Authentication-Results is too old, none is believed (gateway doctor)"
        elif one["expires"] - now < timedelta(days=_WARN_DAYS):
            yield f"{one['intake']}: the test of Authentication-Results expires on {one['expires']:%Y-%m-%d}"
