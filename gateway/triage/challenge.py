"""The question "was it you?", and the agent's answer to it.

A mail in an agent's name that does not prove enough executes nothing and reaches nobody: it waits in quarantine, and
the agent is asked once, at the registered address and with a key of its own that nobody else has. A yes lets the held
mail in as if it had been proven from the start; a no leaves it to the keepers of the quarantine. An answer that a
machine wrote says neither. Pure.
"""

from __future__ import annotations

import re
from dataclasses import replace

from gateway.mail import Address, Reason, Verdict
from gateway.phrase import Phrase, counted, say
from gateway.policy import Agent
from gateway.ticket import Role
from gateway.triage import headlines
from gateway.triage.case import Case
from gateway.triage.decision import Action, AnswerQuestion, Decision, Notice
from gateway.triage.grammar import command_lines
from gateway.triage.quarantine import ASKED

CHALLENGE = "challenge"
# The quarantine code of one that the agent calls foreign.
DENIED = "agent-denied"
# The quarantine codes of mails that an agent's yes lets in.
ASKED_ABOUT = frozenset({"agent-unproven", "agent-unconfirmed"})
# The subject of what is told, by the reason.
_HEADLINES = {
    "question-settled": headlines.NOTHING_DONE,
    "answer-unreadable": headlines.NOTHING_DONE,
    "denied-by-agent": say("Done: the mail stays locked up"),
    "confirmed-by-agent": say("Done: your mail is let in"),
}
# In the five languages; a yes hardly begins with one of these.
_NO = frozenset(
    """
    no not nope wasn't wasnt didn't didnt isn't never
    nein nicht kein nie
    non pas jamais
    nunca jamás tampoco
    não nao nem
    """.split()
)
_FIRST_WORDS = 6
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_SHOWN_TEXT_CHARS = 2_000
_SHOWN_LINE_CHARS = 200


def quarantine_and_ask(case: Case, code: str, *reasons: Reason, reaches_out: tuple[str, ...] = ()) -> Decision:
    """Set the mail aside and ask the agent in whose name it is; `reaches_out` are its lines that need a yes.

    A machine's mail asks nobody, a former agent is not asked, and nobody is asked too often.
    """
    agent = case.agent
    if agent is None or not case.is_by_a_person:
        return case.quarantine(code, *reasons)
    ticket = case.ticket
    number = ticket.number if ticket is not None else 0
    asked = case.facts.asked_about
    refusal = ""
    if case.envelope.quiet or case.envelope.released:
        refusal = "nobody is asked about it: it was imported, or a person let it in"
    elif not reaches_out and number and number in asked:
        refusal = f"{agent.name} was asked about this ticket in the last day"
    elif len(asked) >= case.policy.trust.questions_per_day:
        refusal = f"{agent.name} was asked {counted(len(asked), 'time')} in the last day"
    if refusal:
        return case.quarantine(code, *reasons, Reason(code="not-asked", text=refusal))
    asks = Reason(code=ASKED, text=f"{agent.name} is asked at {agent.address} whether it is theirs")
    decision = case.quarantine(code, *reasons, asks)
    return replace(decision, changes=(_question(case, agent, reaches_out),))


def _question(case: Case, agent: Agent, reaches_out: tuple[str, ...]) -> Notice:
    """What came, and from where: shown, so that the agent can tell."""
    mail, envelope, ticket = case.mail, case.envelope, case.ticket
    # A server may name itself by its address, too.
    named = (envelope.helo, f"[{envelope.peer}]" if envelope.peer else "")
    context = {
        "about_ticket": ticket.number if ticket is not None else 0,
        "number": case.policy.token(ticket.type, ticket.number).strip("[]") if ticket is not None else "",
        "came_from": _cut(" ".join(dict.fromkeys(filter(None, named)))),
        "sender": _cut(f"{case.sender.address} ({case.sender.name})" if case.sender.name else case.sender.address),
        "envelope_sender": _cut(envelope.reverse_path or mail.return_path or ""),
        "their_subject": _cut(mail.subject),
        "their_text": mail.new_text[:_SHOWN_TEXT_CHARS],
        "their_files": [_cut(one.filename) for one in mail.attachments[:20]],
        "reaches_out": [_cut(line) for line in reaches_out],
        "days": case.policy.trust.confirm_days if reaches_out else 0,
    }
    return Notice(name=CHALLENGE, to=Address(address=agent.address, name=agent.name), role=Role.AGENT, context=context)


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN_LINE_CHARS else text[: _SHOWN_LINE_CHARS - 1] + "…"


def answer_question(case: Case) -> Decision | None:
    """What the answer to a question of ours says; None where the mail answers none, or is not by the one who was
    asked."""
    question = case.facts.question
    if question is None:
        return None
    if not case.is_by_a_person:
        reason = Reason(code="answers-by-machine", text=f"{case.screening.kind.value}: a machine confirms nothing")
        return case.decide(Action.FILE, reasons=(reason,), verdict=Verdict.ACCEPT_QUIETLY)
    agent = case.agent
    own = (agent.address, *agent.other_addresses) if agent is not None else ()
    if agent is None or question.holder not in own or case.mail.sender_defects:
        return None
    if not question.is_open:
        title = say("That mail was confirmed or settled before; nothing more is done.")
        return _file(case, agent, "question-settled", "the mail that was asked about was settled before", title=title)
    if case.mail.defect:
        title = say("Your answer could not be read, so nothing is done. Please answer once more, as plain text.")
        return _file(case, agent, "answer-unreadable", f"the answer could not be read: {case.mail.defect}", title=title)
    if says_no(case.mail.new_text):
        title = say("Thank you. That mail stays locked up, and nothing in it is carried out.")
        text = f"{agent.name} says that mail {question.ledger} is not theirs"
        answer = AnswerQuestion(ledger=question.ledger, agent=agent.address, yes=False)
        return _file(case, agent, "denied-by-agent", text, answer, title=title)
    answer = AnswerQuestion(ledger=question.ledger, agent=agent.address, yes=True)
    text = f"{agent.name} says that mail {question.ledger} is theirs"
    beside = [line.raw for line in command_lines(case.mail.new_text)]
    title = say("Your mail is let in. What stands beside your yes was not carried out:")
    return _file(case, agent, "confirmed-by-agent", text, answer, title=title if beside else None, lines=beside)


def _file(
    case: Case,
    agent: Agent,
    code: str,
    text: str,
    *changes: AnswerQuestion,
    title: Phrase | None = None,
    lines: list[str] | None = None,
) -> Decision:
    told: tuple[Notice, ...] = ()
    if title is not None:
        context = {"headline": _HEADLINES[code], "title": title, "lines": lines or [], "files": False}
        mailbox = Address(address=agent.address, name=agent.name)
        told = (Notice(name="result", to=mailbox, role=Role.AGENT, context=context),)
    return case.decide(Action.FILE, *changes, *told, reasons=(Reason(code=code, text=text),), actor=agent.address)


def says_no(text: str) -> bool:
    """Whether an answer to "was it you?" is a no: one of its first words says so."""
    words = [word.lower().replace("’", "'") for word in _WORD.findall(text)[:_FIRST_WORDS]]
    return any(word in _NO for word in words)
