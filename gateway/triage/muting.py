"""Machines that answer machines: who comes back so soon after an automatic mail that nobody can have written it.

One word for the desk ("status") counts as little as a reply on a ticket in words of its own: people are quick, too.

Such an address is muted for some days: what it writes still opens and joins tickets, and the agents see why it hears
nothing by itself. Pure.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.phrase import Phrase, say
from gateway.triage.authorise import Standing
from gateway.triage.case import Case
from gateway.triage.decision import CountQuickReply
from gateway.triage.restraint import arrived_at, is_quick_reply, quick_replies_with


def quick_reply(case: Case) -> CountQuickReply | None:
    """What to remember where a mail came so soon after an automatic one that nobody can have written it."""
    known = case.facts.traffic_with(case.sender.address)
    arrived = arrived_at(case.envelope, case.facts.now)
    if known is None or case.envelope.quiet or case.envelope.released or not case.is_by_a_person:
        return None
    if case.policy.agent_of(known.address) is not None or not is_quick_reply(known, arrived, case.policy):
        return None
    is_reply = case.ticket is not None and case.authorisation.standing in (Standing.REQUESTER, Standing.WATCHER)
    count = quick_replies_with(known, arrived, is_reply=is_reply)
    if not count:
        return None
    limits = case.policy.limits
    until = case.facts.now + timedelta(days=limits.mute_days) if count >= limits.quick_replies else None
    return CountQuickReply(address=known.address, count=count, at=arrived, muted_until=until)


def muted_until(case: Case) -> datetime | None:
    """Until when the sender is muted, by what this mail shows or an earlier one did; None where they are not."""
    known, counted = case.facts.traffic_with(case.sender.address), quick_reply(case)
    if counted is not None and counted.muted_until is not None:
        return counted.muted_until
    until = known.muted_until if known is not None else None
    return until if until is not None and until > case.facts.now else None


def mark_of_muting(case: Case) -> tuple[Phrase, ...]:
    """What agents should know of an address that gets no automatic mail."""
    until = muted_until(case)
    if until is None:
        return ()
    return (
        say(
            "gets no automatic mail until {day}, because it answers ours by itself, within moments (#retry ends that)",
            day=until.date(),
        ),
    )
