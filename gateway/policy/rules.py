"""The tables of rules.toml that say what mails mean: `[[rule]]` with `when` and `set`, and `[[example]]`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.mail import MailKind
from gateway.options.shapes import OneOrMany, OrElse, shaped
from gateway.options.tables import OptionTable, wrong
from gateway.policy.conditions import Condition, Verdict
from gateway.policy.measures import plain_size
from gateway.policy.people import AttributeName, AttributeText
from gateway.policy.settable import (
    Acknowledge,
    ExpectedFields,
    ExpectedHold,
    ExpectedLanguage,
    ExpectedTags,
    Hold,
    SetCategory,
    SetFields,
    SetLanguage,
    SetPriority,
    SetTags,
    SetText,
    SetType,
    Watchers,
)
from gateway.policy.values import FullName, HeaderName, PriorityName, Type, one_or_many

Occasion = Literal["open", "reply", "reopen"]


def _moment(value: object) -> object:
    """A moment by the clock where the desk is: TOML's own, or "2026-11-21 21:30"."""
    if isinstance(value, str) and value:
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise wrong(f'"{value}" is not a moment', 'write it like "2026-11-21 21:30"') from None
    if isinstance(value, datetime) and value.tzinfo is not None:
        raise wrong("has a time zone", "write it as the clock shows it where the desk is")
    return value or None


def _when(value: object) -> object:
    """Catch the likeliest slip: words where it must be said where they are looked for."""
    words = [value] if isinstance(value, str) else value
    if isinstance(words, list) and words and all(isinstance(word, str) for word in words):
        listed = ", ".join(f'"{word}"' for word in words[:3])
        raise wrong("does not say where to look", f"write when.words = [{listed}]")
    return value


def _file(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _files(value: object) -> object:
    return [value] if isinstance(value, str | dict) else value


PlainSize = Annotated[str, AfterValidator(plain_size), shaped(r"^\s*[0-9.]+ ?[A-Za-z]+\s*$", "12 MB")]
# Not the format date-time, which wants a zone and a T.
_MOMENT = shaped("^$|^[0-9]{4}-", "2026-11-21 21:30")
Occasions = Annotated[
    tuple[Occasion, ...], BeforeValidator(one_or_many), Field(strict=False, min_length=1), OneOrMany()
]


class Assignment(OptionTable):
    """`set`: what the rule fills; at least one key.

    A text may have places for what the patterns of the rule capture, {host}, and for {sender}, {sender_name},
    {subject}, {desk} and {person.department}; where one of them is empty, nothing is set. {{ is a brace.
    """

    type: SetType | None = None
    """incident or request."""
    category: SetCategory | None = None
    """The category, or category and subcategory: "network/vpn"."""
    impact: SetText | None = None
    """high, medium or low, or a level of your own matrix."""
    urgency: SetText | None = None
    """high, medium or low, or a level of your own matrix."""
    priority: SetPriority | None = None
    """P1 to P5, instead of what the matrix says."""
    team: SetText | None = None
    """The short name of a team."""
    assignee: SetText | None = None
    """An agent: handle, address or full name."""
    tags: SetTags = ()
    """Words to find it again by, as many as you like; those of several rules add up."""
    language: SetLanguage | None = None
    """The language of the mails to the requester and the watchers: en, de, fr, es or pt."""
    acknowledge: Acknowledge | None = None
    """false: no acknowledgement; "outage": the words of outage.txt in the templates folder; true: the usual one."""
    watchers: Watchers = ()
    """Agents, or addresses of your own domains, that get the answers too; those of several rules add up."""
    hold: Hold | None = None
    """Open it on hold, as with `#hold`: "vendor", "requester" or "approval", perhaps "vendor until friday"."""
    asset: SetText | None = None
    """The device or system that it is about, like "PC-0815"."""
    fields: SetFields = Field(default_factory=dict)
    """Fields with names of your own: { host = "{host}", room = "204" }."""

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.model_fields_set:
            raise wrong("sets nothing", 'write for instance { category = "network/vpn" }')
        return self


class Rule(OptionTable):
    """`[[rule]]`: when a mail is like this, the ticket is that."""

    name: FullName
    """A name of its own; every field that the rule fills remembers it."""
    when: Annotated[Condition, BeforeValidator(_when)]
    """What must hold."""
    set: Assignment
    """What is filled then, as far as no earlier rule has."""
    override: bool = False
    """Whether this rule wins over rules without override, wherever they stand."""
    stop: bool = False
    """Whether no rule below this one is looked at when this one holds."""
    on: Occasions = ("open",)
    """When the rule is looked at: "open" (a new ticket), "reply", "reopen"."""


class Expectation(OptionTable):
    """`expect`: what a ticket must become."""

    type: Type | None = None
    """incident or request."""
    category: str | None = None
    """The category."""
    subcategory: str | None = None
    """The subcategory."""
    impact: str | None = None
    """high, medium or low, or a level of your own matrix."""
    urgency: str | None = None
    """high, medium or low, or a level of your own matrix."""
    priority: PriorityName | None = None
    """P1 to P5."""
    team: str | None = None
    """The short name of a team."""
    assignee: str | None = None
    """An agent: handle, address or full name."""
    tags: ExpectedTags | None = None
    """All tags that it must have; [] = none."""
    language: ExpectedLanguage | None = None
    """The language that a rule must set; "" = none."""
    acknowledge: Acknowledge | None = None
    """false, true or the name of a template, as a rule must set it; true = no rule is against it."""
    watchers: Watchers | None = None
    """All watchers that rules must add; [] = none."""
    hold: ExpectedHold | None = None
    """What it must wait for, as a rule sets it; "" = nothing."""
    asset: str | None = None
    """The asset; "" = none."""
    fields: ExpectedFields = Field(default_factory=dict)
    """The fields that it must have; "" = this one it must not have."""


class ExampleFile(OptionTable):
    """An attached file of an example; a name alone will mostly do."""

    name: str
    """Its name."""
    type: str = ""
    """Its type: "application/pdf"; "" = one that says nothing."""
    size: PlainSize = "0 B"
    """Its size: "6 MB"."""


class Example(OptionTable):
    """`[[example]]`: a mail and what it must become; `gateway rules check` tries it."""

    subject: str
    """The subject."""
    text: str = ""
    """The text of the mail."""
    sender: str = Field(default="", alias="from")
    """The sender's address, or "Anna Berger <anna@example.com>"; "" = somebody of the first own domain."""
    to: str = ""
    """The address written to; "" = the desk's."""
    header: dict[HeaderName, str] = Field(default_factory=dict)
    """Its headers: { "X-Priority" = "1" }."""
    language: str = ""
    """The language of the mail, where a rule asks for it."""
    attachments: Annotated[
        tuple[Annotated[ExampleFile, BeforeValidator(_file), OrElse({"type": "string"})], ...],
        BeforeValidator(_files),
        Field(strict=False),
        OneOrMany(),
    ] = ()
    """Attached files: names, or { name = "scan.pdf", type = "application/pdf", size = "6 MB" }."""
    size: PlainSize = "0 B"
    """The size of the mail: "12 MB"."""
    kind: Annotated[MailKind, Field(strict=False)] = MailKind.NEW
    """The kind of mail."""
    time: Annotated[datetime | None, BeforeValidator(_moment), _MOMENT] = None
    """When it arrives, by the clock where the desk is: "2026-11-21 21:30"; "" = at no time that a rule asks for."""
    authenticated: bool = False
    """Whether something vouches for the sender."""
    auth: dict[Literal["spf", "dkim", "dmarc"], Verdict] = Field(default_factory=dict)
    """What the mail server says: { dmarc = "fail" }."""
    person: dict[AttributeName, AttributeText] = Field(default_factory=dict)
    """What is known of the sender: { department = "Sales" }; without it, what the people table says."""
    tickets: Annotated[int, Field(ge=1)] = 1
    """Which ticket of the sender it is, 3 = the third, in every period that a rule asks for."""
    occasion: Occasion = Field(default="open", alias="on")
    """What happens: "open" (a new ticket), "reply" or "reopen"."""
    expect: Expectation = Expectation()
    """What the ticket must become."""
    rule: str = ""
    """The rule that must hold for this mail."""
    captured: dict[str, str] = Field(default_factory=dict)
    """What the patterns of that rule must capture: { host = "srv-12" }."""
