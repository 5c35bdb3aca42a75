"""Do on a ticket, from the command line, what an agent's answer by mail would do: the same decision, no mail.

Whoever runs commands on the gateway's machine needs no other proof; the history names the agent and the operator. What
would be held for a question is not done, and said instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import peewee

from gateway.desk.absences import away_now
from gateway.desk.carry_out import carry_out
from gateway.desk.listings import owned_tickets
from gateway.desk.people import as_person, find_contact
from gateway.desk.tickets import follow_merges, ticket_facts
from gateway.desk.traffic import held_back
from gateway.desk.turns import duty_facts
from gateway.desk.undoing import OPERATOR, merged_just_now, undoable_on
from gateway.desk.unit import Unit
from gateway.mail import Address, Envelope, Mail, Passage, PassageRole, Transport
from gateway.policy import Agent, Policy
from gateway.store.database import lock_conversations, transaction
from gateway.subject import find_tokens
from gateway.triage.agent_mail import QUESTION
from gateway.triage.commands import COMMANDS
from gateway.triage.decide import decide
from gateway.triage.decision import Action, Decision, Notice, Record
from gateway.triage.desk_commands import DESK_COMMANDS
from gateway.triage.facts import Evidence, Facts, TicketFacts, TokenFact
from gateway.triage.grammar import command_lines


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Whether it was done, and why not: a line for each reason. `mails` are (notice, address) that go out."""

    done: bool
    lines: tuple[str, ...]
    mails: tuple[tuple[str, str], ...] = ()


def command_ticket(
    database: peewee.Database,
    policy: Policy,
    secrets: Mapping[int, bytes],
    number: int,
    text: str,
    *,
    agent: Agent,
    by: str,
    now: datetime,
) -> Outcome | None:
    """Carry out `text` (words for the requester, notes, `#commands`) in the agent's name; None for no such ticket."""
    with transaction(database):
        lock_conversations(database)
        ticket, merged_from = follow_merges(number, until=merged_just_now(text, agent, policy, now=now))
        if ticket is None:
            return None
        facts = ticket_facts(ticket, policy, merged_from=merged_from)
        decision = _decide(text, facts, agent, policy, now=now)
        if decision.action is not Action.APPEND:
            return Outcome(done=False, lines=tuple(_why_not(decision, text, policy)))
        marked = Record(kind=OPERATOR, text=f"{by} did it on the command line, in the name of {agent.name}")
        decision = replace(decision, changes=(marked, *decision.changes))
        cause = f"operator/{facts.number}/{now.isoformat()}"
        carry_out(Unit(decision=decision, policy=policy, now=now, secrets=secrets, cause=cause))
    notices = [one for one in decision.changes if isinstance(one, Notice)]
    lines = [reason.text for reason in decision.reasons if reason.code == "command"]
    lines += [line for one in notices if one.name == _RESULT for line in _told(one)]
    return Outcome(done=True, lines=tuple(lines), mails=tuple((one.name, one.to.address) for one in notices))


def _told(result: Notice) -> Iterator[str]:
    """What the author is told, as lines."""
    for name in ("title", "lines", "left"):
        said = result.context.get(name) or ()
        yield from (str(line) for line in (said if isinstance(said, list | tuple) else (said,)))


def _why_not(decision: Decision, text: str, policy: Policy) -> Iterator[str]:
    """Why nothing was done, and what would fit."""
    question = next((one for one in decision.changes if isinstance(one, Notice) and one.name == QUESTION), None)
    is_to_desk = decision.action in (Action.COMMAND, Action.FILE)
    to_desk = [
        one for one in command_lines(text) if one.name in DESK_COMMANDS and (is_to_desk or one.name not in COMMANDS)
    ]
    if question is not None:
        context = question.context
        problems = context.get("problems")
        yield from map(str, problems) if isinstance(problems, list) and problems else [str(context.get("why"))]
        if context.get("suggestion"):
            yield f"what would fit: {context['suggestion']}"
        if facts := context.get("facts"):
            assert isinstance(facts, list)
            yield "add " + ", ".join(_as_command(str(one)) for one in facts)
    elif not to_desk:
        yield from (reason.text for reason in decision.reasons[-1:])
    for line in to_desk:
        place = f"write it in a new mail to {policy.desk.address}"
        if line.name in _ON_THE_COMMAND_LINE:
            place += f", or run `{_ON_THE_COMMAND_LINE[line.name]}`"
        yield f"{line.raw} is a command to the desk itself: {place}"


def _as_command(fact: str) -> str:
    """A line of the form that an agent is asked to fill in, as a command: `code: fixed` as `#code fixed`."""
    name, _, choice = fact.partition(":")
    choice = choice.strip() or "…"
    return f"#{name} {choice}" if name in COMMANDS else f"#set {name}={choice}"


_RESULT = "result"
# What says the same here as a command to the desk by mail.
_ON_THE_COMMAND_LINE = {
    "list": "gateway ticket list",
    "find": "gateway ticket find",
    "show": "gateway ticket show",
    "away": "gateway agent away",
    "back": "gateway agent back",
    "rules": "gateway rules stats",
}


def _decide(text: str, ticket: TicketFacts, agent: Agent, policy: Policy, *, now: datetime) -> Decision:
    token = policy.token(ticket.type, ticket.number)
    contact = find_contact(agent.address)
    mail = Mail(
        size_bytes=len(text.encode()),
        subject=f"Re: {token} {ticket.subject}",
        sender=Address(address=agent.address, name=agent.name),
        to=(Address(address=policy.desk.address),),
        passages=(Passage(role=PassageRole.NEW, text=text),),
    )
    envelope = Envelope(transport=Transport.PIPE, received_at=now, reverse_path=agent.address)
    known = Facts(
        now=now,
        sender=as_person(contact) if contact is not None else None,
        confirmed_by=agent.address,
        tokens=(TokenFact(evidence=Evidence.SUBJECT_TOKEN, token=token, ticket=ticket.number),),
        named_tickets=(ticket, *_others(text, ticket, policy)),
        owned=owned_tickets([text], agent.address, policy),
        held_back=held_back(text, [ticket]),
        away=away_now(now),
        duty=duty_facts(policy),
        undoable=undoable_on(text, agent, (ticket,), policy, now=now),
    )
    return decide(mail, envelope, known, policy)


def _others(text: str, ticket: TicketFacts, policy: Policy) -> tuple[TicketFacts, ...]:
    """The other tickets that the commands name."""
    found: list[TicketFacts] = []
    for _, number in find_tokens(text, policy.prefixes()):
        row, merged_from = follow_merges(number)
        if row is not None and row.number != ticket.number:
            found.append(ticket_facts(row, policy, merged_from=merged_from))
    return tuple(found)
