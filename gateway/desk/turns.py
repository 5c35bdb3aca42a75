"""Whose turn it is, as rows: what choosing an agent asks for, and what remembers the choice.

Read and written in the transaction of one mail, which keeps every other sorter out, so that two processes never give
the same turn twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gateway.policy import Policy
from gateway.store.rows import execute, find_values, marks
from gateway.ticket import OPEN_STATUSES
from gateway.triage.decision import TakeTurn
from gateway.triage.facts import DutyFacts
from gateway.triage.routing import ON_CALL

if TYPE_CHECKING:
    from gateway.desk.unit import Unit

_OPEN = tuple(sorted(OPEN_STATUSES))


def duty_facts(policy: Policy) -> DutyFacts | None:
    """What the teams that give tickets by themselves go by, in one statement; None where there is no such team."""
    turning = [team.name for team in policy.teams if team.assign != "nobody"]
    if not turning:
        return None
    sql = f"SELECT team, agent, place FROM turn WHERE team IN ({marks(turning)})"  # noqa: S608
    values: list[Any] = [*turning]
    loaded = [team.name for team in policy.teams if team.assign == "least_loaded"]
    if members := sorted({agent.address for name in loaded for agent in policy.agents_of(name)}):
        sql += (
            f" UNION ALL SELECT '', assignee, COUNT(*) FROM ticket WHERE assignee IN ({marks(members)})"  # noqa: S608
            f" AND status IN ({marks(_OPEN)}) GROUP BY assignee"
        )
        values += [*members, *_OPEN]
    rows = find_values(sql, *values)
    return DutyFacts(
        turns={(team, agent): int(place) for team, agent, place in rows if team},
        loads={agent: int(count) for team, agent, count in rows if not team},
    )


_UPSERT = """INSERT INTO turn (team, agent, times, place)
    VALUES (?, ?, 1, (SELECT COALESCE(MAX(place), 0) + 1 FROM turn WHERE team = ?))
    ON CONFLICT (team, agent) DO UPDATE SET times = turn.times + 1, place = excluded.place"""


def _take_turn(unit: Unit, change: TakeTurn) -> None:
    if change.how != ON_CALL:
        execute(_UPSERT, change.team, change.agent, change.team)
    unit.record("given", change.text, {"team": change.team, "agent": change.agent, "how": change.how})


TURNS: dict[type, Callable[[Any, Any], None]] = {TakeTurn: _take_turn}
