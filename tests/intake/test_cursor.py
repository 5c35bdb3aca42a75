"""The row of a watched mailbox: what was skipped is told, and what is in the ledger is known by its place."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import peewee
import pytest

from gateway.intake.accept import Door
from gateway.intake.cursor import (
    LEASE,
    RENEW_AFTER,
    Cursor,
    CursorStore,
    LeaseLost,
    SkippedMail,
    in_ledger,
    is_known_digest,
)
from gateway.intake.envelope import source_key
from gateway.mail import Transport
from gateway.store.tables import Dedupe, Event, Ledger, Mailbox
from tests.intake.desk import Clock, a_mail, an_envelope


def store(database: peewee.Database, owner: str = "one") -> CursorStore:
    return CursorStore(database, name="desk", folder="INBOX", owner=owner)


def row() -> Any:
    return Mailbox.get()


def told() -> list[tuple[str, str, str, dict[str, object]]]:
    """Kind, actor, text and facts of each event."""
    return [(event.kind, event.actor, event.text, event.detail) for event in Event.select().order_by(Event.id)]


def test_a_lease_lasts_ninety_seconds_and_is_renewed_after_thirty() -> None:
    assert timedelta(seconds=90) == LEASE
    assert timedelta(seconds=30) == RENEW_AFTER


def test_before_the_first_contact_there_is_no_cursor(database: peewee.Database, clock: Clock) -> None:
    nowhere = Cursor(uidvalidity=None, last_uid=0, first_contact_at=None)
    cursor = store(database)
    assert cursor.read() == nowhere
    assert cursor.take_lease(clock.now)
    assert cursor.read() == nowhere
    assert (row().name, row().folder, row().lease_owner) == ("desk", "INBOX", "one")


def test_the_first_contact_is_written_down_and_read_again_in_this_folder_alone(
    database: peewee.Database, clock: Clock
) -> None:
    other = CursorStore(database, name="other", folder="INBOX", owner="one")
    cursor = store(database)
    for each in (other, cursor):
        assert each.take_lease(clock.now)
    clock.advance(seconds=10)
    cursor.begin(uidvalidity=5, last_uid=7, left_alone=3, now=clock.now)
    assert cursor.read() == Cursor(uidvalidity=5, last_uid=7, first_contact_at=clock.now)
    assert other.read().uidvalidity is None
    moved = CursorStore(database, name="desk", folder="Archive", owner="one")
    assert moved.read() == Cursor(uidvalidity=None, last_uid=0, first_contact_at=None)
    written = Mailbox.get(Mailbox.name == "desk")
    assert (written.left_alone_count, written.lease_until) == (3, clock.now + LEASE)
    text = "desk: first contact with INBOX: 3 mails there left alone"
    facts = {"mailbox": "desk", "uidvalidity": 5, "left_alone": 3}
    assert told() == [("mailbox_first_contact", "gateway", text, facts)]
    moved.begin(uidvalidity=6, last_uid=0, left_alone=0, now=clock.now)
    assert moved.read().uidvalidity == 6
    assert Mailbox.get(Mailbox.name == "desk").folder == "Archive"


def test_a_renumbered_folder_keeps_its_first_contact(database: peewee.Database, clock: Clock) -> None:
    cursor, began = store(database), clock.now
    assert cursor.take_lease(clock.now)
    cursor.begin(uidvalidity=5, last_uid=7, left_alone=3, now=clock.now)
    clock.advance(seconds=10)
    cursor.rescanned(uidvalidity=6, last_uid=4, left_alone=1, now=clock.now)
    assert cursor.read() == Cursor(uidvalidity=6, last_uid=4, first_contact_at=began)
    assert row().left_alone_count == 1
    text = "desk: the server renumbered INBOX; all looked through, 1 old mail left alone"
    assert told()[1:] == [("mailbox_rescan", "gateway", text, {"mailbox": "desk", "uidvalidity": 6, "left_alone": 1})]


def test_a_stop_lets_another_process_begin_at_once_and_only_where_it_is_ours(
    database: peewee.Database, clock: Clock
) -> None:
    first, second = store(database), store(database, "two")
    assert first.take_lease(clock.now)
    second.give_lease_back()
    assert not second.take_lease(clock.now)
    first.give_lease_back()
    assert (row().lease_owner, row().lease_until) == ("", None)
    assert second.take_lease(clock.now)
    # An owner is told from another, and a mailbox from another.
    other = CursorStore(database, name="other", folder="INBOX", owner="two")
    assert other.take_lease(clock.now)
    other.give_lease_back()
    assert Mailbox.get(Mailbox.name == "desk").lease_owner == "two"


def test_a_lease_from_a_clock_that_was_set_back_ends(database: peewee.Database, clock: Clock) -> None:
    assert store(database).take_lease(clock.now)
    assert not store(database, "two").take_lease(clock.now - LEASE)
    assert store(database, "two").take_lease(clock.now - LEASE - timedelta(seconds=1))


def test_whoever_has_no_lease_must_take_one_before_the_mailbox_is_his(database: peewee.Database, clock: Clock) -> None:
    late = store(database, "two")
    assert late.must_renew(clock.now)
    assert store(database).take_lease(clock.now)
    assert not late.take_lease(clock.now)
    assert late.must_renew(clock.now)
    with pytest.raises(LeaseLost, match="reads the mailbox desk now"):
        late.renew_lease(clock.now)


def test_what_was_just_renewed_is_not_renewed_again(database: peewee.Database, clock: Clock) -> None:
    cursor = store(database)
    assert cursor.take_lease(clock.now)
    assert not cursor.must_renew(clock.now)
    clock.advance(seconds=40)
    cursor.advance(1, clock.now)
    assert not cursor.must_renew(clock.now)


def test_how_it_went_stands_in_the_row(database: peewee.Database, clock: Clock) -> None:
    cursor = store(database)
    for name in ("desk", "other"):
        assert CursorStore(database, name=name, folder="INBOX", owner="one").take_lease(clock.now)
    clock.advance(seconds=10)
    cursor.worked(clock.now)
    clock.advance(seconds=10)
    # Also by a process that has no lease.
    store(database, "two").failed("no route", clock.now)
    written = Mailbox.get(Mailbox.name == "desk")
    assert (written.last_ok_at, written.last_error_at) == (clock.now - timedelta(seconds=10), clock.now)
    assert written.last_error == "no route"
    assert Mailbox.get(Mailbox.name == "other").last_error == ""


def test_the_words_of_an_author_are_known_by_their_digest(database: peewee.Database, clock: Clock) -> None:
    assert not is_known_digest(b"d")
    with Door(database, clock=clock) as door:
        door.accept(an_envelope(), a_mail())
    digest = bytes(Dedupe.get().digest)
    assert is_known_digest(digest)
    assert not is_known_digest(digest[::-1])


def test_each_skipped_mail_is_told_and_the_last_one_stands_in_the_status(
    database: peewee.Database, clock: Clock
) -> None:
    cursor = store(database)
    assert cursor.take_lease(clock.now)
    skipped = [SkippedMail(uidvalidity=5, uid=uid, why="no body came") for uid in (7, 9)]
    cursor.advance(9, clock.now, skipped)
    assert [(kind, facts) for kind, _, _, facts in told()] == [
        ("mail_skipped", {"mailbox": "desk", "uidvalidity": 5, "uid": uid}) for uid in (7, 9)
    ]
    row = Mailbox.get()
    assert (row.last_uid, row.last_error, row.last_error_at) == (
        9,
        "INBOX UID 9 was skipped: no body came",
        clock.now,
    )


def test_who_lost_the_mailbox_writes_nothing(database: peewee.Database, clock: Clock) -> None:
    late, heir = store(database), store(database, "two")
    assert late.take_lease(clock.now)
    assert not heir.take_lease(clock.now + LEASE - timedelta(seconds=1))
    assert heir.take_lease(clock.now + LEASE)
    with pytest.raises(LeaseLost):
        late.advance(9, clock.now + LEASE)
    assert Mailbox.get().last_uid == 0


def test_a_lease_is_renewed_when_it_is_time_and_not_before(database: peewee.Database, clock: Clock) -> None:
    cursor = store(database)
    assert cursor.take_lease(clock.now)
    for moment, until in (
        (clock.now + RENEW_AFTER - timedelta(seconds=1), clock.now + LEASE),
        (clock.now + RENEW_AFTER, clock.now + RENEW_AFTER + LEASE),
        # A clock that was set back must not keep us from renewing.
        (clock.now, clock.now + LEASE),
    ):
        cursor.renew_lease(moment)
        assert Mailbox.get().lease_until == until
    assert store(database, "two").take_lease(clock.now + LEASE)
    with pytest.raises(LeaseLost):
        cursor.renew_lease(clock.now + LEASE)


def test_the_mails_of_a_folder_that_are_in_the_ledger_are_known_by_their_place(
    database: peewee.Database, clock: Clock
) -> None:
    keys = {
        source_key(an_envelope(transport=Transport.IMAP, mailbox="desk", folder="INBOX", uidvalidity=5, uid=uid)): uid
        for uid in range(1, 1001)
    }
    for key, uid in keys.items():
        if uid in (1, 400, 401, 1000):
            Ledger.create(
                received_at=clock.now,
                transport="imap",
                envelope={},
                source_key=key,
                size_bytes=1,
                sha256=b"s",
                digest=b"d",
                part_count=1,
                state="waiting",
            )
    assert in_ledger({key: uid for key, uid in keys.items() if key}) == {1, 400, 401, 1000}
    assert in_ledger({}) == set()
