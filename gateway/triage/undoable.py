"""What an agent's last mail on a ticket did, as facts for `#undo`, and what of it is taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.ticket import Role


@dataclass(frozen=True, kw_only=True)
class Moved:
    """The status was moved: where the ticket stood and stands since, as the history writes it (`desk.fingerprints`).

    `resolved_at` and `closed_at` are what they were before; `reopenings` is how often that counted as a return from its
    end, and `changed_by` who moved it after that, "" for nobody.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    reopenings: int = 0
    changed_by: str = ""


@dataclass(frozen=True, kw_only=True)
class FieldChanged:
    """A field was set: value, whose word and by which rule, before and after; `changed_by` as above.

    `times`: how often by this mail. `column` is what stood there before though nobody had chosen it (a language).
    """

    key: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    changed_by: str = ""
    times: int = 1
    column: str = ""


@dataclass(frozen=True, kw_only=True)
class Written:
    """Words were put on the ticket, for the requester or for colleagues only; `says` nothing: commands alone."""

    message: int
    is_public: bool
    says: bool = True


@dataclass(frozen=True, kw_only=True)
class WatcherChanged:
    """Somebody reads along since, or (`added` False) no longer, and had done so from `since` on."""

    contact: int
    address: str
    added: bool = True
    since: datetime | None = None
    changed_by: str = ""


@dataclass(frozen=True, kw_only=True)
class FollowingChanged:
    """Which agents hear of the ticket, and which want to hear no more: before and after."""

    followers: tuple[str, ...]
    unwatched: tuple[str, ...]
    followers_after: tuple[str, ...]
    unwatched_after: tuple[str, ...]
    changed_by: str = ""


@dataclass(frozen=True, kw_only=True)
class RequesterChanged:
    """The ticket became somebody else's: the contacts before and after, and the address before."""

    before: int
    after: int
    address: str
    changed_by: str = ""


@dataclass(frozen=True, kw_only=True)
class Linked:
    """A link to another ticket, by its number and as it is written."""

    other: int
    kind: str
    token: str


@dataclass(frozen=True, kw_only=True)
class Merged:
    """The ticket was merged into `other`, whose new watchers are `watchers`. `in_the_way` says why it has to stay so:
    "written" (somebody wrote there since) or "moved" (that one was merged on); "" for nothing."""

    other: int
    token: str
    watchers: tuple[WatcherChanged, ...] = ()
    in_the_way: str = ""


@dataclass(frozen=True, kw_only=True)
class Caused:
    """A mail that went out because of it. `waits`: it is in the outbox, held or not, nobody has it, and it can't have
    been sent."""

    outbox: int
    notice: str
    to: str
    role: Role
    about: int | None
    waits: bool


@dataclass(frozen=True, kw_only=True)
class GivenUp:
    """A mail that still waited and was stopped because of it; `was` is its state, why it waited and until when, as the
    history writes them."""

    outbox: int
    notice: str
    to: str
    role: Role
    was: tuple[str, ...]


# A clock's kind, and all of it as the history writes it (`desk.clocks.print_of`).
ClockPrint = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class Undoable:
    """What the mail `ledger` did at `at`.

    `clocks` are those that it changed and that nothing has changed since, as they were; `acked`: it silenced them.
    `fixed` are the kinds of what it did that can't be taken back; `merged_here` are tickets that it merged into this
    one, and `elsewhere` others that it changed.
    """

    ledger: int
    at: datetime
    moved: Moved | None = None
    fields: tuple[FieldChanged, ...] = ()
    written: tuple[Written, ...] = ()
    watchers: tuple[WatcherChanged, ...] = ()
    following: FollowingChanged | None = None
    requester: RequesterChanged | None = None
    links: tuple[Linked, ...] = ()
    merged: Merged | None = None
    clocks: tuple[ClockPrint, ...] = ()
    acked: bool = False
    mails: tuple[Caused, ...] = ()
    given_up: tuple[GivenUp, ...] = ()
    fixed: tuple[str, ...] = ()
    merged_here: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TakeBack:
    """Take back these parts of what the mail `ledger` did; `mails` are rows of the outbox that wait, and
    `given_up` others that go on.

    `is_no_answer`: the requester gets none of its words, whoever else has them.
    With no part it is only remembered that this mail was looked at, so that the next `#undo` means the one before.
    """

    ledger: int
    moved: Moved | None = None
    fields: tuple[FieldChanged, ...] = ()
    watchers: tuple[WatcherChanged, ...] = ()
    following: FollowingChanged | None = None
    requester: RequesterChanged | None = None
    links: tuple[Linked, ...] = ()
    merged: Merged | None = None
    clocks: tuple[ClockPrint, ...] = ()
    messages: tuple[int, ...] = ()
    mails: tuple[int, ...] = ()
    given_up: tuple[GivenUp, ...] = ()
    is_no_answer: bool = False
