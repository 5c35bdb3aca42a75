"""What a mail in an agent's name proves, and what an agent may do with how much proof: one table, `ACTS`.

Levels, as people speak of them: L0 unknown (no agent's address), L1 claimed (an agent's address, which anybody can
write), L2 key (that address, and the reply key that this agent was given for this ticket), L3 domain (the mail server
at our border, or one of the sender's domain by its signature, vouches for that address). A desk on which nothing
vouches for a domain works with L2; what would let somebody outside read on needs more, and where there is no more, the
agent is asked at the registered address.

Pure. The page docs/security.md is generated from this table; a test walks it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from gateway.policy import Policy
from gateway.triage.decision import AddWatcher, Change, LinkTicket, SetRequester
from gateway.triage.facts import TicketFacts


class Level(IntEnum):
    """How much a mail proves about its author."""

    UNKNOWN = 0
    CLAIMED = 1
    KEY = 2
    DOMAIN = 3


class Means(StrEnum):
    """By what it is proven. `CONFIRMED`: the agent has said of this very mail that it is theirs, in answer to our
    question; `REMEMBERED`: the agent has answered such a question in the last `confirm_days`."""

    CLAIM = "claim"
    KEY = "key"
    DOMAIN = "domain"
    CONFIRMED = "confirmed"
    REMEMBERED = "remembered"


Proof = frozenset[Means]
NO_PROOF: Final[Proof] = frozenset()


class Act(StrEnum):
    """What somebody may do in an agent's name, from little to much."""

    LOG = "log"
    COMMAND_NEW = "command_new"
    WORK = "work"
    REACH_OUT = "reach_out"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One act in words, and the proofs of which one suffices: with `require = "key"`, and with `"key+domain"`."""

    what: str
    key: tuple[Proof, ...]
    strict: tuple[Proof, ...]


_CLAIM, _KEY, _DOMAIN = (frozenset({means}) for means in (Means.CLAIM, Means.KEY, Means.DOMAIN))
_BOTH = _KEY | _DOMAIN
_CONFIRMED, _REMEMBERED = frozenset({Means.CONFIRMED}), _KEY | {Means.REMEMBERED}

ACTS: Final[dict[Act, Row]] = {
    Act.LOG: Row(
        what="open a ticket for somebody by a forward or `#requester` in a new mail",
        key=(_CLAIM,),
        strict=(_CLAIM,),
    ),
    Act.COMMAND_NEW: Row(
        what="other commands in such a new mail",
        key=(_DOMAIN, _CONFIRMED),
        strict=(_DOMAIN, _CONFIRMED),
    ),
    Act.WORK: Row(
        what="note, answer, and every command on an existing ticket but those in the next line",
        key=(_KEY, _DOMAIN, _CONFIRMED),
        strict=(_BOTH, _CONFIRMED),
    ),
    Act.REACH_OUT: Row(
        what="let somebody outside the own domains read on: `#cc`, `#requester`, `#merge` of such a person's ticket",
        key=(_BOTH, _CONFIRMED, _REMEMBERED),
        strict=(_BOTH, _CONFIRMED),
    ),
}


# The commands that can let somebody outside read on.
REACHING: Final = frozenset({"cc", "requester", "merge"})


def may(proof: Proof, act: Act, policy: Policy) -> bool:
    """Whether one of the proofs that the act asks for under this policy is there."""
    row = ACTS[act]
    return any(needed <= proof for needed in (row.key if policy.trust.require == "key" else row.strict))


def level_of(proof: Proof) -> Level:
    """The highest level that the proof reaches; a confirmed mail counts as one with a key, for it has one."""
    if Means.DOMAIN in proof:
        return Level.DOMAIN
    if proof & {Means.KEY, Means.CONFIRMED}:
        return Level.KEY
    return Level.CLAIMED if Means.CLAIM in proof else Level.UNKNOWN


def reaches_out(changes: Iterable[Change], ticket: TicketFacts, policy: Policy, others: Iterable[TicketFacts]) -> bool:
    """Whether somebody outside the own domains would read on what could not be read before."""
    targets = {other.number: other for other in others}
    for change in changes:
        if isinstance(change, AddWatcher) and _is_new_outside(change.watcher.address, ticket, policy):
            return True
        if isinstance(change, SetRequester) and _is_new_outside(change.requester.address, ticket, policy):
            return True
        if isinstance(change, LinkTicket) and change.kind == "merged" and (target := targets.get(change.number)):
            people = (ticket.requester, *ticket.watchers)
            if any(_is_new_outside(person.address, target, policy) for person in people):
                return True
    return False


def _is_new_outside(address: str, ticket: TicketFacts, policy: Policy) -> bool:
    is_ours = policy.is_own_domain(address) or policy.agent_of(address) is not None
    return not is_ours and not ticket.is_on_ticket(address)
