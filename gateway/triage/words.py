"""Words as an admin means them: whole words of every script, in any case, with or without accents.

Text and pattern go through the same fold: NFKC, casefold, accents dropped, and then a row of tokens with one space
around each. A word is one token; a hyphen, an apostrophe or a slash parts words as a space does; other punctuation is a
token of its own, so that "c++" can be asked for. Scripts that write without spaces (Chinese, Japanese, Thai, …) become
one token a character, so a phrase in them matches anywhere. With single spaces around every token, "whole word" is a
plain search for " word ", without any character class: 5,000 of them are one pass of RE2.

Nothing here fails, whatever the text is.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

# Beyond this nobody writes a ticket; hostile text costs no more (RE2 is linear in it).
TEXT_LIMIT_CHARS = 64 * 1024

# The scripts that write without spaces between words, and Hangul, whose particles cling to the word before them.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]"
)
# Accents, Hebrew points and Arabic vowel signs: many people leave them out.
_OPTIONAL_MARKS = re.compile("[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]")
_SEPARATORS = "-'/\\‐‑‒–—―’‘ʼʹ`´·"
# Letters that have no decomposition but that people write plainly.
_PLAIN_LETTERS = {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"}
# German and Nordic people without these keys write them out: "zuruecksetzen".
_WRITTEN_OUT = {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"}
# Stands for * while a pattern is folded: a letter of one known manuscript, so the fold keeps it within its word.
STAR = "\ua66e"
_ASCII_PUNCTUATION = re.compile(r"[!-/:-@\[-^`{-~]")


class _Folding(dict[int, str]):
    """A table for `str.translate` that learns each character when it first comes."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold_character(chr(code))
        return folded


def _fold_character(character: str) -> str:
    category = unicodedata.category(character)
    if character in _SEPARATORS or character.isspace() or category in ("Cc", "Zs", "Zl", "Zp"):
        return " "
    if category in ("Cf", "Cs", "Co", "Cn"):
        return ""
    if _UNSPACED.match(character):
        return f" {character} "
    if character == "_" or category[0] in "LNM":
        return _PLAIN_LETTERS.get(character, character)
    return f" {character} "


_FOLDING = _Folding()


def fold(text: str) -> str:
    """Turn text into tokens with one space around each; "" stays one space."""
    return f" {' '.join(_spaced(text[:TEXT_LIMIT_CHARS]).split())} "


def _spaced(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
        text = unicodedata.normalize("NFC", _OPTIONAL_MARKS.sub("", text))
    else:
        text = text.lower()
    return text.translate(_FOLDING)


def fold_with_origins(text: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Fold a text, and tell for each character of it from where to where in the text it comes.

    A letter and its accents are folded by themselves; where that does not give what folding the whole gives (letters
    of Hangul one by one), there are no origins.
    """
    text = text[:TEXT_LIMIT_CHARS]
    letters, origins = [" "], [(0, 0)]
    cuts = [at for at, one in enumerate(text) if at and not unicodedata.category(one).startswith("M")]
    for start, end in pairwise((0, *cuts, len(text))):
        for letter in _spaced(text[start:end]):
            if letter == " " and letters[-1] == " ":
                continue
            letters.append(letter)
            origins.append((start, end))
    if letters[-1] != " ":
        letters.append(" ")
        origins.append((len(text), len(text)))
    folded = fold(text)
    return folded, tuple(origins) if "".join(letters) == folded else ()


@lru_cache(maxsize=20_000)
def word_patterns(word: str) -> tuple[str, ...]:
    """Write the RE2 patterns that find a word or phrase of a rule in folded text; one of them is enough.

    A * at an end leaves that end of the word open; within a word it stands for any letters, between words for one
    word.
    """
    return tuple(dict.fromkeys(_pattern(spelling) for spelling in _spellings(word)))


def _spellings(word: str) -> tuple[str, str]:
    plain = unicodedata.normalize("NFC", word.casefold())
    return plain, "".join(_WRITTEN_OUT.get(character, character) for character in plain)


def texts_of_word(word: str) -> tuple[str, ...]:
    """Write a word of a rule as folded text, once for each way to spell it; each * in it is a letter of its own."""
    return tuple(dict.fromkeys(fold(spelling.replace("*", STAR)) for spelling in _spellings(word)))


def text_of_value(value: str) -> str:
    """Write a value of a rule as folded text; each * in it is a letter of its own."""
    return fold(value.replace("*", STAR))


def _quoted(spelling: str) -> str:
    return _ASCII_PUNCTUATION.sub(r"\\\g<0>", fold(spelling.replace("*", STAR)))


def _pattern(spelling: str) -> str:
    quoted = _quoted(spelling)
    # An open end is simply the lack of the space that ends a token.
    pattern = quoted.removeprefix(f" {STAR}").removesuffix(f"{STAR} ")
    return pattern.replace(f" {STAR} ", " [^ ]+ ").replace(STAR, "[^ ]*")


@lru_cache(maxsize=20_000)
def value_patterns(value: str) -> tuple[str, ...]:
    """Write the RE2 patterns that a folded text must match as a whole to be this value; a * stands for anything."""
    quoted = (_quoted(spelling) for spelling in _spellings(value))
    return tuple(dict.fromkeys(one.replace(STAR, ".*") for one in quoted))
