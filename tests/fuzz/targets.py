"""One function for each thing that reads strangers' octets: takes any octets, raises `AssertionError` or what escaped.

For hypothesis (`test_readers.py`), and for atheris where it is installed (``python -m tests.fuzz.guided NAME``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from gateway.compose.failures import LetterRefused
from gateway.compose.headers import check_plan, checked_address, clean_value, mailbox, references, written_headers
from gateway.errors import ConfigurationError
from gateway.intake.digest import message_digest
from gateway.keys import Purpose, key_in_id, own_ids_in, plus_suffix, unseal
from gateway.mail import Address
from gateway.parse import extract_parts, limits, mark_passages, parse
from gateway.parse.scan import scan
from gateway.policy import Policy, parse_policy
from gateway.subject import clean_subject, find_tokens, has_reply_prefix
from tests.fuzz.mutator import corpus

_PREFIXES = ("INC", "REQ")
_SECRETS = {1: b"s" * 32}


def read_mail(octets: bytes) -> None:
    """The whole parser."""
    mail = parse(octets, own_addresses=("helpdesk@example.com",))
    assert "unexpected" not in mail.defect, mail.defect
    assert "".join(passage.text for passage in mail.passages) == mail.text
    assert all(not set(value) & {"\r", "\n", "\0"} for _, value in mail.headers)
    assert mail.subject.isprintable() or not re.search(r"[\x00-\x1f\x7f]", mail.subject)
    assert len(mail.to) <= limits.ADDRESSES
    extract_parts(octets, [file.number for file in mail.attachments])


def prescan(octets: bytes) -> None:
    """The look at the raw octets before any library's."""
    scanned = scan(octets)
    assert 0 <= scanned.body_start <= len(octets)
    assert not set(scanned.head) & {0x0D, 0x00}
    assert scanned.head.count(b"\n") < limits.HEADER_COUNT * 65
    assert len(scanned.head) <= 4 * limits.HEADER_BLOCK_BYTES
    assert b"\n\n" not in scanned.head.rstrip(b"\n")
    scanned.head.decode("utf-8")


def subject_token(octets: bytes) -> None:
    """Ticket numbers in a subject, and the subject without them."""
    text = octets.decode("utf-8", "replace")
    for prefix, number in find_tokens(text):
        assert prefix in _PREFIXES
        assert number > 0
    clean = clean_subject(text)
    assert "\n" not in clean
    assert "\r" not in clean
    assert find_tokens(clean) == ()
    assert clean_subject(clean) == clean
    has_reply_prefix(text)


def reply_key(octets: bytes) -> None:
    """Keys in addresses and ids: none that we did not make is one."""
    text = octets.decode("utf-8", "replace")
    for candidate in (text, plus_suffix(text), key_in_id(text), *own_ids_in(text)):
        for purpose in Purpose:
            assert unseal(candidate, purpose=purpose, secrets=_SECRETS) is None


def address(octets: bytes) -> None:
    """What goes into a header or onto a wire as an address."""
    for text in (octets.decode("utf-8", "surrogateescape"), octets.decode("latin-1")):
        try:
            checked = checked_address(text)
        except LetterRefused:
            continue
        local, at, domain = checked.rpartition("@")
        assert at
        assert domain
        assert 0 < len(local) <= 64
        assert len(checked) <= 254
        assert checked.isascii()
        assert checked.isprintable()
        assert not re.search(r"[\s<>,;]", local if not local.startswith('"') else ""), checked


def header_plan(octets: bytes) -> None:
    """Any text in any field that people's words go into: what is read again is what was planned."""
    words = octets.decode("utf-8", "surrogateescape")
    half = len(words) // 2
    plan = (
        ("From", mailbox(Address(address="helpdesk@example.com", name=words[:half]))),
        ("To", mailbox(Address(address="erika@example.com", name=words[half:]))),
        ("Subject", clean_value(words)),
        ("References", " ".join(references(words.split(" "), words[:half])) or "<a@b>"),
    )
    written = written_headers(plan)
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", written)
    assert max(map(len, written.split(b"\r\n"))) <= 998
    check_plan(written + b"\r\n", plan)


def rules(octets: bytes) -> None:
    """An admin's rules.toml: a policy, or a list of what is wrong with it."""
    problems = None
    try:
        assert isinstance(parse_policy(octets.decode("utf-8", "replace")), Policy)
    except ConfigurationError as error:
        problems = error.problems
    assert problems is None or problems


def quotes(octets: bytes) -> None:
    """Quoted text and signatures: nothing is lost."""
    text = octets.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    passages = mark_passages(text, own_addresses=("helpdesk@example.com",), answered=text[: len(text) // 2])
    assert "".join(passage.text for passage in passages) == text


def digest(octets: bytes) -> None:
    """The digest of a mail, whatever the line ends."""
    assert len(message_digest(octets).digest) == 32


TARGETS: dict[str, Callable[[bytes], None]] = {
    "mail": read_mail,
    "prescan": prescan,
    "token": subject_token,
    "key": reply_key,
    "address": address,
    "header_plan": header_plan,
    "rules": rules,
    "quotes": quotes,
    "digest": digest,
}


@cache
def seeds(name: str) -> tuple[bytes, ...]:
    """Where a search begins."""
    if name in ("mail", "prescan", "quotes", "digest"):
        return corpus()
    return (
        *(
            b"Re: [INC-1042] VPN",
            b"AW: REQ-7 \xe2\x80\xae x",
            "［ＩＮＣ－１０４２］".encode(),
            b"<1042.k7f3a.2@example.com>",
        ),
        *(b"helpdesk+k7f3a@example.com", b'"a b"@example.com', "ü@bücher.example".encode(), b"a@[192.0.2.1]"),
        *(b"=?utf-8?q?a=0D=0ABcc:_x?= \xff\x00", b'[desk]\naddress = "a@example.com"\n[[team]]\nname = "x"\n'),
    )
