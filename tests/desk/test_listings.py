"""Lists of tickets by mail, and the answers to them, line by line."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from gateway.store.database import connection
from gateway.store.states import LedgerState, Outcome
from gateway.store.tables import Absence
from tests.desk.harness import DeskUnderTest, Sent, policy_of
from tests.desk.test_promises import promised

__all__ = ["promised"]

PROVEN = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}
ERIKA, ANNA, BEN, NORA = "erika@example.com", "anna@example.com", "ben@example.com", "nora@example.com"


def matters(desk: DeskUnderTest, *subjects: str) -> None:
    for subject in subjects:
        desk.write(ERIKA, f"{subject}. Please help.", subject=subject)


def asked(desk: DeskUnderTest, command: str = "#list team", sender: str = ANNA) -> Sent:
    desk.write(sender, command, subject="list")
    return desk.last(sender, "listing")


def test_a_list_says_which_promise_is_due_and_asks_for_all_of_them_at_once(
    promised: DeskUnderTest, caplog: pytest.LogCaptureFixture
) -> None:
    matters(promised, "Mouse broken", "Beamer dark", "Printer jams")
    # Her answer to the last of them stops its first clock.
    promised.answer(ANNA, promised.last(ANNA, "new_ticket"), "Please pull the tray.")
    with caplog.at_level(logging.DEBUG, logger="peewee"):
        mail = asked(promised)
    entries = " ".join(mail.text.split())
    assert "answer due 10:00 2. INC-1002" in entries
    assert "Anna Agent, opened 2 March 2026, 09:02, solve by Tue 08:02" in entries
    statements = [record.getMessage() for record in caplog.records]
    assert len([one for one in statements if "sla_clock" in one]) == 1


def lines_of(text: str) -> list[str]:
    return [line[2:] for line in text.splitlines() if line.startswith("- ")]


def test_an_agent_asks_for_the_teams_tickets_and_gets_them_as_a_numbered_list(desk: DeskUnderTest) -> None:
    matters(desk, "Mouse broken", "Beamer dark")
    mail = asked(desk)
    assert mail.subject == "Open tickets of: desk, network (2)"
    assert "1. INC-1001 P3: Mouse broken" in mail.text
    assert "2. INC-1002 P3: Beamer dark" in mail.text
    assert "nobody has it" in mail.text
    assert desk.audit() == []


@pytest.mark.parametrize(
    ("subject", "text", "expected"),
    [
        ("#list mine", "", "Your open tickets (0)"),
        ("#list", "Sent from my phone", "Your open tickets (0)"),
        ("", "#list unowned", "Tickets that nobody has, of: desk, network (1)"),
        ("", "#list network", "Open tickets of: network (0)"),
        ("", "#list team desk", "Open tickets of: desk (1)"),
    ],
)
def test_the_command_stands_in_the_subject_or_in_the_text(
    desk: DeskUnderTest, subject: str, text: str, expected: str
) -> None:
    matters(desk, "Mouse broken")
    desk.write(ANNA, text or "\n", subject=subject)
    assert desk.last(ANNA, "listing").subject == expected


def test_each_line_of_the_answer_is_carried_out_and_told(desk: DeskUnderTest) -> None:
    matters(desk, "Mouse broken", "Beamer dark", "Printer jam", "Screen black", "Phone dead")
    mail = asked(desk)
    text = "1 done Got a new mouse.\n2 @ben\n3 p1\n4 note called her\n5 resovle\n9 take\nSee you tomorrow"
    row = desk.answer(ANNA, mail, text)
    assert (row.state, row.outcome, row.ticket_id) == (LedgerState.DONE, Outcome.COMMANDED, None)
    assert desk.ticket(1001)["status"] == "resolved"
    assert desk.ticket(1002)["assignee"] == BEN
    assert desk.ticket(1003)["priority"] == "P1"
    assert [one["text"] for one in desk.ticket(1004)["messages"]][1:] == ["called her"]
    assert "Got a new mouse." in desk.last(ERIKA, "resolution").text
    assert "called her" not in "".join(one.text for one in desk.inbox(ERIKA))
    assert lines_of(desk.last(ANNA, "result").text) == [
        "1 · INC-1001: resolved",
        "2 · INC-1002: assigned to Ben Helper",
        "3 · INC-1003: priority P1",
        "4 · INC-1004: noted",
        "5 · INC-1005: resovle: is no command; what would fit: #resolve",
        "9 is not in that list",
        "Left alone: See you tomorrow",
    ]
    assert desk.last(ANNA, "result").subject == "4 of 6 done, left alone: 1"
    assert [event["actor"] for event in desk.ticket(1002)["history"]][-1] == ANNA
    assert desk.audit() == []


def test_a_command_of_other_mails_is_called_that_and_nothing_is_put_in_its_place(desk: DeskUnderTest) -> None:
    matters(desk, "Mouse broken")
    orders = ("send", "files", "undo", "retry", "cc a@example.com", "requester a@example.com", "merge INC-2", "why")
    text = "\n".join(f"1 {order}" for order in orders)
    desk.answer(ANNA, asked(desk), f"hello there\nall take\n{text}\n1 list mine\n1 p2")
    said = " ".join(desk.last(ANNA, "result").text.split())
    for order in orders:
        assert f"{order}: can't be done in answer to a list; answer the ticket's own mail" in said
    assert "list mine: stands alone in a line, without a number" in said
    assert "- Left alone: hello there - Left alone: all take" in said
    assert "what would fit" not in said
    assert desk.last(ANNA, "result").subject == "1 of 10 done, left alone: 2"
    assert desk.ticket()["status"] == "new"


def test_several_lines_for_one_ticket_are_done_in_their_order(desk: DeskUnderTest) -> None:
    matters(desk, "Mouse broken")
    desk.answer(ANNA, asked(desk), "1 take\n1 p2\n1 hold nobody\n1 done")
    ticket = desk.ticket()
    assert (ticket["assignee"], ticket["priority"], ticket["status"]) == (ANNA, "P2", "resolved")
    result = desk.last(ANNA, "result")
    assert result.subject == "3 of 4 done"
    said = " ".join(result.text.split())
    assert "- 1 · INC-1001: taken by Anna Agent - 1 · INC-1001: priority P2 - 1 · INC-1001: #hold nobody:" in said


def test_a_list_is_answered_by_the_agent_who_got_it_and_by_nobody_else(desk: DeskUnderTest) -> None:
    matters(desk, "Mouse broken")
    row = desk.answer(BEN, asked(desk), "1 done")
    assert row.state == LedgerState.QUARANTINED
    assert desk.ticket()["status"] == "new"
    row = desk.answer("mallory@evil.example.net", desk.last(ANNA, "listing"), "1 done")
    assert row.state == LedgerState.QUARANTINED


def test_an_old_list_says_so(desk: DeskUnderTest) -> None:
    matters(desk, "Mouse broken")
    mail = asked(desk)
    desk.wait(days=8)
    desk.answer(ANNA, mail, "1 done")
    assert desk.ticket()["status"] == "new"
    assert "more than a week old" in desk.last(ANNA, "result").text


def test_an_out_of_office_answer_to_a_list_does_nothing(desk: DeskUnderTest) -> None:
    matters(desk, "Mouse broken")
    row = desk.answer(ANNA, asked(desk), "1 done", headers={"Auto-Submitted": "auto-replied"})
    assert row.outcome == Outcome.FILED
    assert desk.ticket()["status"] == "new"


def test_what_would_let_an_outsider_read_is_no_order(desk: DeskUnderTest) -> None:
    matters(desk, "Mouse broken")
    desk.answer(ANNA, asked(desk), "1 cc mallory@evil.example.net")
    assert desk.ticket()["watchers"] == []


def test_an_employee_who_writes_such_a_line_opens_a_ticket(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "#list mine", subject="list")
    assert desk.ticket()["subject"] == "list"
    assert desk.inbox(ERIKA, "listing") == []


def test_a_wrong_word_is_told_with_the_nearest_list(desk: DeskUnderTest) -> None:
    desk.write(ANNA, "#list unwoned", subject="list")
    assert "#list unowned" in desk.last(ANNA, "result").text


def slow(desk: DeskUnderTest, answers: int) -> None:
    limits = f"[limits]\nanswers_to_agent_per_hour = {answers}\n"
    desk.change_policy(policy_of('time_zone = "Europe/Berlin"', more=limits))


def test_whoever_asks_in_an_agents_name_gets_nothing_and_the_agent_is_told_once_in_an_hour(desk: DeskUnderTest) -> None:
    slow(desk, 3)
    for number in range(6):
        row = desk.write(ANNA, f"#find {number}" if number % 2 else "#help", reverse_path="mallory@evil.example.net")
        assert (row.state, row.outcome) == (LedgerState.DONE, Outcome.FILED)
    assert [one.notice for one in desk.sent] == ["result", "listing", "result", "pace"]
    assert {one.to for one in desk.sent} == {ANNA}
    text = " ".join(desk.last(ANNA, "pace").text.split())
    # By the reader's clock: in Greenwich it is 09:00.
    assert "since 2 March 2026, 10:00. What you ask for with #list, #find, #why and the like is answered again" in text
    assert "from 2 March 2026, 11:00;" in text
    desk.now += timedelta(hours=1)
    desk.write(ANNA, "#help")
    assert desk.sent[-1].notice == "result"
    assert desk.audit() == []


def test_what_changes_something_is_done_and_told_at_any_pace(desk: DeskUnderTest) -> None:
    matters(desk, "Mouse broken")
    slow(desk, 1)
    for _ in range(3):
        desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#why")
    assert len(desk.inbox(ANNA, "result")) == len(desk.inbox(ANNA, "pace")) == 1
    assert desk.write(ANNA, "#away until 3 April", headers=PROVEN).outcome == Outcome.FILED
    assert "Done" in desk.last(ANNA, "result").text
    desk.write(ANNA, "#back", headers=PROVEN)
    assert len(desk.inbox(ANNA, "result")) == 2, "a machine is not answered for ever"
    with connection(desk.database):
        assert Absence.get(Absence.agent == ANNA).cancelled_at is not None, "but it was done"
    assert desk.audit() == []


def test_many_questions_about_one_ticket_are_all_answered(desk: DeskUnderTest) -> None:
    matters(desk, "Mouse broken")
    for _ in range(12):
        desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#why")
    assert len(desk.inbox(ANNA, "result")) == 12


def test_help_lists_the_commands_to_the_desk_too(desk: DeskUnderTest) -> None:
    desk.write(ANNA, "#help", subject="help")
    text = desk.last(ANNA, "result").text
    assert "#list mine|team|unowned|overdue" in text
    assert "#resolve [text]" in text


def test_an_admin_asks_how_the_rules_do_without_a_ticket(desk: DeskUnderTest) -> None:
    desk.write(ANNA, "\n", subject="#rules stats")
    assert "The rules in the last 30 days" in desk.last(ANNA, "result").text
    desk.write(BEN, "#rules stats", subject="rules")
    assert "those who tune the rules" in desk.last(BEN, "result").text
    assert desk.inbox(ANNA, "new_ticket") == []


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("1 done", "Done: 1 done"),
        ("1 resovle", "Not done: 1 resovle"),
        ("1-2 take", "2 of 2 done"),
        ("Thank you", "Nothing done"),
    ],
)
def test_the_subject_says_how_much_was_done(desk: DeskUnderTest, text: str, subject: str) -> None:
    matters(desk, "Mouse broken", "Beamer dark")
    desk.answer(ANNA, asked(desk), text)
    assert desk.last(ANNA, "result").subject == subject


def test_what_is_found_stands_in_the_subject(desk: DeskUnderTest) -> None:
    matters(desk, "Printer jam", "Printer on fire", "Mouse broken")
    desk.wait(minutes=1)
    desk.write(ANNA, "#find printer", subject="find")
    assert desk.last(ANNA, "listing").subject == "Found: printer (2)"


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("#help", "Asked for: #help"),
        ("#list unwoned", "Not done: #list unwoned"),
        ("#away until 2026-04-01", "Done: #away until 2026-04-01"),
        ("#list mine\n#take", "Not done: #take"),
    ],
)
def test_the_subject_of_an_answer_says_what_happened(desk: DeskUnderTest, text: str, subject: str) -> None:
    desk.write(ANNA, text, subject="desk", headers=PROOF)
    assert desk.last(ANNA, "result").subject == subject


PROOF = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}


@pytest.mark.parametrize(
    ("subject", "text"),
    [("take", "#take"), ("#take", "\n"), ("", "#take INC-1001\n\n#priority p1\n#away until friday")],
)
def test_commands_that_need_a_ticket_and_name_none_open_none(desk: DeskUnderTest, subject: str, text: str) -> None:
    matters(desk, "Mouse broken")
    row = desk.write("Anna <ANNA@example.com>", text, subject=subject)
    assert (row.outcome, row.ticket_id) == (Outcome.FILED, None)
    told = desk.last(ANNA, "result")
    words = " ".join(told.text.split())
    assert told.subject.startswith("Not done: #take")
    assert "no ticket was opened: these commands need a ticket" in words and "- #take" in words
    assert f"write #show INC-{'1001' if 'INC' in text else '…'} to the desk" in words
    assert desk.ticket(1001)["assignee"] == ""
    assert desk.audit() == []


@pytest.mark.parametrize(
    ("sender", "subject", "text", "outcome"),
    [
        (ANNA, "Mouse", "#take\nMine is broken too.", Outcome.OPENED),
        (ANNA, "Mouse", "#note\nIt squeaks.", Outcome.OPENED),
        (ANNA, "Mouse", "#requester fred@example.com\n#priority P1", Outcome.OPENED),
        (ANNA, "[INC-9999] Mouse", "#take", Outcome.OPENED),
        (ANNA, "Mouse", "#hashtag", Outcome.OPENED),
        (ERIKA, "Mouse", "#take", Outcome.OPENED),
        (ANNA, "Re: [INC-1001] Mouse broken", "#take", ""),
    ],
)
def test_every_other_mail_stays_what_it_was(
    desk: DeskUnderTest, sender: str, subject: str, text: str, outcome: str
) -> None:
    matters(desk, "Mouse broken")
    row = desk.write(sender, text, subject=subject)
    assert row.outcome == outcome
    if not outcome:
        assert row.reason_code == "agent-unproven"
        assert desk.inbox(ANNA, "challenge")
