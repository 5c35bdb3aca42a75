"""The few words that the screens know: names of daemons, addresses that nobody reads, labels of responders.

A word never decides alone what a mail is. Names and addresses are what machines call themselves; a responder's label at
the head of a subject only counts beside a header that says the same. Pure text functions; nothing fails.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Exact local parts (without plus tag) of RFC 2142 and of the programs that write mail.
_UNREAD_LOCALS: Final = frozenset(
    {
        *("mailer-daemon", "mailer_daemon", "mailerdaemon", "maildaemon", "mdaemon", "postmaster", "bounce", "bounces"),
        *("listserv", "listproc", "majordomo", "mailman", "sympa", "daemon", "root", "nobody"),
    }
)
_UNREAD_SHAPES: Final = re.compile(
    r"""
    ^(?:bounces?[-_+.=]|owner-)          # bounces+123-abc@, bounce-mc.us14@, owner-staff@
    | (?:-bounces?|-request)$            # staff-bounces@, staff-request@
    | (?:^|[-_.+=])(?:                   # no-reply in the languages that we met
        (?:no|not|do[-_.]?not|don[-_.]?t|never)[-_.]?(?:reply|replies|respond|response|answer)
      | n(?:ao|o)[-_.]?respond(?:a|er) | no[-_.]?contest(?:ar|e) | ne[-_.]?pas[-_.]?repondre | sans[-_.]?reponse
      | nicht[-_.]?antworten | keine?[-_.]?antwort(?:en)? | non[-_.]?rispondere | geen[-_.]?(?:antwoord|reply)
      | niet[-_.]?beantwoorden | svara?[-_.]?(?:ej|inte) | ingen[-_.]?svar | ikke[-_.]?svar | ei[-_.]?vastausta
      | nie[-_.]?odpowiadaj | neodpovidat | ne[-_.]?valaszolj
    )s?(?=$|[^a-z])
    """,
    re.VERBOSE,
)

_DAEMON_LOCALS: Final = re.compile(
    r"mailer[-_.]?daemon|mail[-_.]?daemon|mdaemon|postmaster|mail[-_.]delivery[-_.](?:sub)?system|ndr|bounces?"
    r"|system ?administrator|imss|.*smtp[-_](?:mail[-_]service|gateways?)"  # Trend Micro, Exchange 5.5, Symantec
)
_MAILER_DAEMON: Final = re.compile(r"mailer[-_]?daemon")
_DAEMON_NAMES: Final = re.compile(
    r"mailer.?daemon|mail deliver(?:y|er)? (?:sub)?system|delivery (?:sub)?system|mail(?:ing)? system\b"
    r"|system ?administrator|administrateur système|amministratore di sistema|administrador del sistema"
    r"|internet mail delivery|postmaster"
)

# What responders put before the subject that they answer (Outlook in the user's language, Gmail, Notes, GroupWise …).
# Only the label with its colon or dash counts, not the words in a sentence.
_LABELS: Final = (
    # English
    "automatic reply|auto(?:matic)?[- ]?reply|auto(?:matic)?[- ]?respon[sd]e?r?|out of (?:the )?office(?: auto-?reply)?"
    # German, Dutch
    "|automatische antwort|automatische antwoord|abwesenheits(?:notiz|benachrichtigung|meldung|assistent)"
    "|automatisch antwoord|automatische reactie|afwezig(?:heidsbericht)?"
    # Danish, Norwegian, Swedish, Finnish, Icelandic
    "|automatisk svar|autosvar|automatiskt svar|frånvaro(?:meddelande)?|fravær|ikke til stede|automaattinen vastaus"
    "|poissaolo(?:viesti)?|sjálfvirkt svar"
    # French, Spanish, Portuguese, Italian, Romanian, Catalan
    "|réponse automatique|absent du bureau|absence du bureau|respuesta automática|fuera de la oficina"
    "|resposta automàtica|resposta automática|fora do escritório|ausência temporária|risposta automatica"
    "|fuori (?:sede|ufficio)|răspuns automat"
    # Polish, Czech, Slovak, Hungarian, Slovene, Croatian, Serbian, Estonian, Latvian, Lithuanian
    "|automatyczna odpowiedź|autoodpowiedź|automatická odpověď|automatická odpoveď|automatikus válasz|házon kívül"
    "|samodejni odgovor|automatski odgovor|automaatvastus|automātiskā atbilde|automatinis atsakymas"
    # Russian, Ukrainian, Bulgarian; Greek; Turkish
    "|автоматический ответ|автоответ|автоматична відповідь|автоматичен отговор|αυτόματη απάντηση|otomatik yanıt"
    # Hebrew, Arabic, Persian; Chinese, Japanese, Korean, Thai, Vietnamese, Indonesian
    "|תשובה אוטומטית|رد تلقائي|پاسخ خودکار|自动(?:答复|回复)|自動(?:答覆|回覆|回復|返信|応答)|不在(?:通知|連絡)"
    "|자동 ?(?:회신|응답)|부재중|การตอบกลับอัตโนมัติ|trả lời tự động|balasan otomatis"
)
_LABEL: Final = re.compile(rf"(?:\[[^\[\]]{{1,40}}\]\s*)?(?:{_LABELS})\s?(?:[:：]|\s[-–—]\s)")
# Notes and Domino, in every language: "AUTO: Ada Example is out of the office (returning 05/12/2026)".
_NOTES_LABEL: Final = re.compile(r"auto: [^()]+\([^()]*\d[^()]*\)$")
_READ_LIMIT_CHARS: Final = 300


def is_unread_address(address: str) -> bool:
    """Tell whether nobody reads mail at this address: no-reply in many languages, daemons, bounces, list robots."""
    local = address.lower().rpartition("@")[0] or address.lower()
    # SRS and BATV wrap the address that we want to see: SRS0=hash=tt=example.org=noreply, prvs=0123=noreply.
    inner = local.rpartition("=")[2] if local.startswith(("srs", "prvs=")) else local
    bare = inner.partition("+")[0].strip('"')
    return bare in _UNREAD_LOCALS or _UNREAD_SHAPES.search(inner[:_READ_LIMIT_CHARS]) is not None


def is_daemon_name(address: str, from_headers: list[str]) -> bool:
    """Tell whether a mail server calls itself so: by its local part, or by the display name of a From header."""
    # Up to the first "@" or backslash: Exchange 5.5 wrote <Postmaster\\@example.com@example.org>.
    local = re.split(r"[@\\]", address.lower()[:_READ_LIMIT_CHARS])[0].strip('"')
    if _DAEMON_LOCALS.fullmatch(local):
        return True
    return any(_DAEMON_NAMES.search(value[:_READ_LIMIT_CHARS].partition("<")[0]) for value in from_headers)


def is_mailer_daemon(address: str, from_headers: list[str]) -> bool:
    """Tell whether only a mail server can have written this From: MAILER-DAEMON, or a name with an empty address."""
    if address:
        return _MAILER_DAEMON.fullmatch(address.partition("@")[0]) is not None
    return any("<>" in value or _MAILER_DAEMON.fullmatch(value.strip('" <>')) for value in from_headers)


def labels_an_auto_reply(subject: str) -> bool:
    """Tell whether a subject begins with a responder's label and its colon, as clients write it before another's."""
    line = unicodedata.normalize("NFC", subject[:_READ_LIMIT_CHARS]).casefold().strip()
    return (_LABEL.match(line) or _NOTES_LABEL.match(line)) is not None
