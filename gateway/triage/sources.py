"""Machines that the desk knows: which `[[source]]` of the policy a mail is from.

A source is a customer without patience: its mail opens tickets within a budget of its own, and nothing answers it.
Pure; what is in From can be forged, and all that a forger gains is not to be answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from gateway.mail import Mail, MailKind
from gateway.policy import Condition, Policy, Source
from gateway.triage.conditions import Vocabulary, build_vocabulary, look
from gateway.triage.requirements import Requirement, compile_condition
from gateway.triage.view import View


def source_of(mail: Mail, policy: Policy) -> Source | None:
    """The first source of the policy that a mail is from, None for anybody else's mail."""
    if not policy.sources or mail.sender is None:
        return None
    known = _known_sources(policy)
    view = View(mail=mail, subject="", body="", sender=mail.sender.address, kind=MailKind.NEW)
    found = look(view, known.vocabulary)
    return next((source for source, test in known.sources if test.holds(found)), None)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Known:
    vocabulary: Vocabulary
    sources: tuple[tuple[Source, Requirement], ...]


@lru_cache(maxsize=2)
def _known_sources(policy: Policy) -> _Known:
    """Compile the sources of a policy; kept for the policy in force and the one before it."""
    conditions = (
        (source, Condition.model_validate({"from": source.sender, "header": source.header}))
        for source in policy.sources
    )
    sources = tuple((source, compile_condition(condition)) for source, condition in conditions)
    return _Known(
        vocabulary=build_vocabulary(entry for _, test in sources for entry in test.entries()), sources=sources
    )
