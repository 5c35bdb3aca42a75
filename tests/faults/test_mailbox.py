"""k19–k25: a mailbox whose server is cut off at every octet, renumbers, lies, or is read by two."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from datetime import timedelta
from time import monotonic

import peewee
import pytest

from gateway.errors import TemporaryFailure
from gateway.store.states import LedgerState, Outcome
from tests.intake.imap_house import House, mail_bytes, plain
from tests.intake.imap_proxy import Proxy
from tests.intake.scripted_imap import Fault, ScriptedServer
from tests.servers.dovecot import Mailbox

EVERY_OCTET = bool(os.environ.get("FAULT_EVERY_OCTET"))


@pytest.fixture
def house(sqlite: peewee.Database, mailbox: Mailbox) -> Iterator[House]:
    house = House(sqlite, **plain(mailbox))
    yield house
    house.close()


def once_each(house: House, subjects: list[str]) -> None:
    """Every mail has one row, and no words were taken for new twice."""
    assert house.subjects() == sorted(subjects)
    assert {row.outcome for row in house.ledger()} <= {"", Outcome.DUPLICATE}


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("after", ["leave", "move", "flag"])
def test_k19_k20_k21_a_dialogue_cut_at_any_octet_brings_each_mail_once(
    house: House, mailbox: Mailbox, after: str
) -> None:
    settings = {"after": after, "move_to": "Done"} if after == "move" else {"after": after}
    house.drain(house.watcher(**settings))
    written: list[str] = []

    def write() -> None:
        written.append(f"Mail {len(written):05}")
        client.append("INBOX", mail_bytes(written[-1]))

    def drain(port: int) -> None:
        watcher = house.watcher(port=port, **settings)
        try:
            house.drain(watcher)
        finally:
            watcher.close()

    with mailbox.connect() as client, Proxy(mailbox.server.imap_port) as proxy:
        write()
        drain(proxy.port)
        dialogue = bytes(proxy.said)
        for octets in cuts(dialogue, share=3):
            write()
            proxy.cut_after(octets)
            with contextlib.suppress(TemporaryFailure):
                drain(proxy.port)
            proxy.forget()
        drain(proxy.port)
    once_each(house, written)
    assert len(house.ledger()) == len(written)
    if after == "move":
        assert mailbox.mails() == ()
        assert len(mailbox.mails("Done")) == len(written)
    if after == "flag":
        assert all(house.settings.flag in mail.flags for mail in mailbox.mails())


def cuts(dialogue: bytes, *, share: int) -> list[int]:
    """After how many octets to cut: everywhere, or in CI behind each line, and within each `share`-th one."""
    if EVERY_OCTET:
        return list(range(len(dialogue) + 1))
    ends = [place + 2 for place in range(len(dialogue)) if dialogue.startswith(b"\r\n", place)]
    return [0, 1, *ends, *(end - 7 for end in ends[1::share])]


def test_k23_five_hundred_mails_in_a_renumbered_folder_open_nothing_and_answer_nobody(
    house: House, mailbox: Mailbox
) -> None:
    watcher = house.watcher()
    house.drain(watcher)
    with mailbox.connect() as client:
        client.multiappend("INBOX", [mail_bytes(f"Number {number:03}") for number in range(500)])
    assert house.drain(watcher).fetched == 500
    mailbox.change_uidvalidity()
    mailbox.append(mail_bytes("The only new one"))
    with contextlib.suppress(TemporaryFailure):
        house.drain(watcher)
    house.drain(watcher)
    waiting = [row for row in house.ledger() if row.state == LedgerState.WAITING]
    assert len(waiting) == 501
    assert all(row.outcome == Outcome.DUPLICATE for row in house.ledger() if row not in waiting)
    assert len(house.events("mailbox_rescan")) == 1


def test_k25_two_readers_of_one_mailbox_at_the_same_moment_store_each_mail_once(house: House, mailbox: Mailbox) -> None:
    subjects = [f"Number {number}" for number in range(12)]
    with Proxy(mailbox.server.imap_port) as proxy:
        first, second = house.watcher("host-1", port=proxy.port), house.watcher("host-2")
        house.drain(first)
        mailbox.append_many([mail_bytes(subject) for subject in subjects])

        def other_reads_too() -> None:
            # The first one's lease is over for the second one, whose clock is ahead.
            second.run_once(house.clock() + timedelta(minutes=2))

        proxy.before(b"BODY.PEEK[]", other_reads_too)
        with contextlib.suppress(TemporaryFailure):
            house.drain(first)
        house.drain(first)
        house.drain(second)
    once_each(house, subjects)
    assert sum(row.state == LedgerState.WAITING for row in house.ledger()) == 12


# --- a server that lies (k22, k24): what it says to which command, again and again, until it becomes honest ---


def says(command: bytes, answer: bytes, *, closes: bool = False) -> Fault:
    def fault(client: socket.socket, tag: bytes, asked: bytes) -> bool:
        if not asked.startswith(command):
            return False
        client.sendall(answer.replace(b"TAG", tag))
        if closes:
            client.shutdown(socket.SHUT_RDWR)
        return True

    return fault


FOLDER = b"* 2 EXISTS\r\n* OK [UIDNEXT 4] n\r\n* OK [PERMANENTFLAGS (\\Seen \\*)] f\r\n"
OPENED = b"TAG OK [READ-WRITE] w\r\n"
DONE = b"TAG OK done\r\n"
LIES: dict[str, Fault] = {
    "a UIDVALIDITY of words": says(b"EXAMINE", FOLDER + b"* OK [UIDVALIDITY abc] v\r\n" + OPENED),
    "a UIDVALIDITY beyond all numbers": says(
        b"EXAMINE", FOLDER + b"* OK [UIDVALIDITY 99999999999999999999] v\r\n" + OPENED
    ),
    "a UIDVALIDITY below zero": says(b"EXAMINE", FOLDER + b"* OK [UIDVALIDITY -5] v\r\n" + OPENED),
    "no UIDVALIDITY": says(b"EXAMINE", FOLDER + OPENED),
    "a folder that is not there": says(b"EXAMINE", b"TAG NO [NONEXISTENT] no such folder\r\n"),
    "a folder that ends the session": says(b"EXAMINE", b"* BYE out of memory\r\n", closes=True),
    "a login that ends the session": says(b"LOGIN", b"* BYE come back later\r\n", closes=True),
    "a login that is put off": says(b"LOGIN", b"TAG NO [UNAVAILABLE] backend is down\r\n"),
    "numbers that are none": says(b"UID SEARCH", b"* SEARCH 1 2 x 3\r\n" + DONE),
    "zero, below zero, twice, and far away": says(b"UID SEARCH", b"* SEARCH 0 -1 2 2 99999999999999\r\n" + DONE),
    "an empty search": says(b"UID SEARCH", b"* SEARCH\r\n" + DONE),
    "no search at all": says(b"UID SEARCH", DONE),
    "a search that is refused": says(b"UID SEARCH", b"TAG NO try later\r\n"),
    "a search that is not understood": says(b"UID SEARCH", b"TAG BAD what\r\n"),
    "a million lines of gossip": says(b"UID SEARCH", b"* 2 EXISTS\r\n" * 1_000_000 + DONE),
    "a line of two megabytes": says(b"UID FETCH", b"* 1 FETCH (UID 2 X " + b"a" * 2_000_000 + b")\r\n" + DONE),
    "nine hundred parentheses": says(b"UID FETCH", b"* 1 FETCH (UID 2 X " + b"(" * 900 + b")" * 900 + b")\r\n" + DONE),
    "a hundred thousand parentheses": says(b"UID FETCH", b"* 1 FETCH (UID 2 X " + b"(" * 100_000 + b")\r\n" + DONE),
    "zeros and eights": says(b"UID FETCH", b"* 1 FETCH (UID 2 X \x00\xff)\r\n" + DONE),
    "a date that never was": says(
        b"UID FETCH", b'* 1 FETCH (UID 2 RFC822.SIZE 9 INTERNALDATE "99-Foo-99999 99:99:99 +9999")\r\n' + DONE
    ),
    "sizes below zero": says(b"UID FETCH", b"* 1 FETCH (UID 2 RFC822.SIZE -9)\r\n" + DONE),
    "everything gone meanwhile": says(b"UID FETCH", b"* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n" + DONE),
    "Exchange's words for it": says(b"UID FETCH", b"TAG NO Some of the requested messages no longer exist.\r\n"),
    "a fetch that ends the session": says(b"UID FETCH", b"* BYE\r\n", closes=True),
    "a capability of nothing": says(b"CAPABILITY", b"TAG BAD no\r\n"),
}


@pytest.mark.parametrize("name", LIES)
def test_k22_a_server_that_lies_for_a_while_costs_no_mail_and_no_second_ticket(
    sqlite: peewee.Database, name: str
) -> None:
    with ScriptedServer() as server:
        house = House(
            sqlite, host="127.0.0.1", port=server.port, tls="none", user="u", password="topsecret", timeout_seconds=2
        )
        try:
            watcher = house.watcher()
            server.add(mail_bytes("Old"))
            house.drain(watcher)
            watcher.close()
            server.add(mail_bytes("One"))
            server.add(mail_bytes("Two"))
            server.fault = LIES[name]
            started = monotonic()
            for _ in range(2):
                with contextlib.suppress(TemporaryFailure):
                    house.drain(watcher)
            assert monotonic() - started < 20
            server.fault = None
            house.clock.ahead += timedelta(minutes=10)
            for _ in range(2):
                with contextlib.suppress(TemporaryFailure):
                    house.drain(watcher)
            once_each(house, ["One", "Two"])
        finally:
            house.close()


IDLES: dict[str, Fault] = {
    "closes": says(b"IDLE", b"+ idling\r\n", closes=True),
    "says goodbye": says(b"IDLE", b"+ idling\r\n* BYE timeout\r\n", closes=True),
    "is silent": says(b"IDLE", b"+ idling\r\n"),
    "talks nonsense": says(b"IDLE", b"+ idling\r\nfoo bar\r\n"),
    "never begins": says(b"IDLE", b""),
    "refuses": says(b"IDLE", b"TAG BAD no\r\n"),
}


@pytest.mark.parametrize("name", IDLES)
def test_k24_an_idle_that_is_dead_or_mad_delays_mail_by_one_poll_at_most(sqlite: peewee.Database, name: str) -> None:
    with ScriptedServer() as server:
        house = House(
            sqlite, host="127.0.0.1", port=server.port, tls="none", user="u", password="topsecret", timeout_seconds=1
        )
        try:
            server.fault = IDLES[name]
            with house.running(house.watcher(poll_seconds=1)):
                house.wait_until(lambda: house.row().get("last_ok_at") is not None, "the first round")
                server.add(mail_bytes("While idling"))
                house.wait_for_subjects("While idling")
        finally:
            house.close()
