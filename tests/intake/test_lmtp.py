"""LMTP over TCP and Unix sockets: one mail, one row, one reply for each recipient."""

from __future__ import annotations

import shutil
import socket
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import peewee
import pytest

from gateway.errors import ConfigurationError
from gateway.intake import lmtp
from gateway.intake.accept import Door
from gateway.intake.data import SpoolMemory
from gateway.intake.envelope import envelope_from_json
from gateway.intake.listener import Place
from gateway.intake.lmtp import LmtpListener
from gateway.intake.smtp import SmtpThread
from gateway.intake.smtp_limits import Timeouts
from gateway.mail import Transport
from gateway.settings.tables import Lmtp
from tests.intake.desk import DESK, Clock, RawClient, a_mail, is_recipient, rows, stored

THREE = ("helpdesk@example.com", "helpdesk+one@example.com", "helpdesk+two@example.com")

Start = Callable[..., SmtpThread]


@pytest.fixture
def start(clock: Clock) -> Iterator[Start]:
    with ExitStack() as stack:

        def started(
            door: Door, *, listen: str = "127.0.0.1:0", size_limit_bytes: int = 1_000_000, **options: Any
        ) -> SmtpThread:
            listener = LmtpListener(
                Lmtp(listen=listen),
                size_limit_bytes=size_limit_bytes,
                is_recipient=is_recipient,
                door=door,
                clock=clock,
                memory=SpoolMemory(16 * 1024 * 1024),
                **(options or {"hostname": "desk.example.com"}),
            )
            thread = SmtpThread(listener).start()
            stack.callback(thread.stop, 1.0)
            return thread

        yield started


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose name is short enough for a Unix socket."""
    folder = Path(tempfile.mkdtemp(prefix="lmtp-"))
    yield folder
    shutil.rmtree(folder)


def test_each_accepted_recipient_has_its_reply_and_the_mail_one_row(start: Start, door: Door) -> None:
    with RawClient(start(door).port) as client:
        assert client.greeting == "220 desk.example.com LMTP"
        client.begin(*THREE, hello="LHLO mx")
        assert client.say("RCPT TO:<nobody@example.com>").startswith("550 5.1.1")
        replies = [client.data(a_mail() + b".\r\n"), client.reply(), client.reply()]
        assert client.say("NOOP") == "250 2.0.0 OK"

    (row,) = rows()
    assert replies == [f"250 2.0.0 Accepted as {row.id}"] * 3
    assert stored(row.id) == a_mail()
    envelope = envelope_from_json(row.envelope)
    assert (envelope.transport, envelope.recipients, envelope.helo) == (Transport.LMTP, THREE, "mx")


def test_the_same_recipient_twice_has_two_replies(start: Start, sqlite_door: Door) -> None:
    with RawClient(start(sqlite_door).port) as client:
        client.begin(DESK, DESK, hello="LHLO mx")
        assert client.data(a_mail() + b".\r\n").startswith("250")
        assert client.reply().startswith("250")

    assert envelope_from_json(rows()[0].envelope).recipients == (DESK,)


def test_a_refused_mail_is_refused_for_each_recipient(start: Start, sqlite_door: Door) -> None:
    with RawClient(start(sqlite_door, size_limit_bytes=2000).port) as client:
        client.begin(*THREE, hello="LHLO mx")
        replies = [client.data(b"x" * 2001 + b"\r\n.\r\n"), client.reply(), client.reply()]
        assert [reply[:9] for reply in replies] == ["552 5.3.4"] * 3
        assert client.say("NOOP") == "250 2.0.0 OK"


def test_a_mail_in_circles_is_refused_for_each_recipient(start: Start, sqlite_door: Door) -> None:
    hop = b"Received: from a.example.net by b.example.net; Tue, 7 Jul 2026 09:00:00 +0000\r\n"
    with RawClient(start(sqlite_door).port) as client:
        client.begin(*THREE, hello="LHLO mx")
        replies = [client.data(hop * 51 + a_mail() + b".\r\n"), client.reply(), client.reply()]
        assert [reply[:9] for reply in replies] == ["554 5.4.6"] * 3
        client.begin(DESK, hello="LHLO mx")
        assert client.data(hop * 50 + a_mail() + b"\r\n" + hop + b".\r\n").startswith("250")


def test_a_locked_database_is_451_for_each_recipient(start: Start, sqlite: peewee.Database, clock: Clock) -> None:
    assert isinstance(sqlite, peewee.SqliteDatabase)
    sqlite.timeout = 0.05
    other = sqlite3.connect(sqlite.database, isolation_level=None)
    with Door(sqlite, clock=clock) as door, RawClient(start(door).port) as client:
        other.execute("BEGIN IMMEDIATE")
        client.begin(*THREE, hello="LHLO mx")
        replies = [client.data(a_mail() + b".\r\n"), client.reply(), client.reply()]
        other.execute("ROLLBACK")
        client.begin(*THREE, hello="LHLO mx")
        again = [client.data(a_mail() + b".\r\n"), client.reply(), client.reply()]
    other.close()

    assert [reply[:9] for reply in replies] == ["451 4.3.0"] * 3
    assert [reply[:9] for reply in again] == ["250 2.0.0"] * 3


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [("[::1]:24", "::1", 24), ("mx.example.mx:2424", "mx.example.mx", 2424), (":24", "", 24)],
)
def test_a_place_is_a_host_and_a_port(listen: str, host: str, port: int) -> None:
    assert lmtp._place(listen) == Place(key="lmtp.listen", host=host, port=port)


def test_a_desk_without_a_name_has_that_of_its_machine(start: Start, sqlite_door: Door) -> None:
    with RawClient(start(sqlite_door, timeouts=Timeouts()).port) as client:
        assert client.greeting == f"220 {socket.gethostname()} LMTP"


@pytest.mark.parametrize("greeting", ["EHLO mx", "HELO mx"])
def test_the_greetings_of_smtp_are_not_understood(start: Start, sqlite_door: Door, greeting: str) -> None:
    with RawClient(start(sqlite_door).port) as client:
        assert client.say(greeting).startswith("500 5.5.2")


def test_a_unix_socket_takes_mail_and_vanishes_at_the_end(start: Start, sqlite_door: Door, folder: Path) -> None:
    path = folder / "lmtp.sock"
    thread = start(sqlite_door, listen=f"unix:{path}")
    with RawClient(str(path)) as client:
        client.begin(hello="LHLO mx")
        assert client.data(a_mail() + b".\r\n").startswith("250")
    thread.stop(1.0)

    assert envelope_from_json(rows()[0].envelope).peer == ""
    assert not path.exists()


def test_the_socket_of_a_killed_gateway_is_replaced(start: Start, sqlite_door: Door, folder: Path) -> None:
    path = folder / "lmtp.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    start(sqlite_door, listen=f"unix:{path}")

    with RawClient(str(path)) as client:
        assert client.greeting.startswith("220")


def test_the_socket_of_a_living_process_is_left_to_it(start: Start, sqlite_door: Door, folder: Path) -> None:
    path = folder / "lmtp.sock"
    start(sqlite_door, listen=f"unix:{path}")

    with pytest.raises(ConfigurationError, match=r"\blmtp\.listen\b.*another process"):
        start(sqlite_door, listen=f"unix:{path}")
    with RawClient(str(path)) as client:
        assert client.greeting.startswith("220")
