"""Who is away, and until when: `#away until Friday`, `#back`, and an agent's own out-of-office. Pure.

A day means the day by the agent's clock; "until Friday" has the Friday in it. Of an out-of-office only an end that is
clearly said counts; without one, its author is away for that day. On the last day of an absence, or later, a mail that
the agent writes by hand ends it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from gateway.mail import Address, Mail, Verdict
from gateway.phrase import Phrase, say
from gateway.policy import Agent, Policy
from gateway.ticket import Role
from gateway.triage import headlines
from gateway.triage.case import Case
from gateway.triage.decision import Decision, EndAbsence, Notice, SetAbsence
from gateway.triage.notices import stand_ins
from gateway.triage.out_of_office import ends_in
from gateway.triage.trust import Act, may
from gateway.triage.work import Refusal, Work
from gateway.when import day_named

if TYPE_CHECKING:
    from gateway.triage.desk_commands import DeskWork

BY_COMMAND: Final = "command"
BY_AUTO_REPLY: Final = "auto_reply"
FARTHEST = timedelta(days=400)
# An out-of-office that says more is a slip, or not the agent's.
_FARTHEST_BY_ITSELF = timedelta(days=120)
_READ_CHARS = 3_000
_BOTH_ENDS = re.compile(r"\s+(?:to|until|till|bis|au|à|al|hasta|até|a|-|–|—)\s+|\s*(?:\.\.\.?|–|—)\s*", re.IGNORECASE)
_LEADING = re.compile(r"^(?:from|von|vom|ab|du|de|del|desde|since)\s+", re.IGNORECASE)
# Two ends that are said of one absence, "until Friday" and "back on Monday", lie no farther apart.
_ENDS_APART = timedelta(days=4)


def read_away(argument: str, *, agent: Agent, policy: Policy, now: datetime) -> SetAbsence | Refusal:
    """What `#away` says: nothing (today), an end, or a beginning and an end."""
    zone = ZoneInfo(policy.zone_of(agent.address))
    today = now.astimezone(zone).date()
    text = _LEADING.sub("", argument.strip().rstrip(".!"))
    first = last = today
    if text:
        parts = [part for part in _BOTH_ENDS.split(text) if part.strip()]
        ends = [day_named(part, today=today) for part in ([text] if day_named(text, today=today) else parts)]
        if not ends or len(ends) > 2 or None in ends:
            why = say("“{day}” is no coming day", day=argument.strip()[:100])
            return Refusal(why=why, suggestion=say("#away until {day}", day=(today + timedelta(days=7)).isoformat()))
        days = [day for day in ends if day is not None]
        first, last = (days[0], days[1]) if len(days) == 2 else (today, days[0])
    if last < first or last < today or last - today > FARTHEST:
        why = say("“{day}” is no coming day", day=argument.strip()[:100])
        return Refusal(why=why, suggestion=say("#away until {day}", day=(today + timedelta(days=7)).isoformat()))
    starts = now if first <= today else _midnight(first, zone)
    return SetAbsence(
        agent=agent.address, starts_at=starts, ends_at=_midnight(last + timedelta(days=1), zone), source=BY_COMMAND
    )


def told_of(absence: SetAbsence, *, policy: Policy, now: datetime) -> Phrase:
    """What was understood, for its author."""
    zone = ZoneInfo(policy.zone_of(absence.agent))
    last = (absence.ends_at.astimezone(zone) - timedelta(minutes=1)).date()
    first = absence.starts_at.astimezone(zone).date()
    if first > now.astimezone(zone).date():
        return say("You are away from {first} to {last}. #back ends it.", first=first, last=last)
    return say("You are away until {last}. #back ends it.", last=last)


def read_out_of_office(mail: Mail, *, agent: Agent, policy: Policy, now: datetime) -> SetAbsence:
    """What an agent's own out-of-office says; away for today where it says no end that is beyond doubt."""
    zone = ZoneInfo(policy.zone_of(agent.address))
    today = now.astimezone(zone).date()
    # Two passages, so that no sentence begins in the subject and ends in the text.
    named = [
        end
        for text in (mail.subject, mail.new_text[:_READ_CHARS])
        for end in ends_in(text, today=today, language=mail.language)
    ]
    days = [one for one in named if one.day is not None and one.day - today <= FARTHEST]
    ends = [_midnight(one.day + timedelta(days=not one.is_return), zone) for one in days if one.day is not None]
    coming = [end for end in ends if now < end <= now + _FARTHEST_BY_ITSELF]
    # One day that is over, or that nobody can tell, says that the others may not be meant either.
    is_clear = bool(coming) and len(coming) == len(named) and max(coming) - min(coming) <= _ENDS_APART
    end = max(coming) if is_clear else _midnight(today + timedelta(days=1), zone)
    return SetAbsence(agent=agent.address, starts_at=now, ends_at=end, source=BY_AUTO_REPLY)


def ended_by_hand(agent: Agent, until: datetime | None, *, policy: Policy, now: datetime) -> tuple[EndAbsence, ...]:
    """What a mail that an agent wrote by hand ends: an absence that is in its last day."""
    zone = ZoneInfo(policy.zone_of(agent.address))
    if until is None or (until.astimezone(zone) - timedelta(minutes=1)).date() > now.astimezone(zone).date():
        return ()
    return (EndAbsence(agent=agent.address, why="wrote by hand on the last day of it", planned=False),)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def away_by_itself(case: Case, agent: Agent) -> tuple[SetAbsence, ...]:
    """What an agent's out-of-office adds to what is known; it never brings anybody back sooner."""
    said = read_out_of_office(case.mail, agent=agent, policy=case.policy, now=case.facts.now)
    known = case.facts.away.get(agent.address)
    return (said,) if known is None or known < said.ends_at else ()


def back_by_hand(case: Case, decision: Decision) -> Decision:
    """A mail that an agent provably wrote by hand, on the last day of an absence: the agent is back."""
    agent = case.policy.agent_of(case.sender.address)
    if agent is None or agent.address not in case.facts.away or decision.verdict is not Verdict.ACCEPT:
        return decision
    is_theirs = case.is_by_a_person and may(case.authorisation.proof, Act.WORK, case.policy)
    if not is_theirs or any(isinstance(one, SetAbsence | EndAbsence) for one in decision.changes):
        return decision
    ended = ended_by_hand(agent, case.facts.away[agent.address], policy=case.policy, now=case.facts.now)
    return replace(decision, changes=(*decision.changes, *ended)) if ended else decision


def hearing_for(
    policy: Policy, taker: Agent, *, away: Mapping[str, datetime], team: str, author: Agent
) -> tuple[Agent, ...]:
    """Who else hears of what somebody is given who is away."""
    if taker.address not in away or taker == author:
        return ()
    return tuple(one for one in stand_ins(policy, taker, team) if one not in (taker, author))


def hints_of_absence(
    policy: Policy, taker: Agent, *, away: Mapping[str, datetime], team: str, author: Agent
) -> tuple[Phrase, ...]:
    """What the author of a command reads who gives something to a colleague who is away."""
    until = away.get(taker.address)
    if until is None or taker == author:
        return ()
    last = (until.astimezone(ZoneInfo(policy.zone_of(taker.address))) - timedelta(minutes=1)).date()
    others = hearing_for(policy, taker, away=away, team=team, author=author)
    if not others:
        return (say("{agent} is away until {last}", agent=taker.name, last=last),)
    if len(others) == 1:
        one = others[0].name
        return (say("{agent} is away until {last}; {deputy} hears of it too", agent=taker.name, last=last, deputy=one),)
    return (say("{agent} is away until {last}; the team hears of it too", agent=taker.name, last=last),)


# --- commands ---


def away_on_ticket(work: Work, argument: str) -> Work | Refusal:
    """`#away` in an answer to a ticket's mail."""
    said = read_away(argument, agent=work.agent, policy=work.policy, now=work.now)
    if isinstance(said, Refusal):
        return said
    told = told_of(said, policy=work.policy, now=work.now)
    return work.with_changes(said, _telling(work.agent_mailbox, told, f"#away {argument}"))


def back_on_ticket(work: Work, argument: str) -> Work | Refusal:
    """`#back` in an answer to a ticket's mail."""
    return work.with_changes(_back(work.agent), _telling(work.agent_mailbox, YOU_ARE_BACK, "#back"))


def away_at_desk(work: DeskWork, argument: str) -> DeskWork | Refusal:
    """`#away` in a mail to the desk itself."""
    said = read_away(argument, agent=work.agent, policy=work.policy, now=work.now)
    if isinstance(said, Refusal):
        return said
    return work.with_changes(said, told=told_of(said, policy=work.policy, now=work.now))


def back_at_desk(work: DeskWork, argument: str) -> DeskWork | Refusal:
    """`#back` in a mail to the desk itself."""
    return work.with_changes(_back(work.agent), told=YOU_ARE_BACK)


YOU_ARE_BACK = say("You are back: new tickets are given to you again.")


def _back(agent: Agent) -> EndAbsence:
    return EndAbsence(agent=agent.address, why="by command")


def _telling(to: Address, line: Phrase, command: str) -> Notice:
    context: dict[str, object] = {"title": say("Done:"), "lines": [line], "files": False}
    context["headline"] = headlines.done(command)
    return Notice(name="result", to=to, role=Role.AGENT, context=context)
