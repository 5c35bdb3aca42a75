"""Whether one condition holds wherever another does, as far as that can be told without a mail.

A no here means "perhaps not": what is found is true, what is true is not always found. All entries of a file are looked
up in each other at once, as they are in a mail, so that thousands of rules take no longer than their words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from gateway.policy.measures import size_asked, tickets_asked
from gateway.policy.people import NO, YES
from gateway.triage.conditions import PATTERN, Entry
from gateway.triage.requirements import Choice, Requirement
from gateway.triage.sets import PhraseSet, wildcard_patterns
from gateway.triage.words import STAR, text_of_value, texts_of_word, value_patterns, word_patterns

_ADDRESSES = ("from", "to", "desk", "domain")
_FILES = ("attachment", "attachment_type")
# A choice between so many groups at most is taken apart.
_MOST_CASES = 3
# Of the rules that are found by one entry, the first so many are looked at.
_MOST_BEHIND = 20


class Implications:
    """Which entries of a file are found wherever another one is."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._known = frozenset(entries)
        self._implied: dict[Entry, frozenset[Entry]] = {}

    def of(self, entry: Entry) -> frozenset[Entry]:
        """Every entry of the file that is found where this one is, itself among them."""
        if entry not in self._implied:
            found = self._known.intersection(self._following(entry))
            self._implied[entry] = found | {entry}
        return self._implied[entry]

    def _following(self, entry: Entry) -> Iterator[Entry]:
        key, text = entry
        kind, _, name = key.partition(":")
        if kind in ("words", "subject", "body", "header"):
            yield from self._words(kind, name, text)
        elif key in _ADDRESSES:
            yield from ((key, one) for one in self._like_address(text))
            if key == "from":
                yield from (("domain", one) for one in self._like_address(text.rpartition("@")[2]))
        elif key in _FILES:
            found = self._files.found_in(text.replace("*", STAR).casefold())
            yield from ((key, one) for one in found)
        elif kind == "person" and text != NO:
            yield key, "*"
            # "yes" is said in many words, which no pattern need match.
            if text != YES:
                yield from ((key, one) for one in self._values.found_in(text_of_value(text)))
        elif kind.startswith(PATTERN):
            if key in ("pattern.subject", "pattern.body"):
                yield "pattern.words", text
            if kind == "pattern.header":
                yield f"header:{name}", "*"
        elif key == "language":
            yield key, text.partition("-")[0]
        else:
            yield from self._measured(key, text)

    def _words(self, kind: str, name: str, text: str) -> Iterator[Entry]:
        found = frozenset.intersection(*(self._phrases.found_in(spelt) for spelt in texts_of_word(text)))
        if kind == "header":
            yield f"header:{name}", "*"
            yield from ((f"header:{name}", word) for word in found if text != "*")
            return
        for word in found:
            yield kind, word
            yield "words", word

    def _like_address(self, text: str) -> Iterator[str]:
        """Addresses and domains of the file that cover this one; those of one whole domain without a search."""
        lowered = text.casefold()
        yield lowered
        yield f"*@{lowered.rpartition('@')[2]}"
        yield from self._addresses.found_in(lowered.replace("*", STAR))

    def _measured(self, key: str, text: str) -> Iterator[Entry]:
        if key in ("size", "attachment_size"):
            above, limit = size_asked(text)
            for other in self._texts(key):
                is_above, other_limit = size_asked(other)
                if is_above is above and (other_limit <= limit if above else other_limit >= limit):
                    yield key, other
        elif key == "tickets":
            count, period = tickets_asked(text)
            for other in self._texts(key):
                other_count, other_period = tickets_asked(other)
                if other_period == period and other_count <= count:
                    yield key, other

    def _texts(self, *keys: str) -> list[str]:
        return [text for key, text in sorted(self._known) if key in keys or f"{key.partition(':')[0]}:" in keys]

    @cached_property
    def _phrases(self) -> PhraseSet:
        words = (word for word in self._texts("words", "subject", "body", "header:") if word != "*")
        return PhraseSet(words, word_patterns, whole=False)

    @cached_property
    def _addresses(self) -> PhraseSet:
        odd = (text for text in self._texts(*_ADDRESSES) if "*" in text.removeprefix("*@"))
        return PhraseSet(odd, wildcard_patterns, whole=True)

    @cached_property
    def _files(self) -> PhraseSet:
        return PhraseSet(self._texts(*_FILES), wildcard_patterns, whole=True)

    @cached_property
    def _values(self) -> PhraseSet:
        return PhraseSet(self._texts("person:"), value_patterns, whole=True)

    def covers(self, entries: Iterable[Entry], wanted: frozenset[Entry]) -> bool:
        """Whether one of `wanted` is found whichever of `entries` is."""
        return all(one in wanted or not self.of(one).isdisjoint(wanted) for one in entries)

    def implies(self, narrow: Requirement, wide: Requirement) -> bool:
        """Whether `wide` holds wherever `narrow` does."""
        return narrow == wide or self.follows(given_by(narrow), wide)

    def follows(self, given: Given, wide: Requirement) -> bool:
        """Whether a condition holds wherever what is given does."""
        if self._follows(given, wide):
            return True
        if not given.anys or given.cases >= _MOST_CASES:
            return False
        first, *rest = given.anys
        without = replace(given, anys=tuple(rest), cases=given.cases + 1)
        return all(self.follows(without.and_also(given_by(member)), wide) for member in first)

    def _follows(self, given: Given, wide: Requirement) -> bool:
        if wide.captured:
            return False
        for choice in wide.choices:
            if not any(self.covers(one.entries, choice.wanted) for one in given.choices):
                return False
        if not all(self._follows(given, member) for member in wide.all):
            return False
        if wide.any and not any(self._follows(given, member) for member in wide.any):
            return False
        return all(self._excludes(given, member) for member in wide.none)

    def _excludes(self, given: Given, member: Requirement) -> bool:
        """Whether what is given rules out that a condition holds."""
        return any(self.implies(member, excluded) for excluded in given.nones)


@dataclass(frozen=True, kw_only=True)
class Given:
    """What is known where a condition holds: its choices and groups, those of `all` members among them."""

    choices: tuple[Choice, ...]
    anys: tuple[tuple[Requirement, ...], ...] = ()
    nones: tuple[Requirement, ...] = ()
    cases: int = 0

    def and_also(self, other: Given) -> Given:
        return Given(
            choices=self.choices + other.choices,
            anys=self.anys + other.anys,
            nones=self.nones + other.nones,
            cases=self.cases,
        )


def given_by(test: Requirement) -> Given:
    """What is known where a condition holds."""
    given = Given(choices=test.choices, anys=(test.any,) if test.any else (), nones=test.none)
    for member in test.all:
        given = given.and_also(given_by(member))
    return given


class WhereToLook:
    """Finds, for a condition, the rules that it may imply, without trying every pair.

    Each rule is filed under that key of its condition whose entries the fewest other rules have, or with those that ask
    for nothing that could be looked up.
    """

    def __init__(self, tests: Mapping[int, Requirement], known: Implications) -> None:
        self._known = known
        counts: dict[Entry, int] = {}
        for test in tests.values():
            for entry in set(test.entries()):
                counts[entry] = counts.get(entry, 0) + 1
        self._by_entry: dict[Entry, list[int]] = {}
        self._always: list[int] = []
        for number, test in tests.items():
            entries = test.triggers(lambda entries: sum(counts[entry] for entry in entries))
            for entry in entries or ():
                self._by_entry.setdefault(entry, []).append(number)
            if entries is None:
                self._always.append(number)

    def candidates(self, given: Given) -> set[int]:
        """The rules that may hold wherever this does."""
        found = set(self._always[:_MOST_BEHIND])
        for choice in given.choices:
            # Every entry must lead there, so one of them is enough to look.
            found |= min((self._behind(entry) for entry in choice.entries), key=len, default=set())
        for group in given.anys:
            found |= self.candidates(given_by(group[0]))
        return found

    def _behind(self, entry: Entry) -> set[int]:
        lists = (self._by_entry[one][:_MOST_BEHIND] for one in self._known.of(entry) if one in self._by_entry)
        return {number for numbers in lists for number in numbers}
