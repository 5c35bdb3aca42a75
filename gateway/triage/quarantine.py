"""Why a mail waits for a person: every quarantine code, in words, and what to do about it.

The table `QUARANTINE` is held against the code by a test, printed by `gateway quarantine show`, written into the pages,
and told to the keepers in their digest. To add a code: quarantine a mail with it, and add a row here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.phrase import Phrase, say

_WAS_ASKED = "the agent was asked by mail; a yes lets it in as theirs, so ask them to look for that mail"
_NOT_ASKED = "nobody was asked by mail: ask the agent yourself whether it is theirs; if so, they send it once more"
_IS_IT_THEIRS = f"where `gateway quarantine show` says so, {_WAS_ASKED}; else ask the agent yourself"
# The reason beside a code where an agent was really asked "was it you?".
ASKED: Final = "asked"
_OPENS = "opens a ticket, or joins the one that it names, marked as released by a person"


@dataclass(frozen=True, kw_only=True)
class Why:
    """One code. `text` is one line in words, `todo` what a person should do, `release` what letting it in does.

    `by_mail`: a keeper's reply to the digest may let it in; without it, only the command line (or a mail that the
    desk's own server authenticates) may. `urgent`: the keepers hear of it at once, but
    not while an agent is asked about it. `expires`: deleted after
    `quarantine_days` of `[desk]`, announced beforehand, and no reason for `status` to turn red. Not `listed`: a person
    has decided already, so it is only counted in the digest.
    """

    code: str
    text: Phrase
    todo: str
    release: str = _OPENS
    by_mail: bool = True
    urgent: bool = False
    expires: bool = False
    listed: bool = True


QUARANTINE: Final[Mapping[str, Why]] = {
    why.code: why
    for why in (
        # Somebody may be pretending. Letting these in by mail needs more than a reply key.
        Why(
            code="agent-unproven",
            text=say("in the name of an agent, without that agent's proof"),
            todo=_IS_IT_THEIRS,
            release="becomes an internal message on the ticket, marked as unverified; commands in it are words",
            by_mail=False,
            urgent=True,
        ),
        Why(
            code="agent-unconfirmed",
            text=say("an agent lets somebody outside read on, and only the key proves that it was them"),
            todo=_IS_IT_THEIRS,
            release="becomes an internal message on the ticket, marked as unverified; commands in it are words",
            by_mail=False,
        ),
        Why(
            code="agent-denied",
            text=say("in the name of an agent, who says that it is not theirs"),
            todo="delete it, and find out who sent it: somebody may have the agent's mail or address",
            release="becomes an internal message on the ticket, marked as unverified; commands in it are words",
            by_mail=False,
            urgent=True,
        ),
        Why(
            code="not-theirs",
            text=say("sent by somebody else to a link or a list that one agent alone was given"),
            todo="nothing was done and nobody was asked; delete it, and tell a colleague to answer a mail of their own",
            release="becomes an internal message on the link's ticket, marked as unverified, or opens one of its own",
            by_mail=False,
            urgent=True,
        ),
        Why(
            code="own-mail",
            text=say("one of the desk's own mails came back, or somebody writes in the desk's name"),
            todo="look for a mailbox that redirects to the desk; delete it where it is ours",
            by_mail=False,
        ),
        Why(
            code="third-party-auto",
            text=say("a machine's mail to a reply address that is not its own"),
            todo="delete it unless somebody on the ticket expects it: it may be a trick to read what a service sends",
            release="opens a ticket of its own, linked to the one that it names",
        ),
        # Complaints and loops.
        Why(
            code="abuse-report",
            text=say("a provider reports that somebody complained about a mail"),
            todo="find out which mail of yours it was, and who sent it",
            urgent=True,
        ),
        Why(
            code="hops",
            text=say("it went through too many servers: a loop"),
            todo="look at its Received lines for the two servers that send it to each other",
        ),
        # Machines that answer nothing of ours.
        Why(
            code="bounce-unmatched",
            text=say("a delivery report, or something like one, about none of our mails"),
            todo="delete it, unless somebody complains that a mail did not arrive",
        ),
        Why(
            code="auto-reply-unmatched",
            text=say("an automatic reply that answers none of our mails"),
            todo="delete it; an out-of-office says nothing to a desk",
        ),
        Why(
            code="receipt-unmatched",
            text=say("a receipt for none of our mails"),
            todo="delete it",
        ),
        Why(
            code="calendar-unmatched",
            text=say("a calendar's answer to no invitation of ours"),
            todo="delete it",
        ),
        Why(
            code="null-sender",
            text=say("its envelope names no sender, and nothing says what it is"),
            todo="read it; a person's mail that lost its envelope sender may be let in",
        ),
        # Mail that was not meant for the desk.
        Why(
            code="list",
            text=say("list or mass mail that does not name the desk"),
            todo="unsubscribe the desk, or block the sender; let in what a person sent to a group that feeds the desk",
        ),
        Why(
            code="spam",
            text=say("a filter on the way marked it as spam"),
            todo="let in what is none; the rest expires by itself",
            expires=True,
        ),
        Why(
            code="flood",
            text=say("too many mails of one sender in a short time"),
            todo="find out what makes it write; let in one of them, and delete the rest",
            expires=True,
        ),
        Why(
            code="repeat",
            text=say("the same words of one sender again and again"),
            todo="find out what makes it write; delete them",
            expires=True,
        ),
        Why(
            code="denied",
            text=say("from a sender whom somebody has blocked"),
            todo="nothing; `gateway quarantine unblock` lets the sender in again",
            expires=True,
            listed=False,
        ),
    )
}

# What is said of a code that an older version has left in the database.
_UNKNOWN = say("set aside by an earlier version")


def why_quarantined(code: str) -> Why:
    """The row of a code; one that no longer exists is described as such, and needs the command line."""
    return QUARANTINE.get(code) or Why(code=code, text=_UNKNOWN, todo="read it and decide", by_mail=False)


def todo_about(code: str, reasons: Sequence[Sequence[str]]) -> str:
    """What a person should do about one mail; `reasons` are the codes and texts of its decision.

    Only where the agent was really asked by mail is it said.
    """
    todo = why_quarantined(code).todo
    if todo != _IS_IT_THEIRS:
        return todo
    return _WAS_ASKED if was_asked(reasons) else _NOT_ASKED


def was_asked(reasons: Sequence[Sequence[str]]) -> bool:
    """Whether the agent in whose name a mail is was asked "was it you?", from the reasons of its decision."""
    return any(one[0] == ASKED for one in reasons)


def codes(*, expires: bool | None = None, listed: bool | None = None, urgent: bool | None = None) -> tuple[str, ...]:
    """The codes for which all that is asked for holds, in the order of the table."""
    return tuple(
        why.code
        for why in QUARANTINE.values()
        if expires in (None, why.expires) and listed in (None, why.listed) and urgent in (None, why.urgent)
    )


def release_in_words(release: Mapping[str, object]) -> Phrase:
    """What letting a mail in would do, from what the ledger keeps of its decision."""
    action, token, team = (str(release.get(key) or "") for key in ("action", "token", "team"))
    if action == "append":
        return say("adds an internal message to {ticket}", ticket=token)
    if action == "open" and token:
        return say("opens a ticket in team {team}, linked to {ticket}", team=team, ticket=token)
    if action == "open":
        return say("opens a ticket in team {team}", team=team)
    return say("is filed on no ticket")
