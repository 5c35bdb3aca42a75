"""The tables of the running gateway: keys, who runs, how far mailboxes are read, what is wrong, what the clock did.

No ticket hangs on any of them.
"""

from __future__ import annotations

from peewee import (
    BigIntegerField,
    BlobField,
    BooleanField,
    Check,
    CompositeKey,
    IntegerField,
    SmallIntegerField,
    TextField,
)

from gateway.store.base import Table
from gateway.store.fields import CleanText, Json, UtcDateTime


class Secret(Table):
    """Keys that sign reply addresses and Message-IDs; the newest signs, the others still verify."""

    id = IntegerField(primary_key=True)
    content = BlobField()
    created_at = UtcDateTime()

    class Meta:
        # HMAC fills a short key with zeros: one that lost a zero at its end would sign as before.
        constraints = [Check("length(content) = 32")]


class Mailbox(Table):
    """The cursor of a watched IMAP folder and the lease of the one process that reads it."""

    name = TextField(primary_key=True)
    folder = CleanText()
    uidvalidity = BigIntegerField(null=True)
    last_uid = BigIntegerField(default=0)
    left_alone_count = BigIntegerField(default=0)
    first_contact_at = UtcDateTime(null=True)
    lease_owner = TextField(default="")
    lease_until = UtcDateTime(null=True)
    last_ok_at = UtcDateTime(null=True)
    last_error_at = UtcDateTime(null=True)
    last_error = CleanText(default="")


class Worker(Table):
    """A running part of the gateway: its heartbeat and its last trouble, for `gateway status`."""

    name = TextField(primary_key=True)
    host = TextField()
    pid = IntegerField()
    started_at = UtcDateTime()
    beat_at = UtcDateTime()
    detail = CleanText(default="")
    last_error = CleanText(default="")
    last_error_at = UtcDateTime(null=True)


class OauthAccount(Table):
    """The tokens of an `[oauth.NAME]`, for all processes, and the lease of the one that asks for new ones.

    `generation` counts what was stored: whoever asked writes only over what was read before. `identity` is a digest of
    the settings that the tokens belong to, `secret_digest` one of the secret that was last tried.
    """

    name = TextField(primary_key=True)
    identity = TextField(default="")
    generation = IntegerField(default=0)
    refresh_token = TextField(default="")
    access_token = TextField(default="")
    access_from = UtcDateTime(null=True)
    access_until = UtcDateTime(null=True)
    logged_in_at = UtcDateTime(null=True)
    secret_digest = TextField(default="")
    failures = IntegerField(default=0)
    not_before = UtcDateTime(null=True)
    last_ok_at = UtcDateTime(null=True)
    last_error_at = UtcDateTime(null=True)
    last_error = CleanText(default="")
    lease_owner = TextField(default="")
    lease_until = UtcDateTime(null=True)


class Denied(Table):
    """Whose mail is set aside: an address, a domain, or "*.domain" for all below one; in lower case."""

    pattern = CleanText(primary_key=True)
    at = UtcDateTime()
    by = CleanText()
    reason = CleanText(default="")


class AlarmRow(Table):
    """Something that is wrong. It is told once after it has held (`told_at`), and is over after it was gone a while."""

    code = TextField()
    about = CleanText()
    colour = TextField()
    words = Json()
    since = UtcDateTime()
    told_at = UtcDateTime(null=True)
    gone_since = UtcDateTime(null=True)

    class Meta:
        table_name = "alarm"
        primary_key = CompositeKey("code", "about")


class Chore(Table):
    """What the clock does now and then, for all processes: when it was last done, and what came of it."""

    name = TextField(primary_key=True)
    done_at = UtcDateTime()
    detail = Json()


class BorderProof(Table):
    """What the servers before us did to a mail of `gateway doctor`: the newest of each way in and kind of test."""

    intake = CleanText()
    authserv_id = CleanText()
    number = SmallIntegerField()
    tested_at = UtcDateTime()
    passed = BooleanField()
    findings = Json()

    class Meta:
        primary_key = CompositeKey("intake", "authserv_id", "number")


class SeenSignature(Table):
    """A mail whose signature was believed: a copy of it is not, as long as its Date would still be young enough."""

    digest = BlobField(primary_key=True)
    ledger_id = BigIntegerField()
    seen_at = UtcDateTime(index=True)

    class Meta:
        table_name = "seen_signature"
