"""What each command does to a ticket, and how each says no."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.compose import CannedAnswers, load_templates
from gateway.defaults_files import default_file
from gateway.mail import Address
from gateway.ticket import Authority, Field, HoldReason, Priority, Status, TicketType
from gateway.triage.commands import COMMANDS, help_lines, run_commands
from gateway.triage.decision import (
    AckClocks,
    AddWatcher,
    EndAbsence,
    Follow,
    LinkTicket,
    MarkReachable,
    MoveStatus,
    Notice,
    Record,
    RemoveWatchers,
    SetAbsence,
    SetFields,
    SetRequester,
    TurnTo,
    Unfollow,
)
from gateway.triage.facts import HeldMessage, OwnedTicket, TicketFacts
from gateway.triage.grammar import command_lines
from gateway.triage.work import Refusal, Work
from tests.triage.values import ANNA, BEN, DORA, ERIKA, NOW, policy, ticket

ENDED = (Status.CLOSED, Status.CANCELLED)


def run(text: str, *, on: TicketFacts | None = None, desk: str = "", more: str = "", **facts: Any) -> Work | Refusal:
    rules = policy(desk, more)
    agent = rules.agent_of(ANNA)
    assert agent is not None
    others = (ticket(1001), ticket(1002), ticket(1003, status=Status.CLOSED), ticket(1004, merged_from=(1009,)))
    work = Work(ticket=on or ticket(), others=others, policy=rules, agent=agent, now=NOW, **facts)
    return run_commands(work, command_lines(text))


def done(text: str, **values: Any) -> Work:
    work = run(text, **values)
    assert isinstance(work, Work), work
    return work


def refused(text: str, **values: Any) -> Refusal:
    refusal = run(text, **values)
    assert isinstance(refusal, Refusal)
    return refusal


@pytest.mark.parametrize(
    ("command", "before", "after"),
    [
        ("#resolve", "new in_progress on_hold", Status.RESOLVED),
        ("#close", "new in_progress on_hold resolved", Status.CLOSED),
        ("#reopen", "resolved closed cancelled", Status.IN_PROGRESS),
        ("#spam", "new in_progress on_hold", Status.CANCELLED),
        ("#hold vendor", "new in_progress on_hold", Status.ON_HOLD),
        ("#take", "new", Status.IN_PROGRESS),
    ],
)
def test_each_status_is_moved_or_refused_with_what_is_possible(command: str, before: str, after: Status) -> None:
    for status in Status:
        one = ticket(status=status)
        if status.value in before.split():
            moves = [change for change in done(command, on=one).changes if isinstance(change, MoveStatus)]
            assert [move.to for move in moves] == [after]
        elif command != "#take" or status in (*ENDED, Status.RESOLVED):
            no = refused(command, on=one)
            assert command in str(no.why)
            assert str(no.suggestion).startswith("#")


def test_resolve_carries_its_text_and_closes_by_itself() -> None:
    work = done("#resolve New profile.")
    (move,) = work.changes
    assert isinstance(move, MoveStatus)
    assert (work.resolves, work.resolution_text, move.close_at) == (
        True,
        "New profile.",
        datetime(2026, 3, 9, 17, tzinfo=UTC),
    )


def test_take_makes_it_the_agent_s_own() -> None:
    work = done("#take", on=ticket(status=Status.NEW))
    assert (work.ticket.assignee, work.ticket.status) == (ANNA, Status.IN_PROGRESS)


@pytest.mark.parametrize("word", ["ben", "Ben Helper", BEN, "BEN", "Ben"])
def test_assign_gives_it_to_a_colleague_and_to_their_team(word: str) -> None:
    work = done(f"#assign {word}")
    assert (work.ticket.assignee, work.ticket.team) == (BEN, "network")
    assert [one.address for one in work.newcomers] == [BEN]


def test_assign_gives_it_to_a_team_and_takes_it_from_whoever_had_it() -> None:
    work = done("#assign network", on=ticket(assignee=ANNA))
    assert (work.ticket.assignee, work.ticket.team) == ("", "network")
    assert [one.address for one in work.newcomers] == [BEN]


def test_assigning_oneself_tells_nobody() -> None:
    assert done("#assign anna").newcomers == ()


def test_impact_and_urgency_decide_the_priority_anew_and_priority_stands_for_itself() -> None:
    assert done("#impact high\n#urgency high").ticket.priority is Priority.P1
    assert done("#impact low").ticket.priority is Priority.P4
    assert done("#impact high\n#priority 5").ticket.priority is Priority.P5
    assert done("#priority p1").ticket.priority is Priority.P1
    assert done("#impact HIGH").ticket.impact == "high"


OWN_LEVELS = """
[defaults]
impact = "site"
urgency = "week"
[matrix]
company = { now = "P1", week = "P2" }
site = { now = "P2", week = "P4" }
[matrix.request]
site.week = "P5"
"""


def test_levels_are_the_words_of_the_desk_s_own_matrix() -> None:
    one = ticket(impact="site", urgency="week", priority=Priority.P4)
    work = done("#impact Company\n#urgency NOW", on=one, more=OWN_LEVELS)
    assert (work.ticket.impact, work.ticket.urgency, work.ticket.priority) == ("company", "now", Priority.P1)
    assert [str(line) for line in work.told[:2]] == ["impact company", "priority P2"]
    refusal = refused("#impact high", on=one, more=OWN_LEVELS)
    assert (str(refusal.why), refusal.suggestion) == ("#impact high: is no impact", "#impact company|site")
    help_text = "\n".join(map(str, help_lines(policy("", OWN_LEVELS))))
    assert "#urgency now|week: " in help_text


def test_a_ticket_with_a_level_of_an_older_file_is_worked_on_like_any_other() -> None:
    one = ticket(impact="galaxy", urgency="week")
    assert done("#urgency now", on=one, more=OWN_LEVELS).ticket.priority is Priority.P2


def test_the_priority_of_another_type_is_that_type_s_unless_somebody_chose_it() -> None:
    one = ticket(impact="site", urgency="week", priority=Priority.P4)
    assert done("#type request", on=one, more=OWN_LEVELS).ticket.priority is Priority.P5
    chosen = replace(one, authority=(("priority", Authority.RULE),))
    assert done("#type request", on=chosen, more=OWN_LEVELS).ticket.priority is Priority.P4


def test_tags_are_added_and_taken_away_for_good() -> None:
    work = done("#tag VPN, printer -old", on=ticket(tags=("old", "kept")))
    assert work.ticket.tags == ("kept", "vpn", "printer")
    assert work.ticket.authority_of("tags.old") is work.ticket.authority_of("tags.vpn") is Authority.AGENT
    assert [str(line) for line in work.told] == ["tagged vpn, printer, no longer old"]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("#tag", "names no tag"),
        ("#tag ,;", "“;” is no tag"),
        ("#tag -gone", "the ticket has no tag “gone”"),
        ("#set", "does not say what is set to what"),
        ("#set host srv1", "does not say what is set to what"),
        ("#set hosst=srv1", "there is no field “hosst”"),
        ("#set impact=high", "has a command of its own"),
        ("#set language=it", "the desk does not write in this language"),
    ],
)
def test_what_can_not_be_set_is_refused(command: str, why: str) -> None:
    assert str(refused(command, on=ticket(named=(("host", "a"),))).why).endswith(f": {why}")


def test_fields_asset_and_language_are_set_and_emptied() -> None:
    rule = '[[rule]]\nname = "a"\nwhen.words = "x"\nset.fields = { room = "1" }'
    on = ticket(named=(("host", "a"),), asset="PC-1")
    work = done("#set Host = srv1 = x\n#set room=204\n#set asset=\n#set language=pt-BR", on=on, more=rule)
    assert dict(work.ticket.named) == {"host": "srv1 = x", "room": "204"}
    assert (work.ticket.asset, work.ticket.language) == ("", "pt")
    values = {value.key: value for change in work.changes if isinstance(change, SetFields) for value in change.values}
    assert {key: value.value for key, value in values.items()} == {
        "fields.host": "srv1 = x",
        "fields.room": "204",
        "asset": "",
        "language": "pt",
    }
    assert {value.authority for value in values.values()} == {Authority.AGENT}
    assert dict(done("#set host=", on=on).ticket.named) == {}
    assert str(refused("#set hots=1", on=on).suggestion) == "#set host=…"


def test_what_an_agent_sets_has_an_agent_s_authority() -> None:
    work = done("#category network / vpn\n#type service request")
    values = [value for change in work.changes if isinstance(change, SetFields) for value in change.values]
    assert {value.authority for value in values} == {Authority.AGENT}
    assert {value.field: value.value for value in values} == {
        Field.CATEGORY: "network",
        Field.SUBCATEGORY: "vpn",
        Field.TYPE: "request",
    }
    assert work.ticket.type is TicketType.REQUEST


def test_hold_says_for_whom_and_until_when_by_the_desk_s_clock() -> None:
    work = done("#hold requester until 2026-07-01", desk='time_zone = "America/New_York"')
    assert (work.ticket.hold_reason, work.ticket.hold_until) == (
        HoldReason.REQUESTER,
        datetime(2026, 7, 1, 12, 0, tzinfo=UTC),
    )
    assert [str(one) for one in work.told] == ["on hold, waiting for the requester, until 2026-07-01 08:00"]
    assert done("#hold approval").ticket.hold_until is None


@pytest.mark.parametrize(
    ("until", "desk", "expected"),
    [
        ("Friday", 'working_hours = "Mo-Fr 09:30-17:00"', datetime(2026, 3, 6, 9, 30, tzinfo=UTC)),
        ("Friday", 'working_hours = "Mo-Th 09:30-17:00"', datetime(2026, 3, 6, 8, 0, tzinfo=UTC)),
        (
            "Friday",
            'working_hours = "Mo-Su 09:30-17:00"\nclosed = "2026-03-06"',
            datetime(2026, 3, 6, 8, 0, tzinfo=UTC),
        ),
        ("until Friday 14:00", "", datetime(2026, 3, 6, 14, 0, tzinfo=UTC)),
        ("until 14h", "", datetime(2026, 3, 2, 14, 0, tzinfo=UTC)),
        ("bis Freitag um 9 Uhr", 'time_zone = "Europe/Berlin"', datetime(2026, 3, 6, 8, 0, tzinfo=UTC)),
        ("2031-02-28", 'working_hours = "Mo-Su 09:30-17:00"', datetime(2031, 2, 28, 9, 30, tzinfo=UTC)),
    ],
)
def test_a_hold_ends_when_work_begins_on_its_day_or_at_the_time_that_it_names(
    until: str, desk: str, expected: datetime
) -> None:
    assert done(f"#hold vendor {until}", desk=desk).ticket.hold_until == expected


def test_a_hold_to_the_end_of_a_day_names_that_day() -> None:
    work = done("#hold vendor until friday 24:00", desk='time_zone = "Europe/Berlin"')
    assert work.ticket.hold_until == datetime(2026, 3, 6, 23, tzinfo=UTC)
    assert str(work.told[0]) == "on hold, waiting for the vendor, until 2026-03-06 24:00"


def test_people_are_added_and_changed() -> None:
    assert [change for change in done("#cc Carl@Example.org").changes if isinstance(change, AddWatcher)]
    work = done("#requester <mailto:carl@example.org>")
    assert [change.requester.address for change in work.changes if isinstance(change, SetRequester)] == [
        "carl@example.org"
    ]
    assert work.ticket.requester.address == "carl@example.org"


@pytest.mark.parametrize("word", ["INC-1002", "[INC-1002]", "1002", "req-1002"])
def test_merge_and_link_name_another_ticket_in_any_form(word: str) -> None:
    assert done(f"#merge {word}").merged_into == 1002
    (link,) = [change for change in done(f"#link {word}").changes if isinstance(change, LinkTicket)]
    assert (link.number, link.kind) == (1002, "related")


def test_files_help_send_and_note_ask_for_what_they_say() -> None:
    held = HeldMessage(id=1, author="anna@home.example", at=NOW, text="x", marks=("question",))
    work = done("#files\n#help\n#note\n#send", on=ticket(held=(held,)))
    assert (work.wants_files, work.wants_help, work.sends_held, work.changes) == (True, True, True, ())


def test_what_the_rules_did_is_asked_and_nothing_changes() -> None:
    work = done("#why\n#rules Stats")
    assert (work.wants_why, work.wants_stats, work.changes, work.told) == (True, True, (), ())


@pytest.mark.parametrize(
    ("text", "why", "suggestion"),
    [
        ("#assign nobody", "names no agent and no team", "#assign anna|ben|desk|network"),
        ("#assign", "names no agent and no team", "#assign anna|ben|desk|network"),
        ("#priority P9", "is no priority", "#priority P1 … P5"),
        ("#priority ²", "is no priority", "#priority P1 … P5"),
        ("#impact huge", "is no impact", "#impact high|medium|low"),
        ("#urgency", "is no urgency", "#urgency high|medium|low"),
        ("#category", "is no category", "#category network/vpn"),
        ("#category a/b/c", "is no category", "#category network/vpn"),
        ("#type problem", "is no type", "#type incident|request"),
        ("#hold", "does not say for whom", "#hold requester|vendor|approval [until DAY]"),
        ("#hold vendor until soon", "“soon” is no day of the next five years", "#hold vendor until 2026-12-24"),
        ("#hold vendor until 2020-01-01", "is no day of the next five years", "#hold vendor until 2026-12-24"),
        ("#hold vendor until 2031-03-08", "is no day of the next five years", "#hold vendor until 2026-12-24"),
        ("#hold vendor until 31.12.9999 14:00", "is no day of the next five years", "#hold vendor until 2026-12-24"),
        ("#cc carl", "does not name one address", "#cc a@b"),
        ("#cc a@b.example c@d.example", "does not name one address", "#cc a@b"),
        ("#cc helpdesk@example.com", "is the desk's own address", "#cc a@b"),
        ("#requester helpdesk+x@example.com", "is the desk's own address", "#requester a@b"),
        ("#merge", "does not name one ticket", "#merge INC-12"),
        ("#merge ²", "does not name one ticket", "#merge INC-12"),
        ("#merge INC-4711", "there is no such ticket", "#merge INC-12"),
        ("#merge INC-1001", "is this ticket itself", "#merge INC-12"),
        ("#merge INC-1003", "that ticket is closed", "#link INC-1003"),
        ("#link INC-1001", "is this ticket itself", "#link INC-9"),
        ("#link INC-1002 INC-1004", "does not name one ticket", "#link INC-9"),
        ("#rules", "does not say what about the rules", "#rules stats"),
        ("#rules check", "does not say what about the rules", "#rules stats"),
        ("#send", "no mail of yours is held", "write your answer without #send"),
    ],
)
def test_each_refusal_says_why_and_what_would_be_right(text: str, why: str, suggestion: str) -> None:
    refusal = refused(text)
    assert why in str(refusal.why)
    assert str(refusal.why).startswith(text)
    assert str(refusal.suggestion) == suggestion


def test_a_ticket_that_was_merged_is_found_by_its_old_number() -> None:
    assert done("#merge INC-1009").merged_into == 1004


def test_one_refusal_leaves_nothing_done_and_the_order_is_that_of_the_mail() -> None:
    assert isinstance(run("#priority P1\n#impact huge"), Refusal)
    work = done("#resolve\n#reopen")
    assert [change.to for change in work.changes if isinstance(change, MoveStatus)] == [
        Status.RESOLVED,
        Status.IN_PROGRESS,
    ]


def test_retry_makes_every_address_of_the_ticket_reachable() -> None:
    sent = "the addresses on the ticket work again: what was held for them is sent"
    again = "the addresses on the ticket get automatic mail again"
    well = ticket().requester
    muted, dead = replace(well, muted_until=NOW + timedelta(days=1)), replace(well, bounced_at=NOW - timedelta(days=1))
    for held_back, person, news in ((ERIKA,), well, [sent]), ((), muted, [again]), ((), dead, [again]), ((), well, []):
        work = done("#retry", on=ticket(requester=person), held_back=held_back)
        assert [change.address for change in work.changes if isinstance(change, MarkReachable)] == [ERIKA, DORA]
        events = [change.kind for change in work.changes if isinstance(change, Record)]
        assert ([str(line) for line in work.news], events) == (news, ["reachable"] * len(news))


CLOSING = '[closing]\ncodes = ["fixed", "user-error"]'


def test_what_agents_found_stands_on_the_ticket_in_their_name() -> None:
    work = done("#workaround Use  the web mail.\n#cause A dead switch\n#code FIXED", more=CLOSING)
    assert (work.ticket.workaround, work.ticket.cause) == ("Use the web mail.", "A dead switch")
    assert work.ticket.code == "fixed"
    assert work.workaround_text == "Use the web mail."
    for key in ("workaround", "cause", "code"):
        assert work.ticket.authority_of(key) is Authority.AGENT
    assert [str(one) for one in work.told] == [
        "workaround: Use the web mail.",
        "cause: A dead switch",
        "ended as fixed",
    ]


def test_what_says_nothing_or_is_no_code_is_refused() -> None:
    assert "says no cause" in str(refused("#cause").why)
    assert "no codes" in str(refused("#code fixed").why)
    assert refused("#code solved", more=CLOSING).suggestion == "#code fixed|user-error"


def test_a_ticket_that_came_back_too_often_waits_for_a_yes() -> None:
    work = done("#resolve Again.", on=ticket(reopened=3))
    (move,) = [change for change in work.changes if isinstance(change, MoveStatus)]
    assert (move.to, move.hold_reason, move.close_at) == (Status.ON_HOLD, HoldReason.REQUESTER, None)
    assert move.hold_until is not None
    assert work.resolves
    for more, count in (("[closing]\nreopen_limit = 0", 9), ("", 2)):
        work = done("#resolve Again.", on=ticket(reopened=count), more=more)
        assert work.ticket.status is Status.RESOLVED


TIERS = """
[[team]]
name = "first"
escalates_to = "desk"
"""


def test_escalate_gives_the_ticket_to_the_next_tier_and_keeps_who_had_it() -> None:
    work = done("#escalate needs root", on=ticket(team="first", assignee=BEN), more=TIERS)
    assert (work.ticket.team, work.ticket.assignee, work.given_team) == ("desk", "", "desk")
    assert (work.escalated_from, work.reason) == ("first", "needs root")
    assert [change.agent for change in work.changes if isinstance(change, Follow)] == [BEN]
    wrote = done("#escalate", on=ticket(team="first", assignee=BEN, agents=(BEN,)), more=TIERS)
    assert not any(isinstance(change, Follow) for change in wrote.changes)
    assert "no team is above desk" in str(refused("#escalate", more=TIERS).why)
    assert "the ticket is closed" in str(refused("#escalate", on=ticket(team="first", status=Status.CLOSED)).why)


def test_a_handover_in_a_reply_comes_after_everything_else() -> None:
    owned = (OwnedTicket(owner=ANNA, number=1001, token="INC-1001"), OwnedTicket(owner=BEN, number=7, token="INC-7"))
    rules = policy()
    agent = rules.agent_of(ANNA)
    assert agent is not None
    work = Work(ticket=ticket(), others=(), policy=rules, agent=agent, now=NOW, owned=owned)
    given = run_commands(work, command_lines("#handover Ben Helper"))
    assert isinstance(given, Work)
    assert given.changes == ()
    turns = [change.ticket for change in given.handed if isinstance(change, TurnTo)]
    assert turns == [None, 1001, None]
    assert "names the one who has them already" in str(refused("#handover anna").why)
    assert "has no open tickets" in str(refused("#handover ben").why)


def test_away_and_back_are_about_the_agent_and_leave_the_ticket_as_it_is() -> None:
    work = done("#away until 2026-12-24")
    (absence, told) = work.changes
    assert isinstance(absence, SetAbsence)
    assert (absence.agent, absence.ends_at) == (ANNA, datetime(2026, 12, 25, tzinfo=UTC))
    assert isinstance(told, Notice)
    assert (told.name, told.to.address, work.ticket) == ("result", ANNA, ticket())
    assert isinstance(done("#back").changes[0], EndAbsence)
    assert str(refused("#away until soon").suggestion).startswith("#away until 2")


def test_a_ticket_for_somebody_who_is_away_is_shown_to_the_team_too() -> None:
    rules = policy()
    agent = rules.agent_of(ANNA)
    assert agent is not None
    work = Work(ticket=ticket(), others=(), policy=rules, agent=agent, now=NOW, away={BEN: NOW})
    given = run_commands(work, command_lines("#assign ben"))
    assert isinstance(given, Work)
    assert {one.address for one in given.newcomers} == {
        one.address for one in rules.agents_of(given.ticket.team) if one.address != ANNA
    }
    assert BEN in {one.address for one in given.newcomers}


def test_ack_is_for_desks_that_promise_times() -> None:
    promises = '[[sla]]\nname = "Usual"\nresponse = "1h"\nresolution = "8h"\n'
    assert AckClocks(by=ANNA) in done("#ack", more=promises).changes
    assert "promises no times" in str(refused("#ack").why)


def test_every_command_is_tried_in_this_file() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"#{name}" not in source] == []


def test_somebody_who_gets_the_answers_already_is_added_without_harm() -> None:
    work = done(f"#cc {DORA}")
    assert replace(work.ticket) == ticket()


def test_use_and_preview_name_an_answer_that_there_is() -> None:
    rules = policy().with_answers(CannedAnswers(load_templates(default_file("templates"))))
    agent = rules.agent_of(ANNA)
    assert agent is not None
    work = Work(ticket=ticket(), others=(), policy=rules, agent=agent, now=NOW)
    used = run_commands(work, command_lines("#use VPN-reset"))
    assert isinstance(used, Work)
    assert "VPN" in used.used[0]
    seen = run_commands(work, command_lines("#preview restart"))
    assert isinstance(seen, Work)
    assert (seen.used, seen.previewed[0][0]) == ((), "restart")
    refused = run_commands(work, command_lines("#use restat"))
    assert isinstance(refused, Refusal)
    assert refused.suggestion == "#use restart"
    nothing = run_commands(replace(work, policy=policy()), command_lines("#use restart"))
    assert isinstance(nothing, Refusal)
    assert "no canned answers" in str(nothing.why)


def test_undo_without_anything_to_take_back_is_refused() -> None:
    rules = policy()
    agent = rules.agent_of(ANNA)
    assert agent is not None
    refused = run_commands(Work(ticket=ticket(), others=(), policy=rules, agent=agent, now=NOW), command_lines("#undo"))
    assert isinstance(refused, Refusal)
    assert "from the last 10 minutes" in str(refused.why)


def test_an_agent_follows_and_stops_and_takes_a_reader_off() -> None:
    followed = done("#watch")
    assert Follow(agent=ANNA) in followed.changes
    assert ANNA in followed.ticket.agents
    left = done("#unwatch")
    assert Unfollow(agent=ANNA) in left.changes
    assert left.ticket.unwatched == (ANNA,)
    for command in (f"#unwatch {DORA}", f"#cc -{DORA}", f"#cc −{DORA}"):
        work = done(command)
        assert RemoveWatchers(addresses=(DORA,)) in work.changes
        assert work.ticket.watchers == ()


def test_an_agent_who_is_let_read_along_follows_and_one_who_is_taken_off_does_not() -> None:
    stopped = done(f"#cc {BEN}", on=ticket(unwatched=(BEN,)))
    assert AddWatcher(watcher=Address(address=BEN, name="Ben Helper")) in stopped.changes
    assert Follow(agent=BEN) in stopped.changes
    assert (stopped.ticket.agents, stopped.ticket.unwatched, stopped.ticket.reading) == ((BEN,), (), (BEN,))
    assert [one.address for one in stopped.ticket.watchers] == [DORA]
    for command in (f"#cc -{BEN}", f"#unwatch {BEN}"):
        left = done(command, on=ticket(agents=(BEN,), reading=(BEN,)))
        assert left.changes == (RemoveWatchers(addresses=(BEN,)), Unfollow(agent=BEN))
        assert (left.ticket.agents, left.ticket.unwatched, left.ticket.reading) == ((), (BEN,), ())


@pytest.mark.parametrize(
    ("command", "why", "suggestion"),
    [
        ("#watch carl@example.org", "is for yourself", "#cc carl@example.org"),
        ("#unwatch carl", "does not name one address", "#unwatch [a@b]"),
        (f"#unwatch {ERIKA}", "is the requester", "#requester a@b"),
        ("#cc -carl@example.org", "does not read along", "#cc a@b"),
    ],
)
def test_following_says_why_not(command: str, why: str, suggestion: str) -> None:
    refusal = refused(command)
    assert why in str(refusal.why)
    assert str(refusal.suggestion) == suggestion


def test_who_has_the_ticket_can_not_stop_following() -> None:
    assert "is yours" in str(refused("#unwatch", on=ticket(assignee=ANNA)).why)
