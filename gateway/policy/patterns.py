"""Patterns of rules: RE2's, so that none can be slow, each checked where it stands.

They look at text as it stands, in any case unless the pattern says otherwise; `^` and `$` are the ends of a line.
What may fail: whatever RE2 can't promise to match in linear time, said in an admin's words.
"""

from __future__ import annotations

import re
from functools import lru_cache

import re2

from gateway.options.suggestions import quoted
from gateway.options.tables import wrong

# What stands before every pattern: any case, and a line's ends for ^ and $.
FLAGS = "(?im)"
# RE2's instructions; a pattern that a person can read has fewer than a hundred, a class of all letters has 1,200.
LARGEST_PROGRAM = 10_000
# Names that `set` knows by itself, so that a capture must not take them.
BUILT_IN = ("sender", "sender_name", "subject", "desk", "person", "ticket")

_NAMES = re.compile(r"(?<!\\)\(\?P?<([^>=!]*)>")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
# Texts in which a pattern that can match nothing at all shows it.
_SAMPLES = ("", "a", "1", "a b", " ", "-", "\n")
# A pattern that is content with each of these alone asks for nothing.
_LETTERS = ("q", "b", "x", "e")
# What other regular expressions have: how to recognise it, what to call it, and what to write instead.
_ELSEWHERE = (
    (
        re.compile(r"(?<!\\)\(\?<?[=!]"),
        "looks ahead or behind, which patterns here can't",
        'for what must not be there write none = [{ words = ["…"] }]',
    ),
    (
        re.compile(r"(?<!\\)(?:\\\\)*\\[1-9]|\(\?P="),
        "refers back to what it captured, which patterns here can't",
        'capture both by name and write captured = { second = "{first}" }',
    ),
    (
        re.compile(r"(?<!\\)(?:\(\?>|[*+?}]\+)"),
        "forbids going back, which is not needed here",
        "no pattern can be slow; leave it out",
    ),
    (re.compile(r"(?<!\\)\(\?[#x]"), "has a comment in it, or (?x)", "write it without, and put the comment behind #"),
    (re.compile(r"\\Z"), r"ends with \Z", r"write \z"),
)


# What RE2 begins with, and what to do.
_MENDED = (
    ("missing ]", r"close the [ with ], or write \[ for the character"),
    ("missing )", r"close the ( with ), or write \( for the character"),
    ("unexpected )", r"write \) for the character"),
    ("no argument for repetition", r"write .* for any text, or \* \+ \? for the characters"),
    ("invalid character class range", "write the smaller one first, like [a-z]"),
    ("trailing \\", r"write \\ for the character"),
    ("invalid escape sequence", "leave the \\ out before letters"),
)


@lru_cache(maxsize=20_000)
def compiled(pattern: str) -> re2._Regexp:
    """Compile a pattern as it is looked for; raises `re2.error`."""
    return re2.compile(FLAGS + pattern, pattern_options())


def pattern_options() -> re2.Options:
    """How RE2 reads patterns: without words of its own on standard error."""
    options = re2.Options()
    options.log_errors = False
    return options


def names_in(pattern: str) -> tuple[str, ...]:
    """List the names under which a pattern that was checked captures text."""
    return tuple(compiled(pattern).groupindex)


def checked(pattern: str) -> str:
    """Return a pattern that may be used; else raise what is wrong with it and what to write instead."""
    if not pattern.strip():
        raise wrong("is an empty pattern", "leave it out")
    if any(character < " " and character not in "\t\n" for character in pattern):
        raise wrong(
            "has a control character where a \\ was meant", "write patterns in single quotes: '" + r"\bvpn\b" + "'"
        )
    try:
        size = compiled(pattern).programsize
    except re2.error as error:
        raise _refused(pattern, error) from None
    if size > LARGEST_PROGRAM:
        raise wrong(f"'{pattern}' is too large a pattern", "repeat less often, or write several patterns")
    names = _NAMES.findall(pattern)
    for name in names:
        if not _NAME.fullmatch(name):
            raise wrong(f"{quoted(name)} can't be the name of a capture", "write small letters, like (?P<host>…)")
        if name in BUILT_IN:
            raise wrong(f"{{{name}}} is there in every rule, so no pattern may capture it", "take another name")
        if names.count(name) > 1:
            raise wrong(f"captures {quoted(name)} twice", "take two names, or write two patterns")
    if _may_be_empty(pattern):
        message = f"'{pattern}' matches the empty text, and so every mail"
        raise wrong(message, "write + instead of *, or drop the ?")
    return pattern


def _may_be_empty(pattern: str) -> bool:
    found = (compiled(pattern).search(sample) for sample in _SAMPLES)
    return any(match is not None and not match.group() for match in found)


def matches_nothing(pattern: str) -> bool:
    """Whether RE2 itself sees that a pattern never matches, like '[^\\s\\S]'."""
    return int(compiled(pattern).programsize) <= 1


def matches_anything(pattern: str) -> bool:
    """Whether a pattern matches wherever anything is written: any letter alone is enough for it."""
    return all(compiled(pattern).search(sample) is not None for sample in _LETTERS)


def _refused(pattern: str, error: re2.error) -> Exception:
    for trait, message, suggestion in _ELSEWHERE:
        if trait.search(pattern):
            return wrong(f"'{pattern}' {message}", suggestion)
    said = error.args[0].decode("utf-8", "replace") if error.args and isinstance(error.args[0], bytes) else str(error)
    # RE2 repeats what stands before every pattern, which the admin never wrote.
    if "repetition size" in said or "too large" in said:
        return wrong(f"'{pattern}' repeats too often", "repeat a thousand times at most, in all")
    said = said.replace(FLAGS, "")
    hint = next((hint for words, hint in _MENDED if said.startswith(words)), "")
    return wrong(f"'{pattern}' is not a pattern: {said}", hint)
