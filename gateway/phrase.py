"""Phrases: sentences that a decision makes and that somebody reads in a mail, in the reader's language.

Place in the mail's way: a decision says a phrase in English (`say`); the outbox keeps it as JSON (`as_json`); compose
puts it into words of the letter's language when the letter is rendered. Events, `explain` and logs keep the English
sentence, which is `str(phrase)`.

The English sentence is the key of the catalogues, `templates/<language>/_phrases.toml`; `templates/_phrases.toml` has
them all. So a phrase is always written as a literal: `say("{agent} answered at {time}", agent=…, time=…)`, which a
test reads out of the code. Nothing here fails: what has no translation is shown in English, what is no phrase as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, TypeGuard

_DAY = timedelta(days=1)
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")

Lookup = Callable[[str], str]
Show = Callable[[date | time | datetime], str]


@dataclass(frozen=True)
class Phrase:
    """A sentence with named places and what stands in them; a list stands with commas between."""

    text: str
    values: tuple[tuple[str, object], ...] = ()

    def __str__(self) -> str:
        try:
            return _in_english(self)
        except TypeError:  # a value in it that has no hash
            return in_words(self, str, _plainly)

    def to_json(self) -> dict[str, object]:
        """The phrase as JSON values; `from_json` reads it."""
        return {"phrase": self.text, "values": {name: _to_json(value) for name, value in self.values}}


def say(text: str, **values: object) -> Phrase:
    """Make a phrase. `text` is a literal; values are text, numbers, days, times, phrases, or lists of them.

    A day or a time is that of the desk's clock already; it is written as the reader is used to, and midnight as the end
    of a day.
    """
    return Phrase(text, tuple((name, _frozen(value)) for name, value in values.items()))


def listed(items: Sequence[object]) -> Phrase:
    """Several phrases or texts as one, with commas between."""
    return Phrase("{items}", (("items", tuple(items)),))


def counted(count: int, one: str, many: str = "") -> str:
    """`1 mail`, `2 mails`: for the history, findings and logs, which are English."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def from_json(value: object) -> Phrase | None:
    """Read what `to_json` wrote; None for everything else."""
    if not _is_mapping(value) or not isinstance(value.get("phrase"), str):
        return None
    values = value.get("values")
    pairs = values.items() if _is_mapping(values) else ()
    read = [(str(name), one if type(one) in _WITHOUT_PHRASES else _from_json(one)) for name, one in pairs]
    return Phrase(value["phrase"], tuple(read))


def _is_mapping(value: object) -> TypeGuard[Mapping[str, Any]]:
    # A dict is known for one at a tenth of the cost, and this is asked some fifty times for each letter.
    return type(value) is dict or isinstance(value, Mapping)


def as_json(value: object) -> object:
    """A context as JSON values: mappings and lists are gone through, phrases written down, the rest stays."""
    if type(value) in _WITHOUT_PHRASES:
        return value
    if isinstance(value, Phrase):
        return value.to_json()
    if _is_mapping(value):
        return {str(name): one if type(one) in _WITHOUT_PHRASES else as_json(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [one if type(one) in _WITHOUT_PHRASES else as_json(one) for one in value]
    return value


def spoken_context(context: Mapping[str, object], lookup: Lookup, show: Show) -> dict[str, object]:
    """A context with every phrase in it (as JSON or not) put into words."""
    # Most values have no phrase in them; not to call anything for those halves the time.
    return {
        name: value if type(value) in _WITHOUT_PHRASES else _spoken(value, lookup, show)
        for name, value in context.items()
    }


_WITHOUT_PHRASES = frozenset({str, int, float, bool, type(None)})


def _spoken(value: object, lookup: Lookup, show: Show) -> object:
    if _is_mapping(value):
        # Only what has these two is a phrase, and a context has many mappings without.
        phrase = from_json(value) if "phrase" in value else None
        return in_words(phrase, lookup, show) if phrase is not None else spoken_context(value, lookup, show)
    if isinstance(value, list | tuple):
        return [one if type(one) in _WITHOUT_PHRASES else _spoken(one, lookup, show) for one in value]
    return in_words(value, lookup, show) if isinstance(value, Phrase) else value


def in_words(phrase: Phrase, lookup: Lookup, show: Show) -> str:
    """The sentence: `lookup` translates a text, `show` writes a day or a time. Values are never looked into."""
    sentence = lookup(phrase.text)
    if "{" not in sentence:
        return sentence
    values = dict(phrase.values)

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        value = values.get(name)
        if type(value) is str:
            return value
        return _shown(value, lookup, show) if name in values else match[0]

    return _PLACEHOLDER.sub(fill, sentence)


@lru_cache(maxsize=1024)
def _in_english(phrase: Phrase) -> str:
    return in_words(phrase, str, _plainly)


def placeholders(text: str) -> frozenset[str]:
    """The names of the places in a text."""
    return frozenset(_PLACEHOLDER.findall(text))


def _shown(value: object, lookup: Lookup, show: Show) -> str:
    if isinstance(value, Phrase):
        return in_words(value, lookup, show)
    if isinstance(value, date | time):
        return show(value)
    if isinstance(value, list | tuple):
        return ", ".join(_shown(one, lookup, show) for one in value)
    return str(value)


def _plainly(value: date | time | datetime) -> str:
    """A day or a time for the history and for logs."""
    if isinstance(value, datetime):
        return f"{value - _DAY:%Y-%m-%d} 24:00" if value.time() == time() else f"{value:%Y-%m-%d %H:%M}"
    return f"{value:%H:%M}" if isinstance(value, time) else value.isoformat()


def _frozen(value: object) -> object:
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def _to_json(value: object) -> object:
    if type(value) in _WITHOUT_PHRASES:
        return value
    if isinstance(value, datetime):
        return {"moment": value.isoformat(timespec="seconds")}
    if isinstance(value, date):
        return {"day": value.isoformat()}
    if isinstance(value, time):
        return {"time": value.isoformat(timespec="minutes")}
    return as_json(value) if not isinstance(value, list | tuple) else [_to_json(one) for one in value]


_READERS: dict[str, Callable[[str], object]] = {
    "moment": datetime.fromisoformat,
    "day": date.fromisoformat,
    "time": time.fromisoformat,
}


def _from_json(value: object) -> object:
    if type(value) in _WITHOUT_PHRASES:
        return value
    if isinstance(value, list):
        return tuple(map(_from_json, value))
    if _is_mapping(value):
        if phrase := from_json(value):
            return phrase
        for name, read in _READERS.items():
            if isinstance(value.get(name), str):
                return read(value[name])
        return str(value)
    return value


# What stands for the subject of a ticket or a mail that has none; templates say the same.
NO_SUBJECT = say("(no subject)")
# What fields hold, in words: for phrases, and for templates (`{{ ticket.impact | word("impact") }}`). Impact and
# urgency are named along, since an adjective follows its noun in other languages.
WORDS: dict[tuple[str, str], Phrase] = {
    ("type", "incident"): say("incident"),
    ("type", "request"): say("request"),
    ("status", "new"): say("new"),
    ("status", "in_progress"): say("in progress"),
    ("status", "on_hold"): say("on hold"),
    ("status", "resolved"): say("resolved"),
    ("status", "closed"): say("closed"),
    ("status", "cancelled"): say("cancelled"),
    ("impact", "high"): say("impact high"),
    ("impact", "medium"): say("impact medium"),
    ("impact", "low"): say("impact low"),
    ("urgency", "high"): say("urgency high"),
    ("urgency", "medium"): say("urgency medium"),
    ("urgency", "low"): say("urgency low"),
}


def word(field: str, value: str) -> Phrase | str:
    """The phrase for what a field holds; a value of no closed set stays as it is."""
    if field in ("impact", "urgency"):
        return level_word(field, value)
    return WORDS.get((field, value), value)


def level_word(field: str, value: str) -> Phrase:
    """The phrase for an impact or an urgency; a word of the admin's own is shown as written."""
    found = WORDS.get((field, value))
    if found is not None:
        return found
    return say("impact {level}", level=value) if field == "impact" else say("urgency {level}", level=value)
