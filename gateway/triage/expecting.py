"""What an `[[example]]` expects, held against what its mail became: every difference, with the rule that made it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.policy import Expectation, Policy
from gateway.ticket import Classification, Field, FieldValue


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One key of `expect` that came out otherwise: `path` below `expect`, and both sides in words."""

    path: tuple[str, ...]
    got: str
    by: str
    wanted: str


def differences(expected: Expectation, made: Classification, policy: Policy) -> Iterator[Difference]:
    """Walk the keys of an expectation that the classification does not meet, by name."""
    for name in sorted(expected.model_fields_set):
        wanted = getattr(expected, name)
        if name == Field.NAMED:
            for one, text in wanted.items():
                yield from _one(made, Field.NAMED, text, policy, name=one)
        elif name in (Field.TAG, Field.WATCHER):
            yield from _all(made, Field(name), wanted or (), policy)
        else:
            yield from _one(made, Field(name), wanted, policy)


def _one(made: Classification, field: Field, wanted: object, policy: Policy, name: str = "") -> Iterator[Difference]:
    found = next((value for value in made.all(field) if value.name == name), None)
    got = found.value if found is not None else ("true" if field is Field.ACKNOWLEDGE else "")
    spelt = _spelt(policy, field, str(wanted).lower() if isinstance(wanted, bool) else str(wanted or ""))
    if got != spelt:
        path = (field.value, name) if name else (field.value,)
        yield Difference(path=path, got=got, by=_by(field, [found] if found is not None else []), wanted=spelt)


def _all(made: Classification, field: Field, wanted: tuple[str, ...], policy: Policy) -> Iterator[Difference]:
    found = made.all(field)
    got, spelt = {value.value for value in found}, {_spelt(policy, field, word) for word in wanted}
    if got != spelt:
        listed = ", ".join(value.value for value in found)
        wishes = ", ".join(_spelt(policy, field, word) for word in wanted)
        yield Difference(path=(field.value,), got=listed, by=_by(field, list(found)), wanted=wishes)


def _by(field: Field, found: list[FieldValue]) -> str:
    """Who filled it, in words."""
    rules = list(dict.fromkeys(value.rule for value in found if value.rule))
    if rules:
        named = " and ".join(f'"{rule}"' for rule in rules)
        return f"by the rule{'s' if len(rules) > 1 else ''} {named}"
    return "by the matrix" if field is Field.PRIORITY else "by default"


def _spelt(policy: Policy, field: Field, value: str) -> str:
    """A word as classification gives it: teams by short name, people by address."""
    if field is Field.TEAM and (team := policy.team_named(value)):
        return team.name
    if field in (Field.ASSIGNEE, Field.WATCHER) and (agent := policy.agent_named(value)):
        return agent.address
    return value.lower() if field is Field.WATCHER else value
