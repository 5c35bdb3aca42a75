"""Which language a mail is written in."""

from __future__ import annotations

import pytest

from gateway.compose import choose_language

AVAILABLE = ("en", "de", "fr", "pt", "pt-br")


@pytest.mark.parametrize(
    ("stored", "mail", "desk", "chosen"),
    [
        ("fr", "de", "en", "fr"),
        ("", "de", "en", "de"),
        ("", "", "de", "de"),
        ("", "", "", "en"),
        ("ja", "de", "fr", "de"),
        ("ja", "ko", "zh", "en"),
        ("de-AT", "", "", "de"),
        ("pt_BR", "", "", "pt-br"),
        ("pt-PT", "", "", "pt"),
        (" FR ", "de", "en", "fr"),
    ],
)
def test_the_first_wish_that_can_be_met_is_met(stored: str, mail: str, desk: str, chosen: str) -> None:
    assert choose_language(stored=stored, mail=mail, desk=desk, available=AVAILABLE) == chosen
