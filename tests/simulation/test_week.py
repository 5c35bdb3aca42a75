"""Twelve days of a small company: over a weekend, the change to summer time, Good Friday and Easter Monday.

`make simulation` plays a day of 3,000 people.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.parsing import Parser
from tests.simulation.checks import findings
from tests.simulation.ledger import Account, Reckoning
from tests.simulation.wall import berlin
from tests.simulation.world import World


@pytest.fixture
def world(tmp_path: Path, parser: Parser) -> World:
    return World(
        f"sqlite:///{tmp_path}/desk.db",
        parser=parser,
        scratch=tmp_path,
        first=berlin("2026-03-27 00:00"),
        days=12,
        people=150,
        agents=8,
        tickets_a_day=7,
        seed=3,
    )


def test_the_desk_keeps_its_promises_over_easter(world: World) -> None:
    world.run()
    assert findings(world) == []
    # Things happened in these days.
    assert len(world.accounts) > 40
    assert world.counts["in"] > 4 * len(world.accounts)
    played = {one.kind for account in world.accounts.values() for one in account.happenings}
    assert played >= {"answered", "hold", "resume", "resolved", "closed", "reopened", "fields", "taken"}
    for notice in ("acknowledgement", "reminder", "listing", "escalated", "new_reply", "resolution", "result"):
        assert world.counts[f"out: {notice}"], notice


def test_a_wrong_clock_a_lost_owner_and_a_second_mail_would_be_seen(world: World) -> None:
    """The checks bite: each of them names what was spoilt by hand."""
    world.end = berlin("2026-03-28 00:00")
    world.run()
    assert findings(world) == []
    account = next(one for one in world.accounts.values() if one.type == "incident" and one.priority == "P3")
    account.priority = "P5"
    account.first = (account.type, "P1", "desk")
    for step in world.steps:
        step.sent += step.sent[:1]
    found = " ".join(findings(world))
    for name in ("clocks: ", "statuses: ", "reminders: ", "twice: ", "two_roles: "):
        assert name in found


def test_minutes_are_counted_one_by_one(world: World) -> None:
    """The account itself, where anybody can do the sum."""
    account = Account(
        number=1,
        requester="erika@example.com",
        opened_at=berlin("2026-04-02 16:00"),
        type="incident",
        priority="P3",
        team="desk",
    )
    account.note(berlin("2026-04-07 09:30"), "answered")
    answer = Reckoning(account, "response", world.walls).at(berlin("2026-04-07 12:00"))
    # An hour on Maundy Thursday; the rest after Easter was too late.
    assert (answer.used, answer.outcome) == (60 + 90, "missed")
    solution = Reckoning(account, "resolution", world.walls)
    assert solution.at(berlin("2026-04-07 12:00")).used == 60 + 240
    assert world.walls["always"].moment(solution.due() or 0) == berlin("2026-04-07 15:00")
