"""Every clock is what the history of its ticket says, and runs, stands or has ended as its ticket does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gateway.desk.clocks import as_clock, print_of
from gateway.sla import ClockKind, Outcome
from gateway.store.tables import SlaClock, Ticket
from gateway.ticket import OPEN_STATUSES


def clocks(ticket: Ticket, told: Mapping[str, list[str]], rows: Sequence[SlaClock]) -> Iterator[str]:
    """Compare the clocks of one ticket with what its history says (`told`: kind → the print of the last change)."""
    found = {row.kind: row for row in rows}
    for kind in told.keys() - found.keys():
        yield f"its {kind} clock is in the history but not there"
    for kind, row in found.items():
        if kind not in told:
            yield f"its {kind} clock was started by no event"
            continue
        clock = as_clock(row)
        if print_of(clock) != told[kind]:
            yield f"its {kind} clock is not what its history says"
        if (clock.outcome is Outcome.RUNNING) != (clock.stopped_at is None):
            yield f"its {kind} clock is {clock.outcome}, but its times say something else"
        if clock.is_open and ticket.status not in OPEN_STATUSES:
            yield f"its {kind} clock runs on a ticket that is {ticket.status}"
        if clock.kind is ClockKind.RESPONSE and clock.is_open and ticket.first_answer_at is not None:
            yield "its response clock runs, but it was answered"
        if clock.since is not None and row.next_at is None and clock.breached_at is None:
            yield f"its {kind} clock runs, but nothing will look at it"
