"""Carry out, in its mail's unit, what the answer to a digest orders; note the heartbeat; tell the clocks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from gateway.desk.border import record_border_test
from gateway.desk.chores import detail_of, done, last_done
from gateway.desk.clocks import ack_clocks, take_back_answer
from gateway.desk.endings import ENDINGS
from gateway.desk.health import HEARTBEAT
from gateway.desk.operating import delete_one, deny_one, release_one
from gateway.desk.taking_back import take_back
from gateway.desk.tapping import use_link
from gateway.desk.unit import Unit
from gateway.triage.decision import (
    AckClocks,
    DenySender,
    NoteHeartbeat,
    RecordBorderTest,
    SettleQuarantined,
    TakeBackAnswer,
    UseLink,
)
from gateway.triage.undoable import TakeBack


def _settle(unit: Unit, change: SettleQuarantined) -> None:
    if change.how == "release":
        release_one(change.ledger, by=change.by, now=unit.now)
    else:
        delete_one(change.ledger, by=change.by, reason=change.reason, now=unit.now)


def _deny(unit: Unit, change: DenySender) -> None:
    deny_one(change.pattern, by=change.by, reason=change.reason, now=unit.now)


def _note_heartbeat(unit: Unit, change: NoteHeartbeat) -> None:
    sent_at = last_done(HEARTBEAT) or change.sent_at
    seconds = max(timedelta(0), unit.now - change.sent_at).total_seconds()
    back = {"back_at": unit.now.isoformat(), "seconds": int(seconds)}
    done(HEARTBEAT, now=sent_at, **(dict(detail_of(HEARTBEAT)) | back))


def _border_test(unit: Unit, change: RecordBorderTest) -> None:
    record_border_test(change.test, now=unit.now)
    findings = ", ".join(f"{name} {'yes' if good else 'no'}" for name, good in change.test.findings)
    unit.record("border-test", f"{change.test.intake}: {findings}", {"number": change.test.number})


# Change: how it is carried out; the unit is the running transaction of a mail.
KEEPING: dict[type, Callable[[Unit, Any], None]] = {
    SettleQuarantined: _settle,
    DenySender: _deny,
    NoteHeartbeat: _note_heartbeat,
    AckClocks: ack_clocks,
    RecordBorderTest: _border_test,
    TakeBackAnswer: take_back_answer,
    TakeBack: take_back,
    UseLink: use_link,
    **ENDINGS,
}
