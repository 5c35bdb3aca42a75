"""Clocks of a ticket as they were before an agent's mail, for `#undo`: read out of the history, which has them all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateway.desk.clocks import WRITTEN, kept_clocks, print_of, save_clock, told_of_clocks
from gateway.sla import Clock, Outcome
from gateway.store.tables import Ticket
from gateway.triage.undoable import ClockPrint

if TYPE_CHECKING:
    from gateway.desk.unit import Unit


def restore_clocks(unit: Unit, ticket: Ticket, prints: Iterable[ClockPrint]) -> dict[str, object]:
    """Put clocks back to what the history says that they were; what it says of them now."""
    wanted = dict(prints)
    changed = []
    for kept in kept_clocks(ticket) if wanted else ():
        written = wanted.get(kept.clock.kind.value)
        clock = _read(kept.clock, written) if written is not None else kept.clock
        if clock != kept.clock:
            save_clock(kept.row_id, clock, unit.policy, now=unit.now)
            changed.append(clock)
    unit.clocks = None
    return told_of_clocks(changed)


def _read(clock: Clock, written: tuple[str, ...]) -> Clock:
    """The clock that `print_of` has written; the given one where that has another form, of an older version."""
    if len(written) != len(print_of(clock)):
        return clock
    goal, calendar, outcome, started_at, since, stopped_at, breached_at, *numbers, acked_by = written
    target, due, used, told, turn = map(int, numbers)
    return replace(
        clock,
        goal=goal,
        calendar=calendar,
        outcome=Outcome(outcome),
        started_at=_moment(started_at) or clock.started_at,
        since=_moment(since),
        stopped_at=_moment(stopped_at),
        breached_at=_moment(breached_at),
        target_minutes=target,
        due_minutes=due,
        used_minutes=used,
        told_minutes=told,
        turn=turn,
        acked_by=acked_by,
    )


def _moment(written: str) -> datetime | None:
    return datetime.strptime(written, WRITTEN).replace(tzinfo=UTC) if written else None
