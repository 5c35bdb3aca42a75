"""The door in small: what is committed together, how often it tries, whom it tells, and what it says of a failure."""

from __future__ import annotations

import errno
import io
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import peewee
import psycopg
import pytest

from gateway.errors import TemporaryFailure
from gateway.intake import accept
from gateway.intake.accept import Door, Receipt, storage_failure
from gateway.store.tables import Dedupe, Ledger
from tests.intake.desk import MORNING, Clock, a_mail, an_envelope, rows


class Failing:
    """A clock that raises `error` so many times before it tells the time; it is asked once for each try of a mail."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error = error
        self.left = times
        self.asked = 0

    def __call__(self) -> datetime:
        self.asked += 1
        if self.left:
            self.left -= 1
            raise self.error
        return MORNING


def outcome(database: peewee.Database, clock: Callable[[], datetime]) -> Receipt | BaseException:
    with Door(database, clock=clock) as door:
        future = door.submit(an_envelope(), a_mail())
        return future.exception(timeout=20) or future.result()


# A lost connection is a new try of the group, a mail that another gateway has just stored one of the mail.
@pytest.mark.parametrize("error", [peewee.OperationalError("gone"), peewee.IntegrityError("twice")])
def test_what_may_pass_is_tried_three_times(sqlite: peewee.Database, error: Exception) -> None:
    passes, stays = Failing(error, 2), Failing(error, 3)
    refused = outcome(sqlite, stays)
    assert isinstance(refused, TemporaryFailure)
    assert (stays.asked, rows()) == (3, [])
    assert isinstance(outcome(sqlite, passes), Receipt)
    assert passes.asked == 3


def test_what_does_not_pass_is_tried_once(sqlite: peewee.Database) -> None:
    clock = Failing(ValueError("no"), 1)
    assert isinstance(outcome(sqlite, clock), TemporaryFailure)
    assert clock.asked == 1


def test_a_database_that_made_us_wait_is_not_tried_again(
    sqlite: peewee.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accept, "RETRY_WITHIN_SECONDS", -1.0)
    clock = Failing(peewee.OperationalError("gone"), 1)
    assert isinstance(outcome(sqlite, clock), TemporaryFailure)
    assert clock.asked == 1


class Groups:
    """Holds the first mail of a door until the others wait behind it, and counts the rows after each commit."""

    def __init__(self, database: peewee.Database, clock: Clock) -> None:
        self.asked, self.opened = threading.Event(), threading.Event()
        self.counts: list[int] = []
        self.door = Door(database, clock=clock, free_bytes=self._free, on_accepted=self._count)

    def _free(self) -> int:
        self.asked.set()
        assert self.opened.wait(20)
        return 2**40

    def _count(self) -> None:
        self.counts.append(Ledger.select().count())

    def __call__(self, *contents: bytes) -> list[int]:
        """How many rows there are after each commit of these mails, the first of which comes alone."""
        with self.door:
            first = self.door.submit(an_envelope(), contents[0])
            assert self.asked.wait(20)
            futures = [self.door.submit(an_envelope(), content) for content in contents[1:]]
            self.opened.set()
            for future in (first, *futures):
                future.exception(timeout=20)
        return self.counts


@pytest.mark.parametrize(
    ("sizes", "counts"),
    [((1000, 2000, 1000), [1, 3, 4]), ((1000, 2500, 100), [1, 2, 4]), ((4000, 10, 10), [1, 2, 4])],
)
def test_a_group_takes_what_fits_and_in_the_order_of_arrival(
    sqlite: peewee.Database, clock: Clock, monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, ...], counts: list[int]
) -> None:
    monkeypatch.setattr(accept, "GROUP_LIMIT_BYTES", 3000)
    contents = [a_mail(number).ljust(size, b"x")[:size] for number, size in enumerate(sizes)]
    assert Groups(sqlite, clock)(a_mail(99), *contents) == counts


def test_the_sorter_is_called_for_what_is_new_and_not_for_duplicates(sqlite: peewee.Database, clock: Clock) -> None:
    mixed = Groups(sqlite, clock)
    # The second commit has a duplicate and something new.
    assert mixed(a_mail(1), a_mail(1), a_mail(2)) == [1, 3]
    assert Groups(sqlite, clock)(a_mail(1), a_mail(2)) == []


def test_a_duplicate_is_counted_and_says_why_it_is_done(sqlite_door: Door, clock: Clock) -> None:
    sqlite_door.accept(an_envelope(), a_mail())
    copies = Dedupe.get().copies
    again = sqlite_door.accept(an_envelope(), a_mail())
    assert Dedupe.get().copies == copies + 1
    assert Ledger.get_by_id(again.ledger_id).reason_code == "duplicate"


def test_the_hour_of_a_mail_without_identity_ends_with_its_last_moment(sqlite_door: Door, clock: Clock) -> None:
    anonymous = b"From: printer@example.com\r\n\r\nlow\r\n"
    first = sqlite_door.accept(an_envelope(), anonymous).ledger_id
    clock.advance(hours=1)
    assert sqlite_door.accept(an_envelope(), anonymous).duplicate_of == first
    clock.now += timedelta(microseconds=1)
    assert sqlite_door.accept(an_envelope(), anonymous).duplicate_of is None


def test_a_door_that_is_not_open_says_so_at_once(sqlite: peewee.Database, clock: Clock) -> None:
    future = Door(sqlite, clock=clock).submit(an_envelope(), a_mail())
    assert future.done()
    refusal = future.exception()
    assert isinstance(refusal, TemporaryFailure)
    assert refusal.status == "4.3.2"


def test_a_mistake_behind_the_commit_is_logged_with_its_traceback(
    sqlite: peewee.Database, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("a mistake of ours")

    with Door(sqlite, clock=clock, on_accepted=fail) as door:
        door.accept(an_envelope(), a_mail())
    assert [record.exc_info is not None for record in caplog.records] == [True]


@pytest.mark.parametrize(
    ("cause", "status", "words"),
    [
        (OSError(errno.ENOSPC, "full"), "4.3.1", "Not enough room"),
        (OSError(errno.EIO, "broken"), "4.3.0", "could not be stored"),
        (psycopg.errors.DiskFull("full"), "4.3.1", "Not enough room"),
        (psycopg.errors.DeadlockDetected("later"), "4.3.0", "could not be stored"),
        (TemporaryFailure("full", status="4.3.1"), "4.3.1", "Not enough room"),
        (RuntimeError("a mistake"), "4.3.0", "could not be stored"),
    ],
)
def test_a_full_disk_is_told_from_other_trouble(cause: Exception, status: str, words: str) -> None:
    failure = storage_failure(cause)
    assert (failure.status, failure.__cause__) == (status, cause)
    assert words in failure.public_text
    behind = RuntimeError("a rollback failed")
    behind.__context__ = cause
    assert storage_failure(behind).status == status


def test_a_file_is_as_long_as_its_end(sqlite: peewee.Database) -> None:
    assert accept._size_bytes(io.BytesIO(b"abc")) == 3
    assert accept._size_bytes(b"abc") == 3
