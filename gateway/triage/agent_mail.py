"""Take an agent's mail apart: its words, notes and commands, and which held mail it releases or confirms.

The first half of an agent's reply; `agent_reply` carries out or holds what is found here. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.mail import PassageRole
from gateway.phrase import Phrase, say
from gateway.policy import Agent
from gateway.triage.asking import facts_given
from gateway.triage.canned import USE, placed, why_not_beside
from gateway.triage.case import Case
from gateway.triage.commands import COMMANDS, run_commands, suggest_command
from gateway.triage.desk_commands import DESK_COMMANDS
from gateway.triage.ending import carried_words
from gateway.triage.facts import HeldMessage, TicketFacts
from gateway.triage.formatted import without_lines
from gateway.triage.grammar import AgentText, CommandLine, Misplaced, command_lines, read_agent_text
from gateway.triage.tapping import is_tapped_note
from gateway.triage.work import Refusal, Work, work_on

QUESTION = "question"
CONFIRMATION = "confirmation"
# The commands behind which words for the requester stand.
CARRYING = ("resolve", "workaround")
_WORDS_OF_A_YES = 3


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What an agent's mail says, after a held one that it releases was put before it.

    `written` is the text as it came, `problem` what is wrong with the mail as an answer to a question of ours, and
    `left_out` what `#send` leaves out of the held mail. `repeated` are the commands of that held mail: what was
    impossible then and still is does not hold it once more. `html` is the answer as formatted, "" where that can't be
    had without a command line or an internal word in it. `completes`: it gives facts that the held mail waits for.
    """

    agent: Agent
    ticket: TicketFacts
    text: AgentText
    written: str
    commands: tuple[CommandLine, ...]
    html: str
    problem: Refusal | None = None
    left_out: tuple[Phrase, ...] = ()
    repeated: tuple[CommandLine, ...] = ()
    released: HeldMessage | None = None
    confirmed: HeldMessage | None = None
    completes: bool = False


def read_reply(case: Case, ticket: TicketFacts, agent: Agent) -> Reply:
    """Take the mail apart, and find the held mail that it releases or confirms."""
    written = case.mail.new_text
    text = read_agent_text(written, COMMANDS)
    if is_tapped_note(case.facts.tap):
        words = "\n\n".join(part for part in (text.public, text.internal) if part)
        text = replace(text, public="", internal=words, has_note=True)
    text = replace(text, misplaced=text.misplaced + _signed_commands(case))
    own = {agent.address, *agent.other_addresses}
    held = [message for message in ticket.held if message.author in own]
    confirmed, problem = _confirmed(case, text, held)
    commands = text.commands
    if confirmed is not None:
        commands = (*command_lines("\n".join(confirmed.commands)), *commands)
    released = None
    if problem is None and any(line.name == "send" for line in commands):
        released, problem = _released(case, text, held)
    given = None
    if released is None and confirmed is None and problem is None:
        given = facts_given(case, work_on(case, ticket, agent), text, held, QUESTION)
    if given is not None:
        released, commands, problem = given.held, given.commands, given.problem
        text = replace(text, public="", commands=commands)
    if released is None:
        html = _html(case.mail.new_html, written, text)
        return Reply(
            agent=agent,
            ticket=ticket,
            text=text,
            written=written,
            commands=commands,
            html=html,
            problem=problem,
            confirmed=confirmed,
        )
    before = read_agent_text(released.text, COMMANDS)
    merged = AgentText(
        public="\n\n".join(part for part in (before.public, text.public) if part),
        internal="\n\n".join(part for part in (before.internal, text.internal) if part),
        commands=before.commands + commands,
        misplaced=text.misplaced,
        has_note=before.has_note or before.hides_note or text.has_note,
    )
    repeated = tuple(line for line in before.commands if line.name != "send")
    html = "" if text.public else _html(released.html, released.text, before)
    return Reply(
        agent=agent,
        ticket=ticket,
        text=merged,
        written=released.text,
        commands=commands,
        html=html,
        problem=problem,
        completes=given is not None,
        left_out=tuple(say("{line}: {why}", line=one.raw, why=one.why) for one in before.misplaced),
        repeated=repeated,
        released=released,
    )


def _released(case: Case, text: AgentText, held: Sequence[HeldMessage]) -> tuple[HeldMessage | None, Refusal | None]:
    """The held mail that a `#send` means: the one whose question it answers, and no other.

    An answer to another mail of the ticket means the only one that is held; with words of its own it sends those.
    """
    questions = [message for message in held if QUESTION in message.marks]
    answered = {one.about for one in case.threading.references if one.is_answered and one.notice == QUESTION}
    asked = [message for message in questions if message.id in answered]
    if asked:
        return asked[-1], None
    if answered:
        why = say("the mail that this one answers was sent or settled before")
        return None, Refusal(why=why, suggestion=say("write a new answer without #send"))
    if text.public or text.internal or not questions:
        return None, None
    if len(questions) > 1:
        suggestion = say("#send in reply to the one that you mean")
        return None, Refusal(why=say("several mails of yours are held"), suggestion=suggestion)
    return questions[0], None


def _confirmed(case: Case, text: AgentText, held: Sequence[HeldMessage]) -> tuple[HeldMessage | None, Refusal | None]:
    """The commands that this mail confirms: it answers the question itself.

    A client or relay that loses what is answered leaves only the words: a few, and no command. A yes to anything else
    while a question waits, and anything in answer to a question that was answered before, are asked about: they are
    hardly meant for the requester.
    """
    waiting = [message for message in held if CONFIRMATION in message.marks]
    answered = {one.about: one.notice for one in case.threading.references if one.is_answered}
    asked = [message for message in waiting if answered.get(message.id) == CONFIRMATION]
    is_yes = not text.commands and 0 < len(text.public.split()) <= _WORDS_OF_A_YES
    if asked:
        return asked[-1], None
    if CONFIRMATION in answered.values():
        why = say("it answers a question of ours that was answered before; are these words for the requester?")
        return None, Refusal(why=why, suggestion="#send")
    if waiting and is_yes and not any(answered.values()):
        return waiting[-1], None
    if waiting and is_yes:
        why = say("a question of ours still waits for your yes; is this it, or are these words for the requester?")
        return None, Refusal(why=why, suggestion=say("answer the mail that asks"))
    return None, None


def _signed_commands(case: Case) -> tuple[Misplaced, ...]:
    """Commands that ended up in the signature, which nobody reads; slogans with a # are none."""
    signature = "\n".join(one.text for one in case.mail.passages if one.role is PassageRole.SIGNATURE)
    why = say("stands in the signature; commands count above it")
    found = [line for line in command_lines(signature) if line.name in COMMANDS]
    return tuple(Misplaced(raw=line.raw, why=why, suggestion=line.raw) for line in found)


def _html(markup: str, written: str, text: AgentText) -> str:
    """The formatted form of the words that `written` says, without any `#word` line."""
    carries_words = any(line.name in (*CARRYING, USE) and line.argument for line in text.commands)
    # Behind a bullet or with a space in it, a line that can't count is not found again among the formatted ones.
    hides = any(not command_lines(one.raw) for one in text.misplaced)
    if text.internal or text.has_note or carries_words or hides:
        return ""
    return without_lines(markup, [line.raw for line in command_lines(written)])


def wrong_lines(reply: Reply, work: Work) -> list[tuple[Phrase, Phrase | str]]:
    """Every line that can't count, with why, and the nearest valid form: all at once, as a compiler names them."""
    wrong: list[tuple[Phrase, Phrase | str]] = []
    for one in reply.text.misplaced:
        begins = one.raw.startswith(("#", "＃", "﹟"))
        word = one.raw.lstrip("#＃﹟ ").split()[0].lower() if begins else ""
        near = suggest_command(word, work.policy) if begins else ""
        suggestion, why = near or one.suggestion, one.why
        if word in DESK_COMMANDS and word not in COMMANDS:
            why = say("is for the desk itself, not for a ticket")
            suggestion = say("{line} in a new mail to {address}", line=one.raw, address=work.policy.desk.address)
        wrong.append((say("{line}: {why}", line=one.raw, why=why), suggestion))
    for line in reply.commands:
        result = run_commands(work, [line])
        if isinstance(result, Refusal):
            wrong.append((result.why, result.suggestion))
        else:
            work = result
    has_words = bool(reply.text.public or reply.text.internal)
    beside = why_not_beside([line.name for line in reply.commands], has_words=has_words)
    return [*wrong, beside] if beside is not None and reply.released is None else wrong


def public_text(reply: Reply, done: Work) -> str:
    """What goes to the requester: the words outside notes, and the text that `#workaround` and `#resolve` carry."""
    carried = carried_words(done)
    above, below = placed(reply.written, done.used)
    if reply.confirmed is not None:
        return "\n\n".join(filter(None, (*above, carried, *below)))
    words = [reply.text.public, carried]
    # In the order in which it was written: #resolve with its text is the first line or the last one.
    if command_lines(next(filter(str.strip, reply.written.splitlines()), "")):
        words.reverse()
    return "\n\n".join(filter(None, (*above, *words, *below)))


def is_file_only(case: Case, reply: Reply) -> bool:
    """A mail that is nothing but a file or a pasted picture sends that; a signature's picture is neither.

    One with commands sends what the commands mean.
    """
    bare = not (reply.text.public or reply.text.has_note or reply.commands or reply.confirmed)
    return bare and bool(meant_files(case))


def meant_files(case: Case) -> list[str]:
    """The names of what the mail itself has attached, or shows; a signature's picture is neither."""
    signed = any(passage.role is PassageRole.SIGNATURE for passage in case.mail.passages)
    pasted = [one for one in case.mail.attachments if not one.inline or not signed]
    return [one.filename for one in pasted if one.sha256 not in case.facts.known_pictures]


def kept_files(case: Case, reply: Reply) -> list[str]:
    """The files that colleagues alone get, though words go to the requester: those of a mail with a note, since nobody
    can tell to which part of it they belong, and those of a mail that only releases another one."""
    held = reply.released.files if reply.released is not None and reply.text.has_note else ()
    own = meant_files(case) if reply.text.has_note or reply.released is not None else []
    return [*held, *own]


def says_nothing(case: Case, reply: Reply) -> bool:
    """No words, no note, no command, no file: the agent meant something that we can't see."""
    said = reply.text.public or reply.text.internal or reply.commands or reply.confirmed
    return not said and not is_file_only(case, reply)
