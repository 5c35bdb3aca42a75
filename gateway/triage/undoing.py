"""`#undo`: take back what the author's last mail on the ticket did, as far as that is possible. Pure.

What others changed since stays as they left it, and what has left the house can't be called back: the answer says so,
line by line. What is taken back is written into the history beside what was done; nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from gateway.phrase import Phrase, say
from gateway.ticket import Field, Role, Status
from gateway.triage import headlines
from gateway.triage.decision import Notice
from gateway.triage.notices import tell_agents
from gateway.triage.undoable import Caused, FollowingChanged, Moved, TakeBack, Undoable
from gateway.triage.undone_words import taken_back, what_stays
from gateway.triage.work import Refusal, Work

UNDO = "undo"
# The mails that tell people of an end.
ENDINGS = ("resolution", "closing")


def undo(work: Work, argument: str) -> Work | Refusal:
    """Take back the author's last mail on this ticket, if it came within the minutes that the desk allows."""
    minutes = work.policy.desk.undo_minutes
    if not minutes:
        return Refusal(why=say("is switched off on this desk"))
    last = work.undoable
    if last is None or work.now - last.at > timedelta(minutes=minutes):
        why = say("there is nothing of yours on this ticket from the last {minutes} minutes", minutes=minutes)
        return Refusal(why=why)
    if last.merged_here:
        # What happened to that ticket is that one's history; the mail that merged it did nothing else to this one.
        why = say("your last mail here merged {tickets} into this ticket", tickets=list(last.merged_here))
        hint = say("#undo in answer to a mail of {ticket}", ticket=last.merged_here[0])
        return Refusal(why=why, suggestion=hint)
    change = _possible(last)
    done = taken_back(work, last, change, put_forward=_was_put_forward(last, change))
    ended = list(dict.fromkeys(one.to for one in _told(last, *ENDINGS) if not one.waits))
    left = what_stays(work, last, change, ended=ended)
    if not done:
        # So that another one means the mail before.
        change = TakeBack(ledger=last.ledger)
    result = _result(work, done, left)
    return work.with_changes(change, *(_to_colleagues(work, last, change, done) if done else ()), result)


def _result(work: Work, done: Sequence[Phrase], left: Sequence[Phrase]) -> Notice:
    title, headline = say("Taken back:"), headlines.done("#undo")
    if left:
        headline = headlines.partly_done("#undo")
    if not done:
        title, headline = say("Nothing could be taken back."), headlines.not_done("#undo")
    context = {"headline": headline, "title": title, "lines": [*done], "left": [*left], "files": False}
    return Notice(name="result", to=work.agent_mailbox, role=Role.AGENT, context=context)


def _possible(last: Undoable) -> TakeBack:
    """What of it can be taken back: neither what others have changed since, nor what has left."""
    waiting = tuple(one.outbox for one in last.mails if one.waits)
    if last.merged is not None and last.merged.in_the_way:
        # All of it belongs to the other ticket by now.
        return TakeBack(ledger=last.ledger, mails=waiting)
    unread = {one.message for one in last.written if not one.is_public or not _has_left(_copies(last, one.message))}
    unanswered = {one.message for one in last.written if one.is_public and not _answers(_copies(last, one.message))}
    is_answer = any(one.is_public and one.message not in unanswered for one in last.written)
    moved = _to_move_back(last)
    clocks = _clocks_back(last, is_whole=moved == last.moved, is_answer=is_answer)
    return TakeBack(
        ledger=last.ledger,
        moved=moved,
        fields=tuple(one for one in last.fields if not one.changed_by),
        watchers=tuple(one for one in last.watchers if not one.changed_by),
        following=_unchanged(last.following),
        requester=last.requester if last.requester is not None and not last.requester.changed_by else None,
        links=last.links,
        merged=last.merged,
        clocks=clocks,
        messages=tuple(one.message for one in last.written if one.message in unread),
        mails=waiting,
        given_up=tuple(one for one in last.given_up if clocks or one.notice != "reminder"),
        is_no_answer=bool(unanswered),
    )


def _copies(last: Undoable, message: int) -> list[Caused]:
    """The mails that bring a message to people."""
    return [one for one in last.mails if one.about == message and one.role is not Role.AGENT]


def _has_left(mails: Sequence[Caused]) -> bool:
    return not all(one.waits for one in mails)


def _answers(mails: Sequence[Caused]) -> bool:
    """Whether one of the mails has left for the requester; for a reader, where the requester was to get none."""
    return _has_left([one for one in mails if one.role is Role.REQUESTER] or mails)


def _unchanged(following: FollowingChanged | None) -> FollowingChanged | None:
    return following if following is not None and not following.changed_by else None


def _clocks_back(last: Undoable, *, is_whole: bool, is_answer: bool) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The clocks that go back to where they were: none where the ticket does not, and the answer's only where it has
    none."""
    if not is_whole or any(one.changed_by for one in last.fields):
        return ()
    return tuple(one for one in last.clocks if one[0] != "response" or not is_answer)


def _to_move_back(last: Undoable) -> Moved | None:
    """The move that is taken back: a requester who has an answer has one, so that the ticket is not new any more."""
    moved = last.moved
    if moved is None or moved.changed_by:
        return None
    if moved.before[0] != Status.NEW or not _answers(_told(last, "answer", *ENDINGS)):
        return moved
    worked_on = (Status.IN_PROGRESS.value, "", "", "")
    return replace(moved, before=worked_on) if moved.after != worked_on else None


def _was_put_forward(last: Undoable, change: TakeBack) -> bool:
    """Whether the status goes back, but not to "new"."""
    return last.moved is not None and change.moved is not None and change.moved.before != last.moved.before


def _told(last: Undoable, *names: str) -> list[Caused]:
    """The mails to people that are of these kinds."""
    return [one for one in last.mails if one.notice in names and one.role is not Role.AGENT]


def _to_colleagues(work: Work, last: Undoable, change: TakeBack, done: Sequence[Phrase]) -> tuple[Notice, ...]:
    """Who has read of what is taken back reads of that too; whose mail still waited never hears of either."""
    lines = [say("what was done before is taken back"), *done]
    context = {"changes": lines, "agent": {"name": work.agent.name, "address": work.agent.address}}
    addresses = dict.fromkeys(one.to for one in last.mails if one.role is Role.AGENT and not one.waits)
    waiting = {one.to for one in last.mails if one.role is Role.AGENT and one.waits}
    # A hand-over was told by one list of all its tickets, which is a mail of none of them.
    addresses |= dict.fromkeys(one for one in _owners(change) if one and one not in waiting)
    told = (work.policy.agent_of(address) for address in addresses)
    found = [agent for agent in dict.fromkeys(told) if agent is not None and agent != work.agent]
    return tell_agents("changed", found, context=context)


def _owners(change: TakeBack) -> tuple[str, ...]:
    """Who had the ticket until it was taken back, and who has it again."""
    return tuple(value[0] for one in change.fields if one.key == Field.ASSIGNEE for value in (one.after, one.before))
