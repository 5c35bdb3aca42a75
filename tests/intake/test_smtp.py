"""SMTP over real sockets: what is taken, what is refused with which words, and who may stay."""

from __future__ import annotations

import hashlib
import logging
import smtplib
import socket
import sqlite3
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import peewee
import pytest

from gateway.errors import ConfigurationError
from gateway.intake.accept import Door
from gateway.intake.envelope import envelope_from_json
from gateway.intake.smtp import SmtpListener, SmtpThread
from gateway.intake.smtp_session import RECIPIENT_LIMIT, Timeouts
from gateway.mail import Transport
from gateway.settings.tables import Smtp
from gateway.store.database import connection
from tests.intake.desk import (
    DESK,
    Clock,
    RawClient,
    a_mail,
    is_recipient,
    new_database,
    rows,
    stored,
    waiting_rows,
)
from tests.servers.certificates import Certificates
from tests.servers.waiting import eventually

MEBIBYTE = 1024 * 1024
END = b"\r\n.\r\n"

Start = Callable[..., int]


@pytest.fixture
def start(clock: Clock) -> Iterator[Start]:
    """Start a listener with settings of your own in front of a door, and return its port."""
    with ExitStack() as stack:

        def started(door: Door, *, recipients: Callable[[str], bool] = is_recipient, **options: Any) -> int:
            extra = {name: options.pop(name) for name in ("spool_folder", "timeouts") if name in options}
            settings = Smtp(**{"port": 0, "hostname": "desk.example.com"} | options)
            listener = SmtpListener(settings, is_recipient=recipients, door=door, clock=clock, **extra)
            thread = SmtpThread(listener).start()
            stack.callback(thread.stop, 1.0)
            return thread.port

        yield started


@pytest.fixture
def port(start: Start, sqlite_door: Door) -> int:
    return start(sqlite_door)


@pytest.fixture
def client(port: int) -> Iterator[RawClient]:
    with RawClient(port) as client:
        yield client


def test_a_mail_sent_by_a_mail_client_is_stored(start: Start, door: Door, clock: Clock) -> None:
    with smtplib.SMTP("127.0.0.1", start(door), local_hostname="client.example.com") as client:
        client.sendmail("erika@example.com", ["Helpdesk@Example.com", "helpdesk+key@example.com"], a_mail())

    (row,) = rows()
    assert stored(row.id) == a_mail()
    envelope = envelope_from_json(row.envelope)
    assert envelope.recipients == ("helpdesk@example.com", "helpdesk+key@example.com")
    assert (envelope.reverse_path, envelope.transport) == ("erika@example.com", Transport.SMTP)
    assert (envelope.peer, envelope.helo) == ("127.0.0.1", "client.example.com")
    assert envelope.received_at == clock.now


def test_the_greeting_says_our_name_and_nothing_of_our_software(client: RawClient) -> None:
    assert client.greeting == "220 desk.example.com ESMTP"
    assert client.say("EHLO client").split("\n") == [
        "250-desk.example.com",
        "250-SIZE 52428800",
        "250-8BITMIME",
        "250-SMTPUTF8",
        "250-PIPELINING",
        "250 ENHANCEDSTATUSCODES",
    ]
    assert client.say("HELO client") == "250 desk.example.com"


def test_the_reply_names_the_ledger_row(client: RawClient) -> None:
    client.begin()
    assert client.data(a_mail() + b".\r\n") == f"250 2.0.0 Accepted as {rows()[0].id}"
    assert client.say("QUIT") == "221 2.0.0 Bye"


def test_the_null_sender_is_an_empty_reverse_path(client: RawClient) -> None:
    client.begin(sender="")
    client.data(a_mail() + b".\r\n")

    assert envelope_from_json(rows()[0].envelope).reverse_path == ""


def test_an_international_sender_is_kept(client: RawClient) -> None:
    assert client.say("EHLO client").startswith("250")
    assert client.say("MAIL FROM:<jürgen@bücher.example> BODY=8BITMIME SMTPUTF8") == "250 2.1.0 OK"
    assert client.say(f"RCPT TO:<{DESK}>") == "250 2.1.5 OK"
    client.data(a_mail() + b".\r\n")

    assert envelope_from_json(rows()[0].envelope).reverse_path == "jürgen@bücher.example"


@pytest.mark.parametrize(
    ("recipient", "reply"),
    [
        pytest.param(b"<someone@example.com>", "550 5.1.1 There is no such address here", id="unknown"),
        pytest.param(b"<helpdesk@example.net>", "550 5.1.1 There is no such address here", id="elsewhere"),
        pytest.param(b"<help\rdesk@example.com>", "553 5.1.3 The address is malformed", id="CR"),
        pytest.param(b"<help\0desk@example.com>", "553 5.1.3 The address is malformed", id="NUL"),
        pytest.param(b"<help\x1bdesk@example.com>", "553 5.1.3 The address is malformed", id="ESC"),
        pytest.param(b"<help\xffdesk@example.com>", "553 5.1.3 The address is malformed", id="not UTF-8"),
        pytest.param(b"<helpdesk>", "553 5.1.3 The address is malformed", id="no domain"),
        pytest.param(b"<>", "553 5.1.3 The address is malformed", id="nobody"),
        pytest.param(b"<helpdesk@>", "553 5.1.3 Error: malformed address", id="half an address"),
        pytest.param(
            b"<helpdesk+" + b"a" * 250 + b"@example.com>", "553 5.1.3 The address is malformed", id="too long"
        ),
        pytest.param(b"<helpdesk+key@example.com>", "250 2.1.5 OK", id="plus address"),
        pytest.param(b"<HELPDESK@EXAMPLE.COM>", "250 2.1.5 OK", id="capitals"),
        pytest.param(b"<@relay.example.net:helpdesk@example.com>", "250 2.1.5 OK", id="source route"),
    ],
)
def test_recipients(client: RawClient, recipient: bytes, reply: str) -> None:
    client.say("EHLO client")
    client.say("MAIL FROM:<erika@example.com>")

    assert client.say(b"RCPT TO:" + recipient) == reply


@pytest.mark.parametrize("sender", [b"<a\rb@example.com>", b"<a\0@example.com>", b"<\xff@example.com>"])
def test_a_malformed_sender_is_refused(client: RawClient, sender: bytes) -> None:
    client.say("EHLO client")

    assert client.say(b"MAIL FROM:" + sender) == "553 5.1.7 The sender's address is malformed"


def test_there_is_a_limit_for_recipients(client: RawClient) -> None:
    client.begin(*[f"helpdesk+{number}@example.com" for number in range(RECIPIENT_LIMIT)])

    assert client.say("RCPT TO:<helpdesk+more@example.com>") == "452 4.5.3 Too many recipients"
    assert client.data(a_mail() + b".\r\n").startswith("250")
    assert len(envelope_from_json(rows()[0].envelope).recipients) == RECIPIENT_LIMIT


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("VRFY helpdesk", "252 2."),
        ("AUTH PLAIN AGEAYg==", "500 5."),
        ("EXPN all", "500 5."),
        ("HELP", "500 5."),
        ("MAIL FROM:<a@example.com>", "503 5."),
        ("RCPT TO:<a@example.com>", "503 5."),
        ("DATA", "503 5."),
        ("STARTTLS", "454 4."),
        ("EHLO", "501 5."),
        ("", "500 5."),
        ("NOOP", "250 2."),
        ("x" * 3000, "500 5."),
        ("x" * 300_000, "500 5."),
        ("GET / HTTP/1.1", "500 5."),
    ],
)
def test_every_reply_has_an_enhanced_status(client: RawClient, command: str, code: str) -> None:
    assert client.say(command).startswith(code)


def test_a_client_that_greets_with_nonsense_is_written_down(start: Start, database_url: str, clock: Clock) -> None:
    database = new_database(database_url)
    with Door(database, clock=clock) as door, RawClient(start(door)) as client, connection(database):
        client.say(b"EHLO \xff\0" + b"x" * 1000)
        client.begin(hello="NOOP")
        assert client.data(a_mail() + b".\r\n").startswith("250")
        assert envelope_from_json(rows()[0].envelope).helo == "\ufffd" + "x" * 253


def test_replies_do_not_repeat_control_characters(client: RawClient) -> None:
    assert "\x1b" not in client.say("\x1b[31mred")


def test_a_whole_dialogue_in_one_packet_is_understood(client: RawClient) -> None:
    client.send(f"EHLO client\r\nMAIL FROM:<>\r\nRCPT TO:<{DESK}>\r\nDATA\r\n".encode())
    assert [client.reply()[:3] for _ in range(4)] == ["250", "250", "250", "354"]
    client.send(a_mail() + f".\r\nMAIL FROM:<>\r\nRCPT TO:<{DESK}>\r\nDATA\r\n".encode())
    assert [client.reply()[:3] for _ in range(4)] == ["250", "250", "250", "354"]
    client.send(a_mail(2) + b".\r\nQUIT\r\n")
    assert [client.reply()[:3] for _ in range(2)] == ["250", "221"]

    assert [stored(row.id) for row in rows()] == [a_mail(1), a_mail(2)]


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(end, id=repr(end))
        for end in (
            *(b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\r.\n", b"\r\n.\r\r\n"),
            *(b"\n.\r\r\n", b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\r\n..\r\n", b"\r\n. \r\n", b"\r\n .\r\n"),
            *(b"\x0b.\x0b", b"\x0c.\x0c", b"\xc2\x85.\xc2\x85", b"\xe2\x80\xa8.\xe2\x80\xa8"),
        )
    ],
)
def test_no_mail_can_be_smuggled(client: RawClient, end: bytes) -> None:
    smuggled = f"MAIL FROM:<evil@example.net>\r\nRCPT TO:<{DESK}>\r\nDATA\r\nSubject: two\r\n\r\nsmuggled".encode()
    for size in (1, 2, 3, 4, 5, 0):
        client.begin()
        mail = a_mail(size)
        assert client.data(mail + b"one" + end + smuggled + END, chunk_size=size).startswith("250")

        assert stored(rows()[-1].id) == mail + b"one" + end.replace(b"\r\n.", b"\r\n") + smuggled + b"\r\n"
    assert len(rows()) == 6


def test_dots_lines_of_any_length_and_odd_octets_are_kept(client: RawClient) -> None:
    content = a_mail() + b"\r\n".join(
        [b".", b"..", b".x", b"x" * 300_000, b"bare\rcr", b"bare\nlf", b"n\0l", b"\xff", b""]
    )
    client.begin()
    client.data(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")

    assert stored(rows()[0].id) == content


def test_a_big_mail_passes_through_a_file_that_vanishes(start: Start, sqlite_door: Door, tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    content = a_mail() + b"x" * (3 * MEBIBYTE) + b"\r\n"
    with RawClient(start(sqlite_door, spool_folder=folder)) as client:
        client.begin()
        assert client.data(content + b".\r\n").startswith("250")

    assert hashlib.sha256(stored(rows()[0].id)).digest() == hashlib.sha256(content).digest()
    assert list(folder.iterdir()) == []


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


def test_a_flood_of_empty_lines_costs_little(client: RawClient) -> None:
    """10 MB of CRLF cost aiosmtpd's own reader 9.5 s of CPU."""
    client.begin()
    started = time.process_time()
    assert client.data(b"\r\n" * 5_000_000 + b".\r\n").startswith("250")

    assert time.process_time() - started < 4


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

    with caplog.at_level(logging.ERROR), RawClient(start(sqlite_door, recipients=fail)) as client:
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


def test_idle_commands_are_limited(client: RawClient) -> None:
    assert [client.say("NOOP") for _ in range(101)][-1].startswith("421 4.7.0")
    assert client.is_closed()


def test_one_peer_has_a_limit_and_gets_its_place_back(start: Start, sqlite_door: Door) -> None:
    port = start(sqlite_door, trusted_peers=(), connections_per_peer=2)
    with RawClient(port) as first, RawClient(port) as second:
        with RawClient(port) as third:
            assert third.greeting == "421 4.7.0 Too many connections, please try again later"
            assert third.is_closed()
        assert first.greeting.startswith("220")
        second.say("QUIT")
        eventually(lambda: _greeting(port).startswith("220"))


def test_strangers_leave_room_for_our_own_mail_servers(start: Start, sqlite_door: Door) -> None:
    port = start(sqlite_door, trusted_peers=("127.0.0.2/32",), connections=2)
    with RawClient(port), RawClient(port):
        assert _greeting(port).startswith("421")
        with socket.create_connection(("127.0.0.1", port), 5, source_address=("127.0.0.2", 0)) as trusted:
            assert trusted.recv(1000).startswith(b"220")


def _greeting(port: int) -> str:
    with RawClient(port) as client:
        return client.greeting


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


def test_starttls_takes_a_mail(start: Start, sqlite_door: Door, certificates: Certificates) -> None:
    port = start(sqlite_door, tls_certificate=certificates.certificate, tls_key=certificates.key)
    with smtplib.SMTP("localhost", port) as client:
        client.starttls(context=certificates.client_context())
        client.ehlo()
        assert not client.has_extn("auth")
        assert not client.has_extn("starttls")
        client.sendmail("erika@example.com", [DESK], a_mail() + b"x" * 200_000 + b"\r\n")

    assert stored(rows()[0].id) == a_mail() + b"x" * 200_000 + b"\r\n"


def test_without_tls_nothing_is_taken_where_it_is_required(
    start: Start, sqlite_door: Door, certificates: Certificates
) -> None:
    options = {"tls_certificate": certificates.certificate, "tls_key": certificates.key, "require_starttls": True}
    with RawClient(start(sqlite_door, **options)) as client:
        assert "STARTTLS" in client.say("EHLO client")
        assert client.say("MAIL FROM:<>") == "530 5.7.0 Must issue a STARTTLS command first"


def test_commands_before_the_handshake_are_thrown_away(
    start: Start, sqlite_door: Door, certificates: Certificates
) -> None:
    port = start(sqlite_door, tls_certificate=certificates.certificate, tls_key=certificates.key)
    with RawClient(port) as client:
        client.say("EHLO client")
        client.send(b"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@example.net>\r\n")
        assert client.reply() == "220 2.0.0 Ready to start TLS"
        with certificates.client_context().wrap_socket(client.socket, server_hostname="localhost") as encrypted:
            encrypted.sendall(f"RCPT TO:<{DESK}>\r\n".encode())
            assert encrypted.recv(1000).startswith(b"503 5.5.1")


def test_a_handshake_that_fails_ends_the_session_alone(
    start: Start, sqlite_door: Door, certificates: Certificates
) -> None:
    port = start(sqlite_door, tls_certificate=certificates.certificate, tls_key=certificates.key)
    with RawClient(port) as client:
        client.say("EHLO client")
        assert client.say("STARTTLS").startswith("220")
        client.send(b"this is not TLS\r\n")
        assert client.socket.recv(1000)[:1] != b"2"
    assert _greeting(port).startswith("220")


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"require_starttls": True}, "smtp.require_starttls"),
        ({"tls_certificate": Path("/missing/certificate.pem")}, "smtp.tls_certificate"),
        ({"tls_certificate": Path(__file__)}, "smtp.tls_certificate"),
    ],
)
def test_tls_that_can_not_be_had_stops_the_start(
    sqlite_door: Door, clock: Clock, options: dict[str, Any], key: str
) -> None:
    with pytest.raises(ConfigurationError, match=key):
        SmtpListener(Smtp(**options), is_recipient=is_recipient, door=sqlite_door, clock=clock)


def test_the_standard_of_encryption_is_modern(start: Start, sqlite_door: Door, certificates: Certificates) -> None:
    port = start(sqlite_door, tls_certificate=certificates.certificate, tls_key=certificates.key)
    with smtplib.SMTP("localhost", port) as client:
        client.starttls(context=certificates.client_context())
        assert isinstance(client.sock, ssl.SSLSocket)
        assert client.sock.version() in ("TLSv1.2", "TLSv1.3")


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
