"""What of a text is new: rules that hold in any language, and the cases where a guess would lose somebody's words."""

# ruff: noqa: E501 - a case is a row

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail import PassageRole
from gateway.parse import mark_passages, parse, quote_libraries
from tests.parse.phones import PHONE_LINES

OWN = ("helpdesk@example.com",)
DELIMITER = "=-=-= please write above this line =-=-="


def new(text: str, answered: str = "") -> str:
    passages = mark_passages(text, own_addresses=OWN, answered=answered)
    return "".join(p.text for p in passages if p.role is PassageRole.NEW).strip()


def test_everything_below_our_delimiter_is_history() -> None:
    text = f"It works.\n\nHelp Desk kirjutas:\n\n{DELIMITER}\nDoes it print?\nYou wrote: hello\n"
    assert new(text).startswith("It works.")
    assert "Does it print" not in new(text)


def test_an_empty_answer_above_our_delimiter_says_nothing() -> None:
    assert new(f"\n{DELIMITER}\nINTERNAL\n") == ""


def test_a_quoted_delimiter_hides_nothing_written_below() -> None:
    assert new(f"> {DELIMITER}\n> Does it print?\nYes it does.\n") == "Yes it does."


def test_the_answered_text_is_found_where_no_client_marked_it() -> None:
    answered = "Hello,\nwe replaced the toner in room 12.\nDoes it print now?\nYour team"
    assert new(f"Yes, thanks.\n\n{answered}\n", answered) == "Yes, thanks."


def test_an_answer_below_our_unmarked_text_is_not_lost() -> None:
    answered = f"{DELIMITER}\nDoes it print now?\nYour team at the desk"
    assert new(f"Help Desk wrote on 1.6.2026\n{answered}\n\nYes it does.\n", answered) == "Help Desk wrote on 1.6.2026"
    assert new(f"{answered}\n\nYes it does.\n", answered) == "Yes it does."


def test_answered_lines_that_lost_their_mark_by_wrapping_stay_history() -> None:
    answered = "INTERNAL note for agents only, do not send to anybody outside"
    text = "Done.\n\nOn 1.6.2026 10:00 Help Desk <helpdesk@example.com> wrote:\n> INTERNAL note for agents only,\ndo not send to anybody outside\n"
    assert new(text, answered) == "Done."


HISTORY = "> On 1.6.2026, at 10:00, Help Desk <helpdesk@example.com> wrote:\n> Does it print?\n"


@pytest.mark.parametrize(
    "line",
    [
        *PHONE_LINES,
        "Sent from my Samsung Galaxy smartphone.",
        "Gesendet von meinem Samsung Galaxy Smartphone.",
        "Von meinem/meiner Galaxy gesendet",
        "Get Outlook for iOS<https://aka.ms/o0ukef>",
        "Outlook für Android beziehen",
        "Télécharger Outlook pour iOS",
        "Obtener Outlook para Android",
        "Obter o Outlook para iOS",
        "Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.",
        "Sent from my Android device with K-9 Mail. Please excuse my brevity.",
        "Sent with Proton Mail secure email.",
        "Enviado a partir do meu smartphone Samsung Galaxy.",
        "Gesendet von Mail für Windows",
        "Gesendet von Mail<https://go.example.com/fwlink/?LinkId=550986> für Windows",
        "Mit Proton Mail gesendet.",
        "Outlook for Android herunterladen",
    ],
)
def test_the_line_of_a_phone_above_the_quote_is_a_signature(line: str) -> None:
    assert new(f"Please restart it.\n\n{line}\n\n{HISTORY}") == "Please restart it."
    assert new(f"Please restart it.\n{line}\n") == "Please restart it."


@pytest.mark.parametrize(
    "text",
    [
        "It was sent from my iPhone.\n",
        "It is an iPhone with\nOutlook for iPadOS and iOS\n",
        "Hello,\nthe scan was sent from my iPad to the printer.\n",
        "It fails.\nSent from my iPhone it works.\n",
        f"The mails that are\nsent from my iPhone\n{HISTORY}\nnever arrive.\n",
    ],
)
def test_words_about_a_phone_are_words(text: str) -> None:
    assert "iP" in new(text)


def test_answers_between_and_below_quotes_are_new() -> None:
    text = "On 1.6.2026 10:00 Ann <a@example.org> wrote:\n> one?\nYes.\n> two?\n\nNo.\n"
    assert new(text).split() == ["Yes.", "No."]


@pytest.mark.parametrize(
    "text",
    [
        "Name: Anna Meyer\nDate: 2026-06-01 10:00\nRoom: 7\nProblem: no light\n\nPlease hurry.",
        "From: Berlin\nTo: Munich\nDate: 12.6.2026\n\nPlease book the train and the hotel.",
        "The error says:\nat 10:00 the server said: no\nPlease help.",
        "On Monday I wrote:\nmy password does not work. It still does not.",
        "Steps:\n- open the door\n- close the door\n\n- Router\n",
        "__________\nTitle\n__________\nthe text under a title",
        "I tried on 12.03.2026 at 10:15 and got this:\nERROR 42: no such device\nWhat now?",
        "-- \nonly a signature?",
        "Subject: this is my own line\nand the text goes on",
        "Please call me:\n555 0100\nRegards: Anna",
        "Kind regards are not the end\n\nKind regards\nAnna\n\nPS: please hurry",
    ],
)
def test_a_first_contact_loses_nothing(text: str) -> None:
    assert new(text) == text.strip()


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my iPhone",
        "Von meinem iPhone gesendet",
        "Envoyé de mon iPad",
        "Get Outlook for Android <https://aka.ms/x>",
    ],
)
def test_a_phone_line_at_the_very_end_is_a_signature(line: str) -> None:
    assert new(f"It works.\n\n{line}\n") == "It works."


def test_a_sentence_about_a_phone_is_none() -> None:
    text = "It works.\n\nSent from my desk, which is easier than my mobile phone."
    assert new(text) == text


def test_a_list_footer_and_a_dashed_name_are_signatures() -> None:
    assert new("Hi\n\n-Anna Meyer\n") == "Hi"
    footer = (
        "_______________________________________________\nstaff mailing list\nhttps://lists.example.org/listinfo/staff"
    )
    assert new(f"Hi\n\n{footer}\n") == "Hi"


def test_a_signature_below_the_quote_is_one() -> None:
    assert new("Fine.\n\nOn 1.6.2026 10:00 A <a@example.org> wrote:\n> ok?\n\n-- \nAnna\n") == "Fine."


def test_a_wrapped_attribution_takes_nothing_of_the_author() -> None:
    text = 'Hello\nOn Mon, Jun 1, 2026 at 10:00 "helpdesk@example.com" <\nhelpdesk@example.com> wrote:\n\n> Hi\n'
    assert new(text) == "Hello"


def test_an_unknown_language_is_cut_by_structure() -> None:
    block = (
        "Zzfrom: Help Desk <helpdesk@example.com>\nZzsent: 1 zzjune 2026 10:04\nZzto: Anna <a@example.org>\nZzabout: x"
    )
    assert new(f"Zzthanks.\n\n{block}\n\nold words\n") == "Zzthanks."


def test_where_nobodys_words_would_be_left_the_text_stays() -> None:
    text = "From: Ann <a@example.org>\nSent: 1.6.2026 10:00\nTo: b@example.org\nSubject: x\n\nThe only words."
    assert "The only words." in new(text)


@given(st.text(alphabet=st.sampled_from("ab >:-=_@.\n\r\t1206Onwrote<>*－："), max_size=400), st.text(max_size=80))
def test_passages_joined_are_the_text(text: str, answered: str) -> None:
    passages = mark_passages(text, own_addresses=OWN, answered=answered)
    assert "".join(p.text for p in passages) == text.replace("\r\n", "\n").replace("\r", "\n")


@given(st.lists(st.sampled_from([
    "hello there", "> quoted", ">> twice", "", "-- ", "From: a@b.example", "Subject: x", "Sent: 1.6.2026 10:00", DELIMITER,
    "On 1.6.2026 10:00 a@b.example wrote:", "________________________________", "-----Original Message-----",
    "---------- Forwarded message ---------", "Sent from my iPhone", "x" * 1500,
]), max_size=30))  # fmt: skip
def test_words_above_every_mark_are_always_kept(lines: list[str]) -> None:
    text = "my own first words\n\n" + "\n".join(lines)
    assert new(text).startswith("my own first words")
    assert "".join(p.text for p in mark_passages(text)) == text


FORWARDS = [
    ("Fwd: Scanner", "---------- Forwarded message ---------\nFrom: Ben Cole <ben.cole@example.com>\nDate: Mon, Jun 1, 2026 at 9:00 AM\nSubject: Scanner\nTo: <anna.meyer@example.org>"),
    ("WG: Scanner", "Von: Ben Cole <ben.cole@example.com>\nGesendet: Montag, 1. Juni 2026 09:00\nAn: Anna Meyer <anna.meyer@example.org>\nBetreff: Scanner"),
    ("TR : Scanner", "De : Ben Cole <ben.cole@example.com>\nEnvoyé : lundi 1 juin 2026 09:00\nÀ : Anna Meyer\nObjet : Scanner"),
    ("RV: Scanner", "________________________________\nDe: Ben Cole <ben.cole@example.com>\nEnviado: lunes, 1 de junio de 2026 9:00\nPara: Anna\nAsunto: Scanner"),
    ("ENC: Scanner", "De: Ben Cole <ben.cole@example.com>\nEnviada em: segunda-feira, 1 de junho de 2026 09:00\nPara: Anna\nAssunto: Scanner"),
    ("Fwd: Scanner", "Begin forwarded message:\n\nFrom: Ben Cole <ben.cole@example.com>\nSubject: Scanner\nDate: 1. June 2026 at 09:00:00 CEST\nTo: Anna"),
    ("Fwd: Scanner", "Anfang der weitergeleiteten Nachricht:\n\n> Von: Ben Cole <ben.cole@example.com>\n> Betreff: Scanner\n> Datum: 1. Juni 2026 um 09:00\n> An: Anna\n>"),
    ("Fwd: Scanner", "-------- Weitergeleitete Nachricht --------\nBetreff: \tScanner\nDatum: \tMon, 1 Jun 2026 09:00:00 +0200\nVon: \tBen Cole <ben.cole@example.com>\nAn: \tAnna"),
    ("Fwd: Scanner", "-------- Forwarded Message --------\nSubject: \tScanner\nDate: \tMon, 1 Jun 2026 09:00:00 +0200\nFrom: \tBen Cole <ben.cole@example.com>\nTo: \tAnna"),
    ("I: Scanner", "Da: Ben Cole <ben.cole@example.com>\nInviato: lunedì 1 giugno 2026 09:00\nA: Anna\nOggetto: Scanner"),
    ("VB: Scanner", "Från: Ben Cole <ben.cole@example.com>\nSkickat: den 1 juni 2026 09:00\nTill: Anna\nÄmne: Scanner"),
    ("VS: Scanner", "---------- Videresendt meddelelse ---------\nFra: Ben Cole <ben.cole@example.com>\nDate: man. 1. jun. 2026 kl. 09.00\nSubject: Scanner\nTo: Anna"),
    ("PD: Scanner", "Od: Ben Cole <ben.cole@example.com>\nWysłano: poniedziałek, 1 czerwca 2026 09:00\nDo: Anna\nTemat: Scanner"),
    ("FW: Scanner", "Od: Ben Cole <ben.cole@example.com>\nOdesláno: pondělí 1. června 2026 9:00\nKomu: Anna\nPředmět: Scanner"),
    ("VL: Scanner", "Lähettäjä: Ben Cole <ben.cole@example.com>\nLähetetty: maanantai 1. kesäkuuta 2026 9.00\nVastaanottaja: Anna\nAihe: Scanner"),
    ("Fwd: Scanner", "-------- Пересылаемое сообщение --------\nТема: Scanner\nДата: Mon, 1 Jun 2026 09:00:00 +0200\nОт: Ben Cole <ben.cole@example.com>\nКому: Anna"),
    ("İLT: Scanner", "Kimden: Ben Cole <ben.cole@example.com>\nGönderildi: 1 Haziran 2026 Pazartesi 09:00\nKime: Anna\nKonu: Scanner"),
    ("FW: Scanner", "差出人: Ben Cole <ben.cole@example.com>\n送信日時: 2026年6月1日 9:00\n宛先: Anna\n件名: Scanner"),
    ("转发: Scanner", "发件人: Ben Cole <ben.cole@example.com>\n发送时间: 2026年6月1日 9:00\n收件人: Anna\n主题: Scanner"),
    ("Doorst: Scanner", "Van: Ben Cole <ben.cole@example.com>\nVerzonden: maandag 1 juni 2026 09:00\nAan: Anna\nOnderwerp: Scanner"),
]  # fmt: skip


@pytest.mark.parametrize(("subject", "block"), FORWARDS)
def test_a_forwarded_mail_is_content_with_an_author(subject: str, block: str) -> None:
    prefix = "> " if "\n> " in block else ""
    text = f"Please open a ticket.\n\n{block}\n\n{prefix}The scanner is broken.\n"
    mail = parse(
        f"From: agent@example.com\nSubject: {subject}\nContent-Type: text/plain; charset=utf-8\n\n{text}".encode()
    )
    assert mail.forwarded is not None
    assert mail.forwarded.sender.address == "ben.cole@example.com"
    assert mail.forwarded.sender.name == "Ben Cole"
    assert mail.forwarded.subject == "Scanner"
    assert mail.forwarded.comment == "Please open a ticket."
    assert "The scanner is broken." in mail.forwarded.text
    assert "The scanner is broken." in mail.new_text and "Please open a ticket." in mail.new_text


def test_a_reply_is_no_forward() -> None:
    text = "Done.\n\nVon: Ben Cole <ben.cole@example.com>\nGesendet: Montag, 1. Juni 2026 09:00\nAn: x\nBetreff: Scanner\n\nold"
    mail = parse(
        f"From: agent@example.com\nSubject: AW: WG: Scanner\nContent-Type: text/plain; charset=utf-8\n\n{text}".encode()
    )
    assert mail.forwarded is None and mail.new_text == "Done."


def test_a_library_that_finds_a_quote_behind_the_end_finds_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen with attributions in a row on one line (mutants 59282, 75366 and 86506 of the fuzzer)."""
    lines = ["On Mon, 2 Mar 2026 at 09:00, a@b.example wrote:" * 30, "words"]
    monkeypatch.setattr(quote_libraries, "_ask_quotequail", lambda kept: None)
    monkeypatch.setattr(quote_libraries, "_ask_reply_parser", len)
    assert quote_libraries.cut(lines) is None


@pytest.mark.parametrize(
    "attribution",
    [
        "pon., 2 mar 2026 o 09:00 Help Desk <desk@example.com> napisał(a):",
        "pon., 2 mar, 09:00 Help Desk <desk@example.com> napisał(a):",
        "W dniu 02.03.26 o 09:00, Help Desk pisze:",
        "W dniu 02.03.2026 o 09:00, Użytkownik Help Desk napisał:",
        "Użytkownik Help Desk <desk@example.com> napisał:",
        'Użytkownik "Help Desk" <desk@example.com>\nnapisał(a):',
    ],
)
@pytest.mark.parametrize("mark", ["> ", ""])
def test_polish_attributions_are_known_with_and_without_marks_behind_them(attribution: str, mark: str) -> None:
    text = f"Dziękuję, działa.\n\n{attribution}\n\n{mark}Czy działa?\n{mark}Pozdrawiam\n"
    raw = f"From: a@example.com\nContent-Type: text/plain; charset=utf-8\n\n{text}".encode()
    mail = parse(raw, own_addresses=("desk@example.com",))
    assert mail.new_text == "Dziękuję, działa."


@pytest.mark.parametrize(
    "attribution",
    [
        "Użytkownik Help Desk napisał:",
        "Użytkownik Dział Wsparcia Informatycznego Oddziału w Bielsku-Białej i Cieszynie\nnapisał:",
    ],
)
def test_a_polish_attribution_without_date_and_address_needs_marks_behind_it(attribution: str) -> None:
    """Otherwise it may be a colleague who tells what a user wrote."""
    for mark, is_quote in (("> ", True), ("", False)):
        text = f"Dziękuję, działa.\n\n{attribution}\n\n{mark}Czy działa?\n"
        raw = f"From: a@example.com\nContent-Type: text/plain; charset=utf-8\n\n{text}".encode()
        mail = parse(raw, own_addresses=("desk@example.com",))
        assert (mail.new_text == "Dziękuję, działa.") is is_quote, mail.new_text
