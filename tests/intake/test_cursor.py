"""The row of a watched mailbox: what was skipped is told, and what is in the ledger is known by its place."""

from __future__ import annotations

from datetime import timedelta

import peewee
import pytest

from gateway.intake.cursor import LEASE, RENEW_AFTER, CursorStore, LeaseLost, SkippedMail, in_ledger
from gateway.intake.envelope import source_key
from gateway.mail import Transport
from gateway.store.tables import Event, Ledger, Mailbox
from tests.intake.desk import Clock, an_envelope


def store(database: peewee.Database, owner: str = "one") -> CursorStore:
    return CursorStore(database, name="desk", folder="INBOX", owner=owner)


def test_each_skipped_mail_is_told_and_the_last_one_stands_in_the_status(
    database: peewee.Database, clock: Clock
) -> None:
    cursor = store(database)
    assert cursor.take_lease(clock.now)
    skipped = [SkippedMail(uidvalidity=5, uid=uid, why="no body came") for uid in (7, 9)]
    cursor.advance(9, clock.now, skipped)
    assert [event.detail for event in Event.select().order_by(Event.id)] == [
        {"mailbox": "desk", "uidvalidity": 5, "uid": uid} for uid in (7, 9)
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
