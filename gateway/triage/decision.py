"""What was decided: changes to carry out in order, and why.

A `Decision` is a value. `desk.carry_out` turns it into rows; `explain` prints it and stops there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.mail import Address, MailKind, Reason, Verdict
from gateway.ticket import Classification, FieldValue, HoldReason, Role, Status, Visibility


class Action(StrEnum):
    """What becomes of the mail itself."""

    OPEN = "open"
    APPEND = "append"
    HOLD = "hold"
    FILE = "file"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, kw_only=True)
class OpenTicket:
    """Open a ticket for `requester`; what follows in the decision is about it."""

    requester: Address
    subject: str
    language: str
    classification: Classification


@dataclass(frozen=True, kw_only=True)
class PostMessage:
    """Put text of this mail on the ticket. `passages` are (role, text); a held message reaches nobody yet."""

    author: Address | None
    author_role: str
    visibility: Visibility
    text: str
    passages: tuple[tuple[str, str], ...] = ()
    html: str = ""
    subject: str = ""
    marks: tuple[str, ...] = ()
    held: bool = False
    with_attachments: bool = True
    commands: tuple[str, ...] = ()
    label: str = "message"


@dataclass(frozen=True, kw_only=True)
class ReleaseMessage:
    """Post a held message after all, with `text` and `html` (the command lines taken out)."""

    message_id: int
    visibility: Visibility
    text: str
    html: str = ""
    label: str = "released"


@dataclass(frozen=True, kw_only=True)
class DropMessage:
    """A held message was replaced; it stays readable in the history."""

    message_id: int


@dataclass(frozen=True, kw_only=True)
class SetFields:
    values: tuple[FieldValue, ...]


@dataclass(frozen=True, kw_only=True)
class MoveStatus:
    """`close_at` is set for a resolved ticket: when it closes if nobody writes."""

    to: Status
    why: str
    hold_reason: HoldReason | None = None
    hold_until: datetime | None = None
    close_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class SetRequester:
    requester: Address


@dataclass(frozen=True, kw_only=True)
class AddWatcher:
    watcher: Address


@dataclass(frozen=True, kw_only=True)
class LinkTicket:
    """Link the ticket to `number`: follow_up, claimed, related, or merged (then it ends and its keys lead there)."""

    number: int
    kind: str


@dataclass(frozen=True, kw_only=True)
class MarkUndeliverable:
    """Remember that mail to this address came back."""

    address: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """An entry of the history that no other change writes."""

    kind: str
    text: str
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One mail to one person. `about` names a posted message by its label, `about_message` an older one by its row.

    `context` holds what the template needs beyond the ticket and the message: plain JSON values.
    """

    name: str
    to: Address
    role: Role
    about: str = ""
    about_message: int | None = None
    context: Mapping[str, object] = field(default_factory=dict)


Change = (
    OpenTicket
    | PostMessage
    | ReleaseMessage
    | DropMessage
    | SetFields
    | MoveStatus
    | SetRequester
    | AddWatcher
    | LinkTicket
    | MarkUndeliverable
    | Record
    | Notice
)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The whole decision on one mail. `ticket` is the number of the existing ticket that it is about, None else."""

    kind: MailKind
    verdict: Verdict
    action: Action
    reasons: tuple[Reason, ...]
    auto_reply_ok: bool = False
    quarantine_code: str = ""
    ticket: int | None = None
    actor: str = ""
    changes: tuple[Change, ...] = ()
    classification: Classification | None = None

    @property
    def acknowledges(self) -> bool:
        return any(isinstance(change, Notice) and change.name == "acknowledgement" for change in self.changes)
