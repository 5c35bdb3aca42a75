"""A `when` as what is looked up: does it hold where those entries were found, and what do its patterns capture then?

Captures come from the parts of a rule that hold, from the outside in and from top to bottom; the first text under a
name stays. What a rule asks of captured text is asked last in its table, so that every pattern beside it has spoken.
To learn what a pattern captures takes a second look at the text, so only what needs it causes one: a `captured`, and a
text that a rule which holds would set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import re2

from gateway.policy import Condition
from gateway.policy.conditions import GROUPS
from gateway.policy.patterns import names_in
from gateway.policy.people import NO, YES, says_no, says_yes
from gateway.triage.conditions import PATTERN, Entry
from gateway.triage.sets import captures_in
from gateway.triage.view import View
from gateway.triage.words import fold, value_patterns

# What is found in so many mails that it says little about which rules to try.
_COARSE = frozenset(
    ("language", "kind", "to", "desk", "domain", "time", "size", "attachment_size", "authenticated", "tickets")
)
_COARSE_KINDS = ("auth:", "person:")


# What a rule that holds has captured by name, and the built-in names that every rule has: {sender}, {person.site}.
Captures = Mapping[str, str]
# What it costs to try a rule whenever one of these entries is found.
Cost = Callable[[frozenset[Entry]], float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """A mail as the rules look at it, and every entry of every rule that was found in it."""

    view: View
    found: frozenset[Entry]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One key of a `when`: one of these entries must be found; `keys` says where, like ("header", "x-priority")."""

    keys: tuple[str, ...]
    entries: tuple[Entry, ...]

    @cached_property
    def wanted(self) -> frozenset[Entry]:
        return frozenset(self.entries)


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One `when` or one member of a group: one entry of each of `choices`, what `captured` asks, and every group."""

    choices: tuple[Choice, ...]
    captured: tuple[tuple[str, tuple[str, ...]], ...] = ()
    any: tuple[Requirement, ...] = ()
    all: tuple[Requirement, ...] = ()
    none: tuple[Requirement, ...] = ()

    @cached_property
    def captures(self) -> tuple[Entry, ...]:
        """The patterns of this table that capture text by name."""
        patterns = (entry for choice in self.choices if choice.keys[0] == "pattern" for entry in choice.entries)
        return tuple((key, pattern) for key, pattern in patterns if names_in(pattern))

    @cached_property
    def has_names(self) -> bool:
        """Whether a pattern of this captures anything by name."""
        return bool(self.captures) or any(test.has_names for test in (*self.any, *self.all))

    @cached_property
    def asks_captured(self) -> bool:
        """Whether what was found is not enough to decide, because something is asked of what is captured."""
        return bool(self.captured) or any(test.asks_captured for test in (*self.any, *self.all, *self.none))

    def holds(self, found: frozenset[Entry]) -> bool:
        """Say whether this holds where those entries were found; only for what `asks_captured` says no about."""
        for choice in self.choices:
            if choice.wanted.isdisjoint(found):
                return False
        if self.any and not _one_holds(self.any, found):
            return False
        for test in self.all:
            if not test.holds(found):
                return False
        return not _one_holds(self.none, found)

    def captured_from(self, seen: Seen) -> Captures | None:
        """What there is to set where this holds: what is known of every mail, and what patterns capture; else None."""
        known = seen.view.built_in
        if self.asks_captured:
            scope: dict[str, str] = {}
            return {**known, **scope} if try_requirement(self, seen, scope) else None
        if not self.holds(seen.found):
            return None
        return _Late(self, seen) if self.has_names else known

    def entries(self) -> Iterator[Entry]:
        """Walk every entry of the tree."""
        for choice in self.choices:
            yield from choice.entries
        for group in (self.any, self.all, self.none):
            for test in group:
                yield from test.entries()

    def triggers(self, cost: Cost) -> frozenset[Entry] | None:
        """Give entries of which at least one is found whenever this holds, the cheapest such; None = there are none."""
        candidates: list[frozenset[Entry]] = [choice.wanted for choice in self.choices]
        candidates += [triggers for test in self.all if (triggers := test.triggers(cost)) is not None]
        branches = [test.triggers(cost) for test in self.any]
        known = [branch for branch in branches if branch is not None]
        if branches and len(known) == len(branches):
            candidates.append(frozenset().union(*known))
        return min(candidates, key=cost, default=None)


class _Late(Captures):
    """What there is to set where a requirement holds; what it captures is looked for when something asks for it."""

    def __init__(self, test: Requirement, seen: Seen) -> None:
        self._test = test
        self._seen = seen

    @cached_property
    def _all(self) -> Captures:
        scope: dict[str, str] = {}
        try_requirement(self._test, self._seen, scope)
        # No pattern may capture under a built-in name.
        return {**self._seen.view.built_in, **scope}

    def __getitem__(self, name: str) -> str:
        known = self._seen.view.built_in
        return known[name] if name in known else self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


def is_coarse(entry: Entry) -> bool:
    """Whether an entry is of a kind that is found in many mails."""
    return entry[0] in _COARSE or entry[0].startswith(_COARSE_KINDS)


def _one_holds(tests: tuple[Requirement, ...], found: frozenset[Entry]) -> bool:
    return any(test.holds(found) for test in tests)


def try_requirement(test: Requirement, seen: Seen, scope: dict[str, str]) -> bool:
    """Whether a requirement holds; `scope` is what was captured around it, and takes in what it captures itself.

    Where it does not hold, what it left in `scope` means nothing.
    """
    if any(choice.wanted.isdisjoint(seen.found) for choice in test.choices):
        return False
    for entry in test.captures:
        if entry in seen.found:
            _take(scope, captures_of(entry, seen.view))
    if not all(try_requirement(member, seen, scope) for member in test.all):
        return False
    if test.any and not _try_any(test.any, seen, scope):
        return False
    if not all(is_captured(name, values, scope) for name, values in test.captured):
        return False
    return not any(try_requirement(member, seen, dict(scope)) for member in test.none)


def _try_any(members: tuple[Requirement, ...], seen: Seen, scope: dict[str, str]) -> bool:
    """Try every member, for each that holds may capture something of its own."""
    one_holds = False
    for member in members:
        inner = dict(scope)
        if try_requirement(member, seen, inner):
            one_holds = True
            _take(scope, inner)
    return one_holds


def _take(scope: dict[str, str], captured: Mapping[str, str]) -> None:
    for name, text in captured.items():
        scope.setdefault(name, text)


def captures_of(entry: Entry, view: View) -> dict[str, str]:
    """What a pattern captures by name in the first of its texts that it matches."""
    key, pattern = entry
    for _, text in texts_of(key.removeprefix(PATTERN), view):
        if (captured := captures_in(pattern, text)) is not None:
            return captured
    return {}


def texts_of(key: str, view: View) -> Iterator[tuple[str, str]]:
    """Walk the texts that a key of words or patterns looks at, each with the name of its place."""
    if key in ("words", "subject"):
        yield "subject", view.subject
    if key in ("words", "body"):
        yield "body", view.body
    if key == "from":
        yield "from", view.sender
        yield "from", view.sender_name
    if key == "attachment":
        yield from (("attachment", attachment.filename) for attachment in view.mail.attachments)
    if key.startswith("header:"):
        yield key, "\n".join(view.mail.all_headers(key.removeprefix("header:")))


def is_captured(name: str, values: tuple[str, ...], scope: Mapping[str, str]) -> bool:
    """Whether the text under a name is one of these values."""
    return any(captured_is(scope.get(name, ""), value, scope) for value in values)


def captured_is(text: str, value: str, scope: Mapping[str, str]) -> bool:
    """Whether a captured text is one value: "*" anything, "{other}" another captured text, or a text with *."""
    if value in (YES, NO):
        says = says_yes if value == YES else says_no
        return says(text) or fold(text) == fold(value)
    if not text:
        return False
    if value.startswith("{") and value.endswith("}"):
        other = scope.get(value[1:-1], "")
        return bool(other) and fold(text) == fold(other)
    folded = fold(text)
    return value == "*" or any(re2.fullmatch(pattern, folded) is not None for pattern in value_patterns(value))


def compile_condition(condition: Condition) -> Requirement:
    """Turn a `when` into what is looked up."""
    return Requirement(
        choices=tuple(choices_of(condition)),
        captured=tuple(condition.captured.items()),
        any=tuple(map(compile_condition, condition.any)),
        all=tuple(map(compile_condition, condition.all)),
        none=tuple(map(compile_condition, condition.none)),
    )


def choices_of(condition: Condition) -> Iterator[Choice]:
    """Walk the keys of one table, groups and what is asked of captures left out."""
    for name, field in Condition.model_fields.items():
        key, value = field.alias or name, getattr(condition, name)
        if key in (*GROUPS, "captured") or (not value and value is not False):
            continue
        if key == "pattern":
            for place, patterns in value.everywhere():
                keys = ("pattern", *place.split(":", 1))
                yield Choice(keys=keys, entries=tuple((PATTERN + place, pattern) for pattern in patterns))
        elif isinstance(value, dict):
            for part, values in value.items():
                yield Choice(keys=(key, part), entries=tuple((f"{key}:{part}", text) for text in values))
        elif isinstance(value, bool):
            yield Choice(keys=(key,), entries=((key, YES if value else NO),))
        else:
            texts = (text.casefold() if key == "language" else str(text) for text in value)
            yield Choice(keys=(key,), entries=tuple((key, text) for text in texts))
