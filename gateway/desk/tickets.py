"""Tickets as facts: what stands in the rows, as values for a decision."""

from __future__ import annotations

from collections.abc import Container, Iterable

from gateway.desk.people import as_person, requester_of
from gateway.desk.perspective import merged_ticket_of
from gateway.policy import Policy
from gateway.store.rows import find, find_all
from gateway.store.states import AuthorRole, MessageState
from gateway.store.tables import AttachmentRow, Contact, Event, Message, Ticket, TicketLink
from gateway.ticket import Authority, HoldReason, Priority, Status, TicketType, Visibility
from gateway.triage.facts import HeldMessage, Person, PublicAnswer, TicketFacts

_LONGEST_CHAIN = 50


def follow_merges(number: int, *, until: Container[int] = ()) -> tuple[Ticket | None, tuple[int, ...]]:
    """The ticket that `number` leads to, and the merged ones on the way. Bounded: a chain never runs in a circle.

    It ends at a ticket of `until`, wherever that was merged into."""
    ticket = find(Ticket, "number = ?", number)
    passed: list[int] = []
    while ticket is not None and ticket.merged_into_id is not None and len(passed) < _LONGEST_CHAIN:
        if ticket.number in until:
            break
        passed.append(ticket.number)
        ticket = find(Ticket, "id = ?", ticket.merged_into_id)
    return ticket, tuple(passed)


def ticket_facts(ticket: Ticket, policy: Policy, *, merged_from: tuple[int, ...] = ()) -> TicketFacts:
    """Read one ticket with all that a decision may ask of it."""
    requester, watchers = as_person(requester_of(ticket)), [as_person(one) for one in _watchers(ticket)]
    reading = [one.address for one in watchers if _reads_as_agent(one, ticket, requester, policy)]
    following = (agent.address for agent in map(policy.agent_of, reading) if agent is not None)
    return TicketFacts(
        number=ticket.number,
        type=TicketType(ticket.type),
        status=Status(ticket.status),
        subject=ticket.subject,
        requester=requester,
        opened_at=ticket.opened_at,
        updated_at=ticket.updated_at,
        hold_reason=HoldReason(ticket.hold_reason) if ticket.hold_reason else None,
        hold_until=ticket.hold_until,
        watchers=tuple(one for one in watchers if one.address not in reading),
        agents=tuple(
            one
            for one in dict.fromkeys([*_agents_who_wrote(ticket), *ticket.followers, *following])
            if one not in ticket.unwatched
        ),
        unwatched=tuple(ticket.unwatched),
        reading=tuple(reading),
        cancelled_by=_cancelled_by(ticket) if ticket.status == Status.CANCELLED else "",
        language=ticket.language,
        category=ticket.category,
        subcategory=ticket.subcategory,
        impact=ticket.impact,
        urgency=ticket.urgency,
        priority=Priority(ticket.priority),
        team=ticket.team,
        assignee=ticket.assignee,
        asset=ticket.asset,
        workaround=ticket.workaround,
        cause=ticket.cause,
        code=ticket.code,
        tags=tuple(ticket.tags),
        named=tuple(sorted(ticket.named.items())),
        authority=tuple((key, Authority(who[0])) for key, who in sorted(ticket.fields.items())),
        resolved_at=ticket.resolved_at,
        closed_at=ticket.closed_at,
        last_answer=_last_answer(ticket),
        held=_held(ticket),
        is_muted=ticket.muted_at is not None,
        reopened=ticket.reopened,
        merged_from=merged_from,
    )


def _watchers(ticket: Ticket) -> Iterable[Contact]:
    watching = "id IN (SELECT contact_id FROM ticket_watcher WHERE ticket_id = ?)"
    return find_all(Contact, watching, ticket.id, order="id")


def _reads_as_agent(one: Person, ticket: Ticket, requester: Person, policy: Policy) -> bool:
    """Whether who reads along is an agent, and it is no matter of their own: not this one nor one merged into it."""
    agent = policy.agent_of(one.address)
    if agent is None or agent == policy.agent_of(requester.address):
        return False
    own = merged_ticket_of(one.id, ticket)
    return own is None or own.requester_id != one.id


def _agents_who_wrote(ticket: Ticket) -> tuple[str, ...]:
    wrote = "id IN (SELECT author_id FROM message WHERE ticket_id = ? AND author_role = ?)"
    return tuple(row.address for row in find_all(Contact, wrote, ticket.id, AuthorRole.AGENT, order="address"))


def _cancelled_by(ticket: Ticket) -> str:
    last = find(Event, "ticket_id = ? AND kind = 'status'", ticket.id, order="id DESC")
    return last.actor if last is not None else ""


def _last_answer(ticket: Ticket) -> PublicAnswer | None:
    row = find(
        Message,
        "ticket_id = ? AND author_role = ? AND visibility = ? AND state = ? AND author_id IS NOT NULL",
        *(ticket.id, AuthorRole.AGENT, Visibility.PUBLIC, MessageState.POSTED),
        order="at DESC, id DESC",
    )
    return PublicAnswer(at=row.at, author=_author(row), text=row.text) if row is not None else None


def _held(ticket: Ticket) -> tuple[HeldMessage, ...]:
    condition = "ticket_id = ? AND state = ? AND author_id IS NOT NULL"
    rows = find_all(Message, condition, ticket.id, MessageState.HELD, order="id")
    return tuple(
        HeldMessage(
            id=row.id,
            author=_author(row),
            at=row.at,
            text=row.text,
            marks=tuple(mark for mark in row.marks if not mark.startswith("#")),
            html=row.html,
            commands=tuple(mark for mark in row.marks if mark.startswith("#")),
            files=_files(row),
        )
        for row in rows
    )


def _files(message: Message) -> tuple[str, ...]:
    rows = find_all(AttachmentRow, "message_id = ? AND inline = ?", message.id, False, order="number")
    return tuple(row.filename for row in rows)


def _author(message: Message) -> str:
    author = find(Contact, "id = ?", message.author_id)
    return author.address if author is not None else ""


def linked_numbers(ticket: Ticket) -> list[tuple[str, int]]:
    """The tickets that this one names, with the kind of link."""
    query = TicketLink.select(TicketLink, Ticket).join(Ticket, on=(TicketLink.other == Ticket.id))
    return [(row.kind, row.other.number) for row in query.where(TicketLink.ticket == ticket).order_by(TicketLink.at)]
