"""Facts that must be known before a ticket ends: what is missing, and an agent's answer to the question for them. Pure.

`#resolve` and `#close` without them hold the mail, and its author is asked for exactly these. The answer is lines like
`cause: the cable was cut` or `#cause the cable was cut`; a single line without a name is the one fact that is missing.
It completes the command: the held mail is carried out with it. None of its words ever goes to the requester.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.phrase import Phrase, say
from gateway.policy import Policy
from gateway.triage.case import Case
from gateway.triage.commands import run_commands, run_possible_commands
from gateway.triage.facts import HeldMessage
from gateway.triage.grammar import AgentText, CommandLine, command_lines
from gateway.triage.work import Refusal, Work

# The mark of a held mail that waits for facts.
FACTS = "facts"
ENDS = ("resolve", "close")
_COMMANDS = ("cause", "code", "set")
_NAMED = "fields."
_LINE = re.compile(r"[\s*•-]*(?P<name>[^\W\d][\w. -]{0,60}?)\s*[:=](?P<value>.*)")
# What the facts are called by those who don't write English.
_OTHER_NAMES = {"ursache": "cause", "causa": "cause", "código": "code", "codigo": "code", "gerät": "asset"}


def missing_facts(work: Work) -> tuple[str, ...]:
    """What must be known before the ticket ends, and is not; () where the work does not end it."""
    if not (work.resolves or work.closes):
        return ()
    ticket = work.ticket
    needed = work.policy.closing.required(ticket.type, ticket.priority, ticket.category, ticket.team)
    return tuple(fact for fact in needed if not _value_of(work, fact))


def _value_of(work: Work, fact: str) -> str:
    if fact.startswith(_NAMED):
        return dict(work.ticket.named).get(fact.removeprefix(_NAMED), "")
    return {"cause": work.ticket.cause, "code": work.ticket.code, "asset": work.ticket.asset}[fact]


def form_of(policy: Policy, facts: Iterable[str]) -> list[str]:
    """The lines that the question shows to be filled in."""
    codes = "|".join(policy.closing.codes)
    return [f"{fact.removeprefix(_NAMED)}: {codes if fact == 'code' else ''}".rstrip() for fact in facts]


def why_asked(facts: Sequence[str]) -> Phrase:
    """Why the mail is held."""
    return say("before the ticket ends, this must be known: {facts}", facts=[one.removeprefix(_NAMED) for one in facts])


def without_unknown_end(
    start: Work, repeated: Sequence[CommandLine], commands: Sequence[CommandLine]
) -> tuple[tuple[CommandLine, ...], tuple[Phrase, ...]]:
    """The commands that `#send` repeats, without an end whose facts are still missing; and what is left out."""
    if not any(line.name == "send" for line in commands):
        return tuple(repeated), ()
    work, _ = run_possible_commands(start, [*repeated, *(line for line in commands if line.name != "send")])
    missing = missing_facts(work)
    if not missing:
        return tuple(repeated), ()
    kept = tuple(line for line in repeated if line.name not in ENDS)
    left_out = (line for line in repeated if line.name in ENDS)
    return kept, tuple(say("{line}: {why}", line=f"#{line.name}", why=why_asked(missing)) for line in left_out)


@dataclass(frozen=True, kw_only=True)
class Given:
    """An answer to the question for facts: the held mail that it completes, as commands, and what is wrong with it."""

    held: HeldMessage
    commands: tuple[CommandLine, ...]
    problem: Refusal | None = None


def facts_given(case: Case, start: Work, text: AgentText, held: Sequence[HeldMessage], question: str) -> Given | None:
    """Read an answer to the question for facts (`question` is its notice); None for every other mail.

    An answer to another mail of the ticket is one where it says nothing else.
    """
    waiting = [message for message in held if FACTS in message.marks]
    if not waiting or any(line.name not in _COMMANDS for line in text.commands):
        return None
    answered = {one.about for one in case.threading.references if one.is_answered and one.notice == question}
    asked = next((message for message in waiting if message.id in answered), None)
    message = asked or waiting[-1]
    work, _ = run_possible_commands(start, command_lines("\n".join(message.commands)))
    missing = missing_facts(work)
    lines, others = _lines(text.public, missing)
    if not lines and not text.commands and len(others) == 1 and len(missing) == 1:
        lines, others = [_as_command(missing[0], others[0])] if asked else [], [] if asked else others
    if asked is None and (others or not lines):
        return None
    return _tried(work, message, (*text.commands, *lines), others, start.agent.name)


def _lines(text: str, missing: Sequence[str]) -> tuple[list[CommandLine], list[str]]:
    """The lines of a text that name a fact, as commands; and the others."""
    names = {fact.removeprefix(_NAMED): fact for fact in (*missing, "cause", "code", "asset")}
    found, others = [], []
    for line in filter(str.strip, text.splitlines()):
        match = _LINE.fullmatch(line.strip())
        name = match["name"].strip().casefold().removeprefix(_NAMED) if match is not None else ""
        fact = names.get(_OTHER_NAMES.get(name, name))
        if match is None or fact is None:
            others.append(line.strip())
        elif value := match["value"].strip():
            found.append(_as_command(fact, value))
    return found, others


def _as_command(fact: str, value: str) -> CommandLine:
    name, argument = (fact, value) if fact in ("cause", "code") else ("set", f"{fact.removeprefix(_NAMED)}={value}")
    return CommandLine(name=name, argument=argument, raw=f"#{name} {argument}")


def _tried(work: Work, message: HeldMessage, lines: Iterable[CommandLine], others: Sequence[str], author: str) -> Given:
    """Those lines that can be carried out; the first that can't, or that says something else, is the problem."""
    commands: list[CommandLine] = []
    problem: Refusal | None = None
    for line in lines:
        result = run_commands(work, [line])
        if isinstance(result, Refusal):
            problem = problem or result
        else:
            work, commands = result, [*commands, line]
    strange = [one for one in others if one.casefold() not in (author.casefold(), author.partition(" ")[0].casefold())]
    missing = missing_facts(work)
    if strange and problem is None:
        why = say("“{line}” is none of the facts that were asked for", line=strange[0][:100])
        problem = Refusal(why=why, suggestion="; ".join(form_of(work.policy, missing)))
    elif not commands and problem is None:
        problem = Refusal(why=why_asked(missing))
    return Given(held=message, commands=tuple(commands), problem=problem)
