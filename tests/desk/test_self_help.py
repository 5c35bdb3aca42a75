"""Employees help themselves by one word: where it stands, how the desk works, reopen, cancel, and leaving."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.policy import Policy
from tests.desk.harness import DeskUnderTest, policy_of

ERIKA = "Erika Muster <erika@example.com>"
FRED = "Fred Fern <fred@example.com>"
STRANGER = "Sid Stranger <sid@example.net>"
ANNA, BEN = "anna@example.com", "ben@example.com"
AUTHENTIC = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.net"}


def to(desk: DeskUnderTest, notice: str, address: str = "erika@example.com") -> list[str]:
    return [one.text for one in desk.inbox(address, notice)]


def test_a_new_mail_status_lists_what_is_open_and_opens_nothing(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops since this morning.", subject="VPN")
    desk.write(FRED, "It jams.", subject="Fred's own printer")
    desk.write(ERIKA, "A second one, please.", subject="A screen")
    desk.answer(ANNA, desk.inbox(ANNA, "new_ticket")[0], "#take")
    row = desk.write(ERIKA, "Status?", subject="", headers={"Message-ID": "<asked@example.com>"})
    assert row.outcome == "filed"
    sent = desk.last("erika@example.com", "status")
    assert "INC-1001, VPN: in progress; Anna Agent" in " ".join(sent.text.split())
    assert "A screen" in sent.text and "printer" not in sent.text
    assert b"anna@" not in sent.content and b"fred" not in sent.content.lower()
    assert sent.message["Auto-Submitted"] == "auto-replied"
    assert sent.message["In-Reply-To"] == "<asked@example.com>"
    assert desk.inbox("fred@example.com", "status") == []
    assert desk.write(FRED, "status", subject="Status").outcome == "filed"
    assert "INC-1002" in to(desk, "status", "fred@example.com")[0]
    assert desk.audit() == []


def test_a_reply_status_says_where_this_one_stands_and_tells_no_agent(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops since this morning.", subject="VPN")
    desk.write(ERIKA, "A second one, please.", subject="A screen")
    desk.answer(ANNA, desk.inbox(ANNA, "new_ticket")[0], "#hold requester")
    before = len(desk.inbox(ANNA))
    row = desk.answer(ERIKA, desk.inbox("erika@example.com")[0], "Hello, status please\n\nThanks\nErika")
    assert (row.outcome, len(desk.inbox(ANNA))) == ("filed", before)
    sent = desk.last("erika@example.com", "status")
    assert "[INC-1001]" in sent.subject
    for said in ("waits for your answer", "Also open:", "A screen"):
        assert said in sent.text
    # It still waits for her: asking is no answer.
    assert desk.ticket()["status"] == "on_hold"
    desk.answer(ERIKA, sent, "Here are the details.")
    assert desk.ticket()["status"] == "in_progress"
    assert desk.audit() == []


def test_due_times_stand_in_the_answer_where_they_are_promised(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    promised = '[[sla]]\nname = "All"\nresponse = "1h"\nresolution = "4h"\ncalendar = "always"'
    desk = make_desk(policy_of('time_zone = "Europe/Berlin"', promised))
    desk.write(ERIKA, "It drops.", subject="VPN")
    desk.answer(ERIKA, desk.last("erika@example.com"), "status")
    assert "settled by" in to(desk, "status")[0] and "14:01" in to(desk, "status")[0]
    desk.wait(hours=5)
    desk.answer(ERIKA, desk.inbox("erika@example.com")[0], "status")
    assert "we are late" in " ".join(to(desk, "status")[1].split())


@pytest.mark.parametrize(
    ("word", "said"),
    [("help", "works by mail"), ("Hilfe", "arbeitet per Mail"), ("aide", "fonctionne par e-mail")],
)
def test_help_explains_the_desk_in_the_language_of_the_word(desk: DeskUnderTest, word: str, said: str) -> None:
    assert desk.write(ERIKA, "", subject=word).outcome == "filed"
    assert said in to(desk, "guide")[0]
    assert desk.inbox(ANNA) == []
    assert desk.audit() == []


def test_a_cry_for_help_is_a_ticket(desk: DeskUnderTest) -> None:
    assert desk.write(ERIKA, "", subject="Help!").outcome == "opened"
    assert desk.write(ERIKA, "please help me with the printer", subject="").outcome == "opened"
    assert desk.write(ERIKA, "status", subject="My laptop").outcome == "opened"
    assert desk.write(ERIKA, "status", subject="", files=[("a.txt", b"x", "text/plain")]).outcome == "opened"


def test_cancel_ends_it_tells_the_agents_and_an_answer_undoes_it(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.", subject="VPN")
    row = desk.answer(ERIKA, desk.last("erika@example.com"), "cancel")
    assert (row.outcome, desk.ticket()["status"]) == ("appended", "cancelled")
    assert "Erika Muster has withdrawn it" in desk.last(ANNA, "changed").text
    told = desk.last("erika@example.com", "noted")
    assert "We have closed INC-1001 as you wish" in told.text
    moved = [event for event in desk.ticket()["history"] if event["kind"] == "status"]
    assert "erika@example.com" in moved[-1]["actor"] and "withdrew it" in moved[-1]["text"]
    desk.answer(ERIKA, told, "Sorry, that was for another mail.")
    assert desk.ticket()["status"] == "in_progress"
    reply = " ".join(desk.last(ANNA, "new_reply").text.split())
    assert "Sorry, that was for another mail." in reply
    assert "The ticket was withdrawn; this reply has taken it up again." in reply
    assert "was resolved" not in reply and "Times reopened" not in reply
    assert desk.ticket()["reopened"] == 0
    again = desk.last("erika@example.com", "noted").text
    assert "INC-1001 is open again" in again and "still wrong" not in again
    assert desk.audit() == []


def test_who_withdraws_what_was_resolved_closes_it_and_who_reads_along_hears_so(desk: DeskUnderTest) -> None:
    desk.change_policy(policy_of("closing_mail = true"))
    desk.write(ERIKA, "It drops.", subject="VPN")
    notice = desk.last(ANNA, "new_ticket")
    desk.answer(ANNA, notice, "#cc walt@example.com")
    desk.answer(ANNA, notice, "#resolve")
    desk.answer(ERIKA, desk.last("erika@example.com"), "cancel")
    assert "Erika Muster has closed this ticket" in desk.last("walt@example.com", "closing").text
    assert to(desk, "closing") == []


def test_what_an_agent_called_spam_is_not_taken_up_again_by_a_word(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.", subject="VPN")
    desk.answer(ANNA, desk.last(ANNA), "#spam")
    assert desk.answer(ERIKA, desk.last("erika@example.com"), "reopen").outcome == "opened"
    assert desk.ticket()["status"] == "cancelled"


def test_cancel_in_answer_to_a_question_is_for_the_agent_who_asks(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "My licence ends.", subject="Licence")
    desk.answer(ANNA, desk.last(ANNA), "Shall we renew or cancel it?")
    desk.answer(ERIKA, desk.last("erika@example.com", "answer"), "Cancel")
    assert desk.ticket()["status"] == "in_progress"
    assert "Cancel" in desk.last(ANNA, "new_reply").text


def test_reopen_takes_a_resolved_and_a_closed_ticket_up_again(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.", subject="VPN")
    desk.answer(ANNA, desk.last(ANNA), "#resolve Renewed.")
    resolution = desk.last("erika@example.com", "resolution")
    desk.answer(ERIKA, resolution, "Reopen")
    assert desk.ticket()["status"] == "in_progress"
    assert "INC-1001 is open again" in to(desk, "noted")[0]
    desk.answer(ANNA, desk.last(ANNA), "#close")
    desk.answer(ERIKA, resolution, "reopen please")
    assert desk.ticket()["status"] == "in_progress"
    assert desk.last(ANNA, "new_reply").text.count("reopened it") == 1
    desk.answer(ERIKA, resolution, "reopen")
    assert "we are on it" in " ".join(to(desk, "noted")[-1].split())
    assert desk.audit() == []


def test_only_the_requester_cancels_and_a_number_alone_does_not(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.", subject="VPN")
    desk.answer(ANNA, desk.last(ANNA), "#cc fred@example.com\n\nPlease wait.")
    desk.answer(FRED, desk.last("fred@example.com", "answer"), "cancel")
    assert desk.ticket()["status"] == "in_progress"
    # Anybody can write her address and guess a number.
    desk.write(ERIKA, "cancel", subject="Re: [INC-1001] VPN")
    assert desk.ticket()["status"] == "in_progress"
    assert desk.inbox("erika@example.com", "noted") == []


def test_a_watcher_leaves_by_one_word_and_is_told_once(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.", subject="VPN")
    desk.answer(ANNA, desk.last(ANNA), "#cc fred@example.com\n\nPlease wait.")
    answer = desk.last("fred@example.com", "answer")
    assert "reply with the one word: leave" in " ".join(answer.text.split())
    assert "one word" not in desk.last("erika@example.com", "answer").text
    assert desk.answer(FRED, answer, "Abmelden\n\nGruß\nFred").outcome == "filed"
    assert desk.ticket()["watchers"] == []
    assert "You get no more mails about INC-1001" in to(desk, "noted", "fred@example.com")[0]
    desk.answer(ANNA, desk.last(ANNA), "It works again.")
    assert len(desk.inbox("fred@example.com", "answer")) == 1
    assert desk.audit() == []


def test_nobody_leaves_a_matter_of_their_own_and_no_agent_reads_of_it(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.", subject="VPN")
    before = len(desk.inbox(ANNA))
    assert desk.answer(ERIKA, desk.last("erika@example.com"), "Abmelden\n\nGruß\nErika").outcome == "filed"
    told = " ".join(to(desk, "noted")[0].split())
    assert "with the word cancel" in told and "nothing was changed" in told
    assert (desk.ticket()["status"], len(desk.ticket()["messages"]), len(desk.inbox(ANNA))) == ("new", 1, before)
    # It may be an answer to what an agent asks; then it is for the agent.
    desk.answer(ANNA, desk.last(ANNA), "Shall the old account stay, or leave?")
    assert desk.answer(ERIKA, desk.last("erika@example.com", "answer"), "leave").outcome == "appended"
    desk.answer(ANNA, desk.last(ANNA), "Done.")
    answer = desk.last("erika@example.com", "answer")
    desk.answer(ANNA, desk.last(ANNA), "#close")
    assert desk.answer(ERIKA, answer, "unsubscribe").outcome == "filed"
    assert "no more mails will come about it" in " ".join(to(desk, "noted")[-1].split())
    assert desk.audit() == []


def test_a_watcher_asks_for_this_one_and_sees_nothing_else_of_the_requester(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.", subject="VPN")
    desk.write(ERIKA, "Mine alone.", subject="A secret")
    desk.answer(ANNA, desk.inbox(ANNA, "new_ticket")[0], "#cc fred@example.com\n\nPlease wait.")
    desk.answer(FRED, desk.last("fred@example.com", "answer"), "status")
    text = to(desk, "status", "fred@example.com")[0]
    assert "INC-1001" in text and "secret" not in text and "Nothing else of yours is open" in text


def test_strangers_get_nothing_more_than_a_ticket(desk: DeskUnderTest) -> None:
    assert desk.write(STRANGER, "status", subject="").outcome == "opened"
    assert desk.write(STRANGER, "help", subject="[INC-1001]").outcome != "filed"
    assert desk.inbox("sid@example.net") == []
    assert desk.write(STRANGER, "status", subject="", headers=AUTHENTIC).outcome == "filed"
    assert len(desk.inbox("sid@example.net", "status")) == 1


def test_who_forges_an_address_makes_the_desk_write_to_its_owner_alone(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.", subject="VPN")
    desk.write(ERIKA, "status", subject="", headers={"Reply-To": "sid@example.net"}, reverse_path="sid@example.net")
    assert [one.to for one in desk.sent if one.notice == "status"] == ["erika@example.com"]
    row = desk.write(ERIKA, "status", subject="", to="helpdesk@example.com, sid@example.net")
    assert row.outcome == "opened"


def test_machines_and_lists_are_never_answered(desk: DeskUnderTest) -> None:
    for headers in ({"Auto-Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"List-Id": "<all.example.com>"}):
        desk.write(ERIKA, "status", subject="Status", headers=headers)
    assert [one for one in desk.sent if one.notice in ("status", "guide", "noted")] == []


def test_so_many_answers_an_hour_and_no_more(desk: DeskUnderTest) -> None:
    for number in range(8):
        desk.write(ERIKA, "status" if number % 2 else "help", subject="")
    mails = [one for one in desk.inbox("erika@example.com") if one.notice in ("status", "guide")]
    assert len(mails) == desk.policy.limits.acknowledgements_per_hour == 5


def test_an_agent_who_writes_status_alone_is_an_employee(desk: DeskUnderTest) -> None:
    desk.write(f"Anna Agent <{ANNA}>", "My own screen flickers.", subject="Screen")
    desk.write(f"Anna Agent <{ANNA}>", "status", subject="")
    assert "INC-1001" in to(desk, "status", ANNA)[0]
    # On a ticket that she works on, it is an answer to the requester.
    desk.write(ERIKA, "It drops.", subject="VPN")
    desk.answer(f"Anna Agent <{ANNA}>", desk.last(ANNA, "new_ticket"), "status")
    assert "status" in desk.last("erika@example.com", "answer").text
