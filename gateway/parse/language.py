"""Guess the language of a mail: what its header says, else its most frequent little words.

Part of `parse`; used to choose templates. "" is an honest answer: the desk's own language is taken then.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.parse.headers import Headers

LANGUAGES: Final = ("en", "de", "fr", "es", "pt")

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_CHARACTERS = 4_000
_STOP_WORDS: Final = {
    "en": "the and is to of not my it in for on with this that have are can you please was i we be when has does from "
    "but what any after would could been thanks hello there your our an cannot can't don't doesn't it's i'm",
    "de": "der die das und ist nicht ich ein eine zu mit auf für den dem von im es wir sie bitte mein meine kann habe "
    "hat sich auch wenn bei nach wird danke hallo mir uns einen wie seit noch aber oder wurde sind kein keine guten "
    "ab am beim zum zur aus bleibt geht mehr immer heute gestern morgen brauche unser unsere euch sehr hilfe helfen",
    "fr": "le la les et est pas je un une des de du pour dans que sur avec mon ma ne vous nous il ce cette bonjour "
    "merci plus au aux mes j'ai c'est n'est depuis qui peux être sont votre notre été fait "
    "chez marche fonctionne toujours aujourd'hui hier besoin s'il plaît",
    "es": "el la los las y es no un una de del para en que por con mi se me lo al hola gracias está puedo he ha cuando "
    "desde favor como muy pero esta este nos su ya más son tengo usted buenos "
    "funciona hoy ayer necesito siempre",
    "pt": "o a os as e é não um uma de do da para em que por com meu minha se me no na olá obrigado obrigada está "
    "consigo foi quando desde favor como mas esta este nos sua já mais são tenho você ao pelo bom dia posso "
    "funciona hoje ontem preciso sempre",
}
# Letters that only one of the languages writes; a short mail may have no little word at all.
_LETTERS: Final = {"de": "äöüß", "fr": "èùûëœ", "es": "ñ¿¡", "pt": "ãõ"}
_TABLE: Final = {language: frozenset(words.split()) for language, words in _STOP_WORDS.items()}


def guess_language(headers: Headers, text: str) -> str:
    """One of `LANGUAGES`, or "" without a clear answer."""
    for name, value in headers:
        if name == "content-language":
            tags = {tag.strip().lower().split("-")[0] for tag in value.split(",")[:5]}
            known = tags.intersection(LANGUAGES)
            if len(tags) == 1 and known:
                return known.pop()
    return _by_words(text)


def _by_words(text: str) -> str:
    words = [word.lower().replace("’", "'") for word in _WORD.findall(text[:_CHARACTERS])]
    if len(words) < 3:
        return ""
    counts = {language: sum(map(table.__contains__, words)) for language, table in _TABLE.items()}
    lowered = text[:_CHARACTERS].lower()
    if not lowered.isascii():
        for language, letters in _LETTERS.items():
            counts[language] += sum(map(lowered.count, letters))
    scores = sorted(((count, language) for language, count in counts.items()), reverse=True)
    (best, language), (second, _) = scores[0], scores[1]
    if best < 2 or best * 6 < len(words) or best < second + max(1, second // 4) + (1 if best > 3 else 0):
        return ""
    return language
