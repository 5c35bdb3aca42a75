"""Replay beside a live gateway: what it takes from the people who write, and what they take from it.

A gateway on SQLite takes mails, first as fast as it can, then at a steady rate: once alone, once while `gateway rules
replay` runs over the mails of before. The bare number of the delays is that of the same gateway without the replay.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep

from tests.benchmarks.bench_loop import PATIENCE_SECONDS, SESSIONS, wait_until_done
from tests.benchmarks.load import Sent, send_all
from tests.benchmarks.mails import Sample, samples
from tests.benchmarks.meter import MEBIBYTE, percentile
from tests.benchmarks.peers import RelayPeer, relayed_gateway
from tests.benchmarks.report import Number, number
from tests.servers.gateway import CHECKOUT, GatewayProcess

RATE = 50
_REPLAY_SECONDS = 600.0


def measure(*, runs: int, mails: int, seconds: float) -> Iterator[Number]:
    """Store so many mails, then send at the rate for so many seconds, alone and beside a replay of the stored ones."""
    speeds, alone, beside, wal, wal_before = [], [], [], [], []
    with relayed_gateway() as (gateway, relay):
        _deliver(gateway, relay, list(samples(mails, seed=1)))
        until = datetime.now(UTC)
        for run in range(runs):
            alone.append(_delays_ms(*_deliver(gateway, relay, _batch(seconds, seed=2 * run + 2), RATE)))
            with _Replay(gateway.folder, until) as replay:
                sent, answered = _deliver(gateway, relay, _batch(seconds, seed=2 * run + 3), RATE)
            wal.append(replay.wal_mib)
            wal_before.append(replay.wal_before_mib)
            speeds.append(replay.mails_per_second)
            during = {an_id: moment for an_id, moment in answered.items() if sent.dots[an_id] < replay.ended_at}
            beside.append(_delays_ms(sent, during))
    what = f"end of DATA to acknowledgement at {RATE}/s beside a replay (bare: without)"
    for percent in (50, 99):
        values, bare = ([percentile(one, percent) for one in delays] for delays in (beside, alone))
        yield number("beside", f"{what}, p{percent}", "ms", values, bare)
    yield number("beside", f"replay of {mails:,} mails beside {RATE} mails/s", "mails/s", speeds)
    yield number("beside", "longest write-ahead log meanwhile (bare: before)", "MiB", wal, wal_before)


def _batch(seconds: float, *, seed: int) -> list[Sample]:
    return list(samples(int(RATE * seconds), seed=seed))


def _deliver(
    gateway: GatewayProcess, relay: RelayPeer, batch: list[Sample], rate: int = 0
) -> tuple[Sent, dict[str, float]]:
    """Send, and wait until nothing waits any more; each acknowledgement's moment by the mail's id."""
    sent = send_all(batch, port=gateway.smtp_port, sessions=SESSIONS, per_second=rate)
    answered = relay.wait_for_answers({one.message_id for one in batch if one.wants_acknowledgement}, PATIENCE_SECONDS)
    wait_until_done(gateway)
    return sent, answered


def _delays_ms(sent: Sent, answered: dict[str, float]) -> list[float]:
    return [1000 * (moment - sent.dots[an_id]) for an_id, moment in answered.items()]


class _Replay:
    """`gateway rules replay` beside what the block does; the block's end waits for it."""

    def __init__(self, folder: Path, until: datetime) -> None:
        self._wal = folder / "storage" / "gateway.sqlite-wal"
        arguments = ("rules", "replay", "--since", "1d", "--until", until.isoformat(), "--json", "-C", str(folder))
        self._command = [sys.executable, "-m", "gateway", *arguments]
        self.mails_per_second = self.ended_at = 0.0
        self.wal_before_mib = self.wal_mib = self._wal.stat().st_size / MEBIBYTE

    def __enter__(self) -> _Replay:
        self._child = subprocess.Popen(self._command, cwd=CHECKOUT, stdout=subprocess.PIPE)
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._watcher.join(_REPLAY_SECONDS)
        self._child.kill()
        assert self.mails_per_second, "the replay has failed"

    def _watch(self) -> None:
        threading.Thread(target=self._measure_wal, daemon=True).start()
        output, _ = self._child.communicate(timeout=_REPLAY_SECONDS)
        self.ended_at = monotonic()
        found = json.loads(output)
        self.mails_per_second = found["mails"] / found["seconds"]

    def _measure_wal(self) -> None:
        while self._child.poll() is None:
            self.wal_mib = max(self.wal_mib, self._wal.stat().st_size / MEBIBYTE)
            sleep(0.2)
