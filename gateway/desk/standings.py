"""What a mail says beside its decision, read as it is written: to "status", where a person's own matters stand.

Reads only. It shows the matters of the person who asked, under all of their addresses, and the ticket that the question
answers as that person knows it; of agents the name, never an address.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from gateway.desk.clocks import clocks_of
from gateway.desk.outgoing import due_context
from gateway.desk.people import contacts_by_address
from gateway.desk.perspective import merged_ticket_of
from gateway.desk.tickets import follow_merges
from gateway.store.rows import find, find_all, marks
from gateway.store.tables import Ticket, TicketWatcher
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
    others = [(row, row) for row in rows] if contacts else []
    listed = {one.id for one in (*rows, about) if one is not None}
    others += [(goes_on, theirs) for goes_on, theirs in _merged(contacts) if goes_on.id not in listed]
    return {
        "about": _matter(unit, about, own or about, asked_by) if about is not None else None,
        "others": [_matter(unit, row, shown, asked_by) for row, shown in others[:MOST_MATTERS]],
        "more": len(others) > MOST_MATTERS,
    }


def _merged(contacts: Sequence[int]) -> Iterator[tuple[Ticket, Ticket]]:
    """The tickets of others in which a person's own go on and of which that person hears, each with the own one."""
    if not contacts:
        return
    people = marks(contacts)
    own = f"merged_into_id IS NOT NULL AND requester_id IN ({people})"
    seen: set[int] = set()
    for theirs in find_all(Ticket, own, *contacts, order="updated_at DESC, id DESC", limit=MOST_MATTERS):
        goes_on, _ = follow_merges(theirs.number)
        if goes_on is None or goes_on.status not in _NOT_OVER or goes_on.id in seen:
            continue
        seen.add(goes_on.id)
        if find(TicketWatcher, f"ticket_id = ? AND contact_id IN ({people})", goes_on.id, *contacts) is not None:
            yield goes_on, theirs


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
