"""Which ticket does a mail belong to? Evidence in order, the winner is recorded.

A reply key in the recipient address → In-Reply-To and References → a subject token → a token or one of our ids in the
quoted part. Ids beat tokens; of two tickets with evidence of the same kind the newest wins, and both are named.
What a mail of ours about no ticket names in its text is no evidence for its answer. Whether the sender may say
anything there is another question (`authorise`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.mail import Reason
from gateway.triage.facts import Evidence, Facts, KeyFact, ReferenceFact


@dataclass(frozen=True, kw_only=True)
class Threading:
    """The ticket that a mail names (None: it names none), by what, and which others it named too."""

    ticket: int | None = None
    evidence: Evidence | None = None
    keys: tuple[KeyFact, ...] = ()
    references: tuple[ReferenceFact, ...] = ()
    others: tuple[int, ...] = ()
    reasons: tuple[Reason, ...] = ()


def thread(facts: Facts) -> Threading:
    """Weigh what the mail names. Only tickets that exist count; keys that are not usable count as no evidence."""
    named = {evidence: _tickets_by(facts, evidence) for evidence in Evidence}
    everything = list(dict.fromkeys(number for numbers in named.values() for number in numbers))
    for evidence, numbers in named.items():
        if numbers:
            winner = max(numbers)
            return Threading(
                ticket=winner,
                evidence=evidence,
                keys=tuple(key for key in facts.keys if key.ticket == winner and key.usable),
                references=tuple(ref for ref in facts.references if ref.ticket == winner),
                others=tuple(sorted(number for number in everything if number != winner)),
                reasons=tuple(_reasons(facts, winner, evidence, everything)),
            )
    return Threading(reasons=tuple(_unusable(facts)))


def _tickets_by(facts: Facts, evidence: Evidence) -> list[int]:
    numbers = [key.ticket for key in facts.keys if key.evidence is evidence and key.usable]
    numbers += [ref.ticket for ref in facts.references if ref.evidence is evidence]
    numbers += [token.ticket for token in facts.tokens if token.evidence is evidence]
    return [number for number in numbers if facts.ticket(number) is not None]


_SENTENCES = {
    Evidence.RECIPIENT_KEY: "the address it was sent to carries our reply key",
    Evidence.REFERENCE: "In-Reply-To or References name a mail of the ticket",
    Evidence.SUBJECT_TOKEN: "the subject names the ticket",
    Evidence.QUOTED: "the quoted part names the ticket",
}


def _reasons(facts: Facts, winner: int, evidence: Evidence, everything: list[int]) -> Iterable[Reason]:
    yield Reason(code=f"thread-{evidence.value.replace('_', '-')}", text=f"ticket {winner}: {_SENTENCES[evidence]}")
    others = [number for number in everything if number != winner]
    if others:
        listed = ", ".join(str(number) for number in sorted(others))
        yield Reason(
            code="thread-several", text=f"also names {listed}; stronger or newer evidence decided for {winner}"
        )
    ticket = facts.ticket(winner)
    if ticket is not None and ticket.merged_from:
        listed = ", ".join(str(number) for number in ticket.merged_from)
        yield Reason(code="thread-merged", text=f"{listed} was merged into {winner}")
    yield from _unusable(facts)


def _unusable(facts: Facts) -> Iterable[Reason]:
    for key in facts.keys:
        if not key.usable:
            yield Reason(code="key-not-usable", text=f"a reply key for ticket {key.ticket}: {key.why_not}")
