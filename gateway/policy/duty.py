"""Who is at work, and who is on call: questions to the policy at a moment. Pure.

An agent works when the calendar named for them is open, within hours of their own if they have any; a public holiday
of that calendar is free for them too. On call is the first rota of a team that holds at that moment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

from gateway.policy.duties import Rota
from gateway.policy.policy import Policy
from gateway.policy.promises import ALWAYS, DESK, work_calendar
from gateway.policy.tables import Agent
from gateway.sla import WorkCalendar
from gateway.sla.days import is_working_time
from gateway.worktime import is_open


def calendar_of(policy: Policy, agent: Agent) -> WorkCalendar:
    """When an agent works."""
    known = _calendars(policy)
    if agent.address not in known:
        known[agent.address] = _own_calendar(policy, agent)
    return known[agent.address]


@lru_cache(maxsize=4)
def _calendars(policy: Policy) -> dict[str, WorkCalendar]:
    """The calendars of agents by address: made once for each who was ever asked about."""
    return {}


def _own_calendar(policy: Policy, agent: Agent) -> WorkCalendar:
    name = agent.calendar.casefold() or DESK
    if not agent.hours:
        return policy.work_calendar(name)
    if name == ALWAYS:
        return WorkCalendar(name=agent.address, time_zone="UTC", hours=agent.hours)
    table = next((one for one in policy.calendars if one.name.casefold() == name), policy.desk_calendar)
    # Who has a calendar of their own lives by its clock; others by the clock that their mails tell times in.
    zone = policy.desk.time_zone if agent.calendar else policy.zone_of(agent.address)
    return work_calendar(table.model_copy(update={"hours": agent.hours}), time_zone=zone)


def is_at_work(policy: Policy, agent: Agent, now: datetime) -> bool:
    return is_working_time(calendar_of(policy, agent), now)


def rota_at(policy: Policy, team_name: str, now: datetime) -> Rota | None:
    """The first rota of a team that holds at `now`."""
    team = policy.team_named(team_name)
    of_team = (rota for rota in policy.rotas if team is not None and policy.team_named(rota.team) == team)
    return next((rota for rota in of_team if _holds(policy, rota, now)), None)


def _holds(policy: Policy, rota: Rota, now: datetime) -> bool:
    if rota.hours:
        return is_open(now, hours=rota.hours, time_zone=rota.time_zone or policy.desk.time_zone)
    return not is_working_time(policy.work_calendar(DESK), now)


def on_call(policy: Policy, team_name: str, now: datetime, *, away: frozenset[str] = frozenset()) -> Agent | None:
    """Who is on call for a team at `now`; of those who are `away` (addresses), the next in order stands in.

    None while no rota of the team holds, and where everybody of it is away.
    """
    rota = rota_at(policy, team_name, now)
    found = _in_order(policy, rota, now) if rota is not None else iter(())
    return next((agent for agent in found if agent.address not in away), None)


def _in_order(policy: Policy, rota: Rota, now: datetime) -> Iterator[Agent]:
    if rota.agents:
        place = rota.turn_at(now, time_zone=policy.desk.time_zone)
        for word in (*rota.agents[place:], *rota.agents[:place]):
            if (agent := policy.agent_named(word)) is not None:
                yield agent
    elif (file := policy.rota_files.get(rota.file)) is not None:
        for names in file.at(now, time_zone=rota.time_zone or policy.desk.time_zone):
            yield from agents_named_in(policy, names)


def agents_named_in(policy: Policy, text: str) -> list[Agent]:
    """The agents whom a line names by address, full name or handle, in the order of the line.

    A first name counts where nothing else does, and only if one agent has it.
    """
    folded = " ".join(text.split()).casefold()
    found: list[tuple[int, Agent]] = []
    for agent in policy.agents:
        words = (agent.address, *agent.other_addresses, agent.name.casefold(), agent.handle.casefold())
        places = [place for word in words if (place := _place_of(word, folded)) is not None]
        if places:
            found.append((min(places), agent))
    if found:
        return [agent for _, agent in sorted(found, key=lambda one: one[0])]
    named = (policy.agent_named(word.strip(".,:;()[]")) for word in folded.split())
    return list(dict.fromkeys(agent for agent in named if agent is not None))


def _place_of(word: str, line: str) -> int | None:
    match = re.search(rf"(?<![\w.@+-]){re.escape(word)}(?![\w@+-]|\.\w)", line) if word else None
    return match.start() if match else None
