"""The morning mail: when an agent's day of work begins, one list of the own open tickets and of those that nobody has.

A lead's has the rest of the team's queue too, and its numbers. Nobody gets it twice a day, nobody who is away gets it,
and where there is nothing to do there is none. What a fresh desk finds on its first day, it leaves for the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import peewee

from gateway.desk.absences import away_now
from gateway.desk.chores import detail_of, done
from gateway.desk.clock_lists import ClockList, pressing_first, send_list
from gateway.desk.listings import MOST_ENTRIES
from gateway.desk.sweeping import untouched_since
from gateway.phrase import Phrase, say
from gateway.policy import Agent, Policy
from gateway.policy.duty import calendar_of
from gateway.policy.promises import DESK
from gateway.sla.days import began_today, day_of_work, days_worked_before, is_working_time
from gateway.store.database import lock_conversations, transaction
from gateway.store.rows import find_all, marks
from gateway.store.tables import Chore, Ticket
from gateway.ticket import OPEN_STATUSES

MORNING = "morning mail"
_SINCE = "since"
_OPEN = tuple(sorted(OPEN_STATUSES))
_IS_OPEN = f"status IN ({marks(_OPEN)})"
_PRESSING = "priority, opened_at, id"


def morning_due(database: peewee.Database, policy: Policy, secrets: Mapping[int, bytes], *, now: datetime) -> int:
    """Write the morning mails that are due; how many agents were looked after."""
    if not policy.sweeps.morning_mail:
        return 0
    known = Chore.get_or_none(Chore.name == MORNING)
    if known is None:
        with transaction(database):
            lock_conversations(database)
            if Chore.get_or_none(Chore.name == MORNING) is None:
                done(MORNING, now=now, **{_SINCE: now.isoformat()})
        return 0
    due = list(_due(policy, known.detail, now))
    away = away_now(now) if due else {}
    for agent, day in due:
        with transaction(database):
            lock_conversations(database)
            # Another process may have been faster.
            told = dict(detail_of(MORNING))
            if told.get(agent.address) == day:
                continue
            if agent.address not in away:
                _write(agent, policy, secrets, now=now)
            listed = {one.address for one in policy.agents} | {_SINCE}
            kept = {name: value for name, value in told.items() if name in listed}
            done(MORNING, now=now, **(kept | {agent.address: day}))
    return len(due)


def _due(policy: Policy, told: Mapping[str, object], now: datetime) -> Iterator[tuple[Agent, str]]:
    """The agents who are at work and have not been told on this day of theirs, with the day."""
    since = datetime.fromisoformat(str(told[_SINCE]))
    for agent in policy.agents:
        calendar = calendar_of(policy, agent)
        began = began_today(calendar, now)
        if began is None or began < since or not is_working_time(calendar, now):
            continue
        day = day_of_work(calendar, now).isoformat()
        if told.get(agent.address) != day:
            yield agent, day


def _write(agent: Agent, policy: Policy, secrets: Mapping[int, bytes], *, now: datetime) -> None:
    led = [team.name for team in policy.teams if agent.address in policy.leads_of(team.name)]
    own = pressing_first(_open("assignee = ?", [agent.address]), policy, now=now)
    teams = list(dict.fromkeys([*agent.teams, *led]))
    unowned = pressing_first(_of_teams(teams, "assignee = ''"), policy, now=now)
    rest = pressing_first(_of_teams(led, "assignee <> ''"), policy, now=now)
    rows = list({row.id: row for row in (*own, *unowned, *rest)}.values())
    if not rows:
        return
    lines = [say("Yours: {mine}. Without an agent: {unowned}.", mine=len(own), unowned=len(unowned))]
    lines += [_of_team(team, unowned, rest, policy, now=now) for team in led]
    title = say("Your tickets this morning") if not led else say("Your queue this morning")
    if not _begins_in_the_morning(agent, policy, now):
        title = say("Your tickets for this shift") if not led else say("Your queue for this shift")
    send_list(ClockList.MORNING, agent, title, rows, policy, secrets, now=now, lines=lines)


def _begins_in_the_morning(agent: Agent, policy: Policy, now: datetime) -> bool:
    calendar = calendar_of(policy, agent)
    began = began_today(calendar, now)
    return began is None or 4 <= began.astimezone(calendar.zone).hour < 12


def _of_team(team: str, unowned: Sequence[Ticket], rest: Sequence[Ticket], policy: Policy, *, now: datetime) -> Phrase:
    """A team's queue in numbers, for its lead."""
    nobodys = [row for row in unowned if row.team == team]
    everybodys = [*nobodys, *(row for row in rest if row.team == team)]
    open_of_team = say(
        "{team}: {count} open, {unowned} without an agent",
        team=policy.team_title(team),
        count=len(everybodys),
        unowned=len(nobodys),
    )
    if not policy.sweeps.stale_after:
        return open_of_team
    before = days_worked_before(policy.work_calendar(DESK), now, policy.sweeps.stale_after)
    ids = {row.id for row in everybodys}
    stale = sum(ticket_id in ids for ticket_id in untouched_since(before))
    days = policy.sweeps.stale_after
    return say("{line}, {stale} untouched for {days} working days", line=open_of_team, stale=stale, days=days)


def _of_teams(teams: Sequence[str], condition: str) -> list[Ticket]:
    return _open(f"team IN ({marks(teams)}) AND {condition}", [*teams]) if teams else []


def _open(condition: str, values: Sequence[object]) -> list[Ticket]:
    """More than fit into a list, so that what is late is found among them; its numbers are exact up to there."""
    limit = 20 * MOST_ENTRIES
    return find_all(Ticket, f"{_IS_OPEN} AND {condition}", *_OPEN, *values, order=_PRESSING, limit=limit)
