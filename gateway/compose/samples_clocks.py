"""Samples of the mails about what is due, and of lists of tickets (`samples` has all others)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time

from gateway.phrase import say

_OVERDUE = say("{what} overdue since {time} (by {span})", what=say("First answer"), time=time(10, 14), span="2 h")
_DUE = say("{what} due in {span} ({time})", what=say("Fulfilment"), span="1 h 12 min", time=time(15, 40))

# Notice: what it has besides the common values, once with much and once with little.
CLOCKS: dict[str, tuple[Mapping[str, object], Mapping[str, object]]] = {
    "reminder": (
        # `changes`: first what is due and when, then what has been done about it. `clock` is "response" or
        # "resolution", `why` a sentence for this reader; `is_late`: the gateway stood still when it was due; `can_act`:
        # an agent reads it, who may answer and command.
        {"changes": [_OVERDUE, say("priority {priority}", priority="P1")], "clock": "response"}
        | {"why": say("You get this as a lead of the team {team}.", team="Network"), "is_late": True, "can_act": True},
        {"changes": [_DUE], "clock": "resolution"}
        | {
            "why": say("You get this as a manager of the team {team}.", team="Network"),
            "is_late": False,
            "can_act": False,
        },
    ),
    "reminders": (
        # One entry for each ticket; `more` have no line.
        {
            "letters": [
                {
                    "token": "[INC-1042]",
                    "subject": "VPN drops every few minutes",
                    "line": "Solution overdue since 17:00",
                },
                {"token": "[REQ-1043]", "subject": "A second screen", "line": "First answer due now (15:40)"},
            ],
            "more": 12,
        },
        {"letters": [], "more": 0},
    ),
    "listing": (
        # `title` says what was asked for, `lines` are sentences above it; `entries` are the list's lines, each with its
        # `place` for the answer. `more`: there are others that the list has no room for.
        {
            "title": say("Your queue this morning"),
            "lines": [say("Yours: {mine}. Without an agent: {unowned}.", mine=1, unowned=0)],
            "entries": [
                {
                    "place": 1,
                    "ticket": 1042,
                    "number": "INC-1042",
                    "subject": "VPN drops every few minutes",
                    "priority": "P2",
                    "status": "in_progress",
                    "team": "network",
                    "assignee": "Anna Agent",
                    "requester": "Erika Muster",
                    "opened_at": "2026-03-02T09:14:00+01:00",
                    # What is due first, "" where nothing is: in words, and as a time.
                    "promise": say("solve by {time}", time=time(17, 0)),
                    "due": "2026-03-02T17:00:00+01:00",
                    # In a hand-over: what was said last; elsewhere there is no `last`.
                    "last": {
                        "who": "Erika Muster",
                        "at": "2026-03-02T10:02:00+01:00",
                        "is_note": False,
                        "text": "It still drops, now every five minutes.",
                    },
                }
            ],
            "more": True,
        },
        {"title": say("Your open tickets"), "lines": [], "entries": [], "more": False},
    ),
}
