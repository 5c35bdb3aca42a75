"""What `#undo` says: what was taken back, what stays as it is and why, in words that need no knowledge of fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from gateway.phrase import Phrase, level_word, say, word
from gateway.policy.telling import UPDATE
from gateway.ticket import Field, Role
from gateway.triage.undoable import FieldChanged, FollowingChanged, TakeBack, Undoable, WatcherChanged
from gateway.triage.work import Work

# What can't be taken back, by the kind of its event, and why.
OPENED = "opened"
FIXED: Final[Mapping[str, Phrase]] = {
    OPENED: say("the ticket itself: its number has been given out; #close or #spam ends it"),
    "reachable": say("automatic mail to the addresses: #retry has released it"),
}
_NAMES: Final[Mapping[str, Phrase]] = {
    Field.TYPE: say("Type"),
    Field.CATEGORY: say("Category"),
    Field.SUBCATEGORY: say("Subcategory"),
    Field.IMPACT: say("Impact"),
    Field.URGENCY: say("Urgency"),
    Field.PRIORITY: say("Priority"),
    Field.TEAM: say("Team"),
    Field.ASSIGNEE: say("Assignee"),
    Field.ASSET: say("Asset"),
    Field.LANGUAGE: say("Language of the mails"),
    Field.WORKAROUND: say("Workaround"),
    Field.CAUSE: say("Cause"),
    Field.CODE: say("Ended as"),
}
_LEVELS = (Field.IMPACT, Field.URGENCY)


def taken_back(work: Work, last: Undoable, change: TakeBack, *, put_forward: bool) -> list[Phrase]:
    """What is taken back, a line for each."""
    return [*_unsent(last, change), *_standing(change, put_forward), *_things(work, last, change)]


def _unsent(last: Undoable, change: TakeBack) -> Iterator[Phrase]:
    waiting = [one for one in last.mails if one.outbox in change.mails and one.role is not Role.AGENT]
    if waiting:
        yield say("not sent to {people}", people=list(dict.fromkeys(one.to for one in waiting)))
    going = [one for one in change.given_up if one.role is not Role.AGENT and one.was[0] == "waiting"]
    if going:
        people = list(dict.fromkeys(one.to for one in going))
        yield say("the mail to {people} that says it is over is sent after all", people=people)


def _standing(change: TakeBack, put_forward: bool) -> Iterator[Phrase]:
    if change.merged is not None:
        yield say("no longer merged into {ticket}", ticket=change.merged.token)
    if change.moved is not None:
        status = word("status", change.moved.before[0])
        if put_forward:
            yield say("the status is {status}, as an answer has left", status=status)
        else:
            yield say("the status is {status} again", status=status)


def _things(work: Work, last: Undoable, change: TakeBack) -> Iterator[Phrase]:
    for one in change.fields:
        yield _field_again(work, one)
    for watcher in change.watchers:
        if watcher.added:
            yield say("{person} gets no answers", person=watcher.address)
        else:
            yield say("{person} gets the answers again", person=watcher.address)
    if change.following is not None:
        yield from _following_again(work, change.following)
    if change.requester is not None:
        yield say("the requester is {person} again", person=change.requester.address)
    for link in change.links:
        yield say("no longer linked with {ticket}", ticket=link.token)
    if last.acked and change.clocks:
        yield say("you are reminded of its due times again")
    if any(one.says and not one.is_public for one in last.written if one.message in change.messages):
        yield say("what it said to colleagues is withdrawn")


def _field_again(work: Work, one: FieldChanged) -> Phrase:
    """One field as it stands again, named as in agents' mails."""
    field, _, name = one.key.partition(".")
    value = one.before[0]
    if field == Field.TAG:
        return say("the tag {tag} is there again", tag=name) if value else say("the tag {tag} is gone again", tag=name)
    if field in _LEVELS and value:
        return say("{value} again", value=level_word(field, value))
    return say("{field}: {value} again", field=_name(one.key), value=_shown(work, field, value))


def _name(key: str) -> Phrase | str:
    field, _, name = key.partition(".")
    if field == Field.TAG:
        return say("the tag {tag}", tag=name)
    return _NAMES.get(field) or name.capitalize()


def _shown(work: Work, field: str, value: str) -> Phrase | str:
    if not value:
        return say("nobody") if field == Field.ASSIGNEE else say("nothing")
    if field == Field.TEAM:
        return work.policy.team_title(value)
    return _person(work, value) if field == Field.ASSIGNEE else word(field, value)


def _following_again(work: Work, one: FollowingChanged) -> Iterator[Phrase]:
    """Who hears of it again, and who no longer; whoever followed it and wants no more does so as before, too."""
    heard = [agent for agent in one.followers_after if agent not in one.followers]
    left = [agent for agent in one.unwatched_after if agent not in one.unwatched]
    for agent in left:
        yield say("{agent} hears of it again", agent=_person(work, agent))
    for agent in heard:
        yield say("{agent} follows it no longer", agent=_person(work, agent))


def what_stays(work: Work, last: Undoable, change: TakeBack, *, ended: Sequence[str]) -> list[Phrase]:
    """What stays as it is, and why, a line for each; `ended` are those who were told that it is over."""
    if last.merged is not None and last.merged.in_the_way:
        return [*_sent(last, ended), _stays_merged(last.merged.token, last.merged.in_the_way)]
    return [*_sent(last, ended), *_status_stays(work, last, change), *_things_stay(work, last), *_fixed(last)]


def _stays_merged(token: str, in_the_way: str) -> Phrase:
    if in_the_way == "moved":
        return say("merged into {ticket}: that one was merged on since", ticket=token)
    return say("merged into {ticket}: somebody has written there since, which belongs to both", ticket=token)


def _sent(last: Undoable, ended: Sequence[str]) -> Iterator[Phrase]:
    sent = dict.fromkeys(one.to for one in last.mails if not one.waits and one.role is not Role.AGENT)
    if sent:
        yield say("already sent, or on its way, to {people}: a mail can't be called back", people=list(sent))
    if ended:
        yield say("{people} got, or will get, a mail that says it is over: write what holds now", people=list(ended))
    news = dict.fromkeys(one.to for one in last.mails if not one.waits and one.notice == UPDATE and one.to not in ended)
    if news:
        yield say("{people} got, or will get, a mail with that news: write what holds now", people=list(news))


def _status_stays(work: Work, last: Undoable, change: TakeBack) -> Iterator[Phrase]:
    if last.moved is None or change.moved is not None:
        return
    if last.moved.changed_by:
        yield say("the status stays: {agent} has changed it since", agent=_person(work, last.moved.changed_by))
    else:
        yield say("the status stays {status}: an answer has left", status=word("status", last.moved.after[0]))


def _things_stay(work: Work, last: Undoable) -> Iterator[Phrase]:
    changed: list[tuple[Phrase | str, str]] = [(_name(one.key), one.changed_by) for one in last.fields]
    changed += [(_reader(one), one.changed_by) for one in last.watchers]
    if last.following is not None:
        changed.append((say("who follows the ticket"), last.following.changed_by))
    if last.requester is not None:
        changed.append((say("the requester"), last.requester.changed_by))
    for what, by in changed:
        if by:
            yield say("{field} stays: {agent} has changed it since", field=what, agent=_person(work, by))


def _reader(one: WatcherChanged) -> Phrase:
    return say("whether {person} gets the answers", person=one.address)


def _fixed(last: Undoable) -> Iterator[Phrase]:
    yield from (FIXED[name] for name in last.fixed)
    if last.elsewhere:
        yield say("the mail changed {tickets} too: answer a mail of each with #undo", tickets=list(last.elsewhere))


def _person(work: Work, actor: str) -> Phrase | str:
    agent = work.policy.agent_of(actor)
    if agent is not None:
        return agent.name
    return actor if "@" in actor else say("the desk")
