"""Write down what limits have to remember: who is muted, too fast, or out of reach.

Place in the mail's way: part of carrying out a decision, in the transaction of its mail.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from gateway.store.rows import update
from gateway.store.states import OutboxState
from gateway.store.tables import Contact, Outbox, Ticket
from gateway.triage.decision import (
    CountQuickReply,
    HoldBack,
    MarkReachable,
    MarkUndeliverable,
    MuteTicket,
)

# In `hold_reason` of an outgoing mail: it waits because an earlier one to the same address came back.
UNDELIVERABLE: Final = "undeliverable"
# The event of mails that waited so too long.
GIVEN_UP: Final = "given-up"


def _count_quick_reply(change: CountQuickReply, ticket: Ticket | None, now: datetime) -> None:
    changes: dict[str, object] = {"quick_replies": change.count, "quick_reply_at": change.at}
    if change.muted_until is not None:
        changes = {"quick_replies": 0, "quick_reply_at": change.at, "muted_until": change.muted_until}
    update(Contact, changes, "address = ?", change.address)


def _hold_back(change: HoldBack, ticket: Ticket | None, now: datetime) -> None:
    update(Contact, {"flooding_until": change.until}, "address = ?", change.address)


def _mute_ticket(change: MuteTicket, ticket: Ticket | None, now: datetime) -> None:
    if ticket is not None:
        ticket.muted_at = now if change.is_muted else None
        update(Ticket, {"muted_at": ticket.muted_at}, "id = ?", ticket.id)


def _undeliverable(change: MarkUndeliverable, ticket: Ticket | None, now: datetime) -> None:
    if change.is_dead:
        update(Contact, {"bounced_at": now}, "address = ?", change.address)
    if change.outbox is not None:
        update(Outbox, {"bounced_at": now}, "id = ?", change.outbox)


def _reachable(change: MarkReachable, ticket: Ticket | None, now: datetime) -> None:
    """Nobody need do anything more: what was held for this address goes out."""
    update(Contact, {"bounced_at": None, "muted_until": None, "quick_replies": 0}, "address = ?", change.address)
    held = "state = ? AND hold_reason = ? AND recipient_id IN (SELECT id FROM contact WHERE address = ?)"
    changes = {"state": OutboxState.WAITING, "hold_reason": "", "attempts": 0, "not_before": None}
    update(Outbox, changes, held, OutboxState.HELD, UNDELIVERABLE, change.address)


# What each of these changes does: change, the ticket that the decision is about, now.
CALMING: Final[dict[type, Callable[[Any, Ticket | None, datetime], None]]] = {
    CountQuickReply: _count_quick_reply,
    HoldBack: _hold_back,
    MuteTicket: _mute_ticket,
    MarkUndeliverable: _undeliverable,
    MarkReachable: _reachable,
}
