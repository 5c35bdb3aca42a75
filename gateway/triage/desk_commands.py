"""What agents ask of the desk or tell it in a new mail, or in answer to a list: one table, `DESK_COMMANDS`.

Such a mail is about no ticket: `#list mine`, `#find printer`, `#help`. The command may stand in the subject of a mail
without words. What only asks is answered at the agent's registered address, whoever wrote; what changes something takes
the proof that the table `trust.ACTS` asks for, and else one confirmation. One line that can't count is named in the
answer, and nothing of the mail is carried out. Pure: what a list shows is read when its mail is written, by
`desk.listings`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from gateway.mail import Address, Reason, Verdict
from gateway.phrase import Phrase, say
from gateway.policy import Agent, Policy
from gateway.policy.roles import Duty, may_do
from gateway.subject import find_tokens
from gateway.ticket import Role
from gateway.triage import absence, handover, headlines
from gateway.triage.case import Case
from gateway.triage.challenge import quarantine_and_ask
from gateway.triage.commands import COMMANDS, help_lines
from gateway.triage.decision import Action, Change, Decision, Notice, TurnTo
from gateway.triage.facts import OwnedTicket, TicketFacts
from gateway.triage.grammar import CommandLine, Misplaced, nearest, read_agent_text
from gateway.triage.handover import HANDOVER
from gateway.triage.results import Asked
from gateway.triage.trust import Act, may
from gateway.triage.work import Refusal

LISTING = "listing"
_MOST_LINES = 20
_LONGEST_QUESTION = 300
# Of all lines of a mail together, and as many are looked up for it.
MOST_SHOWN = 10
_BARE_NUMBER = re.compile(r"(?<![\w-])[1-9][0-9]{0,8}(?![\w-])", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class DeskWork:
    """What a mail has asked or told so far. `lines` are told to its author, `missing` is what was not found; `tickets`
    are those that it names, `owned` those that a hand-over may be about, `shown` the numbers behind `#show` so far."""

    policy: Policy
    agent: Agent
    now: datetime
    tickets: tuple[TicketFacts, ...] = ()
    owned: tuple[OwnedTicket, ...] = ()
    away: Mapping[str, datetime] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    lines: tuple[Phrase, ...] = ()
    missing: tuple[Phrase, ...] = ()
    shown: tuple[int, ...] = ()

    @property
    def mailbox(self) -> Address:
        return Address(address=self.agent.address, name=self.agent.name)

    def with_changes(self, *changes: Change, told: Phrase | None = None) -> DeskWork:
        lines = (*self.lines, told) if told is not None else self.lines
        return replace(self, changes=(*self.changes, *changes), lines=lines)

    def answered(self, name: str, **context: object) -> DeskWork:
        """Answer with one mail to the author."""
        return self.with_changes(Notice(name=name, to=self.mailbox, role=Role.AGENT, context=context))


@dataclass(frozen=True, kw_only=True)
class DeskCommand:
    """One command to the desk: how it is written, what it does, whether it changes something, and the function."""

    usage: Phrase | str
    help: Phrase
    apply: Callable[[DeskWork, str], DeskWork | Refusal]
    changes: bool = False


def _list(work: DeskWork, argument: str) -> DeskWork | Refusal:
    """Answer with a list of tickets: one's own, those of one's teams, those that nobody has, those past their time."""
    words = argument.casefold().split()
    wanted = words[0] if words else "mine"
    team = " ".join(argument.split()[1:])
    if wanted not in LISTS:
        found = work.policy.team_named(argument)
        if found is None:
            near = nearest(wanted, LISTS).removeprefix("#")
            return Refusal(why=say("is no list"), suggestion=f"#list {near}" if near else f"#list {'|'.join(LISTS)}")
        wanted, team = "team", found.name
    if team and work.policy.team_named(team) is None:
        return Refusal(why=say("names no team"), suggestion=f"#list {wanted}")
    return work.answered(LISTING, query=wanted, argument=team)


LISTS = ("mine", "team", "unowned", "overdue")


def _find(work: DeskWork, argument: str) -> DeskWork | Refusal:
    """Answer with the tickets in which all these words stand."""
    if not any(character.isalnum() for character in argument):
        return Refusal(why=say("does not say what to look for"), suggestion=say("#find printer third floor"))
    return work.answered(LISTING, query="find", argument=argument[:_LONGEST_QUESTION])


def _show(work: DeskWork, argument: str) -> DeskWork | Refusal:
    """Answer with each ticket, all that is written on it, and its own address to answer to; say which do not exist."""
    numbers = named_numbers(argument, work.policy)
    if not numbers:
        return Refusal(why=say("names no ticket"), suggestion=f"#show {work.policy.prefixes()[0]}-…")
    all_shown = tuple(dict.fromkeys((*work.shown, *numbers)))[:MOST_SHOWN]
    asked = {number: _ticket_numbered(work, number) for number in numbers if number in all_shown}
    bad = [number for number, ticket in asked.items() if ticket is None]
    missing = [say("there is no ticket {number}", number=bad[0])] if bad else []
    if len(bad) > 1:
        missing = [say("there are no tickets {numbers}", numbers=bad)]
    if bad and len(bad) == len(asked):
        return Refusal(why=missing[0], suggestion="#find")
    if len(asked) < len(numbers):
        missing.append(say("only {count} tickets at a time", count=MOST_SHOWN))
    told = [one for one in missing if one not in work.missing]
    work = replace(work, missing=(*work.missing, *told), shown=all_shown)
    for ticket in {one.number: one for one in asked.values() if one is not None}.values():
        shown: dict[str, object] = {
            "changes": [],
            "history": True,
            "marks": [say("shown to you because you asked")],
            "why": [],
            "linked_token": "",
        }
        mail = Notice(name="new_ticket", to=work.mailbox, role=Role.AGENT, about="first", context=shown)
        work = work.with_changes(TurnTo(ticket=ticket.number), mail)
    return work


def _ticket_numbered(work: DeskWork, number: int) -> TicketFacts | None:
    return next((one for one in work.tickets if number == one.number or number in one.merged_from), None)


def named_numbers(argument: str, policy: Policy) -> tuple[int, ...]:
    """The tickets that a command names: by token, or by the number alone as in "1001, 1002"."""
    tokens = [number for _, number in find_tokens(argument, policy.prefixes())]
    return tuple(dict.fromkeys([*tokens, *map(int, _BARE_NUMBER.findall(argument))]))


def _hand_over(work: DeskWork, argument: str) -> DeskWork | Refusal:
    """Give all open tickets of the author, or of an agent of the author's team, to somebody else."""
    found = handover.hand_over(work.policy, work.agent, work.owned, argument, away=work.away)
    if isinstance(found, Refusal):
        return found
    changes, lines = found
    return replace(work.with_changes(*changes), lines=(*work.lines, *lines))


def _rules(work: DeskWork, argument: str) -> DeskWork | Refusal:
    """Answer, to an admin, how all rules do."""
    if argument.strip().lower() != "stats":
        return Refusal(why=say("does not say what about the rules"), suggestion="#rules stats")
    if not may_do(work.policy, work.agent, Duty.ASK_RULES):
        return Refusal(why=say("is for those who tune the rules ([desk] admins)"), suggestion="#help")
    headline = headlines.answer_to("#rules stats")
    return work.answered("result", headline=headline, lines=[], files=False, asked=Asked.STATS.value)


def _help(work: DeskWork, argument: str) -> DeskWork | Refusal:
    lines = [*desk_help_lines(), *help_lines(work.policy)]
    return work.answered("result", headline=headlines.answer_to("#help"), lines=lines, files=False)


DESK_COMMANDS: dict[str, DeskCommand] = {
    "list": DeskCommand(
        usage="#list mine|team|unowned|overdue",
        help=say("Sends you these open tickets as a list, to be answered line by line."),
        apply=_list,
    ),
    "show": DeskCommand(
        usage="#show INC-7", help=say("Sends you a ticket with all that is written on it."), apply=_show
    ),
    "find": DeskCommand(
        usage=say("#find printer third floor"),
        help=say("Sends you such a list of what has all these words, or words that begin so."),
        apply=_find,
    ),
    HANDOVER: DeskCommand(usage=handover.USAGE, help=handover.HELP, apply=_hand_over, changes=True),
    "away": DeskCommand(
        usage=say("#away until DAY"),
        help=say("You are away until then, or from one day to another: nothing new for you."),
        apply=absence.away_at_desk,
        changes=True,
    ),
    "back": DeskCommand(usage="#back", help=say("You are back."), apply=absence.back_at_desk, changes=True),
    "rules": DeskCommand(
        usage="#rules stats", help=say("Sends an admin how often each rule hits and is corrected."), apply=_rules
    ),
    "help": DeskCommand(usage="#help", help=say("Sends you this list."), apply=_help),
}


def desk_help_lines() -> list[Phrase]:
    """One line for each command to the desk that is none of a ticket too: those stand in the other list."""
    rows = [row for name, row in DESK_COMMANDS.items() if name not in COMMANDS]
    return [say("{line}: {why}", line=row.usage, why=row.help) for row in rows]


@dataclass(frozen=True, kw_only=True)
class DeskMail:
    """An agent's mail to the desk itself: its commands, what can't count, and prose that is left alone."""

    commands: tuple[CommandLine, ...]
    wrong: tuple[Misplaced, ...]
    prose: str


def read_desk_mail(subject: str, text: str) -> DeskMail | None:
    """Take such a mail apart; None for any other: its first line, or the subject of one without words, is no command
    to the desk."""
    written = text if text.strip() else subject
    first = next((line for line in written.splitlines() if line.strip()), "")
    named = read_agent_text(first, DESK_COMMANDS).commands
    if not named and text.strip():
        # "#list mine" as the subject, and below it nothing but the phone's greeting.
        named = read_agent_text(subject, DESK_COMMANDS).commands
        written = subject
    if not named:
        return None
    read = read_agent_text(written, DESK_COMMANDS)
    return DeskMail(commands=read.commands[:_MOST_LINES], wrong=read.misplaced, prose=read.public)


def desk_work(case: Case, agent: Agent) -> DeskWork:
    """What an agent's commands to the desk begin with."""
    facts = case.facts
    return DeskWork(
        policy=case.policy,
        agent=agent,
        now=facts.now,
        tickets=facts.named_tickets,
        owned=facts.owned,
        away=facts.away,
    )


def answer_desk_mail(case: Case, agent: Agent, mail: DeskMail) -> Decision:
    """Answer what it asks and do what it says, all of it or nothing."""
    if case.mail.sender_defects:
        return case.quarantine("agent-unproven", Reason(code="desk-command", text="commands in an agent's name"))
    if any(DESK_COMMANDS[line.name].changes for line in mail.commands) and not may(
        case.authorisation.proof, Act.COMMAND_NEW, case.policy
    ):
        reason = Reason(code="needs-confirmation", text="it changes something, and nothing proves who wrote it")
        return quarantine_and_ask(case, "agent-unconfirmed", reason)
    work = desk_work(case, agent)
    done, problems = run_desk_commands(work, mail.commands)
    problems += [say("{line}: {why}", line=one.raw, why=_why_wrong(one)) for one in mail.wrong]
    if problems:
        title = say("Nothing was done. Correct these lines and write once more:")
        headline = headlines.not_done(*headlines.line_in(problems[0]))
        told = work.answered("result", headline=headline, title=title, lines=problems, files=False)
        return _decide(case, agent, told, mail)
    if done.missing:
        headline = headlines.partly_done(*(line.raw for line in mail.commands))
        told_so = [*done.lines, *done.missing]
        done = done.answered(
            "result", headline=headline, title=say("Done, but not all of it:"), lines=told_so, files=False
        )
    elif done.lines:
        headline = headlines.done(*(line.raw for line in mail.commands if DESK_COMMANDS[line.name].changes))
        done = done.answered("result", headline=headline, title=say("Done:"), lines=list(done.lines), files=False)
    return _decide(case, agent, done, mail)


def _why_wrong(one: Misplaced) -> Phrase:
    """Why a line can't count: it may be a command, but one that is about a ticket."""
    named = read_agent_text(one.raw, COMMANDS).commands
    return say("is about a ticket: answer one of its mails with it") if named else one.why


def run_desk_commands(work: DeskWork, lines: Sequence[CommandLine]) -> tuple[DeskWork, list[Phrase]]:
    """Carry the lines out in their order; those that are impossible are told, with the nearest valid form."""
    problems: list[Phrase] = []
    for line in lines:
        result = DESK_COMMANDS[line.name].apply(work, line.argument)
        if isinstance(result, Refusal):
            usage = result.suggestion or DESK_COMMANDS[line.name].usage
            why = say("{why}; what would fit: {suggestion}", why=result.why, suggestion=usage)
            problems.append(say("{line}: {why}", line=line.raw, why=why))
        else:
            work = result
    return work, problems


def _decide(case: Case, agent: Agent, work: DeskWork, mail: DeskMail) -> Decision:
    reasons = tuple(Reason(code="desk-command", text=line.raw) for line in mail.commands)
    action = Action.COMMAND if any(isinstance(one, TurnTo) for one in work.changes) else Action.FILE
    return case.decide(action, *told_first(work.changes), reasons=reasons, verdict=Verdict.ACCEPT, actor=agent.address)


def told_first(changes: Sequence[Change]) -> tuple[Change, ...]:
    """What is told is about no ticket, so it comes before the first one's turn."""
    first = next((place for place, one in enumerate(changes) if isinstance(one, TurnTo)), len(changes))
    turned = changes[first:]
    told = [one for one in turned if isinstance(one, Notice) and one.name in ("result", LISTING)]
    return (*changes[:first], *told, *(one for one in turned if one not in told))
