"""A new ticket: an ordinary one, one for somebody else whom an agent logs, one beside a claimed number, a follow-up."""

from __future__ import annotations

from functools import lru_cache

from gateway.mail import Address, Reason
from gateway.phrase import Phrase, listed, say, word
from gateway.policy import Agent
from gateway.ticket import Authority, Classification, Field, FieldValue, TicketType
from gateway.triage.arranging import arrangements
from gateway.triage.case import Case
from gateway.triage.classify import classify
from gateway.triage.decision import Action, Change, Decision, LinkTicket, OpenTicket
from gateway.triage.facts import TicketFacts
from gateway.triage.marks import marks_of
from gateway.triage.notices import acknowledge, agents_of_new, tell_agents
from gateway.triage.posting import post
from gateway.triage.routing import Given, given, matter_in, with_assignee


def open_plain(case: Case) -> Decision:
    """A new matter of the sender's own."""
    return _open(case, reasons=(Reason(code="new-ticket", text="a new matter"),))


def open_claimed(case: Case, claimed: TicketFacts) -> Decision:
    """A stranger names a number: a ticket of its own, linked for the agents; the stranger learns nothing."""
    token = case.policy.token(claimed.type, claimed.number)
    mark = say("names {ticket}, but {person} is not on it", ticket=token, person=case.sender.address)
    return _open(case, link=LinkTicket(number=claimed.number, kind="claimed"), linked_token=token, mark=mark)


def open_follow_up(case: Case, ended: TicketFacts) -> Decision:
    """Somebody of a ticket writes after its end: a ticket of its own, linked."""
    token = case.policy.token(ended.type, ended.number)
    reason = Reason(code="follow-up", text=f"{token} is {ended.status.value}: a linked follow-up opens")
    link = LinkTicket(number=ended.number, kind="follow_up")
    mark = say("follow-up to {ticket}", ticket=token)
    return _open(case, link=link, linked_token=token, mark=mark, reasons=(reason,), tell_requester_link=True)


def _open(
    case: Case,
    *,
    link: LinkTicket | None = None,
    linked_token: str = "",
    mark: Phrase | None = None,
    reasons: tuple[Reason, ...] = (),
    tell_requester_link: bool = False,
) -> Decision:
    classification = classify(
        case.mail, policy=case.policy, occasion="open", kind=case.screening.kind, known=case.known
    )
    marks = marks_of(case) + ((mark,) if mark is not None else ())
    chosen = given_by_itself(case, classification, asking=case.sender.address)
    with_agent = with_assignee(classification, chosen.agent) if chosen is not None else classification
    opened = OpenTicket(
        requester=case.sender,
        subject=case.subject,
        language=case.mail.language,
        classification=with_agent,
    )
    message = post(case, author=case.sender, role="requester", marks=marks)
    links: tuple[Change, ...] = (link,) if link else ()
    linked = linked_token if tell_requester_link else ""
    told, reason = acknowledge(case, case.sender, classification, linked_token=linked)
    notices = tell_of_opening(
        case, with_agent, marks=marks, linked_token=linked_token, requester=case.sender, given=chosen
    )
    return case.decide(
        Action.OPEN,
        opened,
        message,
        *links,
        *((chosen.turn,) if chosen is not None else ()),
        *arrangements(case, classification, case.sender),
        *told,
        *notices,
        reasons=(*reasons, reason),
        classification=classification,
    )


def given_by_itself(case: Case, classification: Classification, *, asking: str = "") -> Given | None:
    """The agent to whom a new ticket is given that no rule has given to anybody; not that of imported mail.

    The own matter of an agent, who is then the one `asking`, goes to a colleague, if one is there.
    """
    if classification.get(Field.ASSIGNEE) or case.envelope.quiet:
        return None
    facts = case.facts
    matter, agent = matter_in(classification), case.policy.agent_of(asking) if asking else None
    if agent is not None:
        others = given(matter, case.policy, facts.duty, {**facts.away, agent.address: facts.now}, facts.now)
        if others is not None:
            return others
    return given(matter, case.policy, facts.duty, facts.away, facts.now)


def tell_of_opening(
    case: Case,
    classification: Classification,
    *,
    marks: tuple[Phrase | str, ...],
    requester: Address,
    linked_token: str = "",
    agents: tuple[Agent, ...] | None = None,
    note: str = "",
    given: Given | None = None,
) -> tuple[Change, ...]:
    """The notices of a new ticket to the agents of its team, or to its assignee alone, or to those named.

    `note` is the label of what an agent wrote beside it for colleagues, "" for none; `given` says by what it has an
    agent where no rule and no agent did it.
    """
    if case.envelope.quiet:
        return ()
    if agents is None:
        team, assignee = classification.get(Field.TEAM), classification.get(Field.ASSIGNEE)
        agents = agents_of_new(case.policy, team=team, assignee=assignee, is_away=assignee in case.facts.away)
    context: dict[str, object] = {
        "why": why(classification) if given is None else (*why(classification), _why_given(given)),
        "linked_token": linked_token,
        "marks": list(marks),
        "attach_original": bool(case.mail.defect),
    }
    if note:
        context["note"] = note
    # Who writes need not be told; but where nobody else would hear of it, they are.
    others = [agent for agent in agents if agent.address != requester.address] or agents
    return tell_agents("new_ticket", others, about="message", context=context)


def _why_given(given: Given) -> Phrase:
    return say("given to {agent}: {why}", agent=given.agent.name, why=given.why)


_BY = {
    Authority.AGENT: say("an agent"),
    Authority.OVERRIDE: say("override"),
    Authority.RULE: say("rule"),
    Authority.DEFAULT: say("default"),
}


_BY_TURN = (Field.ASSIGNEE, Authority.DEFAULT)


@lru_cache(maxsize=8)
def why(classification: Classification) -> tuple[Phrase, ...]:
    """Who set what, in words: for the agents, for the history and for explain."""
    lines = []
    for value in classification.values:
        # An assignee of authority DEFAULT was chosen by turn; the mail says how.
        is_said = value.field is Field.SUBCATEGORY or (value.field, value.authority) == _BY_TURN
        if value.value and not is_said:
            lines.append(say("{what} ({by})", what=_what(value, classification), by=who_set(value, classification)))
    return tuple(lines)


def who_set(value: FieldValue, classification: Classification) -> Phrase:
    """Whose word a field is; of a priority that nobody chose, the cell of the matrix that it stands in."""
    if value.rule:
        rule = say("rule “{rule}”", rule=value.rule)
        return listed([rule, _BY[Authority.OVERRIDE]]) if value.authority is Authority.OVERRIDE else rule
    if value.field is Field.PRIORITY and value.authority is Authority.DEFAULT:
        levels = (Field.TYPE, Field.IMPACT, Field.URGENCY)
        return say("matrix: {cell}", cell=[word(field.value, classification.get(field)) for field in levels])
    return _BY[value.authority]


def _what(value: FieldValue, classification: Classification) -> Phrase | str:
    shown = value.value
    match value.field:
        case Field.TYPE:
            return say("type {type}", type=word("type", shown))
        case Field.CATEGORY:
            sub = classification.get(Field.SUBCATEGORY)
            return say("category {category}", category=f"{shown}/{sub}" if sub else shown)
        case Field.PRIORITY:
            return say("priority {priority}", priority=shown)
        case Field.TEAM:
            return say("team {team}", team=shown)
        case Field.ASSIGNEE:
            return say("assigned to {agent}", agent=shown)
        case _:
            return _what_else(value)


def _what_else(value: FieldValue) -> Phrase | str:
    """What only rules of an admin's own set, and levels."""
    shown = value.value
    match value.field:
        case Field.LANGUAGE:
            return say("language {language}", language=shown)
        case Field.ASSET:
            return say("asset {asset}", asset=shown)
        case Field.NAMED:
            return say("{name} is now {value}", name=value.name, value=shown)
        case Field.TAG:
            return say("tagged {tags}", tags=shown)
        case Field.ACKNOWLEDGE:
            by_name = say("acknowledgement with the words of “{template}”", template=shown)
            return {"false": say("no acknowledgement"), "true": say("the usual acknowledgement")}.get(shown, by_name)
        case Field.HOLD:
            return say("on hold for {whom}", whom=shown)
        case Field.WATCHER:
            return say("{person} gets the answers from now on", person=shown)
        case _:
            return word(value.field.value, shown)


def type_word(ticket_type: TicketType) -> str:
    return "incident" if ticket_type is TicketType.INCIDENT else "service request"
