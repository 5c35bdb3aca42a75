"""The decision on one mail: screen → thread → authorise → what its author may do → classify → notices. Pure.

`decide` is all there is between reading facts and carrying changes out; `explain` and a replay of old mail call the
same
function and leave out the last step.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.mail import Envelope, Mail, MailboxRole, MailKind, Reason, Verdict
from gateway.phrase import say
from gateway.policy import Policy
from gateway.policy.telling import Event
from gateway.ticket import Visibility
from gateway.triage.absence import back_by_hand
from gateway.triage.agent_reply import reply_by_agent
from gateway.triage.authorise import Standing, authorise
from gateway.triage.automatic import file_border_test, file_bounce, file_heartbeat, file_probe, file_quietly, file_sent
from gateway.triage.case import Case
from gateway.triage.challenge import answer_question, quarantine_and_ask
from gateway.triage.decision import Action, Change, Decision, Record
from gateway.triage.desk_commands import DeskMail, answer_desk_mail, read_desk_mail
from gateway.triage.digest import answer_digest
from gateway.triage.facts import Evidence, Facts, TicketFacts
from gateway.triage.helping import help_oneself
from gateway.triage.listing import answer_listing, begins_anew
from gateway.triage.marks import marks_of
from gateway.triage.notices import agents_of_ticket, tell_agents
from gateway.triage.onbehalf import open_logged, read_logged
from gateway.triage.opening import open_claimed, open_plain
from gateway.triage.participant import reply_by_participant
from gateway.triage.posting import post
from gateway.triage.restraint import arrived_at
from gateway.triage.same_matter import join_same_matter
from gateway.triage.screen import House, screen
from gateway.triage.sources import source_of
from gateway.triage.storms import calm, hold_back
from gateway.triage.tapping import tapping
from gateway.triage.telling import without_untold
from gateway.triage.thread import thread
from gateway.triage.ticketless import answer_without_ticket
from gateway.triage.updating import with_updates


def decide(mail: Mail, envelope: Envelope, facts: Facts, policy: Policy) -> Decision:
    """Decide what the mail is and what happens; equal arguments give equal decisions."""
    case = case_of(mail, envelope, facts, policy)
    decision = calm(case, back_by_hand(case, _decide_case(case)))
    if not envelope.quiet:
        told = with_updates(
            decision.changes,
            decision.ticket,
            find=facts.ticket,
            policy=policy,
            acting=case.sender.address,
            now=facts.now,
            traffic=facts.traffic,
            outside=facts.outside,
        )
        decision = replace(decision, changes=told) if told is not decision.changes else decision
    if policy.silent_events:
        decision = replace(decision, changes=without_untold(decision.changes, policy))
    if decision.action is Action.QUARANTINE:
        let_in = replace(_let_in(replace(case, envelope=replace(envelope, released=True))), verdict=Verdict.ACCEPT)
        return _dated(let_in, case) if envelope.released else replace(decision, if_released=let_in)
    if decision.verdict is Verdict.QUARANTINE:
        # Where it lay, or what it carries, says more than its screen: ours in the Sent folder, a probe of ours.
        return replace(decision, verdict=Verdict.ACCEPT_QUIETLY)
    return decision


def case_of(mail: Mail, envelope: Envelope, facts: Facts, policy: Policy) -> Case:
    """Screen, thread and authorise a mail: what its decision begins with."""
    desk_addresses = (policy.desk.address, *policy.desk.aliases)
    house = _house(mail, policy)
    screening = screen(mail, envelope, desk_addresses=desk_addresses, is_own=facts.is_own, house=house)
    threading = thread(facts)
    return Case(
        mail=mail,
        envelope=envelope,
        facts=facts,
        policy=policy,
        screening=screening,
        threading=threading,
        authorisation=authorise(mail, facts, policy, threading),
    )


def _house(mail: Mail, policy: Policy) -> House:
    source = source_of(mail, policy)
    return House(
        own_lists=policy.desk.own_lists,
        spam_headers=policy.desk.spam_headers,
        source=source.name if source is not None else "",
        hop_limit=policy.limits.hops,
        addressee_limit=policy.limits.addressees,
    )


def _dated(let_in: Decision, case: Case) -> Decision:
    """For the history: when the mail came, and when and by whom it was released."""
    came, now = arrived_at(case.envelope, case.facts.now), case.facts.now
    by = case.envelope.released_by or "an unknown person"
    text = f"came on {came:%Y-%m-%d %H:%M} UTC, released on {now:%Y-%m-%d %H:%M} UTC by {by}"
    return replace(let_in, changes=(*let_in.changes, Record(kind="let-in", text=text)))


def _let_in(case: Case) -> Decision:
    """A person released it: it joins or becomes a ticket with the trust that it had, which is none."""
    if case.ticket is None or case.facts.digest is not None or case.facts.listing is not None:
        # A digest or a list names the tickets of others; who answers it means none of them.
        return open_plain(case)
    if case.authorisation.standing in (Standing.AGENT, Standing.AGENT_UNPROVEN):
        return _append_unproven(case, case.ticket)
    return open_claimed(case, case.ticket)


def _append_unproven(case: Case, ticket: TicketFacts) -> Decision:
    """In an agent's name, on a ticket that exists: colleagues read it, commands in it are words, nothing moves."""
    marks = (*marks_of(case), say("not verified: released from quarantine by a person"))
    message = post(case, author=case.sender, role=Standing.OTHER.value, marks=marks, visibility=Visibility.INTERNAL)
    notices: tuple[Change, ...] = ()
    if not case.envelope.quiet:
        context = {"marks": list(marks), "reopened": False, "attach_original": bool(case.mail.defect)}
        # The agent in whose name it is hears of it too: it may not be theirs.
        notices = tell_agents(
            "new_reply", agents_of_ticket(case.policy, ticket, Event.NEW_REPLY), about="message", context=context
        )
    reason = Reason(code="released-unproven", text="released in an agent's name: colleagues see it, nothing is done")
    return case.decide(Action.APPEND, message, *notices, reasons=(reason,), ticket=ticket.number)


def _decide_case(case: Case) -> Decision:
    screening = case.screening
    if case.envelope.mailbox_role is MailboxRole.SENT:
        return file_sent(case, case.ticket)
    if case.facts.is_probe:
        return file_probe(case)
    if case.facts.border_test is not None:
        return file_border_test(case, case.facts.border_test)
    if case.facts.heartbeat is not None:
        return file_heartbeat(case, case.facts.heartbeat)
    if screening.verdict is Verdict.QUARANTINE:
        return case.quarantine(screening.quarantine_code)
    if screening.kind is MailKind.BOUNCE:
        return file_bounce(case)
    if case.facts.denied_by:
        return case.quarantine("denied", Reason(code="denied", text=f"{case.facts.denied_by} is on the deny list"))
    if case.facts.digest is not None:
        return answer_digest(case, case.facts.digest)
    if case.facts.listing is not None and not begins_anew(case, case.facts.listing):
        return answer_listing(case, case.facts.listing)
    answered = answer_question(case)
    if answered is not None:
        return answered
    if screening.verdict is Verdict.ACCEPT_QUIETLY:
        return file_quietly(case, case.ticket)
    return hold_back(case, tapping(case, _decide_open))


def _desk_mail(case: Case) -> DeskMail | None:
    """What the mail asks of the desk itself; None for a mail about a matter, and for what no person wrote."""
    if not case.is_by_a_person or case.mail.forwarded is not None or case.facts.has_broken_key:
        return None
    return read_desk_mail(case.mail.subject, case.mail.new_text)


def _decide_open(case: Case) -> Decision:
    """A mail that may open a ticket, append to one or command."""
    ticket, standing, agent = case.ticket, case.authorisation.standing, case.agent
    if ticket is None or case.threading.evidence is Evidence.SUBJECT_TOKEN:
        # A number in the subject of a command is the command's.
        asked = _desk_mail(case)
        if agent is not None and asked is not None:
            return answer_desk_mail(case, agent, asked)
    if standing is Standing.AGENT_UNPROVEN:
        return quarantine_and_ask(case, "agent-unproven")
    helped = help_oneself(case, ticket)
    if helped is not None:
        return helped
    if ticket is None:
        logged = read_logged(case, agent) if agent is not None and case.is_by_a_person else None
        if agent is not None and logged is not None:
            return open_logged(case, agent, logged)
        told = answer_without_ticket(case, agent) if agent is not None else None
        if told is not None:
            return told
        return join_same_matter(case) or open_plain(case)
    if standing is Standing.CLAIM:
        return open_claimed(case, ticket)
    if not case.is_by_a_person and standing is Standing.OTHER:
        # Ticket trick (2017): a service's automatic mail to a reply address must not be shown on the ticket.
        return case.quarantine("third-party-auto")
    if standing is Standing.AGENT and agent is not None:
        return reply_by_agent(case, ticket, agent) if case.is_by_a_person else file_quietly(case, ticket)
    return reply_by_participant(case, ticket)
