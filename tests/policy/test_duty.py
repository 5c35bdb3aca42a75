"""Who is at work and who is on call: rotas in turns or by a calendar file, hours, holidays, summer time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import ConfigurationError
from gateway.policy import Policy, load_policy, parse_policy
from gateway.policy.duty import agents_named_in, calendar_of, is_at_work, on_call
from gateway.sla.days import began_today, days_worked_before

BERLIN = ZoneInfo("Europe/Berlin")
HEAD = """
[desk]
address = "helpdesk@example.com"
time_zone = "Europe/Berlin"
working_hours = "Mo-Fr 08:00-17:00"
[[calendar]]
name = "berlin"
holidays = ["DE-BE"]
[[team]]
name = "desk"
[[agent]]
name = "Anna Agent"
address = "anna@example.com"
teams = ["desk"]
calendar = "berlin"
[[agent]]
name = "Ben Helper"
address = "ben@example.com"
teams = ["desk"]
hours = "Mo-We 08:00-12:00"
[[agent]]
name = "Nora Net"
address = "nora@example.com"
teams = ["desk"]
"""
ROTA = '[[rota]]\nteam = "desk"\nagents = ["anna", "ben", "nora"]\nstarts = "2026-10-19"\n'


def policy(more: str = "") -> Policy:
    return parse_policy(HEAD + more)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def called(policy: Policy, at: str, *away: str) -> str:
    agent = on_call(policy, "desk", berlin(at), away=frozenset(away))
    return agent.handle if agent is not None else ""


def at_work(at: str, more: str = "") -> list[str]:
    known = policy(more)
    return [agent.handle for agent in known.agents if is_at_work(known, agent, berlin(at))]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-23T10:00", ["anna", "ben", "nora"]),  # a Monday
        ("2026-11-23T12:00", ["anna", "nora"]),
        ("2026-11-26T10:00", ["anna", "nora"]),  # Ben works until Wednesday
        ("2026-11-22T10:00", []),
        ("2026-12-25T10:00", ["nora"]),  # a Friday, and a holiday of Berlin
        ("2026-10-26T08:00", ["anna", "ben", "nora"]),  # the first morning of winter time
        ("2026-10-26T07:59", []),
        ("2026-03-30T08:00", ["anna", "ben", "nora"]),
    ],
)
def test_an_agent_works_in_the_hours_of_the_calendar_and_in_the_own_ones(at: str, expected: list[str]) -> None:
    assert at_work(at) == expected


def test_the_week_changes_hands_on_the_day_and_at_the_hour_that_the_rota_names() -> None:
    known = policy(ROTA)
    assert called(known, "2026-10-19T06:00") == "nora"  # before the first turn the row goes backwards
    assert called(known, "2026-10-19T18:00") == "anna"
    assert called(known, "2026-10-24T12:00") == "anna"
    assert called(known, "2026-10-26T07:59") == "anna"
    assert called(known, "2026-10-31T12:00") == "ben"
    assert called(known, "2026-11-07T12:00") == "nora"
    assert called(known, "2026-11-14T12:00") == "anna"


def test_nobody_is_on_call_while_the_desk_works_or_the_rota_does_not_hold() -> None:
    assert called(policy(ROTA), "2026-10-21T10:00") == ""
    assert called(policy(ROTA + 'hours = "17:00-22:00"\n'), "2026-10-21T23:00") == ""
    assert called(policy(ROTA + 'hours = "17:00-22:00"\n'), "2026-10-21T21:59") == "anna"


def test_who_is_away_is_stood_in_for_by_the_next() -> None:
    known = policy(ROTA)
    assert called(known, "2026-10-24T12:00", "anna@example.com") == "ben"
    assert called(known, "2026-10-31T12:00", "ben@example.com", "nora@example.com") == "anna"
    assert called(known, "2026-10-31T12:00", *(agent.address for agent in known.agents)) == ""


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 10, 24, 23, 59, tzinfo=UTC), "anna"),  # 01:59 in summer time
        (datetime(2026, 10, 25, 0, 29, tzinfo=UTC), "anna"),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "ben"),  # 02:30 in summer time
        (datetime(2026, 10, 25, 1, 10, tzinfo=UTC), "ben"),  # 02:10 once more, in winter time
        (datetime(2026, 10, 26, 1, 29, tzinfo=UTC), "ben"),
        (datetime(2026, 10, 26, 1, 30, tzinfo=UTC), "nora"),
    ],
)
def test_a_day_changes_hands_once_in_the_night_that_has_an_hour_twice(at: datetime, expected: str) -> None:
    # Anna has the 24th, Ben the 25th, Nora the 26th; the hand-over lies in the hour that comes twice.
    known = policy(ROTA.replace("2026-10-19", "2026-10-24") + 'turn = "day"\nhand_over = "02:30"\nhours = "24/7"\n')
    agent = on_call(known, "desk", at)
    assert agent is not None
    assert agent.handle == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3 * 365 * 24 * 60), st.sampled_from(["day", "week"]))
def test_turns_follow_each_other_in_the_order_of_the_rota(minutes: int, turn: str) -> None:
    rota = policy(ROTA + f'turn = "{turn}"\n').rotas[0]
    moment = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    after = (moment.astimezone(BERLIN) + timedelta(days=7 if turn == "week" else 1)).astimezone(UTC)
    assert rota.turn_at(after, time_zone="Europe/Berlin") == (rota.turn_at(moment, time_zone="Europe/Berlin") + 1) % 3


def test_the_desks_holidays_are_those_of_its_agents_and_of_rotas_without_hours() -> None:
    known = parse_policy(
        HEAD.replace("[[calendar]]", 'holidays = "DE-BY"\nclosed = "2026-12-24"\n[[calendar]]', 1) + ROTA
    )
    anna, ben, nora = known.agents
    epiphany = berlin("2026-01-06T10:00")  # a Tuesday, a holiday in Bavaria and not in Berlin
    assert [is_at_work(known, agent, epiphany) for agent in (anna, ben, nora)] == [True, False, False]
    assert not is_at_work(known, nora, berlin("2026-12-24T10:00"))
    assert called(known, "2026-01-06T10:00") != ""
    assert called(known, "2026-01-07T10:00") == ""
    opened = parse_policy(HEAD.replace("[[calendar]]", 'open = "2026-11-21 09:00-12:00"\n[[calendar]]', 1))
    assert is_at_work(opened, opened.agents[2], berlin("2026-11-21T10:00"))  # a Saturday
    assert not is_at_work(known, nora, berlin("2026-11-21T10:00"))


def test_a_working_day_begins_when_the_calendar_opens_and_a_holiday_does_not_begin() -> None:
    known = policy()
    anna = calendar_of(known, known.agents[0])
    assert began_today(anna, berlin("2026-11-23T07:59")) is None
    assert began_today(anna, berlin("2026-11-23T16:00")) == berlin("2026-11-23T08:00")
    assert began_today(anna, berlin("2026-12-25T16:00")) is None
    assert began_today(anna, berlin("2026-11-22T16:00")) is None
    assert began_today(anna, berlin("2026-10-26T09:00")) == datetime(2026, 10, 26, 7, tzinfo=UTC)


def test_whole_working_days_are_counted_back_over_weekend_and_holiday() -> None:
    anna = calendar_of(policy(), policy().agents[0])
    before = days_worked_before(anna, berlin("2026-12-29T10:00"), 3)  # Mo 28th, Th 24th, We 23rd
    assert before.astimezone(BERLIN).date() == date(2026, 12, 23)


# --- a calendar file ---

ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//On call//EN
BEGIN:VEVENT
UID:1@example.com
DTSTART;TZID=Europe/Berlin:20261019T170000
DTEND;TZID=Europe/Berlin:20261026T080000
RRULE:FREQ=WEEKLY;INTERVAL=2
EXDATE;TZID=Europe/Berlin:20261102T170000
SUMMARY:On call: Ben Helper
END:VEVENT
BEGIN:VEVENT
UID:2@example.com
DTSTART;VALUE=DATE:20261024
DTEND;VALUE=DATE:20261025
SUMMARY:Swapped
ATTENDEE;CN=Anna:mailto:anna@example.com
END:VEVENT
BEGIN:VEVENT
UID:3@example.com
DTSTART:20261114T090000
DURATION:PT10H
SUMMARY:Nora
END:VEVENT
BEGIN:VEVENT
UID:4@example.com
DTSTART:20261121T090000
DURATION:PT10H
STATUS:CANCELLED
SUMMARY:Nora
END:VEVENT
END:VCALENDAR
"""


def with_file(folder: Path, ics: str) -> Policy:
    (folder / "oncall.ics").write_text(ics.replace("\n", "\r\n"), encoding="utf-8")
    rules = folder / "rules.toml"
    rules.write_text(HEAD + '[[rota]]\nteam = "desk"\nfile = "oncall.ics"\n', encoding="utf-8")
    return load_policy(rules)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-10-20T18:00", "ben"),
        ("2026-10-24T12:00", "anna"),  # the exchange of one day goes before the week
        ("2026-10-25T12:00", "ben"),
        ("2026-10-28T20:00", ""),
        ("2026-11-03T20:00", ""),  # left out by EXDATE
        ("2026-11-17T20:00", "ben"),
        ("2026-11-14T18:59", "nora"),  # a time without a zone is one of the desk's
        ("2026-11-14T19:00", ""),
        ("2026-11-21T12:00", "ben"),  # Nora's event was cancelled
    ],
)
def test_a_calendar_file_says_who_is_on_call(tmp_path: Path, at: str, expected: str) -> None:
    assert called(with_file(tmp_path, ICS), at) == expected


def test_a_change_of_the_calendar_file_is_a_change_of_the_rules(tmp_path: Path) -> None:
    first, second = with_file(tmp_path, ICS), with_file(tmp_path, ICS.replace("Nora", "Anna Agent"))
    assert first.version != second.version
    assert first.files == (tmp_path / "rules.toml", tmp_path / "oncall.ics")


@pytest.mark.parametrize(
    ("ics", "expected"),
    [
        ("", "is no calendar"),
        ("BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n", "has no event"),
        (ICS.replace("20261114T090000", "tomorrow"), "has an event that can't be read"),
        (ICS.replace("FREQ=WEEKLY", "FREQ=NOW"), "has an event that can't be read"),
        (ICS.replace("Ben Helper", "x").replace("anna@", "x@").replace("Nora", "x"), "names an agent"),
    ],
)
def test_a_broken_calendar_file_is_refused_with_its_reason(tmp_path: Path, ics: str, expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        with_file(tmp_path, ics)


def test_a_missing_calendar_file_is_told_with_the_rota_that_names_it(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(HEAD + '[[rota]]\nteam = "desk"\nfile = "gone.ics"\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r'file = "gone.ics"'):
        load_policy(rules)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ('[[rota]]\nteam = "desk"\n', "either agents or a file"),
        ('[[rota]]\nteam = "desk"\nagents = ["anna"]\n', "does not say when the first turn begins"),
        (ROTA.replace('"ben"', '"bne"'), 'no agent "bne"'),
        (ROTA.replace('team = "desk"', 'team = "dekk"'), 'no team "dekk"'),
        (ROTA.replace("2026-10-19", "soon"), '"soon" is not a day'),
        (ROTA + 'hand_over = "25:00"\n', "not a time of day"),
        ('[[agent]]\nname = "X"\naddress = "x@example.com"\ncalendar = "berlim"\n', 'no calendar "berlim"'),
        ('[sweeps]\nunowned_after = "2d"\n', "working time"),
    ],
)
def test_what_is_wrong_with_duties_is_told(more: str, expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        policy(more)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("On call: Ben Helper", ["ben"]),
        ("ben@example.com Bereitschaft", ["ben"]),
        ("Nora, then Anna", ["nora", "anna"]),
        ("nora+ben", []),
        ("benefits day", []),
        ("anna.agent@example.net", []),
        ("Holiday", []),
    ],
)
def test_a_line_names_agents_by_address_name_or_handle(line: str, expected: list[str]) -> None:
    assert [agent.handle for agent in agents_named_in(policy(), line)] == expected
