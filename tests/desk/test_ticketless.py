"""Answers to what the desk says about no ticket: they belong to none, reach nobody, and their author is told so."""

from __future__ import annotations

from pathlib import Path

import pytest

import gateway
from gateway.desk.carry_out import FIRST_NUMBER
from gateway.store.states import Outcome
from gateway.subject import find_tokens
from gateway.triage.commands import COMMANDS
from gateway.triage.desk_commands import DESK_COMMANDS
from tests.desk.harness import DESK, DeskUnderTest, Sent, policy_of

ERIKA, ANNA, BEN = "erika@example.com", "anna@example.com", "ben@example.com"
PREFIXES = ("INC", "REQ")


def told(desk: DeskUnderTest) -> Sent:
    """A ticket of Erika's, and what the desk says to Anna about none, with that ticket's number in it."""
    desk.write(ERIKA, "It drops.")
    desk.write(ANNA, "#take\n#link INC-1001", subject="take")
    mail = desk.last(ANNA, "result")
    assert "INC-1001" in mail.text
    assert mail.subject == "Not done: #take (+1)"
    return mail


@pytest.mark.parametrize(
    ("text", "subject", "said"),
    [
        ("I have it, Erika.", "Nothing done", "your words reached nobody"),
        ("#take\nI have it, Erika.", "Not done: #take", "your words reached nobody"),
        ("#take", "Not done: #take", "these commands need a ticket"),
    ],
)
def test_an_answer_to_what_is_about_no_ticket_reaches_nobody_and_says_so(
    desk: DeskUnderTest, text: str, subject: str, said: str
) -> None:
    mail = told(desk)
    before, known = desk.ticket(), len(desk.sent)
    row = desk.answer(ANNA, mail, text)
    assert (row.outcome, row.ticket_id) == (Outcome.FILED, None)
    assert [(one.to, one.notice) for one in desk.sent[known:]] == [(ANNA, "result")]
    again = desk.last(ANNA)
    assert again.subject == subject
    words = " ".join(again.text.split())
    assert said in words
    assert "write #show INC-… to the desk" in words
    assert desk.ticket() == before
    assert desk.audit() == []
    assert desk.answer(ANNA, again, "And now?").outcome == Outcome.FILED


@pytest.mark.parametrize(
    ("text", "more", "outcome"),
    [
        ("#show INC-1001", {}, Outcome.COMMANDED),
        # Under a subject of one's own, with a caller's name, or passed on, it is a matter.
        ("The coffee machine leaks.", {"subject": "Coffee"}, Outcome.OPENED),
        ("#requester fred@example.com\n\nHis mouse is broken.", {}, Outcome.OPENED),
        # With a ticket's number in the subject it is meant for that ticket.
        ("I have it.", {"subject": "Re: [INC-1001] My VPN is down"}, ""),
    ],
)
def test_what_is_clearly_meant_stays_what_it_is(
    desk: DeskUnderTest, text: str, more: dict[str, str], outcome: str
) -> None:
    row = desk.answer(ANNA, told(desk), text, **more)
    assert row.outcome == outcome
    assert row.reason_code == ("" if outcome else "agent-unproven")
    assert len(desk.ticket()["messages"]) == 1


def test_a_mail_about_many_tickets_is_about_none_of_them(desk: DeskUnderTest) -> None:
    """The one in which notices are gathered carries no key of any ticket, and an id that anybody could make up."""
    desk.change_policy(policy_of(more='[[notice]]\nevent = "new_ticket"\nwhen = "bundle"\n'))
    desk.write(ERIKA, "It drops.")
    desk.write(ERIKA, "The printer too.", subject="Printer")
    desk.wait(hours=2)
    bundle = desk.last(ANNA, "bundle").message_id
    quoting = "On it.\n\nOn Mon, 2 Mar 2026 at 09:00, Help Desk wrote:\n> - [INC-1001] My VPN is down: new"
    for ours, outcome in ((bundle, Outcome.FILED), ("<hg.abcdefghijklmnop@example.com>", ""), ("<1@example.com>", "")):
        headers = {"In-Reply-To": ours, "References": ours}
        assert desk.write(ANNA, quoting, subject="Re: 4 messages", headers=headers).outcome == outcome
    (said,) = desk.inbox(ANNA, "result")
    assert "reached nobody" in said.text


def test_an_answer_to_a_list_that_lost_its_ids_belongs_to_no_ticket_of_its_quote(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    quoting = f"Hello\n\nOn Mon, 2 Mar 2026 at 09:00, Help Desk <{DESK}> wrote:\n> 1 · INC-1001: My VPN is down\n"
    assert desk.write(ANNA, quoting, subject="Re: Your open tickets (1)").outcome == Outcome.FILED
    assert "your words reached nobody" in " ".join(desk.last(ANNA, "result").text.split())
    assert not desk.inbox(ANNA, "challenge")
    for written in ("Help Desk wrote:\n> =-=-= Write above =-=-=", "Bob <bob@example.com> wrote:\n> Please look"):
        desk.write(ANNA, f"It flickers.\n\nOn Mon, 2 Mar 2026 at 09:00, {written}\n> INC-1001\n", subject="Re: Screen")
    # What answers somebody else is a matter, of none of the tickets that stand in its quote.
    assert [desk.ticket(1002)["subject"], len(desk.ticket(1001)["messages"])] == ["Screen", 1]
    assert len(desk.inbox(ANNA, "result")) == 2
    # A new subject is a new matter, whatever the quote below it names.
    assert desk.write(ANNA, quoting, subject="Question on my list").outcome == Outcome.OPENED
    assert len(desk.ticket(1001)["messages"]) == 1
    # A ticket's mail has its number in the subject.
    assert desk.write(ANNA, quoting, subject="Re: [INC-1001] My VPN is down").reason_code == "agent-unproven"


def test_under_a_new_subject_an_answer_to_a_list_is_a_ticket_of_its_own(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.write(ANNA, "#list team", subject="list")
    listed = desk.last(ANNA, "listing")
    assert desk.answer(ANNA, listed, "1 take", subject="Mine").outcome == Outcome.COMMANDED
    assert desk.answer(ANNA, listed, "The coffee machine leaks.", subject="Coffee").outcome == Outcome.OPENED
    assert desk.ticket(1002)["subject"] == "Coffee"
    assert len(desk.ticket(1001)["messages"]) == 2


def test_undo_in_answer_to_a_hand_over_is_told_where_it_belongs_and_works_there(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    own = desk.last(ANNA, "new_ticket")
    desk.answer(ANNA, own, "#take")
    desk.write(ANNA, "#handover ben", subject="Off")
    desk.answer(ANNA, desk.last(ANNA, "challenge"), "Yes")
    handed = desk.last(ANNA, "result")
    assert handed.subject == "Done: #handover ben"
    desk.answer(ANNA, handed, "#undo\n#link INC-4711")
    told = " ".join(desk.last(ANNA, "result").text.split())
    assert "these commands need a ticket, and the mail that you answer is about none" in told
    assert "also by a hand-over" in told
    assert "INC-4711 to the desk" not in told and "#show INC-… to the desk" in told
    desk.answer(ANNA, own, "#undo")
    assert desk.ticket()["assignee"] == ANNA


def test_an_employees_answer_to_a_list_of_matters_is_a_matter_of_its_own(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.write(ERIKA, "The printer too.", subject="Printer")
    desk.write(ERIKA, "status", subject="")
    row = desk.answer(ERIKA, desk.last(ERIKA, "status"), "The first one is settled, thank you very much.")
    assert row.outcome == Outcome.OPENED
    assert [len(desk.ticket(number)["messages"]) for number in (1001, 1002, 1003)] == [1, 1, 1]


def test_no_example_is_the_number_of_a_ticket() -> None:
    """What a mail of the desk gives as an example stands in the quote of every answer to it."""
    templates = Path(gateway.__file__).parents[1] / "templates"
    texts = [path.read_text(encoding="utf-8") for path in templates.rglob("*") if path.is_file()]
    texts += [*(str(row.usage) for row in COMMANDS.values()), *(str(row.usage) for row in DESK_COMMANDS.values())]
    assert [found for text in texts for found in find_tokens(text, PREFIXES) if found[1] >= FIRST_NUMBER] == []
    assert find_tokens("write #show INC-… to the desk", PREFIXES) == ()
