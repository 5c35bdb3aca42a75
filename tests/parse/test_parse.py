"""Mails as files, and what `parse` must read in each."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gateway.mail import Mail, PassageRole
from gateway.parse import extract_parts, parse

MAILS = Path(__file__).parents[1] / "mails" / "parse"
OWN = ("helpdesk@example.com",)


def mail(name: str) -> Mail:
    return parse((MAILS / f"{name}.eml").read_bytes(), own_addresses=OWN)


def test_a_plain_mail_is_read_whole() -> None:
    read = mail("plain")
    assert read.subject == "Drucker läuft nicht"
    assert str(read.sender) == "Anna Meyer <anna.meyer@example.org>"
    assert read.sender_defects == ()
    assert read.message_id == "<m1@example.org>"
    assert read.date is not None and read.date.isoformat() == "2026-06-01T08:00:00+00:00"
    assert read.language == "de"
    assert read.new_text.startswith("Der Drucker") and "Buchhaltung" not in read.new_text
    assert read.passages[-1].role is PassageRole.SIGNATURE
    assert not read.from_html and read.new_html == "" and read.defect == ""


def test_html_becomes_readable_text_without_what_nobody_sees() -> None:
    read = mail("html_only")
    assert read.from_html
    assert "preview" not in read.text and "alert" not in read.text
    assert "the status page <https://status.example.org/vpn>" in read.text
    assert "• first try: timeout" in read.text
    assert "Client\t\t5.1" in read.text


def test_html_to_show_has_no_scripts_no_remote_pictures_and_no_hidden_text() -> None:
    read = mail("html_only")
    assert "cid:shot1@example.org" in read.new_html
    for forbidden in ("script", "tracker", "pixel", "preview text", "<style"):
        assert forbidden not in read.new_html


def test_a_plain_part_that_only_excuses_itself_gives_way_to_the_html() -> None:
    assert mail("placeholder_plain").new_text == "My laptop does not start any more."


def test_text_and_html_around_a_picture_are_both_read() -> None:
    read = mail("mixed_texts")
    assert read.new_text.split("\n") == ["Before the picture.", "After the picture."]
    assert "Before the picture." in read.new_html and "After the picture." in read.new_html


def test_an_attached_mail_stays_out_of_the_text_and_is_one_file() -> None:
    read = mail("attached_mail")
    assert "SECRET" not in read.text
    assert [(a.number, a.filename) for a in read.attachments] == [(2, "Scanner room 7.eml"), (6, "part-6.bin")]
    assert read.forwarded is not None and read.forwarded.attached
    assert read.forwarded.sender.address == "ben.cole@example.com"
    assert read.forwarded.subject == "Scanner / room: 7"
    assert read.forwarded.comment == "Could you open a ticket for him?"
    assert "SECRET WORDS" in read.forwarded.text


def test_attachment_bytes_come_back_by_number() -> None:
    raw = (MAILS / "attached_mail.eml").read_bytes()
    parts = extract_parts(raw, [2, 6, 99])
    assert parts[6] == b"\x00\x01\x02"
    assert parse(parts[2]).subject == "Scanner / room: 7"
    assert set(parts) == {2, 6}
    assert {a.number: a.sha256 for a in parse(raw).attachments}[6] == hashlib.sha256(parts[6]).hexdigest()


def test_file_names_are_decoded_and_harmless() -> None:
    assert [a.filename for a in mail("filenames").attachments] == [
        "Übersicht.pdf",
        "Bücher.pdf",
        "passwdfdp.exe",
        "htaccess",
        "part-6.bin",
        "žluťoučký kůň.pdf",
    ]


def test_a_standard_bounce_names_recipients_and_our_ids() -> None:
    report = mail("bounce_rfc3464").report
    assert report is not None
    assert [(r.address, r.action, r.status) for r in report.recipients] == [
        ("gone@example.org", "failed", "5.1.1"),
        ("slow@example.org", "delayed", "4.4.1"),
    ]
    assert report.recipients[0].diagnostic == "smtp; 550 5.1.1 <gone@example.org>: no such user"
    assert report.returned_ids == ("<ours.1042@example.com>", "<key.1042@example.com>")
    assert mail("bounce_rfc3464").attachments == ()
    assert mail("bounce_rfc3464").structure.report_type == "delivery-status"
    assert mail("bounce_rfc3464").return_path == ""


def test_an_old_style_bounce_is_understood_too() -> None:
    report = mail("bounce_old").report
    assert report is not None
    assert [r.address for r in report.recipients] == ["gone@example.org"]
    assert report.returned_ids == ("<ours.7@example.com>",)


def test_an_ordinary_mail_is_no_report() -> None:
    assert mail("plain").report is None and mail("attached_mail").report is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("raw_koi8", "Принтер снова не печатает документы"),
        ("undeclared_charset", "Schöne Grüße aus München"),
        ("gb2312_label", "朱镕基的打印机坏了"),
    ],
)
def test_charsets_are_repaired(name: str, words: str) -> None:
    assert words in mail(name).text


def test_a_raw_subject_is_decoded_with_the_charset_of_the_mail() -> None:
    assert mail("raw_koi8").subject == "Принтер не работает"


@pytest.mark.parametrize("name", ["outlook_html", "gmail_html", "apple_html"])
def test_history_is_cut_from_text_and_html(name: str) -> None:
    read = mail(name)
    assert read.new_text.replace("*", "") == "It prints again, thank you."
    assert "<b>thank you</b>" in read.new_html
    assert "INTERNAL-HISTORY" in read.text
    assert "INTERNAL-HISTORY" not in read.new_html and "Sent:" not in read.new_html and "wrote:" not in read.new_html


def test_answers_between_quotes_are_new_and_have_no_html_of_their_own() -> None:
    read = mail("gmail_inline_html")
    assert read.new_text.split("\n") == ["See below.", "Yes, it does.", "No, half."]
    assert read.new_html == ""


def test_an_invitation_keeps_its_calendar_as_a_file() -> None:
    read = mail("calendar")
    assert read.structure.has_calendar and read.structure.calendar_method == "request"
    assert [a.filename for a in read.attachments] == ["part-2.ics"]
    assert read.new_text == "Please come."


def test_the_size_is_that_of_the_whole_mail() -> None:
    raw = (MAILS / "plain.eml").read_bytes()
    assert parse(raw).size_bytes == len(raw)
    assert parse(raw, full_size_bytes=99_000_000).size_bytes == 99_000_000
