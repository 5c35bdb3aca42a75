"""Screen a mail: what kind is it, may it be answered, what becomes of it?

The first of the decisions on the way of a mail, behind `parse` and before `thread`. Three questions, each answered
apart from the others (RFC 3834 asks the second, an operator the third):

kind
    the first screen of `SCREENS` that names one.
may it be answered
    no sign of `SILENCERS` speaks against it, and the kind is one that is answered. Only what the mail itself says
    counts here; this desk's addresses, trust and budgets come later.
what becomes of it
    the verdict of the first screen that saw anything: accepted, accepted quietly (filed on its ticket, answers nobody,
    moves nothing) or quarantined (a person decides). No header drops a mail.

Headers and structure decide, never the words of a subject: "Out of office is broken" is a ticket. Pure; nothing fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.mail import Envelope, Mail, MailKind, Reason, Verdict
from gateway.triage.screens import kinds
from gateway.triage.screens.kinds import Finding
from gateway.triage.screens.reasons import REASONS, reason
from gateway.triage.screens.signs import House, Signs, observe
from gateway.triage.screens.silence import forbids_answering

__all__ = ["REASONS", "SCREENS", "House", "Screen", "Screening", "screen"]

Screen = Callable[[Signs], Finding | None]

SCREENS: Final[tuple[Screen, ...]] = (
    # Never let these in by themselves, whatever they look like.
    kinds.own_mail,
    kinds.too_many_hops,
    kinds.flagged_spam,
    # What the desk's own policy says of a machine comes before what its mail looks like.
    kinds.declared_source,
    # Reports, by their structure. A complaint carries the mail it is about, which may look like a bounce.
    kinds.abuse_report,
    kinds.delivery_report,
    kinds.odd_delivery_report,
    kinds.unsure_delivery_report,
    kinds.receipt,
    kinds.calendar,
    kinds.unknown_report,
    # Answers of machines. What says so comes before what only looks so.
    kinds.declared_auto_reply,
    kinds.undeclared_auto_reply,
    # The null path is left over when none of the above explains it.
    kinds.null_sender,
    # Mail to many, mail of machines, mail of people.
    kinds.mailing_list,
    kinds.notification,
    kinds.reply,
    kinds.new_mail,
)


@dataclass(frozen=True, kw_only=True)
class Screening:
    """What the screens say of a mail.

    `auto_reply_ok` is what the mail itself allows, apart from this desk's addresses, trust (also in a spam filter) and
    budgets.
    `addressed_to_us`: one of the desk's addresses stands in To, Cc, Resent-To or Resent-Cc. `quarantine_code` is ""
    unless the verdict is quarantine. `reasons`: those for kind and verdict first, then all that forbid an answer.
    """

    kind: MailKind
    auto_reply_ok: bool
    addressed_to_us: bool
    verdict: Verdict
    quarantine_code: str
    reasons: tuple[Reason, ...]


def screen(
    mail: Mail, envelope: Envelope, *, desk_addresses: tuple[str, ...], is_own: bool, house: House | None = None
) -> Screening:
    """Screen a mail; `is_own` where the caller verified our loop mark, or From is one of the desk's own addresses."""
    signs = observe(mail, envelope, desk_addresses=desk_addresses, is_own=is_own, house=house or House())
    findings: list[Finding] = []
    kind = MailKind.NEW
    for one_screen in SCREENS:
        if finding := one_screen(signs):
            findings.append(finding)
            if finding.kind is not None:
                kind = finding.kind
                break
    forbidding = forbids_answering(signs)
    if not forbidding and not all(finding.answerable for finding in findings):
        forbidding = (reason("no-answer-kind", kind.value),)
    return Screening(
        kind=kind,
        auto_reply_ok=not forbidding,
        addressed_to_us=signs.addressed_to_us,
        verdict=findings[0].verdict,
        quarantine_code=findings[0].quarantine_code,
        reasons=(*(finding.reason for finding in findings), *forbidding),
    )
