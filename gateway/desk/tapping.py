"""The links in agents' mails: written when a mail is rendered, read when somebody has tapped one.

A link is a `mailto:` (RFC 6068) that writes the command. Its key names the outgoing mail, the link and the agent, so
that it needs no row before it is used; what was used is remembered. What a client puts below, a signature above all,
stands under our own line of delimiters and counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from gateway.desk.key_facts import recipient_keys
from gateway.keys import Purpose, ReplyKey, issue_day, plus_address, seal, unseal
from gateway.mail import Envelope, Mail
from gateway.policy import Policy
from gateway.store.rows import find, insert
from gateway.store.tables import Agent, Contact, Outbox, Ticket, UsedLink
from gateway.ticket import Role, Status, TicketType
from gateway.triage.decision import UseLink
from gateway.triage.facts import Evidence, KeyFact, TapFact
from gateway.triage.tapping import BY_NUMBER, LINKS, links_on

# The mails about a ticket that an agent acts on.
_LINKED = frozenset(
    {
        *("new_ticket", "new_reply", "agent_answered", "internal_note", "changed", "escalated", "reminder", "absent"),
        *("bad_rating", "undeliverable"),
    }
)
_PER_MAIL = 16
# The reader's words stand behind the command, or in the line below it.
_BEFORE = {name: quote(f"{link.line}\r\n\r\n\r\n=-=-= ") for name, link in LINKS.items()}
_BEHIND = quote(" =-=-=\r\n")


def links_of(
    row: Outbox, ticket: Ticket | None, policy: Policy, secrets: Mapping[int, bytes]
) -> list[dict[str, object]]:
    """The links of a mail: what each writes, and where to; none where they are switched off, or for whom they do not
    work."""
    desk = policy.desk
    if not (desk.action_links and desk.plus_addresses) or ticket is None or row.role != Role.AGENT:
        return []
    agent = policy.agent_of(row.recipient.address)
    if row.notice not in _LINKED or agent is None:
        return []
    # Letters, digits and a hyphen, which need no quoting.
    number = policy.token(TicketType(ticket.type), ticket.number).strip("[]")
    found: list[dict[str, object]] = []
    newest = max(secrets)
    for name in links_on(
        Status(ticket.status),
        is_readers=ticket.assignee == agent.address,
        has_tier_above=bool(policy.tiers_above(ticket.team)),
    ):
        key = ReplyKey(
            ticket=row.id * _PER_MAIL + LINKS[name].number,
            person=row.recipient.id,
            role=Role.AGENT,
            issued_on=issue_day(row.created_at),
        )
        sealed = seal(key, purpose=Purpose.ACTION, secret_id=newest, secret=secrets[newest])
        query = f"?subject=%5B{number}%5D&body={_BEFORE[name]}{number}{_BEHIND}"
        href = f"mailto:{plus_address(desk.address, sealed)}{query}"
        found.append({"name": name, "line": LINKS[name].line, "href": href})
    return found


def tap_in(
    mail: Mail, envelope: Envelope, policy: Policy, *, now: datetime, secrets: Mapping[int, bytes]
) -> tuple[TapFact | None, tuple[KeyFact, ...]]:
    """The link whose key stands in the desk's address that the mail went to, and the proof that it is for its agent."""
    for sealed in recipient_keys(mail, envelope, policy):
        key = unseal(sealed, purpose=Purpose.ACTION, secrets=secrets)
        if key is None:
            continue
        outbox, number = divmod(key.ticket, _PER_MAIL)
        row, holder = find(Outbox, "id = ?", outbox), find(Contact, "id = ?", key.person)
        ticket = find(Ticket, "id = ?", row.ticket_id) if row is not None and row.ticket_id is not None else None
        if ticket is None or holder is None or number not in BY_NUMBER:
            continue
        used = find(UsedLink, "outbox_id = ? AND number = ?", outbox, number)
        tap = TapFact(
            outbox=outbox,
            action=BY_NUMBER[number],
            holder=holder.address,
            token=policy.token(TicketType(ticket.type), ticket.number).strip("[]"),
            used_at=used.used_at if used is not None else None,
        )
        return tap, tuple(_proof(key, ticket, holder, policy, now=now))
    return None, ()


def _proof(key: ReplyKey, ticket: Ticket, holder: Contact, policy: Policy, *, now: datetime) -> Iterable[KeyFact]:
    """What the key proves, which is what a reply key of that agent on that ticket does."""
    agent = find(Agent, "contact_id = ?", holder.id)
    why_not = ""
    if now.date() - max(ticket.updated_at.date(), key.issued_on) > timedelta(days=policy.desk.key_days):
        why_not = f"expired {policy.desk.key_days} days after the last activity"
    if policy.agent_of(holder.address) is None or (agent is not None and not agent.active):
        why_not = "was given to somebody who is no agent any more"
    yield KeyFact(
        evidence=Evidence.RECIPIENT_KEY,
        key=ReplyKey(ticket=ticket.number, person=key.person, role=Role.AGENT, issued_on=key.issued_on),
        ticket=ticket.number,
        holder=holder.address,
        usable=not why_not,
        why_not=why_not,
        confirmed_at=agent.confirmed_at if agent is not None else None,
    )


def use_link(unit: Any, change: UseLink) -> None:
    """Remember that a link was used; a second use of the same one can't be written."""
    insert(UsedLink, outbox=change.outbox, number=change.number, used_at=unit.now)
    detail = {"outbox": change.outbox, "number": change.number}
    unit.record("link-used", f"by the link {LINKS[change.name].line} of mail {change.outbox}", detail)
