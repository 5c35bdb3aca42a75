"""Is this nothing but thanks? A mere "thanks" to a resolved ticket must not reopen it.

Every word of the mail has to be one of a short list; one word that is not (a "but", a "still", a name of a thing)
makes it a mail
that says something. A wrong guess costs a person's problem, so the list holds no word that a complaint needs.
"""

from __future__ import annotations

import re
import unicodedata

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
        "nada nunca pero sigue aun todavia tampoco mal sin nao mas ainda sem continua nem"
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


def is_mere_thanks(text: str, *, names: tuple[str, ...] = ()) -> bool:
    """Say whether `text` (new words only) thanks and says nothing else; `names` are people's and may stand in it."""
    folded = _fold(text.replace("'", "").replace("’", ""))
    if any(mark in folded for mark in "?¿؟⸮") or _TURNED.search(folded) or any(sad in text for sad in _SAD):
        return False
    called = {_fold(word) for name in names for word in re.findall(r"\w+", name)}
    allowed = _ALL_WORDS | (called - _NEVER_A_NAME)
    words = re.findall(r"[^\W\d_]+|\d+", folded)
    return 0 < len(words) <= _MOST_WORDS and any(word in _CORE_WORDS for word in words) and set(words) <= allowed
