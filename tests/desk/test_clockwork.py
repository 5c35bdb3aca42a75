"""What the clock does to tickets, and the budgets of acknowledgements."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from gateway.policy import Policy
from tests.desk.harness import DESK, DeskUnderTest, policy_of

MakeDesk = Callable[[Policy], DeskUnderTest]
ERIKA = "Erika Muster <erika@example.com>"
ANNA = "anna@example.com"
BEN = "ben@example.com"
PROVEN = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}


def resolved(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA), "#resolve Done.")


def test_a_closing_mail_goes_out_only_where_the_policy_wants_it(make_desk: MakeDesk) -> None:
    desk = make_desk(policy_of("closing_mail = true"))
    resolved(desk)
    desk.wait(days=10)
    assert desk.ticket()["status"] == "closed"
    assert len(desk.inbox("erika@example.com", "closing")) == 1
    desk.wait(days=10)
    assert len(desk.inbox("erika@example.com", "closing")) == 1
    assert desk.audit() == []


def test_without_it_the_requester_hears_nothing(desk: DeskUnderTest) -> None:
    resolved(desk)
    before = len(desk.sent)
    desk.wait(days=10)
    assert (desk.ticket()["status"], len(desk.sent)) == ("closed", before)


def test_a_ticket_that_was_reopened_does_not_close(desk: DeskUnderTest) -> None:
    resolved(desk)
    desk.answer(ERIKA, desk.last("erika@example.com", "resolution"), "It still drops.")
    desk.wait(days=30)
    assert desk.ticket()["status"] == "in_progress"


def test_a_hold_is_over_when_work_begins_on_its_day_and_the_agents_are_told_once(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA), "#take\n#hold vendor until 2026-03-04")
    begins = datetime(2026, 3, 4, 8, tzinfo=UTC)
    desk.wait(seconds=(begins - desk.now).total_seconds() - 60)
    assert desk.ticket()["status"] == "on_hold"
    desk.wait(minutes=1)
    assert (desk.ticket()["status"], desk.ticket()["hold"]) == ("in_progress", "")
    desk.wait(days=1)
    assert len(desk.inbox(ANNA, "changed")) == 1
    assert desk.audit() == []


@pytest.mark.parametrize(("hours", "acknowledged"), [(0, 5), (2, 20)])
def test_one_address_gets_so_many_acknowledgements_in_an_hour_and_a_day(
    make_desk: MakeDesk, hours: int, acknowledged: int
) -> None:
    fast = "[limits]\ntickets_per_10_minutes = 99\ntickets_per_hour = 99\nquick_reply_seconds = 1\n"
    desk = make_desk(policy_of(more=fast))
    for number in range(24):
        row = desk.write(ERIKA, f"Matter {number}", subject=f"Matter {number}")
        assert row.outcome == "opened"
        desk.wait(hours=hours / 4)
    assert len(desk.inbox("erika@example.com", "acknowledgement")) == acknowledged
    desk.wait(days=1)
    desk.write(ERIKA, "Next day", subject="Next day")
    assert len(desk.inbox("erika@example.com", "acknowledgement")) == acknowledged + 1


def test_the_budget_is_that_of_who_is_acknowledged_not_of_the_agent_who_logs(make_desk: MakeDesk) -> None:
    """Who forges an agent's address can't fill an employee's mailbox with acknowledgements."""
    desk = make_desk(policy_of())
    for number in range(8):
        desk.write(ANNA, f"#requester erika@example.com\nCalled {number} times.", subject=f"Call {number}")
    desk.write(ANNA, "#requester carl@example.com\nCalled.", subject="Carl")
    assert len(desk.inbox("erika@example.com", "acknowledgement")) == 5
    assert len(desk.inbox("carl@example.com", "acknowledgement")) == 1


@pytest.mark.parametrize(("headers", "acknowledged"), [({}, 0), (PROVEN, 1)])
@pytest.mark.parametrize("whom", ["own", "everyone"])
def test_an_outsider_whom_an_agent_logs_is_acknowledged_only_with_proof(
    make_desk: MakeDesk, whom: str, headers: dict[str, str], acknowledged: int
) -> None:
    desk = make_desk(policy_of(f'acknowledge = "{whom}"'))
    desk.write(ANNA, "#requester olga@customer.example\nCalled.", subject="Call", headers=headers)
    assert len(desk.inbox("olga@customer.example")) == acknowledged


def test_a_collision_counts_from_when_the_mail_arrived_not_from_when_it_is_sorted(desk: DeskUnderTest) -> None:
    """After a standstill of an hour, two answers that came within a minute still collide."""
    desk.write(ERIKA, "It drops.")
    bens = desk.last(BEN)
    desk.answer(ANNA, desk.last(ANNA), "Restart it.")
    arrived = desk.now
    desk.wait(hours=1)
    row = desk.answer(BEN, bens, "Reinstall it.", received_at=arrived)
    assert row.outcome == "held"


def test_merge_and_link_understand_a_bare_number_and_a_merged_one(desk: DeskUnderTest) -> None:
    for subject in ("One", "Two", "Three"):
        desk.write(ERIKA, f"{subject} is broken.", subject=subject)
    one, two, three = desk.inbox(ANNA, "new_ticket")
    desk.answer(ANNA, one, "#merge 1002")
    assert desk.ticket(1001)["merged_into"] == 1002
    desk.answer(ANNA, three, "#merge 1001")
    assert desk.ticket(1003)["merged_into"] == 1002
    desk.answer(ANNA, two, "#merge 1003")
    assert "is this ticket itself" in desk.last(ANNA, "question").text
    assert desk.audit() == []


def test_a_held_command_finds_its_ticket_also_when_the_answer_quotes_nothing(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "One", subject="One")
    row = desk.write(ANNA, "#requester carl@example.com\n#link INC-1001\nHe called.", subject="Call")
    assert row.outcome == "opened"
    asked = desk.last(ANNA, "confirmation")
    desk.write(
        ANNA,
        "yes",
        subject="Re: Call",
        to=asked.reply_to,
        recipients=(asked.reply_to,),
        headers={"In-Reply-To": asked.message_id},
    )
    assert desk.ticket(1002)["links"] == ["related 1001"]


@pytest.mark.parametrize("address", ["ju\u0308rgen@example.com", "jürgen@example.com"])
def test_an_address_in_any_normal_form_is_one_person(desk: DeskUnderTest, address: str) -> None:
    """A Mac writes ü as two characters."""
    raw = f"From: {address}\r\nTo: {DESK}\r\nSubject: Hi\r\nMessage-ID: <1@x>\r\n\r\nHello\r\n".encode()
    assert desk.receive(raw, reverse_path=address).outcome == "opened"
    assert desk.receive(raw.replace(b"1@x", b"2@x"), reverse_path=address).outcome == "opened"
    assert desk.ticket(1001)["requester"] == desk.ticket(1002)["requester"]


def test_a_loop_mark_of_a_stranger_breaks_nothing(desk: DeskUnderTest) -> None:
    mark = b"X-Helpdesk-Gateway: \xff\xfe\xed\xa0\x80\r\n"
    raw = b"From: eve@evil.example\r\nTo: helpdesk@example.com\r\n" + mark + b"Subject: x\r\n\r\nHi\r\n"
    assert desk.receive(raw, reverse_path="eve@evil.example").outcome == "opened"
