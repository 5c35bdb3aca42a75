"""A mail as values, in the words of RFC 5321, 5322, 3464 and 3834.

Nothing here reads bytes, a clock or a database: `parse` makes these values, everything behind it only reads them.
All of them are frozen, keyword-only and printable, so that equal mails give equal decisions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Transport(StrEnum):
    """The way by which a mail came in."""

    SMTP = "smtp"
    LMTP = "lmtp"
    PIPE = "pipe"
    IMAP = "imap"
    IMPORT = "import"
    FILE = "file"


class MailboxRole(StrEnum):
    """What lies in the IMAP folder that a mail was fetched from."""

    INBOX = "inbox"
    SENT = "sent"


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """What the transport knew of a mail, apart from its bytes.

    `reverse_path` is the RFC 5321 return path: "" is the null sender ``<>``, None means that the transport knew none.
    `internal_date` is when an IMAP server received the mail; `full_size_bytes` is set when only the beginning of a mail
    above the size limit was fetched. `quiet` mails (imported ones) acknowledge and notify nobody;
    a `released` one was let in by a person, out of quarantine. `confirmed_by` is the address of the agent who has said
    that the mail is theirs, in answer to our question. `authenticated`: it came through a listener that only users
    reach who have proven to their own mail server who they are.
    """

    transport: Transport
    received_at: datetime
    reverse_path: str | None = None
    recipients: tuple[str, ...] = ()
    peer: str = ""
    helo: str = ""
    mailbox: str = ""
    mailbox_role: MailboxRole = MailboxRole.INBOX
    folder: str = ""
    uidvalidity: int | None = None
    uid: int | None = None
    internal_date: datetime | None = None
    full_size_bytes: int | None = None
    quiet: bool = False
    released: bool = False
    released_by: str = ""
    release_acknowledged: bool = False
    confirmed_by: str = ""
    authenticated: bool = False


@dataclass(frozen=True, kw_only=True)
class Address:
    """A mailbox of RFC 5322 §3.4: `address` is the addr-spec in lower case, `name` the decoded display name."""

    address: str
    name: str = ""

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address


class PassageRole(StrEnum):
    """What a stretch of the body is: the author's new words, what was quoted, or a signature."""

    NEW = "new"
    QUOTED = "quoted"
    SIGNATURE = "signature"


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A stretch of the text body. All passages of a mail, joined in order, are the whole text."""

    role: PassageRole
    text: str


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A part that is a file. Its bytes stay in the raw mail; `number` finds them again.

    `number` counts all MIME parts of the unpruned mail depth first from 0 (the order of `email.message.Message.walk`);
    `sha256` is the hex digest of the decoded bytes, "" where they were not decoded (mail above the decoding limit);
    `content_id` stands without angle brackets. `inline` pictures are shown by the HTML body through `cid:`. Where the
    sender gave no name, `is_named` is false and the name is made from the part's number and type. `has_key`: a mail of
    ours that carries somebody's reply key lies in it; `key_inside`: it lies in an archive, where nobody crosses it out.
    """

    number: int
    filename: str
    content_type: str
    size_bytes: int
    sha256: str = ""
    content_id: str = ""
    has_key: bool = False
    key_inside: bool = False
    inline: bool = False
    is_named: bool = True


@dataclass(frozen=True, kw_only=True)
class AuthResults:
    """One Authentication-Results header (RFC 8601): verdict words in lower case, "" where absent.

    `submitter` is the user whom auth=pass names. A header that is not `sound` may be shown and is never believed: it
    does not follow the grammar to its end, or two readers could differ about it.
    """

    authserv_id: str = ""
    spf: str = ""
    dkim: str = ""
    dmarc: str = ""
    header_from: str = ""
    submitter: str = ""
    sound: bool = False


@dataclass(frozen=True, kw_only=True)
class FailedRecipient:
    """One recipient of a delivery report (RFC 3464): `action` is failed, delayed, delivered, relayed or expanded."""

    address: str
    action: str = "failed"
    status: str = ""
    diagnostic: str = ""


@dataclass(frozen=True, kw_only=True)
class DeliveryReport:
    """What a bounce says: who did not get which of our mails (`returned_ids`: Message-IDs found in what came back)."""

    recipients: tuple[FailedRecipient, ...] = ()
    returned_ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Forwarded:
    """A mail that somebody passed on: in the text or as an attachment (`attached`).

    `sender` is the author of the passed-on mail, `comment` what the forwarder wrote above it; `language` is that of the
    author's words alone, "" where nobody knows.
    """

    sender: Address
    subject: str = ""
    text: str = ""
    comment: str = ""
    attached: bool = False
    language: str = ""


@dataclass(frozen=True, kw_only=True)
class Structure:
    """What the MIME tree looks like to a screen: types in lower case, "" where absent.

    `part_types` are the types of all parts in order, containers too, but none from inside an embedded mail.
    """

    content_type: str = "text/plain"
    report_type: str = ""
    calendar_method: str = ""
    has_calendar: bool = False
    part_count: int = 1
    part_types: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What we found ourselves of a mail's DKIM signatures (RFC 6376).

    `address` is the author's as it was signed, `domain` its domain, which signed; `covered` are the lower-case names of
    the headers that it vouches for. `why_not` says why nothing is proven, "" where the signature is good.
    """

    address: str = ""
    domain: str = ""
    covered: frozenset[str] = frozenset()
    why_not: str = ""


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A parsed mail.

    Ids stand with their angle brackets, as RFC 5322 §3.6.4 writes them. `sender` is the one mailbox of the one From
    header, None where there is no such thing; `sender_defects` says why it must not be trusted as an identity.
    `headers` holds (lower-case name, decoded and unfolded value) in order, names repeated as they came.
    `authentications` are all Authentication-Results headers from the top, `auth` the topmost one. `signature` is what
    our own look at its DKIM signatures has found, None where nobody looked.
    `new_html` is the sanitised HTML body above the quote, with `cid:` references, "" where the mail has no HTML or its
    cut is not certain. `enclosed` are the named files inside mails that are attached; to `attachments` such a mail is
    one file. `defect` names what made the mail unparsable, "" for an ordinary mail; then only what could be read is
    filled in.
    """

    size_bytes: int
    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    subject: str = ""
    sender: Address | None = None
    sender_defects: tuple[str, ...] = ()
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    delivered_to: tuple[str, ...] = ()
    return_path: str | None = None
    date: datetime | None = None
    headers: tuple[tuple[str, str], ...] = ()
    passages: tuple[Passage, ...] = ()
    new_html: str = ""
    from_html: bool = False
    attachments: tuple[Attachment, ...] = ()
    enclosed: tuple[Attachment, ...] = ()
    structure: Structure = Structure()
    auth: AuthResults | None = None
    authentications: tuple[AuthResults, ...] = ()
    signature: Signature | None = None
    report: DeliveryReport | None = None
    forwarded: Forwarded | None = None
    language: str = ""
    defect: str = ""

    @property
    def text(self) -> str:
        """The whole text body: new words, quotes and signature."""
        return "".join(passage.text for passage in self.passages)

    @property
    def new_text(self) -> str:
        """The author's own new words, without quotes and signature, stripped."""
        return "".join(passage.text for passage in self.passages if passage.role is PassageRole.NEW).strip()

    def header(self, name: str) -> str:
        """The first header of that (lower-case) name, "" where there is none."""
        return next((value for key, value in self.headers if key == name), "")

    def all_headers(self, name: str) -> tuple[str, ...]:
        """Every header of that (lower-case) name, in order."""
        return tuple(value for key, value in self.headers if key == name)


class MailKind(StrEnum):
    """What kind of mail this is (RFC 3834, 3464, 8098, 5965, 5545), apart from what happens to it."""

    NEW = "new"
    REPLY = "reply"
    AUTO_REPLY = "auto-reply"
    BOUNCE = "bounce"
    LIST = "list"
    NOTIFICATION = "notification"
    CALENDAR = "calendar"
    RECEIPT = "receipt"
    ARF = "arf"
    SPAM = "spam"
    OWN = "own"


class Verdict(StrEnum):
    """What happens to a mail: answered like a person's, filed without moving anything, or left to a person."""

    ACCEPT = "accept"
    ACCEPT_QUIETLY = "accept_quietly"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why something was decided: `code` from a fixed list, `text` for a person."""

    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"
