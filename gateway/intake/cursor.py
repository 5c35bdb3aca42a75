"""Where we are in a watched folder: the row of a mailbox in the database, and the lease of the one who reads it.

A cursor is UIDVALIDITY and the last UID below which everything is in the ledger, was left alone, or is gone. It is
written after the mails are, so a crash in between fetches some of them again; the door knows their places.
Every write is fenced by the lease: who has lost it learns so and stops.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import peewee

from gateway.errors import TemporaryFailure
from gateway.phrase import counted
from gateway.store.database import transaction
from gateway.store.history import write_event
from gateway.store.tables import Dedupe, Ledger, Mailbox

# After a crash the mailbox rests for so long; a watcher that lives renews it well before.
LEASE = timedelta(seconds=90)
RENEW_AFTER = timedelta(seconds=30)

_LOOKUP_SIZE = 400


class LeaseLost(TemporaryFailure):
    """Another process reads this mailbox now; nothing of ours was written after that."""


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """A mailbox's row. `uidvalidity` and `first_contact_at` are None before the first contact with the folder."""

    uidvalidity: int | None
    last_uid: int
    first_contact_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class SkippedMail:
    """A mail that the server could not give us; it still lies in its folder."""

    uidvalidity: int
    uid: int
    why: str


class CursorStore:
    """Reads and writes the row of one mailbox; needs a connection of this thread to the database."""

    def __init__(self, database: peewee.Database, *, name: str, folder: str, owner: str) -> None:
        self._database = database
        self._name = name
        self._folder = folder
        self._owner = owner
        self._renewed_at: datetime | None = None

    def take_lease(self, now: datetime) -> bool:
        """Get or keep the right to read this mailbox; False while another process has it."""
        free = Mailbox.lease_until.is_null() | (Mailbox.lease_until <= now) | (Mailbox.lease_owner == self._owner)
        # A clock that was set back since leaves leases that nothing would end; two readers cost only time.
        free |= Mailbox.lease_until > now + 2 * LEASE
        with transaction(self._database):
            Mailbox.insert(name=self._name, folder=self._folder).on_conflict_ignore().execute()
            taken = (
                Mailbox.update(lease_owner=self._owner, lease_until=now + LEASE)
                .where((Mailbox.name == self._name) & free)
                .execute()
            )
        self._renewed_at = now if taken else None
        return bool(taken)

    def must_renew(self, now: datetime) -> bool:
        """Tell whether it is time to renew the lease."""
        # A clock that was set back must not keep us from renewing.
        return self._renewed_at is None or not timedelta(0) <= now - self._renewed_at < RENEW_AFTER

    def renew_lease(self, now: datetime) -> None:
        """Renew the lease when it is time to; LeaseLost when somebody else has taken it."""
        if self.must_renew(now):
            self._write(now)

    def give_lease_back(self) -> None:
        """Let another process begin at once (a clean stop)."""
        with transaction(self._database):
            Mailbox.update(lease_owner="", lease_until=None).where(self._ours()).execute()

    def read(self) -> Cursor:
        """The cursor in this folder; a mailbox whose settings name another folder now begins anew."""
        row = Mailbox.get_or_none((Mailbox.name == self._name) & (Mailbox.folder == self._folder))
        if row is None:
            return Cursor(uidvalidity=None, last_uid=0, first_contact_at=None)
        return Cursor(uidvalidity=row.uidvalidity, last_uid=row.last_uid, first_contact_at=row.first_contact_at)

    def begin(self, *, uidvalidity: int, last_uid: int, left_alone: int, now: datetime) -> None:
        """Record the first contact with the folder: what lies there is counted and left alone."""
        text = f"first contact with {self._folder}: {counted(left_alone, 'mail')} there left alone"
        with transaction(self._database):
            self._write(
                now,
                folder=self._folder,
                uidvalidity=uidvalidity,
                last_uid=last_uid,
                left_alone_count=left_alone,
                first_contact_at=now,
            )
            self._tell("mailbox_first_contact", text, now, {"uidvalidity": uidvalidity, "left_alone": left_alone})

    def rescanned(self, *, uidvalidity: int, last_uid: int, left_alone: int, now: datetime) -> None:
        """Record that the folder has another UIDVALIDITY and that all of it was looked at again."""
        text = f"the server renumbered {self._folder}; all looked through, {counted(left_alone, 'old mail')} left alone"
        with transaction(self._database):
            self._write(now, uidvalidity=uidvalidity, last_uid=last_uid, left_alone_count=left_alone)
            self._tell("mailbox_rescan", text, now, {"uidvalidity": uidvalidity, "left_alone": left_alone})

    def advance(self, last_uid: int, now: datetime, skipped: Iterable[SkippedMail] = ()) -> None:
        """Move the cursor; each skipped mail leaves an event and is named in the mailbox's status."""
        with transaction(self._database):
            self._write(now, last_uid=last_uid)
            self.tell_skipped(skipped, now)

    def tell_skipped(self, skipped: Iterable[SkippedMail], now: datetime) -> None:
        with transaction(self._database):
            for mail in skipped:
                text = f"{self._folder} UID {mail.uid} was skipped: {mail.why}"
                self._write(now, last_error=text, last_error_at=now)
                self._tell("mail_skipped", text, now, {"uidvalidity": mail.uidvalidity, "uid": mail.uid})

    def worked(self, now: datetime) -> None:
        self._write(now, last_ok_at=now)

    def failed(self, error: str, now: datetime) -> None:
        """Record the trouble, whoever has the lease: the status command shows it."""
        with transaction(self._database):
            Mailbox.update(last_error=error, last_error_at=now).where(Mailbox.name == self._name).execute()

    def _ours(self) -> Any:
        return (Mailbox.name == self._name) & (Mailbox.lease_owner == self._owner)

    def _write(self, now: datetime, **changes: object) -> None:
        with transaction(self._database):
            written = Mailbox.update(lease_until=now + LEASE, **changes).where(self._ours()).execute()
        if not written:
            raise LeaseLost(f"another process reads the mailbox {self._name} now")
        self._renewed_at = now

    def _tell(self, kind: str, text: str, now: datetime, detail: dict[str, int]) -> None:
        told = {"mailbox": self._name, **detail}
        write_event(at=now, kind=kind, actor="gateway", text=f"{self._name}: {text}", detail=told)


def in_ledger(source_keys: dict[bytes, int]) -> set[int]:
    """Of mails given as {source key: UID}, the UIDs that have a ledger row."""
    keys = list(source_keys)
    known: set[int] = set()
    for start in range(0, len(keys), _LOOKUP_SIZE):
        some = keys[start : start + _LOOKUP_SIZE]
        rows: Any = Ledger.select(Ledger.source_key).where(Ledger.source_key.in_(some)).tuples()
        known.update(source_keys[bytes(key)] for (key,) in rows)
    return known


def is_known_digest(digest: bytes) -> bool:
    """Tell whether some ledger row already has what this mail's author wrote."""
    return bool(Dedupe.select(Dedupe.digest).where(Dedupe.digest == digest).exists())
