"""A desk that promises times: office hours in Berlin, two kinds of tickets, a ladder of three steps."""

from __future__ import annotations

from dataclasses import replace

from gateway.policy import Policy
from tests.desk.harness import policy_of

ZONE = 'time_zone = "Europe/Berlin"\n'
PROMISES = """
[[sla]]
name = "Critical"
type = "incident"
priority = ["P1", "P2"]
response = "15m"
resolution = "4h"
calendar = "always"

[[sla]]
name = "Usual"
type = "incident"
response = "1h"
resolution = "8h"
calendar = "berlin"

[[sla]]
name = "Requests"
type = "request"
fulfilment = "16h"
calendar = "berlin"
pause = ["requester"]

[[calendar]]
name = "berlin"
time_zone = "Europe/Berlin"
hours = "Mo-Fr 08:00-17:00"
holidays = "DE-BE"

[[ladder]]
at = "75%"
clock = "resolution"
remind = "assignee"

[[ladder]]
at = "100%"
remind = ["assignee", "lead"]

[[ladder]]
at = "+1h"
clock = "resolution"
remind = ["lead", "manager"]
"""


def promising(more: str = "", *, people: str = "") -> Policy:
    """The policy of the harness with these promises; Nora leads the first team, a manager is no agent."""
    policy = policy_of(ZONE, PROMISES + more + people)
    first = policy.teams[0].model_copy(update={"leads": ("nora",), "managers": ("boss@example.com",)})
    return replace(policy, teams=(first, *policy.teams[1:]))
