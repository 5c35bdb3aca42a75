"""Say "did you mean": the nearest of the words that would have been right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, candidates: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Name the nearest candidate as a question, "" where none is as near as `cutoff` (0 to 1)."""
    by_folded = {candidate.casefold(): candidate for candidate in candidates}
    near = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=cutoff)
    return f"did you mean {quoted(by_folded[near[0]])}?" if near else ""


def nearest_or_all(word: str, candidates: Iterable[str]) -> str:
    """Name the nearest candidate, or all of them where nothing is near and they are few."""
    known = list(dict.fromkeys(candidates))
    near = did_you_mean(word, known)
    if near or not known:
        return near
    return f"possible: {', '.join(known)}" if len(known) <= 12 else ""


def quoted(word: str) -> str:
    """Quote a word as an admin would write it in TOML."""
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
