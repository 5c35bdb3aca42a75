"""Samples of the mails about what is due, and of lists of tickets (`samples` has all others)."""

from __future__ import annotations

from collections.abc import Mapping

# Notice: what it has besides the common values, once with much and once with little.
CLOCKS: dict[str, tuple[Mapping[str, object], Mapping[str, object]]] = {
    "reminder": (
        # `changes`: first what is due and when, then what has been done about it. `clock` is "response" or
        # "resolution", `why` a sentence for this reader; `is_late`: the gateway stood still when it was due; `can_act`:
        # an agent reads it, who may answer and command.
        {"changes": ["First answer overdue since 10:14 (by 2 h)", "priority P1"], "clock": "response"}
        | {"why": "You get this as a lead of the team Network.", "is_late": True, "can_act": True},
        {"changes": ["Fulfilment due in 1 h 12 min (15:40)"], "clock": "resolution"}
        | {"why": "You get this as a manager of the team Network.", "is_late": False, "can_act": False},
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
            "title": "Your open tickets",
            "lines": ["1 of them is yours."],
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
                    "promise": "solve by 17:00",
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
        {"title": "Your open tickets", "lines": [], "entries": [], "more": False},
    ),
}
