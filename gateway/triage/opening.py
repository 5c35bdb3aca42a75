"""A new ticket: an ordinary one, one for somebody else whom an agent logs, one beside a claimed number, a follow-up."""

from __future__ import annotations

from gateway.mail import Address, Reason
from gateway.policy import Agent
from gateway.ticket import Classification, Field, TicketType
from gateway.triage.case import Case
from gateway.triage.classify import classify
from gateway.triage.decision import Action, Change, Decision, LinkTicket, OpenTicket
from gateway.triage.facts import TicketFacts
from gateway.triage.marks import marks_of
from gateway.triage.notices import acknowledge, tell_agents, ticket_agents
from gateway.triage.posting import post


def open_plain(case: Case) -> Decision:
    """A new matter of the sender's own."""
    return _open(case, reasons=(Reason(code="new-ticket", text="a new matter"),))


def open_claimed(case: Case, claimed: TicketFacts) -> Decision:
    """A stranger names a number: a ticket of its own, linked for the agents; the stranger learns nothing."""
    token = case.policy.token(claimed.type, claimed.number)
    mark = f"names {token}, but {case.sender.address} is not on it"
    return _open(case, link=LinkTicket(number=claimed.number, kind="claimed"), linked_token=token, mark=mark)


def open_follow_up(case: Case, ended: TicketFacts) -> Decision:
    """Somebody of a ticket writes after its end: a ticket of its own, linked."""
    token = case.policy.token(ended.type, ended.number)
    reason = Reason(code="follow-up", text=f"{token} is {ended.status.value}: a linked follow-up opens")
    link = LinkTicket(number=ended.number, kind="follow_up")
    return _open(
        case, link=link, linked_token=token, mark=f"follow-up to {token}", reasons=(reason,), tell_requester_link=True
    )


def _open(
    case: Case,
    *,
    link: LinkTicket | None = None,
    linked_token: str = "",
    mark: str = "",
    reasons: tuple[Reason, ...] = (),
    tell_requester_link: bool = False,
) -> Decision:
    classification = classify(case.mail, policy=case.policy, occasion="open", kind=case.screening.kind)
    marks = marks_of(case) + ((mark,) if mark else ())
    opened = OpenTicket(
        requester=case.sender,
        subject=case.subject,
        language=case.mail.language,
        classification=classification,
    )
    message = post(case, author=case.sender, role="requester", marks=marks)
    links: tuple[Change, ...] = (link,) if link else ()
    told, reason = acknowledge(case, case.sender, linked_token=linked_token if tell_requester_link else "")
    notices = tell_of_opening(case, classification, marks=marks, linked_token=linked_token, requester=case.sender)
    return case.decide(
        Action.OPEN,
        opened,
        message,
        *links,
        *told,
        *notices,
        reasons=(*reasons, reason),
        classification=classification,
    )


def tell_of_opening(
    case: Case,
    classification: Classification,
    *,
    marks: tuple[str, ...],
    requester: Address,
    linked_token: str = "",
    agents: tuple[Agent, ...] | None = None,
    note: str = "",
) -> tuple[Change, ...]:
    """The notices of a new ticket to the agents of its team, or to its assignee alone, or to those named.

    `note` is the label of what an agent wrote beside it for colleagues, "" for none.
    """
    if case.envelope.quiet:
        return ()
    if agents is None:
        team, assignee = classification.get(Field.TEAM), classification.get(Field.ASSIGNEE)
        agents = ticket_agents(case.policy, team=team, assignee=assignee)
    context: dict[str, object] = {
        "why": why(classification),
        "linked_token": linked_token,
        "marks": list(marks),
        "attach_original": bool(case.mail.defect),
    }
    if note:
        context["note"] = note
    # Who writes need not be told; but where nobody else would hear of it, they are.
    others = [agent for agent in agents if agent.address != requester.address] or agents
    return tell_agents("new_ticket", others, about="message", context=context)


def why(classification: Classification) -> list[str]:
    """Who set what, in words: for the agents and for explain."""
    lines = []
    for value in classification.values:
        if value.value and value.field is not Field.SUBCATEGORY:
            shown = value.value
            if value.field is Field.CATEGORY and classification.get(Field.SUBCATEGORY):
                shown += f"/{classification.get(Field.SUBCATEGORY)}"
            by = f"rule {value.rule!r}" if value.rule else value.authority.value
            lines.append(f"{value.field.value} {shown} ({by})")
    return lines


def type_word(ticket_type: TicketType) -> str:
    return "incident" if ticket_type is TicketType.INCIDENT else "service request"
