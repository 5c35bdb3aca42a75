"""How much one connection may ask for before it brings a mail: recipients, commands, errors, time, memory."""

from __future__ import annotations

import socket

import pytest

from gateway.intake.accept import Door
from gateway.intake.data import SpoolMemory
from gateway.intake.smtp_limits import Timeouts
from tests.intake.desk import DESK, RawClient, Start, a_mail, rows, stored


def test_commands_that_bring_no_mail_are_limited(start: Start, sqlite_door: Door) -> None:
    with RawClient(start(sqlite_door, trusted_peers=(), commands=20)) as client:
        replies = [client.say("NOOP") for _ in range(20)]
        assert replies[:19] == ["250 2.0.0 OK"] * 19  # the greeting counts too
        assert replies[19] == "421 4.7.0 Too many commands"
        assert client.is_closed()


@pytest.mark.parametrize("command", ["RSET", "EHLO client", "VRFY erika", "MAIL FROM:<a@example.net>"])
def test_no_command_can_be_repeated_for_ever(start: Start, sqlite_door: Door, command: str) -> None:
    with RawClient(start(sqlite_door, trusted_peers=(), commands=20, errors=1000)) as client:
        assert client.say("EHLO client").startswith("250")
        assert "421 4.7.0 Too many commands" in iter(lambda: client.say(command), "")


def test_accepted_recipients_are_no_commands_too_many(start: Start, sqlite_door: Door) -> None:
    with RawClient(start(sqlite_door, trusted_peers=(), commands=10, recipients=50)) as client:
        client.begin(*(f"helpdesk+{number}@example.com" for number in range(50)))
        assert client.say(f"RCPT TO:<{DESK}>") == "452 4.5.3 Too many recipients"
        assert client.data(a_mail() + b".\r\n").startswith("250")


def test_a_mail_gives_new_commands(start: Start, sqlite_door: Door) -> None:
    with RawClient(start(sqlite_door, trusted_peers=(), commands=8)) as client:
        for number in range(5):
            client.begin()
            assert client.data(a_mail(number) + b".\r\n").startswith("250")


def test_our_own_servers_may_ask_for_ten_times_as_much(start: Start, sqlite_door: Door) -> None:
    port = start(sqlite_door, trusted_peers=("127.0.0.2/32",), recipients=2, commands=10, errors=2)
    with RawClient(port) as stranger:
        stranger.begin(DESK, "helpdesk+1@example.com")
        assert stranger.say(f"RCPT TO:<{DESK}>").startswith("452")
        assert stranger.say(f"RCPT TO:<{DESK}>").startswith("452")
        assert stranger.reply() == "421 4.7.0 Too many errors"
    with socket.create_connection(("127.0.0.1", port), 20, source_address=("127.0.0.2", 0)) as trusted:
        said = b"EHLO relay\r\nMAIL FROM:<>\r\n" + b"".join(
            b"RCPT TO:<helpdesk+%d@example.com>\r\n" % number for number in range(22)
        )
        trusted.sendall(said + b"NOOP\r\n" * 60 + b"QUIT\r\n")
        heard = trusted.makefile("rb").read().decode()
    assert heard.count("250 2.1.5 OK") == 20
    assert heard.count("452 4.5.3") == 2
    assert heard.count("250 2.0.0 OK") == 60
    assert "421" not in heard


def test_a_connection_that_brings_no_mail_ends_although_it_is_never_idle(start: Start, sqlite_door: Door) -> None:
    port = start(sqlite_door, trusted_peers=(), commands=10**9, timeouts=Timeouts(content=0.2))
    with RawClient(port) as client:
        replies = iter(lambda: client.say("NOOP"), "421 4.4.2 No mail came for too long")
        assert set(replies) == {"250 2.0.0 OK"}
        assert client.is_closed()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS", "CONNECT", "HEAD"])
def test_a_browser_is_sent_away_at_its_first_line(start: Start, sqlite_door: Door, method: str) -> None:
    """Its next lines, which a stranger's page may choose, are not looked at."""
    inside = f"EHLO x\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<{DESK}>\r\nDATA\r\n".encode() + a_mail() + b".\r\n"
    with RawClient(start(sqlite_door)) as client:
        client.send(method.encode() + b" / HTTP/1.1\r\nHost: desk.example.com\r\n\r\n" + inside)
        assert client.reply() == "421 4.7.0 This is not a web server"
        assert client.reply() == ""
    assert rows() == []


def test_all_connections_together_have_so_much_memory(start: Start, sqlite_door: Door) -> None:
    """Two mails that wait for their end take all of it; the third goes through a file, and all are taken."""
    memory = SpoolMemory(1_000_000)
    port = start(sqlite_door, memory=memory)
    content = [b"Subject: %d\r\n\r\n" % number + b"x" * 480_000 + b"\r\n" for number in range(3)]
    clients = [RawClient(port) for _ in content]
    for client, octets in zip(clients, content, strict=True):
        client.begin()
        assert client.say("DATA").startswith("354")
        client.send(octets)
    for client in clients:
        client.send(b".\r\n")
        assert client.reply().startswith("250")
        client.close()

    assert sorted(stored(row.id) for row in rows()) == content
    assert memory.take(1_000_000)
