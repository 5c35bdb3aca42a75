"""Whether a person's reply answers the question "solved?" of a resolution, and what that does. Pure.

A yes of the requester closes the ticket, and so does a rating of three or more. A bad rating ends nothing: the leads
and the assignee hear of it. From anybody else, or from an address that nothing vouches for, such an answer moves
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.mail import Reason
from gateway.phrase import Phrase, say
from gateway.policy import Agent, Policy
from gateway.policy.telling import Event
from gateway.ticket import OPEN_STATUSES, SETTLED, HoldReason, Status
from gateway.triage.agent_mail import meant_files
from gateway.triage.authorise import Standing
from gateway.triage.case import Case
from gateway.triage.decision import Change, MoveStatus, Rate
from gateway.triage.ending import tell_closing
from gateway.triage.facts import Evidence, ReferenceFact, TicketFacts
from gateway.triage.notices import agents_of_ticket, once_each, tell_agents
from gateway.triage.solved import Answer, Saying, read_answer
from gateway.triage.thanks import is_mere_thanks

RESOLUTION, CLOSING, BAD_RATING = "resolution", "closing", "bad_rating"
# From here on a rating says that the matter is over.
GOOD_ENOUGH = 3


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What an answer that counts does, whom it is told, and why."""

    changes: tuple[Change, ...]
    notices: tuple[Change, ...]
    reason: Reason


def answer_to_solved(case: Case, ticket: TicketFacts) -> Answer | None:
    """What the mail says to "solved?"; None for every other mail. A yes or a number answers nothing else: after a
    further question of an agent it is words like any."""
    if not case.is_by_a_person or meant_files(case):
        return None
    text, names = case.mail.new_text, _names(case, ticket)
    answer = read_answer(text, names=names)
    if answer is None or answer.saying is Saying.CONTENT or _asks_solved(case, ticket):
        return answer
    return Answer(saying=Saying.CONTENT) if is_mere_thanks(text, names=names) else None


def settle(case: Case, ticket: TicketFacts, answer: Answer | None) -> Settled | None:
    """What a yes or a rating does; None where it says less, or does not count."""
    if answer is None or answer.saying is Saying.CONTENT or not _counts(case, ticket):
        return None
    name = case.sender.name or ticket.requester.name or case.sender.address
    rates = answer.saying is Saying.RATING
    is_good = not rates or answer.score >= GOOD_ENOUGH
    ends = is_good and ticket.status is not Status.CLOSED
    changes: tuple[Change, ...] = (Rate(rater=case.sender, score=answer.score),) if rates else ()
    why = f"{case.sender.address} {f'rates it {answer.score} of 5' if rates else 'says that it is solved'}"
    if ends:
        changes += (MoveStatus(to=Status.CLOSED, why=why),)
    agents = followers_of(case.policy, ticket)
    if not is_good:
        agents = tuple(dict.fromkeys([*agents, *_leads_of(case.policy, ticket)]))
        rule = case.policy.notice_of(Event.BAD_RATING)
        if rule is not None and rule.to:
            agents = agents_of_ticket(case.policy, ticket, Event.BAD_RATING)
        context: dict[str, object] = {"score": answer.score, "rater": name, "history": True}
        notices = tell_agents(BAD_RATING, agents, about="first", context=context)
    elif ends:
        told = say("{person} says that it is solved: closed", person=name)
        if rates:
            told = say("rated {score} of 5 by {person}: closed", score=answer.score, person=name)
        mails = (
            *tell_agents("changed", agents, context={"changes": [told], "agent": None}),
            *tell_closing(case.policy, ticket, confirmed_by=name),
        )
        notices = tuple(once_each(case.policy, mails, acting=case.sender.address))
    else:
        notices = ()
    code = "rated" if rates else "confirmed"
    return Settled(changes=changes, notices=notices, reason=Reason(code=code, text=why))


def reopened_too_often(case: Case, ticket: TicketFacts) -> tuple[tuple[Agent, ...], tuple[Phrase, ...]]:
    """Whom else a reopening is told, and what they read above it, where it is one too many."""
    limit, count = case.policy.closing.reopen_limit, ticket.reopened + 1
    if not limit or count < limit:
        return (), ()
    return _leads_of(case.policy, ticket), (say("reopened {count} times by now", count=count),)


def followers_of(policy: Policy, ticket: TicketFacts) -> tuple[Agent, ...]:
    """Its agent and those who wrote on it; where there are none, the team."""
    named = (policy.agent_of(address) for address in (ticket.assignee, *ticket.agents) if address)
    found = tuple(dict.fromkeys(agent for agent in named if agent is not None))
    return found or agents_of_ticket(policy, ticket)


def is_known_by_number_alone(case: Case) -> bool:
    """Whether only a number says which ticket the mail is about."""
    by_number = case.threading.evidence in (Evidence.SUBJECT_TOKEN, Evidence.QUOTED) and not case.threading.keys
    return by_number and not case.authorisation.verified


def answers_resolution(case: Case) -> bool:
    """Whether the mail answers the mail that told of the end."""
    return bool(_resolutions(case))


def _resolutions(case: Case) -> tuple[ReferenceFact, ...]:
    """The mails that told of the end and are answered by this one."""
    references = case.threading.references
    return tuple(one for one in references if one.is_answered and one.notice in (RESOLUTION, CLOSING))


def _leads_of(policy: Policy, ticket: TicketFacts) -> tuple[Agent, ...]:
    leads = (policy.agent_of(address) for address in policy.leads_of(ticket.team))
    return tuple(agent for agent in leads if agent is not None)


def _counts(case: Case, ticket: TicketFacts) -> bool:
    """Whether it is the requester who says so, as far as that can be told."""
    known = case.authorisation.verified or case.policy.is_own_domain(case.sender.address)
    is_requester = case.authorisation.standing is Standing.REQUESTER and case.authorisation.moves
    return is_requester and known and not is_known_by_number_alone(case)


def _asks_solved(case: Case, ticket: TicketFacts) -> bool:
    """Whether what the mail answers is the resolution; where that can't be seen, whether nothing was asked since."""
    last, resolved_at = ticket.last_answer, ticket.resolved_at
    if ticket.status in OPEN_STATUSES:
        return _waits_for_yes(case, ticket) and any(
            last is None or (one.sent_at is not None and last.at <= one.sent_at) for one in _resolutions(case)
        )
    if ticket.status not in SETTLED:
        return False
    if any(one.is_answered and one.notice for one in case.threading.references):
        return answers_resolution(case)
    return resolved_at is not None and (last is None or last.at <= resolved_at)


def _waits_for_yes(case: Case, ticket: TicketFacts) -> bool:
    """Whether a yes may end an open ticket: it waits for its requester, or came back so often that only this ends it.

    That yes may come late, when the ticket has been taken up again because nobody said anything.
    """
    limit = case.policy.closing.reopen_limit
    waits = ticket.status is Status.ON_HOLD and ticket.hold_reason is HoldReason.REQUESTER
    return waits or (limit > 0 and ticket.reopened >= limit)


def _names(case: Case, ticket: TicketFacts) -> tuple[str, ...]:
    agents = tuple(agent.name for agent in case.policy.agents)
    return (case.sender.name, ticket.requester.name, case.policy.desk.name, *agents)
