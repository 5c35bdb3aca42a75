"""Headers as values: encoded words, ids, address lists, display names, and what speaks against a sender."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from email.parser import BytesHeaderParser

import pytest

from gateway.mail import Address
from gateway.parse import limits
from gateway.parse.headers import (
    People,
    _first_addresses,
    clean_display_name,
    decode_value,
    decode_words,
    first_value,
    read_headers,
    read_ids,
    read_people,
)


def people(header: str, *, scan_defects: tuple[str, ...] = ()) -> People:
    message = BytesHeaderParser().parsebytes(header.encode("utf-8") + b"\r\n\r\n")
    return read_people(message, scan_defects)


def defects(value: str) -> tuple[str, ...]:
    """What speaks against a From value."""
    return people(f"From: {value}").defects


def test_headers_are_decoded_unfolded_and_in_order() -> None:
    message = BytesHeaderParser().parsebytes(
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\tvon hier\r\nX-Odd: a\x01b\r\n"
        b"SUBJECT: two\r\nTo: \xc3\xa4 b@x \r\n\r\n"
    )
    assert read_headers(message) == (
        ("subject", "Grüße von hier"),
        ("x-odd", "a b"),
        ("subject", "two"),
        ("to", "ä b@x"),
    )
    assert first_value(message, "subject") == "Grüße von hier"
    assert first_value(message, "cc") == ""


def test_a_value_is_read_to_its_limit() -> None:
    message = BytesHeaderParser().parsebytes(b"Subject: " + b"x" * (limits.HEADER_BYTES + 9) + b"\r\n\r\n")
    assert first_value(message, "subject") == "x" * limits.HEADER_BYTES


@pytest.mark.parametrize(
    ("value", "decoded"),
    [
        ("no =? words", "no =? words"),
        ("=?utf-8?q?a=C3=A4?=", "aä"),
        ('"=?utf-8?q?M=C3=BCller=2C?=" x', "Müller, x"),
        ("=?utf-8?q?two words?=", "two words"),
        ("=?UTF-8?Q?two words?=", "two words"),
        ("=?utf-8?b?w6TDt g==?=", "äö"),
        ("=?utf-8?q?a=0D=0Ab?= ", "a  b"),
        ("a\x1fb\x7fc\u2028d\u2029e", "a b c d e"),
    ],
)
def test_encoded_words_are_decoded_as_people_write_them(value: str, decoded: str) -> None:
    assert decode_value(value) == decoded


def test_words_behind_the_limit_are_cut_off() -> None:
    word = "=?utf-8?q?x?= "
    assert decode_words(word * limits.ENCODED_WORDS + "and more") == "x" * limits.ENCODED_WORDS
    shorter = decode_words(word * (limits.ENCODED_WORDS - 1) + "and more")
    assert shorter == "x" * (limits.ENCODED_WORDS - 1) + " and more"


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ("", ()),
        ("<a@x> (of Monday) <b@x>", ("<a@x>", "<b@x>")),
        ("a@x, b@y;<", ("<a@x>", "<b@y;>")),
        ("a@x b", ("<a@x>",)),
        ("@x a@ a@x", ("<a@x>",)),
        ("<no id", ()),
        ("<a>", ("<a>",)),
        ("<> <a@x>", ("<a@x>",)),
        ("<a b@x>", ("<b@x>",)),
        ("<" + "i" * 996 + ">", ("<" + "i" * 996 + ">",)),
        ("<" + "i" * 997 + ">", ()),
        ("<a@x>" * (limits.IDS + 1), ("<a@x>",) * limits.IDS),
        ("a@x " * (limits.IDS + 1), ("<a@x>",) * limits.IDS),
    ],
)
def test_ids_are_found_with_and_without_their_brackets(value: str, ids: tuple[str, ...]) -> None:
    assert read_ids(value) == ids


def test_everybody_in_the_address_headers_is_read() -> None:
    read = people(
        "From: Anna <Anna@Example.org>\r\nReply-To: reply@example.org\r\nTo: a@example.com, B <b@example.com>\r\n"
        "Cc: c@example.com\r\nDate: Mon, 02 Mar 2026 09:00:00 +0000"
    )
    assert read.sender == Address(address="anna@example.org", name="Anna")
    assert read.reply_to == (Address(address="reply@example.org"),)
    assert read.to == (Address(address="a@example.com"), Address(address="b@example.com", name="B"))
    assert read.cc == (Address(address="c@example.com"),)
    assert read.date == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert read.defects == ()


@pytest.mark.parametrize("date", ["", "Date: never", "Date: Mon, 02 Mar 2026 09:00:00 -0000"])
def test_a_date_without_a_zone_is_no_date(date: str) -> None:
    read = people(f"From: a@example.org\r\nX: y\r\n{date}".rstrip())
    assert read.date is None or read.date.tzinfo is not None
    assert read.sender == Address(address="a@example.org")


def test_of_a_repeated_header_the_first_is_read_and_the_repetition_is_said() -> None:
    read = people("From: a@example.org\r\nTo: one@example.com\r\nTo: two@example.com\r\nReceived: a\r\nReceived: b")
    assert read.to == (Address(address="one@example.com"),)
    assert read.defects == ("repeated-to",)


@pytest.mark.parametrize(
    "name",
    [
        *("From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References"),
        *("Content-Type", "MIME-Version", "Content-Transfer-Encoding"),
    ],
)
def test_what_may_stand_once_is_a_defect_when_it_stands_twice(name: str) -> None:
    header = f"{name}: a@example.org\r\n{name}: a@example.org"
    assert (
        f"repeated-{name.lower()}" in people(header if name == "From" else f"From: a@example.org\r\n{header}").defects
    )


def test_odd_recipients_are_no_defect_of_the_sender() -> None:
    assert people("From: a@example.org\r\nTo: nobody at all, <\r\nCc: a@b@c").defects == ()


def test_what_the_scan_found_comes_first_and_once() -> None:
    read = people("From: one@example.org, two@example.org", scan_defects=("bare-cr", "several-mailboxes"))
    assert read.defects[:2] == ("bare-cr", "several-mailboxes")
    assert len(set(read.defects)) == len(read.defects)


def test_a_crowd_is_read_to_its_limit() -> None:
    crowd = [f"u{number}@example.com" for number in range(limits.ADDRESSES + 20)]
    found = [one.address for one in people("From: a@example.org\r\nTo: " + ", ".join(crowd)).to]
    assert found == crowd[: limits.ADDRESSES]
    assert [one.address for one in people("From: a@example.org\r\nTo: " + ", ".join(crowd[:3])).to] == crowd[:3]
    glued = "u@example.com " * (limits.ADDRESSES + 1)
    assert len(people(f"From: a@example.org\r\nTo: {glued}").to) <= limits.ADDRESSES


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ('"Anna"', "Anna"),
        ("'Anna' ", "Anna"),
        ("\u202eannA", "annA"),
        ("A\x07nna", "A nna"),
        ("A\x85n\ud800n\ue000a", "Anna"),
        ("=?utf-8?q?M=C3=BCller?=", "Müller"),
        ("x" * 300, "x" * 200),
        ("x" * 199 + " y", "x" * 199),
    ],
)
def test_a_display_name_is_shown_without_what_disguises(written: str, shown: str) -> None:
    assert clean_display_name(written) == shown


def test_a_list_is_cut_behind_its_hundredth_address() -> None:
    crowd = [f"u{number}@example.com" for number in range(limits.ADDRESSES + 20)]
    hundred = ", ".join(crowd[: limits.ADDRESSES])
    assert _first_addresses(", ".join(crowd)) == hundred
    assert _first_addresses(hundred) == hundred
    assert _first_addresses(hundred + ", and others") == hundred + ", and others"
    glued = "u@example.com " * (limits.ADDRESSES + 1)
    assert _first_addresses(glued) == glued
    assert _first_addresses("x" * 300 * limits.ADDRESSES) == "x" * 200 * limits.ADDRESSES
    pairs = "@@," * limits.ADDRESSES
    assert _first_addresses(pairs) == pairs[: 3 * limits.ADDRESSES // 2 - 1]


def test_what_a_stranger_wrote_is_no_line_of_our_log() -> None:
    people("From: a@example.org")
    assert not logging.getLogger("mailparser").isEnabledFor(logging.ERROR)


def test_of_two_dates_the_first_counts() -> None:
    date = "Date: Mon, 0{} Mar 2026 09:00:00 +0000"
    read = people(f"From: a@example.org\r\n{date.format(2)}\r\n{date.format(3)}")
    assert read.date == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_octets_that_are_no_text_are_shown_as_such() -> None:
    message = BytesHeaderParser().parsebytes(b"Subject: a\xffb\r\n\r\n")
    assert first_value(message, "subject") == "a\ufffdb"


def test_a_name_that_is_the_address_is_no_name() -> None:
    assert people("From: a@example.org <a@example.org>").sender == Address(address="a@example.org")


LOCAL, DOMAIN = "l" * 64, "d" * 185 + ".org"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("Anna <a@example.org>", ()),
        ("a@example.org (Anna)", ()),
        ('"Meyer, Anna" <a@example.org>', ()),
        (f"{LOCAL}@{DOMAIN}", ()),
        (f"{LOCAL}@d{DOMAIN}", ("odd-address",)),
        (f"l{LOCAL}@example.org", ("odd-address",)),
        ("a@example.org, b@example.org", ("several-mailboxes", "odd-from")),
        ("Anna <a@b\u00fccher.example>", ()),
        ("b\u00f6ss@example.org", ("non-ascii-local-part",)),
        ("a@" + "\u00fc" * 64 + ".example", ("bad-domain",)),
        ("a@\u0441orp.example", ("mixed-scripts",)),
        ("a@\u0441\u043e\u0440.\u0440\u0444", ()),
        ("Anna \uff1ca@example.org", ("no-mailbox",)),
        ("Anna <a@example.org", ("unclosed-delimiter", "no-mailbox")),
        ("<=?a@example.net>, <b@example.org>", ("several-mailboxes", "encoded-address")),
        ('"a b"@example.org', ("odd-address",)),
        ('"a\'b"@example.org', ("odd-address",)),
        ("a@\uff45xample.org", ("odd-from",)),
        ("J\u00f6\uff1c <a@example.org>", ("odd-from",)),
        ("\uff58avier <a@example.org>", ()),
        ('"a < =?utf-8?q?x?= b" <a@example.org>', ()),
        ("boss@example.org;=?utf-8?b?Ym9@Bjb3?=<x<a@example.net>", ("unreadable-addresses",)),
        ("\uff1cAnna\uff1e <a@example.org>", ("odd-from",)),
        ("An\u00ada <a@example.org>", ("odd-from",)),
        ("Jörg <a@example.org>", ()),
        ("a@example.org <b@example.org>", ("odd-from",)),
    ],
)
def test_what_speaks_against_a_sender_is_named(value: str, found: tuple[str, ...]) -> None:
    assert set(found) <= set(defects(value))
    assert bool(found) == bool(defects(value))


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("", None),
        ("nobody at all", None),
        ("Anna (anna@example.org", "anna@example.org"),
        ("x <<anna@example.org", "anna@example.org"),
        ("Other@example.org <Anna@Example.org", "anna@example.org"),
        ("Anna [anna@example.org.]; (", "anna@example.org"),
        ("Anna @example.org anna@ <", None),
        ("a@example.org, b@example.org", "a@example.org"),
        ("(@anna@example.org", "@anna@example.org"),
        ("<b@example.org <anna@example.org", "anna@example.org"),
        ("a@example.org <nobody> b@example.org", "a@example.org"),
        ("(a@b@example.org", "a@b@example.org"),
        ("(.xaver@example.mx.", "xaver@example.mx"),
    ],
)
def test_the_best_guess_at_a_sender_is_shown_with_its_defects(value: str, address: str | None) -> None:
    read = people(f"From: {value}")
    assert (read.sender.address if read.sender else None) == address
    assert read.defects
