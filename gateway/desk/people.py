"""Contacts and agents as rows. A mail makes contacts; only the policy makes agents."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from datetime import datetime

from gateway.mail import Address
from gateway.policy import Policy
from gateway.store.rows import find, insert_if_new
from gateway.store.tables import Agent, Contact, Secret, Team, Ticket
from gateway.triage.facts import Person

KnownPeople = MutableMapping[str, Contact | None]


def find_contact(address: str) -> Contact | None:
    return find(Contact, "address = ?", address.lower())


def contact_of(person: Address, *, now: datetime, known: KnownPeople | None = None, language: str = "") -> Contact:
    """The row of a person, made on first sight, with their language if we are sure of it; a name is learned later too.

    `known` is what the running transaction has read already (None: nobody has this address); it learns this one.
    """
    address = person.address.lower()
    contact = known[address] if known is not None and address in known else find_contact(address)
    if contact is None:
        # Another process may be first; whoever loses reads the winner's row.
        insert_if_new(Contact, address=address, name=person.name, language=language, first_seen_at=now)
        contact = find_contact(address)
    if contact is None:
        raise RuntimeError(f"no contact for {address!r}")
    if person.name and not contact.name:
        contact.name = person.name
        contact.save(only=[Contact.name])
    if known is not None:
        known[address] = contact
    return contact


def requester_of(ticket: Ticket) -> Contact:
    """The row of a ticket's requester."""
    contact = find(Contact, "id = ?", ticket.requester_id)
    if contact is None:
        raise LookupError(f"ticket {ticket.number} has no requester")
    return contact


def as_person(contact: Contact) -> Person:
    return Person(
        id=contact.id,
        address=contact.address,
        name=contact.name,
        language=contact.language,
        rating_asked_at=contact.rating_asked_at,
        bounced_at=contact.bounced_at,
        muted_until=contact.muted_until,
    )


def mirror_policy(policy: Policy, *, now: datetime) -> None:
    """Write the agents and teams in force, so that old keys of former agents are worth nothing on any host.

    The caller's transaction makes it one change.
    """
    Agent.update(active=False).execute()
    Team.update(active=False).execute()
    for agent in policy.agents:
        contact = contact_of(Address(address=agent.address, name=agent.name), now=now)
        row = {"contact": contact, "name": agent.name, "teams": list(agent.teams), "active": True}
        Agent.insert(row).on_conflict(
            conflict_target=[Agent.contact],
            update={Agent.name: agent.name, Agent.teams: list(agent.teams), Agent.active: True},
        ).execute()
    # Who comes back is asked again.
    Agent.update(confirmed_at=None).where(~Agent.active).execute()
    for team in policy.teams:
        Team.insert(name=team.name, active=True).on_conflict(
            conflict_target=[Team.name], update={Team.active: True}
        ).execute()


def read_secrets() -> dict[int, bytes]:
    """All keys that verify, by their number; the highest number signs."""
    return {row.id: bytes(row.content) for row in Secret.select()}


def contacts_by_address(addresses: Iterable[str]) -> dict[str, Contact]:
    wanted = {address.lower() for address in addresses}
    return {row.address: row for row in Contact.select().where(Contact.address.in_(list(wanted)))} if wanted else {}
