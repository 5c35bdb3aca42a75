"""`#watch` and `#unwatch`: who hears of a ticket, an agent of one's own accord or a person who reads along. Pure."""

from __future__ import annotations

from dataclasses import replace

from gateway.mail import Address
from gateway.phrase import say
from gateway.policy import Agent
from gateway.triage import actions
from gateway.triage.decision import AddWatcher, Follow, RemoveWatchers, Unfollow
from gateway.triage.work import Refusal, Work


def watch(work: Work, argument: str) -> Work | Refusal:
    """The agent hears of the ticket from now on, whoever has it."""
    if argument.strip():
        return Refusal(why=say("is for yourself; others are added by #cc"), suggestion=f"#cc {argument.strip()}")
    ticket, own = work.ticket, work.agent.address
    told = say("{agent} follows it from now on", agent=work.agent.name)
    agents = tuple(dict.fromkeys([*ticket.agents, own]))
    unwatched = tuple(one for one in ticket.unwatched if one != own)
    following = replace(ticket, agents=agents, unwatched=unwatched)
    return _for_oneself(work.with_changes(Follow(agent=own), ticket=following, told=told))


def unwatch(work: Work, argument: str) -> Work | Refusal:
    """The agent, or a person who reads along, hears no more of the ticket."""
    return _remove(work, argument) if argument.strip() else _leave(work, work.agent)


def cc(work: Work, argument: str) -> Work | Refusal:
    """Somebody reads along from now on, or with a minus no longer."""
    written = argument.strip()
    if written[:1] in ("-", "−", "–"):
        return _remove(work, written[1:])
    found = actions.ADDRESS.findall(written.replace("mailto:", ""))
    agent = work.policy.agent_of(found[0]) if len(found) == 1 else None
    is_own = agent is not None and agent == work.policy.agent_of(work.ticket.requester.address)
    return actions.cc(work, argument) if agent is None or is_own else _read_along(work, agent)


def _read_along(work: Work, agent: Agent) -> Work:
    """An agent who reads along follows the ticket, also one who had stopped doing so; of one who does so already, only
    the author hears."""
    ticket = work.ticket
    if agent in map(work.policy.agent_of, ticket.reading) and agent.address not in ticket.unwatched:
        return work.with_hint(say("{person} reads along already", person=agent.name))
    again = (Follow(agent=agent.address),) if agent.address in ticket.unwatched else ()
    following = replace(
        ticket,
        agents=tuple(dict.fromkeys([*ticket.agents, agent.address])),
        unwatched=tuple(one for one in ticket.unwatched if one != agent.address),
        reading=tuple(dict.fromkeys([*ticket.reading, agent.address])),
    )
    reader = AddWatcher(watcher=Address(address=agent.address, name=agent.name))
    told = say("{agent} follows it from now on", agent=agent.name)
    return work.with_changes(reader, *again, ticket=following, told=told)


def _leave(work: Work, agent: Agent) -> Work | Refusal:
    ticket, own = work.ticket, agent.address
    if ticket.assignee == own:
        return Refusal(why=say("the ticket is yours; give it to somebody first"), suggestion=say("#assign NAME|TEAM"))
    told = say("{agent} follows it no longer", agent=agent.name)
    agents = tuple(one for one in ticket.agents if one != own)
    unwatched = tuple(dict.fromkeys([*ticket.unwatched, own]))
    left = replace(ticket, agents=agents, unwatched=unwatched)
    return _for_oneself(work.with_changes(Unfollow(agent=own), ticket=left, told=told))


def _for_oneself(work: Work) -> Work:
    """Who follows a ticket is no news to those who have it."""
    return replace(work, own=(*work.own, work.told[-1]))


def _remove(work: Work, argument: str) -> Work | Refusal:
    found = actions.ADDRESS.findall(argument.replace("mailto:", ""))
    if len(found) != 1:
        return Refusal(why=say("does not name one address"))
    address, ticket, policy = found[0].lower(), work.ticket, work.policy
    agent = policy.agent_of(address)
    if agent is not None and (rows := tuple(one for one in ticket.reading if policy.agent_of(one) == agent)):
        return _remove_agent(work, agent, rows)
    leaving = tuple(one.address for one in ticket.watchers if policy.is_same_person(one.address, address))
    if not leaving:
        if policy.is_same_person(ticket.requester.address, address):
            return Refusal(why=say("is the requester"), suggestion="#requester a@b")
        return Refusal(why=say("{person} does not read along", person=address))
    told = say("{person} gets no more answers", person=", ".join(leaving))
    watchers = tuple(one for one in ticket.watchers if one.address not in leaving)
    return work.with_changes(RemoveWatchers(addresses=leaving), ticket=replace(ticket, watchers=watchers), told=told)


def _remove_agent(work: Work, agent: Agent, addresses: tuple[str, ...]) -> Work:
    """An agent who was let read along hears no more of the ticket, but of one that is theirs."""
    own, ticket = agent.address, work.ticket
    told = say("{agent} follows it no longer", agent=agent.name)
    left = replace(
        ticket,
        agents=tuple(one for one in ticket.agents if one != own),
        unwatched=tuple(dict.fromkeys([*ticket.unwatched, own])),
        reading=tuple(one for one in ticket.reading if one not in addresses),
    )
    return work.with_changes(RemoveWatchers(addresses=addresses), Unfollow(agent=own), ticket=left, told=told)
