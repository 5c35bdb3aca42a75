"""What a ticket looks like to one reader of it: an agent who is new to it, a person who was merged in or added.

Reads only; the letters put it into their context.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.desk.outgoing import NO_DUE, NO_FINDINGS
from gateway.policy import Policy
from gateway.store.rows import find, find_all, find_values
from gateway.store.states import AuthorRole, MessageState
from gateway.store.tables import Contact, Event, Message, Outbox, Ticket
from gateway.ticket import Role, Visibility
from gateway.triage.commands import COMMANDS
from gateway.triage.grammar import read_agent_text
from gateway.triage.headlines import shortened
from gateway.triage.posting import stand_in

# What a row of an older version lacks; and what nobody is told whom nothing authenticates, since it may be from a mail.
_NO_EXTRAS: dict[str, object] = {"asset": "", "tags": [], "fields": {}}
_FOR_AGENTS: dict[str, object] = {"cause": "", "code": "", "moves": []}
_MOST_MESSAGES = 20
_MOST_CHARS = 20_000
# Commands alone are no part of a conversation, but they are rows of it; beyond these nobody reads on anyway.
_MOST_ROWS = 100
_CONVERSATION = """
    state = ? AND at <= ? AND id <> ?
    AND (ticket_id = ? OR ticket_id IN (SELECT id FROM ticket WHERE merged_into_id = ?))"""
# Their own ticket comes before one that they only watched, and the first one that they watched before a later one.
_MERGED_IN = """
    WITH RECURSIVE merged(id) AS (
        SELECT id FROM ticket WHERE merged_into_id = ?
        UNION SELECT ticket.id FROM ticket JOIN merged ON ticket.merged_into_id = merged.id
    )
    SELECT ticket.id FROM ticket JOIN merged ON merged.id = ticket.id
    LEFT JOIN ticket_watcher ON ticket_watcher.ticket_id = ticket.id AND ticket_watcher.contact_id = ?
    WHERE ticket.requester_id = ? OR ticket_watcher.contact_id IS NOT NULL
    ORDER BY CASE WHEN ticket.requester_id = ? THEN 0 ELSE 1 END,
    CASE WHEN ticket.requester_id = ? THEN -ticket.number ELSE 0 END, ticket_watcher.added_at, ticket.number
    LIMIT 1"""


def conversation(
    ticket: Ticket, policy: Policy, *, until: datetime, but: int, scrub: Callable[[str], str]
) -> tuple[list[dict[str, object]], bool]:
    """What was written on a ticket, oldest first, apart from message `but`; and whether anything was left out.

    Of much, the newest stays: `_MOST_MESSAGES` messages with together `_MOST_CHARS` characters.
    """
    values = (MessageState.POSTED, until, but, ticket.id, ticket.id)
    rows = find_all(Message, _CONVERSATION, *values, order="at DESC, id DESC", limit=_MOST_ROWS)
    is_cut, left = len(rows) == _MOST_ROWS, _MOST_CHARS
    zone = ZoneInfo(policy.desk.time_zone)
    shown: list[dict[str, object]] = []
    for row in filter(says_something, rows):
        if len(shown) == _MOST_MESSAGES or left <= 0:
            is_cut = True
            break
        text = row.text if len(row.text) <= left else row.text[:left].rstrip() + "\n[…]"
        left -= len(row.text)
        author = find(Contact, "id = ?", row.author_id) if row.author_id is not None else None
        shown.append(
            {
                "author": {
                    "name": scrub(author.name) if author is not None else "",
                    "address": scrub(author.address) if author is not None else "",
                },
                "at": (row.arrived_at or row.at).astimezone(zone).isoformat(timespec="seconds"),
                "visibility": str(row.visibility),
                "automatic": row.author_role == AuthorRole.AUTOMATIC,
                "text": stand_in(text) or scrub(text),
            }
        )
    return shown[::-1], is_cut


def last_said(ticket: Ticket, *, scrub: Callable[[str], str], longest: int) -> Message | None:
    """What somebody said last on a ticket, with its text in one line of at most so many characters; None for nothing.

    Commands alone and what machines wrote say nothing.
    """
    said = "state = ? AND author_role <> ? AND (ticket_id = ? OR ticket_id IN"
    said += " (SELECT id FROM ticket WHERE merged_into_id = ?))"
    values = (MessageState.POSTED, AuthorRole.AUTOMATIC, ticket.id, ticket.id)
    rows = find_all(Message, said, *values, order="at DESC, id DESC", limit=_MOST_MESSAGES)
    row = next(filter(says_something, rows), None)
    if row is not None:
        row.text = shortened(scrub(row.text), longest)
    return row


def says_something(message: Message) -> bool:
    """Whether it is more than the record of an agent's commands."""
    if message.author_role != AuthorRole.AGENT or message.visibility != Visibility.INTERNAL:
        return True
    said = read_agent_text(message.text, COMMANDS)
    return bool(said.public or said.internal)


def shown_ticket(row: Outbox, *, is_plain: bool) -> dict[str, object]:
    """What a mail may say of its ticket: what was behind it is for agents; a plain one repeats nothing of a mail."""
    known = {key: value for key, value in row.context["ticket"].items() if key != "close_at"}
    known = {**NO_DUE, **NO_FINDINGS, "readers": []} | known | ({} if row.role == Role.AGENT else _FOR_AGENTS)
    return known | _NO_EXTRAS if is_plain else _NO_EXTRAS | known


def readers_of(ticket: Ticket, policy: Policy) -> list[dict[str, str]]:
    """Who besides the requester gets the answers of a ticket and is none of its desk."""
    watching = "id IN (SELECT contact_id FROM ticket_watcher WHERE ticket_id = ?) AND id <> ?"
    rows = find_all(Contact, watching, ticket.id, ticket.requester_id, order="address")
    return [{"name": one.name, "address": one.address} for one in rows if policy.agent_of(one.address) is None]


def merged_ticket_of(contact_id: int, ticket: Ticket) -> Ticket | None:
    """The ticket by which a person came to this one, into which it was merged; None where they came otherwise."""
    found = find_values(_MERGED_IN, ticket.id, *[contact_id] * 4)
    return find(Ticket, "id = ?", found[0][0]) if found else None


def people_in(row: Outbox, policy: Policy) -> dict[str, object]:
    """Who reads a mail and, for agents, who asked: name, address and what the people table has of them."""
    person = {"name": row.recipient.name, "address": row.recipient.address}
    ticket = row.context.get("ticket")
    requester = ticket["requester"] if ticket and row.role == Role.AGENT else {"name": "", "address": ""}
    if row.role == Role.REQUESTER:
        requester = person
    return {
        "person": policy.described(person["address"]) | person,
        "requester": policy.described(requester["address"]) | requester,
    }


def added_by(contact_id: int, ticket: Ticket, policy: Policy) -> str:
    """The name of the agent who added a watcher to a ticket, "" where that is not known."""
    events = find_all(Event, "ticket_id = ? AND kind = ?", ticket.id, "watcher", order="id")
    actor = next((event.actor for event in events if event.detail.get("contact") == contact_id), "")
    agent = policy.agent_of(actor) if actor else None
    return agent.name if agent is not None else ""
