"""What operators do to queues: try again, release, delete. Every change is an event that names the person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import peewee

from gateway.store.database import transaction
from gateway.store.states import LedgerState, OutboxState, Outcome
from gateway.store.tables import Event, Ledger, Outbox, RawMailPart


def retry_ledger(database: peewee.Database, numbers: Sequence[int] | None, *, now: datetime) -> int:
    """Let failed mails be sorted again; None stands for all of them."""
    with transaction(database):
        query = Ledger.update(state=LedgerState.WAITING, attempts=0, not_before=None, lease_owner="", lease_until=None)
        condition = Ledger.state == LedgerState.FAILED
        if numbers is not None:
            condition &= Ledger.id.in_(list(numbers))
        return int(query.where(condition).execute())


def retry_outbox(database: peewee.Database, numbers: Sequence[int] | None, *, now: datetime) -> int:
    """Send held mails, or the named held and failed ones; what was rendered before goes out with the same bytes."""
    with transaction(database):
        condition = Outbox.state == OutboxState.HELD
        if numbers is not None:
            condition = Outbox.state.in_([OutboxState.HELD, OutboxState.FAILED]) & Outbox.id.in_(list(numbers))
        query = Outbox.update(
            state=OutboxState.WAITING, attempts=0, hold_reason="", not_before=None, lease_owner="", lease_until=None
        )
        return int(query.where(condition).execute())


def release(database: peewee.Database, numbers: Sequence[int], *, by: str, now: datetime) -> int:
    """Send quarantined mails through the sorter again, marked as released: let in, but quiet and without new trust."""
    count = 0
    with transaction(database):
        for row in _quarantined(numbers):
            row.envelope = row.envelope | {"released": True}
            row.state, row.attempts, row.reason_code = LedgerState.WAITING, 0, ""
            row.save()
            _record(row.id, "released", f"released from quarantine by {by}", by, now)
            count += 1
    return count


def delete(database: peewee.Database, numbers: Sequence[int], *, by: str, reason: str, now: datetime) -> int:
    """Delete the bytes of quarantined mails; the row stays and says who did it."""
    count = 0
    with transaction(database):
        for row in _quarantined(numbers):
            RawMailPart.delete().where(RawMailPart.ledger == row).execute()
            row.state, row.outcome, row.part_count = LedgerState.DONE, Outcome.DELETED, 0
            row.save()
            _record(row.id, "deleted", f"deleted from quarantine by {by}: {reason}", by, now)
            count += 1
    return count


def _quarantined(numbers: Sequence[int]) -> list[Ledger]:
    return list(Ledger.select().where(Ledger.id.in_(list(numbers)) & (Ledger.state == LedgerState.QUARANTINED)))


def _record(ledger_id: int, kind: str, text: str, by: str, now: datetime) -> None:
    Event.create(at=now, kind=kind, actor=by, ledger=ledger_id, text=text, detail={})
