"""What an agent is told beside what was done, and near misses that never go out; both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.desk.absences import say_away
from gateway.store.database import connection, transaction
from gateway.triage.decision import SetAbsence
from tests.desk.harness import DESK, DeskUnderTest, Sent, policy_of
from tests.desk.test_commanding import do
from tests.desk.test_links import tap

ERIKA, ANNA, BEN, NORA = (f"{name}@example.com" for name in ("erika", "anna", "ben", "nora"))
# A proof of the sender's domain, as the mail server at the border writes it.
PROVEN = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}
_HINT = "Ben Helper is away until 12 March 2026; Nora Net hears of it too"
_DEPUTY = '[[person]]\naddress = "ben@example.com"\ndeputy = "nora"'


@pytest.fixture
def notice(desk: DeskUnderTest) -> Sent:
    desk.write(ERIKA, "It drops since this morning.")
    return desk.last(ANNA, "new_ticket")


def words(sent: Sent) -> str:
    return " ".join(sent.text.split())


def send_away(desk: DeskUnderTest, agent: str) -> None:
    said = SetAbsence(agent=agent, starts_at=desk.now, ends_at=desk.now + timedelta(days=10), source="command")
    with connection(desk.database), transaction(desk.database):
        say_away(said, by=agent, now=desk.now)


def test_who_gives_a_ticket_to_somebody_who_is_away_reads_it(desk: DeskUnderTest, notice: Sent) -> None:
    desk.change_policy(policy_of(more=_DEPUTY))
    send_away(desk, BEN)
    desk.answer(ANNA, notice, "#assign ben")
    assert desk.ticket()["assignee"] == BEN
    told = desk.last(ANNA, "result")
    assert told.subject == "Re: [INC-1001] Done: #assign ben"
    assert _HINT in words(told)
    assert "away" not in desk.last(BEN, "new_ticket").text
    # In an answer to a list, in a line beside and nowhere else.
    desk.answer(ANNA, notice, "#take")
    desk.write(ANNA, "#list mine", headers=PROVEN)
    desk.answer(ANNA, desk.last(ANNA, "listing"), "1 @ben")
    told = desk.last(ANNA, "result")
    assert told.subject == "Done: 1 @ben"
    assert f"- 1 · INC-1001: assigned to Ben Helper - 1 · INC-1001: {_HINT} --" in words(told)
    assert len(desk.inbox(ANNA, "result")) == 2
    outcome = do(desk, "#assign ben")
    assert outcome is not None and "Ben Helper is away until 2026-03-12; Nora Net hears of it too" in outcome.lines
    desk.answer(ANNA, notice, "#take")
    desk.write(ANNA, "#handover ben", headers=PROVEN)
    assert f"INC-1001 handed over to Ben Helper - {_HINT}" in words(desk.last(ANNA, "result"))
    assert desk.audit() == []


def test_a_note_with_a_space_behind_its_sign_never_goes_out(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "Restart it, please.\n# note secret\nsecret too")
    assert desk.inbox(ERIKA, "answer") == []
    asked = desk.last(ANNA, "question")
    assert "# note secret: looks like a command, but has a space behind the #" in words(asked)
    assert "- What would fit: #note" in asked.text
    html = "<p>Restart it, please.</p><p># note secret</p>"
    desk.answer(ANNA, notice, "Restart it, please.\n# note secret", html=html)
    desk.answer(ANNA, desk.last(ANNA, "question"), "#send")
    answer = desk.last(ERIKA, "answer")
    assert "Restart it" in answer.text and b"secret" not in answer.content
    assert desk.audit() == []


def test_words_on_a_ticket_that_was_withdrawn_are_held_with_that_reason(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ERIKA, desk.last(ERIKA, "acknowledgement"), "cancel")
    desk.answer(ANNA, notice, "Restart it, please.")
    asked = words(desk.last(ANNA, "question"))
    assert "Why: the requester has withdrawn the ticket, and there are words to the requester" in asked
    assert "What would fit: #reopen and #send, each on a line of its own" in asked
    assert "spam" not in asked and "with nothing but #send" not in asked
    desk.answer(ANNA, desk.last(ANNA, "question"), "#reopen\n#send")
    assert "Restart it" in desk.last(ERIKA, "answer").text
    assert desk.ticket()["status"] == "in_progress"


def test_several_tickets_are_shown_at_once(desk: DeskUnderTest, notice: Sent) -> None:
    desk.write(ERIKA, "Another matter", subject="Mouse")
    for named in ("1001 1002", "1001, 1002", "INC-1002 1001", "1001 and INC-1002", "1001,1002", "INC-1001, 1002 1001"):
        before = len(desk.inbox(ANNA))
        desk.write(ANNA, f"#show {named}", headers=PROVEN)
        shown = desk.inbox(ANNA)[before:]
        assert sorted(one.subject[:14] for one in shown) == ["Re: [INC-1001]", "Re: [INC-1002]"], named


def test_of_several_tickets_those_that_exist_are_shown_and_the_others_named(desk: DeskUnderTest, notice: Sent) -> None:
    before = len(desk.inbox(ANNA))
    desk.write(ANNA, "#show 1001 and 1004, 1005", headers=PROVEN)
    told, shown = sorted(desk.inbox(ANNA)[before:], key=lambda one: one.notice != "result")
    assert shown.subject.startswith("Re: [INC-1001]")
    assert told.subject == "Partly done: #show 1001 and 1004, 1005"
    assert "Done, but not all of it: - there are no tickets 1004, 1005" in words(told)
    desk.write(ANNA, "#show 1004", headers=PROVEN)
    assert "Nothing was done." in desk.last(ANNA).text


def test_only_so_many_tickets_of_one_mail_are_shown_and_the_others_not_called_missing(
    desk: DeskUnderTest, notice: Sent
) -> None:
    many = " ".join(f"INC-{number}" for number in range(1001, 1011))
    desk.write(ANNA, f"#show {many}\n#show 1001, 1011 1012\n#show INC-1013", subject="#show 1014", headers=PROVEN)
    told = words(desk.last(ANNA, "result"))
    assert "there are no tickets 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010" in told
    assert told.count("only 10 tickets at a time") == 1
    assert not any(number in told.partition("Done, but not all of it")[2] for number in ("1011", "1012", "1013"))


def test_a_command_to_the_desk_on_a_ticket_says_where_it_belongs(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "#list mine")
    asked = words(desk.last(ANNA, "question"))
    assert "#list mine: is for the desk itself, not for a ticket" in asked
    assert f"What would fit: #list mine in a new mail to {DESK}" in asked


def test_a_closed_ticket_that_is_reopened_was_closed(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "It works again.\n#resolve")
    desk.answer(ANNA, desk.last(ANNA), "#close")
    desk.answer(ERIKA, desk.last(ERIKA, "resolution"), "reopen")
    assert "The ticket was closed; this reply has reopened it." in desk.last(ANNA, "new_reply").text


def test_a_retry_with_nothing_held_tells_its_author_alone(desk: DeskUnderTest, notice: Sent) -> None:
    before = len(desk.inbox(BEN))
    desk.answer(ANNA, notice, "#retry")
    assert "nothing was held for the addresses on the ticket" in words(desk.last(ANNA, "result"))
    assert len(desk.inbox(BEN)) == before
    assert desk.audit() == []


def test_a_tapped_note_without_words_says_where_they_go(desk: DeskUnderTest, notice: Sent) -> None:
    tap(desk, notice, "#note")
    asked = words(desk.last(ANNA, "question"))
    assert "there are no words of yours in it" in asked and "#note, and your words below it" in asked
