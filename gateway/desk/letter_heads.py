"""What a letter's header says of its kind, by its row: automatic or not, which queue, how pressing."""

from __future__ import annotations

import re

from gateway.policy import Policy
from gateway.store.tables import Outbox, Ticket
from gateway.ticket import Priority, Role

_ANSWERS = frozenset({"acknowledgement", "status", "guide", "noted"})
_WRITTEN_BY_A_PERSON = frozenset({"answer"})


def automatic(row: Outbox) -> str:
    """The Auto-Submitted value (RFC 3834 §5): none on what a person wrote to a person."""
    if row.notice in _WRITTEN_BY_A_PERSON or (row.notice == "resolution" and row.about_id is not None):
        return ""
    return "auto-replied" if row.notice in _ANSWERS else "auto-generated"


def list_id(row: Outbox, ticket: Ticket | None, policy: Policy) -> str:
    if row.role != Role.AGENT:
        return ""
    local, _, domain = policy.desk.address.partition("@")
    queue = re.sub(r"[^a-z0-9-]+", "-", ticket.team.lower()).strip("-") if ticket is not None else ""
    return f"<{queue or 'desk'}.{local}.{domain}>"


def importance(row: Outbox, ticket: Ticket | None) -> str:
    if row.role != Role.AGENT or ticket is None:
        return ""
    if ticket.priority in (Priority.P1, Priority.P2):
        return "high"
    return "low" if ticket.priority == Priority.P5 else ""
