"""A desk with a mailbox on a real server: what the IMAP tests begin with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import peewee

from gateway.intake.accept import Door
from gateway.intake.imap import Drained, MailboxWatcher
from gateway.settings import Mailbox as MailboxSettings
from gateway.store.database import connection
from gateway.store.tables import Event, Ledger, RawMailPart
from gateway.store.tables import Mailbox as MailboxRow
from tests.servers.dovecot import Mailbox

WAIT_SECONDS = 20.0


def mail_bytes(
    subject: str, *, text: str = "Hello,\r\nit does not work.\r\n", sender: str = "erika@example.com"
) -> bytes:
    """A small mail whose Message-ID follows from its subject."""
    words = "-".join(subject.lower().split())
    header = (
        f"From: {sender}\r\nTo: helpdesk@example.com\r\nSubject: {subject}\r\nMessage-ID: <{words}@example.com>\r\n"
    )
    return (header + "Date: Mon, 02 Mar 2026 09:00:00 +0000\r\n\r\n" + text).encode()


class MovingClock:
    """The real time, plus what the test adds to it."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class House:
    """Database, door and clock, and the settings of one mailbox; a context manager that runs the door."""

    def __init__(self, database: peewee.Database, **settings: Any) -> None:
        self.database = database
        self.clock = MovingClock()
        self.settings = MailboxSettings.model_validate({"name": "support", **settings})
        self._accepted = threading.Condition()
        self.free_bytes = 10**12
        self.door = Door(
            database, clock=self.clock, free_bytes=lambda: self.free_bytes, on_accepted=self._notify
        ).start()
        self._watchers: list[MailboxWatcher] = []

    def close(self) -> None:
        for watcher in self._watchers:
            watcher.close()
        self.door.stop()

    def _notify(self) -> None:
        with self._accepted:
            self._accepted.notify_all()

    def changed(self, **settings: Any) -> MailboxSettings:
        return MailboxSettings.model_validate({**self.settings.model_dump(), **settings})

    def watcher(self, owner: str = "host-1", **settings: Any) -> MailboxWatcher:
        watcher = MailboxWatcher(
            self.changed(**settings), database=self.database, door=self.door, clock=self.clock, owner=owner
        )
        self._watchers.append(watcher)
        return watcher

    def drain(self, watcher: MailboxWatcher) -> Drained:
        return watcher.run_once(self.clock())

    @contextmanager
    def running(self, watcher: MailboxWatcher) -> Iterator[None]:
        """Run the watcher's loop in a thread until the end of the block."""
        stop = threading.Event()
        thread = threading.Thread(target=watcher.run, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(WAIT_SECONDS)
            assert not thread.is_alive(), "the watcher did not stop"

    def wait_until(self, check: Callable[[], bool], what: str) -> None:
        """Return as soon as the check holds; it is looked at again after each commit of the door, and now and then."""
        ends_at = monotonic() + WAIT_SECONDS
        with self._accepted:
            while not check():
                assert monotonic() < ends_at, f"{what}: not within {WAIT_SECONDS} s; {self.row()}"
                self._accepted.wait(0.05)

    def wait_for_subjects(self, *subjects: str) -> None:
        self.wait_until(lambda: self.subjects() == sorted(subjects), f"{subjects} in the ledger, not {self.subjects()}")

    def ledger(self) -> list[Any]:
        with connection(self.database):
            return list(Ledger.select().order_by(Ledger.id))

    def content(self, row: Any) -> bytes:
        with connection(self.database):
            parts = RawMailPart.select().where(RawMailPart.ledger == row.id).order_by(RawMailPart.sequence)
            return b"".join(bytes(part.content) for part in parts)

    def subjects(self) -> list[str]:
        """The subjects of all mails in the ledger that are no duplicates, sorted."""
        found = []
        for row in self.ledger():
            if row.duplicate_of_id is None:
                lines = self.content(row).split(b"\r\n")
                found.append(next(line[9:].decode() for line in lines if line.startswith(b"Subject: ")))
        return sorted(found)

    def row(self) -> dict[str, Any]:
        with connection(self.database):
            return next(iter(MailboxRow.select().dicts()), {})

    def events(self, kind: str) -> list[str]:
        with connection(self.database):
            return [event.text for event in Event.select().where(Event.kind == kind).order_by(Event.id)]


def plain(mailbox: Mailbox, **settings: Any) -> dict[str, Any]:
    """Settings for the mailbox over a loopback connection without TLS."""
    return {
        "host": "127.0.0.1",
        "port": mailbox.server.imap_port,
        "tls": "none",
        "user": mailbox.address,
        "password": mailbox.password,
        "timeout_seconds": 10,
        **settings,
    }
