"""Why a mail did not arrive, in words that help: read from its status (RFC 3463) and from what the server said.

Place in the mail's way: behind a delivery report that came in, and behind a refusal of our own relay. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.phrase import Phrase, say

_READ_LIMIT_CHARS: Final = 1_000


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One cause. `is_dead`: as long as nothing changes, no mail will ever arrive there."""

    code: str
    why: Phrase
    todo: Phrase
    is_dead: bool = False


_ASK_FOR_ADDRESS: Final = say(
    "Is the address right? Reach the person in another way; #requester NEW@ADDRESS corrects it, and #retry says that it"
    " works again."
)
NO_ADDRESS: Final = Cause(code="address", why=say("there is no such address"), todo=_ASK_FOR_ADDRESS, is_dead=True)
NO_DOMAIN: Final = Cause(
    code="domain", why=say("no mail server answers for this domain"), todo=_ASK_FOR_ADDRESS, is_dead=True
)
UNKNOWN: Final = Cause(
    code="unknown", why=say("the other server refused it for good"), todo=_ASK_FOR_ADDRESS, is_dead=True
)
FULL: Final = Cause(
    code="full",
    why=say("the mailbox is full"),
    todo=say("Reach the person in another way, and send it again when there is room."),
)
TOO_BIG: Final = Cause(
    code="size",
    why=say("the mail is too big for the other server"),
    todo=say("Send it again with fewer or smaller files."),
)
REFUSED: Final = Cause(
    code="refused",
    why=say("the other server refuses mail like this, perhaps as spam"),
    todo=say("Reach the person in another way; your mail operator may ask the other side to let the desk's mail in."),
)
EXPIRED: Final = Cause(
    code="expired",
    why=say("the other server could not be reached for days"),
    todo=say("Send it again later, or reach the person in another way."),
)

# RFC 3463 §3, the more special first. Exchange Online says 5.4.1 for an address that it does not have.
_BY_STATUS: Final = (
    (re.compile(r"^5\.1\.(?:2|10)$"), NO_DOMAIN),
    (re.compile(r"^5\.1\.[78]$"), REFUSED),
    (re.compile(r"^5\.1\.|^5\.2\.1$|^5\.4\.1$"), NO_ADDRESS),
    (re.compile(r"^[45]\.2\.2$"), FULL),
    (re.compile(r"^5\.2\.3$|^5\.3\.4$"), TOO_BIG),
    (re.compile(r"^5\.7\.|^5\.6\."), REFUSED),
    (re.compile(r"^4\.|^5\.4\.7$"), EXPIRED),
)
_BY_WORDS: Final = (
    (re.compile(r"over ?quota|quota|mailbox (?:is )?full|insufficient (?:system )?storage", re.IGNORECASE), FULL),
    (re.compile(r"too (?:big|large)|exceeds.{0,30}size|size limit", re.IGNORECASE), TOO_BIG),
    (re.compile(r"spam|blacklist|block ?list|blocked|policy|spf|dmarc|reputation", re.IGNORECASE), REFUSED),
    (
        re.compile(r"host (?:or domain name )?not found|domain .{0,60}not|nxdomain|unrouteable", re.IGNORECASE),
        NO_DOMAIN,
    ),
    (re.compile(r"timed? ?out|retry time|too long|expired|gave up", re.IGNORECASE), EXPIRED),
    (
        re.compile(
            r"(?:user|recipient|address|mailbox|account).{0,60}(?:unknown|unavailable|reject|not|invalid|disabled)"
            r"|(?:unknown|no such|invalid|disabled|unavailable).{0,20}(?:user|recipient|address|mailbox|account)",
            re.IGNORECASE,
        ),
        NO_ADDRESS,
    ),
)


def cause_of(status: str, diagnostic: str) -> Cause:
    """The cause by the enhanced status code, else by the words of the server; UNKNOWN where neither tells."""
    code = status or next(iter(re.findall(r"\b[45]\.\d{1,3}\.\d{1,3}\b", diagnostic[:_READ_LIMIT_CHARS])), "")
    by_status = next((cause for pattern, cause in _BY_STATUS if pattern.search(code)), None)
    words = diagnostic[:_READ_LIMIT_CHARS]
    by_words = next((cause for pattern, cause in _BY_WORDS if pattern.search(words)), None)
    if by_status is not None:
        # Many servers say 5.1.1 or 5.7.1 for everything; their words are better where they are plain.
        return by_words if by_words in (FULL, TOO_BIG) and by_words is not None else by_status
    return by_words or UNKNOWN


def reason_of(cause: Cause, words: Phrase | str) -> Phrase:
    """The cause, and behind it what the server said."""
    return say("{why} ({words})", why=cause.why, words=words) if words else cause.why


# What came back, for mails that show nothing of anybody's words.
WHAT: Final[dict[str, Phrase]] = {
    "acknowledgement": say("It was only the acknowledgement: the ticket is there, and nothing else was lost."),
    "resolution": say("It said that the matter is settled."),
    "closing": say("It said that the ticket is closed."),
}
