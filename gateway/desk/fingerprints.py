"""Fingerprints of rows, written into the history when the rows are, and compared by the audit.

What is not what the history says has been changed by a bad disk, a bug or a hand. A short digest is enough: it guards
against accidents, and whoever can write rows can write fingerprints.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from gateway.store.fields import clean_text
from gateway.store.tables import AttachmentRow, Message, Ticket


def of_message(row: Message) -> str:
    """All of a message but where it hangs and when it was; the audit compares those with the history itself."""
    passages = [part for passage in row.passages for part in passage]
    author = str(row.author_id or "")
    texts = [author, row.author_role, row.visibility, row.state, row.message_id, row.subject, row.text, row.html]
    return _digest([*texts, *passages, "", *row.marks])


def of_files(rows: Iterable[AttachmentRow]) -> str:
    """All metadata of a message's files; "" where it has none."""
    texts: list[Any] = []
    for row in sorted(rows, key=lambda one: one.number):
        numbers = (row.number, row.size_bytes, int(row.inline), int(row.set_aside))
        texts += [row.filename, row.content_type, row.sha256, row.content_id, *numbers]
    return _digest(texts) if texts else ""


def standing(ticket: Ticket) -> list[str]:
    """Where a ticket stands in its life, as the history writes it: status, hold, and what is to happen when."""
    moments = [moment.isoformat() if moment is not None else "" for moment in (ticket.hold_until, ticket.close_at)]
    return [str(ticket.status), str(ticket.hold_reason), *moments]


def of_names(addresses: Iterable[str]) -> str:
    """The addresses that a thread reference names."""
    return _digest(addresses)


def _digest(texts: Iterable[Any]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(clean_text(str(text)).encode("utf-8"))
        digest.update(b"\0")
    return digest.hexdigest()[:32]
