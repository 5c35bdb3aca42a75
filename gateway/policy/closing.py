"""The table of rules.toml that says how a matter ends: `[closing]`, and in it `[[closing.require]]`.

The docstring under a field is the admin's documentation of that key.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from gateway.options.shapes import OneOrMany, shaped
from gateway.options.suggestions import nearest_or_all
from gateway.options.tables import OptionTable, wrong
from gateway.policy.promises import Priorities, Types
from gateway.policy.settable import as_field_name
from gateway.policy.values import CategoryPart, Name, Names, one_or_many

# What may be asked for besides fields with names.
FACTS = ("cause", "code", "asset")
_NAMED = "fields."


def _fact(text: str) -> str:
    name = text.strip().casefold()
    if name in FACTS or (name.startswith(_NAMED) and as_field_name(name.removeprefix(_NAMED))):
        return name
    hint = nearest_or_all(name, FACTS) or f'write one of {", ".join(FACTS)}, or a field as "fields.host"'
    raise wrong(f'"{text}" is nothing that an agent can be asked for', hint)


Fact = Annotated[str, AfterValidator(_fact), shaped(r"^(cause|code|asset|fields\..+)$", *FACTS, "fields.host")]
Facts = Annotated[tuple[Fact, ...], BeforeValidator(one_or_many), Field(strict=False, min_length=1), OneOrMany()]
Codes = Annotated[tuple[Name, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]
Categories = Annotated[tuple[CategoryPart, ...], BeforeValidator(one_or_many), Field(strict=False), OneOrMany()]


class Requirement(OptionTable):
    """`[[closing.require]]`: what must be known before a ticket ends; all that fit a ticket add up."""

    facts: Facts
    """What: "cause", "code", "asset", or a field with a name, "fields.host"."""
    type: Types = ()
    """For which type, incident or request; [] = both."""
    priority: Priorities = ()
    """For which priorities; [] = all."""
    category: Categories = ()
    """For which categories, without subcategory; [] = all."""
    team: Names = ()
    """For which teams; [] = all."""

    def fits(self, ticket_type: str, priority: str, category: str, team: str) -> bool:
        """Whether it holds for a ticket."""
        asked = ((self.category, category), (self.team, team))
        named = all(not names or value.casefold() in map(str.casefold, names) for names, value in asked)
        fits_type = not self.type or ticket_type in self.type
        return named and fits_type and (not self.priority or priority in self.priority)


class Closing(OptionTable):
    """`[closing]`: how a matter ends."""

    codes: Codes = ()
    """The names by which `#code NAME` says how it ended; [] = there are none."""
    rating_days: Annotated[int, Field(ge=0)] = 30
    """A resolution asks for a rating of 1 to 5, one person at most once in so many days; 0 = never."""
    reopen_limit: Annotated[int, Field(ge=0)] = 3
    """Reopened so often, a ticket is told to the leads, and waits for the person's yes when resolved; 0 = never."""
    require: Annotated[tuple[Requirement, ...], Field(strict=False)] = ()
    """What must be known before a ticket ends."""

    def code_named(self, text: str) -> str:
        """A code as the file spells it, "" for what is none."""
        return next((code for code in self.codes if code.casefold() == text.strip().casefold()), "")

    def required(self, ticket_type: str, priority: str, category: str, team: str) -> tuple[str, ...]:
        """What must be known of such a ticket before it ends, each once."""
        fitting = (one.facts for one in self.require if one.fits(ticket_type, priority, category, team))
        return tuple(dict.fromkeys(fact for facts in fitting for fact in facts))

    @property
    def field_names(self) -> tuple[str, ...]:
        """The fields with names that it asks for."""
        facts = (fact for one in self.require for fact in one.facts)
        return tuple(fact.removeprefix(_NAMED) for fact in facts if fact.startswith(_NAMED))
