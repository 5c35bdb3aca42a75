"""The outcome of a decision, written into the row of its mail."""

from __future__ import annotations

from datetime import datetime

from gateway.policy import Policy
from gateway.store.queue import Claim, finish
from gateway.store.rows import find, update
from gateway.store.states import LedgerState, Outcome
from gateway.store.tables import Contact, Ledger, Ticket
from gateway.subject import SUBJECT_LIMIT_CHARS, one_line
from gateway.ticket import KEPT, Field, TicketType
from gateway.triage.decision import (
    Action,
    Decision,
    LinkTicket,
    NoteHeartbeat,
    Notice,
    OpenTicket,
    PostMessage,
    Record,
)
from gateway.triage.opening import why

HEARTBEAT = "heartbeat"

OUTCOMES = {
    Action.OPEN: Outcome.OPENED,
    Action.APPEND: Outcome.APPENDED,
    Action.HOLD: Outcome.HELD,
    Action.FILE: Outcome.FILED,
    Action.COMMAND: Outcome.COMMANDED,
}


class LeaseLost(Exception):
    """Somebody else has the mail now: undo everything and leave it to them."""


def write_decision(claimed: Claim, decision: Decision, ticket: Ticket | None, *, policy: Policy, now: datetime) -> None:
    """Finish the ledger row in the mail's own transaction. Raises LeaseLost when the row is no longer ours."""
    quarantined = decision.action is Action.QUARANTINE
    written = finish(
        Ledger,
        claimed,
        state=LedgerState.QUARANTINED if quarantined else LedgerState.DONE,
        outcome=Outcome.NONE if quarantined else OUTCOMES[decision.action],
        reason_code=decision.quarantine_code or _kept_for_a_while(decision),
        ticket=ticket,
        decided_at=now,
        decision=decision_as_json(decision, policy) | {"ticket": ticket.number if ticket is not None else None},
        error="",
    )
    if not written:
        raise LeaseLost(f"ledger row {claimed.id}")
    _learn_language(decision, ticket)


def _kept_for_a_while(decision: Decision) -> str:
    """By this code the desk's mails to itself are found again, to be deleted; "" for every other mail."""
    return HEARTBEAT if any(isinstance(one, NoteHeartbeat) for one in decision.changes) else ""


def decision_as_json(decision: Decision, policy: Policy) -> dict[str, object]:
    """What is kept of a decision: enough to say later what was decided and why, and to prove that it was done."""
    return {
        "kind": decision.kind.value,
        "verdict": decision.verdict.value,
        "action": decision.action.value,
        "reasons": [[reason.code, reason.text] for reason in decision.reasons],
        "acknowledged": decision.acknowledges,
        "fields": [str(one) for one in why(decision.classification)] if decision.classification else [],
        "policy": policy.version,
        "notices": [[one.name, one.to.address] for one in decision.changes if isinstance(one, Notice)],
        "records": [one.kind for one in decision.changes if isinstance(one, Record)],
        **_beside(decision),
    } | ({"quarantine": _kept_of(decision.if_released, policy)} if decision.if_released is not None else {})


def _beside(decision: Decision) -> dict[str, object]:
    """What rules had done beside filling fields of the ticket, which nothing else keeps: for a replay of the mail."""
    values = decision.classification.values if decision.classification is not None else ()
    done = {one.key: [one.value, one.authority.value, one.rule] for one in values if one.field not in KEPT}
    return {"beside": done} if done else {}


def _kept_of(let_in: Decision, policy: Policy) -> dict[str, object]:
    """Of a mail in quarantine: who wrote it, its subject, and what a release would do, as the digest tells it."""
    post = next((change for change in let_in.changes if isinstance(change, PostMessage)), None)
    author = post.author if post is not None and post.author is not None else None
    linked = next((change.number for change in let_in.changes if isinstance(change, LinkTicket)), let_in.ticket)
    made = let_in.classification
    return {
        "sender": author.address if author is not None else let_in.actor,
        "name": author.name if author is not None else "",
        "subject": one_line(post.subject)[:SUBJECT_LIMIT_CHARS] if post is not None else "",
        "release": {
            "action": let_in.action.value,
            "token": _token_of(linked, policy),
            "team": made.get(Field.TEAM) if made is not None else "",
            "type": made.type.value if made is not None else "",
            "priority": made.priority.value if made is not None else "",
        },
    }


def _token_of(number: int | None, policy: Policy) -> str:
    ticket = find(Ticket, "number = ?", number) if number is not None else None
    return policy.token(TicketType(ticket.type), ticket.number) if ticket is not None else ""


def _learn_language(decision: Decision, ticket: Ticket | None) -> None:
    """Whoever opens a ticket in a language reads it; the first one that we were sure of stays."""
    opened = next((change for change in decision.changes if isinstance(change, OpenTicket)), None)
    if opened is not None and opened.language and ticket is not None and not ticket.requester.language:
        update(Contact, {"language": opened.language}, "id = ? AND language = ''", ticket.requester_id)
