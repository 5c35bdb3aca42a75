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
    "en": "hi hello hey dear good_morning good_afternoon good_evening good_day greetings",
    "de": "hallo hi moin servus guten_tag guten_morgen guten_abend grüß_gott grüezi mahlzeit liebe lieber liebes "
    "sehr_geehrte sehr_geehrter sehr_geehrtes",
    "fr": "bonjour bonsoir salut coucou cher chère chers madame monsieur",
    "es": "hola buen_día buenos_días buenas_tardes buenas_noches buenas muy_buenas estimado estimada estimados",
    "pt": "olá oi bom_dia boa_tarde boa_noite boas prezado prezada prezados caro cara caros",
}
_GREETED = {
    "en": "there team all everyone everybody folks guys colleagues it support desk help_desk helpdesk service_desk "
    "support_team it_team it_support help_desk_team helpdesk_team dear_all dear_team sir_or_madam sirs",
    "de": "team zusammen alle leute miteinander ihr kollegen liebes_team liebe_kollegen liebe_kolleginnen_und_kollegen "
    "kolleginnen_und_kollegen damen_und_herren helpdesk",
    "fr": "à_tous à_toutes à_toutes_et_à_tous tous équipe léquipe tout_le_monde collègues chers_collègues madame "
    "monsieur madame_monsieur messieurs",
    "es": "equipo a_todos todos compañeros colegas qué_tal",
    "pt": "equipe equipa a_todos todos pessoal colegas tudo_bem",
}
_PARTING = {
    "en": "please pls thanks thx thank_you many_thanks thanks_a_lot thanks_so_much thanks_very_much thank_you_so_much "
    "thank_you_very_much thanks_in_advance thank_you_in_advance cheers regards best_regards kind_regards warm_regards "
    "kindest_regards best best_wishes all_the_best sincerely yours_sincerely yours_faithfully have_a_nice_day "
    "sent_from_my_iphone",
    "de": "bitte danke vielen_dank danke_schön dankeschön danke_sehr besten_dank herzlichen_dank tausend_dank "
    "vielen_lieben_dank danke_im_voraus vielen_dank_im_voraus gruß grüße viele_grüße liebe_grüße beste_grüße "
    "schöne_grüße herzliche_grüße freundliche_grüße mit_freundlichen_grüßen mit_freundlichem_gruß mit_besten_grüßen "
    "schönen_tag schönen_tag_noch mfg lg vg",
    "fr": "svp stp merci merci_beaucoup merci_bien un_grand_merci mille_mercis merci_à_vous merci_davance "
    "merci_par_avance sil_vous_plaît sil_te_plaît cordialement bien_cordialement très_cordialement bien_à_vous "
    "salutations sincères_salutations meilleures_salutations cordiales_salutations bonne_journée bonne_soirée cdt cdlt",
    "es": "por_favor gracias muchas_gracias mil_gracias muchísimas_gracias gracias_de_antemano saludos un_saludo "
    "saludos_cordiales un_cordial_saludo un_saludo_cordial cordialmente atentamente un_abrazo",
    "pt": "por_favor obrigado obrigada muito_obrigado muito_obrigada obrigado_desde_já obrigada_desde_já "
    "desde_já_obrigado desde_já_obrigada atenciosamente cumprimentos melhores_cumprimentos "
    "com_os_melhores_cumprimentos cordialmente abraço abraços um_abraço att",
}
# Between two words of parting: "thanks and regards".
_JOINS = frozenset(("and", "und", "et", "y", "e"))
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
_NAMES_A_WISH = re.compile(
    r"\b(?:" + "|".join(sorted({r"[\W_]+".join(map(re.escape, form)) for form in _WISHES})) + ")"
)
_GREETING_FORMS, _GREETED_FORMS, _PARTING_FORMS = _listed(_GREETINGS), _listed(_GREETED), _listed(_PARTING)
_LONGEST_PARTING = max(map(len, _PARTING_FORMS))
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
    called = {part for name in names for word in _TOKEN.findall(_folded(name)) for part in (word, *word.split("-"))}
    written = _calm(_unsigned(unicodedata.normalize("NFKC", text), called), called)
    signs = (one for one in set(written) if not one.isalnum() and not unicodedata.combining(one))
    if not _SIGNS.issuperset(signs):
        return None
    lines = [_TOKEN.findall(_folded(line)) for line in written.splitlines()]
    lines = [line for line in lines if line]
    while lines and _is_greeting(lines[0], called):
        lines = lines[1:]
    while lines and (_is_parting(lines[-1], called) or _is_name(lines[-1], called)) and not _is_wish(lines[-1]):
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
        if not _is_parting(above, called):
            continue
        end = number + 2
        if not name or not _is_name(name, called):
            if above[-1] not in called:
                continue
            end = number + 1
        below = lines[end:]
        is_signature = len(below) <= _MOST_SIGNED_LINES and not any(_SAYS_MORE.search(line) for line in below)
        return "\n".join(lines[:end]) if is_signature else text
    return text


def _calm(text: str, called: set[str]) -> str:
    """The text without the exclamation marks in greetings and thanks, which say no more than these."""
    if "!" not in text:
        return text
    lines = []
    for line in text.splitlines():
        words = _TOKEN.findall(_folded(line)) if "!" in line else []
        is_polite = bool(words) and (_is_greeting(words, called) or _is_parting(words, called))
        lines.append(line.replace("!", " ") if is_polite else line)
    return "\n".join(lines)


def _bare(words: tuple[str, ...], called: set[str]) -> tuple[str, ...]:
    """One line without "hi team" before it and "please" around it."""
    for length in range(min(len(words) - 1, 6), 0, -1):
        if _is_greeting(list(words[:length]), called):
            words = words[length:]
            break
    for length in range(1, len(words)):
        if _is_parting(list(words[length:]), called):
            words = words[:length]
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


def _is_parting(words: list[str], called: set[str]) -> bool:
    """Words of thanks and parting, with the writer's name or without: "thanks and regards", "thanks, Paul"."""
    begin = 0
    while begin < len(words):
        lengths = range(min(len(words) - begin, _LONGEST_PARTING), 0, -1)
        length = next((one for one in lengths if tuple(words[begin : begin + one]) in _PARTING_FORMS), 0)
        if not length and begin and words[begin] in _JOINS and begin + 1 < len(words):
            length = 1
        if not length:
            break
        begin += length
    return begin > 0 and all(word in called for word in words[begin:])


def _is_name(words: list[str], called: set[str]) -> bool:
    return all(word in called for word in words)
