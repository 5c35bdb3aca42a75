"""What answers "solved?", and what must not be taken for an answer."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.triage.solved import Answer, Saying, read_answer

NAMES = ("Anna Agent", "Erika Muster", "Help Desk")

YES = """
Yes
yes!
Yes, thanks
Yes, it works now. Thanks a lot!
Yep
Solved, thank you
It is fixed now
The problem has been solved. Thanks!
Ja
Ja, danke!
Ja, funktioniert wieder. Vielen Dank und Gruß, Erika Muster
Erledigt, danke
Das Problem ist gelöst
Oui
Oui, merci beaucoup !
C'est résolu, merci
Le problème est résolu
Sí
Sí, gracias
si, muchas gracias
Resuelto, gracias
Sim
Sim, obrigada!
Sim, está resolvido
Resolvido, obrigado
""".strip().splitlines()

CONTENT = """
Thanks!
Many thanks, it works now.
It works again.
Funktioniert wieder.
Läuft!
Ça marche
Ya funciona
Já funciona, obrigado
ok
👍
""".strip().splitlines()

OTHER = """
No
Nein
Yes, but the other printer still fails
Yes please send me a new one
Yes?
Is it solved?
Solved? No.
not solved
Yes, again
Ja, wieder
Ja, geht nicht
Ja, aber nur im Büro
Sí, pero no funciona
si no funciona, llamo
Oui, mais ça ne marche pas
Sim, mas ainda não funciona
Yes, the problem is back
The problem is again
It works not
Ja, das Problem wieder
Yes 😞
Done with this, nothing works
3 screens are dark
2 is working now
Room 4
4 of 5 printers are dead
1 still broken
5?
6
0
10/10
1.5
3,5
4, but not 5
5 5
12
-3 degrees here
""".strip().splitlines()

RATINGS = {
    "5": 5,
    " 3 ": 3,
    "4.": 4,
    "5!": 5,
    "5/5": 5,
    "4 / 5": 4,
    "5 stars": 5,
    "1 star": 1,
    "4 Sterne": 4,
    "5 étoiles": 5,
    "3 estrellas": 3,
    "2 estrelas": 2,
    "★★★★☆": 4,
    "⭐⭐⭐⭐⭐": 5,
    "5️⃣": 5,
    "5 thanks": 5,
    "5, thanks a lot!": 5,
    "Thanks! 5": 5,
    "Danke, 4": 4,
    "Merci beaucoup\n\n5": 5,
    "2\n\nErika": 2,
    "1\nBest regards\nErika Muster": 1,
    "Yes, 5": 5,
    "5 - yes, solved, thanks": 5,
    "4 von 5": 4,
    "5 👍": 5,
    "Yes, 5. Thanks!": 5,
    "Thanks!\n4\nErika": 4,
}


@pytest.mark.parametrize("text", YES)
def test_a_yes_with_or_without_thanks_is_a_yes(text: str) -> None:
    assert read_answer(text, names=NAMES) == Answer(saying=Saying.YES)


@pytest.mark.parametrize("text", CONTENT)
def test_thanks_and_that_it_works_are_neither_a_yes_nor_a_complaint(text: str) -> None:
    assert read_answer(text, names=NAMES) == Answer(saying=Saying.CONTENT)


@pytest.mark.parametrize("text", OTHER)
def test_whatever_says_more_is_no_answer(text: str) -> None:
    assert read_answer(text, names=NAMES) is None


@pytest.mark.parametrize(("text", "score"), RATINGS.items())
def test_a_number_from_one_to_five_alone_or_with_thanks_is_a_rating(text: str, score: int) -> None:
    assert read_answer(text, names=NAMES) == Answer(saying=Saying.RATING, score=score)


def test_words_far_below_a_number_are_read() -> None:
    assert read_answer("5" + "\n" * 5_000 + "is how many screens are dark") is None
    assert read_answer("yes" + " " * 5_000 + "but it fails") is None


def test_a_name_that_means_yes_is_a_name() -> None:
    assert read_answer("Thanks, Sim", names=("Sim Lee",)) == Answer(saying=Saying.CONTENT)


@given(st.text(alphabet=st.sampled_from("yes jaoui5 ★⭐/.,!?\n012-thanks"), max_size=40))
def test_a_rating_is_one_to_five_whatever_is_written(text: str) -> None:
    answer = read_answer(text)
    assert answer is None or (1 <= answer.score <= 5) == (answer.saying is Saying.RATING)


@pytest.mark.parametrize(
    "text", ["5 " * 100_000, "5" + " -" * 100_000, "-5" * 100_000, "ja " * 100_000, "\n5" * 50_000, "★" * 100_000]
)
def test_hostile_text_costs_little(text: str) -> None:
    began = time.process_time()
    read_answer(text, names=NAMES)
    assert time.process_time() - began < 1
