"""The tables. `migrations/` holds frozen copies of them; a test compares the two.

Closed sets have CHECK constraints, times are aware UTC moments, durations and sizes carry their unit in the name.
`event` is append-only. Raw bytes lie in rows of at most `PART_SIZE_BYTES` in tables of their own, so that reading the
ledger never reads a mail.
"""

from __future__ import annotations

from peewee import (
    SQL,
    BigAutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    Check,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    SmallIntegerField,
    TextField,
)

from gateway.mail import Transport
from gateway.store import base, desk_tables, running_tables
from gateway.store.base import one_of
from gateway.store.fields import CleanText, Json, UtcDateTime
from gateway.store.states import AuthorRole, LedgerState, MessageState, OutboxState, Outcome
from gateway.ticket import Role, Visibility

PART_SIZE_BYTES = 1024 * 1024

Table = base.Table
database_proxy = base.database_proxy
# All tables can be had from here.
Absence = desk_tables.Absence
Agent = desk_tables.Agent
Contact = desk_tables.Contact
SlaClock = desk_tables.SlaClock
Rating = desk_tables.Rating
Team = desk_tables.Team
Ticket = desk_tables.Ticket
TicketLink = desk_tables.TicketLink
TicketWatcher = desk_tables.TicketWatcher
Turn = desk_tables.Turn
AlarmRow = running_tables.AlarmRow
BorderProof = running_tables.BorderProof
Chore = running_tables.Chore
Denied = running_tables.Denied
Mailbox = running_tables.Mailbox
OauthAccount = running_tables.OauthAccount
Secret = running_tables.Secret
Worker = running_tables.Worker


class Ledger(Table):
    """One row for every mail that we said yes to. `digest` is of what the sender wrote, `sha256` of the bytes.

    Of a quarantined one, `shown_at` is when its keepers first read of it, `expiry_told_at` when they read of its end.
    """

    id = BigAutoField()
    received_at = UtcDateTime()
    transport = TextField()
    envelope = Json()
    source_key = BlobField(null=True, unique=True)
    size_bytes = BigIntegerField()
    sha256 = BlobField()
    digest = BlobField(index=True)
    part_count = IntegerField()
    state = TextField()
    outcome = TextField(default="")
    reason_code = TextField(default="")
    ticket = ForeignKeyField(Ticket, null=True)
    duplicate_of = ForeignKeyField("self", null=True)
    attempts = IntegerField(default=0)
    not_before = UtcDateTime(null=True)
    lease_owner = TextField(default="")
    lease_until = UtcDateTime(null=True)
    decided_at = UtcDateTime(null=True)
    decision = Json(null=True)
    error = CleanText(default="")
    shown_at = UtcDateTime(null=True)
    expiry_told_at = UtcDateTime(null=True)
    ticket_id: int | None
    duplicate_of_id: int | None

    class Meta:
        constraints = [
            one_of("transport", Transport),
            one_of("state", LedgerState),
            one_of("outcome", Outcome),
            Check("(state = 'done') = (outcome <> '')"),
            Check("(outcome = 'duplicate') = (duplicate_of_id IS NOT NULL)"),
        ]
        indexes = ((("state", "id"), False),)


# The desk's mails to itself are found again by it, to be deleted; the others it costs nothing.
Ledger.add_index(Ledger.index(Ledger.received_at, where=SQL("reason_code = 'heartbeat'"), name="ledger_heartbeat"))


class Dedupe(Table):
    """Which ledger row first brought what a sender wrote, and how many copies of it came later; kept for ever."""

    digest = BlobField(primary_key=True)
    ledger = ForeignKeyField(Ledger)
    received_at = UtcDateTime()
    copies = IntegerField(default=0)


class RawMailPart(Table):
    ledger = ForeignKeyField(Ledger)
    sequence = IntegerField()
    content = BlobField()

    class Meta:
        primary_key = CompositeKey("ledger", "sequence")


class Message(Table):
    """One contribution to a ticket. `passages` is [[role, text], …]; `marks` say what an agent should know of it.

    `at` is when it was put on the ticket; `arrived_at` when its mail had come, None where that is the same.
    """

    id = BigAutoField()
    ticket = ForeignKeyField(Ticket)
    ledger = ForeignKeyField(Ledger, null=True)
    author = ForeignKeyField(Contact, null=True)
    author_role = TextField()
    visibility = TextField()
    state = TextField()
    message_id = CleanText(default="")
    subject = CleanText(default="")
    text = CleanText()
    passages = Json()
    html = CleanText(default="")
    marks = Json()
    at = UtcDateTime()
    arrived_at = UtcDateTime(null=True)
    ledger_id: int | None
    author_id: int | None

    class Meta:
        constraints = [
            one_of("author_role", AuthorRole),
            one_of("visibility", Visibility),
            one_of("state", MessageState),
        ]


class AttachmentRow(Table):
    """Metadata of a file; its bytes stay in the raw mail of the message's ledger row, part `number`."""

    message = ForeignKeyField(Message)
    number = IntegerField()
    filename = CleanText()
    content_type = CleanText()
    size_bytes = BigIntegerField()
    sha256 = TextField()
    content_id = CleanText(default="")
    inline = BooleanField()
    set_aside = BooleanField(default=False)
    message_id: int

    class Meta:
        table_name = "attachment"
        primary_key = CompositeKey("message", "number")
        indexes = ((("sha256",), False),)


class Outbox(Table):
    """One outgoing mail to one person. Rendered once; from then on its bytes lie in `outbox_part` and never change.

    `outside_domain` is where an automatic mail to somebody outside goes; only these are counted by the hourly limits.
    `bounced_at`: a server reported that it never arrived.
    """

    id = BigAutoField()
    notice = TextField()
    rank = SmallIntegerField()
    recipient = ForeignKeyField(Contact)
    role = TextField()
    ticket = ForeignKeyField(Ticket, null=True)
    about = ForeignKeyField(Message, null=True)
    context = Json()
    message_id = CleanText(unique=True)
    dedupe_key = TextField(unique=True)
    reverse_path = TextField(default="")
    state = TextField()
    hold_reason = TextField(default="")
    attempts = IntegerField(default=0)
    uncertain_count = IntegerField(default=0)
    not_before = UtcDateTime(null=True)
    lease_owner = TextField(default="")
    lease_until = UtcDateTime(null=True)
    part_count = IntegerField(default=0)
    size_bytes = BigIntegerField(default=0)
    sha256 = BlobField(null=True)
    created_at = UtcDateTime()
    sent_at = UtcDateTime(null=True)
    reply = CleanText(default="")
    outside_domain = CleanText(null=True)
    bounced_at = UtcDateTime(null=True)
    merged_into = ForeignKeyField("self", null=True)

    recipient_id: int
    ticket_id: int | None
    about_id: int | None
    merged_into_id: int | None

    class Meta:
        constraints = [one_of("role", Role), one_of("state", OutboxState)]
        indexes = (
            (("state", "rank", "id"), False),
            (("state", "sent_at"), False),
            (("recipient", "created_at"), False),
        )


# Few mails go outside by themselves, so an index of them alone costs the others nothing.
Outbox.add_index(Outbox.index(Outbox.created_at, where=SQL("outside_domain IS NOT NULL"), name="outbox_outside"))


class OutboxPart(Table):
    outbox = ForeignKeyField(Outbox)
    sequence = IntegerField()
    content = BlobField()

    class Meta:
        primary_key = CompositeKey("outbox", "sequence")


class UsedLink(Table):
    """A link of an outgoing mail to an agent that was used: by its number (`triage.tapping`), and when."""

    outbox = ForeignKeyField(Outbox)
    number = SmallIntegerField()
    used_at = UtcDateTime()

    class Meta:
        table_name = "used_link"
        primary_key = CompositeKey("outbox", "number")


class ThreadReference(Table):
    """Every Message-ID ever seen in a ticket's mails. `named` are the addresses in From, To and Cc of the mail it
    names.

    `digest` is the first 16 bytes of SHA-256 over the id: an index over text of any length fails on PostgreSQL.
    """

    digest = BlobField()
    ticket = ForeignKeyField(Ticket)
    message_id = CleanText()
    named = Json()
    outbox = ForeignKeyField(Outbox, null=True)
    at = UtcDateTime()
    ticket_id: int
    outbox_id: int | None

    class Meta:
        primary_key = CompositeKey("digest", "ticket")


class Event(Table):
    """What happened, by whom and why. Append-only, and only by `store.history`, which writes the `fingerprint`."""

    id = BigAutoField()
    at = UtcDateTime()
    kind = TextField()
    actor = CleanText()
    ticket = ForeignKeyField(Ticket, null=True)
    ledger = ForeignKeyField(Ledger, null=True)
    outbox = ForeignKeyField(Outbox, null=True)
    text = CleanText()
    detail = Json()
    fingerprint = TextField(default="")
    ticket_id: int | None
    ledger_id: int | None
    outbox_id: int | None


# For `gateway status`, which counts what limits have left out.
Event.add_index(Event.index(Event.at, where=SQL("kind IN ('suppressed', 'held-back')"), name="event_suppressed"))


TABLES = (
    Secret,
    Contact,
    Agent,
    Team,
    Ticket,
    TicketWatcher,
    TicketLink,
    Rating,
    Absence,
    Turn,
    SlaClock,
    Ledger,
    Dedupe,
    RawMailPart,
    Message,
    AttachmentRow,
    Outbox,
    OutboxPart,
    UsedLink,
    ThreadReference,
    Event,
    *(Mailbox, Worker, OauthAccount, Denied, AlarmRow, Chore, BorderProof, running_tables.SeenSignature),
)
