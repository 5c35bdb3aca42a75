"""An agent's answer to a list of tickets: each numbered line is a mail's worth of commands on its ticket. Pure.

What a line says is what an agent could have written in answer to that ticket's own mail, and is decided by the same
code; so it notifies, resolves and records alike. Every line gets a line in the answer: done, refused because, or the
nearest word. Whoever else sends the list's key is set aside.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.mail import Address, MailKind, Passage, PassageRole, Reason, Verdict
from gateway.phrase import Phrase, say
from gateway.policy import Agent
from gateway.ticket import Role
from gateway.triage.absence import away_by_itself
from gateway.triage.agent_reply import reply_by_agent
from gateway.triage.asking import ENDS, missing_facts, why_asked
from gateway.triage.case import Case
from gateway.triage.commands import COMMANDS, run_commands
from gateway.triage.decision import Action, AskRating, Change, Decision, Notice, TakeTurn, TurnTo
from gateway.triage.desk_commands import DeskWork, read_desk_mail, run_desk_commands, told_first
from gateway.triage.facts import ListingFact, TicketFacts
from gateway.triage.grammar import CommandLine, command_lines
from gateway.triage.orders import Order, read_orders
from gateway.triage.routing import after
from gateway.triage.trust import REACHING
from gateway.triage.work import Refusal, Work, work_on

# What needs the ticket's own mail: a question to answer, an outsider to let in, a mail to send after all.
_NOT_IN_LISTS = frozenset(
    {*REACHING, "send", "help", "files", "retry", "why", "rules", "away", "back", "undo", "handover"}
)


def answer_listing(case: Case, listing: ListingFact) -> Decision:
    """Carry out what an agent answers to a list, and say for each line what was done."""
    if not case.is_by_a_person:
        reason = Reason(code="listing-auto", text=f"{case.screening.kind.value}: an automatic answer to a list")
        holder = _holder(case, listing) if case.screening.kind is MailKind.AUTO_REPLY else None
        away = away_by_itself(case, holder) if holder is not None else ()
        return case.decide(Action.FILE, *away, reasons=(reason,), verdict=Verdict.ACCEPT_QUIETLY)
    agent = _holder(case, listing)
    if agent is None:
        text = f"answers a list that went to {listing.holder}: not that agent's own address, or not proven enough"
        return case.quarantine("not-theirs", Reason(code="listing-not-theirs", text=text))
    mailbox = Address(address=agent.address, name=agent.name)
    if listing.is_expired:
        title = say("Nothing was done: that list is more than a week old. #list sends you a new one.")
        return _file(case, agent, Notice(name="result", to=mailbox, role=Role.AGENT, context=_told(title, [])))
    orders, others = read_orders(case.mail.new_text, case.policy, set(COMMANDS) - _NOT_IN_LISTS)
    asked = read_desk_mail("", "\n".join(others))
    if asked is not None:
        others = ()
    work = DeskWork(
        policy=case.policy,
        agent=agent,
        now=case.facts.now,
        tickets=case.facts.named_tickets,
        owned=case.facts.owned,
    )
    work, problems = run_desk_commands(work, asked.commands if asked is not None else ())
    changes, lines = _carry(case, agent, listing, orders)
    lines += [*work.lines, *problems, *(say("Left alone: {line}", line=line[:100]) for line in others)]
    title = say("Your answer, line by line:")
    if not orders and asked is None:
        title = say('Nothing was done: there is no line like "1 done" above the quote.')
        lines = []
    told = (Notice(name="result", to=mailbox, role=Role.AGENT, context=_told(title, lines)),)
    return _file(case, agent, *(told if lines or not work.changes else ()), *told_first(work.changes), *changes)


def _told(title: Phrase, lines: list[Phrase]) -> dict[str, object]:
    return {"title": title, "lines": lines, "files": False}


def _file(case: Case, agent: Agent, *changes: Change) -> Decision:
    reason = Reason(code="listing-answered", text=f"{agent.name} answered a list of tickets")
    action = Action.COMMAND if any(isinstance(change, TurnTo) for change in changes) else Action.FILE
    return case.decide(action, *changes, reasons=(reason,), verdict=Verdict.ACCEPT, actor=agent.address)


def _holder(case: Case, listing: ListingFact) -> Agent | None:
    """The agent who got the list, by key and address (L2), or by more where the policy asks for it."""
    agent = case.policy.agent_of(case.sender.address)
    if agent is None or case.mail.sender_defects or listing.holder not in (agent.address, *agent.other_addresses):
        return None
    return agent if case.policy.trust.require == "key" or case.facts.auth_trusted else None


def _carry(
    case: Case, agent: Agent, listing: ListingFact, orders: tuple[Order, ...]
) -> tuple[list[Change], list[Phrase]]:
    """What the orders change, ticket by ticket, and a line for each of them."""
    lines: list[Phrase] = []
    by_ticket: dict[int, list[CommandLine]] = {}
    for order in orders:
        for number in order.numbers:
            ticket = _ticket_at(case, listing, number)
            if ticket is None:
                lines.append(say("{number} is not in that list", number=number))
            elif not order.line:
                near = order.suggestion or say("done, take, @NAME, p3, note …")
                why = say("is no command; what would fit: {suggestion}", suggestion=near)
                lines.append(say("{line}: {why}", line=order.raw[:100], why=why))
            else:
                command = command_lines(order.line)[0]
                by_ticket.setdefault(ticket.number, []).append(command)
    changes: list[Change] = []
    for number, commands in by_ticket.items():
        ticket = case.facts.ticket(number)
        assert ticket is not None  # `_ticket_at` has just found it
        asked = {change.address for change in changes if isinstance(change, AskRating)}
        if ticket.requester.address in asked:
            # One answer may end several tickets of one person.
            ticket = replace(ticket, requester=replace(ticket.requester, rating_asked_at=case.facts.now))
        done, told = _carry_on(case, agent, ticket, commands)
        for turn in [change for change in done if isinstance(change, TakeTurn)]:
            case = replace(case, facts=replace(case.facts, duty=after(case.facts.duty, turn)))
        changes += done
        lines += told
    return changes, lines


def _ticket_at(case: Case, listing: ListingFact, number: int) -> TicketFacts | None:
    """The ticket under a number of the list; one that was merged since is the one that it was merged into."""
    listed = listing.ticket_at(number)
    if listed is None:
        return None
    return next((one for one in case.facts.named_tickets if listed == one.number or listed in one.merged_from), None)


def _carry_on(
    case: Case, agent: Agent, ticket: TicketFacts, commands: list[CommandLine]
) -> tuple[list[Change], list[Phrase]]:
    """What is possible of the commands on one ticket, decided as if they had answered that ticket's own mail."""
    token = case.policy.token(ticket.type, ticket.number).strip("[]")
    work, possible, refused = _tried(work_on(case, ticket, agent), commands)
    if missing := missing_facts(work):
        # Nobody can be asked in a list; a line like "1 cause …" beside "1 done" says it at once.
        others = [command for command in commands if command.name not in ENDS]
        work, possible, refused = _tried(work_on(case, ticket, agent), others)
        refused.append(why_asked(missing))
    lines = [say("{ticket}: {line}", ticket=token, line=why) for why in refused]
    if not possible:
        return [], lines
    # Notes are for colleagues from where they begin, so they come last.
    possible.sort(key=lambda command: command.name == "note")
    text = "\n".join(command.raw for command in possible)
    words = (Passage(role=PassageRole.NEW, text=text),)
    mail = replace(case.mail, passages=words, new_html="", attachments=(), forwarded=None)
    decided = reply_by_agent(replace(case, mail=mail), ticket, agent)
    if decided.action is not Action.APPEND:
        why = say("can't be done in answer to a list; answer the ticket's own mail")
        return [], [*lines, say("{ticket}: {line}", ticket=token, line=why)]
    did = [say("{ticket}: {line}", ticket=token, line=one) for one in work.told]
    did += [say("{ticket}: noted", ticket=token)] if any(one.name == "note" for one in possible) else []
    return [TurnTo(ticket=ticket.number), *decided.changes], [*did, *lines]


def _tried(work: Work, commands: list[CommandLine]) -> tuple[Work, list[CommandLine], list[Phrase]]:
    """The commands that are possible, one after the other, and why the others are not."""
    possible: list[CommandLine] = []
    refused: list[Phrase] = []
    for command in commands:
        result = run_commands(work, [command])
        if isinstance(result, Refusal):
            refused.append(say("{why}; what would fit: {suggestion}", why=result.why, suggestion=result.suggestion))
        else:
            work = result
            possible.append(command)
    return work, possible, refused
