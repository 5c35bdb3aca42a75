"""Which language a mail is written in."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache


@lru_cache(maxsize=256)  # asked for every phrase and template of a mail; there are a handful of languages
def base_language(tag: str) -> str:
    """Return the first subtag of a language tag (RFC 5646) in lower case: "pt" for "pt-BR" and "pt_BR"."""
    return tag.strip().lower().replace("_", "-").partition("-")[0]


def choose_language(*, stored: str, mail: str, desk: str, available: Collection[str]) -> str:
    """Choose the requester's stored language, else the mail's, else the desk's, as far as there are templates for it.

    Returns one of `available`, or "en" where none of the three is among them.
    """
    languages = {language.lower().replace("_", "-"): language for language in available}
    for wish in (stored, mail, desk):
        for tag in (wish.strip().lower().replace("_", "-"), base_language(wish)):
            if tag in languages:
                return languages[tag]
    return "en"
