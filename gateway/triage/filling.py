"""What the rules that hold make of a ticket: each fills the fields that no earlier rule has filled.

Rules with `override` go before those without; tags and watchers add up; `[defaults]` fill the rest; the priority is
read from the matrix of the ticket's type unless a rule set it. A text that takes something from the mail counts only
if what it becomes is possible: a team that there is, a category that is one. Pure; nothing here fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from gateway.policy import Policy, Rule
from gateway.policy.captures import filled_in, places_in
from gateway.policy.settable import as_language, as_tag, is_category
from gateway.ticket import ALWAYS_FILLED, Authority, Classification, Field, FieldValue, Priority, TicketType
from gateway.triage.requirements import Captures

# A field, and a name where a ticket has many of it.
Key = tuple[Field, str]
# A text of a `set`, with the field and name that it is for.
Text = tuple[Field, str, str]
Filled = dict[Key, FieldValue]
NOTHING_FILLED: Mapping[Key, FieldValue] = MappingProxyType({})
Read = Callable[[str, Policy], str]


def classified(holding: Iterable[tuple[Rule, Captures]], policy: Policy) -> Classification:
    """Fill the fields from the rules that hold, in the order of the file, each with what it captured."""
    rules = tuple(holding)
    values: Filled = {}
    for authority in (Authority.OVERRIDE, Authority.RULE):
        for rule, captures in rules:
            if rule.override is (authority is Authority.OVERRIDE):
                _fill(values, offered(rule, captures, policy, filled=values))
    _fill(values, _defaults(policy))
    values.setdefault((Field.SUBCATEGORY, ""), _NO_SUBCATEGORY)
    given = (values[field, ""].value for field in (Field.IMPACT, Field.URGENCY, Field.TYPE))
    priority = policy.priority_of(*given)
    default = FieldValue(field=Field.PRIORITY, value=priority.value, authority=Authority.DEFAULT)
    values.setdefault((Field.PRIORITY, ""), default)
    always = tuple(values.pop((field, "")) for field in ALWAYS_FILLED)
    return Classification(values=(*always, *values.values()))


def _fill(values: Filled, offers: Iterable[FieldValue]) -> None:
    """Fill what is free; a subcategory only below the category that it was written with."""
    category: FieldValue | None = None
    for value in offers:
        if value.field is Field.CATEGORY:
            category = value
        if value.field is Field.SUBCATEGORY and category is not None:
            if values[Field.CATEGORY, ""].value != category.value:
                continue
        values.setdefault((value.field, value.name), value)


def offered(
    rule: Rule, captures: Captures, policy: Policy, *, filled: Mapping[Key, FieldValue] = NOTHING_FILLED
) -> tuple[FieldValue, ...]:
    """What a rule sets where it captured this, names as the policy spells them, category before subcategory.

    What is `filled` already is no reason to look for captures; it may be left out.
    """
    known = _known_offers(policy)
    if (offer := known.get(rule.name)) is None:
        texts = tuple(_texts(rule))
        takes = any(places_in(text) for _, _, text in texts)
        fixed = None if takes else tuple(_values(rule, texts, captures, policy, NOTHING_FILLED))
        offer = known[rule.name] = _Offer(texts=texts, fixed=fixed)
    return offer.fixed if offer.fixed is not None else tuple(_values(rule, offer.texts, captures, policy, filled))


def unfilled(rule: Rule, captures: Captures, policy: Policy) -> Iterator[tuple[Field, str, str]]:
    """Walk the texts of a rule's `set` that become nothing: field, name, and what stands in its way.

    That is the text as written where one of its places is empty, else what came out and is impossible.
    """
    for field, name, text in _texts(rule):
        written = filled_in(text, captures)
        if written is None:
            yield field, name, text
            continue
        reader = _tag if field is Field.TAG else _READERS.get(field)
        if reader is not None and not reader(written, policy):
            yield field, name, written


@dataclass(frozen=True, kw_only=True)
class _Offer:
    """The texts of a rule's `set`, and what they always come to; None where they take something from the mail."""

    texts: tuple[Text, ...]
    fixed: tuple[FieldValue, ...] | None


@lru_cache(maxsize=2)
def _known_offers(policy: Policy) -> dict[str, _Offer]:
    """What rules offer, by name: made once for each rule that has ever held."""
    return {}


def _texts(rule: Rule) -> Iterator[Text]:
    """Walk the texts of a `set` by field and name."""
    said = rule.set
    for field in _READERS:
        text = getattr(said, field.value, None)
        if isinstance(text, str) and text:
            yield field, "", text
    yield from ((Field.TAG, "", tag) for tag in said.tags)
    yield from ((Field.NAMED, name, text) for name, text in said.fields.items())


def _values(
    rule: Rule, texts: Iterable[Text], captures: Captures, policy: Policy, filled: Mapping[Key, FieldValue]
) -> Iterator[FieldValue]:
    authority = Authority.OVERRIDE if rule.override else Authority.RULE

    def value(field: Field, text: str, name: str = "") -> FieldValue:
        return FieldValue(field=field, value=text, authority=authority, rule=rule.name, name=name)

    for field, name, text in texts:
        # A category may come with a subcategory, which may still be free.
        last = (Field.SUBCATEGORY, "") if field is Field.CATEGORY else (field, name)
        written = None if last in filled else filled_in(text, captures)
        if written is None:
            continue
        if field is Field.NAMED:
            yield value(field, written, name)
        elif field is Field.TAG:
            if tag := as_tag(written):
                yield value(field, tag, tag)
        elif found := _READERS[field](written, policy):
            main, _, below = found.partition("/") if field is Field.CATEGORY else (found, "", "")
            yield value(field, main)
            if below:
                yield value(Field.SUBCATEGORY, below)
    said = rule.set
    if said.acknowledge is not None:
        yield value(Field.ACKNOWLEDGE, str(said.acknowledge).lower())
    if said.hold:
        yield value(Field.HOLD, said.hold)
    for word in said.watchers:
        agent = policy.agent_named(word)
        address = agent.address if agent is not None else word.strip().lower()
        yield value(Field.WATCHER, address, address)


def _type(text: str, policy: Policy) -> str:
    word = text.casefold()
    return word if word in tuple(TicketType) else ""


def _priority(text: str, policy: Policy) -> str:
    word = "P" + text.upper().removeprefix("P")
    return word if word in tuple(Priority) else ""


def _category(text: str, policy: Policy) -> str:
    return text if is_category(text) else ""


def _impact(text: str, policy: Policy) -> str:
    return policy.matrix.impact(text)


def _urgency(text: str, policy: Policy) -> str:
    return policy.matrix.urgency(text)


def _team(text: str, policy: Policy) -> str:
    team = policy.team_named(text)
    return team.name if team is not None else ""


def _assignee(text: str, policy: Policy) -> str:
    agent = policy.agent_named(text)
    return agent.address if agent is not None else ""


def _language(text: str, policy: Policy) -> str:
    return as_language(text)


def _tag(text: str, policy: Policy) -> str:
    return as_tag(text)


def _as_it_is(text: str, policy: Policy) -> str:
    return text


# How a text becomes what the ticket keeps, "" where it can't; in the order in which a rule offers them.
_READERS: dict[Field, Read] = {
    Field.TYPE: _type,
    Field.CATEGORY: _category,
    Field.IMPACT: _impact,
    Field.URGENCY: _urgency,
    Field.PRIORITY: _priority,
    Field.TEAM: _team,
    Field.ASSIGNEE: _assignee,
    Field.LANGUAGE: _language,
    Field.ASSET: _as_it_is,
}


@lru_cache(maxsize=2)
def _defaults(policy: Policy) -> tuple[FieldValue, ...]:
    defaults = policy.defaults
    values = {
        Field.TYPE: defaults.type.value,
        Field.CATEGORY: defaults.category,
        Field.SUBCATEGORY: defaults.subcategory,
        Field.IMPACT: defaults.impact,
        Field.URGENCY: defaults.urgency,
        Field.TEAM: policy.default_team.name,
        Field.ASSIGNEE: "",
    }
    return tuple(FieldValue(field=field, value=value, authority=Authority.DEFAULT) for field, value in values.items())


# Below a category that a rule set, there is none by default.
_NO_SUBCATEGORY = FieldValue(field=Field.SUBCATEGORY, value="", authority=Authority.DEFAULT)
