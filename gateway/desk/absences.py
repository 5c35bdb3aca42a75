"""Who is away, as rows: what mails and operators say, and what decisions are told.

Every change is an event that names the absence rows that it made or ended, so that the audit can hold the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import peewee

from gateway.desk.quarantining import deny_patterns
from gateway.policy import Agent, Policy
from gateway.policy.duty import is_at_work, on_call
from gateway.store.database import lock_conversations, transaction
from gateway.store.fields import UtcDateTime
from gateway.store.history import write_event
from gateway.store.rows import find_all, find_values, insert, marks, update
from gateway.store.tables import Absence
from gateway.ticket import OPEN_STATUSES
from gateway.triage.decision import EndAbsence, SetAbsence

if TYPE_CHECKING:
    from gateway.desk.unit import Unit

BY_OPERATOR = "operator"
_HOLDS = "cancelled_at IS NULL AND starts_at <= ? AND ends_at > ?"
_MOMENT = UtcDateTime()
_OPEN = tuple(sorted(OPEN_STATUSES))


# --- what decisions are told ---


def denied_and_away(address: str, *, now: datetime) -> tuple[str, dict[str, datetime]]:
    """The entry of the deny list that an address falls under, "" for none, and who is away until when.

    Every mail asks both, so both are one statement.
    """
    patterns = deny_patterns(address)
    sql = (
        f"SELECT pattern, NULL FROM denied WHERE pattern IN ({marks(patterns)})"  # noqa: S608
        f" UNION ALL SELECT agent, ends_at FROM absence WHERE {_HOLDS}"
    )
    rows = find_values(sql, *patterns, now, now)
    denied = [str(pattern) for pattern, ends_at in rows if ends_at is None]
    return (denied[0] if denied else ""), _latest([(agent, at) for agent, at in rows if at is not None])


def away_now(now: datetime) -> dict[str, datetime]:
    """The addresses of those who are away at this moment, each with the moment until when."""
    return _latest(find_values(f"SELECT agent, ends_at FROM absence WHERE {_HOLDS}", now, now))  # noqa: S608


def _latest(rows: list[tuple[Any, ...]]) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for agent, ends_at in rows:
        until: Any = _MOMENT.python_value(ends_at)
        found[agent] = max(until, found.get(agent, until))
    return found


# --- what mails and people say ---


def _set(unit: Unit, change: SetAbsence) -> None:
    say_away(change, by=unit.decision.actor, ledger=unit.ledger_id, now=unit.now)


def _end(unit: Unit, change: EndAbsence) -> None:
    say_back(change, by=unit.decision.actor, ledger=unit.ledger_id, now=unit.now)


ABSENCES: dict[type, Callable[[Any, Any], None]] = {SetAbsence: _set, EndAbsence: _end}


def say_away(change: SetAbsence, *, by: str, now: datetime, ledger: int | None = None) -> None:
    """Write that an agent is away, in the place of what was said of the same days; inside a transaction."""
    touched = "agent = ? AND cancelled_at IS NULL AND starts_at < ? AND ends_at > ?"
    replaced = [row.id for row in find_all(Absence, touched, change.agent, change.ends_at, change.starts_at)]
    _cancel(replaced, now)
    values: dict[str, Any] = {
        "agent": change.agent,
        "starts_at": change.starts_at,
        "ends_at": change.ends_at,
        "source": change.source,
    }
    absence_id = insert(Absence, said_at=now, **values)
    detail = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
    text = f"{change.agent} is away from {change.starts_at:%Y-%m-%d %H:%M} to {change.ends_at:%Y-%m-%d %H:%M} UTC"
    detail |= {"absence": absence_id, "ended": replaced}
    write_event(at=now, kind="away", actor=by, text=text, detail=detail, ledger=ledger)


def say_back(change: EndAbsence, *, by: str, now: datetime, ledger: int | None = None) -> int:
    """End what absences of an agent have begun or are planned, inside a transaction; how many there were."""
    condition = "agent = ? AND cancelled_at IS NULL AND ends_at > ?" + ("" if change.planned else " AND starts_at <= ?")
    values = [change.agent, now] if change.planned else [change.agent, now, now]
    ended = [row.id for row in find_all(Absence, condition, *values, order="id")]
    if ended:
        _cancel(ended, now)
        text = f"{change.agent} is back: {change.why}"
        detail = {"agent": change.agent, "ended": ended}
        write_event(at=now, kind="back", actor=by, text=text, detail=detail, ledger=ledger)
    return len(ended)


def _cancel(ids: list[int], now: datetime) -> None:
    if ids:
        update(Absence, {"cancelled_at": now}, f"id IN ({marks(ids)})", *ids)


# --- what operators do and see ---


def mark_away(database: peewee.Database, change: SetAbsence, *, by: str, now: datetime) -> None:
    with transaction(database):
        lock_conversations(database)
        say_away(change, by=by, now=now)


def mark_back(database: peewee.Database, agent: Agent, *, by: str, now: datetime) -> int:
    with transaction(database):
        lock_conversations(database)
        return say_back(EndAbsence(agent=agent.address, why=f"says {by}"), by=by, now=now)


def agent_rows(policy: Policy, *, now: datetime) -> list[dict[str, object]]:
    """Every agent of the policy: at work, off or away and until when, for which teams on call, with how many open
    tickets."""
    coming: dict[str, list[Absence]] = {}
    for row in find_all(Absence, "cancelled_at IS NULL AND ends_at > ?", now, order="starts_at, id"):
        coming.setdefault(row.agent, []).append(row)
    sql = f"SELECT assignee, COUNT(*) FROM ticket WHERE status IN ({marks(_OPEN)}) GROUP BY assignee"  # noqa: S608
    counts = {address: int(count) for address, count in find_values(sql, *_OPEN)}
    away = away_now(now)
    called: dict[str, list[str]] = {}
    for team in policy.teams:
        if (agent := on_call(policy, team.name, now, away=frozenset(away))) is not None:
            called.setdefault(agent.address, []).append(team.name)
    return [
        {
            "agent": agent.handle,
            "name": agent.name,
            "address": agent.address,
            "teams": list(agent.teams),
            "state": "away" if agent.address in away else ("at work" if is_at_work(policy, agent, now) else "off"),
            "until": away.get(agent.address),
            "next_absence": next((row.starts_at for row in coming.get(agent.address, ()) if row.starts_at > now), None),
            "on_call": called.get(agent.address, []),
            "open": counts.get(agent.address, 0),
        }
        for agent in policy.agents
    ]
