"""An agent's new mail that is nothing but commands for a ticket, and names none: the agent is told how it is done.

Place in the mail's way: a mail of an agent's own that no ticket, no command to the desk and nobody else's matter
claims. With any other word in it, it is a matter, and opens a ticket. The answer goes to the registered address alone.
Pure.
"""

from __future__ import annotations

from gateway.mail import Address, Reason, Verdict
from gateway.phrase import Phrase, say
from gateway.policy import Agent
from gateway.subject import find_tokens
from gateway.ticket import Role
from gateway.triage import headlines
from gateway.triage.agent_mail import meant_files
from gateway.triage.case import Case
from gateway.triage.commands import COMMANDS
from gateway.triage.decision import Action, Decision, Notice
from gateway.triage.desk_commands import DESK_COMMANDS, answers_enough
from gateway.triage.grammar import CommandLine, read_agent_text

_MOST_SHOWN = 20


def answer_without_ticket(case: Case, agent: Agent) -> Decision | None:
    """Say that a ticket is missing, and how to name one; None for every other mail."""
    lines = _only_commands(case)
    if not lines:
        return None
    if case.mail.sender_defects or (answers_enough(case, agent) and not case.facts.auth_trusted):
        return case.quarantine("agent-unproven", Reason(code="desk-command", text="commands in an agent's name"))
    written = [line.raw for line in lines]
    told: list[Phrase | str] = [
        say("Answer a mail of the ticket with them: its number stands in the subject."),
        say("Or write #show {ticket} to the desk, and answer the mail that comes.", ticket=_example(case)),
        say("To open a ticket, write what it is about."),
    ]
    context: dict[str, object] = {
        "headline": headlines.not_done(*written),
        "title": say("Nothing was done, and no ticket was opened: these commands need a ticket."),
        "lines": [*written[:_MOST_SHOWN], *told],
        "files": False,
    }
    mailbox = Address(address=agent.address, name=agent.name)
    notice = Notice(name="result", to=mailbox, role=Role.AGENT, context=context)
    reason = Reason(code="no-ticket-named", text="nothing but commands that need a ticket, and it names none")
    return case.decide(Action.FILE, notice, reasons=(reason,), verdict=Verdict.ACCEPT, actor=agent.address)


def _only_commands(case: Case) -> tuple[CommandLine, ...]:
    """The commands of a mail that is nothing else, some of them for a ticket; () for every other mail."""
    mail, policy = case.mail, case.policy
    if not case.is_by_a_person or mail.forwarded is not None or mail.defect or meant_files(case):
        return ()
    if case.envelope.quiet or case.envelope.released or find_tokens(mail.subject, policy.prefixes()):
        return ()
    # Without any words, the subject is what was written.
    read = read_agent_text(mail.new_text if mail.new_text.strip() else mail.subject, COMMANDS.keys() | DESK_COMMANDS)
    if read.public or read.internal or read.has_note or read.misplaced:
        return ()
    return read.commands if any(line.name not in DESK_COMMANDS for line in read.commands) else ()


def _example(case: Case) -> str:
    """The ticket that the lines name, or how one is written."""
    prefixes = case.policy.prefixes()
    named = find_tokens(case.mail.new_text, prefixes)
    return f"{prefixes[0]}-{named[0][1]}" if named else f"{prefixes[0]}-1042"
