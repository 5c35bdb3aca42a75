"""Is this nothing but thanks? A mere "thanks" to a resolved ticket must not reopen it.

Every word of the mail has to be one of a short list; one word that is not (a "but", a "still", a name of a thing)
makes it a mail that says something. A wrong guess costs a person's problem, so the list holds no word that a complaint
needs. An "ok", a "perfect" or a thumb up alone thanks too; with more words beside it, a word of thanks must be there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

_CORE = {
    "en": "thanks thank thx ty cheers",
    "de": "danke dank dankeschön merci",
    "fr": "merci mercis",
    "es": "gracias",
    "pt": "obrigado obrigada obrigadão valeu",
}
_AROUND = {
    "en": "you so much very many a lot great perfect super excellent awesome all good ok okay now it its that "
    "this works worked working fixed solved sorted resolved again for the your quick fast help support hi "
    "hello dear team and best regards kind everyone have nice day weekend is fine well everything yes "
    "really appreciated",
    "de": "vielen herzlichen besten schönen lieben sehr für die schnelle rasche hilfe unterstützung super "
    "perfekt prima klasse toll gut alles jetzt es das geht funktioniert läuft wieder hallo hi liebe "
    "lieber guten tag und gruß grüße viele freundliche freundlichen freundlichem grüßen mfg lg vg team "
    "ist erledigt gelöst ja okay ok euch ihnen dir mit schönes wochenende schon bestens einwandfrei",
    "fr": "beaucoup bien infiniment pour votre ton aide rapide réponse rapidité super parfait génial tout est "
    "bon résolu réglé ça cela ca marche fonctionne maintenant de nouveau bonjour salut cordialement et à "
    "vous toi bonne journée oui ok très grand un mille équipe léquipe la le cest toute tous",
    "es": "muchas mil muchísimas por la su tu ayuda rapidez rápida respuesta perfecto genial excelente "
    "estupendo todo bien ya funciona va resuelto solucionado ahora hola saludos un cordial saludo y de "
    "nuevo buen día sí ok vale muy equipo el está",
    "pt": "muito muitíssimo pela pelo sua ajuda rapidez resposta perfeito ótimo excelente tudo certo bem já "
    "agora funciona funcionou funcionando resolvido olá oi bom dia boa tarde atenciosamente abraço "
    "abraços um cumprimentos e de novo sim ok está equipe equipa a o",
}


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


# Names of people, too, that turn a sentence round: "Obrigado, não funciona" of a Nao, "Merci, marche pas" of a Pas.
_NEVER_A_NAME = frozenset(
    (
        "no not non none nothing never still but again back down dead slow problem issue error bug help why when "
        "nicht nie nein kein keine noch aber doch leider kaputt pas ne jamais mais encore toujours rien plus "
        "nada nunca pero sigue aun todavia tampoco mal sin nao mas ainda sem continua nem "
        "wait broken gone failed fails stopped offline wrong stuck later almost nearly soon maybe what where urgent "
        "weg tot defekt falsch langsam wieder warten fast bald vielleicht was wo dringend nur "
        "panne presque bientot urgent attendez casse lento roto rota casi pronto espera urgente quase erro parado"
    ).split()
)
# What asks without a question mark, and what says "yet again" in words of thanks.
_TURNED = re.compile(
    r"(?:^|[.,;:!\n]|\b(?:and|und|et|y|e|thanks|thank you|danke|merci|gracias|obrigad[oa]))\s*"
    r"(?:is (?:it|this|that|everything|all)|have you|ist (?:das|es|alles)|geht (?:das|es|alles)|est.ce|ca marche.t)\b"
    r"|\bthis again\b|\bis again\b|\bschon wieder\b|\bagain this\b|\bnot\b"
)
_CORE_WORDS = frozenset(_fold(word) for words in _CORE.values() for word in words.split())
_ALL_WORDS = _CORE_WORDS | frozenset(_fold(word) for words in _AROUND.values() for word in words.split())
_MOST_WORDS = 25
_SAD = ("👎", "😞", "😢", "😡", "😠", "🙁", "☹", ":-(", ":(")
# What thanks where nothing else is said.
_ENOUGH = {
    "en": "ok okay okey k perfect super great excellent awesome top cool nice",
    "de": "perfekt prima klasse toll passt",
    "fr": "parfait génial daccord",
    "es": "perfecto genial excelente estupendo vale",
    "pt": "perfeito ótimo excelente beleza",
}
_ENOUGH_WORDS = frozenset(_fold(word) for words in _ENOUGH.values() for word in words.split())
_MOST_WORDS_ENOUGH = 3
# Thumbs up, clapping, praying and raised hands, "OK", hearts; smiles say nothing more. Skin tones and the like belong.
_GLAD = re.compile("[👍👏🙏🙌👌❤♥💙💚💛💜🧡🖤🤍🤎💖💗💕]|:-?\\)|;-?\\)|[🙂😊😀😃😄]")
_GLAD_ENOUGH = re.compile("[👍👏🙏🙌👌❤♥💙💚💛💜🧡🖤🤍🤎💖💗💕]")
_VARIANT = re.compile("[\ufe0e\ufe0f\u200d\U0001f3fb-\U0001f3ff]")
# A name below, as "Xenia" or "Anne-Marie"; an apostrophe or an exclamation mark makes it something else.
_SIGNED = re.compile(r"(?:[-–—] ?)?([^\W\d_]+(?:-[^\W\d_]+)?)[.,]?")


def is_mere_thanks(text: str, *, names: tuple[str, ...] = ()) -> bool:
    """Say whether `text` (new words only) thanks and says nothing else; `names` are people's and may stand in it."""
    said = plain_words(text, names=names)
    if said is None:
        return False
    if any(word in _CORE_WORDS for word in said.words):
        return is_small_talk(said)
    return _is_enough(said.text, list(said.words), set(said.called))


@dataclass(frozen=True, kw_only=True)
class Plain:
    """A short text that asks nothing and complains of nothing, as far as signs say: its words, folded, and which of
    them are names."""

    text: str
    words: tuple[str, ...]
    called: frozenset[str]


def plain_words(text: str, *, names: tuple[str, ...] = ()) -> Plain | None:
    """The words of a text without the name below; None where a sign or a turn of phrase says that more is meant."""
    # Without runs of white space, over which the patterns below would go again and again.
    text = _unsigned("\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip()))
    folded = _fold(_without_apostrophes(text))
    if any(mark in folded for mark in "?¿؟⸮") or _TURNED.search(folded) or any(sad in text for sad in _SAD):
        return None
    called = {_fold(word) for name in names for word in re.findall(r"\w+", name)} - _NEVER_A_NAME
    return Plain(text=text, words=tuple(re.findall(r"[^\W\d_]+|\d+", folded)), called=frozenset(called))


def is_small_talk(said: Plain, *, besides: frozenset[str] = frozenset()) -> bool:
    """Whether every word is one that people put around their thanks, a name, or one of `besides` (folded)."""
    return len(said.words) <= _MOST_WORDS and set(said.words) <= _ALL_WORDS | said.called | besides


def folded_words(listed: Mapping[str, str]) -> frozenset[str]:
    """The words of lists by language, as words of mails are folded."""
    return frozenset(_fold(word) for words in listed.values() for word in words.split())


def _is_enough(text: str, words: list[str], called: set[str]) -> bool:
    """Whether one word or sign of being content is all there is: no other word, no sign that we do not know."""
    rest = _GLAD.sub("", _VARIANT.sub("", text))
    said = _GLAD_ENOUGH.search(text) is not None or any(word in _ENOUGH_WORDS for word in words)
    is_plain = not re.search(r"[^\w\s.,!'’-]", rest)
    return said and is_plain and len(words) <= _MOST_WORDS_ENOUGH and set(words) <= _ENOUGH_WORDS | called


def _unsigned(text: str) -> str:
    """Take the name below off, one capitalised word alone: that of a sender whose mail client gives none."""
    rest, _, last = text.rpartition("\n")
    found = _SIGNED.fullmatch(last)
    if not rest or found is None:
        return text
    said = _ALL_WORDS | _ENOUGH_WORDS | _NEVER_A_NAME
    is_name = all(part.istitle() and _fold(part) not in said for part in found[1].split("-"))
    return rest if is_name else text


def _without_apostrophes(text: str) -> str:
    return text.replace("'", "").replace("’", "")
