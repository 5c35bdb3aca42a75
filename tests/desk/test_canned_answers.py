"""Canned answers: `#use` and `#preview`, as agents and requesters see them, on both databases."""

from __future__ import annotations

import pytest

from tests.desk.harness import DeskUnderTest, Sent

ERIKA = "Erika Muster <erika@example.com>"
ANNA, BEN = "anna@example.com", "ben@example.com"


@pytest.fixture
def notice(desk: DeskUnderTest) -> Sent:
    desk.write(ERIKA, "It drops since this morning.")
    return desk.last(ANNA, "new_ticket")


def answers(desk: DeskUnderTest) -> list[Sent]:
    return desk.inbox("erika@example.com", "answer")


def test_a_canned_answer_stands_where_its_line_stood(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "#use vpn-reset\n\nI am there until five.\n\n#use restart")
    (sent,) = answers(desk)
    text = sent.text
    assert text.index("Hello Erika Muster") < text.index("Get profile") < text.index("until five")
    assert text.index("until five") < text.index("Please restart your computer once")
    assert "#use" not in text + sent.html
    assert "Get profile" in desk.ticket()["messages"][-1]["text"]
    assert "Get profile" in desk.last(BEN, "agent_answered").text
    assert desk.audit() == []


def test_the_words_are_in_the_requesters_language(desk: DeskUnderTest) -> None:
    desk.write("Jörg Beispiel <joerg@example.com>", "Guten Tag,\n\nseit heute früh bricht das VPN immer wieder ab.")
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#set language=de\n#use vpn-reset")
    assert "Guten Tag Jörg Beispiel" in desk.last("joerg@example.com", "answer").text


def test_a_preview_shows_the_answer_and_sends_nothing(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "#preview vpn-reset")
    preview = desk.last(ANNA, "preview")
    assert "Hello Erika Muster" in preview.text
    assert "erika@example.com" in preview.text
    assert answers(desk) == []
    assert desk.inbox(BEN, "changed") == []
    desk.answer(ANNA, preview, "#use vpn-reset\n#resolve")
    assert "Get profile" in desk.last("erika@example.com", "resolution").text
    assert desk.audit() == []


def test_words_beside_a_preview_are_held(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "#preview vpn-reset\nHello Erika")
    assert answers(desk) == []
    assert "to you alone" in desk.last(ANNA, "question").text


def test_an_unknown_answer_holds_the_mail_and_names_the_nearest(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "#use vpn-rest\nHello Erika")
    question = desk.last(ANNA, "question")
    assert answers(desk) == []
    assert "#use vpn-rest: is no canned answer" in question.text
    assert "#use vpn-reset" in question.text
    desk.answer(ANNA, question, "#use vpn-reset\nHello Erika")
    assert "Get profile" in answers(desk)[0].text


def test_a_held_answer_keeps_its_canned_words(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "Hello Erika\n#use vpn-reset\n#tak")
    desk.answer(ANNA, desk.last(ANNA, "question"), "#send")
    (sent,) = answers(desk)
    assert sent.text.split().count("Erika") == 2 and sent.text.index("Erika") < sent.text.index("Get profile")
    assert desk.audit() == []
