"""The bytes of mails that came in and of mails that go out, read back from their parts."""

from __future__ import annotations

from peewee import fn

from gateway.store.rows import find_values
from gateway.store.tables import RawMailPart


def read_raw(ledger_id: int) -> bytes:
    """The mail as it came in; b"" when its bytes are gone."""
    parts = find_values("SELECT content FROM raw_mail_part WHERE ledger_id = ? ORDER BY sequence", ledger_id)
    return b"".join(bytes(part) for (part,) in parts)


def read_head(ledger_id: int, limit_bytes: int) -> bytes:
    """The beginning of the mail as it came in; b"" when its bytes are gone."""
    head = RawMailPart.select(fn.SUBSTR(RawMailPart.content, 1, limit_bytes).alias("head")).where(
        (RawMailPart.ledger == ledger_id) & (RawMailPart.sequence == 0)
    )
    row = head.tuples().first()
    return bytes(row[0]) if row else b""


def read_outgoing(outbox_id: int) -> bytes:
    """The final bytes of an outgoing mail; b"" when it was not rendered yet."""
    parts = find_values("SELECT content FROM outbox_part WHERE outbox_id = ? ORDER BY sequence", outbox_id)
    return b"".join(bytes(part) for (part,) in parts)
