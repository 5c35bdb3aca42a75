"""Who is told, and whether a first mail is acknowledged. What each notice says is in the templates.

Agents: the assignee and the agents who wrote on the ticket; where nobody has it, the whole team; never the one who
acts. Of an assignee who is away the deputy hears too, or where there is none the team. Nobody is told twice by two
roles.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from gateway.mail import Address, Reason, Transport
from gateway.policy import Agent, Policy
from gateway.policy.telling import NEVER_SILENT, Event
from gateway.ticket import Classification, Field, Role
from gateway.triage.case import UNKNOWN_SENDER, Case
from gateway.triage.decision import Change, Notice
from gateway.triage.facts import TicketFacts
from gateway.triage.muting import muted_until
from gateway.triage.restraint import Restraint, restraint_on

LATE_AFTER = timedelta(days=1)


def ticket_agents(
    policy: Policy, *, team: str, assignee: str, wrote: Iterable[str] = (), is_away: bool = False
) -> tuple[Agent, ...]:
    """The agents who follow a ticket; for a team without agents all of them, so that somebody hears.

    `is_away`: the assignee is.
    """
    following = [policy.agent_of(address) for address in dict.fromkeys([assignee, *wrote]) if address]
    found = list(dict.fromkeys(agent for agent in following if agent is not None))
    if assignee and (agent := policy.agent_of(assignee)):
        return tuple(dict.fromkeys([*found, *(stand_ins(policy, agent, team) if is_away else ())]))
    members = policy.agents_of(team) or policy.agents
    return tuple(dict.fromkeys([*found, *members]))


def stand_ins(policy: Policy, agent: Agent, team: str) -> tuple[Agent, ...]:
    """Who hears of the tickets of somebody who is away: the deputy of the people table, else the team."""
    deputy = policy.agent_named(policy.person_of(agent.address).get("deputy", ""))
    return (deputy,) if deputy is not None and deputy != agent else policy.agents_of(team) or policy.agents


def tell_agents(
    name: str,
    agents: Iterable[Agent],
    *,
    about: str = "",
    about_message: int | None = None,
    context: Mapping[str, object] | None = None,
    but: Iterable[str] = (),
) -> tuple[Notice, ...]:
    """One notice for each agent, but none for those who act themselves."""
    left_out = set(but)
    return tuple(
        Notice(
            name=name,
            to=Address(address=agent.address, name=agent.name),
            role=Role.AGENT,
            about=about,
            about_message=about_message,
            context=context or {},
        )
        for agent in agents
        if agent.address not in left_out
    )


def agents_of_ticket(policy: Policy, ticket: TicketFacts, event: Event | None = None) -> tuple[Agent, ...]:
    """The agents who follow a ticket, without those who want no more of it; where nobody else is left, all the same.

    Of an `event`, whom the rules name instead.
    """
    away = ticket.is_assignee_away
    rule = policy.notice_of(event) if event is not None else None
    if rule is not None and rule.to:
        found = _named(
            policy,
            rule.to,
            team=ticket.team,
            assignee=ticket.assignee,
            wrote=ticket.agents,
            watchers=ticket.reading,
            is_away=away,
        )
        wanting = tuple(agent for agent in found if agent.address not in ticket.unwatched)
        if wanting or event not in NEVER_SILENT:
            return wanting
    found = ticket_agents(policy, team=ticket.team, assignee=ticket.assignee, wrote=ticket.agents, is_away=away)
    if not ticket.unwatched:
        return found
    left = tuple(agent for agent in found if agent.address not in ticket.unwatched or agent.address == ticket.assignee)
    return left or found


def agents_of_new(policy: Policy, *, team: str, assignee: str, is_away: bool) -> tuple[Agent, ...]:
    """The agents who are told of a new ticket; never nobody."""
    rule = policy.notice_of(Event.NEW_TICKET)
    found = _named(policy, rule.to, team=team, assignee=assignee, is_away=is_away) if rule is not None else ()
    return found or ticket_agents(policy, team=team, assignee=assignee, is_away=is_away)


def _named(
    policy: Policy,
    roles: Iterable[str],
    *,
    team: str,
    assignee: str,
    wrote: Iterable[str] = (),
    watchers: Iterable[str] = (),
    is_away: bool = False,
) -> tuple[Agent, ...]:
    """The agents whom the words of a `[[notice]]` mean, in their order, each once."""
    owner = policy.agent_of(assignee) if assignee else None
    members = policy.agents_of(team) or policy.agents
    by_role: dict[str, Iterable[Agent | None]] = {
        "assignee": [owner, *(stand_ins(policy, owner, team) if owner is not None and is_away else ())],
        "writers": map(policy.agent_of, wrote),
        "team_if_unowned": members if owner is None else (),
        "team": members,
        "watchers": map(policy.agent_of, watchers),
        "lead": map(policy.agent_of, policy.leads_of(team)),
    }
    found = (agent for role in dict.fromkeys(roles) for agent in by_role[role])
    return tuple(dict.fromkeys(agent for agent in found if agent is not None))


def tell_people(
    name: str,
    ticket: TicketFacts,
    *,
    about: str = "",
    context: Mapping[str, object] | None = None,
    roles: Container[Role] = (Role.REQUESTER, Role.WATCHER),
) -> tuple[Notice, ...]:
    """One mail to the requester and each watcher, or to those in some `roles`; somebody who is both gets one."""
    people = {ticket.requester.address: (ticket.requester.mailbox, Role.REQUESTER)}
    for watcher in ticket.watchers:
        people.setdefault(watcher.address, (watcher.mailbox, Role.WATCHER))
    return tuple(
        Notice(name=name, to=mailbox, role=role, about=about, context=context or {})
        for mailbox, role in people.values()
        if mailbox.address != UNKNOWN_SENDER.address and role in roles
    )


def once_each(policy: Policy, notices: Iterable[Notice], *, acting: str) -> list[Notice]:
    """Leave out what somebody would read twice, as agent and as requester or watcher, and what they wrote themselves.

    Who reads along and follows the ticket as an agent gets the agent's mail, which takes commands; who asked for help
    gets what the requester gets.
    """
    given = list(notices)

    def people(role: Role) -> set[str]:
        return {person_at(policy, one.to.address) for one in given if one.role is role}

    requesters, agents = people(Role.REQUESTER), people(Role.AGENT) | {person_at(policy, acting)}
    left_out = {Role.AGENT: requesters, Role.WATCHER: agents | requesters}
    return [one for one in given if person_at(policy, one.to.address) not in left_out.get(one.role, ())]


def person_at(policy: Policy, address: str) -> str:
    """Somebody's one address, whichever of theirs it is."""
    agent = policy.agent_of(address)
    return agent.address if agent is not None else policy.main_address(address)


def acknowledge(
    case: Case, requester: Address, classification: Classification, *, linked_token: str = "", is_call: bool = False
) -> tuple[tuple[Change, ...], Reason]:
    """The acknowledgement of a new ticket, or none, which the history tells; and why.

    A rule may silence it or choose its words; what must not be answered is not answered, whatever rules say.
    """
    said = classification.found(Field.ACKNOWLEDGE)
    refusal = _why_not(case, requester)
    if not refusal and said is not None and said.value == "false":
        refusal = f"the rule “{said.rule}” sets acknowledge = false"
    restraint = Restraint(code="not-answered", text=refusal) if refusal else _restraint(case, requester)
    if restraint is not None and not restraint.holds:
        told = () if case.envelope.quiet else (restraint.as_event("acknowledgement", requester.address),)
        return told, Reason(code="not-acknowledged", text=restraint.text)
    late_by_days = days_late(case)
    trusted = case.policy.is_own_domain(requester.address) or case.facts.auth_trusted
    notice = Notice(
        name="acknowledgement",
        to=requester,
        role=Role.REQUESTER,
        context={
            "late_by_days": late_by_days,
            "linked_token": linked_token if trusted else "",
            "is_call": is_call,
            "reopened": False,
            "trusted": trusted,
        }
        | ({"template": said.value} if said is not None and said.value != "true" else {}),
        hold=restraint.code if restraint is not None else "",
    )
    if restraint is not None:
        event = restraint.as_event("acknowledgement", requester.address)
        return (event, notice), Reason(code="acknowledgement-held", text=restraint.text)
    return (notice,), Reason(code="acknowledged", text=f"{requester.address} is told the ticket number")


def _restraint(case: Case, requester: Address) -> Restraint | None:
    """What limit speaks against an acknowledgement that the mail and the policy allow."""
    known = case.facts.traffic_with(requester.address)
    if known is not None and requester.address == case.sender.address:
        # This very mail may be the one too many.
        known = replace(known, muted_until=muted_until(case))
    return restraint_on(
        "acknowledgement",
        requester.address,
        ticket=None,
        now=case.facts.now,
        policy=case.policy,
        traffic=known,
        outside=case.facts.outside,
    )


def days_late(case: Case) -> int:
    """For how many whole days the mail lay in its mailbox before we saw it."""
    if case.envelope.internal_date is None or case.envelope.transport is not Transport.IMAP:
        return 0
    late = case.facts.now - case.envelope.internal_date
    return late.days if late >= LATE_AFTER else 0


def _why_not(case: Case, requester: Address) -> str:
    """Why no acknowledgement goes out, "" when one does."""
    desk, facts, mail = case.policy.desk, case.facts, case.mail
    on_behalf = requester.address != case.sender.address
    if case.envelope.quiet:
        return "imported mail is not acknowledged"
    if case.envelope.released and not case.envelope.release_acknowledged:
        return "mail out of quarantine is not acknowledged"
    if requester.address == UNKNOWN_SENDER.address:
        return "the mail has no sender"
    if not case.screening.auto_reply_ok:
        return "the mail must not be answered automatically"
    if not on_behalf and not case.screening.addressed_to_us:
        return "none of the desk's addresses is in To or Cc"
    if case.policy.is_desk_address(requester.address):
        return "the desk does not write to itself"
    if mail.sender_defects and not on_behalf:
        return "the sender is not one plain mailbox"
    if not case.policy.people_told(Event.ACKNOWLEDGEMENT):
        return "the rules say never for acknowledgement"
    if desk.acknowledge == "nobody":
        return "the policy acknowledges nobody"
    own, proven = case.policy.is_own_domain(requester.address), facts.auth_trusted and not mail.sender_defects
    if on_behalf and not own and not proven:
        return "nothing proves that the agent wrote it, and the requester is an outsider"
    known = own or proven
    if desk.acknowledge == "own" and not known:
        return "an outsider whom nothing authenticates is not answered automatically"
    return ""
