"""The door: on disk before yes, once for each mail, and alive whatever happens to the database."""

from __future__ import annotations

import contextlib
import io
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

import peewee
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import TemporaryFailure
from gateway.intake import accept
from gateway.intake.accept import GROUP_LIMIT_MAILS, Door, Receipt
from gateway.intake.envelope import envelope_from_json
from gateway.mail import Transport
from gateway.store.database import connection
from gateway.store.states import LedgerState, Outcome
from gateway.store.tables import PART_SIZE_BYTES, Ledger, RawMailPart
from tests.intake.desk import DESK, Clock, a_mail, an_envelope, new_database, rows, stored, waiting_rows

MEBIBYTE = 1024 * 1024


class Gate:
    """Something to ask that does not answer before it is opened."""

    def __init__(self, answer: int = 2**40) -> None:
        self.asked = threading.Event()
        self.opened = threading.Event()
        self._answer = answer

    def __call__(self) -> int:
        self.asked.set()
        assert self.opened.wait(20)
        return self._answer


@contextlib.contextmanager
def locked(database: peewee.Database) -> Iterator[None]:
    """Somebody else writes to the SQLite file and does not come to an end."""
    other = sqlite3.connect(database.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_an_accepted_mail_is_stored_with_its_envelope(door: Door, clock: Clock) -> None:
    envelope = an_envelope(reverse_path="", peer="192.0.2.1", helo="client.example.com")

    receipt = door.accept(envelope, a_mail())

    assert stored(receipt.ledger_id) == a_mail()
    row = Ledger.get_by_id(receipt.ledger_id)
    assert envelope_from_json(row.envelope) == envelope
    assert (row.state, row.outcome, row.transport) == (LedgerState.WAITING, Outcome.NONE, Transport.SMTP)
    assert row.received_at == clock.now
    assert receipt.duplicate_of is None


def test_a_big_mail_is_cut_into_parts_of_one_mebibyte(door: Door) -> None:
    content = a_mail() + b"x" * (2 * PART_SIZE_BYTES)

    with tempfile.TemporaryFile() as file:
        file.write(content)
        receipt = door.accept(an_envelope(), file)

    assert stored(receipt.ledger_id) == content
    assert Ledger.get_by_id(receipt.ledger_id).part_count == 3


@pytest.mark.parametrize("size_bytes", [0, 1, PART_SIZE_BYTES - 1, PART_SIZE_BYTES, PART_SIZE_BYTES + 1])
def test_any_size_comes_back_as_it_was(sqlite_door: Door, size_bytes: int) -> None:
    content = b"x" * size_bytes

    assert stored(sqlite_door.accept(an_envelope(), content).ledger_id) == content


def test_the_same_mail_again_is_a_duplicate_without_bytes(door: Door) -> None:
    first = door.accept(an_envelope(), a_mail())
    again = door.accept(an_envelope(transport=Transport.LMTP), b"Received: from mx\r\nX-Spam: no\r\n" + a_mail())

    assert again.duplicate_of == first.ledger_id
    row: Any = Ledger.get_by_id(again.ledger_id)
    assert (row.state, row.outcome, row.part_count) == (LedgerState.DONE, Outcome.DUPLICATE, 0)
    assert row.duplicate_of_id == first.ledger_id
    assert row.decided_at is not None
    assert len(waiting_rows()) == 1


def test_a_duplicate_of_a_duplicate_names_the_first(door: Door) -> None:
    receipts = [door.accept(an_envelope(), a_mail()) for _ in range(3)]

    assert [receipt.duplicate_of for receipt in receipts] == [None, receipts[0].ledger_id, receipts[0].ledger_id]


def test_the_same_message_id_with_other_words_is_a_mail_of_its_own(door: Door) -> None:
    """Or whoever knows a Message-ID beforehand could burn it."""
    door.accept(an_envelope(), a_mail(text="burnt"))

    assert door.accept(an_envelope(), a_mail(text="genuine")).duplicate_of is None


def test_a_mail_without_identity_is_a_duplicate_for_an_hour(door: Door, clock: Clock) -> None:
    report = b"From: cron@example.com\n\nAll is well.\n"
    first = door.accept(an_envelope(), report)
    clock.advance(minutes=59)
    soon = door.accept(an_envelope(), report)
    clock.advance(minutes=2)
    later = door.accept(an_envelope(), report)
    clock.advance(minutes=30)
    soon_after = door.accept(an_envelope(), report)

    assert soon.duplicate_of == first.ledger_id
    assert later.duplicate_of is None
    assert soon_after.duplicate_of == later.ledger_id


def test_a_mail_with_identity_is_a_duplicate_for_ever(door: Door, clock: Clock) -> None:
    first = door.accept(an_envelope(), a_mail())
    clock.advance(days=4000)

    assert door.accept(an_envelope(), a_mail()).duplicate_of == first.ledger_id


def test_a_place_on_an_imap_server_has_one_row(door: Door) -> None:
    place = {"transport": Transport.IMAP, "mailbox": "desk", "folder": "INBOX", "uidvalidity": 2**32 - 1, "uid": 5}
    first = door.accept(an_envelope(**place), a_mail())

    assert door.accept(an_envelope(**place), a_mail()) == first
    assert door.accept(an_envelope(**place | {"transport": Transport.IMPORT}), b"other bytes") == first
    assert len(rows()) == 1
    elsewhere = door.accept(an_envelope(**place | {"uidvalidity": 9}), a_mail())
    assert elsewhere.duplicate_of == first.ledger_id


def test_a_known_place_of_a_duplicate_gives_the_duplicates_receipt(door: Door) -> None:
    door.accept(an_envelope(), a_mail())
    place = {"transport": Transport.IMAP, "mailbox": "desk", "folder": "INBOX", "uidvalidity": 1, "uid": 5}
    second = door.accept(an_envelope(**place), a_mail())

    assert second.duplicate_of is not None
    assert door.accept(an_envelope(**place), a_mail()) == second


def test_what_waits_is_committed_in_groups(database: peewee.Database, clock: Clock) -> None:
    gate, commits = Gate(), []
    with Door(database, clock=clock, free_bytes=gate, on_accepted=lambda: commits.append(len(rows_seen()))) as door:
        first = door.submit(an_envelope(), a_mail(0))
        assert gate.asked.wait(20)
        futures = [door.submit(an_envelope(), a_mail(number)) for number in range(1, GROUP_LIMIT_MAILS + 11)]
        gate.opened.set()
        wait([first, *futures], timeout=60)
        ids = [future.result().ledger_id for future in [first, *futures]]

    assert commits == [1, 1 + GROUP_LIMIT_MAILS, 1 + GROUP_LIMIT_MAILS + 10]
    assert ids == sorted(ids)


def rows_seen() -> list[object]:
    """The rows as the writer's own thread sees them after its commit."""
    return list(Ledger.select(Ledger.id))


def test_a_group_is_bounded_by_its_size_too(sqlite: peewee.Database, clock: Clock) -> None:
    gate, commits = Gate(), []
    with Door(sqlite, clock=clock, free_bytes=gate, on_accepted=lambda: commits.append(len(rows_seen()))) as door:
        door.submit(an_envelope(), a_mail(0))
        assert gate.asked.wait(20)
        for number in range(1, 4):
            door.submit(an_envelope(), a_mail(number, "x" * (12 * MEBIBYTE)))
        gate.opened.set()

    assert commits == [1, 3, 4]


def test_the_same_mail_twice_in_one_group_is_stored_once(database: peewee.Database, clock: Clock) -> None:
    gate = Gate()
    with Door(database, clock=clock, free_bytes=gate) as door:
        futures = [door.submit(an_envelope(), a_mail()) for _ in range(5)]
        gate.opened.set()

    originals = [future.result() for future in futures if future.result().duplicate_of is None]
    assert len(originals) == len(waiting_rows()) == 1


def test_two_gateways_store_each_mail_once(database: peewee.Database, clock: Clock) -> None:
    mails = [(an_envelope(mailbox="m", folder="f", uidvalidity=1, uid=n), a_mail(n)) for n in range(60)]
    with Door(database, clock=clock) as one, Door(database, clock=clock) as other:
        futures = [door.submit(*mail) for mail in mails for door in (one, other)]
        futures += [door.submit(an_envelope(), mail) for _, mail in reversed(mails) for door in (other, one)]
        receipts = [future.result(60) for future in futures]

    assert len({receipt.ledger_id for receipt in receipts if receipt.duplicate_of is None}) == len(mails)
    assert sorted(stored(row.id) for row in waiting_rows()) == sorted(mail for _, mail in mails)


def test_a_mail_that_can_not_be_read_fails_alone(database: peewee.Database, clock: Clock) -> None:
    gate = Gate()
    closed = io.BytesIO(b"x")
    with Door(database, clock=clock, free_bytes=gate) as door:
        door.submit(an_envelope(), a_mail(0))
        assert gate.asked.wait(20)
        futures = [door.submit(an_envelope(), content) for content in (a_mail(1), closed, a_mail(2))]
        closed.close()
        gate.opened.set()

    assert isinstance(futures[1].exception(), TemporaryFailure)
    assert [stored(futures[index].result().ledger_id) for index in (0, 2)] == [a_mail(1), a_mail(2)]


def test_a_mail_whose_file_breaks_half_way_leaves_nothing_of_itself(database: peewee.Database, clock: Clock) -> None:
    class Breaking(io.BytesIO):
        """Can be read through once (for the digest); the second time (for the parts) it breaks in the middle."""

        reads = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.reads += 1
            if self.reads > 5:
                raise OSError("the disk is gone")
            return super().read(size)

    gate = Gate()
    with Door(database, clock=clock, free_bytes=gate) as door:
        door.submit(an_envelope(), a_mail(0))
        assert gate.asked.wait(20)
        broken = a_mail(1, "x" * (2 * MEBIBYTE))
        futures = [door.submit(an_envelope(), content) for content in (Breaking(broken), a_mail(2))]
        gate.opened.set()
        assert isinstance(futures[0].exception(20), TemporaryFailure)
        again = door.accept(an_envelope(), broken)

    assert again.duplicate_of is None
    assert [stored(row.id) for row in rows()] == [a_mail(0), a_mail(2), broken]
    assert RawMailPart.select().count() == 1 + 1 + 3


def test_a_locked_database_is_temporary_and_the_door_recovers(sqlite: peewee.Database, door_of_locked: Door) -> None:
    with locked(sqlite), pytest.raises(TemporaryFailure) as caught:
        door_of_locked.accept(an_envelope(), a_mail())

    assert caught.value.status == "4.3.0"
    assert "locked" not in caught.value.public_text
    assert rows() == []
    assert door_of_locked.accept(an_envelope(), a_mail()).duplicate_of is None


@pytest.fixture
def door_of_locked(sqlite: peewee.Database, clock: Clock) -> Iterator[Door]:
    """A door that does not wait long for another writer."""
    assert isinstance(sqlite, peewee.SqliteDatabase)
    sqlite.timeout = 0.05
    with Door(sqlite, clock=clock) as door:
        yield door


def test_a_database_that_can_not_be_opened_is_temporary(tmp_path: Path, clock: Clock) -> None:
    missing = peewee.SqliteDatabase(str(tmp_path / "missing" / "gateway.sqlite"))
    with Door(missing, clock=clock) as door, pytest.raises(TemporaryFailure):
        door.accept(an_envelope(), a_mail())


def test_a_lost_connection_costs_no_mail(postgres_url: str, clock: Clock) -> None:
    database = new_database(postgres_url)
    with Door(database, clock=clock) as door, connection(database):
        door.accept(an_envelope(), a_mail(1))
        database.execute_sql(  # type: ignore[no-untyped-call]
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        )

        assert stored(door.accept(an_envelope(), a_mail(2)).ledger_id) == a_mail(2)
        assert len(waiting_rows()) == 2


def test_a_nearly_full_disk_puts_mail_off(database: peewee.Database, clock: Clock) -> None:
    free = [999]
    with Door(database, clock=clock, free_bytes=lambda: free[0], minimum_free_bytes=1000) as door:
        with pytest.raises(TemporaryFailure) as caught:
            door.accept(an_envelope(), a_mail())
        with pytest.raises(TemporaryFailure):
            door.check_room()
        free[0] = 1000
        door.check_room()
        door.accept(an_envelope(), a_mail())

    assert caught.value.status == "4.3.1"
    assert len(rows()) == 1


def test_a_full_disk_is_told_apart_and_leaves_nothing_half(sqlite: peewee.Database, clock: Clock) -> None:
    """SQLite hides the full disk behind a rollback that fails."""
    assert isinstance(sqlite, peewee.SqliteDatabase)
    pages = sqlite.pragma("page_count")
    sqlite.pragma("max_page_count", pages + 20, permanent=True)
    with Door(sqlite, clock=clock) as door:
        with pytest.raises(TemporaryFailure) as caught:
            door.accept(an_envelope(), a_mail(1, "x" * MEBIBYTE))
        small = door.accept(an_envelope(), a_mail(2))

    assert caught.value.status == "4.3.1"
    assert [row.id for row in rows()] == [small.ledger_id]
    assert stored(small.ledger_id) == a_mail(2)


@pytest.mark.parametrize("error", [RuntimeError("the sorter is gone"), peewee.InterfaceError("no connection")])
def test_an_error_behind_the_commit_does_not_stop_the_door(
    database: peewee.Database, clock: Clock, error: Exception
) -> None:
    def fail() -> None:
        raise error

    with Door(database, clock=clock, on_accepted=fail) as door:
        receipts = [door.accept(an_envelope(), a_mail(number)) for number in range(2)]

    assert [stored(receipt.ledger_id) for receipt in receipts] == [a_mail(0), a_mail(1)]


@pytest.mark.parametrize("unexpected", [ZeroDivisionError("secret"), peewee.IntegrityError("secret")])
def test_an_unexpected_error_is_temporary_and_does_not_stop_the_door(
    database: peewee.Database, clock: Clock, unexpected: Exception
) -> None:
    answers = iter([unexpected, None])

    def free_bytes() -> int:
        if error := next(answers, None):
            raise error
        return 2**40

    with Door(database, clock=clock, free_bytes=free_bytes) as door:
        with pytest.raises(TemporaryFailure) as caught:
            door.accept(an_envelope(), a_mail())
        door.accept(an_envelope(), a_mail())

    assert "secret" not in caught.value.public_text


def test_stop_answers_all_that_wait_and_then_takes_no_more(database: peewee.Database, clock: Clock) -> None:
    gate = Gate()
    door = Door(database, clock=clock, free_bytes=gate).start()
    futures = [door.submit(an_envelope(), a_mail(number)) for number in range(100)]
    gate.opened.set()
    door.stop()

    assert all(future.done() and future.exception() is None for future in futures)
    assert len(waiting_rows()) == 100
    with pytest.raises(TemporaryFailure):
        door.accept(an_envelope(), a_mail(101))


def test_what_was_handed_over_can_not_be_cancelled(door: Door) -> None:
    future: Future[Receipt] = door.submit(an_envelope(), a_mail())

    assert future.cancel() is False
    assert stored(future.result(20).ledger_id) == a_mail()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 3), st.booleans()), max_size=30))
def test_any_order_of_redeliveries_gives_the_same_tickets(
    tmp_path_factory: pytest.TempPathFactory, deliveries: list[tuple[int, int, bool]]
) -> None:
    """Each mail comes by SMTP (uid 0) or from places of a mailbox, and the gateway may be restarted in between."""
    database = new_database(f"sqlite:///{tmp_path_factory.mktemp('desk')}/gateway.sqlite")
    door = Door(database, clock=Clock()).start()
    for number, uid, restart in deliveries:
        place = {"mailbox": "m", "folder": "f", "uidvalidity": number, "uid": uid} if uid else {}
        door.accept(an_envelope(recipients=(DESK,), **place), a_mail(number))
        if restart:
            door.stop()
            door = Door(database, clock=Clock()).start()
    door.stop()

    with connection(database):
        assert sorted(stored(row.id) for row in waiting_rows()) == sorted(
            a_mail(number) for number in {number for number, _, _ in deliveries}
        )
        by_smtp = sum(not uid for _, uid, _ in deliveries)
        assert len(rows()) == by_smtp + len({(number, uid) for number, uid, _ in deliveries if uid})


def test_a_door_that_was_never_opened_can_be_shut(sqlite: peewee.Database, clock: Clock) -> None:
    door = Door(sqlite, clock=clock)
    door.stop()
    with pytest.raises(TemporaryFailure):
        door.accept(an_envelope(), a_mail())


def test_a_database_that_does_not_answer_in_time_is_a_temporary_failure(
    sqlite: peewee.Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accept, "ANSWER_TIMEOUT_SECONDS", 0.01)
    gate = Gate()
    with Door(sqlite, clock=clock, free_bytes=gate) as door:
        with pytest.raises(TemporaryFailure) as refused:
            door.accept(an_envelope(), a_mail())
        gate.opened.set()
    assert refused.value.status == "4.3.0"
    # Too late to say so, but what was handed over is stored: the sender's next try is a duplicate.
    assert len(rows()) == 1


def test_a_mail_that_the_database_keeps_refusing_fails_alone(sqlite: peewee.Database, clock: Clock) -> None:
    execute: Any = sqlite.execute_sql
    execute(
        "CREATE TRIGGER no_big_mail BEFORE INSERT ON ledger WHEN NEW.size_bytes > 5000"
        " BEGIN SELECT RAISE(ABORT, 'refused'); END"
    )
    gate = Gate()
    with Door(sqlite, clock=clock, free_bytes=gate) as door:
        refused = door.submit(an_envelope(), a_mail(1, "x" * 6000))
        taken = door.submit(an_envelope(), a_mail(2))
        gate.opened.set()
        assert isinstance(refused.exception(timeout=20), TemporaryFailure)
        assert taken.result(timeout=20).duplicate_of is None
    assert len(rows()) == 1
