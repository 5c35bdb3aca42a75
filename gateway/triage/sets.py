"""Everything that all rules look for in a text, found at once: RE2's sets, immutable once built.

The cost of a text hardly depends on how much is looked for, and no pattern can be slow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import re2

from gateway.policy.patterns import FLAGS, compiled, pattern_options
from gateway.triage.words import TEXT_LIMIT_CHARS

_ASCII_PUNCTUATION = re.compile(r"[!-/:-@\[-^`{-~]")


class PhraseSet:
    """Entries that are looked for in text all at once; `whole`: an entry must be the whole text."""

    def __init__(self, entries: Iterable[str], patterns_of: Callable[[str], tuple[str, ...]], whole: bool) -> None:
        self._entries_of: list[list[str]] = []
        numbers: dict[str, int] = {}
        for entry in dict.fromkeys(entries):
            for pattern in patterns_of(entry):
                number = numbers.setdefault(pattern, len(numbers))
                if number == len(self._entries_of):
                    self._entries_of.append([])
                self._entries_of[number].append(entry)
        options = pattern_options()
        options.max_mem = 256 << 20
        self._set = re2.Set.FullMatchSet(options) if whole else re2.Set.SearchSet(options)
        for pattern in numbers:
            self._set.Add(pattern)
        if numbers:
            self._set.Compile()

    def found_in(self, text: str) -> frozenset[str]:
        """Name the entries that are in a text."""
        if not self._entries_of:
            return frozenset()
        # `Match` gives None, not an empty list, where nothing is found.
        return frozenset(entry for number in self._set.Match(text) or () for entry in self._entries_of[number])


class PatternSet:
    """Patterns of rules, each tried only where its fixed letters are in the text."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = tuple(dict.fromkeys(patterns))
        self._filter = re2.Filter()
        for pattern in self._patterns:
            self._filter.Add(FLAGS + pattern, pattern_options())
        if self._patterns:
            self._filter.Compile()

    def found_in(self, text: str) -> frozenset[str]:
        """Name the patterns that match somewhere in a text."""
        if not self._patterns or not text:
            return frozenset()
        return frozenset(self._patterns[number] for number in self._filter.Match(_encoded(text)) or ())

    def always_tried(self) -> tuple[str, ...]:
        """The patterns without fixed letters: these are tried on every text, however little it has of them."""
        if not self._patterns:
            return ()
        # `True`: not what matches, but what may.
        return tuple(self._patterns[number] for number in self._filter.Match(b"", True) or ())


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a pattern matches first, in characters from `start` to `end`, and what it captures there by name."""

    start: int
    end: int
    captured: dict[str, str]


def captures_in(pattern: str, text: str) -> dict[str, str] | None:
    """What a pattern captures by name where it first matches; None where it does not."""
    match = compiled(pattern).search(_encoded(text))
    return _named(match.groupdict()) if match is not None else None


def place_of(pattern: str, text: str) -> Place | None:
    """Where a pattern matches first; None where it does not."""
    encoded = _encoded(text)
    match = compiled(pattern).search(encoded)
    if match is None:
        return None
    start, end = (len(encoded[:position].decode()) for position in match.span())
    return Place(start=start, end=end, captured=_named(match.groupdict()))


def _named(groups: Mapping[str, bytes | None]) -> dict[str, str]:
    captured = {name: " ".join(value.decode().split()) for name, value in groups.items() if value is not None}
    return {name: value for name, value in captured.items() if value}


@lru_cache(maxsize=4)
def _encoded(text: str) -> bytes:
    """As RE2 reads it: once for all patterns that are tried on one mail."""
    return text[:TEXT_LIMIT_CHARS].encode("utf-8", "replace")


def wildcard_patterns(text: str) -> tuple[str, ...]:
    """Write a name with * as an RE2 pattern that must match the whole."""
    return (".*".join(_ASCII_PUNCTUATION.sub(r"\\\g<0>", part) for part in text.casefold().split("*")),)
