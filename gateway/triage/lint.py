"""What is allowed in rules.toml but is hardly what its author meant: one table of checks, each a pure function.

A finding is a warning: the file works as it stands. To add one: a function that walks what it finds, and a row in
`LINTS`. A check tells only what it is sure of; what it can't see without a mail it passes over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from gateway.errors import Problem
from gateway.options.problems import Mistake, Path, Source
from gateway.options.suggestions import did_you_mean
from gateway.policy import Policy
from gateway.policy.captures import places_in
from gateway.triage.impossible import always, never, slow, useless
from gateway.triage.linting import Ground
from gateway.triage.shadowing import contradicting, undecided, unreachable

# Of one kind; nobody reads more, and a file with more has one cause for them.
MOST_FINDINGS = 500


@dataclass(frozen=True, kw_only=True)
class Lint:
    """One check: what it is called, what it looks for, and the function that walks what it finds."""

    code: str
    what: str
    find: Callable[[Ground], Iterator[Mistake]]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one check has found, and where."""

    code: str
    problem: Problem

    def __str__(self) -> str:
        return f"{self.problem} [{self.code}]"


def lint(policy: Policy) -> list[Finding]:
    """Everything that is allowed but hardly meant, in the order of the file."""
    ground = Ground(policy)
    source = Source(policy.file, policy.text)
    found = [
        Finding(code=one.code, problem=source.problem(mistake))
        for one in LINTS
        for mistake in islice(one.find(ground), MOST_FINDINGS)
    ]
    return sorted(found, key=lambda finding: (finding.problem.line or 0, finding.problem.column or 0))


def _untried(ground: Ground) -> Iterator[Mistake]:
    """Rules for which no example holds."""
    hit = {number for tried in ground.tried for number in tried.holding}
    for number in range(len(ground.rules)):
        if number not in hit and number not in ground.impossible:
            message = "has no example, so nobody would notice if it stopped holding"
            yield Mistake(path=("rule", number), message=message, suggestion="write an [[example]] that hits it")


def _categories(ground: Ground) -> Iterator[Mistake]:
    """Categories that are expected and never set, and those that differ only in how they are spelt."""
    seen: dict[str, str] = {}
    places: list[tuple[Path, str]] = [(("defaults", "category"), ground.policy.defaults.category)]
    below: dict[str, dict[str, str]] = {}
    for number, rule in enumerate(ground.rules):
        if rule.set.category and not places_in(rule.set.category):
            places.append((("rule", number, "set", "category"), rule.set.category))
    for path, written in places:
        main, _, sub = written.partition("/")
        known = seen.setdefault(_plainly(main), main)
        if known != main:
            message = f'"{main}" is another category than "{known}" above'
            yield Mistake(path=path, message=message, suggestion=f'write "{known}" if you mean the same')
        earlier = below.setdefault(main, {}).setdefault(_plainly(sub), sub)
        if earlier != sub:
            message = f'"{main}/{sub}" is another category than "{main}/{earlier}" above'
            yield Mistake(path=path, message=message, suggestion=f'write "{main}/{earlier}" if you mean the same')
    yield from _never_set(ground)


def _plainly(category: str) -> str:
    """A category without what people write in different ways: case, spaces, hyphens, a plural s."""
    return "".join(one for one in category.casefold() if one.isalnum()).removesuffix("s")


def _never_set(ground: Ground) -> Iterator[Mistake]:
    policy = ground.policy
    written = [rule.set.category for rule in policy.rules if rule.set.category]
    if any(places_in(one) for one in written):
        return
    known = {policy.defaults.category, *(one.partition("/")[0] for one in written)}
    for number, example in enumerate(policy.examples):
        wanted = example.expect.category
        if wanted is not None and wanted not in known:
            message = f'no rule sets the category "{wanted}"'
            hint = did_you_mean(wanted, sorted(known))
            yield Mistake(path=("example", number, "expect", "category"), message=message, suggestion=hint)


def _teams(ground: Ground) -> Iterator[Mistake]:
    """Teams whose tickets nobody would get."""
    policy = ground.policy
    for number, team in enumerate(policy.teams):
        if not policy.agents_of(team.name):
            message = f'"{team.name}" has no agent, so nobody is told of its tickets'
            hint = f'write teams = ["{team.name}"] at an agent'
            yield Mistake(path=("team", number, "name"), message=message, suggestion=hint)


def _people(ground: Ground) -> Iterator[Mistake]:
    """Assignees outside the team of the same rule, and watchers who get the ticket anyway."""
    policy = ground.policy
    for number, rule in enumerate(policy.rules):
        team = policy.team_named(rule.set.team or "")
        assignee = policy.agent_named(rule.set.assignee or "")
        if team is not None and assignee is not None and assignee not in policy.agents_of(team.name):
            message = f'{assignee.name} is not in the team "{team.name}" that this rule sets'
            yield Mistake(path=("rule", number, "set", "assignee"), message=message)
        for index, word in enumerate(rule.set.watchers):
            if assignee is not None and policy.agent_named(word) == assignee:
                message = f"{assignee.name} is the assignee, and gets every mail of the ticket anyway"
                path = ("rule", number, "set", "watchers", index)
                yield Mistake(path=path, message=message, suggestion="leave it out")


def _admins(ground: Ground) -> Iterator[Mistake]:
    """Where several agents are listed and nobody is named, their order in the file decides who hears of trouble."""
    policy, desk = ground.policy, ground.policy.desk
    if len(policy.agents) < 2:
        return
    first = policy.agents[0]
    who = f"names nobody, so {first.name}, the first agent of the file,"
    what = "" if desk.admins else "hears of refused files and may ask `#rules stats`"
    key = "admins"
    if not desk.operators:
        what, key = " and ".join(filter(None, ("hears when something breaks", what))), "operators"
    elif any(policy.agent_of(address) for address in policy.operators):
        return
    if what:
        hint = f'write {key} = ["{first.handle}"] if that is meant'
        yield Mistake(path=("desk", key), message=f"{who} {what}", suggestion=hint)


LINTS: tuple[Lint, ...] = (
    Lint(
        code="unreachable",
        what="a rule that never changes anything, for one above always goes before",
        find=unreachable,
    ),
    Lint(
        code="contradicting", what="two rules that hold for the same words and say different things", find=contradicting
    ),
    Lint(
        code="undecided",
        what="an example for which two rules differ and that does not say who is right",
        find=undecided,
    ),
    Lint(code="never", what="a rule that can't hold for any mail", find=never),
    Lint(code="useless", what="a word or value beside others that is never found, or stands there twice", find=useless),
    Lint(code="always", what="a condition that holds for every mail", find=always),
    Lint(code="slow", what="many patterns without fixed letters", find=slow),
    Lint(code="categories", what="a category that no rule sets, or that is spelt in two ways", find=_categories),
    Lint(code="teams", what="a team without agents", find=_teams),
    Lint(code="people", what="an assignee outside the team, a watcher who is the assignee", find=_people),
    Lint(code="admins", what="several agents, and none of them named in `operators` or `admins`", find=_admins),
    Lint(code="untried", what="a rule without an example", find=_untried),
)
