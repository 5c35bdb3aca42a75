"""Until when? The date words that agents write after `#hold … until`, and rules after `hold`, in the five languages.

`2026-12-24`, `24.12.2026`, `24.12.`, `24/12/2026`, `tomorrow`, `Friday`, `3d`, `2w`; a day means its end by the desk's
clock. Month before day is not understood: a wrong guess is worse than a question.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_WEEKDAYS = (
    "monday mon montag mo lundi lun lunes segunda seg",
    "tuesday tue tues dienstag di mardi mar martes terca ter",
    "wednesday wed mittwoch mi mercredi mer miercoles mie quarta qua",
    "thursday thu thurs donnerstag do jeudi jeu jueves jue quinta qui",
    "friday fri freitag fr vendredi ven viernes vie sexta sex",
    "saturday sat samstag sonnabend sa samedi sam sabado sab",
    "sunday sun sonntag so dimanche dim domingo dom",
)
_TOMORROW = "tomorrow morgen demain manana amanha"
_DAY_WORDS = "d day days t tag tage tagen j jour jours dia dias"
_WEEK_WORDS = "w wk week weeks woche wochen semaine semaines sem semana semanas"
_UNITS = dict.fromkeys(_DAY_WORDS.split(), 1) | dict.fromkeys(_WEEK_WORDS.split(), 7)
_SPAN = re.compile(r"(\d{1,3}) ?([a-z]+)")
_UNTIL = re.compile(r"^(?:until|till|bis(?: zum)?|jusqua(?:u)?|jusqu.au|jusqu.a|hasta(?: el)?|ate(?: a| o)?) ")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DAY_FIRST = re.compile(r"(\d{1,2})[./](\d{1,2})[./]?(\d{4}|\d{2})?")


def read_until(text: str, *, now: datetime, time_zone: str) -> datetime | None:
    """The end of the day that `text` names, as UTC; None for what is not understood or already past."""
    zone = ZoneInfo(time_zone)
    today = now.astimezone(zone).date()
    try:
        day = _read_day(_plain(text), today)
        if day is None or day < today:
            return None
        return datetime.combine(day, time(23, 59), tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def names_a_day(text: str) -> bool:
    """Whether `read_until` would understand it on some day."""
    try:
        return _read_day(_plain(text), date(2000, 1, 1)) is not None
    except (ValueError, OverflowError):
        return False


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.strip().lower())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _read_day(text: str, today: date) -> date | None:
    text = _UNTIL.sub("", " ".join(text.split()))
    if match := _ISO.fullmatch(text):
        return date(int(match[1]), int(match[2]), int(match[3]))
    if match := _DAY_FIRST.fullmatch(text):
        return _day_first(match, today)
    if match := _SPAN.fullmatch(text):
        days = _UNITS.get(match[2])
        return today + timedelta(days=int(match[1]) * days) if days else None
    word = text.split("-")[0]
    if word in _TOMORROW.split():
        return today + timedelta(days=1)
    for number, names in enumerate(_WEEKDAYS):
        if word in names.split():
            return today + timedelta(days=(number - today.weekday() - 1) % 7 + 1)
    return None


def _day_first(match: re.Match[str], today: date) -> date:
    year = int(match[3]) if match[3] else today.year
    day = date(year + 2000 if year < 100 else year, int(match[2]), int(match[1]))
    return day if match[3] or day >= today else day.replace(year=day.year + 1)
