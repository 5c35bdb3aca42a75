"""What the checks of `lint` look at: a policy with all that several of them need, each made once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from gateway.options.problems import Mistake, Path
from gateway.policy import Policy, Rule
from gateway.policy.conditions import tables_of
from gateway.ticket import Classification
from gateway.triage.classify import holding_of
from gateway.triage.example_mail import example_view
from gateway.triage.filling import classified
from gateway.triage.implying import Given, Implications, WhereToLook, given_by
from gateway.triage.requirements import Choice, Requirement, compile_condition
from gateway.triage.rulebook import rulebook_of

# For one rule, so many others are looked at; a file in which more are alike has other troubles.
_MOST_CANDIDATES = 20


@dataclass(frozen=True, kw_only=True)
class Tried:
    """An example with the rules that hold for it, by their number in the file, and what its mail becomes."""

    number: int
    holding: tuple[int, ...]
    result: Classification


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table of conditions in a rule: the whole `when`, or one member of a group."""

    rule: int
    path: Path
    test: Requirement


@dataclass(frozen=True, eq=False)
class Ground:
    """A policy under lint."""

    policy: Policy

    @property
    def rules(self) -> tuple[Rule, ...]:
        return self.policy.rules

    @cached_property
    def tests(self) -> tuple[Requirement, ...]:
        return tuple(test for _, test in rulebook_of(self.policy).rules)

    @cached_property
    def known(self) -> Implications:
        return Implications(entry for test in self.tests for entry in test.entries())

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """Every table of every condition, members of groups too."""
        return tuple(
            Table(rule=number, path=path, test=self.tests[number] if len(path) == 3 else compile_condition(table))
            for number, rule in enumerate(self.rules)
            for path, table in tables_of(rule.when, ("rule", number, "when"))
        )

    @cached_property
    def impossible(self) -> frozenset[int]:
        """The rules that can never hold; filled in by the check that looks for them."""
        from gateway.triage.impossible import never

        return frozenset(self.rule_of(mistake) for mistake in never(self) if len(mistake.path) >= 2)

    def rule_of(self, mistake: Mistake) -> int:
        number = mistake.path[1]
        assert isinstance(number, int)
        return number

    @cached_property
    def tried(self) -> tuple[Tried, ...]:
        """Every example of the file."""
        numbers = {rule.name: number for number, rule in enumerate(self.rules)}
        found = []
        for number, example in enumerate(self.policy.examples):
            holding = tuple(holding_of(example_view(example, self.policy), self.policy))
            result = classified(holding, self.policy)
            names = tuple(numbers[rule.name] for rule, _ in holding)
            found.append(Tried(number=number, holding=names, result=result))
        return tuple(found)

    @cached_property
    def _where(self) -> WhereToLook:
        return WhereToLook(dict(enumerate(self.tests)), self.known)

    def wins(self, first: int, second: int) -> bool:
        """Whether of two rules that hold the first fills a field that both set, in every case."""
        one, other = self.rules[first], self.rules[second]
        if first == second or not set(one.on) >= set(other.on) or (other.override and not one.override):
            return False
        if first < second:
            return True
        # A rule below wins by its override only if it is reached.
        return one.override and not other.override and self._stops[first] == self._stops[second]

    @cached_property
    def _stops(self) -> tuple[int, ...]:
        """For each rule, how many above it may stop."""
        counts, count = [], 0
        for rule in self.rules:
            counts.append(count)
            count += rule.stop
        return tuple(counts)

    def winners(self, number: int, given: Given) -> list[int]:
        """The rules that go before this one and hold wherever this is given, in the order in which they fill."""
        candidates = sorted(self._where.candidates(given) - {number})[:_MOST_CANDIDATES]
        found = [one for one in candidates if self.wins(one, number) and self.known.follows(given, self.tests[one])]
        return sorted(found, key=lambda one: (not self.rules[one].override, one))

    def whole_winners(self) -> Iterator[tuple[int, list[int]]]:
        """Walk the rules that may hold, each with those that win over it wherever it does."""
        for number in range(len(self.tests)):
            if number not in self.impossible:
                yield number, self.winners_of(number)

    def winners_of(self, number: int) -> list[int]:
        """The rules that win over one wherever it holds."""
        if number not in self._winners:
            self._winners[number] = self.winners(number, given_by(self.tests[number]))
        return self._winners[number]

    @cached_property
    def _winners(self) -> dict[int, list[int]]:
        return {}

    def parts(self, number: int) -> Iterator[tuple[Path, str, Given]]:
        """Each entry of a rule's condition beside others: its path, and what is given where just that one is found."""
        test = self.tests[number]
        given = given_by(test)
        for place, choice in enumerate(test.choices):
            if len(choice.entries) < 2:
                continue
            for index, entry in enumerate(choice.entries):
                only = Choice(keys=choice.keys, entries=(entry,))
                choices = (*given.choices[:place], only, *given.choices[place + 1 :])
                path: Path = ("rule", number, "when", *choice.keys, index)
                yield path, entry[1], Given(choices=choices, anys=given.anys, nones=given.nones)
