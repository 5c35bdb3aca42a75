"""The digest: the same for the same words of the author, whatever servers do to a mail on its way."""

from __future__ import annotations

import hashlib
import io
import tempfile
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.intake.digest import HEADER_LIMIT_BYTES, message_digest

MAIL = (
    b"From: Erika <erika@example.com>\n"
    b"To: helpdesk@example.com,\n boss@example.com\n"
    b"Subject: Printer\n"
    b"Message-ID: <1@example.com>\n"
    b"Content-Type: text/plain\n"
    b"\n"
    b"It is on fire.\n\nPlease help.\n"
)
NAMES = ["Received", "X-Spam-Status", "Delivered-To", "Return-Path", "X-Forefront-Report", "ARC-Seal", "List-Id"]

words = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"), min_size=1, max_size=12)
octets = st.text(st.sampled_from("ab.\r\n \t:é\0"), max_size=60).map(str.encode)


def digest(content: bytes) -> bytes:
    return message_digest(content).digest


@given(st.lists(st.tuples(st.sampled_from(NAMES), words), max_size=5), st.integers(0, 4))
def test_trace_and_filter_headers_change_nothing(added: list[tuple[str, str]], position: int) -> None:
    lines = MAIL.split(b"\n")
    places = [0, 1, 3, 4, 5]
    extra = [f"{name}: {value}".encode() for name, value in added]
    changed = b"\n".join([*lines[: places[position]], *extra, *lines[places[position] :]])

    assert digest(changed) == digest(MAIL)


@given(octets)
def test_line_ends_change_nothing(text: bytes) -> None:
    lf = (MAIL + text).replace(b"\r\n", b"\n")
    crlf = b"\r\n".join(lf.split(b"\n"))

    # A CR before a line end would make one more CRLF of it.
    if b"\r\n" not in lf:
        assert digest(crlf) == digest(lf)


@given(st.data())
def test_one_octet_of_the_author_changes_it(data: st.DataObject) -> None:
    content = MAIL.replace(b"Content-Type: text/plain\n", b"")
    author_octets = [index for index, octet in enumerate(content) if chr(octet).isalnum()]
    # A letter of a field's name is the author's too, unless the field becomes one that we pass over.
    index = data.draw(st.sampled_from(author_octets))
    changed = bytearray(content)
    changed[index] = changed[index] ^ 1

    assert digest(bytes(changed)) != digest(content)


@pytest.mark.parametrize("name", [b"From", b"To", b"Cc", b"Date", b"Subject", b"Message-ID"])
def test_each_field_of_the_author_counts(name: bytes) -> None:
    assert digest(name + b": a\n\ntext") != digest(name + b": b\n\ntext")


def test_order_folding_and_case_of_names_change_nothing() -> None:
    one = b"From: a@example.com\nSubject: a long\n subject\nTo: b@example.com\n\ntext\n"
    other = b"TO:b@example.com\nfrom:   a@example.com\nSubject: a\n\tlong subject\n\ntext\n"

    assert digest(one) == digest(other)


def test_a_value_can_not_pass_for_another_field() -> None:
    assert digest(b"From: a\nTo: b\n\n") != digest(b"From: a to:b\n\n")
    assert digest(b"Subject: a\nSubject: b\n\n") != digest(b"Subject: a b\n\n")


def test_empty_lines_at_the_end_change_nothing_and_elsewhere_they_do() -> None:
    assert digest(MAIL + b"\r\n\r\n") == digest(MAIL) == digest(MAIL.rstrip(b"\n"))
    assert digest(MAIL.replace(b"fire.\n\n", b"fire.\n\n\n")) != digest(MAIL)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(b"printer broken", b"screen broken", id="no header at all"),
        pytest.param(b"Printer: broken", b"Printer: stolen", id="one line that looks like a field"),
        pytest.param(b"Subject: x\nprinter broken\n", b"Subject: x\nscreen broken\n", id="no empty line"),
        pytest.param(
            b"Subject: x\nprinter broken\n\nbye", b"Subject: x\nscreen broken\n\nbye", id="text in the header"
        ),
        pytest.param(b"", b"x", id="nothing"),
        pytest.param(b"\n\nx", b"\n\ny", id="empty header"),
        pytest.param(
            b"X: " + b"a" * HEADER_LIMIT_BYTES + b"\n\nx",
            b"X: " + b"b" * HEADER_LIMIT_BYTES + b"\n\nx",
            id="huge header",
        ),
    ],
)
def test_words_count_where_there_is_no_proper_header(one: bytes, other: bytes) -> None:
    assert digest(one) != digest(other)


@given(octets, octets)
def test_a_file_and_its_bytes_have_the_same_digest(header: bytes, body: bytes) -> None:
    content = header + b"\r\n\r\n" + body

    assert message_digest(io.BytesIO(content)) == message_digest(content)


@pytest.mark.parametrize("shift", range(4))
def test_where_a_piece_ends_changes_nothing(shift: int) -> None:
    """Files are read in pieces of 1 MiB; a CRLF may lie across the border."""
    header = b"Subject: x\r\n\r\n"
    filler = b"a" * (1024 * 1024 - len(header) - shift)
    content = header + filler + b"\r\n.\r\n" + b"\r\n" * 600_000 + b"end\r\n"

    assert digest(content) == digest(content.replace(b"\r\n", b"\n"))
    assert message_digest(io.BytesIO(content)).sha256 == hashlib.sha256(content).digest()
    assert message_digest(content).size_bytes == len(content)


@pytest.mark.parametrize(
    ("header", "has_identity"),
    [
        (b"Message-ID: <1@example.com>", True),
        (b"date: today", True),
        (b"Message-ID:", False),
        (b"Subject: daily report", False),
        (b"Message-ID : <1@example.com>", True),
        (b"X-Message-ID: <1@example.com>", False),
    ],
)
def test_identity_is_a_message_id_or_a_date(header: bytes, has_identity: bool) -> None:
    assert message_digest(header + b"\n\ntext").has_identity is has_identity


class Dribble(io.BytesIO):
    """A file that gives fewer octets than it is asked for, as a pipe may."""

    def __init__(self, content: bytes, *, at_once: int) -> None:
        super().__init__(content)
        self._at_once = at_once

    def read(self, _: int | None = -1, /) -> bytes:
        return super().read(self._at_once)


@pytest.mark.parametrize(
    ("mail", "hashed"),
    [
        (
            b"Received: x\r\nSubject:  It\r\n  broke \r\nFrom: a@example.com\r\n\r\nHello\r\n\r\nErika\r\n\r\n",
            b"from:a@example.com\nsubject:It broke\n\n" + b"\nHello\n\nErika",
        ),
        (b"\r\n\r\n\r\nHello\r\n", b"\n" + b"\n\n\nHello"),
        (b"Date: 1\nHello Anna\nSubject: x\n\nBody", b"date:1\n\n" + b"Hello Anna\nSubject: x\n\nBody"),
        (b" folded: x\nSubject: y\n\nBody", b"\n" + b" folded: x\nSubject: y\n\nBody"),
        (b"Subject: y\nPrinter: broken", b"subject:y\n\n" + b"Subject: y\nPrinter: broken"),
        (b"Hello", b"\n" + b"Hello"),
        (b"Hello\r", b"\n" + b"Hello\r"),
        (b"", b"\n"),
    ],
)
def test_the_digests_of_the_ledger_stay_valid(mail: bytes, hashed: bytes) -> None:
    """They lie in the database for years: with another form, every mail sent again would be a new one."""
    expected = hashlib.sha256(hashed).digest()
    assert message_digest(mail).digest == expected
    assert message_digest(Dribble(mail, at_once=3)).digest == expected


@pytest.mark.parametrize(("too_many", "ends"), [(0, True), (1, False)])
def test_a_header_ends_within_256_kib_or_is_none(too_many: int, ends: bool) -> None:
    def mail(letter: bytes) -> bytes:
        before, after = b"From: a@example.com\nX-Filter: ", b"\n\n"
        filling = letter * (256 * 1024 + too_many - len(before) - len(after))
        return before + filling + after + b"Date: 1\n\nHello"

    assert (message_digest(mail(b"a")).digest == message_digest(mail(b"b")).digest) is ends
    assert message_digest(Dribble(mail(b"a"), at_once=20_000)).digest == message_digest(mail(b"a")).digest
    assert not message_digest(mail(b"a")).has_identity


def test_a_field_behind_the_first_256_kib_is_no_identity() -> None:
    mail = b"From: a@example.com\nX-Filter: " + b"x" * 256 * 1024 + b"\nDate: 1\nHello"
    read = message_digest(mail)
    assert not read.has_identity
    assert message_digest(Dribble(mail, at_once=20_000)) == read


@pytest.mark.parametrize("beginning", [b"From: a@example.com\n\n", b"no header ", b"Subject: x\nX-Filter: "])
def test_a_big_mail_is_never_in_memory_as_a_whole(beginning: bytes) -> None:
    with tempfile.TemporaryFile() as file:
        for piece in (beginning, *[b"x" * 1024 * 1024] * 16):
            file.write(piece)
        tracemalloc.start()
        try:
            message_digest(file)
            most_bytes = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert most_bytes < 8 * 1024 * 1024
