"""The answer to a list of tickets: lines like `1 done`, `2 @bob`, `3 p1`, `4 note called her`. Pure.

The numbers are those of the list that is answered. It takes that list's key and the agent's own address. Each line is
carried out, or refused with its reason, by itself; what concerns one ticket is done in the order in which it is
written. A line in front of which no number stands is prose, and is named in the answer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from gateway.policy import Policy
from gateway.triage.grammar import nearest, visible

# A quote mark, a bullet or a number sign before the number is typed out of habit, and so is what stands behind it.
_LINE = re.compile(
    r"^[\s#＃*•-]*(?P<numbers>\d{1,3}(?:\s?[-–]\s?\d{1,3})?"
    r"(?:(?:\s?[,;+&]\s?|\s+(?:(?:and|und|et|y|e)\s+)?(?=\d))\d{1,3}(?:\s?[-–]\s?\d{1,3})?)*)"
    r"[.):\s]\s*(?P<order>\S.*)$"
)
_SPAN = re.compile(r"(\d{1,3})(?:\s?[-–]\s?(\d{1,3}))?")
# Also one that there is not: `#priority` says which there are.
_PRIORITY = re.compile(r"p ?(\d{1,2})", re.IGNORECASE)
# What people write for the command, in the languages of the desk.
_WORDS = {
    "resolve": "done resolved solved fixed ok erledigt gelöst fertig fait résolu hecho resuelto feito resolvido",
    "take": "mine me ich meins moi mien yo mío eu meu",
    "close": "closed schließen fermer cerrar fechar",
    "note": "notiz nota",
    "assign": "to give an à",
    "hold": "wait warten",
}
_COMMAND_OF = {word: command for command, words in _WORDS.items() for word in words.split()}
_MOST_LINES = 200
_MOST_NUMBERS = 100
_READ_CHARS = 2_000


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to do with some entries of a list: `line` is the command line that it means, "" where it means none that
    goes in a list; `said` is what stands behind the numbers, `elsewhere` a command in it that counts in other mails."""

    numbers: tuple[int, ...]
    line: str
    raw: str
    suggestion: str = ""
    said: str = ""
    elsewhere: str = ""


def read_orders(
    text: str, policy: Policy, known: Iterable[str], elsewhere: Collection[str] = ()
) -> tuple[tuple[Order, ...], tuple[str, ...]]:
    """Take the lines of an answer apart: orders, and what says nothing to us; `known` are the commands that a list
    takes, `elsewhere` those that it does not."""
    orders: list[Order] = []
    others: list[str] = []
    lines = [visible(line).strip()[:_READ_CHARS] for line in text.splitlines()]
    for line in [line for line in lines if line][:_MOST_LINES]:
        match = _LINE.match(line)
        if match is None:
            others.append(line)
            continue
        numbers = tuple(dict.fromkeys(_numbers_in(match["numbers"])))[:_MOST_NUMBERS]
        order = match["order"].strip().lstrip("#＃﹟").strip()
        name = order.partition(" ")[0].rstrip(":,.;!").casefold()
        meant, near = _meant(order, name, policy, frozenset(known))
        other = name if not meant and name in elsewhere else ""
        # To one who writes a command that we know, we name no other: a list may be answered in haste.
        near = "" if other else near
        orders.append(
            Order(numbers=numbers, line=meant, raw=line, suggestion=near, said=match["order"], elsewhere=other)
        )
    return tuple(orders), tuple(others)


def numbers_ordered(text: str) -> tuple[int, ...]:
    """The numbers in front of the lines of an answer, each once."""
    matches = (_LINE.match(visible(line).strip()[:_READ_CHARS]) for line in text.splitlines()[:_MOST_LINES])
    found = (number for match in matches if match is not None for number in _numbers_in(match["numbers"]))
    return tuple(dict.fromkeys(found))[:_MOST_NUMBERS]


def _numbers_in(text: str) -> Iterator[int]:
    for first, last in _SPAN.findall(text):
        yield from range(int(first), min(int(last or first), int(first) + _MOST_NUMBERS) + 1)


def _meant(order: str, name: str, policy: Policy, known: frozenset[str]) -> tuple[str, str]:
    """The command line that an order means, and where it means none, the nearest command."""
    rest = order.partition(" ")[2].strip()
    if match := _PRIORITY.fullmatch(order.rstrip(".!")):
        return f"#priority P{match[1]}", ""
    if order.startswith("@"):
        return f"#assign {order[1:].strip()}", ""
    if name in known:
        return f"#{name} {rest}".rstrip(), ""
    if name in _COMMAND_OF:
        return f"#{_COMMAND_OF[name]} {rest}".rstrip(), ""
    if policy.agent_named(order) or policy.team_named(order):
        return f"#assign {order}", ""
    near = nearest(name, [*known, *_COMMAND_OF])
    return "", f"#{_COMMAND_OF[near[1:]]}" if near[1:] in _COMMAND_OF else near
