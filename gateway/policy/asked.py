"""What conditions ask for that only the whole file knows: addresses of the desk, what is known of people, captures."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.options.problems import Mistake, Path
from gateway.options.suggestions import did_you_mean, nearest_or_all
from gateway.policy.conditions import DEEPEST_GROUP, Condition, names_captured, tables_of
from gateway.policy.policy import Policy


def asked(policy: Policy) -> Iterator[Mistake]:
    """List what rules ask for and can never get."""
    known = {attribute for person in policy.people.values() for attribute in person}
    for number, rule in enumerate(policy.rules):
        names = names_captured(rule.when)
        for path, table in tables_of(rule.when, ("rule", number, "when")):
            if len(path) == 3 + 2 * (DEEPEST_GROUP + 1):
                message = f"is nested more than {DEEPEST_GROUP} deep, which nobody can read"
                yield Mistake(path=path, message=message, suggestion="write two rules")
            yield from _desk(policy, table, path)
            yield from _attributes(table, path, known)
            yield from _captures(table, path, names)
    rules = {rule.name: names_captured(rule.when) for rule in policy.rules}
    for number, example in enumerate(policy.examples):
        if example.captured and not example.rule:
            message, hint = "says what a rule captures, but not which", 'write rule = "…" beside it'
            yield Mistake(path=("example", number, "captured"), message=message, suggestion=hint)
        for name in example.captured if example.rule in rules else ():
            if name not in rules[example.rule]:
                yield _not_captured(("example", number, "captured", name), name, rules[example.rule])


def _desk(policy: Policy, table: Condition, path: Path) -> Iterator[Mistake]:
    ours = (policy.desk.address, *policy.desk.aliases)
    for index, address in enumerate(table.desk):
        if "*" not in address and not policy.is_desk_address(address):
            hint = did_you_mean(address, ours, cutoff=0.85)
            message = f'"{address}" is not an address of the desk'
            hint = hint or "add it to aliases in [desk]"
            yield Mistake(path=(*path, "desk", index), message=message, suggestion=hint)


def _attributes(table: Condition, path: Path, known: set[str]) -> Iterator[Mistake]:
    for name in table.person:
        if name in known:
            continue
        message, hint = f'nobody\'s "{name}" is known', nearest_or_all(name, sorted(known))
        if not known:
            message = "nothing is known of anybody"
            hint = f'write [[person]] with address and {name}, or [people] with file = "people.csv"'
        yield Mistake(path=(*path, "person", name), message=message, suggestion=hint)


def _captures(table: Condition, path: Path, names: tuple[str, ...]) -> Iterator[Mistake]:
    for name, values in table.captured.items():
        if name not in names:
            yield _not_captured((*path, "captured", name), name, names)
        for index, value in enumerate(values):
            other = value[1:-1] if value.startswith("{") and value.endswith("}") else ""
            if other and other not in names:
                yield _not_captured((*path, "captured", name, index), other, names)


def _not_captured(path: Path, name: str, names: tuple[str, ...]) -> Mistake:
    hint = nearest_or_all(name, names) or f"write pattern = '… (?P<{name}>[a-z0-9-]+)'"
    return Mistake(path=path, message=f'no pattern of this rule captures "{name}"', suggestion=hint)
