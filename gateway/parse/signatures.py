"""Find the signature at the end of what somebody wrote.

Used by `quotes`. Only what is certain: the "-- " line (RFC 3676 §4.3), a lone line at the very end by which a phone or
a program names itself ("Sent from my phone"), a mailing list's footer, and a last line "-Name". Guessing at "Kind
regards" loses people's words (measured).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway.parse import quote_lines, quote_words

_DASHES = re.compile(r"^--[ \t\xa0]*$")
_NAME = re.compile(r"^-[^\W\d_][\w.'’]*(?: [^\W\d_][\w.'’]*){0,2}$")
_LIST_FOOTER = re.compile(r"(?i)/listinfo/|mailing list|mailman|groups\.google\.com|list-?unsubscribe")
_DEVICE = (
    r"(?: (?:mobile|samsung|galaxy|iphone|ipad|android|pixel|smartphone|phone|tablet|handy|mobil(?:e|gerät|telefon)?|"
    r"téléphone|portable|teléfono|móvil|telemóvel|celular|device|gerät|appareil|dispositivo|"
    r"android[ -](?:device|gerät|mobiltelefon)|[a-z]?\d[\w+]{0,3})){1,4}"
)
_PROGRAM = (
    r"(?:k-9(?: mail)?|proton ?mail|thunderbird|outlook|yahoo mail|gmx|web\.de|bluemail|fairemail|"
    r"(?:mail|courrier|correo|correio|e-?mail)(?= (?:for|für|pour|para) (?:o )?windows))"
    r"(?: mobile| mail| app| secure e-?mail\.?){0,2}(?: (?:for|für|pour|para) (?:o )?(?:ios|android|windows)(?: \d+)?)?"
)
# As phones and programs end a mail, with a stop or without; a plea for brevity may follow.
_PHONE = re.compile(
    r"(?:sent from my|gesendet von mein(?:em|er)|envoyé de(?:puis)? (?:mon|ma)|enviado desde mi|"
    rf"enviado (?:a partir )?do meu){_DEVICE}(?: (?:with|mit|avec|con|com) (?:der |courriel |o )?{_PROGRAM})?"
    r"(?:\. (?:please excuse my brevity|bitte entschuldigen sie die kürze|veuillez excuser ma brièveté|"
    r"por favor,? disculpa mi brevedad|por favor,? desculpe a minha brevidade))?\.?"
    r"|(?:diese nachricht wurde )?von mein(?:em|er) (?:[\w-]+ ){1,3}(?:mit " + _PROGRAM + r" )?gesendet\.?"
    r"|(?:sent (?:from|with|via)|gesendet (?:von|mit)|envoyé (?:avec|depuis|à partir de)|enviado (?:con|desde|com|do))"
    rf" (?:der |the |o )?{_PROGRAM}"
    rf"|mit (?:der )?{_PROGRAM} gesendet\.?"
    r"|outlook for (?:ios|android) herunterladen"
)
# Windows Mail links its own name: "Gesendet von Mail<https://go.example.com/…> für Windows".
_TARGET = re.compile(r" ?<https?://[^<>\s]{1,500}>")
_DASHED_LINES_AT_MOST = 15


def signature_start(lines: Sequence[str], first: int, end: int, *, is_last: bool, may_be_all: bool) -> int | None:
    """The line where the signature of the stretch `first`..`end` begins, None without one.

    `is_last`: no new words follow. `may_be_all`: new words stand elsewhere, so that this stretch may be nothing but a
    signature (Gmail can put it below the quote).
    """
    begin = _first_words(lines, first, end)
    if begin is None:
        return None
    candidates = [
        _dash_line(lines, begin if may_be_all else begin + 1, end),
        _footer(lines, begin, end),
        _mobile(lines, begin, end) if is_last else None,
        _dashed_name(lines, begin, end),
    ]
    found = [candidate for candidate in candidates if candidate is not None]
    return min(found) if found else None


def _first_words(lines: Sequence[str], first: int, end: int) -> int | None:
    return next((index for index in range(first, end) if lines[index].strip()), None)


def _dash_line(lines: Sequence[str], begin: int, end: int) -> int | None:
    for index in range(begin, end):
        if _DASHES.match(lines[index]):
            if lines[index].startswith("-- ") or end - index <= _DASHED_LINES_AT_MOST:
                return index
    return None


def _footer(lines: Sequence[str], begin: int, end: int) -> int | None:
    for index in range(max(begin + 1, end - 10), end):
        if quote_lines.is_rule(lines[index]) and lines[index].strip()[:1] == "_":
            if any(_LIST_FOOTER.search(line[:200]) for line in lines[index + 1 : end]):
                return index
    return None


def _last_words(lines: Sequence[str], begin: int, end: int) -> int | None:
    return next((index for index in range(end - 1, begin, -1) if lines[index].strip()), None)


def _mobile(lines: Sequence[str], begin: int, end: int) -> int | None:
    last = _last_words(lines, begin, end)
    if last is None:
        return None
    line = lines[last].strip().lower()
    if _PHONE.fullmatch(_TARGET.sub("", line)):
        return last
    if len(line) > 120 or line.endswith((".", "!", "?")) and "http" not in line:
        return None
    if any(word in line for word in quote_words.SENT_WORDS) and any(word in line for word in quote_words.DEVICES):
        return last
    return None


def _dashed_name(lines: Sequence[str], begin: int, end: int) -> int | None:
    last = _last_words(lines, begin, end)
    if last is None or last < 1 or lines[last - 1].strip():
        return None
    line = lines[last].strip()
    words = line[1:].split(" ")
    return last if _NAME.match(line) and all(word[:1].isupper() for word in words) else None
