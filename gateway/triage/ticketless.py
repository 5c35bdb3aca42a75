"""What an agent writes that needs a ticket and names none: the agent is told that nothing was done, and how it is done.

Place in the mail's way: a mail of an agent's own that no ticket, no command to the desk and nobody else's matter
claims. It is a new mail of nothing but commands, or an answer to a mail of the desk that is about no ticket, whatever
it says: its words would reach nobody. Any other mail is a matter, and opens a ticket. What is told goes to the
registered address alone. Pure.
"""

from __future__ import annotations

from gateway.mail import Address, Reason, Verdict
from gateway.phrase import Phrase, say
from gateway.policy import Agent
from gateway.subject import clean_subject, find_tokens, one_line
from gateway.ticket import Role
from gateway.triage import headlines
from gateway.triage.agent_mail import meant_files
from gateway.triage.case import Case
from gateway.triage.commands import COMMANDS
from gateway.triage.decision import Action, Decision, Notice
from gateway.triage.desk_commands import DESK_COMMANDS
from gateway.triage.grammar import CommandLine, command_lines, read_agent_text
from gateway.triage.undoing import UNDO

_MOST_SHOWN = 20


def answer_without_ticket(case: Case, agent: Agent) -> Decision | None:
    """Say that a ticket is missing, and how to name one; None for every other mail."""
    if not case.is_by_a_person or case.envelope.quiet or case.envelope.released:
        return None
    if case.mail.forwarded is not None or case.mail.defect or find_tokens(case.mail.subject, case.policy.prefixes()):
        return None
    lines = _only_commands(case)
    answers = not lines and _answers_no_ticket(case)
    if not lines and not answers:
        return None
    if case.mail.sender_defects:
        return case.quarantine("agent-unproven", Reason(code="desk-command", text="commands in an agent's name"))
    told = _of_an_answer(case) if answers else _of_commands(case, lines)
    mailbox = Address(address=agent.address, name=agent.name)
    notice = Notice(name="result", to=mailbox, role=Role.AGENT, context=told | {"files": False})
    reason = Reason(code="no-ticket-named", text="nothing but commands that need a ticket, and it names none")
    if answers:
        reason = Reason(code="answers-no-ticket", text="answers a mail of the desk that is about no ticket")
    return case.decide(Action.FILE, notice, reasons=(reason,), verdict=Verdict.ACCEPT, actor=agent.address)


def _of_commands(case: Case, lines: tuple[CommandLine, ...]) -> dict[str, object]:
    written = [line.raw for line in lines]
    title = say("Nothing was done, and no ticket was opened: these commands need a ticket.")
    if _answers_no_ticket(case):
        title = say("Nothing was done: these commands need a ticket, and the mail that you answer is about none.")
    undoes = any(line.name == UNDO for line in lines)
    return {
        "headline": headlines.not_done(*written),
        "title": title,
        "lines": [
            *written[:_MOST_SHOWN],
            *([say("#undo takes back what was done to one ticket, also by a hand-over.")] if undoes else []),
            say("Answer a mail of the ticket with them: its number stands in the subject."),
            _how_to_get_one(case),
            say("To open a ticket, write what it is about."),
        ],
    }


def _of_an_answer(case: Case) -> dict[str, object]:
    written = [line.raw for line in command_lines(case.mail.new_text)]
    return {
        "headline": headlines.not_done(*written),
        "title": say(
            "Nothing was done, and your words reached nobody: the mail that you have answered is about no ticket."
        ),
        "lines": [
            *written[:_MOST_SHOWN],
            say("Answer a mail of the ticket: its number stands in the subject."),
            _how_to_get_one(case),
            say("To open a ticket, write a new mail."),
        ],
    }


def _how_to_get_one(case: Case) -> Phrase:
    return say("Or write #show {ticket} to the desk, and answer the mail that comes.", ticket=_example(case))


def _answers_no_ticket(case: Case) -> bool:
    """Whether it answers what the desk told an agent about no ticket. Under a subject of its own it is a new matter,
    written in the nearest mail at hand."""
    return case.facts.unbound is Role.AGENT and clean_subject(case.mail.subject) != one_line(case.mail.subject)


def _only_commands(case: Case) -> tuple[CommandLine, ...]:
    """The commands of a mail that is nothing else, some of them for a ticket; () for every other mail."""
    mail = case.mail
    if meant_files(case):
        return ()
    # Without any words, the subject is what was written.
    read = read_agent_text(mail.new_text if mail.new_text.strip() else mail.subject, COMMANDS.keys() | DESK_COMMANDS)
    if read.public or read.internal or read.has_note or read.misplaced:
        return ()
    return read.commands if any(line.name not in DESK_COMMANDS for line in read.commands) else ()


def _example(case: Case) -> str:
    """The ticket that the lines name, where there is one, or how one is written: never with a number, which could be
    that of a ticket."""
    prefixes = case.policy.prefixes()
    named = (case.facts.ticket(number) for _, number in find_tokens(case.mail.new_text, prefixes))
    found = next(filter(None, named), None)
    return case.policy.token(found.type, found.number).strip("[]") if found is not None else f"{prefixes[0]}-…"
