"""Mails made to hang or break a parser: each gives a `Mail`, soon, and keeps what its header says."""

from __future__ import annotations

import base64
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.parse import extract_parts, mark_passages, parse

HEAD = b"From: a@example.net\r\nTo: b@example.org\r\nSubject: kept\r\nMIME-Version: 1.0\r\n"
TEXT = HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
HTML = HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n"

MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=B\r\n\r\n"


def nested(depth: int) -> bytes:
    opening = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(depth))
    return HEAD + opening + b"Content-Type: text/plain\r\n\r\nhi\r\n"


def embedded(depth: int) -> bytes:
    return HEAD + b"Content-Type: message/rfc822\r\n\r\nSubject: n\r\n" * depth + b"\r\nhi\r\n"


def header(line: bytes) -> bytes:
    return HEAD + line + b"\r\n\r\nhi\r\n"


REFUSED = {
    "deep multiparts": nested(3_000),
    "rather deep multiparts": nested(60),
    "deep messages": embedded(1_000),
    "many parts": MIXED + b"--B\r\n\r\nx\r\n" * 20_000,
    "many headers": HEAD + b"".join(b"X-H%d: v\r\n" % i for i in range(20_000)) + b"\r\nhi",
    "long header": header(b"X-Long: " + b"a" * 1_000_000),
}
BORNE = {
    "many words in the subject": header(b"Subject: " + b"=?utf-8?q?a?= " * 10_000),
    "punycode subject": header(b"Subject: =?punycode?q?" + b"a" * 50_000 + b"?="),
    "many addresses": header(b"Cc: " + b",".join(b"u%d@example.org" % i for i in range(10_000))),
    "quotes in an address": header(b"Cc: " + b'"\\' * 20_000),
    "brackets in an address": header(b"Reply-To: " + b"(" * 20_000),
    "angles in an address": header(b"Cc: " + b"<" * 20_000),
    "many parameters": header(b"Content-Type: text/plain" + b"".join(b"; name*%d*=a" % i for i in range(4_000))),
    "semicolons": header(b"Content-Disposition: attachment" + b";" * 50_000),
    "the same boundary twice": MIXED
    + b"--B\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\nx\r\n--B--\r\n",
    "charset with NUL in a part": MIXED + b'--B\r\nContent-Type: text/plain; charset="a\0b"\r\n\r\nh\xffi\r\n--B--\r\n',
    "slow charset of a charset": MIXED
    + (b"--B\r\nContent-Type: text/plain; charset*=punycode'x'" + b"a" * 60_000 + b"\r\n\r\nx\r\n") * 20,
    "semicolons in many parts": MIXED
    + (b"--B\r\nContent-Disposition: attachment" + b";" * 20_000 + b"\r\n\r\nx\r\n") * 400,
    "charset with NUL": HEAD + b'Content-Type: text/plain; charset="a\0b"\r\n\r\nh\xffi',
    "punycode body": HEAD + b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a" * 400_000,
    "a year far away": header(b"Date: Mon, 1 Jun 99999999999 10:00:00 +0000"),
    "nested comments": header(b"Authentication-Results: " + b"(" * 50_000),
    "line ends": TEXT + b"\n" * 3_000_000,
    "returns": TEXT + b"\r" * 3_000_000,
    "blank lines and an attribution": TEXT + b"\r\n" * 100_000 + b"On x wrote:\r\n",
    "On On On": TEXT + b"On " * 100_000 + b"\r\nOn a@b.example wrote:",
    "Op schreef": TEXT + b"Op a schreef " * 40_000 + b":",
    "spaces": TEXT + b" " * 300_000 + b"x:\r\n________\r\n",
    "labels": TEXT + b"x\r\n" + b"From: a@b.example\r\nTo: b\r\n" * 10_000,
    "attributions": TEXT + b"On 2026-01-01 10:00 a@b.example wrote\r\n" * 10_000,
    "quotes in turn": TEXT + b"> x\r\ny 2026 10:00 a@b.example:\r\n" * 10_000,
    "marks": TEXT + b">" * 300_000,
    "nested div": HTML + b"<div>" * 50_000 + b"x",
    "open comments": HTML + b"<!--" * 100_000,
    "open tags": HTML + b"<a " * 100_000,
    "hidden parts": HTML + b"<p style='display:none'>z</p>" * 10_000,
    "links": HTML + b"<a href='http://x.example/y'>z</a>" * 10_000,
    "quotes": HTML + b"<blockquote type=cite>a:</blockquote>" * 10_000,
    "nested quotes": HTML + b"<blockquote type=cite>" * 900 + b"x",
    "false bounce": header(b"X-Failed-Recipients: a@b.example") + b"<a@b.example>\r\n" * 20_000,
    "empty": b"",
    "NUL only": b"\0" * 100,
    "no header": b"\r\nonly text",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_too_much_is_named_and_keeps_its_header(name: str) -> None:
    started = time.process_time()
    mail = parse(REFUSED[name])
    assert mail.defect and "unexpected" not in mail.defect
    assert mail.subject == "kept" and mail.sender is not None and mail.sender.address == "a@example.net"
    assert time.process_time() - started < 5


@pytest.mark.parametrize("name", BORNE)
def test_what_hangs_libraries_is_read_soon(name: str) -> None:
    started = time.process_time()
    mail = parse(BORNE[name])
    assert "unexpected" not in mail.defect
    assert time.process_time() - started < 5


def test_many_recipients_are_cut_to_a_hundred() -> None:
    assert len(parse(BORNE["many addresses"]).cc) == 100


def big_mail(size: int) -> tuple[bytes, bytes]:
    content = bytes(range(256)) * (size // 256)
    encoded = base64.encodebytes(content).replace(b"\n", b"\r\n")
    raw = (
        HEAD + b"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: text/plain\r\n\r\nsee file\r\n"
        b"--B\r\nContent-Type: application/zip; name=big.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + encoded + b"--B\r\nContent-Type: image/png; name=small.png\r\n\r\npng\r\n--B--\r\n"
    )  # fmt: skip
    return raw, content


@pytest.mark.parametrize("size", [1_000, 200_000, 3_000_000])
def test_long_bodies_come_back_whole(size: int) -> None:
    raw, content = big_mail(size)
    mail = parse(raw)
    assert mail.new_text == "see file"
    assert [(a.filename, a.size_bytes) for a in mail.attachments] == [("big.zip", len(content)), ("small.png", 3)]
    assert extract_parts(raw, [2]) == {2: content}


def test_a_very_big_mail_is_not_decoded_and_costs_little_memory() -> None:
    raw, content = big_mail(20_000_000)
    tracemalloc.start()
    mail = parse(raw)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000
    assert mail.attachments[0].sha256 == ""
    assert abs(mail.attachments[0].size_bytes - len(content)) < len(content) // 100


def test_a_long_body_inside_an_embedded_mail_is_whole_again() -> None:
    inner, content = big_mail(300_000)
    outer = (
        HEAD + b"Content-Type: multipart/mixed; boundary=O\r\n\r\n--O\r\nContent-Type: message/rfc822\r\n\r\n" + inner
    )
    outer += b"\r\n--O--\r\n"
    mail = parse(outer)
    assert [a.filename for a in mail.attachments] == ["kept.eml"]
    restored = extract_parts(outer, [mail.attachments[0].number])[mail.attachments[0].number]
    assert extract_parts(restored, [2])[2] == content


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 600), st.integers(0, 40))
def test_damaged_mails_never_raise(noise: bytes, position: int, cut: int) -> None:
    raw = nested(2) + b"--b1--\r\n--b0\r\nContent-Type: text/html; charset=gb2312\r\n\r\n<p>x</p>\r\n--b0--\r\n"
    damaged = raw[:position] + noise + raw[position + cut :]
    mail = parse(damaged)
    assert "unexpected" not in mail.defect
    extract_parts(damaged, range(6))
    assert mark_passages(mail.text, answered=mail.text[:50]) is not None
