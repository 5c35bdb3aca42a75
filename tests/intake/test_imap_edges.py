"""What an IMAP server may do and seldom does: rights that are missing, answers left out, ends in the middle."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import peewee
import pytest

from gateway.errors import TemporaryFailure
from gateway.intake import imap, imap_errands, imap_wire
from gateway.intake.imap import Drained, MailboxWatcher
from gateway.intake.imap_fetch import sets_of
from gateway.intake.imap_session import ConnectionLost, Session
from gateway.intake.imap_wire import Watchdog
from gateway.outage import Outage
from tests.intake.imap_house import House, mail_bytes
from tests.intake.scripted_imap import Fault, ScriptedServer

MEBIBYTE = 1024 * 1024
SELECTED = b"* 0 EXISTS\r\n* OK [UIDNEXT 1] n\r\n* OK [UIDVALIDITY 55] v\r\n"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def house(sqlite: peewee.Database, server: ScriptedServer) -> Iterator[House]:
    house = House(
        sqlite, host="127.0.0.1", port=server.port, tls="none", user="u", password="topsecret", timeout_seconds=5
    )
    yield house
    house.close()


def says(command: bytes, *answers: bytes) -> Fault:
    """A fault: answer commands that begin so, the first with the first answer and so on, then as always."""
    left = list(answers)

    def fault(client: socket.socket, tag: bytes, asked: bytes) -> bool:
        if not left or not asked.startswith(command):
            return False
        client.sendall(left.pop(0).replace(b"TAG", tag))
        return True

    return fault


def always(command: bytes, answer: bytes) -> Fault:
    return says(command, *[answer] * 1000)


def idling(idles: list[bytes], news: bytes = b"") -> Fault:
    """IDLE, with what the server says to it at once; `idles` gets the tags of those that began."""

    def fault(client: socket.socket, tag: bytes, command: bytes) -> bool:
        if command == b"IDLE":
            idles.append(tag)
            client.sendall(b"+ idling\r\n" + news)
        if tag == b"DONE":
            client.sendall(idles[-1] + b" OK done\r\n")
        return command == b"IDLE" or tag == b"DONE"

    return fault


@pytest.mark.parametrize(
    ("settings", "selected", "why"),
    [
        ({"after": "move", "move_to": "Done"}, b"TAG OK [READ-ONLY] o\r\n", "INBOX is read-only for u"),
        ({"after": "flag"}, b"TAG OK [READ-ONLY] o\r\n", "INBOX is read-only for u"),
        (
            {"after": "flag"},
            b"* OK [PERMANENTFLAGS (\\Seen)] f\r\nTAG OK [READ-WRITE] w\r\n",
            "does not keep the flag $HelpdeskDone",
        ),
        (
            {"after": "flag", "flag": "\\Flagged"},
            b"* OK [PERMANENTFLAGS (\\Seen \\*)] f\r\nTAG OK [READ-WRITE] w\r\n",
            "does not keep the flag \\Flagged",
        ),
    ],
)
def test_a_folder_in_which_we_may_change_nothing_is_read_all_the_same(
    house: House,
    server: ScriptedServer,
    settings: dict[str, str],
    selected: bytes,
    why: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.fault = lambda client, tag, command: (
        says(b"SELECT", SELECTED + selected)(client, tag, command)
        or says(b"EXAMINE", SELECTED + b"TAG OK [READ-ONLY] o\r\n")(client, tag, command)
    )
    watcher = house.watcher(**settings)
    house.drain(watcher)
    server.add(mail_bytes("New"))
    assert house.drain(watcher) == Drained(fetched=1)
    assert why in caplog.text
    assert not any(b"STORE" in line or b"MOVE" in line for line in server.commands)
    after = imap_errands.check_connection(house.changed(**settings))[-1]
    assert (after.name, after.is_good) == ("after", False)
    assert why in after.text


def test_a_server_that_does_not_say_uidnext_is_asked_what_the_last_mail_is(
    house: House, server: ScriptedServer
) -> None:
    server.add(mail_bytes("Old"))
    server.add(mail_bytes("Old too"))
    server.fault = says(b"EXAMINE", b"* 2 EXISTS\r\n* OK [UIDVALIDITY 55] v\r\nTAG OK done\r\n")
    watcher = house.watcher()
    assert house.drain(watcher) == Drained(left_alone=2)
    assert house.row()["last_uid"] == 2
    server.add(mail_bytes("New"))
    assert house.drain(watcher) == Drained(fetched=1)


def test_a_server_that_announces_mail_which_is_not_there_keeps_nobody_busy(
    house: House, server: ScriptedServer
) -> None:
    idles: list[bytes] = []
    server.fault = idling(idles, b"* 1 EXISTS\r\n")
    began_at = monotonic()
    with house.running(house.watcher(poll_seconds=1)):
        house.wait_until(lambda: len(idles) == 5, "five rounds")
    assert monotonic() - began_at >= 1


@pytest.mark.parametrize(
    ("error", "is_told_here"),
    [(RuntimeError("a mistake of ours"), True), (peewee.OperationalError("the database is down"), False)],
)
def test_what_nobody_thought_of_is_logged_and_the_mailbox_is_watched_on(
    house: House,
    server: ScriptedServer,
    error: Exception,
    is_told_here: bool,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # One that no test before has met trouble with.
    monkeypatch.setattr(imap, "OUTAGE", Outage())

    def clock() -> datetime:
        if errors:
            raise errors.pop()
        return house.clock()

    errors = [error]
    settings = house.changed(idle=False)
    watcher = MailboxWatcher(settings, database=house.database, door=house.door, clock=clock, owner="host-1")
    with house.running(watcher):
        house.wait_until(lambda: house.row().get("last_ok_at") is not None, "the first round")
    assert [bool(record.exc_info) for record in caplog.records if "failed, again in" in record.message] == (
        [True] if is_told_here else []
    )


def test_the_lease_is_kept_while_nothing_happens(house: House, server: ScriptedServer) -> None:
    server.fault = idling([])
    with house.running(house.watcher(poll_seconds=600)):
        house.wait_until(lambda: house.row().get("last_ok_at") is not None, "the first round")
        until = house.row()["lease_until"]
        house.clock.ahead += timedelta(minutes=1)
        house.wait_until(lambda: house.row()["lease_until"] >= until + timedelta(minutes=1), "a renewed lease")


def test_what_one_round_did_is_told_in_words() -> None:
    assert str(Drained()) == "nothing new"
    assert str(Drained(fetched=2, left_alone=1)) == "fetched=2 left_alone=1"


def test_a_mail_that_the_database_refuses_is_fetched_again_and_holds_up_no_other(
    house: House, server: ScriptedServer
) -> None:
    watcher = house.watcher()
    house.drain(watcher)
    for text in ("short\r\n", "long\r\n" * 2000, "short\r\n"):
        server.add(mail_bytes(f"Number {len(server.mails)}", text=text))
    execute: Any = house.database.execute_sql
    execute(
        "CREATE TRIGGER no_big_mail BEFORE INSERT ON ledger WHEN NEW.size_bytes > 5000"
        " BEGIN SELECT RAISE(ABORT, 'refused'); END"
    )
    with pytest.raises(TemporaryFailure):
        house.drain(watcher)
    assert house.subjects() == ["Number 0", "Number 2"]
    assert house.row()["last_uid"] == 1
    execute("DROP TRIGGER no_big_mail")
    assert house.drain(watcher) == Drained(fetched=1)
    assert house.row()["last_uid"] == 3


def test_old_mail_in_a_renumbered_folder_is_left_alone_also_where_the_server_gives_it_one_by_one(
    house: House, server: ScriptedServer
) -> None:
    for number in range(2):
        server.add(mail_bytes(f"Old {number}"))
    watcher = house.watcher()
    house.drain(watcher)
    watcher.close()

    def one_by_one(client: socket.socket, tag: bytes, command: bytes) -> bool:
        if not command.startswith(b"UID FETCH") or b"RFC822.SIZE" not in command:
            return False
        uids = command.split()[2]
        if b"," in uids:
            client.sendall(tag + b" NO one at a time\r\n")
        else:
            answer = b'* %b FETCH (UID %b RFC822.SIZE 9 INTERNALDATE "02-Jan-2001 09:00:00 +0000")\r\n'
            client.sendall(answer % (uids, uids) + tag + b" OK done\r\n")
        return True

    server.uidvalidity, server.fault = 56, one_by_one
    assert house.drain(house.watcher()) == Drained(left_alone=2)
    assert house.row()["uidvalidity"] == 56
    assert house.ledger() == []


def test_a_server_that_refuses_its_other_mails_too_has_not_proved_that_it_is_well(
    house: House, server: ScriptedServer
) -> None:
    server.add(mail_bytes("Old"))
    watcher = house.watcher()
    house.drain(watcher)
    server.add(mail_bytes("Bad"))
    server.fault = lambda client, tag, command: (
        b"BODY" in command and always(b"UID FETCH", b"TAG NO [SERVERBUG] sorry\r\n")(client, tag, command)
    )
    for _ in range(5):
        assert house.drain(watcher) == Drained(troubled=1)
        house.clock.ahead += timedelta(minutes=6)
    server.fault = always(b"UID FETCH 2", b"TAG NO [SERVERBUG] sorry\r\n")
    assert house.drain(watcher) == Drained(skipped=1)


def test_a_mail_that_breaks_off_in_the_middle_is_fetched_again_and_not_stored_by_half(
    house: House, server: ScriptedServer
) -> None:
    watcher = house.watcher()
    house.drain(watcher)
    mail = mail_bytes("Whole", text="a line of text\r\n" * 150_000)
    server.add(mail)
    server.fault = lambda client, tag, command: (
        b"<%d." % MEBIBYTE in command and always(b"UID FETCH", b"TAG OK done\r\n")(client, tag, command)
    )
    assert house.drain(watcher).fetched == 0
    assert house.ledger() == []
    server.fault = None
    house.clock.ahead += timedelta(minutes=6)
    assert house.drain(watcher).fetched == 1
    assert house.content(house.ledger()[0]) == mail


def test_a_mail_of_digits_is_a_mail(house: House, server: ScriptedServer) -> None:
    watcher = house.watcher()
    house.drain(watcher)
    server.add(b"12345")
    server.fault = says(b"UID FETCH 1 (BODY", b"* 1 FETCH (UID 1 BODY[]<0> 12345)\r\nTAG OK done\r\n")
    assert house.drain(watcher) == Drained(fetched=1)
    assert house.content(house.ledger()[0]) == b"12345"


def test_a_move_that_is_refused_makes_no_folder_that_is_there_already(house: House, server: ScriptedServer) -> None:
    watcher = house.watcher(after="move", move_to="Done")
    house.drain(watcher)
    server.add(mail_bytes("Stays"))
    listed = b'* LIST () "/" "Done"\r\nTAG OK done\r\n'
    server.fault = lambda client, tag, command: (
        always(b"UID MOVE", b"TAG NO [LIMIT] too many\r\n")(client, tag, command)
        or always(b"LIST", listed)(client, tag, command)
    )
    assert house.drain(watcher) == Drained(fetched=1)
    assert any(b"LIST" in line for line in server.commands)
    assert not any(b"CREATE" in line for line in server.commands)


# --- one connection ---


@pytest.fixture
def session(house: House) -> Iterator[Session]:
    session = Session(house.settings)
    session.open_folder("INBOX", read_only=True)
    session.uids()
    with contextlib.closing(session):
        yield session


def test_an_idle_that_is_refused_ends_the_session_and_says_what_to_do(session: Session, server: ScriptedServer) -> None:
    server.fault = always(b"IDLE", b"TAG BAD no\r\n")
    with pytest.raises(ConnectionLost, match="idle = false"):
        session.idle(5, stop=lambda: False, tick=lambda: None)


def test_a_goodbye_while_we_wait_ends_the_session(session: Session, server: ScriptedServer) -> None:
    clients: list[socket.socket] = []

    def idle(client: socket.socket, tag: bytes, command: bytes) -> bool:
        clients.append(client)
        client.sendall(b"+ idling\r\n")
        return True

    def goodbye() -> bool:
        """Is asked before each look at the connection."""
        clients[0].sendall(b"* BYE timeout\r\n")
        return False

    server.fault = idle
    with pytest.raises(ConnectionLost, match="said goodbye"):
        session.idle(5, stop=goodbye, tick=lambda: None)


def test_a_connection_that_is_reset_is_lost_and_not_silent(session: Session, server: ScriptedServer) -> None:
    def reset(client: socket.socket, tag: bytes, command: bytes) -> bool:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(client.detach())
        return True

    server.fault = reset
    with pytest.raises(ConnectionLost):
        session.noop()


def test_an_answer_without_end_is_cut_at_its_allowance(
    session: Session, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap_wire, "ALLOWANCE_BYTES", 100_000)
    server.fault = always(b"NOOP", b"* OK still here\r\n" * 20_000)
    with pytest.raises(ConnectionLost, match="longer than it may be"):
        session.noop()


def test_a_ca_file_that_is_not_there_is_named(house: House, tmp_path: Path) -> None:
    missing = tmp_path / "ca.pem"
    with pytest.raises(TemporaryFailure, match=f"ca_file {missing} can't be read"):
        Session(house.changed(tls="implicit", ca_file=missing))


def test_a_name_that_is_looked_up_for_too_long_leaves_nothing_to_cut() -> None:
    watchdog = Watchdog()
    with watchdog.limit(0.0):
        for thread in threading.enumerate():
            if isinstance(thread, threading.Timer):
                thread.join(5)
    assert watchdog.bit_after_seconds == 0


def test_nothing_is_fetched_in_no_sets() -> None:
    assert list(sets_of([])) == []
