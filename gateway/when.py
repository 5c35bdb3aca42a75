"""Until when? The date words that agents write after `#hold … until` and `#away`, and rules after `hold`, in the five
languages; and the ends of an absence that stand in the prose of an out-of-office.

`2026-12-24`, `24.12.2026`, `24.12.`, `24/12/2026`, `24 December`, `tomorrow`, `Friday`, `3d`, `2w`; where it says until
when, a day means its end by the desk's clock. A month as a number before the day is not understood: a wrong guess is
worse than a question.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = (
    "monday mon montag mo lundi lun lunes segunda seg",
    "tuesday tue tues dienstag di mardi mar martes terca ter",
    "wednesday wed mittwoch mi mercredi mer miercoles mie quarta qua",
    "thursday thu thurs donnerstag do jeudi jeu jueves jue quinta qui",
    "friday fri freitag fr vendredi ven viernes vie sexta sex",
    "saturday sat samstag sonnabend sa samedi sam sabado sab",
    "sunday sun sonntag so dimanche dim domingo dom",
)
_MONTHS = (
    "january jan januar janner janvier janv enero ene janeiro",
    "february feb februar fevrier fevr febrero fevereiro fev",
    "march mar marz mrz mars marzo marco",
    "april apr avril avr abril abr",
    "may mai mayo maio",
    "june jun juni juin junio junho",
    "july jul juli juillet juil julio julho",
    "august aug aout agosto ago",
    "september sep sept septembre septiembre setembro set",
    "october oct oktober okt octobre octubre outubro out",
    "november nov novembre noviembre novembro",
    "december dec dezember dez decembre diciembre dic dezembro",
)
MONTH_OF = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_TODAY = "today heute aujourdhui aujourd'hui hoy hoje"
_TOMORROW = "tomorrow morgen demain manana amanha"
_DAY_WORDS = "d day days t tag tage tagen j jour jours dia dias"
_WEEK_WORDS = "w wk week weeks woche wochen semaine semaines sem semana semanas"
_UNITS = dict.fromkeys(_DAY_WORDS.split(), 1) | dict.fromkeys(_WEEK_WORDS.split(), 7)
_SPAN = re.compile(r"(\d{1,3}) ?([a-z]+)")
_UNTIL = re.compile(r"^(?:until|till|bis(?: zum)?|jusqua(?:u)?|jusqu.au|jusqu.a|hasta(?: el)?|ate(?: a| o)?) ")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DAY_FIRST = re.compile(r"(\d{1,2})[./](\d{1,2})[./]?(\d{4}|\d{2})?")
MONTH = "|".join(sorted(MONTH_OF, key=len, reverse=True))
_NAMED = rf"(\d{{1,2}})(?:st|nd|rd|th|er|\.)? (?:de |of )?({MONTH})\b\.?(?:,? (?:de |del )?(\d{{4}}))?"
_MONTH_FIRST = rf"({MONTH})\b\.? (\d{{1,2}})(?:st|nd|rd|th)?(?:,? (\d{{4}}))?(?!\d)"


def read_until(text: str, *, now: datetime, time_zone: str) -> datetime | None:
    """The end of the day that `text` names, as UTC; None for what is not understood or already past."""
    zone = ZoneInfo(time_zone)
    today = now.astimezone(zone).date()
    try:
        day = _read_day(plain(text), today)
        if day is None or day < today:
            return None
        return datetime.combine(day, time(23, 59), tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def names_a_day(text: str) -> bool:
    """Whether `read_until` would understand it on some day."""
    try:
        return _read_day(plain(text), date(2000, 1, 1)) is not None
    except (ValueError, OverflowError):
        return False


def day_named(text: str, *, today: date) -> date | None:
    """The day that a text is, seen from `today`; None for what is not understood."""
    try:
        return _read_day(plain(text), today)
    except (ValueError, OverflowError):
        return None


def plain(text: str) -> str:
    """In small letters and without accents."""
    decomposed = unicodedata.normalize("NFKD", text.strip().lower())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _read_day(text: str, today: date) -> date | None:
    text = _UNTIL.sub("", " ".join(text.split()))
    if match := _ISO.fullmatch(text):
        return date(int(match[1]), int(match[2]), int(match[3]))
    if match := _DAY_FIRST.fullmatch(text):
        return _day_first(match, today)
    if (match := _SPAN.fullmatch(text)) and (days := _UNITS.get(match[2])):
        return today + timedelta(days=int(match[1]) * days)
    for pattern, order in ((_NAMED, (1, 2, 3)), (_MONTH_FIRST, (2, 1, 3))):
        if match := re.fullmatch(pattern, text):
            return _dated(*(match[number] for number in order), today=today)
    word = text.split("-")[0]
    if word in _TODAY.split():
        return today
    if word in _TOMORROW.split():
        return today + timedelta(days=1)
    for number, names in enumerate(WEEKDAYS):
        if word in names.split():
            return today + timedelta(days=(number - today.weekday() - 1) % 7 + 1)
    return None


def _day_first(match: re.Match[str], today: date) -> date:
    year = int(match[3]) if match[3] else today.year
    day = date(year + 2000 if year < 100 else year, int(match[2]), int(match[1]))
    return day if match[3] or day >= today else day.replace(year=day.year + 1)


def _dated(day: str, month: str, year: str | None, *, today: date) -> date:
    """A day with the name of its month; without a year, the next one."""
    found = date(int(year) if year else today.year, MONTH_OF[month], int(day))
    return found if year or found >= today else found.replace(year=found.year + 1)
