"""Hold automatic mail to people against the limits where no mail of theirs is being decided: closings, updates.

Reads only; what the limits say is the last word on such a mail, and stands in the history.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.desk.people import find_contact
from gateway.desk.traffic import outside_of, traffic_with
from gateway.policy import Policy
from gateway.store.tables import Ticket
from gateway.triage.decision import Notice, Record
from gateway.triage.restraint import restraint_on


def restrained(
    notice: Notice, ticket: Ticket, policy: Policy, *, now: datetime
) -> tuple[tuple[Record, ...], tuple[Notice, ...]]:
    """What the history says of a mail that must not go out, and the mail itself where it goes out or is held."""
    address = notice.to.address
    restraint = restraint_on(
        notice.name,
        address,
        ticket=ticket.number,
        now=now,
        policy=policy,
        traffic=traffic_with(address, find_contact(address), now=now, policy=policy),
        outside=outside_of([address], policy, now=now),
        is_muted_ticket=ticket.muted_at is not None,
    )
    if restraint is None:
        return (), (notice,)
    kept = (replace(notice, hold=restraint.code),) if restraint.holds else ()
    return (restraint.as_event(notice.name, address),), kept
