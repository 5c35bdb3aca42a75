"""The language of a mail: said by its header or clear from its words, else unknown."""

from __future__ import annotations

import pytest

from gateway.parse.language import guess_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The printer on the third floor does not work since this morning.", "en"),
        ("Der Drucker im dritten Stock geht seit heute nicht mehr.", "de"),
        ("Bonjour, je ne peux plus ouvrir mon compte depuis ce matin.", "fr"),
        ("Hola, no puedo entrar en mi cuenta desde esta mañana, gracias.", "es"),
        ("Olá, não consigo entrar na minha conta desde hoje, obrigado.", "pt"),
        ("", ""),
        ("ok", ""),
        ("INC-1042 ERROR 0x80070005", ""),
        ("Принтер на третьем этаже не работает с утра", ""),
        ("no", ""),
    ],
)
def test_words_tell_the_language_only_when_they_are_clear(text: str, language: str) -> None:
    assert guess_language((), text) == language


def test_the_header_comes_first() -> None:
    assert guess_language((("content-language", "de-DE"),), "The printer does not work and it is not on") == "de"


def test_a_header_that_names_another_or_several_languages_decides_nothing() -> None:
    text = "The printer does not work and it is not on"
    assert guess_language((("content-language", "ja"),), text) == "en"
    assert guess_language((("content-language", "de, fr"),), text) == "en"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Der Beamer in Raum 204 bleibt dunkel.", "de"),
        ("Outlook stürzt beim Öffnen ab, bitte helfen.", "de"),
        ("Teams stürzt ständig ab.", "de"),
        ("Bildschirm flackert. Mit freundlichen Grüßen, Hugo", "de"),
        ("Mi impresora no funciona", "es"),
        ("L'imprimante ne marche plus", "fr"),
        ("A impressora não funciona", "pt"),
        ("The Müller account is broken", "en"),
        ("Please call José in Köln about the printer", "en"),
    ],
)
def test_a_sentence_is_enough_and_a_name_does_not_turn_it(text: str, language: str) -> None:
    assert guess_language((), text) == language
