"""Write an envelope into the ledger and read it back: `accept` writes, `sorting` and the commands read."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from gateway.mail import Envelope, MailboxRole, Transport

_MOMENTS = frozenset({"received_at", "internal_date"})


def envelope_to_json(envelope: Envelope) -> dict[str, Any]:
    """Return what the ledger's JSON column takes; fields at their default are left out."""
    values = {field.name: (getattr(envelope, field.name), field.default) for field in fields(envelope)}
    return {name: _plain(value) for name, (value, default) in values.items() if value != default}


def envelope_from_json(values: dict[str, Any]) -> Envelope:
    """Read an envelope of the ledger; fields that this version does not know are passed over."""
    known = {field.name for field in fields(Envelope)}
    read: dict[str, Any] = {name: value for name, value in values.items() if name in known}
    read["transport"] = Transport(read["transport"])
    read["recipients"] = tuple(read.get("recipients", ()))
    if "mailbox_role" in read:
        read["mailbox_role"] = MailboxRole(read["mailbox_role"])
    for name in _MOMENTS & read.keys():
        read[name] = None if read[name] is None else datetime.fromisoformat(read[name])
    return Envelope(**read)


def source_key(envelope: Envelope) -> bytes | None:
    """Name the place on an IMAP server that a mail was fetched from, None for mail that was brought to us."""
    if envelope.uid is None or envelope.uidvalidity is None:
        return None
    place = ("imap", envelope.mailbox, envelope.folder, str(envelope.uidvalidity), str(envelope.uid))
    return hashlib.sha256("\0".join(place).encode("utf-8", "surrogateescape")).digest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, StrEnum):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
