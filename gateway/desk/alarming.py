"""Write down what is wrong, and tell the desk's operators once when it begins and once when it is over.

An alarm is told when it has held for the patience of its condition; it counts as held while it is gone for less than
`OVER_AFTER`, so that one that comes and goes is one alarm. It is over when it was gone for that long. Both are rows:
after a restart, and beside a second process, nobody is told again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import peewee

from gateway.alarms import CONDITIONS, Alarm, Health, alarms
from gateway.desk.chores import done, last_done
from gateway.desk.outgoing import enqueue
from gateway.mail import Address
from gateway.phrase import Phrase, from_json, say
from gateway.policy import Policy
from gateway.store.database import lock_conversations, transaction
from gateway.store.rows import insert_if_new
from gateway.store.tables import AlarmRow
from gateway.ticket import Role

ALARM = "alarm"
OVER_AFTER = timedelta(minutes=5)
# What begins or ends within so long is told in one mail.
MAIL_EVERY = timedelta(minutes=5)
_UNKNOWN = say("something that an earlier version knew of")


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the operators are told in one mail, and with `for_admins` those who tune the rules."""

    begun: tuple[Phrase, ...] = ()
    over: tuple[Phrase, ...] = ()
    still: tuple[Phrase, ...] = ()
    for_admins: bool = False

    @property
    def text(self) -> str:
        """In English, for the command that is called beside the mail."""
        groups = (("Wrong:", self.begun), ("Over:", self.over), ("Still wrong:", self.still))
        return "".join(f"{head}\n" + "".join(f"- {one}\n" for one in some) for head, some in groups if some)


def watch(
    database: peewee.Database, health: Health, policy: Policy, secrets: Mapping[int, bytes], *, now: datetime
) -> Told | None:
    """Compare what is wrong now with what is written down; what was told, None for nothing."""
    current = {(one.code, one.about): one for one in alarms(health) if one.condition.hold_minutes is not None}
    rows = {(row.code, row.about): row for row in AlarmRow.select()}
    if not _has_news(current, rows, now):
        return None
    with transaction(database):
        lock_conversations(database)
        rows = {(row.code, row.about): row for row in AlarmRow.select()}
        _note(current, rows, now)
        last = last_done(ALARM)
        if last is not None and timedelta(0) <= now - last < MAIL_EVERY:
            return None
        told = _tell_now(now)
        if told is not None:
            done(ALARM, now=now)
            _enqueue(told, policy, secrets, now=now)
    return told


def _has_news(
    current: Mapping[tuple[str, str], Alarm], rows: Mapping[tuple[str, str], AlarmRow], now: datetime
) -> bool:
    """Whether anything must be written: an ordinary tick reads one small table and writes nothing."""
    if current.keys() != {key for key, row in rows.items() if row.gone_since is None}:
        return True
    return any(_is_due(row, now) or _is_over(row, now) for row in rows.values())


def _note(current: Mapping[tuple[str, str], Alarm], rows: Mapping[tuple[str, str], AlarmRow], now: datetime) -> None:
    for key, alarm in current.items():
        words = alarm.words.to_json()
        if key not in rows:
            insert_if_new(AlarmRow, code=key[0], about=key[1], colour=alarm.colour, words=words, since=now)
        elif rows[key].gone_since is not None:
            AlarmRow.update(gone_since=None, words=words).where(_is(rows[key])).execute()
        elif rows[key].told_at is None and rows[key].words != words:
            # What is told is what is wrong then, not what was when it began.
            AlarmRow.update(words=words).where(_is(rows[key])).execute()
    for key, row in rows.items():
        if key not in current and row.gone_since is None:
            AlarmRow.update(gone_since=now).where(_is(row)).execute()
        elif key not in current and _is_over(row, now) and row.told_at is None:
            # It never held for long enough to be worth a mail.
            AlarmRow.delete().where(_is(row)).execute()


def _tell_now(now: datetime) -> Told | None:
    """Mark what is due as told, take away what is over; None where it is nothing."""
    rows = list(AlarmRow.select().order_by(AlarmRow.since, AlarmRow.code, AlarmRow.about))
    begun = [row for row in rows if _is_due(row, now)]
    over = [row for row in rows if row.told_at is not None and _is_over(row, now)]
    if not begun and not over:
        return None
    for row in begun:
        AlarmRow.update(told_at=now).where(_is(row)).execute()
    for row in over:
        AlarmRow.delete().where(_is(row)).execute()
    still = [row for row in rows if row.told_at is not None and row not in over]
    known = [CONDITIONS[row.code] for row in (*begun, *over) if row.code in CONDITIONS]
    return Told(
        begun=tuple(map(_words, begun)),
        over=tuple(map(_words, over)),
        still=tuple(map(_words, still)),
        for_admins=any(condition.for_admins for condition in known),
    )


def _is(row: AlarmRow) -> object:
    return (AlarmRow.code == row.code) & (AlarmRow.about == row.about)


def _is_due(row: AlarmRow, now: datetime) -> bool:
    """Whether it has held for long enough and nobody was told. Gone for a moment counts as held, gone now does not."""
    condition = CONDITIONS.get(row.code)
    patience = condition.hold_minutes if condition is not None else None
    if row.told_at is not None or row.gone_since is not None or patience is None:
        return False
    return bool(now - row.since >= timedelta(minutes=patience))


def _is_over(row: AlarmRow, now: datetime) -> bool:
    return row.gone_since is not None and bool(now - row.gone_since >= OVER_AFTER)


def _words(row: AlarmRow) -> Phrase:
    return from_json(row.words) or _UNKNOWN


def _enqueue(told: Told, policy: Policy, secrets: Mapping[int, bytes], *, now: datetime) -> None:
    zone = ZoneInfo(policy.desk.time_zone)
    context: dict[str, object] = {
        "begun": list(told.begun),
        "over": list(told.over),
        "still": list(told.still),
        "at": now.astimezone(zone).isoformat(timespec="seconds"),
    }
    for operator in _readers(policy, with_admins=told.for_admins):
        enqueue(
            notice=ALARM,
            to=operator,
            role=Role.AGENT,
            ticket=None,
            about_id=None,
            context=context,
            cause=f"{ALARM}/{now.isoformat()}",
            policy=policy,
            secrets=secrets,
            now=now,
        )


def _readers(policy: Policy, *, with_admins: bool) -> Sequence[Address]:
    admins = [agent.address for agent in policy.admins] if with_admins else []
    agents = {address: policy.agent_of(address) for address in (*policy.operators, *admins)}
    return [Address(address=address, name=agent.name if agent is not None else "") for address, agent in agents.items()]
