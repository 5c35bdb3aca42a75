"""`#undo`: take back what the author's last mail on the ticket did, as far as that is possible. Pure.

What others changed since stays as they left it, and what has left the house can't be called back: the answer says so,
line by line. What is taken back is written into the history beside what was done; nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from gateway.phrase import Phrase, say, word
from gateway.ticket import Role, Status
from gateway.triage.decision import Notice
from gateway.triage.notices import tell_agents
from gateway.triage.undoable import Caused, FieldChanged, Moved, TakeBack, Undoable, Written
from gateway.triage.work import Refusal, Work

UNDO = "undo"
# The mails that tell people of an end.
_ENDINGS = ("resolution", "closing")
# What can't be taken back, by the kind of its event.
OPENED = "opened"
FIXED = {
    OPENED: say("the opening of the ticket"),
    "link": say("a link to another ticket"),
    "merged": say("a merger"),
    "requester": say("the new requester"),
    "follower": say("who follows the ticket"),
    "unfollower": say("who follows the ticket"),
}


def undo(work: Work, argument: str) -> Work | Refusal:
    """Take back the author's last mail on this ticket, if it came within the minutes that the desk allows."""
    minutes = work.policy.desk.undo_minutes
    if not minutes:
        return Refusal(why=say("is switched off on this desk"), suggestion="#help")
    last = work.undoable
    if last is None or work.now - last.at > timedelta(minutes=minutes):
        why = say("there is nothing of yours on this ticket from the last {minutes} minutes", minutes=minutes)
        return Refusal(why=why, suggestion="#help")
    moved = _to_move_back(last)
    fields = tuple(one for one in last.fields if not one.changed_by)
    gone = {one.about for one in last.mails if not one.waits and one.about is not None and one.role is not Role.AGENT}
    written = tuple(one for one in last.written if not (one.is_public and one.message in gone))
    mails = tuple(one for one in last.mails if one.waits)
    change = TakeBack(
        ledger=last.ledger,
        moved=moved,
        fields=fields,
        watchers=last.watchers,
        messages=tuple(one.message for one in written),
        mails=tuple(one.outbox for one in mails),
        was_public=any(one.is_public for one in written),
    )
    done = list(_done(last, moved, fields, written, mails))
    left = list(_left(work, last))
    title = say("Taken back, as far as it was possible:") if left and done else say("Taken back:")
    if not done:
        title = say("Nothing could be taken back:")
    context = {"title": title, "lines": [*done, *left], "files": False}
    result = Notice(name="result", to=work.agent_mailbox, role=Role.AGENT, context=context)
    if not done:
        return work.with_changes(result)
    return work.with_changes(change, *_to_colleagues(work, last, done), result)


def _to_move_back(last: Undoable) -> Moved | None:
    """The move that is taken back: who has an answer has one, so that its ticket is not new any more."""
    moved = last.moved
    if moved is None or moved.changed_by:
        return None
    if moved.before[0] != Status.NEW or not _answers_that_left(last):
        return moved
    worked_on = (Status.IN_PROGRESS.value, "", "", "")
    return replace(moved, before=worked_on) if moved.after != worked_on else None


def _answers_that_left(last: Undoable, *names: str) -> list[str]:
    """Who has an answer of the mail, or will have it: one of these, or any."""
    mails = (one for one in last.mails if not one.waits and one.role is not Role.AGENT)
    return list(dict.fromkeys(one.to for one in mails if one.notice in (names or ("answer", *_ENDINGS))))


def _to_colleagues(work: Work, last: Undoable, done: Sequence[Phrase]) -> tuple[Notice, ...]:
    """Who has read of what is taken back reads of that too; whose mail still waited never hears of either."""
    words = say("{agent} took back what was done before: {what}", agent=work.agent.name, what=done)
    context = {"changes": [words], "agent": {"name": work.agent.name, "address": work.agent.address}}
    addresses = dict.fromkeys(one.to for one in last.mails if one.role is Role.AGENT and not one.waits)
    told = (work.policy.agent_of(address) for address in addresses)
    return tell_agents("changed", [agent for agent in told if agent is not None], context=context)


def _done(
    last: Undoable,
    moved: Moved | None,
    fields: Iterable[FieldChanged],
    written: Iterable[Written],
    mails: Iterable[Caused],
) -> Iterator[Phrase]:
    """What is taken back, in words."""
    people = dict.fromkeys(one.to for one in mails if one.role is not Role.AGENT)
    if people:
        yield say("not sent to {people}", people=list(people))
    if moved is not None:
        status = word("status", moved.before[0])
        if last.moved is not None and moved.before != last.moved.before:
            yield say("the status is {status}, as an answer has left", status=status)
        else:
            yield say("the status is {status} again", status=status)
    for one in fields:
        value = one.before[0] or say("empty")
        yield say("{field} is {value} again", field=one.key, value=value)
    for watcher in last.watchers:
        yield say("{person} gets no answers", person=watcher.address)
    if any(not one.is_public for one in written):
        yield say("what it said to colleagues is withdrawn")


def _left(work: Work, last: Undoable) -> Iterator[Phrase]:
    """What stays as it is, and why."""
    sent = dict.fromkeys(one.to for one in last.mails if not one.waits and one.role is not Role.AGENT)
    if sent:
        yield say("already sent, or on its way, to {people}: a mail can't be called back", people=list(sent))
    if ended := _answers_that_left(last, *_ENDINGS):
        yield say("{people} got, or will get, a mail that says it is over: write what holds now", people=ended)
    if last.moved is not None and not last.moved.changed_by and _to_move_back(last) is None:
        yield say("the status stays {status}: an answer has left", status=word("status", last.moved.after[0]))
    if last.moved is not None and last.moved.changed_by:
        yield say("the status stays: {agent} has changed it since", agent=_name(work, last.moved.changed_by))
    for one in last.fields:
        if one.changed_by:
            yield say("{field} stays: {agent} has changed it since", field=one.key, agent=_name(work, one.changed_by))
    for name in last.fixed:
        yield say("{what} can't be taken back", what=FIXED[name])


def _name(work: Work, actor: str) -> str:
    agent = work.policy.agent_of(actor)
    return agent.name if agent is not None else actor
