"""Which keys of ours a mail carries, where they stand, and what they prove, and which mails of ours it answers or
reports about; read before a decision, never in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from gateway.compose import DELIMITER_MARK
from gateway.desk.answered import MOST_IDS, answered_ids
from gateway.desk.outgoing import is_unbound_id
from gateway.keys import (
    CONFIRM_AGE,
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
from gateway.store.rows import find, find_values, marks
from gateway.store.states import LedgerState
from gateway.store.tables import Agent, Contact, Ledger, Outbox, Ticket
from gateway.subject import clean_subject, find_tokens, one_line
from gateway.ticket import Role
from gateway.triage.actions import ADDRESS
from gateway.triage.challenge import ASKED_ABOUT
from gateway.triage.facts import BouncedMail, Evidence, KeyFact, QuestionFact

# Within so much of a quote stands whose mail it is.
_ATTRIBUTION_CHARS = 2_000


def written_keys(mail: Mail, envelope: Envelope, policy: Policy) -> list[str]:
    """What may be a key of ours: in the desk's address that it went to, in its own id and in those that it answers."""
    ids = (mail.message_id, *answered_ids(mail))
    return [*recipient_keys(mail, envelope, policy), *filter(None, map(key_in_id, ids))][:MOST_IDS]


def has_own_mark(mail: Mail, secrets: Mapping[int, bytes]) -> bool:
    """Whether we sent it: our mark under its Message-ID, or a Message-ID of our outbox where the mark was stripped."""
    mark = mail.header("x-helpdesk-gateway").strip()
    if mark and is_own_mark(mark, mail.message_id, secrets):
        return True
    return bool(key_in_id(mail.message_id)) and find(Outbox, "message_id = ?", mail.message_id) is not None


def carries_probe_key(mail: Mail, envelope: Envelope, *, now: datetime, secrets: Mapping[int, bytes]) -> bool:
    """Whether a key of a probe of ours stands where the probe had it, or where its report was sent to."""
    addresses = (*envelope.recipients, *mail.delivered_to, *(one.address for one in mail.to))
    written = [mail.header(PROBE_HEADER.lower()).strip(), key_in_id(mail.message_id)]
    written += [plus_suffix(address) for address in addresses[:MOST_IDS]]
    written += [key_in_id(an_id) for an_id in (mail.report.returned_ids if mail.report else ())[:MOST_IDS]]
    keys = [unseal(one, purpose=Purpose.PROBE, secrets=secrets) for one in dict.fromkeys(written) if one]
    return any(key is not None and now.date() - key.issued_on <= PROBE_AGE for key in keys)


def keys_in(
    mail: Mail, envelope: Envelope, policy: Policy, *, now: datetime, secrets: Mapping[int, bytes]
) -> Iterable[KeyFact]:
    """Every reply key of ours in the recipient addresses, in the ids that are answered, and in the quoted part."""
    found = dict.fromkeys(recipient_keys(mail, envelope, policy), Evidence.RECIPIENT_KEY)
    for an_id in answered_ids(mail):
        if sealed := key_in_id(an_id):
            found.setdefault(sealed, Evidence.REFERENCE)
    for an_id in own_ids_in(quoted_text(mail))[:MOST_IDS]:
        found.setdefault(key_in_id(an_id), Evidence.QUOTED)
    for sealed, evidence in list(found.items())[:MOST_IDS]:
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
        is_agent = policy.agent_of(holder.address) is not None
        row = find(Agent, "contact_id = ?", holder.id) if is_agent else None
        if key.role is Role.AGENT and not (is_agent and (row is None or row.active)):
            why_not = "was given to somebody who is no agent any more"
        yield KeyFact(
            evidence=evidence,
            key=key,
            ticket=key.ticket,
            holder=holder.address,
            usable=not why_not,
            why_not=why_not,
            confirmed_at=row.confirmed_at if row is not None else None,
        )


def recipient_keys(mail: Mail, envelope: Envelope, policy: Policy) -> tuple[str, ...]:
    """What looks like a key of ours in the desk's addresses that the mail went to."""
    addresses = (*envelope.recipients, *mail.delivered_to, *(one.address for one in (*mail.to, *mail.cc)))
    # The suffix first: most addresses have none, and this is asked several times for each mail.
    written = [(plus_suffix(one), one) for one in addresses[: 4 * MOST_IDS] if "+" in one]
    return tuple(dict.fromkeys(key for key, one in written if len(key) == KEY_LENGTH and policy.is_desk_address(one)))


def has_broken_key(mail: Mail, envelope: Envelope, policy: Policy, secrets: Mapping[int, bytes]) -> bool:
    suffixes = recipient_keys(mail, envelope, policy)
    return any(not any(unseal(one, purpose=purpose, secrets=secrets) for purpose in Purpose) for one in suffixes)


def question_in(
    mail: Mail, envelope: Envelope, policy: Policy, *, now: datetime, secrets: Mapping[int, bytes]
) -> QuestionFact | None:
    """The question "was it you?" that the mail answers, by the key that only this question carried."""
    written = [*recipient_keys(mail, envelope, policy), *filter(None, map(key_in_id, answered_ids(mail)))]
    keys = (unseal(one, purpose=Purpose.CONFIRM, secrets=secrets) for one in written[:MOST_IDS])
    key = next((key for key in keys if key is not None), None)
    if key is None:
        return None
    holder, row = find(Contact, "id = ?", key.person), find(Ledger, "id = ?", key.ticket)
    if holder is None or row is None:
        return None
    is_open = row.state == LedgerState.QUARANTINED and row.reason_code in ASKED_ABOUT
    is_open &= now.date() - key.issued_on <= CONFIRM_AGE
    return QuestionFact(ledger=row.id, holder=holder.address, is_open=is_open)


def unbound_in(mail: Mail, envelope: Envelope, policy: Policy, secrets: Mapping[int, bytes]) -> Role | None:
    """The role in which its reader was told what this mail answers, where that is a mail of ours about no ticket; None
    where it answers none of these."""
    itself = mail.in_reply_to or mail.references[-1:]
    written = [*recipient_keys(mail, envelope, policy), *filter(None, map(key_in_id, itself))]
    keys = (unseal(one, purpose=Purpose.REPLY, secrets=secrets) for one in written[:MOST_IDS])
    role = next((key.role for key in keys if key is not None and not key.ticket), None)
    if role is None and (ours := [an_id for an_id in itself if is_unbound_id(an_id, policy)][:MOST_IDS]):
        # Anybody can write such an id; there is such a mail only in the outbox.
        sql = f"SELECT role FROM outbox WHERE message_id IN ({marks(ours)}) AND ticket_id IS NULL LIMIT 1"  # noqa: S608
        role = next((Role(found) for (found,) in find_values(sql, *ours)), None)
    return role


def answers_nothing_known(mail: Mail, envelope: Envelope, policy: Policy) -> bool:
    """Whether an agent's mail says not what it answers, if anything, and its subject names no ticket as that of a
    ticket's mail does: what its quote names may be anything, as in a list of ours or in a mail of somebody else's."""
    if mail.sender is None or policy.agent_of(mail.sender.address) is None or mail.forwarded is not None:
        return False
    if mail.in_reply_to or mail.references or recipient_keys(mail, envelope, policy):
        return False
    return not find_tokens(mail.subject, policy.prefixes())


def bounced_in(mail: Mail, envelope: Envelope, secrets: Mapping[int, bytes]) -> Iterable[BouncedMail]:
    """Our mails that a report is about: by the bounce key it was sent to, else by the ids of what came back.

    Half of all odd reports say nothing that a machine can read; the key in the address tells of these too.
    """
    rows: dict[int, Outbox] = {}
    for address in (*envelope.recipients, *mail.delivered_to, *(one.address for one in mail.to)):
        key = unseal(plus_suffix(address), purpose=Purpose.BOUNCE, secrets=secrets)
        if key is not None:
            row = Outbox.get_or_none(Outbox.id == key.ticket)
            if row is not None:
                rows[row.id] = row
    returned = list(mail.report.returned_ids[:MOST_IDS]) if mail.report is not None else []
    if mail.report is None and envelope.reverse_path == "":
        returned = list(answered_ids(mail))
    # What came back names itself first, and behind that the mails that it goes on from.
    returned = [one for one in returned if key_in_id(one)]
    ours = Outbox.select().where(Outbox.message_id.in_(returned)) if returned else ()
    for row in sorted(ours, key=lambda row: returned.index(row.message_id)):
        rows.setdefault(row.id, row)
    for row in rows.values():
        yield BouncedMail(
            outbox_id=row.id,
            notice=row.notice,
            recipient=row.recipient.address,
            ticket=row.ticket.number if row.ticket is not None else None,
            is_agent=row.role == Role.AGENT,
            about=row.about_id,
            is_known=row.bounced_at is not None,
        )


def answers_the_desk(mail: Mail, policy: Policy) -> bool:
    """Whether a mail is an answer by its subject, and what it quotes is a mail of ours: by who is named first in the
    quote, else by our delimiter line."""
    if clean_subject(mail.subject) == one_line(mail.subject):
        return False
    quoted = "\n".join(passage.text for passage in mail.passages if passage.role is PassageRole.QUOTED)
    above, delimiter, _ = quoted.partition(DELIMITER_MARK)
    author = ADDRESS.search(above[:_ATTRIBUTION_CHARS].replace("mailto:", ""))
    return policy.is_desk_address(author[0]) if author is not None else bool(delimiter)


def quoted_text(mail: Mail) -> str:
    return "\n".join(passage.text for passage in mail.passages if passage.role is not PassageRole.NEW)
