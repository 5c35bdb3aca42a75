"""Lists of tickets that the clock writes: in the morning, and where tickets would be forgotten.

Each is a list mail like that of `#list`, which its reader answers line by line; it is written in the transaction that
notes that it was, so that neither two processes nor a restart write it twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import IntEnum

from gateway.desk.listings import MOST_ENTRIES, clock_number, entries_of, listing_cause
from gateway.desk.outgoing import enqueue
from gateway.mail import Address
from gateway.phrase import Phrase
from gateway.policy import Agent, Policy
from gateway.store.rows import find_values, marks
from gateway.store.tables import Ticket
from gateway.ticket import Role
from gateway.triage.desk_commands import LISTING


class ClockList(IntEnum):
    """Which list it is; part of its number, since one agent may get several in one minute."""

    MORNING = 0
    UNOWNED = 1
    STALE = 2


_KINDS = 8


def send_list(
    kind: ClockList,
    agent: Agent,
    title: Phrase,
    rows: Sequence[Ticket],
    policy: Policy,
    secrets: Mapping[int, bytes],
    *,
    now: datetime,
    lines: Sequence[Phrase] = (),
) -> None:
    """Write one agent a list of tickets in the order of `rows`; `lines` stand above them. Inside a transaction."""
    number = clock_number(int(now.timestamp()) * _KINDS + kind)
    enqueue(
        notice=LISTING,
        to=Address(address=agent.address, name=agent.name),
        role=Role.AGENT,
        ticket=None,
        about_id=None,
        context={
            "listing": number,
            "title": title,
            "lines": list(lines),
            "entries": entries_of(rows, policy, reader=agent.address, now=now),
            "more": len(rows) > MOST_ENTRIES,
        },
        cause=listing_cause(number),
        policy=policy,
        secrets=secrets,
        now=now,
    )


def pressing_first(rows: Sequence[Ticket], policy: Policy, *, now: datetime) -> list[Ticket]:
    """What is past its due time first, then by priority and age."""
    ids = [row.id for row in rows]
    late: set[int] = set()
    if policy.slas and ids:
        sql = (
            f"SELECT ticket_id FROM sla_clock WHERE ticket_id IN ({marks(ids)}) AND stopped_at IS NULL AND due_at <= ?"  # noqa: S608
        )
        late = {int(one[0]) for one in find_values(sql, *ids, now)}
    return sorted(rows, key=lambda row: (row.id not in late, row.priority, row.opened_at, row.id))
