"""The ladder beside the clocks: whom each step reminds, what it raises and gives on, and what becomes of it late."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.desk.ladder import _climb_some, look_anew
from gateway.parsing import Parser
from gateway.policy import Policy
from gateway.policy_keeper import PolicyKeeper
from gateway.store.database import connection, transaction
from gateway.store.tables import Outbox, SlaClock
from gateway.timers import Timers
from tests.desk.harness import CHECKOUT, DeskUnderTest, policy_of
from tests.desk.promises import promising
from tests.desk.test_clockwork import PROVEN
from tests.desk.test_promises import ANNA, BEN, BOSS, ERIKA, NORA, at, clock, go_to, promised, reminders

__all__ = ["promised"]

ACTING = """
[[ladder]]
at = "50%"
clock = "resolution"
sla = "Usual"
remind = "assignee"
raise = "urgency"

[[ladder]]
at = "90%"
clock = "resolution"
reassign = "network"
"""


def desk_on(url: str, parser: Parser, tmp_path: Path, policy: Policy) -> DeskUnderTest:
    return DeskUnderTest(url, parser=parser, scratch=tmp_path, policy=policy, now=at("03-02 08:59"))


def taken(desk: DeskUnderTest) -> None:
    """A ticket that Anna has answered and has."""
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA), "Please restart the client.")


def test_each_step_reminds_whom_it_names_once_and_on_time(promised: DeskUnderTest) -> None:
    taken(promised)
    went: dict[str, Counter[str]] = {}
    moment = at("03-02 09:30")
    while moment <= at("03-03 12:00"):
        before = len(promised.sent)
        promised.wait(seconds=(moment - promised.now).total_seconds())
        fresh = Counter(one.to for one in promised.sent[before:])
        if fresh:
            went[f"{moment.astimezone(at('03-02 09:00').tzinfo):%m-%d %H:%M}"] = fresh
        moment += timedelta(minutes=30)
    assert went == {
        "03-02 14:00": Counter({ANNA: 1}),  # in UTC: three quarters of eight hours
        "03-02 16:00": Counter({ANNA: 1, NORA: 1}),
        "03-03 08:00": Counter({NORA: 1, BOSS: 1}),  # an hour of working time later
    }
    assert clock(promised, "resolution").breached_at == at("03-02 17:00")
    assert promised.audit() == []


def test_overdue_is_said_plainly_and_a_manager_who_is_no_agent_is_asked_for_nothing(promised: DeskUnderTest) -> None:
    taken(promised)
    go_to(promised, "03-03 09:00")
    told = promised.last(BOSS, "reminder").text
    assert promised.last(BOSS, "reminder").subject.endswith(
        "[INC-1001] Solution overdue since Mon 17:00 (by 1 h of working time) – My VPN is down"
    )
    assert "Solution overdue since Mon 17:00 (by 1 h of working time).\r\nIt is not settled yet." in told
    assert "You get this as a manager of the team desk." in told
    assert "Overdue since: 2 March 2026, 17:00" in told
    assert "#ack" not in told
    assert "#ack" in promised.last(NORA, "reminder").text


def test_what_a_manager_answers_reaches_the_agents_and_commands_nothing(promised: DeskUnderTest) -> None:
    taken(promised)
    go_to(promised, "03-03 09:00")
    row = promised.answer(BOSS, promised.last(BOSS, "reminder"), "#close\nWhy does it take so long?")
    assert row.outcome == "appended"
    assert "Why does it take so long?" in promised.last(ANNA, "new_reply").text
    assert promised.ticket()["status"] == "in_progress"
    assert promised.audit() == []


def test_where_nobody_has_it_its_team_is_reminded(promised: DeskUnderTest) -> None:
    promised.write(ERIKA, "It drops.")
    go_to(promised, "03-02 10:00")
    assert Counter(reminders(promised)) == Counter({(who, "reminder"): 1 for who in (ANNA, BEN, NORA)})
    mail = promised.last(BEN, "reminder")
    assert mail.subject == "Re: [INC-1001] First answer due now (10:00) – My VPN is down"
    assert "Nobody has answered the requester yet." in mail.text
    assert "You get this because nobody has the ticket; it is your team's: desk." in mail.text.replace("\r\n", " ")
    assert "You get this as a lead of the team desk." in promised.last(NORA, "reminder").text


def test_whoever_is_away_is_not_the_one_who_is_reminded(promised: DeskUnderTest) -> None:
    taken(promised)
    promised.write(ANNA, "#away until 2026-03-06", subject="Away", headers=PROVEN)
    go_to(promised, "03-02 15:00")
    assert reminders(promised) == [(BEN, "reminder")], "her team hears instead"


def test_ack_ends_the_ladder_and_the_miss_is_noted_all_the_same(promised: DeskUnderTest) -> None:
    taken(promised)
    go_to(promised, "03-02 15:00")
    promised.answer(ANNA, promised.last(ANNA, "reminder"), "#ack")
    go_to(promised, "03-04 12:00")
    assert reminders(promised) == [(ANNA, "reminder")]
    row = clock(promised, "resolution")
    assert (row.acked_by, row.breached_at) == (ANNA, at("03-02 17:00"))
    assert promised.audit() == []
    promised.answer(ANNA, promised.last(ANNA, "reminder"), "#priority P2")
    go_to(promised, "03-04 12:02")
    assert NORA in [to for to, _ in reminders(promised)], "another target has a ladder of its own"


def test_steps_raise_and_give_on_and_cause_no_step_of_their_own(
    database_url: str, parser: Parser, tmp_path: Path
) -> None:
    desk = desk_on(database_url, parser, tmp_path, promising(ACTING))
    taken(desk)
    go_to(desk, "03-02 13:00")
    ticket = desk.ticket()
    assert (ticket["urgency"], ticket["priority"]) == ("high", "P2")
    told = desk.last(ANNA, "reminder").text
    assert "urgency high" in told
    assert "priority P2" in told
    assert [one.notice for one in desk.inbox(ANNA)].count("changed") == 0, "what the reminder says is said once"
    row = clock(desk, "resolution")
    assert (row.goal, row.due_at, row.breached_at) == ("Critical", at("03-02 13:00"), None)
    before = len(reminders(desk))
    go_to(desk, "03-02 13:05")
    assert len(reminders(desk)) == before
    desk.change_policy(promising(ACTING))
    desk.answer(ANNA, desk.last(ANNA, "reminder"), "#priority P4")
    go_to(desk, "03-02 16:20")
    assert (desk.ticket()["team"], desk.ticket()["assignee"]) == ("network", "")
    assert desk.inbox(NORA, "new_ticket"), "the other team sees the whole ticket"
    actors = {event["actor"] for event in desk.ticket()["history"] if event["text"].startswith(("team", "urgency"))}
    assert actors == {"clock"}
    assert desk.audit() == []


# --- late ---


def test_after_a_weekend_only_the_last_step_is_told_and_says_that_it_is_late(promised: DeskUnderTest) -> None:
    promised.now = at("03-06 09:00")
    taken(promised)
    go_to(promised, "03-09 10:00")
    assert Counter(to for to, _ in reminders(promised)) == Counter({NORA: 1, BOSS: 1})
    assert "This comes late" in promised.last(BOSS, "reminder").text
    go_to(promised, "03-09 10:30")
    assert len(reminders(promised)) == 2
    assert promised.audit() == []


def test_whoever_has_many_late_reminders_gets_them_in_one_mail(promised: DeskUnderTest) -> None:
    for number in range(6):
        promised.write(ERIKA, f"Matter {number} is broken.", subject=f"Matter {number}")
    go_to(promised, "03-04 12:00")
    got = Counter(reminders(promised))
    assert got[(BOSS, "reminders")] == got[(NORA, "reminders")] == 1
    assert got[(BOSS, "reminder")] == 0
    told = promised.last(BOSS, "reminders").text
    assert told.count("[INC-") == 6
    assert "[INC-1001] Matter 0" in told
    assert promised.audit() == []
    before = len(promised.sent)
    go_to(promised, "03-04 13:00")
    assert len(promised.sent) == before


def test_what_was_settled_meanwhile_is_not_told_late(promised: DeskUnderTest) -> None:
    taken(promised)
    promised.now = at("03-05 12:00")
    promised.answer(ANNA, promised.last(ANNA), "#resolve Renewed.")
    promised.wait(minutes=1)
    assert reminders(promised) == []
    assert clock(promised, "resolution").outcome == "missed"


def test_what_was_acknowledged_before_it_was_told_late_is_told_once_that_is_taken_back(promised: DeskUnderTest) -> None:
    taken(promised)
    promised.now = at("03-03 12:00")
    with connection(promised.database), transaction(promised.database):
        _climb_some(promised.policy, promised.secrets, now=promised.now, fresh={})
    for command, told in (("#ack", 0), ("#undo", 2)):
        promised.answer(ANNA, promised.inbox(ANNA, "new_ticket")[0], command)
        promised.wait(minutes=1)
        assert len(reminders(promised)) == told
    assert promised.audit() == []


# --- other rules ---


def test_another_ladder_holds_for_clocks_that_run_already(promised: DeskUnderTest) -> None:
    taken(promised)
    more = '[[ladder]]\nat = "25%"\nclock = "resolution"\nremind = "assignee"\n'
    promised.change_policy(promising(more))
    with connection(promised.database):
        assert look_anew(promised.database, promised.policy, now=promised.now) == 1
        assert look_anew(promised.database, promised.policy, now=promised.now) == 0
    go_to(promised, "03-02 11:00")
    assert reminders(promised) == [(ANNA, "reminder")]


def test_without_promises_the_clocks_that_run_end_and_count_for_nothing(promised: DeskUnderTest) -> None:
    taken(promised)
    promised.change_policy(policy_of())
    with connection(promised.database):
        assert look_anew(promised.database, promised.policy, now=promised.now) == 1
    assert clock(promised, "resolution").outcome == "dropped"
    go_to(promised, "03-09 12:00")
    assert reminders(promised) == []
    assert promised.audit() == []


def test_what_a_hand_does_to_a_clock_is_found(promised: DeskUnderTest) -> None:
    taken(promised)
    with connection(promised.database):
        SlaClock.update(due_minutes=9999).where(SlaClock.kind == "resolution").execute()
        SlaClock.delete().where(SlaClock.kind == "response").execute()
    assert promised.audit() == [
        "ticket 1001: its response clock is in the history but not there",
        "ticket 1001: its resolution clock is not what its history says",
    ]


def test_the_timers_climb_and_follow_another_file(promised: DeskUnderTest, tmp_path: Path) -> None:
    taken(promised)
    rules = tmp_path / "rules.toml"
    rules.write_text(promised.policy.text, encoding="utf-8")
    keeper = PolicyKeeper(rules, CHECKOUT / "templates")
    timers = Timers(
        promised.database,
        keeper=keeper,
        secrets=promised.secrets,
        clock=promised.clock,
        on_work=lambda: None,
        may_expire=lambda now: now < at("03-02 18:00"),
    )
    with connection(promised.database):
        timers.run_once(at("03-02 15:00"))
        assert Outbox.select().where(Outbox.notice == "reminder").count() == 1
        timers.run_once(at("03-03 15:00"))
        assert Outbox.select().where(Outbox.notice == "reminder").count() == 1, "the clock is doubted"
    rules.write_text(policy_of().text, encoding="utf-8")
    assert keeper.refresh(at_once=True)
    with connection(promised.database):
        timers.run_once(at("03-02 16:00"))
    assert clock(promised, "resolution").outcome == "dropped"


@pytest.mark.parametrize("words", ["#resolve It works again.", "#ack"])
def test_a_reminder_that_waits_for_the_morning_is_not_sent_when_it_is_solved_or_seen_by_then(
    promised: DeskUnderTest, words: str
) -> None:
    quiet = '[notices]\nquiet_hours = "14:30-18:00"\n'
    promised.change_policy(promising(quiet))
    taken(promised)
    go_to(promised, "03-02 15:30")
    with connection(promised.database):
        waits = [row.id for row in Outbox.select(Outbox.id).where(Outbox.hold_reason == "quiet_hours")]
    assert waits, "a reminder waits"
    promised.answer(ANNA, promised.last(ANNA, "new_ticket"), words)
    before = len(reminders(promised))
    promised.wait(hours=4)
    assert len(reminders(promised)) == before
    assert promised.audit() == []


def test_a_reminder_that_was_dropped_in_the_morning_is_sent_where_the_ack_is_taken_back(
    promised: DeskUnderTest,
) -> None:
    promised.change_policy(promising('[notices]\nquiet_hours = "14:30-16:00"\n'))
    taken(promised)
    go_to(promised, "03-02 15:55")
    promised.answer(ANNA, promised.last(ANNA, "new_ticket"), "#ack")
    before = len(reminders(promised))
    promised.wait(minutes=6)
    assert len(reminders(promised)) == before
    promised.answer(ANNA, promised.last(ANNA, "new_ticket"), "#undo")
    promised.wait(seconds=5)
    assert "you are reminded of its due times again" in promised.last(ANNA, "result").text
    assert len(reminders(promised)) > before
    assert promised.audit() == []
