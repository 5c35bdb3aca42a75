"""The mail that an `[[example]]` describes, and what is known beside it."""

from __future__ import annotations

from datetime import UTC
from email.utils import parseaddr
from zoneinfo import ZoneInfo

from gateway.mail import Address, Attachment, AuthResults, Mail, Passage, PassageRole
from gateway.policy import Example, Policy
from gateway.policy.measures import bytes_of
from gateway.triage.view import Known, TicketCount, View, view_of


def mail_of(example: Example, policy: Policy) -> Mail:
    """Make the mail that an example describes."""
    name, address = parseaddr(example.sender) if "<" in example.sender else ("", example.sender)
    sender = address or f"somebody@{policy.desk.own_domains[0].removeprefix('*.')}"
    return Mail(
        size_bytes=bytes_of(example.size) or len(example.subject) + len(example.text),
        subject=example.subject,
        sender=Address(address=sender.lower(), name=name),
        to=(Address(address=(example.to or policy.desk.address).lower()),),
        headers=tuple(example.header.items()),
        passages=(Passage(role=PassageRole.NEW, text=example.text),),
        attachments=tuple(
            Attachment(
                number=number,
                filename=file.name,
                content_type=file.type.casefold() or "application/octet-stream",
                size_bytes=bytes_of(file.size),
            )
            for number, file in enumerate(example.attachments, start=1)
        ),
        language=example.language,
    )


def known_of(example: Example, policy: Policy, sender: str) -> Known:
    """What an example says of when its mail arrives, how far its sender is believed, and what they sent before."""
    zone = ZoneInfo(policy.desk.time_zone)
    before = example.tickets - (1 if example.occasion == "open" else 0)
    return Known(
        received_at=example.time.replace(tzinfo=zone).astimezone(UTC) if example.time is not None else None,
        authenticated=example.authenticated,
        auth=AuthResults(sound=True, **example.auth) if example.auth else None,
        tickets=tuple(TicketCount(address=sender, period=period, count=before) for period in policy.ticket_periods),
    )


def example_view(example: Example, policy: Policy) -> View:
    """The mail of an example as the rules look at it."""
    mail = mail_of(example, policy)
    return view_of(
        mail,
        policy=policy,
        kind=example.kind,
        known=known_of(example, policy, mail.sender.address if mail.sender else ""),
        occasion=example.occasion,
        person=example.person or None,
    )
