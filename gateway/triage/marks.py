"""What an agent should know about a message before believing it, shown above the text.

Words of `templates/_marks.txt`, which says them in the agent's language, or phrases.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from gateway.mail import Mail, Transport
from gateway.phrase import Phrase, say
from gateway.triage.case import Case
from gateway.triage.facts import SameId
from gateway.triage.muting import mark_of_muting

# What is wrong with a sender, in words that help; the rest (bare line ends, repeated headers) is one thing to people.
_SENDER_DEFECTS = {
    "no-from": say("there is none"),
    "no-mailbox": say("it is no address"),
    "odd-address": say("it is no ordinary address"),
    "several-mailboxes": say("there are several"),
    "encoded-address": say("the address is disguised"),
    "mixed-scripts": say("the address mixes several alphabets"),
    "non-ascii-local-part": say("the address may imitate another one"),
    "bad-domain": say("its domain cannot exist"),
    "passed on by a group": say("a group passed the mail on"),
}
_DEFECTS = {
    "took too long": say("it took too long"),
    "header block too large": say("its header is too large"),
    "too many headers": say("its header is too large"),
    "too many multiparts": say("it has too many parts"),
    "too many parts": say("it has too many parts"),
    "parts nested too deeply": say("it has too many parts"),
}
_MOST_NAMED = 5
_NAME_CHARS = 100


def marks_of(case: Case, *, another_person: bool = False, name_others: bool = True) -> tuple[Phrase | str, ...]:
    mail, policy = case.mail, case.policy
    address = case.sender.address
    marks: list[Phrase | str] = []
    if another_person:
        marks.append("another_person")
    if not policy.is_own_domain(address):
        marks += ["external"] if case.facts.auth_trusted else ["external", "unverified"]
    if mail.sender_defects:
        malformed = say("the header of the mail is malformed")
        defects = dict.fromkeys(_SENDER_DEFECTS.get(code, malformed) for code in mail.sender_defects)
        marks.append(say("the sender is not to be trusted: {why}", why=list(defects)))
    if imitated := _imitated(case):
        marks.append(say("goes by the name of {whom}, but writes from another address", whom=imitated))
    replies_to = [reply_to.address for reply_to in mail.reply_to if reply_to.address != address]
    if replies_to:
        marks.append("reply_to_differs")
    if name_others:
        marks += _others(case)
    if mail.defect:
        marks.append(say("could not be read ({defect}); the original mail is attached", defect=defect_of(mail)))
    if case.envelope.full_size_bytes is not None:
        megabytes = f"{case.envelope.full_size_bytes / 1024 / 1024:.0f}"
        marks.append(
            say(
                "too large ({megabytes} MB): only its beginning was fetched; the mail is still in the mailbox",
                megabytes=megabytes,
            )
        )
    if case.envelope.released_by:
        marks.append(say("released from quarantine by {who}", who=case.envelope.released_by))
    marks += mark_of_muting(case)
    if case.facts.same_id is SameId.ANOTHER:
        marks.append(say("another mail had the same Message-ID before"))
    if case.facts.same_id is SameId.COPY:
        marks.append(_second_copy(case))
    if case.envelope.transport is Transport.IMPORT:
        marks.append(say("imported"))
    if case.threading.others:
        marks.append(say("names other tickets too: {tickets}", tickets=list(case.threading.others)))
    return tuple(marks)


def defect_of(mail: Mail) -> Phrase:
    """Why a mail could not be read."""
    return _DEFECTS.get(mail.defect, say("the program that reads it failed"))


def _imitated(case: Case) -> str:
    """Whose name somebody from outside goes by: another address, an agent's, or the desk's; "" for a name of one's
    own."""
    sender, policy = case.sender, case.policy
    if policy.is_own_domain(sender.address) or policy.agent_of(sender.address) is not None:
        return ""
    name = " ".join(sender.name.casefold().split())
    if "@" in name and sender.address not in name:
        return sender.name[:_NAME_CHARS]
    known = [policy.desk.name, *(agent.name for agent in policy.agents)]
    return next((one for one in known if name and name == " ".join(one.casefold().split())), "")


def _second_copy(case: Case) -> Phrase:
    """The same mail once more, though not word for word: somebody sent it again, or changed it on the way."""
    if case.mail.date is None:
        return say("a second copy of the same mail, without a date, differs")
    date = case.mail.date.astimezone(ZoneInfo(case.policy.desk.time_zone))
    return say("a second copy of the same mail, dated {date}, differs", date=date)


def _others(case: Case) -> list[Phrase]:
    """Who else has the mail, and hears nothing of what follows."""
    others = [person.address for person in (*case.mail.to, *case.mail.cc)]
    others = [other for other in dict.fromkeys(others) if not case.policy.is_desk_address(other)]
    people: list[Phrase | str] = [other for other in others if other != case.sender.address]
    if len(people) > _MOST_NAMED:
        more = say("{count} more", count=len(people) - _MOST_NAMED)
        people = [*people[:_MOST_NAMED], more]
    if not people:
        return []
    return [say("also addressed to {people}; they do not follow the ticket (#cc adds them)", people=people)]
