"""An agent logs a matter for somebody: forwards an employee's mail, or begins a new mail with `#requester a@b`.

That is how phone calls and walk-ins come in. Without proof that the agent wrote it, the ticket opens all the same,
but the
employee is acknowledged only when in the desk's own domains, and other commands wait for one confirmation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.mail import Address, Mail, Passage, PassageRole, Reason
from gateway.phrase import Phrase, say
from gateway.policy import Agent
from gateway.subject import clean_subject
from gateway.ticket import OPEN_STATUSES, Classification, Field, Role, Status, Visibility
from gateway.triage import headlines
from gateway.triage.actions import ADDRESS
from gateway.triage.agent_mail import CONFIRMATION, QUESTION
from gateway.triage.arranging import arrangements, held, new_watchers
from gateway.triage.asking import FACTS, form_of, missing_facts, why_asked
from gateway.triage.case import Case
from gateway.triage.classify import classify
from gateway.triage.commands import COMMANDS, run_commands
from gateway.triage.decision import Action, Change, Decision, Notice, OpenTicket, PostMessage, SetFields
from gateway.triage.ending import carried_words, tell_resolution, with_workaround
from gateway.triage.facts import Person, TicketFacts
from gateway.triage.grammar import AgentText, CommandLine, read_agent_text
from gateway.triage.marks import marks_of
from gateway.triage.notices import acknowledge, tell_people, ticket_agents
from gateway.triage.opening import given_by_itself, tell_of_opening
from gateway.triage.posting import NO_TEXT, passages_of
from gateway.triage.results import results_of
from gateway.triage.routing import with_assignee
from gateway.triage.trust import Act, may
from gateway.triage.work import Refusal, Work, work_on

_NOTE = "note"


@dataclass(frozen=True, kw_only=True)
class Logged:
    """For whom an agent's mail opens a ticket, with which words; `written` is what the agent wrote beside them.

    `is_call`: the words are the agent's own, about what somebody said; otherwise they are a mail that was passed on.
    """

    requester: Address
    subject: str
    text: str
    written: AgentText
    commands: tuple[CommandLine, ...]
    is_call: bool = False


def read_logged(case: Case, agent: Agent) -> Logged | None:
    """For whom the mail opens a ticket; None for an agent's own matter."""
    written = read_agent_text(_own_words(case), COMMANDS)
    named = next((line for line in written.commands if line.name == "requester"), None)
    rest = tuple(line for line in written.commands if line is not named)
    forwarded = case.mail.forwarded
    if named is not None:
        found = ADDRESS.findall(named.argument.replace("mailto:", ""))
        if len(found) == 1 and _may_be_requester(case, found[0].lower(), agent):
            is_call = forwarded is None or not forwarded.text
            text = forwarded.text if forwarded is not None and not is_call else written.public
            address = Address(address=found[0].lower())
            return Logged(
                requester=address, subject=case.subject, text=text, written=written, commands=rest, is_call=is_call
            )
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
    classification = _classified(case, logged)
    marks = list(marks_of(case, name_others=False))
    marks.append(say("logged by {agent} for {person}", agent=agent.name, person=logged.requester.address))
    marks += [say("{line}: {why}; not carried out", line=one.raw, why=one.why) for one in logged.written.misplaced]
    messages = _messages(case, agent, logged, tuple(marks))
    work, changes, reasons = _commands(case, agent, logged)
    chosen = given_by_itself(case, _commanded(classification, work)) if work.ticket.status in OPEN_STATUSES else None
    opened = OpenTicket(
        requester=logged.requester,
        subject=logged.subject,
        # The agent's own words say nothing of what the person reads.
        language=case.mail.forwarded.language if case.mail.forwarded is not None else "",
        classification=with_assignee(classification, chosen.agent) if chosen is not None else classification,
    )
    told, reason = _tell_requester(case, logged, work, classification)
    # The agent needs a mail of the ticket too: to know its number, and to have something to answer.
    assignee = chosen.agent.address if chosen is not None else work.ticket.assignee
    is_away = assignee in case.facts.away
    following = ticket_agents(case.policy, team=work.ticket.team, assignee=assignee, is_away=is_away)
    notices = tell_of_opening(
        case,
        _commanded(classification, work),
        marks=tuple(marks),
        requester=logged.requester,
        agents=tuple(dict.fromkeys([*following, *work.newcomers, agent])),
        note=next((message.label for message in messages if message.label == _NOTE), ""),
        given=chosen,
    )
    log_reason = Reason(code="logged", text=f"{agent.name} opens it for {logged.requester.address}")
    return case.decide(
        Action.OPEN,
        opened,
        *messages,
        *((chosen.turn,) if chosen is not None else ()),
        *_resolution(work),
        *arrangements(case, classification, logged.requester),
        *work.changes,
        *changes,
        *told,
        *notices,
        *results_of(work),
        *work.handed,
        reasons=(log_reason, *reasons, reason),
        actor=agent.address,
        classification=classification,
    )


def _commanded(classification: Classification, work: Work) -> Classification:
    """What the rules made of the matter, with what commands of the same mail have set instead."""
    commanded = {value.key: value for one in work.changes if isinstance(one, SetFields) for value in one.values}
    return replace(classification, values=tuple(commanded.get(one.key, one) for one in classification.values))


def _resolution(work: Work) -> tuple[PostMessage, ...]:
    """What `#resolve` or `#workaround` say to the requester of a matter that was settled or eased on the spot."""
    if not carried_words(work):
        return ()
    return (
        PostMessage(
            author=work.agent_mailbox,
            author_role="agent",
            visibility=Visibility.PUBLIC,
            text=carried_words(work),
            with_attachments=False,
            label="answer",
        ),
    )


def _tell_requester(
    case: Case, logged: Logged, work: Work, classification: Classification
) -> tuple[tuple[Change, ...], Reason]:
    """The acknowledgement; where the matter is at its end already, what that end says."""
    if work.resolves:
        context = {"agent": {"name": work.agent.name, "address": work.agent.address}}
        about = "answer" if carried_words(work) else ""
        notices, asked = tell_resolution(work, about=about, context=context)
        return (*notices, *asked), Reason(code="not-acknowledged", text="resolved at once: the resolution says it all")
    if work.closes or work.silences:
        return (), Reason(code="not-acknowledged", text="ended at once, without a mail to the requester")
    told, reason = acknowledge(case, logged.requester, classification, is_call=logged.is_call)
    if work.workaround_text:
        context = {"agent": {"name": work.agent.name, "address": work.agent.address}}
        told += tell_people("answer", work.ticket, about="answer", context=context)
    return told, reason


def _messages(case: Case, agent: Agent, logged: Logged, marks: tuple[Phrase | str, ...]) -> list[PostMessage]:
    """The employee's words, or in the agent's what they said; and beside them what the agent wrote for colleagues."""
    mailbox = Address(address=agent.address, name=agent.name)
    messages = [
        PostMessage(
            author=mailbox if logged.is_call else logged.requester,
            author_role="requester",
            visibility=Visibility.PUBLIC,
            text=logged.text or logged.subject or str(NO_TEXT),
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
                author=mailbox,
                author_role="agent",
                visibility=Visibility.INTERNAL,
                text=comment,
                with_attachments=False,
                label=_NOTE,
            )
        )
    return messages


def _commands(case: Case, agent: Agent, logged: Logged) -> tuple[Work, tuple[Change, ...], tuple[Reason, ...]]:
    """Carry the commands out; without proof, or where one is impossible, they wait for the agent's answer."""
    work = work_on(case, _ticket_to_be(case, logged), agent)
    if not logged.commands:
        return work, (), ()
    lines = [line.raw for line in logged.commands]
    if not may(case.authorisation.proof, Act.COMMAND_NEW, case.policy):
        reason = Reason(code="needs-confirmation", text=f"{len(lines)} command(s) wait for {agent.name}'s confirmation")
        return work, _ask(agent, CONFIRMATION, lines, context={"what": lines}), (reason,)
    done = run_commands(work, logged.commands)
    # The words of such a mail are the matter, and no workaround.
    done = done if isinstance(done, Refusal) else with_workaround(done, "")
    if isinstance(done, Refusal):
        asked = {"why": done.why, "suggestion": done.suggestion, "held_text": "\n".join(lines)}
        # What #send would carry out is the other commands.
        rest = {"their_text": "", "commands": [], "problems": [done.why], "sendable": len(lines) > 1}
        rest |= {"only_commands": True}
        rest["headline"] = headlines.not_done(*(headlines.line_in(done.why) or lines))
        question = _ask(agent, QUESTION, lines, context=asked | rest)
        return work, question, (Reason(code="held-for-agent", text=f"no command was carried out: {done.why}"),)
    if missing := missing_facts(done):
        asked = {"why": why_asked(missing), "suggestion": "", "held_text": "\n".join(lines), "their_text": ""}
        rest = {"commands": [], "problems": [], "sendable": len(lines) > 1, "facts": form_of(case.policy, missing)}
        rest |= {"only_commands": True}
        rest["headline"] = headlines.not_done(*lines)
        question = _ask(agent, QUESTION, lines, context=asked | rest, marks=(QUESTION, FACTS))
        return work, question, (Reason(code="held-for-agent", text=f"no command was carried out: {asked['why']}"),)
    if done.resolves and not done.ticket.assignee:
        done = done.with_field(Field.ASSIGNEE, agent.address, assignee=agent.address)
    return done, (), ()


def _ask(
    agent: Agent, notice: str, lines: list[str], *, context: Mapping[str, object], marks: tuple[str, ...] = ()
) -> tuple[Change, ...]:
    """Hold the commands, and ask their author."""
    mailbox = Address(address=agent.address, name=agent.name)
    held = PostMessage(
        author=mailbox,
        author_role="agent",
        visibility=Visibility.INTERNAL,
        text="\n".join(lines),
        marks=marks or (notice,),
        held=True,
        with_attachments=False,
        commands=tuple(lines),
        label="held",
    )
    return held, Notice(name=notice, to=mailbox, role=Role.AGENT, about="held", context=context)


def _classified(case: Case, logged: Logged) -> Classification:
    requester = logged.requester.address
    return classify(
        matter_of(case, logged), policy=case.policy, kind=case.screening.kind, requester=requester, known=case.known
    )


def matter_of(case: Case, logged: Logged) -> Mail:
    """What rules look at: as if its owner had written; what the agent wrote beside it does not count."""
    forwarded = case.mail.forwarded
    return replace(
        case.mail,
        subject=(forwarded.subject if forwarded is not None else "") or logged.subject,
        passages=(Passage(role=PassageRole.NEW, text=logged.text),),
        forwarded=None,
        language=forwarded.language if forwarded is not None and not logged.is_call else case.mail.language,
    )


def _ticket_to_be(case: Case, logged: Logged) -> TicketFacts:
    """The ticket as it is about to be opened, for commands that come with its first mail."""
    classification = _classified(case, logged)
    person = Person(id=0, address=logged.requester.address, name=logged.requester.name)
    watchers = [one.watcher.address for one in new_watchers(case, classification, person.address)]
    reading = tuple(filter(case.policy.agent_of, watchers))
    return TicketFacts(
        number=0,
        type=classification.type,
        status=Status.ON_HOLD if held(case, classification) else Status.NEW,
        subject=logged.subject,
        requester=person,
        opened_at=case.facts.now,
        updated_at=case.facts.now,
        impact=classification.get(Field.IMPACT),
        urgency=classification.get(Field.URGENCY),
        priority=classification.priority,
        team=classification.get(Field.TEAM),
        assignee=classification.get(Field.ASSIGNEE),
        language=classification.get(Field.LANGUAGE),
        asset=classification.get(Field.ASSET),
        tags=tuple(value.value for value in classification.all(Field.TAG)),
        named=tuple((value.name, value.value) for value in classification.all(Field.NAMED)),
        watchers=tuple(Person(id=0, address=one) for one in watchers if one not in reading),
        reading=reading,
        authority=tuple((value.key, value.authority) for value in classification.kept()),
    )
