"""The exact form of what is written into headers: every limit from both sides, every fold to the octet."""

from __future__ import annotations

from collections.abc import Callable
from email.header import Header

import pytest

from gateway.compose.failures import LetterRefused
from gateway.compose.headers import (
    MAX_LINE_OCTETS,
    POLICY,
    Plan,
    check_plan,
    checked_address,
    checked_id,
    checked_text,
    clean_value,
    has_long_line,
    is_writable_id,
    mailbox,
    references,
    written_headers,
)
from gateway.mail import Address

ERIKA = "erika@example.com"
LABEL = "d" * 63


def folded(name: str, value: str) -> str:
    return written_headers(((name, value),)).decode("ascii")


@pytest.mark.parametrize(
    "text",
    [
        "x" * 60 + "  " + "y" * 20,
        " " + "x" * 66,
        "x" * 66 + " ",
        " " + "x" * 60 + " " + "y" * 20,
        "x" * 60 + " " + "y" * 20 + " ",
        "word " * 15 + " end",
    ],
)
def test_spaces_at_a_fold_stand_where_the_standard_library_puts_them(text: str) -> None:
    expected = Header(text, "us-ascii", continuation_ws=" ").encode(splitchars=" ", maxlinelen=67, linesep="\r\n")
    assert folded("Subject", text) == f"Subject: {expected}\r\n"


def test_a_cleaned_value_is_one_line_without_an_encoded_word() -> None:
    assert clean_value("a\r\n b =?utf-8?q?x?= c") == "a b = ?utf-8?q?x?= c"


@pytest.mark.parametrize(
    "address",
    [
        *("a@b", "a" * 64 + "@b", '"a"@b', '"' + "a" * 62 + '"@b', "a@_srv.example", "a@" + LABEL),
        *(f"a@{LABEL}.{LABEL}", "a@[1]", "a@[" + "1" * 60 + "]", "a@[IPv6:2001:db8::1]", '"a@b"@c'),
    ],
)
def test_the_longest_and_the_shortest_address_are_written_as_they_are(address: str) -> None:
    assert checked_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        *("@b", "a" * 65 + "@b", '""@b', '"' + "a" * 63 + '"@b', "a@", "a@" + LABEL + "d", f"a@{LABEL}.{LABEL}d"),
        *("a@[]", "a@[" + "1" * 61 + "]", "a@[1", "a@1]", "a@ü..example", "a@-b", "a@b-.-c", 'a"@b', '"a@b', "a@b\n"),
        *("=?a@b", "a=?b@c", "ab", "a@b c"),
    ],
)
def test_one_octet_more_or_less_is_refused_and_the_refusal_shows_the_address(address: str) -> None:
    with pytest.raises(LetterRefused) as refused:
        checked_address(address)
    assert repr(address[:100]) in str(refused.value)


def test_a_domain_of_any_script_is_written_in_ascii() -> None:
    assert checked_address("info@bücher.example") == "info@xn--bcher-kva.example"


def test_an_address_is_as_long_as_a_path_may_be() -> None:
    domain = ".".join([LABEL] * 3)
    longest = f"{'a' * (253 - len(domain))}@{domain}"
    assert checked_address(longest) == longest
    with pytest.raises(LetterRefused):
        checked_address(f"a{longest}")


@pytest.mark.parametrize("an_id", ["<a>", "<" + "a" * 900 + ">", "<!;?=~@b>", "<a=b?c>"])
def test_an_id_in_angle_brackets_is_written_whole(an_id: str) -> None:
    assert is_writable_id(an_id) is True
    assert checked_id(an_id) == an_id


@pytest.mark.parametrize(
    "an_id",
    ["", "<>", "a", "<a", "a>", "<" + "a" * 901 + ">", "<a b>", "<a<b>", "<a>b>", "<a=?b>", "<a\n>", "<ä>", "<a>\n"],
)
def test_another_id_is_never_written(an_id: str) -> None:
    assert is_writable_id(an_id) is False
    with pytest.raises(LetterRefused):
        checked_id(an_id)


@pytest.mark.parametrize("value", ["", "auto-replied", " !~", "a" * 500])
def test_a_machines_value_is_written_as_it_is(value: str) -> None:
    assert checked_text("X-A", value) == value


@pytest.mark.parametrize("value", ["a" * 501, "ä", "a\n", "a\x1f", "\x7f", "a=?b", "a\r\nBcc: b"])
def test_another_value_of_a_machine_is_refused(value: str) -> None:
    with pytest.raises(LetterRefused):
        checked_text("X-A", value)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("", ERIKA),
        (" \r\n ", ERIKA),
        ("Erika Muster", f"Erika Muster <{ERIKA}>"),
        ("O'Neill-{x}", f"O'Neill-{{x}} <{ERIKA}>"),
        ("Muster, Erika", f'"Muster, Erika" <{ERIKA}>'),
        ("Erika.", f'"Erika." <{ERIKA}>'),
        ('a "b" \\c', f'"a \\"b\\" \\\\c" <{ERIKA}>'),
        ("Änne, M.", f"Änne, M. <{ERIKA}>"),
        ("x" * 101, "x" * 100 + f" <{ERIKA}>"),
        ("x" * 99 + " y", "x" * 99 + f" <{ERIKA}>"),
    ],
)
def test_a_mailbox_quotes_what_must_be_quoted_and_nothing_else(name: str, written: str) -> None:
    assert mailbox(Address(address=ERIKA, name=name)) == written


def chain(*lengths: int) -> list[str]:
    return [f"<{number}{'a' * (length - 3)}>" for number, length in enumerate(lengths)]


def test_the_chain_has_twenty_ids_and_a_kilobyte_and_three_whatever_their_length() -> None:
    twenty = [f"<{number:02}>" for number in range(20)]
    assert references(twenty, "") == tuple(twenty)
    assert references([*twenty, "<20>"], "") == (*twenty[:2], *twenty[3:], "<20>")
    fitting = chain(255, 255, 255, 256)
    assert len(" ".join(fitting)) == 1024
    assert references(fitting, "") == tuple(fitting)
    above = chain(255, 255, 256, 256)
    assert references(above, "") == (*above[:2], above[3])
    three = chain(600, 600, 600)
    assert references(three, "") == tuple(three)
    assert references([*three, "<x>"], "") == (*three[:2], "<x>")


def test_what_cannot_be_written_is_no_part_of_the_chain_not_even_as_the_answered_one() -> None:
    assert references(["<a>", "<b c>", "<a>", "<d>"], "<e f>") == ("<a>", "<d>")
    assert references(["<a>", "<b>"], "<a>") == ("<b>", "<a>")


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        # A machine's words
        ("X-A", "b", "X-A: b\r\n"),
        ("X-A", "b" * 35 + " " + "c" * 35, f"X-A: {'b' * 35} {'c' * 35}\r\n"),
        ("X-A", "b" * 35 + " " + "c" * 36, f"X-A: {'b' * 35}\r\n {'c' * 36}\r\n"),
        ("X-A", f"{'b' * 35}  {'c' * 34}", f"X-A: {'b' * 35}  {'c' * 34}\r\n"),
        ("X-A", "b" * 80, f"X-A: {'b' * 80}\r\n"),
        ("X-A", "b" * 80 + " c", f"X-A: {'b' * 80}\r\n c\r\n"),
        ("X-A", "b " + "c" * 80 + " d e", f"X-A: b\r\n {'c' * 80}\r\n d e\r\n"),
        ("X-A", "b " * 35 + "c", f"X-A: {'b ' * 35}c\r\n"),
        ("X-A", "b " * 36 + "c", f"X-A: {'b ' * 35}b\r\n c\r\n"),
        ("X-A", f"{'b' * 71} {'c' * 75} d", f"X-A: {'b' * 71}\r\n {'c' * 75}\r\n d\r\n"),
        ("X-A", f"{'b' * 71} {'c' * 73} d", f"X-A: {'b' * 71}\r\n {'c' * 73} d\r\n"),
        ("X-A", f"{'b' * 71} {'c' * 74} d", f"X-A: {'b' * 71}\r\n {'c' * 74}\r\n d\r\n"),
        ("X-A", "ä", "X-A: ?\r\n"),
        # Mailboxes
        *((name, ERIKA, f"{name}: {ERIKA}\r\n") for name in ("From", "To", "Reply-To")),
        ("To", f"Erika <{ERIKA}>", f"To: Erika <{ERIKA}>\r\n"),
        ("To", f"{'x' * 52} <{ERIKA}>", f"To: {'x' * 52} <{ERIKA}>\r\n"),
        ("To", f"{'x' * 53} <{ERIKA}>", f"To: {'x' * 53}\r\n <{ERIKA}>\r\n"),
        ("To", f'"a <b" <{ERIKA}>', f'To: "a <b" <{ERIKA}>\r\n'),
        *((name, f"Änne <{ERIKA}>", f"{name}: =?utf-8?b?w4RubmU=?= <{ERIKA}>\r\n") for name in ("From", "To")),
        (
            "Reply-To",
            f"Änne {'x' * 60} <{ERIKA}>",
            f"Reply-To: =?utf-8?q?=C3=84nne_{'x' * 44}?=\r\n =?utf-8?q?{'x' * 16}?= <{ERIKA}>\r\n",
        ),
        # Words of people
        ("Subject", "Re: VPN", "Subject: Re: VPN\r\n"),
        ("Subject", f"{'b' * 30} {'c' * 36}", f"Subject: {'b' * 30} {'c' * 36}\r\n"),
        ("Subject", f"{'b' * 30} {'c' * 37}", f"Subject: {'b' * 30}\r\n {'c' * 37}\r\n"),
        ("Subject", f"{'b' * 60} {'c' * 60}", f"Subject: {'b' * 60}\r\n {'c' * 60}\r\n"),
        ("Subject", "b" * 74, "Subject: " + "b" * 74 + "\r\n"),
        # A line of nothing but white space would end the header for some readers.
        ("Subject", "b" * 67 + " ", "Subject: " + "b" * 67 + " \r\n"),
        ("Subject", " " + "b" * 67, "Subject:  " + "b" * 67 + "\r\n"),
        ("Subject", "Störung", "Subject: =?utf-8?q?St=C3=B6rung?=\r\n"),
    ],
)
def test_a_header_is_folded_before_the_77th_octet_and_only_at_white_space(name: str, value: str, written: str) -> None:
    assert folded(name, value) == written


@pytest.mark.parametrize("value", ["b" * 75, "Re: " + "b" * 75])
def test_a_word_too_long_to_fold_is_encoded_in_free_text(value: str) -> None:
    lines = folded("Subject", value).split("\r\n")
    assert len(lines) == 3
    assert all("=?utf-8?" in line and len(line) <= 76 for line in lines[:2])


def test_the_headers_of_a_mail_stand_in_the_order_of_the_plan() -> None:
    assert written_headers((("Subject", "a"), ("X-B", "c"), ("To", ERIKA))) == (
        b"Subject: a\r\nX-B: c\r\nTo: erika@example.com\r\n"
    )


@pytest.mark.parametrize("name", ["Content-Type", "Content-Transfer-Encoding", "Content-ID"])
def test_a_parts_header_is_taken_as_it_is(name: str) -> None:
    value = f'text/plain; charset="utf-8"; {"a" * 40}; b=c'
    header = POLICY.header_factory(name, value)
    assert (str(header), header.max_count) == (value, 1)
    assert header.fold(policy=POLICY) == f'{name}: text/plain; charset="utf-8";\r\n {"a" * 40}; b=c\r\n'


def test_parts_are_written_for_seven_bit_ways_with_the_lines_of_smtp() -> None:
    assert (POLICY.cte_type, POLICY.max_line_length, POLICY.linesep, MAX_LINE_OCTETS) == ("7bit", 76, "\r\n", 998)


PLAN: Plan = (("From", ERIKA), ("Subject", "Störung am Drucker"), ("X-Words", "a b"))
MAIL = (
    written_headers(PLAN) + b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
)


def test_a_mail_that_says_what_was_planned_may_go() -> None:
    check_plan(MAIL + b"Words\r\n" + b"x" * 998 + b"\r\nFrom: body\r\n", PLAN)
    check_plan(MAIL + b"Words\r\n\r\nmore words\r\n\r\nand: more\r\n", PLAN)
    check_plan(MAIL.replace(b"a b", b"10:30"), (*PLAN[:2], ("X-Words", "10:30")))
    check_plan(MAIL.replace(b"a b", b"a\r\n  b"), PLAN)
    check_plan(MAIL.replace(b"a b", b"\r\n\ta\r\n \r\n b"), PLAN)


def changed(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(old, new, 1)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (changed(b"MIME-Version: 1.0", b"MIME-Version: 1.0\r\nmime-version: 1.0"), "a MIME header stands twice"),
        (changed(b"Content-Type", b"CONTENT-TYPE: text/html\r\nContent-Type"), "a MIME header stands twice"),
        (changed(b"X-Words", b"Bcc: b@example.net\r\nX-Words"), "headers written: From, Subject, Bcc, X-Words, not"),
        (changed(b"X-Words: a b\r\n", b""), "headers written: From, Subject, not"),
        (changed(b"X-Words", b"x-words"), "headers written: From, Subject, x-words, not"),
        (changed(b"X-Words:", b"X Words:"), "no header field: 'X Words: a b'"),
        (changed(b"X-Words:", b"X-Words"), "no header field: 'X-Words a b'"),
        (changed(b"X-Words:", b":"), "no header field: ': a b'"),
        (changed(b"a b", b"a c"), "X-Words does not read as planned"),
        (changed(b"a b", b"a b c"), "X-Words does not read as planned"),
        (changed(b"St=C3=B6rung", b"St=C3=A4rung"), "Subject does not read as planned"),
        (changed(b"Words\r\n", b"W\xf6rds\r\n"), "7-bit"),
        (changed(b"Words\r\n", b"W\0rds\r\n"), "7-bit"),
        (changed(b"Words\r\n", b"Wo\nrds\r\n"), "bare CR or LF"),
        (changed(b"Words\r\n", b"Wo\rrds\r\n"), "bare CR or LF"),
        (changed(b"Words\r\n", b"Wo\n\rrds\r\n"), "bare CR or LF"),
        (changed(b"Words\r\n", b"W" * 999 + b"\r\n"), "above 998"),
    ],
)
def test_a_mail_that_says_something_else_stays(damage: Callable[[bytes], bytes], said: str) -> None:
    data = damage(MAIL + b"Words\r\n")
    assert data != MAIL + b"Words\r\n"
    with pytest.raises(LetterRefused, match=said):
        check_plan(data, PLAN)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_the_longest_line_is_found_wherever_it_stands(end: bytes) -> None:
    for octets in (9, 10, 11, 12, 13):
        too_long = octets > 10
        line = b"x" * octets
        for data in (line, line + end, b"a" + end + line, b"a" + end + line + end, end + line + end + b"b"):
            assert has_long_line(data, 10) is too_long, data
        assert has_long_line((b"y" * 10 + end) * 3 + line + end, 10) is too_long
    assert has_long_line(b"x" * 10 + b"\rx", 10)
    assert not has_long_line(b"", 10)
