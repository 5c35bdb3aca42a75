"""Samples of the mails that answer a word of an employee (`samples` has all others)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from gateway.phrase import say

# What the people table may have of everybody, "" where it has nothing; attributes of your own come beside these.
KNOWN = {"vip": "yes", "department": "Sales", "site": "Berlin", "manager": "Max Muster", "deputy": "", "language": "de"}

_MATTER = {
    "number": "INC-1042",
    "subject": "VPN drops every few minutes",
    "status": "on_hold",
    "hold_reason": "requester",  # or "vendor", "approval", and "" for one that is not on hold
    "assignee": "Anna Agent",
    "opened_at": "2026-03-02T09:14:00+01:00",
    "due": "2026-03-02T17:00:00+01:00",
    "is_overdue": False,
}
_OTHER = _MATTER | {"number": "REQ-1043", "subject": "", "status": "new", "hold_reason": "", "assignee": "", "due": ""}

_NEWS = [
    say("{agent} takes care of it now", agent="Anna Agent"),
    say("its priority is {now}; it was {before}", now="P1", before="P3"),
    say("{waits}, until {day}", waits=say("it waits for a supplier"), day=date(2026, 3, 4)),
]

# Notice: what it has besides the common values, once with much and once with little.
SAMPLES: dict[str, tuple[Mapping[str, object], Mapping[str, object]]] = {
    "status": (
        # `about`: the ticket that the question answers; `others`: what else of the person is open; `more`: and further.
        {"about": _MATTER, "others": [_OTHER], "more": True},
        {"about": None, "others": [], "more": False},
    ),
    "guide": ({}, {}),
    "noted": (
        # `what`: left, own, own_over, reopened, taken_up, open, withdrawn, over, added.
        {"what": "added"},
        {"what": "left"},
    ),
    "update": (
        # `changes`: what has happened, a line for each; `watcher`: the reader reads along.
        {"changes": _NEWS, "watcher": False},
        {"changes": [say("it is open again")], "watcher": True},
    ),
}
