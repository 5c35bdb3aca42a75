"""A reply by somebody who is on the ticket, or whom a key or an id vouches for.

A reply to a resolved ticket reopens it; a mere "thanks" does not, and a yes or a rating answers "solved?" (see
`confirming`). One to a ticket that waits for the requester takes it up again; after closure a linked follow-up opens.
An unverified mail from outside moves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from gateway.mail import Reason
from gateway.phrase import say
from gateway.policy import Occasion
from gateway.policy.telling import Event
from gateway.ticket import ENDED, Authority, Field, FieldValue, HoldReason, Status
from gateway.triage.arranging import new_watchers
from gateway.triage.authorise import Standing
from gateway.triage.case import Case
from gateway.triage.classify import classify
from gateway.triage.confirming import (
    answer_to_solved,
    answers_resolution,
    is_known_by_number_alone,
    reopened_too_often,
    settle,
)
from gateway.triage.decision import Action, Change, Decision, MoveStatus, SetFields, SetRequester
from gateway.triage.facts import TicketFacts
from gateway.triage.helping import takes_back_withdrawal, told_of_reopening
from gateway.triage.marks import marks_of
from gateway.triage.notices import agents_of_ticket, tell_agents
from gateway.triage.opening import open_follow_up
from gateway.triage.posting import post


def reply_by_participant(case: Case, ticket: TicketFacts) -> Decision:
    """Append the mail, or open a follow-up to a ticket that has ended."""
    answer = answer_to_solved(case, ticket)
    again = takes_back_withdrawal(case, ticket) if answer is None else None
    if again is not None:
        return again
    if ticket.status in ENDED and answer is None and case.is_by_a_person:
        return open_follow_up(case, ticket)
    standing = case.authorisation.standing
    # Answers go to the address that the person wrote from last.
    moved = (SetRequester(requester=case.sender),) if _writes_from_elsewhere(case, ticket) else ()
    marks = marks_of(case, another_person=standing is Standing.OTHER)
    if not case.authorisation.verified and not case.policy.is_own_domain(case.sender.address):
        marks = (*marks, say("known by address only: moves nothing")) if not case.authorisation.moves else marks
    if is_known_by_number_alone(case) and "unverified" not in marks:
        # In an own domain too: a number can be guessed and an address typed.
        marks = ("unverified", *marks)
    message = post(case, author=case.sender, role=standing.value, marks=marks)
    settled = settle(case, ticket, answer)
    if settled is not None:
        notices = settled.notices if not case.envelope.quiet else ()
        changes = (*moved, *_rules_on_reply(case, ticket, reopened=False), *settled.changes, *notices)
        return case.decide(Action.APPEND, message, *changes, reasons=(settled.reason,), ticket=ticket.number)
    moves, reasons = _moves(case, ticket, agrees=answer is not None)
    reopened = bool(moves) and ticket.status is Status.RESOLVED
    fields = _rules_on_reply(case, ticket, reopened=reopened)
    told: tuple[Change, ...] = ()
    if not case.envelope.quiet and not (answer is not None and ticket.status in ENDED):
        leads, too_often = reopened_too_often(case, ticket) if reopened else ((), ())
        context = {
            "marks": [*marks, *too_often],
            "reopened": reopened,
            "attach_original": bool(case.mail.defect),
        }
        agents = dict.fromkeys([*agents_of_ticket(case.policy, ticket, Event.NEW_REPLY), *leads])
        told = tell_agents("new_reply", agents, about="message", context=context, but=[case.sender.address])
    if reopened:
        told = (*told, *told_of_reopening(case, ticket))
    changes = (*moved, *fields, *moves, *told)
    return case.decide(Action.APPEND, message, *changes, reasons=reasons, ticket=ticket.number)


def _writes_from_elsewhere(case: Case, ticket: TicketFacts) -> bool:
    """Whether the requester writes from another of the own addresses, one that is more than a claim."""
    is_requester = case.authorisation.standing is Standing.REQUESTER
    is_theirs = case.is_by_a_person and case.authorisation.moves and not is_known_by_number_alone(case)
    return is_requester and is_theirs and case.sender.address != ticket.requester.address


def _moves(case: Case, ticket: TicketFacts, *, agrees: bool) -> tuple[tuple[MoveStatus, ...], tuple[Reason, ...]]:
    """What the reply does to the status, and why; one that `agrees` to a resolution says no more."""
    if ticket.status is Status.RESOLVED and agrees:
        return (), (Reason(code="thanks", text="says thanks and nothing else: the ticket stays resolved"),)
    if ticket.status is Status.ON_HOLD and agrees and answers_resolution(case):
        return (), (Reason(code="thanks", text="says thanks and nothing else: it waits for a yes"),)
    if not case.authorisation.moves or not case.is_by_a_person:
        return (), (Reason(code="moves-nothing", text="appended; the status stays as it is"),)
    if ticket.status is Status.RESOLVED:
        reason = Reason(code="reopened", text="a reply to a resolved ticket reopens it")
        return (MoveStatus(to=Status.IN_PROGRESS, why=f"{case.sender.address} answered"),), (reason,)
    if ticket.status is Status.ON_HOLD and ticket.hold_reason is HoldReason.REQUESTER:
        reason = Reason(code="resumed", text="the ticket waited for the requester, who answered")
        return (MoveStatus(to=Status.IN_PROGRESS, why=f"{case.sender.address} answered"),), (reason,)
    return (), ()


def _rules_on_reply(case: Case, ticket: TicketFacts, *, reopened: bool) -> tuple[Change, ...]:
    """What rules with `on = ["reply"]` or `["reopen"]` set and whom they let read along; agents' words stay.

    So do those of rules with `override`, but for such a rule.
    """
    occasion: Occasion = "reopen" if reopened else "reply"
    classification = classify(
        case.mail, policy=case.policy, occasion=occasion, kind=case.screening.kind, known=case.known
    )
    values = [
        value
        for value in classification.kept()
        if value.rule and _RANK[value.authority] <= _RANK[ticket.authority_of(value.key)]
    ]
    by_field = {value.field: value for value in values if not value.name}
    category = by_field.get(Field.CATEGORY)
    if category is not None and category.value != ticket.category and Field.SUBCATEGORY not in by_field:
        # What stood below the old category says nothing of the new one.
        values.append(replace(category, field=Field.SUBCATEGORY, value=""))
    if {Field.TYPE, Field.IMPACT, Field.URGENCY} & by_field.keys() and Field.PRIORITY not in by_field:
        values += _priority(case, ticket, by_field)
    following = (ticket.requester.address, *(one.address for one in ticket.watchers), *ticket.reading)
    watchers = new_watchers(case, classification, *following)
    return (*((SetFields(values=tuple(values)),) if values else ()), *watchers)


# Whose word counts for more than whose.
_RANK = {authority: rank for rank, authority in enumerate(Authority)}


def _priority(case: Case, ticket: TicketFacts, by_field: Mapping[Field, FieldValue]) -> Iterator[FieldValue]:
    """The priority that the matrix gives now, unless an agent or a rule chose one."""
    if ticket.authority_of(Field.PRIORITY) is not Authority.DEFAULT:
        return
    now = {Field.IMPACT: ticket.impact, Field.URGENCY: ticket.urgency, Field.TYPE: ticket.type.value}
    now |= {field: by_field[field].value for field in now if field in by_field}
    priority = case.policy.priority_of(now[Field.IMPACT], now[Field.URGENCY], now[Field.TYPE])
    if priority is not ticket.priority:
        yield FieldValue(field=Field.PRIORITY, value=priority.value, authority=Authority.DEFAULT)
