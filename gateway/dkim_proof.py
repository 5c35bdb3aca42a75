"""Our own look at the DKIM signatures (RFC 6376, RFC 8463) of mails in agents' names, for `[trust] verify_dkim`.

Part of parsing: runs in its killable workers. A signature that only verifies proves little: it may cover a part of the
body, leave room for a second Subject, or be another domain's. `look_at` says which of them vouches for the whole mail;
that it is young, sent to the desk and seen for the first time is asked where the clock and the database are
(`desk.border`). An extra (`pip install helpdesk-gateway[dkim]`), loaded with the first such mail.

Never raises for what a mail contains or the DNS does not say: then nothing is proven.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from time import monotonic
from typing import Any

from gateway.mail import Mail, Signature
from gateway.policy import Policy

# The TXT record of a name without its last dot; None where there is none. Raises LookupFailed.
Lookup = Callable[[str], bytes | None]

SIZE_LIMIT_BYTES = 1024 * 1024
SIGNATURES = 3
KEY_BITS = 1024
# Of each algorithm that counts (RFC 6376 §3.3.2, RFC 8463 §3), what its key is called in the DNS. SHA-1 is forgeable.
_KEY_KINDS = {b"rsa-sha256": b"rsa", b"ed25519-sha256": b"ed25519"}
# RFC 5322 §2.1.1 allows 998; the library's time grows with the square of a line of blanks.
_LINE_BYTES = 1000
_HEADER_BYTES = 64 * 1024
_LOOKUP_SECONDS = 2.0
# Of all mails of a hop together, so that a slow name server does not keep other mails waiting.
_HOP_SECONDS = 5.0

# What says who writes to whom about what, and how the body is to be read.
_NEEDED = frozenset({"from", "subject", "date", "message-id", "to"})
_NEEDED_WHERE_THERE = frozenset({"in-reply-to", "references", "reply-to", "content-type", "content-transfer-encoding"})
_TOO_LONG = re.compile(rb"[^\n]{%d}" % (_LINE_BYTES + 1))
_SELECTOR = re.compile(rb"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")


class LookupFailed(Exception):
    """The DNS gave no answer, which says nothing about the mail."""


class _NotProven(Exception):
    """Why a signature proves nothing."""


@dataclass(frozen=True, kw_only=True)
class Signers:
    """Whose mails are looked at (lower-case addresses), and how names are looked up; None is the DNS.

    `domains` are the desk's own: one of them vouches for its subdomains too.
    """

    addresses: frozenset[str]
    lookup: Lookup | None = None
    domains: frozenset[str] = frozenset()


def signers_of(policy: Policy, lookup: Lookup | None = None) -> Signers | None:
    """Whose signatures are to be verified under a policy; None for nobody's."""
    if not policy.trust.verify_dkim:
        return None
    own = [address for agent in policy.agents for address in (agent.address, *agent.other_addresses)]
    domains = frozenset(_ascii(one.lower()) for one in policy.desk.own_domains if not one.startswith("*"))
    return Signers(addresses=frozenset(address.lower() for address in own), lookup=lookup, domains=domains)


@dataclass(frozen=True, kw_only=True)
class _Author:
    """Whose signature counts: the domain in From, and the desk's own domains (all in their ASCII form)."""

    domain: str
    own: frozenset[str]


@dataclass(kw_only=True)
class Names:
    """Looked-up names of one hop: each once, for so long together, and no more after the first that failed."""

    known: dict[str, bytes | None] = field(default_factory=dict)
    seconds_left: float = _HOP_SECONDS

    def find(self, name: str, lookup: Lookup) -> bytes | None:
        if name in self.known:
            return self.known[name]
        if self.seconds_left <= 0:
            raise LookupFailed("no time is left for it")
        started = monotonic()
        try:
            self.known[name] = lookup(name)
        except LookupFailed:
            self.seconds_left = 0
            raise
        finally:
            self.seconds_left -= monotonic() - started
        return self.known[name]


def look_at(raw: bytes, mail: Mail, signers: Signers, names: Names, *, whole: bool = True) -> Signature | None:
    """What the signatures of a parsed mail prove; None for a mail that is not in an agent's name.

    `whole`: nothing of the mail is missing.
    """
    if mail.sender is None or mail.sender.address.lower() not in signers.addresses:
        return None
    try:
        return _proven(raw, mail, signers, names, whole=whole)
    except _NotProven as why:
        return Signature(why_not=str(why))


def _proven(raw: bytes, mail: Mail, signers: Signers, names: Names, *, whole: bool) -> Signature:
    assert mail.sender is not None
    if mail.sender_defects or mail.defect:
        raise _NotProven("the mail can be read in more than one way")
    if "dkim-signature" not in {name for name, _ in mail.headers}:
        raise _NotProven("the mail has no DKIM signature")
    if not whole or len(raw) > SIZE_LIMIT_BYTES:
        raise _NotProven("the mail is larger than 1 MiB")
    head = re.search(rb"\n\r?\n", raw[:_HEADER_BYTES])
    if head is None or _TOO_LONG.search(raw):
        raise _NotProven("its header or one of its lines is too long")
    try:
        import dkim
        import nacl.signing  # noqa: F401 - without it the library knows no Ed25519
        import publicsuffixlist  # noqa: F401 - read where one domain signs for another
    except ImportError:
        raise _NotProven("verify_dkim needs the extra: pip install helpdesk-gateway[dkim]") from None
    try:
        # The size of the key is looked at below, where it can be said.
        made = dkim.DKIM(raw, minkey=0)
    except Exception as error:  # the library has a dozen ways to refuse a mail
        raise _NotProven("the signature's reader does not understand the mail") from error
    if [name.decode("ascii", "replace").lower() for name, _ in made.headers] != [name for name, _ in mail.headers]:
        raise _NotProven("the mail can be read in more than one way")
    lookup = signers.lookup or resolve_txt
    author = _Author(domain=_ascii(mail.sender.address.rpartition("@")[2].lower()), own=signers.domains)
    why = _NotProven("no signature of the author's own domain is among the first three")
    for index in range(min(SIGNATURES, sum(name == "dkim-signature" for name, _ in mail.headers))):
        try:
            return _verified(made, index, mail, author, lookup, names)
        except _NotProven as one:
            # What is wrong with the author's own signature says more than that there are others.
            why = one if str(one) else why
    raise why


def _verified(made: Any, index: int, mail: Mail, author: _Author, lookup: Lookup, names: Names) -> Signature:
    """One signature, if it is the author's domain's, and vouches for all that matters."""
    try:
        tags, listed, _ = made.verify_headerprep(index)
    except Exception as error:  # see above; what it says of hostile values is not worth showing
        raise _NotProven("its DKIM signature is malformed") from error
    domain = tags[b"d"].decode("ascii", "replace").lower()
    if not _vouches(domain, author) and not _is_one_organisation(domain, author.domain):
        raise _NotProven("")
    covered = frozenset(name.decode("ascii", "replace").strip() for name in listed)
    _check(tags, covered, mail, domain)
    record: list[bytes] = []
    failed: list[LookupFailed] = []

    def find(name: bytes, timeout: float = 0) -> bytes | None:
        try:
            found = names.find(name.decode("ascii").rstrip("."), lookup)
        except LookupFailed as failure:
            failed.append(failure)
            return None
        record.append(found or b"")
        return found

    try:
        good = bool(made.verify(index, dnsfunc=find))
    except Exception as error:  # see above
        raise _NotProven(f"the signature of {domain} does not fit the mail") from error
    if failed:
        raise _NotProven(f"temporary: the key of {domain} could not be looked up ({failed[0]})")
    if not record or not record[0]:
        raise _NotProven(f"{domain} publishes no such key")
    if not good:
        raise _NotProven(f"the signature of {domain} does not fit the mail, or its key is no key")
    _check_key(made, tags[b"a"].strip(), record[0], domain)
    if not _vouches(domain, author):
        # Only now, so that a mail whose signature is worth nothing causes no more questions to the DNS.
        _check_dmarc(domain, author, lookup, names)
    assert mail.sender is not None
    return Signature(address=mail.sender.address, domain=domain, covered=covered)


def _check(tags: dict[bytes, bytes], covered: frozenset[str], mail: Mail, domain: str) -> None:
    """What a signature has to say before its key is looked up."""
    there = [name for name, _ in mail.headers]
    needed = _NEEDED | (_NEEDED_WHERE_THERE & frozenset(there))
    if doubled := sorted(name for name in needed | _NEEDED_WHERE_THERE if there.count(name) > 1):
        raise _NotProven(f"the mail has more than one {doubled[0]} header")
    if missing := sorted(needed - frozenset(there)):
        raise _NotProven(f"the mail has no {missing[0]} header")
    if open_to_change := sorted(needed - covered):
        raise _NotProven(f"the signature of {domain} leaves out {', '.join(open_to_change)}")
    if b"l" in tags:
        raise _NotProven(f"the signature of {domain} covers a part of the body only (l=)")
    if tags[b"a"].strip() not in _KEY_KINDS:
        raise _NotProven(f"the signature of {domain} is neither rsa-sha256 nor ed25519-sha256")
    if b"i" in tags and tags[b"i"].decode("ascii", "replace").lower().rpartition("@")[2] != domain:
        raise _NotProven(f"the signature of {domain} is a subdomain's (i=)")
    if not _SELECTOR.fullmatch(tags[b"s"]):
        raise _NotProven(f"the signature of {domain} names no key")


def _check_key(made: Any, algorithm: bytes, record: bytes, domain: str) -> None:
    if made.ktag != _KEY_KINDS[algorithm]:
        raise _NotProven(f"the key of {domain} is for another algorithm")
    if made.ktag == b"rsa" and made.keysize < KEY_BITS:
        raise _NotProven(f"the key of {domain} has fewer than {KEY_BITS} bits")
    tags = [part.partition(b"=") for part in record.split(b";")]
    flags = [value for name, _, value in tags if name.strip() == b"t"]
    services = [value for name, _, value in tags if name.strip() == b"s"]
    if any(flag.strip().lower() == b"y" for value in flags for flag in value.split(b":")):
        raise _NotProven(f"the key of {domain} is for testing (t=y)")
    if services and not {b"*", b"email"} & {one.strip() for value in services for one in value.split(b":")}:
        raise _NotProven(f"the key of {domain} is not for mail (s=)")


def _vouches(domain: str, author: _Author) -> bool:
    """Whether a domain speaks for the author without being asked: the author's own, and one of the desk's above it."""
    if domain == author.domain:
        return True
    return domain in author.own and author.domain.endswith(f".{domain}") and organisation(domain) is not None


def _is_one_organisation(domain: str, other: str) -> bool:
    """The relaxed alignment of RFC 7489 §3.1.1."""
    found = organisation(domain)
    return found is not None and found == organisation(other)


def _check_dmarc(domain: str, author: _Author, lookup: Lookup, names: Names) -> None:
    """Whether the author's domain lets its whole organisation sign for it.

    Subdomains are lent to newsletters, so it has to say that it knows of DMARC, and not that it wants its own
    signature (adkim=s). Its policy stands with the domain itself or with its organisation (RFC 7489 §6.6.3).
    """
    for place in dict.fromkeys((author.domain, organisation(author.domain) or author.domain)):
        try:
            record = names.find(f"_dmarc.{place}", lookup) or b""
        except LookupFailed as failure:
            raise _NotProven(f"temporary: the DMARC policy of {place} could not be looked up ({failure})") from None
        tags = [(name.strip(), value.strip()) for name, _, value in (one.partition(b"=") for one in record.split(b";"))]
        if tags[0] != (b"v", b"DMARC1"):
            continue
        if any(name == b"adkim" and value.lower() != b"r" for name, value in tags):
            raise _NotProven(f"by its DMARC policy {place} signs itself, but {domain} did")
        return
    raise _NotProven(f"{domain} has signed, but no DMARC policy of {author.domain} says that it may")


def organisation(domain: str) -> str | None:
    """The organisational domain (RFC 7489 §3.2) of a lower-case ASCII domain; None for a public suffix like co.uk.

    By the list that comes with the library; what is rented out below a name, as github.io, is nobody's organisation.
    """
    found: str | None = _public_suffixes().privatesuffix(domain)
    return found


@cache
def _public_suffixes() -> Any:
    """Takes about a seventh of a second, so only where one domain signs for another."""
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


def _ascii(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain


def resolve_txt(name: str) -> bytes | None:
    """The one TXT record of a name, from the system's name servers; None where there is none, or more than one (RFC
    6376 §3.6.2.2). Raises LookupFailed."""
    import dns.exception
    import dns.resolver

    try:
        answer = dns.resolver.resolve(name, "TXT", lifetime=_LOOKUP_SECONDS, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return None
    except (dns.exception.DNSException, OSError, ValueError) as error:
        raise LookupFailed(type(error).__name__) from error
    records = [b"".join(one.strings) for one in answer]
    return records[0] if len(records) == 1 else None
