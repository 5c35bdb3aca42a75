"""Lint of rules beside each other: never looked at, never filling anything, or at odds for the same words.

That a special rule stands above a general one is how rules are meant to be written, and is not told. Told is a rule, or
a word of it, that can't win: wherever it holds, another one holds too and goes before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.options.problems import Mistake, Path
from gateway.policy import Rule
from gateway.policy.captures import places_in
from gateway.triage.linting import Ground

# A field of a ticket that a rule sets: its name, and which one where a ticket has many.
Key = tuple[str, str]
_ONE_OF_MANY = ("tags", "watchers")
_FEW = 6
# Where a ticket goes and what it is about. How wide and pressing it is, general rules differ in as they are meant to.
_DECISIVE = ("type", "category", "team", "assignee", "priority")


def settings_of(rule: Rule) -> dict[Key, str]:
    """What a rule sets, as it is written; a category and what is below it apart."""
    said = rule.set
    found: dict[Key, str] = {}
    for name in ("type", "impact", "urgency", "priority", "team", "assignee", "language", "hold", "asset"):
        if value := getattr(said, name):
            found[name, ""] = value
    if said.category:
        main, _, below = said.category.partition("/")
        found["category", ""] = main
        if below:
            found["subcategory", ""] = below
    if said.acknowledge is not None:
        found["acknowledge", ""] = str(said.acknowledge).lower()
    found |= {("fields", name): value for name, value in said.fields.items()}
    found |= {("tags", tag): tag for tag in said.tags}
    return found | {("watchers", one): one for one in said.watchers}


def filled_by(ground: Ground, winners: list[int]) -> dict[Key, tuple[int, str]]:
    """What these rules have filled for sure where all of them hold, by the first that does; places may stay empty."""
    filled: dict[Key, tuple[int, str]] = {}
    for number in winners:
        for key, value in settings_of(ground.rules[number]).items():
            if not places_in(value):
                filled.setdefault(key, (number, value))
    return filled


def lost(ground: Ground, number: int, winners: list[int]) -> dict[Key, tuple[int, str]]:
    """What of a rule never counts where these hold too: by which of them it is filled, and with what."""
    filled = filled_by(ground, winners)
    own = settings_of(ground.rules[number])
    found = {key: filled[key] for key in own if key in filled}
    if ("subcategory", "") in own:
        found.pop(("subcategory", ""), None)
        if ("category", "") in found:
            winner, category = found["category", ""]
            # Below the same category there may still be room for what this rule says.
            if category != own["category", ""]:
                found["subcategory", ""] = (winner, "")
            elif ("subcategory", "") in filled:
                found["subcategory", ""] = filled["subcategory", ""]
    return found


def unreachable(ground: Ground) -> Iterator[Mistake]:
    """Rules that are never looked at, and rules of which nothing ever counts."""
    for number, winners in ground.whole_winners():
        stopping = [one for one in winners if ground.rules[one].stop and one < number]
        if stopping:
            name = ground.rules[stopping[0]].name
            message = f'is never looked at: "{name}" above holds whenever this does, and stops'
            yield Mistake(path=("rule", number, "when"), message=message, suggestion=f'put this rule above "{name}"')
        elif _is_shadowed(ground, number, winners):
            others = {one for one, _ in lost(ground, number, winners).values()}
            do = "holds too and goes before" if len(others) == 1 else "hold too and go before"
            message = f"never sets anything: whenever it holds, {_names(ground, others)} {do}"
            hint = "put this rule above, or take it out"
            yield Mistake(path=("rule", number, "when"), message=message, suggestion=hint)


def _is_shadowed(ground: Ground, number: int, winners: list[int]) -> bool:
    own = settings_of(ground.rules[number])
    return bool(own) and not ground.rules[number].stop and len(lost(ground, number, winners)) == len(own)


def _is_told(ground: Ground, number: int) -> bool:
    """Whether `unreachable` tells of a rule."""
    winners = ground.winners_of(number)
    return _is_shadowed(ground, number, winners) or any(ground.rules[one].stop and one < number for one in winners)


def contradicting(ground: Ground) -> Iterator[Mistake]:
    """Rules of which a field never counts, or not for some of their words, since another says otherwise."""
    for number, winners in ground.whole_winners():
        if _is_told(ground, number):
            continue
        whole = _at_odds(ground, number, winners)
        for key, (winner, value) in whole.items():
            name = ground.rules[winner].name
            message = f'never counts: whenever this rule holds, "{name}" holds too, goes before and says "{value}"'
            hint = f'put this rule above "{name}", or leave it out'
            yield Mistake(path=("rule", number, "set", *_path(key)), message=message, suggestion=hint)
        yield from _for_some_words(ground, number, whole)


def _for_some_words(ground: Ground, number: int, whole: Mapping[Key, tuple[int, str]]) -> Iterator[Mistake]:
    """Entries of a rule with which another one holds for sure."""
    found: dict[int, list[tuple[Path, str, Key, str]]] = {}
    for path, text, given in ground.parts(number):
        odd = _at_odds(ground, number, ground.winners(number, given))
        told: set[int] = set()
        for key, (winner, value) in odd.items():
            if key not in whole and winner not in told:
                told.add(winner)
                found.setdefault(winner, []).append((path, text, key, value))
    for winner, words in found.items():
        name = ground.rules[winner].name
        path, _, key, value = words[0]
        own = settings_of(ground.rules[number])[key]
        shown = ", ".join(f'"{text}"' for _, text, _, _ in words[:_FEW])
        more = f" and {len(words) - _FEW} more" if len(words) > _FEW else ""
        message = f'with {shown}{more} "{name}" holds too and goes before: {_shown(key)} is "{value}", not "{own}"'
        hint = f'take it out of one of the two, or put this rule above "{name}"'
        yield Mistake(path=path, message=message, suggestion=hint)


def _at_odds(ground: Ground, number: int, winners: list[int]) -> dict[Key, tuple[int, str]]:
    """What of a rule never counts where these hold too, and would be something else."""
    own = settings_of(ground.rules[number])
    return {
        key: (winner, value)
        for key, (winner, value) in lost(ground, number, winners).items()
        if value != own[key] and key != ("subcategory", "") and key[0] not in _ONE_OF_MANY
    }


def _path(key: Key) -> tuple[str, ...]:
    return tuple(filter(None, key))


def _shown(key: Key) -> str:
    return f"the field {key[1]}" if key[1] else f"the {key[0]}"


def _names(ground: Ground, numbers: set[int]) -> str:
    return " and ".join(f'"{ground.rules[number].name}"' for number in sorted(numbers))


def undecided(ground: Ground) -> Iterator[Mistake]:
    """Examples for which two rules differ, neither being the special one, and that do not say who is right."""
    for tried in ground.tried:
        expect = ground.policy.examples[tried.number].expect
        seen: dict[Key, int] = {}
        for number in sorted(tried.holding, key=lambda one: (not ground.rules[one].override, one)):
            for key, value in settings_of(ground.rules[number]).items():
                first = seen.setdefault(key, number)
                if first == number or key[0] not in _DECISIVE or key[0] in expect.model_fields_set:
                    continue
                same = settings_of(ground.rules[first])[key] == value
                if same or ground.known.implies(ground.tests[first], ground.tests[number]):
                    continue
                winner = ground.rules[first].name
                message = f'"{winner}" and "{ground.rules[number].name}" both hold, and differ in {_shown(key)}'
                hint = f'say what is right: expect = {{ {key[0]} = "…" }}'
                yield Mistake(path=("example", tried.number), message=message, suggestion=hint)
