"""Why a rule holds or not, for people: every condition with what it asked, what was found, and where it stands.

The same entries decide here as in the decision itself (`requirements`); this only says more about each. It may be slow:
it runs for `explain`. Offsets are those of `View.subject` and `View.body`. Pure; nothing here fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import re2

from gateway.policy import Condition, Rule
from gateway.triage.conditions import PATTERN, Entry
from gateway.triage.requirements import (
    Choice,
    Seen,
    captured_is,
    choices_of,
    compile_condition,
    texts_of,
    try_requirement,
)
from gateway.triage.sets import place_of
from gateway.triage.view import View
from gateway.triage.words import fold_with_origins, word_patterns

# Marking each of a thousand "the" helps nobody.
_MOST_SPANS = 20


@dataclass(frozen=True, kw_only=True)
class Span:
    """Text that a condition has found: `where` is subject, body, from, to, header:…; offsets in subject and body."""

    where: str
    text: str
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, kw_only=True)
class ConditionTrace:
    """One key of a `when`, or one member of a group (`key` is then its number, counted from 0).

    `path` is where it stands below `when`; `asked` are its entries as written, `matched` those that are there.
    `inner` are the members of a group, and the keys of a member. `held` of a member of `none` is the member's own;
    the `none` itself held where none of them did.
    """

    path: tuple[str | int, ...]
    key: str
    held: bool
    asked: tuple[str, ...] = ()
    matched: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    captured: Mapping[str, str] | None = None
    inner: tuple[ConditionTrace, ...] = ()


def traced(rule: Rule, seen: Seen) -> tuple[ConditionTrace, ...]:
    """Every key of a rule's `when`, in the order of the reference; the rule holds where all of them held."""
    return _table(rule.when, seen, {}, ())


def _table(
    condition: Condition, seen: Seen, scope: dict[str, str], path: tuple[str | int, ...]
) -> tuple[ConditionTrace, ...]:
    """The keys of one table; `scope` takes in what they capture, as in the decision."""
    traces = [_choice(choice, seen, path) for choice in choices_of(condition)]
    for trace in traces:
        for name, text in (trace.captured or {}).items():
            scope.setdefault(name, text)
    groups = {key: members for key, members in condition.groups() if members}
    for key in ("all", "any"):
        if key in groups:
            traces.append(_group(key, groups[key], seen, scope, path))
    for name, values in condition.captured.items():
        matched = tuple(value for value in values if captured_is(scope.get(name, ""), value, scope))
        spans = (Span(where=f"captured:{name}", text=scope[name]),) if name in scope else ()
        traces.append(
            ConditionTrace(
                path=(*path, "captured", name),
                key="captured",
                held=bool(matched),
                asked=values,
                matched=matched,
                spans=spans,
            )
        )
    if "none" in groups:
        traces.append(_group("none", groups["none"], seen, scope, path))
    return tuple(traces)


def _group(
    key: str, members: tuple[Condition, ...], seen: Seen, scope: dict[str, str], path: tuple[str | int, ...]
) -> ConditionTrace:
    inner = []
    for number, member in enumerate(members):
        before = dict(scope)
        below = dict(scope)
        keys = _table(member, seen, below, (*path, key, number))
        held = try_requirement(compile_condition(member), seen, before)
        if held and key != "none":
            for name, text in before.items():
                scope.setdefault(name, text)
        inner.append(ConditionTrace(path=(*path, key, number), key=str(number), held=held, inner=keys))
    holding = [one.held for one in inner]
    held = {"any": any(holding), "all": all(holding), "none": not any(holding)}[key]
    return ConditionTrace(path=(*path, key), key=key, held=held, inner=tuple(inner))


def _choice(choice: Choice, seen: Seen, path: tuple[str | int, ...]) -> ConditionTrace:
    matched = tuple(entry for entry in choice.entries if entry in seen.found)
    captured: dict[str, str] = {}
    spans: list[Span] = []
    for entry in matched:
        for span, named in _spans(entry, seen.view):
            spans.append(span)
            for name, text in named.items():
                captured.setdefault(name, text)
    if not spans:
        spans = [*_looked_at(choice.keys, seen.view)]
    return ConditionTrace(
        path=(*path, *choice.keys),
        key=".".join(choice.keys),
        held=bool(matched),
        asked=tuple(entry for _, entry in choice.entries),
        matched=tuple(entry for _, entry in matched),
        spans=tuple(spans[:_MOST_SPANS]),
        captured=captured or None,
    )


def _spans(entry: Entry, view: View) -> Iterator[tuple[Span, dict[str, str]]]:
    """Where an entry that was found stands; of a pattern only the first place, from which it captures."""
    key, asked = entry
    if key.startswith(PATTERN):
        for where, text in texts_of(key.removeprefix(PATTERN), view):
            if (place := place_of(asked, text)) is not None:
                offsets = (place.start, place.end) if where in ("subject", "body") else (None, None)
                found = text[place.start : place.end]
                yield Span(where=where, text=found, start=offsets[0], end=offsets[1]), place.captured
                return
    elif key in ("words", "subject", "body"):
        for where, text in texts_of(key, view):
            for start, end in word_spans(asked, text):
                yield Span(where=where, text=text[start:end], start=start, end=end), {}


def _looked_at(keys: tuple[str, ...], view: View) -> Iterator[Span]:
    """What a condition looked at that marks no words: the address, the language, the size, …"""
    mail, known, key = view.mail, view.known, keys[0]
    where = ":".join(keys)
    match key:
        case "from" | "domain":
            texts = [view.sender]
        case "to":
            texts = [*view.addresses]
        case "desk":
            texts = [*view.desk_addresses]
        case "header":
            texts = [*mail.all_headers(keys[1])]
        case "attachment":
            texts = [one.filename for one in mail.attachments]
        case "attachment_type":
            texts = [one.content_type for one in mail.attachments]
        case "attachment_size":
            texts = [f"{one.filename}: {one.size_bytes:,} bytes" for one in mail.attachments]
        case "size":
            texts = [f"{mail.size_bytes:,} bytes"]
        case "language":
            texts = [mail.language]
        case "kind":
            texts = [view.kind.value]
        case "time":
            texts = [known.received_at.isoformat(sep=" ", timespec="minutes")] if known.received_at else []
        case "authenticated":
            texts = ["yes" if known.authenticated else "no"]
        case "auth":
            texts = [str(getattr(known.auth, keys[1]) or "none")] if known.auth is not None else []
        case "person":
            texts = [view.person.get(keys[1], "")]
        case "tickets":
            texts = [str(one.count) for one in known.tickets if one.address == view.sender]
        case _:
            texts = []
    yield from (Span(where=where, text=text) for text in texts if text)


def word_spans(word: str, text: str) -> tuple[tuple[int, int], ...]:
    """Where a word or phrase of a rule stands in a text, from and to, without the spaces around it."""
    folded, origins = fold_with_origins(text)
    if not origins:
        return ()
    found = set()
    for pattern in word_patterns(word):
        position = 0
        # Two words may share the space between them.
        while (match := re2.search(pattern, folded[position:])) is not None:
            letters = [at for at in range(position + match.start(), position + match.end()) if folded[at] != " "]
            if not letters:
                break
            # Of "print*" the whole word is shown.
            first, last = folded.rindex(" ", 0, letters[0] + 1) + 1, folded.index(" ", letters[-1]) - 1
            found.add((origins[first][0], origins[last][1]))
            position = last + 1
            if len(found) >= _MOST_SPANS:
                break
    return tuple(sorted(found))
