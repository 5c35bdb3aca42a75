"""Gather tickets for `triage.suggest`: what agents made of each, and what the rules in force leave open.

What was decided by the very rules in force is taken from the history; a ticket of older rules is looked at anew, with
the words and the sender of its first mail (its headers, files and sizes are not read). Reads only, in slices.
"""

from __future__ import annotations

from datetime import datetime

from gateway.desk.rule_material import OpenedTicket, known_names, opened_tickets
from gateway.mail import Address, Mail, Passage, PassageRole
from gateway.policy import Policy
from gateway.ticket import SETTLED, Authority, Field, Status
from gateway.triage.classify import classify
from gateway.triage.suggest import FIELDS, Material
from gateway.triage.ticket_words import words_of


def gather_material(policy: Policy, *, since: datetime, until: datetime) -> Material:
    """Every ticket of a period that agents have settled; one that was cancelled teaches nothing."""
    names = [agent.name for agent in policy.agents]
    private = frozenset(word for name in (*names, *known_names()) for word, _ in words_of(name))
    material = Material(private=private, own_domains=frozenset(policy.desk.own_domains), fallback=_fallback(policy))
    for ticket in opened_tickets(since, until, with_text=True):
        settled = _settled(ticket)
        if settled and ticket.status is not Status.CANCELLED:
            material.add(
                at=ticket.opened_at,
                requester=ticket.requester,
                subject=ticket.subject,
                text=ticket.text,
                settled=settled,
                open_fields=_open_fields(ticket, policy),
            )
    return material


def _fallback(policy: Policy) -> dict[Field, str]:
    """What holds without any rule."""
    defaults = policy.defaults
    category = f"{defaults.category}/{defaults.subcategory}" if defaults.subcategory else defaults.category
    return {Field.CATEGORY: category, Field.TEAM: policy.default_team.name, Field.TYPE: defaults.type.value}


def _settled(ticket: OpenedTicket) -> dict[Field, str]:
    """What an agent set, or let stand until the ticket had its end."""
    settled = {}
    for field in FIELDS:
        value, authority, _ = ticket.now.get(field, ("", "", ""))
        if value and (authority == Authority.AGENT or ticket.status in SETTLED):
            below = ticket.now.get(Field.SUBCATEGORY, ("", "", ""))[0] if field is Field.CATEGORY else ""
            settled[field] = f"{value}/{below}" if below else value
    return settled


def _open_fields(ticket: OpenedTicket, policy: Policy) -> frozenset[Field]:
    """The fields that no rule in force fills."""
    if ticket.version == policy.version:
        who = {field: ticket.then.get(field, ("", Authority.DEFAULT, ""))[1] for field in FIELDS}
        return frozenset(field for field in FIELDS if who[field] == Authority.DEFAULT)
    mail = Mail(
        size_bytes=len(ticket.text),
        subject=ticket.subject,
        sender=Address(address=ticket.requester),
        passages=(Passage(role=PassageRole.NEW, text=ticket.text),),
    )
    made = classify(mail, policy=policy)
    found = {field: made.found(field) for field in FIELDS}
    return frozenset(field for field, value in found.items() if value is None or value.authority is Authority.DEFAULT)
