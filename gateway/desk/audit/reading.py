"""Read tables for the audit: in portions of rows, so that memory does not grow with the desk."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

PORTION_ROWS = 400
_PORTION_BYTES = 16 * 1024 * 1024


def portions(table: Any, *columns: Any) -> Iterator[list[Any]]:
    """All rows of a table in the order of their ids, some hundred at a time; only `columns`, where any are named."""
    last = 0
    while rows := list(table.select(*columns).where(table.id > last).order_by(table.id).limit(PORTION_ROWS)):
        yield rows
        last = rows[-1].id


def grouped(rows: Iterable[Any], key: str) -> dict[Any, list[Any]]:
    """Rows by the value of one of their columns, in order."""
    found: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        found[getattr(row, key)].append(row)
    return found


def pairs(query: Any) -> dict[Any, Any]:
    """What a query for two columns finds, as first → second."""
    return dict(query.tuples())


def span(column: Any, rows: Sequence[Any]) -> Any:
    """The condition for what belongs to one of these rows, which came in the order of their ids."""
    return column.between(rows[0].id, rows[-1].id)


@dataclass(kw_only=True)
class Content:
    """What the parts of one mail are together."""

    count: int = 0
    size_bytes: int = 0
    sha256: bytes = hashlib.sha256(b"").digest()
    head: bytes = b""
    is_in_order: bool = True


def contents(table: Any, owner: Any, rows: Sequence[Any]) -> dict[int, Content]:
    """Put the parts of each row's mail together; reads at most about 16 MiB at a time."""
    found: dict[int, Content] = {}
    portion: list[int] = []
    size_bytes = 0
    for row in rows:
        if portion and size_bytes + row.size_bytes > _PORTION_BYTES:
            found |= _read(table, owner, portion)
            portion, size_bytes = [], 0
        portion.append(row.id)
        size_bytes += row.size_bytes
    return found | (_read(table, owner, portion) if portion else {})


def _read(table: Any, owner: Any, ids: list[int]) -> dict[int, Content]:
    found: dict[int, Content] = {}
    digests: dict[int, Any] = {}
    query = table.select(owner, table.sequence, table.content).where(owner.in_(ids)).order_by(owner, table.sequence)
    for owner_id, sequence, part in query.tuples().iterator():
        content, digest = found.setdefault(owner_id, Content()), digests.setdefault(owner_id, hashlib.sha256())
        content.is_in_order &= sequence == content.count
        content.head = content.head or bytes(part[:16384])
        content.count += 1
        content.size_bytes += len(part)
        digest.update(part)
    for owner_id, digest in digests.items():
        found[owner_id].sha256 = digest.digest()
    return found
