"""What each notice may say: sample contexts, one with much and one with little.

This is the reference of the templates' variables. Every notice has `desk`, `person` (who gets the mail), `requester`
(whose ticket it is, for agents and that person), both with what the people table has of them, `subject` (the ticket's,
"" for none) and `language`; what else it has stands in `_OWN` below. All values are plain JSON, or phrases, which are
said in the reader's language first; times are ISO 8601 with their offset, in the zone of the desk. A value that is not
known is "", 0, false, [] or null, never missing.

In the sample with little, `ticket` is null where a notice may come without a ticket.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from gateway.compose.letter import Letter, LetterFile
from gateway.compose.notices import NOTICES, Audience
from gateway.compose.samples_acting import ACTING, LINKS
from gateway.compose.samples_clocks import CLOCKS
from gateway.compose.samples_employees import KNOWN, SAMPLES
from gateway.mail import Address
from gateway.phrase import say

_DESK = {"name": "Help Desk", "address": "helpdesk@example.com"}
_ERIKA = {"name": "Erika Muster", "address": "erika.muster@example.com"}
_ANNA = {"name": "Anna Agent", "address": "anna.agent@example.com"}
_NOBODY = {"name": "", "address": "e@example.org"}

_TICKET = {
    "token": "[INC-1042]",
    "number": "INC-1042",
    "type": "incident",  # or "request"
    "status": "in_progress",  # new, in_progress, on_hold, resolved, closed, cancelled
    "subject": "VPN drops every few minutes",
    "priority": "P2",
    # Who set it to something else than impact and urgency make: "agent", "rule", or "" where it is what they make.
    "priority_by": "agent",
    "impact": "high",  # high, medium, low, or a word of your own matrix
    "urgency": "medium",
    "category": "network",
    "subcategory": "vpn",
    "team": "Network",
    "assignee": "Anna Agent",
    "asset": "PC-0815",
    "tags": ["vpn", "site-berlin"],
    "fields": {"host": "srv1.example.com"},  # by the names that your rules give them
    # What agents found: what helps until it is solved; of what was behind it and how it ended only agents read.
    "workaround": "Use the web mail.",
    "cause": "The certificate had expired.",
    "code": "fixed",
    # The teams that had it one after the other, [] where it never moved; how often it came back from its end.
    "moves": ["desk", "network"],
    "reopened": 2,
    "requester": _ERIKA,
    # Who else gets the answers and is none of the desk's agents.
    "readers": [{"name": "Helga Hof", "address": "helga@example.com"}],
    "opened_at": "2026-03-02T09:14:00+01:00",
    # Until when somebody answers, "" once somebody has, and until when it is settled; `is_paused`: both stand still.
    "response_due": "2026-03-02T10:14:00+01:00",
    "is_response_overdue": True,
    "due": "2026-03-02T17:00:00+01:00",
    "is_overdue": False,
    "is_paused": False,
}
# What is resolved or closed has no times any more.
_OVER: dict[str, object] = {"response_due": "", "is_response_overdue": False, "due": ""}
_POOR_TICKET = _TICKET | {
    "token": "[REQ-7]",
    "number": "REQ-7",
    "type": "request",
    "status": "new",
    "subject": "",
    "category": "",
    "subcategory": "",
    "assignee": "",
    "asset": "",
    "tags": [],
    "fields": {},
    "workaround": "",
    "cause": "",
    "code": "",
    "moves": [],
    "reopened": 0,
    "requester": _NOBODY,
    "readers": [],
    **_OVER,
    "is_paused": True,
}

_MESSAGE = {
    "author": _ERIKA,
    "text": "Hello,\n\nsince this morning the VPN drops every few minutes. The error is:\n\n"
    "    Error 809: the network connection could not be established\n\n"
    "I followed https://intranet.example.com/vpn?step=3&os=win already.\n\n- restarted\n- other cable\n\nThanks, Erika",
    "html": "<p>Hello,</p><p>since this morning the <b>VPN drops</b> every few minutes. The error is:</p>"
    '<p><img src="cid:error@example.com" alt="Screenshot"></p>'
    '<p>I followed <a href="https://intranet.example.com/vpn?step=3&amp;os=win">the instructions</a> already.</p>'
    '<table border="1" cellpadding="4"><tr><td>restarted</td><td>yes</td></tr><tr><td>other cable</td><td>yes</td></tr>'
    "</table><p>Thanks, Erika</p>",
    "files": [{"filename": "vpn-log.txt", "size": 48213}],
    "set_aside": ["logo.png"],
    "at": "2026-03-02T09:14:00+01:00",
    "verified": True,
    "another_person": False,
    "from_html": True,
}
_POOR_MESSAGE = {
    "author": _NOBODY,
    "text": "",
    "html": "",
    "files": [],
    "set_aside": [],
    "at": "",
    "verified": False,
    "another_person": False,
    "from_html": False,
}
_PLAIN_MESSAGE = _MESSAGE | {"html": "", "set_aside": [], "from_html": False}

_HISTORY = [
    {
        "author": _ANNA,
        "at": "2026-03-02T10:02:00+01:00",
        "visibility": "internal",  # or "public"
        "automatic": False,  # or True: an out-of-office
        "text": "The profile of this account has expired.",
    },
    {"author": _NOBODY, "at": "2026-03-02T10:05:00+01:00", "visibility": "internal", "automatic": True}
    | {"text": "I am out of the office."},
]

Values = Mapping[str, object]

# Notice: what it has besides the common values, once with much and once with little.
_OWN: dict[str, tuple[Values, Values]] = {
    "acknowledgement": (
        # `trusted`: the sender may see the own subject and name again; `late_by_days`: whole days since it was written.
        # `is_call`: an agent has recorded what the person said, who has not written at all.
        {"trusted": True, "late_by_days": 2, "linked_token": "[INC-1007]", "reopened": False, "is_call": False},
        {"trusted": False, "late_by_days": 0, "linked_token": "", "reopened": True, "is_call": True},
    ),
    "answer": (
        # `watcher`: the person was added to the ticket, `added_by`: by the agent of that name, where it is known.
        # `signed`: the agent's name stands at the end of the text already.
        {"message": _PLAIN_MESSAGE | {"author": _ANNA}, "agent": _ANNA, "watcher": True, "added_by": "Anna Agent"}
        | {"signed": False},
        {"message": _POOR_MESSAGE, "agent": _NOBODY, "watcher": True, "added_by": "", "signed": True},
    ),
    "resolution": (
        # `asks`: the reader, the requester, may answer "yes"; `asks_rating`: or a number from 1 to 5.
        {"message": _PLAIN_MESSAGE | {"text": "I have renewed your VPN profile."}, "agent": _ANNA}
        | {"asks": True, "asks_rating": True, "ticket": _TICKET | _OVER | {"status": "resolved"}}
        | {"reopen_until": "2026-03-09T17:00:00+01:00", "watcher": True, "added_by": "Anna Agent", "signed": False},
        {"message": None, "agent": None, "asks": False, "asks_rating": False, "reopen_until": ""}
        | {"watcher": False, "added_by": "", "signed": False},
    ),
    # `confirmed_by`: who said that it is solved; `agent`: who closed it; neither where nobody wrote any more.
    "closing": (
        {"ticket": _TICKET | {"status": "closed"}, "agent": _ANNA, "confirmed_by": ""},
        {"agent": None, "confirmed_by": ""},
    ),
    "new_ticket": (
        # `why`: what set which field. `marks`: words of `_marks.txt`, or text. `note`: what the agent who logged it
        # wrote for colleagues. To whom it was given later: `changes`, and in `history` what was written besides.
        {
            "message": _MESSAGE,
            "why": ["rule “VPN”: category network/vpn, impact high", "default: urgency medium"],
            "linked_token": "[INC-1007]",
            "marks": ["unverified", "external", "another_person"],
            "note": _PLAIN_MESSAGE | {"author": _ANNA, "text": "She called; the meeting begins at ten."},
            "changes": ["assigned to Anna Agent"],
            "history": _HISTORY,
            "history_cut": True,
        },
        {"message": _POOR_MESSAGE, "why": [], "linked_token": "", "marks": []}
        | {"note": None, "changes": [], "history": [], "history_cut": False},
    ),
    "new_reply": (
        # `reopened`: true, or "closed" where it was more than resolved.
        {"message": _MESSAGE, "marks": ["another_person"], "reopened": "closed"},
        {"message": _POOR_MESSAGE, "marks": [], "reopened": False},
    ),
    "agent_answered": (
        # `changes`: what commands of the same mail have done; `note`: what stood in it for colleagues only.
        {"message": _PLAIN_MESSAGE | {"author": _ANNA}, "agent": _ANNA, "changes": ["resolved"]}
        | {"note": _PLAIN_MESSAGE | {"author": _ANNA, "text": "She called; the meeting begins at ten."}},
        {"message": _POOR_MESSAGE, "agent": _NOBODY, "changes": [], "note": None},
    ),
    "internal_note": (
        {"message": _PLAIN_MESSAGE | {"author": _ANNA}, "agent": _ANNA, "changes": ["priority P1"]},
        {"message": _POOR_MESSAGE, "agent": _NOBODY, "changes": []},
    ),
    "changed": (
        {
            "changes": [say("taken by {agent}", agent="Anna Agent"), say("on hold, waiting for the vendor")],
            "agent": _ANNA,
        },
        {"changes": [], "agent": None},
    ),
    "escalated": (
        # `reason` is what the agent wrote behind #escalate, `from_team` the team that had it; `why`: by what the team
        # gave it to the reader, nothing where it gave it to nobody.
        {"message": _PLAIN_MESSAGE, "agent": _ANNA, "from_team": "desk", "reason": "It needs the firewall's log."}
        | {
            "changes": ["escalated to the team Network"],
            "marks": [],
            "why": [say("in turn in {team}", team="Network")],
            "linked_token": "",
        }
        | {"note": None}
        | {"history": _HISTORY, "history_cut": True},
        {"message": _POOR_MESSAGE, "agent": _NOBODY, "from_team": "desk", "reason": "", "changes": [], "marks": []}
        | {"why": [], "linked_token": "", "note": None, "history": [], "history_cut": False},
    ),
    "bad_rating": (
        # `score` is 1 or 2, `rater` the name or the address of who rated.
        {"message": _PLAIN_MESSAGE, "score": 2, "rater": "Erika Muster", "history": _HISTORY, "history_cut": True}
        | {"changes": [], "note": None, "ticket": _TICKET | _OVER | {"status": "closed"}},
        {"message": _POOR_MESSAGE, "score": 1, "rater": "e@example.org", "history": [], "history_cut": False}
        | {"changes": [], "note": None},
    ),
    "absent": ({"message": _PLAIN_MESSAGE | {"author": _ANNA}}, {"message": _POOR_MESSAGE}),
    "flood": (
        # `count`: tickets that were opened within the hour; until `until` the rest waits in quarantine.
        {"address": "alerts@monitor.example.com", "count": 60, "until": "2026-03-02T10:14:00+01:00"},
        {"address": "e@example.org", "count": 10, "until": "2026-03-02T10:14:00+01:00"},
    ),
    "undeliverable": (
        # `reason` and `todo`: why it did not arrive and what to do; `what`: what it was, where no words are shown.
        {"address": "erika.muster@example.com", "reason": "550 5.1.1 user unknown", "message": _PLAIN_MESSAGE}
        | {"todo": "Reach the person in another way.", "what": ""},
        {"address": "e@example.org", "reason": "", "message": None, "todo": "", "what": "It was the acknowledgement."},
    ),
    "question": (
        # `suggestion`: a command in its right form; `held_text`: the agent's own text; `their_text`: a colleague's
        # answer that was sent meanwhile (a collision); `commands`: the commands in the held mail; `problems`: every
        # line that can't count; `sendable`: whether #send would send anything; `facts`: the lines of a form, where
        # something must be known before the ticket ends; `only_commands`: there are no words that could be sent;
        # `is_last`: of the next mail that says the same the agent is not told.
        {
            "why": "Ben Helper answered the requester 3 minutes before your mail arrived.",
            "suggestion": "#resolve",
            "held_text": "Please restart the VPN client.\n\n#resolv",
            "their_text": "I have renewed your VPN profile.",
            "commands": ["#resolv", "#priority P2"],
            "problems": ["#resolv: is no command", "#priority P9: is no priority"],
            "sendable": True,
            "facts": ["cause:", "code: fixed|user-error", "host:"],
            "headline": "Not sent yet: #resolv",
            "only_commands": False,
            "is_last": True,
        },
        {"why": "It has no text.", "suggestion": "", "held_text": "", "their_text": "", "commands": []}
        | {"problems": [], "sendable": False, "facts": [], "headline": ""}
        | {"only_commands": True, "is_last": False},
    ),
    "result": (
        # `headline` is the subject, `title` stands above the lines, or alone; `left` is what stays as it is, and why.
        {"headline": say("Partly done: {what}", what="#undo"), "title": say("Taken back:")}
        | {"lines": [say("{field}: {value} again", field=say("Assignee"), value="Ben Helper")]}
        | {
            "left": [
                say("already sent, or on its way, to {people}: a mail can't be called back", people="e@example.org")
            ]
        },
        {"headline": "", "title": "", "lines": [], "left": []},
    ),
    "pace": ({"since": "2026-03-02T09:00:00+01:00", "until": "2026-03-02T10:00:00+01:00"}, {"since": "", "until": ""}),
    "confirmation": ({"what": ["open a ticket for erika.muster@example.com", "#priority P1"]}, {"what": []}),
    "challenge": (
        # The mail that waits: `number` of its ticket, `came_from` which server, `sender` and the rest as it claims;
        # `reaches_out`: its lines that would let somebody outside read on; a yes counts `days` for these.
        {
            "number": "INC-1042",
            "sender": "anna.agent@example.com (Anna Agent)",
            "envelope_sender": "anna.agent@example.com",
            "came_from": "mail.example.net [192.0.2.7]",
            "their_subject": "Re: [INC-1042] VPN drops every few minutes",
            "their_text": "The vendor takes it from here.",
            "their_files": ["vpn-log.txt"],
            "reaches_out": ["#cc support@vendor.example"],
            "days": 30,
        },
        {"number": "", "sender": "e@example.org", "envelope_sender": "", "came_from": "", "their_subject": ""}
        | {"their_text": "", "their_files": [], "reaches_out": [], "days": 0},
    ),
    "quarantine_digest": (
        # `entries`: what waits, each with `number` for the answer, `release` (what letting it in would do) and whether
        # a mail may do that. `more` wait beside them, `blocked` are of blocked senders, `ending` will expire.
        {
            "urgent": False,
            "entries": [
                {
                    "number": 1,
                    "ledger": 4711,
                    "code": "agent-unproven",
                    "reason": "in the name of an agent, without that agent's proof",
                    "sender": "anna.agent@example.com",
                    "name": "Anna Agent",
                    "subject": "Re: VPN drops every few minutes",
                    "received": "2026-03-02T09:14:00+01:00",
                    "release": "adds an internal message to [INC-1042]",
                    "by_mail": False,
                    "new": True,
                }
            ],
            "more": 12,
            "blocked": 3,
            "ending": [{"reason": "a filter marked it as spam", "count": 7, "first": "2026-03-09T09:14:00+01:00"}],
        },
        {"urgent": True, "entries": [], "more": 0, "blocked": 0, "ending": []},
    ),
    "alarm": (
        # What has begun, what is over, what was told before and still holds.
        {
            "begun": ["mailbox support can't be read: the login was refused"],
            "over": ["the relay takes no mail: connection refused"],
            "still": ["3 outgoing mails are held"],
            "at": "2026-03-02T09:14:00+01:00",
        },
        {"begun": [], "over": ["the disk fills: 1.4 GiB left"], "still": [], "at": "2026-03-02T09:14:00+01:00"},
    ),
    "heartbeat": ({}, {}),
    "bundle": (
        {
            "letters": [
                {"token": "[INC-1042]", "subject": "VPN drops every few minutes", "line": "new reply of the requester"},
                {"token": "[REQ-1043]", "subject": "A second screen", "line": "assigned to you"},
            ]
        },
        {"letters": []},
    ),
}

_WITHOUT_TICKET = frozenset(
    {
        *("question", "result", "listing", "confirmation", "challenge", "quarantine_digest", "alarm", "heartbeat"),
        *("bundle", "reminders", "status", "guide", "pace"),
    }
)

# The smallest PNG there is.
_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da6364f80f00010501012718e366"
    "0000000049454e44ae426082"
)


def sample_letters(notice: str) -> tuple[Letter, Letter]:
    """Return a letter of that notice with much to say and one with little. Raises KeyError for an unknown notice."""
    rich, poor = (_OWN | SAMPLES | ACTING | CLOCKS)[notice]
    return _letter(notice, _TICKET, rich), _letter(notice, None if notice in _WITHOUT_TICKET else _POOR_TICKET, poor)


def _letter(notice: str, ticket: Mapping[str, object] | None, own: Values) -> Letter:
    to_agent = NOTICES[notice].audience is Audience.AGENT
    person = _ANNA if to_agent else _ERIKA
    common = {"desk": _DESK, "ticket": ticket, "person": KNOWN | person, "requester": KNOWN | _ERIKA}
    token = "" if ticket is None or notice in ("bundle", "reminders") else str(ticket["token"])
    return Letter(
        notice=notice,
        language="en",
        sender=Address(address="helpdesk@example.com", name="Help Desk"),
        recipient=Address(address=person["address"], name=person["name"]),
        reply_to="helpdesk+k7f3a@example.com",
        subject=str(ticket["subject"]) if ticket else "",
        token=token,
        message_id="<1042.k7f3a.2@example.com>",
        in_reply_to="<erika-1@example.com>" if token else "",
        references=("<erika-1@example.com>",) if token else (),
        automatic="" if notice in ("answer", "agent_answered", "internal_note") else "auto-generated",
        loop_mark="1.k7f3a",
        list_id="<network.helpdesk.example.com>" if to_agent else "",
        importance="high" if to_agent and ticket is _TICKET else "",
        date=datetime(2026, 3, 2, 9, 15, tzinfo=UTC),
        context={**common, **(LINKS if to_agent else {}), **own},
        files=(
            LetterFile(filename="vpn-log.txt", content_type="text/plain", content=b"error 809\n"),
            LetterFile(
                filename="error.png",
                content_type="image/png",
                content=_PIXEL,
                content_id="error@example.com",
                inline=True,
            ),
        )
        if own.get("message")
        else (),
    )
