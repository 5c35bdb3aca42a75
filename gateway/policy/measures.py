"""What conditions measure, as an admin writes it: sizes, moments and counts. Each text is checked once and read later.

A text that can't be read is told with what could be written instead.
"""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache

from gateway.options.suggestions import did_you_mean
from gateway.options.tables import wrong
from gateway.worktime import is_opening_hours

INSIDE, OUTSIDE = "working hours", "outside working hours"
_UNITS = {"b": 1, "bytes": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1024, "mib": 1024**2, "gib": 1024**3}
_SIZE = re.compile(r"(above|below) (\d{1,9}(?:\.\d{1,3})?) ?([a-z]+)", re.IGNORECASE)
_PLAIN_SIZE = re.compile(r"(\d{1,9}(?:\.\d{1,3})?) ?([a-z]+)", re.IGNORECASE)
_COUNT = re.compile(r"(\d{1,6}) (?:(today)|in (?:(\d{1,4}) )?(hour|day|week)s?)", re.IGNORECASE)
_PERIODS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
# Counting further back would read half the desk for one mail.
_LONGEST = timedelta(days=366)


def mail_size(text: str) -> str:
    """Check a size: "above 10 MB"."""
    found = _SIZE.fullmatch(" ".join(text.split()))
    if not found or found[3].lower() not in _UNITS:
        bare = _PLAIN_SIZE.search(text)
        size = bare[0] if bare and bare[2].lower() in _UNITS else "10 MB"
        raise wrong(f'"{text}" is not understood as a size', f'write "above {size}" or "below {size}"')
    return " ".join(text.split())


def plain_size(text: str) -> str:
    """Check the size of an example: "10 MB"."""
    found = _PLAIN_SIZE.fullmatch(text.strip())
    if not found or found[2].lower() not in _UNITS:
        raise wrong(f'"{text}" is not understood as a size', 'write it like "10 MB"')
    return text.strip()


def bytes_of(text: str) -> int:
    """How many bytes a size of an example is."""
    found = _PLAIN_SIZE.fullmatch(text)
    return round(float(found[1]) * _UNITS[found[2].lower()]) if found else 0


@lru_cache(maxsize=1000)
def is_of_size(text: str, size_bytes: int) -> bool:
    """Whether so many bytes are what a size asks for."""
    above, limit = size_asked(text)
    return size_bytes > limit if above else size_bytes < limit


def size_asked(text: str) -> tuple[bool, float]:
    """Take a size that was checked apart: whether it asks for more, and than how many bytes."""
    found = _SIZE.fullmatch(text)
    return (found[1].lower() == "above", float(found[2]) * _UNITS[found[3].lower()]) if found else (True, 0.0)


def mail_time(text: str) -> str:
    """Check a time: working hours, outside of them, or opening hours of its own."""
    plain = " ".join(text.split())
    if plain.casefold() in (INSIDE, OUTSIDE):
        return plain.casefold()
    if not is_opening_hours(plain):
        near = did_you_mean(plain, (INSIDE, OUTSIDE), cutoff=0.75)
        hint = near or f'write "{INSIDE}", "{OUTSIDE}" or opening hours like "Mo-Fr 18:00-22:00; Sa-Su"'
        raise wrong(f'"{text}" is not understood as a time', hint)
    return plain


def ticket_count(text: str) -> str:
    """Check a count of tickets: "3 today", "10 in 7 days"."""
    plain = " ".join(text.split()).casefold()
    found = _COUNT.fullmatch(plain)
    if not found:
        raise wrong(f'"{text}" is not understood as a number of tickets', 'write it like "3 today" or "10 in 7 days"')
    if int(found[1]) < 2:
        raise wrong(f'"{text}" holds for every ticket', "the ticket itself is counted: write 2 or more")
    if (period := period_of(plain)) is not None and period > _LONGEST:
        raise wrong(f'"{text}" goes too far back', "write a year at most")
    return plain


@lru_cache(maxsize=1000)
def count_of(text: str) -> int:
    """How many tickets a count asks for at least."""
    return int(text.partition(" ")[0])


@lru_cache(maxsize=1000)
def period_of(text: str) -> timedelta | None:
    """How far back a count looks; None means since midnight where the desk is."""
    found = _COUNT.fullmatch(text)
    if found is None or found[2]:
        return None
    return int(found[3] or 1) * _PERIODS[found[4].lower()]


def tickets_asked(text: str) -> tuple[int, timedelta | None]:
    """Take a count apart: how many tickets at least, and within which period."""
    return count_of(text), period_of(text)
