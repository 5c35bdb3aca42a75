"""`#use NAME` puts a canned answer into the words to the requester, `#preview NAME` shows it to the agent alone. Pure.

The words are rendered when the mail is decided, in the requester's language: what the history keeps, what colleagues
read and what the requester gets is the same text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from zoneinfo import ZoneInfo

from gateway.phrase import Phrase, say
from gateway.ticket import Role
from gateway.triage.decision import Notice
from gateway.triage.grammar import command_lines, nearest, visible
from gateway.triage.undoing import UNDO
from gateway.triage.work import Refusal, Work

USE, PREVIEW = "use", "preview"
_MOST_NAMES = 12


def use(work: Work, argument: str) -> Work | Refusal:
    """The words of a canned answer go to the requester, where the line stands."""
    words = _words(work, argument, USE)
    return words if isinstance(words, Refusal) else replace(work, used=(*work.used, words))


def preview(work: Work, argument: str) -> Work | Refusal:
    """The agent gets to see what `#use` would say on this ticket."""
    words = _words(work, argument, PREVIEW)
    if isinstance(words, Refusal):
        return words
    return replace(work, previewed=(*work.previewed, (_name(argument), words)))


def _name(argument: str) -> str:
    return argument.strip().lower().removesuffix(".txt")


def _words(work: Work, argument: str, command: str) -> str | Refusal:
    answers, name = work.policy.answers, _name(argument)
    if not work.ticket.number:
        return Refusal(why=say("the ticket is not there yet"))
    if name not in answers.names:
        near = nearest(name, answers.names).removeprefix("#")
        listed = near or "|".join(answers.names[:_MOST_NAMES])
        if not listed:
            return Refusal(why=say("there are no canned answers; they lie in templates/answers"))
        return Refusal(why=say("is no canned answer"), suggestion=f"#{command} {listed}")
    words, problem = answers.render(name, _language(work), _context(work))
    if problem:
        return Refusal(why=say("this answer can't be written: {why}", why=problem), suggestion=say("tell an admin"))
    return words


def _language(work: Work) -> str:
    """The requester's own, else the one of the ticket, else the desk's."""
    return work.ticket.requester.language or work.ticket.language or work.policy.desk.language


def _context(work: Work) -> dict[str, object]:
    """What an answer may say: plain values, times in the desk's zone, no agent's address."""
    ticket, policy = work.ticket, work.policy
    token = policy.token(ticket.type, ticket.number)
    assignee = policy.agent_of(ticket.assignee) if ticket.assignee else None
    opened = ticket.opened_at.astimezone(ZoneInfo(policy.desk.time_zone))
    return {
        "ticket": {
            "token": token,
            "number": token.strip("[]"),
            "type": ticket.type.value,
            "status": ticket.status.value,
            "subject": ticket.subject,
            "priority": ticket.priority.value,
            "impact": ticket.impact,
            "urgency": ticket.urgency,
            "category": ticket.category,
            "subcategory": ticket.subcategory,
            "team": ticket.team,
            "assignee": assignee.name if assignee is not None else "",
            "asset": ticket.asset,
            "tags": list(ticket.tags),
            "fields": dict(ticket.named),
            "opened_at": opened.isoformat(timespec="seconds"),
        },
        "requester": {"name": ticket.requester.name, "address": ticket.requester.address},
        "agent": {"name": work.agent.name},
        "desk": {"name": policy.desk.name, "address": policy.desk.address},
    }


def placed(written: str, used: Iterable[str]) -> tuple[list[str], list[str]]:
    """Canned answers that stand before the words of a mail, and those behind them."""
    waiting = list(used)
    before: list[str] = []
    for line in written.splitlines():
        commands = command_lines(line)
        if not commands and visible(line).strip():
            break
        if waiting and any(command.name == USE for command in commands):
            before.append(waiting.pop(0))
    return before, waiting


def previews_of(work: Work) -> list[Notice]:
    """One mail to the agent for each answer that is looked at."""
    return [
        Notice(name=PREVIEW, to=work.agent_mailbox, role=Role.AGENT, context={"answer": name, "words": words})
        for name, words in work.previewed
    ]


def why_not_beside(names: Collection[str], *, has_words: bool) -> tuple[Phrase, Phrase | str] | None:
    """Why what else the mail says can't stand beside these commands, and what would fit; None where it can."""
    if UNDO in names and (has_words or len(names) > 1):
        return say("#undo stands alone in its mail"), "#undo"
    if PREVIEW in names and has_words:
        return say("#preview shows an answer to you alone, but there are words to the requester"), "#use"
    return None
