"""Subjects of accepted mails, read from their bytes: the ledger keeps none, and a person knows a mail by it."""

from __future__ import annotations

from collections.abc import Iterable
from email.parser import BytesHeaderParser
from typing import Any

_HEAD_BYTES = 64 * 1024


def with_subjects(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The ledger's rows, each with its mail's decoded `subject`, "" where there is none or the bytes are gone."""
    from gateway.desk.raw import read_head

    return [row | {"subject": _subject(read_head(row["id"], _HEAD_BYTES))} for row in rows]


def _subject(head: bytes) -> str:
    from gateway.parse.headers import first_value

    block = head.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    return first_value(BytesHeaderParser().parsebytes(block), "subject")
