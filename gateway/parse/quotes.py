"""Tell an author's new words from quoted history and signatures, line by line, throwing nothing away.

Part of `parse`; also called with the text of the mail that is being answered, once the desk knows it. What we know
ourselves comes first: our delimiter line, our addresses, the answered text. Then the marks that clients leave: ">",
attributions, header blocks. Only where those find nothing although something looks like a quote, two libraries are
asked (`quote_libraries`). Text below or between quotes is new: people answer there. Never raises.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.mail import Passage, PassageRole
from gateway.parse import limits, quote_libraries, quote_lines, signatures

_REFUSALS = 20
_INTRODUCTIONS = 6
_INTRODUCTION_LINES = 12
_BLANKS = 50
_DIGIT = re.compile(r"\d")
NEW, QUOTED, SIGNATURE = PassageRole.NEW, PassageRole.QUOTED, PassageRole.SIGNATURE


def mark_passages(text: str, *, own_addresses: Sequence[str] = (), answered: str = "") -> tuple[Passage, ...]:
    """Split a text body into passages: new, quoted, signature.

    `own_addresses` are the desk's; `answered` is the text of the mail that this one answers, if known. Joined, the
    passages are the text again, with LF line ends.
    """
    return mark(text, own_addresses=own_addresses, answered=answered)


def mark(
    text: str,
    *,
    own_addresses: Sequence[str] = (),
    answered: str = "",
    forwarded: bool = False,
    cut: int | None = None,
) -> tuple[Passage, ...]:
    """As `mark_passages`; `forwarded` says that the subject announces a forwarded mail, whose header block begins
    content and no quote; from character `cut` on the HTML marked the rest as history."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text:
        return ()
    lines = text.split("\n")
    if any(len(line) > limits.QUOTE_LINE_CHARACTERS for line in lines):
        lines = [line[: limits.QUOTE_LINE_CHARACTERS] for line in lines]
    state = _Marking(
        lines=lines,
        own=tuple(address.lower() for address in own_addresses if address),
        forwarded=forwarded,
    )
    state.roles = [NEW] * len(state.lines)
    _mark_quotes(state, text.count("\n", 0, cut) if cut is not None and not forwarded else None)
    if answered:
        _mark_answered(state, answered)
    if not state.settled and QUOTED not in state.roles and quote_libraries.looks_quoted(state.lines):
        start = quote_libraries.cut(state.lines)
        if start is not None and _has_words(state, 0, start):
            _quote_to_end(state, start)
    _mark_signatures(state)
    return _passages(text, state.roles)


@dataclass
class _Marking:
    """The lines (cut to what the recognisers may see), their roles so far, and whether the question is settled (a
    forward, our own delimiter). `refusals` counts cuts that would have left no words: a stranger could make thousands.
    """

    lines: list[str]
    own: tuple[str, ...]
    forwarded: bool
    roles: list[PassageRole] = field(default_factory=list)
    settled: bool = False
    forward_line: int | None = None
    refusals: int = 0


def _mark_quotes(state: _Marking, cut: int | None) -> None:
    """Walk down the lines until something says that all the rest is history."""
    lines = state.lines
    index = 0
    while index < len(lines):
        line = lines[index]
        if cut is not None and index >= cut and _quote_rest(state, index):
            return
        if not line.strip():
            index += 1
        elif quote_lines.is_quoted(line):
            if _is_quoted_forward(state, index):
                _settle_forward(state, index)
                return
            index = _mark_run(state, index)
        elif quote_lines.is_delimiter(line):
            _quote_to_end(state, _introduction_start(state, index))
            state.settled = True
            return
        elif quote_lines.is_forward_marker(line):
            _settle_forward(state, index)
            return
        elif _introduces_history(state, index, line):
            if state.forwarded:
                _settle_forward(state, index)
                return
            if _quote_rest(state, index):
                return
            index += 1
        else:
            index += 1


def _settle_forward(state: _Marking, index: int) -> None:
    """From here on it is a mail that is passed on: content, whatever it quotes itself."""
    state.settled = True
    state.forward_line = index


def _is_quoted_forward(state: _Marking, index: int) -> bool:
    """Apple Mail marks a forwarded mail with ">" like a quote; its first line says what it is."""
    first = state.lines[index].lstrip("> \t")
    if quote_lines.is_forward_marker(first):
        return True
    if not state.forwarded or QUOTED in state.roles:
        return False
    head = [line.lstrip("> \t") for line in state.lines[index : index + _INTRODUCTION_LINES]]
    return quote_lines.header_block(head, 0, state.own) is not None


def _introduces_history(state: _Marking, index: int, line: str) -> bool:
    first = line.lstrip()[:1]
    if first in "-_=*—–" and quote_lines.is_original_marker(line):
        return True
    if state.refusals >= _REFUSALS or index >= limits.QUOTE_LINES:
        return False
    if (":" in line or "：" in line) and quote_lines.header_block(state.lines, index, state.own):
        return True
    may_begin_one = _DIGIT.search(line) or quote_lines.names_the_writer(line)
    end = quote_lines.attribution_end(state.lines, index, state.own) if may_begin_one else None
    if end is None:
        return False
    following = next((text for text in state.lines[end : end + _BLANKS] if text.strip()), "")
    # With ">" behind it, it belongs to a marked quote, which ends where its marks end.
    return bool(following) and not quote_lines.is_quoted(following)


def _mark_run(state: _Marking, start: int) -> int:
    """Mark a run of ">" lines and its attribution; returns the line behind the run."""
    lines = state.lines
    end = start
    index = start
    while index < len(lines) and (quote_lines.is_quoted(lines[index]) or not lines[index].strip()):
        if lines[index].strip():
            end = index + 1
        index += 1
    first = quote_lines.attribution_start(lines, start, state.own)
    begin = start if first is None or state.roles[first] is not NEW else first
    for position in range(begin, end):
        state.roles[position] = QUOTED
    return end


def _quote_rest(state: _Marking, index: int) -> bool:
    """Mark all from `index` on, with the ruled lines above it, unless nobody's words would be left above."""
    start = _introduction_start(state, index)
    if not _has_words(state, 0, start):
        state.refusals += 1
        return False
    _quote_to_end(state, start)
    return True


def _introduction_start(state: _Marking, index: int) -> int:
    """Where the introduction of history that is recognised at `index` really begins: rules, markers, header blocks and
    attributions above it belong to it."""
    lines = state.lines
    start = index
    for _ in range(_INTRODUCTIONS):
        above = start - 1
        while above >= 0 and not lines[above].strip():
            above -= 1
        if above < 0:
            break
        if quote_lines.is_rule(lines[above]) or quote_lines.is_original_marker(lines[above]):
            start = above
            continue
        first = quote_lines.attribution_start(lines, above + 1, state.own)
        if first is None:
            first = _block_above(state, above)
        if first is None:
            break
        start = first
    return start


def _block_above(state: _Marking, last: int) -> int | None:
    for first in range(max(last - _INTRODUCTION_LINES, 0), last):
        block = quote_lines.header_block(state.lines, first, state.own)
        if block and block.end == last + 1:
            return first
    return None


def _quote_to_end(state: _Marking, start: int) -> None:
    state.roles[start:] = [QUOTED] * (len(state.roles) - start)


def _has_words(state: _Marking, start: int, end: int) -> bool:
    return any(
        state.roles[index] is NEW and any(char.isalnum() for char in state.lines[index]) for index in range(start, end)
    )


def _mark_answered(state: _Marking, answered: str) -> None:
    """Find the answered text again where no client marked it.

    Two uses: its lines below a quote lost their ">" when a client wrapped them; or the whole of it stands unmarked
    below the answer.
    """
    known = {_collapsed(line) for line in answered.split("\n")}
    known.discard("")
    whole = " ".join(_collapsed(line) for line in answered.split("\n"))
    below = False
    for index, line in enumerate(state.lines):
        if state.roles[index] is QUOTED:
            below = True
        elif below and len(_collapsed(line)) >= 8 and _collapsed(line) in whole:
            state.roles[index] = QUOTED
    if below:
        _free_words_below(state, whole)
        return
    start = _unmarked_copy(state, known)
    if start is not None:
        _quote_rest(state, start)


def _free_words_below(state: _Marking, whole: str) -> None:
    """Somebody may answer below our unmarked text: where no new words are left, those behind its last line are new."""
    if _has_words(state, 0, len(state.lines)):
        return
    ours = [index for index, line in enumerate(state.lines) if len(_collapsed(line)) >= 4 and _collapsed(line) in whole]
    if ours:
        for index in range(ours[-1] + 1, len(state.lines)):
            if not quote_lines.is_quoted(state.lines[index]):
                state.roles[index] = NEW


def _unmarked_copy(state: _Marking, known: set[str]) -> int | None:
    """The first of at least three lines (or all of a shorter mail) in a row that are lines of the answered mail."""
    needed = min(3, len(known))
    run = 0
    first = 0
    for index, line in enumerate(state.lines):
        clean = _collapsed(line)
        if not clean:
            continue
        if clean in known:
            first = index if run == 0 else first
            run += 1
            if run >= needed and sum(len(text) for text in state.lines[first : index + 1]) >= 20:
                return first
        else:
            run = 0
    return None


def _collapsed(line: str) -> str:
    return " ".join(line.lstrip("> \t").split())


def _mark_signatures(state: _Marking) -> None:
    """Mark the signature in each stretch of new text."""
    count = len(state.lines)
    # What is passed on has signatures of its own, which belong to the content.
    content = count if state.forward_line is None else state.forward_line
    # Phones write their line above the quote, too; where words follow, it may be one of them.
    last = next((index for index in range(count - 1, -1, -1) if _has_words(state, index, index + 1)), count)
    index = 0
    while index < content:
        if state.roles[index] is not NEW:
            index += 1
            continue
        end = index
        while end < content and state.roles[end] is NEW:
            end += 1
        start = signatures.signature_start(
            state.lines, index, end, is_last=end > last, may_be_all=_has_words(state, 0, index)
        )
        if start is not None:
            state.roles[start:end] = [SIGNATURE] * (end - start)
        index = end


def _passages(text: str, roles: list[PassageRole]) -> tuple[Passage, ...]:
    passages: list[Passage] = []
    pending: list[str] = []
    for index, line in enumerate(text.split("\n")):
        is_last = index + 1 == len(roles)
        pending.append(line if is_last else line + "\n")
        if is_last or roles[index + 1] is not roles[index]:
            piece = "".join(pending)
            if piece:
                passages.append(Passage(role=roles[index], text=piece))
            pending = []
    return tuple(passages)
