"""What people do to queues and quarantine: try again, release, delete, block. Each is an event that names them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import peewee

from gateway.store.database import transaction
from gateway.store.history import write_event
from gateway.store.states import LedgerState, OutboxState, Outcome
from gateway.store.tables import Denied, Ledger, Outbox, RawMailPart

# As if nobody had tried yet.
_AGAIN = {"attempts": 0, "not_before": None, "lease_owner": "", "lease_until": None}


def retry_ledger(database: peewee.Database, numbers: Sequence[int] | None, *, by: str, now: datetime) -> int:
    """Let failed mails be sorted again; None stands for all of them."""
    with transaction(database):
        condition = Ledger.state == LedgerState.FAILED
        if numbers is not None:
            condition &= Ledger.id.in_(list(numbers))
        rows = list(Ledger.select(Ledger.id, Ledger.error).where(condition).order_by(Ledger.id))
        for row in rows:
            Ledger.update(_AGAIN | {"state": LedgerState.WAITING}).where(Ledger.id == row.id).execute()
            _record("retried", f"{by} lets it be sorted again after: {row.error}", by, now, ledger=row.id)
        return len(rows)


def retry_outbox(database: peewee.Database, numbers: Sequence[int] | None, *, by: str, now: datetime) -> int:
    """Send held mails, or the named held and failed ones; what was rendered before goes out with the same bytes."""
    with transaction(database):
        condition = Outbox.state == OutboxState.HELD
        if numbers is not None:
            condition = Outbox.state.in_([OutboxState.HELD, OutboxState.FAILED]) & Outbox.id.in_(list(numbers))
        columns = (Outbox.id, Outbox.state, Outbox.hold_reason, Outbox.reply)
        rows = list(Outbox.select(*columns).where(condition).order_by(Outbox.id))
        for row in rows:
            changes = _AGAIN | {"state": OutboxState.WAITING, "hold_reason": ""}
            Outbox.update(changes).where(Outbox.id == row.id).execute()
            why = f"{row.state} {row.hold_reason}".strip()
            _record("retried", f"{by} sends it after all; it was {why}: {row.reply}", by, now, outbox=row.id)
        return len(rows)


def release(
    database: peewee.Database, numbers: Sequence[int], *, by: str, now: datetime, acknowledge: bool = False
) -> int:
    """Send quarantined mails through the sorter again, marked as released: let in, but quiet and without new trust.

    `acknowledge`: the sender may be told the ticket, where nothing else speaks against it. Returns how many there were.
    """
    with transaction(database):
        return sum(release_one(number, by=by, now=now, acknowledge=acknowledge) for number in _each(numbers))


def delete(database: peewee.Database, numbers: Sequence[int], *, by: str, reason: str, now: datetime) -> int:
    """Delete the bytes of quarantined mails; the row stays and says who did it. Returns how many there were."""
    with transaction(database):
        return sum(delete_one(number, by=by, reason=reason, now=now) for number in _each(numbers))


def release_one(number: int, *, by: str, now: datetime, acknowledge: bool = False) -> bool:
    """Let one mail in, inside a transaction; False where it is not in quarantine (any more)."""
    row = Ledger.get_or_none((Ledger.id == number) & (Ledger.state == LedgerState.QUARANTINED))
    if row is None:
        return False
    marks: dict[str, object] = {"released": True, "released_by": by}
    if acknowledge:
        marks["release_acknowledged"] = True
    if not _settle(number, envelope=row.envelope | marks, reason_code="", **_WAITING_AGAIN):
        return False
    _record("released", f"released from quarantine by {by}", by, now, ledger=number)
    return True


def delete_one(number: int, *, by: str, reason: str, now: datetime) -> bool:
    """Delete the bytes of one mail, inside a transaction; False where it is not in quarantine (any more)."""
    if not _settle(number, state=LedgerState.DONE, outcome=Outcome.DELETED, part_count=0):
        return False
    RawMailPart.delete().where(RawMailPart.ledger == number).execute()
    _record("deleted", f"deleted from quarantine by {by}: {reason}", by, now, ledger=number)
    return True


def sort_again(database: peewee.Database, numbers: Sequence[int], *, by: str, now: datetime) -> int:
    """Let quarantined mails be decided once more as if they had just come: after a change of rules or an upgrade."""
    count = 0
    with transaction(database):
        for number in _each(numbers):
            count += sort_one_again(number, by=by, now=now)
    return count


def sort_one_again(number: int, *, by: str, now: datetime) -> bool:
    """The same for one mail, inside a transaction; False where it is not in quarantine (any more)."""
    if not _settle(number, reason_code="", shown_at=None, expiry_told_at=None, **_WAITING_AGAIN):
        return False
    _record("retried", f"{by} lets it be decided once more", by, now, ledger=number)
    return True


_WAITING_AGAIN = _AGAIN | {"state": LedgerState.WAITING}


def _settle(number: int, **changes: object) -> bool:
    """Whoever changes the row first has settled it; on PostgreSQL two may try at the same time."""
    ours = (Ledger.id == number) & (Ledger.state == LedgerState.QUARANTINED)
    return bool(Ledger.update(**changes).where(ours).execute() == 1)


def _each(numbers: Sequence[int]) -> list[int]:
    return sorted(set(numbers))


def deny(database: peewee.Database, pattern: str, *, by: str, reason: str, now: datetime) -> bool:
    """Set aside what this address or domain writes from now on; False where it was denied before."""
    with transaction(database):
        return deny_one(pattern, by=by, reason=reason, now=now)


def deny_one(pattern: str, *, by: str, reason: str, now: datetime) -> bool:
    """The same inside a transaction."""
    pattern = pattern.lower()
    if Denied.get_or_none(Denied.pattern == pattern) is not None:
        return False
    Denied.insert(pattern=pattern, at=now, by=by, reason=reason).on_conflict_ignore().execute()
    _record("denied", f"{by} blocked {pattern}: {reason}", by, now)
    return True


def allow(database: peewee.Database, pattern: str, *, by: str, now: datetime) -> bool:
    """Take an entry off the deny list; False where there is none. What waits in quarantine stays there."""
    with transaction(database):
        if not Denied.delete().where(Denied.pattern == pattern.lower()).execute():
            return False
        _record("allowed", f"{by} unblocked {pattern.lower()}", by, now)
        return True


def _record(kind: str, text: str, by: str, now: datetime, **about: int) -> None:
    write_event(at=now, kind=kind, actor=by, text=text, detail={}, **about)
