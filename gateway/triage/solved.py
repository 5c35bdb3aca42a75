"""What somebody answers to "solved?": yes, a rating of 1 to 5, that it works, or mere thanks. Pure.

As with thanks (`triage.thanks`), every word has to be one of short lists in the five languages; whatever says more is a
mail that says something, and says that the matter is not over. A rating stands alone, or with thanks or a yes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from gateway.triage.thanks import Plain, folded_words, is_mere_thanks, is_small_talk, plain_words

_YES = {
    "en": "yes yep yeah yup confirmed",
    "de": "ja jawohl jep jup jo",
    "fr": "oui ouais",
    "es": "sí",
    "pt": "sim",
}
_SOLVED = {
    "en": "solved fixed resolved sorted done",
    "de": "gelöst erledigt behoben",
    "fr": "résolu résolue réglé réglée corrigé",
    "es": "resuelto resuelta solucionado solucionada arreglado",
    "pt": "resolvido resolvida solucionado solucionada",
}
_WORKS = {
    "en": "works working worked",
    "de": "funktioniert läuft geht geklappt klappt",
    "fr": "fonctionne marche",
    "es": "funciona",
    "pt": "funciona funcionou funcionando",
}
# What was solved; it stands only beside a word that says so.
_MATTER = {
    "en": "problem issue matter been has was can close ticket",
    "de": "problem störung wurde hat kann geschlossen werden ticket",
    "fr": "problème incident été a",
    "es": "problema incidencia ha sido fue",
    "pt": "problema foi",
}
_AGAIN = {"en": "again", "de": "wieder", "fr": "nouveau", "es": "nuevo", "pt": "novo"}
_YES_WORDS, _SOLVED_WORDS, _WORKS_WORDS = folded_words(_YES), folded_words(_SOLVED), folded_words(_WORKS)
_AGAIN_WORDS = folded_words(_AGAIN)
_AGREEING = _YES_WORDS | _SOLVED_WORDS | _WORKS_WORDS
_WITH_MATTER = _AGREEING | folded_words(_MATTER)

# Portuguese for "already", and no yes.
_ALREADY = re.compile(r"\bj(?:á|a\u0301)", re.IGNORECASE)

# Keys of phones make "5" of a digit, a variant sign and a frame.
_FRAMED = re.compile("[\ufe0e\ufe0f\u20e3]")
_STARS = r"(?P<stars>[★⭐]{1,5}[☆✩]{0,4})"
_DIGIT = (
    r"(?P<digit>[1-5])(?: ?/ ?5| ?(?:out of|von|sur|de) 5)?"
    r"(?: ?(?:stars?|points?|sterne?|punkte?n?|[ée]toiles?|estrellas?|puntos?|estrelas?|pontos?|[★⭐]))?"
)
_SCORE = re.compile(rf"(?<![^\s.!,;:–—-])(?:{_STARS}|{_DIGIT})(?![^\s.!,;:)–—-])", re.IGNORECASE)
_SIGNS = ".!,;:)–—-\n"
_GLAD = re.compile("[\\s.!,;:()–—👍👏🙏🙌👌❤♥🙂😊😀😃😄🎉\U0001f3fb-\U0001f3ff-]*")
_MOST_CHARS = 300


class Saying(StrEnum):
    """What it says. Thanks, and that it works, neither end a matter nor take it up again."""

    CONTENT = "content"
    YES = "yes"
    RATING = "rating"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer to "solved?"; `score` is that of a rating, 0 for none."""

    saying: Saying
    score: int = 0


def read_answer(text: str, *, names: tuple[str, ...] = ()) -> Answer | None:
    """Read the new words of a mail; None where they say anything else. `names` are people's and may stand in it."""
    if score := _score(text, names):
        return Answer(saying=Saying.RATING, score=score)
    said = plain_words(text, names=names)
    if said is not None and _agrees(said, _YES_WORDS | _SOLVED_WORDS):
        return Answer(saying=Saying.YES)
    if is_mere_thanks(text, names=names) or (said is not None and _agrees(said, _WORKS_WORDS)):
        return Answer(saying=Saying.CONTENT)
    return None


def _agrees(said: Plain, wanted: frozenset[str]) -> bool:
    """Whether one of the wanted words stands in it, and no other than agree; "yes, again" does not."""
    words = {word for word in said.words if word not in said.called}
    if _ALREADY.search(said.text):
        words -= {"ja"}
    ends = words & (_SOLVED_WORDS | _WORKS_WORDS)
    if not words & wanted or (words & _AGAIN_WORDS and not ends):
        return False
    return is_small_talk(said, besides=_WITH_MATTER if words & _SOLVED_WORDS else _AGREEING)


def _score(text: str, names: tuple[str, ...]) -> int:
    """The rating that a text is, 0 where it is none."""
    if len(text) > 4 * _MOST_CHARS:
        return 0
    lines = [" ".join(line.split()) for line in _FRAMED.sub("", text).splitlines() if line.strip()]
    written = "\n".join(lines)
    found = list(_SCORE.finditer(written)) if len(written) <= _MOST_CHARS else []
    if len(found) != 1:
        return 0
    before, after = written[: found[0].start()].strip(" "), written[found[0].end() :].strip(" ")
    if not _may_stand_beside(before.strip(), before.endswith(tuple(_SIGNS)), names):
        return 0
    if not _may_stand_beside(after.strip().lstrip(_SIGNS), after.startswith(tuple(_SIGNS)), names):
        return 0
    stars = found[0]["stars"]
    return stars.count("★") + stars.count("⭐") if stars else int(found[0]["digit"])


def _may_stand_beside(rest: str, is_parted: bool, names: tuple[str, ...]) -> bool:
    """Whether what stands beside a number leaves it a rating: nothing, thanks, a yes, a greeting, a name."""
    if _GLAD.fullmatch(rest) or is_mere_thanks(rest, names=names):
        return True
    said = plain_words(rest, names=names)
    # "2 is working now" speaks of something that has a number.
    return is_parted and said is not None and (is_small_talk(said) or _agrees(said, _YES_WORDS | _SOLVED_WORDS))
