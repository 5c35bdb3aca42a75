"""Lint of conditions: what can never hold, what always does, and what costs more than it should."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import lru_cache

from gateway.mail import MailKind
from gateway.options.problems import Mistake
from gateway.options.suggestions import did_you_mean, nearest_or_all
from gateway.policy import Policy
from gateway.policy.measures import INSIDE, OUTSIDE, size_asked
from gateway.policy.patterns import matches_anything, matches_nothing
from gateway.policy.people import NO, YES
from gateway.ticket import LANGUAGES
from gateway.triage.conditions import PATTERN, Entry
from gateway.triage.implying import given_by
from gateway.triage.linting import Ground, Table
from gateway.triage.requirements import Choice, Requirement
from gateway.triage.sets import PatternSet, PhraseSet
from gateway.triage.words import fold, value_patterns

# More patterns without fixed letters than this cost a long mail a noticeable time.
_SLOW_PATTERNS = 10
_SLOW_MS = 0.15
_TEXT_PATTERNS = tuple(PATTERN + key for key in ("words", "subject", "body"))
_FROM_A_MAIL = ("words", "subject", "body", "pattern")


def never(ground: Ground) -> Iterator[Mistake]:
    """Rules that can never hold."""
    told: set[int] = set()
    for table in ground.tables:
        # What a member of any or none asks in vain does not keep the rule from holding.
        if table.rule in told or "any" in table.path or "none" in table.path:
            continue
        for mistake in _never_table(ground, table):
            told.add(table.rule)
            yield mistake
            break


def _never_table(ground: Ground, table: Table) -> Iterator[Mistake]:
    for choice in table.test.choices:
        why = [_in_vain(ground.policy, entry) for entry in choice.entries]
        if all(why):
            message, hint = why[0] or ("", "")
            yield Mistake(path=(*table.path, *choice.keys), message=f"never holds: {message}", suggestion=hint)
    yield from _nobody_there(ground.policy, table)
    given = given_by(table.test)
    for number, excluded in enumerate(table.test.none):
        if ground.known.follows(given, excluded):
            message = "never holds: whatever the condition asks for, this rules out"
            yield Mistake(path=(*table.path, "none", number), message=message, suggestion="take one of the two out")


def useless(ground: Ground) -> Iterator[Mistake]:
    """Entries beside others that are never found, or that `none` rules out."""
    for table in ground.tables:
        if table.rule in ground.impossible and "any" not in table.path and "none" not in table.path:
            continue
        for choice in table.test.choices:
            why = [_in_vain(ground.policy, entry) for entry in choice.entries]
            inside_group = "any" in table.path or "none" in table.path
            for index, found in enumerate(why):
                if found and (inside_group or not all(why)):
                    path = (*table.path, *choice.keys, index)
                    yield Mistake(path=path, message=f"never holds: {found[0]}", suggestion=found[1])
            yield from _ruled_out(ground, table, choice)
            yield from _twice(table, choice)


def _ruled_out(ground: Ground, table: Table, choice: Choice) -> Iterator[Mistake]:
    if not table.test.none or len(choice.entries) < 2:
        return
    for index, entry in enumerate(choice.entries):
        given = given_by(Requirement(choices=(Choice(keys=choice.keys, entries=(entry,)),)))
        if any(ground.known.follows(given, excluded) for excluded in table.test.none):
            path = (*table.path, *choice.keys, index)
            message = f'"{entry[1]}" never counts, since none rules it out'
            yield Mistake(path=path, message=message, suggestion="take one of the two out")


def _twice(table: Table, choice: Choice) -> Iterator[Mistake]:
    """The same entry twice; "plante" beside "planté" is two languages and not told, though one would do."""
    seen: set[str] = set()
    for index, (key, text) in enumerate(choice.entries):
        spelt = text if key.startswith(PATTERN) else text.casefold()
        if spelt in seen:
            path = (*table.path, *choice.keys, index)
            yield Mistake(path=path, message=f'"{text}" stands there already', suggestion="leave one out")
        seen.add(spelt)


def _in_vain(policy: Policy, entry: Entry) -> tuple[str, str] | None:
    """Why an entry is found in no mail, and what to do; None where it may be."""
    key, text = entry
    kind, _, name = key.partition(":")
    if kind == "person" and text not in (YES, NO, "*"):
        return _nobody_is(policy, name, text)
    if kind == "person" and text != NO and not any(name in person for person in policy.people.values()):
        return f'nobody\'s "{name}" is known', ""
    if key == "language" and text.partition("-")[0] not in LANGUAGES:
        return f'no mail is taken for "{text}"', f"possible: {', '.join(LANGUAGES)}"
    if key == "language" and "-" in text:
        return f'no mail is taken for "{text}"', f'write "{text.partition("-")[0]}"'
    if kind == "auth" and not policy.desk.trusted_authserv_id:
        hint = "write trusted_authserv_id in [desk], see docs/security.md"
        return "the word of no mail server is believed", hint
    if key == "kind" and text == MailKind.OWN:
        return "the desk's own mail coming back opens no ticket", "leave it out"
    if key == "desk" and "*" in text and not _is_ours(policy, text):
        return f'no address of the desk is like "{text}"', "add it to aliases in [desk]"
    if kind.startswith(PATTERN) and matches_nothing(text):
        return f"'{text}' matches no text at all", "mend it, or leave it out"
    return None


@lru_cache(maxsize=2)
def _values_of(policy: Policy) -> dict[str, tuple[str, ...]]:
    values: dict[str, dict[str, None]] = {}
    for person in policy.people.values():
        for attribute, value in person.items():
            values.setdefault(attribute, {})[value] = None
    return {attribute: tuple(found) for attribute, found in values.items()}


def _nobody_is(policy: Policy, name: str, text: str) -> tuple[str, str] | None:
    values = _values_of(policy).get(name, ())
    asked = PhraseSet([text], value_patterns, whole=True)
    if any(asked.found_in(fold(value)) for value in values):
        return None
    near = did_you_mean(text, values)
    return f'nobody\'s {name} is "{text}"', near or nearest_or_all(text, sorted(values))


def _is_ours(policy: Policy, pattern: str) -> bool:
    """Whether a pattern with * may be an address of the desk, with any tag."""
    for address in (policy.desk.address, *policy.desk.aliases):
        local, _, domain = address.rpartition("@")
        asked_local, _, asked_domain = pattern.rpartition("@")
        tagless = asked_local.partition("+")[0]
        if fnmatchcase(domain, asked_domain) and any(fnmatchcase(local, one) for one in (asked_local, tagless)):
            return True
    return False


def _nobody_there(policy: Policy, table: Table) -> Iterator[Mistake]:
    """`from` and `domain` of one table that no address can meet together."""
    by_key = {choice.keys: choice for choice in table.test.choices}
    senders, domains = by_key.get(("from",)), by_key.get(("domain",))
    if senders is None or domains is None:
        return
    asked = [text for _, text in domains.entries]
    written = [text.rpartition("@")[2] for _, text in senders.entries]
    if any("*" in one or any(fnmatchcase(one, domain) for domain in asked) for one in written):
        return
    message = "never holds: no address of from is in one of these domains"
    yield Mistake(path=(*table.path, "domain"), message=message, suggestion="leave domain out")


def always(ground: Ground) -> Iterator[Mistake]:
    """Conditions that hold for every mail, or for nearly every one."""
    for table in ground.tables:
        for choice in table.test.choices:
            for index, (key, text) in enumerate(choice.entries):
                if key.startswith(PATTERN) and matches_anything(text):
                    message = f"'{text}' matches every text"
                    path = (*table.path, *choice.keys, index)
                    yield Mistake(path=path, message=message, suggestion="leave it out, or ask for more")
            if why := _holds_always(ground.policy, choice):
                yield Mistake(path=(*table.path, *choice.keys), message=why, suggestion="leave it out")
        if len(table.path) == 3 and _only_rules_out(table.test):
            message = "holds for nearly every mail, since it only says what must not be written"
            hint = "say what must be there, or write it into [defaults]"
            yield Mistake(path=table.path, message=message, suggestion=hint)


def _holds_always(policy: Policy, choice: Choice) -> str:
    texts = [text for _, text in choice.entries]
    if choice.keys == ("time",) and INSIDE in texts and OUTSIDE in texts:
        return "holds at any time"
    if choice.keys == ("size",):
        asked = [size_asked(text) for text in texts]
        above = [limit for is_above, limit in asked if is_above]
        below = [limit for is_above, limit in asked if not is_above]
        if above and below and min(above) < max(below):
            return "holds for a mail of any size, since one of the list is enough"
    if choice.keys == ("kind",) and set(texts) >= {kind.value for kind in MailKind} - {MailKind.OWN}:
        return "holds for every kind of mail"
    return ""


def _only_rules_out(test: Requirement) -> bool:
    if test.choices or test.any or test.all or test.captured or not test.none:
        return False
    keys = {choice.keys[0] for member in test.none for choice in member.choices}
    return bool(keys) and keys <= set(_FROM_A_MAIL)


def slow(ground: Ground) -> Iterator[Mistake]:
    """Patterns without fixed letters, where they are many."""
    found = [
        ((*table.path, *choice.keys, index), text)
        for table in ground.tables
        for choice in table.test.choices
        for index, (key, text) in enumerate(choice.entries)
        if key in _TEXT_PATTERNS
    ]
    always_tried = set(PatternSet(text for _, text in found).always_tried())
    if len(always_tried) <= _SLOW_PATTERNS:
        return
    path, first = next(one for one in found if one[1] in always_tried)
    cost = f"{len(always_tried) * _SLOW_MS:.1f} ms"
    message = f"this and {len(always_tried) - 1} more patterns have no fixed letters, so that all of them are tried on "
    message += f"every mail (about {cost} for a long one)"
    hint = "write letters that must be there, like 'host [0-9]+'" if re.search(r"\[|\\", first) else "ask for more"
    yield Mistake(path=path, message=message, suggestion=hint)
