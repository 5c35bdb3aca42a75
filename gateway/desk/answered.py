"""Which mails a mail answers, and which it says to be: its ids looked up among all that were ever seen on a ticket."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.desk.references import reference_digest
from gateway.mail import Mail
from gateway.store.rows import find, find_all, find_values, marks
from gateway.store.tables import Outbox, ThreadReference, Ticket
from gateway.triage.facts import ReferenceFact, SameId

# A mail may name many ids; only so many are looked up.
MOST_IDS = 50


def answered_ids(mail: Mail) -> tuple[str, ...]:
    ids = (*mail.in_reply_to, *reversed(mail.references))
    return tuple(dict.fromkeys(ids))[:MOST_IDS]


def references_of(mail: Mail) -> tuple[tuple[ReferenceFact, ...], SameId | None]:
    """The ids of the mail that were seen before, and what its own one stands on already."""
    references = tuple(_references(mail))
    found = {_under_same_id(mail, one.ticket) for one in references if one.is_own_id}
    if SameId.ANOTHER not in found:
        return references, SameId.COPY if SameId.COPY in found else None
    # Whoever saw the mail first can send another one under its id; that must not take the mail away.
    return tuple(one for one in references if not one.is_own_id), SameId.ANOTHER


def _references(mail: Mail) -> Iterable[ReferenceFact]:
    answered = answered_ids(mail)
    ids = (*answered, mail.message_id) if mail.message_id else answered
    by_digest = {reference_digest(an_id): an_id for an_id in ids}
    if not by_digest:
        return
    digests = list(by_digest)
    itself = mail.in_reply_to or mail.references[-1:]
    found = find_all(ThreadReference, f"digest IN ({marks(digests)})", *digests, limit=4 * MOST_IDS)
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


def _under_same_id(mail: Mail, ticket: int) -> SameId | None:
    """Whether a mail on that ticket came under this mail's own id: another one, from somebody else or under another
    subject, or this one, which differs in something or it would have been known as a mere copy."""
    sql = """SELECT contact.address, message.subject FROM message JOIN ticket ON ticket.id = message.ticket_id
        LEFT JOIN contact ON contact.id = message.author_id WHERE ticket.number = ? AND message.message_id = ?"""
    found = find_values(sql, ticket, mail.message_id)
    sender = mail.sender.address.lower() if mail.sender is not None else ""
    if any(address != sender or subject != mail.subject for address, subject in found):
        return SameId.ANOTHER
    return SameId.COPY if found else None
