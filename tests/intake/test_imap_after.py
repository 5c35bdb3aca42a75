"""What happens on the server after the commit: leave, flag or move; and what a crash in between leaves behind."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import peewee
import pytest

from gateway.errors import TemporaryFailure
from gateway.intake.imap import Drained
from gateway.store.tables import Mailbox as MailboxRow
from tests.intake.imap_house import House, mail_bytes, plain
from tests.intake.imap_proxy import Proxy
from tests.intake.scripted_imap import ScriptedServer
from tests.servers.dovecot import Mailbox


@pytest.fixture
def house(sqlite: peewee.Database, mailbox: Mailbox) -> Iterator[House]:
    house = House(sqlite, **plain(mailbox))
    yield house
    house.close()


def test_stored_mails_are_moved_to_a_folder_that_is_made_if_need_be_and_stay_unread(
    house: House, mailbox: Mailbox
) -> None:
    mailbox.append(mail_bytes("Old"))
    watcher = house.watcher(after="move", move_to="Helpdesk/Done – erledigt")
    assert house.drain(watcher) == Drained(left_alone=1)
    mailbox.append_many([mail_bytes("One"), mail_bytes("Two")])
    assert house.drain(watcher) == Drained(fetched=2, settled=2)
    assert [mail.content for mail in mailbox.mails()] == [mail_bytes("Old")]
    moved = mailbox.mails("Helpdesk/Done – erledigt")
    assert [mail.content for mail in moved] == [mail_bytes("One"), mail_bytes("Two")]
    assert not any("\\Seen" in mail.flags for mail in moved)


def test_stored_mails_are_flagged(house: House, mailbox: Mailbox) -> None:
    mailbox.append(mail_bytes("Old"))
    watcher = house.watcher(after="flag", flag="$Ticketed")
    house.drain(watcher)
    mailbox.append(mail_bytes("New"))
    assert house.drain(watcher) == Drained(fetched=1, settled=1)
    assert ["$Ticketed" in mail.flags for mail in mailbox.mails()] == [False, True]


@pytest.mark.parametrize("after", ["move", "flag"])
def test_what_a_crash_left_between_commit_and_move_is_moved_by_the_next_run(
    house: House, mailbox: Mailbox, after: str
) -> None:
    mailbox.append(mail_bytes("Old"))
    # A run that only stores and then ends is a run that was killed right after saving its cursor.
    killed = house.watcher(after="leave")
    house.drain(killed)
    mailbox.append_many([mail_bytes("One"), mail_bytes("Two")])
    house.drain(killed)
    killed.close()
    assert house.drain(house.watcher(after=after, move_to="Done")) == Drained(settled=2)
    if after == "move":
        assert [mail.content for mail in mailbox.mails()] == [mail_bytes("Old")]
    else:
        assert ["$HelpdeskDone" in mail.flags for mail in mailbox.mails()] == [False, True, True]
    assert len(house.ledger()) == 2


def test_what_a_crash_left_between_commit_and_cursor_is_moved_too(house: House, mailbox: Mailbox) -> None:
    killed = house.watcher(after="leave")
    house.drain(killed)
    mailbox.append_many([mail_bytes("One"), mail_bytes("Two")])
    house.drain(killed)
    killed.close()
    MailboxRow.update(last_uid=0).execute()
    house.drain(house.watcher(after="move", move_to="Done"))
    assert mailbox.mails() == ()
    assert len(mailbox.mails("Done")) == 2
    assert len(house.ledger()) == 2


@pytest.mark.parametrize("words", [b"UID MOVE", b"BODY.PEEK[]"])
def test_a_lost_answer_to_a_command_moves_every_mail_once(house: House, mailbox: Mailbox, words: bytes) -> None:
    with Proxy(mailbox.server.imap_port) as proxy:
        watcher = house.watcher(port=proxy.port, after="move", move_to="Done")
        house.drain(watcher)
        mailbox.create_folder("Done")
        mailbox.append_many([mail_bytes("One"), mail_bytes("Two")])
        proxy.lose_answer_to(words)
        with pytest.raises(TemporaryFailure):
            house.drain(watcher)
        mailbox.wait_for_sessions(0)
        house.drain(watcher)
    assert mailbox.mails() == ()
    assert len(mailbox.mails("Done")) == 2
    assert len(house.ledger()) == 2


@pytest.mark.parametrize("words", [b"UID SEARCH", b"RFC822.SIZE", b"BODY.PEEK[]", b"UID MOVE"])
@pytest.mark.parametrize("is_carried_out", [False, True])
def test_a_process_killed_in_the_middle_loses_nothing_and_doubles_nothing(
    house: House, mailbox: Mailbox, sqlite_url: str, words: bytes, is_carried_out: bool
) -> None:
    house.drain(house.watcher())
    mailbox.create_folder("Done")
    mailbox.append_many([mail_bytes(f"Number {n}") for n in range(70)])
    house.close()
    with Proxy(mailbox.server.imap_port) as proxy:
        settings = {"name": "support", **plain(mailbox), "port": proxy.port, "after": "move", "move_to": "Done"}
        command = [sys.executable, "-m", "tests.intake.imap_child", sqlite_url, json.dumps(settings)]
        child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        if is_carried_out:
            proxy.lose_answer_to(words)
        else:
            proxy.before(words, child.kill)
        proxy.when_broken = child.kill
        assert child.wait(30) == -9
    mailbox.wait_for_sessions(0)
    house = House(house.database, **plain(mailbox))
    house.clock.ahead += timedelta(minutes=2)
    house.drain(house.watcher(after="move", move_to="Done"))
    assert len(house.ledger()) == 70
    assert len(set(house.subjects())) == 70
    assert mailbox.mails() == ()
    assert len(mailbox.mails("Done")) == 70
    house.close()


def test_a_move_that_the_server_refuses_leaves_the_mail_and_is_tried_again(house: House, mailbox: Mailbox) -> None:
    watcher = house.watcher(after="move", move_to="Done/" + "x" * 300)
    house.drain(watcher)
    mailbox.append(mail_bytes("Stays"))
    assert house.drain(watcher) == Drained(fetched=1)
    assert len(mailbox.mails()) == 1
    assert house.drain(watcher) == Drained()
    assert house.subjects() == ["Stays"]


def test_without_move_and_uidplus_stored_mails_are_left_and_it_is_said(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedServer(capabilities="IMAP4rev1 IDLE") as server:
        watcher = house.watcher(port=server.port, after="move", move_to="Done")
        house.drain(watcher)
        server.add(mail_bytes("Stays"))
        assert house.drain(watcher) == Drained(fetched=1)
        assert not [line for line in server.commands if b"STORE" in line or b"EXPUNGE" in line or b"COPY" in line]
    assert "neither MOVE nor UIDPLUS" in caplog.text


def test_with_uidplus_only_exactly_our_mails_are_expunged(house: House) -> None:
    with ScriptedServer(capabilities="IMAP4rev1 UIDPLUS") as server:
        watcher = house.watcher(port=server.port, after="move", move_to="Done")
        house.drain(watcher)
        server.add(mail_bytes("Moved"))
        assert house.drain(watcher) == Drained(fetched=1, settled=1)
        after = [line.split(b" ", 1)[1] for line in server.commands[-3:]]
    assert after == [b'UID COPY 1 "Done"', b"UID STORE 1 +FLAGS.SILENT (\\Deleted)", b"UID EXPUNGE 1"]
