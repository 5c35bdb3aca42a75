"""How much an SMTP or LMTP connection may ask for, and how long it may take; most of it is `[smtp]` of the settings."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.intake.accept import ANSWER_TIMEOUT_SECONDS

# Our own mail servers bring other people's mistakes, and work for many.
TRUSTED_FACTOR = 10


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """How long we wait, in seconds: for a command (RFC 5321 §4.5.3.2.7 asks for five minutes), and for the door.

    While content comes, the clock is stricter: `idle` is the time without an octet, `content` the time altogether, plus
    that for what came at the slowest speed that we put up with. `linger` is for a client that does not read our last
    words.
    """

    command: float = 300.0
    idle: float = 60.0
    content: float = 600.0
    slowest_bytes_per_second: int = 16 * 1024
    answer: float = ANSWER_TIMEOUT_SECONDS
    linger: float = 10.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much one connection may ask for before a mail is taken: see `[smtp]` in the settings."""

    recipients: int = 100
    commands: int = 100
    errors: int = 10
