"""What only the whole rules.toml shows about `set` and `expect`: levels, teams, people and captures that there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.options.problems import Mistake, Path
from gateway.options.suggestions import did_you_mean, nearest_or_all
from gateway.policy.captures import places_in
from gateway.policy.conditions import names_captured
from gateway.policy.policy import Policy
from gateway.policy.rules import Assignment, Expectation, Rule
from gateway.policy.values import is_address

# What may stand in braces without a pattern.
GIVEN = ("sender", "sender_name", "subject", "desk")


def targets(policy: Policy) -> Iterator[Mistake]:
    """List what rules and examples name and what does not exist."""
    yield from _defaults(policy)
    for number, rule in enumerate(policy.rules):
        path: Path = ("rule", number, "set")
        yield from _named(policy, path, rule.set)
        yield from _watchers(policy, path, rule.set)
        yield from _places(policy, path, rule)
        if "open" not in rule.on:
            yield from _too_late(path, rule.set)
    rule_names = [rule.name for rule in policy.rules]
    for number, example in enumerate(policy.examples):
        yield from _named(policy, ("example", number, "expect"), example.expect)
        if example.rule and example.rule not in rule_names:
            hint = nearest_or_all(example.rule, rule_names)
            yield Mistake(
                path=("example", number, "rule"), message=f'there is no rule "{example.rule}"', suggestion=hint
            )
        if not example.rule and not example.expect.model_fields_set:
            yield Mistake(
                path=("example", number),
                message="expects nothing",
                suggestion='write for instance expect = { type = "request" }',
            )


def unknown_agent(policy: Policy, path: Path, name: str) -> Mistake:
    hint = nearest_or_all(name, [word for agent in policy.agents for word in (agent.handle, agent.name)])
    return Mistake(path=path, message=f'there is no agent "{name}"', suggestion=hint)


def unknown_team(policy: Policy, path: Path, name: str) -> Mistake:
    hint = nearest_or_all(name, [team.name for team in policy.teams])
    return Mistake(path=path, message=f'there is no team "{name}"', suggestion=hint)


def _defaults(policy: Policy) -> Iterator[Mistake]:
    defaults, matrix = policy.defaults, policy.matrix
    if defaults.team and policy.team_named(defaults.team) is None:
        yield unknown_team(policy, ("defaults", "team"), defaults.team)
    levels = (("impact", defaults.impact, matrix.impacts), ("urgency", defaults.urgency, matrix.urgencies))
    for name, word, known in levels:
        if word in known:
            continue
        if name in defaults.model_fields_set:
            yield _no_level(("defaults", name), word, known)
        else:
            write = f'write [defaults] with {name} = "{known[len(known) // 2]}"'
            message = f"has words of its own for the {name}, so [defaults] must say which one holds without a rule"
            yield Mistake(path=("matrix",), message=message, suggestion=write)


def _named(policy: Policy, path: Path, said: Assignment | Expectation) -> Iterator[Mistake]:
    """Levels, team and assignee, where they do not come from the mail."""
    matrix = policy.matrix
    for name, known in (("impact", matrix.impacts), ("urgency", matrix.urgencies)):
        word = getattr(said, name)
        if word is not None and not places_in(word) and word not in known:
            yield _no_level((*path, name), word, known)
    if said.team is not None and not places_in(said.team) and policy.team_named(said.team) is None:
        yield unknown_team(policy, (*path, "team"), said.team)
    # An example may expect that nobody is assigned.
    assignee = said.assignee or (None if isinstance(said, Expectation) else said.assignee)
    if assignee is not None and not places_in(assignee) and policy.agent_named(assignee) is None:
        yield unknown_agent(policy, (*path, "assignee"), assignee)


def _no_level(path: Path, word: str, known: tuple[str, ...]) -> Mistake:
    hint = "; ".join(filter(None, [did_you_mean(word, known), f"possible: {', '.join(known)}"]))
    return Mistake(path=path, message=f'"{word}" is not possible here', suggestion=hint)


def _watchers(policy: Policy, path: Path, said: Assignment) -> Iterator[Mistake]:
    """Who reads along is named in the file, and is one of us: no mail may add its own reader."""
    for number, word in enumerate(said.watchers):
        place = (*path, "watchers", number)
        if places_in(word):
            hint = "name agents or addresses of your own domains"
            yield Mistake(path=place, message="a mail can't say who reads the answers", suggestion=hint)
        elif policy.is_desk_address(word):
            yield Mistake(path=place, message=f'"{word}" is an address of the desk itself')
        elif policy.agent_named(word) is None and "@" not in word:
            yield unknown_agent(policy, place, word)
        elif not is_address(word) and policy.agent_named(word) is None:
            yield Mistake(path=place, message=f'"{word}" is not an e-mail address')
        elif policy.agent_named(word) is None and not policy.is_own_domain(word):
            message = f'"{word}" is outside your own domains, where only an agent may let somebody read'
            yield Mistake(path=place, message=message, suggestion="leave it out; agents write #cc on a ticket")


def _places(policy: Policy, path: Path, rule: Rule) -> Iterator[Mistake]:
    """Every place in braces must be something that a pattern of this rule captures, or that every mail has."""
    for place, text in _texts(path, rule.set):
        for name in places_in(text):
            if name in GIVEN:
                continue
            if name.startswith("person."):
                yield from _attribute(policy, place, name)
                continue
            captured = names_captured(rule.when)
            if name not in captured:
                hint = nearest_or_all(name, [*captured, *GIVEN])
                yield Mistake(path=place, message=f"no pattern of this rule captures {{{name}}}", suggestion=hint)


def _attribute(policy: Policy, place: Path, name: str) -> Iterator[Mistake]:
    """What nobody in the table of people has would never be set."""
    known = {f"person.{attribute}" for person in policy.people.values() for attribute in person}
    if name not in known:
        hint = nearest_or_all(name, sorted(known))
        hint = hint or f"write [[person]] with address and {name.removeprefix('person.')}"
        yield Mistake(path=place, message=f"{{{name}}} is known of nobody", suggestion=hint)


def _texts(path: Path, said: Assignment) -> Iterable[tuple[Path, str]]:
    for name in ("type", "category", "impact", "urgency", "priority", "team", "assignee", "language", "asset"):
        if text := getattr(said, name):
            yield (*path, name), text
    yield from (((*path, "tags", number), tag) for number, tag in enumerate(said.tags))
    yield from (((*path, "fields", name), text) for name, text in said.fields.items())


def _too_late(path: Path, said: Assignment) -> Iterator[Mistake]:
    for name in ("hold", "acknowledge"):
        if getattr(said, name) is not None:
            message = "counts only when a ticket opens, and this rule is not looked at then"
            yield Mistake(path=(*path, name), message=message, suggestion='add "open" to on')
