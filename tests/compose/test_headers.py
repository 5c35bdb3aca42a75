"""No value can add, change or damage a header (T19), and what must thread is written so that it threads."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from email import message_from_bytes, policy
from email.header import Header, decode_header, make_header
from email.message import Message
from email.utils import getaddresses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.compose import Letter, LetterRefused, Templates, compose, load_templates
from gateway.compose.headers import (
    check_plan,
    checked_address,
    clean_value,
    has_long_line,
    references,
    written_headers,
)
from gateway.compose.samples import sample_letters
from gateway.defaults_files import default_file
from gateway.mail import Address

TEMPLATES: Templates = load_templates(default_file("templates"))
LETTER = sample_letters("acknowledgement")[0]
PLANNED = [
    *("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted"),
    *("X-Auto-Response-Suppress", "X-Helpdesk-Gateway", "MIME-Version", "Content-Type"),
]

HOSTILE = [
    "x\r\nBcc: victim@example.net",
    "x\nBcc: victim@example.net",
    "x\rBcc: victim@example.net",
    "x\r\n\r\nbody",
    "=?utf-8?q?x=0d=0aBcc:_victim=40example=2enet?=",
    "=?utf-8?b?eA0KQmNjOiB2aWN0aW1AZXhhbXBsZS5uZXQ=?=",
    "=?utf-8?q?a?= =?utf-8?q?=0d=0aBcc:_b?=",
    "==??utf-8?q?x=0aBcc:_b?=",
    "x\x00y",
    "x\x0bBcc: a\x0cBcc: b\x1cBcc: c\x1dBcc: d\x1eBcc: e",
    "x\x85Bcc: victim@example.net",
    "x\u2028Bcc: a\u2029Bcc: b",
    "\u202eelif\u202c\u2066x\u2069",
    "\ud800 lone \udfff surrogates",
    "x" * 10_000,
    "é" * 10_000,
    "日本" * 5_000,
    'x" <boss@example.com>, "y',
    "x <a@example.net>",
    "(comment \\",
    "\\\"'`;,<>[]()@:",
    "\x7f\x80\x9f",
    "",
    " ",
]


def headers_of(letter: Letter) -> Message:
    data = compose(letter, TEMPLATES)
    assert data.isascii()
    assert data.replace(b"\r\n", b"").count(b"\n") == data.replace(b"\r\n", b"").count(b"\r") == 0
    assert max(map(len, data.split(b"\r\n"))) <= 998
    return message_from_bytes(data)


def texts(name: str, value: str) -> dict[str, Letter]:
    """The letter with a hostile value in a field that carries a person's words."""
    person = {"name": value, "address": "erika@example.com"}
    ticket = {**LETTER.context["ticket"], "subject": value, "number": value}  # type: ignore[dict-item]
    return {
        "subject": replace(LETTER, subject=value),
        "sender": replace(LETTER, sender=Address(address="helpdesk@example.com", name=value)),
        "recipient": replace(LETTER, recipient=Address(address="erika@example.com", name=value)),
        "context": replace(LETTER, context={**LETTER.context, "person": person, "ticket": ticket}),
    }


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("field", ["subject", "sender", "recipient", "context"])
def test_a_persons_words_never_make_a_header(field: str, value: str) -> None:
    mail = headers_of(texts(field, value)[field])
    assert mail.keys() == PLANNED
    for name in ("From", "To", "Subject"):
        read = str(make_header(decode_header(mail[name])))
        assert not re.search(
            "[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069]", re.sub(r"\r\n ", " ", read)
        )
        for encoded_word in re.findall(r"=\?\S*", mail[name]):
            assert len(encoded_word) <= 75


MACHINE_FIELDS = ["reply_to", "message_id", "token", "automatic", "loop_mark", "list_id", "importance", "address"]


@pytest.mark.parametrize("value", [value for value in HOSTILE if value.strip()])
@pytest.mark.parametrize("field", MACHINE_FIELDS)
def test_a_hostile_machine_value_is_refused(field: str, value: str) -> None:
    changed: dict[str, Any] = {"recipient": Address(address=value)} if field == "address" else {field: value}
    letter = replace(LETTER, **changed)
    if field in ("loop_mark", "list_id") and re.fullmatch("[ -~]{1,500}", value) and "=?" not in value:
        assert [name.lower() for name in headers_of(letter)].count(field.replace("_", "-")) <= 1
        return
    with pytest.raises(LetterRefused):
        compose(letter, TEMPLATES)


@pytest.mark.parametrize("value", HOSTILE)
def test_ids_that_cannot_be_written_are_left_out(value: str) -> None:
    mail = headers_of(replace(LETTER, in_reply_to=value, references=(value, f"<{value}>", "<good@example.com>")))
    assert "Bcc" not in mail
    assert mail["In-Reply-To"] is None
    assert mail["References"].split()[-1] == "<good@example.com>"


@pytest.mark.parametrize(
    "address",
    [
        *(
            "a@b@c",
            "a b@example.com",
            "a@exa mple.com",
            "@example.com",
            "a@",
            "a",
            "",
            "a\r\nb@example.com",
            "<a@example.com>",
        ),
        *("a@example..com", "a@example.com.", "a@.example.com", "a@example.-com", "a@" + "x" * 64 + ".com"),
        *("a@example.com, b@example.com", "a@example.com\x00", "=?utf-8?q?a?=@example.com", "é@example.com"),
        *("x" * 65 + "@example.com", "a@" + "x" * 300, '"a\r\nb"@example.com', "a@[\r\n]", "a@-\u2028.com"),
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(LetterRefused):
        checked_address(address)


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("anna.agent+x@example.com", "anna.agent+x@example.com"),
        ("o'neill@mail.example.co.uk", "o'neill@mail.example.co.uk"),
        ('"john doe"@example.com', '"john doe"@example.com'),
        ("a@[192.0.2.1]", "a@[192.0.2.1]"),
        ("info@bücher.example", "info@xn--bcher-kva.example"),
        ("root@localhost", "root@localhost"),
    ],
)
def test_an_address_is_written_in_ascii(address: str, written: str) -> None:
    assert checked_address(address) == written
    mail = headers_of(replace(LETTER, recipient=Address(address=address, name="Ä, B")))
    parsed = message_from_bytes(
        compose(replace(LETTER, recipient=Address(address=address)), TEMPLATES), policy=policy.default
    )
    assert parsed["To"].addresses[0].addr_spec == written
    assert mail["To"].endswith(f"<{written}>")


@pytest.mark.parametrize(
    "name",
    [
        "Anna Agent",
        "Agent, Anna",
        'Anna "Ace" Agent',
        "Anna (IT)",
        "Änne Müller",
        "Müller, Änne (Help Desk)",
        "日本 太郎",
        "a@b.c",
        "back\\slash",
        "x" * 90,
        "Ünal " * 18,
        "dot.",
    ],
)
def test_a_display_name_reads_as_it_was(name: str) -> None:
    mail = headers_of(replace(LETTER, sender=Address(address="helpdesk@example.com", name=name)))
    [(read, address)] = getaddresses(
        [str(make_header(decode_header(mail["From"])))] if name.isascii() else [mail["From"]]
    )
    assert address == "helpdesk@example.com"
    assert str(make_header(decode_header(read))) == name.strip()


EXCHANGE_ID = "<" + "AM0PR0102MB3427" * 7 + "@AM0PR0102MB3427.eurprd01.prod.exchangelabs.com>"


def test_long_ids_are_folded_at_white_space_and_never_encoded() -> None:
    chain = ("<root@example.com>", *(f"<{number}.{'x' * 90}@example.com>" for number in range(5)))
    data = compose(replace(LETTER, message_id=EXCHANGE_ID, in_reply_to=EXCHANGE_ID, references=chain), TEMPLATES)
    head = data.partition(b"\r\n\r\n")[0]
    assert b"=?" not in head
    mail = message_from_bytes(data)
    assert mail["In-Reply-To"].strip() == mail["Message-ID"].strip() == EXCHANGE_ID
    assert mail["References"].split() == [*chain, EXCHANGE_ID]


def test_references_keep_the_first_two_and_the_newest_ids_whole() -> None:
    chain = [f"<{number}@example.com>" for number in range(500)]
    kept = references(chain, "<parent@example.com>")
    assert kept == (*chain[:2], *chain[-17:], "<parent@example.com>")
    long = [f"<{number}.{'x' * 200}@example.com>" for number in range(50)]
    kept = references(long, "")
    assert kept == (*long[:2], *long[-2:])
    assert len(" ".join(kept)) <= 1024


def test_references_name_each_id_once_and_the_answered_one_last() -> None:
    assert references(["<a@x>", "<b@x>", "<a@x>", "<c@x>"], "<b@x>") == ("<a@x>", "<c@x>", "<b@x>")
    assert references([], "") == ()


@given(st.lists(st.integers(0, 999).map(lambda number: f"<{number}{'y' * (number % 400)}@example.com>"), max_size=60))
def test_references_are_always_a_part_of_the_chain(chain: list[str]) -> None:
    kept = references(chain, "")
    assert set(kept) <= set(chain)
    assert len(kept) == len(set(kept)) <= 20
    if chain:
        assert {dict.fromkeys(chain).popitem()[0], chain[0]} <= set(kept)


SUBJECTS = [
    ("VPN", "Re: [INC-1042] VPN"),
    ("Re: VPN", "Re: [INC-1042] VPN"),
    ("AW: [INC-1042] VPN", "Re: [INC-1042] VPN"),
    ("[inc 1042] Re: [INC-1042] VPN", "Re: [INC-1042] VPN"),
    ("VPN {{ 7 * 7 }} {% raw %}", "Re: [INC-1042] VPN {{ 7 * 7 }} {% raw %}"),
    ("", "Re: [INC-1042] (no subject)"),
    ("Störung 日本", "Re: [INC-1042] Störung 日本"),
]


@pytest.mark.parametrize(("subject", "written"), SUBJECTS)
def test_the_subject_has_the_token_once_and_one_prefix(subject: str, written: str) -> None:
    mail = message_from_bytes(compose(replace(LETTER, subject=subject), TEMPLATES), policy=policy.default)
    assert mail["Subject"] == written


def test_a_mail_that_answers_nothing_has_no_prefix() -> None:
    mail = headers_of(replace(LETTER, in_reply_to="", references=()))
    assert mail["Subject"] == "[INC-1042] VPN drops every few minutes"
    assert "In-Reply-To" not in mail
    assert "References" not in mail


def test_a_persons_mail_carries_no_automatic_mark() -> None:
    mail = headers_of(sample_letters("answer")[0])
    assert "Auto-Submitted" not in mail
    assert "X-Auto-Response-Suppress" not in mail
    assert "Precedence" not in mail


def test_an_agents_mail_can_be_filtered() -> None:
    mail = headers_of(sample_letters("new_ticket")[0])
    assert mail["List-Id"] == "<network.helpdesk.example.com>"
    assert mail["Importance"] == "high"
    assert mail["X-Helpdesk-Gateway"] == "1.k7f3a"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "DR, RN, NRN, OOF, AutoReply"


def test_a_date_without_a_zone_is_refused() -> None:
    with pytest.raises(LetterRefused):
        compose(replace(LETTER, date=datetime(2026, 3, 2)), TEMPLATES)  # noqa: DTZ001 - what is tested


@given(st.text(max_size=300), st.text(max_size=60))
def test_any_subject_and_name_survive_the_way(subject: str, name: str) -> None:
    letter = replace(LETTER, subject=subject, sender=Address(address="helpdesk@example.com", name=name))
    mail = message_from_bytes(compose(letter, TEMPLATES))
    assert mail.keys() == PLANNED
    read = str(make_header(decode_header(mail["Subject"])))
    assert read.startswith("Re: [INC-1042] ")
    assert str(make_header(decode_header(mail["From"]))).endswith(
        "helpdesk@example.com" if not clean_value(name) else ">"
    )


@pytest.mark.parametrize(
    "damage",
    [
        (b"Subject:", b"Bcc: a@example.net\r\nSubject:"),
        (b"Subject:", b"X-Subject:"),
        (b"Subject: Re:", b"Subject: Fw:"),
        (b"MIME-Version:", b"To: a@example.net\r\nMIME-Version:"),
        (b"MIME-Version: 1.0", b"MIME-Version: 1.0\r\nMIME-Version: 1.0"),
        (b"Please", b"Pl\xe4se"),
        (b"Please", b"Pl\0se"),
        (b"Please", b"Pl\nse"),
        (b"Please", b"Pl\rse"),
        (b"Please", b"x" * 999),
    ],
)
def test_bytes_that_differ_from_the_plan_are_refused(damage: tuple[bytes, bytes]) -> None:
    data = compose(LETTER, TEMPLATES)
    mail = message_from_bytes(data)
    plan = tuple((name, str(value)) for name, value in mail.items() if name not in ("MIME-Version", "Content-Type"))
    check_plan(data, plan)
    with pytest.raises(LetterRefused):
        check_plan(data.replace(*damage, 1), plan)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("before", [b"", b"short", b"x" * 998])
def test_a_line_may_have_998_octets_whatever_stands_around_it(before: bytes, end: bytes) -> None:
    assert not has_long_line(before + end + b"x" * 998 + end + b"short" + end, 998)
    assert has_long_line(before + end + b"x" * 999 + end + b"short" + end, 998)
    assert not has_long_line(before + end + b"x" * 998, 998)
    assert has_long_line(before + end + b"x" * 999, 998)


def test_a_quoted_local_part_may_have_an_at_sign() -> None:
    assert checked_address('"a@b"@example.com') == '"a@b"@example.com'


def test_an_address_has_at_most_253_letters_beside_its_at_sign() -> None:
    local, longest = "a" * 60, "b" * 63 + "." + "c" * 63 + "." + "d" * 63 + "."
    assert checked_address(f"{local}@{longest}e").endswith(".e")
    with pytest.raises(LetterRefused):
        checked_address(f"{local}@{longest}ee")


@given(st.lists(st.integers(min_value=1, max_value=74), min_size=1, max_size=30))
def test_a_subject_in_ascii_is_folded_as_the_standard_library_would(lengths: list[int]) -> None:
    text = " ".join("x" * length for length in lengths)
    folded = Header(text, "us-ascii", continuation_ws=" ").encode(splitchars=" ", maxlinelen=67, linesep="\r\n")
    assert written_headers((("Subject", text),)) == f"Subject: {folded}\r\n".encode()
