"""The company that is played: its teams, agents, calendars and promises, and what its employees write about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from random import Random

from tests.simulation.wall import Wall

DESK = "helpdesk@example.com"
MONITOR = "alerts@monitor.example.com"
BOSS = "boss@example.com"
PROVEN = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}
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


PROMISES = (
    Promise(name="Critical", type="incident", priorities=("P1", "P2"), response=15, resolution=240, calendar="always"),
    Promise(name="Network", type="incident", team="network", response=30, resolution=360, calendar="long"),
    Promise(name="Usual", type="incident", response=60, resolution=480, calendar="office"),
    Promise(
        name="Requests", type="request", response=240, resolution=960, calendar="long", pauses=("requester", "approval")
    ),
)
# Beside every clock, in the order of the file: at which part of the target or how many minutes after its end.
LADDER: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("75%", ("resolution",), ("assignee",)),
    ("100%", ("response", "resolution"), ("assignee", "lead")),
    ("+1h", ("resolution",), ("lead", "manager")),
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
    priority: str = "P3"
    team: str = "desk"


_MATTERS: tuple[tuple[int, str, str, dict[str, str]], ...] = (
    (40, "Printer {n} jams", "The printer {n} jams with every second page since this morning.", {}),
    (30, "Screen {n} flickers", "My screen {n} flickers whenever the door opens.", {}),
    (25, "Mailbox {n} full", "The shared mailbox {n} says it is full and takes nothing in.", {}),
    (30, "VPN {n} drops", "The tunnel {n} drops every ten minutes.", {"team": "network"}),
    (20, "Licence {n}", "Please order the drawing program for seat {n}.", {"type": "request"}),
    (30, "Access {n}", "I need access to the folder {n}, my lead agrees.", {"type": "request"}),
    (6, "Floor {n} dark", "The whole floor has no phones, socket {n} too.", {"priority": "P2"}),
    (3, "Line {n} stands still", "The whole site stands still, machine {n} first.", {"priority": "P1"}),
)
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
"""


def matter(random: Random, number: int) -> Matter:
    weights = [weight for weight, *_ in _MATTERS]
    _, subject, text, more = random.choices(_MATTERS, weights)[0]
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
    for at, clocks, reminded in LADDER:
        parts.append(f'[[ladder]]\nat = "{at}"\nclock = {list(clocks)}\nremind = {list(reminded)}\n')
    desk = [one.handle for one in agents if one.team == "desk"]
    parts.append(f'[[rota]]\nteam = "desk"\nagents = {desk[:3]}\nstarts = "2026-01-05"\n')
    return "\n".join(parts)


_HEAD = f"""
[desk]
address = "{DESK}"
own_domains = ["example.com"]
trusted_authserv_id = "mx.example.com"
time_zone = "Europe/Berlin"
working_hours = "Mo-Fr 08:00-17:00; Apr 3 off; Apr 6 off"
close_after_working_days = 2
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
