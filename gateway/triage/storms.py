"""Stop a storm: senders that are too fast, machines that answer machines, tickets on which two of them talk.

Place in the mail's way: the last step of a decision. `hold_back` leaves a flood to a person, `calm` takes automatic
mails out of a decision and remembers who answered at machine speed. The limits are judged by `restraint`. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.mail import MailKind, Reason
from gateway.phrase import say
from gateway.triage import headlines
from gateway.triage.authorise import Standing
from gateway.triage.case import Case
from gateway.triage.decision import (
    Action,
    Change,
    Decision,
    HoldBack,
    MuteTicket,
    Notice,
    OpenTicket,
    Record,
    TurnTo,
)
from gateway.triage.facts import TicketFacts
from gateway.triage.helping import SELF_HELP, wish_of
from gateway.triage.muting import quick_reply
from gateway.triage.notices import agents_of_ticket, tell_agents
from gateway.triage.restraint import (
    TOO_MANY_ANSWERS,
    Restraint,
    arrived_at,
    hour_of,
    is_last_told,
    is_ping_pong,
    restraint_on,
    said_before,
    too_fast,
)
from gateway.triage.sources import source_of
from gateway.triage.traffic import ANSWERS, HELD, PACE, TO_AGENTS, Traffic


def hold_back(case: Case, decision: Decision) -> Decision:
    """Leave a mail to a person whose sender opens too many tickets, or writes the same again and again."""
    if case.envelope.quiet or case.envelope.released or decision.action not in (Action.OPEN, Action.APPEND):
        return decision
    known = case.facts.traffic_with(case.sender.address)
    if known is None or case.authorisation.standing is Standing.AGENT:
        return decision
    if known.repeated >= case.policy.limits.repeats_per_10_minutes:
        text = f"{case.sender.address} wrote the same {known.repeated} times in ten minutes"
        return replace(_held_back(case, "repeat", text), changes=(_suppressed(case, "repeat", text),))
    return _flood(case, decision, known) or decision


def _flood(case: Case, decision: Decision, known: Traffic) -> Decision | None:
    opened = next((change for change in decision.changes if isinstance(change, OpenTicket)), None)
    if opened is None or opened.requester.address != case.sender.address:
        return None
    now, limits = case.facts.now, case.policy.limits
    if known.flooding_until is not None and known.flooding_until > now:
        text = f"{known.address} opened too many tickets; until {known.flooding_until:%H:%M} UTC the rest waits"
        return replace(_held_back(case, "flood", text), changes=(_suppressed(case, "flood", text),))
    budget = source_of(case.mail, case.policy) or limits
    at = arrived_at(case.envelope, now)
    over = too_fast(known.opened, at=at, ten_minutes=budget.tickets_per_10_minutes, hour=budget.tickets_per_hour)
    if not over:
        return None
    until = now + timedelta(minutes=limits.flood_minutes)
    text = f"{known.address} opened {over}; until {until:%H:%M} UTC the rest waits"
    changes: list[Change] = [HoldBack(address=known.address, until=until), _suppressed(case, "flood", text)]
    if case.policy.is_own_domain(known.address) or case.screening.kind is MailKind.NOTIFICATION:
        # A colleague's or a machine's burst may be the most important thing of the day: somebody must look.
        team = case.policy.agents_of(case.policy.default_team.name) or case.policy.agents
        local = until.astimezone(ZoneInfo(case.policy.desk.time_zone))
        context = {"address": known.address, "count": len(known.opened), "until": local.isoformat(timespec="seconds")}
        changes += tell_agents("flood", team, context=context)
    return replace(_held_back(case, "flood", text), changes=tuple(changes))


def _held_back(case: Case, code: str, text: str) -> Decision:
    return case.quarantine(code, Reason(code=code, text=text))


def _suppressed(case: Case, code: str, text: str) -> Record:
    # A kind of its own: who lets the mail in later has it decided anew, and then its answer may be left out too.
    return Record(kind="held-back", text=text, detail={"why": code, "what": "mail", "to": case.sender.address})


def calm(case: Case, decision: Decision) -> Decision:
    """Take out the automatic answers to agents that are too many, and remember who answered at machine speed."""
    ticket = case.facts.ticket(decision.ticket) if decision.ticket is not None else None
    changes: list[Change] = []
    reasons: list[Reason] = []
    for change in decision.changes:
        if isinstance(change, Notice) and change.name in TO_AGENTS and (ticket is not None or change.name in ANSWERS):
            instead = _instead_of(case, change, ticket, tells_of_work=not _only_asked(decision, change))
            # Of ten questions in one mail, one word to who asked says that there is no answer.
            changes += [one for one in instead if not (_is_pace(one) and one in changes)]
            if not any(isinstance(one, Notice) and one.name == change.name for one in instead):
                reasons.append(Reason(code="not-asked", text=f"{change.to.address} is not written to: {_why(instead)}"))
        else:
            changes.append(change)
    if ticket is not None and ticket.is_muted and _is_act_of_an_agent(case, decision):
        # First of all: what follows may turn to other tickets.
        changes.insert(0, MuteTicket(is_muted=False))
    if (counted := quick_reply(case)) and not _is_word(case, decision):
        changes.append(counted)
        text = f"{counted.address} answered an automatic mail at machine speed, {counted.count} times within a day"
        reasons.append(Reason(code="quick-reply", text=text))
        if counted.muted_until is not None:
            changes.append(Record(kind="muted", text=f"{text}: muted to {counted.muted_until:%Y-%m-%d}"))
    if not reasons and tuple(changes) == decision.changes:
        return decision
    return replace(decision, changes=tuple(changes), reasons=(*decision.reasons, *reasons))


def _is_word(case: Case, decision: Decision) -> bool:
    """Whether it is one of the words for the desk: written in a moment, and no machine answers with one of ours."""
    is_done = any(reason.code == SELF_HELP for reason in decision.reasons)
    return is_done or wish_of(case, case.ticket) is not None


def _only_asked(decision: Decision, notice: Notice) -> bool:
    """Whether a mail says what a command asked for, and not what was done or could not be."""
    if notice.name == "result":
        return headlines.only_answers(notice.context.get("headline"))
    return all(isinstance(change, Notice | Record | TurnTo) for change in decision.changes)


def _is_pace(change: Change) -> bool:
    return isinstance(change, Notice) and change.name == PACE


def _slow_down(notice: Notice, restraint: Restraint, known: Traffic, now: datetime, zone: ZoneInfo) -> list[Change]:
    """What the history says of an answer to an agent that is one too many; of the first one a mail says so."""
    changes: list[Change] = [restraint.as_event(notice.name, notice.to.address)]
    began = hour_of(now)
    if not any(mail.notice == PACE and mail.at >= began for mail in known.automatic):
        times = {"since": began, "until": began + timedelta(hours=1)}
        context = {name: at.astimezone(zone).isoformat(timespec="seconds") for name, at in times.items()}
        changes.append(Notice(name=PACE, to=notice.to, role=notice.role, context=context))
    return changes


def _instead_of(case: Case, notice: Notice, ticket: TicketFacts | None, *, tells_of_work: bool) -> list[Change]:
    """The notice itself; or, where it would go on for ever, what the history says, and once a word to colleagues."""
    known = case.facts.traffic_with(notice.to.address)
    restraint = restraint_on(
        notice.name,
        notice.to.address,
        ticket=ticket.number if ticket is not None else None,
        now=case.facts.now,
        policy=case.policy,
        traffic=known,
        outside=case.facts.outside,
        is_muted_ticket=ticket is not None and ticket.is_muted,
        tells_of_work=tells_of_work,
    )
    if restraint is not None and known is not None and restraint.code == TOO_MANY_ANSWERS:
        zone = ZoneInfo(case.policy.zone_of(notice.to.address))
        return _slow_down(notice, restraint, known, case.facts.now, zone)
    if restraint is not None:
        return [restraint.as_event(notice.name, notice.to.address)]
    if known is None or ticket is None or notice.name in ANSWERS:
        return [notice]
    goes_on = is_ping_pong(known, ticket.number, case.facts.now, case.policy)
    if notice.name == HELD and not (goes_on and said_before(known, case.policy)):
        is_last = is_last_told(known, ticket.number, case.facts.now, case.policy)
        return [replace(notice, context={**notice.context, "is_last": True}) if is_last else notice]
    return _mute(case, notice, ticket) if goes_on else [notice]


def _mute(case: Case, notice: Notice, ticket: TicketFacts) -> list[Change]:
    """No more automatic mail on a ticket, and its agents hear why; and that an agent's words wait there."""
    cycles = case.policy.limits.cycles
    text = f"{cycles} mails went to and fro with {notice.to.address} by themselves; muted until an agent acts"
    detail = {"why": "ping-pong", "what": notice.name, "to": notice.to.address}
    told = [say("muted: mails went to and fro with {address} by themselves", address=notice.to.address)]
    agent = case.policy.agent_of(notice.to.address)
    if notice.name == HELD and agent is not None:
        told.append(say("what {agent} wrote waits there; it reached nobody", agent=agent.name))
    colleagues = dict.fromkeys([*agents_of_ticket(case.policy, ticket), *case.policy.agents_of(ticket.team)])
    return [
        Record(kind="suppressed", text=text, detail=detail),
        MuteTicket(is_muted=True),
        *tell_agents("changed", colleagues, context={"changes": told, "agent": None}, but=[notice.to.address]),
    ]


def _why(instead: list[Change]) -> str:
    return next((change.text for change in instead if isinstance(change, Record)), "")


def _is_act_of_an_agent(case: Case, decision: Decision) -> bool:
    return decision.action is Action.APPEND and case.authorisation.standing is Standing.AGENT and case.is_by_a_person
