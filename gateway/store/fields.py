"""Column types that behave alike on SQLite and PostgreSQL."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

import orjson
import peewee

_UNSTORABLE = {0: None} | dict.fromkeys(range(55296, 57344), 65533)
_UNSTORABLE_TEXT = re.compile("[\0\ud800-\udfff]")

_SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_SLOWLY = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def clean_text(text: str) -> str:
    """Make any text storable on both databases: no NUL, no lone surrogates (PostgreSQL refuses both), NFC."""
    if _is_clean(text):
        return text
    return unicodedata.normalize("NFC", text.translate(_UNSTORABLE))


def _is_clean(text: str) -> bool:
    if text.isascii():
        return "\0" not in text
    return unicodedata.is_normalized("NFC", text) and _UNSTORABLE_TEXT.search(text) is None


class CleanText(peewee.TextField):
    """Text without NUL and lone surrogates, which hostile mail carries and PostgreSQL refuses."""

    def db_value(self, value: Any) -> Any:
        return clean_text(value) if isinstance(value, str) else value


class UtcDateTime(peewee.Field):
    """An aware UTC moment: timestamptz on PostgreSQL, fixed-width ISO text (which sorts by time) on SQLite."""

    field_type = "TIMESTAMPTZ"

    def db_value(self, value: datetime | str | None) -> str | None:
        if value is None or isinstance(value, str):
            return value
        if value.tzinfo is None:
            raise ValueError(f"a moment without a time zone cannot be stored: {value!r}")
        moment = value if value.tzinfo is UTC else value.astimezone(UTC)
        return moment.isoformat(sep=" ", timespec="microseconds")

    def python_value(self, value: datetime | str | None) -> datetime | None:
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(UTC)


class EncodedJson(str):
    """JSON as `Json` stores it, for those who need its text themselves."""

    __slots__ = ()


def encode_json(value: Any) -> EncodedJson:
    """Write a value as `Json` stores it: the same text for the same value.

    Raises TypeError for a value that is none of JSON's.
    """
    try:
        text = orjson.dumps(value, option=_SORTED).decode()
    except TypeError:  # lone surrogates, names that are numbers, numbers beyond 64 bits; or indeed no JSON
        text = _SLOWLY.encode(_clean_json(value))
    # What is not storable shows in the written text as an escape; the rest of it may not be NFC.
    return EncodedJson(text if _is_clean(text) and "\\u0000" not in text else _SLOWLY.encode(_clean_json(value)))


class Json(peewee.TextField):
    """Plain JSON values as text."""

    def db_value(self, value: Any) -> Any:
        return value if value is None or isinstance(value, EncodedJson) else encode_json(value)

    def python_value(self, value: Any) -> Any:
        return None if value is None else orjson.loads(value)


def _clean_json(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {_clean_json(key): _clean_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean_json(item) for item in value]
    return value
