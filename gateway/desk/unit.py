"""The running transaction of one mail, and the history that it writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gateway.desk import fingerprints
from gateway.desk.people import KnownPeople
from gateway.desk.references import reference_digest, remember_references
from gateway.mail import Envelope, Mail
from gateway.policy import Policy
from gateway.sla import Clock
from gateway.store.history import write_event
from gateway.store.tables import Message, Ticket
from gateway.triage.decision import Decision

_MOST_REFERENCES = 50


@dataclass(kw_only=True)
class Unit:
    """The running transaction of one mail: what it is about, and the rows that its changes have made so far.

    `cause` names what is carried out where no mail caused it; the same cause never sends a mail twice. `turned`: the
    mail commands several tickets, and `ticket` is the one whose turn it is; `came_to` is the one that it is part of.
    `clocks` are those of one ticket, by its row, as they stand since their last change.
    """

    decision: Decision
    policy: Policy
    now: datetime
    secrets: Mapping[int, bytes]
    mail: Mail | None = None
    envelope: Envelope | None = None
    ledger_id: int | None = None
    cause: str = ""
    known_pictures: frozenset[str] = frozenset()
    ticket: Ticket | None = None
    people: KnownPeople = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    notices: int = 0
    ids_are_told: bool = False
    turned: bool = False
    came_to: Ticket | None = None
    clocks: tuple[int, Sequence[Clock]] | None = None

    def record(self, kind: str, text: str, detail: Mapping[str, object], *, on: Ticket | None = None) -> None:
        """Write the history of the ticket, or of another one (`on`): in words for people, in `detail` for the audit."""
        is_told = self.ids_are_told or self.turned
        if self.mail is not None and self.ticket is not None and on is None and not is_told:
            self.ids_are_told = True
            detail = {**detail, **_ids_of(self.mail)}
        write_event(
            at=self.now,
            kind=kind,
            actor=self.decision.actor or "gateway",
            ticket=on or self.ticket,
            ledger=self.ledger_id,
            text=text,
            detail=detail,
        )

    def remember_references(self) -> None:
        """Every id of the mail belongs to its ticket now; so a reply that overtakes its parent is found by it later."""
        if self.ticket is None or self.mail is None:
            return
        remember_references(self.ticket, _ids_in(self.mail), named=_named_in(self.mail), now=self.now)


def _ids_of(mail: Mail) -> dict[str, object]:
    """What the history keeps, in the first event of a mail on its ticket, of the ids that the mail brought."""
    ids = [reference_digest(an_id).hex() for an_id in _ids_in(mail)]
    return {"ids": ids, "named": fingerprints.of_names(_named_in(mail))}


def _ids_in(mail: Mail) -> list[str]:
    ids = dict.fromkeys((mail.message_id, *mail.in_reply_to, *mail.references[-_MOST_REFERENCES:]))
    return [an_id for an_id in ids if an_id and len(an_id) <= 998]


def _named_in(mail: Mail) -> list[str]:
    named = {one.address for one in (*mail.to, *mail.cc)}
    if mail.sender is not None:
        named.add(mail.sender.address)
    return sorted(named)[:100]
