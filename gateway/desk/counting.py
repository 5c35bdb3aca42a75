"""How many tickets somebody has opened: read only where some rule counts them, in one statement for all periods."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from gateway.policy import Policy
from gateway.store.rows import find_values, marks
from gateway.store.tables import Contact
from gateway.triage.view import TicketCount


def ticket_counts(
    people: Iterable[Contact | None], policy: Policy, *, at: datetime, but: int | None = None
) -> tuple[TicketCount, ...]:
    """Count the tickets that arrived from each of these people in each period of the policy's rules, up to `at`.

    `but` is the row of one that is not counted.
    """
    contacts = {contact.id: contact.address for contact in people if contact is not None}
    periods = policy.ticket_periods
    if not contacts or not periods:
        return ()
    local = at.astimezone(ZoneInfo(policy.desk.time_zone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    begins = [at - period if period is not None else midnight for period in periods]
    counts = ", ".join("COUNT(CASE WHEN arrived_at >= ? THEN 1 END)" for _ in begins)
    sql = f"""SELECT requester_id, {counts} FROM ticket WHERE requester_id IN ({marks(list(contacts))})
        AND arrived_at >= ? AND arrived_at <= ? {"AND id <> ?" if but is not None else ""}
        GROUP BY requester_id"""  # noqa: S608
    rows = find_values(sql, *begins, *contacts, min(begins), at, *([but] if but is not None else []))
    return tuple(
        TicketCount(address=contacts[contact], period=period, count=count)
        for contact, *found in rows
        for period, count in zip(periods, found, strict=True)
    )
