"""The conditions of rules: what each looks at in a mail, and how a tree of them is tried.

Every condition asks one question: which of the entries that the rules have for it are there in this mail? All entries
of all rules are looked for at once (RE2 sets); a rule then only looks up its own. So the cost of a mail hardly depends
on how many rules there are, and no pattern can be slow.

To add a condition: a key in `policy.rules.Condition`, one function here, and one row in `CONDITIONS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import re2

from gateway.mail import Mail, MailKind
from gateway.policy import Condition
from gateway.triage.words import fold, word_patterns

# An entry of one condition as the rule's author wrote it: ("subject", "vpn"), ("header:list-id", "announce").
Entry = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class View:
    """What rules look at: the subject and new text (of a passed-on mail too), who sends, and the mail itself."""

    mail: Mail
    subject: str
    body: str
    sender: str
    kind: MailKind


class PhraseSet:
    """Entries that are looked for in text all at once: an RE2 set, immutable once built."""

    def __init__(self, entries: Iterable[str], patterns_of: Callable[[str], tuple[str, ...]], whole: bool) -> None:
        self._entries_of: list[list[str]] = []
        numbers: dict[str, int] = {}
        for entry in dict.fromkeys(entries):
            for pattern in patterns_of(entry):
                number = numbers.setdefault(pattern, len(numbers))
                if number == len(self._entries_of):
                    self._entries_of.append([])
                self._entries_of[number].append(entry)
        options = re2.Options()
        options.log_errors = False
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


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """All entries of all rules, by the way in which they are looked for."""

    words: PhraseSet
    addresses: PhraseSet
    filenames: PhraseSet
    header_names: tuple[str, ...]


def build_vocabulary(entries: Iterable[Entry]) -> Vocabulary:
    """Compile the entries of all rules once."""
    by_key: dict[str, list[str]] = {}
    for key, entry in entries:
        by_key.setdefault(key, []).append(entry)
    headers = [key.removeprefix("header:") for key in by_key if key.startswith("header:")]
    worded = ["words", "subject", "body", *(f"header:{name}" for name in headers)]
    words = [word for key in worded for word in by_key.get(key, ()) if word != "*"]
    return Vocabulary(
        words=PhraseSet(words, word_patterns, whole=False),
        addresses=PhraseSet(by_key.get("from", []) + by_key.get("to", []), _wildcard_patterns, whole=True),
        filenames=PhraseSet(by_key.get("attachment", []), _wildcard_patterns, whole=True),
        header_names=tuple(headers),
    )


def _wildcard_patterns(text: str) -> tuple[str, ...]:
    """Write a name with * as an RE2 pattern that must match the whole."""
    return (".*".join(re.sub(r"[!-/:-@\[-^`{-~]", r"\\\g<0>", part) for part in text.casefold().split("*")),)


Found = Iterator[Entry]
Look = Callable[[View, Vocabulary], Found]


def _words(view: View, vocabulary: Vocabulary) -> Found:
    """Words in the subject, in the new text, and so in either."""
    in_subject = vocabulary.words.found_in(fold(view.subject))
    in_body = vocabulary.words.found_in(fold(view.body))
    yield from (("subject", word) for word in in_subject)
    yield from (("body", word) for word in in_body)
    yield from (("words", word) for word in in_subject | in_body)


def _headers(view: View, vocabulary: Vocabulary) -> Found:
    """Words in a header; "*" for its being there at all."""
    for name in vocabulary.header_names:
        values = view.mail.all_headers(name)
        if values:
            yield f"header:{name}", "*"
            yield from ((f"header:{name}", word) for word in vocabulary.words.found_in(fold("\n".join(values))))


def _sender(view: View, vocabulary: Vocabulary) -> Found:
    yield from (("from", pattern) for pattern in vocabulary.addresses.found_in(view.sender.casefold()))


def _recipients(view: View, vocabulary: Vocabulary) -> Found:
    mail = view.mail
    for address in {*(person.address for person in (*mail.to, *mail.cc)), *mail.delivered_to}:
        yield from (("to", pattern) for pattern in vocabulary.addresses.found_in(address.casefold()))


def _attachments(view: View, vocabulary: Vocabulary) -> Found:
    for attachment in view.mail.attachments:
        yield from (("attachment", name) for name in vocabulary.filenames.found_in(attachment.filename.casefold()))


def _language(view: View, vocabulary: Vocabulary) -> Found:
    """The language as it is written, and without its region: "pt-BR" is "pt" too."""
    language = view.mail.language.casefold()
    yield "language", language
    yield "language", language.partition("-")[0]


def _kind(view: View, vocabulary: Vocabulary) -> Found:
    yield "kind", view.kind.value


# Which keys of `when` a function answers for; docs test: every key but the groups has its row.
CONDITIONS: tuple[tuple[tuple[str, ...], Look], ...] = (
    (("words", "subject", "body"), _words),
    (("header",), _headers),
    (("from",), _sender),
    (("to",), _recipients),
    (("attachment",), _attachments),
    (("language",), _language),
    (("kind",), _kind),
)


def look(view: View, vocabulary: Vocabulary) -> frozenset[Entry]:
    """List every entry of every rule that is there in a mail."""
    return frozenset(entry for _, function in CONDITIONS for entry in function(view, vocabulary))


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One `when` or one member of a group: one entry of each of `choices`, and every group, must hold."""

    choices: tuple[frozenset[Entry], ...]
    any: tuple[Requirement, ...] = ()
    all: tuple[Requirement, ...] = ()
    none: tuple[Requirement, ...] = ()

    def holds(self, found: frozenset[Entry]) -> bool:
        """Say whether this holds where those entries were found."""
        for choice in self.choices:
            if choice.isdisjoint(found):
                return False
        if self.any and not _one_holds(self.any, found):
            return False
        for test in self.all:
            if not test.holds(found):
                return False
        return not _one_holds(self.none, found)

    def entries(self) -> Iterator[Entry]:
        """Walk every entry of the tree."""
        for choice in self.choices:
            yield from choice
        for group in (self.any, self.all, self.none):
            for test in group:
                yield from test.entries()

    def triggers(self) -> frozenset[Entry] | None:
        """Give entries of which at least one is found whenever this holds; None = it may hold without any."""
        candidates: list[frozenset[Entry]] = [*self.choices]
        candidates += [triggers for test in self.all if (triggers := test.triggers()) is not None]
        branches = [test.triggers() for test in self.any]
        known = [branch for branch in branches if branch is not None]
        if branches and len(known) == len(branches):
            candidates.append(frozenset().union(*known))
        return min(candidates, key=len, default=None)


def _one_holds(tests: tuple[Requirement, ...], found: frozenset[Entry]) -> bool:
    return any(test.holds(found) for test in tests)


def compile_condition(condition: Condition) -> Requirement:
    """Turn a `when` into what is looked up."""
    choices = [frozenset((f"header:{name}", word) for word in words) for name, words in condition.header.items()]
    for name, field in Condition.model_fields.items():
        key = field.alias or name
        if key in ("header", "any", "all", "none"):
            continue
        values: tuple[str, ...] = getattr(condition, name)
        if values:
            folded = (value.casefold() for value in values) if key == "language" else values
            choices.append(frozenset((key, str(value)) for value in folded))
    return Requirement(
        choices=tuple(choices),
        any=tuple(map(compile_condition, condition.any)),
        all=tuple(map(compile_condition, condition.all)),
        none=tuple(map(compile_condition, condition.none)),
    )
