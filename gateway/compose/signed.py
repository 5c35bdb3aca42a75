"""Whether somebody signed an answer by hand, so that the mail does not say the name twice.

Most people sign with the first name or the whole one, on a line of its own or behind a greeting: "Thanks,\\nBob",
"Viele Grüße, Bob Berg". Case and accents do not matter, nor whether an umlaut is written out.
"""

from __future__ import annotations

import re
import unicodedata

_LINES_LOOKED_AT = 4
_WORDS_OF_A_GREETING = 5
_WRITTEN_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"})
_WORD = re.compile(r"[\w'’-]*[^\W_][\w'’-]*")
# What parts a greeting from the name in one line: "Thanks, Bob", "Merci ! Bob", "VG - Bob".
_PARTED = re.compile(r"[,;.!–—-][^\w]*$")


def is_signed(text: str, name: str) -> bool:
    """Whether the last lines of a text are signed with a person's name, or the first one of it."""
    lines = [line for line in text.splitlines() if line.strip()][-_LINES_LOOKED_AT:]
    return bool(lines) and any(
        any(_words(line, out) in forms for line in lines) or _ends_with_name(lines[-1], forms, out)
        for out in (False, True)
        if (forms := _forms(name, out))
    )


def _forms(name: str, written_out: bool) -> list[list[str]]:
    """A name as people sign with it: whole, first, without titles; "Berg, Bob" is Bob Berg."""
    last, comma, first = name.partition(",")
    words = [word for word in (f"{first} {last}" if comma else name).split() if not word.endswith(".")]
    whole = _words(" ".join(words), written_out)
    return [form for form in (whole, whole[:1]) if form]


def _ends_with_name(line: str, forms: list[list[str]], written_out: bool) -> bool:
    """Whether a short line is a greeting and then the name; "please ask Bob" is not."""
    words = _words(line, written_out)
    for form in forms:
        before = len(words) - len(form)
        if not 0 < before <= _WORDS_OF_A_GREETING or words[before:] != form:
            continue
        places = list(_WORD.finditer(line))
        if len(form) > 1 or before == 1 or _PARTED.search(line[: places[before].start()]):
            return True
    return False


def _words(text: str, written_out: bool) -> list[str]:
    return [_fold(word, written_out) for word in _WORD.findall(text)]


def _fold(word: str, written_out: bool) -> str:
    word = unicodedata.normalize("NFC", word).casefold()
    if written_out:
        word = word.translate(_WRITTEN_OUT)
    plain = unicodedata.normalize("NFKD", word)
    return "".join(letter for letter in plain if not unicodedata.combining(letter))
