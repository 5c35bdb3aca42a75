"""What operators ask, as plain values: tickets, ledger, outbox. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.desk.clocks import due_moments
from gateway.desk.searching import NEWEST_FIRST, words_condition
from gateway.desk.ticket_fields import standing_of
from gateway.desk.tickets import linked_numbers
from gateway.policy import Policy
from gateway.sla import ClockKind, Outcome
from gateway.store.rows import find_all
from gateway.store.tables import (
    AttachmentRow,
    Contact,
    Event,
    Ledger,
    Message,
    Outbox,
    Rating,
    SlaClock,
    Ticket,
    TicketWatcher,
)
from gateway.ticket import OPEN_STATUSES, TicketType
from gateway.triage.opening import who_set

Row = dict[str, Any]


def ticket_rows(policy: Policy, *, everything: bool, team: str, limit: int, assignee: str | None = None) -> list[Row]:
    """Tickets, the most pressing first; `assignee` "" = those that nobody has, None = whoever has them."""
    query = Ticket.select(Ticket, Contact).join(Contact, on=(Ticket.requester == Contact.id))
    if not everything:
        query = query.where(Ticket.status.in_([status.value for status in OPEN_STATUSES]))
    if team:
        query = query.where(Ticket.team == team)
    if assignee is not None:
        query = query.where(Ticket.assignee == assignee)
    return _with_due(list(query.order_by(Ticket.priority, Ticket.number).limit(limit)), policy)


def tickets_with(words: str, policy: Policy, *, limit: int) -> list[Row]:
    """Tickets on which all these words stand: open ones first, then what was last written on."""
    condition, values = words_condition(words)
    return _with_due(find_all(Ticket, condition, *values, order=NEWEST_FIRST, limit=limit), policy)


def _with_due(rows: list[Ticket], policy: Policy) -> list[Row]:
    due = due_moments(rows, policy)
    return [
        _ticket_row(row, policy)
        | {"response_due": due[row.id].get(ClockKind.RESPONSE), "due": due[row.id].get(ClockKind.RESOLUTION)}
        for row in rows
    ]


def _ticket_row(row: Ticket, policy: Policy) -> Row:
    return {
        "ticket": policy.token(TicketType(row.type), row.number).strip("[]"),
        "priority": row.priority,
        "status": row.status,
        "team": row.team,
        "assignee": row.assignee,
        "requester": row.requester.address,
        "category": f"{row.category}/{row.subcategory}" if row.subcategory else row.category,
        "asset": row.asset,
        "tags": row.tags,
        "fields": row.named,
        "subject": row.subject,
        "updated": row.updated_at,
    }


def ticket_record(number: int, policy: Policy) -> Row | None:
    """Everything about one ticket: its fields and who set them, its messages, files and history."""
    ticket = Ticket.get_or_none(Ticket.number == number)
    if ticket is None:
        return None
    watchers = Contact.select().join(TicketWatcher).where(TicketWatcher.ticket == ticket)
    messages = Message.select().where(Message.ticket == ticket).order_by(Message.at, Message.id)
    events = Event.select().where(Event.ticket == ticket).order_by(Event.id)
    ratings = Rating.select().where(Rating.ticket == ticket).order_by(Rating.at)
    mails = Outbox.select().where(Outbox.ticket == ticket).order_by(Outbox.id)
    clocks = SlaClock.select().where(SlaClock.ticket == ticket).order_by(SlaClock.kind.desc())
    return {
        "ticket": policy.token(TicketType(ticket.type), ticket.number).strip("[]"),
        "subject": ticket.subject,
        "type": ticket.type,
        "status": ticket.status,
        "hold": ticket.hold_reason,
        "hold_until": ticket.hold_until,
        "priority": ticket.priority,
        "impact": ticket.impact,
        "urgency": ticket.urgency,
        "category": ticket.category,
        "subcategory": ticket.subcategory,
        "team": ticket.team,
        "assignee": ticket.assignee,
        "moves": ticket.moves,
        "followers": ticket.followers,
        "language": ticket.language,
        "asset": ticket.asset,
        "tags": ticket.tags,
        "fields": ticket.named,
        "workaround": ticket.workaround,
        "cause": ticket.cause,
        "code": ticket.code,
        "reopened": ticket.reopened,
        "ratings": [f"{row.score} of 5 by {row.contact.address}" for row in ratings],
        "requester": ticket.requester.address,
        "watchers": [watcher.address for watcher in watchers],
        "links": [f"{kind} {other}" for kind, other in linked_numbers(ticket)],
        "merged_into": ticket.merged_into.number if ticket.merged_into_id is not None else None,
        "opened_at": ticket.opened_at,
        "first_answer_at": ticket.first_answer_at,
        "due": [_clock(row) for row in clocks],
        "resolved_at": ticket.resolved_at,
        "closed_at": ticket.closed_at,
        "rules_version": ticket.policy_version,
        "set_by": _setters(ticket),
        "messages": [_message(message) for message in messages],
        "history": [_event(event) for event in events],
        "mails": [
            {"id": mail.id, "notice": mail.notice, "to": mail.recipient.address, "state": mail.state} for mail in mails
        ],
    }


def _clock(row: SlaClock) -> Row:
    """A clock: until when, how much working time is used of how much, and what came of it."""
    return {
        "kind": row.kind,
        "sla": row.goal,
        "calendar": row.calendar,
        "target_minutes": row.target_minutes,
        "used_minutes": row.used_minutes,
        "since": row.since,
        "started": row.started_at,
        "due": row.due_at,
        "stopped": row.stopped_at,
        "outcome": "paused" if row.outcome == Outcome.RUNNING and row.since is None else row.outcome,
        "missed": row.breached_at,
        "acknowledged_by": row.acked_by,
    }


def _setters(ticket: Ticket) -> Row:
    """Whose word each field is, in short and in words; of a rule, the version of the file that it stood in."""
    standing = standing_of(ticket)
    found = {}
    for key, (authority, rule, *later) in sorted(ticket.fields.items()):
        version = (later[0] if later else ticket.policy_version) if rule else ""
        words = next((str(who_set(one, standing)) for one in standing.values if one.key == key), "")
        found[key] = {"by": authority, "rule": rule, "version": version, "words": words}
    return found


def _event(event: Event) -> Row:
    """One entry of the history; `rules` is the version of the rules that decided, "" where no rule did."""
    version = str(event.detail.get("policy", ""))
    return {"at": event.at, "actor": event.actor, "kind": event.kind, "text": event.text, "rules": version}


def _message(message: Message) -> Row:
    files = AttachmentRow.select().where(AttachmentRow.message == message).order_by(AttachmentRow.number)
    return {
        "at": message.at,
        "arrived": message.arrived_at or message.at,
        "from": message.author.address if message.author is not None else "",
        "as": message.author_role,
        "visibility": message.visibility,
        "state": message.state,
        "marks": message.marks,
        "text": message.text,
        "files": [{"filename": one.filename, "size": one.size_bytes, "set_aside": one.set_aside} for one in files],
        "ledger": message.ledger_id,
    }


def ledger_rows(*, state: str, limit: int) -> list[Row]:
    query = Ledger.select().order_by(Ledger.id.desc()).limit(limit)
    if state:
        query = query.where(Ledger.state == state)
    return [ledger_record(row) for row in query]


def ledger_record(row: Ledger) -> Row:
    decision = row.decision or {}
    return {
        "id": row.id,
        "received": row.received_at,
        "by": row.transport,
        "from": row.envelope.get("reverse_path"),
        "to": row.envelope.get("recipients", []),
        "size": row.size_bytes,
        "state": row.state,
        "outcome": row.outcome,
        "reason": row.reason_code,
        "ticket": row.ticket.number if row.ticket is not None else None,
        "duplicate_of": row.duplicate_of_id,
        "attempts": row.attempts,
        "kind": decision.get("kind", ""),
        "reasons": decision.get("reasons", []),
        "error": row.error,
    }


def states_of(table: type[Ledger | Outbox], numbers: Iterable[int]) -> dict[int, str]:
    """Where the named mails stand; what there is not has no entry."""
    query = table.select(table.id, table.state).where(table.id.in_(sorted(set(numbers))))
    return {row.id: row.state for row in query}


def outbox_rows(*, state: str, limit: int) -> list[Row]:
    query = Outbox.select().order_by(Outbox.id.desc()).limit(limit)
    if state:
        query = query.where(Outbox.state == state)
    return [outbox_record(row) for row in query]


def outbox_record(row: Outbox) -> Row:
    return {
        "id": row.id,
        "created": row.created_at,
        "notice": row.notice,
        "to": row.recipient.address,
        "ticket": row.ticket.number if row.ticket is not None else None,
        "state": row.state,
        "why": row.hold_reason,
        "attempts": row.attempts,
        "uncertain": row.uncertain_count,
        "next": row.not_before,
        "sent": row.sent_at,
        "size": row.size_bytes,
        "message_id": row.message_id,
        "reply": row.reply,
    }
