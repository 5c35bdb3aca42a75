"""The words of every mail: what we ship, what an admin may change, and what a broken or hostile file can do."""

from __future__ import annotations

import re
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from gateway.compose import (
    NOTICES,
    Audience,
    Letter,
    TemplateFailure,
    Templates,
    check_templates,
    compose,
    load_templates,
)
from gateway.compose.samples import sample_letters
from gateway.defaults_files import default_file
from gateway.errors import ConfigurationError

SHIPPED = load_templates(default_file("templates"))
LANGUAGES = ("de", "en", "es", "fr", "pt")
ACKNOWLEDGEMENT, STRANGERS_ACKNOWLEDGEMENT = sample_letters("acknowledgement")


def bodies(letter: Letter, templates: Templates = SHIPPED) -> tuple[str, str, str]:
    """Subject, text and HTML of a letter, as a reader has them."""
    mail = message_from_bytes(compose(letter, templates), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text
    assert html
    return str(mail["Subject"]), text.get_content().replace("\r\n", "\n"), html.get_content().replace("\r\n", "\n")


def own(folder: Path, name: str, text: str) -> Templates:
    """Our templates with one file changed by an admin."""
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return load_templates(folder)


def in_language(notice: str, language: str, which: int = 0) -> tuple[str, str, str]:
    return bodies(replace(sample_letters(notice)[which], language=language))


def test_what_we_ship_has_no_problem() -> None:
    assert SHIPPED.languages == LANGUAGES
    assert check_templates(SHIPPED) == []


def test_every_language_has_every_file() -> None:
    english = {path.name for path in default_file("templates").iterdir() if path.is_file()}
    assert {f"{notice}.txt" for notice in NOTICES} <= english
    for language in LANGUAGES:
        if language != "en":
            assert {path.name for path in (default_file("templates") / language).iterdir()} == english


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_said_that_it_is_solved_stands_in_the_mail_that_it_is_closed(language: str) -> None:
    letter = sample_letters("closing")[1]
    closed = {"agent": None, "confirmed_by": "Dora Dahl"}
    _, text, _ = bodies(replace(letter, language=language, context={**letter.context, **closed}))
    assert re.search(r"^Dora Dahl \w+", text, re.MULTILINE)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("notice", NOTICES)
def test_no_line_of_ours_looks_like_a_command(notice: str, language: str) -> None:
    """A mail client that quotes without marks must not turn our own hints into an agent's commands."""
    source = SHIPPED.find(f"{notice}.txt", language)
    assert source
    for which in (0, 1):
        _, text, _ = in_language(notice, language, which)
        ours = text.rpartition("#resolv\n")[2] if notice == "question" and which == 0 else text
        assert not re.search(r"^#\w", ours, re.MULTILINE)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("notice", NOTICES)
def test_our_own_lines_fit_a_terminal_and_both_bodies_say_the_same(notice: str, language: str) -> None:
    _, text, html = in_language(notice, language)
    assert max(map(len, text.split("\n"))) <= 78
    if notice not in ("new_ticket", "new_reply"):  # there the person's own HTML differs from the person's text
        shown = re.sub(r"<head>.*</head>|<[^>]*>", " ", html, flags=re.DOTALL)
        shown = shown.replace("&#x27;", "'").replace("&quot;", '"').replace("&nbsp;", " ").replace("&amp;", "&")
        assert re.findall(r"\w+", shown) == re.findall(r"\w+", text)


NO_SUBJECT = {
    "en": "(no subject)",
    "de": "(kein Betreff)",
    "fr": "(sans objet)",
    "es": "(sin asunto)",
    "pt": "(sem assunto)",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_ticket_without_a_subject_is_named_by_one_phrase_everywhere(language: str) -> None:
    root = default_file("templates") if language == "en" else default_file("templates") / language
    found = [
        (path.name, words)
        for path in root.glob("*.txt")
        for words in re.findall(
            r"{{ (?:\w+\.)?(?:their_)?subject( or \"[^\"]*\")? }}", path.read_text(encoding="utf-8")
        )
    ]
    # Mails that are about no ticket of their own have other words there.
    found = [one for one in found if one[0] not in ("confirmation.txt", "result.txt")]
    assert {words for _, words in found} == {f' or "{NO_SUBJECT[language]}"'}, found
    assert SHIPPED.phrases.look_up("(no subject)", language) == NO_SUBJECT[language]


@pytest.mark.parametrize(
    ("status", "offered"),
    [
        ("new", "#resolve"),
        ("on_hold", "#resolve"),
        ("resolved", "#reopen"),
        ("closed", "#reopen"),
        ("cancelled", "#reopen"),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_agents_mail_offers_what_its_ticket_can_take(language: str, status: str, offered: str) -> None:
    letter = sample_letters("changed")[0]
    assert isinstance(letter.context["ticket"], dict)
    context = {**letter.context, "ticket": letter.context["ticket"] | {"status": status}}
    footer = bodies(replace(letter, language=language, context=context))[1].rpartition("\n-- \n")[2]
    assert [command for command in ("#resolve", "#reopen") if command in footer] == [offered]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_acknowledgement_says_number_subject_goal_and_how_to_answer(language: str) -> None:
    subject, text, _ = in_language("acknowledgement", language)
    assert subject == "Re: [INC-1042] VPN drops every few minutes"
    for word in ("Erika Muster", "INC-1042", "VPN drops every few minutes", "2026", "17:00", "INC-1007"):
        assert word in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_acknowledgement_to_a_stranger_repeats_nothing_of_the_mail(language: str) -> None:
    context = {
        **STRANGERS_ACKNOWLEDGEMENT.context,
        "person": {"name": "Buy pills", "address": "victim@example.net"},
        "linked_token": "[INC-1]",
    }
    letter = replace(STRANGERS_ACKNOWLEDGEMENT, language=language, subject="Buy pills", context=context)
    subject, text, html = bodies(letter)
    assert subject.startswith("Re: [REQ-7] ")
    for said in (subject, text, html):
        assert "pills" not in said
        assert "INC-1]" not in said


@pytest.mark.parametrize("notice", [name for name, notice in NOTICES.items() if notice.audience is Audience.REQUESTER])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_requesters_mail_has_nothing_internal(notice: str, language: str) -> None:
    for which in (0, 1):
        _, text, html = in_language(notice, language, which)
        for word in ("P2", "#note", "network/vpn", "k7f3a"):
            assert word not in text + html


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_agents_mail_says_what_the_ticket_is_and_whom_to_believe(language: str) -> None:
    _, text, _ = in_language("new_ticket", language)
    for word in ("INC-1042", "P2", "erika.muster@example.com (Erika Muster)", "network/vpn", "Network", "Anna Agent"):
        assert word in text
    for word in ("vpn-log.txt (48 K", "logo.png", "rule “VPN”", "#note", "#resolve", "#help"):
        assert word in text
    assert len(re.findall("^- ", text.partition("(Erika Muster) ")[2].partition(":\n\n")[0], re.MULTILINE)) == 0
    assert text.index("erika.muster@example.com") < text.index("Hello,")


def test_a_mark_that_has_no_words_is_shown_as_it_is() -> None:
    letter = sample_letters("new_reply")[0]
    letter = replace(letter, context={**letter.context, "marks": ["tastes of fish"]})
    assert "- tastes of fish" in bodies(letter)[1]


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Erika Muster", "Hello Erika Muster,"),
        ("Muster, Erika", "Hello Erika Muster,"),
        ("Muster, Erika (IT)", "Hello Erika Muster,"),
        ("'Erika O’Neill-Muster'", "Hello Erika O’Neill-Muster,"),
        ("محمد علي", "Hello محمد علي,"),
        ("अमित शर्मा", "Hello अमित शर्मा,"),
        ("erika@example.com", "Hello,"),
        ("Visit https://example.net", "Hello,"),
        ("You won 1000 euros", "Hello,"),
        ("this is a very long sentence here", "Hello,"),
        ("", "Hello,"),
    ],
)
def test_a_greeting_uses_the_name_only_if_it_is_one(name: str, greeting: str) -> None:
    context = {**ACKNOWLEDGEMENT.context, "person": {"name": name, "address": "e@example.com"}}
    assert f"\n\n{greeting}\n\n" in bodies(replace(ACKNOWLEDGEMENT, context=context))[1]


@pytest.mark.parametrize("text", ["{{ 7 * 7 }}", "{% for x in y %}", "{{ desk.__class__ }}", "{# gone #}", "\x020\x03"])
def test_a_persons_words_are_never_template_source(text: str) -> None:
    letter = sample_letters("answer")[0]
    message = {"text": text, "html": "", "files": [], "set_aside": []}
    shown = text.replace("\x02", "").replace("\x03", "")
    letter = replace(letter, subject=text, context={**letter.context, "message": message})
    subject, plain, html = bodies(letter)
    assert shown in subject
    assert f"\n{shown}\n" in plain
    assert shown in html


def test_a_value_cannot_add_lines_to_an_agents_mail() -> None:
    letter = sample_letters("new_reply")[0]
    author = {"name": "Eve\n\n--\nTeam: Board\u202e", "address": "eve@example.net"}
    message = {**letter.context["message"], "author": author}  # type: ignore[dict-item]
    _, text, _ = bodies(replace(letter, context={**letter.context, "message": message}))
    assert "eve@example.net (Eve -- Team: Board) wrote" in text


BROKEN = [
    ("Subject: x\n\nHello {{ persn.name }}", 3, "persn", "did you mean person?"),
    ("Subject: x\n\nHello\n{{ ticket.nummer }}", 4, "nummer", "did you mean number?"),
    ("Subject: {{ sbject }}\n\nHello", 1, "sbject", "did you mean subject?"),
    ("Subject: x\n\n{% if %}", 3, "", ""),
    ("Subject: x\n\n{{ 'a' * 1000000000 }}", 3, "", ""),
    ("Subject: x\n\n{{ 2 ** 1000000 }}", 3, "", ""),
    ("Subject: x\n\n{{ '%999999999d' % 1 }}", 3, "", ""),
    ("Subject: x\n\n{{ '{:>999999999}'.format(1) }}", 3, "", ""),
    ("Subject: x\n\n{{ 'a'.ljust(999999999) }}", 3, "", ""),
    ("Subject: x\n\n{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", 3, "range", ""),
    ("Subject: x\n\n{{ cycler.__init__.__globals__ }}", 3, "", ""),
    ("Subject: x\n\n{{ lipsum(9999) }}", 3, "lipsum", ""),
    ("Subject: x\n\n{{ ''.__class__.__mro__ }}", 3, "", ""),
    ("Subject: x\n\n{{ rendering.insert('x') }}", 3, "", ""),
    ("Subject: x\n\n{{ person.update({'name': 'x'}) }}", 3, "", ""),
    ("Subject: x\n\n{{ person.name | center(999999999) }}", 3, "", ""),
    ("Subject: x\n\n{% include 'nowhere.txt' %}", 3, "", ""),
    ("Subject: x\n\n{% include 'closing.txt' %}", 3, "", ""),
    ("Subject: x\n\n{% include '../../../etc/passwd' %}", 3, "", ""),
    ("Subject: x\n\n{{ 1 / 0 }}", 3, "", ""),
]


@pytest.mark.parametrize(("source", "line", "key", "suggestion"), BROKEN)
def test_a_broken_template_is_named_with_file_line_and_variable(
    tmp_path: Path, source: str, line: int, key: str, suggestion: str
) -> None:
    templates = own(tmp_path, "closing.txt", source)
    with pytest.raises(TemplateFailure) as failure:
        compose(sample_letters("closing")[0], templates)
    problem = failure.value.problem
    assert problem.file == str(tmp_path / "closing.txt")
    assert problem.line == line
    if key:
        assert problem.key == key
    if suggestion:
        assert problem.suggestion == suggestion
    assert problem in check_templates(templates)


def test_a_mistake_in_an_included_part_is_named_where_it_is(tmp_path: Path) -> None:
    templates = own(tmp_path, "de/_how.txt", "--\n\n{{ tickt.number }}")
    problems = check_templates(templates)
    assert {(problem.file, problem.line, problem.key) for problem in problems} == {
        (str(tmp_path / "de" / "_how.txt"), 3, "tickt")
    }


def test_too_much_output_is_refused(tmp_path: Path) -> None:
    loops = "{% for a in why %}" * 6 + "0123456789" * 100 + "{% endfor %}" * 6
    letter = sample_letters("new_ticket")[0]
    letter = replace(letter, context={**letter.context, "why": ["x"] * 10})
    with pytest.raises(TemplateFailure, match="1 MiB"):
        compose(letter, own(tmp_path, "new_ticket.txt", f"Subject: x\n\n{loops}"))


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("acknowlegement.txt", "Subject: x\n\nx", "did you mean acknowledgement?"),
        ("closing.txt", "Hello,\n\nit is closed.", "must begin with one header line"),
        ("closing.txt", "Subject: x\nBcc: a@example.net\n\nx", "must begin with one header line"),
        ("_delimiter.txt", "write above", "=-=-="),
    ],
)
def test_a_file_that_cannot_be_meant_is_reported(tmp_path: Path, name: str, source: str, message: str) -> None:
    problems = [str(problem) for problem in check_templates(own(tmp_path, name, source))]
    assert [problem for problem in problems if message in problem]


def test_a_subject_line_of_an_admin_makes_no_second_header(tmp_path: Path) -> None:
    templates = own(tmp_path, "closing.txt", "Subject: {{ 'x\\r\\nBcc: a@example.net' }}\n\nx")
    mail = message_from_bytes(compose(sample_letters("closing")[0], templates))
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Re: [INC-1042] x Bcc: a@example.net"


def test_an_admins_file_wins_and_the_rest_is_ours(tmp_path: Path) -> None:
    templates = own(tmp_path, "closing.txt", "{# Ours. #}\nSubject: {{ ticket.subject }}\n\nBye, {{ person.name }}.\n")
    letter = sample_letters("closing")[0]
    subject, text, html = bodies(letter, templates)
    assert subject == "Re: [INC-1042] VPN drops every few minutes"
    assert "\n\nBye, Erika Muster.\n" in text
    assert "Bye, Erika Muster." in html
    assert "Guten Tag" in bodies(replace(letter, language="de"), templates)[1]


@pytest.mark.parametrize(
    ("language", "word"),
    [
        ("de", "Guten Tag"),
        ("de-AT", "Guten Tag"),
        ("DE_ch", "Guten Tag"),
        ("pt-BR", "Olá"),
        ("ja", "Hello"),
        ("", "Hello"),
    ],
)
def test_the_nearest_language_is_taken(language: str, word: str) -> None:
    assert f"\n{word}" in bodies(replace(ACKNOWLEDGEMENT, language=language))[1]


def test_a_new_locale_folder_is_a_new_language(tmp_path: Path) -> None:
    templates = own(tmp_path, "it/closing.txt", "Subject: {{ subject }}\n\nBuongiorno")
    assert "it" in templates.languages
    assert check_templates(templates) == []
    _, text, html = bodies(replace(sample_letters("closing")[0], language="it"), templates)
    assert "Buongiorno" in text
    assert '<html lang="it">' in html


def test_an_html_file_replaces_ours_and_escapes_every_variable(tmp_path: Path) -> None:
    own(tmp_path, "answer.txt", "Subject: x\n\n{{ message | body }}")
    templates = own(tmp_path, "answer.html", "<p>{{ delimiter }}</p><h1>{{ agent.name }}</h1>{{ message | body }}")
    letter = sample_letters("answer")[0]
    agent = {"name": "<script>alert(1)</script>", "address": "a@example.com"}
    message = {"text": "text", "html": "<b>bold</b><script>alert(1)</script>"}
    _, _, html = bodies(replace(letter, context={**letter.context, "agent": agent, "message": message}), templates)
    assert html.startswith("<p>=-=-= Please write above this line =-=-=</p><h1>&lt;script&gt;")
    assert html.rstrip().endswith("<b>bold</b>")


def test_an_html_file_counts_only_beside_its_text(tmp_path: Path) -> None:
    own(tmp_path, "answer.html", "<h1>old</h1>")
    changed = own(tmp_path, "de/answer.txt", "Subject: x\n\nneu")
    letter = sample_letters("answer")[0]
    assert "old" not in bodies(replace(letter, language="de"), changed)[2]
    assert "old" not in bodies(letter, changed)[2]


def test_an_html_file_must_show_the_delimiter(tmp_path: Path) -> None:
    own(tmp_path, "answer.txt", "Subject: x\n\nx")
    problems = check_templates(own(tmp_path, "answer.html", "<p>x</p>"))
    assert [(problem.file, problem.message) for problem in problems] == [
        ("answer.html", "must show {{ delimiter }} first")
    ]


def test_a_file_that_is_not_utf_8_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "closing.txt").write_bytes("Subject: x\n\nGrüße".encode("latin-1"))
    with pytest.raises(ConfigurationError) as error:
        load_templates(tmp_path)
    assert [(problem.file, problem.line) for problem in error.value.problems] == [(str(tmp_path / "closing.txt"), 3)]


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "closing.txt").write_bytes(b"\xef\xbb\xbfSubject: {{ subject }}\r\n\r\nBye\r\n")
    templates = load_templates(tmp_path)
    assert check_templates(templates) == []
    assert "\n\nBye\n" in bodies(sample_letters("closing")[0], templates)[1]


def test_a_folder_that_is_no_language_is_left_alone(tmp_path: Path) -> None:
    assert own(tmp_path, "backup/closing.txt", "{{ broken").languages == LANGUAGES


def test_templates_do_not_change_once_loaded(tmp_path: Path) -> None:
    templates = own(tmp_path, "closing.txt", "Subject: x\n\nfirst")
    (tmp_path / "closing.txt").write_text("Subject: x\n\nsecond")
    assert "first" in bodies(sample_letters("closing")[0], templates)[1]


@pytest.mark.parametrize(
    ("language", "time", "size"),
    [
        ("en", "2 March 2026, 17:00", "1.3 MB"),
        ("de", "02.03.2026, 17:00 Uhr", "1,3 MB"),
        ("fr", "02/03/2026 à 17:00", "1,3 Mo"),
        ("es", "02/03/2026, 17:00", "1,3 MB"),
        ("pt", "02/03/2026, 17:00", "1,3 MB"),
        ("it", "2026-03-02 17:00", "1,3 MB"),
    ],
)
def test_times_and_sizes_are_written_as_people_write_them(tmp_path: Path, language: str, time: str, size: str) -> None:
    source = (
        "Subject: x\n\n{{ ticket.due | when }} and {{ 1260000 | size }} and {{ 999 | size }} and {{ 'soon' | when }}"
    )
    templates = own(tmp_path, f"{language}/closing.txt" if language != "en" else "closing.txt", source)
    text = bodies(replace(sample_letters("closing")[0], language=language), templates)[1]
    assert f"{time} and {size} and 999 {size[-1]} and soon" in text


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", "28 February 2026, 24:00"),
        ("de", "28.02.2026, 24:00 Uhr"),
        ("fr", "28/02/2026 à 24:00"),
        ("es", "28/02/2026, 24:00"),
        ("pt", "28/02/2026, 24:00"),
    ],
)
def test_an_end_at_midnight_is_that_of_the_day_before(tmp_path: Path, language: str, shown: str) -> None:
    source = (
        "Subject: x\n\n{{ '2026-03-01T00:00:00+01:00' | until }} / {{ '2026-03-01T17:00' | until }} / {{ '' | until }}."
    )
    templates = own(tmp_path, f"{language}/closing.txt" if language != "en" else "closing.txt", source)
    text = bodies(replace(sample_letters("closing")[0], language=language), templates)[1]
    assert f"{shown} / " in text
    assert "17:00" in text and "/ ." in text
