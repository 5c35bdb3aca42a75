"""The words of every reason that a screen gives.

Codes are kept in the database and shown by `gateway explain`; the sentence says to a person what was seen. The detail
behind it (a header and its value, an address) is what a stranger wrote, so it is cut short and kept on one line.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.mail import Reason

_DETAIL_LIMIT_CHARS: Final = 100
_UNSHOWN: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")

REASONS: Final[dict[str, str]] = {
    # What kind of mail this is.
    "own-mail": "one of our own mails came back, or somebody sends in our name",
    "hops": "the mail went through more servers than any honest way has",
    "spam": "a filter on the way marked the mail as spam",
    "abuse-report": "a provider reports that somebody complained about a mail (RFC 5965)",
    "declared-source": "a machine that the policy names as a source wrote this",
    "receipt": "a receipt says that a mail was displayed, deleted or refused (RFC 8098)",
    "delivery-report": "a mail server reports on a delivery (RFC 3464)",
    "odd-delivery-report": "a mail server reports on a delivery in a form of its own",
    "bounce-unmatched": "perhaps a delivery report, perhaps a person: nothing in it can be read by a machine",
    "calendar-answer": "a calendar program answers or withdraws an invitation (RFC 5546)",
    "calendar-invitation": "an invitation to a meeting (RFC 5546)",
    "unknown-report": "a machine's report of a kind that needs no answer (RFC 6522)",
    "auto-replied": "the header says that a machine answered (RFC 3834)",
    "auto-answer": "a machine made this mail as an answer to another one",
    "null-sender": "the envelope names no sender, as only machines do, and nothing says what the mail is",
    "list": "the mail came through a mailing list or a mass mailing (RFC 2369, 2919)",
    "auto-generated": "the header says that a machine wrote this (RFC 3834)",
    "bulk": "the mail says of itself that it was sent to many",
    "dmarc-report": "an aggregate report on the mail of a domain (RFC 7489)",
    "system-sender": "a system wrote this, from an address that nobody reads",
    "answers-earlier-mail": "the mail answers an earlier one",
    "new-mail": "a person wrote a new mail",
    # What forbids an automatic answer, whatever kind it is. The letters are those of the table in SILENCERS.
    "no-answer-null-sender": "no answer: the envelope names no sender (RFC 5321 §4.5.5)",
    "no-answer-report": "no answer: the mail is a report, a receipt or a calendar's answer",
    "no-answer-auto-submitted": "no answer: the mail says that a machine sent it (RFC 3834 §2)",
    "no-answer-precedence": "no answer: the mail was sent to many",
    "no-answer-list": "no answer: the mail came through a list",
    "no-answer-suppressed": "no answer: the sender asked for none (X-Auto-Response-Suppress)",
    "no-answer-responder": "no answer: a machine answered here",
    "no-answer-address": "no answer: nobody reads mail at this address",
    "no-answer-own-mail": "no answer: we do not write to ourselves",
    "no-answer-hops": "no answer: the mail goes round in circles",
    "no-answer-loop": "no answer: another desk's system wrote this, and knows its own mail by this header",
    "no-answer-source": "no answer: the policy names this machine as a source",
    "no-answer-recipients": "no answer: more people are addressed than any answer is for",
    "no-answer-kind": "no answer: mails of this kind are not answered",
}


def reason(code: str, detail: str = "") -> Reason:
    """Make the reason of that code from `REASONS`, with what was seen behind its sentence."""
    shown = _UNSHOWN.sub(" ", detail).strip()
    if len(shown) > _DETAIL_LIMIT_CHARS:
        shown = shown[: _DETAIL_LIMIT_CHARS - 1].rstrip() + "…"
    return Reason(code=code, text=f"{REASONS[code]} ({shown})" if shown else REASONS[code])
