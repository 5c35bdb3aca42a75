"""Do what an employee asks by one word: say where things stand, explain the desk, reopen, withdraw, leave a ticket.

Only who is known gets an answer: an address of the own domains or an authenticated one, on a mail to the desk alone. It
goes to that very address and tells of that person's own matters, and of the ticket that the mail answers. Such answers
are automatic mails to the limits. What is not for one of these words is decided as ever. Pure.
"""

from __future__ import annotations

from gateway.mail import Address, Reason
from gateway.phrase import say
from gateway.policy.telling import Event
from gateway.subject import clean_subject
from gateway.ticket import ENDED, LIFECYCLE, Role, Status, Step
from gateway.triage.agent_mail import meant_files
from gateway.triage.authorise import Standing
from gateway.triage.case import UNKNOWN_SENDER, Case
from gateway.triage.confirming import is_known_by_number_alone
from gateway.triage.decision import Action, Change, Decision, MoveStatus, Notice, Record, RemoveWatchers
from gateway.triage.ending import tell_closing
from gateway.triage.facts import Evidence, TicketFacts
from gateway.triage.marks import marks_of
from gateway.triage.notices import agents_of_ticket, once_each, tell_agents
from gateway.triage.posting import post
from gateway.triage.restraint import restraint_on
from gateway.triage.self_help import Wish, language_of, read_wish

# By this reason a mail is known whose word was meant for the desk.
SELF_HELP = "self-help"
STATUS, GUIDE, NOTED = "status", "guide", "noted"
# What may as well answer a question: "shall it stay, or leave?"
_ANSWERS = (Wish.CANCEL, Wish.LEAVE)
_ROLES = {Standing.REQUESTER: Role.REQUESTER, Standing.WATCHER: Role.WATCHER, Standing.NOBODY: Role.REQUESTER}


def help_oneself(case: Case, ticket: TicketFacts | None) -> Decision | None:
    """The decision on a mail that is one of these words; None for every other mail."""
    standing = case.authorisation.standing
    if standing not in _ROLES or not _may_ask(case):
        return None
    wish = wish_of(case, ticket)
    if wish is Wish.STATUS:
        return _answer(case, ticket, STATUS, wish)
    if wish is Wish.HELP:
        return _answer(case, ticket, GUIDE, wish)
    if wish is None or ticket is None or not case.authorisation.moves or is_known_by_number_alone(case):
        return None
    if wish is Wish.LEAVE and standing is Standing.WATCHER:
        return _leave(case, ticket)
    if standing is not Standing.REQUESTER:
        return None
    if wish is Wish.LEAVE:
        return _stay(case, ticket)
    return _reopen(case, ticket) if wish is Wish.REOPEN else _withdraw(case, ticket)


def wish_of(case: Case, ticket: TicketFacts | None) -> Wish | None:
    """The word that the mail is, if it is one."""
    subject = case.subject
    is_reply = ticket is not None and (
        case.threading.evidence is not Evidence.SUBJECT_TOKEN
        or subject == clean_subject(ticket.subject, case.policy.prefixes())
    )
    mailbox = case.sender.address.partition("@")[0]
    names = (case.sender.name, mailbox, case.policy.desk.name, *(agent.name for agent in case.policy.agents))
    wish = read_wish(subject, case.mail.new_text, is_reply=is_reply, names=names)
    if wish in _ANSWERS and ticket is not None and ticket.last_answer and "?" in ticket.last_answer.text:
        # "Shall we renew or cancel it?": then the word is an answer for the agent who asks.
        is_for_agent = wish is Wish.CANCEL or case.authorisation.standing is Standing.REQUESTER
        return None if is_for_agent else wish
    return wish


def takes_back_withdrawal(case: Case, ticket: TicketFacts) -> Decision | None:
    """Who has withdrawn a matter and writes again takes it up again; None for every other reply."""
    is_theirs = ticket.status is Status.CANCELLED and _is_requester(case, ticket.cancelled_by, ticket)
    counts = case.authorisation.moves and case.is_by_a_person and not is_known_by_number_alone(case)
    if not is_theirs or not counts or case.authorisation.standing is not Standing.REQUESTER:
        return None
    return _take_up(case, ticket, why=f"{case.sender.address} answered after withdrawing it")


def told_of_reopening(case: Case, ticket: TicketFacts) -> tuple[Change, ...]:
    """Who reopens a resolved ticket by nothing but the word is told so; who says what is wrong hears from a person."""
    asks = _may_ask(case) and wish_of(case, ticket) is Wish.REOPEN
    return answered(case, ticket, NOTED, what="reopened") if asks else ()


def _may_ask(case: Case) -> bool:
    """Whether the mail is one that may be answered at all, by somebody whose address is more than a claim."""
    mail, address = case.mail, case.sender.address
    if not case.is_by_a_person or not case.screening.auto_reply_ok or case.envelope.quiet or case.envelope.released:
        return False
    if mail.sender_defects or mail.forwarded is not None or mail.defect or meant_files(case):
        return False
    if address == UNKNOWN_SENDER.address or case.policy.is_desk_address(address):
        return False
    # What is written to somebody else too is said to that person.
    others = [one for one in (*mail.to, *mail.cc) if not case.policy.is_desk_address(one.address)]
    return not others and (case.policy.is_own_domain(address) or case.facts.auth_trusted)


def _is_requester(case: Case, address: str, ticket: TicketFacts) -> bool:
    return bool(address) and case.policy.is_same_person(address, ticket.requester.address)


def _answer(case: Case, ticket: TicketFacts | None, notice: str, wish: Wish) -> Decision:
    """Answer with one mail, and leave the ticket as it is."""
    told = answered(case, ticket, notice, language=language_of(case.subject, case.mail.new_text))
    return _file(case, ticket, *told, why=f"asks for “{wish.value}” and nothing else")


def _file(case: Case, ticket: TicketFacts | None, *changes: Change, why: str) -> Decision:
    """Nothing comes onto the ticket; its history says what was asked."""
    asked = (Record(kind=SELF_HELP, text=f"{case.sender.address} {why}"),) if ticket is not None else ()
    number = ticket.number if ticket is not None else None
    return case.decide(Action.FILE, *asked, *changes, reasons=(Reason(code=SELF_HELP, text=why),), ticket=number)


def answered(
    case: Case, ticket: TicketFacts | None, notice: str, *, language: str = "", what: str = ""
) -> tuple[Change, ...]:
    """The answer to the sender, as far as the limits allow; what they do not is told by the history."""
    restraint = restraint_on(
        notice,
        case.sender.address,
        ticket=ticket.number if ticket is not None else None,
        now=case.facts.now,
        policy=case.policy,
        traffic=case.facts.traffic_with(case.sender.address),
        outside=case.facts.outside,
        is_muted_ticket=ticket is not None and ticket.is_muted,
    )
    context: dict[str, object] = {"what": what} if what else {}
    if notice == STATUS:
        context["asked_by"] = case.sender.address
    if language:
        context["mail_language"] = language
    if ticket is None:
        context["in_reply_to"] = case.mail.message_id
    role = _ROLES.get(case.authorisation.standing, Role.REQUESTER)
    mailbox = Address(address=case.sender.address, name=case.sender.name)
    mail = Notice(name=notice, to=mailbox, role=role, context=context, hold=restraint.code if restraint else "")
    if restraint is None:
        return (mail,)
    event = restraint.as_event(notice, case.sender.address)
    return (event, mail) if restraint.holds else (event,)


def _stay(case: Case, ticket: TicketFacts) -> Decision:
    """Nobody leaves the own matter: that is told, with the word that ends it, and nobody else reads of it."""
    what = "own_over" if ticket.status in ENDED else "own"
    return _file(case, ticket, *answered(case, ticket, NOTED, what=what), why="asks to leave a matter of their own")


def _leave(case: Case, ticket: TicketFacts) -> Decision:
    """Somebody who reads along wants to hear no more."""
    same = [one.address for one in ticket.watchers if case.policy.is_same_person(one.address, case.sender.address)]
    told = answered(case, ticket, NOTED, what="left")
    return _file(case, ticket, RemoveWatchers(addresses=tuple(same)), *told, why="reads along no longer")


def _reopen(case: Case, ticket: TicketFacts) -> Decision | None:
    """Take up again what was over; what was called spam stays so, and a resolved ticket goes its usual way."""
    if ticket.status in LIFECYCLE[Step.CANCEL]:
        return _file(case, ticket, *answered(case, ticket, NOTED, what="open"), why="asks to reopen what is open")
    if ticket.status is Status.CANCELLED and not _is_requester(case, ticket.cancelled_by, ticket):
        return None
    if ticket.status is Status.RESOLVED:
        return None
    return _take_up(case, ticket, why=f"{case.sender.address} reopened it")


def _take_up(case: Case, ticket: TicketFacts, *, why: str) -> Decision:
    marks = marks_of(case)
    message = post(case, author=case.sender, role=Standing.REQUESTER.value, marks=marks)
    move = MoveStatus(to=LIFECYCLE[Step.REOPEN][ticket.status], why=why)
    withdrawn = ticket.status is Status.CANCELLED
    said = (*marks, say("The ticket was withdrawn; this reply has taken it up again.")) if withdrawn else marks
    reopened = "" if withdrawn else ticket.status.value
    context: dict[str, object] = {"marks": list(said), "reopened": reopened, "attach_original": False}
    agents = agents_of_ticket(case.policy, ticket, Event.NEW_REPLY)
    notices = tell_agents("new_reply", agents, about="message", context=context, but=[case.sender.address])
    what = "taken_up" if withdrawn else "reopened"
    told = answered(case, ticket, NOTED, what=what) if _may_ask(case) else ()
    reason = Reason(code="reopened", text=why)
    return case.decide(Action.APPEND, message, move, *notices, *told, reasons=(reason,), ticket=ticket.number)


def _withdraw(case: Case, ticket: TicketFacts) -> Decision:
    """The requester needs nothing any more."""
    name = case.sender.name or ticket.requester.name or case.sender.address
    if ticket.status in ENDED:
        return _file(case, ticket, *answered(case, ticket, NOTED, what="over"), why="withdraws what is over")
    step = Step.CANCEL if ticket.status in LIFECYCLE[Step.CANCEL] else Step.CLOSE
    why = f"{case.sender.address} withdrew it"
    message = post(case, author=case.sender, role=Standing.REQUESTER.value, marks=marks_of(case))
    move = MoveStatus(to=LIFECYCLE[step][ticket.status], why=why)
    changes = {"changes": [say("{person} has withdrawn it: nothing more to do", person=name)], "agent": None}
    agents = agents_of_ticket(case.policy, ticket, Event.CHANGED)
    notices = tell_agents("changed", agents, context=changes, but=[case.sender.address])
    if step is Step.CLOSE:
        notices += tell_closing(case.policy, ticket, withdrawn_by=name)
    notices = tuple(once_each(case.policy, notices, acting=case.sender.address))
    told = answered(case, ticket, NOTED, what="withdrawn")
    reason = Reason(code=SELF_HELP, text=why)
    return case.decide(Action.APPEND, message, move, *notices, *told, reasons=(reason,), ticket=ticket.number)
