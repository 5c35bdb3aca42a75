"""Which open ticket of a person says the same as a new mail: read only where one was opened within the hours.

Reads only; what is alike is judged by `triage.same_matter`.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.desk.tickets import ticket_facts
from gateway.mail import Mail
from gateway.policy import Policy
from gateway.store.rows import find, find_values, marks
from gateway.store.tables import Ticket
from gateway.subject import clean_subject
from gateway.ticket import OPEN_STATUSES
from gateway.triage.facts import TicketFacts
from gateway.triage.posting import words_of
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
            return ticket_facts(found) if found is not None else None
    return None
