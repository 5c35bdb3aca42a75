"""What an agent has said of a ticket in the end, field by field: what rules are held against. Pure.

On a ticket that an agent has worked on and that has ended, the last value that an agent has set is certain; what nobody
corrected counts as right too, but weakly: perhaps nobody looked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.ticket import ALWAYS_FILLED, COLUMNS, Authority, Field, FieldValue

# What follows from others: an agent who corrects one of these has said what the other is.
_FOLLOWS = {
    Field.PRIORITY.value: (Field.TYPE.value, Field.IMPACT.value, Field.URGENCY.value),
    Field.SUBCATEGORY.value: (Field.CATEGORY.value,),
}
# Of these, a ticket has many; they are compared as one text.
_SETS = (Field.TAG, Field.WATCHER)
# The others are mostly left empty by rules, and by agents too: they count where a policy and an agent say something.
REQUIRED = frozenset(field.value for field in ALWAYS_FILLED if field is not Field.ASSIGNEE)


@dataclass(frozen=True, kw_only=True)
class Word:
    """What one field should be in the end, and whether an agent has said so."""

    value: str
    certain: bool


def by_key(values: Iterable[FieldValue]) -> dict[str, FieldValue]:
    """The values by key; of what a ticket has many of, one text of all, in order, with all their rules."""
    found: dict[str, FieldValue] = {}
    many: dict[Field, list[FieldValue]] = {}
    for value in values:
        if value.field in _SETS:
            many.setdefault(value.field, []).append(value)
        else:
            found[value.key] = value
    for of_field, several in many.items():
        texts = sorted({value.value for value in several if value.value})
        rules = dict.fromkeys(value.rule for value in several if value.rule)
        authority = min((value.authority for value in several), key=list(Authority).index)
        joined, by = ", ".join(texts), " + ".join(rules)
        found[of_field.value] = FieldValue(field=of_field, value=joined, authority=authority, rule=by)
    return found


def words_of(final: Iterable[FieldValue], opened: Iterable[FieldValue]) -> dict[str, Word]:
    """What each field of a ticket should be, which ended as `final` and had been opened as `opened`.

    What only rules have changed since (on a reply) says nothing against what they said when it opened.
    """
    final, opened = tuple(final), tuple(opened)
    ended, began = by_key(final), by_key(opened)
    words = {}
    for key in dict.fromkeys([*began, *ended]):
        of_field = Field(key.partition(".")[0])
        if of_field not in COLUMNS and of_field is not Field.NAMED:
            continue
        certain = is_agents(ended, key) or (
            _authority(ended, key) is Authority.DEFAULT and any(is_agents(ended, one) for one in _FOLLOWS.get(key, ()))
        )
        if certain or key in REQUIRED:
            words[key] = Word(value=text_of(ended if certain else began, key), certain=certain)
    tags = {value.name for value in opened if value.field is Field.TAG}
    said = {value.name: value.value for value in final if _is_tag_of_agent(value)}
    tags = {tag for tag in tags if said.get(tag, tag)} | {tag for tag, kept in said.items() if kept}
    if said:
        words[Field.TAG.value] = Word(value=", ".join(sorted(tags)), certain=True)
    return words


def is_agents(values: Mapping[str, FieldValue], key: str) -> bool:
    """Whether an agent has set the field under a key."""
    return _authority(values, key) is Authority.AGENT


def text_of(values: Mapping[str, FieldValue], key: str) -> str:
    """The value under a key, "" where there is none."""
    return values[key].value if key in values else ""


def _is_tag_of_agent(value: FieldValue) -> bool:
    return value.field is Field.TAG and value.authority is Authority.AGENT


def _authority(values: Mapping[str, FieldValue], key: str) -> Authority | None:
    return values[key].authority if key in values else None
