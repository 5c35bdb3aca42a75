"""What was decided: changes to carry out in order, and why.

A `Decision` is a value. `desk.carry_out` turns it into rows; `explain` prints it and stops there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.mail import Address, MailKind, Reason, Verdict
from gateway.phrase import Phrase
from gateway.ticket import Classification, FieldValue, HoldReason, Role, Status, Visibility
from gateway.triage.facts import BorderTest
from gateway.triage.undoable import TakeBack


class Action(StrEnum):
    """What becomes of the mail itself; one that commands several tickets comes to none of them."""

    OPEN = "open"
    APPEND = "append"
    HOLD = "hold"
    FILE = "file"
    COMMAND = "command"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, kw_only=True)
class TurnTo:
    """What follows in the decision is about another ticket, an existing one, or (None) about none: one mail may command
    many."""

    ticket: int | None


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
    marks: tuple[Phrase | str, ...] = ()
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
    """Somebody gets the answers from now on; `rule` is the one that says so, "" for a person."""

    watcher: Address
    rule: str = ""


@dataclass(frozen=True, kw_only=True)
class RemoveWatchers:
    """These addresses, all of one person, get no more answers."""

    addresses: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LinkTicket:
    """Link the ticket to `number`: follow_up, claimed, related, or merged (then it ends and its keys lead there)."""

    number: int
    kind: str


@dataclass(frozen=True, kw_only=True)
class MarkUndeliverable:
    """Remember that mail to this address came back; `outbox` is the mail of ours that did, None where unknown.

    `is_dead`: the address itself is the reason, so that automatic mail to it is held from now on.
    """

    address: str
    outbox: int | None = None
    is_dead: bool = True


@dataclass(frozen=True, kw_only=True)
class MarkReachable:
    """Somebody says that an address is well: it is no longer undeliverable nor muted, and what was held goes out."""

    address: str


@dataclass(frozen=True, kw_only=True)
class CountQuickReply:
    """Remember that an address answered an automatic mail at machine speed; `muted_until` is set when it is enough."""

    address: str
    count: int
    at: datetime
    muted_until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class HoldBack:
    """Remember that an address was too fast: until then, nothing from there opens a ticket by itself."""

    address: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class MuteTicket:
    """Write no automatic mail on the ticket, or write them again (`is_muted` False)."""

    is_muted: bool


@dataclass(frozen=True, kw_only=True)
class SettleQuarantined:
    """Let a quarantined mail in (`how` "release") or delete its bytes ("delete"); settled before, it stays as it is."""

    ledger: int
    how: str
    by: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class DenySender:
    """Set aside what this address, domain or "*.domain" writes from now on."""

    pattern: str
    by: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class NoteHeartbeat:
    """The desk's mail to itself, which left at `sent_at`, has come back."""

    sent_at: datetime


@dataclass(frozen=True, kw_only=True)
class TakeTurn:
    """The ticket was given to an agent of `team` by itself: it is somebody else's turn next. `how` is "turn", "load"
    or "on_call"; the last is nobody's turn."""

    team: str
    agent: str
    how: str
    text: str


@dataclass(frozen=True, kw_only=True)
class SetAbsence:
    """An agent is away in this time, whatever was said before of the days that it touches."""

    agent: str
    starts_at: datetime
    ends_at: datetime
    source: str


@dataclass(frozen=True, kw_only=True)
class EndAbsence:
    """An agent is back: no absence counts that has begun or, with `planned`, is still to come."""

    agent: str
    why: str
    planned: bool = True


@dataclass(frozen=True, kw_only=True)
class AnswerQuestion:
    """An agent says whether a quarantined mail is theirs: a `yes` lets it in as theirs, a no leaves it for a person."""

    ledger: int
    agent: str
    yes: bool


@dataclass(frozen=True, kw_only=True)
class RecordBorderTest:
    """Remember what the servers before us do to a mail of `gateway doctor`."""

    test: BorderTest


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Its requester rates the handling of the ticket, 1 (bad) to 5 (very good)."""

    rater: Address
    score: int


@dataclass(frozen=True, kw_only=True)
class AskRating:
    """Remember that somebody is asked for a rating now, so that nobody is asked too often."""

    address: str


@dataclass(frozen=True, kw_only=True)
class Follow:
    """An agent who had the ticket, or asks for it, goes on hearing of it."""

    agent: str


@dataclass(frozen=True, kw_only=True)
class Unfollow:
    """An agent hears no more of the ticket, unless it is theirs or they follow it again."""

    agent: str


@dataclass(frozen=True, kw_only=True)
class AckClocks:
    """An agent has seen that a target comes near: no more reminders until the ticket is reopened or aimed anew."""

    by: str


@dataclass(frozen=True, kw_only=True)
class TakeBackAnswer:
    """An answer to the requester came back, or was taken back: whether somebody has answered is looked at anew."""

    why: str = "the first answer never arrived"


@dataclass(frozen=True, kw_only=True)
class UseLink:
    """An agent has used the link `name`, under this number, of an outgoing mail: it is good for nothing more."""

    outbox: int
    number: int
    name: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """An entry of the history that no other change writes."""

    kind: str
    text: str
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One mail to one person. `about` names a posted message by its label, `about_message` an older one by its row.

    `context` holds what the template needs beyond the ticket and the message: plain JSON values and phrases.
    `hold` says why the mail waits in the outbox for a person, "" for one that goes out.
    """

    name: str
    to: Address
    role: Role
    about: str = ""
    about_message: int | None = None
    context: Mapping[str, object] = field(default_factory=dict)
    hold: str = ""


Change = (
    TurnTo
    | OpenTicket
    | PostMessage
    | ReleaseMessage
    | DropMessage
    | SetFields
    | MoveStatus
    | SetRequester
    | AddWatcher
    | RemoveWatchers
    | LinkTicket
    | MarkUndeliverable
    | MarkReachable
    | CountQuickReply
    | HoldBack
    | MuteTicket
    | SettleQuarantined
    | DenySender
    | NoteHeartbeat
    | TakeTurn
    | SetAbsence
    | EndAbsence
    | AnswerQuestion
    | RecordBorderTest
    | Rate
    | AskRating
    | Follow
    | Unfollow
    | AckClocks
    | TakeBackAnswer
    | TakeBack
    | UseLink
    | Record
    | Notice
)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The whole decision on one mail. `ticket` is the number of the existing ticket that it is about, None else.

    `if_released` is, for a mail that is quarantined, what would become of it if a person let it in now.
    """

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
    if_released: Decision | None = None

    @property
    def acknowledges(self) -> bool:
        notices = [change for change in self.changes if isinstance(change, Notice)]
        return any(notice.name == "acknowledgement" and not notice.hold for notice in notices)
