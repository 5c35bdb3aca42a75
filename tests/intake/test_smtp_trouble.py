"""SMTP in trouble: floods, limits, clients that hang up, a database that does not answer, and the end."""

from __future__ import annotations

import asyncio
import logging
import socket
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

import peewee
import pytest

from gateway.errors import ConfigurationError
from gateway.intake.accept import Door
from gateway.intake.data import SpoolMemory
from gateway.intake.listener import GuestBook
from gateway.intake.smtp import SmtpListener, SmtpThread
from gateway.intake.smtp_limits import Timeouts
from gateway.intake.smtp_session import SessionOptions, SmtpSession
from gateway.settings.tables import Smtp
from gateway.store.database import connection
from tests.intake.desk import (
    DESK,
    Clock,
    RawClient,
    Start,
    a_mail,
    greeting,
    is_recipient,
    new_database,
    rows,
    stored,
    waiting_rows,
)
from tests.servers.waiting import eventually

MEBIBYTE = 1024 * 1024
END = b"\r\n.\r\n"


def test_a_mail_above_the_limit_is_refused_before_or_after_it_is_sent(start: Start, sqlite_door: Door) -> None:
    with RawClient(start(sqlite_door, size_limit_bytes=100_000)) as client:
        client.say("EHLO client")
        assert client.say("MAIL FROM:<> SIZE=100001").startswith("552 5.3.4")
        client.begin()
        assert client.data(b"x" * 100_000 + END) == "552 5.3.4 The mail is larger than 100000 bytes"
        client.begin()
        assert client.data(b"x" * 99_998 + END).startswith("250")

    assert [row.size_bytes for row in rows()] == [100_000]


def test_an_endless_mail_is_cut_off(start: Start, sqlite_door: Door) -> None:
    with RawClient(start(sqlite_door, size_limit_bytes=100_000)) as client:
        client.begin()
        assert client.data(b"x" * 400_001) == "421 4.7.0 Too much data"
        assert client.is_closed()

    assert rows() == []


def test_a_spool_that_fails_is_temporary_and_the_dialogue_goes_on(
    start: Start, sqlite_door: Door, tmp_path: Path
) -> None:
    """The rest of the mail must not be taken for commands."""
    line = f"RSET\r\nMAIL FROM:<evil@example.net>\r\nRCPT TO:<{DESK}>\r\nDATA\r\n".encode()
    with RawClient(start(sqlite_door, spool_folder=tmp_path / "missing")) as client:
        client.begin()
        assert client.data(line * 40_000 + b".\r\n").startswith("451 4.3.0 The mail could not be stored")
        client.begin()
        assert client.data(a_mail() + b".\r\n").startswith("250")

    assert [stored(row.id) for row in rows()] == [a_mail()]


def test_a_client_that_sends_again_makes_a_duplicate(client: RawClient) -> None:
    for _ in range(2):
        client.begin()
        assert client.data(a_mail() + b".\r\n").startswith("250")

    assert [row.duplicate_of_id for row in rows()] == [None, rows()[0].id]


def test_a_client_that_hangs_up_after_the_dot_has_its_mail_stored_once(
    start: Start, sqlite: peewee.Database, clock: Clock
) -> None:
    opened, asked = threading.Event(), threading.Event()

    def free_bytes() -> int:
        # Asked at MAIL in the listener's thread, then by the writer: only that one has to wait.
        if threading.current_thread().name == "door":
            asked.set()
            assert opened.wait(20)
        return 2**40

    content = a_mail() + b"x" * (2 * MEBIBYTE) + b"\r\n"
    with Door(sqlite, clock=clock, free_bytes=free_bytes) as door:
        port = start(door)
        with RawClient(port) as client:
            client.begin()
            assert client.say("DATA").startswith("354")
            client.send(content + b".\r\n")
            assert asked.wait(20)
        opened.set()
        eventually(rows)
        with RawClient(port) as client:
            client.begin()
            assert client.data(content + b".\r\n").startswith("250")

    assert [stored(row.id) for row in waiting_rows()] == [content]
    assert len(rows()) == 2


def test_a_client_that_hangs_up_before_the_dot_leaves_nothing(
    start: Start, sqlite: peewee.Database, clock: Clock
) -> None:
    with Door(sqlite, clock=clock) as door:
        port = start(door)
        with RawClient(port) as client:
            client.begin()
            assert client.say("DATA").startswith("354")
            client.send(a_mail())
        with RawClient(port) as client:
            client.begin()
            assert client.data(a_mail(2) + b".\r\n").startswith("250")

    assert [stored(row.id) for row in rows()] == [a_mail(2)]


def test_a_locked_database_is_451_and_then_250(start: Start, sqlite: peewee.Database, clock: Clock) -> None:
    assert isinstance(sqlite, peewee.SqliteDatabase)
    sqlite.timeout = 0.05
    other = sqlite3.connect(sqlite.database, isolation_level=None)
    with Door(sqlite, clock=clock) as door, RawClient(start(door)) as client:
        other.execute("BEGIN IMMEDIATE")
        client.begin()
        refused = client.data(a_mail() + b".\r\n")
        other.execute("ROLLBACK")
        client.begin()
        taken = client.data(a_mail() + b".\r\n")
    other.close()

    assert refused == "451 4.3.0 The mail could not be stored, please try again later"
    assert taken.startswith("250 2.0.0")
    assert [row.duplicate_of_id for row in rows()] == [None]


def test_a_nearly_full_disk_is_452_at_mail_and_after_data(start: Start, sqlite: peewee.Database, clock: Clock) -> None:
    free = [2000]
    words = "452 4.3.1 Not enough room to store the mail, please try again later"
    with (
        Door(sqlite, clock=clock, free_bytes=lambda: free[0], minimum_free_bytes=1000) as door,
        RawClient(start(door)) as client,
    ):
        client.begin()
        free[0] = 0
        assert client.data(a_mail() + b".\r\n") == words
        assert client.say("MAIL FROM:<>") == words
        free[0] = 1000
        client.begin()
        assert client.data(a_mail() + b".\r\n").startswith("250")


def test_an_unexpected_error_is_451_with_a_fixed_text(
    start: Start, sqlite_door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: str) -> bool:
        raise RuntimeError("password=sesame in /srv/secret")

    with caplog.at_level(logging.ERROR), RawClient(start(sqlite_door, is_ours=fail)) as client:
        client.say("EHLO client")
        client.say("MAIL FROM:<>")
        assert client.say(f"RCPT TO:<{DESK}>") == "451 4.3.0 Something went wrong here, please try again later"
        assert client.say("NOOP") == "250 2.0.0 OK"

    assert "unexpected error" in caplog.text


def test_too_many_errors_end_the_session_and_what_follows_is_not_looked_at(start: Start, sqlite_door: Door) -> None:
    with RawClient(start(sqlite_door, trusted_peers=())) as client:
        client.begin()
        client.send(b"RCPT TO:<nobody@example.com>\r\n" * 12 + b"DATA\r\n" + a_mail() + b".\r\n")
        replies = [client.reply()[:9] for _ in range(11)]
        assert replies == ["550 5.1.1"] * 10 + ["421 4.7.0"]
        assert client.reply() == ""

    assert rows() == []


def test_a_taken_mail_forgives_the_errors_before_it(start: Start, sqlite_door: Door) -> None:
    with RawClient(start(sqlite_door, trusted_peers=())) as client:
        for number in range(3):
            client.begin()
            for _ in range(8):
                assert client.say("RCPT TO:<nobody@example.com>").startswith("550")
            assert client.data(a_mail(number) + b".\r\n").startswith("250")


def test_one_peer_has_a_limit_and_gets_its_place_back(start: Start, sqlite_door: Door) -> None:
    port = start(sqlite_door, trusted_peers=(), connections_per_peer=2)
    with RawClient(port) as first, RawClient(port) as second:
        with RawClient(port) as third:
            assert third.greeting == "421 4.7.0 Too many connections, please try again later"
            assert third.is_closed()
        assert first.greeting.startswith("220")
        second.say("QUIT")
        eventually(lambda: greeting(port).startswith("220"))


def test_strangers_leave_room_for_our_own_mail_servers(start: Start, sqlite_door: Door) -> None:
    port = start(sqlite_door, trusted_peers=("127.0.0.2/32",), connections=2)
    with RawClient(port), RawClient(port):
        assert greeting(port).startswith("421")
        with socket.create_connection(("127.0.0.1", port), 5, source_address=("127.0.0.2", 0)) as trusted:
            assert trusted.recv(1000).startswith(b"220")


def test_an_idle_client_is_told_so_and_cut(start: Start, sqlite_door: Door) -> None:
    with RawClient(start(sqlite_door, timeouts=Timeouts(command=0.2))) as client:
        assert client.reply() == "421 4.4.2 Timeout, closing the connection"
        assert client.is_closed()


def test_a_client_that_stops_amid_its_mail_is_cut(start: Start, sqlite_door: Door) -> None:
    with RawClient(start(sqlite_door, timeouts=Timeouts(idle=0.2))) as client:
        client.begin()
        assert client.data(b"Subject: x\r\n") == "421 4.4.2 Timeout, closing the connection"

    assert rows() == []


def test_a_client_that_drips_is_cut_although_it_is_never_idle(start: Start, sqlite_door: Door) -> None:
    timeouts = Timeouts(idle=10.0, content=0.3)
    with RawClient(start(sqlite_door, timeouts=timeouts)) as client:
        client.begin()
        assert client.say("DATA").startswith("354")
        client.socket.settimeout(0.01)
        heard = b""
        for _ in range(1000):
            try:
                client.socket.send(b"x")
                heard = client.socket.recv(100)
            except TimeoutError:
                continue
            break
        assert heard == b"421 4.4.2 Timeout, closing the connection\r\n"


def test_a_slow_client_that_goes_on_is_not_cut(start: Start, sqlite_door: Door) -> None:
    """What came extends the time: 2 MB at the slowest speed are worth more than the base."""
    timeouts = Timeouts(idle=10.0, content=0.05, slowest_bytes_per_second=100_000)
    with RawClient(start(sqlite_door, timeouts=timeouts)) as client:
        client.begin()
        assert client.say("DATA").startswith("354")
        client.send(b"x" * 2_000_000)
        client.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.socket.recv(1)
        client.socket.settimeout(20)
        client.send(END)
        assert client.reply().startswith("250")


def test_stop_sends_the_idle_home_and_lets_a_mail_be_finished(sqlite_door: Door, clock: Clock) -> None:
    listener = SmtpListener(Smtp(port=0), is_recipient=is_recipient, door=sqlite_door, clock=clock)
    thread = SmtpThread(listener).start()
    with RawClient(thread.port) as idle, RawClient(thread.port) as busy:
        busy.begin()
        assert busy.say("DATA").startswith("354")
        stopping = threading.Thread(target=thread.stop, args=(20.0,))
        stopping.start()
        assert idle.reply().startswith("421 4.3.2")
        busy.send(a_mail() + b".\r\n")
        assert busy.reply().startswith("250 2.0.0")
        assert busy.reply().startswith("421 4.3.2")
        stopping.join(20)
        assert not stopping.is_alive()
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", thread.port), 1)

    assert len(rows()) == 1


def test_stop_cuts_who_does_not_finish_in_time(sqlite_door: Door, clock: Clock) -> None:
    listener = SmtpListener(Smtp(port=0), is_recipient=is_recipient, door=sqlite_door, clock=clock)
    thread = SmtpThread(listener).start()
    with RawClient(thread.port) as client:
        client.begin()
        assert client.say("DATA").startswith("354")
        thread.stop(0.1)
        with suppress(ConnectionResetError):
            assert client.socket.recv(1) == b""

    assert rows() == []


def test_a_port_that_is_taken_stops_the_start(port: int, sqlite_door: Door, clock: Clock) -> None:
    second = SmtpListener(Smtp(port=port), is_recipient=is_recipient, door=sqlite_door, clock=clock)

    with pytest.raises(ConfigurationError, match=r"smtp\.port.*can't listen on 127\.0\.0\.1"):
        SmtpThread(second).start()


def test_what_still_comes_for_a_client_that_has_gone_changes_nothing(sqlite_door: Door, clock: Clock) -> None:
    """A stop and a timer may both meet a session whose connection was lost just before."""
    options = SessionOptions(
        door=sqlite_door,
        is_recipient=is_recipient,
        clock=clock,
        size_limit_bytes=MEBIBYTE,
        hostname="desk.example.com",
        memory=SpoolMemory(MEBIBYTE),
    )

    async def main() -> None:
        book = GuestBook(connections=1, connections_per_peer=1, trusted_peers=())
        ours, theirs = socket.socketpair()
        loop = asyncio.get_running_loop()
        _, session = await loop.connect_accepted_socket(lambda: SmtpSession(options, book), ours)
        theirs.close()
        while session.transport is not None:
            await asyncio.sleep(0)
        session.leave_when_idle()
        session.cut()
        session._timeout_cb()
        await asyncio.wait_for(book.send_home(20), 10)

    asyncio.run(main())


def test_many_clients_at_once(start: Start, database_url: str, clock: Clock) -> None:
    database = new_database(database_url)
    with Door(database, clock=clock) as door:
        port = start(door)

        def send(first: int) -> None:
            with RawClient(port) as client:
                for number in range(first, first + 10):
                    client.begin()
                    assert client.data(a_mail(number) + b".\r\n").startswith("250")

        threads = [threading.Thread(target=send, args=(number * 10,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    with connection(database):
        assert sorted(stored(row.id) for row in waiting_rows()) == sorted(a_mail(number) for number in range(80))
