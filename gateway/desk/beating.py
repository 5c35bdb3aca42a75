"""The desk's mail to itself: through outbox, relay, mailbox and sorter, to measure the whole way round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import peewee

from gateway.desk.chores import detail_of, done, last_done
from gateway.desk.health import HEARTBEAT
from gateway.desk.ledger import HEARTBEAT as HEARTBEAT_CODE
from gateway.desk.outgoing import enqueue
from gateway.desk.people import find_contact
from gateway.keys import Purpose, unseal
from gateway.mail import Address
from gateway.policy import Policy
from gateway.store.database import lock_conversations, transaction
from gateway.store.rows import find
from gateway.store.states import LedgerState, OutboxState
from gateway.store.tables import Dedupe, Event, Ledger, Outbox, OutboxPart, RawMailPart
from gateway.ticket import Role

NOTICE = "heartbeat"
# For how long they are kept, and how many old ones go together with each new one.
_KEPT = timedelta(days=7)
_AT_ONCE = 50


def beat_due(
    database: peewee.Database, policy: Policy, secrets: Mapping[int, bytes], *, every: timedelta, now: datetime
) -> int:
    """Write the desk a mail when it is time; the number of mails written.

    One that has not left yet is not followed by another: with the relay away for a weekend there is one, not hundreds.
    Those of a week ago are deleted.
    """
    if _is_fresh(now, every):
        return 0
    with transaction(database):
        lock_conversations(database)
        if _is_fresh(now, every):
            return 0
        last, detail = last_done(HEARTBEAT), dict(detail_of(HEARTBEAT))
        if last is None or now - last > 2 * every or now < last:
            # Nobody wrote one for a while: what came back before says nothing about now.
            detail = {"since": now.isoformat()}
        done(HEARTBEAT, now=now, **detail)
        if find(Outbox, "state IN (?, ?) AND notice = ?", OutboxState.WAITING, OutboxState.HELD, NOTICE) is not None:
            return 0
        _forget_old(policy, now)
        number = int(now.timestamp())
        enqueue(
            notice=NOTICE,
            to=Address(address=policy.desk.address, name=policy.desk.name),
            role=Role.AGENT,
            ticket=None,
            about_id=None,
            context={NOTICE: number},
            cause=f"{NOTICE}/{number}",
            policy=policy,
            secrets=secrets,
            now=now,
        )
    return 1


def _forget_old(policy: Policy, now: datetime) -> None:
    """Delete the mails to itself that nobody will ask about again, there and back, with all that belongs to them."""
    before = now - _KEPT
    contact = find_contact(policy.desk.address)
    if contact is not None:
        settled = (Outbox.state != OutboxState.WAITING) & (Outbox.state != OutboxState.HELD)
        old = (Outbox.recipient == contact) & (Outbox.created_at <= before) & (Outbox.notice == NOTICE) & settled
        sent = [row.id for row in Outbox.select(Outbox.id).where(old).order_by(Outbox.created_at).limit(_AT_ONCE)]
        Event.delete().where(Event.outbox << sent).execute()
        OutboxPart.delete().where(OutboxPart.outbox << sent).execute()
        Outbox.delete().where(Outbox.id << sent).execute()
    old = (Ledger.reason_code == HEARTBEAT_CODE) & (Ledger.received_at <= before) & (Ledger.state == LedgerState.DONE)
    rows = Ledger.select(Ledger.id).where(old).order_by(Ledger.received_at).limit(_AT_ONCE)
    back = [row.id for row in rows]
    back += [row.id for row in Ledger.select(Ledger.id).where(Ledger.duplicate_of << back)]
    for table in (Event, RawMailPart, Dedupe):
        table.delete().where(table.ledger << back).execute()
    Ledger.delete().where(Ledger.duplicate_of << back).execute()
    Ledger.delete().where(Ledger.id << back).execute()


def heartbeat_in(written: Iterable[str], secrets: Mapping[int, bytes]) -> datetime | None:
    """When the desk's mail to itself left that has come back, by the key in its address or its ids."""
    keys = (unseal(one, purpose=Purpose.HEARTBEAT, secrets=secrets) for one in written)
    key = next((key for key in keys if key is not None), None)
    return datetime.fromtimestamp(key.ticket, UTC) if key is not None else None


def _is_fresh(now: datetime, every: timedelta) -> bool:
    last = last_done(HEARTBEAT)
    return last is not None and timedelta(0) <= now - last < every
