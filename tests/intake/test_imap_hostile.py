"""An IMAP server that lies: bounded in time and memory, nothing lost, and the other mails come through."""

from __future__ import annotations

import contextlib
import re
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from time import monotonic
from typing import Any

import peewee
import pytest

from gateway.errors import TemporaryFailure
from gateway.intake.imap import Drained
from tests.intake.imap_house import House, mail_bytes
from tests.intake.scripted_imap import ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def house(sqlite: peewee.Database, server: ScriptedServer) -> Iterator[House]:
    house = House(
        sqlite, host="127.0.0.1", port=server.port, tls="none", user="u", password="topsecret", timeout_seconds=1
    )
    yield house
    house.close()


def body_of(command: bytes, uid: int) -> bool:
    """Tell whether a command fetches the text of this mail, perhaps among others."""
    words = command.split()
    return command.startswith(b"UID FETCH") and b"BODY" in command and str(uid).encode() in words[2].split(b",")


def answering(uid: int, answer: bytes | Callable[[socket.socket, bytes], None]) -> Any:
    """A fault: answer whatever fetches this mail with these octets (TAG stands for the tag)."""

    def fault(client: socket.socket, tag: bytes, command: bytes) -> bool:
        if not body_of(command, uid):
            return False
        if callable(answer):
            answer(client, tag)
        else:
            client.sendall(answer.replace(b"TAG", tag))
        return True

    return fault


def flood(client: socket.socket, tag: bytes) -> None:
    """A literal of a gigabyte for a mail of a few octets."""
    client.sendall(b"* 1 FETCH (UID 2 BODY[]<0> {1000000000}\r\n")
    piece = b"x" * 1_000_000
    for _ in range(300):
        client.sendall(piece)


def chatter(client: socket.socket, tag: bytes) -> None:
    """Untagged answers without end, in lines that are all right."""
    piece = b"* 1 FETCH (FLAGS (\\Seen))\r\n" * 4096
    while True:
        client.sendall(piece)


def drip(client: socket.socket, tag: bytes) -> None:
    """An octet now and then: never silent long enough for a time-out of the socket."""
    pause = threading.Event()
    while True:
        client.sendall(b"*")
        pause.wait(0.2)


def hang_up(client: socket.socket, tag: bytes) -> None:
    client.sendall(b"* 1 FETCH (UID 2 BODY[]<0> {500}\r\nonly so much")
    client.shutdown(socket.SHUT_RDWR)


HOSTILE: dict[str, bytes | Callable[[socket.socket, bytes], None]] = {
    "a real gigabyte": flood,
    "two announced gigabytes": b"* 1 FETCH (UID 2 BODY[]<0> {2000000000}\r\nx",
    "an absurd literal": b"* 1 FETCH (UID 2 BODY[]<0> {" + b"9" * 30 + b"}\r\nx",
    "endless chatter": chatter,
    "a drip": drip,
    "silence": lambda client, tag: None,
    "an end in the middle": hang_up,
    "a thousand parentheses": b"* 1 FETCH " + b"(" * 5000 + b"\r\nTAG OK done\r\n",
    "an unclosed parenthesis": b"* 1 FETCH (UID 2 BODY[]<0>\r\nTAG OK done\r\n",
    "a UID that is no number": b"* 1 FETCH (UID evil BODY[]<0> {4}\r\nevil)\r\nTAG OK done\r\n",
    "another UID": b"* 1 FETCH (UID 4711 BODY[]<0> {4}\r\nevil)\r\nTAG OK done\r\n",
    "no UID": b"* 1 FETCH (BODY[]<0> {4}\r\nevil)\r\nTAG OK done\r\n",
    "NIL": b"* 1 FETCH (UID 2 BODY[]<0> NIL)\r\nTAG OK done\r\n",
    "an empty mail that has a size": b"* 1 FETCH (UID 2 BODY[]<0> {0}\r\n)\r\nTAG OK done\r\n",
    "nothing": b"TAG OK done\r\n",
    "a refusal": b"TAG NO [SERVERBUG] sorry\r\n",
    "a foreign tag": b"EVIL1 OK done\r\n",
    "octets of no protocol": bytes(range(256)) + b"\r\nTAG OK done\r\n",
    "goodbye": b"* BYE tired\r\n",
}


REASONS = {
    "a real gigabyte": "announces a piece of 1000000000 octets",
    "two announced gigabytes": "announces a piece of 2000000000 octets",
    "a drip": "no complete answer within",
    "a refusal": "sorry",
    "NIL": "gives nothing of it",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_one_bad_mail_costs_little_and_is_given_up_while_the_others_come(
    house: House, server: ScriptedServer, name: str
) -> None:
    watcher = house.watcher()
    house.drain(watcher)
    for subject in ("Good", "Bad", "Good too"):
        server.add(mail_bytes(subject))
    server.fault = answering(2, HOSTILE[name])
    memory_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    skipped, rounds = 0, 0
    while not skipped:
        rounds += 1
        assert rounds < 12
        began_at = monotonic()
        with contextlib.suppress(TemporaryFailure):
            skipped = house.drain(watcher).skipped
        assert monotonic() - began_at < 15
        house.clock.ahead += timedelta(minutes=6)
    assert house.subjects() == ["Good", "Good too"]
    assert house.row()["last_uid"] == 3
    assert "UID 2 was skipped" in house.row()["last_error"]
    assert "topsecret" not in house.row()["last_error"]
    assert REASONS.get(name, "") in house.row()["last_error"]
    assert "UID 2 was skipped" in house.events("mail_skipped")[0]
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_before) / 1024 < 120
    server.add(mail_bytes("Later"))
    assert house.drain(watcher).fetched == 1


def test_a_server_that_gives_no_mail_at_all_loses_none(house: House, server: ScriptedServer) -> None:
    def refuse_everything(client: socket.socket, tag: bytes, command: bytes) -> bool:
        if not command.startswith(b"UID FETCH") or b"BODY" not in command:
            return False
        client.sendall(tag + b" NO [UNAVAILABLE] the storage is down\r\n")
        return True

    watcher = house.watcher()
    house.drain(watcher)
    for n in range(3):
        server.add(mail_bytes(f"Number {n}"))
    server.fault = refuse_everything
    for _ in range(10):
        drained = house.drain(watcher)
        assert (drained.fetched, drained.skipped, drained.troubled) == (0, 0, 3)
        house.clock.ahead += timedelta(minutes=6)
    server.fault = None
    house.drain(watcher)
    assert house.subjects() == ["Number 0", "Number 1", "Number 2"]


def test_a_bad_mail_alone_in_its_folder_is_tried_until_the_server_proves_well_with_another(
    house: House, server: ScriptedServer
) -> None:
    watcher = house.watcher()
    house.drain(watcher)
    server.add(mail_bytes("Nobody knows"))
    server.add(mail_bytes("Good"))
    good = server.mails.pop(2)
    server.fault = answering(1, HOSTILE["a refusal"])
    for _ in range(6):
        assert house.drain(watcher).skipped == 0
        house.clock.ahead += timedelta(minutes=6)
    server.mails[2] = good
    assert house.drain(watcher) == Drained(fetched=1, skipped=1)
    assert house.subjects() == ["Good"]


def test_a_server_that_refuses_hundreds_of_mails_is_not_asked_for_each(house: House, server: ScriptedServer) -> None:
    def refuse(client: socket.socket, tag: bytes, command: bytes) -> bool:
        if command.startswith(b"UID FETCH"):
            client.sendall(tag + b" NO [UNAVAILABLE] later\r\n")
        return command.startswith(b"UID FETCH")

    watcher = house.watcher()
    house.drain(watcher)
    for n in range(300):
        server.add(mail_bytes(f"Number {n}"))
    server.fault = refuse
    house.drain(watcher)
    assert sum(b"FETCH" in line for line in server.commands) < 40
    server.fault = None
    assert house.drain(watcher).fetched > 250
    house.clock.ahead += timedelta(minutes=6)
    house.drain(watcher)
    assert len(house.subjects()) == 300


@pytest.mark.parametrize(
    ("when", "said", "hint"),
    [
        (b"LOGIN", b"[AUTHENTICATIONFAILED] Invalid credentials (Failure)", "check user and password"),
        (b"LOGIN", b"[ALERT] Application-specific password required", "make an app password"),
        (b"LOGIN", b"[ALERT] Too many simultaneous connections. (Failure)", "about 15 connections"),
        (b"EXAMINE", b"BAD User is authenticated but not connected.", "New-ServicePrincipal"),
        (b"EXAMINE", b"[NONEXISTENT] Unknown Mailbox: Suport", "check the folder's name"),
    ],
)
def test_a_providers_refusal_comes_with_what_to_do(
    house: House, server: ScriptedServer, when: bytes, said: bytes, hint: str
) -> None:
    def refuse(client: socket.socket, tag: bytes, command: bytes) -> bool:
        if command.startswith(when):
            client.sendall(tag + b" NO " + said + b"\r\n")
        return command.startswith(when)

    server.fault = refuse
    with pytest.raises(TemporaryFailure, match=hint):
        house.drain(house.watcher())
    assert hint in house.row()["last_error"]


@pytest.mark.parametrize("said", [0, 10, 300_000, 30_000_000, 10**15])
def test_a_wrong_size_costs_no_octet_of_the_mail(house: House, server: ScriptedServer, said: int) -> None:
    mail = mail_bytes("Whole", text="a line of text\r\n" * 90_000)
    watcher = house.watcher(size_limit_bytes=10**16)
    house.drain(watcher)
    server.sizes[server.add(mail)] = said
    assert house.drain(watcher).fetched == 1
    assert house.content(house.ledger()[0]) == mail


def test_a_mail_that_turns_out_larger_than_the_limit_is_cut(house: House, server: ScriptedServer) -> None:
    mail = mail_bytes("Larger than said", text="a line of text\r\n" * 300_000)
    watcher = house.watcher(size_limit_bytes=2_000_000)
    house.drain(watcher)
    server.sizes[server.add(mail)] = 10
    assert house.drain(watcher) == Drained(fetched=1, cut=1)
    assert house.content(house.ledger()[0]) == mail[: 64 * 1024]


def test_an_empty_mail_is_a_mail(house: House, server: ScriptedServer) -> None:
    watcher = house.watcher()
    house.drain(watcher)
    server.add(b"")
    assert house.drain(watcher).fetched == 1
    assert house.content(house.ledger()[0]) == b""


@pytest.mark.parametrize(
    "answer",
    [
        b"* SEARCH 0 1 1 4294967295999 -5 2\r\n",
        b"* SEARCH 2 1\r\n* SEARCH 1\r\n",
        b"* SEARCH one two\r\n",
        b"* SEARCH\r\n",
        b"",
    ],
)
def test_garbage_in_a_search_loses_nothing(house: House, server: ScriptedServer, answer: bytes) -> None:
    def garbage(client: socket.socket, tag: bytes, command: bytes) -> bool:
        if not command.startswith(b"UID SEARCH"):
            return False
        client.sendall(answer + tag + b" OK done\r\n")
        return True

    watcher = house.watcher()
    house.drain(watcher)
    server.add(mail_bytes("One"))
    server.add(mail_bytes("Two"))
    server.fault = garbage
    with contextlib.suppress(TemporaryFailure):
        house.drain(watcher)
    server.fault = None
    house.drain(watcher)
    assert house.subjects() == ["One", "Two"]
    assert house.row()["last_uid"] == 2


@pytest.mark.parametrize(
    "greeting",
    [
        b"",
        b"* BYE too busy\r\n",
        b"* OK {2000000000}\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"* PREAUTH hello\r\n",
        b"\0\r\n",
    ],
)
def test_a_strange_greeting_is_a_failure_like_any_other(house: House, server: ScriptedServer, greeting: bytes) -> None:
    server.greeting = greeting
    began_at = monotonic()
    with pytest.raises(TemporaryFailure, match=r"127\.0\.0\.1"):
        house.drain(house.watcher())
    assert monotonic() - began_at < 15


def test_a_server_without_uidvalidity_is_refused(house: House, server: ScriptedServer) -> None:
    server.uidvalidity = None
    with pytest.raises(TemporaryFailure, match="UIDVALIDITY"):
        house.drain(house.watcher())


def test_a_tls_handshake_that_drips_is_cut(house: House, server: ScriptedServer) -> None:
    def drip_at_once() -> None:
        client, _ = listener.accept()
        pause = threading.Event()
        with client:
            try:
                # A TLS record of 16 KB, an octet at a time.
                client.sendall(b"\x16\x03\x03\x40\x00")
                while True:
                    client.sendall(b"\x02")
                    pause.wait(0.2)
            except OSError:
                return

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=drip_at_once, daemon=True)
    thread.start()
    watcher = house.watcher(port=listener.getsockname()[1], tls="implicit", timeout_seconds=1)
    began_at = monotonic()
    with pytest.raises(TemporaryFailure, match=r"timed out|no complete answer"):
        house.drain(watcher)
    assert monotonic() - began_at < 15
    thread.join(5)
    listener.close()


def test_news_that_comes_together_with_the_answer_to_idle_is_not_slept_over(
    house: House, server: ScriptedServer
) -> None:
    """The mail comes between the last SEARCH and IDLE: its EXISTS is in the same packet as the continuation."""

    def idle(client: socket.socket, tag: bytes, command: bytes) -> bool:
        if command == b"IDLE" and not server.mails:
            server.add(mail_bytes("In between"))
            client.sendall(b"+ idling\r\n* 1 EXISTS\r\n")
            return True
        if command == b"DONE" or tag == b"DONE":
            client.sendall(idle_tags[-1] + b" OK done\r\n")
            return True
        if command == b"IDLE":
            client.sendall(b"+ idling\r\n")
        return command == b"IDLE"

    idle_tags: list[bytes] = []

    def remember(client: socket.socket, tag: bytes, command: bytes) -> bool:
        if command == b"IDLE":
            idle_tags.append(tag)
        return idle(client, tag, command)

    server.fault = remember
    with house.running(house.watcher(poll_seconds=600)):
        house.wait_for_subjects("In between")


def test_news_that_comes_with_the_answer_to_another_command_is_not_slept_over(
    house: House, server: ScriptedServer
) -> None:
    """The mail comes while the SEARCH is being answered; IDLE will not say it again."""

    def late(client: socket.socket, tag: bytes, command: bytes) -> bool:
        if command.startswith(b"UID SEARCH") and not server.mails:
            server.add(mail_bytes("During the search"))
            client.sendall(b"* SEARCH\r\n* 1 EXISTS\r\n" + tag + b" OK done\r\n")
            return True
        if command == b"IDLE":
            client.sendall(b"+ idling\r\n")
        if tag == b"DONE":
            last = next(line for line in reversed(server.commands) if line.endswith(b"IDLE"))
            client.sendall(re.sub(rb" .*", b"", last) + b" OK done\r\n")
        return command == b"IDLE" or tag == b"DONE"

    server.fault = late
    with house.running(house.watcher(poll_seconds=600)):
        house.wait_for_subjects("During the search")
