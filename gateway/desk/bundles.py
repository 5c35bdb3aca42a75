"""Merge notices to one agent when many wait: one mail with a line for each instead of twenty mails.

Place in the mail's way: between the unit that wrote the outbox rows and the delivery that claims them. Only notices
that nobody has begun to send are merged; a merged row stays, names the bundle that took its place, and is never sent.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from peewee import JOIN, Database

from gateway.desk.calming import GIVEN_UP
from gateway.desk.clocks import CLOCK
from gateway.desk.stopped_mails import give_up
from gateway.phrase import from_json, listed, say
from gateway.policy.telling import GATHERED, Delay
from gateway.store.database import skip_locked, transaction
from gateway.store.history import write_event
from gateway.store.rows import find, find_values, marks
from gateway.store.states import OutboxState
from gateway.store.tables import Contact, Message, Outbox, Ticket
from gateway.ticket import Role, TicketType
from gateway.triage.posting import stand_in

BUNDLE = "bundle"
NOTICE_RANK = 2

# An agent must answer these one by one, or asked for them.
NOT_MERGED = frozenset(
    {
        *("question", "confirmation", "result", "preview", "listing", "pace"),
        *("reminders", "quarantine_digest", "alarm", "heartbeat"),
    }
)

# A notice that goes out at once as always is never merged; a flood is, however young.
SETTLED_AFTER = timedelta(seconds=2)
FLOOD_FACTOR = 5

# So many letters fit into one mail that somebody reads.
LETTERS_LIMIT = 100
LINE_LENGTH = 160


def merge_waiting(
    database: Database,
    *,
    now: datetime,
    new_message_id: Callable[[], str],
    token: Callable[[TicketType, int], str],
    at_least: int = 4,
) -> int:
    """Merge the notices of every agent for whom at least `at_least` wait, and those that the rules gather and that are
    due; return how many bundles were made or mails let go.

    `token` writes a ticket's token ("[INC-1042]") as the policy in force does. One transaction.
    """
    with transaction(database):
        bundles = _gather_due(database, now=now, new_message_id=new_message_id, token=token)
        waiting: dict[int, list[_Waiting]] = defaultdict(list)
        for one in _candidates(database, now=now):
            waiting[one.recipient].append(one)
        for recipient, notices in waiting.items():
            merged = _to_merge(notices, at_least=at_least)
            if merged:
                ids = [one.id for one in merged]
                _merge(ids, recipient, now=now, message_id=new_message_id(), token=token)
                bundles += 1
    return bundles


_CANDIDATES = """SELECT id, recipient_id, notice, created_at <= ? FROM outbox
    WHERE state = ? AND rank = ? AND role = ? AND part_count = 0 AND lease_until IS NULL AND hold_reason = ''
    AND notice NOT IN (…) ORDER BY id"""


@dataclass(frozen=True, kw_only=True)
class _Waiting:
    """A notice that may be merged, without what it says: hundreds of them are looked at every second of a flood."""

    id: int
    recipient: int
    is_bundle: bool
    is_settled: bool


def _candidates(database: Database, *, now: datetime) -> list[_Waiting]:
    """Lock the notices to agents that wait, are not rendered and that nobody has claimed, oldest first."""
    # A lease that is over may be that of somebody who is only slow.
    sql = _CANDIDATES.replace("(…)", f"({marks(tuple(NOT_MERGED))})") + skip_locked(database)
    found = find_values(sql, now - SETTLED_AFTER, OutboxState.WAITING, NOTICE_RANK, Role.AGENT, *NOT_MERGED)
    return [
        _Waiting(id=an_id, recipient=recipient, is_bundle=notice == BUNDLE, is_settled=bool(is_settled))
        for an_id, recipient, notice, is_settled in found
    ]


def _gather_due(
    database: Database, *, now: datetime, new_message_id: Callable[[], str], token: Callable[[TicketType, int], str]
) -> int:
    """Let go what has waited for its moment: alone what waited alone, in one mail what the rules gather.

    When the first of somebody's mails is due, all of them go. Nobody claims them before.
    """
    due = find_values(_DUE, OutboxState.WAITING, *_TIMED, now)
    if due:
        _drop_stale_reminders(database, now=now)
    for recipient, why in due:
        ids = [an_id for (an_id,) in find_values(_OF_ONE + skip_locked(database), OutboxState.WAITING, recipient, why)]
        if why not in GATHERED:
            _let_go(ids, now=now)
            continue
        for start in range(0, len(ids), LETTERS_LIMIT):
            portion = ids[start : start + LETTERS_LIMIT]
            if len(portion) == 1:
                _let_go(portion, now=now)
            else:
                _merge(portion, recipient, now=now, message_id=new_message_id(), token=token)
    return len(due)


_TIMED = (*GATHERED, Delay.QUIET)
_DUE = f"""SELECT DISTINCT recipient_id, hold_reason FROM outbox
    WHERE state = ? AND hold_reason IN ({marks(_TIMED)}) AND not_before <= ?"""  # noqa: S608 - question marks only
_STALE = f"""SELECT id FROM outbox
    WHERE state = ? AND notice = 'reminder' AND hold_reason IN ({marks(_TIMED)}) AND lease_until IS NULL
    AND EXISTS (SELECT 1 FROM sla_clock WHERE sla_clock.ticket_id = outbox.ticket_id
    AND (stopped_at IS NOT NULL OR acked_by <> '') AND outbox.context LIKE ? || sla_clock.kind || ?) ORDER BY id"""  # noqa: S608 - question marks only
_OF_ONE = """SELECT id FROM outbox WHERE state = ? AND recipient_id = ? AND hold_reason = ? AND lease_until IS NULL
    ORDER BY id"""


def _drop_stale_reminders(database: Database, *, now: datetime) -> None:
    """A reminder that waited for the morning says nothing any more where the matter was answered or solved by
    then, or somebody has said that it is seen."""
    found = find_values(_STALE + skip_locked(database), OutboxState.WAITING, *_TIMED, '%"clock":"', '"%')
    ids = [an_id for (an_id,) in found]
    if ids:
        text = f"no longer sent, what it reminds of is done: mail {', '.join(map(str, ids))}"
        write_event(at=now, kind=GIVEN_UP, actor=CLOCK, text=text, detail=give_up(ids))


def _let_go(ids: Sequence[int], *, now: datetime) -> None:
    Outbox.update(hold_reason="", not_before=None).where(Outbox.id.in_(list(ids)), Outbox.not_before <= now).execute()


def _to_merge(notices: Sequence[_Waiting], *, at_least: int) -> list[_Waiting]:
    if len(notices) < at_least * FLOOD_FACTOR:
        notices = [one for one in notices if one.is_settled]
    if len(notices) < at_least:
        return []
    merged: list[_Waiting] = []
    letters = 0
    for one in notices:
        letters += _letter_count(one)
        if letters > LETTERS_LIMIT:
            break
        merged.append(one)
    return merged if len(merged) >= at_least else []


def _letter_count(one: _Waiting) -> int:
    row = find(Outbox, "id = ?", one.id) if one.is_bundle else None
    return len(row.context["letters"]) if row is not None else 1


def _merge(
    ids: Sequence[int], recipient: int, *, now: datetime, message_id: str, token: Callable[[TicketType, int], str]
) -> None:
    bundle = Outbox.create(
        notice=BUNDLE,
        rank=NOTICE_RANK,
        recipient=recipient,
        role=Role.AGENT,
        context={"letters": _letters(ids, token)},
        message_id=message_id,
        dedupe_key=f"{BUNDLE}:{hashlib.sha256(','.join(map(str, ids)).encode()).hexdigest()[:32]}",
        state=OutboxState.WAITING,
        created_at=now,
    )
    merged = {"state": OutboxState.MERGED, "merged_into": bundle.id, "hold_reason": "", "not_before": None}
    Outbox.update(merged).where(Outbox.id.in_(ids)).execute()


def _letters(ids: Sequence[int], token: Callable[[TicketType, int], str]) -> list[dict[str, object]]:
    """One entry for each notice; an earlier bundle that still waits is taken apart again."""
    rows = (
        Outbox.select(Outbox, Ticket, Message, Contact)
        .join(Ticket, JOIN.LEFT_OUTER)
        .switch(Outbox)
        .join(Message, JOIN.LEFT_OUTER, on=(Outbox.about == Message.id))
        .join(Contact, JOIN.LEFT_OUTER, on=(Message.author == Contact.id))
        .where(Outbox.id.in_(ids))
        .order_by(Outbox.id)
    )
    letters: list[dict[str, object]] = []
    for row in rows:
        if row.notice == BUNDLE:
            letters += row.context["letters"]
            continue
        ticket = row.ticket
        letters.append(
            {
                "token": token(TicketType(ticket.type), ticket.number) if ticket else "",
                "subject": ticket.subject if ticket else "",
                "line": _line(row),
            }
        )
    return letters


def _line(row: Any) -> object:
    """What happened: in the words of those who wrote, or the phrases of what was changed, as the outbox keeps them."""
    if row.about is None:
        changes = row.context.get("changes")
        return listed([from_json(one) or str(one) for one in changes]).to_json() if isinstance(changes, list) else ""
    author, stands = row.about.author, stand_in(row.about.text)
    name = (author.name or author.address) if author is not None else ""
    if stands is not None:
        return (say("{line}: {why}", line=name, why=stands) if name else stands).to_json()
    words = " ".join(row.about.text.split())
    text = f"{name}: {words}" if name else words
    return text if len(text) <= LINE_LENGTH else f"{text[: LINE_LENGTH - 1].rstrip()}…"
