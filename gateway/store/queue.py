"""The two queues, ledger and outbox: claim, work, fenced finish.

A claim counts the attempt before the work begins, so that work which kills its process still counts. A row that may
have done so is claimed alone from its second attempt on, so that it takes no others with it. A finish changes a row
only while the claimer's lease is still its own.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Any

import peewee

from gateway.store.database import skip_locked, transaction
from gateway.store.rows import execute, find_values, marks, update
from gateway.store.states import LedgerState, OutboxState
from gateway.store.tables import PART_SIZE_BYTES, Event, Ledger, Mailbox, OauthAccount, Outbox, Worker

MAX_LEDGER_ATTEMPTS = 3
LEASE = timedelta(minutes=5)
# A process's own heartbeat is named this and its owner's name; that of a part of it, the owner's name alone.
PROCESS_PREFIX = "gateway "
# No row is put off for longer than a few hours; what waits for a moment further away was written by a wrong clock.
LONGEST_WAIT = timedelta(hours=12)
# What a person reads as a conversation, in which the order matters.
CONVERSATION = ("answer", "resolution")


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """What may be claimed of a table, in SQL: in which order, which row is a suspect, and what else must hold."""

    name: str
    state: str
    order: str
    suspect: str
    condition: str = ""


_WORDS = ", ".join(f"'{notice}'" for notice in CONVERSATION)
# What must not overtake them: the end of it too.
_IN_ORDER = f"{_WORDS}, 'closing'"
_KINDS: dict[type[Ledger] | type[Outbox], _Kind] = {
    # Mails as they came.
    Ledger: _Kind(name="ledger", state=LedgerState.WAITING, order="id", suspect="attempts > 0"),
    # The outbox by rank. What is rendered has survived the work that could kill; and what people write to one person
    # on one ticket goes in order, also when the first was put off. What is gathered into one mail, or waits for the end
    # of quiet hours, is not there before the timers say so (`desk.bundles`).
    Outbox: _Kind(
        name="outbox",
        state=OutboxState.WAITING,
        order="rank, id",
        suspect="attempts > 0 AND part_count = 0",
        condition=f" AND hold_reason IN ('', 'send_delay') AND (notice NOT IN ({_IN_ORDER})"  # noqa: S608
        " OR NOT EXISTS (SELECT 1 FROM outbox AS earlier"
        " WHERE earlier.recipient_id = outbox.recipient_id AND earlier.ticket_id = outbox.ticket_id"
        f" AND earlier.state = 'waiting' AND earlier.id < outbox.id AND earlier.notice IN ({_WORDS})))",
    ),
}


def owner_name() -> str:
    """Who holds a lease: host, process, and what tells it from an earlier process of the same number."""
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A row that is ours until `until`: `attempt` fences the finish against a later claimer."""

    id: int
    attempt: int
    owner: str
    until: datetime


def claim(
    database: peewee.Database,
    table: type[Ledger] | type[Outbox],
    *,
    owner: str,
    now: datetime,
    limit: int,
) -> list[Claim]:
    """Claim up to `limit` waiting rows, oldest first (the outbox by rank), in a transaction of its own.

    A row that may have killed its process comes alone.
    """
    kind = _KINDS[table]
    until = now + LEASE
    # The parts that are no values stand in this file.
    query = (
        f"SELECT id, attempts, {kind.suspect} FROM {kind.name} WHERE state = ?"  # noqa: S608
        " AND (not_before IS NULL OR not_before <= ? OR not_before > ?)"
        f" AND (lease_until IS NULL OR lease_until <= ?){kind.condition}"
        f" ORDER BY {kind.order} LIMIT ?{skip_locked(database)}"
    )
    with transaction(database):
        rows = _suspects_apart(find_values(query, kind.state, now, now + LONGEST_WAIT, now, limit))
        if rows:
            ids = [row_id for row_id, _ in rows]
            change = f"UPDATE {kind.name} SET attempts = attempts + 1, lease_owner = ?, lease_until = ?"  # noqa: S608
            execute(f"{change} WHERE id IN ({marks(ids)})", owner, until, *ids)
    return [Claim(id=row_id, attempt=attempts + 1, owner=owner, until=until) for row_id, attempts in rows]


def _suspects_apart(rows: Sequence[tuple[Any, ...]]) -> list[tuple[int, int]]:
    """Ids and attempts of the first row alone where it is a suspect, else of those before the first suspect."""
    place = next((place for place, (_, _, is_suspect) in enumerate(rows) if is_suspect), len(rows))
    return [(row_id, attempts) for row_id, attempts, _ in rows[: max(place, 1)]]


def renew(database: peewee.Database, table: type[Ledger], claims: Sequence[Claim], *, now: datetime) -> None:
    """Keep claimed rows for another lease, where the work takes longer than it should; what another has meanwhile stays
    theirs."""
    until, ids = now + LEASE, [claimed.id for claimed in claims]
    with transaction(database):
        ours = (table.lease_owner == claims[0].owner) & table.id.in_(ids) & (table.state == _KINDS[table].state)
        table.update(lease_until=until).where(ours).execute()


def finish(table: type[Ledger] | type[Outbox], claimed: Claim, **changes: Any) -> bool:
    """Write the result of the work and give the lease back; False (nothing written) when somebody else has it now.

    The caller's transaction makes it durable together with what the work did.
    """
    new = {"lease_owner": "", "lease_until": None} | changes
    if any(isinstance(value, peewee.Expression) for value in changes.values()):
        ours = (table.id == claimed.id) & (table.lease_owner == claimed.owner) & (table.attempts == claimed.attempt)
        return bool(table.update(**new).where(ours).execute() == 1)
    condition = "id = ? AND lease_owner = ? AND attempts = ?"
    return update(table, new, condition, claimed.id, claimed.owner, claimed.attempt) == 1


def release(database: peewee.Database, table: type[Ledger] | type[Outbox], claims: Sequence[Claim]) -> None:
    """Give claimed rows back unworked (a clean stop): the attempt does not count."""
    with transaction(database):
        for claimed in claims:
            finish(table, claimed, attempts=claimed.attempt - 1)


def free_own(
    database: peewee.Database,
    table: type[Ledger] | type[Outbox],
    *,
    owner: str,
    keep: Sequence[int] = (),
    counts: bool,
) -> None:
    """Give back what `owner` had claimed before its work broke off, but not the rows to `keep`.

    Otherwise they would wait for the end of their leases. `counts` is false where the work itself was not to blame.
    """
    changes: dict[str, Any] = {"lease_owner": "", "lease_until": None}
    if not counts:
        changes["attempts"] = table.attempts - 1
    condition = (table.lease_owner == owner) & (table.attempts > 0)
    if keep:
        condition &= table.id.not_in(list(keep))
    with transaction(database):
        table.update(**changes).where(condition).execute()


def free_leases(database: peewee.Database, *, is_dead: Callable[[str], bool]) -> int:
    """Take the leases of dead owners away, so that a restart goes on at once; how many there were.

    Fencing keeps this safe: an owner that was only thought dead can't finish what it no longer holds.
    """
    freed = 0
    with transaction(database):
        for table in (Ledger, Outbox, Mailbox, OauthAccount):
            owners = [
                row.lease_owner for row in table.select(table.lease_owner).where(table.lease_owner != "").distinct()
            ]
            dead = [owner for owner in owners if is_dead(owner)]
            if dead:
                query = table.update(lease_owner="", lease_until=None).where(table.lease_owner.in_(dead))
                freed += int(query.execute())
    return freed


def forget_workers(database: peewee.Database, *, is_dead: Callable[[str], bool]) -> int:
    """Delete the heartbeats of dead owners, so that nobody takes them for running; how many there were.

    A process that was only thought dead writes its row anew with its next beat.
    """
    with transaction(database):
        dead = [row.name for row in Worker.select(Worker.name) if is_dead(row.name.removeprefix(PROCESS_PREFIX))]
        return int(Worker.delete().where(Worker.name.in_(dead)).execute()) if dead else 0


def last_written() -> datetime | None:
    """The latest moment at which a mail came or something happened; None on an empty desk."""
    moments: list[datetime] = []
    for table, column in ((Ledger, Ledger.received_at), (Event, Event.at)):
        newest: Any = table.select(column).order_by(table.id.desc()).limit(1)
        moments += [moment for (moment,) in newest.tuples()]
    return max(moments, default=None)


def split_parts(content: bytes | IO[bytes]) -> Iterator[bytes]:
    """Cut content into pieces of at most `PART_SIZE_BYTES`, at least one, without holding it twice."""
    if isinstance(content, bytes):
        view = memoryview(content)
        for start in range(0, max(len(view), 1), PART_SIZE_BYTES):
            yield bytes(view[start : start + PART_SIZE_BYTES])
        return
    content.seek(0)
    first = True
    while piece := content.read(PART_SIZE_BYTES):
        first = False
        yield piece
    if first:
        yield b""
