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
    "vous toi bonne journée oui ok très grand un mille équipe l la le cest cela",
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


_CORE_WORDS = frozenset(_fold(word) for words in _CORE.values() for word in words.split())
_ALL_WORDS = _CORE_WORDS | frozenset(_fold(word) for words in _AROUND.values() for word in words.split())
_MOST_WORDS = 25


def is_mere_thanks(text: str, *, names: tuple[str, ...] = ()) -> bool:
    """Say whether `text` (new words only) thanks and says nothing else; `names` are people's and may stand in it."""
    if "?" in text:
        return False
    allowed = _ALL_WORDS | {_fold(word) for name in names for word in re.findall(r"\w+", name)}
    words = re.findall(r"[^\W\d_]+|\d+", _fold(text.replace("'", "").replace("’", "")))
    return 0 < len(words) <= _MOST_WORDS and any(word in _CORE_WORDS for word in words) and set(words) <= allowed
