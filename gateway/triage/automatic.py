"""Mail that no person wrote: bounces, out-of-offices, receipts, calendar answers, and our own sent mail.

Filed on their ticket quietly: they answer nobody, reopen nothing, stop no clock. What belongs to no ticket waits in
quarantine. An agent's own out-of-office and a bounce reach the colleagues, who would otherwise wait for somebody
absent.
"""

from __future__ import annotations

import re
from datetime import datetime

from gateway.mail import Mail, MailKind, Reason, Verdict
from gateway.policy.telling import Event
from gateway.ticket import Visibility
from gateway.triage.absence import away_by_itself
from gateway.triage.authorise import Standing
from gateway.triage.case import Case
from gateway.triage.decision import (
    Action,
    Change,
    Decision,
    MarkUndeliverable,
    NoteHeartbeat,
    Record,
    RecordBorderTest,
    TakeBackAnswer,
)
from gateway.triage.facts import BorderTest, BouncedMail, TicketFacts
from gateway.triage.notices import agents_of_ticket, tell_agents
from gateway.triage.posting import post
from gateway.triage.undeliverable import WHAT, Cause, cause_of, reason_of

# A bounce of a mail that tells of a bounce is only written down: otherwise two dead mailboxes talk for ever.
_READ_LIMIT_CHARS = 4_000
_GOES_ON = re.compile(
    r"delayed|still trying|keep trying|not yet been delivered|will be retried|(?:no need|do not need) to (?:re)?send"
    r"|delivery attempts will continue|temporary failure",
    re.IGNORECASE,
)
_NEVER_TOLD = frozenset({"undeliverable", "absent"})


def file_bounce(case: Case) -> Decision:
    """Find the mail that came back, mark the address, tell the agents; what is not ours waits for a person."""
    if not case.facts.bounced:
        reason = Reason(code="bounce-unmatched", text="the report names none of our mails")
        return case.quarantine("bounce-unmatched", reason)
    changes: list[Change] = []
    bounced = case.facts.bounced[0]
    report = case.mail.report
    failed = [one for one in report.recipients if one.action == "failed"] if report else []
    action = "failed" if failed else (report.recipients[0].action if report and report.recipients else _said(case.mail))
    detail = next((one for one in failed if one.address == bounced.recipient), failed[0] if failed else None)
    words = (detail.diagnostic or detail.status) if detail else ""
    cause = cause_of(detail.status if detail else "", words)
    text = f"mail to {bounced.recipient} {'came back' if action == 'failed' else action}: {words or 'no reason given'}"
    changes.append(Record(kind=f"bounce-{action}", text=text, detail={"outbox": bounced.outbox_id}))
    if action == "failed":
        # A bounce of the desk's mail to itself is trouble on the way round; the desk's own address stays a good one.
        is_dead = cause.is_dead and not case.policy.is_desk_address(bounced.recipient)
        changes.append(MarkUndeliverable(address=bounced.recipient, outbox=bounced.outbox_id, is_dead=is_dead))
        if _was_an_answer(case, bounced):
            changes.append(TakeBackAnswer())
        changes += _tell_of_bounce(case, bounced, cause, words)
    reason = Reason(code="bounce", text=text)
    return case.decide(Action.FILE, *changes, reasons=(reason,), ticket=bounced.ticket, actor="mail system")


def _was_an_answer(case: Case, bounced: BouncedMail) -> bool:
    """Whether what came back is a person's words to the requester."""
    ticket = case.facts.ticket(bounced.ticket) if bounced.ticket is not None else None
    is_to_requester = ticket is not None and bounced.recipient == ticket.requester.address
    return is_to_requester and bounced.notice in ("answer", "resolution") and bounced.about is not None


def _said(mail: Mail) -> str:
    """What a report without machine-readable lines says: that the server goes on trying, or that it has given up."""
    return "delayed" if _GOES_ON.search(mail.text[:_READ_LIMIT_CHARS]) else "failed"


def _tell_of_bounce(case: Case, bounced: BouncedMail, cause: Cause, words: str) -> tuple[Change, ...]:
    """To whom, what, why, and what to do; once for each mail of ours, however many reports come."""
    ticket = case.facts.ticket(bounced.ticket) if bounced.ticket is not None else None
    if ticket is None or bounced.notice in _NEVER_TOLD or bounced.is_known:
        return ()
    context = {
        "address": bounced.recipient,
        "reason": reason_of(cause, words),
        "todo": cause.todo,
        "what": WHAT.get(bounced.notice, "") if bounced.about is None else "",
    }
    agents = agents_of_ticket(case.policy, ticket, Event.UNDELIVERABLE)
    if bounced.is_agent:
        agents = tuple(dict.fromkeys([*agents, *case.policy.agents_of(ticket.team)]))
    return tell_agents("undeliverable", agents, about_message=bounced.about, context=context, but=[bounced.recipient])


def file_quietly(case: Case, ticket: TicketFacts | None) -> Decision:
    """Append an automatic mail to its ticket without moving anything; without a ticket it waits for a person."""
    kind = case.screening.kind
    standing = case.authorisation.standing
    if ticket is None or standing in (Standing.CLAIM, Standing.NOBODY):
        reason = Reason(code="automatic-unmatched", text=f"{kind.value} that answers none of our mails")
        return case.quarantine(f"{kind.value}-unmatched", reason)
    if standing is Standing.AGENT_UNPROVEN:
        return case.quarantine("agent-unproven")
    message = post(case, author=case.sender, role="automatic", marks=(kind.value,), visibility=Visibility.INTERNAL)
    away: tuple[Change, ...] = ()
    notices: tuple[Change, ...] = ()
    if case.agent is not None and kind is MailKind.AUTO_REPLY:
        away = away_by_itself(case, case.agent)
    if case.agent is not None and away:
        # Where it is known already, the team has got what the mailbox answers to.
        agents = agents_of_ticket(case.policy, ticket, Event.ABSENT)
        rule = case.policy.notice_of(Event.ABSENT)
        if rule is None or not rule.to:
            agents = (*agents, *case.policy.agents_of(ticket.team))
        absent = tuple(dict.fromkeys(agents))
        agent = {"name": case.agent.name, "address": case.agent.address}
        notices = tell_agents("absent", absent, about="message", context={"agent": agent}, but=[case.agent.address])
    reason = Reason(code="filed-quietly", text=f"{kind.value}: filed, moves nothing and answers nobody")
    return case.decide(Action.APPEND, message, *away, *notices, reasons=(reason,), ticket=ticket.number)


def file_probe(case: Case) -> Decision:
    """The mail of a `gateway check --connect`, or what a server reports about it: that command has read it already."""
    reason = Reason(code="probe", text="the desk's own test mail: it makes no ticket and is answered by nobody")
    return case.decide(Action.FILE, reasons=(reason,), verdict=Verdict.ACCEPT_QUIETLY)


def file_heartbeat(case: Case, sent_at: datetime) -> Decision:
    """The desk's mail to itself has come round: relay, mailbox and sorter work."""
    reason = Reason(code="heartbeat", text="the desk's own mail to itself: it measures the way round")
    note = NoteHeartbeat(sent_at=sent_at)
    return case.decide(Action.FILE, note, reasons=(reason,), verdict=Verdict.ACCEPT_QUIETLY)


def file_border_test(case: Case, test: BorderTest) -> Decision:
    """A mail of `gateway doctor`: what the servers before us did to it is remembered; it makes no ticket."""
    reason = Reason(code="border-test", text=f"a mail of gateway doctor, by {test.intake}: remembered, answers nobody")
    return case.decide(
        Action.FILE, RecordBorderTest(test=test), reasons=(reason,), actor="gateway", verdict=Verdict.ACCEPT_QUIETLY
    )


def file_sent(case: Case, ticket: TicketFacts | None) -> Decision:
    """A mail in the watched Sent folder: ours is known already; another is an agent's answer, written by hand."""
    if case.facts.has_own_mark or ticket is None:
        text = "we sent it ourselves" if case.facts.has_own_mark else "sent from the desk's mailbox, on no ticket"
        return case.decide(Action.FILE, reasons=(Reason(code="sent-folder", text=text),))
    message = post(case, author=case.sender, role="agent", marks=("sent from the desk's mailbox",))
    agent = {"name": case.sender.name or case.policy.desk.name, "address": case.sender.address}
    notices = tell_agents(
        "agent_answered",
        agents_of_ticket(case.policy, ticket, Event.AGENT_ANSWERED),
        about="message",
        context={"agent": agent},
    )
    reason = Reason(code="sent-by-hand", text="an answer that was sent from the desk's mailbox itself")
    return case.decide(Action.APPEND, message, *notices, reasons=(reason,), ticket=ticket.number)
