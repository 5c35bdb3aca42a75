"""The first schema: a frozen copy, which no later change of the tables changes.

The two databases differ in the names of five types; everything else is said in the same words.
"""

from __future__ import annotations

from typing import Any

import peewee

_SQLITE = {
    "serial": "INTEGER",
    "bigint": "INTEGER",
    "smallint": "INTEGER",
    "boolean": "INTEGER",
    "bytes": "BLOB",
}
_POSTGRESQL = {
    "serial": "BIGSERIAL",
    "bigint": "BIGINT",
    "smallint": "SMALLINT",
    "boolean": "BOOLEAN",
    "bytes": "BYTEA",
}

_STATEMENTS = (
    """
    CREATE TABLE "secret" (
        "id" INTEGER NOT NULL PRIMARY KEY,
        "content" {bytes} NOT NULL,
        "created_at" TIMESTAMPTZ NOT NULL,
        CHECK (length(content) = 32)
    )
    """,
    """
    CREATE TABLE "contact" (
        "id" {serial} NOT NULL PRIMARY KEY,
        "address" TEXT NOT NULL,
        "name" TEXT NOT NULL,
        "language" TEXT NOT NULL,
        "first_seen_at" TIMESTAMPTZ NOT NULL,
        "bounced_at" TIMESTAMPTZ,
        "muted_until" TIMESTAMPTZ,
        "flooding_until" TIMESTAMPTZ,
        "quick_replies" {smallint} NOT NULL,
        "quick_reply_at" TIMESTAMPTZ,
        "rating_asked_at" TIMESTAMPTZ
    )
    """,
    'CREATE UNIQUE INDEX "contact_address" ON "contact" ("address")',
    """
    CREATE TABLE "agent" (
        "contact_id" {bigint} NOT NULL PRIMARY KEY,
        "name" TEXT NOT NULL,
        "teams" TEXT NOT NULL,
        "active" {boolean} NOT NULL,
        "confirmed_at" TIMESTAMPTZ,
        FOREIGN KEY ("contact_id") REFERENCES "contact" ("id")
    )
    """,
    """
    CREATE TABLE "team" (
        "name" TEXT NOT NULL PRIMARY KEY,
        "active" {boolean} NOT NULL
    )
    """,
    """
    CREATE TABLE "ticket" (
        "id" {serial} NOT NULL PRIMARY KEY,
        "number" {bigint} NOT NULL,
        "type" TEXT NOT NULL,
        "status" TEXT NOT NULL,
        "hold_reason" TEXT NOT NULL,
        "hold_until" TIMESTAMPTZ,
        "subject" TEXT NOT NULL,
        "requester_id" {bigint} NOT NULL,
        "language" TEXT NOT NULL,
        "category" TEXT NOT NULL,
        "subcategory" TEXT NOT NULL,
        "impact" TEXT NOT NULL,
        "urgency" TEXT NOT NULL,
        "priority" TEXT NOT NULL,
        "team" TEXT NOT NULL,
        "assignee" TEXT NOT NULL,
        "asset" TEXT NOT NULL,
        "workaround" TEXT NOT NULL,
        "cause" TEXT NOT NULL,
        "code" TEXT NOT NULL,
        "tags" TEXT NOT NULL,
        "named" TEXT NOT NULL,
        "fields" TEXT NOT NULL,
        "policy_version" TEXT NOT NULL,
        "desk_address" TEXT NOT NULL,
        "opened_at" TIMESTAMPTZ NOT NULL,
        "arrived_at" TIMESTAMPTZ,
        "muted_at" TIMESTAMPTZ,
        "updated_at" TIMESTAMPTZ NOT NULL,
        "first_answer_at" TIMESTAMPTZ,
        "resolved_at" TIMESTAMPTZ,
        "closed_at" TIMESTAMPTZ,
        "close_at" TIMESTAMPTZ,
        "reopened" {smallint} NOT NULL,
        "moves" TEXT NOT NULL,
        "followers" TEXT NOT NULL,
        "unwatched" TEXT NOT NULL,
        "merged_into_id" {bigint},
        FOREIGN KEY ("requester_id") REFERENCES "contact" ("id"),
        FOREIGN KEY ("merged_into_id") REFERENCES "ticket" ("id"),
        CHECK (type IN ('incident', 'request')),
        CHECK (status IN ('new', 'in_progress', 'on_hold', 'resolved', 'closed', 'cancelled')),
        CHECK (hold_reason IN ('requester', 'vendor', 'approval', '')),
        CHECK (priority IN ('P1', 'P2', 'P3', 'P4', 'P5'))
    )
    """,
    'CREATE UNIQUE INDEX "ticket_number" ON "ticket" ("number")',
    'CREATE INDEX "ticket_requester_id" ON "ticket" ("requester_id")',
    'CREATE INDEX "ticket_updated_at" ON "ticket" ("updated_at")',
    'CREATE INDEX "ticket_close_at" ON "ticket" ("close_at")',
    'CREATE INDEX "ticket_merged_into_id" ON "ticket" ("merged_into_id")',
    'CREATE INDEX "ticket_requester_id_arrived_at" ON "ticket" ("requester_id", "arrived_at")',
    'CREATE INDEX "ticket_team_status" ON "ticket" ("team", "status")',
    'CREATE INDEX "ticket_assignee_status" ON "ticket" ("assignee", "status")',
    """
    CREATE TABLE "ticket_watcher" (
        "ticket_id" {bigint} NOT NULL,
        "contact_id" {bigint} NOT NULL,
        "added_at" TIMESTAMPTZ NOT NULL,
        PRIMARY KEY ("ticket_id", "contact_id"),
        FOREIGN KEY ("ticket_id") REFERENCES "ticket" ("id"),
        FOREIGN KEY ("contact_id") REFERENCES "contact" ("id")
    )
    """,
    'CREATE INDEX "ticket_watcher_ticket_id" ON "ticket_watcher" ("ticket_id")',
    'CREATE INDEX "ticket_watcher_contact_id" ON "ticket_watcher" ("contact_id")',
    """
    CREATE TABLE "ticket_link" (
        "ticket_id" {bigint} NOT NULL,
        "other_id" {bigint} NOT NULL,
        "kind" TEXT NOT NULL,
        "at" TIMESTAMPTZ NOT NULL,
        PRIMARY KEY ("ticket_id", "other_id", "kind"),
        FOREIGN KEY ("ticket_id") REFERENCES "ticket" ("id"),
        FOREIGN KEY ("other_id") REFERENCES "ticket" ("id"),
        CHECK (kind IN ('follow_up', 'claimed', 'related', 'merged'))
    )
    """,
    'CREATE INDEX "ticket_link_ticket_id" ON "ticket_link" ("ticket_id")',
    'CREATE INDEX "ticket_link_other_id" ON "ticket_link" ("other_id")',
    """
    CREATE TABLE "rating" (
        "ticket_id" {bigint} NOT NULL,
        "contact_id" {bigint} NOT NULL,
        "score" {smallint} NOT NULL,
        "assignee" TEXT NOT NULL,
        "at" TIMESTAMPTZ NOT NULL,
        PRIMARY KEY ("ticket_id", "contact_id"),
        FOREIGN KEY ("ticket_id") REFERENCES "ticket" ("id"),
        FOREIGN KEY ("contact_id") REFERENCES "contact" ("id"),
        CHECK (score BETWEEN 1 AND 5)
    )
    """,
    'CREATE INDEX "rating_ticket_id" ON "rating" ("ticket_id")',
    'CREATE INDEX "rating_contact_id" ON "rating" ("contact_id")',
    """
    CREATE TABLE "absence" (
        "id" {serial} NOT NULL PRIMARY KEY,
        "agent" TEXT NOT NULL,
        "starts_at" TIMESTAMPTZ NOT NULL,
        "ends_at" TIMESTAMPTZ NOT NULL,
        "source" TEXT NOT NULL,
        "said_at" TIMESTAMPTZ NOT NULL,
        "cancelled_at" TIMESTAMPTZ,
        CHECK (source IN ('command', 'auto_reply', 'operator')),
        CHECK (starts_at < ends_at)
    )
    """,
    'CREATE INDEX "absence_ends_at" ON "absence" ("ends_at")',
    """
    CREATE TABLE "turn" (
        "team" TEXT NOT NULL,
        "agent" TEXT NOT NULL,
        "times" INTEGER NOT NULL,
        "place" INTEGER NOT NULL,
        PRIMARY KEY ("team", "agent")
    )
    """,
    """
    CREATE TABLE "sla_clock" (
        "id" {serial} NOT NULL PRIMARY KEY,
        "ticket_id" {bigint} NOT NULL,
        "kind" TEXT NOT NULL,
        "goal" TEXT NOT NULL,
        "calendar" TEXT NOT NULL,
        "target_minutes" INTEGER NOT NULL,
        "due_minutes" INTEGER NOT NULL,
        "started_at" TIMESTAMPTZ NOT NULL,
        "since" TIMESTAMPTZ,
        "used_minutes" INTEGER NOT NULL,
        "due_at" TIMESTAMPTZ,
        "stopped_at" TIMESTAMPTZ,
        "outcome" TEXT NOT NULL,
        "breached_at" TIMESTAMPTZ,
        "told_minutes" INTEGER NOT NULL,
        "acked_by" TEXT NOT NULL,
        "turn" INTEGER NOT NULL,
        "next_at" TIMESTAMPTZ,
        "late_at" TIMESTAMPTZ,
        FOREIGN KEY ("ticket_id") REFERENCES "ticket" ("id"),
        CHECK (kind IN ('response', 'resolution')),
        CHECK (outcome IN ('running', 'met', 'missed', 'dropped'))
    )
    """,
    'CREATE UNIQUE INDEX "sla_clock_ticket_id_kind" ON "sla_clock" ("ticket_id", "kind")',
    'CREATE INDEX "sla_clock_next" ON "sla_clock" ("next_at") WHERE next_at IS NOT NULL',
    'CREATE INDEX "sla_clock_late" ON "sla_clock" ("late_at") WHERE late_at IS NOT NULL',
    """
    CREATE TABLE "ledger" (
        "id" {serial} NOT NULL PRIMARY KEY,
        "received_at" TIMESTAMPTZ NOT NULL,
        "transport" TEXT NOT NULL,
        "envelope" TEXT NOT NULL,
        "source_key" {bytes},
        "size_bytes" {bigint} NOT NULL,
        "sha256" {bytes} NOT NULL,
        "digest" {bytes} NOT NULL,
        "part_count" INTEGER NOT NULL,
        "state" TEXT NOT NULL,
        "outcome" TEXT NOT NULL,
        "reason_code" TEXT NOT NULL,
        "ticket_id" {bigint},
        "duplicate_of_id" {bigint},
        "attempts" INTEGER NOT NULL,
        "not_before" TIMESTAMPTZ,
        "lease_owner" TEXT NOT NULL,
        "lease_until" TIMESTAMPTZ,
        "decided_at" TIMESTAMPTZ,
        "decision" TEXT,
        "error" TEXT NOT NULL,
        "shown_at" TIMESTAMPTZ,
        "expiry_told_at" TIMESTAMPTZ,
        FOREIGN KEY ("ticket_id") REFERENCES "ticket" ("id"),
        FOREIGN KEY ("duplicate_of_id") REFERENCES "ledger" ("id"),
        CHECK (transport IN ('smtp', 'lmtp', 'pipe', 'imap', 'import', 'file')),
        CHECK (state IN ('waiting', 'done', 'failed', 'quarantined')),
        CHECK (outcome IN ('', 'opened', 'appended', 'held', 'filed', 'commanded', 'duplicate', 'deleted')),
        CHECK ((state = 'done') = (outcome <> '')),
        CHECK ((outcome = 'duplicate') = (duplicate_of_id IS NOT NULL))
    )
    """,
    'CREATE UNIQUE INDEX "ledger_source_key" ON "ledger" ("source_key")',
    'CREATE INDEX "ledger_digest" ON "ledger" ("digest")',
    'CREATE INDEX "ledger_ticket_id" ON "ledger" ("ticket_id")',
    'CREATE INDEX "ledger_duplicate_of_id" ON "ledger" ("duplicate_of_id")',
    'CREATE INDEX "ledger_state_id" ON "ledger" ("state", "id")',
    'CREATE INDEX "ledger_heartbeat" ON "ledger" ("received_at") WHERE reason_code = \'heartbeat\'',
    """
    CREATE TABLE "dedupe" (
        "digest" {bytes} NOT NULL PRIMARY KEY,
        "ledger_id" {bigint} NOT NULL,
        "received_at" TIMESTAMPTZ NOT NULL,
        "copies" INTEGER NOT NULL,
        FOREIGN KEY ("ledger_id") REFERENCES "ledger" ("id")
    )
    """,
    'CREATE INDEX "dedupe_ledger_id" ON "dedupe" ("ledger_id")',
    """
    CREATE TABLE "raw_mail_part" (
        "ledger_id" {bigint} NOT NULL,
        "sequence" INTEGER NOT NULL,
        "content" {bytes} NOT NULL,
        PRIMARY KEY ("ledger_id", "sequence"),
        FOREIGN KEY ("ledger_id") REFERENCES "ledger" ("id")
    )
    """,
    'CREATE INDEX "raw_mail_part_ledger_id" ON "raw_mail_part" ("ledger_id")',
    """
    CREATE TABLE "message" (
        "id" {serial} NOT NULL PRIMARY KEY,
        "ticket_id" {bigint} NOT NULL,
        "ledger_id" {bigint},
        "author_id" {bigint},
        "author_role" TEXT NOT NULL,
        "visibility" TEXT NOT NULL,
        "state" TEXT NOT NULL,
        "message_id" TEXT NOT NULL,
        "subject" TEXT NOT NULL,
        "text" TEXT NOT NULL,
        "passages" TEXT NOT NULL,
        "html" TEXT NOT NULL,
        "marks" TEXT NOT NULL,
        "at" TIMESTAMPTZ NOT NULL,
        "arrived_at" TIMESTAMPTZ,
        FOREIGN KEY ("ticket_id") REFERENCES "ticket" ("id"),
        FOREIGN KEY ("ledger_id") REFERENCES "ledger" ("id"),
        FOREIGN KEY ("author_id") REFERENCES "contact" ("id"),
        CHECK (author_role IN ('requester', 'watcher', 'agent', 'other', 'automatic')),
        CHECK (visibility IN ('public', 'internal')),
        CHECK (state IN ('posted', 'held', 'dropped'))
    )
    """,
    'CREATE INDEX "message_ticket_id" ON "message" ("ticket_id")',
    'CREATE INDEX "message_ledger_id" ON "message" ("ledger_id")',
    'CREATE INDEX "message_author_id" ON "message" ("author_id")',
    """
    CREATE TABLE "attachment" (
        "message_id" {bigint} NOT NULL,
        "number" INTEGER NOT NULL,
        "filename" TEXT NOT NULL,
        "content_type" TEXT NOT NULL,
        "size_bytes" {bigint} NOT NULL,
        "sha256" TEXT NOT NULL,
        "content_id" TEXT NOT NULL,
        "inline" {boolean} NOT NULL,
        "set_aside" {boolean} NOT NULL,
        PRIMARY KEY ("message_id", "number"),
        FOREIGN KEY ("message_id") REFERENCES "message" ("id")
    )
    """,
    'CREATE INDEX "attachment_message_id" ON "attachment" ("message_id")',
    'CREATE INDEX "attachment_sha256" ON "attachment" ("sha256")',
    """
    CREATE TABLE "outbox" (
        "id" {serial} NOT NULL PRIMARY KEY,
        "notice" TEXT NOT NULL,
        "rank" {smallint} NOT NULL,
        "recipient_id" {bigint} NOT NULL,
        "role" TEXT NOT NULL,
        "ticket_id" {bigint},
        "about_id" {bigint},
        "context" TEXT NOT NULL,
        "message_id" TEXT NOT NULL,
        "dedupe_key" TEXT NOT NULL,
        "reverse_path" TEXT NOT NULL,
        "state" TEXT NOT NULL,
        "hold_reason" TEXT NOT NULL,
        "attempts" INTEGER NOT NULL,
        "uncertain_count" INTEGER NOT NULL,
        "not_before" TIMESTAMPTZ,
        "lease_owner" TEXT NOT NULL,
        "lease_until" TIMESTAMPTZ,
        "part_count" INTEGER NOT NULL,
        "size_bytes" {bigint} NOT NULL,
        "sha256" {bytes},
        "created_at" TIMESTAMPTZ NOT NULL,
        "sent_at" TIMESTAMPTZ,
        "reply" TEXT NOT NULL,
        "outside_domain" TEXT,
        "bounced_at" TIMESTAMPTZ,
        "merged_into_id" {bigint},
        FOREIGN KEY ("recipient_id") REFERENCES "contact" ("id"),
        FOREIGN KEY ("ticket_id") REFERENCES "ticket" ("id"),
        FOREIGN KEY ("about_id") REFERENCES "message" ("id"),
        FOREIGN KEY ("merged_into_id") REFERENCES "outbox" ("id"),
        CHECK (role IN ('requester', 'watcher', 'agent')),
        CHECK (state IN ('waiting', 'sent', 'held', 'failed', 'merged', 'cancelled'))
    )
    """,
    'CREATE INDEX "outbox_recipient_id" ON "outbox" ("recipient_id")',
    'CREATE INDEX "outbox_ticket_id" ON "outbox" ("ticket_id")',
    'CREATE INDEX "outbox_about_id" ON "outbox" ("about_id")',
    'CREATE UNIQUE INDEX "outbox_message_id" ON "outbox" ("message_id")',
    'CREATE UNIQUE INDEX "outbox_dedupe_key" ON "outbox" ("dedupe_key")',
    'CREATE INDEX "outbox_merged_into_id" ON "outbox" ("merged_into_id")',
    'CREATE INDEX "outbox_state_rank_id" ON "outbox" ("state", "rank", "id")',
    'CREATE INDEX "outbox_state_sent_at" ON "outbox" ("state", "sent_at")',
    'CREATE INDEX "outbox_recipient_id_created_at" ON "outbox" ("recipient_id", "created_at")',
    'CREATE INDEX "outbox_outside" ON "outbox" ("created_at") WHERE outside_domain IS NOT NULL',
    """
    CREATE TABLE "outbox_part" (
        "outbox_id" {bigint} NOT NULL,
        "sequence" INTEGER NOT NULL,
        "content" {bytes} NOT NULL,
        PRIMARY KEY ("outbox_id", "sequence"),
        FOREIGN KEY ("outbox_id") REFERENCES "outbox" ("id")
    )
    """,
    'CREATE INDEX "outbox_part_outbox_id" ON "outbox_part" ("outbox_id")',
    """
    CREATE TABLE "used_link" (
        "outbox_id" {bigint} NOT NULL,
        "number" {smallint} NOT NULL,
        "used_at" TIMESTAMPTZ NOT NULL,
        PRIMARY KEY ("outbox_id", "number"),
        FOREIGN KEY ("outbox_id") REFERENCES "outbox" ("id")
    )
    """,
    'CREATE INDEX "used_link_outbox_id" ON "used_link" ("outbox_id")',
    """
    CREATE TABLE "thread_reference" (
        "digest" {bytes} NOT NULL,
        "ticket_id" {bigint} NOT NULL,
        "message_id" TEXT NOT NULL,
        "named" TEXT NOT NULL,
        "outbox_id" {bigint},
        "at" TIMESTAMPTZ NOT NULL,
        PRIMARY KEY ("digest", "ticket_id"),
        FOREIGN KEY ("ticket_id") REFERENCES "ticket" ("id"),
        FOREIGN KEY ("outbox_id") REFERENCES "outbox" ("id")
    )
    """,
    'CREATE INDEX "thread_reference_ticket_id" ON "thread_reference" ("ticket_id")',
    'CREATE INDEX "thread_reference_outbox_id" ON "thread_reference" ("outbox_id")',
    """
    CREATE TABLE "event" (
        "id" {serial} NOT NULL PRIMARY KEY,
        "at" TIMESTAMPTZ NOT NULL,
        "kind" TEXT NOT NULL,
        "actor" TEXT NOT NULL,
        "ticket_id" {bigint},
        "ledger_id" {bigint},
        "outbox_id" {bigint},
        "text" TEXT NOT NULL,
        "detail" TEXT NOT NULL,
        "fingerprint" TEXT NOT NULL,
        FOREIGN KEY ("ticket_id") REFERENCES "ticket" ("id"),
        FOREIGN KEY ("ledger_id") REFERENCES "ledger" ("id"),
        FOREIGN KEY ("outbox_id") REFERENCES "outbox" ("id")
    )
    """,
    'CREATE INDEX "event_ticket_id" ON "event" ("ticket_id")',
    'CREATE INDEX "event_ledger_id" ON "event" ("ledger_id")',
    'CREATE INDEX "event_outbox_id" ON "event" ("outbox_id")',
    'CREATE INDEX "event_suppressed" ON "event" ("at") WHERE kind IN (\'suppressed\', \'held-back\')',
    """
    CREATE TABLE "mailbox" (
        "name" TEXT NOT NULL PRIMARY KEY,
        "folder" TEXT NOT NULL,
        "uidvalidity" {bigint},
        "last_uid" {bigint} NOT NULL,
        "left_alone_count" {bigint} NOT NULL,
        "first_contact_at" TIMESTAMPTZ,
        "lease_owner" TEXT NOT NULL,
        "lease_until" TIMESTAMPTZ,
        "last_ok_at" TIMESTAMPTZ,
        "last_error_at" TIMESTAMPTZ,
        "last_error" TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE "worker" (
        "name" TEXT NOT NULL PRIMARY KEY,
        "host" TEXT NOT NULL,
        "pid" INTEGER NOT NULL,
        "started_at" TIMESTAMPTZ NOT NULL,
        "beat_at" TIMESTAMPTZ NOT NULL,
        "detail" TEXT NOT NULL,
        "last_error" TEXT NOT NULL,
        "last_error_at" TIMESTAMPTZ
    )
    """,
    """
    CREATE TABLE "oauth_account" (
        "name" TEXT NOT NULL PRIMARY KEY,
        "identity" TEXT NOT NULL,
        "generation" INTEGER NOT NULL,
        "refresh_token" TEXT NOT NULL,
        "access_token" TEXT NOT NULL,
        "access_from" TIMESTAMPTZ,
        "access_until" TIMESTAMPTZ,
        "logged_in_at" TIMESTAMPTZ,
        "secret_digest" TEXT NOT NULL,
        "failures" INTEGER NOT NULL,
        "not_before" TIMESTAMPTZ,
        "last_ok_at" TIMESTAMPTZ,
        "last_error_at" TIMESTAMPTZ,
        "last_error" TEXT NOT NULL,
        "lease_owner" TEXT NOT NULL,
        "lease_until" TIMESTAMPTZ
    )
    """,
    """
    CREATE TABLE "denied" (
        "pattern" TEXT NOT NULL PRIMARY KEY,
        "at" TIMESTAMPTZ NOT NULL,
        "by" TEXT NOT NULL,
        "reason" TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE "alarm" (
        "code" TEXT NOT NULL,
        "about" TEXT NOT NULL,
        "colour" TEXT NOT NULL,
        "words" TEXT NOT NULL,
        "since" TIMESTAMPTZ NOT NULL,
        "told_at" TIMESTAMPTZ,
        "gone_since" TIMESTAMPTZ,
        PRIMARY KEY ("code", "about")
    )
    """,
    """
    CREATE TABLE "chore" (
        "name" TEXT NOT NULL PRIMARY KEY,
        "done_at" TIMESTAMPTZ NOT NULL,
        "detail" TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE "border_proof" (
        "intake" TEXT NOT NULL,
        "authserv_id" TEXT NOT NULL,
        "number" {smallint} NOT NULL,
        "tested_at" TIMESTAMPTZ NOT NULL,
        "passed" {boolean} NOT NULL,
        "findings" TEXT NOT NULL,
        PRIMARY KEY ("intake", "authserv_id", "number")
    )
    """,
    """
    CREATE TABLE "seen_signature" (
        "digest" {bytes} NOT NULL PRIMARY KEY,
        "ledger_id" {bigint} NOT NULL,
        "seen_at" TIMESTAMPTZ NOT NULL
    )
    """,
    'CREATE INDEX "seen_signature_seen_at" ON "seen_signature" ("seen_at")',
)


def up(migrator: Any, db: Any) -> None:
    """Create every table with its constraints and indexes."""
    words = _SQLITE if isinstance(db, peewee.SqliteDatabase) else _POSTGRESQL
    for statement in _STATEMENTS:
        db.execute_sql(statement.format_map(words))
