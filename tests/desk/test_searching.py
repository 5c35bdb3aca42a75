"""Agents show and find tickets by mail."""

from __future__ import annotations

import pytest

from gateway.desk.searching import remember_new_words
from gateway.store.database import connection
from gateway.store.search import folded_words
from tests.desk.harness import DeskUnderTest

ERIKA, ANNA, BEN, NORA = "erika@example.com", "anna@example.com", "ben@example.com", "nora@example.com"


def found(desk: DeskUnderTest, words: str) -> list[str]:
    desk.wait(minutes=1)
    desk.wait(minutes=1)
    desk.write(ANNA, f"#find {words}", subject="find")
    mail = desk.last(ANNA, "listing")
    return [line.split()[1] for line in mail.text.splitlines() if line[:1].isdigit() and " INC-" in line]


@pytest.fixture(name="matters")
def _matters(desk: DeskUnderTest) -> DeskUnderTest:
    desk.write(ERIKA, "The printer on the third floor smells.", subject="Printer smells")
    desk.write("José Núñez <jose@example.com>", "Mi impresión no sale. Büro 12.", subject="Impresión")
    desk.write(ERIKA, "会议室的打印机坏了", subject="打印机")
    desk.write(ERIKA, "My chair squeaks.", subject="Chair", files=[("Rechnung-4711.pdf", b"%PDF", "application/pdf")])
    return desk


@pytest.mark.parametrize(
    ("words", "tickets"),
    [
        ("printer third floor", ["INC-1001"]),
        ("PRINT smell", ["INC-1001"]),
        ("printer fourth", []),
        ("impresion", ["INC-1002"]),
        ("nunez buro", ["INC-1002"]),
        ("打印机", ["INC-1003"]),
        ("机打印", []),
        ("rechnung", ["INC-1004"]),
        ("erika", ["INC-1004", "INC-1003", "INC-1001"]),
        ('"; DROP TABLE ticket', []),
        ("NEAR(a b) AND OR NOT", []),
        ("printer's", ["INC-1001"]),
    ],
)
def test_tickets_are_found_by_words_and_beginnings_of_words(
    matters: DeskUnderTest, words: str, tickets: list[str]
) -> None:
    if words == "printer's":
        matters.answer(ERIKA, matters.last(ERIKA, "acknowledgement"), "no printers here", subject="Re: Chair")
        tickets = []
    assert found(matters, words) == tickets
    assert matters.audit() == []


def test_words_of_several_messages_count_together_and_notes_too(matters: DeskUnderTest) -> None:
    new = next(mail for mail in matters.inbox(ANNA, "new_ticket") if "INC-1001" in mail.subject)
    matters.answer(ANNA, new, "#note toner ordered from Contoso")
    assert found(matters, "smells contoso") == ["INC-1001"]


def test_what_was_found_can_be_answered(matters: DeskUnderTest) -> None:
    found(matters, "chair")
    matters.answer(ANNA, matters.last(ANNA, "listing"), "1 done oiled")
    assert matters.ticket(1004)["status"] == "resolved"


def test_the_words_are_taken_in_once_and_in_portions(matters: DeskUnderTest) -> None:
    matters.wait(minutes=5)
    with connection(matters.database):
        assert remember_new_words(matters.database, now=matters.now) == 0


@pytest.mark.parametrize("line", ["#show INC-1001", "#show 1001", "#show [INC-1001]"])
def test_a_ticket_is_shown_with_all_that_is_written_on_it(matters: DeskUnderTest, line: str) -> None:
    new = next(mail for mail in matters.inbox(ANNA, "new_ticket") if "INC-1001" in mail.subject)
    matters.answer(ANNA, new, "Please open a window.")
    matters.write(NORA, line, subject="show")
    mail = matters.last(NORA, "new_ticket")
    assert "third floor smells" in mail.text
    assert "Please open a window." in mail.text
    assert "shown to you because you asked" in mail.text
    matters.answer(NORA, mail, "#take")
    assert matters.ticket(1001)["assignee"] == NORA
    assert matters.audit() == []


def test_the_number_may_stand_in_the_subject(matters: DeskUnderTest) -> None:
    matters.write(NORA, "\n", subject="#show INC-1002")
    assert "Impresión" in matters.last(NORA, "new_ticket").subject


def test_a_ticket_that_does_not_exist_is_told(matters: DeskUnderTest) -> None:
    matters.write(NORA, "#show INC-9999", subject="show")
    assert "there is no ticket 9999" in matters.last(NORA, "result").text


def test_nobody_but_an_agent_is_shown_anything(matters: DeskUnderTest) -> None:
    matters.write("eve@example.com", "#show INC-1001", subject="show")
    assert "third floor" not in "".join(mail.text for mail in matters.inbox("eve@example.com"))


def test_words_are_folded_alike() -> None:
    assert folded_words("Größe ＡＢＣ İstanbul Ünïcode x" * 1)[:4] == ["grosse", "abc", "istanbul", "unicode"]
