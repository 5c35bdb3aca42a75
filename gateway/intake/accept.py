"""The door: store a mail and its envelope in one flushed commit; only then may anybody say yes to it.

Place in the mail's way: behind every intake, before the sorter. A mail gets exactly one ledger row: waiting, or done as
a duplicate when the same words came before. One thread writes, and commits all that waits as one group, because a
flush costs as much for one mail as for sixty.

What may fail: `TemporaryFailure`, 4.3.1 when the disk is nearly full, 4.3.0 for everything else. The sender keeps the
mail then; the door itself lives on and connects to the database anew.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import IO, Any, Self

import peewee

from gateway.errors import TemporaryFailure
from gateway.intake.digest import Digest, message_digest
from gateway.intake.envelope import envelope_to_json, source_key
from gateway.mail import Envelope
from gateway.outage import OUTAGE
from gateway.phrase import counted
from gateway.store.database import connection, savepoint, transaction
from gateway.store.queue import split_parts
from gateway.store.rows import execute, find, insert
from gateway.store.states import LedgerState, Outcome
from gateway.store.tables import PART_SIZE_BYTES, Dedupe, Ledger, RawMailPart

MINIMUM_FREE_BYTES = 1024 * 1024 * 1024
GROUP_LIMIT_MAILS = 64
GROUP_LIMIT_BYTES = 32 * 1024 * 1024

# A mail that names no id and no date may well be sent twice on purpose; within this time it is taken for a retry.
ANONYMOUS_WINDOW = timedelta(hours=1)

# A connection that died while nobody used it, or a deadlock with another gateway, is tried again at once; a database
# that made us wait this long is in real trouble.
RETRIES = 2
RETRY_WITHIN_SECONDS = 5.0

# Longer than the writer can take for a group and its retries; an intake that waits in vain says "try again".
ANSWER_TIMEOUT_SECONDS = 240.0

_NOT_STORED = "The mail could not be stored, please try again later"
_DISK_FULL = "Not enough room to store the mail, please try again later"
_CLOSED = "The service is stopping, please try again later"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """A mail that is on disk: its ledger row, and for a duplicate the row of the first, which alone has the bytes."""

    ledger_id: int
    duplicate_of: int | None


@dataclass(frozen=True, kw_only=True)
class _Submission:
    envelope: Envelope
    content: bytes | IO[bytes]
    size_bytes: int
    future: Future[Receipt]


_Answer = Receipt | TemporaryFailure


class Door:
    """Accept mails from any number of threads. `start` before the first mail; `stop` answers all that wait.

    `free_bytes` tells what is free on the database's disk, None where that is not ours to know; below
    `minimum_free_bytes` nothing is accepted. `on_accepted` is called, in the writer's thread, after each commit that
    left mails for the sorter.
    """

    def __init__(
        self,
        database: peewee.Database,
        *,
        clock: Callable[[], datetime],
        free_bytes: Callable[[], int] | None = None,
        minimum_free_bytes: int = MINIMUM_FREE_BYTES,
        on_accepted: Callable[[], None] | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._free_bytes = free_bytes
        self._minimum_free_bytes = minimum_free_bytes
        self._on_accepted = on_accepted
        self._waiting: deque[_Submission] = deque()
        self._changed = threading.Condition()
        self._open = False
        self._thread: threading.Thread | None = None
        self._connection = contextlib.ExitStack()

    def start(self) -> Self:
        """Start the writer's thread."""
        self._open = True
        self._thread = threading.Thread(target=self._run, name="door", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Take no more mail, answer all that was submitted, end the thread."""
        with self._changed:
            self._open = False
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def check_room(self) -> None:
        """Raise TemporaryFailure 4.3.1 when the disk is nearly full."""
        if self._free_bytes is not None and self._free_bytes() < self._minimum_free_bytes:
            raise TemporaryFailure(_DISK_FULL, status="4.3.1")

    def submit(self, envelope: Envelope, content: bytes | IO[bytes]) -> Future[Receipt]:
        """Hand a mail over; the future completes after the flushed commit, or fails with TemporaryFailure.

        A file must be seekable, is read from its beginning in another thread, and stays the caller's to close, after
        the future is done. The future can't be cancelled: what was handed over will be stored.
        """
        future: Future[Receipt] = Future()
        future.set_running_or_notify_cancel()
        submission = _Submission(envelope=envelope, content=content, size_bytes=_size_bytes(content), future=future)
        with self._changed:
            if self._open:
                self._waiting.append(submission)
                self._changed.notify()
                return future
        future.set_exception(TemporaryFailure(_CLOSED, status="4.3.2"))
        return future

    def accept(self, envelope: Envelope, content: bytes | IO[bytes]) -> Receipt:
        """Store a mail and return when it is on disk; raises TemporaryFailure."""
        try:
            return self.submit(envelope, content).result(timeout=ANSWER_TIMEOUT_SECONDS)
        except TimeoutError as error:
            raise TemporaryFailure(_NOT_STORED) from error

    def _run(self) -> None:
        while group := self._next_group():
            try:
                self._settle(group)
            except Exception as error:  # noqa: BLE001 - whatever it was, the next mail must find a living writer
                if not OUTAGE.met(error):
                    _log.exception("door: unexpected error with a group of %s", counted(len(group), "mail"))
                self._connection.close()
                for submission in group:
                    if not submission.future.done():
                        submission.future.set_exception(storage_failure(error))
        self._connection.close()

    def _next_group(self) -> list[_Submission]:
        """Wait for mail and take all that fits into one commit; empty when the door is shut and all is answered."""
        group: list[_Submission] = []
        room_bytes = GROUP_LIMIT_BYTES
        with self._changed:
            while self._open and not self._waiting:
                self._changed.wait()
            while self._waiting and len(group) < GROUP_LIMIT_MAILS:
                if group and self._waiting[0].size_bytes > room_bytes:
                    break
                room_bytes -= self._waiting[0].size_bytes
                group.append(self._waiting.popleft())
        return group

    def _settle(self, group: list[_Submission]) -> None:
        """Store a group and answer each of its mails."""
        answers = self._answers(group)
        for submission, answer in zip(group, answers, strict=True):
            if isinstance(answer, Receipt):
                submission.future.set_result(answer)
            else:
                submission.future.set_exception(answer)
        if self._on_accepted and any(isinstance(one, Receipt) and one.duplicate_of is None for one in answers):
            self._on_accepted()

    def _answers(self, group: list[_Submission]) -> list[_Answer]:
        try:
            self.check_room()
            digests = [_digest_or_failure(submission) for submission in group]
            return self._commit(group, digests)
        except TemporaryFailure as full:
            _log.error("door: disk nearly full, %s put off", counted(len(group), "mail"))
            return [storage_failure(full) for _ in group]
        except peewee.PeeweeException as error:
            if OUTAGE.met(error):
                _log.warning("door: %s put off", counted(len(group), "mail"))
            else:
                _log.exception("door: %s not stored", counted(len(group), "mail"))
            return [storage_failure(error) for _ in group]

    def _commit(self, group: list[_Submission], digests: list[Digest | TemporaryFailure]) -> list[_Answer]:
        """Write the group in one transaction; a lost connection or a deadlock is tried again on a new connection.

        Where only the answer to a COMMIT was lost, the second try finds the mails stored and calls them duplicates of
        themselves: recorded once more, sorted once.
        """
        started, tries = monotonic(), 0
        while True:
            try:
                self._connect()
                with transaction(self._database):
                    return [self._write(*pair) for pair in zip(group, digests, strict=True)]
            except peewee.PeeweeException:
                self._connection.close()
                tries += 1
                if tries > RETRIES or monotonic() - started > RETRY_WITHIN_SECONDS:
                    raise

    def _connect(self) -> None:
        if self._database.is_closed():
            self._connection.enter_context(connection(self._database))

    def _write(self, submission: _Submission, digest: Digest | TemporaryFailure) -> _Answer:
        """Write one mail of the group; one that the database refuses fails alone."""
        if isinstance(digest, TemporaryFailure):
            return digest
        for _ in range(1 + RETRIES):
            try:
                with savepoint(self._database):
                    return self._insert(submission, digest, now=self._clock())
            except peewee.IntegrityError as error:
                # Another gateway stored the same mail in this moment; the next look finds its row.
                cause: Exception = error
            except (peewee.DataError, OSError, ValueError) as error:
                cause = error
                break
        _log.error("door: one mail not stored", exc_info=cause)
        return storage_failure(cause)

    def _insert(self, submission: _Submission, digest: Digest, *, now: datetime) -> Receipt:
        envelope = submission.envelope
        place = source_key(envelope)
        known: Any = find(Ledger, "source_key = ?", place) if place else None
        if known:
            return Receipt(ledger_id=known.id, duplicate_of=known.duplicate_of_id)
        known_digest: Any = find(Dedupe, "digest = ?", digest.digest)
        first = known_digest.ledger_id if known_digest and _is_same(known_digest, digest, now=now) else None
        part_count = 0 if first else max(1, -(-digest.size_bytes // PART_SIZE_BYTES))
        ledger_id = insert(
            Ledger,
            received_at=now,
            transport=envelope.transport,
            envelope=envelope_to_json(envelope),
            source_key=place,
            size_bytes=digest.size_bytes,
            sha256=digest.sha256,
            digest=digest.digest,
            part_count=part_count,
            **_duplicate(first, now=now) if first else {"state": LedgerState.WAITING},
        )
        if first is not None:
            execute("UPDATE dedupe SET copies = copies + 1 WHERE digest = ?", digest.digest)
        else:
            _remember(digest, ledger_id, again=known_digest is not None, now=now)
            for sequence, part in enumerate(split_parts(submission.content)):
                insert(RawMailPart, ledger=ledger_id, sequence=sequence, content=part)
        return Receipt(ledger_id=ledger_id, duplicate_of=first)


def _is_same(known: Any, digest: Digest, *, now: datetime) -> bool:
    return digest.has_identity or now - known.received_at <= ANONYMOUS_WINDOW


def _duplicate(first: int, *, now: datetime) -> dict[str, Any]:
    return {
        "state": LedgerState.DONE,
        "outcome": Outcome.DUPLICATE,
        "reason_code": "duplicate",
        "duplicate_of": first,
        "decided_at": now,
    }


def _remember(digest: Digest, ledger_id: int, *, again: bool, now: datetime) -> None:
    """From now on the same words are duplicates of this row."""
    if again:
        Dedupe.update(ledger=ledger_id, received_at=now).where(Dedupe.digest == digest.digest).execute()
    else:
        insert(Dedupe, digest=digest.digest, ledger=ledger_id, received_at=now)


def _digest_or_failure(submission: _Submission) -> Digest | TemporaryFailure:
    try:
        return message_digest(submission.content)
    except (OSError, ValueError) as error:
        _log.exception("door: a mail's temporary file can't be read")
        return storage_failure(error)


def storage_failure(cause: BaseException) -> TemporaryFailure:
    """Say to a sender that its mail was not stored: 4.3.1 where the disk is full, 4.3.0 for any other cause."""
    full = _is_full(cause)
    failure = TemporaryFailure(_DISK_FULL if full else _NOT_STORED, status="4.3.1" if full else "4.3.0")
    failure.__cause__ = cause
    return failure


def _is_full(error: BaseException) -> bool:
    """Tell whether there is no room: SQLite hides it behind a failing rollback, PostgreSQL says 53100 (disk_full)."""
    unread: list[BaseException | None] = [error]
    for seen in unread:
        if seen is None:
            continue
        if getattr(seen, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL or getattr(seen, "sqlstate", "") == "53100":
            return True
        if getattr(seen, "status", "") == "4.3.1" or (isinstance(seen, OSError) and seen.errno == errno.ENOSPC):
            return True
        unread += [one for one in (seen.__cause__, seen.__context__) if one not in unread]
    return False


def _size_bytes(content: bytes | IO[bytes]) -> int:
    return len(content) if isinstance(content, bytes) else content.seek(0, 2)
