"""A proven agent's reply: words to the requester, notes to colleagues, commands. All of it, or nothing and a question.

What cannot be understood or is impossible now holds the whole mail: the agent is asked at once, with the reason and the
nearest valid form, and `#send` sends it after all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from gateway.mail import Address, Reason
from gateway.phrase import Phrase, say, word
from gateway.policy import Agent
from gateway.ticket import SETTLED, Field, Role, Status, Visibility
from gateway.triage import headlines
from gateway.triage.actions import take_up
from gateway.triage.agent_mail import (
    CARRYING,
    QUESTION,
    Reply,
    is_file_only,
    kept_files,
    public_text,
    read_reply,
    says_nothing,
    wrong_lines,
)
from gateway.triage.asking import FACTS, form_of, missing_facts, why_asked, without_unknown_end
from gateway.triage.case import UNKNOWN_SENDER, Case
from gateway.triage.challenge import quarantine_and_ask, says_no
from gateway.triage.commands import run_commands, run_possible_commands
from gateway.triage.decision import Action, Change, Decision, DropMessage, Notice, PostMessage, ReleaseMessage
from gateway.triage.ending import with_workaround
from gateway.triage.facts import HeldMessage, SameId, TicketFacts
from gateway.triage.grammar import CommandLine
from gateway.triage.helping import wish_of
from gateway.triage.marks import defect_of
from gateway.triage.notices import agents_of_ticket, tell_agents
from gateway.triage.posting import FILES_ONLY, NO_TEXT, passages_of, stand_in
from gateway.triage.reply_notices import notices_of
from gateway.triage.self_help import Wish
from gateway.triage.tapping import is_tapped_note
from gateway.triage.trust import REACHING, Act, may, reaches_out
from gateway.triage.work import Refusal, Work, work_on


def reply_by_agent(case: Case, ticket: TicketFacts, agent: Agent) -> Decision:
    """Carry out an agent's mail as a whole, or hold it as a whole."""
    reply = read_reply(case, ticket, agent)
    if case.mail.defect:
        # Nothing is meant by it: neither a yes to what was asked nor an answer without words.
        why = say("it could not be read: {why}", why=defect_of(case.mail))
        reply = replace(reply, released=None, confirmed=None)
        return _hold(case, reply, why=why, suggestion=say("write it once more, as plain text"))
    if reply.confirmed is not None and says_no(reply.text.public):
        return _deny(case, reply, reply.confirmed)
    start = work_on(case, ticket, agent)
    repeated, unknown = without_unknown_end(start, reply.repeated, reply.commands)
    work, left_out = run_possible_commands(start, repeated)
    reply = replace(reply, left_out=(*reply.left_out, *unknown, *left_out))
    if reply.problem is not None:
        asked = missing_facts(run_possible_commands(work, reply.commands)[0]) if reply.completes else ()
        return _hold(case, reply, why=reply.problem.why, suggestion=reply.problem.suggestion, facts=asked)
    work = _keeping_words(reply, work)
    wrong = wrong_lines(reply, work)
    done = run_commands(work, reply.commands)
    if wrong or isinstance(done, Refusal):
        return _hold_for(case, reply, wrong)
    done = with_workaround(done, reply.text.public)
    if isinstance(done, Refusal):
        return _hold(case, reply, why=done.why, suggestion=done.suggestion)
    if missing := missing_facts(done):
        return _hold(case, reply, why=why_asked(missing), suggestion="", facts=missing)
    if _needs_a_yes(case, reply, work, done):
        return quarantine_and_ask(
            case,
            "agent-unconfirmed",
            Reason(code="needs-confirmation", text="it lets somebody outside read on, and only the key proves it"),
            reaches_out=tuple(line.raw for line in reply.commands if line.name in REACHING),
        )
    public = public_text(reply, done)
    if public and done.ticket.status is Status.CANCELLED:
        return _hold_from_spam(case, reply, ticket)
    if says_nothing(case, reply):
        if is_tapped_note(case.facts.tap):
            why = say("there are no words of yours in it")
            return _hold(case, reply, why=why, suggestion=say("#note, and your words below it"))
        why = say("no words of yours were found in it; what stands below our line counts as quoted")
        return _hold(case, reply, why=why, suggestion=say("write above the first line of the mail that you answer"))
    if public and done.ticket.requester.address == UNKNOWN_SENDER.address:
        why = say("nobody knows the requester's address")
        return _hold(case, reply, why=why, suggestion="#requester name@example.com")
    ours = next((one for one in case.mail.attachments if one.has_key or one.key_inside), None)
    if ours is not None and (public or is_file_only(case, reply)) and reply.released is None:
        why = say("{file} holds a mail of the desk to one of you, which is internal", file=ours.filename)
        suggestion = say("write it again without this file")
        if ours.key_inside:
            suggestion = say("write it again without this file; #send leaves it out")
        return _hold(case, reply, why=why, suggestion=suggestion)
    held = _word_of_people(case, reply, public) or _second_copy(case, reply, public) or _collision(case, reply, public)
    return held or _carry_out(case, reply, done, public)


def _hold_for(case: Case, reply: Reply, wrong: Sequence[tuple[Phrase, Phrase | str]]) -> Decision:
    """Keep the mail because of lines that can't count, each with the nearest valid form."""
    if len(wrong) == 1:
        why, near = wrong[0]
        return _hold(case, reply, why=why, suggestion=near, problems=[why])
    problems = [Refusal(why=why, suggestion=near).told for why, near in wrong]
    why = say("{count} lines in it can't count", count=len(wrong))
    return _hold(case, reply, why=why, suggestion="", problems=problems)


def _keeping_words(reply: Reply, work: Work) -> Work:
    """What a held `#resolve` says is to be sent all the same where somebody else has ended the ticket meanwhile."""
    words = [line.argument for line in _resolving(reply.repeated) if line.argument]
    return work if work.resolves or not words else replace(work, resolution_text=words[-1])


def _resolving(commands: Sequence[CommandLine]) -> list[CommandLine]:
    return [line for line in commands if line.name == "resolve"]


def _deny(case: Case, reply: Reply, asked: HeldMessage) -> Decision:
    """The agent says that the commands of a new mail are not theirs: they are dropped, and colleagues hear of it."""
    agent, words = reply.agent, case.mail.new_text
    mailbox = Address(address=agent.address, name=agent.name)
    note = PostMessage(
        author=mailbox,
        author_role="agent",
        visibility=Visibility.INTERNAL,
        text=words,
        passages=passages_of(case),
        subject=case.mail.subject,
        marks=(say("{agent} does not confirm the commands of the mail that opened this ticket", agent=agent.name),),
        label="note",
    )
    context = {"agent": {"name": agent.name, "address": agent.address}}
    colleagues = agents_of_ticket(case.policy, reply.ticket)
    notices = tell_agents("internal_note", colleagues, about="note", context=context, but=[agent.address])
    title = say("Thank you. None of this is carried out:")
    # `reply.commands` begins with those that were asked about.
    lines = [line.raw for line in reply.commands]
    told = {"headline": headlines.not_done(*lines), "title": title, "lines": lines, "files": False}
    return case.decide(
        Action.APPEND,
        note,
        DropMessage(message_id=asked.id),
        *notices,
        Notice(name="result", to=mailbox, role=Role.AGENT, context=told),
        reasons=(
            Reason(code="denied-by-agent", text=f"{agent.name} says no: {len(asked.commands)} command(s) dropped"),
        ),
        ticket=reply.ticket.number,
        actor=agent.address,
    )


def _needs_a_yes(case: Case, reply: Reply, before: Work, done: Work) -> bool:
    """Whether it would let somebody outside read on without the proof that this takes.

    Commands of a new mail that this one confirms have been asked about.
    """
    if reply.confirmed is not None or may(case.authorisation.proof, Act.REACH_OUT, case.policy):
        return False
    return reaches_out(done.changes, before.ticket, case.policy, case.facts.named_tickets)


def _hold_from_spam(case: Case, reply: Reply, ticket: TicketFacts) -> Decision:
    """Words to somebody who is to hear nothing."""
    if ticket.status is Status.CANCELLED:
        why = say("the ticket was cancelled as spam, and there are words to the requester")
        if ticket.cancelled_by and case.policy.is_same_person(ticket.cancelled_by, ticket.requester.address):
            why = say("the requester has withdrawn the ticket, and there are words to the requester")
        suggestion = say("#reopen and #send, each on a line of its own")
        return _hold(case, reply, why=why, suggestion=suggestion, needs_more=True)
    why = say("#spam lets nobody outside hear of it, but there are words to the requester")
    return _hold(case, reply, why=why, suggestion=say("#note above the words that are for colleagues"))


def _word_of_people(case: Case, reply: Reply, public: str) -> Decision | None:
    """`leave` alone, and `status` of who was let read along: of people who are no agents these do something."""
    if not public or reply.released is not None or reply.commands:
        return None
    wish, reads = wish_of(case, reply.ticket), map(case.policy.agent_of, reply.ticket.reading)
    near: Phrase | str = "#unwatch"
    if wish is Wish.STATUS and reply.agent in reads:
        line, address = f"#show {reply.ticket.number}", case.policy.desk.address
        near = say("{line} in a new mail to {address}", line=line, address=address)
    elif wish is not Wish.LEAVE:
        return None
    return _hold(case, reply, why=say("this word alone is for people who are no agents"), suggestion=near)


def _second_copy(case: Case, reply: Reply, public: str) -> Decision | None:
    """The same mail in other words: the agent's own program, or somebody on the way, sent it again; or it is meant."""
    if case.facts.same_id is not SameId.COPY or reply.released is not None or not (public or reply.text.internal):
        return None
    why = say("a mail of yours with the same Message-ID came before, and this one differs from it")
    return _hold(case, reply, why=why, suggestion=say("#send, if this one is to go out too"))


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
    at = last.at.astimezone(ZoneInfo(case.policy.desk.time_zone)).time()
    who = colleague.name if colleague else say("A colleague")
    why = say("{agent} answered at {time}, after the mail that you answer", agent=who, time=at)
    if reply.ticket.status in SETTLED:
        why = say("{why}; the ticket is {status} now", why=why, status=word("status", reply.ticket.status.value))
    return _hold(case, reply, why=why, suggestion="#send", their_text=stand_in(last.text) or last.text)


def _hold(
    case: Case,
    reply: Reply,
    *,
    why: Phrase,
    suggestion: Phrase | str,
    their_text: Phrase | str = "",
    problems: Sequence[Phrase] = (),
    facts: Sequence[str] = (),
    needs_more: bool = False,
) -> Decision:
    """Keep the mail, tell nobody else, ask its author. One of commands alone has nothing that could be sent later.

    Where only `facts` are missing it waits for these, whatever it says. `needs_more`: `#send` alone would not send it.
    """
    carried = [line.argument for line in (*reply.repeated, *reply.commands) if line.name in CARRYING]
    says = reply.text.public or reply.text.internal or any(carried)
    sendable = bool(says or (reply.released and not reply.completes) or is_file_only(case, reply))
    kept = sendable or bool(facts)
    original = case.mail.new_text
    if reply.completes:
        # What answers a question for facts is for nobody else, so what it stands for is kept.
        original = "\n".join(line.raw for line in reply.commands)
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
        marks=(QUESTION, FACTS) if facts else (QUESTION,),
        held=kept,
        commands=tuple(line.raw for line in (*reply.repeated, *reply.commands)),
        label="held",
    )
    has_words = bool(says or reply.text.hides_note)
    is_command = bool(reply.commands or reply.text.misplaced)
    headline = _headline(reply, (*problems, why), has_words=has_words)
    context: dict[str, object] = {"headline": headline, "why": why, "suggestion": suggestion}
    context["problems"] = list(problems)
    context |= {"held_text": original, "their_text": their_text, "facts": form_of(case.policy, facts)}
    # Of commands alone, the text itself shows them.
    context |= {"commands": [line.raw for line in reply.commands] if has_words else []}
    context |= {"only_commands": is_command and not (has_words or sendable)}
    context |= {"sendable": sendable and not needs_more}
    notice = Notice(name="question", to=mailbox, role=Role.AGENT, about="held", context=context)
    # Words that are held anew stand for those that were held before; a mere command leaves them waiting.
    dropped = _dropped(case, replace(reply, confirmed=None), answers=False) if kept else ()
    reason = Reason(code="held-for-agent", text=f"nothing was carried out: {why}")
    return case.decide(
        Action.HOLD, *dropped, held, notice, reasons=(reason,), ticket=reply.ticket.number, actor=reply.agent.address
    )


def _headline(reply: Reply, problems: Sequence[Phrase], *, has_words: bool) -> Phrase:
    """What the question is about: the first line that can't count, or all the commands that wait with the words."""
    line = next((headlines.line_in(why) for why in problems if headlines.line_in(why)), ())
    if has_words:
        return headlines.not_sent(*line)
    return headlines.not_done(*(line or [one.raw for one in reply.commands]))


def _carry_out(case: Case, reply: Reply, done: Work, public: str) -> Decision:
    work = done
    answers = bool(public) or is_file_only(case, reply)
    if (answers or work.resolves) and not work.silences:
        work = take_up(work) if not work.resolves else work
        if not work.ticket.assignee:
            address = reply.agent.address
            work = work.with_field(Field.ASSIGNEE, address, assignee=address)
    messages = _messages(case, reply, public, answers=answers)
    dropped = _dropped(case, reply, answers=answers)
    notices = notices_of(case, reply, work, public=public, answers=answers)
    return case.decide(
        Action.APPEND,
        *messages,
        *dropped,
        *work.changes,
        *notices,
        *work.handed,
        reasons=tuple(Reason(code="command", text=line.raw) for line in reply.commands),
        ticket=reply.ticket.number,
        actor=reply.agent.address,
    )


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
                text=public or str(FILES_ONLY),
                passages=passages_of(case),
                html=reply.html,
                subject=case.mail.subject,
                with_attachments=not reply.text.has_note,
                label="answer",
            )
        )
    # A mail of commands alone is kept whole too, for the history; so is the #send that releases another one.
    if reply.text.internal or not answers or reply.released is not None or kept_files(case, reply):
        messages.append(
            PostMessage(
                author=mailbox,
                author_role="agent",
                visibility=Visibility.INTERNAL,
                text=reply.text.internal or _as_written(reply),
                passages=passages_of(case),
                subject=case.mail.subject,
                with_attachments=not answers or reply.text.has_note or reply.released is not None,
                label="note",
            )
        )
    return messages


def _as_written(reply: Reply) -> str:
    """What the history keeps of a mail that says nothing to anybody."""
    words = [reply.text.public] if reply.confirmed is not None else []
    return "\n".join(filter(None, (*(line.raw for line in reply.commands), *words))) or str(NO_TEXT)


def _dropped(case: Case, reply: Reply, *, answers: bool) -> tuple[Change, ...]:
    """Held mails that this one settles: confirmed, released, or written anew in answer to the question."""
    settled = [reply.confirmed] if reply.confirmed is not None else []
    references = case.threading.references
    answered = {one.about for one in references if one.notice == QUESTION and one.is_answered}
    if reply.released is not None and not answers:
        settled.append(reply.released)
    if reply.released is None:
        settled += [held for held in reply.ticket.held if held.id in answered and QUESTION in held.marks]
    return tuple(DropMessage(message_id=held.id) for held in settled)
