"""A tick that is killed in the middle has told some of what was due; the next one tells the rest, and nothing twice."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.desk.audit import audit_all
from gateway.desk.ladder import climb
from gateway.desk.people import mirror_policy, read_secrets
from gateway.store.database import connection, migrate, open_database, transaction
from gateway.store.tables import Event, Outbox, SlaClock, Ticket
from tests.benchmarks.sla_load import fill, policy_with

CHECKOUT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CLOCKS, DUE = 1800, 1600


def test_none_is_told_twice_and_none_forgotten_after_a_kill_in_the_middle(database_url: str) -> None:
    policy = policy_with(10)
    database = open_database(database_url)
    with connection(database):
        migrate(database, now=NOW)
        with transaction(database):
            mirror_policy(policy, now=NOW)
        fill(policy, clocks=CLOCKS, due=DUE, now=NOW)
        _kill_in_the_middle(database_url)
        assert 0 < _told() < DUE, "it was killed in the middle"
        climb(database, policy, read_secrets(), now=NOW + timedelta(seconds=30))
        mails = [row.ticket_id for row in Outbox.select(Outbox.ticket)]
        assert len(mails) == len(set(mails)) == DUE
        assert Event.select().where(Event.kind == "sla").count() == DUE
        # The load opens tickets without their mails; of clocks and outgoing mails all is as it should be.
        assert [one for one in audit_all(read_secrets()).findings if "clock" in one or "outbox" in one] == []


def _told() -> int:
    """How many clocks say that their last step is done; each has its mail."""
    done = SlaClock.select(SlaClock.ticket).where(SlaClock.told_minutes == 240)
    with_mail = Outbox.select(Outbox.ticket)
    assert Ticket.select().where(Ticket.id.in_(done) & Ticket.id.not_in(with_mail)).count() == 0
    assert Ticket.select().where(Ticket.id.in_(with_mail) & Ticket.id.not_in(done)).count() == 0
    return int(done.count())


def _kill_in_the_middle(url: str) -> None:
    """Kill -9 as soon as the first mails are in the outbox."""
    command = [sys.executable, "-m", "tests.desk.climbing_child", url, NOW.isoformat()]
    child = subprocess.Popen(command, cwd=CHECKOUT)
    pause = threading.Event()
    try:
        for _ in range(3000):
            if Outbox.select().count() or child.poll() is not None:
                break
            pause.wait(0.01)
    finally:
        child.kill()
        child.wait(timeout=30)
