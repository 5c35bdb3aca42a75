"""The tables of rules.toml against storms: `[limits]` and `[[source]]`.

The docstring under a field is the admin's documentation of that key.
"""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.options.shapes import OneOrMany, shaped
from gateway.options.tables import OptionTable, wrong
from gateway.policy.values import AddressPatterns, FullName, HeaderName, HeaderWords

AtLeastOne = Annotated[int, Field(ge=1)]
_WINDOW = re.compile(r"([1-9]\d{0,5})/([1-9]\d{0,5})")


def _window(text: str) -> str:
    if not _WINDOW.fullmatch(text):
        raise wrong(f'"{text}" is no limit', 'write mails/minutes, for instance "10/10"')
    return text


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, str) else value


Window = Annotated[str, AfterValidator(_window), shaped("^[1-9][0-9]*/[1-9][0-9]*$", "10/10")]
Windows = Annotated[tuple[Window, ...], BeforeValidator(_one_or_many), Field(strict=False, min_length=1), OneOrMany()]


class Limits(OptionTable):
    """`[limits]`: what keeps mail from becoming a storm. No limit loses a mail; each refusal is in the history."""

    acknowledgements_per_hour: AtLeastOne = 5
    """At most so many acknowledgements to one recipient in an hour."""
    acknowledgements_per_day: AtLeastOne = 20
    """At most so many acknowledgements to one recipient in a day."""
    automatic_per_ticket: Windows = ("10/10", "15/30", "25/60", "50/180", "100/600")
    """At most so many automatic mails to one person on one ticket, each as mails/minutes; agents' answers to commands
    are not counted, and of a held mail agents are told beyond it."""
    answers_to_agent_per_hour: AtLeastOne = 60
    """So often in an hour of the clock an agent gets what commands ask for (`#list`, `#why`); what commands do is told
    twice as often, and done at any pace. Of so many held mails an agent is told, too. Who writes more is told so once,
    in one mail."""
    outside_per_hour: AtLeastOne = 300
    """At most so many automatic mails an hour to addresses outside your own domains; further ones are held."""
    outside_per_domain_per_hour: AtLeastOne = 60
    """At most so many automatic mails an hour to one domain outside."""
    tickets_per_10_minutes: AtLeastOne = 10
    """One sender's mails open at most so many tickets in ten minutes; further ones wait in quarantine (`flood`)."""
    tickets_per_hour: AtLeastOne = 30
    """One sender's mails open at most so many tickets in an hour."""
    flood_minutes: AtLeastOne = 60
    """For so long nothing more of a sender who was too fast opens a ticket."""
    repeats_per_10_minutes: AtLeastOne = 3
    """The same words of one sender come through so often in ten minutes; then they wait in quarantine (`repeat`)."""
    cycles: AtLeastOne = 5
    """After so many automatic mails to one person on a ticket, each answered by another mail, the ticket is muted."""
    cycle_minutes: AtLeastOne = 60
    """Within so many minutes the next mail counts as such an answer."""
    quick_replies: AtLeastOne = 3
    """An address that answers automatic mails so often in a day at machine speed gets no more of them for a while."""
    quick_reply_seconds: AtLeastOne = 120
    """Machine speed: a mail within so many seconds after ours."""
    mute_days: AtLeastOne = 7
    """For so many days such an address gets no automatic mail."""
    undeliverable_days: AtLeastOne = 30
    """For so many days an address that a mail came back from gets no automatic mail; agents' answers still go."""
    addressees: AtLeastOne = 50
    """A mail with more addresses in To and Cc is not acknowledged."""
    hops: AtLeastOne = 50
    """A mail with more Received lines goes in circles: refused by SMTP, and from a mailbox quarantined (`hops`)."""


class Source(OptionTable):
    """`[[source]]`: a machine that reports to the desk, such as monitoring: it opens tickets and is never answered."""

    name: FullName
    """What agents call it."""
    sender: AddressPatterns = Field(default=(), alias="from")
    """The address that it writes from: "alerts@monitor.example.com", "*@monitor.example.com"."""
    header: dict[HeaderName, HeaderWords] = Field(default_factory=dict)
    """What stands in its headers: { "X-Monitor" = ["*"] }; with `from`, both must hold."""
    tickets_per_10_minutes: AtLeastOne = 60
    """Its mails open at most so many tickets in ten minutes; further ones wait in quarantine (`flood`)."""
    tickets_per_hour: AtLeastOne = 300
    """Its mails open at most so many tickets in an hour."""

    @model_validator(mode="after")
    def _known_by_something(self) -> Self:
        if not self.sender and not self.header:
            raise wrong("says nothing by which its mail is known", 'write from = ["alerts@monitor.example.com"]')
        return self


def windows(limits: Limits) -> tuple[tuple[int, int], ...]:
    """`automatic_per_ticket` as (mails, minutes), the shortest time first."""
    pairs = (text.split("/") for text in limits.automatic_per_ticket)
    return tuple(sorted(((int(mails), int(minutes)) for mails, minutes in pairs), key=lambda pair: pair[1]))
