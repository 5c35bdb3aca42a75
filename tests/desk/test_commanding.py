"""Operators do on the command line what agents do by mail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.desk.commanding import Outcome, command_ticket
from gateway.desk.views import ticket_rows, tickets_with
from gateway.policy import Policy
from gateway.store.database import connection
from tests.desk.harness import DESK, DeskUnderTest, policy_of

ERIKA, ANNA, BEN = "erika@example.com", "anna@example.com", "ben@example.com"


def do(desk: DeskUnderTest, text: str, number: int = 1001, agent: str = "anna") -> Outcome | None:
    found = desk.policy.agent_named(agent)
    assert found is not None
    with connection(desk.database):
        outcome = command_ticket(
            desk.database, desk.policy, desk.secrets, number, text, agent=found, by="root", now=desk.now
        )
    desk._send()
    return outcome


def test_a_command_is_carried_out_in_the_agents_name_and_says_so(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It is broken.", subject="Mouse")
    outcome = do(desk, "#take\n#priority P1")
    assert outcome is not None
    assert (outcome.done, outcome.lines) == (True, ("#take", "#priority P1"))
    ticket = desk.ticket()
    assert (ticket["assignee"], ticket["priority"], ticket["status"]) == (ANNA, "P1", "in_progress")
    assert "root did it on the command line, in the name of Anna Agent" in [one["text"] for one in ticket["history"]]
    assert desk.audit() == []


def test_words_go_to_the_requester_and_a_resolution_too(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It is broken.", subject="Mouse")
    outcome = do(desk, "#resolve A new one lies on your desk.")
    assert outcome is not None
    assert ("resolution", ERIKA) in outcome.mails
    assert "A new one lies on your desk." in desk.last(ERIKA, "resolution").text
    assert desk.audit() == []


def test_what_would_be_held_is_not_done_and_said(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It is broken.", subject="Mouse")
    before = desk.ticket()
    outcome = do(desk, "#priority P9")
    assert outcome is not None
    assert not outcome.done
    assert "is no priority" in outcome.lines[0]
    assert desk.ticket() == before


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("#handover ben", "#handover ben is a command to the desk itself: write it in a new mail to " + DESK),
        ("#list mine", f"…: write it in a new mail to {DESK}, or run `gateway ticket list`"),
        ("#away until 2026-12-24", f"…: write it in a new mail to {DESK}, or run `gateway agent away`"),
        ("#take\n#find mouse", "#find mouse is a command to the desk itself: …"),
    ],
)
def test_of_a_command_to_the_desk_is_said_where_it_belongs(desk: DeskUnderTest, text: str, line: str) -> None:
    desk.write(ERIKA, "It is broken.", subject="Mouse")
    before = desk.ticket()
    outcome = do(desk, text)
    assert outcome is not None
    assert not outcome.done
    begins, _, ends = line.partition("…")
    assert outcome.lines[-1].startswith(begins)
    assert outcome.lines[-1].endswith(ends)
    assert desk.ticket() == before


def test_of_what_must_be_known_the_codes_are_named(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    closing = '[closing]\ncodes = ["fixed", "known"]\n[[closing.require]]\nfacts = ["code", "cause"]\n'
    desk = make_desk(policy_of(more=closing))
    desk.write(ERIKA, "It is broken.", subject="Mouse")
    outcome = do(desk, "#resolve It is new.")
    assert outcome is not None
    assert not outcome.done
    assert sorted(outcome.lines[-1].removeprefix("add ").split(", ")) == ["#cause …", "#code fixed|known"]


def test_what_was_done_on_the_command_line_is_undone_by_command_and_by_mail(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It is broken.", subject="Mouse")
    desk.wait(seconds=5)
    do(desk, "#priority P2")
    desk.wait(seconds=5)
    do(desk, "#take\n#priority P1\n#cc fred@example.com")
    desk.wait(seconds=5)
    outcome = do(desk, "#undo")
    assert outcome is not None
    assert "Taken back:" in outcome.lines
    assert (desk.ticket()["assignee"], desk.ticket()["status"], desk.ticket()["priority"]) == ("", "new", "P2")
    assert "took back what was done on the command line" in [one["text"] for one in desk.ticket()["history"]]
    desk.wait(seconds=5)
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#undo")
    assert desk.ticket()["priority"] == "P3"
    again = do(desk, "#undo")
    assert again is not None
    assert not again.done
    assert desk.audit() == []


def test_a_merger_by_command_is_undone(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It is broken.", subject="Mouse")
    desk.write("helga@example.com", "It is dark.", subject="Beamer")
    desk.wait(seconds=5)
    do(desk, "#merge INC-1001", number=1002)
    assert desk.ticket(1002)["status"] == "closed"
    desk.wait(seconds=5)
    do(desk, "#undo", number=1002)
    assert desk.ticket(1002)["status"] == "new"
    assert desk.audit() == []


def test_a_ticket_that_does_not_exist(desk: DeskUnderTest) -> None:
    assert do(desk, "#take", number=4711) is None


def test_rows_of_one_agent_of_nobody_and_by_words(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It is broken.", subject="Mouse")
    desk.write(ERIKA, "It is dark.", subject="Beamer")
    do(desk, "#take")
    desk.wait(minutes=1)
    with connection(desk.database):
        mine = ticket_rows(desk.policy, everything=False, team="", limit=9, assignee=ANNA)
        nobodys = ticket_rows(desk.policy, everything=False, team="", limit=9, assignee="")
        found = tickets_with("beam dark", desk.policy, limit=9)
    assert [[row["subject"] for row in rows] for rows in (mine, nobodys, found)] == [["Mouse"], ["Beamer"], ["Beamer"]]
