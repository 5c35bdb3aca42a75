"""Which ticket does a mail name? Evidence in order, ties to the newest, everything else named too."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.triage.facts import Evidence
from gateway.triage.thread import thread
from tests.triage.values import facts, key, reference, ticket, token

THREE = (ticket(1001), ticket(1002), ticket(1003))
QUOTED = Evidence.QUOTED


def test_what_names_nothing_threads_nowhere() -> None:
    found = thread(facts())
    assert (found.ticket, found.evidence, found.others, found.reasons) == (None, None, (), ())


@pytest.mark.parametrize(
    ("named", "winner", "evidence"),
    [
        ({"keys": (key(1001),), "references": (reference(1002),)}, 1001, Evidence.RECIPIENT_KEY),
        ({"references": (reference(1001),), "tokens": (token(1002),)}, 1001, Evidence.REFERENCE),
        ({"keys": (key(1001, evidence=Evidence.REFERENCE),), "tokens": (token(1002),)}, 1001, Evidence.REFERENCE),
        ({"tokens": (token(1001), token(1002, QUOTED))}, 1001, Evidence.SUBJECT_TOKEN),
        ({"keys": (key(1002, evidence=QUOTED),), "tokens": (token(1001),)}, 1001, Evidence.SUBJECT_TOKEN),
        ({"keys": (key(1001, evidence=QUOTED),)}, 1001, Evidence.QUOTED),
        ({"tokens": (token(1001, QUOTED), token(1002, QUOTED))}, 1002, Evidence.QUOTED),
    ],
)
def test_stronger_evidence_decides(named: dict[str, Any], winner: int, evidence: Evidence) -> None:
    found = thread(facts(named_tickets=THREE, **named))
    assert (found.ticket, found.evidence) == (winner, evidence)


def test_of_equal_evidence_the_newest_ticket_wins_and_the_others_are_named() -> None:
    found = thread(facts(named_tickets=THREE, references=(reference(1003), reference(1001), reference(1002))))
    assert (found.ticket, found.others) == (1003, (1001, 1002))
    assert [reason.code for reason in found.reasons] == ["thread-reference", "thread-several"]
    assert "1001, 1002" in found.reasons[1].text


def test_weaker_evidence_for_another_ticket_is_named_too() -> None:
    found = thread(facts(named_tickets=THREE, references=(reference(1001),), tokens=(token(1003),)))
    assert (found.ticket, found.others) == (1001, (1003,))


def test_only_keys_and_references_of_the_winner_are_handed_on() -> None:
    found = thread(
        facts(named_tickets=THREE, keys=(key(1001), key(1002)), references=(reference(1001), reference(1002)))
    )
    assert {one.ticket for one in found.keys} == {one.ticket for one in found.references} == {1002}


def test_a_key_that_is_not_usable_is_no_evidence_and_says_why() -> None:
    found = thread(facts(keys=(key(usable=False, why_not="expired"),)))
    assert (found.ticket, found.keys) == (None, ())
    assert [(reason.code, "expired" in reason.text) for reason in found.reasons] == [("key-not-usable", True)]


def test_a_key_that_is_not_usable_leaves_the_ticket_to_other_evidence_without_vouching_for_it() -> None:
    found = thread(facts(keys=(key(usable=False, why_not="expired"),), references=(reference(1001),)))
    assert (found.ticket, found.evidence, found.keys) == (1001, Evidence.REFERENCE, ())
    assert "key-not-usable" in [reason.code for reason in found.reasons]


def test_a_ticket_that_does_not_exist_is_not_named() -> None:
    assert thread(facts(tokens=(token(4711),))).ticket is None


def test_a_merged_ticket_is_said_to_be_one() -> None:
    found = thread(facts(named_tickets=(ticket(1002, merged_from=(1001,)),), tokens=(token(1002),)))
    assert "1001 was merged into 1002" in [reason.text for reason in found.reasons]
