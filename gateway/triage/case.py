"""One mail under decision: the mail, what is known, and what the stages before have found."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.mail import Address, Envelope, Mail, MailKind, Reason, Verdict
from gateway.policy import Agent, Policy
from gateway.subject import clean_subject
from gateway.ticket import Classification
from gateway.triage.authorise import Authorisation
from gateway.triage.decision import Action, Change, Decision
from gateway.triage.facts import Facts, TicketFacts
from gateway.triage.screen import Screening
from gateway.triage.thread import Threading
from gateway.triage.view import Known

# A mail without any sender still opens a ticket; RFC 2606 keeps this name free, and nothing is ever sent to it.
UNKNOWN_SENDER = Address(address="unknown@sender.invalid")


def author_of(mail: Mail, envelope: Envelope) -> Address:
    """Who wrote a mail: the From mailbox, else the return path, else nobody that we know."""
    if mail.sender is not None:
        return mail.sender
    path = envelope.reverse_path or mail.return_path or ""
    return Address(address=path.lower()) if "@" in path else UNKNOWN_SENDER


def known_of(mail: Mail, envelope: Envelope, facts: Facts) -> Known:
    """What rules may know beside a mail."""
    return Known(
        received_at=envelope.received_at,
        recipients=envelope.recipients,
        authenticated=facts.auth_trusted and not mail.sender_defects,
        auth=facts.auth,
        tickets=facts.ticket_counts,
    )


@dataclass(frozen=True, kw_only=True)
class Case:
    mail: Mail
    envelope: Envelope
    facts: Facts
    policy: Policy
    screening: Screening
    threading: Threading
    authorisation: Authorisation

    @property
    def sender(self) -> Address:
        """Who writes."""
        return author_of(self.mail, self.envelope)

    @property
    def known(self) -> Known:
        """What rules may know beside the mail."""
        return known_of(self.mail, self.envelope, self.facts)

    @property
    def ticket(self) -> TicketFacts | None:
        return self.facts.ticket(self.threading.ticket) if self.threading.ticket is not None else None

    @property
    def agent(self) -> Agent | None:
        return self.authorisation.agent

    @property
    def subject(self) -> str:
        return clean_subject(self.mail.subject, self.policy.prefixes())

    @property
    def reasons(self) -> tuple[Reason, ...]:
        return (*self.screening.reasons, *self.threading.reasons, *self.authorisation.reasons)

    def decide(
        self,
        action: Action,
        *changes: Change,
        reasons: tuple[Reason, ...] = (),
        ticket: int | None = None,
        actor: str = "",
        verdict: Verdict | None = None,
        classification: Classification | None = None,
    ) -> Decision:
        """The decision with everything filled in that the stages before have found."""
        return Decision(
            kind=self.screening.kind,
            verdict=verdict or self.screening.verdict,
            action=action,
            reasons=self.reasons + reasons,
            auto_reply_ok=self.screening.auto_reply_ok,
            ticket=ticket,
            actor=actor or self.sender.address,
            changes=changes,
            classification=classification,
        )

    def quarantine(self, code: str, *reasons: Reason) -> Decision:
        """Leave the mail to a person."""
        return Decision(
            kind=self.screening.kind,
            verdict=Verdict.QUARANTINE,
            action=Action.QUARANTINE,
            reasons=self.reasons + reasons,
            auto_reply_ok=self.screening.auto_reply_ok,
            quarantine_code=code,
            actor=self.sender.address,
        )

    @property
    def is_by_a_person(self) -> bool:
        return self.screening.kind in (MailKind.NEW, MailKind.REPLY)
