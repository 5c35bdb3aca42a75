"""A stored mail as it was when it was decided: its envelope, what was known then, and what came of it since.

Reads only, for one mail at a time; a replay of many is in `replaying`, which says what can't be known again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.desk.replaying import facts_of_then, histories_of
from gateway.desk.ticket_fields import value_of
from gateway.mail import Envelope, Mail, MailKind
from gateway.policy import Occasion, Policy
from gateway.store.rows import find, find_all, find_values
from gateway.store.tables import Contact, Event, Ledger, Ticket
from gateway.ticket import Authority, Status, TicketType
from gateway.triage.account import view_of_decision
from gateway.triage.case import known_of
from gateway.triage.decide import decide
from gateway.triage.view import View, view_of


@dataclass(frozen=True, kw_only=True)
class Word:
    """What somebody said of a field: the value, whose word it is, and of a rule its name and the file's version."""

    value: str
    authority: str
    rule: str = ""
    version: str = ""
    at: datetime | None = None
    actor: str = ""


@dataclass(frozen=True, kw_only=True)
class Recalled:
    """A mail of the ledger. `envelope` is as the ledger keeps it.

    `then` are the fields that were set when it was decided, under rules of `version`; `since` is what agents have said
    of them later, and `now` what the ticket has by now, each by field ("type", "fields.host"). `occasion` is None where
    rules were not asked, as of an agent's answer. `requester` is whom its ticket was opened for, "" unknown.
    """

    ledger: int
    received_at: datetime
    envelope: Mapping[str, Any]
    state: str
    kind: str = ""
    version: str = ""
    ticket: int | None = None
    ticket_type: TicketType = TicketType.INCIDENT
    occasion: Occasion | None = "open"
    requester: str = ""
    then: Mapping[str, Word] = field(default_factory=dict)
    since: tuple[tuple[str, Word], ...] = ()
    now: Mapping[str, Word] = field(default_factory=dict)


def opening_mail(number: int) -> int | None:
    """The ledger row of the mail that opened a ticket; None where there is no such ticket or it has no mail."""
    sql = """SELECT event.ledger_id FROM event JOIN ticket ON ticket.id = event.ticket_id
        WHERE ticket.number = ? AND event.kind = 'opened' AND event.ledger_id IS NOT NULL ORDER BY event.id LIMIT 1"""
    found = find_values(sql, number)
    return int(found[0][0]) if found else None


def recall(ledger_id: int) -> Recalled | None:
    """Read what is kept of a mail; None where there is no such row."""
    row = find(Ledger, "id = ?", ledger_id)
    if row is None:
        return None
    decision = row.decision or {}
    known: dict[str, Any] = {
        "ledger": row.id,
        "received_at": row.received_at,
        "envelope": row.envelope,
        "state": row.state,
        "kind": str(decision.get("kind", "")),
        "version": str(decision.get("policy", "")),
    }
    ticket = find(Ticket, "id = ?", row.ticket_id) if row.ticket_id is not None else None
    if ticket is None:
        return Recalled(**known)
    events = find_all(Event, "ticket_id = ?", ticket.id, order="id")
    opened = next((one for one in events if one.kind == "opened" and one.ledger_id == row.id), None)
    if opened is not None:
        known |= {"then": _opened_with(opened), "requester": _address(opened.detail.get("requester"))}
    else:
        known |= {"then": _set_by_rules(events, row.id), "occasion": _occasion_of(row, events)}
    if opened is not None and opened.detail.get("policy"):
        known["version"] = str(opened.detail["policy"])
    first = next((one.id for one in events if one.ledger_id == row.id), 0)
    return Recalled(
        **known,
        ticket=ticket.number,
        ticket_type=TicketType(ticket.type),
        since=tuple(_said_by_agents(events, first)),
        now={key: _standing(ticket, key, who) for key, who in ticket.fields.items()},
    )


def _opened_with(opened: Event) -> dict[str, Word]:
    version = str(opened.detail.get("policy", ""))
    fields = opened.detail.get("fields", {})
    return {
        key: Word(value=value, authority=authority, rule=rule, version=version if rule else "")
        for key, (value, authority, rule) in fields.items()
    }


def _set_by_rules(events: list[Event], ledger_id: int) -> dict[str, Word]:
    """What rules set on the ticket when this mail, an answer, came."""
    words = {}
    for one in events:
        if one.ledger_id == ledger_id and one.kind == "field" and one.detail["after"][1] != Authority.AGENT:
            value, authority, rule = one.detail["after"][:3]
            words[one.detail["field"]] = Word(
                value=value, authority=authority, rule=rule, version=str(one.detail.get("policy", ""))
            )
    return words


def _occasion_of(row: Ledger, events: list[Event]) -> Occasion | None:
    """On which occasion rules were asked about an answer; None for an agent's own and for automatic mail."""
    own = [one for one in events if one.ledger_id == row.id]
    reasons = {reason[0] for reason in (row.decision or {}).get("reasons", [])}
    posted = find_values("SELECT author_role FROM message WHERE ledger_id = ? ORDER BY id LIMIT 1", row.id)
    if not posted or posted[0][0] in ("agent", "automatic") or "released-unproven" in reasons:
        return None
    moves = [one.detail for one in own if one.kind == "status"]
    reopened = any(one["before"][0] == Status.RESOLVED and one["after"][0] == Status.IN_PROGRESS for one in moves)
    return "reopen" if reopened else "reply"


def _said_by_agents(events: list[Event], after_event: int) -> list[tuple[str, Word]]:
    """Every word of an agent about a field of the ticket, since that event, in order."""
    said = []
    for one in events:
        if one.id > after_event and one.kind == "field" and one.detail["after"][1] == Authority.AGENT:
            word = Word(value=one.detail["after"][0], authority=Authority.AGENT, at=one.at, actor=one.actor)
            said.append((str(one.detail["field"]), word))
    return said


def _standing(ticket: Ticket, key: str, who: list[str]) -> Word:
    authority, rule, *later = who
    version = (later[0] if later else ticket.policy_version) if rule else ""
    return Word(value=value_of(ticket, key), authority=authority, rule=rule, version=version)


def _address(contact_id: object) -> str:
    contact = find(Contact, "id = ?", contact_id) if isinstance(contact_id, int) else None
    return contact.address if contact is not None else ""


def view_then(
    recalled: Recalled, mail: Mail, envelope: Envelope, policy: Policy, *, secrets: Mapping[int, bytes]
) -> tuple[View, Mapping[str, Authority]]:
    """What rules saw of a stored mail when it was decided, and whose word each field of its ticket was by then.

    That is as far as the tables still say so (`replaying`). A mail that would be treated otherwise today, since keys
    have expired or limits have changed, is seen as it was treated then.
    """
    row = find(Ledger, "id = ?", recalled.ledger)
    if row is None:
        raise LookupError(f"there is no ledger row {recalled.ledger}")
    facts = facts_of_then(mail, envelope, policy, row, histories_of([row])[row.id], secrets=secrets)
    decision = decide(mail, envelope, facts, policy)
    view = view_of_decision(mail, envelope, facts, policy, decision)
    other = "" if mail.sender is None or recalled.requester == mail.sender.address else recalled.requester
    if view is not None and view.occasion == recalled.occasion and (not other or view.sender == other):
        ticket = facts.ticket(decision.ticket) if decision.ticket is not None else None
        return view, dict(ticket.authority) if ticket is not None else {}
    kind = MailKind(recalled.kind) if recalled.kind in tuple(MailKind) else decision.kind
    known, occasion = known_of(mail, envelope, facts), recalled.occasion or "open"
    view = view_of(mail, policy=policy, kind=kind, requester=other, known=known, occasion=occasion)
    if occasion == "open":
        return view, {}
    return view, {key: Authority(word.authority) for key, word in recalled.now.items()}
