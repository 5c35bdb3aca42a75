"""The catalogues of phrases: what decisions say, in the words of each language.

A catalogue is a file `_phrases.toml` beside the templates of a language: the English sentence, and what to say instead.
Those that ship are read first; an admin's file changes single lines of them. The one at the top level lists every
phrase there is. A line that no phrase has, or whose places in braces are others than those of the English sentence, is
a problem that `gateway check` names, and counts for nothing: the mail says the shipped words.

Days and times within phrases are written here too, as `until` writes them.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path

from gateway.compose.language import base_language
from gateway.errors import Problem
from gateway.phrase import placeholders

CATALOGUE = "_phrases.toml"

_MONTHS = "January February March April May June July August September October November December".split()
# How a day and a time of day are written; English names the month, since 4/5 is another day on either side of the sea.
_DAYS = {"de": "%d.%m.%Y", "fr": "%d/%m/%Y", "es": "%d/%m/%Y", "pt": "%d/%m/%Y"}
_CLOCKS = {"de": "%H:%M Uhr"}
_BETWEEN = {"fr": " à "}


@dataclass(kw_only=True)
class Catalogues:
    """Phrases by language folder ("" is the top level) and English sentence; `problems` are lines that do not count."""

    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def add(self, folder: str, path: Path, text: str, *, is_shipped: bool) -> None:
        """Take the lines of a file; those of an admin's folder must be known from what ships."""
        try:
            lines = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"at line (\d+)", str(error))
            line = int(found.group(1)) if found else None
            self.problems.append(Problem(file=str(path), line=line, message=f"is no TOML: {error}"))
            return
        known = lines if is_shipped and not folder else self.texts.get("", {})
        problems = list(_problems(lines, known, path))
        self.problems += problems
        broken = {problem.key for problem in problems}
        good = {key: str(value) for key, value in lines.items() if key not in broken}
        self.texts.setdefault(folder, {}).update(good)

    def look_up(self, text: str, language: str) -> str:
        """What a language says for an English sentence; the sentence itself where no catalogue has it."""
        for folder in _folders(language):
            if found := self.texts.get(folder, {}).get(text):
                return found
        return text


@lru_cache(maxsize=256)
def _folders(language: str) -> tuple[str, str, str]:
    """Where to look for a language's words: under its full tag, its first subtag, at the top level."""
    return language.lower().replace("_", "-"), base_language(language), ""


def _problems(lines: Mapping[str, object], known: Mapping[str, object], path: Path) -> Iterator[Problem]:
    for key, value in lines.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            suggestion = f'did you mean "{near[0]}"?' if near else "remove the line"
            yield Problem(file=str(path), key=key, message="no phrase of this version reads so", suggestion=suggestion)
        elif not isinstance(value, str) or not value.strip():
            yield Problem(file=str(path), key=key, message="must be a text in quotes")
        elif placeholders(value) != placeholders(key):
            listed = ", ".join(f"{{{name}}}" for name in sorted(placeholders(key))) or "no braces"
            yield Problem(file=str(path), key=key, message=f"must have the same places in braces: {listed}")


def written_end(value: date | time | datetime, language: str) -> str:
    """A moment until which something is, as one reads it: midnight is 24:00 of the day that it ends. So are the moments
    in phrases; a day, or a time of day, is written as it is."""
    if not isinstance(value, datetime) or value.time() != time():
        return written(value, language)
    noon = datetime.combine(value.date() - timedelta(days=1), time(12))
    return written(noon, language).replace("12:00", "24:00")


def written(value: date | time | datetime, language: str) -> str:
    """A day, a time of day, or both, as one reads it in a language; by ISO 8601 in one that we do not know."""
    if isinstance(value, datetime):
        between = _BETWEEN.get(language, ", ") if language in ("en", *_DAYS) else " "
        return f"{written(value.date(), language)}{between}{written(value.time(), language)}"
    if isinstance(value, time):
        return value.strftime(_CLOCKS.get(language, "%H:%M"))
    if language == "en":
        return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"
    return value.strftime(_DAYS.get(language, "%Y-%m-%d"))
