"""`#undo`: what it takes back, what it leaves and says so, and that nobody gets what was taken back; both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gateway.desk.tickets import ticket_facts
from gateway.desk.undoing import undoable_on
from gateway.parsing import Parser
from gateway.policy import Policy
from gateway.store.database import connection, execute, transaction
from gateway.store.outbox import claim
from gateway.store.states import OutboxState
from gateway.store.tables import Contact, Outbox, SlaClock, Ticket, TicketLink, TicketWatcher
from gateway.ticket import Role
from tests.desk.harness import DeskUnderTest, Sent, policy_of

MakeDesk = Callable[[Policy], DeskUnderTest]
ERIKA = "Erika Muster <erika@example.com>"
FRED = "Fred Fern <fred@example.com>"
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


@pytest.mark.parametrize("then", ["requester", "#reopen", "#merge 1002", "#close"])
def test_a_resolution_that_waits_asks_for_no_yes_when_its_ticket_is_not_resolved_any_more(
    desk: DeskUnderTest, notice: Sent, then: str
) -> None:
    desk.change_policy(DELAYED)
    desk.write(ERIKA, "The printer is empty", subject="Printer")
    desk.answer(ANNA, notice, "Replaced the cable\n#resolve")
    if then == "requester":
        desk.write(ERIKA, "It does not work at all, sorry.", subject="Re: [INC-1001] My VPN is down")
    else:
        desk.answer(ANNA, notice, then)
    desk.wait(minutes=6)
    [mail] = desk.inbox("erika@example.com", "resolution")
    assert "Replaced the cable" in mail.text
    assert "yes" not in mail.text and ("this is fixed" in mail.text) == (then == "#close")
    assert desk.audit() == []


def test_what_was_sent_is_said_plainly_and_the_rest_is_taken_back(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "It works again\n#resolve\n#priority P1")
    told = undo(desk)
    assert "Taken back:" in told.text and "What stays as it is, and why:" in told.text
    assert told.subject == "Re: [INC-1001] Partly done: #undo"
    words = " ".join(told.text.split())
    assert "already sent, or on its way, to erika@example.com: a mail can't be called back" in words
    assert "the status is in progress, as an answer has left" in words
    assert "erika@example.com got, or will get, a mail that says it is over: write what holds now" in words
    assert desk.ticket()["status"] == "in_progress"
    assert "Priority: P3 again" in told.text and "Assignee: nobody again" in told.text
    assert "- what was done before is taken back\r\n" in desk.last(BEN, "changed").text
    assert any(
        "It works again" in message["text"] for message in desk.ticket()["messages"] if message["state"] == "posted"
    )
    assert desk.audit() == []


def test_who_had_news_of_it_is_to_be_written_to(desk: DeskUnderTest, notice: Sent) -> None:
    desk.change_policy(policy_of(more='[[notice]]\nevent = "on_hold"\nto = ["requester"]\n'))
    desk.answer(ANNA, notice, "#hold vendor")
    desk.last("erika@example.com", "update")
    words = " ".join(undo(desk).text.split())
    assert "already sent, or on its way, to erika@example.com: a mail can't be called back" in words
    assert "erika@example.com got, or will get, a mail with that news: write what holds now" in words


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


def rows_to(desk: DeskUnderTest, address: str, notice: str) -> list[Outbox]:
    with connection(desk.database):
        return list(Outbox.select().join(Contact).where((Outbox.notice == notice) & (Contact.address == address)))


def test_an_answer_that_reached_only_a_reader_is_none(make_desk: MakeDesk) -> None:
    desk = make_desk(policy_of(more=PROMISES))
    desk.write(ERIKA, "It drops.")
    notice = desk.last(ANNA, "new_ticket")
    desk.answer(ANNA, notice, "#cc fred@example.com")
    desk.answer(ANNA, notice, "Try this, please.")
    (deferred,) = rows_to(desk, "erika@example.com", "answer")
    later = {"state": OutboxState.WAITING, "hold_reason": "", "not_before": desk.now + timedelta(hours=1)}
    with connection(desk.database):
        Outbox.update(later | {"uncertain_count": 0}).where(Outbox.id == deferred.id).execute()
    words = " ".join(undo(desk, about=notice).text.split())
    assert "not sent to erika@example.com" in words and "on its way, to fred@example.com" in words
    assert "the status is new again" in words
    ticket = desk.ticket()
    assert (ticket["status"], ticket["first_answer_at"]) == ("new", None)
    with connection(desk.database):
        response = SlaClock.get(SlaClock.kind == "response")
        assert (response.outcome, response.stopped_at) == ("running", None)
    assert "Try this, please." in [message["text"] for message in ticket["messages"] if message["state"] == "posted"]
    assert desk.audit() == []


def test_what_is_held_is_never_sent_either(make_desk: MakeDesk) -> None:
    desk = make_desk(policy_of(more='[[notice]]\nevent = "on_hold"\nto = ["requester"]\n'))
    desk.write(ERIKA, "It drops.")
    notice = desk.last(ANNA, "new_ticket")
    with connection(desk.database):
        Contact.update(bounced_at=desk.now).where(Contact.address == "erika@example.com").execute()
    desk.answer(ANNA, notice, "#hold vendor")
    words = " ".join(undo(desk, about=notice).text.split())
    assert "not sent to erika@example.com" in words and "write what holds now" not in words
    desk.answer(ANNA, notice, "#retry")
    assert desk.inbox("erika@example.com", "update") == []
    assert "automatic mail to the addresses: #retry has released it" in " ".join(undo(desk, about=notice).text.split())
    assert desk.audit() == []


def test_what_a_delivery_has_just_now_is_on_its_way_and_nobody_waits_for_it(
    postgres_url: str, parser: Parser, tmp_path: Path
) -> None:
    desk = DeskUnderTest(postgres_url, parser=parser, scratch=tmp_path, policy=DELAYED)
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "Dear Erika")
    (answer,) = rows_to(desk, "erika@example.com", "answer")
    with connection(desk.database):
        found = ticket_facts(Ticket.get(Ticket.number == 1001), desk.policy)
    with psycopg.connect(postgres_url) as delivery, connection(desk.database), transaction(desk.database):
        delivery.execute("SELECT 1 FROM outbox WHERE id = %s FOR UPDATE", (answer.id,))
        execute(desk.database, "SET LOCAL lock_timeout = '50ms'")
        last = undoable_on("#undo", desk.policy.agent_of(ANNA), [found], desk.policy, now=desk.now)[1001]
        assert [(one.outbox, one.waits) for one in last.mails if one.role is Role.REQUESTER] == [(answer.id, False)]


def test_what_a_colleague_changed_since_stays(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "#priority P1\n#category network/vpn")
    desk.answer(BEN, desk.last(BEN, "new_ticket"), "#priority P2")
    told = undo(desk)
    assert "Priority stays: Ben Helper has changed it since" in told.text
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


@pytest.mark.parametrize("end", ["resolve", "close"])
def test_the_mail_that_a_reopening_stopped_is_sent_where_it_is_taken_back(
    desk: DeskUnderTest, notice: Sent, end: str
) -> None:
    desk.change_policy(policy_of("send_delay_minutes = 5\nclosing_mail = true"))
    desk.answer(ANNA, notice, f"#{end}")
    with connection(desk.database):
        asked = Contact.get(Contact.address == "erika@example.com").rating_asked_at
    desk.answer(BEN, desk.last(BEN), "#reopen")
    told = undo(desk, BEN).text
    assert "the mail to erika@example.com that says it is over is sent after all" in " ".join(told.split())
    with connection(desk.database):
        assert Contact.get(Contact.address == "erika@example.com").rating_asked_at == asked
    assert desk.audit() == []
    desk.wait(minutes=5)
    assert [one.notice for one in desk.inbox("erika@example.com")][1:] == [{"close": "closing"}.get(end, "resolution")]
    assert desk.audit() == []


def test_the_mail_that_a_reopening_stopped_stays_so_once_the_ticket_was_moved_on(
    desk: DeskUnderTest, notice: Sent
) -> None:
    desk.change_policy(DELAYED)
    desk.answer(ANNA, notice, "#resolve")
    desk.answer(BEN, desk.last(BEN), "#reopen")
    desk.answer(ANNA, notice, "#hold vendor")
    assert "the status stays" in undo(desk, BEN).text
    desk.wait(minutes=30)
    assert desk.inbox("erika@example.com", "resolution") == []
    assert desk.audit() == []


def test_a_mail_that_was_stopped_has_not_been_sent(desk: DeskUnderTest, notice: Sent) -> None:
    desk.change_policy(DELAYED)
    desk.answer(ANNA, notice, "#resolve")
    desk.answer(ERIKA, desk.last("erika@example.com"), "It still drops, every hour.")
    told = undo(desk, about=notice).text
    assert "the status stays" in told
    assert "erika@example.com got" not in told
    assert "already sent" not in told


def test_a_note_and_a_watcher_are_withdrawn(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "#cc hans@example.com\n#note\nhe is the one")
    told = undo(desk)
    assert "hans@example.com gets no answers" in told.text
    assert "what it said to colleagues is withdrawn" in told.text
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


PROMISES = """
[closing]
codes = ["fixed"]
[[sla]]
name = "all"
response = "4h"
resolution = "18h"
"""
WHAT_A_MAIL_DOES: dict[str, tuple[str, ...]] = {
    "#take": ("Assignee: Ben Helper again",),
    "#assign nora": ("Team: desk again", "Assignee: Ben Helper again"),
    "#assign network\n#hold vendor until 2026-04-01": ("Assignee: Ben Helper again", "the status is in progress again"),
    "#priority P1\n#category network/vpn\n#type request\n#tag vpn -old\n#set language=de\n#set asset=PC-7": (
        *("Priority: P3 again", "Category: general again", "Type: incident again", "the tag vpn is gone again"),
        *("the tag old is there again", "Language of the mails: nothing again", "Asset: nothing again"),
    ),
    "#impact high\n#cause a bad cable\n#code fixed\n#workaround use the other one\n#ack": (
        *("impact medium again", "Cause: nothing again", "Ended as: nothing again", "Workaround: nothing again"),
        "you are reminded of its due times again",
    ),
    "#resolve": ("the status is in progress again",),
    "#close": ("the status is in progress again",),
    "#cc hans@example.com\n#cc -fred@example.com\n#watch\n#link INC-1002": (
        *("hans@example.com gets no answers", "fred@example.com gets the answers again"),
        *("Anna Agent follows it no longer", "no longer linked with INC-1002"),
    ),
    "#unwatch": ("Anna Agent hears of it again",),
    "#requester hans@example.com": ("the requester is erika@example.com again",),
    "#merge INC-1002": ("no longer merged into INC-1002",),
}
# What only says when something happened last, or is looked at.
_UNTOLD = ("updated_at", "late_at")


def kept(desk: DeskUnderTest) -> list[dict[str, object]]:
    """All rows of all tickets, and of what hangs on them but messages and history."""
    tables: tuple[Any, ...] = (Ticket, TicketWatcher, TicketLink, SlaClock)
    with connection(desk.database):
        return [
            {name: value for name, value in row.items() if name not in _UNTOLD}
            for table in tables
            for row in table.select().order_by(*table._meta.sorted_fields[:2]).dicts()
        ]


def test_each_thing_that_a_mail_does_is_taken_back_exactly(desk: DeskUnderTest) -> None:
    desk.change_policy(policy_of("send_delay_minutes = 5", PROMISES))
    desk.write(ERIKA, "It drops since this morning, and nobody knows why.")
    desk.write(ERIKA, "Another matter", subject="Mouse")
    about = desk.inbox(ANNA, "new_ticket")[0]
    desk.answer(BEN, desk.inbox(BEN, "new_ticket")[0], "#take\n#cc fred@example.com\n#tag old")
    desk.now += timedelta(minutes=30)
    for commands, told in WHAT_A_MAIL_DOES.items():
        desk.now += timedelta(minutes=5)
        before = kept(desk)
        desk.answer(ANNA, about, commands)
        assert kept(desk) != before, commands
        result = undo(desk, about=about)
        assert kept(desk) == before, commands
        said = " ".join(result.text.split())
        assert [one for one in told if one not in said] == []
        assert result.subject == "Re: [INC-1001] Done: #undo"
        event = desk.ticket()["history"][-1]
        assert (event["kind"], event["actor"]) == ("undone", ANNA)
    assert desk.audit() == []


def test_each_field_goes_back_through_all_that_one_did_and_the_own_changes_do_not_count(
    desk: DeskUnderTest, notice: Sent
) -> None:
    for commands in ("#assign ben", "#take", "#assign network"):
        desk.answer(ANNA, notice, commands)
    for expected in (ANNA, BEN, ""):
        undo(desk, about=notice)
        assert desk.ticket()["assignee"] == expected
    assert "nothing of yours" in undo(desk, about=notice).text
    assert desk.audit() == []


def test_an_undo_that_could_take_nothing_back_is_followed_by_the_mail_before(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "#priority P1")
    desk.answer(ANNA, notice, "#take")
    desk.answer(BEN, desk.last(BEN, "new_ticket"), "#take")
    assert "Assignee stays: Ben Helper has changed it since" in undo(desk, about=notice).text
    undo(desk, about=notice)
    assert (desk.ticket()["assignee"], desk.ticket()["priority"]) == (BEN, "P3")
    assert desk.audit() == []


def test_a_merger_stays_once_somebody_has_written_there(desk: DeskUnderTest, notice: Sent) -> None:
    desk.write(ERIKA, "Another matter", subject="Mouse")
    other = desk.last(ANNA, "new_ticket")
    desk.answer(ANNA, notice, "#merge INC-1002")
    # From the other side it is said where it is done.
    told = " ".join(undo(desk, about=other).text.split())
    assert "your last mail here merged INC-1001 into this ticket" in told
    assert "#undo in answer to a mail of INC-1001" in told
    desk.answer(ERIKA, desk.inbox("erika@example.com")[0], "It still drops.")
    result = undo(desk, about=notice)
    told = " ".join(result.text.split())
    assert result.subject == "Re: [INC-1001] Not done: #undo"
    assert "merged into INC-1002: somebody has written there since, which belongs to both" in told
    assert desk.ticket(1001)["status"] == "closed"
    assert desk.audit() == []


def test_a_closed_ticket_that_was_merged_was_closed_when_it_was(make_desk: MakeDesk) -> None:
    desk = make_desk(policy_of())
    desk.write(ERIKA, "It drops.")
    desk.write(ERIKA, "Another matter", subject="Mouse")
    about = desk.inbox(ANNA, "new_ticket")[0]
    desk.answer(ANNA, about, "#close")
    before = kept(desk)
    desk.now += timedelta(minutes=30)
    desk.answer(ANNA, about, "#merge INC-1002")
    undo(desk, about=about)
    assert kept(desk) == before
    assert desk.audit() == []


def test_after_a_merger_is_taken_back_mail_finds_its_own_ticket_again(desk: DeskUnderTest, notice: Sent) -> None:
    desk.write(FRED, "Another matter", subject="Mouse")
    desk.answer(ANNA, notice, "#merge INC-1002")
    assert desk.ticket(1002)["watchers"] == ["erika@example.com"]
    undo(desk, about=notice)
    assert desk.ticket(1002)["watchers"] == []
    desk.answer(ERIKA, desk.last("erika@example.com"), "It still drops.")
    assert [len(desk.ticket(number)["messages"]) for number in (1001, 1002)] == [4, 1]
    assert "1001 is a ticket of its own again" in [one["text"] for one in desk.ticket(1002)["history"]]
    assert desk.audit() == []


def test_a_hand_over_names_the_other_tickets(desk: DeskUnderTest, notice: Sent) -> None:
    desk.write(ERIKA, "Another matter", subject="Mouse")
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#take")
    desk.answer(ANNA, notice, "#take")
    desk.answer(ANNA, notice, "#handover ben")
    told = " ".join(undo(desk, about=notice).text.split())
    assert "Assignee: Anna Agent again" in told
    assert "the mail changed INC-1002 too: answer a mail of each with #undo" in told
    assert [desk.ticket(number)["assignee"] for number in (1001, 1002)] == [ANNA, BEN]
    (heard,) = desk.inbox(BEN, "changed")[-1:]
    assert heard.subject.startswith("Re: [INC-1001]")
    lines = "Anna Agent has changed this ticket: - what was done before is taken back - Assignee: Anna Agent again"
    assert lines in " ".join(heard.text.split())
    assert sum("taken back" in one.text for one in desk.inbox(BEN, "changed")) == 1
    assert desk.audit() == []


def test_what_was_taken_back_is_said_in_the_agents_language(desk: DeskUnderTest) -> None:
    desk.change_policy(policy_of('language = "de"'))
    desk.write(ERIKA, "Es bricht ab.")
    notice = desk.last(ANNA, "new_ticket")
    desk.answer(ANNA, notice, "#take\n#impact high")
    result = undo(desk, about=notice)
    assert result.subject == "Re: [INC-1001] Erledigt: #undo"
    assert "Zuständig: wieder niemand" in result.text and "wieder Auswirkung mittel" in result.text


def test_the_minutes_may_be_none(desk: DeskUnderTest, notice: Sent) -> None:
    desk.change_policy(policy_of("undo_minutes = 0"))
    desk.answer(ANNA, notice, "#priority P1")
    assert "switched off" in undo(desk).text


def test_the_opening_of_a_ticket_is_not_taken_back(desk: DeskUnderTest) -> None:
    desk.write(ANNA, "#requester erika@example.com\n#priority P1\nHer mouse is dead.", subject="Mouse", headers=PROOF)
    told = undo(desk)
    assert told.subject == "Re: [INC-1001] Not done: #undo"
    assert "Nothing could be taken back." in told.text
    assert "- the ticket itself: its number has been given out; #close or #spam ends it" in " ".join(told.text.split())
    assert desk.ticket()["priority"] == "P1"
    assert desk.audit() == []


PROOF = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}
