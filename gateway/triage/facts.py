"""What the decisions may know beside the mail: everything that was read from the database, as values.

`desk.facts` fills these in, before a decision and never during one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from gateway.keys import ReplyKey
from gateway.mail import Address, AuthResults
from gateway.phrase import Phrase
from gateway.ticket import Authority, HoldReason, Priority, Role, Status, TicketType
from gateway.triage.traffic import Outside, Traffic
from gateway.triage.undoable import Undoable
from gateway.triage.view import TicketCount


class Evidence(StrEnum):
    """By what a mail names a ticket, strongest first."""

    RECIPIENT_KEY = "recipient_key"
    REFERENCE = "reference"
    SUBJECT_TOKEN = "subject_token"
    QUOTED = "quoted"


class SameId(StrEnum):
    """What came before under a mail's own Message-ID: the same mail in other words or of another date, or another
    mail."""

    COPY = "copy"
    ANOTHER = "another"


@dataclass(frozen=True, kw_only=True)
class Person:
    """A contact: `id` is its row, `language` what it is known to read ("" unknown).

    `rating_asked_at`: when a resolution last asked for a rating; `bounced_at`: when a mail to it came back that says
    that nothing arrives there; `muted_until`: it answers automatic mail by itself.
    """

    id: int
    address: str
    name: str = ""
    language: str = ""
    rating_asked_at: datetime | None = None
    bounced_at: datetime | None = None
    muted_until: datetime | None = None

    @property
    def mailbox(self) -> Address:
        return Address(address=self.address, name=self.name)

    def as_traffic(self) -> Traffic:
        """What is known of the address without asking what went to and fro."""
        return Traffic(address=self.address, bounced_at=self.bounced_at, muted_until=self.muted_until)


@dataclass(frozen=True, kw_only=True)
class PublicAnswer:
    """The newest answer that went to the requester."""

    at: datetime
    author: str
    text: str


@dataclass(frozen=True, kw_only=True)
class SignatureFact:
    """What our own check of a DKIM signature says, in `words`; `digest` of what must not come twice, b"" where nothing
    is proven."""

    words: str
    digest: bytes = b""


@dataclass(frozen=True, kw_only=True)
class HeldMessage:
    """An agent's mail that waits: for `#send` after a question, or for the answer to a confirmation.

    `files` are the names of its attachments, without pictures shown among the words.
    """

    id: int
    author: str
    at: datetime
    text: str
    marks: tuple[str, ...]
    html: str = ""
    commands: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TicketFacts:
    """A ticket as it stands. `agents` are the addresses of agents who wrote on it, had it before or follow it,
    without the `unwatched`, who want no more of it. An agent who reads along follows it: `reading` are the addresses
    under which agents do so, and `watchers` are people alone. `cancelled_by` is who cancelled it, "" where it is not
    cancelled.

    `named` are the fields with names of the admin's own; `authority` says by `FieldValue.key` whose word each is.
    `workaround`, `cause` and `code` are what agents found; `reopened` is how often it came back from its end.
    """

    number: int
    type: TicketType
    status: Status
    subject: str
    requester: Person
    opened_at: datetime
    updated_at: datetime
    hold_reason: HoldReason | None = None
    hold_until: datetime | None = None
    watchers: tuple[Person, ...] = ()
    agents: tuple[str, ...] = ()
    unwatched: tuple[str, ...] = ()
    reading: tuple[str, ...] = ()
    cancelled_by: str = ""
    language: str = ""
    category: str = ""
    subcategory: str = ""
    impact: str = "medium"
    urgency: str = "medium"
    priority: Priority = Priority.P3
    team: str = ""
    assignee: str = ""
    asset: str = ""
    workaround: str = ""
    cause: str = ""
    code: str = ""
    tags: tuple[str, ...] = ()
    named: tuple[tuple[str, str], ...] = ()
    authority: tuple[tuple[str, Authority], ...] = ()
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    last_answer: PublicAnswer | None = None
    held: tuple[HeldMessage, ...] = ()
    is_muted: bool = False
    reopened: int = 0
    is_assignee_away: bool = False
    merged_from: tuple[int, ...] = ()

    def is_on_ticket(self, address: str) -> bool:
        return address == self.requester.address or any(address == watcher.address for watcher in self.watchers)

    def authority_of(self, key: str) -> Authority:
        """Whose word a field is, by its key: "type", "fields.host", "tags.vpn"."""
        return dict(self.authority).get(key, Authority.DEFAULT)


@dataclass(frozen=True, kw_only=True)
class KeyFact:
    """A reply key of ours that the mail carries and that verified. `holder` is the address that it was given to.

    `usable` is false for an expired key and for that of a former agent; `why_not` says so. `confirmed_at` is when its
    holder, an agent, last answered a question "was it you?".
    """

    evidence: Evidence
    key: ReplyKey
    ticket: int
    holder: str
    usable: bool = True
    why_not: str = ""
    confirmed_at: datetime | None = None

    def is_agents(self, ticket: TicketFacts | None) -> bool:
        """Whether its holder acts by it as an agent: by an agent's key, or by that of a reader where an agent reads
        along on the ticket. Whose own matter was merged into it holds a reader's key too, and stays who asked."""
        if self.key.role is Role.WATCHER:
            return ticket is not None and self.holder in ticket.reading
        return self.key.role is Role.AGENT


@dataclass(frozen=True, kw_only=True)
class ReferenceFact:
    """An id of the mail that was seen on a ticket before. `named` are From, To and Cc of the mail that it names.

    `is_own_id` is true for the mail's own Message-ID: somebody answered this mail before it arrived.
    `is_answered` is true for what the mail answers itself (In-Reply-To, else the last of References), not only goes
    back to. `notice` and `about` tell which of our mails it is, and which message that was about; "" and None for
    others'.
    """

    message_id: str
    ticket: int
    named: frozenset[str]
    evidence: Evidence = Evidence.REFERENCE
    is_own_id: bool = False
    is_answered: bool = False
    notice: str = ""
    about: int | None = None
    sent_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class TokenFact:
    """A ticket number written in the subject or in the quoted part, of a ticket that exists."""

    evidence: Evidence
    token: str
    ticket: int


@dataclass(frozen=True, kw_only=True)
class BouncedMail:
    """One of our mails that came back: whom it was for and what it was; `about` is the message that it carried.

    `is_known`: an earlier report said so already.
    """

    outbox_id: int
    notice: str
    recipient: str
    ticket: int | None
    is_agent: bool
    about: int | None = None
    is_known: bool = False


@dataclass(frozen=True, kw_only=True)
class QuestionFact:
    """The question "was it you?" that a mail answers: about which quarantined mail, and to whom it went.

    `is_open`: the mail still waits for this answer.
    """

    ledger: int
    holder: str
    is_open: bool


@dataclass(frozen=True, kw_only=True)
class BorderTest:
    """What a mail of `gateway doctor` looked like on arrival, by the `intake` through which it came.

    `number` tells the mails of one test apart: 1 with forged Authentication-Results, 2 with a bare CR in the header.
    """

    number: int
    intake: str
    authserv_id: str
    findings: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, kw_only=True)
class DigestEntry:
    """A quarantined mail under its number in a digest. `settled` says what somebody has done with it, "" nobody yet;
    `denied_by` the entry of the deny list that its sender falls under by now, "" for none."""

    number: int
    ledger: int
    code: str
    sender: str
    subject: str
    settled: Phrase | str = ""
    denied_by: str = ""


@dataclass(frozen=True, kw_only=True)
class DigestFact:
    """The digest of the quarantine that a mail answers; `holder` is the address that it was sent to."""

    outbox_id: int
    holder: str
    sent_at: datetime
    is_expired: bool
    entries: tuple[DigestEntry, ...]

    def entry(self, number: int) -> DigestEntry | None:
        return next((entry for entry in self.entries if entry.number == number), None)


@dataclass(frozen=True, kw_only=True)
class ListingFact:
    """The list of tickets that a mail answers; `holder` is the address that it was sent to.

    `entries` are the numbers of its lines, each with the ticket's number.
    """

    outbox_id: int
    holder: str
    sent_at: datetime
    is_expired: bool
    entries: tuple[tuple[int, int], ...]

    def ticket_at(self, number: int) -> int | None:
        return dict(self.entries).get(number)


@dataclass(frozen=True, kw_only=True)
class TapFact:
    """The link of an agent's mail that somebody has tapped: which mail's, which link, whose, and when it was used.

    `token` is how its ticket is written.
    """

    outbox: int
    action: str
    holder: str
    token: str = ""
    used_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class OwnedTicket:
    """An open ticket of an agent, for a hand-over: its agent's address, its number, and how it is written."""

    owner: str
    number: int
    token: str


@dataclass(frozen=True, kw_only=True)
class DutyFacts:
    """What choosing an agent asks for: `turns` by team and address, the higher the later somebody was given a ticket
    there by itself; `loads` are open tickets by address, read only where some team goes by them."""

    turns: Mapping[tuple[str, str], int] = field(default_factory=dict)
    loads: Mapping[str, int] = field(default_factory=dict)

    def after(self, team: str, agent: str, *, is_turn: bool) -> DutyFacts:
        """The same when an agent has been given a ticket of the team; `is_turn`: in turn, or by load."""
        last = max((place for (name, _), place in self.turns.items() if name == team), default=0)
        turns = {**self.turns, (team, agent): last + 1} if is_turn else self.turns
        return replace(self, turns=turns, loads={**self.loads, agent: self.loads.get(agent, 0) + 1})


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that a decision may know. `named_tickets` holds every ticket that anything here names, merged ones followed.

    `is_probe`: the mail, or a report about it, is one that `gateway check --connect` has sent in the last days.
    `auth_trusted`: something that we believe vouches for the sender's address; `vouched_by` says what.
    `auth` is the Authentication-Results header that is believed and `ticket_counts` what the sender, and whom the mail
    is for, have opened before: both are read only where some rule asks.
    `signature` is what our own check of its DKIM signature says, None where nobody looked. `question` is
    the one that the mail answers, `confirmed_by` the agent who said that it is theirs. `asked_about` are the tickets
    (0: none) about which the sender, an agent, was asked "was it you?" in the last day; None where a yes came.
    `has_broken_key`: an address of the desk that it went to carries what looks like a key of ours and is none.
    `denied_by` is the entry of the deny list that the sender falls under, "" for none. `heartbeat` is when the desk's
    mail to itself left that has come back here. `digest` is the digest of the quarantine that the mail answers, and
    `listing` the list of tickets. `unbound`: the mail answers one of ours that is about no ticket, told to its reader
    in this role. `owned` are the open tickets of the author, and of agents named by a `#handover`.
    `same_matter` is the open ticket of the author that says what a mail says that names no ticket.
    `undoable` is what the author's last mail did, by ticket; read only where this one says `#undo`. `tap` is the link
    that the mail comes of. `held_back` are addresses for which mail is held, read only where this one says `#retry`.
    `away` are the addresses of agents who are away now, each with the moment until when; `duty` is what choosing an
    agent asks for, None where no team gives tickets by itself.
    """

    now: datetime
    is_own: bool = False
    has_own_mark: bool = False
    is_probe: bool = False
    auth_trusted: bool = False
    auth: AuthResults | None = None
    ticket_counts: tuple[TicketCount, ...] = ()
    vouched_by: str = ""
    signature: SignatureFact | None = None
    confirmed_by: str = ""
    question: QuestionFact | None = None
    asked_about: tuple[int | None, ...] = ()
    border_test: BorderTest | None = None
    has_broken_key: bool = False
    sender: Person | None = None
    keys: tuple[KeyFact, ...] = ()
    references: tuple[ReferenceFact, ...] = ()
    tokens: tuple[TokenFact, ...] = ()
    named_tickets: tuple[TicketFacts, ...] = ()
    bounced: tuple[BouncedMail, ...] = ()
    traffic: tuple[Traffic, ...] = ()
    outside: Outside = field(default_factory=Outside)
    same_id: SameId | None = None
    known_pictures: frozenset[str] = frozenset()
    denied_by: str = ""
    heartbeat: datetime | None = None
    owned: tuple[OwnedTicket, ...] = ()
    digest: DigestFact | None = None
    listing: ListingFact | None = None
    unbound: Role | None = None
    same_matter: TicketFacts | None = None
    away: Mapping[str, datetime] = field(default_factory=dict)
    duty: DutyFacts | None = None
    undoable: Mapping[int, Undoable] = field(default_factory=dict)
    tap: TapFact | None = None
    held_back: tuple[str, ...] = ()

    def traffic_with(self, address: str) -> Traffic | None:
        """What went to and fro between the desk and an address; None where nothing is known of it."""
        return next((traffic for traffic in self.traffic if traffic.address == address), None)

    def ticket(self, number: int) -> TicketFacts | None:
        return next((ticket for ticket in self.named_tickets if ticket.number == number), None)
