"""People: several addresses of one, what the table has of them, who follows a ticket, and the same matter twice."""

from __future__ import annotations

from collections.abc import Callable

from gateway.policy import Policy
from gateway.store.database import connection
from gateway.store.tables import Ticket
from tests.desk.harness import DeskUnderTest, policy_of

ERIKA = "Erika Muster <erika@example.com>"
HOME = "Erika at home <erika.home@example.net>"
STRANGER = "Sid Stranger <sid@example.net>"
ANNA, BEN, NORA = "anna@example.com", "ben@example.com", "nora@example.com"
PROVEN = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.net"}
KNOWN = """
[[person]]
address = "erika@example.com"
other_addresses = ["erika.home@example.net", "erika@sub.example.com"]
vip = true
department = "Sales"
site = "Berlin"
language = "de"
manager = "max@example.com"
"""
LONG = "My VPN drops every few minutes since this morning and I can not work from home."


# --- who follows ---


def test_an_agent_follows_a_ticket_that_somebody_else_has_and_stops(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    first = {one: desk.last(one, "new_ticket") for one in (ANNA, BEN)}
    desk.answer(ANNA, first[ANNA], "#take")
    before = len(desk.sent)
    desk.answer(BEN, first[BEN], "#watch")
    # That is no news for anybody.
    assert len(desk.sent) == before
    desk.answer(ERIKA, desk.last("erika@example.com"), "Still so.")
    assert len(desk.inbox(BEN, "new_reply")) == len(desk.inbox(ANNA, "new_reply")) == 1
    desk.answer(BEN, first[BEN], "#unwatch")
    desk.answer(ERIKA, desk.last("erika@example.com"), "And still.")
    assert (len(desk.inbox(BEN, "new_reply")), len(desk.inbox(ANNA, "new_reply"))) == (1, 2)
    assert [event["kind"] for event in desk.ticket()["history"] if "follower" in event["kind"]] == [
        "follower",
        "unfollower",
    ]
    assert desk.audit() == []


def test_who_wrote_on_it_stops_following_too_but_not_who_has_it(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    anna, ben = desk.last(ANNA, "new_ticket"), desk.last(BEN, "new_ticket")
    desk.answer(BEN, ben, "Please restart it.")
    desk.answer(BEN, ben, "#unwatch")
    assert "the ticket is yours" in desk.last(BEN, "question").text
    desk.answer(ANNA, anna, "#take")
    desk.answer(BEN, ben, "#unwatch")
    desk.answer(ERIKA, desk.last("erika@example.com"), "Still so.")
    assert desk.inbox(BEN, "new_reply") == []
    # Given to him, he hears of it again.
    desk.answer(ANNA, anna, "#assign ben")
    desk.answer(ERIKA, desk.last("erika@example.com"), "And still.")
    assert len(desk.inbox(BEN, "new_reply")) == 1
    assert desk.audit() == []


def test_of_a_ticket_that_nobody_has_somebody_always_hears(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    for one in (ANNA, BEN):
        desk.answer(one, desk.last(one, "new_ticket"), "#unwatch")
    desk.answer(ERIKA, desk.last("erika@example.com"), "Still so.")
    assert desk.inbox(ANNA, "new_reply") and desk.inbox(BEN, "new_reply")


def test_a_watcher_is_taken_off_by_either_command(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    anna = desk.last(ANNA, "new_ticket")
    desk.answer(ANNA, anna, "#cc fred@example.com\n#cc gina@example.com\n\nPlease wait.")
    desk.answer(ANNA, anna, "#unwatch fred@example.com\n#cc -gina@example.com\n\nIt is done.")
    assert desk.ticket()["watchers"] == []
    assert [len(desk.inbox(one, "answer")) for one in ("fred@example.com", "gina@example.com")] == [1, 1]
    desk.answer(ANNA, anna, "#unwatch fred@example.com")
    assert "does not read along" in desk.last(ANNA, "question").text
    desk.answer(ANNA, anna, "#unwatch erika@example.com")
    assert "is the requester" in desk.last(ANNA, "question").text
    assert desk.audit() == []


def test_the_audit_finds_a_follower_that_no_event_made(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    with connection(desk.database):
        Ticket.update(unwatched=[BEN]).execute()
    assert [finding for finding in desk.audit() if "ticket 1001: is followed by" in finding]


# --- several addresses ---


def test_a_reply_from_another_address_is_the_requester_s_and_is_answered_there(
    make_desk: Callable[[Policy], DeskUnderTest],
) -> None:
    desk = make_desk(policy_of(more=KNOWN))
    desk.write(ERIKA, "It drops.")
    desk.answer(HOME, desk.last("erika@example.com"), "Still so, and now I am at home.")
    reply = desk.last(ANNA, "new_reply")
    assert "another person" not in reply.text.casefold()
    assert desk.ticket()["requester"] == "erika.home@example.net"
    desk.answer(ANNA, reply, "Please restart it.")
    assert [one.to for one in desk.sent if one.notice == "answer"] == ["erika.home@example.net"]
    desk.answer(ERIKA, desk.last("erika@example.com"), "Back in the office.")
    assert desk.ticket()["requester"] == "erika@example.com"
    assert desk.audit() == []


def test_a_stranger_becomes_nobody_by_the_table_and_an_unproven_address_moves_nothing(
    make_desk: Callable[[Policy], DeskUnderTest],
) -> None:
    desk = make_desk(policy_of(more=KNOWN))
    desk.write(ERIKA, "It drops.", subject="VPN")
    desk.answer(ANNA, desk.last(ANNA), "#resolve Done.")
    # Her other address, but with nothing than the number: read, marked, and the ticket stays as it is.
    desk.write(HOME, "Give me all that you have.", subject="Re: [INC-1001] VPN")
    assert (desk.ticket()["status"], desk.ticket()["requester"]) == ("resolved", "erika@example.com")
    assert desk.inbox("erika.home@example.net") == []
    assert desk.write(HOME, "status", subject="").outcome == "opened"
    assert desk.write(STRANGER, "Me too.", subject="Re: [INC-1001] VPN").outcome == "opened"
    assert desk.inbox("sid@example.net") == []
    # Proven, it is hers.
    desk.write(HOME, "status", subject="", headers=PROVEN)
    assert "INC-1001" in desk.last("erika.home@example.net", "status").text
    assert desk.audit() == []


def test_what_is_written_twice_from_two_addresses_is_one_ticket(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    desk = make_desk(policy_of(more=KNOWN))
    desk.write(ERIKA, LONG, subject="VPN")
    assert desk.write("erika@sub.example.com", LONG, subject="VPN", headers=PROVEN).outcome == "opened"
    assert desk.write(HOME, LONG, subject="VPN", headers=PROVEN).outcome == "appended"


def test_what_the_table_has_is_said_in_the_head_and_chooses_the_language(
    make_desk: Callable[[Policy], DeskUnderTest],
) -> None:
    desk = make_desk(policy_of(more=KNOWN))
    desk.write(ERIKA, "It drops every few minutes and I can not work.", headers={"Content-Language": "en"})
    assert "Person: VIP, Sales, Berlin, manager max@example.com" in desk.last(ANNA, "new_ticket").text
    assert "Ihre Störungsmeldung ist angekommen" in " ".join(desk.last("erika@example.com").text.split())
    desk.write("Fred <fred@example.com>", "It jams.", subject="Printer")
    assert "Person:" not in desk.last(ANNA, "new_ticket").text


# --- the same matter twice ---


def test_the_same_thing_twice_is_one_ticket_and_told_once(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, LONG, subject="VPN drops")
    row = desk.write(ERIKA, LONG + "\nAnybody there?", subject="VPN drops")
    assert row.outcome == "appended"
    told = desk.last("erika@example.com", "noted")
    assert "we have added your mail to INC-1001" in " ".join(told.text.split())
    assert "the same once more" in " ".join(desk.last(ANNA, "new_reply").text.split())
    reasons = [event["text"] for event in desk.ticket()["history"] if event["kind"] == "same-matter"]
    assert reasons == ["erika@example.com wrote the same within 4 hours: added to [INC-1001]"]
    desk.write(ERIKA, LONG, subject="VPN drops")
    assert len(desk.inbox("erika@example.com", "noted")) == 1
    assert len(desk.inbox("erika@example.com", "acknowledgement")) == 1
    desk.answer(ANNA, desk.last(ANNA), "We look at it.")
    assert desk.audit() == []


def test_an_agent_makes_it_a_matter_of_its_own(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, LONG, subject="VPN drops")
    desk.write(ERIKA, LONG, subject="VPN drops")
    text = "#requester erika@example.com\n\nThe VPN of her second laptop drops too."
    assert desk.write(ANNA, text, subject="VPN of the second laptop").outcome == "opened"
    assert desk.ticket(1002)["requester"] == "erika@example.com"


def test_other_people_later_times_ended_tickets_and_machines_open_their_own(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, LONG, subject="VPN drops")
    assert desk.write("Fred <fred@example.com>", LONG, subject="VPN drops").outcome == "opened"
    assert desk.write(ERIKA, LONG.replace("VPN", "printer"), subject="Printer").outcome == "opened"
    machine = {"Auto-Submitted": "auto-generated"}
    assert desk.write(ERIKA, LONG, subject="VPN drops", headers=machine).outcome != "appended"
    desk.wait(hours=5)
    assert desk.write(ERIKA, LONG, subject="VPN drops").outcome == "opened"
    last = desk.last(ANNA, "new_ticket")
    desk.answer(ANNA, last, "#resolve Done.")
    assert desk.write(ERIKA, LONG, subject="VPN drops").outcome == "opened"
    assert desk.audit() == []


def test_a_stranger_s_second_mail_stays_a_ticket(desk: DeskUnderTest) -> None:
    desk.write(STRANGER, LONG, subject="VPN drops")
    assert desk.write(STRANGER, LONG, subject="VPN drops").outcome == "opened"
    assert desk.inbox("sid@example.net") == []


def test_an_hour_of_none_switches_it_off(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    desk = make_desk(policy_of("same_matter_hours = 0"))
    desk.write(ERIKA, LONG, subject="VPN drops")
    assert desk.write(ERIKA, LONG, subject="VPN drops").outcome == "opened"
