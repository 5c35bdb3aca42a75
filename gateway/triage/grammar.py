"""Where a `#command` counts in an agent's new text, and what is left to send.

Commands stand in the first lines, in the last ones (before signature or quote), or in those right above the first
`#note`, where the words end; `#note` counts on any line of its own.
A line that begins with `#word` anywhere is never sent: what is elsewhere or unknown holds the whole mail, and so does
a command behind a bullet or in a table's cell, `#note` or `# note` anywhere, and a command that a phone wrote with a
space behind the sign (`# priority P2`). One that reads like a heading (`# Use VPN`, `# Help`) does so only where
commands stand. Any other `# ` with a space and `#12` are text.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from gateway.phrase import Phrase, say

# Phones write a full-width or small number sign, and pad lines with spaces of every kind.
_HASH = "#\uff03\ufe5f"
_SPACE = " \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
# Nobody sees these: joiners, soft hyphens, marks of the reading direction.
_UNSEEN = "\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff"
_INVISIBLE = re.compile(rf"[{_UNSEEN}]+")
_SPACES = re.compile(rf"[{_SPACE}]+")
_COMMAND = re.compile(rf"^[{_SPACE}]*[{_HASH}]([^\W\d_][\w-]*)(.*)$")
# "#priority: P2" and "#take." are written out of habit; a smiley is not.
_HABIT = re.compile(r"[:：]\s*(?=\w|$)|[.,;!]$")
NOTE = "note"
_MARKS = "-*•◦▪‣·–—>_|"
_BLANK = _SPACE.replace("\t", "")
# There is one way only to read each line, so that a rule of marks or a row of tabs takes no longer than other lines.
_BEHIND_A_MARK = re.compile(
    rf"(?:^[{_SPACE}]*[{_MARKS}][{_MARKS}{_SPACE}]*|\t[{_BLANK}]*[*_]*)[{_HASH}]([^\W\d_][\w-]*)"
)
# "#note_" is what plain text shows of "#note" in italics.
_A_NOTE = rf"{NOTE}s?(?!_*[^\W_]|-+\w)"
# Whatever phones and clients put behind the sign. Behind one letter it is a name: "the C# note", "a song in A# notes".
_NOTE_ANYWHERE = re.compile(rf"[{_HASH}]{_A_NOTE}|(?<!\b[^\W\d_])[{_HASH}][\W_]{{1,9}}{_A_NOTE}", re.IGNORECASE)
# The part of a page that a link names: "https://example.com/printers#notes".
_LINK = re.compile(r"https?://\S+", re.IGNORECASE)
_BEGINS_A_NOTE = re.compile(rf"^[\W_]{{0,9}}{_A_NOTE}", re.IGNORECASE)
_LONE_SIGN = re.compile(rf"^[^\w{_HASH}]{{0,9}}[{_HASH}][^\w{_HASH}]{{0,9}}$")
_SPACED = re.compile(rf"^([{_MARKS}{_SPACE}]*)([{_HASH}]+)[{_SPACE}]+([^\W\d_][\w-]*)(.*)$")
# What fits behind the commands that take more than nothing: "# Category" alone is a heading, and so is "# Use of it".
# Of these it may be any words, as of a heading; behind the others nothing else looks like it.
_IN_WORDS = {
    **dict.fromkeys(("resolve", "workaround", "cause", "escalate", "find"), r".*"),
    **dict.fromkeys(("assign", "handover", "list"), r"\S+(?: \S+){0,3}"),
    **dict.fromkeys(("category", "code", "impact", "urgency", "use", "preview"), r"\S+"),
    "tag": r".+",
}
_FITTING = _IN_WORDS | {
    **dict.fromkeys(("cc", "requester", "unwatch"), r".*@.*"),
    **dict.fromkeys(("merge", "link", "show"), r".*\d.*"),
    "type": r"(?i:(?:service )?(?:incident|request))",
    "priority": r"[Pp]?[1-5]",
    "set": r".*=.*",
    "rules": r"stats",
    "hold": r"(?:requester|vendor|approval)\b.*",
    "away": r"(?:until|from|bis|von|ab)\b.*",
}
# Those of them that count without anything, too.
_BARE = frozenset({"resolve", "escalate", "list", "away", "unwatch"})


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """One `#word …` line as written: `name` in lower case, `argument` the rest of the line, stripped."""

    name: str
    argument: str
    raw: str


@dataclass(frozen=True, kw_only=True)
class Misplaced:
    """A `#word` line that cannot count: why, and the nearest valid form ("" where none is near)."""

    raw: str
    why: Phrase
    suggestion: Phrase | str = ""

    @property
    def may_be_note(self) -> bool:
        return self.suggestion == f"#{NOTE}" or _hides_note(visible(self.raw))


@dataclass(frozen=True, kw_only=True)
class AgentText:
    """An agent's new text, taken apart: words without any `#word` line, commands, and what is wrong."""

    public: str
    internal: str
    commands: tuple[CommandLine, ...]
    misplaced: tuple[Misplaced, ...]
    has_note: bool = False

    @property
    def hides_note(self) -> bool:
        """Whether a line that can't count may have been meant as a note."""
        return any(one.may_be_note for one in self.misplaced)


def read_agent_text(text: str, known: Collection[str]) -> AgentText:
    """Take `text` apart; `known` are the names of the commands that exist."""
    lines = _with_their_signs(text.splitlines())
    matches = [_match(line) for line in lines]
    counted = _at_the_edges(lines, [match is not None for match in matches], matches)
    spaced = _spaced_commands(lines, matches, known)
    commands: list[CommandLine] = []
    misplaced: list[Misplaced] = []
    public: list[str] = []
    internal: list[str] = []
    into, has_note, hidden_note = public, False, ""
    for number, (line, command) in enumerate(zip(lines, matches, strict=True)):
        hidden = ""
        if command is None and into is public:
            hidden = spaced.get(number) or _hidden_command(line, known)
        if hidden and number in spaced:
            why = say("looks like a command, but has a space behind the #")
            misplaced.append(Misplaced(raw=shown(line), why=why, suggestion=f"#{hidden}"))
        elif hidden:
            why = say("looks like a command, but does not begin its line")
            suggestion = say("{command} on a line of its own", command=hidden)
            misplaced.append(Misplaced(raw=shown(line), why=why, suggestion=suggestion))
        elif command is None:
            into.append(line)
        elif command.name == NOTE:
            into, has_note = internal, True
            if command.argument:
                internal.append(command.argument)
        elif command.name not in known:
            why, near = say("is no command"), nearest(command.name, known)
            misplaced.append(Misplaced(raw=shown(line), why=why, suggestion=near))
        elif number not in counted:
            why = say("stands in the middle of the text; commands count in the first or the last lines")
            suggestion = say("{command} on the first line", command=f"#{command.name}")
            misplaced.append(Misplaced(raw=shown(line), why=why, suggestion=suggestion))
        else:
            commands.append(command)
        if into is public and misplaced and misplaced[-1].may_be_note:
            # What stands below a note is one too, also below one that can't count.
            into, hidden_note = internal, misplaced[-1].raw
    below = _join(internal)
    return AgentText(
        public=_join(public),
        internal=f"{hidden_note}\n{below}" if hidden_note and below else below,
        commands=tuple(commands),
        misplaced=tuple(misplaced),
        has_note=has_note,
    )


def command_lines(text: str) -> tuple[CommandLine, ...]:
    """Every `#word` line of a text, wherever it stands."""
    return tuple(command for command in map(_match, text.splitlines()) if command is not None)


def nearest(name: str, known: Collection[str]) -> str:
    """The command that was probably meant, with its `#`, "" where none is near."""
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"#{close[0]}" if close else ""


def _match(line: str) -> CommandLine | None:
    seen = visible(line)
    match = _COMMAND.match(seen)
    if match is None:
        return None
    name = unicodedata.normalize("NFKC", match.group(1)).lower()
    argument = _SPACES.sub(" ", match.group(2)).strip()
    habit = _HABIT.match(argument)
    return CommandLine(name=name, argument=argument[habit.end() :] if habit else argument, raw=seen.strip())


def _hidden_command(line: str, known: Collection[str]) -> str:
    """A command behind a bullet, in a table cell or in bold, or `#note` anywhere: what it hides must not go out."""
    seen = visible(line)
    match = _BEHIND_A_MARK.search(seen)
    if match is not None and unicodedata.normalize("NFKC", match.group(1)).lower() in known:
        return f"#{match.group(1).lower()}"
    return f"#{NOTE}" if _hides_note(seen) else ""


def _hides_note(seen: str) -> bool:
    return NOTE in seen.lower() and _NOTE_ANYWHERE.search(_LINK.sub("", seen)) is not None


def _spaced_commands(lines: list[str], matches: list[CommandLine | None], known: Collection[str]) -> dict[int, str]:
    """The lines, by number, that would be a command without the space behind their sign: what reads like a heading
    too is one only where commands stand."""
    found = [
        ("", False) if match else _spaced_command(visible(line), known)
        for line, match in zip(lines, matches, strict=True)
    ]
    are_commands = [bool(match or name) for match, (name, _) in zip(matches, found, strict=True)]
    edges = _at_the_edges(lines, are_commands, matches)
    return {number: name for number, (name, sure) in enumerate(found) if name and (sure or number in edges)}


def _spaced_command(seen: str, known: Collection[str]) -> tuple[str, bool]:
    """The command that a line would be without the space behind its sign, "" for none, and whether it can't be a
    heading. Of all but `note` only what fits counts."""
    match = _SPACED.match(seen)
    if match is None:
        return "", False
    before, signs, word, rest = match.groups()
    name = unicodedata.normalize("NFKC", word).lower()
    if name in (NOTE, f"{NOTE}s"):
        return NOTE, True
    if name not in known or before.strip() or len(signs) > 1:
        return "", False
    argument = _SPACES.sub(" ", rest).strip()
    habit = _HABIT.match(argument)
    argument = argument[habit.end() :] if habit else argument
    if not argument:
        return name if name in _BARE or name not in _FITTING else "", False
    return name if re.fullmatch(_FITTING.get(name, ""), argument) else "", name not in _IN_WORDS


def visible(text: str) -> str:
    """The text without what nobody sees, and that clients and phones put in where they like."""
    return text if text.isascii() else _INVISIBLE.sub("", text)


def shown(line: str) -> str:
    """A line as it is shown to its author, in front of a colon."""
    return visible(line).strip().rstrip(":：").rstrip()


def _with_their_signs(lines: list[str]) -> list[str]:
    """The lines; a note whose sign stands alone in the line above is one line with it."""
    joined: list[str] = []
    for line in lines:
        if _BEGINS_A_NOTE.match(visible(line)):
            above = next((at for at in range(len(joined) - 1, -1, -1) if visible(joined[at]).strip()), None)
            if above is not None and _LONE_SIGN.match(visible(joined[above])):
                joined[above:] = [f"{joined[above]} {line}"]
                continue
        joined.append(line)
    return joined


def _at_the_edges(lines: list[str], are_commands: list[bool], matches: list[CommandLine | None]) -> set[int]:
    """Numbers of the command lines that only other command lines and blank ones part from the top, from the bottom, or
    from the first note: the words end above it."""
    edges: set[int] = set()
    end = len(lines)
    note = next((number for number, match in enumerate(matches) if match is not None and match.name == NOTE), end)
    for order in (range(end), range(end - 1, -1, -1), range(note - 1, -1, -1)):
        for number in order:
            if are_commands[number]:
                edges.add(number)
            elif visible(lines[number]).strip():
                break
    return edges


def _join(lines: list[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
