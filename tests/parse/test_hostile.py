"""Long bodies and damaged mails; the mails made to hang a parser are in tests/hostile."""

from __future__ import annotations

import base64
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.parse import extract_parts, mark_passages, parse

HEAD = b"From: a@example.net\r\nTo: b@example.org\r\nSubject: kept\r\nMIME-Version: 1.0\r\n"


def nested(depth: int) -> bytes:
    opening = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(depth))
    return HEAD + opening + b"Content-Type: text/plain\r\n\r\nhi\r\n"


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


def test_an_embedded_header_that_can_not_be_written_again_costs_only_itself() -> None:
    """A vertical tab ends a line for email.generator, which then sees a header inside a header."""
    inner = b"Subject: inner\r\nX-Odd:\x0bg: a@b;\r\n\r\ntext\r\n"
    raw = HEAD + b"Content-Type: multipart/mixed; boundary=O\r\n\r\n--O\r\nContent-Type: message/rfc822\r\n\r\n"
    mail = parse(raw + inner + b"\r\n--O--\r\n")
    assert (mail.defect, [file.filename for file in mail.attachments]) == ("", ["inner.eml"])


@pytest.mark.parametrize("name", ["charset", "boundary", "name", "report-type"])
def test_pieces_of_a_parameter_without_a_number_cost_only_the_parameter(name: str) -> None:
    """RFC 2231 §3 numbers them; `email` raises where some have a number and others have none."""
    mail = parse(HEAD + f"Content-Type: text/plain; {name}*; {name}*; {name}*1=b\r\n\r\nstill read\r\n".encode())
    assert (mail.defect, mail.new_text) == ("", "still read")
