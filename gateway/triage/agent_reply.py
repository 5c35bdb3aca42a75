"""A proven agent's reply: words to the requester, notes to colleagues, commands. All of it, or nothing and a question.

What cannot be understood or is impossible now holds the whole mail: the agent is asked at once, with the reason and the
nearest valid form, and `#send` sends it after all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from gateway.mail import Address, PassageRole, Reason
from gateway.policy import Agent
from gateway.ticket import Field, Role, Status, Visibility
from gateway.triage.actions import take_up
from gateway.triage.case import UNKNOWN_SENDER, Case
from gateway.triage.commands import COMMANDS, help_lines, run_commands, run_possible_commands, suggest_command
from gateway.triage.decision import Action, Change, Decision, DropMessage, Notice, PostMessage, ReleaseMessage
from gateway.triage.facts import HeldMessage, TicketFacts
from gateway.triage.formatted import without_lines
from gateway.triage.grammar import AgentText, CommandLine, Misplaced, command_lines, read_agent_text
from gateway.triage.notices import agents_of_ticket, tell_agents, tell_people
from gateway.triage.posting import passages_of
from gateway.triage.work import Refusal, Work

QUESTION = "question"
CONFIRMATION = "confirmation"
_WORDS_OF_A_YES = 3


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What an agent's mail says, after a held one that it releases was put before it.

    `repeated` are the commands of that held mail: what was impossible then and still is does not hold it once more.
    `html` is the answer as formatted, "" where that can't be had without a command line or an internal word in it.
    """

    agent: Agent
    ticket: TicketFacts
    text: AgentText
    commands: tuple[CommandLine, ...]
    html: str
    repeated: tuple[CommandLine, ...] = ()
    released: HeldMessage | None = None
    confirmed: HeldMessage | None = None


def reply_by_agent(case: Case, ticket: TicketFacts, agent: Agent) -> Decision:
    """Carry out an agent's mail as a whole, or hold it as a whole."""
    reply = _read(case, ticket, agent)
    if reply.text.misplaced:
        wrong = reply.text.misplaced[0]
        suggestion = suggest_command(wrong.raw.lstrip("#＃﹟ ").split()[0].lower()) or wrong.suggestion
        return _hold(case, reply, why=f"{wrong.raw}: {wrong.why}", suggestion=suggestion)
    work = Work(ticket=ticket, others=case.facts.named_tickets, policy=case.policy, agent=agent, now=case.facts.now)
    done = run_commands(run_possible_commands(work, reply.repeated), reply.commands)
    if isinstance(done, Refusal):
        return _hold(case, reply, why=done.why, suggestion=done.suggestion)
    public = _public_text(reply, done)
    if public and done.ticket.status is Status.CANCELLED:
        why = "#spam lets nobody outside hear of it, but there are words to the requester"
        return _hold(case, reply, why=why, suggestion="#note above the words that are for colleagues")
    if _says_nothing(case, reply):
        why = "no words of yours were found in it; what stands below our line counts as quoted"
        return _hold(case, reply, why=why, suggestion="write above the first line of the mail that you answer")
    if public and done.ticket.requester.address == UNKNOWN_SENDER.address:
        return _hold(case, reply, why="nobody knows the requester's address", suggestion="#requester name@example.com")
    collision = _collision(case, reply, public)
    if collision:
        return collision
    return _carry_out(case, reply, done, public)


def _read(case: Case, ticket: TicketFacts, agent: Agent) -> Reply:
    """Take the mail apart, and find the held mail that it releases or confirms."""
    text = read_agent_text(case.mail.new_text, COMMANDS)
    text = replace(text, misplaced=text.misplaced + _signed_commands(case))
    own = {agent.address, *agent.other_addresses}
    held = [message for message in ticket.held if message.author in own]
    answered = {reference.about for reference in case.threading.references if reference.is_answered}
    asked = [message for message in held if message.id in answered] or held
    commands = text.commands
    confirmed = _confirmed(case, text, asked)
    if confirmed is not None:
        commands = (*command_lines("\n".join(confirmed.commands)), *commands)
    questions = [message for message in asked if QUESTION in message.marks]
    released = questions[-1] if questions and any(line.name == "send" for line in commands) else None
    if released is None:
        html = _html(case.mail.new_html, case.mail.new_text, text)
        return Reply(agent=agent, ticket=ticket, text=text, commands=commands, html=html, confirmed=confirmed)
    before = read_agent_text(released.text, COMMANDS)
    merged = AgentText(
        public="\n\n".join(part for part in (before.public, text.public) if part),
        internal="\n\n".join(part for part in (before.internal, text.internal) if part),
        commands=before.commands + commands,
        misplaced=text.misplaced,
        has_note=before.has_note or text.has_note,
    )
    repeated = tuple(line for line in before.commands if line.name != "send")
    html = "" if text.public else _html(released.html, released.text, before)
    return Reply(
        agent=agent,
        ticket=ticket,
        text=merged,
        commands=commands,
        html=html,
        repeated=repeated,
        released=released,
    )


def _signed_commands(case: Case) -> tuple[Misplaced, ...]:
    """Commands that ended up in the signature, which nobody reads; slogans with a # are none."""
    signature = "\n".join(one.text for one in case.mail.passages if one.role is PassageRole.SIGNATURE)
    why = "stands in the signature; commands count above it"
    found = [line for line in command_lines(signature) if line.name in COMMANDS]
    return tuple(Misplaced(raw=line.raw, why=why, suggestion=line.raw) for line in found)


def _html(markup: str, written: str, text: AgentText) -> str:
    """The formatted form of the words that `written` says, without any `#word` line."""
    carries_words = any(line.name == "resolve" and line.argument for line in text.commands)
    if text.internal or text.has_note or carries_words:
        return ""
    return without_lines(markup, [line.raw for line in command_lines(written)])


def _confirmed(case: Case, text: AgentText, asked: Sequence[HeldMessage]) -> HeldMessage | None:
    """The commands that this mail confirms: it answers the question itself.

    A client or relay that loses what is answered leaves only the words: a few, and no command.
    """
    waiting = [message for message in asked if CONFIRMATION in message.marks]
    answered = {reference.notice for reference in case.threading.references if reference.is_answered}
    is_yes = not answered and not text.commands and len(text.public.split()) <= _WORDS_OF_A_YES
    return waiting[-1] if waiting and (CONFIRMATION in answered or is_yes) else None


def _public_text(reply: Reply, done: Work) -> str:
    """What goes to the requester: the words outside notes, and the text that `#resolve` carries."""
    if reply.confirmed is not None:
        return done.resolution_text
    return "\n\n".join(part for part in (reply.text.public, done.resolution_text) if part)


def _collision(case: Case, reply: Reply, public: str) -> Decision | None:
    """Another agent answered after the mail being answered, and moments ago: show that one before this one goes out."""
    last = reply.ticket.last_answer
    own = (reply.agent.address, *reply.agent.other_addresses)
    if not public or last is None or last.author in own or any(line.name == "send" for line in reply.commands):
        return None
    window = timedelta(minutes=case.policy.desk.collision_minutes)
    answers = [reference.sent_at for reference in case.threading.references if reference.sent_at is not None]
    seen = bool(answers) and max(answers) >= last.at
    # When it arrived, not when we came to it: after a standstill all would be hours old.
    arrived = min(case.facts.now, case.envelope.internal_date or case.envelope.received_at)
    if seen or arrived - last.at >= window:
        return None
    colleague = case.policy.agent_of(last.author)
    name = colleague.name if colleague else "A colleague"
    why = f"{name} answered at {last.at:%H:%M} UTC, after the mail that you answer"
    return _hold(case, reply, why=why, suggestion="#send", their_text=last.text)


def _hold(case: Case, reply: Reply, *, why: str, suggestion: str, their_text: str = "") -> Decision:
    """Keep the mail, tell nobody else, ask its author."""
    original = case.mail.new_text
    if reply.released is not None:
        original = "\n\n".join(part for part in (reply.released.text, original) if part)
    mailbox = Address(address=reply.agent.address, name=reply.agent.name)
    held = PostMessage(
        author=mailbox,
        author_role="agent",
        visibility=Visibility.INTERNAL,
        text=original,
        passages=passages_of(case),
        html=reply.released.html if reply.released is not None else case.mail.new_html,
        subject=case.mail.subject,
        marks=(QUESTION,),
        held=True,
        commands=tuple(line.raw for line in reply.commands),
        label="held",
    )
    notice = Notice(
        name="question",
        to=mailbox,
        role=Role.AGENT,
        about="held",
        context={
            "why": why,
            "suggestion": suggestion,
            "held_text": original,
            "their_text": their_text,
            "commands": [line.raw for line in reply.commands],
        },
    )
    dropped = (DropMessage(message_id=reply.released.id),) if reply.released else ()
    reason = Reason(code="held-for-agent", text=f"nothing was carried out: {why}")
    return case.decide(
        Action.HOLD, *dropped, held, notice, reasons=(reason,), ticket=reply.ticket.number, actor=reply.agent.address
    )


def _carry_out(case: Case, reply: Reply, done: Work, public: str) -> Decision:
    work = done
    answers = bool(public) or _is_file_only(case, reply)
    if answers and not work.silences:
        work = take_up(work) if not work.resolves else work
        if not work.ticket.assignee:
            address = reply.agent.address
            work = work.with_field(Field.ASSIGNEE, address, assignee=address)
    messages = _messages(case, reply, public, answers=answers)
    dropped = _dropped(case, reply, answers=answers)
    notices = _notices(case, reply, work, public=public, answers=answers)
    return case.decide(
        Action.APPEND,
        *messages,
        *dropped,
        *work.changes,
        *notices,
        reasons=tuple(Reason(code="command", text=line.raw) for line in reply.commands),
        ticket=reply.ticket.number,
        actor=reply.agent.address,
    )


def _is_file_only(case: Case, reply: Reply) -> bool:
    """A mail that is nothing but a file or a pasted picture sends that; a signature's picture is neither.

    One with commands sends what the commands mean.
    """
    bare = not (reply.text.public or reply.text.has_note or reply.commands or reply.confirmed)
    signed = any(passage.role is PassageRole.SIGNATURE for passage in case.mail.passages)
    pasted = [one for one in case.mail.attachments if not one.inline or not signed]
    return bare and any(one.sha256 not in case.facts.known_pictures for one in pasted)


def _says_nothing(case: Case, reply: Reply) -> bool:
    """No words, no note, no command, no file: the agent meant something that we can't see."""
    said = reply.text.public or reply.text.internal or reply.commands or reply.confirmed
    return not said and not _is_file_only(case, reply)


def _messages(case: Case, reply: Reply, public: str, *, answers: bool) -> list[Change]:
    mailbox = Address(address=reply.agent.address, name=reply.agent.name)
    messages: list[Change] = []
    if reply.released is not None and answers:
        messages.append(
            ReleaseMessage(
                message_id=reply.released.id,
                visibility=Visibility.PUBLIC,
                text=public,
                html=reply.html,
                label="answer",
            )
        )
    elif answers:
        messages.append(
            PostMessage(
                author=mailbox,
                author_role="agent",
                visibility=Visibility.PUBLIC,
                text=public or "(see the attached files)",
                passages=passages_of(case),
                html=reply.html,
                subject=case.mail.subject,
                label="answer",
            )
        )
    # A mail of commands alone is kept whole too, for the history; so is the #send that releases another one.
    if reply.text.internal or not answers or reply.released is not None:
        messages.append(
            PostMessage(
                author=mailbox,
                author_role="agent",
                visibility=Visibility.INTERNAL,
                text=reply.text.internal or _as_written(reply),
                passages=passages_of(case),
                subject=case.mail.subject,
                with_attachments=not answers,
                label="note",
            )
        )
    return messages


def _as_written(reply: Reply) -> str:
    """What the history keeps of a mail that says nothing to anybody."""
    words = [reply.text.public] if reply.confirmed is not None else []
    return "\n".join(filter(None, (*(line.raw for line in reply.commands), *words))) or "(no text)"


def _dropped(case: Case, reply: Reply, *, answers: bool) -> tuple[Change, ...]:
    """Held mails that this one settles: confirmed, or written anew in answer to the question."""
    settled = [reply.confirmed] if reply.confirmed is not None else []
    references = case.threading.references
    answered = {one.about for one in references if one.notice == QUESTION and one.is_answered}
    if reply.released is not None and not answers:
        settled.append(reply.released)
    if reply.released is None:
        settled += [held for held in reply.ticket.held if held.id in answered and QUESTION in held.marks]
    return tuple(DropMessage(message_id=held.id) for held in settled)


def _notices(case: Case, reply: Reply, work: Work, *, public: str, answers: bool) -> list[Notice]:
    agent_context = {"agent": {"name": reply.agent.name, "address": reply.agent.address}}
    acting = [reply.agent.address]
    notices: list[Notice] = []
    if work.resolves:
        about = "answer" if answers else ""
        notices += tell_people("resolution", work.ticket, about=about, context=agent_context)
    elif answers:
        notices += tell_people("answer", work.ticket, about="answer", context=agent_context)
    if work.closes and case.policy.desk.closing_mail:
        notices += tell_people("closing", work.ticket)
    newcomers = list(dict.fromkeys(work.newcomers))
    given = {"why": list(work.told), "linked_token": "", "marks": [f"given to you by {reply.agent.name}"]}
    notices += tell_agents("new_ticket", newcomers, about="first", context=given, but=acting)
    colleagues = [agent for agent in agents_of_ticket(case.policy, reply.ticket) if agent not in newcomers]
    if answers:
        notices += tell_agents("agent_answered", colleagues, about="answer", context=agent_context, but=acting)
    elif not reply.text.internal and work.told:
        changed = agent_context | {"changes": list(work.told)}
        notices += tell_agents("changed", colleagues, context=changed, but=acting)
    if reply.text.internal:
        notices += tell_agents("internal_note", colleagues, about="note", context=agent_context, but=acting)
    return [*notices, *results_of(work)]


def results_of(work: Work) -> list[Notice]:
    """What commands answer to the agent."""
    to, results = work.agent_mailbox, []
    if work.wants_help:
        results.append(Notice(name="result", to=to, role=Role.AGENT, context={"lines": help_lines(), "files": False}))
    if work.wants_files:
        results.append(Notice(name="result", to=to, role=Role.AGENT, context={"lines": [], "files": True}))
    return results
