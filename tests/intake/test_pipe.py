"""The pipe: the exit code is the answer to the mail server that started us."""

from __future__ import annotations

import io
import os
import sqlite3
from typing import Any, BinaryIO

import peewee
import pytest

from gateway.intake.accept import Door
from gateway.intake.envelope import envelope_from_json
from gateway.intake.pipe import deliver
from gateway.mail import Transport
from tests.intake.desk import DESK, Clock, a_mail, is_recipient, rows, stored


class Delivery:
    """Run `deliver` and keep what it complained of."""

    def __init__(self, door: Door, clock: Clock) -> None:
        self._door = door
        self._clock = clock
        self.complaints: list[str] = []

    def __call__(self, content: bytes | BinaryIO, **options: Any) -> int:
        defaults: dict[str, Any] = {"recipient": DESK, "sender": "erika@example.com", "size_limit_bytes": 5_000_000}
        return deliver(
            io.BytesIO(content) if isinstance(content, bytes) else content,
            door=self._door,
            clock=self._clock,
            is_recipient=is_recipient,
            complain=self.complaints.append,
            **(defaults | options),
        )


@pytest.fixture
def delivery(sqlite_door: Door, clock: Clock) -> Delivery:
    return Delivery(sqlite_door, clock)


def test_a_mail_is_stored_and_the_exit_code_is_zero(door: Door, clock: Clock) -> None:
    delivery = Delivery(door, clock)
    content = a_mail().replace(b"\r\n", b"\n")

    assert delivery(content, recipient="HelpDesk+Key@Example.com") == os.EX_OK
    assert delivery.complaints == []
    (row,) = rows()
    assert stored(row.id) == content
    envelope = envelope_from_json(row.envelope)
    assert envelope.recipients == ("helpdesk+key@example.com",)
    assert (envelope.transport, envelope.reverse_path) == (Transport.PIPE, "erika@example.com")


@pytest.mark.parametrize(
    ("sender", "line", "reverse_path"),
    [
        (None, b"", None),
        ("", b"", ""),
        ("<>", b"", ""),
        ("<erika@example.com>", b"", "erika@example.com"),
        (None, b"From erika@example.com Mon Mar  2 09:00:00 2026\n", "erika@example.com"),
        (None, b"From MAILER-DAEMON Mon Mar  2 09:00:00 2026\n", ""),
        (None, b"From erika Mon Mar  2 09:00:00 2026\n", None),
        ("max@example.com", b"From erika@example.com Mon Mar  2 09:00:00 2026\n", "max@example.com"),
        (None, b"From \n", None),
        (None, b"From erika@example.com\n", "erika@example.com"),
        (None, b"From \xff@example.com Mon Mar  2 09:00:00 2026\n", "\ufffd@example.com"),
        ("<xaver@example.mx>", b"", "xaver@example.mx"),
    ],
)
def test_the_sender_is_told_or_stands_in_the_mbox_line(
    delivery: Delivery, sender: str | None, line: bytes, reverse_path: str | None
) -> None:
    assert delivery(line + a_mail(), sender=sender) == os.EX_OK
    assert stored(rows()[0].id) == a_mail()
    assert envelope_from_json(rows()[0].envelope).reverse_path == reverse_path


def test_a_line_that_only_begins_like_an_mbox_line_is_kept(delivery: Delivery) -> None:
    content = b"From " + b"x" * 3000 + b"\n" + a_mail()

    assert delivery(content) == os.EX_OK
    assert stored(rows()[0].id) == content


@pytest.mark.parametrize("content", [b"", b"From erika@example.com Mon Mar  2 09:00:00 2026\n"])
def test_no_mail_is_bad_data(delivery: Delivery, content: bytes) -> None:
    assert delivery(content) == os.EX_DATAERR
    assert delivery.complaints == ["there is no mail on standard input"]
    assert rows() == []


def test_a_mail_above_the_limit_is_bad_data(delivery: Delivery) -> None:
    assert delivery(b"x" * 3_000_000, size_limit_bytes=2_999_999) == os.EX_DATAERR
    assert delivery.complaints == ["the mail is larger than 2999999 bytes"]
    assert delivery(b"x" * 3_000_000, size_limit_bytes=3_000_000) == os.EX_OK


def test_an_endless_mail_is_not_read_to_its_end(delivery: Delivery) -> None:
    read = 0

    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            nonlocal read
            read += len(buffer)
            return len(buffer)

    assert delivery(io.BufferedReader(Endless()), size_limit_bytes=1_000_000) == os.EX_DATAERR
    assert read < 2_000_000


def test_an_address_that_is_not_the_desks_is_wrong_use(delivery: Delivery) -> None:
    assert delivery(a_mail(), recipient="someone@example.com") == os.EX_USAGE
    assert delivery.complaints == ["'someone@example.com' is not an address of this desk"]


def test_the_same_mail_again_is_a_success(delivery: Delivery) -> None:
    assert [delivery(a_mail()), delivery(a_mail())] == [os.EX_OK, os.EX_OK]
    assert [row.duplicate_of_id for row in rows()] == [None, rows()[0].id]


def test_a_locked_database_is_try_again(sqlite: peewee.Database, clock: Clock) -> None:
    assert isinstance(sqlite, peewee.SqliteDatabase)
    sqlite.timeout = 0.05
    other = sqlite3.connect(sqlite.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Door(sqlite, clock=clock) as door:
        delivery = Delivery(door, clock)
        assert delivery(a_mail()) == os.EX_TEMPFAIL
        other.execute("ROLLBACK")
        other.close()
        assert delivery(a_mail()) == os.EX_OK

    assert delivery.complaints == ["The mail could not be stored, please try again later"]


def test_an_unexpected_error_is_try_again_without_its_words(delivery: Delivery) -> None:
    class Broken(io.BytesIO):
        def readline(self, _: int | None = -1, /) -> bytes:
            raise RuntimeError("secret")

    assert delivery(Broken()) == os.EX_TEMPFAIL
    assert delivery.complaints == ["Something went wrong here, please try again later"]
