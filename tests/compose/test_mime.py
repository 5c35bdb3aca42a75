"""What a mail consists of, read again as a mail client reads it."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.compose import NOTICES, Letter, LetterFile, LetterRefused, compose, load_templates
from gateway.compose.mime import clean_filename
from gateway.compose.samples import sample_letters
from gateway.defaults_files import default_file

TEMPLATES = load_templates(default_file("templates"))
ANSWER = sample_letters("answer")[0]
PICTURE = LetterFile(filename="a.png", content_type="image/png", content=b"\x89PNG", content_id="a@x", inline=True)


def read(letter: Letter) -> EmailMessage:
    mail = message_from_bytes(compose(letter, TEMPLATES), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert not [part.defects for part in mail.walk() if part.defects]
    return mail


def with_message(letter: Letter, **values: object) -> Letter:
    message = letter.context["message"]
    assert isinstance(message, dict)
    return replace(letter, context={**letter.context, "message": {**message, **values}})


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part
    return str(part.get_content()).replace("\r\n", "\n")


def tree(part: EmailMessage) -> object:
    if not part.is_multipart():
        return part.get_content_type()
    return [part.get_content_subtype(), *(tree(child) for child in part.iter_parts())]  # type: ignore[arg-type]


ALTERNATIVE = ["alternative", "text/plain", "text/html"]
HTML = '<p><img src="cid:a@x"></p>'


@pytest.mark.parametrize(
    ("html", "files", "expected"),
    [
        ("", (), ALTERNATIVE),
        (HTML, (PICTURE,), ["related", ALTERNATIVE, "image/png"]),
        ("", (PICTURE,), ["mixed", ALTERNATIVE, "image/png"]),
        (HTML, (replace(PICTURE, inline=False),), ["mixed", ALTERNATIVE, "image/png"]),
        (HTML, (replace(PICTURE, content_type="text/html"),), ["mixed", ALTERNATIVE, "text/html"]),
        (HTML, (replace(PICTURE, content_id="a\r\n@x"),), ["mixed", ALTERNATIVE, "image/png"]),
        (
            HTML,
            (PICTURE, replace(PICTURE, content_type="application/pdf", inline=False)),
            ["mixed", ["related", ALTERNATIVE, "image/png"], "application/pdf"],
        ),
    ],
)
def test_parts_are_nested_as_clients_expect(html: str, files: tuple[LetterFile, ...], expected: object) -> None:
    assert tree(read(replace(with_message(ANSWER, html=html), files=files))) == expected


def test_a_content_id_may_have_an_ampersand() -> None:
    letter = replace(ANSWER, files=(replace(PICTURE, content_id="a&b@x"),))
    mail = read(with_message(letter, html='<img src="cid:a&amp;b@x">'))
    assert tree(mail) == ["related", ALTERNATIVE, "image/png"]


def test_a_shown_picture_is_found_by_its_content_id() -> None:
    mail = read(replace(with_message(ANSWER, html=HTML), files=(PICTURE,)))
    assert 'src="cid:a@x"' in body(mail, "html")
    [picture] = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert picture["Content-ID"] == "<a@x>"
    assert picture.get_content_disposition() == "inline"
    assert picture.get_content() == b"\x89PNG"


def test_plain_text_comes_before_html_so_that_clients_prefer_the_html() -> None:
    mail = read(replace(ANSWER, files=()))
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


def test_the_same_letter_gives_the_same_bytes() -> None:
    assert compose(ANSWER, TEMPLATES) == compose(ANSWER, load_templates(default_file("templates")))


def test_an_attached_message_travels_as_a_file() -> None:
    file = LetterFile(filename="mail.eml", content_type="message/rfc822", content=b"From: a\nSubject: \xff\n\n")
    [part] = read(replace(ANSWER, files=(file,))).iter_attachments()
    assert part.get_content_type() == "application/octet-stream"
    assert part.get_payload(decode=True) == file.content


@pytest.mark.parametrize(
    ("content_type", "written"),
    [
        ("application/pdf", "application/pdf"),
        ("IMAGE/JPEG", "image/jpeg"),
        ("text/html; charset=x", "application/octet-stream"),
        ("text/html\r\nBcc: a@example.net", "application/octet-stream"),
        ("multipart/mixed", "application/octet-stream"),
        ("nonsense", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
def test_a_strangers_content_type_is_believed_only_if_it_is_one(content_type: str, written: str) -> None:
    file = LetterFile(filename="x", content_type=content_type, content=b"x")
    mail = read(replace(ANSWER, files=(file,)))
    assert [part.get_content_type() for part in mail.iter_attachments()] == [written]
    assert mail["Bcc"] is None


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("report.pdf", "report.pdf"),
        ("Übersicht 日本.pdf", "Übersicht 日本.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\erika\\log.txt", "log.txt"),
        ("fdp.\u202eexe.gnp", "fdp.exe.gnp"),
        ('a"; filename="b.exe', 'a"; filename="b.exe'),
        ("a\r\nBcc: victim@example.net", "a Bcc: victim@example.net"),
        ("=?utf-8?q?x=0d=0aBcc:_b?=", "= ?utf-8?q?x=0d=0aBcc:_b?="),
        ("", "file"),
        (".", "file"),
        ("\ud800", "file"),
        ("x" * 300 + ".pdf", "x" * 100 + ".pdf"),
    ],
)
def test_a_file_keeps_its_name_without_what_could_harm(name: str, written: str) -> None:
    mail = read(replace(ANSWER, files=(LetterFile(filename=name, content_type="text/plain", content=b"x"),)))
    assert [part.get_filename() for part in mail.iter_attachments()] == [written]


@given(st.text(max_size=300))
def test_any_file_name_is_one_line_and_short(name: str) -> None:
    cleaned = clean_filename(name)
    assert cleaned
    assert len(cleaned) <= 121
    assert not set(cleaned) & set("\r\n\0/\\")


@given(
    st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u202d\u202e"), max_size=400),
    st.binary(max_size=300),
)
def test_any_text_and_file_arrive_as_they_were(text: str, content: bytes) -> None:
    file = LetterFile(filename="a.bin", content_type="application/x-any", content=content)
    mail = read(replace(with_message(ANSWER, text=f"begin {text} end", html=""), files=(file,)))
    expected = f"begin {text} end".replace("\u2028", "\n").replace("\u2029", "\n")
    assert expected in body(mail, "plain")
    assert [part.get_payload(decode=True) for part in mail.iter_attachments()] == [content]


@given(st.text(max_size=400))
def test_any_text_at_all_is_sent(text: str) -> None:
    read(with_message(ANSWER, text=text, html=text))


@pytest.mark.parametrize(
    "line", ["x" * 100_000, "é" * 5_000, "日本" * 3_000, ".", "From me", "=_file", "--=_", "a\rb\n\nc\x00d"]
)
def test_long_and_odd_lines_of_a_person_are_carried(line: str) -> None:
    data = compose(with_message(ANSWER, text=f"{line}\n{line}", html=""), TEMPLATES)
    assert max(map(len, data.split(b"\r\n"))) <= 998
    text = body(read(with_message(ANSWER, text=f"{line}\n{line}", html="")), "plain")
    assert line.replace("\r", "\n").replace("\x00", "") in text


def test_an_empty_file_is_carried() -> None:
    file = LetterFile(filename="empty", content_type="text/x-empty", content=b"")
    mail = read(replace(ANSWER, files=(file, replace(file, content=b"full"), file)))
    assert [part.get_payload(decode=True) for part in mail.iter_attachments()] == [b"", b"full", b""]


def test_a_very_long_text_is_shortened_and_says_so() -> None:
    text = body(read(with_message(ANSWER, text="word " * 100_000, html="")), "plain")
    assert "[…]" in text
    assert len(text) < 310_000


def test_a_value_that_is_not_plain_data_is_refused() -> None:
    with pytest.raises(LetterRefused):
        compose(replace(ANSWER, context={**ANSWER.context, "extra": object()}), TEMPLATES)


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "pt"])
@pytest.mark.parametrize("notice", NOTICES)
def test_every_mail_begins_with_the_delimiter_in_both_bodies(notice: str, language: str) -> None:
    for letter in sample_letters(notice):
        mail = read(replace(letter, language=language))
        text, html = body(mail, "plain"), body(mail, "html")
        first = text.split("\n")[0]
        assert first.startswith("=-=-= ")
        assert first.endswith(" =-=-=")
        assert html.index("=-=-=") < html.index("</p>")
        assert f'lang="{language}"' in html
