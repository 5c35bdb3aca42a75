"""`when`: what a rule asks of a mail. Every key must hold; within a key, one entry of the list is enough.

The docstring under a field is the admin's documentation of that key. `triage.conditions` looks for what is asked here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.mail import MailKind
from gateway.options.problems import Path
from gateway.options.shapes import OneOrMany, OrElse, any_case, shaped
from gateway.options.tables import OptionTable, wrong
from gateway.policy.measures import INSIDE, OUTSIDE, mail_size, mail_time, ticket_count
from gateway.policy.patterns import checked, names_in
from gateway.policy.people import AttributeName, AttributeText, attribute_text
from gateway.policy.values import (
    AddressPatterns,
    Domains,
    FilePatterns,
    HeaderName,
    HeaderWords,
    Languages,
    Words,
    one_or_many,
)

# Deeper nesting is a rule that nobody can read.
DEEPEST_GROUP = 6
GROUPS = ("any", "all", "none")


def _group(value: object) -> object:
    """Catch the likeliest slip: words written where a group of conditions belongs."""
    if isinstance(value, str) or (isinstance(value, list) and any(isinstance(item, str) for item in value)):
        raise wrong("is a group of conditions, not of words", 'write { words = ["…"] } in it, or words = ["…"] instead')
    return [value] if isinstance(value, dict) else value


def _media_type(text: str) -> str:
    if not all(text.partition("/")[::2]) or text == "*/*":
        raise wrong(f'"{text}" is not a type of file', 'write it like "application/pdf" or "image/*"')
    return text.casefold()


def _attribute_values(value: object) -> object:
    values = value if isinstance(value, list) else [value]
    texts = tuple(attribute_text(one) for one in values)
    if "" in texts:
        raise wrong("is an empty text", "false asks for what is not there")
    return texts


def _address_or_tag(text: str) -> str:
    if "@" not in text:
        raise wrong(f'"{text}" is not an address of the desk', 'write it like "printing@example.com"')
    return text.lower()


def _patterns(value: object) -> object:
    """A pattern without a place is looked for where words are."""
    return {"words": value} if isinstance(value, str | list) else value


Pattern = Annotated[str, AfterValidator(checked), shaped(r"\S")]
ManyPatterns = Annotated[tuple[Pattern, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
Group = Annotated[tuple["Condition", ...], BeforeValidator(_group), Field(strict=False), OneOrMany()]
Kinds = Annotated[
    tuple[Annotated[MailKind, Field(strict=False)], ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()
]
MediaType = Annotated[str, AfterValidator(_media_type), shaped("^[^/]+/[^/]+$", "application/pdf", "image/*")]
DeskAddress = Annotated[str, AfterValidator(_address_or_tag), shaped("@", "printing@example.com")]
Size = Annotated[
    str, AfterValidator(mail_size), shaped(rf"^\s*({any_case('above')}|{any_case('below')})\s+[0-9]", "above 10 MB")
]
Time = Annotated[str, AfterValidator(mail_time), shaped(r"\S", INSIDE, OUTSIDE, "Mo-Fr 18:00-22:00; Sa-Su")]
TicketCount = Annotated[str, AfterValidator(ticket_count), shaped(r"^\s*[0-9]+\s+\S", "3 today", "10 in 7 days")]
MediaTypes = Annotated[tuple[MediaType, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
DeskAddresses = Annotated[tuple[DeskAddress, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
Sizes = Annotated[tuple[Size, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
Times = Annotated[tuple[Time, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
TicketCounts = Annotated[tuple[TicketCount, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
# RFC 8601 §2.7.
Verdict = Literal["pass", "fail", "softfail", "neutral", "none", "policy", "temperror", "permerror"]
Verdicts = Annotated[tuple[Verdict, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
AttributeValues = Annotated[
    tuple[AttributeText, ...], BeforeValidator(_attribute_values), Field(strict=False), OneOrMany()
]


class Patterns(OptionTable):
    """`pattern`: RE2 patterns by where they are looked for; alone in quotes, in the subject or the new text."""

    words: ManyPatterns = ()
    """In the subject or the new text; pattern = '…' alone means the same."""
    subject: ManyPatterns = ()
    """In the subject."""
    body: ManyPatterns = ()
    """In the new text."""
    sender: ManyPatterns = Field(default=(), alias="from")
    """In the sender's address, or in the name beside it."""
    header: dict[HeaderName, ManyPatterns] = Field(default_factory=dict)
    """In a header: { "X-Host" = '(?P<host>\\S+)' }."""
    attachment: ManyPatterns = ()
    """In the name of an attachment."""

    def everywhere(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Walk the patterns by place: ("subject", …), ("header:x-host", …)."""
        for name, field in Patterns.model_fields.items():
            if name != "header" and (patterns := getattr(self, name)):
                yield field.alias or name, patterns
        for name, patterns in self.header.items():
            yield f"header:{name}", patterns


class Condition(OptionTable):
    """`when`: every key of it must hold; within a key, one entry of the list is enough."""

    words: Words = ()
    """Words or phrases in the subject or the new text; a * stands for any letters ("print*"), alone for a word."""
    subject: Words = ()
    """Words or phrases in the subject."""
    body: Words = ()
    """Words or phrases in the new text (no quotes, no signature)."""
    pattern: Annotated[
        Patterns | None,
        BeforeValidator(_patterns),
        OrElse({"type": "string"}, {"type": "array", "items": {"type": "string"}}),
    ] = None
    """A pattern in subject or text: 'host (?P<host>\\S+)'; what it captures by name may be asked for and set."""
    sender: AddressPatterns = Field(default=(), alias="from")
    """The sender's address: "anna@example.com", "*@hr.example.com"."""
    domain: Domains = ()
    """The domain of the sender's address: "example.com", "*.example.com" for all below it."""
    to: AddressPatterns = ()
    """An address in To, Cc or Delivered-To, or that the mail was delivered to."""
    desk: DeskAddresses = ()
    """Which address of the desk was written to: an alias, or one with a tag as in "helpdesk+vip@example.com"."""
    header: dict[HeaderName, HeaderWords] = Field(default_factory=dict)
    """Words in a header: { "X-Priority" = ["1"] }; "*" alone means that the header is there."""
    attachment: FilePatterns = ()
    """The name of an attachment: "*.pdf", "invoice*"."""
    attachment_type: MediaTypes = ()
    """The type of an attachment: "application/pdf", "image/*"."""
    attachment_size: Sizes = ()
    """The size of an attachment: "above 5 MB", "below 10 kB"."""
    size: Sizes = ()
    """The size of the whole mail: "above 10 MB"."""
    language: Languages = ()
    """The language of the mail, as its code: "de"."""
    kind: Kinds = ()
    """The kind of mail: new, reply, notification, …"""
    time: Times = ()
    """When it arrived: "working hours", "outside working hours", or opening hours like "Sa-Su"."""
    authenticated: bool | None = None
    """true: something that the desk believes vouches for the sender's address; false: nothing does."""
    auth: dict[Literal["spf", "dkim", "dmarc"], Verdicts] = Field(default_factory=dict)
    """What your own mail server says, where it is believed: { dmarc = ["fail", "none"] }."""
    person: dict[AttributeName, AttributeValues] = Field(default_factory=dict)
    """What is known of the sender: { vip = true }, { department = ["Sales*", "HR"] }; "*" = anything is."""
    tickets: TicketCounts = ()
    """How many tickets the sender has opened, this one too: "3 today", "10 in 7 days", or more."""
    captured: dict[str, AttributeValues] = Field(default_factory=dict)
    """What a pattern of this rule captured: { host = ["mail*", "web*"] }; "{other}" = the same text as another."""
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

    def groups(self) -> tuple[tuple[str, tuple[Condition, ...]], ...]:
        """The groups of conditions by key."""
        return ("any", self.any), ("all", self.all), ("none", self.none)


Condition.model_rebuild()


def any_value(condition: Condition) -> bool:
    """Say whether a condition asks for anything at all."""
    values = (getattr(condition, name) for name in Condition.model_fields)
    return next((True for value in values if value or value is False), False)


def names_captured(condition: Condition) -> tuple[str, ...]:
    """List the names under which a condition captures text, by patterns that must or may hold when it holds."""
    patterns = condition.pattern.everywhere() if condition.pattern is not None else ()
    names = [name for _, many in patterns for pattern in many for name in names_in(pattern)]
    for group, members in condition.groups():
        if group != "none":
            names += [name for member in members for name in names_captured(member)]
    return tuple(dict.fromkeys(names))


def counts_asked(condition: Condition) -> Iterator[str]:
    """Walk what a condition asks of the number of a sender's tickets."""
    for _, one in tables_of(condition, ()):
        yield from one.tickets


def tables_of(condition: Condition, path: Path) -> Iterator[tuple[Path, Condition]]:
    """Walk a condition and all members of its groups, each with its path in the file."""
    yield path, condition
    for key, members in condition.groups():
        for number, member in enumerate(members):
            yield from tables_of(member, (*path, key, number))
