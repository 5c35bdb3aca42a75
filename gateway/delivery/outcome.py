"""What one attempt to send a mail can end in, and how long to wait before the next. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.phrase import Phrase


class Fate(StrEnum):
    """What an attempt ended in. The last three are about the channel: they are not counted against the mail."""

    TAKEN = "taken"
    """The relay has said 250 to the whole mail."""
    REFUSED = "refused"
    """This mail will never be taken as it is."""
    SENDER_REFUSED = "sender_refused"
    """The relay does not let us write under this sender: a person must change its configuration or ours."""
    LATER = "later"
    """This mail is not taken now."""
    UNCERTAIN = "uncertain"
    """The connection was lost between DATA and the answer to the final dot: the relay may have taken it."""
    UNREACHABLE = "unreachable"
    """No session with the relay came about: it is down, busy or far away."""
    MISCONFIGURED = "misconfigured"
    """The relay's name, certificate or login is wrong: a person must act, and no mail may suffer from it."""
    NO_TOKEN = "no_token"
    """There is nothing to log in with: [oauth.…] says why, and when it asks again; to ask it often costs nothing."""


CHANNEL_FATES = frozenset({Fate.UNREACHABLE, Fate.MISCONFIGURED, Fate.NO_TOKEN})


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The end of one attempt; `reply` is the relay's answer in one line, or what happened instead of one.

    `said` is the same as a phrase, where the words are ours.
    """

    fate: Fate
    reply: str
    said: Phrase | None = None


class ChannelTrouble(Exception):
    """No session came about; `answer` says why, in a fate that is about the channel."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reply)
        self.answer = answer


# Like Postfix and chasquid: soon at first, since most trouble is short, then hourly until the mail is given up.
MAIL_DELAYS_MINUTES = (1, 2, 5, 10, 20, 40, 60)
# A relay that restarts is back in seconds, and one connection is cheap, however many mails wait.
UNREACHABLE_DELAYS_SECONDS = (2, 5, 10, 20, 30)
# Many servers lock an account that tries a wrong password too often.
MISCONFIGURED_DELAYS_SECONDS = tuple(60 * minutes for minutes in MAIL_DELAYS_MINUTES)

JITTER = 0.1


def mail_delay(attempt: int, *, chance: float) -> timedelta:
    """How long a mail waits after its `attempt`-th (from 1) failed; `chance` in 0…1 spreads it by ±10 %."""
    minutes = MAIL_DELAYS_MINUTES[min(attempt, len(MAIL_DELAYS_MINUTES)) - 1]
    return timedelta(minutes=minutes) * _spread(chance)


def channel_delay(fate: Fate, failures: int, *, chance: float) -> timedelta:
    """How long the whole channel waits after `failures` (from 1) in a row, the last of them with this fate."""
    steps = MISCONFIGURED_DELAYS_SECONDS if fate is Fate.MISCONFIGURED else UNREACHABLE_DELAYS_SECONDS
    return timedelta(seconds=steps[min(failures, len(steps)) - 1]) * _spread(chance)


def _spread(chance: float) -> float:
    return 1 - JITTER + 2 * JITTER * chance


def is_given_up(created_at: datetime, *, now: datetime, retry_days: int) -> bool:
    """Tell whether a mail has been tried for long enough."""
    return now >= created_at + timedelta(days=retry_days)


REPLY_LIMIT = 500
_ENHANCED = re.compile(r"(?:^|[\s(\[#])([245]\.\d{1,3}\.\d{1,3})\b")


def one_line(code: int, message: str) -> str:
    """Write an SMTP reply as one line that can be stored and shown."""
    words = " / ".join(line.strip() for line in message.splitlines() if line.strip())
    text = f"{code} {words}".encode("utf-8", "replace").decode()
    return "".join(char if char.isprintable() else "?" for char in text)[:REPLY_LIMIT]


def enhanced_status(message: str) -> str:
    """The RFC 3463 status in a reply, "" where there is none."""
    match = _ENHANCED.search(message)
    return match.group(1) if match else ""


# RFC 4954 §6: what a server says to a client that should have authenticated itself, or better.
_LOGIN_CODES = frozenset({530, 534, 535, 538})
# Exchange's words for "not under this address", seen after MAIL and after DATA (SendAsDenied).
_SENDER_STATUSES = frozenset({"5.7.60", "5.2.252"})
# RFC 3463 §3.3 and §3.4: the mail is too big for the system or for the mailbox.
_SIZE_STATUSES = frozenset({"5.3.4", "5.2.3"})


def of_reply(code: int, message: str, *, to_mail_command: bool = False) -> Answer:
    """What a reply that is not a yes means for the mail (RFC 5321 §4.2.1).

    5yz to MAIL is about our address, which is that of every mail, unless it speaks of the size.
    """
    reply, status = one_line(code, message), enhanced_status(message)
    if code in _LOGIN_CODES:
        return Answer(fate=Fate.MISCONFIGURED, reply=reply)
    if not 500 <= code <= 599:
        return Answer(fate=Fate.LATER, reply=reply)
    about_size = code == 552 or status in _SIZE_STATUSES
    if status in _SENDER_STATUSES or (to_mail_command and not about_size):
        return Answer(fate=Fate.SENDER_REFUSED, reply=reply)
    return Answer(fate=Fate.REFUSED, reply=reply)
