"""No storm: which automatic mail is left out or held, and which sender is too fast. One reason for each.

Place in the mail's way: the last word on a decision. Whoever writes a mail by hand is never restrained; a mail that
came in is never lost: it opens or joins its ticket, or waits in quarantine. Each refusal is an event `suppressed` with
its code, on the ticket where there is one. Pure.

The limits are `[limits]` of rules.toml. Those for everybody and for one domain count only mail to addresses outside
the own domains that are no agents'; colleagues and agents have their own pace.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from gateway.mail import Envelope
from gateway.phrase import counted
from gateway.policy import Policy
from gateway.policy.limits import windows
from gateway.triage.decision import Record
from gateway.triage.traffic import (
    ANSWERS,
    ASKED_BY_WORD,
    ASKED_FOR,
    DAY,
    HELD,
    HOUR,
    TO_AGENTS,
    TO_PEOPLE,
    AutomaticMail,
    Outside,
    Traffic,
)

_WORD = re.compile(r"[^\W\d_]+")
_READ_CHARS = 4_000
_ALIKE = 0.75

TOO_MANY_ANSWERS: Final = "agent-hour"

# Every code of a refusal, in words for `gateway status` and the pages.
RESTRAINTS: Final[dict[str, str]] = {
    "not-answered": "the mail itself, its sender or the policy allows no acknowledgement",
    "recipient-hour": "the recipient had enough acknowledgements, or answers to “status” and the like, within the hour",
    "recipient-day": "the recipient had enough acknowledgements, or answers to “status” and the like, within the day",
    "ticket": "the recipient had enough automatic mails on this ticket",
    TOO_MANY_ANSWERS: "the agent had so many answers to commands, or to mails that were held, within the hour that a "
    "machine may be writing; one mail says so",
    "ping-pong": "mails went to and fro on this ticket between machines; it is muted until an agent acts, and agents "
    "hear of their held mails unless these say what earlier ones said",
    "muted": "the address answers our automatic mails at machine speed; it is muted for some days",
    "undeliverable": "an earlier mail to the address came back; automatic mail to it is held",
    "outside-domain": "the domain had enough automatic mails within the hour",
    "outside-hour": "enough automatic mails went outside within the hour; further ones are held",
    "flood": "the sender's mails opened too many tickets; further ones wait in quarantine",
    "repeat": "the sender wrote the same several times; further ones wait in quarantine",
}


@dataclass(frozen=True, kw_only=True)
class Restraint:
    """Why an automatic mail does not go out; `holds` where it is kept in the outbox instead of left out."""

    code: str
    text: str
    holds: bool = False

    def as_event(self, what: str, address: str) -> Record:
        detail = {"why": self.code, "what": what, "to": address}
        done = "held" if self.holds else "left out"
        return Record(kind="suppressed", text=f"{what} to {address} {done}: {self.text}", detail=detail)


def is_outside(address: str, policy: Policy) -> bool:
    """Whether somebody is neither of the own domains nor an agent."""
    return not policy.is_own_domain(address) and policy.agent_of(address) is None


def restraint_on(
    notice: str,
    address: str,
    *,
    ticket: int | None,
    now: datetime,
    policy: Policy,
    traffic: Traffic | None,
    outside: Outside,
    is_muted_ticket: bool = False,
    tells_of_work: bool = False,
) -> Restraint | None:
    """Why this automatic mail to this address must not go out, None where it may; mail by hand always may.

    `tells_of_work`: an answer to an agent that says what was done or could not be, and not only what was asked for.
    """
    if notice not in TO_PEOPLE and notice not in TO_AGENTS:
        return None
    known = traffic or Traffic(address=address)
    if notice in ANSWERS:
        return _too_many_answers(known, now, policy, tells_of_work=tells_of_work)
    if is_muted_ticket and (notice != HELD or said_before(known, policy)):
        return Restraint(code="ping-pong", text="the ticket is muted until an agent acts")
    if notice == HELD:
        return _too_many_held(known, now, policy)
    if notice in TO_AGENTS:
        others = tuple(mail for mail in known.automatic if mail.notice not in ANSWERS)
        return _too_many_on_ticket(replace(known, automatic=others), ticket, now, policy)
    return (
        unwelcome(known, now, policy)
        or _enough_acknowledgements(notice, known, now, policy)
        or _enough_answers(notice, known, now, policy)
        or _too_many_on_ticket(known, ticket, now, policy)
        or _enough_outside(address, outside, policy)
    )


def unwelcome(known: Traffic, now: datetime, policy: Policy) -> Restraint | None:
    """Why no automatic mail goes to the address at all: it answers ours by itself, or nothing arrives there."""
    if known.muted_until is not None and known.muted_until > now:
        until = f"{known.muted_until:%Y-%m-%d}"
        return Restraint(code="muted", text=f"{known.address} answers our automatic mails by itself; muted to {until}")
    if is_undeliverable(known, now, policy):
        came_back = f"{known.bounced_at:%Y-%m-%d}"
        text = f"a mail to {known.address} came back on {came_back}"
        return Restraint(code="undeliverable", text=text, holds=True)
    return None


def is_undeliverable(known: Traffic, now: datetime, policy: Policy) -> bool:
    """Whether a mail to the address came back not long ago, and nobody has said since that it is well."""
    days = timedelta(days=policy.limits.undeliverable_days)
    return known.bounced_at is not None and known.bounced_at + days > now


def _enough_acknowledgements(notice: str, known: Traffic, now: datetime, policy: Policy) -> Restraint | None:
    if notice != "acknowledgement":
        return None
    hour, day = known.count(notice, since=now - HOUR), known.count(notice, since=now - DAY)
    if hour >= policy.limits.acknowledgements_per_hour:
        text = f"{known.address} had {hour} acknowledgements within the hour"
        return Restraint(code="recipient-hour", text=text)
    if day >= policy.limits.acknowledgements_per_day:
        return Restraint(code="recipient-day", text=f"{known.address} had {day} acknowledgements within the day")
    return None


def _enough_answers(notice: str, known: Traffic, now: datetime, policy: Policy) -> Restraint | None:
    """Answers to words like "status" have the pace of acknowledgements, counted by themselves."""
    if notice not in ASKED_FOR:
        return None
    hour = sum(known.count(one, since=now - HOUR) for one in ASKED_FOR)
    day = sum(known.count(one, since=now - DAY) for one in ASKED_FOR)
    if hour >= policy.limits.acknowledgements_per_hour:
        return Restraint(code="recipient-hour", text=f"{known.address} had {hour} such answers within the hour")
    if day >= policy.limits.acknowledgements_per_day:
        return Restraint(code="recipient-day", text=f"{known.address} had {day} such answers within the day")
    return None


def hour_of(now: datetime) -> datetime:
    """When the hour of the clock began in which an agent's answers are counted: so one can be told until when."""
    return now.replace(minute=0, second=0, microsecond=0)


def _too_many_answers(known: Traffic, now: datetime, policy: Policy, *, tells_of_work: bool) -> Restraint | None:
    """An agent asks as often as people can; what was done is told twice as often, for nobody may miss it."""
    count = sum(mail.notice in ANSWERS and mail.at >= hour_of(now) for mail in known.automatic)
    if count < policy.limits.answers_to_agent_per_hour * (2 if tells_of_work else 1):
        return None
    return Restraint(code=TOO_MANY_ANSWERS, text=f"{known.address} had {count} answers to commands within the hour")


def _too_many_held(known: Traffic, now: datetime, policy: Policy) -> Restraint | None:
    """What is held is told at any pace that people have, on one ticket or many."""
    count = sum(mail.notice == HELD and mail.at >= hour_of(now) for mail in known.automatic)
    if count < policy.limits.answers_to_agent_per_hour:
        return None
    text = f"{known.address} was told of {counted(count, 'held mail')} within the hour"
    return Restraint(code=TOO_MANY_ANSWERS, text=text)


def _too_many_on_ticket(known: Traffic, ticket: int | None, now: datetime, policy: Policy) -> Restraint | None:
    if ticket is None:
        return None
    for mails, minutes in windows(policy.limits):
        count = known.count_on(ticket, since=now - timedelta(minutes=minutes))
        if count >= mails:
            had = counted(count, "automatic mail")
            text = f"{known.address} had {had} on this ticket within {counted(minutes, 'minute')}"
            return Restraint(code="ticket", text=text)
    return None


def _enough_outside(address: str, outside: Outside, policy: Policy) -> Restraint | None:
    if not is_outside(address, policy):
        return None
    domain = address.rpartition("@")[2]
    to_domain = outside.to_domain.get(domain, 0)
    if to_domain >= policy.limits.outside_per_domain_per_hour:
        text = f"{to_domain} automatic mails went to {domain} within the hour"
        return Restraint(code="outside-domain", text=text)
    if outside.to_all >= policy.limits.outside_per_hour:
        text = f"{outside.to_all} automatic mails went outside within the hour"
        return Restraint(code="outside-hour", text=text, holds=True)
    return None


def said_before(known: Traffic, policy: Policy) -> bool:
    """Whether an agent's mail says what so many of the last day said that a machine may be writing. Whoever
    else writes is told, at any pace of people: who is not believes that it was sent."""
    return known.same >= policy.limits.cycles


def is_last_told(known: Traffic, ticket: int, now: datetime, policy: Policy) -> bool:
    """Whether an agent who is told of a held mail now would not be told of another one that says the same."""
    told = AutomaticMail(notice=HELD, ticket=ticket, at=now)
    after = replace(known, automatic=(*known.automatic, told), same=known.same + 1)
    return said_before(after, policy) and is_ping_pong(after, ticket, now, policy)


def is_ping_pong(known: Traffic, ticket: int, now: datetime, policy: Policy) -> bool:
    """Whether so many automatic mails on a ticket were each answered, by what caused the next one.

    What the desk answers by itself on an existing ticket answers a mail. So a chain of such mails, each soon after the
    one before, is as many mails from the other side.
    """
    gap = timedelta(minutes=policy.limits.cycle_minutes)
    chain, before = 0, now
    for mail in sorted(known.automatic, key=lambda mail: mail.at, reverse=True):
        if mail.ticket != ticket or mail.notice in ANSWERS:
            continue
        if before - mail.at > gap:
            break
        chain, before = chain + 1, mail.at
    return chain >= policy.limits.cycles


def arrived_at(envelope: Envelope, now: datetime) -> datetime:
    """When a mail arrived, which is not when we came to it: after a standstill all would be of one moment."""
    return min(now, envelope.internal_date or envelope.received_at)


def is_quick_reply(known: Traffic, arrived: datetime, policy: Policy) -> bool:
    """Whether a mail came within moments after an automatic one that none before it had followed like that."""
    within = timedelta(seconds=policy.limits.quick_reply_seconds)
    counted = known.quick_reply_at
    mails = [mail for mail in _unasked(known) if counted is None or mail.at >= counted]
    moments = [moment for mail in mails for moment in (mail.at, mail.sent_at) if moment is not None]
    return any(moment < arrived <= moment + within for moment in moments)


def _unasked(known: Traffic) -> list[AutomaticMail]:
    return [mail for mail in known.automatic if mail.notice in TO_PEOPLE and mail.notice not in ASKED_BY_WORD]


def quick_replies_with(known: Traffic, arrived: datetime, *, is_reply: bool = False) -> int:
    """How many quick replies there were within a day, this one counted; 0 where this one is none.

    A reply on a ticket is a machine's where it reads like earlier ones; people answer at once with words of their own.
    Then those count too, though no more than there were mails of ours to answer.
    """
    is_recent = known.quick_reply_at is not None and arrived - known.quick_reply_at <= DAY
    count = known.quick_replies + 1 if is_recent else 1
    if not is_reply:
        return count
    return max(count, min(known.alike + 1, len(_unasked(known)))) if known.alike else 0


def reads_alike(text: str, other: str) -> bool:
    """Whether two mails have mostly the same words, numbers apart: an answering machine names ticket or subject."""
    words, others = (Counter(_WORD.findall(one[:_READ_CHARS].casefold())) for one in (text, other))
    return bool(words) and (words & others).total() * 2 >= (words.total() + others.total()) * _ALIKE


def says_the_same(text: str, other: str) -> bool:
    """Whether two mails have the same words, numbers apart."""
    words, others = (_WORD.findall(one[:_READ_CHARS].casefold()) for one in (text, other))
    return words == others


def too_fast(arrived: Sequence[datetime], *, at: datetime, ten_minutes: int, hour: int) -> str:
    """What limit a sender's tickets are over, "" where none: `arrived` are the mails that opened them."""
    within = {minutes: sum(at - timedelta(minutes=minutes) < one <= at for one in arrived) for minutes in (10, 60)}
    if within[10] >= ten_minutes:
        return f"{within[10]} tickets in ten minutes"
    return f"{within[60]} tickets in an hour" if within[60] >= hour else ""
