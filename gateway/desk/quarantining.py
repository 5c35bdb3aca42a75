"""The quarantine as its keepers see it: what waits, what a mail to the desk has to do with it, what expires.

Reads, and the two things that time does: the digest is written into the outbox, and what was announced to expire does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import peewee

from gateway.alarms import QUARANTINE_LATE_WORKING_DAYS
from gateway.desk.chores import detail_of, done, last_done
from gateway.desk.operating import delete_one
from gateway.desk.outgoing import enqueue
from gateway.keys import Purpose, ReplyKey, unseal
from gateway.mail import Address
from gateway.phrase import Phrase, say
from gateway.policy import Agent, Policy
from gateway.policy.promises import DESK
from gateway.sla import WorkCalendar
from gateway.sla.days import began_today, waited_before
from gateway.store.database import lock_conversations, transaction
from gateway.store.rows import find, find_all, find_values, marks
from gateway.store.states import LedgerState, Outcome
from gateway.store.tables import Contact, Event, Ledger, Outbox
from gateway.subject import clean_subject, defanged
from gateway.ticket import Role
from gateway.triage.challenge import ASKED_ABOUT
from gateway.triage.facts import DigestEntry, DigestFact
from gateway.triage.quarantine import codes, release_in_words, was_asked, why_quarantined

DIGEST = "quarantine_digest"
# How long a digest can be answered: as long as an agent's "was it you?".
DIGEST_AGE = timedelta(days=7)
URGENT_EVERY = timedelta(minutes=15)
# What expires is announced so long before.
EXPIRY_NOTICE = timedelta(days=7)
# What stays as it was is told again after so long: a week, whatever the minute at which work begins. So there is
# always a digest that can still be answered.
_TOLD_AGAIN = timedelta(days=6, hours=12)
MOST_ENTRIES = 60
_MOST_AT_ONCE = 500
_MOST_LABELS = 8
_EXPIRED_BY = "clock"
_OFFICE_HOURS = WorkCalendar(name=DESK, time_zone="UTC", hours="Mo-Fr 08:00-17:00")


# --- what a mail to the desk has to do with it ---


def denied_by(address: str) -> str:
    """The entry of the deny list that an address falls under: itself, its domain, or "*." a domain above; else ""."""
    patterns = deny_patterns(address)
    found = find_values(f"SELECT pattern FROM denied WHERE pattern IN ({marks(patterns)}) LIMIT 1", *patterns)  # noqa: S608
    return str(found[0][0]) if found else ""


def deny_patterns(address: str) -> list[str]:
    """What of the deny list may stand for an address."""
    domain = address.lower().rpartition("@")[2]
    labels = domain.split(".")[-_MOST_LABELS:]
    return [address.lower(), domain, *(f"*.{'.'.join(labels[number:])}" for number in range(1, len(labels)))]


def digest_in(written: Iterable[str], secrets: Mapping[int, bytes], *, now: datetime) -> DigestFact | None:
    """The digest that a mail answers, by the key that only this digest carried."""
    keys = (unseal(one, purpose=Purpose.DIGEST, secrets=secrets) for one in written)
    key = next((key for key in keys if key is not None), None)
    return digest_of(key, now=now) if key is not None else None


def digest_of(key: ReplyKey, *, now: datetime) -> DigestFact | None:
    """The digest that a key of ours names, with what has become of its entries since; None where it is gone."""
    row = find(Outbox, "dedupe_key = ?", _dedupe_key(key.ticket, key.person))
    holder = find(Contact, "id = ?", key.person)
    if row is None or holder is None:
        return None
    entries = row.context.get("entries", [])
    return DigestFact(
        outbox_id=row.id,
        holder=holder.address,
        sent_at=row.created_at,
        is_expired=now - row.created_at > DIGEST_AGE,
        entries=tuple(_entries(entries)),
    )


def _dedupe_key(number: int, contact_id: int) -> str:
    # As `outgoing.enqueue` makes it.
    return hashlib.sha256(f"{_cause(number)}/{DIGEST}/{contact_id}".encode()).hexdigest()


def _cause(number: int) -> str:
    return f"digest/{number}"


def _entries(shown: Sequence[Mapping[str, Any]]) -> Iterable[DigestEntry]:
    ids = [one["ledger"] for one in shown]
    rows = {row.id: row for row in find_all(Ledger, f"id IN ({marks(ids)})", *ids)} if ids else {}
    for one in shown:
        row = rows.get(one["ledger"])
        yield DigestEntry(
            number=one["number"],
            ledger=one["ledger"],
            code=one["code"],
            sender=one["sender"],
            subject=one["subject"],
            settled=settled(row) if row is not None else str(Outcome.DELETED),
            denied_by=denied_by(one["sender"]) if "@" in one["sender"] else "",
        )


def settled(row: Ledger) -> Phrase | str:
    """What somebody has done with it since, "" where it still waits."""
    if row.state == LedgerState.QUARANTINED:
        return ""
    kinds = tuple(_SETTLED)
    events = find_all(Event, f"ledger_id = ? AND kind IN ({marks(kinds)})", row.id, *kinds, order="id DESC", limit=1)
    return _SETTLED[events[0].kind](events[0].actor) if events else str(row.outcome or row.state)


_SETTLED: dict[str, Callable[[str], Phrase]] = {
    "released": lambda who: say("let in by {who}", who=who),
    "deleted": lambda who: say("deleted by {who}", who=who),
    "retried": lambda who: say("decided once more for {who}", who=who),
    "confirmed": lambda who: say("confirmed by {who}", who=who),
}


# --- the digest ---


def digest_due(database: peewee.Database, policy: Policy, secrets: Mapping[int, bytes], *, now: datetime) -> int:
    """Write the keepers their digest once a working day, when work has begun; the number of mails written.

    There is none where nothing waits that a person should decide, and nothing new has come that expires by itself; and
    one that says nothing new is written once a week.
    """
    opened = began_today(policy.work_calendar(DESK), now)
    if opened is None or _was_done(DIGEST, opened):
        return 0
    with transaction(database):
        lock_conversations(database)
        if _was_done(DIGEST, opened):
            return 0
        rows = _for_digest()
        ending = _ending(policy, now)
        mailed = detail_of(DIGEST).get("mailed_at")
        told_at = datetime.fromisoformat(mailed) if mailed else None
        says_something = bool(ending) or (bool(rows) and _has_news(rows, policy, told_at, now))
        done(DIGEST, now=now, entries=len(rows), mailed_at=now.isoformat() if says_something else mailed)
        if not says_something:
            return 0
        _write(rows, ending, policy, secrets, now=now, urgent=False)
    return len(policy.keepers)


def _has_news(rows: Sequence[Ledger], policy: Policy, told_at: datetime | None, now: datetime) -> bool:
    """Whether the keepers should read the digest today: nobody has read of something, something has waited for too
    long since the last one was written (as the alarm counts it), or that one is a week old."""
    if told_at is None or now - told_at >= _TOLD_AGAIN or any(row.shown_at is None for row in rows):
        return True
    late_then, late_now = (late_before(policy, moment) for moment in (told_at, now))
    expiring = codes(expires=True)
    late = f"state = ? AND received_at >= ? AND received_at < ? AND reason_code NOT IN ({marks(expiring)})"
    return find(Ledger, late, LedgerState.QUARANTINED, late_then, late_now, *expiring) is not None


def late_before(policy: Policy | None, now: datetime) -> datetime:
    """What came before this moment has waited in quarantine for too long; by office hours where no rules are in
    force."""
    calendar = policy.work_calendar(DESK) if policy is not None else _OFFICE_HOURS
    return waited_before(calendar, now, QUARANTINE_LATE_WORKING_DAYS)


def urgent_due(database: peewee.Database, policy: Policy, secrets: Mapping[int, bytes], *, now: datetime) -> int:
    """Tell the keepers at once of what is urgent, at most once in `URGENT_EVERY`; the number of mails written.

    A mail about which its agent was asked can wait: a no makes it urgent, a yes lets it in.
    """
    if not _urgent():
        return 0
    with transaction(database):
        lock_conversations(database)
        last = last_done("urgent digest")
        if last is not None and timedelta(0) <= now - last < URGENT_EVERY:
            return 0
        rows = _urgent()[:MOST_ENTRIES]
        if not rows:
            return 0
        done("urgent digest", now=now)
        _write(rows, [], policy, secrets, now=now, urgent=True)
    return len(policy.keepers)


def _urgent() -> list[Ledger]:
    urgent = codes(urgent=True)
    new = f"state = ? AND shown_at IS NULL AND reason_code IN ({marks(urgent)})"
    rows = find_all(Ledger, new, LedgerState.QUARANTINED, *urgent, order="id", limit=_MOST_AT_ONCE)
    return [row for row in rows if row.reason_code not in ASKED_ABOUT or not was_asked_about(row)]


def was_asked_about(row: Ledger) -> bool:
    """Whether the agent in whose name it is was asked "was it you?"."""
    return was_asked((row.decision or {}).get("reasons", []))


def _was_done(name: str, since: datetime) -> bool:
    last = last_done(name)
    return last is not None and last >= since


def _for_digest() -> list[Ledger]:
    """What nobody has read of comes first; then what still waits. What expires by itself is listed once."""
    listed, once = codes(expires=False), codes(expires=True, listed=True)
    known = (*codes(), "")
    condition = (
        f"state = ? AND ((reason_code IN ({marks(listed)}) OR reason_code NOT IN ({marks(known)}))"
        f" OR (shown_at IS NULL AND reason_code IN ({marks(once)})))"
    )
    values = (LedgerState.QUARANTINED, *listed, *known, *once)
    order = "CASE WHEN shown_at IS NULL THEN 0 ELSE 1 END, id"
    return find_all(Ledger, condition, *values, order=order, limit=MOST_ENTRIES)


def _ending(policy: Policy, now: datetime) -> list[Ledger]:
    """What must be announced to expire."""
    if not policy.desk.quarantine_days:
        return []
    expiring = codes(expires=True)
    before = now - timedelta(days=policy.desk.quarantine_days) + EXPIRY_NOTICE
    condition = f"state = ? AND expiry_told_at IS NULL AND received_at <= ? AND reason_code IN ({marks(expiring)})"
    return find_all(Ledger, condition, LedgerState.QUARANTINED, before, *expiring, order="id", limit=_MOST_AT_ONCE)


def _write(
    rows: list[Ledger],
    ending: list[Ledger],
    policy: Policy,
    secrets: Mapping[int, bytes],
    *,
    now: datetime,
    urgent: bool,
) -> None:
    number = int(now.timestamp())
    context: dict[str, object] = {
        "digest": number,
        "urgent": urgent,
        "entries": [_shown(place, row, policy) for place, row in enumerate(rows, 1)],
        "more": 0 if urgent else max(0, _waiting() - len(rows)),
        "blocked": 0 if urgent else _waiting(codes(listed=False)),
        "ending": _counts(ending, policy),
    }
    for keeper in policy.keepers:
        _enqueue(keeper, context, _cause(number), policy, secrets, now=now)
    _mark("shown_at", [row.id for row in rows if row.shown_at is None], now)
    _mark("expiry_told_at", [row.id for row in ending], now)


def _enqueue(
    keeper: Agent,
    context: Mapping[str, object],
    cause: str,
    policy: Policy,
    secrets: Mapping[int, bytes],
    *,
    now: datetime,
) -> None:
    enqueue(
        notice=DIGEST,
        to=Address(address=keeper.address, name=keeper.name),
        role=Role.AGENT,
        ticket=None,
        about_id=None,
        context=context,
        cause=cause,
        policy=policy,
        secrets=secrets,
        now=now,
    )


def _shown(place: int, row: Ledger, policy: Policy) -> dict[str, object]:
    """One entry as the digest tells it: nothing in it can be clicked or fetched."""
    entry = entry_of(row)
    why = why_quarantined(row.reason_code)
    zone = ZoneInfo(policy.desk.time_zone)
    return {
        "number": place,
        "ledger": row.id,
        "code": row.reason_code,
        "reason": why.text,
        "sender": entry["sender"],
        "name": defanged(entry["name"]),
        # A number in it would be quoted in the answer.
        "subject": defanged(clean_subject(entry["subject"], policy.prefixes())),
        "received": row.received_at.astimezone(zone).isoformat(timespec="seconds"),
        "release": release_in_words(entry["release"]),
        "by_mail": why.by_mail,
        "new": row.shown_at is None,
    }


def entry_of(row: Ledger) -> dict[str, Any]:
    """What the ledger keeps of a quarantined mail beside its bytes: author, subject, what a release would do."""
    kept = (row.decision or {}).get("quarantine", {})
    return {
        "sender": kept.get("sender") or row.envelope.get("reverse_path") or "",
        "name": kept.get("name", ""),
        "subject": kept.get("subject", ""),
        "release": kept.get("release", {}),
    }


def _waiting(of: Sequence[str] = ()) -> int:
    """How many wait: of these codes, or of all that are listed."""
    wanted = of or codes(listed=True)
    query = f"SELECT COUNT(*) FROM ledger WHERE state = ? AND reason_code IN ({marks(wanted)})"  # noqa: S608
    return int(find_values(query, LedgerState.QUARANTINED, *wanted)[0][0])


def _counts(ending: list[Ledger], policy: Policy) -> list[dict[str, object]]:
    """By reason: how many expire, and when the first of them does."""
    zone, days = ZoneInfo(policy.desk.time_zone), timedelta(days=policy.desk.quarantine_days)
    found: dict[str, list[Ledger]] = {}
    for row in ending:
        found.setdefault(row.reason_code, []).append(row)
    return [
        {
            "reason": why_quarantined(code).text,
            "count": len(rows),
            "first": (min(row.received_at for row in rows) + days).astimezone(zone).isoformat(timespec="seconds"),
        }
        for code, rows in found.items()
    ]


def _mark(column: str, ids: Sequence[int], now: datetime) -> None:
    for start in range(0, len(ids), _MOST_AT_ONCE):
        Ledger.update({column: now}).where(Ledger.id.in_(list(ids[start : start + _MOST_AT_ONCE]))).execute()


# --- what expires ---


def expire_due(database: peewee.Database, policy: Policy, *, now: datetime) -> int:
    """Delete what has waited for `quarantine_days` and was announced to expire a week ago; how many there were."""
    if not policy.desk.quarantine_days or not _is_next_day("expiry", now):
        return 0
    expiring = codes(expires=True)
    condition = f"state = ? AND expiry_told_at <= ? AND received_at <= ? AND reason_code IN ({marks(expiring)})"
    told, received = now - EXPIRY_NOTICE, now - timedelta(days=policy.desk.quarantine_days)
    count = 0
    with transaction(database):
        lock_conversations(database)
        rows = find_all(Ledger, condition, LedgerState.QUARANTINED, told, received, *expiring, limit=_MOST_AT_ONCE)
        for row in rows:
            reason = f"{policy.desk.quarantine_days} days old, announced on {row.expiry_told_at:%Y-%m-%d}"
            count += delete_one(row.id, by=_EXPIRED_BY, reason=reason, now=now)
        if len(rows) < _MOST_AT_ONCE:
            done("expiry", now=now, deleted=count + int(detail_of("expiry").get("deleted", 0)))
    return count


def _is_next_day(name: str, now: datetime) -> bool:
    last = last_done(name)
    return last is None or last.astimezone(UTC).date() != now.astimezone(UTC).date()
