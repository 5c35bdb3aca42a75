"""The history itself: no word of it was changed after it was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.desk.audit.reading import portions
from gateway.store.history import fingerprint_of
from gateway.store.tables import Event


def histories(secrets: Mapping[int, bytes]) -> Iterator[str]:
    """Every event has the fingerprint of what it says; also those that are of no ticket."""
    for rows in portions(Event):
        for row in rows:
            if fingerprint_of(row) != row.fingerprint:
                yield f"event {row.id} ({row.kind}) is not what was written"
