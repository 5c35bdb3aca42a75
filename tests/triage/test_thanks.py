"""A mere "thanks" must not reopen a ticket; whatever says more must."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.triage.thanks import is_mere_thanks

NAMES = ("Anna Agent", "Ben Helper", "Help Desk", "Erika Muster")

THANKS = """
Thanks!
Thank you so much
thx
Many thanks, it works now.
Thank you, Anna!
Hi Ben, thanks a lot. Best regards, Erika Muster
Great, thanks for the quick help!
Cheers
Perfect, thank you. It's working again.
Thanks, have a nice weekend
Thanks everyone, all good now :-)
THANK YOU VERY MUCH!!!
Thanks 👍
Danke
Vielen Dank!
Vielen lieben Dank für die schnelle Hilfe!
Danke, läuft wieder.
Super, danke. Geht wieder.
Herzlichen Dank, alles bestens. Mit freundlichen Grüßen Erika Muster
Danke schön :-)
Hallo Anna, vielen Dank, jetzt geht es. LG Erika
Prima, besten Dank und schönes Wochenende
merci
Merci beaucoup !
Merci bien, ça marche.
Merci infiniment pour votre aide rapide, bonne journée
Parfait, merci à toute l'équipe
Bonjour, merci, c'est résolu. Cordialement, Erika Muster
Gracias
¡Muchas gracias!
Mil gracias por la ayuda, ya funciona.
Perfecto, gracias. Un saludo
Hola Anna, muchísimas gracias, todo bien ahora
Obrigado!
Muito obrigada pela ajuda
Obrigada, já funciona.
Valeu, tudo certo!
Olá Ben, obrigado, está resolvido. Abraços, Erika
👍
👍🏽 👏
❤️
👍 :-)
ok
OK!
Okay.
Perfect
Ok, super
Top 👍
Passt
Parfait !
D'accord
Génial
Perfecto
Vale
Ótimo!
Beleza
""".strip().splitlines()

COMPLAINTS = """
Thanks, but it still drops.
Thank you. It is broken again.
Thanks for nothing
Thanks, not fixed.
thanks, doesn't work
Thanks. One more thing: the printer.
Thanks? Really?
Thanks, is it fixed now
thanks, have you fixed it
Thanks, works for me now but not for Carl
Thanks, this again
No thanks
Thanks, now my mouse is dead
Thanks 👎
Thanks :-(
Thanks, when can I come by
Thank you, please close it
Thanks, call me: 555 0100
Danke, geht immer noch nicht
Danke, geht immer noch nicht.
Vielen Dank, aber der Drucker druckt nicht.
Danke, leider nein
Danke, ist das gelöst
Danke, schon wieder!
Danke. Und das Telefon?
Danke, jetzt geht gar nichts mehr
Danke, wann geht es weiter
Danke für nichts
Merci, mais ça ne marche pas
Merci, toujours rien
Merci, ça marche pas
Merci. Et pour ma collègue ?
merci de rappeler Paul
Gracias, pero no funciona
Gracias, sigue igual
Gracias. ¿Y el ratón?
No, gracias, todavía nada
Gracias por nada
Obrigado, mas não funciona
Obrigada, ainda não
Obrigado, continua igual
Obrigado. E a impressora?
It works now.
Alles gut
Bonjour
Erika Muster
Anna
ok but it still drops
Ok, aber der Drucker?
not ok
Not OK 👎
👍👎
👍 😭
👍 ?
ok?
ok 2
ok printer
ok, nicht
Perfect storm
Super, geht nicht
Parfait, mais non
Vale, pero no
👎
🔥
:-)
""".strip().splitlines()


@pytest.mark.parametrize("text", THANKS)
def test_thanks_and_nothing_else(text: str) -> None:
    assert is_mere_thanks(text, names=NAMES)


@pytest.mark.parametrize("text", COMPLAINTS)
def test_something_is_said(text: str) -> None:
    assert not is_mere_thanks(text, names=NAMES)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Obrigado, não funciona", "Nao Tanaka"),
        ("Thanks, no", "Min-ji No"),
        ("Merci, marche pas", "Jean Pas"),
        ("Danke, geht nie", "Nie Wei"),
        ("Gracias, nada", "Nada Horvat"),
        ("Thanks, still", "Clyfford Still"),
        ("Merci, non", "Non"),
        ("Danke, noch", "Noch"),
    ],
)
def test_a_name_that_is_a_no_in_some_language_is_not_taken_for_a_name(text: str, name: str) -> None:
    assert not is_mere_thanks(text, names=(name,))


def test_a_name_of_one_word_alone_thanks_nobody() -> None:
    assert not is_mere_thanks("Anna", names=("Anna",))
    assert is_mere_thanks("Thanks Anna", names=("Anna",))
    assert not is_mere_thanks("Thanks Carl", names=("Anna",))


@pytest.mark.parametrize(
    "text",
    [
        "Super, danke dir. Schönes Wochenende!\nXenia",
        "Merci !\n\nAnne-Sophie\n",
        "Thanks a lot\n- Zoë",
        "ok\nXenia",
        "👍\nXenia.",
        "Hi team,\nThanks",
        "Danke\nSuper",
    ],
)
def test_one_capitalised_word_below_a_thanks_is_its_writers_name(text: str) -> None:
    assert is_mere_thanks(text)


@pytest.mark.parametrize(
    "text",
    [
        "Danke Xenia",
        "Danke\nxenia",
        "Danke\nNicht",
        "Danke.\nKaputt.",
        "Thanks\nBroken",
        "Thanks\nNot-Yet",
        "Danke\nVPN",
        "Danke\nXenia!",
        "Thanks\nNew Printer",
        "Thanks, still down\nXenia",
        "Xenia",
        "Hallo\nXenia",
    ],
)
def test_any_other_word_below_a_thanks_is_none(text: str) -> None:
    assert not is_mere_thanks(text)


def test_a_mail_of_empty_lines_is_read_at_once() -> None:
    start = time.process_time()
    assert not is_mere_thanks("Danke" + "\n \n" * 100_000 + "x y")
    assert time.process_time() - start < 1


def test_empty_and_endless_texts_are_no_thanks() -> None:
    assert not is_mere_thanks("")
    assert not is_mere_thanks("thanks " * 26)


@given(
    st.sampled_from(THANKS), st.sampled_from(["but", "nicht", "pas", "pero", "mas", "printer", "42", "壊れた", "не"])
)
def test_one_word_more_says_something(thanks: str, word: str) -> None:
    assert not is_mere_thanks(f"{thanks} {word}", names=NAMES)


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    assert is_mere_thanks(text) in (True, False)
