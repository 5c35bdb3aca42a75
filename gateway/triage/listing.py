"""An agent's answer to a list of tickets: each numbered line is a mail's worth of commands on its ticket. Pure.

What a line says is what an agent could have written in answer to that ticket's own mail, and is decided by the same
code; so it notifies, resolves and records alike. Every line gets a line in the answer: done, refused because, or the
nearest word. Whoever else sends the list's key is set aside.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.mail import Address, MailKind, Passage, PassageRole, Reason, Verdict
from gateway.phrase import Phrase, listed, say
from gateway.policy import Agent
from gateway.subject import clean_subject, one_line
from gateway.ticket import Role
from gateway.triage import headlines
from gateway.triage.absence import away_by_itself
from gateway.triage.agent_reply import reply_by_agent
from gateway.triage.asking import ENDS, missing_facts, why_asked
from gateway.triage.case import Case
from gateway.triage.commands import COMMANDS, run_commands
from gateway.triage.decision import Action, AskRating, Change, Decision, Notice, TakeTurn, TurnTo
from gateway.triage.desk_commands import DESK_COMMANDS, desk_work, read_desk_mail, run_desk_commands, told_first
from gateway.triage.facts import ListingFact, TicketFacts
from gateway.triage.grammar import CommandLine, command_lines
from gateway.triage.orders import Order, read_orders
from gateway.triage.routing import after
from gateway.triage.trust import REACHING
from gateway.triage.work import HINTING, Refusal, Work, work_on

# What needs the ticket's own mail: a question to answer, an outsider to let in, a mail to send after all.
_NOT_IN_LISTS = frozenset(
    {*REACHING, "send", "help", "files", "retry", "why", "rules", "away", "back", "undo", "handover"}
)


def begins_anew(case: Case, listing: ListingFact) -> bool:
    """Whether an agent has written of something else in answer to the nearest mail at hand: under a subject of its own,
    without a line for the list or for the desk."""
    subject = one_line(case.mail.subject)
    if not subject or clean_subject(subject) != subject or not case.is_by_a_person or _holder(case, listing) is None:
        return False
    orders, others = read_orders(case.mail.new_text, case.policy, COMMANDS, DESK_COMMANDS)
    return not orders and bool(others) and read_desk_mail("", "\n".join(others)) is None


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
        told_so = _told(title, [], headlines.NOTHING_DONE)
        return _file(case, agent, Notice(name="result", to=mailbox, role=Role.AGENT, context=told_so))
    elsewhere = _NOT_IN_LISTS | set(DESK_COMMANDS)
    orders, others = read_orders(case.mail.new_text, case.policy, set(COMMANDS) - elsewhere, elsewhere)
    asked = read_desk_mail("", "\n".join(others))
    if asked is not None:
        others = ()
    work = desk_work(case, agent)
    work, problems = run_desk_commands(work, asked.commands if asked is not None else ())
    changes, results = _carry(case, agent, listing, orders)
    lines = [one.line for one in sorted(results, key=lambda one: one.place)]
    lines += [*work.lines, *work.missing, *problems, *(say("Left alone: {line}", line=line[:100]) for line in others)]
    entries = [one.raw for one in orders for _ in one.numbers]
    headline = headlines.of_many(sum(one.is_done for one in results), entries, left=len(others))
    if not orders and asked is not None:
        written = [line.raw for line in asked.commands]
        headline = headlines.not_done(*written) if problems else headlines.done(*written)
    title = say("Your answer, line by line:")
    if not orders and asked is None:
        title = say('Nothing was done: there is no line like "1 done" above the quote.')
        lines = []
    told = (Notice(name="result", to=mailbox, role=Role.AGENT, context=_told(title, lines, headline)),)
    return _file(case, agent, *(told if lines or not work.changes else ()), *told_first(work.changes), *changes)


def _told(title: Phrase, lines: list[Phrase], headline: Phrase) -> dict[str, object]:
    return {"headline": headline, "title": title, "lines": lines, "files": False}


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


@dataclass(frozen=True, kw_only=True)
class _Result:
    """What came of one order for one entry: its number in the list, what is told of it, and whether it was done."""

    place: int
    line: Phrase
    is_done: bool = False


# A command and the number in front of it.
_Placed = tuple[int, CommandLine]


def _carry(
    case: Case, agent: Agent, listing: ListingFact, orders: tuple[Order, ...]
) -> tuple[list[Change], list[_Result]]:
    """What the orders change, ticket by ticket, and what came of each of them."""
    results: list[_Result] = []
    by_ticket: dict[int, list[_Placed]] = {}
    for order in orders:
        for number in order.numbers:
            ticket = _ticket_at(case, listing, number)
            if ticket is None:
                results.append(_Result(place=number, line=say("{number} is not in that list", number=number)))
            elif not order.line:
                line = say("{line}: {why}", line=order.said[:100], why=_why_not(order))
                results.append(_Result(place=number, line=_at(number, _token_of(case, ticket), line)))
            else:
                by_ticket.setdefault(ticket.number, []).append((number, command_lines(order.line)[0]))
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
        results += told
    return changes, results


def _why_not(order: Order) -> Phrase:
    """Why an order can't count: a command of other mails, or none."""
    if order.elsewhere in DESK_COMMANDS:
        return say("stands alone in a line, without a number")
    if order.elsewhere:
        return say("can't be done in answer to a list; answer the ticket's own mail")
    near = order.suggestion or say("done, take, @NAME, p3, note …")
    return say("is no command; what would fit: {suggestion}", suggestion=near)


def _at(place: int, token: str, line: Phrase | str) -> Phrase:
    """What is told, behind the number in the list and the ticket that it is."""
    return say("{number} · {ticket}: {line}", number=place, ticket=token, line=line)


def _token_of(case: Case, ticket: TicketFacts) -> str:
    return case.policy.token(ticket.type, ticket.number).strip("[]")


def _ticket_at(case: Case, listing: ListingFact, number: int) -> TicketFacts | None:
    """The ticket under a number of the list; one that was merged since is the one that it was merged into."""
    listed = listing.ticket_at(number)
    if listed is None:
        return None
    return next((one for one in case.facts.named_tickets if listed == one.number or listed in one.merged_from), None)


def _carry_on(
    case: Case, agent: Agent, ticket: TicketFacts, commands: list[_Placed]
) -> tuple[list[Change], list[_Result]]:
    """What is possible of the commands on one ticket, decided as if they had answered that ticket's own mail."""
    token = _token_of(case, ticket)
    work, possible, results = _tried(work_on(case, ticket, agent), commands, token)
    if missing := missing_facts(work):
        # Nobody can be asked in a list; a line like "1 cause …" beside "1 done" says it at once.
        ends = [one for one in commands if one[1].name in ENDS]
        others = [one for one in commands if one not in ends]
        work, possible, results = _tried(work_on(case, ticket, agent), others, token)
        results += [_Result(place=place, line=_at(place, token, why_asked(missing))) for place, _ in ends]
    if not possible:
        return [], results
    # Notes are for colleagues from where they begin, so they come last.
    possible.sort(key=lambda one: one[1].name == "note")
    text = "\n".join(command.raw for _, command in possible)
    words = (Passage(role=PassageRole.NEW, text=text),)
    mail = replace(case.mail, passages=words, new_html="", attachments=(), forwarded=None)
    decided = reply_by_agent(replace(case, mail=mail), ticket, agent)
    if decided.action is Action.APPEND:
        # The lines of the answer say it already.
        changes = [one for one in decided.changes if not (isinstance(one, Notice) and one.context.get(HINTING))]
        return [TurnTo(ticket=ticket.number), *changes], results
    why = say("can't be done in answer to a list; answer the ticket's own mail")
    refused = [one for one in results if not one.is_done]
    return [], [*refused, *(_Result(place=place, line=_at(place, token, why)) for place, _ in possible)]


def _tried(work: Work, commands: list[_Placed], token: str) -> tuple[Work, list[_Placed], list[_Result]]:
    """The commands that are possible, one after the other, and what is told of each, or why it is not."""
    possible: list[_Placed] = []
    results: list[_Result] = []
    for place, command in commands:
        result = run_commands(work, [command])
        if isinstance(result, Refusal):
            results.append(_Result(place=place, line=_at(place, token, result.told)))
            continue
        hints = result.hints[len(work.hints) :]
        told: list[Phrase | str] = [one for one in result.told[len(work.told) :] if one not in hints]
        if not told:
            told = [say("noted") if command.name == "note" else command.raw]
        results.append(_Result(place=place, line=_at(place, token, listed(told)), is_done=True))
        results += [_Result(place=place, line=_at(place, token, hint)) for hint in hints]
        possible.append((place, command))
        work = result
    return work, possible, results
