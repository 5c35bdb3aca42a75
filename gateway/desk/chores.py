"""What the clock does now and then, written down for all processes: when it was last done, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.store.tables import Chore


def last_done(name: str) -> datetime | None:
    """When a chore was last done; None for never."""
    row = Chore.get_or_none(Chore.name == name)
    return row.done_at if row is not None else None


def done(name: str, *, now: datetime, **detail: object) -> None:
    """Write down that a chore was done, with plain JSON values that are worth keeping; inside a transaction."""
    Chore.insert(name=name, done_at=now, detail=detail).on_conflict(
        conflict_target=[Chore.name], update={Chore.done_at: now, Chore.detail: detail}
    ).execute()


def detail_of(name: str) -> Mapping[str, Any]:
    row = Chore.get_or_none(Chore.name == name)
    return row.detail if row is not None else {}
