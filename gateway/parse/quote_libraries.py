"""Ask the two reply libraries where a quote begins, on text that cannot hang them.

Used by `quotes` when our own rules find nothing. The owner of quotequail and mail-parser-reply; both hang on hostile
text without the caps of `limits` (measured in minutes), and both are slow, so they are asked only when something looks
like a quote.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway.parse import limits, quote_lines

_COLON_END = re.compile(r"[:：]\s*$")
_LANGUAGES = ["en", "de", "fr", "es", "pt", "it", "nl", "pl", "sv", "da", "no", "cs", "ja", "zh", "ko", "he", "ru"]


def looks_quoted(lines: Sequence[str]) -> bool:
    """Whether any line could introduce a quote: an address or a date that ends in a colon, a ruled line, labels."""
    labels = 0
    for line in lines[: limits.QUOTE_LINES]:
        short = line[: limits.QUOTE_LINE_CHARACTERS]
        if "@" in short and _COLON_END.search(short):
            return True
        if quote_lines.is_rule(short):
            return True
        if _COLON_END.search(short) and any(char.isdigit() for char in short):
            return True
        labels = labels + 1 if re.match(r"^[\s*]*[^\W\d_]{1,20} ?[:：] ?\S", short) else 0
        if labels >= 3:
            return True
    return False


def cut(lines: Sequence[str]) -> int | None:
    """The first quoted line as either library sees it, None if both see no quote."""
    kept, numbers = _capped(lines)
    asked = (_ask_quotequail(kept), _ask_reply_parser(kept))
    # Behind the last line is no quote: the second one says that where it takes all of the text for an answer.
    found = [start for start in asked if start is not None and start < len(numbers)]
    if not found:
        return None
    with_words = [start for start in sorted(found) if any(char.isalnum() for line in kept[:start] for char in line)]
    return numbers[with_words[0]] if with_words else None


def _capped(lines: Sequence[str]) -> tuple[list[str], list[int]]:
    """The lines that the libraries may see, and the number of each in the whole text."""
    kept: list[str] = []
    numbers: list[int] = []
    characters = blanks = 0
    for number, line in enumerate(lines[: limits.QUOTE_LINES]):
        short = re.sub(r"[ \t\xa0]+", " ", line[: limits.QUOTE_LINE_CHARACTERS])
        blanks = 0 if short.strip() else blanks + 1
        if blanks > 2:
            continue
        characters += len(short) + 1
        if characters > limits.QUOTE_CHARACTERS:
            break
        kept.append(short)
        numbers.append(number)
    return kept, numbers


def _ask_quotequail(lines: list[str]) -> int | None:
    import quotequail

    parts = quotequail.quote("\n".join(lines), limit=len(lines) + 1, quote_intro_line=True)
    return parts[0][1].count("\n") + 1 if len(parts) > 1 and parts[0][0] else None


def _ask_reply_parser(lines: list[str]) -> int | None:
    from mailparser_reply import EmailReplyParser

    text = "\n".join(lines)
    replies = EmailReplyParser(languages=list(_LANGUAGES)).read(text).replies
    if len(replies) < 2:
        return None
    content = str(replies[0].content).rstrip()
    if not content or not text.startswith(content):
        return None
    return content.count("\n") + 1
