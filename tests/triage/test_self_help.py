"""A word alone is a wish; whatever else a person writes is prose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.triage.self_help import FORMS, Wish, language_of, read_wish

NAMES = ("Erika Muster", "Help Desk", "Anna Agent")
FORMS_OF_ALL = [
    (wish, form.replace("_", " "))
    for wish, lists in FORMS.items()
    for forms in lists.values()
    for form in forms.split()
]

# Mails of people, as (subject, text): each near a word of ours, and none of them meant as one.
PROSE = [
    # en
    ("Status of my laptop is unknown", ""),
    ("", "Status of my laptop is unknown"),
    ("Status", "The printer shows a status light that I have never seen."),
    ("Status page down", ""),
    ("Ticket status cannot be seen in the portal", ""),
    ("My laptop", "status"),
    ("Order 17", "Status?"),
    ("", "What is the status of the new screens?"),
    ("", "Any update on the status?"),
    ("", "status\nThe printer says: out of paper"),
    ("", "Status! Now!"),
    ("Help!", ""),
    ("", "Help!"),
    ("HELP!!!", ""),
    ("Help", "The server room is on fire"),
    ("", "Help me"),
    ("", "help please"),
    ("Help", "please"),
    ("", "please help me with the printer"),
    ("Help needed", ""),
    ("Printer", "help"),
    ("", "help..."),
    ("", "Hello,\n\nhelp\n\nErika"),
    ("Cancel my meeting", ""),
    ("", "cancel my meeting"),
    ("", "Please cancel the order of the second screen"),
    ("", "cancel that, it works"),
    ("Cancel", "I want to cancel my parking space."),
    ("", "Can I reopen the document that I closed?"),
    ("", "reopen it please, the same error again"),
    ("Leave", "I will be on leave until Monday."),
    ("", "leave it as it is"),
    ("Annual leave", ""),
    ("Unsubscribe", "Please unsubscribe me from the newsletter"),
    ("", "no help"),
    ("", "not cancel"),
    ("", "status 👎"),
    ("", "status\nKind regards\nErika Muster\nP.S. The printer jams."),
    ("", "status\nKind regards\nErika Muster\nIs the printer yours too?"),
    ("", "status\nKind regards\nThe printer jams."),
    ("", "status\nErika Muster\nThe printer jams."),
    ("", "status: still broken"),
    ("", "status\nThanks, but it is still broken"),
    ("", "status\nThanks, Paul"),
    ("", "status\nThanks! Erika, it jams"),
    ("", "Hi there\nstatus unknown"),
    ("", "Hi there, no status"),
    ("Hi there!", "Status!"),
    ("", "status and thanks for nothing"),
    ("", "status\nand"),
    ("There", "status"),
    ("", "status\nErika Muster, thanks\nThe printer jams."),
    ("", "status\nThanks, Erika\nIs the printer yours too?"),
    ("", "status\nThanks, Erika\nP.S. The printer jams."),
    ("", "cancel\nBest offer"),
    # de
    ("Status meines Laptops unbekannt", ""),
    ("", "Wie ist der Status?"),
    ("Hilfe!", ""),
    ("", "Status\nDanke, aber es geht nicht"),
    ("Hallo zusammen", "Status unklar"),
    ("", "Liebe Leute, Status nervt"),
    ("", "Hilfe, der Drucker brennt"),
    ("", "Bitte um Hilfe"),
    ("", "Hilfe bitte"),
    ("Hilfe", "Mein VPN geht nicht"),
    ("", "bitte meinen Termin stornieren"),
    ("", "Stornieren Sie die Bestellung"),
    ("Abmelden geht nicht", ""),
    ("", "Ich kann mich nicht abmelden"),
    ("", "Wiedereröffnen der Datei geht nicht"),
    # fr
    ("", "Quel est le statut de ma demande ?"),
    ("Statut inconnu", ""),
    ("Aide !", ""),
    ("Bonjour", "statut bloqué\nMerci"),
    ("", "statut\nMerci beaucoup de me rappeler"),
    ("Bonjour", "aide\nMerci"),
    ("", "aidez-moi"),
    ("", "aide pour l'imprimante"),
    ("", "annuler ma réunion"),
    ("", "Impossible de quitter l'application"),
    ("", "rouvrir le dossier"),
    # es
    ("", "¿Cuál es el estado de mi portátil?"),
    ("Estado desconocido", ""),
    ("¡Ayuda!", ""),
    ("", "estado\nMuchas gracias, no funciona"),
    ("Hola a todos", "salir antes hoy"),
    ("", "ayuda con la impresora"),
    ("", "cancelar mi reunión"),
    ("", "no puedo salir de la sesión"),
    # pt
    ("", "Qual é o estado do meu pedido?"),
    ("Estado desconhecido", ""),
    ("Ajuda!", ""),
    ("", "estado\nObrigado, mas não funciona"),
    ("Bom dia", "sair mais cedo"),
    ("", "ajuda com a impressora"),
    ("", "cancelar a minha reunião"),
    ("", "não consigo sair"),
]


@pytest.mark.parametrize(("wish", "form"), FORMS_OF_ALL)
def test_a_word_alone_counts_in_the_text_and_in_the_subject(wish: Wish, form: str) -> None:
    assert read_wish("", form, is_reply=False) is wish
    assert read_wish(form.capitalize(), "", is_reply=False) is wish
    assert read_wish("VPN drops", form.upper(), is_reply=True) is wish
    assert read_wish(form, f"{form}.", is_reply=False) is wish


@pytest.mark.parametrize(("subject", "text"), PROSE)
def test_prose_stays_prose_as_a_new_mail_and_as_a_reply(subject: str, text: str) -> None:
    assert read_wish(subject, text, is_reply=False, names=NAMES) is None
    if not subject:
        assert read_wish("VPN drops", text, is_reply=True, names=NAMES) is None


@pytest.mark.parametrize(
    "text",
    [
        "status",
        "Status.",
        "  STATUS ?  ",
        "“status”",
        "Hello,\n\nstatus please\n\nThank you\nErika Muster",
        "Hi team, status",
        "Hallo Anna,\nStatus bitte\nViele Grüße\nErika",
        "Bonjour,\nstatut, s'il vous plaît\nCordialement",
        "Hola, estado por favor\nGracias",
        "Olá equipe,\nestado\nObrigada",
        "please status",
        "status\nThanks, Erika",
        "status\nThanks and regards, Erika Muster\nSales | +49 30 1234",
        "status\nThanks!\nErika",
        "Hi there!\nstatus",
        "Hi there, status, thanks Erika",
        "Dear all,\n\nstatus\n\nMany thanks and kind regards\nErika",
        "statut\nMerci beaucoup\nCordialement\nErika",
        "Bonjour à tous !\nstatut\nMerci d'avance et bonne journée",
        "Hallo zusammen!\n\nStatus\n\nVielen Dank und liebe Grüße, Erika",
        "Sehr geehrte Damen und Herren,\nStatus\nMit freundlichen Grüßen",
        "Buenos días a todos:\nestado\nMuchas gracias y un saludo, Erika",
        "Oi pessoal,\nestado\nMuito obrigada! Abraço",
        "*status*",
        "status\n\nMit freundlichen Grüßen\n\nErika Muster\nVertrieb | Tel. +49 30 1234\nExample GmbH, www.example.com",
    ],
)
def test_greeting_thanks_a_name_and_punctuation_do_not_hide_a_word(text: str) -> None:
    assert read_wish("", text, is_reply=False, names=NAMES) is Wish.STATUS
    for subject in ("Hello", "Hi there", "Bonjour !", "Hallo zusammen", "Hola", "Bom dia", "Thanks"):
        assert read_wish(subject, text, is_reply=False, names=NAMES) is Wish.STATUS


def test_a_name_with_an_accent_is_the_writers_with_it_and_without() -> None:
    for name in ("Pierre", "Payé", "PIERRE PAYE"):
        text = f"statut\nMerci\n{name}"
        assert read_wish("Bonjour", text, is_reply=False, names=("Pierre Payé",)) is Wish.STATUS
    assert read_wish("", "statut\nMerci, Jean", is_reply=False, names=("Jean-Luc Payé",)) is Wish.STATUS


def test_a_subject_counts_where_the_mail_says_nothing_else() -> None:
    assert read_wish("Status", "Thanks\nErika", is_reply=False, names=NAMES) is Wish.STATUS
    assert read_wish("Status", "It is red.", is_reply=False, names=NAMES) is None
    assert read_wish("Hilfe", "", is_reply=False) is Wish.HELP


def test_two_words_of_ours_that_differ_are_none() -> None:
    assert read_wish("status", "help", is_reply=False) is None
    assert read_wish("", "status\nhelp", is_reply=False) is None


def test_nothing_is_no_word() -> None:
    assert read_wish("", "", is_reply=False) is None
    assert read_wish("Hello", "", is_reply=True) is None
    assert read_wish("", "Thanks\nErika", is_reply=True, names=NAMES) is None


WORDS = sorted({form for _, form in FORMS_OF_ALL})
OTHER = st.from_regex(r"[a-zäöüéñã]{2,12}", fullmatch=True).filter(
    lambda word: read_wish("", f"status {word}", is_reply=False) is None
)


@given(st.sampled_from(WORDS), st.lists(OTHER, min_size=1, max_size=4), st.booleans())
def test_one_more_word_makes_it_prose(form: str, words: list[str], is_reply: bool) -> None:
    text = f"{form} {' '.join(words)}"
    assert text in WORDS or read_wish("", text, is_reply=is_reply) is None


@given(st.text(max_size=80), st.text(max_size=80), st.booleans())
def test_any_text_is_read_without_failing_and_a_wish_names_its_word(subject: str, text: str, is_reply: bool) -> None:
    found = read_wish(subject, text, is_reply=is_reply)
    assert found is None or language_of(subject, text) in ("", "en", "de", "fr", "es", "pt")


def test_the_language_of_a_word_is_known_where_it_is_one_language_s() -> None:
    assert (language_of("", "Hilfe"), language_of("Aide", ""), language_of("", "estado")) == ("de", "fr", "")
