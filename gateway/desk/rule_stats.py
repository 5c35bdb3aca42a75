"""How the rules do on real tickets: hits over time, corrections by agents, what none of them caught.

Counted is what the history keeps: a rule has hit where it set a field that stayed for the moment. A rule that only
silences or chooses the acknowledgement, holds, or lets somebody read along leaves no field, and is said to be such.
Reads only, in slices.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway.desk.rule_material import OpenedTicket, first_opened, opened_tickets, set_by_rules_later
from gateway.policy import Policy, Rule
from gateway.ticket import Authority, Field
from gateway.triage.ticket_words import TellingWord, telling_words, words_of

BUCKETS = 12
_MOST_WORDS = 20
# A word of one person's signature is no word of the matter.
_LEAST_PEOPLE = 3
_BY_RULE = (Authority.RULE, Authority.OVERRIDE)
_LOOKING_BACK = timedelta(days=90)


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """How often an agent made `finally_` of what a rule (or nobody: "") had set."""

    field: str
    rule: str
    set: str
    finally_: str
    count: int


@dataclass(kw_only=True)
class RuleStats:
    """One rule: in how many tickets it set something, in each part of the period, and in how many that was corrected.

    `number` is its place in the file (from 1), 0 where the file has no such rule any more. `last_hit` may lie before
    the period; None: never.
    """

    name: str
    number: int = 0
    hits: int = 0
    corrected: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    last_hit: datetime | None = None
    leaves_trace: bool = True


@dataclass(frozen=True, kw_only=True)
class Stats:
    """The rules over the tickets that were opened from `since` to `until`; `words` speak for tickets without category.

    `without_category` are those whose category no rule set, `without_rule` those where no rule set anything.
    """

    since: datetime
    until: datetime
    tickets: int
    without_rule: int
    without_category: int
    corrected: int
    rules: tuple[RuleStats, ...]
    confusions: tuple[Confusion, ...]
    words: tuple[TellingWord, ...]

    @property
    def never_hit(self) -> tuple[RuleStats, ...]:
        return tuple(one for one in self.rules if one.number and one.last_hit is None and one.leaves_trace)


class _Counting:
    """What is counted while the tickets go by."""

    def __init__(self, policy: Policy, since: datetime, until: datetime) -> None:
        self.rules = {
            rule.name: RuleStats(name=rule.name, number=number, leaves_trace=_leaves_trace(rule))
            for number, rule in enumerate(policy.rules, 1)
        }
        self._since, self._width = since, max((until - since) / BUCKETS, timedelta(seconds=1))
        self.tickets = self.without_rule = self.without_category = self.corrected = 0
        self.confusions: Counter[tuple[str, str, str, str]] = Counter()
        self._words: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self._people: dict[str, set[str] | None] = {}

    def take(self, ticket: OpenedTicket) -> None:
        self.tickets += 1
        by_rule: dict[str, bool] = {}
        is_corrected = False
        for key, (value, authority, rule) in ticket.then.items():
            instead = ticket.corrected(key)
            follows = key == Field.SUBCATEGORY and ticket.corrected(Field.CATEGORY) is not None
            if instead is not None and key != Field.ASSIGNEE and not follows:
                is_corrected = True
                self.confusions[key, rule, value, instead] += 1
            if authority in _BY_RULE and rule:
                by_rule[rule] = by_rule.get(rule, False) or instead is not None
        for rule, was_corrected in by_rule.items():
            self.hit(rule, ticket.opened_at, was_corrected=was_corrected)
        self.corrected += is_corrected
        self.without_rule += not by_rule
        is_left = ticket.then.get(Field.CATEGORY, ("", "", ""))[1] == Authority.DEFAULT
        self.without_category += is_left
        self._count_words(ticket, is_left=is_left)

    def hit(self, name: str, at: datetime, *, was_corrected: bool = False) -> None:
        stats = self.rules.setdefault(name, RuleStats(name=name))
        stats.hits += 1
        stats.corrected += was_corrected
        stats.buckets[min(BUCKETS - 1, int((at - self._since) / self._width))] += 1
        stats.last_hit = max(filter(None, (stats.last_hit, at)))

    def _count_words(self, ticket: OpenedTicket, *, is_left: bool) -> None:
        found = {folded for folded, _ in words_of(f"{ticket.subject}\n{ticket.text}")}
        self._words[is_left].update(found)
        if is_left:
            for word in found:
                people = self._people.setdefault(word, set())
                if people is not None:
                    people.add(ticket.requester)
                    if len(people) >= _LEAST_PEOPLE:
                        self._people[word] = None  # enough of them: no longer counted

    def words(self) -> list[TellingWord]:
        """The words that speak for the tickets whose category nobody set, of at least three people."""
        caught, left = self._words
        shared = {word: count for word, count in left.items() if self._people.get(word, set()) is None}
        tickets = self.tickets - self.without_category
        return telling_words(shared, self.without_category, caught, tickets, at_most=_MOST_WORDS)


def _leaves_trace(rule: Rule) -> bool:
    return bool(rule.set.model_fields_set - {"acknowledge", "hold", "watchers"})


def rule_stats(policy: Policy, *, since: datetime, until: datetime) -> Stats:
    """Count over the tickets of a period; of rules without a hit in it, the last one before is looked for."""
    counting = _Counting(policy, since, until)
    for ticket in opened_tickets(since, until, with_text=True):
        counting.take(ticket)
    seen: set[tuple[int, str]] = set()
    for at, row, _, _, rule in set_by_rules_later(since, until):
        if (row, rule) not in seen:
            seen.add((row, rule))
            counting.hit(rule, at)
    _look_back(counting.rules, since)
    ordered = sorted(counting.rules.values(), key=lambda one: (not one.number, one.number, one.name))
    return Stats(
        since=since,
        until=until,
        tickets=counting.tickets,
        without_rule=counting.without_rule,
        without_category=counting.without_category,
        corrected=counting.corrected,
        rules=tuple(ordered),
        confusions=tuple(
            Confusion(field=key, rule=rule, set=value, finally_=instead, count=count)
            for (key, rule, value, instead), count in counting.confusions.most_common()
        ),
        words=tuple(counting.words()),
    )


def _look_back(rules: dict[str, RuleStats], before: datetime) -> None:
    """Find when rules without a hit in the period hit last, period by period, until all are found."""
    missing = {name for name, one in rules.items() if one.last_hit is None and one.leaves_trace}
    begin = first_opened()
    while missing and begin is not None and before > begin:
        start = before - _LOOKING_BACK
        hits = [
            (ticket.opened_at, rule)
            for ticket in opened_tickets(start, before, with_text=False)
            for rule in missing.intersection(rule for _, _, rule in ticket.then.values())
        ]
        hits += [(at, rule) for at, _, _, _, rule in set_by_rules_later(start, before) if rule in missing]
        for at, rule in hits:
            rules[rule].last_hit = max(filter(None, (rules[rule].last_hit, at)))
        missing -= {rule for _, rule in hits}
        before = start
