"""Two mails of one person: the same matter, or two."""

from __future__ import annotations

import pytest

from gateway.triage.same_matter import says_the_same

FIRST = "My VPN drops every few minutes since this morning and I can not work from home."


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("VPN drops", FIRST),
        ("VPN drops", FIRST + "\nPlease look at it."),
        ("VPN drops", FIRST.upper()),
        ("", FIRST),
        ("VPN drops again", "Sent once more:\n" + FIRST),
    ],
)
def test_the_same_words_are_the_same_matter(subject: str, text: str) -> None:
    assert says_the_same(subject, text, "VPN drops", FIRST)
    assert says_the_same("VPN drops", FIRST, subject, text)


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Printer jams", FIRST),
        ("VPN drops", "My VPN drops."),
        ("VPN drops", FIRST.replace("can not", "can")),
        ("VPN drops", FIRST + " Error 809."),
        ("VPN drops", "The printer on the third floor jams and nobody can print."),
        ("Another VPN drops", FIRST),
        ("VPN drops", ""),
    ],
)
def test_other_words_a_number_or_a_turn_are_another_matter(subject: str, text: str) -> None:
    assert not says_the_same(subject, text, "VPN drops", FIRST)


@pytest.mark.parametrize(
    ("text", "other", "expected"),
    [
        ("It drops.", "It drops.", True),
        ("It drops.", "It jams.", False),
        ("New screen for desk 17, please order it", "New screen for desk 18, please order it", False),
        ("Neuer Zugang für Frau Muster bitte", "Neuer Zugang für Herrn Meier bitte", False),
        ("Der Drucker im dritten Stock druckt", "Der Drucker im dritten Stock druckt nicht", False),
        ("L'imprimante du hall ne marche pas", "l’imprimante du hall ne marche pas", True),
    ],
)
def test_short_mails_must_be_the_same_word_for_word(text: str, other: str, expected: bool) -> None:
    assert says_the_same("Hello", text, "Hello", other) is expected


def test_mails_that_say_nothing_are_not_alike() -> None:
    assert not says_the_same("", "", "", "")
