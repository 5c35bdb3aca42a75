"""Old mail brought in, the connection checked, a sent mail filed: against a real Dovecot."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import peewee
import pytest

from gateway.errors import TemporaryFailure
from gateway.intake import imap_errands
from gateway.intake.accept import Door
from gateway.intake.cursor import CursorStore
from gateway.intake.imap import Drained
from gateway.intake.imap_errands import Imported, append_sent, check_connection, import_mail
from tests.intake.imap_house import House, mail_bytes, plain
from tests.intake.scripted_imap import ScriptedServer
from tests.servers.dovecot import Mailbox

JANUARY, FEBRUARY = datetime(2026, 1, 10, 12, tzinfo=UTC), datetime(2026, 2, 10, 12, tzinfo=UTC)


@pytest.fixture
def house(database: peewee.Database, mailbox: Mailbox) -> Iterator[House]:
    house = House(database, **plain(mailbox))
    yield house
    house.close()


def bring_in(house: House, **options: Any) -> Imported:
    settings = options.pop("settings", house.settings)
    since = options.pop("since", date(2026, 2, 1))
    return import_mail(settings, database=house.database, door=house.door, clock=house.clock, since=since, **options)


def test_an_import_brings_in_old_mail_since_a_day_quietly_and_once(house: House, mailbox: Mailbox) -> None:
    mailbox.append_many([mail_bytes("January")], internal_date=JANUARY)
    mailbox.append_many([mail_bytes("February"), mail_bytes("February again")], internal_date=FEBRUARY)
    house.drain(house.watcher())
    mailbox.append(mail_bytes("New, and the watcher's"))

    planned = bring_in(house, dry_run=True)
    size_bytes = len(mail_bytes("February")) + len(mail_bytes("February again"))
    assert planned == Imported(found=2, size_bytes=size_bytes)
    assert house.ledger() == []

    assert bring_in(house) == Imported(found=2, size_bytes=size_bytes, fetched=2)
    assert house.subjects() == ["February", "February again"]
    assert {row.transport for row in house.ledger()} == {"import"}
    assert all(row.envelope["quiet"] for row in house.ledger())

    assert bring_in(house) == Imported(found=2, known=2)
    assert bring_in(house, since=date(2026, 1, 1)).fetched == 1
    assert house.row()["left_alone_count"] == 3
    assert not any("\\Seen" in mail.flags for mail in mailbox.mails())


def test_an_import_before_the_first_start_is_the_first_contact(house: House, mailbox: Mailbox) -> None:
    mailbox.append(mail_bytes("Old"), internal_date=FEBRUARY)
    assert bring_in(house, dry_run=True).found == 1
    assert house.row() == {}
    assert bring_in(house).fetched == 1
    mailbox.append(mail_bytes("New"))
    assert house.drain(house.watcher()) == Drained(fetched=1)
    assert house.subjects() == ["New", "Old"]


def test_an_import_of_a_mail_that_came_another_way_is_a_duplicate(house: House, mailbox: Mailbox) -> None:
    mailbox.append_many([mail_bytes("Twice"), mail_bytes("Twice")], internal_date=FEBRUARY)
    house.drain(house.watcher())
    imported = bring_in(house)
    assert (imported.fetched, imported.duplicates) == (2, 1)
    assert house.subjects() == ["Twice"]


def test_an_import_from_a_renumbered_folder_waits_for_the_watcher(house: House, mailbox: Mailbox) -> None:
    mailbox.append(mail_bytes("Old"), internal_date=FEBRUARY)
    house.drain(house.watcher())
    mailbox.change_uidvalidity()
    with pytest.raises(TemporaryFailure, match="renumbered"):
        bring_in(house)
    assert house.ledger() == []


def test_an_import_names_what_the_server_does_not_give_and_brings_in_the_rest(house: House) -> None:
    def refuse_the_second(client: Any, tag: bytes, command: bytes) -> bool:
        if command.startswith(b"UID FETCH") and b"BODY" in command and b"2" in command.split()[2].split(b","):
            client.sendall(tag + b" NO [SERVERBUG] internal error\r\n")
            return True
        return False

    with ScriptedServer(fault=refuse_the_second) as server:
        for n in range(1, 4):
            server.add(mail_bytes(f"Number {n}"))
        imported = bring_in(house, settings=house.changed(port=server.port))
    assert (imported.fetched, imported.unread) == (2, (2,))
    assert house.subjects() == ["Number 1", "Number 3"]


def test_an_import_does_not_come_between_a_gateway_and_its_first_contact(house: House, mailbox: Mailbox) -> None:
    mailbox.append(mail_bytes("Old"), internal_date=FEBRUARY)
    gateway = CursorStore(house.database, name="support", folder="INBOX", owner="host-1")
    assert gateway.take_lease(house.clock())
    with pytest.raises(TemporaryFailure, match="for the first time just now"):
        bring_in(house)
    assert house.ledger() == []


def test_an_import_into_a_database_that_does_not_answer_says_so(
    house: House, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap_errands, "ANSWER_TIMEOUT_SECONDS", 0.01)
    mailbox.append(mail_bytes("Old"), internal_date=FEBRUARY)
    since, opened = date(2026, 1, 1), threading.Event()

    def free_bytes() -> int:
        assert opened.wait(20)
        return 10**12

    with Door(house.database, clock=house.clock, free_bytes=free_bytes) as door:
        with pytest.raises(TemporaryFailure, match="not stored in time"):
            import_mail(house.settings, database=house.database, door=door, clock=house.clock, since=since)
        opened.set()


def test_a_check_says_what_the_server_can_do(mailbox: Mailbox, sqlite: peewee.Database) -> None:
    house = House(sqlite, **plain(mailbox))
    mailbox.append(mail_bytes("One"))
    facts = {fact.name: fact for fact in check_connection(house.changed(after="move", move_to="Done"))}
    assert all(fact.is_good for fact in facts.values())
    assert mailbox.address in facts["login"].text
    assert facts["folder"].text == "INBOX: 1 mail"
    assert facts["IDLE"].text == "yes"
    assert facts["MOVE"].text == "MOVE, UIDPLUS"
    assert house.row() == {}
    house.close()


def test_a_check_of_a_folder_that_is_not_there_names_those_that_are(mailbox: Mailbox, sqlite: peewee.Database) -> None:
    house = House(sqlite, **plain(mailbox))
    mailbox.create_folder("Support")
    login, folder, folders = check_connection(house.changed(folder="Suport"))
    assert login.is_good
    assert not folder.is_good
    assert "check the folder's name" in folder.text
    assert "Support" in folders.text
    house.close()


def test_a_check_with_a_wrong_password_says_so(mailbox: Mailbox, sqlite: peewee.Database) -> None:
    house = House(sqlite, **plain(mailbox))
    (login,) = check_connection(house.changed(password="wrong"))
    assert not login.is_good
    assert "check user and password" in login.text
    house.close()


def test_a_password_that_is_not_ascii_logs_in(dovecot: Any, sqlite: peewee.Database) -> None:
    mailbox = dovecot.new_mailbox(password="pässwörd-µ")
    house = House(sqlite, **plain(mailbox))
    assert check_connection(house.settings)[0].is_good
    house.close()


def test_a_sent_mail_is_filed_as_read_with_its_date_in_a_folder_that_is_made(
    mailbox: Mailbox, sqlite: peewee.Database
) -> None:
    house = House(sqlite, **plain(mailbox))
    append_sent(house.settings, "Gesendete Objekte", mail_bytes("Answer"), FEBRUARY)
    (filed,) = mailbox.mails("Gesendete Objekte")
    assert filed.content == mail_bytes("Answer")
    assert "\\Seen" in filed.flags
    with mailbox.connect("Gesendete Objekte") as client:
        client.normalise_times = False
        assert client.fetch([1], ["INTERNALDATE"])[1][b"INTERNALDATE"] == FEBRUARY
    house.close()
