"""Gather what a decision may know of a mail: the only reads on its way, all before the decision."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from gateway.desk.people import as_person, find_contact
from gateway.desk.references import reference_digest
from gateway.desk.tickets import follow_merges, ticket_facts
from gateway.keys import (
    KEY_LENGTH,
    PROBE_AGE,
    PROBE_HEADER,
    Purpose,
    is_own_mark,
    key_in_id,
    own_ids_in,
    plus_suffix,
    unseal,
)
from gateway.mail import Envelope, Mail, PassageRole
from gateway.policy import Policy
from gateway.store.rows import find, find_all, marks
from gateway.store.tables import Agent, AttachmentRow, Contact, Message, Outbox, ThreadReference, Ticket
from gateway.subject import find_tokens
from gateway.ticket import Role
from gateway.triage.actions import ADDRESS
from gateway.triage.facts import BouncedMail, Evidence, Facts, KeyFact, ReferenceFact, TicketFacts, TokenFact
from gateway.triage.grammar import command_lines

# A mail may name many ids and numbers; only so many are looked up.
_MOST_IDS = 50
_MOST_TOKENS = 10
# More acknowledgements than this need not be counted: every budget is over.
_MOST_COUNTED = 1000
_DAY = timedelta(days=1)
_BARE_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_Fact = TypeVar("_Fact", KeyFact, ReferenceFact, TokenFact)


def gather_facts(
    mail: Mail, envelope: Envelope, policy: Policy, *, now: datetime, secrets: Mapping[int, bytes]
) -> Facts:
    """Read everything that the mail names. Runs inside the unit of its mail; reads only."""
    keys = tuple(_keys(mail, envelope, policy, now=now, secrets=secrets))
    references = tuple(_references(mail))
    tokens = tuple(_tokens(mail, policy))
    bounced = tuple(_bounced(mail, envelope, secrets))
    numbers = [key.ticket for key in keys] + [one.ticket for one in references] + [token.ticket for token in tokens]
    numbers += [one.ticket for one in bounced if one.ticket is not None]
    numbers += _named_in_text(mail.new_text, policy)
    tickets = _tickets(numbers)
    # What a held mail commands is carried out when another one releases or confirms it.
    held = [message for ticket in tickets.values() for message in ticket.held]
    tickets |= _tickets([one for message in held for one in _named_in_text(message.text, policy)])
    leads_to = {number: facts.number for number, facts in tickets.items()}
    sender = find_contact(mail.sender.address) if mail.sender else None
    hour, day = _acknowledgements([sender, *_logged_for(mail, policy)], now)
    has_own_mark = _has_own_mark(mail, secrets)
    is_own = has_own_mark or (mail.sender is not None and policy.is_desk_address(mail.sender.address))
    return Facts(
        now=now,
        is_own=is_own,
        has_own_mark=has_own_mark,
        is_probe=(is_own or mail.report is not None) and _carries_probe_key(mail, envelope, now=now, secrets=secrets),
        auth_trusted=is_authenticated(mail, policy),
        sender=as_person(sender) if sender else None,
        has_broken_key=_has_broken_key(mail, envelope, policy, secrets),
        keys=tuple(_led(key, leads_to) for key in keys if key.ticket in leads_to),
        references=tuple(_led(one, leads_to) for one in references if one.ticket in leads_to),
        tokens=tuple(_led(token, leads_to) for token in tokens if token.ticket in leads_to),
        named_tickets=_each_once(tickets.values()),
        bounced=bounced,
        acknowledgements_last_hour=hour,
        acknowledgements_last_day=day,
        known_pictures=_known_pictures(mail, sender),
    )


def is_authenticated(mail: Mail, policy: Policy) -> bool:
    """Whether our own border said (RFC 8601) that the sender's domain vouches for the mail."""
    auth, trusted = mail.auth, policy.desk.trusted_authserv_id
    if auth is None or not trusted or auth.authserv_id.lower() != trusted.lower() or mail.sender is None:
        return False
    aligned = not auth.header_from or auth.header_from.lower() == mail.sender.domain
    return auth.dmarc == "pass" and aligned and not mail.sender_defects


def _has_own_mark(mail: Mail, secrets: Mapping[int, bytes]) -> bool:
    """Whether we sent it: our mark under its Message-ID, or a Message-ID of our outbox where the mark was stripped."""
    mark = mail.header("x-helpdesk-gateway").strip()
    if mark and is_own_mark(mark, mail.message_id, secrets):
        return True
    return bool(key_in_id(mail.message_id)) and find(Outbox, "message_id = ?", mail.message_id) is not None


def _carries_probe_key(mail: Mail, envelope: Envelope, *, now: datetime, secrets: Mapping[int, bytes]) -> bool:
    """Whether a key of a probe of ours stands where the probe had it, or where its report was sent to."""
    addresses = (*envelope.recipients, *mail.delivered_to, *(one.address for one in mail.to))
    written = [mail.header(PROBE_HEADER.lower()).strip(), key_in_id(mail.message_id)]
    written += [plus_suffix(address) for address in addresses[:_MOST_IDS]]
    written += [key_in_id(an_id) for an_id in (mail.report.returned_ids if mail.report else ())[:_MOST_IDS]]
    keys = [unseal(one, purpose=Purpose.PROBE, secrets=secrets) for one in dict.fromkeys(written) if one]
    return any(key is not None and now.date() - key.issued_on <= PROBE_AGE for key in keys)


def _keys(
    mail: Mail, envelope: Envelope, policy: Policy, *, now: datetime, secrets: Mapping[int, bytes]
) -> Iterable[KeyFact]:
    """Every reply key of ours in the recipient addresses, in the ids that are answered, and in the quoted part."""
    found = dict.fromkeys(_recipient_keys(mail, envelope, policy), Evidence.RECIPIENT_KEY)
    for an_id in _answered_ids(mail):
        if sealed := key_in_id(an_id):
            found.setdefault(sealed, Evidence.REFERENCE)
    for an_id in own_ids_in(_quoted(mail))[:_MOST_IDS]:
        found.setdefault(key_in_id(an_id), Evidence.QUOTED)
    for sealed, evidence in list(found.items())[:_MOST_IDS]:
        key = unseal(sealed, purpose=Purpose.REPLY, secrets=secrets)
        if key is None:
            continue
        holder = find(Contact, "id = ?", key.person)
        ticket = find(Ticket, "number = ?", key.ticket)
        if holder is None or ticket is None:
            continue
        last_activity = max(ticket.updated_at.date(), key.issued_on)
        why_not = ""
        if now.date() - last_activity > timedelta(days=policy.desk.key_days):
            why_not = f"expired {policy.desk.key_days} days after the last activity"
        elif key.role is Role.AGENT and not _is_active_agent(holder, policy):
            why_not = "was given to somebody who is no agent any more"
        yield KeyFact(
            evidence=evidence, key=key, ticket=key.ticket, holder=holder.address, usable=not why_not, why_not=why_not
        )


def _recipient_keys(mail: Mail, envelope: Envelope, policy: Policy) -> tuple[str, ...]:
    """What looks like a key of ours in the desk's addresses that the mail went to."""
    addresses = (*envelope.recipients, *mail.delivered_to, *(one.address for one in (*mail.to, *mail.cc)))
    ours = [address for address in addresses[: 4 * _MOST_IDS] if policy.is_desk_address(address)]
    return tuple(dict.fromkeys(plus_suffix(one) for one in ours if len(plus_suffix(one)) == KEY_LENGTH))


def _has_broken_key(mail: Mail, envelope: Envelope, policy: Policy, secrets: Mapping[int, bytes]) -> bool:
    suffixes = _recipient_keys(mail, envelope, policy)
    return any(not any(unseal(one, purpose=purpose, secrets=secrets) for purpose in Purpose) for one in suffixes)


def _is_active_agent(holder: Contact, policy: Policy) -> bool:
    row = Agent.get_or_none(Agent.contact == holder)
    return policy.agent_of(holder.address) is not None and (row is None or row.active)


def _answered_ids(mail: Mail) -> tuple[str, ...]:
    ids = (*mail.in_reply_to, *reversed(mail.references))
    return tuple(dict.fromkeys(ids))[:_MOST_IDS]


def _quoted(mail: Mail) -> str:
    return "\n".join(passage.text for passage in mail.passages if passage.role is not PassageRole.NEW)


def _references(mail: Mail) -> Iterable[ReferenceFact]:
    answered = _answered_ids(mail)
    ids = (*answered, mail.message_id) if mail.message_id else answered
    by_digest = {reference_digest(an_id): an_id for an_id in ids}
    if not by_digest:
        return
    digests = list(by_digest)
    itself = mail.in_reply_to or mail.references[-1:]
    found = find_all(ThreadReference, f"digest IN ({marks(digests)})", *digests, limit=4 * _MOST_IDS)
    for row in found:
        ours = find(Outbox, "id = ?", row.outbox_id) if row.outbox_id is not None else None
        ticket = find(Ticket, "id = ?", row.ticket_id)
        if ticket is None:
            continue
        yield ReferenceFact(
            message_id=row.message_id,
            ticket=ticket.number,
            named=frozenset(row.named),
            is_own_id=row.message_id == mail.message_id and row.message_id not in answered,
            is_answered=row.message_id in itself,
            notice=ours.notice if ours is not None else "",
            about=ours.about_id if ours is not None else None,
            sent_at=ours.created_at if ours is not None else None,
        )


def _tokens(mail: Mail, policy: Policy) -> Iterable[TokenFact]:
    prefixes = policy.prefixes()
    for token, number in find_tokens(mail.subject, prefixes)[:_MOST_TOKENS]:
        yield TokenFact(evidence=Evidence.SUBJECT_TOKEN, token=token, ticket=number)
    for token, number in find_tokens(_quoted(mail), prefixes)[:_MOST_TOKENS]:
        yield TokenFact(evidence=Evidence.QUOTED, token=token, ticket=number)


def _tickets(numbers: Iterable[int]) -> dict[int, TicketFacts]:
    found: dict[int, TicketFacts] = {}
    for number in dict.fromkeys(numbers):
        ticket, passed = follow_merges(number)
        if ticket is not None:
            found[number] = ticket_facts(ticket, merged_from=passed)
    return found


def _named_in_text(text: str, policy: Policy) -> list[int]:
    """The tickets that a text names: by their tokens, and behind `#merge` and `#link` by the bare number too."""
    commands = [line for line in command_lines(text) if line.name in ("merge", "link")]
    bare = [int(line.argument) for line in commands[:_MOST_TOKENS] if _BARE_NUMBER.fullmatch(line.argument)]
    return bare + [number for _, number in find_tokens(text, policy.prefixes())[:_MOST_TOKENS]]


def _each_once(tickets: Iterable[TicketFacts]) -> tuple[TicketFacts, ...]:
    """Each ticket once, with all the merged ones that led to it."""
    found: dict[int, TicketFacts] = {}
    for ticket in tickets:
        before = found.setdefault(ticket.number, ticket)
        merged_from = tuple(dict.fromkeys(before.merged_from + ticket.merged_from))
        found[ticket.number] = replace(before, merged_from=merged_from)
    return tuple(found.values())


def _led(fact: _Fact, leads_to: Mapping[int, int]) -> _Fact:
    """The fact about the ticket that a merged one leads to."""
    return replace(fact, ticket=leads_to[fact.ticket])


def _bounced(mail: Mail, envelope: Envelope, secrets: Mapping[int, bytes]) -> Iterable[BouncedMail]:
    """Our mails that a report is about: by the bounce key it was sent to, else by the ids of what came back."""
    if mail.report is None:
        return
    rows: dict[int, Outbox] = {}
    for address in (*envelope.recipients, *mail.delivered_to, *(one.address for one in mail.to)):
        key = unseal(plus_suffix(address), purpose=Purpose.BOUNCE, secrets=secrets)
        if key is not None:
            row = Outbox.get_or_none(Outbox.id == key.ticket)
            if row is not None:
                rows[row.id] = row
    for row in Outbox.select().where(Outbox.message_id.in_(list(mail.report.returned_ids[:_MOST_IDS]))):
        rows[row.id] = row
    for row in rows.values():
        yield BouncedMail(
            outbox_id=row.id,
            notice=row.notice,
            recipient=row.recipient.address,
            ticket=row.ticket.number if row.ticket is not None else None,
            is_agent=row.role == Role.AGENT,
        )


def _logged_for(mail: Mail, policy: Policy) -> list[Contact | None]:
    """Whom an agent's mail may open a ticket for: the budget is that of who gets the acknowledgement."""
    if mail.sender is None or policy.agent_of(mail.sender.address) is None:
        return []
    commands = [line.argument for line in command_lines(mail.new_text) if line.name == "requester"]
    addresses = [found.lower() for argument in commands[:_MOST_TOKENS] for found in ADDRESS.findall(argument)[:1]]
    if mail.forwarded is not None:
        addresses.append(mail.forwarded.sender.address)
    return [find_contact(address) for address in dict.fromkeys(addresses)]


def _acknowledgements(people: Iterable[Contact | None], now: datetime) -> tuple[int, int]:
    """How many acknowledgements one of these was sent at most within the last hour and the last day."""
    condition = "recipient_id = ? AND notice = 'acknowledgement' AND created_at > ?"
    hour = day = 0
    for person in people:
        if person is not None:
            found = find_all(Outbox, condition, person.id, now - _DAY, limit=_MOST_COUNTED)
            hour = max(hour, sum(row.created_at > now - timedelta(hours=1) for row in found))
            day = max(day, len(found))
    return hour, day


def _known_pictures(mail: Mail, sender: Contact | None) -> frozenset[str]:
    """Hashes of pictures that this author has sent before: a signature's, most likely."""
    hashes = [one.sha256 for one in mail.attachments if one.sha256 and one.content_type.startswith("image/")]
    if sender is None or not hashes:
        return frozenset()
    query = (
        AttachmentRow.select(AttachmentRow.sha256)
        .join(Message)
        .where((Message.author == sender) & AttachmentRow.sha256.in_(hashes))
        .distinct()
    )
    return frozenset(row.sha256 for row in query)
