"""Turn a decision into rows: tickets, messages, history and outgoing mails, in the one transaction of its mail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from gateway.desk import fingerprints
from gateway.desk.absences import ABSENCES
from gateway.desk.calming import CALMING
from gateway.desk.clocks import open_clocks, shown_clocks, turn_clocks
from gateway.desk.endings import drop_news_of_end
from gateway.desk.keeping import KEEPING
from gateway.desk.listings import asked_number, listing_of
from gateway.desk.outgoing import enqueue, file_contexts
from gateway.desk.people import contact_of, requester_of
from gateway.desk.questions import ask_about_next
from gateway.desk.standings import beside
from gateway.desk.ticket_fields import at_once, set_fields
from gateway.desk.turns import TURNS
from gateway.desk.unit import Unit
from gateway.phrase import counted
from gateway.store.history import write_event
from gateway.store.rows import find, find_values, insert, update
from gateway.store.states import LedgerState, MessageState
from gateway.store.tables import (
    Agent,
    AttachmentRow,
    Contact,
    Ledger,
    Message,
    Ticket,
    TicketLink,
    TicketWatcher,
)
from gateway.ticket import ENDED, Field, Status, Visibility, is_reopening
from gateway.triage.challenge import ASKED_ABOUT, DENIED
from gateway.triage.decision import (
    AddWatcher,
    AnswerQuestion,
    DropMessage,
    LinkTicket,
    MoveStatus,
    Notice,
    OpenTicket,
    PostMessage,
    Record,
    ReleaseMessage,
    SetFields,
    SetRequester,
    TurnTo,
)
from gateway.triage.desk_commands import LISTING
from gateway.triage.restraint import arrived_at

FIRST_NUMBER = 1001
_LATE = timedelta(minutes=1)


def carry_out(unit: Unit) -> Ticket | None:
    """Carry out every change in order and return the ticket that the mail came to, None where it came to none."""
    if unit.decision.ticket is not None:
        unit.ticket = find(Ticket, "number = ?", unit.decision.ticket)
        if unit.ticket is not None:
            unit.ticket.requester = requester_of(unit.ticket)
    for change in at_once(unit.decision.changes):
        if isinstance(change, TurnTo):
            _turn_to(unit, change)
        elif (calming := CALMING.get(type(change))) is not None:
            calming(change, unit.ticket, unit.now)
        else:
            _CARRIERS[type(change)](unit, change)
    if unit.turned:
        # Of the many tickets that a mail commands it came to none, but for the one that it is written on.
        unit.ticket = unit.came_to
        if unit.ticket is None:
            return None
    unit.remember_references()
    return unit.ticket


def _turn_to(unit: Unit, change: TurnTo) -> None:
    if not unit.turned:
        unit.came_to = unit.ticket
    unit.turned, unit.messages, unit.ticket = True, {}, None
    if change.ticket is not None:
        unit.ticket = Ticket.get(Ticket.number == change.ticket)
        unit.ticket.requester = requester_of(unit.ticket)


def _open(unit: Unit, change: OpenTicket) -> None:
    requester = contact_of(change.requester, now=unit.now, known=unit.people, language=change.language)
    made = change.classification
    highest = find_values("SELECT MAX(number) FROM ticket")[0][0] or 0
    number = max(FIRST_NUMBER, 1 + int(highest))
    values: dict[str, Any] = {
        "number": number,
        "type": made.type,
        "status": Status.NEW,
        "subject": change.subject,
        "requester": requester,
        "language": made.get(Field.LANGUAGE) or requester.language or change.language,
        "category": made.get(Field.CATEGORY),
        "subcategory": made.get(Field.SUBCATEGORY),
        "impact": made.get(Field.IMPACT),
        "urgency": made.get(Field.URGENCY),
        "priority": made.priority,
        "team": made.get(Field.TEAM),
        "assignee": made.get(Field.ASSIGNEE),
        "asset": made.get(Field.ASSET),
        "tags": [tag.value for tag in made.all(Field.TAG)],
        "named": {one.name: one.value for one in made.all(Field.NAMED)},
        "fields": {value.key: [value.authority.value, value.rule] for value in made.kept()},
        "policy_version": unit.policy.version,
        "desk_address": unit.policy.desk.address,
        "opened_at": unit.now,
        "arrived_at": arrived_at(unit.envelope, unit.now) if unit.envelope is not None else unit.now,
        "updated_at": unit.now,
    }
    unit.ticket = Ticket(id=insert(Ticket, **values), **values)
    token = unit.policy.token(made.type, number)
    detail = {
        "requester": requester.id,
        "subject": change.subject,
        "fields": {value.key: [value.value, value.authority.value, value.rule] for value in made.kept()},
        "policy": unit.policy.version,
    }
    unit.record("opened", f"{token} opened for {requester.address}", detail | open_clocks(unit, unit.ticket))


def _post(unit: Unit, change: PostMessage) -> None:
    ticket = _ticket(unit)
    author = contact_of(change.author, now=unit.now, known=unit.people) if change.author else None
    values: dict[str, Any] = {
        "author": author.id if author is not None else None,
        "author_role": change.author_role,
        "visibility": change.visibility,
        "state": MessageState.HELD if change.held else MessageState.POSTED,
        "message_id": unit.mail.message_id if unit.mail is not None else "",
        "subject": change.subject,
        "text": change.text,
        "passages": [list(passage) for passage in change.passages],
        "html": change.html,
        "marks": [*map(str, change.marks), *change.commands],
        "at": unit.now,
        "arrived_at": _arrived_before(unit),
    }
    message = Message(id=insert(Message, ticket=ticket, ledger=unit.ledger_id, **values), **values)
    unit.messages[change.label] = message
    files = _attach(message, unit) if change.with_attachments else []
    clocks = _touch(unit, ticket, author_role=change.author_role, visibility=change.visibility, held=change.held)
    kind = "held" if change.held else ("note" if change.visibility is Visibility.INTERNAL else "message")
    text = f"{_what_was_posted(change)} ({counted(len(change.text), 'character')})"
    prints = {"print": fingerprints.of_message(message), "files": fingerprints.of_files(files)}
    unit.record(kind, text, {"message": message.id, "marks": [str(mark) for mark in change.marks]} | prints | clocks)


def _arrived_before(unit: Unit) -> datetime | None:
    """When the mail had come, where that was long before: it lay in quarantine, or in its mailbox."""
    if unit.envelope is None:
        return None
    arrived = arrived_at(unit.envelope, unit.now)
    return arrived if unit.now - arrived >= _LATE else None


def _what_was_posted(change: PostMessage) -> str:
    """A message in the words of the history."""
    if change.held:
        return "wrote a mail that is held"
    if change.author_role == "automatic":
        return "an automatic mail was filed"
    if change.visibility is Visibility.INTERNAL:
        return "wrote an internal note"
    return "answered the requester" if change.author_role == "agent" else "wrote"


def _attach(message: Message, unit: Unit) -> list[AttachmentRow]:
    rows = []
    for one in unit.mail.attachments if unit.mail is not None else ():
        values: dict[str, Any] = {
            "number": one.number,
            "filename": one.filename,
            "content_type": one.content_type,
            "size_bytes": one.size_bytes,
            "sha256": one.sha256,
            "content_id": one.content_id,
            "inline": one.inline,
            "set_aside": one.sha256 in unit.known_pictures,
        }
        insert(AttachmentRow, message=message.id, **values)
        rows.append(AttachmentRow(**values))
    return rows


def _touch(unit: Unit, ticket: Ticket, *, author_role: str, visibility: str, held: bool) -> dict[str, object]:
    """Note that somebody wrote; what the history says of the clocks where it is the first answer."""
    if ticket.opened_at == unit.now:
        return {}
    ticket.updated_at = unit.now
    answers = author_role == "agent" and visibility == Visibility.PUBLIC and not held and ticket.first_answer_at is None
    if answers:
        ticket.first_answer_at = unit.now
    ticket.save(only=[Ticket.updated_at, Ticket.first_answer_at])
    return turn_clocks(unit, ticket) if answers else {}


def _release(unit: Unit, change: ReleaseMessage) -> None:
    message = Message.get_by_id(change.message_id)
    message.state, message.visibility = MessageState.POSTED, change.visibility
    message.at, message.arrived_at = unit.now, None
    message.text, message.html = change.text, change.html
    columns = (Message.state, Message.visibility, Message.at, Message.arrived_at, Message.text, Message.html)
    message.save(only=columns)
    unit.messages[change.label] = message
    clocks = _touch(unit, _ticket(unit), author_role="agent", visibility=change.visibility, held=False)
    detail = {"message": message.id, "print": fingerprints.of_message(message)}
    unit.record("released", "a held mail was sent after all", detail | clocks)


def _drop(unit: Unit, change: DropMessage) -> None:
    message = Message.get_by_id(change.message_id)
    message.state = MessageState.DROPPED
    message.save(only=[Message.state])
    detail = {"message": message.id, "print": fingerprints.of_message(message)}
    unit.record("dropped", "a held mail was settled", detail)


def _set_fields(unit: Unit, change: SetFields) -> None:
    set_fields(unit, _ticket(unit), change)


def _move(unit: Unit, change: MoveStatus) -> None:
    ticket = _ticket(unit)
    before = fingerprints.standing(ticket)
    ticket.status = change.to
    ticket.hold_reason = change.hold_reason or ""
    ticket.hold_until = change.hold_until
    ticket.close_at = change.close_at
    ticket.resolved_at = (
        unit.now if change.to is Status.RESOLVED else (None if change.to not in ENDED else ticket.resolved_at)
    )
    ticket.closed_at = unit.now if change.to in ENDED else None
    _record_move(unit, ticket, before, change.why)


def _record_move(unit: Unit, ticket: Ticket, before: list[str], why: str) -> None:
    """Save where the ticket stands now; what moves nothing (on hold once more, for the same) is no event."""
    ticket.updated_at = unit.now
    ticket.reopened += is_reopening(before[0], ticket.status)
    ticket.save()
    after = fingerprints.standing(ticket)
    if before != after:
        detail = {"before": before, "after": after} | turn_clocks(unit, ticket)
        unit.record("status", f"{before[0]} → {after[0]}: {why}", detail, on=ticket)
    if is_reopening(before[0], ticket.status):
        drop_news_of_end(unit, ticket)


def _set_requester(unit: Unit, change: SetRequester) -> None:
    ticket = _ticket(unit)
    before, after = ticket.requester, contact_of(change.requester, now=unit.now, known=unit.people)
    if before.id == after.id:
        return
    ticket.requester = after
    ticket.save(only=[Ticket.requester])
    unit.record("requester", f"{before.address} → {after.address}", {"before": before.id, "after": after.id})


def _add_watcher(unit: Unit, change: AddWatcher) -> None:
    contact = contact_of(change.watcher, now=unit.now, known=unit.people)
    _watch(unit, _ticket(unit), contact, rule=change.rule)


def _watch(unit: Unit, ticket: Ticket, contact: Contact, *, rule: str = "") -> None:
    key = (TicketWatcher.ticket == ticket) & (TicketWatcher.contact == contact)
    if not TicketWatcher.select().where(key).exists():
        insert(TicketWatcher, ticket=ticket, contact=contact, added_at=unit.now)
        by: dict[str, object] = {"rule": rule, "policy": unit.policy.version} if rule else {}
        text = f"{contact.address} gets the answers from now on{f', by the rule “{rule}”' if rule else ''}"
        unit.record("watcher", text, by | {"contact": contact.id}, on=ticket)


def _link(unit: Unit, change: LinkTicket) -> None:
    ticket = _ticket(unit)
    other = Ticket.get(Ticket.number == change.number)
    key = (TicketLink.ticket == ticket) & (TicketLink.other == other) & (TicketLink.kind == change.kind)
    if not TicketLink.select().where(key).exists():
        insert(TicketLink, ticket=ticket, other=other, kind=change.kind, at=unit.now)
        text = f"{change.kind.replace('_', ' ')}: {other.number}"
        unit.record("link", text, {"other": other.number, "kind": change.kind})
    if change.kind == "merged":
        _end_in(unit, ticket, other)


def _end_in(unit: Unit, ticket: Ticket, other: Ticket) -> None:
    """Whoever followed the merged ticket hears of the other one from now on, and nothing of its past."""
    followers = [row.contact for row in TicketWatcher.select().where(TicketWatcher.ticket == ticket)]
    for contact in dict.fromkeys([ticket.requester, *followers]):
        if contact.id != other.requester_id:
            _watch(unit, other, contact)
    before = fingerprints.standing(ticket)
    ticket.merged_into = other
    # One that was closed already has been so since then.
    ticket.closed_at = ticket.closed_at if ticket.status == Status.CLOSED else unit.now
    ticket.status, ticket.close_at = Status.CLOSED, None
    ticket.hold_reason, ticket.hold_until = "", None
    _record_move(unit, ticket, before, f"merged into {other.number}")
    unit.record("merged", f"{ticket.number} was merged into this one", {"merged": ticket.number}, on=other)


def _answer_question(unit: Unit, change: AnswerQuestion) -> None:
    """Let a quarantined mail in as the agent's, or note that it is not; settled meanwhile, it stays as it is."""
    row = find(Ledger, "id = ? AND state = ?", change.ledger, LedgerState.QUARANTINED)
    if row is None or row.reason_code not in ASKED_ABOUT:
        return
    kind, text = "denied", f"{change.agent} says that it is not theirs"
    # For its keepers it is another one now, which nobody has read of.
    changes: dict[str, Any] = {"reason_code": DENIED, "shown_at": None}
    if change.yes:
        kind, text = "confirmed", f"{change.agent} says that it is theirs"
        envelope = row.envelope | {"confirmed_by": change.agent}
        changes = {"envelope": envelope, "state": LedgerState.WAITING, "attempts": 0, "reason_code": ""}
        agent = find(Contact, "address = ?", change.agent)
        if agent is not None:
            update(Agent, {"confirmed_at": unit.now}, "contact_id = ?", agent.id)
    update(Ledger, changes, "id = ?", row.id)
    write_event(at=unit.now, kind=kind, actor=change.agent, ledger=row.id, text=text, detail={"by": unit.ledger_id})
    if change.yes:
        ask_about_next(row, change.agent, unit.policy, now=unit.now)


def _record(unit: Unit, change: Record) -> None:
    unit.record(change.kind, change.text, change.detail)


def _notify(unit: Unit, change: Notice) -> None:
    """Write one outgoing mail into the outbox, with its final Message-ID."""
    about = unit.messages.get(change.about) if change.about and change.about != "first" else None
    if change.about == "first" and unit.ticket is not None:
        about = Message.select().where(Message.ticket == unit.ticket).order_by(Message.id).first()
    about_id = change.about_message if change.about_message is not None else (about.id if about is not None else None)
    common = {**change.context, **beside(unit, change)}
    if note := unit.messages.get(str(common.pop("note", ""))):
        common["note"] = note.id
    contexts: Sequence[Mapping[str, object]] = [common]
    if change.context.get("files") and unit.ticket is not None:
        contexts = [{"headline": change.context.get("headline", "")} | one for one in file_contexts(unit.ticket)]
    unit.notices += 1
    cause = f"{unit.cause or f'ledger/{unit.ledger_id}'}/{unit.notices}"
    if change.name == LISTING and unit.ledger_id is not None:
        number = asked_number(unit.ledger_id, unit.notices)
        contexts = [listing_of(change, unit.policy, now=unit.now) | {"listing": number}]
    for number, context in enumerate(contexts, 1):
        enqueue(
            notice=change.name,
            to=change.to,
            role=change.role,
            ticket=unit.ticket,
            about_id=about_id,
            context=context,
            cause=cause if number == 1 else f"{cause}.{number}",
            policy=unit.policy,
            secrets=unit.secrets,
            now=unit.now,
            people=unit.people,
            hold=change.hold,
            clocks=shown_clocks(unit, change),
        )


def _ticket(unit: Unit) -> Ticket:
    if unit.ticket is None:
        raise RuntimeError("a change that needs a ticket came before one was opened or named")
    return unit.ticket


_CARRIERS: dict[type, Any] = {
    OpenTicket: _open,
    PostMessage: _post,
    ReleaseMessage: _release,
    DropMessage: _drop,
    SetFields: _set_fields,
    MoveStatus: _move,
    SetRequester: _set_requester,
    AddWatcher: _add_watcher,
    LinkTicket: _link,
    AnswerQuestion: _answer_question,
    Record: _record,
    Notice: _notify,
    **KEEPING,
    **ABSENCES,
    **TURNS,
}
