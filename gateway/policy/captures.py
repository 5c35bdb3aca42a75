"""Places in braces in what a rule sets: `host = "{host}"` takes what a pattern of the rule has captured.

A brace itself is written twice: `{{`. A place that captured nothing leaves its field unset. What a mail brings is made
one short line before it stands anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gateway.options.tables import wrong
from gateway.subject import one_line

LONGEST_VALUE_CHARS = 200
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_PLACE = re.compile(r"[^\W\d_]\w*(?:\.[^\W\d_][\w-]*)?")


def places_in(text: str) -> tuple[str, ...]:
    """Name the places of a text, in order."""
    if "{" not in text:
        return ()
    found = (match.group(1) for match in _PIECE.finditer(text) if match.group(1) is not None)
    return tuple(name.strip() for name in found)


def checked(text: str) -> str:
    """Return a text whose braces are as they should be; else raise what is wrong with them."""
    if "{" not in text and "}" not in text:
        return text
    for match in _PIECE.finditer(text):
        if match.group() in "{}":
            other = {"{": "}", "}": "{"}[match.group()]
            raise wrong(f"has a {match.group()} without its {other}", f"write {match.group() * 2} for the character")
        if match.group(1) is not None and not _PLACE.fullmatch(match.group(1).strip()):
            hint = f"write {{{{{match.group(1)}}}}} for braces that are meant as such"
            raise wrong(f"{match.group()} is not the name of a capture", hint)
    return text


def filled_in(text: str, captures: Mapping[str, str]) -> str | None:
    """Put captures into their places; None where one of them captured nothing."""
    if "{" not in text and "}" not in text:
        return text
    pieces: list[str] = []
    position = 0
    for match in _PIECE.finditer(text):
        pieces.append(text[position : match.start()])
        position = match.end()
        if match.group(1) is None:
            pieces.append(match.group()[0])
            continue
        value = one_line(captures.get(match.group(1).strip(), "")[: 4 * LONGEST_VALUE_CHARS])
        if not value:
            return None
        pieces.append(value)
    return "".join((*pieces, text[position:])).strip()[:LONGEST_VALUE_CHARS].rstrip() or None
