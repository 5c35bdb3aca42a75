"""Until when is somebody away? The ends that stand in the prose of an out-of-office, in the five languages. Pure.

Only what is clearly said counts: "until 3 January", "vom 20.12. bis 3.1.", "de retour le 4 janvier", "back on Monday".
A day without a year is the nearest such day, so that a text that nobody has switched off does not mean next year.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.when import MONTH, day_named, plain


@dataclass(frozen=True, kw_only=True)
class EndNamed:
    """A day at which an absence ends: its last day or, with `is_return`, the first day after it.

    None stands for a day of which nobody can tell which it is.
    """

    day: date | None
    is_return: bool = False


# Whole words only: the abbreviations are too often other words, "do", "mar", "sex".
_WEEKDAYS = (
    "monday montag lundi lunes segunda",
    "tuesday dienstag mardi martes terca",
    "wednesday mittwoch mercredi miercoles quarta",
    "thursday donnerstag jeudi jueves quinta",
    "friday freitag vendredi viernes sexta",
    "saturday samstag samedi sabado",
    "sunday sonntag dimanche domingo",
)
_WEEKDAY = rf"(?:{'|'.join(' '.join(_WEEKDAYS).split())})(?:-feira)?\b"
_YEAR = r"(?:,? (?:de |del )?\d{4})?"
_ARTICLE = r"(?:(?:the|den|dem|der|le|el|la|a|o|dia) )*"
_DATE = (
    rf"{_ARTICLE}(?:{_WEEKDAY}(?:,? {_ARTICLE}| (?=\d)))?(?P<day>\d{{4}}-\d{{1,2}}-\d{{1,2}}"
    r"|\d{1,2}\. ?\d{1,2}\.(?: ?\d{4}| ?\d{2}(?!\d))?"
    r"|\d{1,2}/\d{1,2}(?:/\d{4}|/\d{2})?(?![\d/])"
    rf"|\d{{1,2}}(?:st|nd|rd|th|er|\.)? (?:de |of )?(?:{MONTH})\b\.?{_YEAR}"
    rf"|(?:{MONTH})\b\.? \d{{1,2}}(?:st|nd|rd|th)?(?!\d){_YEAR})"
)
_DAY = rf"(?:{_DATE}|{_ARTICLE}(?P<weekday>{_WEEKDAY}))"
_LAST = (
    r"(?:until|till|through|bis(?: einschlie(?:ss|ß)lich| einschl\.| inkl\.| inklusive)?(?: zum)?"
    r"|jusqu['’]?au|jusqu['’]?a|hasta|ate(?: ao?)?)(?: and including)?"
)
_RETURN = (
    r"(?:(?:back|returning|return|available again)(?: (?:in|to|at) (?:the office|work))?(?: (?:on|from))?"
    r"|(?:wieder|zuruck)(?: (?:da|im buro|im haus|erreichbar))?(?: ab| am)?"
    r"|de retour(?: au bureau)?|(?:mon|my) retour|de vuelta(?: en la oficina)?|regreso|vuelvo|volvere|regresare"
    r"|de volta(?: ao escritorio)?|retorno|volto|voltarei|regressarei)(?: em| no| na| a| ao)?"
)
_FROM = rf"(?:from|between|vom|von|du|del|de) (?={_ARTICLE}(?:{_WEEKDAY},? )?(?:\d|{MONTH}))"
_PATTERNS = (
    (re.compile(rf"\b{_LAST} {_DAY}"), False),
    # "20.12.–03.01.", "from 20 to 23 December", "du 20 décembre au 3 janvier"
    (re.compile(rf"\b{_FROM}[^.!?]{{0,40}}?(?: to| au| al| a| ao| and|-|–| –) ?{_DATE}"), False),
    (re.compile(rf"\d\.? ?(?:-|–) ?{_DATE}"), False),
    (re.compile(rf"\b{_RETURN} {_DAY}"), True),
    (re.compile(rf"\b(?:am|ab) {_DAY},? (?:bin ich |[a-z]+ ){{0,2}}?(?:wieder|zuruck)\b"), True),
)
_HALF_A_YEAR = timedelta(days=183)


def ends_in(text: str, *, today: date, language: str) -> tuple[EndNamed, ...]:
    """Every end of an absence that a text names; `language` is that of the mail, "" where nobody knows."""
    prose = " ".join(plain(text).split())
    return tuple(
        EndNamed(day=_day(match, today, language), is_return=is_return)
        for pattern, is_return in _PATTERNS
        for match in pattern.finditer(prose)
    )


def _day(match: re.Match[str], today: date, language: str) -> date | None:
    found = match.groupdict()
    if weekday := found.get("weekday"):
        number = next(place for place, names in enumerate(_WEEKDAYS) if weekday.split("-")[0] in names.split())
        return today + timedelta(days=(number - today.weekday()) % 7)
    written = match["day"].replace(". ", ".") if re.match(r"\d{1,2}\. ?\d{1,2}\.", match["day"]) else match["day"]
    slashes = re.fullmatch(r"(\d{1,2})/(\d{1,2})(?:/\d+)?", written)
    if slashes and language in ("", "en") and slashes[1] != slashes[2] and int(slashes[1]) <= 12:
        return None
    day = day_named(written, today=today)
    has_year = re.search(r"\d{4}|[./]\d{1,2}[./]\d{2}$", written) is not None
    if day is None or has_year or day - today <= _HALF_A_YEAR:
        return day
    return day_named(f"{day.year - 1}-{day.month}-{day.day}", today=today)
