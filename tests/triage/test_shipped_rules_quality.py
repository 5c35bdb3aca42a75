"""The shipped rules are useful on day one: floors under what they get right of `tests/triage/tickets/`.

What the tickets are, and why some of them say less than it seems, stands in their README; `docs/measurements.md` has
the numbers, beside a keyword list's and a trained classifier's.
"""

from __future__ import annotations

from collections import Counter

import pytest

from gateway.defaults_files import default_file
from gateway.policy import load_policy
from gateway.triage.account import Outcome, account_of
from gateway.triage.view import view_of
from tests.triage.labelled import HALVES, LANGUAGES, Half, Labelled, Score, guess_by_rules, judge, tickets_of

TYPE_FLOOR = {"en": 0.92, "de": 0.92, "fr": 0.85, "es": 0.85, "pt": 0.85}
# The most frequent topic is at most a fifth of the tickets of one language.
TOPIC_FLOOR = 0.6


@pytest.fixture(scope="module")
def scores() -> dict[tuple[str, Half], Score]:
    guess = guess_by_rules(load_policy(default_file("rules.toml")))
    parts = {
        (language, half): [ticket for ticket in tickets_of(language) if ticket.half == half]
        for language in LANGUAGES
        for half in HALVES
    }
    return {part: judge(tickets, [guess(ticket) for ticket in tickets]) for part, tickets in parts.items()}


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_most_tickets_become_what_they_are(scores: dict[tuple[str, Half], Score], language: str, half: Half) -> None:
    score = scores[language, half]
    assert score.type_accuracy >= TYPE_FLOOR[language]
    assert score.macro_f1 >= TYPE_FLOOR[language] - 0.01
    assert score.topic_accuracy >= TOPIC_FLOOR


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_tickets_are_a_hundred_and_half_of_each_type(language: str) -> None:
    first = [ticket for ticket in tickets_of(language) if ticket.half in ("seen", "held")]
    assert Counter(ticket.half for ticket in first) == {"seen": 50, "held": 50}
    assert Counter(ticket.type for ticket in first) == {"incident": 50, "request": 50}
    assert max(Counter(ticket.topic for ticket in tickets_of(language)).values()) < len(tickets_of(language)) / 5


def test_every_topic_of_the_tickets_is_a_category_that_a_rule_or_the_default_sets() -> None:
    policy = load_policy(default_file("rules.toml"))
    categories = {(rule.set.category or "").partition("/")[0] for rule in policy.rules} | {policy.defaults.category}
    assert {ticket.topic for language in LANGUAGES for ticket in tickets_of(language)} <= categories


def test_judging_counts_types_and_topics_apart() -> None:
    tickets = tickets_of("en")[:4]
    types = [ticket.type for ticket in tickets]
    assert types == ["incident", "request", "incident", "request"]
    wrong_topics = judge(tickets, [(name, "nowhere") for name in types])
    assert wrong_topics == Score(type_accuracy=1, macro_f1=1, topic_accuracy=0)
    one_sided = judge(tickets, [("incident", ticket.topic) for ticket in tickets])
    assert (one_sided.type_accuracy, one_sided.topic_accuracy) == (0.5, 1)
    assert one_sided.macro_f1 == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    "text",
    [
        "The printer prints only two pages of ten.",
        "Der Drucker druckt nur zwei von zehn Seiten.",
        "L'imprimante n'imprime que les pages impaires.",
        "La impresora solo imprime las páginas pares.",
        "A impressora só imprime as páginas pares.",
    ],
)
def test_pages_of_paper_are_nothing_of_the_network(text: str) -> None:
    policy = load_policy(default_file("rules.toml"))
    mail = Labelled(half="held", type="incident", topic="printing", subject="", text=text).as_mail()
    account = account_of(view_of(mail, policy=policy), policy)
    about_network = [one for one in account.rules if one.name == "Network and internet"]
    assert [one.outcome for one in about_network] == [Outcome.FAR]
