"""Somebody writes the same thing twice within hours: one ticket, and they are told once. Pure.

The text, and the subject where both mails have one, must be alike word for word but for a few; a short text may only
have grown. A different number, or a word that turns a sentence round, makes it another matter. Only a person's mail
joins, and only a ticket that is still open. The history says why; an agent undoes a wrong guess by a new mail that
begins with `#requester`.
"""

from __future__ import annotations

import re
import unicodedata

from gateway.mail import Reason
from gateway.phrase import say
from gateway.policy.telling import Event
from gateway.ticket import OPEN_STATUSES
from gateway.triage.authorise import Standing
from gateway.triage.case import Case
from gateway.triage.decision import Action, Change, Decision, Record
from gateway.triage.facts import TicketFacts
from gateway.triage.helping import NOTED, answered
from gateway.triage.marks import marks_of
from gateway.triage.notices import agents_of_ticket, tell_agents
from gateway.triage.posting import post
from gateway.triage.traffic import DAY

_LIKENESS_OF_TEXTS, _LIKENESS_OF_SUBJECTS = 0.75, 0.6
_FEW_WORDS = 4
# In a text as short as this one word makes the difference: "the lamp is broken", "the lamp is gone".
_SHORT_TEXT_WORDS = 12
_READ_LIMIT_CHARS = 20_000
_WORD = re.compile(r"\w+")
# One of these more or less, and two mails may say the opposite, or speak of another thing.
_TURNS = frozenset(
    (
        "not no never cannot cant doesnt didnt wont isnt another other second third also "
        "nicht kein keine keinen nie anderer andere anderes anderen zweite zweiter zweites auch "
        "pas ne jamais aucun aucune autre deuxieme second aussi "
        "nunca ningun ninguna otro otra segundo segunda tambien tampoco "
        "nao nenhum nenhuma outro outra tambem"
    ).split()
)


def says_the_same(subject: str, text: str, other_subject: str, other_text: str) -> bool:
    """Whether two mails of one person are the same matter; subjects stand without prefixes and numbers."""
    said, other = _words(text), _words(other_text)
    about, other_about = _words(subject), _words(other_subject)
    if min(len(said), len(other)) < _FEW_WORDS:
        return bool(said or about) and (about, said) == (other_about, other)
    apart = (set(said) | set(about)) ^ (set(other) | set(other_about))
    if apart & _TURNS or any(character.isdigit() for word in apart for character in word):
        return False
    is_nested = set(said) <= set(other) or set(other) <= set(said)
    if min(len(said), len(other)) < _SHORT_TEXT_WORDS and not is_nested:
        return False
    is_same_subject = not about or not other_about or _likeness(about, other_about) >= _LIKENESS_OF_SUBJECTS
    return is_same_subject and _likeness(said, other) >= _LIKENESS_OF_TEXTS


def _words(text: str) -> list[str]:
    plain = text[:_READ_LIMIT_CHARS].casefold().replace("'", "").replace("’", "")
    decomposed = unicodedata.normalize("NFKD", plain)
    return _WORD.findall("".join(one for one in decomposed if not unicodedata.combining(one)))


def _likeness(words: list[str], others: list[str]) -> float:
    """The part of all different words that both have, 0 to 1."""
    one, other = set(words), set(others)
    return len(one & other) / len(one | other)


def join_same_matter(case: Case) -> Decision | None:
    """Put the mail on the ticket that says the same already; None where there is none, or it must not."""
    ticket = case.facts.same_matter
    if ticket is None or ticket.status not in OPEN_STATUSES or not _may_join(case, ticket):
        return None
    token = case.policy.token(ticket.type, ticket.number)
    hint = say(
        "the same once more, so it was added by itself; if it is not, a new mail to the desk that begins with "
        "#requester {person} opens a ticket for it",
        person=case.sender.address,
    )
    marks = (*marks_of(case), hint)
    message = post(case, author=case.sender, role=Standing.REQUESTER.value, marks=marks)
    text = f"{case.sender.address} wrote the same within {case.policy.desk.same_matter_hours} hours: added to {token}"
    context: dict[str, object] = {"marks": list(marks), "reopened": False, "attach_original": bool(case.mail.defect)}
    agents = agents_of_ticket(case.policy, ticket, Event.NEW_REPLY)
    notices = tell_agents("new_reply", agents, about="message", context=context, but=[case.sender.address])
    told: tuple[Change, ...] = ()
    if case.policy.people_told(Event.ADDED) and not _knows(case, ticket):
        told = answered(case, ticket, NOTED, what="added")
    return case.decide(
        Action.APPEND,
        message,
        Record(kind="same-matter", text=text),
        *notices,
        *told,
        reasons=(Reason(code="same-matter", text=text),),
        ticket=ticket.number,
    )


def _may_join(case: Case, ticket: TicketFacts) -> bool:
    """Whether a person who can be told writes it; a machine's alert may be a new one, however alike."""
    if not case.is_by_a_person or not case.screening.auto_reply_ok or case.envelope.quiet or case.envelope.released:
        return False
    if case.mail.sender_defects or case.mail.forwarded is not None or case.facts.has_broken_key:
        return False
    address = case.sender.address
    is_known = case.policy.is_own_domain(address) or case.facts.auth_trusted
    return is_known and case.policy.is_same_person(address, ticket.requester.address)


def _knows(case: Case, ticket: TicketFacts) -> bool:
    """Whether they were told of this ticket today."""
    known = case.facts.traffic_with(case.sender.address)
    since = case.facts.now - DAY
    return known is not None and any(
        mail.notice == NOTED and mail.ticket == ticket.number and mail.at > since for mail in known.automatic
    )
