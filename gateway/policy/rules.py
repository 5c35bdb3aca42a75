"""The tables of rules.toml that say what mails mean: `[[rule]]` with `when` and `set`, and `[[example]]`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from gateway.mail import MailKind
from gateway.options.tables import OptionTable, wrong
from gateway.policy.values import (
    AddressPatterns,
    Category,
    FilePatterns,
    FullName,
    HeaderName,
    HeaderWords,
    Impact,
    Languages,
    PriorityName,
    Type,
    Urgency,
    Words,
)

Occasion = Literal["open", "reply", "reopen"]

# Deeper nesting is a rule that nobody can read.
DEEPEST_GROUP = 6


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _group(value: object) -> object:
    """Catch the likeliest slip: words written where a group of conditions belongs."""
    if isinstance(value, str) or (isinstance(value, list) and any(isinstance(item, str) for item in value)):
        raise wrong("is a group of conditions, not of words", 'write { words = ["…"] } in it, or words = ["…"] instead')
    return [value] if isinstance(value, dict) else value


Group = Annotated[tuple["Condition", ...], BeforeValidator(_group), Field(strict=False)]
Kinds = Annotated[
    tuple[Annotated[MailKind, Field(strict=False)], ...], BeforeValidator(_one_or_many), Field(strict=False)
]
Occasions = Annotated[tuple[Occasion, ...], BeforeValidator(_one_or_many), Field(strict=False, min_length=1)]


class Condition(OptionTable):
    """`when`: every key of it must hold; within a key, one entry of the list is enough."""

    words: Words = ()
    """Words or phrases in the subject or the new text; a * stands for any letters ("print*"), alone for a word."""
    subject: Words = ()
    """Words or phrases in the subject."""
    body: Words = ()
    """Words or phrases in the new text (no quotes, no signature)."""
    sender: AddressPatterns = Field(default=(), alias="from")
    """The sender's address: "anna@example.com", "*@hr.example.com"."""
    to: AddressPatterns = ()
    """An address in To, Cc or Delivered-To."""
    header: dict[HeaderName, HeaderWords] = Field(default_factory=dict)
    """Words in a header: { "X-Priority" = ["1"] }; "*" alone means that the header is there."""
    attachment: FilePatterns = ()
    """The name of an attachment: "*.pdf", "invoice*"."""
    language: Languages = ()
    """The language of the mail, as its code: "de"."""
    kind: Kinds = ()
    """The kind of mail: new, reply, notification, …"""
    any: Group = ()
    """A list of conditions, one of which must hold."""
    all: Group = ()
    """A list of conditions, all of which must hold."""
    none: Group = ()
    """A list of conditions, none of which may hold."""

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.model_fields_set or not any_value(self):
            raise wrong(
                "has no condition, so it would hold for every mail", "what holds for every mail is in [defaults]"
            )
        return self


def any_value(condition: Condition) -> bool:
    """Say whether a condition asks for anything at all."""
    values = (getattr(condition, name) for name in Condition.model_fields)
    return next((True for value in values if value), False)


class Assignment(OptionTable):
    """`set`: what the rule fills; at least one key."""

    type: Type | None = None
    """incident or request."""
    category: Category | None = None
    """The category, or category and subcategory: "network/vpn"."""
    impact: Impact | None = None
    """high, medium or low."""
    urgency: Urgency | None = None
    """high, medium or low."""
    priority: PriorityName | None = None
    """P1 to P5, instead of what the matrix says."""
    team: str | None = None
    """The short name of a team."""
    assignee: str | None = None
    """An agent: handle, address or full name."""

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.model_fields_set:
            raise wrong("sets nothing", 'write for instance { category = "network/vpn" }')
        return self


class Rule(OptionTable):
    """`[[rule]]`: when a mail is like this, the ticket is that."""

    name: FullName
    """A name of its own; every field that the rule fills remembers it."""
    when: Condition
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
    impact: Impact | None = None
    """high, medium or low."""
    urgency: Urgency | None = None
    """high, medium or low."""
    priority: PriorityName | None = None
    """P1 to P5."""
    team: str | None = None
    """The short name of a team."""
    assignee: str | None = None
    """An agent: handle, address or full name."""


class Example(OptionTable):
    """`[[example]]`: a mail and what it must become; `gateway rules check` tries it."""

    subject: str
    """The subject."""
    text: str = ""
    """The text of the mail."""
    sender: str = Field(default="", alias="from")
    """The sender's address; "" = somebody of the first own domain."""
    to: str = ""
    """The address written to; "" = the desk's."""
    language: str = ""
    """The language of the mail, where a rule asks for it."""
    attachments: Annotated[tuple[str, ...], BeforeValidator(_one_or_many), Field(strict=False)] = ()
    """Names of attached files."""
    expect: Expectation = Expectation()
    """What the ticket must become."""
    rule: str = ""
    """The rule that must hold for this mail."""
