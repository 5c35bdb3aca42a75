"""What agents say of how a matter ends: `#workaround`, `#cause`, `#code`, and what asks "solved?". Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from gateway.phrase import say
from gateway.policy import Agent, Policy
from gateway.policy.promises import DESK
from gateway.policy.telling import Event
from gateway.sla.days import after_working_days
from gateway.subject import one_line
from gateway.ticket import LIFECYCLE, Authority, Field, FieldValue, HoldReason, Role, Step
from gateway.triage.decision import AskRating, Change, MoveStatus, Notice
from gateway.triage.facts import TicketFacts
from gateway.triage.notices import tell_people
from gateway.triage.work import Refusal, Work

_LONGEST_CHARS = 2_000


def workaround(work: Work, argument: str) -> Work | Refusal:
    """Something that helps until the matter is settled; the requester gets it as an answer."""
    if not argument:
        # The words of the mail are it; see `with_workaround`.
        return replace(work, works_around=True)
    return replace(_found_workaround(work, argument), workaround_text=argument)


def with_workaround(work: Work, words: str) -> Work | Refusal:
    """The words of a mail as the workaround, where it says `#workaround` and nothing behind it."""
    if not work.works_around:
        return work
    if not words:
        return Refusal(why=say("says no workaround"), suggestion=say("#workaround use the printer in room 2"))
    return _found_workaround(work, words)


def carried_words(work: Work) -> str:
    """What stands for the requester behind `#workaround` and `#resolve`."""
    return "\n\n".join(filter(None, (work.workaround_text, work.resolution_text)))


def _found_workaround(work: Work, words: str) -> Work:
    text = one_line(words)[:_LONGEST_CHARS]
    told = say("workaround: {words}", words=text)
    return work.with_values((_value(Field.WORKAROUND, text),), workaround=text, told=told)


def cause(work: Work, argument: str) -> Work | Refusal:
    """What was behind it, for colleagues."""
    text = one_line(argument)[:_LONGEST_CHARS]
    if not text:
        return Refusal(why=say("says no cause"))
    return work.with_values((_value(Field.CAUSE, text),), cause=text, told=say("cause: {words}", words=text))


def code(work: Work, argument: str) -> Work | Refusal:
    """How it ended, by one of the desk's own names."""
    codes = work.policy.closing.codes
    if not codes:
        return Refusal(why=say("this desk has no codes for how a matter ends"), suggestion=say("#cause TEXT"))
    name = work.policy.closing.code_named(argument)
    if not name:
        return Refusal(why=say("is no code"), suggestion=f"#code {'|'.join(codes)}")
    return work.with_values((_value(Field.CODE, name),), code=name, told=say("ended as {code}", code=name))


def _value(field: Field, value: str) -> FieldValue:
    return FieldValue(field=field, value=value, authority=Authority.AGENT)


def goes_to_and_fro(work: Work) -> bool:
    """Whether the ticket came back from its end so often that only its requester's yes ends it."""
    limit = work.policy.closing.reopen_limit
    return bool(limit) and work.ticket.reopened >= limit and work.ticket.status in LIFECYCLE[Step.HOLD]


def wait_for_yes(work: Work) -> Work:
    """Wait for the requester instead of closing by silence; after the days of silence its agents are told."""
    policy = work.policy
    until = after_working_days(policy.work_calendar(DESK), work.now, policy.desk.close_after_working_days)
    target = LIFECYCLE[Step.HOLD][work.ticket.status]
    why = f"{work.agent.name} resolved it, and it was reopened {work.ticket.reopened} times: it waits for a yes"
    move = MoveStatus(to=target, why=why, hold_reason=HoldReason.REQUESTER, hold_until=until)
    ticket = replace(work.ticket, status=target, hold_reason=HoldReason.REQUESTER, hold_until=until)
    told = say("resolved; it was reopened {count} times, so it waits for the yes", count=work.ticket.reopened)
    return work.with_changes(move, ticket=ticket, told=told)


def tell_resolution(
    work: Work, *, about: str, context: Mapping[str, object]
) -> tuple[tuple[Notice, ...], tuple[Change, ...]]:
    """The resolution to the people of the ticket, which asks "solved?"; the requester also for a rating, now and then.

    And what remembers that they were asked.
    """
    asks = _may_be_asked(work.policy, work.ticket, work)
    plain = {**context, "asks": False, "asks_rating": False}
    # An agent's own words are for all of them.
    roles = (Role.REQUESTER, Role.WATCHER) if about else work.policy.people_told(Event.RESOLUTION)
    notices = tell_people("resolution", work.ticket, about=about, context=plain, roles=roles)
    asking = {**context, "asks": True, "asks_rating": asks}
    notices = tuple(replace(one, context=asking) if one.role is Role.REQUESTER else one for one in notices)
    return notices, (AskRating(address=work.ticket.requester.address),) if asks and notices else ()


def tell_closing(
    policy: Policy, ticket: TicketFacts, *, agent: Agent | None = None, confirmed_by: str = "", withdrawn_by: str = ""
) -> tuple[Notice, ...]:
    """That the ticket is closed for good, to those of its people whom the rules let hear of that.

    `agent`: who closed it; `confirmed_by`: whose yes did, `withdrawn_by`: who needs nothing any more,
    and neither a mail that says so; nobody of them: nobody wrote.
    """
    roles = policy.people_told(Event.CLOSING) - ({Role.REQUESTER} if confirmed_by or withdrawn_by else set())
    by = {"name": agent.name, "address": agent.address} if agent is not None else None
    by = {"name": withdrawn_by, "address": ""} if withdrawn_by else by
    return tell_people("closing", ticket, roles=roles, context={"agent": by, "confirmed_by": confirmed_by})


def _may_be_asked(policy: Policy, ticket: TicketFacts, work: Work) -> bool:
    days, last = policy.closing.rating_days, ticket.requester.rating_asked_at
    return days > 0 and (last is None or work.now - last >= timedelta(days=days))
