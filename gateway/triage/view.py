"""What rules look at: a mail's texts, who sends it, and what is known beside the mail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from gateway.mail import AuthResults, Mail, MailKind
from gateway.policy import Occasion, Policy
from gateway.subject import clean_subject

# Nobody's mail went to more addresses of one desk; looking at more would be a gift to a forger.
_MOST_ADDRESSES = 200


@dataclass(frozen=True, kw_only=True)
class TicketCount:
    """How many tickets an address has opened in a period; `period` None: since midnight where the desk is."""

    address: str
    period: timedelta | None
    count: int


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the gateway knows beside the mail: when and where it arrived, and what it believes of its sender.

    `auth` is the Authentication-Results header that is believed, None where none is; `authenticated`: something vouches
    for the sender's address. `tickets` are those that were opened before this mail.
    """

    received_at: datetime | None = None
    recipients: tuple[str, ...] = ()
    authenticated: bool = False
    auth: AuthResults | None = None
    tickets: tuple[TicketCount, ...] = ()


NOTHING_KNOWN = Known()


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """The subject and new text (of a passed-on mail too), who sends, the mail itself, and what is known of it."""

    mail: Mail
    subject: str
    body: str
    sender: str
    kind: MailKind
    known: Known = NOTHING_KNOWN
    occasion: Occasion = "open"
    policy: Policy | None = None
    person_given: Mapping[str, str] | None = None

    @cached_property
    def addresses(self) -> tuple[str, ...]:
        """Every address that the mail went to, as far as anything says."""
        mail = self.mail
        named = (person.address for person in (*mail.to, *mail.cc))
        all_of_them = dict.fromkeys((*named, *mail.delivered_to, *self.known.recipients))
        return tuple(all_of_them)[:_MOST_ADDRESSES]

    @cached_property
    def desk_addresses(self) -> tuple[str, ...]:
        """The desk's own addresses among them, each with and without its tag."""
        if self.policy is None:
            return ()
        ours = [address.lower() for address in self.addresses if self.policy.is_desk_address(address)]
        return tuple(dict.fromkeys(one for address in ours for one in (address, _without_tag(address))))

    @cached_property
    def person(self) -> Mapping[str, str]:
        """What the people table says of the sender."""
        if self.person_given is not None:
            return self.person_given
        return self.policy.person_of(self.sender) if self.policy is not None else {}

    @cached_property
    def sender_name(self) -> str:
        """The sender's name: as written in the mail, else as the people table has it."""
        forwarded = self.mail.forwarded.sender if self.mail.forwarded is not None else None
        for mailbox in (self.mail.sender, forwarded):
            if mailbox is not None and mailbox.address == self.sender and mailbox.name:
                return mailbox.name
        return self.person.get("name", "")

    @cached_property
    def built_in(self) -> Mapping[str, str]:
        """What every rule may set without capturing it: {sender}, {sender_name}, {subject}, {desk}, {person.…}."""
        subject = self.mail.subject
        if self.policy is not None:
            subject = clean_subject(subject, self.policy.prefixes())
        desk = self.policy.desk.address if self.policy is not None else ""
        return {
            "sender": self.sender,
            "sender_name": self.sender_name,
            "subject": subject,
            "desk": next((one for one in self.desk_addresses if one == _without_tag(one)), desk),
            **{f"person.{attribute}": value for attribute, value in self.person.items()},
        }


def _without_tag(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def view_of(
    mail: Mail,
    *,
    policy: Policy,
    kind: MailKind = MailKind.NEW,
    requester: str = "",
    known: Known = NOTHING_KNOWN,
    occasion: Occasion = "open",
    person: Mapping[str, str] | None = None,
) -> View:
    """Take what rules may see; of a mail that was passed on, its own subject and text too."""
    subject, body = mail.subject, mail.new_text or mail.text
    if mail.forwarded is not None:
        subject = f"{subject}\n{mail.forwarded.subject}"
        body = f"{body}\n{mail.forwarded.text}"
    sender = requester or (mail.sender.address if mail.sender else "")
    return View(
        mail=mail,
        subject=subject,
        body=body,
        sender=sender,
        kind=kind,
        known=known,
        occasion=occasion,
        policy=policy,
        person_given=person,
    )
