"""Until when somebody answers and until when it is settled: what starts, stops, pauses and moves a ticket's clocks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.parsing import Parser
from gateway.policy import Policy
from gateway.store.database import connection
from gateway.store.tables import SlaClock
from tests.desk.harness import DeskUnderTest, policy_of
from tests.desk.promises import promising
from tests.desk.test_bounces import bounce

ERIKA, ANNA, BEN = "Erika Muster <erika@example.com>", "anna@example.com", "ben@example.com"
NORA, BOSS = "nora@example.com", "boss@example.com"
BERLIN = ZoneInfo("Europe/Berlin")
MakeDesk = Callable[[Policy], DeskUnderTest]


def at(text: str) -> datetime:
    """A moment in Berlin in 2026: "03-02 09:00", a Monday."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=BERLIN).astimezone(UTC)


@pytest.fixture
def promised(database_url: str, parser: Parser, tmp_path: Path) -> DeskUnderTest:
    """A desk that promises times, on SQLite and on PostgreSQL; the first mail comes on Monday at 09:00 in Berlin."""
    return DeskUnderTest(database_url, parser=parser, scratch=tmp_path, policy=promising(), now=at("03-02 08:59"))


def clock(desk: DeskUnderTest, kind: str, number: int = 1001) -> SlaClock:
    with connection(desk.database):
        row = (
            SlaClock.select()
            .join(SlaClock.ticket.rel_model)
            .where((SlaClock.kind == kind) & (SlaClock.ticket.rel_model.number == number))
        )
        return row.get()


def go_to(desk: DeskUnderTest, text: str) -> None:
    """Let the clock run until a moment in Berlin, and do what is due."""
    desk.wait(seconds=(at(text) - desk.now).total_seconds())


def reminders(desk: DeskUnderTest) -> list[tuple[str, str]]:
    return [(one.to, one.notice) for one in desk.sent if one.notice.startswith("reminder")]


# --- what starts and stops them ---


def test_an_opening_starts_both_clocks_and_the_acknowledgement_says_by_when(promised: DeskUnderTest) -> None:
    promised.write(ERIKA, "It drops.")
    told = promised.last("erika@example.com", "acknowledgement").text
    assert "an answer by 2 March 2026, 10:00" in told
    assert "settled by 2 March 2026, 17:00" in told
    assert (clock(promised, "response").due_at, clock(promised, "resolution").due_at) == (
        at("03-02 10:00"),
        at("03-02 17:00"),
    )
    head = promised.last(ANNA, "new_ticket").text
    assert "Answer due: 2 March 2026, 10:00" in head
    assert "Due: 2 March 2026, 17:00" in head
    assert promised.audit() == []


def test_only_a_persons_answer_stops_the_first_clock(promised: DeskUnderTest) -> None:
    promised.write(ERIKA, "It drops.")
    assert promised.inbox("erika@example.com", "acknowledgement")
    promised.answer(ANNA, promised.last(ANNA), "#note I look at it.")
    away = {"Auto-Submitted": "auto-replied"}
    promised.answer(ANNA, promised.last(ANNA), "I am away.", headers=away)
    assert clock(promised, "response").outcome == "running"
    promised.answer(BEN, promised.last(BEN, "new_ticket"), "Please restart the client.")
    row = clock(promised, "response")
    assert (row.outcome, row.next_at, row.used_minutes) == ("met", None, 3)
    assert clock(promised, "resolution").outcome == "running"
    assert "Answer due" not in promised.last(ANNA, "agent_answered").text
    assert promised.audit() == []


def test_an_answer_too_late_is_a_miss(promised: DeskUnderTest) -> None:
    promised.write(ERIKA, "It drops.")
    go_to(promised, "03-02 10:01")
    promised.answer(ANNA, promised.last(ANNA, "new_ticket"), "Please restart.")
    row = clock(promised, "response")
    assert (row.outcome, row.breached_at) == ("missed", at("03-02 10:00"))
    assert promised.audit() == []


def test_an_answer_that_came_back_was_none_and_the_clock_has_never_stopped(promised: DeskUnderTest) -> None:
    promised.write(ERIKA, "It drops.")
    promised.answer(ANNA, promised.last(ANNA), "#hold requester\nWhich client?")
    promised.now = at("03-02 09:30")
    promised.answer(BEN, promised.last(BEN, "agent_answered"), "#note asked")
    promised.write(ERIKA, "The new one.", subject="Re: [INC-1001] My VPN is down")
    assert promised.ticket()["status"] == "in_progress"
    assert clock(promised, "response").outcome == "met"
    promised.now = at("03-02 09:40")
    bounce(promised, promised.last("erika@example.com", "answer"))
    row = clock(promised, "response")
    # It waited from 09:01 to 09:32, so an hour of working time ends 31 minutes later than it would.
    assert (row.outcome, row.due_at) == ("running", at("03-02 10:31"))
    assert promised.ticket()["first_answer_at"] is None
    promised.answer(ANNA, promised.last(ANNA, "undeliverable"), "#note called her")
    assert promised.audit() == []


def test_of_two_answers_the_one_that_arrived_counts(promised: DeskUnderTest) -> None:
    promised.write(ERIKA, "It drops.")
    promised.answer(ANNA, promised.last(ANNA), "Please restart.")
    first = promised.last("erika@example.com", "answer")
    go_to(promised, "03-02 09:20")
    promised.answer(ANNA, promised.last(ANNA, "new_ticket"), "And send the log.")
    bounce(promised, first)
    row = clock(promised, "response")
    assert (row.outcome, row.stopped_at) == ("met", at("03-02 09:21"))
    assert promised.audit() == []


def test_an_answer_that_came_back_leaves_the_promise_that_holds_now(promised: DeskUnderTest) -> None:
    """The priority changed while the answer counted: the clock that has never stopped has changed with it."""
    promised.write(ERIKA, "It drops.")
    promised.answer(ANNA, promised.last(ANNA), "Please restart.")
    promised.now = at("03-02 09:09")
    promised.answer(ANNA, promised.last(ANNA, "new_ticket"), "#priority P1")
    promised.now = at("03-02 09:11")
    bounce(promised, promised.last("erika@example.com", "answer"))
    row = clock(promised, "response")
    assert (row.goal, row.outcome, row.due_at) == ("Critical", "running", at("03-02 09:15"))
    assert promised.audit() == []


def test_what_stands_between_two_lines_of_a_mail_was_never_promised(
    database_url: str, parser: Parser, tmp_path: Path
) -> None:
    """Missed before and missed after: a target between them, which would have been met, takes no miss back."""
    tables = "".join(
        f'[[sla]]\nname = "{name}"\ntype = "{kind}"\npriority = ["{priority}"]\nresolution = "{hours}h"\n'
        for name, kind, priority, hours in (
            ("Broken", "incident", "P3", 1),
            ("Wanted", "request", "P3", 4),
            ("Wanted at once", "request", "P1", 1),
        )
    )
    policy = policy_of('time_zone = "Europe/Berlin"\n', tables)
    desk = DeskUnderTest(database_url, parser=parser, scratch=tmp_path, policy=policy, now=at("03-02 08:59"))
    desk.write(ERIKA, "It drops.")
    go_to(desk, "03-02 10:30")
    desk.answer(ANNA, desk.last(ANNA), "#type request\n#hold vendor\n#priority P1")
    row = clock(desk, "resolution")
    assert (row.goal, row.breached_at) == ("Wanted at once", at("03-02 10:00"))
    desk.answer(ANNA, desk.last(ANNA), "#undo")
    row = clock(desk, "resolution")
    assert (row.goal, row.breached_at) == ("Broken", at("03-02 10:00"))
    assert desk.audit() == []


def test_the_word_that_it_is_settled_stops_both_and_a_reply_goes_on_where_it_stopped(promised: DeskUnderTest) -> None:
    promised.write(ERIKA, "It drops.")
    go_to(promised, "03-02 11:59")
    promised.answer(ANNA, promised.last(ANNA, "new_ticket"), "#resolve Renewed.")
    assert (clock(promised, "response").outcome, clock(promised, "resolution").outcome) == ("missed", "met")
    go_to(promised, "03-05 09:59")
    promised.answer(ERIKA, promised.last("erika@example.com", "resolution"), "It still drops.")
    row = clock(promised, "resolution")
    assert (row.outcome, row.used_minutes, row.due_at) == ("running", 180, at("03-05 15:00"))
    assert clock(promised, "response").outcome == "missed"
    assert promised.audit() == []


@pytest.mark.parametrize(("command", "outcomes"), [("#spam", ("dropped", "dropped")), ("#close", ("dropped", "met"))])
def test_what_ends_without_an_answer_has_nothing_to_meet(
    promised: DeskUnderTest, command: str, outcomes: tuple[str, str]
) -> None:
    promised.write(ERIKA, "It drops.")
    promised.answer(ANNA, promised.last(ANNA), command)
    assert (clock(promised, "response").outcome, clock(promised, "resolution").outcome) == outcomes
    go_to(promised, "03-03 12:00")
    assert reminders(promised) == []
    assert promised.audit() == []


def test_a_merged_ticket_has_nothing_to_meet_any_more(promised: DeskUnderTest) -> None:
    promised.write(ERIKA, "It drops.")
    promised.write(ERIKA, "It drops again.", subject="VPN")
    promised.answer(ANNA, promised.last(ANNA), "#merge 1001")
    assert clock(promised, "resolution", 1002).outcome == "dropped"
    assert clock(promised, "resolution", 1001).outcome == "running"
    assert promised.audit() == []


# --- what moves them ---


def test_a_hold_stands_for_whom_the_target_waits(promised: DeskUnderTest) -> None:
    promised.write(ERIKA, "It drops.")
    go_to(promised, "03-02 10:59")
    promised.answer(ANNA, promised.last(ANNA, "new_ticket"), "#hold requester\nWhich client?")
    row = clock(promised, "resolution")
    assert (row.due_at, row.used_minutes, row.next_at) == (None, 120, None)
    assert "stand still" in promised.last(BEN, "agent_answered").text
    go_to(promised, "03-04 11:59")
    promised.answer(ERIKA, promised.last("erika@example.com", "answer"), "The new one.")
    assert clock(promised, "resolution").due_at == at("03-05 09:00")
    assert promised.audit() == []


def test_a_target_that_waits_for_the_requester_alone_goes_on_while_the_vendor_is_asked(promised: DeskUnderTest) -> None:
    promised.write(ERIKA, "It drops.")
    promised.answer(ANNA, promised.last(ANNA), "#type request\n#hold vendor")
    row = clock(promised, "resolution")
    assert (row.goal, row.due_at) == ("Requests", at("03-03 16:00"))
    promised.answer(ANNA, promised.last(ANNA), "#hold requester")
    assert clock(promised, "resolution").due_at is None
    assert promised.audit() == []


def test_another_priority_counts_what_was_worked_and_is_due_at_once_where_that_is_too_much(
    promised: DeskUnderTest,
) -> None:
    promised.write(ERIKA, "It drops.")
    go_to(promised, "03-02 09:59")
    promised.answer(ANNA, promised.last(ANNA, "new_ticket"), "#priority P1")
    assert (clock(promised, "resolution").goal, clock(promised, "resolution").due_at) == ("Critical", at("03-02 13:00"))
    response = clock(promised, "response")
    assert (response.due_at, response.breached_at) == (at("03-02 10:00"), None)
    go_to(promised, "03-02 10:30")
    assert clock(promised, "response").breached_at == at("03-02 10:00")
    promised.answer(ANNA, promised.last(ANNA, "new_ticket"), "#priority P4")
    row = clock(promised, "resolution")
    assert (row.goal, row.due_at, row.turn) == ("Usual", at("03-02 17:00"), 2)
    assert promised.audit() == []


def test_a_ticket_from_before_gets_its_clocks_with_its_next_change_and_is_never_due_before(
    promised: DeskUnderTest,
) -> None:
    promised.change_policy(policy_of('time_zone = "Europe/Berlin"'))
    promised.write(ERIKA, "It drops.")
    assert promised.inbox("erika@example.com", "acknowledgement")
    go_to(promised, "03-05 10:00")
    promised.change_policy(promising())
    promised.answer(ANNA, promised.last(ANNA), "#priority P2")
    row = clock(promised, "resolution")
    assert (row.started_at, row.due_at, row.breached_at) == (at("03-02 09:00"), at("03-05 10:01"), None)
    assert promised.audit() == []


def test_a_weekend_a_holiday_and_summer_time_are_what_the_calendar_says(promised: DeskUnderTest) -> None:
    for start, due in (
        ("03-06 15:59", "03-09 15:00"),  # over a weekend
        ("04-02 15:59", "04-07 15:00"),  # Good Friday to Easter Monday
        ("03-27 16:59", "03-30 16:00"),  # to summer time
    ):
        promised.now = at(start)
        promised.write(ERIKA, "It drops.", subject=f"Since {start}")
        number = int(promised.last(ANNA).subject.partition("-")[2].partition("]")[0])
        assert clock(promised, "resolution", number).due_at == at(due), start


def test_whoever_has_a_zone_of_their_own_reads_times_by_its_clock(make_desk: MakeDesk) -> None:
    erika = '[[person]]\naddress = "erika@example.com"\ntime_zone = "America/New_York"\n'
    desk = make_desk(promising(people=erika))
    desk.now = at("03-02 08:59")
    desk.write(ERIKA, "It drops.")
    assert "settled by 2 March 2026, 11:00" in desk.last("erika@example.com", "acknowledgement").text
    assert "Due: 2 March 2026, 17:00" in desk.last(ANNA).text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", "Fällig: 02.03.2026"),
        ("fr", "Échéance\u00a0: 02/03/2026"),
        ("es", "Vence: 02/03/2026"),
        ("pt", "Prazo: 02/03/2026"),
    ],
)
def test_agents_read_due_times_in_their_language(make_desk: MakeDesk, language: str, words: str) -> None:
    policy = promising()
    from dataclasses import replace

    agents = tuple(agent.model_copy(update={"language": language}) for agent in policy.agents)
    desk = make_desk(replace(policy, agents=agents))
    desk.now = at("03-02 08:59")
    desk.write(ERIKA, "It drops.")
    assert words in desk.last(ANNA).text


def test_a_desk_without_promises_has_no_clocks_and_says_nothing_of_them(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.wait(days=30)
    with connection(desk.database):
        assert SlaClock.select().count() == 0
    assert "Due" not in desk.last(ANNA).text
    assert "goal" not in desk.last("erika@example.com").text
    desk.answer(ANNA, desk.last(ANNA), "#ack")
    assert "promises no times" in desk.last(ANNA, "question").text


def test_times_run_from_when_a_mail_had_come_but_not_for_what_lay_in_quarantine(promised: DeskUnderTest) -> None:
    came = promised.now - timedelta(hours=1)
    promised.write(ERIKA, "It drops.", received_at=came)
    assert clock(promised, "resolution").started_at == at("03-02 07:59")
    assert clock(promised, "resolution").due_at == at("03-02 16:00")
