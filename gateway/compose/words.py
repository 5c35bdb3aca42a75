"""From the rendered words of a template to the two bodies of a mail.

A template's body is text as one types it: a paragraph is a line, an empty line ends it. Both bodies come from it, so
that an admin who edits one file changes both:

- Text: lines are wrapped at 72 characters, indented ones are left alone.
- HTML: a paragraph for a paragraph; lines that begin with "- " are a list,
  perhaps with a title line above, and "- #command: what it does" has the command in bold; two lines or more that all
  read "Label: value" are rows with quiet labels; indented lines keep their shape; what follows a line "--" is small
  print.

What a person wrote enters through the filters `body` and `framed`. It stands in the rendered words as a numbered mark
and takes its place only afterwards: in the text body word for word, in the HTML body as sanitised HTML.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from gateway.compose.person import lines_to_html

WRAP_AT = 72

QUIET = "color:#767676"
_MARGIN = "margin:0 0 1em"
_FRAME = "margin:0 0 1em;padding:.1em 0 .1em .9em;border-left:3px solid #9aa5b1;overflow-x:auto"
_MARK = re.compile("\x02(\\d+)\x03")
_EXPLAINED = re.compile(r"(#\w[^:\n]{0,60})(: \S.*)")
_ROW = re.compile(r"([^\s:：][^:：]{0,30}[:：])\s+(\S.*)")


@dataclass(frozen=True, kw_only=True)
class Body:
    """What a person wrote, in both forms; `framed` sets it off from our own words."""

    text: str
    html: str
    framed: bool = False


def mark(number: int) -> str:
    """The place of a body in rendered words; a control character, so that no value can forge it."""
    return f"\x02{number}\x03"


def plain_text(words: str, bodies: list[Body]) -> str:
    """Return the text body: our words wrapped, the bodies as they are."""
    pieces = _MARK.split(words)
    for index, piece in enumerate(pieces):
        if index % 2:
            pieces[index] = bodies[int(piece)].text.strip("\n").rstrip()
        else:
            wrapped = "\n".join(_wrapped(line) for line in piece.split("\n"))
            pieces[index] = re.sub(r"\n{3,}", "\n\n", wrapped)
    return "".join(pieces).strip("\n") + "\n"


def simple_html(words: str, bodies: list[Body]) -> str:
    """Return the content of the HTML body."""
    pieces = _MARK.split(words)
    small = False
    html: list[str] = []
    for index, piece in enumerate(pieces):
        if index % 2:
            body = bodies[int(piece)]
            html.append(f'<div dir="auto" style="{_FRAME if body.framed else _MARGIN}">\n{body.html}\n</div>')
            continue
        for block in re.split(r"\n\s*\n", piece.strip("\n")):
            lines = [line.rstrip() for line in block.split("\n") if line.strip()]
            if lines and lines[0] == "--":
                small, lines = True, lines[1:]
            if lines:
                html.append(_block(tuple(lines), small=small))
    return "\n".join(html)


def page(content: str, *, language: str, delimiter: str) -> str:
    """Return the whole HTML page. No colours but a middle grey: it reads on white and on black (dark mode)."""
    return f"""<!DOCTYPE html>
<html lang="{escape(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
</head>
<body style="margin:0;padding:12px;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;\
font-size:15px;line-height:1.45;overflow-wrap:anywhere">
<div style="max-width:640px">
<p style="margin:0 0 1.2em;font-size:12px;{QUIET}">{escape(delimiter)}</p>
{content}
</div>
</body>
</html>
"""


@lru_cache(maxsize=512)  # most of our lines are the same in every mail
def _wrapped(line: str) -> str:
    line = line.rstrip()
    if line == "--":
        return "-- "  # RFC 3676 §4.3: mail clients grey it and leave it out of a reply
    if len(line) <= WRAP_AT or line.startswith((" ", "\t")):
        return line
    indent = "  " if line.startswith("- ") else ""
    # A "#word" must not come to stand at the beginning of a line, where a quoted hint would read as a command.
    glued = re.sub(r" #(?=\w)", "\x04#", line)
    filled = textwrap.fill(
        glued, WRAP_AT, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False, tabsize=4
    )
    return filled.replace("\x04", " ")


@lru_cache(maxsize=256)  # as above: what to do next, the commands, the small print
def _block(lines: tuple[str, ...], *, small: bool) -> str:
    style = f"{_MARGIN};font-size:13px;{QUIET}" if small else _MARGIN
    if lines[-1].startswith("- "):
        first = next(number for number, line in enumerate(lines) if line.startswith("- "))
        items = "".join(f"\n<li>{_item(line.removeprefix('- '))}</li>" for line in lines[first:])
        title = f'<p style="margin:0">{lines_to_html(chr(10).join(lines[:first]))}</p>\n' if first else ""
        return f'{title}<ul style="{style};padding-left:1.3em">{items}\n</ul>'
    if len(lines) > 1 and all(_ROW.fullmatch(line) for line in lines):
        return f'<p style="{style}">{"<br>".join(map(_row, lines))}</p>'
    if all(line.startswith(" ") for line in lines):
        content = lines_to_html("\n".join(lines))
        return f'<p style="{style};font-family:Consolas,Menlo,monospace;font-size:14px">{content}</p>'
    return f'<p style="{style}">{lines_to_html(chr(10).join(lines))}</p>'


def _item(line: str) -> str:
    """An item of a list; a command that is explained stands out."""
    match = _EXPLAINED.fullmatch(line)
    return f"<b>{escape(match.group(1))}</b>{lines_to_html(match.group(2))}" if match else lines_to_html(line)


def _row(line: str) -> str:
    match = _ROW.fullmatch(line)
    assert match  # the caller asked
    return f'\n<span style="{QUIET}">{escape(match.group(1))}</span> {lines_to_html(match.group(2))}'
