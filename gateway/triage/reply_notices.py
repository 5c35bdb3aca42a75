"""Whom an agent's reply is told, and what its author hears of it: a mail to each, and none to whoever has two roles.

The last third of an agent's reply, after `agent_mail` has read it and `agent_reply` decided that it counts. Pure.
"""

from __future__ import annotations

from gateway.phrase import say, word
from gateway.policy import Agent, Policy
from gateway.policy.telling import Event
from gateway.ticket import SETTLED, Role, Status
from gateway.triage import headlines
from gateway.triage.agent_mail import Reply, kept_files
from gateway.triage.case import Case
from gateway.triage.decision import Change, Notice
from gateway.triage.ending import tell_closing, tell_resolution
from gateway.triage.notices import agents_of_ticket, once_each, tell_agents, tell_people
from gateway.triage.results import results_of
from gateway.triage.work import HINTING, Work

# Beside words for the requester stood a note, so the files of the message are for agents only.
INTERNAL_FILES = "internal_files"


def notices_of(case: Case, reply: Reply, work: Work, *, public: str, answers: bool) -> list[Change]:
    """Every mail that the reply causes, and what remembers that somebody was asked for a rating."""
    agent_context = {"agent": {"name": reply.agent.name, "address": reply.agent.address}}
    acting = [reply.agent.address]
    notices: list[Notice] = []
    asked: tuple[Change, ...] = ()
    to_people: dict[str, object] = {**agent_context}
    if reply.released is not None and reply.text.has_note:
        to_people[INTERNAL_FILES] = True
    if work.resolves:
        about = "answer" if answers else ""
        resolution, asked = tell_resolution(work, about=about, context=to_people)
        notices += resolution
    elif answers:
        notices += tell_people("answer", work.ticket, about="answer", context=to_people)
    if work.closes:
        notices += tell_closing(case.policy, work.ticket, agent=reply.agent)
    newcomers = list(dict.fromkeys(work.newcomers))
    notices += _to_newcomers(work, newcomers)

    # Who hears of a merger by the ticket that goes on needs no second mail of the one that ended.
    elsewhere = {one.to.address for one in work.handed if isinstance(one, Notice) and work.merged_into is not None}

    # Who is let read along hears of the very mail that says so.
    joining = [case.policy.agent_of(one) for one in work.ticket.reading if one not in reply.ticket.reading]

    def colleagues(event: Event) -> list[Agent]:
        hearing = dict.fromkeys([*agents_of_ticket(case.policy, reply.ticket, event), *filter(None, joining)])
        left_out = elsewhere if event is Event.CHANGED else frozenset()
        return [one for one in hearing if one not in newcomers and one.address not in left_out]

    changed = agent_context | {"changes": list(work.news)}
    noted = colleagues(Event.INTERNAL_NOTE) if reply.text.internal else []
    if answers:
        told = colleagues(Event.AGENT_ANSWERED)
        # Of words and a note in one mail colleagues read one mail; but not where files came that are the note's alone,
        # or the rules let them hear of one of the two later, or never.
        if reply.text.internal and not kept_files(case, reply) and _is_told_with_note(case.policy):
            both = [one for one in told if one in noted]
            noted = [one for one in noted if one not in both]
            told = [one for one in told if one not in both]
            with_note = changed | {"note": "note"}
            notices += tell_agents("agent_answered", both, about="answer", context=with_note, but=acting)
        notices += tell_agents("agent_answered", told, about="answer", context=changed, but=acting)
    elif not reply.text.internal and work.news:
        notices += tell_agents("changed", colleagues(Event.CHANGED), context=changed, but=acting)
    if reply.text.internal:
        # What happened is said once, in a mail that somebody gets.
        is_said = answers and Event.AGENT_ANSWERED not in case.policy.silent_events
        context = agent_context if is_said else changed
        notices += tell_agents("internal_note", noted, about="note", context=context, but=acting)
    notices = once_each(case.policy, notices, acting=reply.agent.address)
    to_author = [*_told_to_author(case, reply, work, answers=answers), *_hints_to_author(reply, work, answers=answers)]
    return [*notices, *asked, *to_author, *results_of(work)]


def _is_told_with_note(policy: Policy) -> bool:
    """Whether the rules let colleagues hear of an answer and of a note at the same time."""
    return policy.when_told(Event.AGENT_ANSWERED) == policy.when_told(Event.INTERNAL_NOTE)


def _to_newcomers(work: Work, newcomers: list[Agent]) -> tuple[Notice, ...]:
    """The whole ticket for those whom it was given to."""
    mark = say("given to you by {agent}", agent=work.agent.name)
    if work.given_team:
        title = work.policy.team_title(work.given_team)
        mark = say("given to the team {team} by {agent}", team=title, agent=work.agent.name)
    given = {"changes": list(work.news), "history": True, "marks": [mark], "why": [], "linked_token": ""}
    name = "new_ticket"
    if work.escalated_from:
        name = "escalated"
        agent = {"name": work.agent.name, "address": work.agent.address}
        title = work.policy.team_title(work.escalated_from)
        given |= {"agent": agent, "from_team": title, "reason": work.reason, "marks": []}
        given |= {"why": [work.routed] if work.routed is not None else []}
    return tell_agents(name, newcomers, about="first", context=given, but=[work.agent.address])


def _told_to_author(case: Case, reply: Reply, work: Work, *, answers: bool) -> list[Notice]:
    """What became of a mail other than its author thinks: what was left out, and a ticket that has ended meanwhile."""
    title, lines = say("Sent. Left out of it:"), list(reply.left_out)
    headline = say("Sent, but not all of it")
    if answers and (names := kept_files(case, reply)):
        inside = say("{files}: for colleagues only; to send files, write a new answer", files=names)
        if reply.text.has_note:
            inside = say(
                "{files}: for colleagues only, since there is a note beside; to send files, write without #note",
                files=names,
            )
        lines.append(inside)
    if not answers:
        title = say("Done. Left out of it:") if reply.text.internal else say("Nothing was sent. Left out of it:")
        headline = say("Done, but not all of it") if reply.text.internal else say("Nothing was sent")
    if answers and _has_ended_meanwhile(case, reply, work):
        ended = say(
            "Sent. The ticket is {status} meanwhile and stays so; #reopen takes it up again.",
            status=word("status", work.ticket.status.value),
        )
        if not lines:
            headline = say("Sent; it is {status} meanwhile", status=word("status", work.ticket.status.value))
        title, lines = (title, [*lines, ended]) if lines else (ended, [])
    elif not lines:
        return []
    context = {"headline": headline, "title": title, "lines": lines, "files": False}
    return [Notice(name="result", to=work.agent_mailbox, role=Role.AGENT, context=context)]


def _hints_to_author(reply: Reply, work: Work, *, answers: bool) -> list[Notice]:
    """What was done, and is other than its author may think."""
    if not work.hints:
        return []
    headline = headlines.done(*(line.raw for line in reply.commands))
    title = say("Sent. You should know:") if answers else say("Done. You should know:")
    context = {"headline": headline, "title": title, "lines": [*work.hints], "files": False, HINTING: True}
    return [Notice(name="result", to=work.agent_mailbox, role=Role.AGENT, context=context)]


def _has_ended_meanwhile(case: Case, reply: Reply, work: Work) -> bool:
    """Whether somebody resolved or closed the ticket after the mail that is answered, or the held one, was written."""
    before = reply.ticket
    if before.status not in SETTLED or work.ticket.status is not before.status:
        return False
    ended_at = before.closed_at if before.status is Status.CLOSED else before.resolved_at
    sent = [one.sent_at for one in case.threading.references if one.is_answered and one.sent_at is not None]
    written_at = reply.released.at if reply.released is not None else max(sent, default=None)
    return ended_at is not None and written_at is not None and ended_at > written_at
