"""The company that is played: its teams, agents, calendars and promises, and what its employees write about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from random import Random

from tests.simulation.wall import Wall, berlin

DESK = "helpdesk@example.com"
MONITOR = "alerts@monitor.example.com"
BOSS = "boss@example.com"
PROVEN = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}
# Agents' answers wait so long for an `#undo`.
SEND_DELAY_MINUTES = 2
# What stands in every word for colleagues only.
SECRET = "innards"
# name, part of the agents, how it gives tickets, the team above
TEAMS = (
    ("desk", 0.48, "round_robin", "second"),
    ("network", 0.2, "round_robin", "third"),
    ("second", 0.2, "least_loaded", "third"),
    ("third", 0.12, "nobody", ""),
)
ABOVE = {name: above for name, _, _, above in TEAMS}
WEEK = dict.fromkeys(range(5), (8 * 60, 17 * 60))
LONG_WEEK = dict.fromkeys(range(4), (7 * 60 + 30, 18 * 60)) | {4: (7 * 60 + 30, 16 * 60)}
LATE_SHIFT = dict.fromkeys(range(5), (10 * 60, 17 * 60))
# Who is on call while the desk is closed: the first agents of the team, a week each from that Monday at nine on.
ON_CALL, ON_CALL_AGENTS, ON_CALL_SINCE = "desk", 3, berlin("2026-01-05 09:00")
URGENCIES = ("high", "medium", "low")
MATRIX = {
    ("high", "high"): "P1",
    ("high", "medium"): "P2",
    ("high", "low"): "P3",
    ("medium", "high"): "P2",
    ("medium", "medium"): "P3",
    ("medium", "low"): "P4",
    ("low", "high"): "P3",
    ("low", "medium"): "P4",
    ("low", "low"): "P5",
}


@dataclass(frozen=True, kw_only=True)
class Promise:
    """An `[[sla]]`: what it fits, its targets in minutes, and for whom its clocks stand."""

    name: str
    type: str
    priorities: tuple[str, ...] = ()
    team: str = ""
    response: int
    resolution: int
    calendar: str
    pauses: tuple[str, ...] = ("requester", "vendor", "approval")

    def fits(self, kind: str, priority: str, team: str) -> bool:
        return self.type == kind and self.team in ("", team) and (not self.priorities or priority in self.priorities)

    def target(self, kind: str) -> int:
        return self.response if kind == "response" else self.resolution


PROMISES = (
    Promise(name="Critical", type="incident", priorities=("P1", "P2"), response=15, resolution=240, calendar="always"),
    Promise(name="Slow", type="incident", priorities=("P4", "P5"), response=180, resolution=1200, calendar="late"),
    Promise(name="Network", type="incident", team="network", response=30, resolution=360, calendar="long"),
    Promise(name="Usual", type="incident", response=60, resolution=480, calendar="office"),
    Promise(
        name="Pressing requests",
        type="request",
        priorities=("P1", "P2"),
        response=60,
        resolution=480,
        calendar="office",
        pauses=("requester",),
    ),
    Promise(
        name="Requests", type="request", response=240, resolution=960, calendar="long", pauses=("requester", "approval")
    ),
)


@dataclass(frozen=True, kw_only=True)
class Rung:
    """A `[[ladder]]`: at which part of a target, or how long after its end, it speaks to whom and does what."""

    at: str
    clocks: tuple[str, ...]
    remind: tuple[str, ...]
    goals: tuple[str, ...] = ()
    raises: str = ""
    reassign: str = ""


LADDER = (
    Rung(at="75%", clocks=("resolution",), remind=("assignee",)),
    Rung(at="100%", clocks=("response", "resolution"), remind=("assignee", "lead")),
    Rung(at="+20m", clocks=("response",), goals=("Usual",), remind=("lead",), raises="priority"),
    Rung(at="+30m", clocks=("response",), goals=("Network",), remind=("team",), reassign="second"),
    Rung(at="+1h", clocks=("response",), goals=("Requests",), remind=("lead",), reassign="second"),
    Rung(at="+1h", clocks=("resolution",), remind=("lead", "manager"), raises="urgency"),
)


@dataclass(frozen=True, kw_only=True)
class Agent:
    address: str
    team: str
    is_late: bool

    @property
    def handle(self) -> str:
        return self.address.partition("@")[0]


@dataclass(frozen=True, kw_only=True)
class Matter:
    """What a mail is about, and what the rules make of it."""

    subject: str
    text: str
    type: str = "incident"
    impact: str = "medium"
    urgency: str = "medium"
    team: str = "desk"

    @property
    def priority(self) -> str:
        return MATRIX[self.impact, self.urgency]


_MATTERS: tuple[tuple[int, str, str, dict[str, str]], ...] = (
    (40, "Printer {n} jams", "The printer {n} jams with every second page since this morning.", {}),
    (30, "Screen {n} flickers", "My screen {n} flickers whenever the door opens.", {}),
    (25, "Mailbox {n} full", "The shared mailbox {n} says it is full and takes nothing in.", {}),
    (30, "VPN {n} drops", "The tunnel {n} drops every ten minutes.", {"team": "network"}),
    (20, "Licence {n}", "Please order the drawing program for seat {n}.", {"type": "request"}),
    (30, "Access {n}", "I need access to the folder {n}, my lead agrees.", {"type": "request"}),
    (15, "Clock {n}", "The clock {n} on our wall is slow, whenever you have time for it.", {"urgency": "low"}),
    (6, "Floor {n} dark", "The whole floor has no phones, socket {n} too.", {"impact": "high"}),
    (3, "Line {n} stands still", "The whole site stands, machine {n} first.", {"impact": "high", "urgency": "high"}),
)
_PRESSING = _MATTERS[-2:]
_RULES = """
[[rule]]
name = "Site"
when.words = ["whole site"]
set = { impact = "high", urgency = "high" }
[[rule]]
name = "Floor"
when.words = ["whole floor"]
set = { impact = "high" }
[[rule]]
name = "Network"
when.words = ["tunnel"]
set = { team = "network", category = "network" }
[[rule]]
name = "Asked for"
when.words = ["please order", "need access"]
set = { type = "request" }
[[rule]]
name = "Some day"
when.words = ["whenever you have time"]
set = { urgency = "low" }
"""


def matter(random: Random, number: int, *, is_pressing: bool = False) -> Matter:
    among = _PRESSING if is_pressing else _MATTERS
    _, subject, text, more = random.choices(among, [weight for weight, *_ in among])[0]
    return Matter(subject=subject.format(n=number), text=text.format(n=number), **more)


def agents_of(count: int) -> list[Agent]:
    """So many agents or a few more: two in every team at least, and every fourth begins late."""
    names = [name for name, part, _, _ in TEAMS for _ in range(max(2, round(part * count)))]
    return [
        Agent(address=f"agent{place:02}@example.com", team=team, is_late=place % 4 == 3)
        for place, team in enumerate(names, 1)
    ]


def walls(first: datetime, days: int) -> dict[str, Wall]:
    named = {"office": WEEK, "long": LONG_WEEK, "late": LATE_SHIFT, "always": None}
    return {name: Wall(first=first, days=days, hours=hours) for name, hours in named.items()}


def policy_text(agents: list[Agent]) -> str:
    """The rules.toml of the company."""
    parts = [_HEAD, _RULES]
    for name, _, assign, above in TEAMS:
        lead = next(one for one in agents if one.team == name).handle
        parts.append(
            f'[[team]]\nname = "{name}"\nassign = "{assign}"\nescalates_to = "{above}"\n'
            f'leads = ["{lead}"]\nmanagers = ["{BOSS}"]\n'
        )
    for place, one in enumerate(agents, 1):
        calendar = "late" if one.is_late else "office"
        parts.append(
            f'[[agent]]\nname = "Agent N{place:02}"\naddress = "{one.address}"\nteams = ["{one.team}"]\n'
            f'calendar = "{calendar}"\n'
        )
    for promise in PROMISES:
        priorities = "".join(f'"{one}", ' for one in promise.priorities)
        team = f'team = "{promise.team}"\n' if promise.team else ""
        pauses = ", ".join(f'"{one}"' for one in promise.pauses)
        parts.append(
            f'[[sla]]\nname = "{promise.name}"\ntype = "{promise.type}"\npriority = [{priorities}]\n{team}'
            f'response = "{promise.response}m"\nresolution = "{promise.resolution}m"\n'
            f'calendar = "{promise.calendar}"\npause = [{pauses}]\n'
        )
    for rung in LADDER:
        parts.append(
            f'[[ladder]]\nat = "{rung.at}"\nclock = {list(rung.clocks)}\nsla = {list(rung.goals)}\n'
            f'remind = {list(rung.remind)}\nraise = "{rung.raises}"\nreassign = "{rung.reassign}"\n'
        )
    called = [one.handle for one in on_call_agents(agents)]
    parts.append(f'[[rota]]\nteam = "{ON_CALL}"\nagents = {called}\nstarts = "{ON_CALL_SINCE.date()}"\n')
    return "\n".join(parts)


def on_call_agents(agents: list[Agent]) -> list[Agent]:
    return [one for one in agents if one.team == ON_CALL][:ON_CALL_AGENTS]


_HEAD = f"""
[desk]
address = "{DESK}"
own_domains = ["example.com"]
trusted_authserv_id = "mx.example.com"
time_zone = "Europe/Berlin"
working_hours = "Mo-Fr 08:00-17:00"
holidays = "DE-BE"
close_after_working_days = 2
send_delay_minutes = {SEND_DELAY_MINUTES}
[closing]
rating_days = 1
[sweeps]
unowned_after = "1h"
stale_after = 2
[[source]]
name = "Monitoring"
from = ["{MONITOR}"]
[[calendar]]
name = "office"
hours = "Mo-Fr 08:00-17:00"
holidays = "DE-BE"
[[calendar]]
name = "late"
hours = "Mo-Fr 10:00-17:00"
holidays = "DE-BE"
[[calendar]]
name = "long"
time_zone = "Europe/Berlin"
hours = "Mo-Th 07:30-18:00; Fr 07:30-16:00"
holidays = "DE-BE"
"""
