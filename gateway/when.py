"""Until when? The date words that agents write after `#hold … until` and `#away`, and rules after `hold`, in the five
languages; and the ends of an absence that stand in the prose of an out-of-office.

`2026-12-24`, `24.12.2026`, `24.12.`, `24/12/2026`, `24 December`, `tomorrow`, `Friday`, `3d`, `2w`; what is on hold
until a day comes back when work begins on that day. With a time of day, `Friday 14:00`, `tomorrow at 9am`, `14 Uhr`,
it comes back exactly then. A month as a number before the day is not understood, nor is `3h`, which could be three
hours or three o'clock: a wrong guess is worse than a question.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
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
# Something must say that the number is a time: ":", "h", "Uhr", "am".
_CLOCK = re.compile(
    r"(?P<day>.*?)(?:(?:^|,? )(?:(?:at|um|a las?|a|as) )?|(?<=\d)t(?=\d\d:))(?P<hour>\d{1,2})"
    r"(?:(?::|h)(?P<minute>\d{2})(?: ?(?:(?P<half>am|pm)|uhr|hs?))?| ?(?P<half_alone>am|pm)| ?(?P<word>uhr|hs?))"
)
MORNING, _LAST_MINUTE = timedelta(hours=8), timedelta(hours=23, minutes=59)
_DAY = timedelta(days=1)
MONTH = "|".join(sorted(MONTH_OF, key=len, reverse=True))
_NAMED = rf"(\d{{1,2}})(?:st|nd|rd|th|er|\.)? (?:de |of )?({MONTH})\b\.?(?:,? (?:de |del )?(\d{{4}}))?"
_MONTH_FIRST = rf"({MONTH})\b\.? (\d{{1,2}})(?:st|nd|rd|th)?(?:,? (\d{{4}}))?(?!\d)"


def read_until(
    text: str, *, now: datetime, time_zone: str, begins: Callable[[date], datetime] | None = None
) -> datetime | None:
    """The moment that `text` names, as UTC; None for what is not understood or already past.

    `begins` says when work begins on a day that is named without a time, by default at eight; one whose work has begun
    already means its end. A time without a day is the next one.
    """
    zone = ZoneInfo(time_zone)
    today = now.astimezone(zone).date()
    try:
        named, clock = _read_moment(plain(text), today)
        if clock is not None:
            moments = [moment_on(day, clock, zone) for day in ([named] if named else [today, today + _DAY])]
        elif named is not None:
            begin = begins(named) if begins is not None else moment_on(named, MORNING, zone)
            moments = [begin, moment_on(named, _LAST_MINUTE, zone)]
        else:
            return None
        return next((moment for moment in moments if moment > now), None)
    except (ValueError, OverflowError):
        return None


def moment_on(day: date, clock: timedelta, zone: ZoneInfo) -> datetime:
    """The moment, as UTC, at which a clock in that zone shows so much of a day."""
    midnight = datetime.combine(day, time())
    return (midnight + clock).replace(tzinfo=zone).astimezone(UTC)


def names_a_day(text: str) -> bool:
    """Whether `read_until` would understand it on some day."""
    try:
        return _read_moment(plain(text), date(2000, 1, 1)) != (None, None)
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


def _read_moment(text: str, today: date) -> tuple[date | None, timedelta | None]:
    """The day and the time of day that a text is, each None where it names none; both where it is not understood."""
    text = " ".join(text.split())
    if (day := _read_day(text, today)) is not None:
        return day, None
    bare = _UNTIL.sub("", text)
    match = _CLOCK.fullmatch(bare)
    clock = _read_clock(match) if match is not None else None
    if match is None or clock is None:
        return None, None
    if not match["day"]:
        # "3h" is three hours to some and three o'clock to others.
        is_plain = match["minute"] or match["half_alone"] or match["word"] == "uhr" or bare != text
        return None, clock if is_plain else None
    day = _read_day(match["day"], today)
    return (day, clock) if day is not None else (None, None)


def _read_clock(match: re.Match[str]) -> timedelta | None:
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    if half := match["half"] or match["half_alone"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (half == "pm")
    return timedelta(hours=hour, minutes=minute) if minute < 60 and hour * 60 + minute <= 24 * 60 else None


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
