"""A desk with many open clocks: written straight into the tables, as `gateway.sla` would have them."""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.desk.clocks import clock_prints, clock_values
from gateway.policy import Policy, parse_policy
from gateway.sla import ClockKind, started
from gateway.store.database import transaction
from gateway.store.history import write_event
from gateway.store.rows import find_values, insert_all
from gateway.store.tables import Contact, SlaClock, Ticket, database_proxy

_AT_ONCE = 100


def policy_with(agents: int) -> Policy:
    """Ten teams of agents, each with a lead; four hours around the clock, and a step when they are over."""
    lines = ['[desk]\naddress = "helpdesk@example.com"\n']
    lines += [f'[[team]]\nname = "team{number}"\nleads = ["agent{number}"]\n' for number in range(10)]
    lines += [
        f'[[agent]]\nname = "Agent {number}"\naddress = "agent{number}@example.com"\nteams = ["team{number % 10}"]\n'
        for number in range(agents)
    ]
    lines.append('[[sla]]\nname = "All"\nresolution = "4h"\ncalendar = "always"\n')
    lines.append('[[ladder]]\nat = "75%"\nremind = "assignee"\n[[ladder]]\nat = "100%"\nremind = "assignee"\n')
    return parse_policy("\n".join(lines))


def fill(policy: Policy, *, clocks: int, due: int, now: datetime) -> None:
    """Open tickets with a clock each, of which `due` fall due at `now` and the others hours later."""
    requesters = [{"address": f"person{number}@example.com", "first_seen_at": now} for number in range(1000)]
    database = database_proxy.obj
    with transaction(database):
        for start in range(0, len(requesters), _AT_ONCE):
            insert_all(Contact, requesters[start : start + _AT_ONCE])
    ids = [an_id for (an_id,) in find_values("SELECT id FROM contact ORDER BY id")]
    for start in range(0, clocks, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, clocks))
        opened = [now - timedelta(hours=4 if number < due else 1) for number in numbers]
        with transaction(database):
            insert_all(Ticket, [_ticket(n, ids, policy, at) for n, at in zip(numbers, opened, strict=True)])
            found = find_values("SELECT id, opened_at FROM ticket WHERE number > ? ORDER BY number", 1000 + start)
            rows = []
            for (an_id, _), at in zip(found, opened, strict=True):
                clock = started(ClockKind.RESOLUTION, goal="All", calendar="always", target_minutes=240, at=at)
                # Three quarters were told an hour ago.
                rows.append(clock_values(clock, an_id, policy, now=at) | _told(at, now))
                write_event(
                    at=at, kind="opened", actor="load", ticket=an_id, text="", detail={"clocks": clock_prints([clock])}
                )
            insert_all(SlaClock, rows)


def _told(opened: datetime, now: datetime) -> dict[str, object]:
    is_due = now - opened >= timedelta(hours=4)
    return {"told_minutes": 180, "next_at": now} if is_due else {}


def _ticket(number: int, requesters: list[int], policy: Policy, at: datetime) -> dict[str, object]:
    agent = policy.agents[number % len(policy.agents)]
    return {
        "number": 1001 + number,
        "type": "incident",
        "status": "in_progress",
        "subject": f"Matter {number} is broken since this morning",
        "requester": requesters[number % len(requesters)],
        "impact": "medium",
        "urgency": "medium",
        "priority": "P3",
        "team": agent.teams[0],
        "assignee": agent.address,
        "fields": {},
        "policy_version": policy.version,
        "desk_address": policy.desk.address,
        "opened_at": at,
        "arrived_at": at,
        "updated_at": at,
    }
