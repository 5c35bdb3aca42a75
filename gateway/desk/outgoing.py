"""Outgoing mails as rows: written in the transaction that causes them, with their final Message-ID.

What a mail says of its ticket is fixed here, when it is caused; how it looks is decided when it is rendered.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.desk.people import KnownPeople, contact_of
from gateway.desk.references import reference_digest, remember_references
from gateway.keys import Purpose, ReplyKey, issue_day, message_id, seal
from gateway.mail import Address
from gateway.phrase import as_json, say
from gateway.policy import Policy
from gateway.sla import Clock, ClockKind, due_at, settled
from gateway.store.rows import find, insert, insert_new, insert_returning
from gateway.store.states import MessageState, OutboxState
from gateway.store.tables import AttachmentRow, Contact, Message, Outbox, ThreadReference, Ticket
from gateway.ticket import Authority, Role, TicketType
from gateway.triage.restraint import is_outside
from gateway.triage.telling import delay_of
from gateway.triage.traffic import TO_PEOPLE

# People's words first, then what somebody waits for, then what agents read, then the rest.
_RANKS = {
    "answer": 0,
    "resolution": 0,
    "acknowledgement": 1,
    "question": 1,
    "confirmation": 1,
    "result": 1,
    "pace": 1,
    "challenge": 1,
    "preview": 1,
    "listing": 1,
    "status": 1,
    "guide": 1,
    "noted": 1,
    "quarantine_digest": 1,
    "alarm": 1,
}
_NOTICE_RANK = 2
# What a mail asks about, by its name in the context: the mail in an agent's name ("was it you?"), the digest of the
# quarantine, the desk's mail to itself, a list of tickets.
KEYS_BY_NAME = {
    "asks_about": Purpose.CONFIRM,
    "digest": Purpose.DIGEST,
    "heartbeat": Purpose.HEARTBEAT,
    "listing": Purpose.LISTING,
}
_UNBOUND_ID = re.compile(r"<hg\.[a-z2-7]{16}@[^<>@\s]+>")
# Base64 makes a third more of it; most relays take 25 MB.
_FILES_A_MAIL_BYTES = 15 * 1024 * 1024


def enqueue(
    *,
    notice: str,
    to: Address,
    role: Role,
    ticket: Ticket | None,
    about_id: int | None,
    context: Mapping[str, object],
    cause: str,
    policy: Policy,
    secrets: Mapping[int, bytes],
    now: datetime,
    people: KnownPeople | None = None,
    hold: str = "",
    clocks: Sequence[Clock] = (),
) -> None:
    """Put one mail to one person into the outbox; the same `cause` never makes a second one.

    Nothing is written for an address in .invalid (RFC 2606): it stands for nobody. `hold`: why it waits for a person.
    `clocks` are those whose due times it may say.
    """
    row = outbox_row(
        notice=notice,
        to=to,
        role=role,
        ticket=ticket,
        about_id=about_id,
        context=context,
        cause=cause,
        policy=policy,
        secrets=secrets,
        now=now,
        people=people,
        hold=hold,
        clocks=clocks,
    )
    if row is None:
        return
    if any(name in row["context"] for name in KEYS_BY_NAME):
        if find(Outbox, "dedupe_key = ?", row["dedupe_key"]) is not None:
            # A mail that is decided once more (`gateway quarantine retry`) asks nobody again.
            return
    row_id = insert(Outbox, **row)
    if ticket is not None:
        named = [row["recipient"].address]
        remember_references(ticket, [row["message_id"]], named=named, now=now, outbox=row_id)


def enqueue_all(rows: Sequence[Mapping[str, Any]], *, now: datetime) -> None:
    """Put many mails about tickets into the outbox at once; those whose cause has made one already are left out."""
    ids = insert_returning(Outbox, rows, "dedupe_key")
    new = [row for row in rows if row["dedupe_key"] in ids]
    insert_new(
        ThreadReference,
        [
            {
                "digest": reference_digest(row["message_id"]),
                "message_id": row["message_id"],
                "ticket": row["ticket"],
                "named": [row["recipient"].address],
                "outbox": ids[row["dedupe_key"]],
                "at": now,
            }
            for row in new
        ],
    )


def outbox_row(
    *,
    notice: str,
    to: Address,
    role: Role,
    ticket: Ticket | None,
    about_id: int | None,
    context: Mapping[str, object],
    cause: str,
    policy: Policy,
    secrets: Mapping[int, bytes],
    now: datetime,
    people: KnownPeople | None = None,
    hold: str = "",
    clocks: Sequence[Clock] = (),
) -> dict[str, Any] | None:
    """What `enqueue` writes, None for nothing; with the row of its recipient."""
    if to.address.endswith(".invalid"):
        return None
    contact = contact_of(to, now=now, known=people)
    facts = {name: as_json(value) for name, value in context.items()}
    facts["ticket"] = None
    if ticket is not None:
        facts["ticket"] = ticket_context(ticket, policy) | due_context(clocks, policy, reader=to.address, now=now)
    delay = delay_of(
        notice,
        context,
        role=role,
        priority=ticket.priority if ticket is not None else "",
        reader=to.address,
        policy=policy,
        now=now,
    )
    moment, why = delay if delay is not None else (None, "")
    return {
        "notice": notice,
        "rank": _RANKS.get(notice, _NOTICE_RANK),
        "recipient": contact,
        "role": role,
        "ticket": ticket,
        "about": about_id,
        "context": facts,
        "message_id": new_message_id(contact, role, ticket, policy=policy, secrets=secrets, now=now, about=facts),
        "dedupe_key": hashlib.sha256(f"{cause}/{notice}/{contact.id}".encode()).hexdigest(),
        "state": OutboxState.HELD if hold else OutboxState.WAITING,
        "hold_reason": hold or why,
        "not_before": moment,
        "outside_domain": to.domain.lower() if notice in TO_PEOPLE and is_outside(to.address, policy) else None,
        "created_at": now,
    }


def file_contexts(ticket: Ticket) -> list[dict[str, object]]:
    """What `#files` answers: one context for each mail, with as many files as fit into one; a huge file goes alone."""
    rows = list(
        AttachmentRow.select()
        .join(Message)
        .where((Message.ticket == ticket) & (Message.state == MessageState.POSTED))
        .order_by(AttachmentRow.message, AttachmentRow.number)
    )
    if not rows:
        return [{"title": say("This ticket has no files."), "lines": [], "files": []}]
    groups: list[list[AttachmentRow]] = [[]]
    for row in rows:
        if groups[-1] and sum(one.size_bytes for one in groups[-1]) + row.size_bytes > _FILES_A_MAIL_BYTES:
            groups.append([])
        groups[-1].append(row)
    return [
        {
            "title": say("Files of the ticket, mail {number} of {count}:", number=number, count=len(groups)),
            "lines": [row.filename for row in group],
            "files": [[row.message_id, row.number] for row in group],
        }
        for number, group in enumerate(groups, 1)
    ]


def new_message_id(
    contact: Contact,
    role: Role,
    ticket: Ticket | None,
    *,
    policy: Policy,
    secrets: Mapping[int, bytes],
    now: datetime,
    about: Mapping[str, object] | None = None,
) -> str:
    """A Message-ID of ours that carries the person's reply key for the ticket, or what `about` asks them."""
    sealed = question_key(about or {}, contact, secrets=secrets, now=now)
    sealed = sealed or reply_key(contact, role, ticket, policy=policy, secrets=secrets, now=now)
    return message_id(sealed, _unique(), policy.desk.address.partition("@")[2])


def unbound_message_id(policy: Policy) -> str:
    """A Message-ID of ours for a mail that is about many tickets and proves nothing."""
    return f"<hg.{_unique()}@{policy.desk.address.partition('@')[2]}>"


def is_unbound_id(an_id: str, policy: Policy) -> bool:
    """Whether a Message-ID looks like one of these: the mail was to agents, about many tickets."""
    return bool(_UNBOUND_ID.fullmatch(an_id)) and an_id.rpartition("@")[2][:-1] == policy.desk.address.partition("@")[2]


def _unique() -> str:
    return base64.b32encode(os.urandom(10)).decode("ascii").lower()


def reply_key(
    contact: Contact, role: Role, ticket: Ticket | None, *, policy: Policy, secrets: Mapping[int, bytes], now: datetime
) -> str:
    """The sealed reply key of a person on a ticket (0 where the mail is about none).

    A manager reads what agents read, but without being one commands nothing: such a key lets them write along only.
    """
    if role is Role.AGENT and policy.agent_of(contact.address) is None:
        role = Role.WATCHER
    number = ticket.number if ticket is not None else 0
    key = ReplyKey(ticket=number, person=contact.id, role=role, issued_on=issue_day(now))
    newest = max(secrets)
    return seal(key, purpose=Purpose.REPLY, secret_id=newest, secret=secrets[newest])


def question_key(
    context: Mapping[str, object], contact: Contact, *, secrets: Mapping[int, bytes], now: datetime
) -> str:
    """The sealed key of a mail that asks something other than about a ticket, by what names it; "" for other mails."""
    for name, purpose in KEYS_BY_NAME.items():
        number = context.get(name)
        if isinstance(number, int):
            key = ReplyKey(ticket=number, person=contact.id, role=Role.AGENT, issued_on=issue_day(now))
            newest = max(secrets)
            return seal(key, purpose=purpose, secret_id=newest, secret=secrets[newest])
    return ""


def ticket_context(ticket: Ticket, policy: Policy) -> dict[str, object]:
    """What templates may say of a ticket: plain values, times in the desk's zone."""
    token = policy.token(TicketType(ticket.type), ticket.number)
    zone = ZoneInfo(policy.desk.time_zone)
    assignee = policy.agent_of(ticket.assignee) if ticket.assignee else None
    return {
        "token": token,
        "number": token.strip("[]"),
        "type": ticket.type,
        "status": ticket.status,
        "subject": ticket.subject,
        "priority": ticket.priority,
        "priority_by": _priority_by(ticket, policy),
        "impact": ticket.impact,
        "urgency": ticket.urgency,
        "category": ticket.category,
        "subcategory": ticket.subcategory,
        "team": policy.team_title(ticket.team),
        "assignee": assignee.name if assignee else ticket.assignee,
        "asset": ticket.asset,
        "tags": ticket.tags,
        "fields": ticket.named,
        **{name: getattr(ticket, name) for name in NO_FINDINGS},
        "moves": [policy.team_title(team) for team in ticket.moves],
        "requester": {"name": ticket.requester.name, "address": ticket.requester.address},
        "opened_at": ticket.opened_at.astimezone(zone).isoformat(timespec="seconds"),
        **NO_DUE,
        "close_at": ticket.close_at.astimezone(zone).isoformat(timespec="seconds") if ticket.close_at else "",
    }


# What a mail says of what agents found where they found nothing, and of a ticket that stayed where it was.
NO_FINDINGS: Mapping[str, object] = {"workaround": "", "cause": "", "code": "", "moves": [], "reopened": 0}
# What a mail says of due times where there are none.
NO_DUE: Mapping[str, object] = {
    "due": "",
    "response_due": "",
    "is_overdue": False,
    "is_response_overdue": False,
    "is_paused": False,
}


def due_context(clocks: Sequence[Clock], policy: Policy, *, reader: str, now: datetime) -> dict[str, object]:
    """Until when, by the clock of who reads it: until somebody answers, and until the matter is settled."""
    found: dict[str, object] = {}
    zone = ZoneInfo(policy.zone_of(reader)) if clocks else None
    for clock in clocks:
        if not clock.is_open:
            continue
        clock = settled(clock, policy.work_calendar(clock.calendar), now)
        due = due_at(clock, policy.work_calendar(clock.calendar))
        name, overdue = _DUE_NAMES[clock.kind]
        found[name] = due.astimezone(zone).isoformat(timespec="seconds") if due is not None else ""
        found[overdue] = clock.breached_at is not None
        found["is_paused"] = found.get("is_paused", False) or clock.is_paused
    return found


_DUE_NAMES = {
    ClockKind.RESPONSE: ("response_due", "is_response_overdue"),
    ClockKind.RESOLUTION: ("due", "is_overdue"),
}


def _priority_by(ticket: Ticket, policy: Policy) -> str:
    """Who wants another priority than impact and urgency make: "agent", "rule"; "" where nobody does."""
    if ticket.priority == policy.priority_of(ticket.impact, ticket.urgency, ticket.type):
        return ""
    return "agent" if ticket.fields.get("priority", [""])[0] == Authority.AGENT else "rule"
