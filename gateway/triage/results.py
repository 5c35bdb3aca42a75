"""What commands answer to the agent who gave them: help, files, what rules did; each a mail to that agent alone.

What the rules did is looked up when the mail is written (`desk.rule_answers`), for a decision reads nothing.
"""

from __future__ import annotations

from enum import StrEnum

from gateway.policy.roles import Duty, may_do
from gateway.ticket import Role
from gateway.triage.canned import previews_of
from gateway.triage.commands import help_lines
from gateway.triage.decision import Notice
from gateway.triage.headlines import answer_to
from gateway.triage.work import Work


class Asked(StrEnum):
    """What an agent asks of the rules: the whole trace, who set what, how all rules do."""

    TRACE = "trace"
    FIELDS = "fields"
    STATS = "stats"


def results_of(work: Work) -> list[Notice]:
    """What commands answer to the agent."""
    contexts: list[dict[str, object]] = []
    if work.wants_help:
        contexts.append({"headline": answer_to("#help"), "lines": help_lines(work.policy), "files": False})
    if work.wants_files:
        contexts.append({"headline": answer_to("#files"), "lines": [], "files": True})
    if work.wants_why:
        asked = Asked.TRACE if may_do(work.policy, work.agent, Duty.ASK_RULES) else Asked.FIELDS
        contexts.append({"headline": answer_to("#why"), "lines": [], "files": False, "asked": asked.value})
    if work.wants_stats:
        headline = answer_to("#rules stats")
        contexts.append({"headline": headline, "lines": [], "files": False, "asked": Asked.STATS.value})
    results = [Notice(name="result", to=work.agent_mailbox, role=Role.AGENT, context=context) for context in contexts]
    return [*results, *previews_of(work)]
