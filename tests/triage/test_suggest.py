"""Rules are proposed from what agents set by hand: few, measured on tickets held out, without anybody's name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.policy import parse_policy
from gateway.ticket import Field
from gateway.triage.classify import check_examples
from gateway.triage.suggest import Material, Proposal, propose
from gateway.triage.suggested_rules import as_toml
from gateway.triage.ticket_words import telling_words, words_of
from tests.triage.values import NOW, policy

EVERYTHING = frozenset({Field.CATEGORY, Field.TEAM, Field.TYPE})
MATTERS = (
    ("Pipedrive shows no deals", "crm/pipedrive"),
    ("the export of pipedrive is empty", "crm/pipedrive"),
    ("please look at our Pipedrive", "crm/pipedrive"),
    ("screen stays black", "general"),
    ("question about holidays", "general"),
    ("Passwort zurücksetzen bitte", "access"),
    ("bitte Passwort für Petra zurücksetzen", "access"),
)


def material(count: int = 210, **more: object) -> Material:
    """Tickets in turn about a few matters, each of another person of twenty."""
    made = Material(private=frozenset({"petra"}), own_domains=frozenset({"example.com"}), **more)  # type: ignore[arg-type]
    for number in range(count):
        subject, category = MATTERS[number % len(MATTERS)]
        made.add(
            at=NOW + timedelta(hours=number),
            requester=f"person{number % 20}@example.com",
            subject=subject,
            text="Hello, thanks a lot, Petra",
            settled={Field.CATEGORY: category, Field.TEAM: "network" if category == "access" else "desk"},
            open_fields=EVERYTHING,
        )
    return made


FALLBACK = {Field.CATEGORY: "general", Field.TEAM: "desk", Field.TYPE: "incident"}


def by_value(proposals: list[Proposal]) -> dict[str, Proposal]:
    return {one.sets[0].value: one for one in proposals}


def test_words_that_agents_set_a_category_for_become_a_rule() -> None:
    found = by_value(propose(material(fallback=FALLBACK)))
    assert set(found) == {"crm/pipedrive", "access"}
    crm = found["crm/pipedrive"]
    assert crm.words == ("pipedrive",)
    (measured,) = crm.sets
    assert (measured.held_out, measured.held_out_right, measured.precision) == (30, 30, 1.0)
    assert measured.older_right == 60


def test_other_fields_of_the_same_tickets_go_into_the_same_rule() -> None:
    access = by_value(propose(material(fallback=FALLBACK)))["access"]
    assert [(one.field, one.value) for one in access.sets] == [(Field.CATEGORY, "access"), (Field.TEAM, "network")]
    # As it is written, and so found in "zuruecksetzen" too.
    assert access.words == ("zurücksetzen",)


def test_an_example_has_frequent_words_of_a_subject_and_no_name() -> None:
    for one in propose(material(fallback=FALLBACK)):
        assert one.subject and "petra" not in one.subject.casefold()
        assert set(one.subject.split()) <= {word for subject, _ in MATTERS for word in subject.casefold().split()}


def test_what_a_rule_fills_already_is_not_proposed() -> None:
    made = material(fallback=FALLBACK)
    made.open = [frozenset({Field.TYPE})] * len(made)
    assert propose(made) == []


def test_what_fails_on_newer_tickets_is_not_proposed() -> None:
    """The word meant one thing in the older tickets and means another by now."""
    made = material(fallback=FALLBACK)
    for number in range(140, len(made)):
        made.settled[number] = {Field.CATEGORY: "general"}
    assert propose(made) == []


def test_a_single_person_makes_no_rule_of_words_but_one_of_the_sender() -> None:
    made = Material(fallback=FALLBACK, own_domains=frozenset({"example.com"}))
    for number in range(60):
        is_backup = number % 3 == 0
        made.add(
            at=NOW + timedelta(hours=number),
            requester="backup@example.com" if is_backup else f"person{number}@example.com",
            subject="Report of the night run" if is_backup else "Help me please",
            text="",
            settled={Field.CATEGORY: "backup" if is_backup else "general"},
            open_fields=EVERYTHING,
        )
    (proposal,) = propose(made)
    assert (proposal.words, proposal.senders) == ((), ("backup@example.com",))


def test_what_is_nearly_always_so_says_nothing() -> None:
    """Nine of ten tickets are of one kind: a greeting is right as often, and is no rule."""
    made = Material(fallback=FALLBACK)
    for number in range(200):
        made.add(
            at=NOW + timedelta(hours=number),
            requester=f"person{number % 20}@example.com",
            subject="hello there" if number % 3 else "good morning",
            text="",
            settled={Field.TYPE: "incident" if number % 10 == 0 else "request"},
            open_fields=EVERYTHING,
        )
    assert propose(made) == []


@pytest.mark.parametrize("rules", ["", '[[rule]]\nname = "desk"\nwhen.words = "black"\nset.category = "screens"\n'])
def test_the_text_passes_the_check_when_it_is_appended(rules: str) -> None:
    before = policy(more=rules)
    found = as_toml(before, propose(material(fallback=FALLBACK)))
    text = before.text + "\n" + "\n".join(text for _, text in found)
    after = parse_policy(text)
    assert check_examples(after) == []
    assert len(after.rules) == len(before.rules) + 2 and len(after.examples) == 2
    assert "held out (100 %)" in text


def test_what_would_break_an_example_or_names_an_unknown_team_is_left_out() -> None:
    broken = '[[example]]\nsubject = "pipedrive"\nexpect = { category = "general" }\n'
    found = as_toml(policy(more=broken), propose(material(fallback=FALLBACK)))
    assert [one.sets[0].value for one, _ in found] == ["access"]
    made = material(fallback=FALLBACK)
    made.settled = [{Field.TEAM: "nowhere"} if "pipedrive" in words else {Field.TEAM: "desk"} for words in made.words]
    assert [one.sets[0].value for one in propose(made)] == ["nowhere"]
    assert as_toml(policy(), propose(made)) == []


def test_an_example_that_earlier_rules_catch_is_made_of_the_rules_own_words() -> None:
    before = policy(more='[[rule]]\nname = "x"\nwhen.words = ["deals", "export", "look"]\nset.category = "x"\n')
    found = {one.sets[0].value: text for one, text in as_toml(before, propose(material(fallback=FALLBACK)))}
    assert 'subject = "pipedrive"' in found["crm/pipedrive"]


def test_words_leave_numbers_and_ids_out() -> None:
    assert [word for word, _ in words_of("Büro-PC 0815, Tel. +49 30 1234567: Windows11 geht n!")] == [
        *("buro", "pc", "tel", "windows11", "geht"),
    ]


def test_telling_words_are_frequent_here_and_rare_there() -> None:
    found = telling_words({"fax": 9, "the": 10, "odd": 1}, 10, {"the": 100, "fax": 2}, 100, at_most=5)
    assert [(one.word, one.here, one.there) for one in found] == [("fax", 9, 2)]
    assert telling_words({}, 0, {"the": 1}, 1, at_most=5) == []
