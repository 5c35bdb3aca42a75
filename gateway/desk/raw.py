"""The bytes of mails that came in and of mails that go out, read back from their parts."""

from __future__ import annotations

from peewee import fn

from gateway.store.tables import OutboxPart, RawMailPart


def read_raw(ledger_id: int) -> bytes:
    """The mail as it came in; b"" when its bytes are gone."""
    query = RawMailPart.select(RawMailPart.content).where(RawMailPart.ledger == ledger_id)
    return b"".join(bytes(part.content) for part in query.order_by(RawMailPart.sequence))


def read_head(ledger_id: int, limit_bytes: int) -> bytes:
    """The beginning of the mail as it came in; b"" when its bytes are gone."""
    head = RawMailPart.select(fn.SUBSTR(RawMailPart.content, 1, limit_bytes).alias("head")).where(
        (RawMailPart.ledger == ledger_id) & (RawMailPart.sequence == 0)
    )
    row = head.tuples().first()
    return bytes(row[0]) if row else b""


def read_outgoing(outbox_id: int) -> bytes:
    """The final bytes of an outgoing mail; b"" when it was not rendered yet."""
    query = OutboxPart.select(OutboxPart.content).where(OutboxPart.outbox == outbox_id)
    return b"".join(bytes(part.content) for part in query.order_by(OutboxPart.sequence))
