"""Sweeps: tickets that nobody has, and those on which nobody does anything, are told before they are forgotten.

`[sweeps]` of rules.toml says after how much working time. Each mail is a list that is answered line by line. What was
told is noted in the same transaction, so that nothing is told twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import peewee

from gateway.desk.absences import away_now
from gateway.desk.chores import detail_of, done, last_done
from gateway.desk.clock_lists import ClockList, pressing_first, send_list
from gateway.phrase import Phrase, say
from gateway.policy import Agent, Policy
from gateway.policy.promises import DESK
from gateway.sla import read_minutes
from gateway.sla.days import began_today, days_worked_before, is_working_time
from gateway.store.database import lock_conversations, transaction
from gateway.store.fields import UtcDateTime
from gateway.store.rows import find_all, find_values, marks
from gateway.store.tables import Ticket
from gateway.ticket import OPEN_STATUSES

UNOWNED, STALE = "unowned tickets", "stale tickets"
_OPEN = tuple(sorted(OPEN_STATUSES))
_MOMENT = UtcDateTime()


def unowned_due(database: peewee.Database, policy: Policy, secrets: Mapping[int, bytes], *, now: datetime) -> int:
    """Tell a team's leads of tickets that nobody has taken in `unowned_after`; how many tickets were told.

    Each is told once, and where there is no morning mail once a day.
    """
    calendar, limit = policy.work_calendar(DESK), read_minutes(policy.sweeps.unowned_after)
    if not limit or not is_working_time(calendar, now):
        return 0
    found = _unowned(policy, limit, now)
    today = now.astimezone(ZoneInfo(policy.desk.time_zone)).date().isoformat()
    if not _untold(found, policy, today):
        return 0
    with transaction(database):
        lock_conversations(database)
        found = _unowned(policy, limit, now)
        untold = _untold(found, policy, today)
        told = detail_of(UNOWNED)
        kept = {str(number): told.get(str(number), today) for number in found}
        done(UNOWNED, now=now, **(kept | {str(number): today for number in untold}))
        title = say("Nobody has taken these for {time} of working time", time=policy.sweeps.unowned_after)
        rows = find_all(Ticket, f"number IN ({marks(untold)})", *untold) if untold else []
        _tell_leads(ClockList.UNOWNED, title, rows, policy, secrets, now=now)
    return len(untold)


def _unowned(policy: Policy, limit: int, now: datetime) -> list[int]:
    """The numbers of open tickets that nobody has taken in so many minutes of working time."""
    sql = f"SELECT number, opened_at FROM ticket WHERE status IN ({marks(_OPEN)}) AND assignee = '' AND opened_at <= ?"  # noqa: S608
    calendar = policy.work_calendar(DESK)
    rows = find_values(f"{sql} ORDER BY number", *_OPEN, now - timedelta(minutes=limit))
    return [int(number) for number, at in rows if calendar.minutes_between(_moment(at), now) >= limit]


def _untold(numbers: Iterable[int], policy: Policy, today: str) -> list[int]:
    told = detail_of(UNOWNED)
    again = not policy.sweeps.morning_mail
    return [one for one in numbers if (day := told.get(str(one))) is None or (again and day != today)]


def stale_due(database: peewee.Database, policy: Policy, secrets: Mapping[int, bytes], *, now: datetime) -> int:
    """Once a working day, tell assignees of tickets on which no person did anything for `stale_after` working days,
    and leads of those that lie twice as long or whose assignee is away; how many tickets were told."""
    days, calendar = policy.sweeps.stale_after, policy.work_calendar(DESK)
    began = began_today(calendar, now) if days else None
    last = last_done(STALE)
    if began is None or (last is not None and last >= began):
        return 0
    since = {times: days_worked_before(calendar, last, times * days) if last is not None else None for times in (1, 2)}
    until = {times: days_worked_before(calendar, now, times * days) for times in (1, 2)}
    # What this reads it reads before it keeps the sorters waiting.
    untouched = untouched_since(until[1])
    with transaction(database):
        lock_conversations(database)
        if last_done(STALE) != last:
            return 0
        done(STALE, now=now)
        fresh = {times: _between(untouched, since[times], until[times]) for times in (1, 2)}
        rows = {row.id: row for row in _by_id([*fresh[1], *fresh[2]])}
        away = away_now(now)
        title = say("Nobody did anything on these for {days} working days", days=days)
        for agent in policy.agents:
            own = [rows[one] for one in fresh[1] if one in rows and rows[one].assignee == agent.address]
            if own and agent.address not in away:
                send_list(ClockList.STALE, agent, title, pressing_first(own, policy, now=now), policy, secrets, now=now)
        idle = [rows[one] for one in fresh[1] if one in rows and rows[one].assignee in away]
        longer = [rows[one] for one in fresh[2] if one in rows and rows[one] not in idle]
        _tell_leads(ClockList.STALE, title, [*idle, *longer], policy, secrets, now=now)
    return len(rows)


def _between(untouched: Mapping[int, datetime], first: datetime | None, last: datetime) -> list[int]:
    return [one for one, at in untouched.items() if at < last and (first is None or at >= first)]


def untouched_since(before: datetime) -> dict[int, datetime]:
    """The open tickets of some agent on which no person did anything since: row → when somebody last did.

    What waits for a day that was named is not forgotten.
    """
    sql = (
        f"SELECT t.id, MAX(e.at) FROM ticket t JOIN event e ON e.ticket_id = t.id WHERE t.status IN ({marks(_OPEN)})"  # noqa: S608
        " AND t.assignee <> '' AND t.hold_until IS NULL AND t.opened_at < ? AND e.actor LIKE ?"
        " GROUP BY t.id HAVING MAX(e.at) < ? ORDER BY t.id"
    )
    rows = find_values(sql, *_OPEN, before, "%@%", before)
    return {int(ticket_id): _moment(at) for ticket_id, at in rows}


def _moment(value: Any) -> datetime:
    moment: Any = _MOMENT.python_value(value)
    return cast(datetime, moment)


def _by_id(ids: Sequence[int]) -> list[Ticket]:
    return find_all(Ticket, f"id IN ({marks(ids)})", *ids, order="id") if ids else []


def _tell_leads(
    kind: ClockList,
    title: Phrase,
    rows: Sequence[Ticket],
    policy: Policy,
    secrets: Mapping[int, bytes],
    *,
    now: datetime,
) -> None:
    """Tell the leads of each ticket's team, in one list for each of them; without a lead who is there, the team."""
    away = away_now(now) if rows else {}
    of_agent: dict[Agent, list[Ticket]] = {}
    for row in rows:
        for agent in _leading(row.team, policy, away):
            of_agent.setdefault(agent, []).append(row)
    for agent, theirs in of_agent.items():
        send_list(kind, agent, title, pressing_first(theirs, policy, now=now), policy, secrets, now=now)


def _leading(team: str, policy: Policy, away: Mapping[str, datetime]) -> list[Agent]:
    leads = [agent for address in policy.leads_of(team) if (agent := policy.agent_of(address)) is not None]
    members = policy.agents_of(team) or policy.agents
    for agents in (leads, members):
        if present := [agent for agent in agents if agent.address not in away]:
            return present
    return leads or list(members)
