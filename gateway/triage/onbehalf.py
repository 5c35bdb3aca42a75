"""An agent logs a matter for somebody: forwards an employee's mail, or begins a new mail with `#requester a@b`.

That is how phone calls and walk-ins come in. Without proof that the agent wrote it, the ticket opens all the same,
but the
employee is acknowledged only when in the desk's own domains, and other commands wait for one confirmation.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.mail import Address, Reason
from gateway.policy import Agent
from gateway.subject import clean_subject
from gateway.ticket import Classification, Field, Level, Role, Status, Visibility
from gateway.triage.actions import ADDRESS
from gateway.triage.case import Case
from gateway.triage.classify import classify
from gateway.triage.commands import COMMANDS, run_commands
from gateway.triage.decision import Action, Change, Decision, Notice, OpenTicket, PostMessage
from gateway.triage.facts import Person, TicketFacts
from gateway.triage.grammar import AgentText, CommandLine, read_agent_text
from gateway.triage.marks import marks_of
from gateway.triage.notices import acknowledge
from gateway.triage.opening import tell_of_opening
from gateway.triage.posting import passages_of
from gateway.triage.work import Refusal, Work


@dataclass(frozen=True, kw_only=True)
class Logged:
    """For whom an agent's mail opens a ticket, with which words; `written` is what the agent wrote beside them."""

    requester: Address
    subject: str
    text: str
    written: AgentText
    commands: tuple[CommandLine, ...]


def read_logged(case: Case, agent: Agent) -> Logged | None:
    """For whom the mail opens a ticket; None for an agent's own matter."""
    written = read_agent_text(_own_words(case), COMMANDS)
    named = next((line for line in written.commands if line.name == "requester"), None)
    rest = tuple(line for line in written.commands if line is not named)
    forwarded = case.mail.forwarded
    if named is not None:
        found = ADDRESS.findall(named.argument.replace("mailto:", ""))
        if len(found) == 1 and _may_be_requester(case, found[0].lower(), agent):
            text = written.public or (forwarded.text if forwarded else "")
            address = Address(address=found[0].lower())
            return Logged(requester=address, subject=case.subject, text=text, written=written, commands=rest)
    if forwarded is not None and _may_be_requester(case, forwarded.sender.address, agent):
        subject = clean_subject(forwarded.subject, case.policy.prefixes()) or case.subject
        return Logged(requester=forwarded.sender, subject=subject, text=forwarded.text, written=written, commands=rest)
    return None


def _own_words(case: Case) -> str:
    return case.mail.forwarded.comment if case.mail.forwarded is not None else case.mail.new_text


def _may_be_requester(case: Case, address: str, agent: Agent) -> bool:
    own = (agent.address, *agent.other_addresses)
    return "@" in address and address not in own and not case.policy.is_desk_address(address)


def open_logged(case: Case, agent: Agent, logged: Logged) -> Decision:
    """Open the ticket for the person; commands count at once with proof, and after a confirmation without."""
    proven = case.facts.auth_trusted and not case.mail.sender_defects
    classification = _classified(case, logged)
    marks = [mark for mark in marks_of(case) if "also addressed" not in mark]
    marks.append(f"logged by {agent.name} for {logged.requester.address}")
    marks += [f"{wrong.raw} {wrong.why}: not carried out" for wrong in logged.written.misplaced]
    opened = OpenTicket(
        requester=logged.requester,
        subject=logged.subject,
        language=case.mail.language,
        classification=classification,
    )
    changes: list[Change] = [opened, *_messages(case, agent, logged, tuple(marks))]
    commanded, reasons = _commands(case, agent, logged, proven=proven)
    told, reason = acknowledge(case, logged.requester)
    notices = tell_of_opening(
        case, classification, marks=tuple(marks), requester=logged.requester, but=(agent.address,) if proven else ()
    )
    log_reason = Reason(code="logged", text=f"{agent.name} opens it for {logged.requester.address}")
    return case.decide(
        Action.OPEN,
        *changes,
        *commanded,
        *told,
        *notices,
        reasons=(log_reason, *reasons, reason),
        actor=agent.address,
        classification=classification,
    )


def _messages(case: Case, agent: Agent, logged: Logged, marks: tuple[str, ...]) -> list[PostMessage]:
    """The employee's words, and beside them what the agent wrote for colleagues."""
    messages = [
        PostMessage(
            author=logged.requester,
            author_role="requester",
            visibility=Visibility.PUBLIC,
            text=logged.text or logged.subject or "(no text)",
            passages=passages_of(case),
            subject=case.mail.subject,
            marks=marks,
        )
    ]
    comment = logged.written.internal
    if logged.written.public and logged.written.public != logged.text:
        comment = "\n\n".join(part for part in (logged.written.public, comment) if part)
    if comment:
        messages.append(
            PostMessage(
                author=Address(address=agent.address, name=agent.name),
                author_role="agent",
                visibility=Visibility.INTERNAL,
                text=comment,
                with_attachments=False,
                label="note",
            )
        )
    return messages


def _commands(
    case: Case, agent: Agent, logged: Logged, *, proven: bool
) -> tuple[tuple[Change, ...], tuple[Reason, ...]]:
    if not logged.commands:
        return (), ()
    lines = tuple(line.raw for line in logged.commands)
    if not proven:
        held = PostMessage(
            author=Address(address=agent.address, name=agent.name),
            author_role="agent",
            visibility=Visibility.INTERNAL,
            text="\n".join(lines),
            marks=("confirmation",),
            held=True,
            with_attachments=False,
            commands=lines,
            label="held",
        )
        notice = Notice(
            name="confirmation",
            to=Address(address=agent.address, name=agent.name),
            role=Role.AGENT,
            about="held",
            context={"what": list(lines)},
        )
        reason = Reason(code="needs-confirmation", text=f"{len(lines)} command(s) wait for {agent.name}'s confirmation")
        return (held, notice), (reason,)
    work = Work(
        ticket=_ticket_to_be(case, logged),
        others=case.facts.named_tickets,
        policy=case.policy,
        agent=agent,
        now=case.facts.now,
    )
    done = run_commands(work, logged.commands)
    if isinstance(done, Refusal):
        return (), (Reason(code="command-refused", text=f"{done.why} ({done.suggestion})"),)
    return done.changes, ()


def _classified(case: Case, logged: Logged) -> Classification:
    """What the rules say of the matter, as if its owner had written."""
    requester = logged.requester.address
    return classify(case.mail, policy=case.policy, kind=case.screening.kind, requester=requester)


def _ticket_to_be(case: Case, logged: Logged) -> TicketFacts:
    """The ticket as it is about to be opened, for commands that come with its first mail."""
    classification = _classified(case, logged)
    person = Person(id=0, address=logged.requester.address, name=logged.requester.name)
    return TicketFacts(
        number=0,
        type=classification.type,
        status=Status.NEW,
        subject=logged.subject,
        requester=person,
        opened_at=case.facts.now,
        updated_at=case.facts.now,
        impact=Level(classification.get(Field.IMPACT)),
        urgency=Level(classification.get(Field.URGENCY)),
        priority=classification.priority,
        team=classification.get(Field.TEAM),
        assignee=classification.get(Field.ASSIGNEE),
    )
