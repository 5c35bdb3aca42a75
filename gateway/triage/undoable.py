"""What an agent's last mail on a ticket did, as facts for `#undo`, and what of it is taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.ticket import Role


@dataclass(frozen=True, kw_only=True)
class Moved:
    """The status was moved: where the ticket stood and stands since, as the history writes it (`desk.fingerprints`).

    `since` is when it had come to where it stood; `reopenings` is how often that counted as a return from its end, and
    `changed_by` who moved it after that, "" for nobody.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    since: datetime
    reopenings: int = 0
    changed_by: str = ""


@dataclass(frozen=True, kw_only=True)
class FieldChanged:
    """A field was set: value, whose word and by which rule, before and after; `changed_by` as above."""

    key: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    changed_by: str = ""


@dataclass(frozen=True, kw_only=True)
class Written:
    """Words were put on the ticket, for the requester or for colleagues only."""

    message: int
    is_public: bool


@dataclass(frozen=True, kw_only=True)
class WatcherAdded:
    contact: int
    address: str


@dataclass(frozen=True, kw_only=True)
class Caused:
    """A mail that went out because of it. `waits`: it is in the outbox, nobody has it, and it can't have been sent."""

    outbox: int
    notice: str
    to: str
    role: Role
    about: int | None
    waits: bool


@dataclass(frozen=True, kw_only=True)
class Undoable:
    """What the mail `ledger` did at `at`; `fixed` are the kinds of what it did that can't be taken back."""

    ledger: int
    at: datetime
    moved: Moved | None = None
    fields: tuple[FieldChanged, ...] = ()
    written: tuple[Written, ...] = ()
    watchers: tuple[WatcherAdded, ...] = ()
    mails: tuple[Caused, ...] = ()
    fixed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TakeBack:
    """Take back these parts of what the mail `ledger` did; `mails` are rows of the outbox that wait."""

    ledger: int
    moved: Moved | None = None
    fields: tuple[FieldChanged, ...] = ()
    watchers: tuple[WatcherAdded, ...] = ()
    messages: tuple[int, ...] = ()
    mails: tuple[int, ...] = ()
    was_public: bool = False
