"""The subject of what the desk answers to an agent: what happened, in a few words that a phone shows whole. Pure.

A command stands there as its author wrote it, and is cut; of several the first one, with how many more there were. The
ticket's token is put in front of it when the mail is composed.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.phrase import Phrase, say
from gateway.subject import one_line

_LONGEST_CHARS = 40
NOTHING_DONE = say("Nothing done")


def done(*lines: str) -> Phrase:
    """All of it was done."""
    return say("Done: {what}", what=_named(lines)) if lines else say("Done")


def not_done(*lines: str) -> Phrase:
    """None of it was done."""
    return say("Not done: {what}", what=_named(lines)) if lines else NOTHING_DONE


def partly_done(*lines: str) -> Phrase:
    """Some of it was done."""
    return say("Partly done: {what}", what=_named(lines))


def not_sent(*lines: str) -> Phrase:
    """Words wait for their author."""
    return say("Not sent yet: {what}", what=_named(lines)) if lines else say("Not sent yet")


def answer_to(*lines: str) -> Phrase:
    """What was asked for."""
    return say("Asked for: {what}", what=_named(lines))


def only_answers(headline: object) -> bool:
    """Whether a mail of this subject says what was asked for, and nothing of what was done or could not be."""
    return isinstance(headline, Phrase) and headline.text == answer_to("#help").text


def of_many(count: int, lines: Sequence[str], *, left: int = 0) -> Phrase:
    """So many of these lines were done; `left` others say nothing to us."""
    if count and left:
        return say("{done} of {count} done, left alone: {left}", done=count, count=len(lines), left=left)
    if len(lines) < 2 or not count:
        return done(*lines) if count else not_done(*lines)
    return say("{done} of {count} done", done=count, count=len(lines))


def line_in(why: Phrase) -> tuple[str, ...]:
    """The line that a refusal names, () where it names none."""
    values = dict(why.values)
    found, within = values.get("line"), values.get("why")
    if isinstance(found, str):
        return (found,)
    return line_in(within) if isinstance(within, Phrase) else ()


def shortened(text: str, longest: int = _LONGEST_CHARS) -> str:
    """One line of at most so many characters."""
    line = one_line(text)
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def _named(lines: Sequence[str]) -> str:
    first = shortened(lines[0])
    return f"{first} (+{len(lines) - 1})" if len(lines) > 1 else first
