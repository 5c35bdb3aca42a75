"""Whom a decision tells: a note beside words, and mails that say that a ticket is closed for good."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gateway.policy.telling import Event
from gateway.ticket import Role, Status
from gateway.triage.decide import decide
from gateway.triage.decision import Decision, MoveStatus, MuteTicket, Notice, Record
from gateway.triage.facts import OwnedTicket, Person
from gateway.triage.traffic import AutomaticMail, Traffic
from tests.triage.values import ANNA, BEN, DORA, ENVELOPE, ERIKA, NOW, facts, key, mail, policy, reference, ticket

CLOSING = "closing_mail = true"


def by_anna(text: str, *, desk: str = "", more: str = "", **values: Any) -> Decision:
    on = ticket(assignee=BEN, **values)
    known = facts(keys=(key(holder=ANNA, role=Role.AGENT),), auth_trusted=True, named_tickets=(on,))
    return decide(mail(ANNA, text), ENVELOPE, known, policy(desk, more))


def by_erika(text: str, **values: Any) -> Decision:
    answered = reference(1001, ERIKA, is_answered=True, notice="resolution", sent_at=NOW)
    on = ticket(status=Status.RESOLVED, resolved_at=NOW, assignee=ANNA)
    known = facts(keys=(key(),), references=(answered,), named_tickets=(on,), **values)
    return decide(mail(ERIKA, text), ENVELOPE, known, policy(CLOSING))


def notices(decision: Decision, *names: str) -> list[Notice]:
    return [one for one in decision.changes if isinstance(one, Notice) and one.name in names]


@pytest.mark.parametrize(
    ("answered", "noted", "mails"),
    [
        ("at once", "at once", [("agent_answered", True)]),
        ("digest", "digest", [("agent_answered", True)]),
        ("never", "at once", [("internal_note", False)]),
        ("digest", "at once", [("agent_answered", False), ("internal_note", False)]),
        ("at once", "never", [("agent_answered", False)]),
    ],
)
def test_words_and_a_note_are_one_mail_to_colleagues_only_where_both_are_told_alike(
    answered: str, noted: str, mails: list[tuple[str, bool]]
) -> None:
    rules = "".join(
        f'[[notice]]\nevent = "{event}"\nwhen = "{when}"\n'
        for event, when in ((Event.AGENT_ANSWERED, answered), (Event.INTERNAL_NOTE, noted))
    )
    decision = by_anna("Dear Erika, try now.\n#priority P1\n#note Watch the router.", more=rules)
    told = [one for one in notices(decision, "agent_answered", "internal_note") if one.to.address == BEN]
    assert [(one.name, "note" in one.context) for one in told] == mails
    # What happened is said once, and to everybody who hears of anything.
    assert [bool(one.context.get("changes")) for one in told] == [True] + [False] * (len(told) - 1)


def test_the_mail_of_a_close_is_held_for_a_dead_address_and_not_written_to_a_muted_one() -> None:
    dead = Person(id=1, address=ERIKA, bounced_at=NOW - timedelta(days=1))
    muted = Person(id=2, address=DORA, muted_until=NOW + timedelta(days=1))
    decision = by_anna("#close", desk=CLOSING, requester=dead, watchers=(muted,))
    assert [(one.to.address, one.hold) for one in notices(decision, "closing")] == [(ERIKA, "undeliverable")]
    why = [one.detail["why"] for one in decision.changes if isinstance(one, Record) and one.kind == "suppressed"]
    assert why == ["undeliverable", "muted"]
    assert [one.hold for one in notices(by_anna("#close", desk=CLOSING), "closing")] == ["", ""]
    lifted = by_anna("#close", desk=CLOSING, is_muted=True)
    assert len(notices(lifted, "closing")) == 2, "an agent acts, so the ticket is muted no more"
    assert lifted.changes[0] == MuteTicket(is_muted=False), "before anything turns to another ticket"


@pytest.mark.parametrize("words", ["yes", "5"])
def test_a_yes_that_closes_is_told_to_who_reads_along_and_not_to_who_said_it(words: str) -> None:
    decision = by_erika(words)
    assert [one.to for one in decision.changes if isinstance(one, MoveStatus)] == [Status.CLOSED]
    told = notices(decision, "closing")
    assert [(one.to.address, one.context["confirmed_by"], one.context["agent"]) for one in told] == [
        (DORA, "Erika Muster", None)
    ]


def test_what_a_yes_tells_counts_in_the_budgets_of_automatic_mail() -> None:
    minutes = [NOW - timedelta(minutes=one) for one in range(10)]
    mails = tuple(AutomaticMail(notice="update", ticket=1001, at=at) for at in minutes)
    assert notices(by_erika("yes", traffic=(Traffic(address=DORA, automatic=mails[1:]),)), "closing")
    decision = by_erika("yes", traffic=(Traffic(address=DORA, automatic=mails),))
    assert notices(decision, "closing") == []
    assert [one.detail["why"] for one in decision.changes if isinstance(one, Record)] == ["ticket"]


def test_each_agent_whose_answers_are_too_many_is_told_so() -> None:
    many = tuple(AutomaticMail(notice="result", ticket=None, at=NOW) for _ in range(120))
    known = facts(
        auth_trusted=True,
        named_tickets=(),
        owned=(OwnedTicket(owner=ANNA, number=1001, token="INC-1001"),),
        traffic=tuple(Traffic(address=one, automatic=many) for one in (ANNA, BEN)),
    )
    one = mail(ANNA, "#handover ben", subject="x", in_reply_to=())
    decision = decide(one, ENVELOPE, known, policy())
    assert sorted(one.to.address for one in notices(decision, "pace")) == [ANNA, BEN]
