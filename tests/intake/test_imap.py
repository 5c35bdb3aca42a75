"""A mailbox on a real Dovecot, watched: nothing is lost, nothing comes twice, what is old stays alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import peewee
import pytest

from gateway.errors import TemporaryFailure
from gateway.intake.imap import Drained, pause_seconds
from gateway.mail import MailboxRole
from gateway.oauth import TokenTrouble
from gateway.store.tables import Ledger
from gateway.store.tables import Mailbox as MailboxRow
from tests.intake.imap_house import House, mail_bytes, plain
from tests.intake.imap_proxy import Proxy
from tests.servers.dovecot import Mailbox


@pytest.fixture
def house(database: peewee.Database, mailbox: Mailbox) -> Iterator[House]:
    house = House(database, **plain(mailbox))
    yield house
    house.close()


@pytest.fixture
def sqlite_house(sqlite: peewee.Database, mailbox: Mailbox) -> Iterator[House]:
    house = House(sqlite, **plain(mailbox))
    yield house
    house.close()


def test_first_contact_leaves_old_mail_alone_and_takes_what_comes_later(house: House, mailbox: Mailbox) -> None:
    mailbox.append_many([mail_bytes(f"Old {n}") for n in range(5)])
    watcher = house.watcher()
    assert house.drain(watcher) == Drained(left_alone=5)
    mailbox.append(mail_bytes("New"))
    assert house.drain(watcher) == Drained(fetched=1)
    assert house.subjects() == ["New"]
    assert house.row()["left_alone_count"] == 5
    assert "5 mails" in house.events("mailbox_first_contact")[0]


def test_the_envelope_says_where_the_mail_lay_and_since_when(house: House, mailbox: Mailbox) -> None:
    watcher = house.watcher(role="sent")
    house.drain(watcher)
    mailbox.append(mail_bytes("New"), internal_date=datetime(2026, 2, 1, 12, 0, tzinfo=UTC))
    house.drain(watcher)
    (row,) = house.ledger()
    assert row.transport == "imap"
    assert row.envelope["mailbox"] == "support"
    assert row.envelope["mailbox_role"] == MailboxRole.SENT
    assert (row.envelope["folder"], row.envelope["uid"]) == ("INBOX", 1)
    assert row.envelope["uidvalidity"] == mailbox.uidvalidity()
    assert row.envelope["internal_date"] == "2026-02-01T12:00:00+00:00"
    assert house.content(row) == mail_bytes("New")


def test_a_person_who_reads_the_mailbox_takes_nothing_from_us_and_sees_what_is_unread(
    house: House, mailbox: Mailbox
) -> None:
    watcher = house.watcher()
    house.drain(watcher)
    mailbox.append(mail_bytes("Read by a person"), flags=["\\Seen"])
    mailbox.append(mail_bytes("Unread"))
    assert house.drain(watcher).fetched == 2
    assert ["\\Seen" in mail.flags for mail in mailbox.mails()] == [True, False]


def test_mail_that_comes_while_idling_is_taken_at_once(sqlite_house: House, mailbox: Mailbox) -> None:
    house = sqlite_house
    with house.running(house.watcher(poll_seconds=600)):
        house.wait_until(lambda: house.row().get("last_ok_at") is not None, "the first round")
        mailbox.append(mail_bytes("First"))
        house.wait_for_subjects("First")
        mailbox.append(mail_bytes("Second"))
        house.wait_for_subjects("First", "Second")
    assert house.row()["lease_owner"] == ""


def test_without_idle_the_folder_is_looked_at_every_poll_seconds(sqlite_house: House, mailbox: Mailbox) -> None:
    house = sqlite_house
    with house.running(house.watcher(poll_seconds=1, idle=False)):
        house.wait_until(lambda: house.row().get("last_ok_at") is not None, "the first round")
        mailbox.append(mail_bytes("Polled"))
        house.wait_for_subjects("Polled")


@pytest.mark.parametrize("end", ["kick", "break_connections"])
def test_a_server_that_dies_while_idling_is_noticed_and_mail_comes_again(
    sqlite_house: House, mailbox: Mailbox, end: str
) -> None:
    house = sqlite_house
    with house.running(house.watcher(poll_seconds=600)):
        house.wait_until(lambda: house.row().get("last_ok_at") is not None, "the first round")
        mailbox.append(mail_bytes("Before"))
        house.wait_for_subjects("Before")
        mailbox.wait_for_sessions(1)
        getattr(mailbox, end)()
        mailbox.append(mail_bytes("After"))
        house.wait_for_subjects("After", "Before")


def test_a_connection_that_went_silent_is_given_up_and_the_next_one_brings_the_mail(
    sqlite_house: House, mailbox: Mailbox
) -> None:
    house = sqlite_house
    with house.running(house.watcher(poll_seconds=1, timeout_seconds=1)):
        house.wait_until(lambda: house.row().get("last_ok_at") is not None, "the first round")
        mailbox.wait_for_sessions(1)
        with mailbox.frozen():
            mailbox.append(mail_bytes("Behind the firewall"))
            house.wait_for_subjects("Behind the firewall")


def test_two_processes_do_not_read_one_mailbox_until_one_is_gone(house: House, mailbox: Mailbox) -> None:
    first, second = house.watcher("host-1"), house.watcher("host-2")
    house.drain(first)
    mailbox.append(mail_bytes("Once"))
    assert house.drain(second) == Drained(standing_by=True)
    assert house.drain(first).fetched == 1
    first.close()
    mailbox.append(mail_bytes("Taken over"))
    assert house.drain(second).fetched == 1
    assert len(house.ledger()) == 2


def test_the_lease_of_a_process_that_died_runs_out(house: House, mailbox: Mailbox) -> None:
    died, heir = house.watcher("host-1"), house.watcher("host-2")
    house.drain(died)
    mailbox.append(mail_bytes("Orphan"))
    house.clock.ahead += timedelta(minutes=2)
    assert house.drain(heir).fetched == 1
    assert house.drain(died) == Drained(standing_by=True)


def test_a_crash_before_the_cursor_was_saved_brings_no_second_row(house: House, mailbox: Mailbox) -> None:
    watcher = house.watcher()
    house.drain(watcher)
    before = house.row()["last_uid"]
    mailbox.append_many([mail_bytes("One"), mail_bytes("Two")])
    house.drain(watcher)
    MailboxRow.update(last_uid=before).execute()
    watcher.close()
    assert house.drain(house.watcher()).fetched == 2
    assert len(house.ledger()) == 2
    assert house.row()["last_uid"] == before + 2


def test_a_renumbered_folder_is_looked_through_without_a_second_ticket_and_old_mail_stays_alone(
    house: House, mailbox: Mailbox
) -> None:
    mailbox.append_many([mail_bytes(f"Old {n}") for n in range(3)], internal_date=datetime(2026, 1, 5, tzinfo=UTC))
    anonymous = b"From: printer@example.com\r\nSubject: toner\r\n\r\nlow\r\n"
    watcher = house.watcher()
    house.drain(watcher)
    mailbox.append_many([mail_bytes("Known"), anonymous])
    house.drain(watcher)
    mailbox.change_uidvalidity()
    mailbox.append(mail_bytes("Came meanwhile"))
    house.clock.ahead += timedelta(hours=2)
    with pytest.raises(TemporaryFailure):
        house.drain(watcher)  # Dovecot has closed the session
    drained = house.drain(watcher)
    assert (drained.left_alone, drained.fetched, drained.duplicates) == (3, 3, 2)
    assert house.subjects() == ["Came meanwhile", "Known", "toner"]
    assert house.row()["uidvalidity"] == mailbox.uidvalidity()
    assert house.events("mailbox_rescan")
    assert house.drain(watcher) == Drained()


def test_a_crash_while_a_renumbered_folder_is_looked_through_leaves_old_mail_alone_too(
    sqlite_house: House, mailbox: Mailbox
) -> None:
    house = sqlite_house
    mailbox.append_many([mail_bytes(f"Old {n}") for n in range(60)], internal_date=datetime(2026, 1, 5, tzinfo=UTC))
    house.drain(house.watcher())
    mailbox.append(mail_bytes("Unseen so far"))
    mailbox.change_uidvalidity()
    house.free_bytes = 0
    with pytest.raises(TemporaryFailure):
        house.drain(house.watcher())
    house.free_bytes = 10**12
    drained = house.drain(house.watcher())
    assert (drained.left_alone, drained.fetched) == (60, 1)
    assert house.subjects() == ["Unseen so far"]


def test_a_full_disk_leaves_the_mail_where_it_is(house: House, mailbox: Mailbox) -> None:
    watcher = house.watcher(after="move", move_to="Done")
    house.drain(watcher)
    mailbox.append(mail_bytes("Patience"))
    house.free_bytes = 0
    for _ in range(5):
        with pytest.raises(TemporaryFailure, match="room"):
            house.drain(watcher)
    assert "room" in house.row()["last_error"]
    assert len(mailbox.mails()) == 1
    house.free_bytes = 10**12
    assert house.drain(watcher).fetched == 1


def test_a_mail_above_the_limit_is_fetched_to_its_beginning_only(house: House, mailbox: Mailbox) -> None:
    watcher = house.watcher(size_limit_bytes=200_000)
    house.drain(watcher)
    large = mail_bytes("Large", text="0123456789 ten times ten\r\n" * 20_000)
    mailbox.append(large)
    assert house.drain(watcher) == Drained(fetched=1, cut=1)
    (row,) = house.ledger()
    assert row.envelope["full_size_bytes"] == len(large)
    assert house.content(row) == large[: 64 * 1024]


@pytest.mark.parametrize("size_bytes", [1024 * 1024 - 1, 1024 * 1024, 1024 * 1024 + 1, 3 * 1024 * 1024, 5_000_000])
def test_a_large_mail_comes_in_pieces_and_whole(sqlite_house: House, mailbox: Mailbox, size_bytes: int) -> None:
    house = sqlite_house
    watcher = house.watcher()
    house.drain(watcher)
    head = mail_bytes("Pieces", text="")
    body = b"".join(b"%08d is the line\r\n" % n for n in range(size_bytes // 21 + 1))
    large = (head + body)[: size_bytes - 4].rstrip().ljust(size_bytes - 2, b".") + b"\r\n"
    with mailbox.connect() as client:
        client.append("INBOX", large)
    assert house.drain(watcher).fetched == 1
    assert house.content(house.ledger()[0]) == large
    assert len(large) == size_bytes


def test_a_mail_that_somebody_deletes_before_we_fetch_it_is_gone_and_not_empty(
    sqlite_house: House, mailbox: Mailbox
) -> None:
    house = sqlite_house
    with Proxy(mailbox.server.imap_port) as proxy:
        watcher = house.watcher(port=proxy.port)
        house.drain(watcher)
        mailbox.append_many([mail_bytes("Stays"), mail_bytes("Deleted"), mail_bytes("Stays too")])
        proxy.before(b"BODY.PEEK[]", lambda: mailbox.expunge([2]))
        assert house.drain(watcher) == Drained(fetched=2, gone=1)
    assert house.subjects() == ["Stays", "Stays too"]
    assert house.row()["last_uid"] == 3


@pytest.mark.parametrize("octets", [0, 1, 40, 300, 500, 700, 900, 1000, 1100, 1200, 1300, 1400, 1500, 1700, 2000])
def test_a_connection_that_breaks_anywhere_loses_nothing_and_doubles_nothing(
    sqlite_house: House, mailbox: Mailbox, octets: int
) -> None:
    house = sqlite_house
    house.drain(house.watcher())
    mailbox.append_many([mail_bytes("One"), mail_bytes("Two", text="word " * 50)])
    with Proxy(mailbox.server.imap_port) as proxy:
        proxy.cut_after(octets)
        watcher = house.watcher(port=proxy.port, after="move", move_to="Done")
        with contextlib.suppress(TemporaryFailure):
            house.drain(watcher)
        house.drain(watcher)
    assert house.subjects() == ["One", "Two"]
    assert [row.duplicate_of_id for row in house.ledger()] == [None, None]
    assert [mail.uid for mail in mailbox.mails("Done")] == [1, 2]


def test_settings_that_name_another_folder_make_a_first_contact_with_it(house: House, mailbox: Mailbox) -> None:
    house.drain(house.watcher())
    mailbox.create_folder("Support")
    mailbox.append(mail_bytes("Old"), folder="Support")
    watcher = house.watcher(folder="Support")
    assert house.drain(watcher) == Drained(left_alone=1)
    mailbox.append(mail_bytes("New"), folder="Support")
    house.drain(watcher)
    assert house.subjects() == ["New"]
    assert house.row()["folder"] == "Support"


def test_the_last_error_names_the_server_and_never_the_password(sqlite_house: House) -> None:
    watcher = sqlite_house.watcher(password="a wrong password")
    with pytest.raises(TemporaryFailure, match="check user and password"):
        sqlite_house.drain(watcher)
    assert "127.0.0.1" in sqlite_house.row()["last_error"]
    assert "a wrong password" not in sqlite_house.row()["last_error"]


def test_a_backlog_comes_in_many_sets_in_order(sqlite_house: House, mailbox: Mailbox) -> None:
    house = sqlite_house
    watcher = house.watcher()
    house.drain(watcher)
    with mailbox.connect() as client:
        client.multiappend("INBOX", [mail_bytes(f"Number {n:03}") for n in range(430)])
    assert house.drain(watcher).fetched == 430
    uids = [row.envelope["uid"] for row in house.ledger()]
    assert uids == list(range(1, 431))
    assert house.row()["last_uid"] == 430
    assert Ledger.select().where(Ledger.state == "waiting").count() == 430


def test_the_pause_after_failures_grows_from_a_second_to_five_minutes() -> None:
    failure = TemporaryFailure("the network is down")
    assert 0.5 <= pause_seconds(1, failure) <= 1
    assert 4 <= pause_seconds(4, failure) <= 8
    assert 150 <= pause_seconds(1000, failure) <= 300


def test_whether_there_is_a_token_by_now_is_looked_up_every_fifteen_seconds_at_least() -> None:
    assert 0.5 <= pause_seconds(1, TokenTrouble("no token")) <= 1
    assert 7.5 <= pause_seconds(1000, TokenTrouble("no token")) <= 15
