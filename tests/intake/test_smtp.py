"""SMTP over real sockets: what is taken, what is refused, and with which words."""

from __future__ import annotations

import hashlib
import smtplib
from pathlib import Path

import pytest

from gateway.intake.accept import Door
from gateway.intake.envelope import envelope_from_json
from gateway.mail import Transport
from gateway.store.database import connection
from tests.intake.desk import (
    DESK,
    Clock,
    RawClient,
    Start,
    a_mail,
    new_database,
    rows,
    stored,
)

MEBIBYTE = 1024 * 1024
END = b"\r\n.\r\n"


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
    ],
)
def test_every_reply_has_an_enhanced_status(client: RawClient, command: str, code: str) -> None:
    assert client.say(command).startswith(code)


@pytest.mark.parametrize(("said", "reply"), [("DATA", "503 5.5.1 Send RCPT first"), ("DATA now", "501 5.5.4 DATA has")])
def test_data_comes_after_a_recipient_and_alone(client: RawClient, said: str, reply: str) -> None:
    client.say("EHLO client")
    client.say("MAIL FROM:<>")
    assert client.say(said).startswith(reply)
    assert client.say("NOOP") == "250 2.0.0 OK"


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
