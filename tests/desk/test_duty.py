"""Who gets a ticket, who is away, and what is told before it is forgotten, on a desk with a clock to turn."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from gateway.desk.absences import BY_OPERATOR, mark_away, mark_back
from gateway.desk.audit import audit_all
from gateway.desk.morning import morning_due
from gateway.desk.sweeping import stale_due, unowned_due
from gateway.mail import Envelope, Transport
from gateway.policy import Policy
from gateway.store.database import connection
from gateway.store.states import LedgerState
from gateway.store.tables import Absence, Event, SlaClock, Ticket, Turn
from gateway.triage.decision import SetAbsence
from tests.desk.harness import DESK, DeskUnderTest, Sent, policy_of

ERIKA, ANNA, BEN, NORA = "erika@example.com", "anna@example.com", "ben@example.com", "nora@example.com"
PROVEN = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}
AUTO = {"Auto-Submitted": "auto-replied"}
# Monday the 2nd of March 2026, nine o'clock; the desk works from eight to five, by UTC.
FRIDAY_EVENING, NEXT_MONDAY = datetime(2026, 3, 6, 18, 0, tzinfo=UTC), datetime(2026, 3, 9, 8, 0, tzinfo=UTC)


@pytest.fixture
def sqlite_desk(make_desk: Callable[[Policy], DeskUnderTest]) -> DeskUnderTest:
    """For what no database does otherwise."""
    return make_desk(policy_of())


def turning(assign: str = "round_robin", more: str = "", team: str = "desk") -> Policy:
    text = policy_of(more=more).text
    return _parsed(text.replace(f'name = "{team}"\n', f'name = "{team}"\nassign = "{assign}"\nleads = ["anna"]\n', 1))


def _parsed(text: str) -> Policy:
    from gateway.policy import parse_policy

    return parse_policy(text, "rules.toml")


def matter(desk: DeskUnderTest, subject: str = "") -> str:
    """A new ticket, with words of its own; who has it."""
    with connection(desk.database):
        number = 1001 + Event.select().where(Event.kind == "opened").count()
    subject = subject or f"Device {number} is broken"
    desk.write(ERIKA, f"{subject}. Please help.", subject=subject)
    return str(desk.ticket(number)["assignee"])


def tick(desk: DeskUnderTest, at: datetime | None = None) -> None:
    desk.now = at or desk.now
    with connection(desk.database):
        for sweep in (morning_due, unowned_due, stale_due):
            sweep(desk.database, desk.policy, desk.secrets, now=desk.now)
    desk._send()


def absences(desk: DeskUnderTest) -> list[tuple[str, str, str, bool]]:
    with connection(desk.database):
        rows = Absence.select().order_by(Absence.id)
        return [(row.agent, f"{row.ends_at:%m-%d}", row.source, row.cancelled_at is not None) for row in rows]


def flat(mail: Sent) -> str:
    return " ".join(mail.text.split())


def ids(mails: list[Sent]) -> list[str]:
    return [one.subject for one in mails]


# --- in turn ---


def test_tickets_go_round_and_each_is_told_why(desk: DeskUnderTest) -> None:
    desk.change_policy(turning())
    assert [matter(desk) for _ in range(5)] == [ANNA, BEN, ANNA, BEN, ANNA]
    assert "given to Anna Agent: in turn in desk" in flat(desk.last(ANNA, "new_ticket"))
    assert len(desk.inbox(BEN, "new_ticket")) == 2
    assert not desk.inbox(NORA)
    record = desk.ticket(1001)
    assert record["status"] == "new"
    assert [one["text"] for one in record["history"] if one["kind"] == "given"] == [
        "given to Anna Agent: in turn in desk"
    ]
    with connection(desk.database):
        assert {(row.agent, row.times, row.place) for row in Turn.select()} == {(ANNA, 3, 5), (BEN, 2, 4)}
    assert desk.audit() == []


def test_an_agents_own_matter_goes_to_a_colleague(desk: DeskUnderTest) -> None:
    desk.change_policy(turning())
    desk.write(ANNA, "My own screen is dark.", subject="Screen")
    assert desk.ticket()["assignee"] == BEN
    assert [one.notice for one in desk.inbox(ANNA)] == ["acknowledgement"]
    assert desk.audit() == []


def test_who_has_the_fewest_is_given_the_next(desk: DeskUnderTest) -> None:
    desk.change_policy(turning("least_loaded"))
    assert [matter(desk) for _ in range(3)] == [ANNA, BEN, ANNA]
    desk.answer(ANNA, desk.inbox(ANNA, "new_ticket")[0], "#close")
    desk.answer(ANNA, desk.inbox(ANNA, "new_ticket")[1], "#close")
    assert [matter(desk), matter(desk)] == [ANNA, BEN]
    assert desk.audit() == []


def test_one_who_is_away_gets_nothing_new_and_is_next_when_back(desk: DeskUnderTest) -> None:
    desk.change_policy(turning())
    assert matter(desk) == ANNA
    desk.write(BEN, "#away until Wednesday", subject="away", headers=PROVEN)
    assert "You are away until" in flat(desk.last(BEN, "result"))
    assert [matter(desk), matter(desk)] == [ANNA, ANNA]
    desk.write(BEN, "#back", subject="back", headers=PROVEN)
    assert [matter(desk), matter(desk)] == [BEN, ANNA]
    assert desk.audit() == []


def test_outside_the_hours_it_stays_with_the_team(sqlite_desk: DeskUnderTest) -> None:
    desk = sqlite_desk
    desk.change_policy(turning())
    desk.now = FRIDAY_EVENING
    assert matter(desk) == ""
    assert len(desk.inbox(ANNA, "new_ticket")) == len(desk.inbox(BEN, "new_ticket")) == 1


def test_on_a_weekend_what_presses_goes_to_who_is_on_call(sqlite_desk: DeskUnderTest) -> None:
    desk = sqlite_desk
    rota = '[[rota]]\nteam = "desk"\nagents = ["ben", "anna"]\nstarts = "2026-03-02"\n'
    rule = '[[rule]]\nname = "Fire"\nwhen.words = ["fire"]\nset = { impact = "high", urgency = "high" }\n'
    desk.change_policy(turning("nobody", rota + rule))
    desk.now = FRIDAY_EVENING
    assert [matter(desk), matter(desk, "Fire in the server room")] == ["", BEN]
    assert "given to Ben Helper: on call for desk" in flat(desk.last(BEN, "new_ticket"))
    assert len(desk.inbox(ANNA, "new_ticket")) == 1
    with connection(desk.database):
        assert not Turn.select().exists()
    assert desk.audit() == []


def test_a_team_that_a_ticket_is_given_to_gives_it_on_in_turn_but_never_back(desk: DeskUnderTest) -> None:
    desk.change_policy(turning(more="", team="network"))
    assert matter(desk) == ""
    desk.answer(BEN, desk.last(BEN, "new_ticket"), "#assign network")
    assert (desk.ticket()["team"], desk.ticket()["assignee"]) == ("network", ANNA)
    assert "given to the team network, there to Anna Agent: in turn in network" in flat(desk.last(ANNA, "new_ticket"))
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#assign network")
    assert desk.ticket()["assignee"] == NORA
    assert desk.audit() == []


def test_a_rule_that_names_somebody_takes_nobodys_turn(sqlite_desk: DeskUnderTest) -> None:
    desk = sqlite_desk
    rule = '[[rule]]\nname = "Ben"\nwhen.words = ["beamer"]\nset = { assignee = "ben" }\n'
    desk.change_policy(turning(more=rule))
    assert [matter(desk, "Beamer dark"), matter(desk)] == [BEN, ANNA]


def test_two_sorters_at_once_never_give_the_same_turn_twice(desk: DeskUnderTest) -> None:
    desk.change_policy(turning())
    count = 12
    with desk._door as door:
        for number in range(count):
            sender = f"person{number}@example.com"
            envelope = Envelope(transport=Transport.SMTP, received_at=desk.now, reverse_path=sender, recipients=(DESK,))
            door.accept(envelope, desk.mail(sender, f"Thing {number} is broken.", subject=f"Thing {number}"))
    both_begin = Barrier(2)

    def sort(owner: str) -> None:
        with connection(desk.database):
            both_begin.wait()
            while desk.new_sorter(owner=owner, batch=1).run_once(desk.now):
                pass

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(sort, ["one", "two"]))
    given = [desk.ticket(1001 + number)["assignee"] for number in range(count)]
    assert given == [ANNA, BEN] * (count // 2)
    assert desk.audit() == []


def test_two_processes_at_once_write_the_morning_mail_once(desk: DeskUnderTest) -> None:
    tick(desk)
    matter(desk)
    desk.now = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
    both_begin = Barrier(2)

    def look(number: int) -> None:
        with connection(desk.database):
            both_begin.wait()
            morning_due(desk.database, desk.policy, desk.secrets, now=desk.now + timedelta(seconds=number))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(look, range(2)))
    desk._send()
    assert [len(desk.inbox(one, "listing")) for one in (ANNA, BEN)] == [1, 1]


# --- away ---


def test_away_takes_proof_or_one_confirmation(desk: DeskUnderTest) -> None:
    row = desk.write(BEN, "#away until Friday", subject="away")
    assert row.state == LedgerState.QUARANTINED
    assert absences(desk) == []
    desk.answer(BEN, desk.last(BEN, "challenge"), "yes")
    desk.sort()
    assert absences(desk) == [(BEN, "03-07", "command", False)]
    assert desk.audit() == []


def test_away_in_a_reply_counts_and_says_until_when(sqlite_desk: DeskUnderTest) -> None:
    desk = sqlite_desk
    matter(desk)
    desk.answer(BEN, desk.last(BEN, "new_ticket"), "#away 2026-03-10 to 2026-03-12")
    assert "You are away from 10" in flat(desk.last(BEN, "result"))
    assert absences(desk) == [(BEN, "03-13", "command", False)]
    assert not desk.inbox(ERIKA, "answer")
    assert desk.audit() == []


def test_what_is_said_later_stands_in_the_place_of_what_was_said_before(sqlite_desk: DeskUnderTest) -> None:
    desk = sqlite_desk
    desk.write(BEN, "#away until Friday", subject="", headers=PROVEN)
    desk.write(BEN, "#away until Wednesday", subject="", headers=PROVEN)
    assert absences(desk) == [(BEN, "03-07", "command", True), (BEN, "03-05", "command", False)]
    desk.write(BEN, "#back", subject="", headers=PROVEN)
    assert [one[3] for one in absences(desk)] == [True, True]
    assert desk.audit() == []


def test_an_end_that_is_not_understood_changes_nothing(sqlite_desk: DeskUnderTest) -> None:
    desk = sqlite_desk
    desk.write(BEN, "#away until soon", subject="", headers=PROVEN)
    assert absences(desk) == []
    assert "is no coming day; what would fit: #away until 2026-03-09" in flat(desk.last(BEN, "result"))


def test_the_own_out_of_office_marks_an_agent_away_and_the_team_sees_the_next_reply(desk: DeskUnderTest) -> None:
    matter(desk)
    desk.answer(BEN, desk.last(BEN, "new_ticket"), "#take")
    desk.answer(ERIKA, desk.last(ERIKA, "acknowledgement"), "Any news?")
    seen = len(desk.inbox(ANNA, "new_reply"))
    desk.answer(BEN, desk.last(BEN, "new_reply"), "I am away until Friday, 6 March.", headers=AUTO)
    assert absences(desk) == [(BEN, "03-07", "auto_reply", False)]
    assert len(desk.inbox(ANNA, "absent")) == 1
    desk.answer(BEN, desk.last(BEN, "new_reply"), "I am away until Friday, 6 March.", headers=AUTO)
    assert (len(absences(desk)), len(desk.inbox(ANNA, "absent"))) == (1, 1)
    desk.answer(ERIKA, desk.last(ERIKA, "acknowledgement"), "It is worse now.")
    assert len(desk.inbox(ANNA, "new_reply")) == seen + 1
    assert desk.audit() == []


def test_a_deputy_stands_in_for_the_team(sqlite_desk: DeskUnderTest) -> None:
    desk = sqlite_desk
    desk.change_policy(_parsed(policy_of(more=f'[[person]]\naddress = "{BEN}"\ndeputy = "nora"\n').text))
    matter(desk)
    desk.answer(BEN, desk.last(BEN, "new_ticket"), "#take\n#away until Friday")
    before = len(desk.inbox(ANNA))
    desk.answer(ERIKA, desk.last(ERIKA, "acknowledgement"), "It is worse now.")
    assert len(desk.inbox(NORA, "new_reply")) == 1
    assert len(desk.inbox(ANNA)) == before


def test_an_out_of_office_to_the_morning_list_counts_too_and_a_stranger_s_does_not(desk: DeskUnderTest) -> None:
    matter(desk)
    desk.write(BEN, "#list", subject="list")
    listing = desk.last(BEN, "listing")
    desk.answer("mallory@evil.example.net", listing, "Away until Friday, 6 March.", headers=AUTO)
    assert absences(desk) == []
    desk.answer(BEN, listing, "Away until Friday, 6 March.", headers=AUTO)
    assert absences(desk) == [(BEN, "03-07", "auto_reply", False)]


def test_a_mail_by_hand_ends_it_on_the_last_day_and_not_sooner(sqlite_desk: DeskUnderTest) -> None:
    desk = sqlite_desk
    matter(desk)
    mail = desk.last(BEN, "new_ticket")
    desk.answer(BEN, mail, "I am away until Friday, 6 March.", headers=AUTO)
    desk.answer(BEN, mail, "#note from the beach")
    assert absences(desk)[0][3] is False
    desk.wait(days=4)
    desk.answer(BEN, mail, "#note back again")
    assert absences(desk)[0][3] is True
    with connection(desk.database):
        assert Event.get(Event.kind == "back").actor == BEN
    assert desk.audit() == []


def test_an_operator_says_who_is_away_and_the_history_names_the_operator(desk: DeskUnderTest) -> None:
    ben = desk.policy.agents[1]
    until = datetime(2026, 3, 7, tzinfo=UTC)
    change = SetAbsence(agent=BEN, starts_at=desk.now, ends_at=until, source=BY_OPERATOR)
    with connection(desk.database):
        mark_away(desk.database, change, by="root", now=desk.now)
        assert mark_back(desk.database, ben, by="root", now=desk.now) == 1
        assert mark_back(desk.database, ben, by="root", now=desk.now) == 0
        assert [event.actor for event in Event.select().where(Event.kind.in_(["away", "back"]))] == ["root", "root"]
    assert desk.audit() == []


def test_the_audit_sees_absences_and_turns_that_nothing_tells_of(desk: DeskUnderTest) -> None:
    desk.change_policy(turning())
    matter(desk)
    desk.write(BEN, "#away until Friday", subject="", headers=PROVEN)
    with connection(desk.database):
        Absence.update(ends_at=datetime(2026, 4, 1, tzinfo=UTC)).execute()
        Turn.update(times=7).execute()
        findings = audit_all(desk.secrets).findings
    assert len(findings) == 2
    assert "absence 1" in findings[0]
    assert "anna@example.com had 7 turns in desk, the history tells of 1" in findings[1]


# --- the morning mail ---


def test_each_agent_gets_the_own_tickets_and_those_that_nobody_has_once_a_working_day(desk: DeskUnderTest) -> None:
    tick(desk)
    for subject in ("Mouse broken", "Beamer dark", "Printer jam"):
        matter(desk, subject)
    desk.answer(BEN, desk.inbox(BEN, "new_ticket")[1], "#take")
    tick(desk, datetime(2026, 3, 2, 16, 59, tzinfo=UTC))
    assert not desk.inbox(BEN, "listing")
    tick(desk, datetime(2026, 3, 3, 7, 59, tzinfo=UTC))
    assert not desk.inbox(BEN, "listing")
    tick(desk, datetime(2026, 3, 3, 8, 0, tzinfo=UTC))
    tick(desk, datetime(2026, 3, 3, 8, 1, tzinfo=UTC))
    (mail,) = desk.inbox(BEN, "listing")
    assert mail.subject == "Your tickets this morning (3)"
    assert "Yours: 1. Without an agent: 2." in flat(mail)
    assert mail.text.index("1. INC-1002") < mail.text.index("2. INC-1001") < mail.text.index("3. INC-1003")
    assert not desk.inbox(NORA, "listing")  # nothing for the network team
    desk.answer(BEN, mail, "1 done New bulb.\n2 take")
    assert (desk.ticket(1002)["status"], desk.ticket(1001)["assignee"]) == ("resolved", BEN)
    tick(desk, datetime(2026, 3, 4, 8, 0, tzinfo=UTC))
    assert len(desk.inbox(BEN, "listing")) == 2
    assert desk.audit() == []


def test_no_morning_mail_on_a_day_without_work_nor_to_who_is_away_nor_where_it_is_switched_off(
    make_desk: Callable[[Policy], DeskUnderTest],
) -> None:
    desk = make_desk(policy_of(more='[[calendar]]\nname = "berlin"\nholidays = ["DE-BE"]\n'))
    tick(desk)
    matter(desk)
    tick(desk, datetime(2026, 3, 7, 10, 0, tzinfo=UTC))  # a Saturday
    assert not desk.inbox(ANNA, "listing")
    desk.write(BEN, "#away until 2026-04-30", subject="", headers=PROVEN)
    tick(desk, datetime(2026, 3, 9, 8, 0, tzinfo=UTC))
    assert [len(desk.inbox(one, "listing")) for one in (ANNA, BEN)] == [1, 0]
    text = desk.policy.text.replace(
        'address = "anna@example.com"\n', 'address = "anna@example.com"\ncalendar = "berlin"\n'
    )
    desk.change_policy(_parsed(text))
    tick(desk, datetime(2026, 4, 3, 10, 0, tzinfo=UTC))  # Good Friday
    assert len(desk.inbox(ANNA, "listing")) == 1
    desk.change_policy(_parsed(text + "[sweeps]\nmorning_mail = false\n"))
    tick(desk, datetime(2026, 4, 7, 10, 0, tzinfo=UTC))
    assert len(desk.inbox(ANNA, "listing")) == 1


def test_the_desks_own_holidays_are_free_for_all_who_work_by_its_hours(desk: DeskUnderTest) -> None:
    sweeps = '[sweeps]\nstale_after = 1\n[[sla]]\nname = "Usual"\nresolution = "9h"\n'
    text = policy_of('closed = "2026-03-03"', sweeps).text.replace(
        'name = "desk"\n', 'name = "desk"\nleads = ["anna"]\n', 1
    )
    desk.change_policy(_parsed(text))
    tick(desk)
    matter(desk)
    matter(desk, "Beamer dark")
    desk.answer(BEN, desk.inbox(BEN, "new_ticket")[0], "#take\n#resolve Done.")
    desk.answer(BEN, desk.inbox(BEN, "new_ticket")[1], "#take")
    with connection(desk.database):
        (clock,) = SlaClock.select().where(SlaClock.kind == "resolution", SlaClock.stopped_at.is_null())
        assert f"{clock.due_at:%m-%d %H}" == "03-04 09"  # an hour of it is left for Wednesday
        assert Ticket.get(Ticket.number == 1001).close_at == datetime(2026, 3, 10, 17, tzinfo=UTC)  # five days of work
    matter(desk, "Printer jam")
    tick(desk, datetime(2026, 3, 3, 10, 0, tzinfo=UTC))  # closed, though a Tuesday
    assert not [one for one in desk.sent if one.notice == "listing"]
    tick(desk, datetime(2026, 3, 4, 8, 0, tzinfo=UTC))
    assert [len(desk.inbox(one, "listing")) for one in (ANNA, BEN)] == [1, 1], "nothing has lain for a working day"
    tick(desk, datetime(2026, 3, 5, 8, 0, tzinfo=UTC))
    assert [len(desk.inbox(one, "listing")) for one in (ANNA, BEN)] == [2, 3]
    assert desk.audit() == []


def test_a_night_shift_gets_its_list_when_it_begins_and_once(desk: DeskUnderTest) -> None:
    text = policy_of().text
    night = text.replace(f'address = "{BEN}"\n', f'address = "{BEN}"\nhours = "Mo-Fr 22:00-06:00"\n')
    desk.change_policy(_parsed(night))
    tick(desk)
    matter(desk)
    for day, hour in ((2, 21), (2, 22), (2, 23), (3, 0), (3, 1), (3, 5)):
        tick(desk, datetime(2026, 3, day, hour, 30, tzinfo=UTC))
        assert len(desk.inbox(BEN, "listing")) == ((day, hour) >= (2, 22)), (day, hour)
    assert desk.last(BEN, "listing").subject.startswith("Your tickets for this shift")
    tick(desk, datetime(2026, 3, 3, 22, 0, tzinfo=UTC))
    assert len(desk.inbox(BEN, "listing")) == 2
    assert desk.audit() == []


def test_a_lead_sees_the_whole_queue_and_its_numbers(sqlite_desk: DeskUnderTest) -> None:
    desk = sqlite_desk
    desk.change_policy(turning("nobody", "[sweeps]\nstale_after = 3\n"))
    tick(desk)
    matter(desk, "Mouse broken")
    matter(desk, "Beamer dark")
    desk.answer(BEN, desk.inbox(BEN, "new_ticket")[1], "#take")
    tick(desk, NEXT_MONDAY)
    mail = desk.inbox(ANNA, "listing")[0]
    assert mail.subject == "Your queue this morning (2)"
    assert "desk: 2 open, 1 without an agent, 1 untouched for 3 working days" in flat(mail)


def test_what_is_overdue_comes_first(sqlite_desk: DeskUnderTest) -> None:
    desk = sqlite_desk
    sla = '[[sla]]\nname = "All"\nresponse = "30m"\nresolution = "4h"\n'
    rules = '[[rule]]\nname = "Low"\nwhen.words = ["someday"]\nset = { priority = "P5" }\n'
    desk.change_policy(_parsed(policy_of(more=sla + rules).text))
    tick(desk)
    matter(desk, "Someday a new chair")
    desk.now = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)
    matter(desk, "Mouse broken")
    tick(desk, datetime(2026, 3, 3, 8, 0, tzinfo=UTC))
    text = desk.last(BEN, "listing").text
    assert text.index("1. INC-1001 P5") < text.index("2. INC-1002 P3")


def test_the_morning_after_the_change_of_the_clocks_is_that_of_the_wall(
    make_desk: Callable[[Policy], DeskUnderTest],
) -> None:
    desk = make_desk(policy_of('time_zone = "Europe/Berlin"'))
    tick(desk, datetime(2026, 10, 23, 9, 0, tzinfo=UTC))
    matter(desk)
    for at in ("2026-10-26T06:59", "2026-10-26T07:00"):  # eight o'clock in winter time
        tick(desk, datetime.fromisoformat(at).replace(tzinfo=UTC))
        assert len(desk.inbox(ANNA, "listing")) == (at == "2026-10-26T07:00")


# --- sweeps ---


def test_what_nobody_takes_is_told_to_the_lead_once(desk: DeskUnderTest) -> None:
    desk.change_policy(turning("nobody", '[sweeps]\nunowned_after = "1h"\n'))
    matter(desk)
    tick(desk, datetime(2026, 3, 2, 9, 59, tzinfo=UTC))
    assert not desk.inbox(ANNA, "listing")
    tick(desk, datetime(2026, 3, 2, 10, 2, tzinfo=UTC))
    tick(desk, datetime(2026, 3, 2, 10, 3, tzinfo=UTC))
    (mail,) = desk.inbox(ANNA, "listing")
    assert mail.subject == "Nobody has taken these for 1h of working time (1)"
    assert not desk.inbox(BEN, "listing")
    desk.answer(ANNA, mail, "1 @ben")
    assert desk.ticket()["assignee"] == BEN
    assert desk.audit() == []


def test_a_night_is_no_working_time(sqlite_desk: DeskUnderTest) -> None:
    desk = sqlite_desk
    desk.change_policy(turning("nobody", '[sweeps]\nunowned_after = "1h"\nmorning_mail = false\n'))
    desk.now = datetime(2026, 3, 6, 16, 29, tzinfo=UTC)
    matter(desk)
    for at in (FRIDAY_EVENING, NEXT_MONDAY, datetime(2026, 3, 9, 8, 29, tzinfo=UTC)):
        tick(desk, at)
        assert not desk.inbox(ANNA, "listing")
    tick(desk, datetime(2026, 3, 9, 8, 31, tzinfo=UTC))
    assert len(desk.inbox(ANNA, "listing")) == 1
    # Without a morning mail it is told again on the next day.
    tick(desk, datetime(2026, 3, 10, 8, 0, tzinfo=UTC))
    assert len(desk.inbox(ANNA, "listing")) == 2


def test_where_the_lead_is_away_the_team_hears(sqlite_desk: DeskUnderTest) -> None:
    desk = sqlite_desk
    desk.change_policy(turning("nobody", '[sweeps]\nunowned_after = "1h"\n'))
    desk.write(ANNA, "#away until Friday", subject="", headers=PROVEN)
    matter(desk)
    tick(desk, datetime(2026, 3, 2, 11, 0, tzinfo=UTC))
    assert (len(desk.inbox(ANNA, "listing")), len(desk.inbox(BEN, "listing"))) == (0, 1)


def test_a_ticket_that_lies_is_told_to_its_assignee_and_then_to_the_lead(desk: DeskUnderTest) -> None:
    desk.change_policy(turning("nobody", "[sweeps]\nstale_after = 2\nmorning_mail = false\n"))
    matter(desk)
    desk.answer(BEN, desk.last(BEN, "new_ticket"), "#take")
    tick(desk, datetime(2026, 3, 4, 8, 0, tzinfo=UTC))  # Tuesday was the first whole day
    assert not desk.inbox(BEN, "listing")
    tick(desk, datetime(2026, 3, 5, 8, 0, tzinfo=UTC))
    tick(desk, datetime(2026, 3, 5, 9, 0, tzinfo=UTC))
    assert ids(desk.inbox(BEN, "listing")) == ["Nobody did anything on these for 2 working days (1)"]
    assert not desk.inbox(ANNA, "listing")
    tick(desk, datetime(2026, 3, 6, 8, 0, tzinfo=UTC))
    tick(desk, NEXT_MONDAY)
    assert (len(desk.inbox(BEN, "listing")), len(desk.inbox(ANNA, "listing"))) == (1, 1)
    desk.answer(BEN, desk.last(BEN, "listing"), "1 note waiting for the part")
    tick(desk, datetime(2026, 3, 12, 8, 0, tzinfo=UTC))
    assert len(desk.inbox(BEN, "listing")) == 2
    assert desk.audit() == []


def test_what_waits_for_a_day_that_was_named_does_not_lie(sqlite_desk: DeskUnderTest) -> None:
    desk = sqlite_desk
    desk.change_policy(turning("nobody", "[sweeps]\nstale_after = 2\nmorning_mail = false\n"))
    matter(desk)
    desk.answer(BEN, desk.last(BEN, "new_ticket"), "#take\n#hold requester until 2026-03-31")
    tick(desk, NEXT_MONDAY)
    assert not desk.inbox(BEN, "listing")
