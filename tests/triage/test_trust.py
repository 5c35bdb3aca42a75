"""What a mail in an agent's name proves, and what that suffices for: the table, walked."""

from __future__ import annotations

from itertools import combinations

import pytest

from gateway.mail import Address
from gateway.policy import Policy
from gateway.ticket import Status
from gateway.triage.challenge import says_no
from gateway.triage.commands import COMMANDS
from gateway.triage.decision import AddWatcher, Change, LinkTicket, MoveStatus, SetRequester
from gateway.triage.facts import Person
from gateway.triage.trust import ACTS, REACHING, Act, Level, Means, Proof, level_of, may, reaches_out
from tests.triage.values import BEN, DORA, EVE, policy, ticket

STRICT = '[trust]\nrequire = "key+domain"'
EVERY_PROOF = [frozenset(means) for count in range(6) for means in combinations(Means, count)]
C, K, D, Y, R = Means.CLAIM, Means.KEY, Means.DOMAIN, Means.CONFIRMED, Means.REMEMBERED


@pytest.mark.parametrize(
    ("means", "level", "work", "reach_out", "strict_work", "strict_reach_out"),
    [
        ((), Level.UNKNOWN, False, False, False, False),
        ((C,), Level.CLAIMED, False, False, False, False),
        ((C, R), Level.CLAIMED, False, False, False, False),
        ((C, K), Level.KEY, True, False, False, False),
        ((C, K, R), Level.KEY, True, True, False, False),
        ((C, D), Level.DOMAIN, True, False, False, False),
        ((C, D, R), Level.DOMAIN, True, False, False, False),
        ((C, K, D), Level.DOMAIN, True, True, True, True),
        ((C, Y), Level.KEY, True, True, True, True),
    ],
)
def test_what_each_proof_suffices_for(
    means: tuple[Means, ...], level: Level, work: bool, reach_out: bool, strict_work: bool, strict_reach_out: bool
) -> None:
    proof = frozenset(means)
    assert level_of(proof) is level
    assert (may(proof, Act.WORK, policy()), may(proof, Act.REACH_OUT, policy())) == (work, reach_out)
    strict = policy(more=STRICT)
    assert (may(proof, Act.WORK, strict), may(proof, Act.REACH_OUT, strict)) == (strict_work, strict_reach_out)


@pytest.mark.parametrize("chosen", [policy(), policy(more=STRICT)], ids=["key", "key+domain"])
def test_more_proof_never_allows_less_and_reaching_out_never_needs_less_than_work(chosen: Policy) -> None:
    for proof in EVERY_PROOF:
        for act in Act:
            assert not may(proof, act, chosen) or all(may(proof | {one}, act, chosen) for one in Means)
        assert not may(proof, Act.REACH_OUT, chosen) or may(proof, Act.WORK, chosen)
        # The stricter setting allows nothing that the other one forbids.
        assert all(not may(proof, act, policy(more=STRICT)) or may(proof, act, policy()) for act in Act)


def test_an_address_alone_does_nothing_to_an_existing_ticket() -> None:
    claim: Proof = frozenset({Means.CLAIM})
    assert [act for act in Act if may(claim, act, policy())] == [Act.LOG]
    assert set(ACTS) == set(Act)


@pytest.mark.parametrize(
    ("change", "reaches"),
    [
        (AddWatcher(watcher=Address(address=EVE)), True),
        (AddWatcher(watcher=Address(address="carl@example.com")), False),
        (AddWatcher(watcher=Address(address="anna@home.example")), False),
        (AddWatcher(watcher=Address(address="olga@customer.example")), False),
        (SetRequester(requester=Address(address=EVE)), True),
        (SetRequester(requester=Address(address=DORA)), False),
        (SetRequester(requester=Address(address="olga@customer.example")), False),
        (LinkTicket(number=1002, kind="merged"), True),
        (LinkTicket(number=1003, kind="merged"), False),
        (LinkTicket(number=1002, kind="related"), False),
        (MoveStatus(to=Status.CLOSED, why=""), False),
    ],
    ids=str,
)
def test_what_lets_somebody_outside_read_on(change: Change, reaches: bool) -> None:
    olga = Person(id=9, address="olga@customer.example")
    here = ticket(watchers=(Person(id=2, address=DORA), olga))
    others = (ticket(1002), ticket(1003, watchers=(olga,)))
    assert reaches_out([change], here, policy(), others) is reaches


def test_the_commands_that_may_reach_out_are_commands() -> None:
    assert set(COMMANDS) >= REACHING


@pytest.mark.parametrize(
    "text",
    [
        *("No", "No!", "Nein, das war ich nicht.", "That wasn't me", "It wasn’t me!", "Non", "No he sido yo"),
        *("Não fui eu", "Das war nicht ich", "Ce n'était pas moi", "I did not write this", "Hello, no, not mine"),
    ],
)
def test_a_no_in_any_of_the_languages_is_one(text: str) -> None:
    assert says_no(text)


@pytest.mark.parametrize(
    "text", ["", "Yes", "ja", "Oui, c'était moi", "Sí", "sim", "ok", "It was me", "Ich war das", "1"]
)
def test_a_yes_is_none(text: str) -> None:
    assert not says_no(text)


def test_an_agent_at_a_foreign_domain_is_one_of_ours() -> None:
    change = AddWatcher(watcher=Address(address="anna@home.example"))
    assert not reaches_out([change], ticket(), policy(), ())
    assert not reaches_out([AddWatcher(watcher=Address(address=BEN))], ticket(), policy(), ())


def test_the_levels_have_the_numbers_that_people_know_them_by() -> None:
    assert [(level.name, level.value) for level in Level] == [("UNKNOWN", 0), ("CLAIMED", 1), ("KEY", 2), ("DOMAIN", 3)]
