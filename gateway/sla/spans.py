"""Spans of working time as admins write them: `30m`, `4h`, `1h 30m`.

Days and weeks are not understood: a day of one calendar has nine hours, of another twenty-four, and a wrong guess is
worse than a question.
"""

from __future__ import annotations

import re

_SPAN = re.compile(r"(?:(\d{1,5}) ?h)? ?(?:(\d{1,6}) ?m(?:in)?)?", re.IGNORECASE)


def read_minutes(text: str) -> int | None:
    """How many minutes a span is; None for what is no span."""
    plain = " ".join(text.split())
    found = _SPAN.fullmatch(plain)
    if not plain or found is None:
        return None
    return int(found[1] or 0) * 60 + int(found[2] or 0)


def written_minutes(minutes: int) -> str:
    """A span as `read_minutes` reads it."""
    hours, rest = divmod(minutes, 60)
    return " ".join(part for part in (f"{hours}h" if hours else "", f"{rest}m" if rest or not hours else "") if part)
