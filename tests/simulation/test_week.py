"""Twelve days of a small company: over a weekend, the change to summer time, Good Friday and Easter Monday.

`make simulation` plays a day of 3,000 people.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.parsing import Parser
from tests.simulation import company
from tests.simulation.checks import findings
from tests.simulation.ledger import Account
from tests.simulation.wall import berlin
from tests.simulation.ways import WAYS
from tests.simulation.world import World


@pytest.fixture
def world(tmp_path: Path, parser: Parser) -> World:
    return World(
        f"sqlite:///{tmp_path}/desk.db",
        parser=parser,
        scratch=tmp_path,
        first=berlin("2026-03-27 00:00"),
        days=12,
        people=100,
        agents=8,
        tickets_a_day=4,
        seed=3,
    )


def test_the_desk_keeps_its_promises_over_easter(world: World) -> None:
    world.run()
    assert findings(world) == []
    # Things happened in these days.
    assert {account.plan for account in world.accounts.values()} >= set(WAYS)
    happenings = [one for account in world.accounts.values() for one in account.happenings]
    kinds = "answered hold resume resolved closed reopened fields taken lost back cancelled merged rated"
    assert {one.kind for one in happenings} >= set(kinds.split())
    changed = " ".join(one.value for one in happenings if one.by_clock)
    for what in ("urgency=high", "priority=P2", "team=second"):
        assert what in changed
    notices = "acknowledgement reminder listing escalated new_reply resolution result status guide noted bad_rating"
    for notice in notices.split():
        assert world.counts[f"out: {notice}"], notice
    for what in ("handed over", "called"):
        assert world.counts[what], what


def test_a_wrong_clock_a_lost_owner_and_a_second_mail_would_be_seen(world: World) -> None:
    """The checks bite: each of them names what was spoilt by hand."""
    world.end = berlin("2026-03-28 00:00")
    world.run()
    assert findings(world) == []
    account = next(iter(world.accounts.values()))
    account.team, account.rating = "nobody", 5
    account.clocks["response"].used += 1
    account.clocks["response"].reminders.append(0)
    world.listed.clear()
    world.unowned = [(at, numbers | {account.number}) for at, numbers in world.unowned]
    for step in world.steps:
        step.sent += step.sent[:1]
    world.plans.hands.absences += [(one.address, world.first, world.end) for one in world.agents]
    letter = next(one for step in world.steps for one in step.sent if one.to in world.people)
    told = f"{company.SECRET} {world.agents[0].address}".encode()
    world.steps[-1].sent.append(replace(letter, sent=replace(letter.sent, content=letter.sent.content + told)))
    found = " ".join(findings(world))
    for name in ("clocks", "statuses", "ratings", "reminders", "unowned", "twice", "two_roles", "leaks", "away"):
        assert f"{name}: " in found, name


def test_minutes_are_counted_one_by_one() -> None:
    """The account itself, where anybody can do the sum."""
    walls = company.walls(berlin("2026-04-01 00:00"), 10)
    account = Account(
        number=1,
        requester="erika@example.com",
        opened_at=berlin("2026-04-02 16:00"),
        type="incident",
        priority="P3",
        team="third",
        walls=walls,
    )
    account.note(berlin("2026-04-02 17:30"), ("acked", ""))
    account.note(berlin("2026-04-07 09:30"), ("answered", ""))
    # An hour on Maundy Thursday; the rest after Easter was too late.
    answer = account.clocks["response"]
    assert (answer.used, answer.outcome) == (60 + 90, "missed")
    account.pass_time(berlin("2026-04-07 12:00"))
    assert account.clocks["resolution"].used == 60 + 240
    assert walls["always"].moment(account.due("resolution") or 0) == berlin("2026-04-07 15:00")
