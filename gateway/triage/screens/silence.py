"""What forbids an automatic answer, whatever kind of mail it is and whatever becomes of it.

One row for each sign. A row only ever suppresses the acknowledgement; it never moves, hides or drops the mail: RFC 3834
§2 is about answering, and so is every header here. What depends on this desk (are we addressed, whom do we trust, what
did we send lately) is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.mail import Reason
from gateway.triage.screens.reasons import reason
from gateway.triage.screens.signs import Signs

# sign, code of the reason, what to show of it
Silencer = tuple[Callable[[Signs], bool], str, Callable[[Signs], str]]

SILENCERS: Final[tuple[Silencer, ...]] = (
    (lambda signs: signs.null_sender, "no-answer-null-sender", lambda signs: ""),
    (
        lambda signs: signs.mail.structure.content_type == "multipart/report",
        "no-answer-report",
        lambda signs: signs.mail.structure.report_type,
    ),
    (lambda signs: bool(signs.auto_submitted), "no-answer-auto-submitted", lambda signs: signs.auto_submitted),
    (
        lambda signs: signs.precedence in {"bulk", "junk", "list", "auto_reply"},
        "no-answer-precedence",
        lambda signs: signs.precedence,
    ),
    (lambda signs: bool(signs.list_headers), "no-answer-list", lambda signs: ", ".join(signs.list_headers)),
    (lambda signs: bool(signs.suppressed), "no-answer-suppressed", lambda signs: signs.suppressed),
    (
        lambda signs: bool(signs.responder) or signs.machine_relay,
        "no-answer-responder",
        lambda signs: signs.responder or "X-AMAZON-MAIL-RELAY-TYPE",
    ),
    (
        lambda signs: bool(signs.unread_addresses),
        "no-answer-address",
        lambda signs: ", ".join(signs.unread_addresses),
    ),
    (lambda signs: signs.is_own, "no-answer-own-mail", lambda signs: signs.author),
    (lambda signs: bool(signs.loop_header), "no-answer-loop", lambda signs: signs.loop_header),
    (lambda signs: bool(signs.source), "no-answer-source", lambda signs: signs.source),
    (lambda signs: signs.hops > signs.hop_limit, "no-answer-hops", lambda signs: f"{signs.hops} Received lines"),
    (
        lambda signs: signs.recipients > signs.addressee_limit,
        "no-answer-recipients",
        lambda signs: f"{signs.recipients} addresses",
    ),
)


def forbids_answering(signs: Signs) -> tuple[Reason, ...]:
    """Every reason why no automatic answer may go out, in the order of `SILENCERS`; empty where one may."""
    return tuple(reason(code, show(signs)) for applies, code, show in SILENCERS if applies(signs))
