"""An answer that its author signed by hand does not say the name twice."""

from __future__ import annotations

import pytest

from gateway.compose.signed import is_signed


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Please restart it.\n\nThanks,\nBob", "Bob Berg"),
        ("Bitte neu starten.\n\nMit freundlichen Grüßen\nBob Berg", "Bob Berg"),
        ("It works.\n\nBob Berg\nIT Service\nTel. 123", "Bob Berg"),
        ("It works. Thanks, Bob", "Bob Berg"),
        ("It works.\n\nViele Grüße, Bob Berg", "Bob Berg"),
        ("It works.\n\nLG Bob", "Bob Berg"),
        ("It works.\n\n– Bob.", "Bob Berg"),
        ("It works.\n\nBOB BERG\n\n", "Bob Berg"),
        ("Ça marche.\n\nCordialement,\nJerome", "Jérôme Lefèvre"),
        ("Es geht.\n\nJuergen Mueller", "Jürgen Müller"),
        ("Es geht.\n\nJürgen Müller", "Juergen Mueller"),
        ("It works.\n\nBob", "Berg, Bob"),
        ("It works.\n\nAnna Agent", "Dr. Anna Agent"),
        ("Funciona.\n\nAna-María", "Ana-Maria Pérez"),
    ],
)
def test_a_name_at_the_end_is_a_signature(text: str, name: str) -> None:
    assert is_signed(text, name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Bob will call you.\n\nIt is the third door on the left, then two floors up.\nRegards",
        "If that does not help, please ask my colleague from the other building, Bobby",
        "It runs again. If not, please ask Bob",
        "Thanks,\nAnna",
        "Ask Bob Berg for the key, he has it since Monday morning.\n1\n2\n3\n4",
    ],
)
def test_a_name_elsewhere_is_none(text: str) -> None:
    assert not is_signed(text, "Bob Berg")


def test_an_agent_without_a_name_has_signed_nothing() -> None:
    assert not is_signed("It works.\n\nBob", "")
    assert not is_signed("It works.\n\n...", ".")
