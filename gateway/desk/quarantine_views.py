"""What operators ask of the quarantine, as plain values. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.desk.quarantining import entry_of, settled
from gateway.store.rows import find_all, find_values, marks
from gateway.store.states import LedgerState
from gateway.store.tables import Denied, Ledger
from gateway.triage.quarantine import release_in_words, why_quarantined


def quarantine_rows(
    *, reason: str = "", sender: str = "", since: datetime | None = None, limit: int | None = None, only: int = 0
) -> list[dict[str, Any]]:
    """What waits, the newest first. `sender` is an address, or a domain without @; `only` is one row."""
    query = Ledger.select().where(Ledger.state == LedgerState.QUARANTINED).order_by(Ledger.id.desc())
    if reason:
        query = query.where(Ledger.reason_code == reason)
    if since is not None:
        query = query.where(Ledger.received_at >= since)
    if only:
        query = query.where(Ledger.id == only)
    found: list[dict[str, Any]] = []
    for row in query.iterator():
        entry = entry_of(row)
        if sender and not is_by(entry["sender"], sender):
            continue
        found.append(_record_of(row, entry))
        if len(found) == limit:
            break
    return found


def is_by(address: str, sender: str) -> bool:
    """Whether an address is the one that is asked for, or of that domain or one below it."""
    address, sender = address.lower(), sender.lower()
    if "@" in sender.removeprefix("@"):
        return address == sender
    domain = address.rpartition("@")[2]
    return domain == sender.lstrip("@*.") or domain.endswith("." + sender.lstrip("@*."))


def _record_of(row: Ledger, entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "received": row.received_at,
        "reason": row.reason_code,
        "what": str(why_quarantined(row.reason_code).text),
        "kind": (row.decision or {}).get("kind", ""),
        "from": entry["sender"],
        "subject": entry["subject"],
        "size": row.size_bytes,
        "attempts": row.attempts,
        "shown": row.shown_at,
        "if_released": str(release_in_words(entry["release"])),
    }


def earlier_of(row: Ledger, limit: int = 5) -> list[dict[str, Any]]:
    """Other mails of the same author that were set aside, the newest first, and what became of each."""
    sender = entry_of(row)["sender"]
    if not sender:
        return []
    # The author stands in the JSON of the decision; a percent sign in an address is rare and only finds too many.
    rows = find_all(
        Ledger, "id <> ? AND decision LIKE ?", row.id, f'%"sender":"{sender}"%', order="id DESC", limit=50 * limit
    )
    alike = [one for one in rows if entry_of(one)["sender"] == sender][:limit]
    return [
        {
            "id": one.id,
            "received": one.received_at,
            "reason": one.reason_code or "",
            "became": str(settled(one)) or "waits",
        }
        for one in alike
    ]


def deny_list() -> list[dict[str, Any]]:
    """Whose mail is set aside, by whom and why."""
    return [
        {"pattern": row.pattern, "at": row.at, "by": row.by, "reason": row.reason}
        for row in Denied.select().order_by(Denied.pattern)
    ]


def statistics(*, now: datetime) -> dict[str, Any]:
    """By reason: how many wait, how large they are and how old the oldest is; and what was done in all."""
    query = (
        "SELECT reason_code, COUNT(*), SUM(size_bytes), MIN(received_at) FROM ledger WHERE state = ?"
        " GROUP BY reason_code ORDER BY 2 DESC"
    )
    waiting = []
    for code, count, size, oldest in find_values(query, LedgerState.QUARANTINED):
        since = Ledger.received_at.python_value(oldest) or now
        waiting.append(
            {
                "reason": code,
                "what": str(why_quarantined(code).text),
                "count": int(count),
                "size": int(size),
                "oldest": since,
                "age_days": (now - since).days,
            }
        )
    kinds = ("released", "deleted", "denied", "allowed")
    done_so_far = dict(
        find_values(f"SELECT kind, COUNT(*) FROM event WHERE kind IN ({marks(kinds)}) GROUP BY kind", *kinds)  # noqa: S608
    )
    return {
        "waiting": waiting,
        "count": sum(one["count"] for one in waiting),
        "size": sum(one["size"] for one in waiting),
        "done": {kind: int(done_so_far.get(kind, 0)) for kind in kinds},
        "blocked": Denied.select().count(),
    }
