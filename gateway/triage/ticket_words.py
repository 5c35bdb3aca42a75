"""The words of many tickets: taken apart as rules compare them, counted, and which of them tell two heaps apart.

Pure; nothing here fails.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from gateway.triage.words import fold

_RUN = re.compile(r"[^\W_]+")
_SHORTEST, _LONGEST = 2, 40
_MOST_DIGITS = 3


def words_of(text: str) -> Iterator[tuple[str, str]]:
    """Walk the words of a text: folded, as rules compare them, and as written, in small letters.

    What is mostly digits (numbers, telephone numbers, ids) is no word; nor is what scripts without spaces write.
    """
    for written in _RUN.findall(text.casefold()):
        if folded := _as_word(written):
            yield folded, written


@lru_cache(maxsize=100_000)
def _as_word(written: str) -> str:
    digits = sum(map(str.isdigit, written))
    if not _SHORTEST <= len(written) <= _LONGEST or digits > _MOST_DIGITS or len(written) - digits < _SHORTEST:
        return ""
    parts = fold(written).split()
    return parts[0] if len(parts) == 1 else ""


@dataclass(frozen=True, kw_only=True)
class TellingWord:
    """A word that is more frequent in one heap of tickets than in the other: in how many of each it stands."""

    word: str
    here: int
    there: int


def telling_words(
    here: Mapping[str, int], tickets_here: int, there: Mapping[str, int], tickets_there: int, *, at_most: int
) -> list[TellingWord]:
    """The words that speak most for `here`, by how many tickets of each heap have them.

    Ordered by the log-likelihood ratio (Dunning 1993), which asks both for being frequent and for being different.
    """
    if not tickets_here:
        return []
    scored = []
    for word, count in here.items():
        other = there.get(word, 0)
        if count < 2 or count * max(1, tickets_there) <= other * tickets_here:
            continue
        scored.append((_ratio(count, tickets_here, other, tickets_there), word, count, other))
    scored.sort(key=lambda one: (-one[0], one[1]))
    return [TellingWord(word=word, here=count, there=other) for _, word, count, other in scored[:at_most]]


def _ratio(here: int, tickets_here: int, there: int, tickets_there: int) -> float:
    total, tickets = here + there, tickets_here + tickets_there
    score = 0.0
    for seen, of in ((here, tickets_here), (there, tickets_there)):
        for count, expected in ((seen, of * total / tickets), (of - seen, of * (tickets - total) / tickets)):
            if count and expected:
                score += count * math.log(count / expected)
    return 2 * score
