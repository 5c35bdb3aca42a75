"""The rules of one policy, compiled: what to look for in a mail, and which rules to try when it is found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from gateway.policy import Occasion, Policy, Rule
from gateway.triage.conditions import Entry, Vocabulary, build_vocabulary, look
from gateway.triage.requirements import Captures, Requirement, Seen, compile_condition, is_coarse
from gateway.triage.view import View

# In how many mails a word of a rule is found, about; a language or the own domain, in nearly all.
_SELDOM = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class Rulebook:
    """`by_trigger` names the rules that may hold only where that entry is found, `always` those to try for any mail."""

    vocabulary: Vocabulary
    rules: tuple[tuple[Rule, Requirement], ...]
    by_trigger: dict[Entry, tuple[int, ...]]
    always: tuple[int, ...]

    def see(self, view: View) -> Seen:
        """Look at a mail once, for all rules."""
        return Seen(view=view, found=look(view, self.vocabulary))

    def holding(self, seen: Seen, occasion: Occasion) -> Iterator[tuple[Rule, Captures]]:
        """Walk the rules that hold, in the order of the file, up to one that stops; each with what it captured."""
        candidates = set(self.always)
        for entry in seen.found:
            candidates.update(self.by_trigger.get(entry, ()))
        for number in sorted(candidates):
            rule, test = self.rules[number]
            if occasion not in rule.on:
                continue
            captured = test.captured_from(seen)
            if captured is not None:
                yield rule, captured
                if rule.stop:
                    return


@lru_cache(maxsize=2)
def rulebook_of(policy: Policy) -> Rulebook:
    """Compile a policy's rules; kept for the policy in force and the one before it (a policy hashes by identity)."""
    rules = tuple((rule, compile_condition(rule.when)) for rule in policy.rules)
    counts = Counter(entry for _, test in rules for entry in set(test.entries()))

    def cost(entries: frozenset[Entry]) -> float:
        """How many rules would be tried for an ordinary mail, were all of them filed like this."""
        return sum(counts[entry] * (1 if is_coarse(entry) else _SELDOM) for entry in entries)

    by_trigger: dict[Entry, list[int]] = {}
    always = []
    for number, (_, test) in enumerate(rules):
        triggers = test.triggers(cost)
        if triggers is None:
            always.append(number)
        for entry in triggers or ():
            by_trigger.setdefault(entry, []).append(number)
    return Rulebook(
        vocabulary=build_vocabulary(entry for _, test in rules for entry in test.entries()),
        rules=rules,
        by_trigger={entry: tuple(numbers) for entry, numbers in by_trigger.items()},
        always=tuple(always),
    )
