"""Find rules in tickets as agents finally set them: words, phrases, senders and domains that tell a category, team or
type that no rule in force fills.

The tickets are split by time: rules are found in the older two thirds and measured on the newest third, which has had
no say in them. A rule is small (`MOST_TERMS`) and greedy: the term that brings the most new tickets first. Where most
tickets are of one kind anyway, being right as often as that says nothing: a term must halve the errors at least.
Words come from several people, so that nobody's name or signature becomes a rule. Pure; nothing here fails.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from gateway.ticket import Field
from gateway.triage.ticket_words import words_of

FIELDS = (Field.CATEGORY, Field.TEAM, Field.TYPE)
MOST_TERMS = 6
HELD_OUT = 1 / 3
_LEAST_TICKETS = 5
_LEAST_HELD_OUT = 3
_LEAST_PRECISION = 0.85
_LEAST_HELD_OUT_PRECISION = 0.8
_LEAST_PEOPLE = 3
# A name is a word of the matter where so many people write it.
_PEOPLE_FOR_A_NAME = 10
_LEAST_GAIN = 3
# One chance in a thousand.
_LEAST_EVIDENCE = math.log(1000)
# One wrong ticket outweighs so many right ones.
_WRONG = 3
_MOST_WORDS = 80
_EXAMPLE_WORDS = 7
_FROM, _DOMAIN = "\0from ", "\0domain "


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A value that a rule would set: how many tickets it takes and in how many that is right, held out and older."""

    field: Field
    value: str
    held_out: int
    held_out_right: int
    older: int
    older_right: int

    @property
    def precision(self) -> float:
        return self.held_out_right / self.held_out


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A rule that would be right; `subject` is made of frequent words of subjects that it takes, without any name."""

    sets: tuple[Measured, ...]
    words: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    subject: str = ""


@dataclass(kw_only=True)
class Material:
    """Tickets to learn from, in the order of time; one list for each thing, since there may be many.

    `private` are words of people's names, `fallback` is what a field is without any rule.
    """

    private: frozenset[str] = frozenset()
    own_domains: frozenset[str] = frozenset()
    fallback: Mapping[Field, str] = field(default_factory=dict)
    requesters: list[str] = field(default_factory=list)
    words: list[tuple[str, ...]] = field(default_factory=list)
    subjects: list[tuple[str, ...]] = field(default_factory=list)
    settled: list[Mapping[Field, str]] = field(default_factory=list)
    open: list[frozenset[Field]] = field(default_factory=list)
    moments: list[datetime] = field(default_factory=list)
    spellings: dict[str, Counter[str]] = field(default_factory=dict)

    def add(
        self,
        *,
        at: datetime,
        requester: str,
        subject: str,
        text: str,
        settled: Mapping[Field, str],
        open_fields: frozenset[Field],
    ) -> None:
        """Take one ticket. `settled` are the fields whose value an agent has set or let stand, `open_fields` those that
        no rule in force fills."""
        in_subject = tuple(self._read(subject))
        self.subjects.append(in_subject)
        # Nothing is a phrase across the end of the subject.
        self.words.append((*in_subject, "", *self._read(text))[:_MOST_WORDS])
        self.requesters.append(requester)
        self.settled.append(settled)
        self.open.append(open_fields)
        self.moments.append(at)

    def _read(self, text: str) -> Iterator[str]:
        for folded, written in words_of(text):
            if folded != written:
                self.spellings.setdefault(folded, Counter())[written] += 1
            yield folded

    def spelt(self, term: str) -> str:
        """Words as people mostly write them: "zurücksetzen", not "zurucksetzen"."""
        spellings = (self.spellings.get(word) for word in term.split())
        return " ".join(
            found.most_common(1)[0][0] if found else word for word, found in zip(term.split(), spellings, strict=True)
        )

    def __len__(self) -> int:
        return len(self.words)


def propose(material: Material) -> list[Proposal]:
    """Rules for what the rules in force leave open, those that help most first."""
    finder = _Finder(material)
    found: list[Proposal] = []
    for of_field in FIELDS:
        found += finder.rules_for(of_field, whole=True)
        if of_field is Field.CATEGORY:
            found += finder.rules_for(of_field, whole=False)
    return sorted(found, key=lambda one: -max(measured.held_out_right for measured in one.sets))


class _Finder:
    """Searches one material. `_index` says for each term in which tickets it stands."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self._cut = round(len(material) * (1 - HELD_OUT))
        self._open = [set(one) for one in material.open]
        self._common: frozenset[str] = frozenset()
        self._index = self._indexed()

    def _indexed(self) -> dict[str, array[int]]:
        """Where each frequent term stands: words, pairs of words, senders, domains."""
        material = self._material
        counts: Counter[str] = Counter()
        for words in material.words:
            counts.update(set(words))
        del counts[""]
        frequent = {word for word, count in counts.items() if count >= _LEAST_TICKETS}
        self._common = frozenset(frequent)
        rare = {word for word in frequent if counts[word] * 10 <= len(material) + 10 * _LEAST_TICKETS}
        pairs: Counter[str] = Counter()
        for words in material.words:
            pairs.update(_pairs(words, frequent, rare))
        frequent_pairs = {pair for pair, count in pairs.items() if count >= _LEAST_TICKETS}
        del pairs
        index: dict[str, array[int]] = {}
        for number, words in enumerate(material.words):
            terms = {word for word in words if word in frequent}
            terms.update(_pairs(words, frequent, rare) & frequent_pairs)
            sender = material.requesters[number]
            terms.add(_FROM + sender)
            domain = sender.rpartition("@")[2]
            if domain and domain not in material.own_domains:
                terms.add(_DOMAIN + domain)
            for term in terms:
                index.setdefault(term, array("L")).append(number)
        return {term: numbers for term, numbers in index.items() if len(numbers) >= _LEAST_TICKETS}

    def rules_for(self, of_field: Field, *, whole: bool) -> list[Proposal]:
        """Rules for one field; `whole` asks for the category with what stands below it, else for it alone."""
        labels = self._labels(of_field, whole=whole)
        older = Counter(label for label in labels[: self._cut] if label)
        candidates = self._candidates(labels, older)
        found = []
        for value, _ in older.most_common():
            if value == self._material.fallback.get(of_field):
                continue
            for kinds in ("words", "senders"):
                terms = [term for term in candidates.get(value, ()) if term.startswith("\0") is (kinds == "senders")]
                proposal = self._rule(of_field, value, terms, labels, older)
                if proposal is not None:
                    found.append(proposal)
        return found

    def _labels(self, of_field: Field, *, whole: bool) -> list[str]:
        """What each ticket finally is, "" for one that says nothing: not settled, or filled by a rule already."""
        labels = []
        for open_fields, settled in zip(self._open, self._material.settled, strict=True):
            label = settled.get(of_field, "") if of_field in open_fields else ""
            labels.append(label if whole else label.partition("/")[0])
        return labels

    def _candidates(self, labels: Sequence[str], older: Counter[str]) -> dict[str, list[str]]:
        """The terms that speak for each value in the older tickets."""
        total = sum(older.values())
        found: dict[str, list[str]] = {}
        for term, numbers in self._index.items():
            counts = Counter(labels[number] for number in numbers if number < self._cut)
            counts.pop("", None)
            if not counts:
                continue
            value, right = counts.most_common(1)[0]
            if right < _LEAST_TICKETS or not _is_telling(right, counts.total(), older[value], total):
                continue
            people = {self._material.requesters[number] for number in numbers if labels[number] == value}
            if not term.startswith(_FROM) and len(people) < self._people_needed(term):
                continue
            found.setdefault(value, []).append(term)
        return found

    def _people_needed(self, term: str) -> int:
        is_named = not self._material.private.isdisjoint(term.split())
        return _PEOPLE_FOR_A_NAME if is_named and not term.startswith("\0") else _LEAST_PEOPLE

    def _rule(
        self, of_field: Field, value: str, terms: Iterable[str], labels: list[str], older: Counter[str]
    ) -> Proposal | None:
        """The rule that the terms make for a value; None where there is none, or it fails on held-out tickets."""
        chosen = self._greedy(value, list(terms), labels)
        if not chosen:
            return None
        taken = {number for term in chosen for number in self._index[term]}
        measured = self._measured(of_field, value, taken, labels)
        newer = Counter(label for label in labels[self._cut :] if label)
        if measured is None or not _holds_out(measured, newer[value], newer.total()):
            return None
        sets = [measured]
        for other in FIELDS[FIELDS.index(of_field) + 1 :]:
            beside = self._beside(other, taken)
            sets += [beside] if beside is not None else []
        for one in sets:
            for number in taken:
                self._open[number].discard(one.field)
        for number in taken:
            labels[number] = ""
        words = [term for term in chosen if not term.startswith("\0")]
        return Proposal(
            sets=tuple(sets),
            words=tuple(map(self._material.spelt, words)),
            senders=tuple(term.removeprefix(_FROM) for term in chosen if term.startswith(_FROM)),
            domains=tuple(term.removeprefix(_DOMAIN) for term in chosen if term.startswith(_DOMAIN)),
            subject=self._typical_subject(words, taken),
        )

    def _greedy(self, value: str, terms: list[str], labels: Sequence[str]) -> list[str]:
        """The terms that bring the most new tickets of a value, one after the other."""
        left = {
            term: {number for number in self._index[term] if number < self._cut and labels[number]} for term in terms
        }
        chosen: list[str] = []
        taken: set[int] = set()
        while left and len(chosen) < MOST_TERMS:
            gains = {}
            for term, numbers in left.items():
                new = numbers - taken
                right = sum(labels[number] == value for number in new)
                gains[term] = right - _WRONG * (len(new) - right)
            # Of terms that bring the same: one word before two, and the longest, which says most.
            best = max(left, key=lambda term: (gains[term], -len(term.split()), len(term), term))
            if gains[best] < (_LEAST_TICKETS if not chosen else max(_LEAST_GAIN, len(taken) // 20)):
                break
            chosen.append(best)
            taken |= left.pop(best)
        return chosen

    def _measured(self, of_field: Field, value: str, taken: set[int], labels: Sequence[str]) -> Measured | None:
        counted = [number for number in taken if labels[number]]
        newer = [number for number in counted if number >= self._cut]
        older = [number for number in counted if number < self._cut]
        if not newer or not older:
            return None
        return Measured(
            field=of_field,
            value=value,
            held_out=len(newer),
            held_out_right=sum(labels[number] == value for number in newer),
            older=len(older),
            older_right=sum(labels[number] == value for number in older),
        )

    def _beside(self, of_field: Field, taken: set[int]) -> Measured | None:
        """What the same tickets are in another field, where that is as sure."""
        labels = self._labels(of_field, whole=True)
        older = Counter(label for label in labels[: self._cut] if label)
        inside = Counter(labels[number] for number in taken if number < self._cut and labels[number])
        if not inside:
            return None
        value, right = inside.most_common(1)[0]
        if value == self._material.fallback.get(of_field) or right < _LEAST_TICKETS:
            return None
        if not _is_telling(right, inside.total(), older[value], older.total()):
            return None
        measured = self._measured(of_field, value, taken, labels)
        newer = Counter(label for label in labels[self._cut :] if label)
        return measured if measured is not None and _holds_out(measured, newer[value], newer.total()) else None

    def _typical_subject(self, terms: Sequence[str], taken: set[int]) -> str:
        """Frequent words of a subject that the rule takes, nobody's name and no number among them."""
        private, common = self._material.private, self._common
        subjects: Counter[tuple[str, ...]] = Counter()
        for number in sorted(taken)[:2000]:
            kept = [word for word in self._material.subjects[number] if word in common and word not in private]
            words = tuple(word for word in kept if word.isalpha())[:_EXAMPLE_WORDS]
            if words and (not terms or _has(words, terms)):
                subjects[words] += 1
        if not subjects:
            return self._material.spelt(terms[0]) if terms else ""
        typical = max(subjects, key=lambda words: (subjects[words], -abs(len(words) - 4), words))
        return self._material.spelt(" ".join(typical))


def _pairs(words: Sequence[str], frequent: set[str], rare: set[str]) -> set[str]:
    """Neighbours that may be a phrase: both frequent, and one of them not in every other ticket."""
    return {
        f"{one} {two}"
        for one, two in pairwise(words)
        if one in frequent and two in frequent and (one in rare or two in rare)
    }


def _has(words: Sequence[str], terms: Sequence[str]) -> bool:
    text = f" {' '.join(words)} "
    return any(f" {term} " in text for term in terms)


def _is_telling(right: int, count: int, right_of_all: int, count_of_all: int) -> bool:
    """Whether a term is right often enough, errs at most half as often as always saying so would, and not by chance.

    Chance is bounded by Chernoff: exp(-n KL(precision || base)), in which there are many terms to be lucky.
    """
    precision, base = right / count, right_of_all / count_of_all
    if precision < _LEAST_PRECISION or precision <= base or (1 - precision) > (1 - base) / 2:
        return False
    divergence = precision * math.log(precision / base)
    if precision < 1:
        divergence += (1 - precision) * math.log((1 - precision) / (1 - base))
    return count * divergence >= _LEAST_EVIDENCE


def _holds_out(measured: Measured, right_of_all: int, count_of_all: int) -> bool:
    """Whether a rule is still right on tickets that it has not seen, and more often than always saying so would be."""
    if measured.held_out < _LEAST_HELD_OUT:
        return False
    return measured.precision >= max(_LEAST_HELD_OUT_PRECISION, right_of_all / max(1, count_of_all))
