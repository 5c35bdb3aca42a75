"""Clocks: what a tick costs beside a hundred thousand of them, and how long ten thousand that fall due at once take.

Each of these is a mail to its assignee in the outbox, its place in the ticket's thread, an event of the history, and
the clock itself; the time is from the tick to the last commit.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from gateway.desk.ladder import climb
from gateway.desk.people import mirror_policy, read_secrets
from gateway.store.database import connection, migrate, open_database, transaction
from gateway.store.tables import Outbox
from tests.benchmarks.report import Number, number
from tests.benchmarks.sla_load import fill, policy_with
from tests.servers.postgres import running_postgres

CLOCKS, DUE = 100_000, 10_000
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def measure(*, clocks: int = CLOCKS, due: int = DUE) -> Iterator[Number]:
    """Once on each database: it takes minutes to fill."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _on(f"sqlite:///{Path(folder) / 'gateway.sqlite'}", "SQLite", clocks, due)
    with tempfile.TemporaryDirectory() as folder, running_postgres(Path(folder), flushing=True) as server:
        yield from _on(server.new_database(), "PostgreSQL", clocks, due)


def _on(url: str, name: str, clocks: int, due: int) -> Iterator[Number]:
    policy = policy_with(100)
    database = open_database(url)
    with connection(database):
        migrate(database, now=NOW)
        with transaction(database):
            mirror_policy(policy, now=NOW)
        secrets = read_secrets()
        fill(policy, clocks=clocks, due=due, now=NOW)
        idle = []
        for _ in range(5):
            start = perf_counter()
            climb(database, policy, secrets, now=NOW - timedelta(minutes=1))
            idle.append((perf_counter() - start) * 1000)
        yield number("sla", f"{name}: a tick beside {clocks:,} open clocks, none due", "ms", idle)
        start = perf_counter()
        done = climb(database, policy, secrets, now=NOW)
        seconds = perf_counter() - start
        mails = Outbox.select().count()
        assert done == mails == due, (done, mails)
        yield number("sla", f"{name}: a tick in which {due:,} of them fall due, mails in the outbox", "s", [seconds])
