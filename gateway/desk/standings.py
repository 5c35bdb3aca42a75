"""What a mail says beside its decision, read as it is written: to "status", where a person's own matters stand.

Reads only. It shows the matters of the person who asked, under all of their addresses, and the ticket that the question
answers as that person knows it; of agents the name, never an address.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from gateway.desk.clocks import clocks_of
from gateway.desk.outgoing import due_context
from gateway.desk.people import contacts_by_address
from gateway.desk.perspective import merged_ticket_of
from gateway.store.rows import find_all, marks
from gateway.store.tables import Ticket
from gateway.ticket import OPEN_STATUSES, Role, Status, TicketType
from gateway.triage.challenge import CHALLENGE
from gateway.triage.decision import Notice
from gateway.triage.helping import STATUS

MOST_MATTERS = 20
_NOT_OVER = tuple(sorted([*OPEN_STATUSES, Status.RESOLVED]))


def beside(unit: Any, notice: Notice) -> dict[str, object]:
    """What belongs into a mail's context beside what its decision knows."""
    if notice.name == CHALLENGE:
        return {"asks_about": unit.ledger_id}
    if notice.name != STATUS:
        return {}
    asked_by = str(notice.context["asked_by"])
    contacts = [row.id for row in contacts_by_address(unit.policy.addresses_of(asked_by)).values()]
    condition = f"status IN ({marks(_NOT_OVER)}) AND requester_id IN ({marks(contacts)}) AND number <> ?"
    about = unit.ticket
    values = (*_NOT_OVER, *contacts, about.number if about is not None else 0)
    rows = find_all(Ticket, condition, *values, order="updated_at DESC, id DESC", limit=MOST_MATTERS + 1)
    own = None
    if about is not None and notice.role is Role.WATCHER:
        # Who was merged in knows the own ticket, not the one that it goes on in.
        own = next((found for one in contacts if (found := merged_ticket_of(one, about)) is not None), None)
    return {
        "about": _matter(unit, about, own or about, asked_by) if about is not None else None,
        "others": [_matter(unit, row, row, asked_by) for row in rows[:MOST_MATTERS]] if contacts else [],
        "more": len(rows) > MOST_MATTERS,
    }


def _matter(unit: Any, ticket: Ticket, shown: Ticket, reader: str) -> dict[str, object]:
    """One matter as its requester may see it: plain values, times in the reader's zone."""
    policy, zone = unit.policy, ZoneInfo(unit.policy.zone_of(reader))
    agent = policy.agent_of(ticket.assignee) if ticket.assignee else None
    due = due_context(clocks_of(ticket, policy), policy, reader=reader, now=unit.now)
    return {
        "number": policy.token(TicketType(shown.type), shown.number).strip("[]"),
        "subject": shown.subject,
        "status": ticket.status,
        "hold_reason": ticket.hold_reason,
        "assignee": agent.name if agent is not None else "",
        "opened_at": shown.opened_at.astimezone(zone).isoformat(timespec="seconds"),
        "due": due.get("due", ""),
        "is_overdue": due.get("is_overdue", False),
    }
