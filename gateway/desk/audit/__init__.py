"""The proof of DESIGN's first two promises: nothing is lost, nothing happens twice. Reads only; names what breaks them.

Mails, tickets and outgoing mails are each told of twice: by their rows, and by the ledger's decisions and the history.
The audit compares the two accounts, so it finds what a bug, a crash, a bad disk or a hand in the database has done.
Each check is one function that yields sentences that name the row; `CHECKS` is the list.

Everything is read as it was at one moment, a few hundred rows at a time, while the gateway goes on working.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from gateway.desk.audit.constraints import closed_sets
from gateway.desk.audit.duties import absences, turns
from gateway.desk.audit.history import histories
from gateway.desk.audit.mails import decisions_done, dedupe_keys, outcomes, raw_mails
from gateway.desk.audit.moments import late_messages
from gateway.desk.audit.orphans import orphans, unknown_contacts
from gateway.desk.audit.outgoing import outgoing_mails
from gateway.desk.audit.tickets import tickets
from gateway.store.database import snapshot
from gateway.store.tables import Ledger, Message, Outbox, Ticket, database_proxy


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was checked (what → how many) and every finding, as a sentence that names the row."""

    checked: Mapping[str, int]
    findings: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not self.findings


Check = Callable[[Mapping[int, bytes]], Iterator[str]]

CHECKS: tuple[Check, ...] = (
    # What came in
    raw_mails,
    outcomes,
    decisions_done,
    dedupe_keys,
    # What it led to
    tickets,
    late_messages,
    outgoing_mails,
    histories,
    absences,
    turns,
    # What hangs on nothing
    orphans,
    unknown_contacts,
    # What no row may say
    closed_sets,
)


def audit_all(secrets: Mapping[int, bytes]) -> Report:
    """Run every check over the whole database, on the connection of this thread."""
    with snapshot(database_proxy.obj):
        checked = {
            "accepted mails": Ledger.select().count(),
            "tickets": Ticket.select().count(),
            "messages": Message.select().count(),
            "outgoing mails": Outbox.select().count(),
        }
        findings = list(findings_of(secrets))
    return Report(checked=checked, findings=findings)


def findings_of(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """What one check after the other finds, in the caller's transaction."""
    for check in CHECKS:
        yield from _found(check, secrets)


def _found(check: Check, secrets: Mapping[int, bytes]) -> Iterator[str]:
    """What one check finds; a row that can't even be read ends that check, not the others."""
    try:
        yield from check(secrets)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        yield f"a row can't be read, and the check {check.__name__!r} got no further: {error!r}"
