"""How the gateway is: what `gateway status` shows and what the alarms judge, read from the tables. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from peewee import Case, fn

from gateway.alarms import (
    RED,
    YELLOW,
    Disk,
    Health,
    HeartbeatMail,
    MailboxHealth,
    QuarantineHealth,
    alarms,
)
from gateway.desk.border import border_records, border_troubles
from gateway.desk.calming import UNDELIVERABLE
from gateway.desk.chores import detail_of
from gateway.desk.processes import is_gone
from gateway.desk.quarantining import late_before
from gateway.desk.traffic import left_out_since
from gateway.policy import Policy
from gateway.store.queue import PROCESS_PREFIX
from gateway.store.rows import find_values, marks
from gateway.store.states import LedgerState, OutboxState
from gateway.store.tables import AlarmRow, Ledger, Mailbox, OauthAccount, Outbox, Ticket, Worker
from gateway.ticket import OPEN_STATUSES
from gateway.triage.quarantine import codes
from gateway.triage.traffic import DAY

Row = dict[str, Any]
Queues = dict[str, dict[str, dict[str, int]]]

HEARTBEAT = "heartbeat mail"
_BEAT_LATE = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What the settings say should be looked after.

    `mailboxes` are those that are configured, None where that is not known. `heartbeat_minutes` is 0 where the desk
    writes itself no mails.
    """

    mailboxes: Collection[str] | None = None
    mailbox_minutes: int = 15
    disk: Disk | None = None
    heartbeat_minutes: int = 0
    heartbeat_missing_minutes: int = 30


def status_record(*, now: datetime, policy: Policy | None = None, watched: Watched | None = None) -> Row:
    """The health of the whole: `colour` green, yellow (look tomorrow) or red (a person must act), and why."""
    watched = watched or Watched()
    queues = _queues(now)
    health = read_health(now=now, policy=policy, watched=watched, queues=queues)
    found = alarms(health)
    colours = {alarm.colour for alarm in found}
    told = {(row.code, row.about): row.told_at for row in AlarmRow.select().where(AlarmRow.told_at.is_null(False))}
    beat = health.heartbeat
    return {
        "colour": RED if RED in colours else (YELLOW if YELLOW in colours else "green"),
        "troubles": [
            {"colour": one.colour, "text": one.text, "code": one.code, "told": told.get((one.code, one.about))}
            for one in found
        ],
        "tickets": {"open": _open_count()},
        "left_out": left_out_since(now - DAY),
        "queues": queues,
        "mailboxes": [
            {
                "name": box.name,
                "folder": box.folder,
                "last_ok": box.last_ok_at,
                "last_error": box.last_error,
                "left_alone": box.left_alone_count,
            }
            for box in Mailbox.select().order_by(Mailbox.name)
        ],
        "heartbeat": {"last_back": beat.last_back_at, "seconds": beat.seconds} if beat is not None else None,
        "workers": [
            {
                "name": worker.name,
                "host": worker.host,
                "pid": worker.pid,
                "beat": worker.beat_at,
                "runs": worker.detail,
                "last_error": worker.last_error,
            }
            for worker in _running(now)[0]
            # A part's own row tells its trouble; what runs, the row of its process says.
            if worker.detail
        ],
    }


def read_health(
    *,
    now: datetime,
    policy: Policy | None,
    watched: Watched,
    queues: Queues | None = None,
) -> Health:
    """Everything that the alarms judge."""
    ledger, outbox = (queues or _queues(now)).values()
    running, died = _running(now)
    # A process tells of refused files in its own row, a deliverer of the relay in one of its own.
    files = [one.last_error for one in running if one.last_error and one.name.startswith(PROCESS_PREFIX)]
    relays = [one.last_error for one in running if one.last_error and not one.name.startswith(PROCESS_PREFIX)]
    accounts = OauthAccount.select().where(OauthAccount.last_error != "")
    return Health(
        now=now,
        is_running=any(one.detail for one in running),
        died=tuple(f"process {one.pid} on {one.host}" for one in died if one.detail),
        files_error=files[0] if files else "",
        relay_error=relays[0] if relays else "",
        mailboxes=tuple(_mailboxes(watched.mailboxes)),
        mailbox_minutes=watched.mailbox_minutes,
        logins={account.name: account.last_error for account in accounts},
        ledger_failed=ledger["failed"]["count"],
        ledger_minutes=ledger["waiting"]["age_seconds"] // 60,
        # What waits because its address does not exist hurts nobody; the agents of its ticket know.
        outbox_held=outbox["held"]["count"] - _undeliverable_count(),
        outbox_failed=outbox["failed"]["count"],
        outbox_minutes=outbox["waiting"]["age_seconds"] // 60,
        quarantine=_quarantine(now, policy),
        disk=watched.disk,
        heartbeat=_heartbeat(watched),
        border=tuple(border_troubles(policy, now=now)) if policy is not None else (),
        border_lost=_border_lost(policy, now) if policy is not None else (),
    )


def _undeliverable_count() -> int:
    sql = "SELECT COUNT(*) FROM outbox WHERE state = ? AND hold_reason = ?"
    return int(find_values(sql, OutboxState.HELD, UNDELIVERABLE)[0][0])


def _running(now: datetime) -> tuple[list[Worker], list[Worker]]:
    """The rows of what runs, and of processes of this host that are gone without having said so."""
    fresh = [worker for worker in Worker.select().order_by(Worker.name) if now - worker.beat_at < _BEAT_LATE]
    died = [worker for worker in fresh if is_gone(worker.host, worker.pid)]
    return [worker for worker in fresh if worker not in died], died


def _mailboxes(configured: Collection[str] | None) -> Iterator[MailboxHealth]:
    """One that is no longer configured is nobody's trouble."""
    for box in Mailbox.select().order_by(Mailbox.name):
        if configured is not None and box.name not in configured:
            continue
        fails = box.last_error_at is not None and (box.last_ok_at is None or box.last_error_at > box.last_ok_at)
        yield MailboxHealth(
            name=box.name,
            last_ok_at=box.last_ok_at,
            error=box.last_error if fails else "",
            is_watched=configured is not None,
        )


def _quarantine(now: datetime, policy: Policy | None) -> QuarantineHealth:
    """What waits for a person. What expires by itself is shown and announced, but nobody is late with it."""
    sums = "SELECT reason_code, COUNT(*), SUM(size_bytes) FROM ledger WHERE state = ? GROUP BY reason_code"
    found = {code: (int(count), int(size)) for code, count, size in find_values(sums, LedgerState.QUARANTINED)}
    unlisted, expiring = codes(listed=False), codes(expires=True)
    late = 0
    if found.keys() - set(expiring):
        decided = marks(expiring)
        query = f"SELECT COUNT(*) FROM ledger WHERE state = ? AND received_at < ? AND reason_code NOT IN ({decided})"  # noqa: S608
        late = int(find_values(query, LedgerState.QUARANTINED, late_before(policy, now), *expiring)[0][0])
    return QuarantineHealth(
        count=sum(count for code, (count, _) in found.items() if code not in unlisted),
        late=late,
        all_mails=sum(count for count, _ in found.values()),
        all_bytes=sum(size for _, size in found.values()),
    )


def _border_lost(policy: Policy, now: datetime) -> tuple[str, ...]:
    """The ways in that were tested for the server in force, and that are not believed now."""
    trusted = policy.desk.trusted_authserv_id.lower()
    records = [one for one in border_records(policy, now=now) if trusted and one["authserv_id"] == trusted]
    return tuple(sorted({one["intake"] for one in records if not one["counts"]}))


def _heartbeat(watched: Watched) -> HeartbeatMail | None:
    if not watched.heartbeat_minutes:
        return None
    detail = detail_of(HEARTBEAT)
    if not detail.get("since"):
        return None
    back = detail.get("back_at")
    return HeartbeatMail(
        since=datetime.fromisoformat(detail["since"]),
        last_back_at=datetime.fromisoformat(back) if back else None,
        seconds=detail.get("seconds"),
        missing_minutes=watched.heartbeat_missing_minutes,
    )


def _open_count() -> int:
    query = Ticket.select(fn.COUNT(Ticket.id)).where(Ticket.status.in_([status.value for status in OPEN_STATUSES]))
    return int(query.scalar() or 0)


def _queues(now: datetime) -> Queues:
    return {
        "ledger": _depths(Ledger, LedgerState, Ledger.received_at, now),
        "outbox": _depths(Outbox, OutboxState, Outbox.created_at, now, until=_DELAYED_UNTIL),
    }


# Of a mail that waits for its moment, its age begins then.
_IS_DELAYED = (Outbox.state == OutboxState.WAITING) & (Outbox.hold_reason != "")
_DELAYED_UNTIL = Case(None, [(_IS_DELAYED, Outbox.not_before)], Outbox.created_at)


def _depths(table: Any, states: Any, since: Any, now: datetime, until: Any = None) -> dict[str, dict[str, int]]:
    """How many rows are in each state, and how old the oldest is, in seconds; `until` stands for `since` in SQL."""
    depths = {state.value: {"count": 0, "age_seconds": 0} for state in states}
    begins = since if until is None else until
    query = table.select(table.state, fn.COUNT(table.id).alias("count"), fn.MIN(begins).alias("oldest"))
    for row in query.group_by(table.state).dicts():
        oldest = since.python_value(row["oldest"])
        depths[row["state"]] = {
            "count": int(row["count"]),
            "age_seconds": max(0, int((now - oldest).total_seconds())) if oldest else 0,
        }
    return depths
