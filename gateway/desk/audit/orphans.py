"""Nothing belongs to a row that is gone; nobody is known of whom no mail speaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from peewee import JOIN, ForeignKeyField

from gateway.store.tables import TABLES, Agent, Contact, Event, Message, Outbox, Ticket, TicketWatcher


def orphans(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """Every foreign key of every table leads to a row; the database should see to it, and can be told not to."""
    tables: tuple[Any, ...] = TABLES
    for table in tables:
        for key in table._meta.sorted_fields:
            if isinstance(key, ForeignKeyField):
                yield from _orphans_by(table, key)


def _orphans_by(table: Any, key: Any) -> Iterator[str]:
    parent = key.rel_model.alias()
    query = (
        table.select(key)
        .join(parent, JOIN.LEFT_OUTER, on=(key == getattr(parent, key.rel_field.name)))
        .where(key.is_null(False) & getattr(parent, key.rel_field.name).is_null())
        .distinct()
        .order_by(key)
    )
    child_words, parent_words = (_in_words(one) for one in (table, key.rel_model))
    for (missing,) in query.tuples():
        yield f"{child_words} belongs to {parent_words} row {missing} ({key.name}), which is not there"


def _in_words(table: Any) -> str:
    return str(table._meta.table_name).replace("_", " ")


# Where an address stands that we know of.
_KNOWN_BY = (Ticket.requester, TicketWatcher.contact, Message.author, Outbox.recipient, Agent.contact)


def unknown_contacts(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """A contact is made together with what it is for; one that nothing names was not made by the gateway."""
    query: Any = Contact.select(Contact.id, Contact.address)
    for column in _KNOWN_BY:
        query = query.where(Contact.id.not_in(column.model.select(column).where(column.is_null(False))))
    for contact_id, address in query.order_by(Contact.id).tuples():
        if not _was_requester(contact_id):
            yield f"contact {contact_id} ({address}) is named by nothing"


def _was_requester(contact_id: int) -> bool:
    """Whether a ticket was opened for this contact and given to another later, or was watched for some time."""
    query = Event.select(Event.detail).where(Event.kind.in_(["opened", "requester", "watcher"]))
    details = (event.detail for event in query.iterator())
    return any(
        contact_id in (one.get("requester"), one.get("before"), one.get("after"), one.get("contact")) for one in details
    )
