"""The table of all mails that the gateway sends.

To add one: a row here, its sample context in `samples.py`, its template in `templates/` and the locale folders; the
template test renders every row in every language.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Audience(StrEnum):
    """Who reads a notice. Internal text goes to agents only."""

    REQUESTER = "requester"
    AGENT = "agent"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One kind of mail: its name is the template's name, `purpose` one sentence for the admin."""

    name: str
    audience: Audience
    purpose: str


def _requester(name: str, purpose: str) -> Notice:
    return Notice(name=name, audience=Audience.REQUESTER, purpose=purpose)


def _agent(name: str, purpose: str) -> Notice:
    return Notice(name=name, audience=Audience.AGENT, purpose=purpose)


NOTICES: dict[str, Notice] = {
    notice.name: notice
    for notice in (
        # To employees
        _requester("acknowledgement", "Tells somebody who wrote to the desk that the mail became a ticket."),
        _requester("answer", "Carries what an agent wrote to the requester."),
        _requester("resolution", "Tells the requester that the matter is settled, and how to say that it is not."),
        _requester(
            "status", "Answers who wrote only “status”: where it stands, who has it, by when, what else is open."
        ),
        _requester("guide", "Answers who wrote only “help”: what one can do here by mail."),
        _requester("noted", "Tells what was done at one word, as “cancel”, or that a second mail joined the ticket."),
        _requester("update", "Tells requesters and watchers what changed, of the events that the rules give them."),
        _requester("closing", "Tells requester and watchers that the ticket was closed for good; only if configured."),
        # To agents, about a ticket
        _agent("new_ticket", "Shows a new ticket to the agents of its team, or to its assignee."),
        _agent("new_reply", "Shows what the requester or somebody else wrote on a ticket."),
        _agent("agent_answered", "Shows the other agents of a ticket what one of them answered."),
        _agent("internal_note", "Shows an agent's note to the other agents; it never reaches the requester."),
        _agent("changed", "Tells an agent what changed on a ticket: assigned, put on hold, reopened."),
        _agent("escalated", "Gives a ticket to the next tier, with all that was written on it."),
        _agent("bad_rating", "Tells the assignee and the leads that somebody rated the handling 1 or 2 of 5."),
        _agent("reminder", "Reminds that a due time comes near or has passed; also to leads and managers."),
        _agent("absent", "Tells the team that an agent's mailbox answered by itself: out of office."),
        _agent("flood", "Tells the agents that somebody of the house writes too fast, and that the rest waits."),
        _agent("undeliverable", "Tells the agents that a mail could not be delivered."),
        # To one agent, about that agent's own mail
        _agent("question", "Shows an agent the own mail that was held, why, and how to release it."),
        _agent("result", "Carries what a command like #help or #files answers."),
        _agent("preview", "Shows an agent what a canned answer would say on a ticket."),
        _agent("listing", "Lists tickets to an agent, who may answer line by line."),
        _agent(
            "pace", "Tells an agent that commands or held mails had so many answers this hour that the next get none."
        ),
        _agent("confirmation", "Asks an agent to confirm commands that came without proof."),
        _agent("challenge", "Asks an agent whether a mail in the agent's name that waits in quarantine is theirs."),
        # To those who keep the desk running
        _agent("quarantine_digest", "Shows the keepers of the quarantine what waits; they answer it with orders."),
        _agent("reminders", "Lists what could not be reminded of in time, after a standstill."),
        _agent("alarm", "Tells the operators that something is wrong, or over."),
        _agent("heartbeat", "The desk's mail to itself, which measures the way round; no person gets it."),
        # To anyone
        _agent("bundle", "Puts several notices to one agent into one mail."),
    )
}
