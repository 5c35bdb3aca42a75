"""The words by which employees help themselves: "status", "help", "reopen", "cancel", and "leave" of who reads along.

A word counts alone, in the mail or in its subject, in any of the desk's languages: with a greeting above it, thanks and
a name below it, any case, a stop or a question mark. One more word makes it prose, and so does an exclamation mark or a
file; of "help" a "please" too, since "help please" asks a person. The lists hold what nobody writes alone to say
something else. Pure; `helping` does what is asked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final


class Wish(StrEnum):
    """What somebody asks of the desk by one word."""

    STATUS = "status"
    HELP = "help"
    REOPEN = "reopen"
    CANCEL = "cancel"
    LEAVE = "leave"


# By language, for people; all languages count in every mail. Several words stand with underscores.
FORMS: Final[Mapping[Wish, Mapping[str, str]]] = {
    Wish.STATUS: {
        "en": "status my_tickets ticket_status",
        "de": "status meine_tickets ticketstatus ticket_status",
        "fr": "statut mes_tickets mes_demandes",
        "es": "estado mis_tickets mis_solicitudes",
        "pt": "estado meus_chamados meus_tickets os_meus_pedidos",
    },
    Wish.HELP: {"en": "help", "de": "hilfe", "fr": "aide", "es": "ayuda", "pt": "ajuda"},
    Wish.REOPEN: {
        "en": "reopen re-open reopen_ticket",
        "de": "wiedereröffnen wieder_öffnen neu_öffnen",
        "fr": "rouvrir réouvrir",
        "es": "reabrir",
        "pt": "reabrir",
    },
    Wish.CANCEL: {
        "en": "cancel cancel_ticket withdraw",
        "de": "stornieren zurückziehen",
        "fr": "annuler",
        "es": "cancelar anular",
        "pt": "cancelar anular",
    },
    Wish.LEAVE: {
        "en": "leave unwatch unsubscribe",
        "de": "abmelden austragen",
        "fr": "désinscrire désabonner quitter",
        "es": "salir desuscribir",
        "pt": "sair desinscrever",
    },
}
_GREETINGS = {
    "en": "hi hello hey dear good_morning good_afternoon good_evening",
    "de": "hallo moin servus guten_tag guten_morgen guten_abend liebes sehr_geehrte_damen_und_herren",
    "fr": "bonjour bonsoir salut",
    "es": "hola buenos_días buenas_tardes buenas",
    "pt": "olá oi bom_dia boa_tarde boa_noite",
}
_GREETED = {
    "en": "team all everyone it support desk help_desk helpdesk service_desk",
    "de": "team zusammen alle helpdesk",
    "fr": "à_tous équipe léquipe",
    "es": "equipo a_todos",
    "pt": "equipe equipa a_todos",
}
_PARTING = {
    "en": "please pls thanks thank_you many_thanks thanks_in_advance cheers regards best_regards kind_regards best "
    "sent_from_my_iphone",
    "de": "bitte danke vielen_dank danke_im_voraus gruß grüße viele_grüße liebe_grüße beste_grüße schöne_grüße "
    "mit_freundlichen_grüßen mfg lg vg",
    "fr": "svp merci merci_davance sil_vous_plaît cordialement bien_cordialement",
    "es": "por_favor gracias muchas_gracias saludos un_saludo saludos_cordiales",
    "pt": "por_favor obrigado obrigada muito_obrigado atenciosamente cumprimentos abraço",
}
_LONGEST_CHARS = 600
# Greetings, then the word: further down, or in a longer line, it is one of a sentence.
_READ_LINES, _LONGEST_LINE_WORDS, _LONGEST_SUBJECT_WORDS = 4, 12, 8
_MOST_SIGNED_LINES = 8
_SAYS_MORE = re.compile(r"[?!]|^\W*p\.?\W?s\b", re.IGNORECASE)
_TOKEN = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
# Who asks for help with a greeting or politely asks a person.
_BARE_WORD = re.compile(r"[\"'“”„«»]?[^\W\d_]+[\"'“”«»]?[.?]?")
# What may stand around words; every other sign says more than they do.
_SIGNS = frozenset(" \t\n\r.,:;?-–—_*\"'“”„‘’«»()[]¿")


def _folded(text: str) -> str:
    text = text.casefold().replace("'", "").replace("’", "")
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _listed(lists: Mapping[str, str]) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(_folded(form).split("_")) for words in lists.values() for form in words.split())


_WISHES = {form: wish for wish, lists in FORMS.items() for form in _listed(lists)}
_NAMES_A_WISH = re.compile(r"\b(?:" + "|".join(sorted({re.escape(form[0]) for form in _WISHES})) + ")")
_GREETING_FORMS, _GREETED_FORMS, _PARTING_FORMS = _listed(_GREETINGS), _listed(_GREETED), _listed(_PARTING)
_POLITE = frozenset({("please",), ("pls",), ("bitte",), ("svp",), ("por", "favor")})


def read_wish(subject: str, text: str, *, is_reply: bool, names: Iterable[str] = ()) -> Wish | None:
    """What a mail asks by one word; None for prose. `subject` stands without prefixes and numbers, `text` are the new
    words. In a reply the subject is the ticket's, and says nothing; else it must say the same, or nothing."""
    if len(text) > _LONGEST_CHARS or len(subject) > _LONGEST_CHARS:
        return None
    said = tuple(names)
    if not _may_wish(subject, text):
        return None
    above, below = _wish(subject, said), _wish(text, said)
    if _is_silent(text, said):
        # "Help" above "please" is a plea, and so is one above a name.
        return None if above is Wish.HELP and text.strip() else above
    if is_reply or above is below or _is_silent(subject, said):
        return below
    return None


def _may_wish(subject: str, text: str) -> bool:
    """Whether such a word stands in the subject or in the first lines, and those are short; every mail comes by here,
    and hardly one has to be read closely."""
    lines = [line for line in text.splitlines() if line.strip()][:_READ_LINES]
    if any(len(line.split()) > _LONGEST_LINE_WORDS for line in lines[:2]):
        return False
    about = subject if len(subject.split()) <= _LONGEST_SUBJECT_WORDS else ""
    return _NAMES_A_WISH.search(_folded("\n".join((about, *lines)))) is not None


def language_of(subject: str, text: str) -> str:
    """The language of such a mail, where its word is one of a single language; "" where it may be another."""
    words = {word for part in (subject, text) for word in _TOKEN.findall(_folded(part))}
    found = {
        language
        for lists in FORMS.values()
        for language, forms in lists.items()
        if any(words.issuperset(_folded(form).split("_")) for form in forms.split())
    }
    return found.pop() if len(found) == 1 else ""


def _wish(text: str, names: tuple[str, ...]) -> Wish | None:
    form = _only_form(text, names)
    wish = _WISHES.get(form) if form is not None else None
    return wish if wish is not Wish.HELP or _BARE_WORD.fullmatch(text.strip()) else None


def _is_silent(text: str, names: tuple[str, ...]) -> bool:
    """Whether a text greets at most."""
    return not text.strip() or _only_form(text, names) == ()


def _only_form(text: str, names: tuple[str, ...]) -> tuple[str, ...] | None:
    """The words of a text without greeting, thanks and name; None where it has a sign that says more."""
    called = {word for name in names for word in _TOKEN.findall(_folded(name))}
    written = _unsigned(unicodedata.normalize("NFKC", text), called)
    signs = (one for one in set(written) if not one.isalnum() and not unicodedata.combining(one))
    if not _SIGNS.issuperset(signs):
        return None
    lines = [_TOKEN.findall(_folded(line)) for line in written.splitlines()]
    lines = [line for line in lines if line]
    while lines and _is_greeting(lines[0], called):
        lines = lines[1:]
    while lines and (tuple(lines[-1]) in _PARTING_FORMS or _is_name(lines[-1], called)) and not _is_wish(lines[-1]):
        lines = lines[:-1]
    if not lines:
        return ()
    if len(lines) > 1:
        # Mail clients of phones write a line of their own below; two lines of a person are prose.
        return None
    return _bare(tuple(lines[0]), called)


def _unsigned(text: str, called: set[str]) -> str:
    """The text without what stands below "kind regards" and the name, as long as it reads like a signature.

    Mail clients mark no signature that is typed or inserted as text; a P.S. and questions are none.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    for number in range(1, len(lines) - 1):
        above, name = (_TOKEN.findall(_folded(line)) for line in lines[number : number + 2])
        below = lines[number + 2 :]
        if tuple(above) not in _PARTING_FORMS or not name or not _is_name(name, called):
            continue
        is_signature = len(below) <= _MOST_SIGNED_LINES and not any(_SAYS_MORE.search(line) for line in below)
        return "\n".join(lines[: number + 2]) if is_signature else text
    return text


def _bare(words: tuple[str, ...], called: set[str]) -> tuple[str, ...]:
    """One line without "hi team" before it and "please" around it."""
    for length in range(min(len(words) - 1, 6), 0, -1):
        if _is_greeting(list(words[:length]), called):
            words = words[length:]
            break
    for polite in (*_POLITE, *_PARTING_FORMS):
        if len(words) > len(polite) and words[-len(polite) :] == polite:
            words = words[: -len(polite)]
            break
    for polite in _POLITE:
        if len(words) > len(polite) and words[: len(polite)] == polite:
            words = words[len(polite) :]
            break
    return words


def _is_wish(words: list[str]) -> bool:
    return tuple(words) in _WISHES


def _is_greeting(words: list[str], called: set[str]) -> bool:
    """A word of greeting, with whom it greets: "hi team", "hallo Anna"."""
    for length in range(min(len(words), 5), 0, -1):
        if tuple(words[:length]) in _GREETING_FORMS:
            rest = tuple(words[length:])
            return not rest or rest in _GREETED_FORMS or all(word in called for word in rest)
    return False


def _is_name(words: list[str], called: set[str]) -> bool:
    return all(word in called for word in words)
