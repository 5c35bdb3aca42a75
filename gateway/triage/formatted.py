"""An agent's formatted words without the command lines, or nothing where that cannot be had for certain."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

_TEXT = re.compile(r">([^<>]*)")
_EMPTY_BLOCK = re.compile(r"<(p|div|span|li|font|b|strong)>\s*(?:<br\s*/?>|&nbsp;|\s)*</\1>\s*")
_TAG = re.compile(r"<[^<>]*>")
_HASH_LINE = re.compile(r"(?:^|\n)\s*[#\uff03\ufe5f][^\W\d_]")
_BREAK = re.compile(r"<(?:br|/?(?:p|div|li|ul|ol|table|tr|h[1-6]|blockquote|pre))\b[^<>]*>", re.IGNORECASE)
_LIMIT_CHARS = 512 * 1024


def without_lines(markup: str, lines: Sequence[str]) -> str:
    """Cut `lines` out of sanitised `markup`; "" when a line that begins with `#word` would be left in it."""
    if not markup or len(markup) > _LIMIT_CHARS:
        return ""
    wanted = {_plain(line) for line in lines}

    def cut(match: re.Match[str]) -> str:
        return ">" if _plain(html.unescape(match.group(1))) in wanted else match.group(0)

    cleaned = _TEXT.sub(cut, ">" + markup)[1:] if wanted else markup
    while wanted and (shorter := _EMPTY_BLOCK.sub("", cleaned)) != cleaned:
        cleaned = shorter
    shown = html.unescape(_TAG.sub("", _BREAK.sub("\n", cleaned)))
    if _HASH_LINE.search(shown) or not shown.strip() and "<img" not in cleaned:
        return ""
    return cleaned


def _plain(text: str) -> str:
    return " ".join(text.replace("\u00a0", " ").replace("\u200b", "").split()).casefold()
