"""The closed sets of the tables: where an accepted mail, an outgoing mail and a message stand."""

from __future__ import annotations

from enum import StrEnum


class LedgerState(StrEnum):
    """Where an accepted mail stands. Every row ends in done, or waits for a person in failed or quarantined."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    QUARANTINED = "quarantined"


class Outcome(StrEnum):
    """What became of a mail that is done: exactly one of these."""

    NONE = ""
    OPENED = "opened"
    APPENDED = "appended"
    HELD = "held"
    FILED = "filed"
    COMMANDED = "commanded"
    DUPLICATE = "duplicate"
    DELETED = "deleted"


class OutboxState(StrEnum):
    """Where an outgoing mail stands. `held` waits for a person or for the relay's configuration."""

    WAITING = "waiting"
    SENT = "sent"
    HELD = "held"
    FAILED = "failed"
    MERGED = "merged"
    CANCELLED = "cancelled"


class MessageState(StrEnum):
    """A held message was written by an agent and waits for `#send`; a dropped one was replaced or withdrawn."""

    POSTED = "posted"
    HELD = "held"
    DROPPED = "dropped"


class AuthorRole(StrEnum):
    """As what the author of a message stood on the ticket."""

    REQUESTER = "requester"
    WATCHER = "watcher"
    AGENT = "agent"
    OTHER = "other"
    AUTOMATIC = "automatic"
