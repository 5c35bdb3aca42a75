"""May this sender? One row for each line of DESIGN's table, and for each way to pretend."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gateway.mail import Mail
from gateway.ticket import Role
from gateway.triage.authorise import Authorisation, Standing, authorise
from gateway.triage.facts import Evidence, Facts, SignatureFact
from gateway.triage.thread import thread
from gateway.triage.trust import Means
from tests.triage.values import ANNA, BEN, DORA, ERIKA, EVE, NOW, facts, key, mail, policy, reference, ticket, token

CARL = "carl@example.com"
OLGA = "olga@customer.example"
OUTSIDE = ticket(requester=ticket().requester.__class__(id=9, address=OLGA))
READS_ALONG = ticket(reading=(ANNA,))
MERGED = ticket(watchers=(ticket().requester.__class__(id=3, address="anna@home.example"),))
AGENT_KEY = key(holder=ANNA, role=Role.AGENT)
VOID_KEY = key(holder=ANNA, role=Role.AGENT, usable=False)


def decided(one: Mail, known: Facts) -> Authorisation:
    return authorise(one, known, policy(), thread(known))


@pytest.mark.parametrize(
    ("sender", "known", "standing", "verified", "moves"),
    [
        # A valid reply key: append; somebody new as another person
        (ERIKA, {"keys": (key(),)}, Standing.REQUESTER, True, True),
        (DORA, {"keys": (key(holder=DORA, role=Role.WATCHER),)}, Standing.WATCHER, True, True),
        (EVE, {"keys": (key(),)}, Standing.OTHER, False, True),
        (EVE, {"keys": (AGENT_KEY,)}, Standing.OTHER, False, True),
        (ERIKA, {"keys": (key(evidence=Evidence.QUOTED),)}, Standing.REQUESTER, True, True),
        (ERIKA, {"keys": (key(), key(holder=DORA, role=Role.WATCHER))}, Standing.REQUESTER, True, True),
        # An id that others made: who was named in that mail, or is of the house
        (EVE, {"references": (reference(1001, EVE),)}, Standing.OTHER, False, False),
        (EVE, {"references": (reference(1001, EVE),), "auth_trusted": True}, Standing.OTHER, True, True),
        (EVE, {"references": (reference(1001, EVE), reference(1001))}, Standing.OTHER, False, False),
        (CARL, {"references": (reference(1001),)}, Standing.OTHER, False, True),
        (ERIKA, {"references": (reference(1001),)}, Standing.REQUESTER, False, True),
        (EVE, {"references": (reference(1001, ERIKA),)}, Standing.CLAIM, False, False),
        # A subject token: who is on the ticket
        (ERIKA, {"tokens": (token(),)}, Standing.REQUESTER, False, True),
        (DORA, {"tokens": (token(),)}, Standing.WATCHER, False, True),
        (ERIKA, {"tokens": (token(),), "auth_trusted": True}, Standing.REQUESTER, True, True),
        (OLGA, {"tokens": (token(),), "named_tickets": (OUTSIDE,)}, Standing.REQUESTER, False, False),
        (
            OLGA,
            {"tokens": (token(),), "named_tickets": (OUTSIDE,), "auth_trusted": True},
            Standing.REQUESTER,
            True,
            True,
        ),
        # From anybody else it is a claim, also from the house and authenticated
        (EVE, {"tokens": (token(),)}, Standing.CLAIM, False, False),
        (CARL, {"tokens": (token(),), "auth_trusted": True}, Standing.CLAIM, False, False),
        (EVE, {"tokens": (token(evidence=Evidence.QUOTED),)}, Standing.CLAIM, False, False),
        ("", {"tokens": (token(),)}, Standing.CLAIM, False, False),
        # Agents act by their own key from their own address, or where something vouches for that address
        (ANNA, {"keys": (AGENT_KEY,)}, Standing.AGENT, True, True),
        ("anna@home.example", {"keys": (AGENT_KEY,)}, Standing.AGENT, True, True),
        (BEN, {"keys": (AGENT_KEY,)}, Standing.AGENT_UNPROVEN, False, False),
        # Who reads along and is an agent acts by a reader's key; for nobody else does it make an agent
        (
            ANNA,
            {"keys": (key(holder=ANNA, role=Role.WATCHER),), "named_tickets": (READS_ALONG,)},
            Standing.AGENT,
            True,
            True,
        ),
        (ANNA, {"keys": (key(holder=ANNA, role=Role.WATCHER),)}, Standing.AGENT_UNPROVEN, False, False),
        # Whose own matter was merged stays who asked, from each of their addresses; by an agent's key they are an agent
        (
            ANNA,
            {"keys": (key(holder="anna@home.example", role=Role.WATCHER),), "named_tickets": (MERGED,)},
            Standing.WATCHER,
            True,
            True,
        ),
        (ANNA, {"keys": (AGENT_KEY,), "named_tickets": (MERGED,)}, Standing.AGENT, True, True),
        (BEN, {"keys": (key(holder=ANNA, role=Role.WATCHER),)}, Standing.AGENT_UNPROVEN, False, False),
        (EVE, {"keys": (key(holder=ANNA, role=Role.WATCHER),)}, Standing.OTHER, False, True),
        (DORA, {"keys": (key(holder=ANNA, role=Role.WATCHER),)}, Standing.WATCHER, False, True),
        (ANNA, {"keys": (key(),)}, Standing.AGENT_UNPROVEN, False, False),
        (ANNA, {"keys": (key(holder=ANNA, role=Role.REQUESTER),)}, Standing.AGENT_UNPROVEN, False, False),
        (ANNA, {"references": (reference(1001, ANNA),)}, Standing.AGENT_UNPROVEN, False, False),
        (ANNA, {"references": (reference(1001, ANNA),), "auth_trusted": True}, Standing.AGENT, True, True),
        (ANNA, {"tokens": (token(),)}, Standing.AGENT_UNPROVEN, False, False),
        (ANNA, {"tokens": (token(),), "auth_trusted": True}, Standing.AGENT, True, True),
        # What a mail only quotes, it need not answer
        (
            ANNA,
            {"tokens": (token(evidence=Evidence.QUOTED),), "auth_trusted": True},
            Standing.AGENT_UNPROVEN,
            False,
            False,
        ),
        (ANNA, {"tokens": (token(),), "confirmed_by": ANNA}, Standing.AGENT, True, True),
        (ANNA, {"tokens": (token(),), "confirmed_by": BEN}, Standing.AGENT_UNPROVEN, False, False),
        # No ticket
        (EVE, {}, Standing.NOBODY, False, True),
    ],
)
def test_who_may_what(sender: str, known: dict[str, Any], standing: Standing, verified: bool, moves: bool) -> None:
    found = decided(mail(sender), facts(**known))
    assert (found.standing, found.verified, found.moves) == (standing, verified, moves)


def test_a_key_for_another_ticket_proves_nothing_here() -> None:
    other = key(1002, holder=ANNA, role=Role.AGENT, evidence=Evidence.QUOTED)
    found = decided(
        mail(ANNA), facts(keys=(other,), references=(reference(1001),), named_tickets=(ticket(), ticket(1002)))
    )
    assert found.standing is Standing.AGENT_UNPROVEN


def test_two_senders_in_one_from_header_are_no_agent() -> None:
    found = decided(mail(ANNA, sender_defects=("several mailboxes",)), facts(keys=(AGENT_KEY,)))
    assert found.standing is Standing.AGENT_UNPROVEN
    assert "several mailboxes" in found.reasons[0].text


def test_an_agent_who_asked_something_is_a_requester_there_and_an_agent_with_the_key() -> None:
    own = ticket(requester=ticket().requester.__class__(id=3, address=ANNA))
    asked = facts(tokens=(token(),), named_tickets=(own,))
    assert decided(mail(ANNA), asked).standing is Standing.REQUESTER
    working = facts(keys=(AGENT_KEY,), named_tickets=(own,))
    assert decided(mail(ANNA), working).standing is Standing.AGENT
    for other in (key(holder=ANNA), key(holder=BEN, role=Role.AGENT)):
        assert decided(mail(ANNA), facts(keys=(other,), named_tickets=(own,))).standing is Standing.REQUESTER


@pytest.mark.parametrize(
    ("held", "standing"),
    [
        # The address that the mail went to says in which role the answered mail came to the agent; ids may be of both.
        ([(Role.REQUESTER, Evidence.RECIPIENT_KEY), (Role.AGENT, Evidence.REFERENCE)], Standing.REQUESTER),
        ([(Role.AGENT, Evidence.RECIPIENT_KEY), (Role.REQUESTER, Evidence.REFERENCE)], Standing.AGENT),
        ([(Role.AGENT, Evidence.REFERENCE), (Role.REQUESTER, Evidence.REFERENCE)], Standing.AGENT),
        ([(Role.REQUESTER, Evidence.REFERENCE)], Standing.REQUESTER),
    ],
)
def test_an_agent_who_is_the_requester_answers_in_the_role_in_which_the_mail_came(
    held: list[tuple[Role, Evidence]], standing: Standing
) -> None:
    own = ticket(requester=ticket().requester.__class__(id=3, address=ANNA))
    keys = tuple(key(holder=ANNA, role=role, evidence=evidence) for role, evidence in held)
    assert decided(mail(ANNA), facts(keys=keys, named_tickets=(own,))).standing is standing


def test_one_of_several_watchers_is_one_and_where_there_is_none_nobody_is() -> None:
    person = ticket().requester.__class__
    two = ticket(watchers=(person(id=2, address=DORA), person(id=5, address=EVE)))
    assert decided(mail(EVE), facts(tokens=(token(),), named_tickets=(two,))).standing is Standing.WATCHER
    alone = ticket(watchers=())
    assert decided(mail(EVE), facts(tokens=(token(),), named_tickets=(alone,))).standing is Standing.CLAIM


def test_an_expired_key_of_an_agent_acts_as_nobody() -> None:
    void = key(holder=ANNA, role=Role.AGENT, usable=False, why_not="expired")
    for more in ({}, {"references": (reference(1001, ANNA),)}, {"tokens": (token(),)}):
        assert decided(mail(ANNA), facts(keys=(void,), **more)).standing is Standing.AGENT_UNPROVEN


def test_defects_of_the_sender_take_the_verification_away() -> None:
    found = decided(mail(sender_defects=("bad",)), facts(tokens=(token(),), auth_trusted=True))
    assert not found.verified


def test_every_standing_is_in_the_table_above() -> None:
    table: Any = next(mark for mark in test_who_may_what.pytestmark if mark.name == "parametrize")
    assert {row[2] for row in table.args[1]} == set(Standing)


@pytest.mark.parametrize(
    ("means", "said"),
    [
        ({"keys": (AGENT_KEY,)}, "it has only the key"),
        ({"tokens": (token(),), "auth_trusted": True}, "it has only a proof of the domain"),
        ({"tokens": (token(),)}, "it carries no valid reply key"),
    ],
)
def test_a_desk_that_asks_for_both_proofs_says_which_one_is_missing(means: dict[str, Any], said: str) -> None:
    known = facts(**means)
    found = authorise(mail(ANNA), known, policy(more='[trust]\nrequire = "key+domain"'), thread(known))
    assert (found.standing, found.verified, found.moves) == (Standing.AGENT_UNPROVEN, False, False)
    assert found.reasons[0].code == "agent-unproven"
    assert said in found.reasons[0].text


def test_an_agents_reason_names_every_proof_the_level_and_who_vouches() -> None:
    known = facts(keys=(AGENT_KEY,), auth_trusted=True, vouched_by="mx.example.com (dkim)")
    (reason,) = decided(mail(ANNA), known).reasons
    assert reason.code == "agent-proven"
    assert str(reason.text) == (
        "Anna Agent, proven by the key given to them for this ticket and their domain (L3): mx.example.com (dkim)"
    )
    by_answer = decided(mail(ANNA), facts(tokens=(token(),), confirmed_by=ANNA, vouched_by="mx.example.com"))
    assert str(by_answer.reasons[0].text) == "Anna Agent, proven by their answer to our question (L2)"


@pytest.mark.parametrize(("age", "counts"), [(timedelta(days=30), False), (timedelta(days=29, hours=23), True)])
def test_an_agents_answer_to_our_question_is_remembered_for_thirty_days(age: timedelta, counts: bool) -> None:
    proof = decided(mail(ANNA), facts(keys=(key(holder=ANNA, role=Role.AGENT, confirmed_at=NOW - age),))).proof
    assert proof == {Means.CLAIM, Means.KEY} | ({Means.REMEMBERED} if counts else set())


def test_a_plain_new_mail_proves_what_was_checked_and_is_a_new_matter() -> None:
    found = decided(mail(ANNA), facts(auth_trusted=True, named_tickets=()))
    assert (found.standing, found.verified, found.moves) == (Standing.NOBODY, True, True)
    assert found.agent is not None and found.proof == {Means.CLAIM, Means.DOMAIN}


def test_two_senders_in_one_from_header_prove_nothing_but_what_the_agent_has_confirmed() -> None:
    odd = mail(ANNA, sender_defects=("several mailboxes",))
    assert decided(odd, facts(keys=(AGENT_KEY,), auth_trusted=True)).proof == {Means.CLAIM}
    assert decided(odd, facts(tokens=(token(),), confirmed_by=ANNA)).proof == {Means.CLAIM, Means.CONFIRMED}


@pytest.mark.parametrize(
    ("known", "standing"),
    [
        ({"keys": (key(1002, holder=ANNA, usable=False),)}, Standing.AGENT_UNPROVEN),
        ({"has_broken_key": True}, Standing.AGENT_UNPROVEN),
        ({"has_broken_key": True, "auth_trusted": True}, Standing.AGENT_UNPROVEN),
        ({"has_broken_key": True, "confirmed_by": ANNA}, Standing.NOBODY),
        ({"keys": (key(1002, holder=ANNA, usable=False, evidence=Evidence.QUOTED),)}, Standing.NOBODY),
        ({}, Standing.NOBODY),
    ],
)
def test_an_agents_void_key_that_leads_to_no_ticket_is_a_question_not_a_new_matter(
    known: dict[str, Any], standing: Standing
) -> None:
    assert decided(mail(ANNA), facts(**(known | {"named_tickets": ()}))).standing is standing


def test_the_void_key_of_somebody_else_says_nothing_about_this_sender() -> None:
    void = key(holder=ANNA, role=Role.AGENT, usable=False)
    assert decided(mail(EVE), facts(keys=(void,), tokens=(token(),))).standing is Standing.CLAIM
    broken = decided(mail(EVE), facts(has_broken_key=True, named_tickets=()))
    assert broken.standing is Standing.NOBODY


def test_what_our_own_check_of_the_signature_says_stands_last_and_decides_nothing() -> None:
    plain = decided(mail(ANNA), facts(keys=(AGENT_KEY,)))
    checked = decided(mail(ANNA), facts(keys=(AGENT_KEY,), signature=SignatureFact(words="signed by example.com")))
    assert [reason.code for reason in checked.reasons] == ["agent-proven", "dkim"]
    assert str(checked.reasons[-1].text) == "signed by example.com"
    assert (checked.standing, checked.proof) == (plain.standing, plain.proof)


@pytest.mark.parametrize("more", [{"auth_trusted": True}, {"confirmed_by": ANNA}, {"keys": (VOID_KEY, AGENT_KEY)}])
def test_a_void_key_does_not_hurt_who_has_another_proof(more: dict[str, Any]) -> None:
    known = {"keys": (VOID_KEY,), "tokens": (token(),)} | more
    assert decided(mail(ANNA), facts(**known)).standing is Standing.AGENT


@pytest.mark.parametrize("held", [{"tokens": (token(),)}, {"keys": (key(),)}])
def test_a_former_agents_key_is_worth_nothing_and_the_reason_names_the_address(held: dict[str, Any]) -> None:
    left = key(holder=CARL, role=Role.AGENT, usable=False)
    found = decided(mail(CARL), facts(**(held | {"keys": (left, *held.get("keys", ()))})))
    assert (found.standing, found.verified, found.moves, found.agent) == (Standing.AGENT_UNPROVEN, False, False, None)
    (reason,) = found.reasons
    assert reason.code == "agent-unproven"
    assert str(reason.text) == f"in the name of {CARL}, but its reply key is not valid, or not any more"


def test_a_requesters_expired_key_is_no_attempt_to_act_as_an_agent() -> None:
    void = key(holder=EVE, usable=False)
    assert decided(mail(EVE), facts(keys=(void,), tokens=(token(),))).standing is Standing.CLAIM


@pytest.mark.parametrize(
    ("one", "known", "code", "text"),
    [
        (
            mail(ANNA),
            {"keys": (VOID_KEY,), "tokens": (token(),)},
            "agent-unproven",
            "in the name of Anna Agent, but its reply key is not valid, or not any more",
        ),
        (
            mail(ANNA),
            {"tokens": (token(),)},
            "agent-unproven",
            "in the name of Anna Agent, but it carries no valid reply key of this agent for this ticket, "
            "and nothing vouches for its domain (L1)",
        ),
        (
            mail(ANNA, sender_defects=("several mailboxes", "a comment")),
            {"keys": (AGENT_KEY,)},
            "agent-unproven",
            "in the name of Anna Agent, but the From header is not one plain mailbox (several mailboxes, a comment) "
            "(L1)",
        ),
        (mail(EVE), {"keys": (key(),)}, "append-other", "the sender carries a valid reply key of this ticket"),
        (
            mail(EVE),
            {"references": (reference(1001, EVE),)},
            "append-other",
            "the sender answers a mail that named them",
        ),
        (
            mail(CARL),
            {"references": (reference(1001),)},
            "append-other",
            "the sender is on the ticket or in the desk's own domains",
        ),
        (
            mail(DORA),
            {"tokens": (token(),)},
            "append-watcher",
            "the sender is a watcher of the ticket, known by address only",
        ),
        (
            mail(ERIKA),
            {"tokens": (token(),), "auth_trusted": True},
            "append-requester",
            "the sender is the requester of the ticket",
        ),
        (
            mail(EVE),
            {"references": (reference(1001),)},
            "claim",
            "the sender answers a mail of this ticket that did not name them: a new ticket, linked to the one named",
        ),
        (
            mail(EVE),
            {"tokens": (token(),)},
            "claim",
            "the sender names a ticket that they are not on; a number is a label, not a key: "
            "a new ticket, linked to the one named",
        ),
    ],
)
def test_every_decision_says_why(one: Mail, known: dict[str, Any], code: str, text: str) -> None:
    (reason,) = decided(one, facts(**known)).reasons
    assert (reason.code, str(reason.text)) == (code, text)


def test_the_names_of_the_standings_stay_as_they_were_written_into_tickets() -> None:
    names = ["agent", "agent_unproven", "requester", "watcher", "other", "claim", "nobody"]
    assert [one.value for one in Standing] == names
