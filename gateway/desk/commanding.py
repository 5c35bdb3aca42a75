"""Do on a ticket, from the command line, what an agent's answer by mail would do: the same decision, no mail.

Whoever runs commands on the gateway's machine needs no other proof; the history names the agent and the operator. What
would be held for a question is not done, and said instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import peewee

from gateway.desk.absences import away_now
from gateway.desk.carry_out import carry_out
from gateway.desk.people import as_person, find_contact
from gateway.desk.tickets import follow_merges, ticket_facts
from gateway.desk.turns import duty_facts
from gateway.desk.unit import Unit
from gateway.mail import Address, Envelope, Mail, Passage, PassageRole, Transport
from gateway.policy import Agent, Policy
from gateway.store.database import lock_conversations, transaction
from gateway.subject import find_tokens
from gateway.triage.decide import decide
from gateway.triage.decision import Action, Decision, Notice, Record
from gateway.triage.facts import Evidence, Facts, TicketFacts, TokenFact


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
        ticket, merged_from = follow_merges(number)
        if ticket is None:
            return None
        facts = ticket_facts(ticket, merged_from=merged_from)
        decision = _decide(text, facts, agent, policy, now=now)
        if decision.action is not Action.APPEND:
            return Outcome(done=False, lines=tuple(reason.text for reason in decision.reasons[-1:]))
        marked = Record(kind="operator", text=f"{by} did it on the command line, in the name of {agent.name}")
        decision = replace(decision, changes=(marked, *decision.changes))
        cause = f"operator/{facts.number}/{now.isoformat()}"
        carry_out(Unit(decision=decision, policy=policy, now=now, secrets=secrets, cause=cause))
    mails = tuple((one.name, one.to.address) for one in decision.changes if isinstance(one, Notice))
    return Outcome(
        done=True, lines=tuple(reason.text for reason in decision.reasons if reason.code == "command"), mails=mails
    )


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
        away=away_now(now),
        duty=duty_facts(policy),
    )
    return decide(mail, envelope, known, policy)


def _others(text: str, ticket: TicketFacts, policy: Policy) -> tuple[TicketFacts, ...]:
    """The other tickets that the commands name."""
    found: list[TicketFacts] = []
    for _, number in find_tokens(text, policy.prefixes()):
        row, merged_from = follow_merges(number)
        if row is not None and row.number != ticket.number:
            found.append(ticket_facts(row, merged_from=merged_from))
    return tuple(found)
