"""Our own check of DKIM signatures: only the plain one is believed, and once."""

from __future__ import annotations

import base64
import importlib.util
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dkim
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import nacl.encoding
import nacl.signing
import pytest

from gateway.desk.border import border_troubles, check_signature, forget_signatures, remember_signature
from gateway.dkim_proof import LookupFailed, Names, Signers, look_at, organisation, resolve_txt
from gateway.explain import Explainer
from gateway.mail import Signature
from gateway.parse import parse
from gateway.parsing import Parser
from gateway.policy import Policy
from gateway.store.database import connection, transaction
from gateway.store.running_tables import SeenSignature
from gateway.store.tables import Ledger
from tests.desk.harness import DESK, DeskUnderTest, policy_of

ANNA = "anna@example.com"
ON = "[trust]\nverify_dkim = true"
COVERED = (
    *("from", "to", "subject", "date", "message-id", "in-reply-to", "references", "reply-to"),
    *("mime-version", "content-type", "content-transfer-encoding"),
)


def _key(bits: int) -> tuple[bytes, bytes]:
    """A private key in PEM, and the record of its public one."""
    private = subprocess.run(["openssl", "genrsa", str(bits)], check=True, capture_output=True).stdout
    asked = ["openssl", "rsa", "-pubout", "-outform", "DER"]
    public = subprocess.run(asked, input=private, check=True, capture_output=True).stdout
    return private, b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


def _small_key() -> tuple[bytes, bytes]:
    """An Ed25519 key as the library signs with it, and the record of its public one (RFC 8463 §4.2)."""
    private = nacl.signing.SigningKey.generate()
    public = private.verify_key.encode(nacl.encoding.Base64Encoder)
    return private.encode(nacl.encoding.Base64Encoder), b"v=DKIM1; k=ed25519; p=" + public


@pytest.fixture(scope="module")
def keys() -> dict[str, bytes]:
    """Private keys by selector, and public records by name."""
    good, good_record = _key(1024)
    short, short_record = _key(512)
    small, small_record = _small_key()
    return {
        "good": good,
        "short": short,
        "small": small,
        "swapped": small,
        "testing": good,
        "good._domainkey.example.com": good_record,
        "testing._domainkey.example.com": good_record + b"; t=s:y",
        "short._domainkey.example.com": short_record,
        "small._domainkey.example.com": small_record,
        "swapped._domainkey.example.com": good_record,
        "good._domainkey.evil.example": good_record,
        "good._domainkey.evil.co.uk": good_record,
        "good._domainkey.co.uk": good_record,
        "_dmarc.co.uk": b"v=DMARC1; p=none",
        "_dmarc.corp.co.uk": b"v=DMARC1; p=none",
        "good._domainkey.sub.example.com": good_record,
    }


RFC_8463 = b"""\
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
"""


class Signer:
    """Signs as an agent's mail server does; each argument makes one hole."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        self._keys = keys

    def __call__(
        self,
        raw: bytes,
        *,
        selector: str = "good",
        domain: str = "example.com",
        part_only: bool = False,
        leaves_out: tuple[str, ...] = (),
    ) -> bytes:
        covered = [name.encode() for name in COVERED if name not in leaves_out]
        signature = dkim.DKIM(raw).sign(
            selector.encode(),
            domain.encode(),
            self._keys[selector],
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=covered,
            length=part_only,
            signature_algorithm=b"ed25519-sha256" if selector in ("small", "swapped") else b"rsa-sha256",
        )
        return bytes(signature) + raw


@pytest.fixture(scope="module")
def sign(keys: dict[str, bytes]) -> Signer:
    return Signer(keys)


@pytest.fixture
def desk(database_url: str, parser: Parser, tmp_path: Path, keys: dict[str, bytes]) -> DeskUnderTest:
    made = DeskUnderTest(database_url, parser=parser, scratch=tmp_path, policy=policy_of(more=ON), lookup=keys.get)
    made.write("Erika <erika@example.com>", "It drops.")
    made.sent.clear()
    made.now += timedelta(minutes=5)
    return made


def commands(desk: DeskUnderTest, *, to: str = DESK, **headers: str) -> bytes:
    return desk.mail(ANNA, "#resolve It works again.", subject="Re: [INC-1001] My VPN is down", to=to, headers=headers)


def outcome(row: Ledger) -> str:
    return row.reason_code or row.outcome


def reasons(row: Ledger) -> str:
    return "\n".join(text for _, text in row.decision["reasons"])


def test_the_plain_one_is_trusted_and_once(desk: DeskUnderTest, sign: Signer) -> None:
    raw = sign(commands(desk))
    first = desk.receive(raw)
    assert outcome(first) == "appended"
    assert "verified the DKIM signature of example.com" in reasons(first)
    assert desk.ticket()["status"] == "resolved"
    # An unsigned header makes another mail of it; the signature holds all the same.
    again = desk.receive(b"Cc: eve@evil.example\r\n" + raw)
    assert outcome(again) == "agent-unproven"
    assert f"seen before, in mail {first.id}" in reasons(again)
    assert desk.audit() == []


def test_an_ed25519_signature_is_trusted(desk: DeskUnderTest, sign: Signer) -> None:
    row = desk.receive(sign(commands(desk), selector="small"))
    assert outcome(row) == "appended", reasons(row)
    assert "verified the DKIM signature of example.com" in reasons(row)


def test_the_example_of_rfc_8463_verifies() -> None:
    """Appendix A; how old its Date is, only the desk asks."""
    raw = RFC_8463.replace(b"\n", b"\r\n")
    key = b"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    signers = Signers(
        addresses=frozenset({"joe@football.example.com"}), lookup={"brisbane._domainkey.football.example.com": key}.get
    )
    found = look_at(raw, parse(raw), signers, Names())
    assert found == Signature(
        address="joe@football.example.com",
        domain="football.example.com",
        covered=frozenset({"from", "to", "subject", "date", "message-id"}),
    )


def _prepend(header: bytes) -> Callable[[bytes, Signer], bytes]:
    return lambda raw, sign: header + b"\r\n" + sign(raw, leaves_out=("in-reply-to", "references", "reply-to"))


def _rewritten(raw: bytes, old: bytes, new: bytes) -> bytes:
    assert old in raw
    return raw.replace(old, new, 1)


HOLES: dict[str, tuple[Callable[[bytes, Signer], bytes], str]] = {
    "words behind l=": (lambda raw, sign: sign(raw, part_only=True) + b"#close\r\n", "part of the body"),
    "a second Subject": (_prepend(b"Subject: Re: [INC-1001] Other"), "more than one way"),
    "an In-Reply-To added": (_prepend(b"In-Reply-To: <x@example.com>"), "leaves out in-reply-to"),
    "References added": (_prepend(b"References: <x@example.com>"), "leaves out references"),
    "a Reply-To added": (_prepend(b"Reply-To: eve@evil.example"), "leaves out reply-to"),
    "a key for testing": (lambda raw, sign: sign(raw, selector="testing"), "for testing"),
    "a foreign domain": (lambda raw, sign: sign(raw, domain="evil.example"), "own domain"),
    "a subdomain": (lambda raw, sign: sign(raw, domain="sub.example.com"), "no DMARC policy of example.com"),
    "a short key": (lambda raw, sign: sign(raw, selector="short"), "fewer than 1024 bits"),
    "an algorithm that is broken": (
        lambda raw, sign: sign(raw).replace(b"a=rsa-sha256", b"a=rsa-sha1"),
        "neither rsa-sha256 nor ed25519-sha256",
    ),
    "an Ed25519 signature's bit": (
        lambda raw, sign: _rewritten(sign(raw, selector="small"), b"is down", b"is odd!"),
        "does not fit",
    ),
    "a key of another algorithm": (lambda raw, sign: sign(raw, selector="swapped"), "does not fit"),
    "another subject": (lambda raw, sign: _rewritten(sign(raw), b"is down", b"is odd!"), "does not fit"),
    "another body": (lambda raw, sign: sign(raw) + b"#close\r\n", "does not fit"),
    "To left out": (lambda raw, sign: sign(raw, leaves_out=("to",)), "leaves out to"),
    "another reading of the body": (lambda raw, sign: sign(raw, leaves_out=("content-type",)), "leaves out content-t"),
    "no key": (lambda raw, sign: sign(raw).replace(b"s=good", b"s=none"), "publishes no such key"),
    "three others on top": (
        lambda raw, sign: b"DKIM-Signature: v=1; d=evil.example\r\n" * 3 + sign(raw),
        "malformed",
    ),
    "a line without end": (lambda raw, sign: sign(raw + b" " * 5000 + b"\r\n"), "too long"),
    "a mail of two megabytes": (lambda raw, sign: sign(raw + b"0123456789\r\n" * 180_000), "larger than 1 MiB"),
    "none": (lambda raw, sign: raw, "no DKIM signature"),
}


@pytest.mark.parametrize("hole", HOLES)
def test_no_hole_is_trusted(hole: str, desk: DeskUnderTest, sign: Signer) -> None:
    make, why = HOLES[hole]
    row = desk.receive(make(commands(desk), sign))
    assert outcome(row) == "agent-unproven", reasons(row)
    assert why in reasons(row)
    assert desk.ticket()["status"] != "resolved"


@pytest.mark.parametrize(("days", "trusted"), [(-1, False), (0, True), (4, True), (6, False)])
def test_it_counts_for_five_days(desk: DeskUnderTest, sign: Signer, days: int, trusted: bool) -> None:
    raw = sign(commands(desk))
    desk.now += timedelta(days=days)
    row = desk.receive(raw)
    assert (outcome(row) == "appended") is trusted, reasons(row)


def test_a_mail_to_somebody_else_is_not_trusted(desk: DeskUnderTest, sign: Signer) -> None:
    row = desk.receive(sign(commands(desk, to="eve@evil.example")))
    assert outcome(row) == "agent-unproven"
    assert "not sent to the desk" in reasons(row)


def test_what_was_seen_is_forgotten_when_its_date_is_too_old(desk: DeskUnderTest, sign: Signer) -> None:
    desk.receive(sign(commands(desk)))
    with connection(desk.database), transaction(desk.database):
        assert forget_signatures(now=desk.now + timedelta(days=5, hours=12)) == 0
        assert forget_signatures(now=desk.now + timedelta(days=6)) == 1
        assert SeenSignature.select().count() == 0


def test_it_is_off_unless_the_policy_says_so(
    sqlite_url: str, parser: Parser, tmp_path: Path, keys: dict[str, bytes], sign: Signer
) -> None:
    desk = DeskUnderTest(sqlite_url, parser=parser, scratch=tmp_path, lookup=keys.get)
    desk.write("Erika <erika@example.com>", "It drops.")
    row = desk.receive(sign(commands(desk)))
    assert outcome(row) == "agent-unproven"
    assert "DKIM" not in reasons(row)


def test_only_mails_in_agents_names_are_looked_at(keys: dict[str, bytes], sign: Signer, desk: DeskUnderTest) -> None:
    def forbidden(name: str) -> bytes | None:
        raise AssertionError(name)

    raw = desk.mail("Eve <eve@evil.example>", "Hello", subject="Hi")
    signers = Signers(addresses=frozenset({ANNA}), lookup=forbidden)
    assert look_at(sign(raw, domain="evil.example"), parse(raw), signers, Names()) is None


def test_an_ordinary_mail_costs_no_statement() -> None:
    """There is no database here that could be asked."""
    mail = parse(b"From: erika@example.com\r\nTo: helpdesk@example.com\r\n\r\nHello\r\n")
    assert check_signature(mail, policy_of(more=ON), now=datetime(2026, 3, 2, tzinfo=UTC), ledger_id=1) is None


def test_without_the_extra_nothing_is_proven_and_the_operator_hears_of_it(
    desk: DeskUnderTest, sign: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = sign(commands(desk))
    monkeypatch.setitem(sys.modules, "dkim", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = look_at(raw, parse(raw), Signers(addresses=frozenset({ANNA})), Names())
    assert found is not None
    assert "pip install helpdesk-gateway[dkim]" in found.why_not
    with connection(desk.database):
        assert any("verify_dkim" in line for line in border_troubles(desk.policy, now=desk.now))


@pytest.fixture
def name_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[str]]]:
    """A name server on this machine: the TXT records of each name, as they stand in a zone file."""
    records: dict[str, list[str]] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                wire, peer = server.recvfrom(4096)
                if not wire:
                    return
                query = dns.message.from_wire(wire)
                name = query.question[0].name
                answer = dns.message.make_response(query)
                if found := records.get(str(name).rstrip(".")):
                    answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *found))
                else:
                    answer.set_rcode(dns.rcode.NXDOMAIN)
                server.sendto(answer.to_wire(), peer)

        thread = threading.Thread(target=serve)
        thread.start()
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], server.getsockname()[1]
        monkeypatch.setattr(dns.resolver, "default_resolver", resolver)
        try:
            yield records
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stopping:
                stopping.sendto(b"", server.getsockname())
            thread.join()


def test_the_dns_is_asked_for_one_record(name_server: dict[str, list[str]]) -> None:
    name_server["a._domainkey.example.com"] = ['"v=DKIM1; p=AB" "CD"']
    name_server["b._domainkey.example.com"] = ['"p=A"', '"p=B"']
    assert resolve_txt("a._domainkey.example.com") == b"v=DKIM1; p=ABCD"
    assert resolve_txt("b._domainkey.example.com") is None
    assert resolve_txt("c._domainkey.example.com") is None


def test_a_dns_that_can_not_be_reached_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns.resolver, "default_resolver", dns.resolver.Resolver(configure=False))
    for name in ("a._domainkey.example.com", "a..example.com"):
        with pytest.raises(LookupFailed):
            resolve_txt(name)


def test_a_dns_that_does_not_answer_is_asked_once_in_a_hop(desk: DeskUnderTest, sign: Signer) -> None:
    asked: list[str] = []

    def dead(name: str) -> bytes | None:
        asked.append(name)
        raise LookupFailed("Timeout")

    names, signers = Names(), Signers(addresses=frozenset({ANNA}), lookup=dead)
    for selector in ("good", "testing"):
        raw = sign(commands(desk), selector=selector)
        found = look_at(raw, parse(raw), signers, names)
        assert found is not None
        assert found.why_not.startswith("temporary: ")
    assert asked == ["good._domainkey.example.com"]


def test_explain_says_what_the_signature_proves(desk: DeskUnderTest, sign: Signer, parser: Parser) -> None:
    lookup = {"good._domainkey.example.com": b"v=DKIM1; p="}.get
    explainer = Explainer(policy=desk.policy, parser=parser, secrets=desk.secrets, lookup=lookup)
    raw = desk.mail(ANNA, "#resolve", subject="[INC-1001]", headers={})
    with connection(desk.database):
        (record,) = explainer.explain([sign(raw)])
    assert any("its DKIM signature proves nothing" in reason for reason in record["reasons"])


@pytest.mark.parametrize(
    "garbage", [b"", b"v=1", b"=;=;;", b"v=1; a=rsa-sha256; d=example.com; s=\xff; b=; bh=; h=from"]
)
def test_no_signature_breaks_the_parser(garbage: bytes) -> None:
    raw = b"DKIM-Signature: " + garbage + b"\r\nFrom: anna@example.com\r\nTo: helpdesk@example.com\r\n\r\nx\r\n"
    signers = Signers(addresses=frozenset({ANNA}), lookup=lambda _: None)
    found = look_at(raw, parse(raw), signers, Names())
    assert isinstance(found, Signature)
    assert found.why_not


@pytest.mark.parametrize(
    ("domain", "own", "counts"),
    [
        ("example.com", "example.com", True),
        ("example.com", "example.org", False),
        ("evil.example", "example.com", False),
    ],
)
def test_an_own_domain_above_the_authors_vouches_too(
    desk: DeskUnderTest, sign: Signer, keys: dict[str, bytes], domain: str, own: str, counts: bool
) -> None:
    raw = sign(desk.mail("anna@corp.example.com", "Words.", subject="Hello"), domain=domain)
    signers = Signers(addresses=frozenset({"anna@corp.example.com"}), lookup=keys.get, domains=frozenset({own}))
    found = look_at(raw, parse(raw), signers, Names())
    assert found is not None
    assert (found.domain == "example.com" and not found.why_not) is counts
    if not counts:
        assert ("own domain" if domain == "evil.example" else "no DMARC policy") in found.why_not


ALIGNED = {
    "its organisation": ("anna@corp.example.com", "example.com", {"_dmarc.example.com": "v=DMARC1; p=reject"}, ""),
    "a sister": ("anna@corp.example.com", "sub.example.com", {"_dmarc.example.com": "v=DMARC1;adkim=r"}, ""),
    "a subdomain": ("anna@example.com", "sub.example.com", {"_dmarc.example.com": "v=DMARC1; p=none"}, ""),
    "its own policy goes first": (
        "anna@corp.example.com",
        "example.com",
        {"_dmarc.corp.example.com": "v=DMARC1; adkim=S", "_dmarc.example.com": "v=DMARC1"},
        "by its DMARC policy corp.example.com signs itself",
    ),
    "strict": ("anna@example.com", "sub.example.com", {"_dmarc.example.com": "v=DMARC1; adkim=s; p=none"}, "itself"),
    "no policy": ("anna@example.com", "sub.example.com", {"_dmarc.example.com": "v=spf1 -all"}, "no DMARC policy"),
    "neighbours below a public suffix": ("anna@corp.co.uk", "evil.co.uk", {}, "own domain"),
    "a public suffix": ("anna@corp.co.uk", "co.uk", {}, "own domain"),
}


@pytest.mark.parametrize("case", ALIGNED)
def test_an_organisation_signs_for_its_domains_where_they_let_it(
    case: str, desk: DeskUnderTest, sign: Signer, keys: dict[str, bytes]
) -> None:
    address, domain, records, why_not = ALIGNED[case]
    raw = sign(desk.mail(address, "Words.", subject="Hello"), domain=domain)
    known = keys | {name: record.encode() for name, record in records.items()}
    # That a public suffix is listed as the desk's own is a mistake, and changes nothing.
    signers = Signers(addresses=frozenset({address}), lookup=known.get, domains=frozenset({"co.uk"}))
    found = look_at(raw, parse(raw), signers, Names())
    assert found is not None
    assert (found.domain == domain and not found.why_not) is (not why_not), found.why_not
    assert why_not in found.why_not


def test_a_policy_that_can_not_be_looked_up_proves_nothing_for_now(
    desk: DeskUnderTest, sign: Signer, keys: dict[str, bytes]
) -> None:
    def halting(name: str) -> bytes | None:
        if name.startswith("_dmarc."):
            raise LookupFailed("Timeout")
        return keys.get(name)

    raw = sign(commands(desk), domain="sub.example.com")
    found = look_at(raw, parse(raw), Signers(addresses=frozenset({ANNA}), lookup=halting), Names())
    assert found is not None
    assert found.why_not.startswith("temporary: the DMARC policy of example.com")


@pytest.mark.parametrize(
    ("domain", "its"),
    [
        ("a.b.example.com", "example.com"),
        ("desk.corp.co.uk", "corp.co.uk"),
        ("co.uk", None),
        ("somebody.github.io", "somebody.github.io"),
        ("github.io", None),
        ("www.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"),
        ("city.kawasaki.jp", "city.kawasaki.jp"),
        ("desk.corp.internal", "corp.internal"),
        ("com", None),
        ("a..example.com", None),
        ("", None),
    ],
)
def test_an_organisation_is_one_label_below_a_public_suffix(domain: str, its: str | None) -> None:
    assert organisation(domain) == its


def test_a_copy_that_has_lost_one_of_two_good_signatures_is_known(
    make_desk: Callable[[Policy], DeskUnderTest], parser: Parser
) -> None:
    desk = make_desk(policy_of())
    raw = desk.mail("anna@corp.example.com", "Words.", subject="Hello")
    covered = frozenset({"from", "to"})
    with connection(desk.database), transaction(desk.database):
        for number, domain in ((1, "corp.example.com"), (2, "example.com")):
            signature = Signature(address="anna@corp.example.com", domain=domain, covered=covered)
            mail = replace(parse(raw), signature=signature)
            fact = check_signature(mail, desk.policy, now=desk.now, ledger_id=number)
            assert fact is not None
            assert bool(fact.digest) is (number == 1)
            if fact.digest:
                remember_signature(fact, ledger_id=number, now=desk.now)
