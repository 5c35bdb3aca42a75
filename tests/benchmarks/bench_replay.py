"""Replay of stored mail with the shipped rules: mails a second, beside bare parsing of the same mails in the same run.

The bare number is what the parse workers do when nothing else is asked of them: the same hops, the same processes, no
database and no decision. The peak of memory is that of the process that replays; its workers are as live.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import peewee

from gateway.desk.people import mirror_policy, read_secrets
from gateway.intake.accept import Door
from gateway.mail import Envelope, Transport
from gateway.parsing import Parser, Raw
from gateway.policy import Policy, load_policy
from gateway.replay import Period, Replay, Replayer
from gateway.sorting import Sorter
from gateway.store.database import connection, migrate, open_database, transaction
from tests.benchmarks.mails import DESK, Sample, samples
from tests.benchmarks.meter import peak_mib, start_peak
from tests.benchmarks.report import Number, number

_HOP = 64
_WORKERS = max(1, len(os.sched_getaffinity(0)))
_RULES = Path(__file__).resolve().parents[2] / "rules.toml"
_BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
_DAYS = 30


def measure(*, runs: int, mails: int) -> Iterator[Number]:
    """Store so many mails, decided by the shipped rules, and replay the same rules over them."""
    policy = load_policy(_RULES)
    stored = [one for one in samples(mails, seed=4) if one.wants_acknowledgement]
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Parser(workers=_WORKERS, parse_seconds=10, memory_bytes=512 << 20)) as parser,
    ):
        database = _store(Path(folder), stored, policy, parser)
        with connection(database):
            replayer = Replayer(
                candidate=policy,
                against=None,
                database=database,
                secrets=read_secrets(),
                parser=parser,
                scratch=Path(folder),
                hops=_WORKERS,
            )
            speeds, bare, memory = [], [], []
            for _ in range(runs):
                before = start_peak(os.getpid())
                found = _replay(replayer)
                memory.append(peak_mib(os.getpid()) - before)
                assert found.report.mails == len(stored), found.report.not_replayed
                assert not found.report.rows, found.report.rows[:3]
                speeds.append(len(stored) / found.seconds)
                bare.append(len(stored) / _parse_seconds(stored, policy, parser))
    what = f"{len(stored):,} mails, {_WORKERS} workers"
    yield number("replay", f"{what} (bare: parse them)", "mails/s", speeds, bare)
    yield number("replay", "most memory of the process that replays", "MiB more", memory)


def _replay(replayer: Replayer) -> Replay:
    return replayer.run(Period(since=_BEGIN, until=_BEGIN + timedelta(days=_DAYS + 1)))


class _Clock:
    """Stands still between two hops."""

    def __init__(self) -> None:
        self.now = _BEGIN

    def __call__(self) -> datetime:
        return self.now


def _store(folder: Path, stored: Sequence[Sample], policy: Policy, parser: Parser) -> peewee.Database:
    """A database with these mails, spread over a month, each decided at its time."""
    database = open_database(f"sqlite:///{folder / 'gateway.sqlite'}")
    clock = _Clock()
    with connection(database):
        migrate(database, now=clock.now)
        with transaction(database):
            mirror_policy(policy, now=clock.now)
        sorter = Sorter(
            database,
            parser=parser,
            policy=lambda: policy,
            secrets=read_secrets(),
            clock=clock,
            owner="benchmark",
            batch=_HOP,
            scratch=folder,
            on_sorted=lambda: None,
        )
    for start in range(0, len(stored), _HOP):
        clock.now = _BEGIN + timedelta(days=_DAYS) * start / len(stored)
        with Door(database, clock=clock, free_bytes=None) as door:
            for one in stored[start : start + _HOP]:
                envelope = Envelope(
                    transport=Transport.SMTP, received_at=clock.now, reverse_path=one.sender, recipients=(DESK,)
                )
                door.accept(envelope, one.content)
        with connection(database):
            while sorter.run_once(clock.now):
                pass
    return database


def _parse_seconds(stored: Sequence[Sample], policy: Policy, parser: Parser) -> float:
    own = (policy.desk.address, *policy.desk.aliases)
    hops = [[Raw(content=one.content) for one in stored[start : start + _HOP]] for start in range(0, len(stored), _HOP)]
    began_at = monotonic()
    with ThreadPoolExecutor(max_workers=_WORKERS) as threads:
        parsed = sum(len(mails) for mails in threads.map(lambda hop: parser.parse_many(hop, own), hops))
    assert parsed == len(stored)
    return monotonic() - began_at
