"""What rules do beside filling fields: a ticket opens on hold, and colleagues read along from now on."""

from __future__ import annotations

from gateway.mail import Address
from gateway.policy.settable import read_hold
from gateway.ticket import ALWAYS_FILLED, Classification, Field, Status
from gateway.triage.case import Case
from gateway.triage.decision import AddWatcher, Change, MoveStatus
from gateway.triage.holding import held_until


def arrangements(case: Case, classification: Classification, requester: Address) -> tuple[Change, ...]:
    """What is done with a ticket that has just been opened; nothing where no rule asks for it."""
    if len(classification.values) == len(ALWAYS_FILLED):
        return ()
    return (*held(case, classification), *new_watchers(case, classification, requester.address))


def held(case: Case, classification: Classification) -> tuple[MoveStatus, ...]:
    """The move to "on hold" that a rule asks for; none where the day that it names is over."""
    found = classification.found(Field.HOLD)
    said = read_hold(found.value) if found is not None else None
    if found is None or said is None:
        return ()
    reason, until = said
    moment = None
    if until:
        moment = held_until(until, case.policy, now=case.facts.now)
        if moment is None:
            return ()
    why = f"the rule “{found.rule}” holds it for {found.value}"
    return (MoveStatus(to=Status.ON_HOLD, why=why, hold_reason=reason, hold_until=moment),)


def new_watchers(case: Case, classification: Classification, *following: str) -> tuple[AddWatcher, ...]:
    """Those whom rules let read along and who do not do so yet."""
    watchers = []
    for value in classification.all(Field.WATCHER):
        if value.value not in following:
            agent = case.policy.agent_of(value.value)
            person = Address(address=value.value, name=agent.name if agent is not None else "")
            watchers.append(AddWatcher(watcher=person, rule=value.rule))
    return tuple(watchers)
