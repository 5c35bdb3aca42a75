"""Canned answers as files: names, languages, strict variables, what `gateway check` says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.compose import CannedAnswers, load_templates
from tests.desk.harness import CHECKOUT

CONTEXT = {"ticket": {"number": "INC-7"}, "requester": {"name": "Ann", "address": "a@example.com"}}


def answers(folder: Path, **files: str) -> CannedAnswers:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_txt", ".txt").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return CannedAnswers(load_templates(folder))


def test_the_shipped_answers_are_sound_in_five_languages() -> None:
    shipped = CannedAnswers(load_templates(CHECKOUT / "templates"))
    assert list(shipped.problems()) == []
    assert shipped.names == ("more-details", "restart", "vpn-reset")
    assert all(shipped.languages(name) == ("de", "en", "es", "fr", "pt") for name in shipped.names)


@pytest.mark.parametrize("file", ["answers__vpn_dot_de_txt", "de__answers__vpn_txt"])
def test_a_language_is_a_part_of_the_name_or_a_folder(tmp_path: Path, file: str) -> None:
    found = answers(tmp_path, **{"answers__vpn_txt": "English", file: "Deutsch"})
    assert found.names == ("vpn",)
    assert [found.render("vpn", language, CONTEXT)[0] for language in ("de-AT", "de", "fr")] == [
        "Deutsch",
        "Deutsch",
        "English",
    ]


def test_the_first_line_is_never_taken_for_a_header(tmp_path: Path) -> None:
    assert answers(tmp_path, answers__a_txt="Hello:\n\nyou").render("a", "en", CONTEXT) == ("Hello:\n\nyou", "")


def test_parts_are_included_and_are_no_answers(tmp_path: Path) -> None:
    found = answers(
        tmp_path, answers___greeting_txt="Hi {{ requester.name }}", answers__a_txt='{% include "_greeting.txt" %}'
    )
    assert found.names == ("a",)
    assert found.render("a", "en", CONTEXT) == ("Hi Ann", "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{{ ticket.numbr }}", "did you mean number?"),
        ("{{ agent.address }}", "a.txt:1: address"),
        ("{{ requester.name | framed }}", "leave out body and framed"),
        ("{% if %}", "answers/a.txt:1"),
        ("{# only a comment #}", "says nothing"),
    ],
)
def test_what_is_wrong_in_an_answer_is_named_with_its_file(tmp_path: Path, text: str, says: str) -> None:
    (problem,) = answers(tmp_path, answers__a_txt=text).problems()
    assert "answers/a.txt" in str(problem)
    assert says in str(problem)


def test_a_name_that_nobody_can_write_is_a_problem(tmp_path: Path) -> None:
    (problem,) = answers(tmp_path, **{"answers__vpn reset_txt": "Hello"}).problems()
    assert "can't be written behind #use" in str(problem)


def test_a_folder_without_answers_has_the_shipped_ones_and_one_with_its_own_only_those(tmp_path: Path) -> None:
    assert "vpn-reset" in CannedAnswers(load_templates(tmp_path)).names
    assert answers(tmp_path, answers__mine_txt="Hello").names == ("mine",)
