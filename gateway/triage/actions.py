"""What each command does: pure functions from the work so far and an argument to more work or a refusal."""

from __future__ import annotations

import re
from dataclasses import replace
from zoneinfo import ZoneInfo

from gateway.mail import Address
from gateway.phrase import Phrase, level_word, say, word
from gateway.policy.promises import DESK
from gateway.policy.roles import Duty, may_do
from gateway.policy.telling import Event
from gateway.sla.days import after_working_days
from gateway.subject import find_tokens
from gateway.ticket import (
    ENDED,
    LIFECYCLE,
    OPEN_STATUSES,
    Authority,
    Field,
    HoldReason,
    Priority,
    Status,
    Step,
    TicketType,
)
from gateway.triage.absence import hints_of_absence
from gateway.triage.case import UNKNOWN_SENDER
from gateway.triage.decision import (
    AddWatcher,
    Change,
    LinkTicket,
    MarkReachable,
    MoveStatus,
    Notice,
    Record,
    SetRequester,
    TurnTo,
)
from gateway.triage.ending import goes_to_and_fro, wait_for_yes
from gateway.triage.facts import Person, TicketFacts
from gateway.triage.holding import held_until
from gateway.triage.notices import agents_of_ticket, stand_ins, tell_agents
from gateway.triage.restraint import unwelcome
from gateway.triage.routing import given_in_team
from gateway.triage.work import Refusal, Work

ADDRESS = re.compile(r"[^\s<>@,;:()\"\\]{1,64}@[^\s<>@,;:()\"\\]{1,190}")
_WAITS_FOR = {
    HoldReason.REQUESTER: say("on hold, waiting for the requester"),
    HoldReason.VENDOR: say("on hold, waiting for the vendor"),
    HoldReason.APPROVAL: say("on hold, waiting for an approval"),
}


def resolve(work: Work, argument: str) -> Work | Refusal:
    """End the matter as solved: it closes by itself after the configured working days."""
    if goes_to_and_fro(work):
        return replace(wait_for_yes(work), resolves=True, resolution_text=argument)
    moved = _move(work, Step.RESOLVE, why=f"{work.agent.name} resolved it", told=say("resolved"))
    if isinstance(moved, Refusal):
        return moved
    return replace(moved, resolves=True, resolution_text=argument)


def close(work: Work, argument: str) -> Work | Refusal:
    moved = _move(work, Step.CLOSE, why=f"{work.agent.name} closed it", told=say("closed"))
    return moved if isinstance(moved, Refusal) else replace(moved, closes=True)


def reopen(work: Work, argument: str) -> Work | Refusal:
    return _move(work, Step.REOPEN, why=f"{work.agent.name} reopened it", told=say("reopened"))


def spam(work: Work, argument: str) -> Work | Refusal:
    """Cancel a ticket that should not be one; nobody outside hears of it."""
    moved = _move(work, Step.CANCEL, why=f"{work.agent.name} called it spam", told=say("cancelled as spam"))
    return moved if isinstance(moved, Refusal) else replace(moved, silences=True)


def take(work: Work, argument: str) -> Work | Refusal:
    if work.ticket.status not in OPEN_STATUSES:
        return Refusal(why=_stands(work.ticket), suggestion="#reopen")
    taken, told = take_up(work), say("taken by {agent}", agent=work.agent.name)
    before = work.policy.agent_of(work.ticket.assignee) if work.ticket.assignee else None
    if before is not None and before != work.agent:
        told = say("taken over by {agent} from {before}", agent=work.agent.name, before=before.name)
    return taken.with_field(Field.ASSIGNEE, work.agent.address, assignee=work.agent.address, told=told)


def take_up(work: Work) -> Work:
    """Start working on a new ticket; any other stays as it is."""
    if work.ticket.status is not Status.NEW:
        return work
    moved = _move(work, Step.TAKE_UP, why=f"{work.agent.name} took it up")
    return work if isinstance(moved, Refusal) else moved


def assign(work: Work, argument: str) -> Work | Refusal:
    """Give the ticket to an agent, or to a team, whose agents all see it then."""
    policy = work.policy
    if agent := policy.agent_named(argument):
        pairs = [(Field.ASSIGNEE, agent.address)]
        team, told = work.ticket.team, say("assigned to {agent}", agent=agent.name)
        if agent.teams and policy.team_named(team) not in [policy.team_named(name) for name in agent.teams]:
            team = agent.teams[0]
            pairs.append((Field.TEAM, team))
            title = policy.team_title(team)
            told = say("assigned to {agent}, and with it given to the team {team}", agent=agent.name, team=title)
        given = replace(work.with_fields(pairs, assignee=agent.address, team=team, told=told), given_team="")
        given = given.with_hint(*hints_of_absence(policy, agent, away=work.away, team=team, author=work.agent))
        hearing = (agent, *(stand_ins(policy, agent, team) if agent.address in work.away else ()))
        others = tuple(one for one in dict.fromkeys(hearing) if one != work.agent)
        return given if agent == work.agent else replace(given, newcomers=(*given.newcomers, *others))
    if team_found := policy.team_named(argument):
        name = team_found.name
        if (chosen := given_in_team(work, name)) is not None:
            return chosen
        told = say("given to the team {team}", team=policy.team_title(name))
        given = work.with_fields([(Field.TEAM, name), (Field.ASSIGNEE, "")], team=name, assignee="", told=told)
        newcomers = tuple(agent for agent in policy.agents_of(name) if agent != work.agent)
        return replace(given, newcomers=given.newcomers + newcomers, given_team=name)
    names = [agent.handle for agent in policy.agents] + [team.name for team in policy.teams]
    return Refusal(why=say("names no agent and no team"), suggestion=f"#assign {'|'.join(sorted(names)[:12])}")


def priority(work: Work, argument: str) -> Work | Refusal:
    name = argument.upper().removeprefix("P")
    if f"P{name}" not in Priority.__members__:
        return Refusal(why=say("is no priority"), suggestion="#priority P1 … P5")
    value = Priority(f"P{name}")
    return work.with_field(Field.PRIORITY, value.value, priority=value, told=_priority(value))


def _priority(value: Priority) -> Phrase:
    return say("priority {priority}", priority=value.value)


def impact(work: Work, argument: str) -> Work | Refusal:
    matrix = work.policy.matrix
    level = matrix.impact(argument)
    if not level:
        return Refusal(why=say("is no impact"), suggestion=f"#impact {'|'.join(matrix.impacts)}")
    return _with_priority(_with_level(work, Field.IMPACT, level))


def urgency(work: Work, argument: str) -> Work | Refusal:
    matrix = work.policy.matrix
    level = matrix.urgency(argument)
    if not level:
        return Refusal(why=say("is no urgency"), suggestion=f"#urgency {'|'.join(matrix.urgencies)}")
    return _with_priority(_with_level(work, Field.URGENCY, level))


def _with_level(work: Work, field: Field, level: str) -> Work:
    return work.with_field(field, level, told=level_word(field.value, level), **{field.value: level})


def _with_priority(work: Work) -> Work:
    """Impact and urgency that an agent set decide the priority anew, also one that an agent set before."""
    value = work.policy.priority_of(work.ticket.impact, work.ticket.urgency, work.ticket.type)
    if value is work.ticket.priority:
        return work
    return work.with_field(Field.PRIORITY, value.value, priority=value, told=_priority(value))


def category(work: Work, argument: str) -> Work | Refusal:
    main, _, sub = (part.strip() for part in argument.partition("/"))
    if not main or "/" in sub or len(argument) > 100:
        return Refusal(why=say("is no category"))
    return work.with_fields(
        [(Field.CATEGORY, main), (Field.SUBCATEGORY, sub)],
        category=main,
        subcategory=sub,
        told=say("category {category}", category=f"{main}/{sub}" if sub else main),
    )


def ticket_type(work: Work, argument: str) -> Work | Refusal:
    name = argument.strip().lower().removeprefix("service ")
    found = next((kind for kind in TicketType if kind.value == name), None)
    if found is None:
        return Refusal(why=say("is no type"))
    told = say("now a request") if found is TicketType.REQUEST else say("now an incident")
    changed = work.with_field(Field.TYPE, found.value, type=found, told=told)
    # A matrix may differ by type; a priority that somebody chose stays.
    is_chosen = work.ticket.authority_of(Field.PRIORITY) is not Authority.DEFAULT
    return changed if is_chosen else _with_priority(changed)


def hold(work: Work, argument: str) -> Work | Refusal:
    """Wait for somebody; `until` a day, the ticket is taken up again by itself when work begins on it."""
    whom, _, rest = argument.strip().lower().partition(" ")
    reason = next((reason for reason in HoldReason if reason.value == whom), None)
    if reason is None:
        return Refusal(why=say("does not say for whom it waits"))
    until = None
    if rest.strip():
        until = held_until(rest, work.policy, now=work.now)
        if until is None:
            why = say("“{day}” is no day of the next five years", day=rest.strip().removeprefix("until ").strip())
            return Refusal(why=why, suggestion=say("#hold {whom} until {day}", whom=whom, day="2026-12-24"))
    told = _WAITS_FOR[reason]
    if until is not None:
        told = say("{waits}, until {day}", waits=told, day=until.astimezone(ZoneInfo(work.policy.desk.time_zone)))
    target = LIFECYCLE[Step.HOLD].get(work.ticket.status)
    if target is None:
        return _impossible(work.ticket, Step.HOLD)
    ticket = replace(work.ticket, status=target, hold_reason=reason, hold_until=until)
    change = MoveStatus(to=target, why=f"{work.agent.name}: {told}", hold_reason=reason, hold_until=until)
    return work.with_changes(change, ticket=ticket, told=told)


def cc(work: Work, argument: str) -> Work | Refusal:
    person = _person(work, argument)
    if isinstance(person, Refusal):
        return person
    told = say("{person} gets the answers from now on", person=person.address)
    if work.ticket.is_on_ticket(person.address):
        return work.with_changes(AddWatcher(watcher=person), told=told)
    # What stands in the same mail is the first of these answers.
    watchers = (*work.ticket.watchers, Person(id=0, address=person.address))
    return work.with_changes(AddWatcher(watcher=person), ticket=replace(work.ticket, watchers=watchers), told=told)


def retry(work: Work, argument: str) -> Work | Refusal:
    """An address of the ticket works again: automatic mail goes there, and what was held for it is sent."""
    people = {person.address: person for person in (work.ticket.requester, *work.ticket.watchers)}
    reachable = [MarkReachable(address=address) for address in people]
    if any(address in work.held_back for address in people):
        told = say("the addresses on the ticket work again: what was held for them is sent")
    elif any(_is_unwelcome(work, person) for person in people.values()):
        told = say("the addresses on the ticket get automatic mail again")
    else:
        return work.with_changes(*reachable).with_hint(say("nothing was held for the addresses on the ticket"))
    event = Record(kind="reachable", text=f"{work.agent.name} says that mail arrives again: {', '.join(people)}")
    return work.with_changes(event, *reachable, told=told)


def _is_unwelcome(work: Work, person: Person) -> bool:
    """Whether no automatic mail goes to somebody."""
    return unwelcome(person.as_traffic(), work.now, work.policy) is not None


def requester(work: Work, argument: str) -> Work | Refusal:
    person = _person(work, argument)
    if isinstance(person, Refusal):
        return person
    changed = replace(work.ticket, requester=replace(work.ticket.requester, address=person.address, name=person.name))
    told = say("the requester is now {person}", person=person.address)
    return work.with_changes(SetRequester(requester=person), ticket=changed, told=told)


def _person(work: Work, argument: str) -> Address | Refusal:
    found = ADDRESS.findall(argument.replace("mailto:", ""))
    if len(found) != 1:
        return Refusal(why=say("does not name one address"))
    if work.policy.is_desk_address(found[0]):
        return Refusal(why=say("is the desk's own address"))
    return Address(address=found[0].lower())


def merge(work: Work, argument: str) -> Work | Refusal:
    """End this ticket in another one: what is written to either comes in there from now on."""
    target = _other_ticket(work, argument)
    if isinstance(target, Refusal):
        return target
    if target.status in ENDED:
        ended = say("that ticket is closed") if target.status is Status.CLOSED else say("that ticket is cancelled")
        return Refusal(why=ended, suggestion="#link " + argument)
    token = work.policy.token(target.type, target.number)
    merged = work.with_changes(
        LinkTicket(number=target.number, kind="merged"), told=say("merged into {ticket}", ticket=token)
    )
    told: tuple[Change, ...] = (TurnTo(ticket=target.number), *_told_of_merger(work, target))
    return replace(merged, merged_into=target.number, silences=True, handed=(*work.handed, *told))


def _told_of_merger(work: Work, target: TicketFacts) -> tuple[Notice, ...]:
    """Who has the other ticket hears of it, and of those who read its answers from now on."""
    policy, ticket = work.policy, work.ticket
    # What this very mail opens has no number yet.
    token = policy.token(ticket.type, ticket.number).strip("[]") if ticket.number else say("A new ticket")
    coming = dict.fromkeys(one.address for one in (ticket.requester, *ticket.watchers))
    people = [one for one in coming if one != UNKNOWN_SENDER.address and not target.is_on_ticket(one)]
    told = say("{ticket} was merged into this ticket", ticket=token)
    if people:
        told = say(
            "{ticket} was merged into this ticket; from now on the answers here also go to: {people}",
            ticket=token,
            people=people,
        )
    context = {"changes": [told], "agent": {"name": work.agent.name, "address": work.agent.address}}
    agents = agents_of_ticket(policy, target, Event.CHANGED)
    return tell_agents("changed", agents, context=context, but=[work.agent.address])


def link(work: Work, argument: str) -> Work | Refusal:
    other = _other_ticket(work, argument)
    if isinstance(other, Refusal):
        return other
    token = work.policy.token(other.type, other.number)
    return work.with_changes(
        LinkTicket(number=other.number, kind="related"), told=say("linked with {ticket}", ticket=token)
    )


def _other_ticket(work: Work, argument: str) -> TicketFacts | Refusal:
    numbers = [number for _, number in find_tokens(argument, work.policy.prefixes())]
    if not numbers and argument.strip().isdecimal():
        numbers = [int(argument.strip())]
    if len(numbers) != 1:
        return Refusal(why=say("does not name one ticket"))
    found = work.ticket_numbered(numbers[0])
    if found is not None and found.number == work.ticket.number:
        return Refusal(why=say("is this ticket itself"))
    return found or Refusal(why=say("there is no such ticket"))


def nothing(work: Work, argument: str) -> Work | Refusal:
    """`#note` is read where the text is taken apart; as a command it changes nothing."""
    return work


def send(work: Work, argument: str) -> Work | Refusal:
    if not any(held.author in _own_addresses(work) for held in work.ticket.held):
        why = say("no mail of yours is held on this ticket")
        return Refusal(why=why, suggestion=say("write your answer without #send"))
    return replace(work, sends_held=True)


def _own_addresses(work: Work) -> frozenset[str]:
    return frozenset({work.agent.address, *work.agent.other_addresses})


def files(work: Work, argument: str) -> Work | Refusal:
    return replace(work, wants_files=True)


def show_help(work: Work, argument: str) -> Work | Refusal:
    return replace(work, wants_help=True)


def ask_why(work: Work, argument: str) -> Work | Refusal:
    return replace(work, wants_why=True)


def ask_stats(work: Work, argument: str) -> Work | Refusal:
    if argument.strip().lower() != "stats":
        return Refusal(why=say("does not say what about the rules"))
    if not may_do(work.policy, work.agent, Duty.ASK_RULES):
        return Refusal(why=say("is for those who tune the rules ([desk] admins)"), suggestion="#why")
    return replace(work, wants_stats=True)


def _move(work: Work, step: Step, *, why: str, told: Phrase | None = None) -> Work | Refusal:
    target = LIFECYCLE[step].get(work.ticket.status)
    if target is None:
        return _impossible(work.ticket, step)
    policy, close_at = work.policy, None
    if target is Status.RESOLVED:
        close_at = after_working_days(policy.work_calendar(DESK), work.now, policy.desk.close_after_working_days)
    ticket = replace(work.ticket, status=target, hold_reason=None, hold_until=None)
    return work.with_changes(MoveStatus(to=target, why=why, close_at=close_at), ticket=ticket, told=told)


def _impossible(ticket: TicketFacts, step: Step) -> Refusal:
    possible = sorted(f"#{name.value}" for name, ways in LIFECYCLE.items() if ticket.status in ways)
    possible = [name for name in possible if name not in ("#take_up", "#resume", "#cancel")]
    *others, last = possible or [""]
    suggestion = say("{others} or {last}", others=others, last=last) if others else last
    return Refusal(why=_stands(ticket), suggestion=suggestion)


def _stands(ticket: TicketFacts) -> Phrase:
    return say("the ticket is {status}", status=word("status", ticket.status.value))
