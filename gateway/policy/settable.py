"""The kinds of text that `set` of a rule takes, and `expect` of an example; each may take places in braces or not.

What the whole file must know (levels, teams, people, captures) is checked in `targets`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from gateway.options.shapes import OneOrMany, any_case, shaped
from gateway.options.suggestions import did_you_mean
from gateway.options.tables import wrong
from gateway.policy.captures import checked, filled_in, places_in
from gateway.policy.values import one_or_many
from gateway.ticket import LANGUAGES, HoldReason, Priority, TicketType
from gateway.when import names_a_day

LONGEST_CATEGORY_CHARS = 100
_CATEGORY_PART = re.compile(r"[^\s/](?:[^/]*[^\s/])?")
_TAG = re.compile(r"[^\W_][\w.:+-]{0,49}")
_FIELD = re.compile(r"[^\W\d_][\w-]{0,39}")
_TEMPLATE = re.compile(r"[a-z][a-z0-9_-]{0,39}")
# What a ticket has anyway, under names that a field must not take.
_TAKEN = frozenset(
    {
        *("type", "category", "subcategory", "impact", "urgency", "priority", "team", "assignee", "language", "asset"),
        *("tags", "tag", "fields", "acknowledge", "hold", "watchers", "status", "subject", "requester", "number"),
    }
)


def is_category(text: str) -> bool:
    """Whether a text is a category, or a category and a subcategory."""
    parts = text.split("/")
    whole = len(parts) <= 2 and len(text) <= LONGEST_CATEGORY_CHARS
    return whole and all(_CATEGORY_PART.fullmatch(part) for part in parts)


def as_tag(text: str) -> str:
    """A tag as it is kept: one short word in small letters; "" for what can't be one."""
    word = "-".join(text.split()).strip("#,").casefold()
    return word if _TAG.fullmatch(word) else ""


def as_field_name(text: str) -> str:
    """The name of a field as it is kept, "" for what can't be one."""
    name = text.strip().casefold()
    return name if _FIELD.fullmatch(name) and name not in _TAKEN else ""


def as_language(text: str) -> str:
    """A language that the desk writes in, "" for another one; "pt-BR" is "pt"."""
    base = text.strip().lower().replace("_", "-").partition("-")[0]
    return base if base in LANGUAGES else ""


def read_hold(text: str) -> tuple[HoldReason, str] | None:
    """Read "vendor until friday" as for `#hold`: for whom a ticket waits, and until when ("" = as long as it takes)."""
    whom, _, rest = text.strip().lower().partition(" ")
    until = rest.strip().removeprefix("until ").strip()
    if whom not in tuple(HoldReason) or (rest.strip() and not names_a_day(until)):
        return None
    return HoldReason(whom), until


def _choice(possible: Iterable[str]) -> Callable[[str], str]:
    names = tuple(possible)

    def check(text: str) -> str:
        if text not in names:
            near = did_you_mean(text, names)
            listed = f"possible: {', '.join(names)}"
            raise wrong(f'"{text}" is not possible here', "; ".join(filter(None, [near, listed])))
        return text

    return check


def _category(text: str) -> str:
    if not is_category(text):
        raise wrong(f'"{text}" is not a category', 'write "category" or "category/subcategory"')
    return text


def _language(text: str) -> str:
    if not as_language(text):
        raise wrong(f'"{text}" is no language that the desk writes in', f"possible: {', '.join(LANGUAGES)}")
    return as_language(text)


def _tag(text: str) -> str:
    if not as_tag(text):
        raise wrong(f'"{text}" is not a tag', 'write one word, like "vpn" or "site-berlin"')
    return as_tag(text)


def _hold(text: str) -> str:
    whom, _, until = text.strip().lower().partition(" ")
    if whom in tuple(HoldReason) and read_hold(text) is None:
        hint = f'write for instance "{whom} until friday", "{whom} until 3 days" or "{whom}" alone'
        raise wrong(f'"{until.removeprefix("until ")}" names no day', hint)
    if read_hold(text) is None:
        hint = f'write for instance "vendor" or "approval until friday"; possible: {", ".join(HoldReason)}'
        raise wrong(f'"{text}" does not say for whom the ticket waits', hint)
    return text


def _field_name(text: str) -> str:
    if text.strip().casefold() in _TAKEN:
        raise wrong(f'"{text}" is something else on every ticket', "take another name")
    if not as_field_name(text):
        raise wrong(f'"{text}" is not the name of a field', 'write one word, like "host"')
    return as_field_name(text)


def _acknowledge(value: object) -> object:
    if not isinstance(value, bool | str):
        raise wrong("should be true, false or the name of a template", 'write for instance false or "outage"')
    if value in ("true", "false"):
        raise wrong(f'"{value}" is in quotes', f"write {value}")
    if isinstance(value, str) and not _TEMPLATE.fullmatch(value):
        bare = value.removesuffix(".txt")
        near = f'write "{bare}"' if _TEMPLATE.fullmatch(bare) else 'write small letters, like "outage" for outage.txt'
        raise wrong(f'"{value}" is not the name of a template', near)
    return value


def _or_places(check: Callable[[str], str]) -> Callable[[str], str]:
    """Let a text with places in braces through; what it becomes is looked at when the mail is there."""

    def either(text: str) -> str:
        if places_in(checked(text)):
            return text
        plain = filled_in(text, {}) or ""
        if plain == text:
            return check(text)
        check(plain)
        return text

    return either


def _any_text(text: str) -> str:
    return text


def _closed(names: Iterable[str]) -> WithJsonSchema:
    """For editors: the possible words, or a place in braces."""
    return WithJsonSchema({"anyOf": [{"enum": list(names)}, {"type": "string", "pattern": r"\{"}]})


SetType = Annotated[str, AfterValidator(_or_places(_choice(TicketType))), _closed(TicketType)]
SetPriority = Annotated[str, AfterValidator(_or_places(_choice(Priority))), _closed(Priority)]
SetCategory = Annotated[
    str, AfterValidator(_or_places(_category)), shaped(r"^[^/]+(/[^/]+)?$|\{", "network", "network/vpn")
]
SetLanguage = Annotated[str, AfterValidator(_or_places(_language)), _closed(LANGUAGES)]
SetText = Annotated[str, AfterValidator(_or_places(_any_text))]
SetTags = Annotated[
    tuple[Annotated[str, AfterValidator(_or_places(_tag))], ...],
    BeforeValidator(one_or_many),
    Field(strict=False),
    OneOrMany(),
]
SetFields = dict[Annotated[str, AfterValidator(_field_name)], SetText]
Watchers = Annotated[tuple[str, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
_HOLD_SHAPE = rf"^\s*({'|'.join(map(any_case, HoldReason))})(\s|$)"
Hold = Annotated[str, AfterValidator(_hold), shaped(_HOLD_SHAPE, *HoldReason, "vendor until friday")]
Acknowledge = Annotated[bool | str, BeforeValidator(_acknowledge), WithJsonSchema({"type": ["boolean", "string"]})]

# What an example expects stands there as it is, without places.
ExpectedTags = Annotated[
    tuple[Annotated[str, AfterValidator(_tag)], ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()
]
ExpectedLanguage = Annotated[str, AfterValidator(lambda text: text and _language(text))]
ExpectedHold = Annotated[
    str, AfterValidator(lambda text: text and _hold(text)), shaped(f"{_HOLD_SHAPE}|^$", *HoldReason)
]
ExpectedFields = dict[Annotated[str, AfterValidator(_field_name)], str]
