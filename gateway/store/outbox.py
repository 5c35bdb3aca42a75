"""What delivery reads and writes of the outbox, beyond the queue's claim and finish.

Every write is fenced by the claim: it changes nothing (and returns False) when somebody else has the row by now. The
caller opens the transaction, so that several results are flushed together.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from peewee import Database as Database  # so that delivery can name its type without importing peewee

from gateway.store import queue
from gateway.store.database import is_sqlite, transaction
from gateway.store.queue import Claim
from gateway.store.rows import find_all, find_values, insert, marks, update
from gateway.store.states import OutboxState
from gateway.store.tables import Contact, Outbox, OutboxPart, Worker

# A rendered mail up to this size waits in memory for its turn.
_KEPT_BYTES = 256 * 1024
LAST_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A claimed outbox row as delivery sees it. `recipient` is in lower case; `sha256` is None until it is rendered.

    `content` is what was stored a moment ago of a small mail, so that it need not be read again.
    """

    claim: Claim
    notice: str
    recipient: str
    reverse_path: str
    created_at: datetime
    part_count: int
    size_bytes: int
    sha256: bytes | None
    content: bytes | None = field(default=None, repr=False)

    @property
    def id(self) -> int:
        return self.claim.id

    @property
    def is_rendered(self) -> bool:
        return self.part_count > 0


class DamagedBytes(Exception):
    """The stored bytes of a rendered mail are not those that were stored; a person must look at the database."""


def claim(database: Database, *, owner: str, now: datetime, limit: int) -> list[Outgoing]:
    """Claim up to `limit` waiting mails, people's answers first, each for `queue.LEASE`."""
    claims = queue.claim(database, Outbox, owner=owner, now=now, limit=limit)
    if not claims:
        return []
    ids = [claimed.id for claimed in claims]
    rows = {row.id: row for row in find_all(Outbox, f"id IN ({marks(ids)})", *ids)}
    people = tuple({row.recipient_id for row in rows.values()})
    addresses = {row.id: row.address for row in find_all(Contact, f"id IN ({marks(people)})", *people)}
    return [_outgoing(claimed, rows[claimed.id], addresses[rows[claimed.id].recipient_id]) for claimed in claims]


def _outgoing(claimed: Claim, row: Outbox, recipient: str) -> Outgoing:
    return Outgoing(
        claim=claimed,
        notice=row.notice,
        recipient=recipient,
        reverse_path=row.reverse_path,
        created_at=row.created_at,
        part_count=row.part_count,
        size_bytes=row.size_bytes,
        sha256=None if row.sha256 is None else bytes(row.sha256),
    )


def claim_at_a_pace(database: Database, *, owner: str, now: datetime, limit: int, per_minute: int) -> list[Outgoing]:
    """Claim as `claim` does, but never more than the pace leaves, counting what every process sends.

    A sixth of the minute's allowance is the most for ten seconds: so a person's answer that comes while a backlog
    of notices is going out waits ten seconds for its turn and not a whole minute.
    """
    with transaction(database):
        _lock_pace(database)
        for share in (1, 6):
            since, allowed = now - LAST_MINUTE / share, -(-per_minute // share)
            limit = min(limit, allowed - _sent_since(since) - _claimed_since(since))
        return claim(database, owner=owner, now=now, limit=limit) if limit > 0 else []


def _lock_pace(database: Database) -> None:
    # Two processes that count at the same time would both take the last place. SQLite's IMMEDIATE has locked already.
    if not is_sqlite(database):
        database.execute_sql("SELECT pg_advisory_xact_lock(%s)", (_PACE_LOCK,))  # type: ignore[no-untyped-call]


# Any constant does that no other lock of ours has.
_PACE_LOCK = 0x68646703


def _sent_since(moment: datetime) -> int:
    count: int = Outbox.select().where((Outbox.state == OutboxState.SENT) & (Outbox.sent_at > moment)).count()
    return count


def _claimed_since(moment: datetime) -> int:
    # What a process claimed before it was killed keeps its lease, but nobody is sending it any more.
    count: int = (
        Outbox.select()
        .where((Outbox.state == OutboxState.WAITING) & (Outbox.lease_until > moment + queue.LEASE))
        .count()
    )
    return count


def store_bytes(outgoing: Outgoing, content: bytes, *, reverse_path: str) -> Outgoing | None:
    """Write the final bytes of a mail once and for all; None (nothing written) when the row is not ours any more."""
    parts = list(queue.split_parts(content))
    digest = hashlib.sha256(content).digest()
    final = {"part_count": len(parts), "size_bytes": len(content), "sha256": digest, "reverse_path": reverse_path}
    if update(Outbox, final, f"{_IS_OURS} AND part_count = 0", *_fence(outgoing.claim)) != 1:
        return None
    for number, part in enumerate(parts):
        insert(OutboxPart, outbox=outgoing.id, sequence=number, content=part)
    kept = content if len(content) <= _KEPT_BYTES else None
    return replace(
        outgoing,
        part_count=len(parts),
        size_bytes=len(content),
        sha256=digest,
        reverse_path=reverse_path,
        content=kept,
    )


def read_bytes(outgoing: Outgoing) -> bytes:
    """Read the stored bytes of a rendered mail; raises DamagedBytes when they are not what was written."""
    if outgoing.content is not None:
        return outgoing.content
    parts = find_values("SELECT content FROM outbox_part WHERE outbox_id = ? ORDER BY sequence", outgoing.id)
    content = b"".join(bytes(part) for (part,) in parts)
    if hashlib.sha256(content).digest() != outgoing.sha256:
        raise DamagedBytes(f"outbox {outgoing.id}: the stored bytes do not have the stored digest")
    return content


def renew(outgoing: Outgoing, *, until: datetime) -> Outgoing | None:
    """Keep a claim for longer while the relay takes its time; None when it is not ours any more."""
    written = update(Outbox, {"lease_until": until}, _IS_OURS, *_fence(outgoing.claim))
    return replace(outgoing, claim=replace(outgoing.claim, until=until)) if written == 1 else None


_IS_OURS = "id = ? AND lease_owner = ? AND attempts = ?"


def _fence(claimed: Claim) -> tuple[int, str, int]:
    return claimed.id, claimed.owner, claimed.attempt


def mark_sent(outgoing: Outgoing, *, now: datetime, reply: str) -> bool:
    sent = {"state": OutboxState.SENT, "sent_at": now, "reply": reply, "not_before": None, "hold_reason": ""}
    return queue.finish(Outbox, outgoing.claim, **sent)


def mark_failed(outgoing: Outgoing, *, reply: str, uncertain: bool = False) -> bool:
    changes = {"uncertain_count": Outbox.uncertain_count + 1} if uncertain else {}
    return queue.finish(Outbox, outgoing.claim, state=OutboxState.FAILED, reply=reply, hold_reason="", **changes)


def mark_held(outgoing: Outgoing, *, reason: str, reply: str) -> bool:
    return queue.finish(Outbox, outgoing.claim, state=OutboxState.HELD, hold_reason=reason, reply=reply)


def put_off(outgoing: Outgoing, *, until: datetime, reply: str, uncertain: bool = False) -> bool:
    """Leave it waiting until then; `uncertain` counts that the relay may have taken it already."""
    changes = {"uncertain_count": Outbox.uncertain_count + 1} if uncertain else {}
    return queue.finish(Outbox, outgoing.claim, not_before=until, reply=reply, **changes)


def give_back(outgoing: Outgoing, *, reply: str = "") -> bool:
    """Leave it waiting as it was; the attempt does not count. A reply says what the channel's trouble is."""
    changes = {"reply": reply} if reply else {}
    return queue.finish(Outbox, outgoing.claim, attempts=Outbox.attempts - 1, **changes)


def free_own(database: Database, *, owner: str, keep: Sequence[int]) -> None:
    """Give back what `owner` claimed and lost sight of (its work broke off), but not the rows to `keep`."""
    queue.free_own(database, Outbox, owner=owner, keep=keep, counts=False)


def give_all_back(database: Database, every: Sequence[Outgoing]) -> None:
    """Give claimed but untouched mails back (a clean stop, a channel in trouble) in a transaction of its own."""
    with transaction(database):
        for outgoing in every:
            give_back(outgoing)


def report_worker(*, name: str, started_at: datetime, now: datetime, error: str, error_at: datetime | None) -> None:
    """Write the heartbeat and the present trouble ("" when all is well) of a deliverer, for `gateway status`."""
    Worker.insert(
        name=name,
        host=socket.gethostname(),
        pid=os.getpid(),
        started_at=started_at,
        beat_at=now,
        last_error=error,
        last_error_at=error_at,
    ).on_conflict(
        conflict_target=[Worker.name],
        preserve=[Worker.host, Worker.pid, Worker.started_at, Worker.beat_at, Worker.last_error, Worker.last_error_at],
    ).execute()
