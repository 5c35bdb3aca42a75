"""Operators do on the command line what agents do by mail."""

from __future__ import annotations

from gateway.desk.commanding import Outcome, command_ticket
from gateway.desk.views import ticket_rows, tickets_with
from gateway.store.database import connection
from tests.desk.harness import DeskUnderTest

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
