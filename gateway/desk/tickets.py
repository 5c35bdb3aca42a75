"""Tickets as facts: what stands in the rows, as values for a decision."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.desk.people import as_person
from gateway.store.rows import find
from gateway.store.states import AuthorRole, MessageState
from gateway.store.tables import Contact, Message, Ticket, TicketLink, TicketWatcher
from gateway.ticket import Authority, Field, HoldReason, Level, Priority, Status, TicketType, Visibility
from gateway.triage.facts import HeldMessage, PublicAnswer, TicketFacts

_LONGEST_CHAIN = 50


def follow_merges(number: int) -> tuple[Ticket | None, tuple[int, ...]]:
    """The ticket that `number` leads to, and the merged ones on the way. Bounded: a chain never runs in a circle."""
    ticket = find(Ticket, "number = ?", number)
    passed: list[int] = []
    while ticket is not None and ticket.merged_into_id is not None and len(passed) < _LONGEST_CHAIN:
        passed.append(ticket.number)
        ticket = Ticket.get_by_id(ticket.merged_into_id)
    return ticket, tuple(passed)


def ticket_facts(ticket: Ticket, *, merged_from: tuple[int, ...] = ()) -> TicketFacts:
    """Read one ticket with all that a decision may ask of it."""
    return TicketFacts(
        number=ticket.number,
        type=TicketType(ticket.type),
        status=Status(ticket.status),
        subject=ticket.subject,
        requester=as_person(ticket.requester),
        opened_at=ticket.opened_at,
        updated_at=ticket.updated_at,
        hold_reason=HoldReason(ticket.hold_reason) if ticket.hold_reason else None,
        hold_until=ticket.hold_until,
        watchers=tuple(as_person(watcher) for watcher in _watchers(ticket)),
        agents=_agents_who_wrote(ticket),
        language=ticket.language,
        category=ticket.category,
        subcategory=ticket.subcategory,
        impact=Level(ticket.impact),
        urgency=Level(ticket.urgency),
        priority=Priority(ticket.priority),
        team=ticket.team,
        assignee=ticket.assignee,
        authority=tuple((Field(name), Authority(who[0])) for name, who in sorted(ticket.fields.items())),
        resolved_at=ticket.resolved_at,
        closed_at=ticket.closed_at,
        last_answer=_last_answer(ticket),
        held=_held(ticket),
        merged_from=merged_from,
    )


def _watchers(ticket: Ticket) -> Iterable[Contact]:
    query = Contact.select().join(TicketWatcher).where(TicketWatcher.ticket == ticket).order_by(Contact.id)
    return list(query)


def _agents_who_wrote(ticket: Ticket) -> tuple[str, ...]:
    query = (
        Contact.select(Contact.address)
        .join(Message, on=(Message.author == Contact.id))
        .where((Message.ticket == ticket) & (Message.author_role == AuthorRole.AGENT))
        .distinct()
        .order_by(Contact.address)
    )
    return tuple(row.address for row in query)


def _last_answer(ticket: Ticket) -> PublicAnswer | None:
    row = (
        Message.select(Message, Contact)
        .join(Contact, on=(Message.author == Contact.id))
        .where(
            (Message.ticket == ticket)
            & (Message.author_role == AuthorRole.AGENT)
            & (Message.visibility == Visibility.PUBLIC)
            & (Message.state == MessageState.POSTED)
        )
        .order_by(Message.at.desc(), Message.id.desc())
        .first()
    )
    return (
        PublicAnswer(at=row.at, author=row.author.address if row.author is not None else "", text=row.text)
        if row is not None
        else None
    )


def _held(ticket: Ticket) -> tuple[HeldMessage, ...]:
    query = (
        Message.select(Message, Contact)
        .join(Contact, on=(Message.author == Contact.id))
        .where((Message.ticket == ticket) & (Message.state == MessageState.HELD))
        .order_by(Message.id)
    )
    return tuple(
        HeldMessage(
            id=row.id,
            author=row.author.address if row.author is not None else "",
            at=row.at,
            text=row.text,
            marks=tuple(mark for mark in row.marks if not mark.startswith("#")),
            html=row.html,
            commands=tuple(mark for mark in row.marks if mark.startswith("#")),
        )
        for row in query
    )


def linked_numbers(ticket: Ticket) -> list[tuple[str, int]]:
    """The tickets that this one names, with the kind of link."""
    query = TicketLink.select(TicketLink, Ticket).join(Ticket, on=(TicketLink.other == Ticket.id))
    return [(row.kind, row.other.number) for row in query.where(TicketLink.ticket == ticket).order_by(TicketLink.at)]
