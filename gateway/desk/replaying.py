"""Stored mail for a replay: what came in a period, what was decided of it, how its tickets ended, and what was known.

Reads only, in slices, each statement for a whole slice; nothing is kept between two slices. The facts of a mail are
those of the moment when it was decided, as far as the tables still say so. What they can't say again: the traffic of
that moment (so no limit against storms is replayed), whose turn it was, and whether a DKIM signature was good.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gateway.desk.as_of import as_of
from gateway.desk.facts import gather_facts
from gateway.desk.ledger import HEARTBEAT
from gateway.desk.matters import same_matter_then
from gateway.desk.references import reference_digest
from gateway.mail import Envelope, Mail
from gateway.policy import Policy
from gateway.store.rows import find, find_all, find_values, marks
from gateway.store.running_tables import SeenSignature
from gateway.store.states import AuthorRole, LedgerState, Outcome
from gateway.store.tables import Denied, Ledger, Ticket
from gateway.ticket import COLUMNS, FINDINGS, SETTLED, Authority, Field, FieldValue
from gateway.triage.decision import Action
from gateway.triage.facts import Facts, ReferenceFact
from gateway.triage.replay import Treatment

# What no rule has a say in, in words, for the report.
GONE = "their bytes are gone (retention)"
NOT_ASKED = "no rule is asked: filed, held, or of an agent"
DUPLICATE = "the same mail once more"
STORM = "set aside by a limit against storms, which is not replayed"
UNDECIDED = "not decided, or deleted by a person"

_STORMS = ("flood", "repeat")
_DENIED = "denied"
_SAME_MATTER = "same-matter"
_PERIOD = f"received_at >= ? AND received_at < ? AND reason_code <> '{HEARTBEAT}'"


@dataclass(frozen=True, kw_only=True)
class History:
    """What was decided of a mail and what became of its ticket.

    `version` is that of the rules that decided. `final` is what stands on the ticket now, None where it does not count
    (`triage.replay.Replayed`).
    """

    before: Treatment
    version: str = ""
    ticket: int | None = None
    number: int = 0
    type: str = ""
    on_reply: bool = False
    final: tuple[FieldValue, ...] | None = None


def count_mails(since: datetime, until: datetime) -> int:
    """How many mails came in a period, the desk's own to itself left out."""
    return int(find_values(f"SELECT COUNT(*) FROM ledger WHERE {_PERIOD}", since, until)[0][0])  # noqa: S608


def first_of_newest(since: datetime, until: datetime, count: int) -> int:
    """The row with which the newest so many mails of a period begin; 0 where there are none."""
    sql = f"SELECT id FROM ledger WHERE {_PERIOD} ORDER BY id DESC LIMIT 1 OFFSET ?"  # noqa: S608
    found = find_values(sql, since, until, count - 1)
    return int(found[0][0]) if found else 0


def mails_after(row: int, since: datetime, until: datetime, *, limit: int) -> list[Ledger]:
    """The next mails of a period behind a row, in the order in which they came."""
    return find_all(Ledger, f"id > ? AND {_PERIOD}", row, since, until, order="id", limit=limit)


def contents_of(numbers: Sequence[int]) -> dict[int, list[bytes]]:
    """The parts of these mails; what is gone has no entry."""
    found: dict[int, list[bytes]] = {}
    if numbers:
        sql = f"""SELECT ledger_id, content FROM raw_mail_part WHERE ledger_id IN ({marks(numbers)})
            ORDER BY ledger_id, sequence"""  # noqa: S608
        for number, content in find_values(sql, *numbers):
            found.setdefault(number, []).append(bytes(content))
    return found


def why_not(row: Ledger) -> str:
    """Why a mail is not replayed, in words; "" for one that is."""
    if row.outcome == Outcome.DUPLICATE:
        return DUPLICATE
    if row.decision is None or row.state not in (LedgerState.DONE, LedgerState.QUARANTINED):
        return UNDECIDED
    if row.state == LedgerState.QUARANTINED:
        return STORM if row.reason_code in _STORMS else ""
    if row.outcome == Outcome.DELETED:
        return UNDECIDED
    by_agent = row.outcome == Outcome.APPENDED and any(code.startswith("agent-") for code, _ in row.decision["reasons"])
    return NOT_ASKED if row.outcome not in (Outcome.OPENED, Outcome.APPENDED) or by_agent else ""


def histories_of(rows: Sequence[Ledger]) -> dict[int, History]:
    """What was decided of each of these mails, by its row."""
    ids = [row.id for row in rows]
    of_ticket = [row.ticket_id for row in rows if row.ticket_id is not None]
    tickets = {one.id: one for one in find_all(Ticket, f"id IN ({marks(of_ticket)})", *of_ticket)} if of_ticket else {}
    events = _events_of(ids)
    worked_on = _worked_on(list(tickets))
    return {row.id: _history(row, tickets, events.get(row.id, []), worked_on) for row in rows}


def _events_of(ids: Sequence[int]) -> dict[int, list[tuple[str, dict[str, Any]]]]:
    """What each of these mails has opened or set."""
    sql = f"""SELECT ledger_id, kind, detail FROM event WHERE ledger_id IN ({marks(ids)})
        AND kind IN ('opened', 'field') ORDER BY id"""  # noqa: S608
    found: dict[int, list[tuple[str, dict[str, Any]]]] = {}
    for ledger, kind, detail in find_values(sql, *ids) if ids else ():
        found.setdefault(ledger, []).append((kind, json.loads(detail)))
    return found


def _worked_on(tickets: Sequence[int]) -> set[int]:
    """The tickets on which an agent who did not ask for it has written or done anything."""
    if not tickets:
        return set()
    listed = marks(tickets)
    sql = f"""SELECT DISTINCT ticket_id FROM message WHERE ticket_id IN ({listed}) AND author_role = ?
        UNION SELECT DISTINCT event.ticket_id FROM event JOIN contact ON contact.address = event.actor
        JOIN agent ON agent.contact_id = contact.id JOIN ticket ON ticket.id = event.ticket_id
        WHERE event.ticket_id IN ({listed}) AND event.kind IN ('field', 'status')
        AND contact.id <> ticket.requester_id"""  # noqa: S608
    return {int(one) for (one,) in find_values(sql, *tickets, AuthorRole.AGENT, *tickets)}


def _history(
    row: Ledger, tickets: Mapping[int, Ticket], events: list[tuple[str, dict[str, Any]]], worked_on: set[int]
) -> History:
    said = row.decision or {}
    why = said["reasons"][-1][1] if said.get("reasons") else ""
    if row.state == LedgerState.QUARANTINED:
        before = Treatment(action=Action.QUARANTINE.value, code=row.reason_code, why=why)
        return History(before=before, version=said.get("policy", ""))
    ticket = tickets.get(row.ticket_id) if row.ticket_id is not None else None
    opened = row.outcome == Outcome.OPENED
    values = tuple(_opened_with(events, said) if opened else _set_by(events))
    action = Action.OPEN if opened else Action.APPEND
    counts = (
        ticket is not None and ticket.id in worked_on and ticket.status in SETTLED and ticket.merged_into_id is None
    )
    return History(
        before=Treatment(action=action.value, values=values, why=why),
        version=said.get("policy", ""),
        ticket=ticket.id if ticket is not None else None,
        number=ticket.number if ticket is not None else 0,
        type=ticket.type if ticket is not None else "",
        on_reply=not opened,
        final=tuple(_final(ticket)) if counts and ticket is not None else None,
    )


def _opened_with(events: list[tuple[str, dict[str, Any]]], said: Mapping[str, Any]) -> Iterator[FieldValue]:
    """What rules had filled when the ticket opened: what stands on it, and what they did beside."""
    kept: Mapping[str, Any] = next((detail["fields"] for kind, detail in events if kind == "opened"), {})
    for key, (text, authority, rule) in {**kept, **said.get("beside", {})}.items():
        yield _value(key, text, authority, rule)


def _set_by(events: list[tuple[str, dict[str, Any]]]) -> Iterator[FieldValue]:
    """What rules have changed on a reply."""
    for kind, detail in events:
        if kind == "field" and detail["before"][0] != detail["after"][0]:
            text, authority, rule, *_ = detail["after"]
            yield _value(detail["field"], text, authority, rule)


def _final(ticket: Ticket) -> Iterator[FieldValue]:
    """What stands on a ticket, and whose word it is; a tag that was taken away is empty."""
    for key, (authority, rule, *_) in ticket.fields.items():
        of_field, _, name = key.partition(".")
        if of_field in (*COLUMNS, *FINDINGS):
            text = str(getattr(ticket, of_field))
        elif of_field == Field.NAMED:
            text = ticket.named.get(name, "")
        else:
            text = name if name in ticket.tags else ""
        yield _value(key, text, authority, rule)


def _value(key: str, text: str, authority: str, rule: str) -> FieldValue:
    of_field, _, name = key.partition(".")
    return FieldValue(field=Field(of_field), value=text, authority=Authority(authority), rule=rule, name=name)


def facts_of_then(
    mail: Mail, envelope: Envelope, policy: Policy, row: Ledger, history: History, *, secrets: Mapping[int, bytes]
) -> Facts:
    """What was known of a mail when it was decided."""
    then = row.decided_at or row.received_at
    opened = history.ticket if not history.on_reply else None
    facts = gather_facts(
        *(mail, envelope, policy),
        now=then,
        secrets=secrets,
        ledger_id=row.id,
        counts_traffic=False,
        opened=opened,
    )
    itself = history.number if opened is not None else None
    there = (one for one in facts.named_tickets if one.opened_at <= then and one.number != itself)
    named = tuple(as_of(one, then) for one in there)
    numbers = {one.number for one in named}
    known = _known_before(facts.references, then)
    joined = history.number if history.on_reply and _SAME_MATTER in _reasons(row) else None
    same = None
    if joined is not None or not named:
        same = same_matter_then(mail, envelope, policy, then=then, joined=joined, before=itself)
    references = tuple(one for one in facts.references if one.ticket in numbers and one.message_id in known)
    return replace(
        facts,
        named_tickets=named,
        references=references,
        keys=tuple(key for key in facts.keys if key.ticket in numbers),
        tokens=tuple(token for token in facts.tokens if token.ticket in numbers),
        same_id=facts.same_id if facts.same_id and _known_before_ids([mail.message_id], then) else None,
        denied_by=_denied_then(facts.denied_by, row, then),
        auth_trusted=facts.auth_trusted or _was_vouched_for(policy, row),
        same_matter=same,
    )


def _reasons(row: Ledger) -> set[str]:
    return {str(reason[0]) for reason in (row.decision or {}).get("reasons", [])}


def is_trust_unknown(mail: Mail, facts: Facts, policy: Policy) -> bool:
    """Whether a DKIM signature may have vouched for the sender, which nothing says any more."""
    return policy.trust.verify_dkim and not facts.auth_trusted and bool(mail.header("dkim-signature"))


def _was_vouched_for(policy: Policy, row: Ledger) -> bool:
    """Whether the mail's own signature was believed; that is remembered for about a week."""
    return policy.trust.verify_dkim and find(SeenSignature, "ledger_id = ?", row.id) is not None


def _known_before(references: Sequence[ReferenceFact], moment: datetime) -> set[str]:
    return _known_before_ids([one.message_id for one in references], moment)


def _known_before_ids(ids: Sequence[str], moment: datetime) -> set[str]:
    """Which of these ids stood on a ticket before a moment: a mail's own one stands on its ticket from then on."""
    digests = [reference_digest(one) for one in dict.fromkeys(ids)]
    if not digests:
        return set()
    sql = f"SELECT message_id FROM thread_reference WHERE digest IN ({marks(digests)}) AND at < ?"  # noqa: S608
    return {str(one) for (one,) in find_values(sql, *digests, moment)}


def _denied_then(entry: str, row: Ledger, then: datetime) -> str:
    """The entry of the deny list that counted when the mail was decided."""
    if row.reason_code == _DENIED:
        return entry or "an entry that is gone"
    found = find(Denied, "pattern = ?", entry) if entry else None
    return entry if found is not None and found.at <= then else ""
