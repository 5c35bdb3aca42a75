"""`#undo`: what it takes back, what it leaves and says so, and that nobody gets what was taken back; both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.store.database import connection
from gateway.store.outbox import claim
from gateway.store.states import OutboxState
from gateway.store.tables import Outbox
from tests.desk.harness import DeskUnderTest, Sent, policy_of

ERIKA = "Erika Muster <erika@example.com>"
ANNA, BEN = "anna@example.com", "ben@example.com"
DELAYED = policy_of("send_delay_minutes = 5")


@pytest.fixture
def notice(desk: DeskUnderTest) -> Sent:
    desk.write(ERIKA, "It drops since this morning.")
    return desk.last(ANNA, "new_ticket")


def undo(desk: DeskUnderTest, sender: str = ANNA, *, about: Sent | None = None) -> Sent:
    desk.answer(sender, about or desk.last(sender), "#undo")
    return desk.last(sender)


def texts(desk: DeskUnderTest) -> list[str]:
    return [one["text"] for one in desk.ticket()["history"]]


def test_an_answer_that_waits_is_never_sent(desk: DeskUnderTest, notice: Sent) -> None:
    desk.change_policy(DELAYED)
    desk.answer(ANNA, notice, "Dear wrong person,\n#resolve")
    assert desk.inbox("erika@example.com", "resolution") == []
    assert desk.ticket()["status"] == "resolved"
    told = undo(desk)
    assert told.notice == "result"
    assert "Taken back:" in told.text
    assert "not sent to erika@example.com" in told.text
    assert "the status is new again" in told.text
    desk.wait(minutes=30)
    assert desk.inbox("erika@example.com", "resolution") == []
    ticket = desk.ticket()
    assert (ticket["status"], ticket["assignee"], ticket["first_answer_at"]) == ("new", "", None)
    assert ticket["resolved_at"] is None
    assert "took back what mail 2 did" in texts(desk)
    assert desk.audit() == []


def test_what_is_not_taken_back_goes_out_after_the_delay(desk: DeskUnderTest, notice: Sent) -> None:
    desk.change_policy(DELAYED)
    desk.answer(ANNA, notice, "Dear Erika")
    desk.answer(ANNA, desk.last(ANNA), "And one more thing")
    desk.wait(minutes=3)
    assert desk.inbox("erika@example.com", "answer") == []
    desk.wait(minutes=3)
    assert ["thing" in one.text for one in desk.inbox("erika@example.com", "answer")] == [False, True]
    assert desk.audit() == []


def test_what_was_sent_is_said_plainly_and_the_rest_is_taken_back(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "It works again\n#resolve\n#priority P1")
    told = undo(desk)
    assert "Taken back, as far as it was possible:" in told.text
    words = " ".join(told.text.split())
    assert "already sent, or on its way, to erika@example.com: a mail can't be called back" in words
    assert "the status is in progress, as an answer has left" in words
    assert "erika@example.com got, or will get, a mail that says it is over: write what holds now" in words
    assert desk.ticket()["status"] == "in_progress"
    assert "priority is P3 again" in told.text
    assert "took back what was done before" in desk.last(BEN, "changed").text
    assert any(
        "It works again" in message["text"] for message in desk.ticket()["messages"] if message["state"] == "posted"
    )
    assert desk.audit() == []


@pytest.mark.parametrize("command", ["", "\n#hold requester"])
def test_who_was_answered_is_not_told_that_nobody_took_it_up(desk: DeskUnderTest, notice: Sent, command: str) -> None:
    desk.answer(ANNA, notice, f"Restart it, please.{command}")
    words = " ".join(undo(desk).text.split())
    assert ("the status is in progress, as" if command else "the status stays in progress: an answer has left") in words
    assert "a mail that says it is over" not in words
    assert desk.ticket()["status"] == "in_progress"
    assert desk.ticket()["first_answer_at"] is not None
    desk.answer(ERIKA, desk.last("erika@example.com", "answer"), "status")
    assert "not yet taken up" not in " ".join(desk.last("erika@example.com", "status").text.split())
    assert desk.audit() == []


def test_what_a_colleague_changed_since_stays(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "#priority P1\n#category network/vpn")
    desk.answer(BEN, desk.last(BEN, "new_ticket"), "#priority P2")
    told = undo(desk)
    assert "priority stays: Ben Helper has changed it since" in told.text
    assert desk.ticket()["priority"] == "P2"
    assert desk.ticket()["category"] == "general"
    assert desk.audit() == []


def test_a_second_undo_takes_back_the_mail_before_and_a_third_finds_nothing(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "#priority P1")
    desk.answer(ANNA, notice, "#tag vpn")
    undo(desk)
    assert (desk.ticket()["tags"], desk.ticket()["priority"]) == ([], "P1")
    undo(desk)
    assert desk.ticket()["priority"] == "P3"
    assert "nothing of yours" in undo(desk).text
    assert desk.audit() == []


def test_only_the_own_mail_and_only_for_some_minutes(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "#priority P1")
    assert "nothing of yours" in undo(desk, BEN).text
    desk.now += timedelta(minutes=10)
    assert "nothing of yours" in undo(desk).text
    assert desk.ticket()["priority"] == "P1"


def test_a_reopening_that_is_taken_back_does_not_count(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "Fixed\n#resolve")
    desk.now += timedelta(minutes=20)
    desk.answer(ANNA, notice, "#reopen")
    undo(desk)
    assert desk.ticket()["status"] == "resolved"
    assert desk.ticket()["resolved_at"] is not None
    assert desk.audit() == []


def test_a_note_and_a_watcher_are_withdrawn(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "#cc hans@example.com\n#note\nhe is the one")
    told = undo(desk)
    assert "hans@example.com gets no answers" in told.text
    assert "withdrawn" in told.text
    assert desk.ticket()["watchers"] == []
    assert desk.audit() == []


def test_undo_stands_alone(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "#priority P1")
    desk.answer(ANNA, notice, "Sorry, forget that\n#undo")
    assert "stands alone" in desk.last(ANNA, "question").text
    assert desk.ticket()["priority"] == "P1"


def test_a_mail_that_delivery_holds_is_not_taken_back(desk: DeskUnderTest, notice: Sent) -> None:
    desk.change_policy(DELAYED)
    desk.answer(ANNA, notice, "Dear Erika")
    desk.now += timedelta(minutes=5)
    with connection(desk.database):
        (claimed,) = claim(desk.database, owner="deliverer", now=desk.now, limit=9)
        assert claimed.notice == "answer"
    told = undo(desk)
    assert "already sent, or on its way, to erika@example.com" in " ".join(told.text.split())
    with connection(desk.database):
        assert Outbox.get_by_id(claimed.id).state != OutboxState.CANCELLED


def test_a_merger_is_not_taken_back_silently(desk: DeskUnderTest, notice: Sent) -> None:
    desk.write(ERIKA, "Another matter", subject="Mouse")
    desk.answer(ANNA, notice, "#link INC-1002\n#priority P1")
    assert "a link to another ticket can't be taken back" in undo(desk, about=notice).text
    assert desk.ticket()["priority"] == "P3"
    assert desk.audit() == []


def test_the_minutes_may_be_none(desk: DeskUnderTest, notice: Sent) -> None:
    desk.change_policy(policy_of("undo_minutes = 0"))
    desk.answer(ANNA, notice, "#priority P1")
    assert "switched off" in undo(desk).text


def test_the_opening_of_a_ticket_is_not_taken_back(desk: DeskUnderTest) -> None:
    desk.write(ANNA, "#requester erika@example.com\n#priority P1\nHer mouse is dead.", subject="Mouse", headers=PROOF)
    told = undo(desk)
    assert "Nothing could be taken back:" in told.text
    assert "the opening of the ticket can't be taken back" in told.text
    assert desk.ticket()["priority"] == "P1"
    assert desk.audit() == []


PROOF = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}
