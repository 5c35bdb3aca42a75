"""`#handover bob`: all open tickets of the author, or of a colleague, go to bob, with one mail that lists them. Pure.

It may stand in a mail to the desk itself, in an answer to a list, and in a reply on a ticket. Which tickets these are
was read before (`Facts.owned`). Every ticket gets its event; bob gets one list that he can answer line by line, and
who stands in for him while he is away the same; the author gets one result, and whose tickets a lead has handed over
hears of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from gateway.mail import Address
from gateway.phrase import Phrase, say
from gateway.policy import Agent, Policy
from gateway.policy.roles import Duty, may_do
from gateway.ticket import Authority, Field, FieldValue, Role
from gateway.triage import headlines
from gateway.triage.absence import hearing_for, hints_of_absence
from gateway.triage.decision import Change, Notice, SetFields, TurnTo
from gateway.triage.facts import OwnedTicket
from gateway.triage.work import Refusal, Work

HANDOVER = "handover"
USAGE = say("#handover NAME")
HELP = say("Your open tickets go to a colleague, as one list; a lead writes #handover FROM TO.")
_CONNECTING = frozenset({"to", "from", "an", "von", "à", "de", "a", "para", "->", "→"})
_MOST_TOLD = 20


def hand_over_here(work: Work, argument: str) -> Work | Refusal:
    """The command in a reply on a ticket: what it does comes after what the mail does to that ticket."""
    found = hand_over(work.policy, work.agent, work.owned, argument, away=work.away)
    if isinstance(found, Refusal):
        return found
    changes, lines = found
    headline = headlines.done(f"#{HANDOVER} {argument}")
    context = {"headline": headline, "title": say("Done:"), "lines": [*lines], "files": False}
    result = Notice(name="result", to=work.agent_mailbox, role=Role.AGENT, context=context)
    return replace(work, handed=(TurnTo(ticket=None), result, *changes))


def hand_over(
    policy: Policy, agent: Agent, owned: Sequence[OwnedTicket], argument: str, *, away: Mapping[str, datetime]
) -> tuple[tuple[Change, ...], tuple[Phrase, ...]] | Refusal:
    """What a hand-over changes, and the lines that its author is told; or why it can't be."""
    named = _named(policy, agent, argument)
    if isinstance(named, Refusal):
        return named
    giver, taker = named
    tickets = [one for one in owned if one.owner == giver.address]
    if not tickets:
        return Refusal(why=say("{agent} has no open tickets", agent=giver.name), suggestion="#list team")
    numbers = [one.number for one in tickets]
    asked = {
        "query": HANDOVER,
        "argument": giver.name,
        "numbers": numbers,
        "taker": taker.address,
        "author": agent.address,
    }
    team = next(iter(taker.teams), "")
    others = hearing_for(policy, taker, away=away, team=team, author=agent)
    listings = [
        Notice(name="listing", to=_mailbox(one), role=Role.AGENT, context=asked)
        # Whose tickets they were is told of them anyway.
        for one in (taker, *(other for other in others if other != giver))
    ]
    value = FieldValue(field=Field.ASSIGNEE, value=taker.address, authority=Authority.AGENT)
    given: list[Change] = []
    for number in numbers:
        given += [TurnTo(ticket=number), SetFields(values=(value,))]
    tokens = [one.token for one in tickets[:_MOST_TOLD]]
    told = say(
        "{count} tickets handed over to {agent}: {tickets}", count=len(tickets), agent=taker.name, tickets=tokens
    )
    if len(tickets) == 1:
        told = say("{ticket} handed over to {agent}", ticket=tokens[0], agent=taker.name)
    hints = hints_of_absence(policy, taker, away=away, team=team, author=agent)
    return (*listings, *_told_to(giver, taker, agent, tickets), *given, TurnTo(ticket=None)), (told, *hints)


def _told_to(giver: Agent, taker: Agent, author: Agent, tickets: Sequence[OwnedTicket]) -> tuple[Notice, ...]:
    """Whose tickets somebody else hands over hears of it."""
    if giver == author:
        return ()
    title = say("{author} has handed your open tickets over to {agent}:", author=author.name, agent=taker.name)
    if taker == author:
        title = say("{agent} has taken over your open tickets:", agent=taker.name)
    headline = say("Your tickets went to {agent}", agent=taker.name)
    context = {"headline": headline, "title": title, "lines": [one.token for one in tickets], "files": False}
    return (Notice(name="result", to=_mailbox(giver), role=Role.AGENT, context=context),)


def _named(policy: Policy, agent: Agent, argument: str) -> tuple[Agent, Agent] | Refusal:
    """Whose tickets go to whom."""
    words = [word for word in argument.split() if word.casefold() not in _CONNECTING]
    taker = policy.agent_named(" ".join(word.lstrip("@") for word in words))
    giver: Agent | None = agent
    if taker is None:
        pairs = ((_agent(policy, words[:cut]), _agent(policy, words[cut:])) for cut in range(1, len(words)))
        giver, taker = next((pair for pair in pairs if all(pair)), (None, None))
    if giver is None or taker is None:
        names = [one.handle for one in policy.agents if one != agent]
        return Refusal(why=say("names no colleague"), suggestion=f"#handover {'|'.join(names[:12])}")
    if giver == taker:
        return Refusal(why=say("names the one who has them already"))
    if giver != agent and not _may_give(policy, agent, giver):
        return Refusal(why=say("is for those who lead a team of {agent}", agent=giver.name), suggestion=USAGE)
    return giver, taker


def _agent(policy: Policy, words: Sequence[str]) -> Agent | None:
    return policy.agent_named(" ".join(word.lstrip("@") for word in words))


def _may_give(policy: Policy, agent: Agent, giver: Agent) -> bool:
    teams = giver.teams or tuple(team.name for team in policy.teams)
    return any(may_do(policy, agent, Duty.HAND_OVER, team=team) for team in teams)


def _mailbox(agent: Agent) -> Address:
    return Address(address=agent.address, name=agent.name)
