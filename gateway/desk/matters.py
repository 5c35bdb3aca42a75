"""Which open ticket of a person says the same as a new mail: read only where one was opened within the hours.

Reads only; what is alike is judged by `triage.same_matter`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.desk.as_of import as_of
from gateway.desk.tickets import ticket_facts
from gateway.desk.traffic import opened_between
from gateway.mail import Envelope, Mail
from gateway.policy import Policy
from gateway.store.rows import find, find_values, marks
from gateway.store.tables import Ticket
from gateway.subject import clean_subject
from gateway.ticket import OPEN_STATUSES
from gateway.triage.case import author_of
from gateway.triage.facts import TicketFacts
from gateway.triage.posting import words_of
from gateway.triage.restraint import arrived_at
from gateway.triage.same_matter import says_the_same

_OPEN = tuple(sorted(OPEN_STATUSES))
_MOST_COMPARED = 10


def same_matter_among(numbers: Sequence[int], mail: Mail, policy: Policy) -> TicketFacts | None:
    """The newest of these tickets, if it is open and its first mail says the same; None where none does."""
    if not numbers:
        return None
    newest = sorted(numbers)[-_MOST_COMPARED:]
    sql = f"""SELECT ticket.number, ticket.subject, message.text FROM ticket
        JOIN message ON message.id = (SELECT MIN(id) FROM message WHERE ticket_id = ticket.id)
        WHERE ticket.number IN ({marks(newest)}) AND ticket.status IN ({marks(_OPEN)})
        ORDER BY ticket.number DESC"""  # noqa: S608
    subject, text = clean_subject(mail.subject, policy.prefixes()), words_of(mail)
    for number, other_subject, other_text in find_values(sql, *newest, *_OPEN):
        if says_the_same(subject, text, str(other_subject), str(other_text)):
            found = find(Ticket, "number = ?", number)
            return ticket_facts(found, policy) if found is not None else None
    return None


def same_matter_then(
    mail: Mail, envelope: Envelope, policy: Policy, *, then: datetime, joined: int | None, before: int | None
) -> TicketFacts | None:
    """The same for an old mail, as the ticket stood then: one of the hours before it, by the rules of this policy.

    `joined` is the ticket to which the mail was added as the same matter, `before` the one that it has opened: what was
    opened later is none.
    """
    since = arrived_at(envelope, then) - timedelta(hours=policy.desk.same_matter_hours)
    if joined is not None:
        found = find(Ticket, "number = ? AND arrived_at > ?", joined, since)
        return as_of(ticket_facts(found, policy), then) if found is not None else None
    opened = opened_between(author_of(mail, envelope).address, policy, after=since, until=then)
    newest = sorted(one for one in opened if before is None or one < before)[-_MOST_COMPARED:]
    if not newest:
        return None
    sql = f"""SELECT ticket.number, message.subject, message.text FROM ticket
        JOIN message ON message.id = (SELECT MIN(id) FROM message WHERE ticket_id = ticket.id)
        WHERE ticket.number IN ({marks(newest)}) ORDER BY ticket.number DESC"""  # noqa: S608
    prefixes = policy.prefixes()
    subject, text = clean_subject(mail.subject, prefixes), words_of(mail)
    for number, other_subject, other_text in find_values(sql, *newest):
        if says_the_same(subject, text, clean_subject(str(other_subject), prefixes), str(other_text)):
            found = find(Ticket, "number = ?", number)
            ticket = as_of(ticket_facts(found, policy), then) if found is not None else None
            if ticket is not None and ticket.status in OPEN_STATUSES:
                return ticket
    return None
