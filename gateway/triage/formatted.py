"""An agent's formatted words without the command lines, or nothing where that cannot be had for certain."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from gateway.triage.grammar import command_lines, visible

_TEXT = re.compile(r">([^<>]*)")
_EMPTY_BLOCK = re.compile(r"<(p|div|span|li|font|b|strong)>(?:<br ?/?>|&nbsp;|\s)*</\1>\s*")
# What is nested deeper than this and empty is left as it is.
_EMPTIED_ROUNDS = 20
_TAG = re.compile(r"<[^<>]*>")
_BLOCKS = (
    "address|article|aside|blockquote|br|caption|center|dd|details|div|dl|dt|figcaption|figure|footer|form|h[1-6]|header|"
    "hr|li|main|nav|ol|p|pre|section|summary|table|tbody|td|tfoot|th|thead|tr|ul"
)
_BREAK = re.compile(rf"</?(?:{_BLOCKS})\b[^<>]*>", re.IGNORECASE)
_LIMIT_CHARS = 512 * 1024


def without_lines(markup: str, lines: Sequence[str]) -> str:
    """Cut `lines` out of sanitised `markup`; "" when a line that begins with `#word` would be left in it."""
    if not markup or len(markup) > _LIMIT_CHARS:
        return ""
    wanted = {_plain(line) for line in lines}

    def cut(match: re.Match[str]) -> str:
        return ">" if _plain(html.unescape(match.group(1))) in wanted else match.group(0)

    cleaned = _TEXT.sub(cut, ">" + markup)[1:] if wanted else markup
    for _ in range(_EMPTIED_ROUNDS if wanted else 0):
        shorter = _EMPTY_BLOCK.sub("", cleaned)
        if shorter == cleaned:
            break
        cleaned = shorter
    shown = html.unescape(_TAG.sub("", _BREAK.sub("\n", cleaned)))
    if command_lines(shown) or not shown.strip() and "<img" not in cleaned:
        return ""
    return cleaned


def _plain(text: str) -> str:
    return " ".join(visible(text).split()).casefold()
