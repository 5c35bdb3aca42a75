"""The whole loop: mails by SMTP, a ticket for each, its acknowledgement taken by a relay.

In turns with a bare aiosmtpd that only stores the same mails. Full speed: mails a second from the first mail to the
last acknowledgement, and the CPU of all the gateway's processes for a mail until nothing waits any more, agents'
notices included. Steady rates: the delay from the end of DATA to the acknowledgement at the relay.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from time import monotonic, sleep

from tests.benchmarks.load import Sent, send_all
from tests.benchmarks.mails import Sample, samples
from tests.benchmarks.meter import cpu_seconds, memory_mib, percentile, settle
from tests.benchmarks.peers import RelayPeer, bare_server, relayed_gateway
from tests.benchmarks.report import Number, number
from tests.servers.gateway import GatewayProcess

SESSIONS = 10
RATES = (10, 50)
PATIENCE_SECONDS = 300.0

Values = dict[tuple[str, str], list[float]]


def measure(*, runs: int, mails: int, seconds: float) -> Iterator[Number]:
    """`mails` at full speed, then so many `seconds` at each rate, `runs` times."""
    values: Values = defaultdict(list)
    bare: Values = defaultdict(list)
    seeds = count(1)
    for _ in range(runs):
        batch = list(samples(mails, seed=next(seeds)))
        _bare_run(bare, batch)
        with relayed_gateway() as (gateway, relay):
            _warm_up(gateway, relay, seed=1000 + next(seeds))
            _full_speed(values, gateway, relay, batch)
            for rate in RATES:
                _steady(values, gateway, relay, rate, list(samples(int(rate * seconds), seed=next(seeds))))
    for (name, unit), measured in values.items():
        yield number("loop", name, unit, measured, bare.get((name, unit), ()))


def _bare_run(bare: Values, batch: list[Sample]) -> None:
    with bare_server() as server:
        before = cpu_seconds(server.pid)
        sent = send_all(batch, port=server.port, sessions=SESSIONS)
        bare["SMTP to acknowledgement", "mails/s"].append(len(batch) / sent.seconds)
        bare["SMTP to 250", "mails/s"].append(len(batch) / sent.seconds)
        bare["CPU", "ms a mail"].append(1000 * (cpu_seconds(server.pid) - before) / len(batch))
        bare["memory afterwards", "MiB"].append(memory_mib(server.pid))


def _warm_up(gateway: GatewayProcess, relay: RelayPeer, *, seed: int) -> None:
    """A few mails, so that workers have started and caches are filled."""
    _answered(relay, few := list(samples(20, seed=seed)), send_all(few, port=gateway.smtp_port, sessions=2))
    wait_until_done(gateway)
    settle(gateway.pid)


def _full_speed(values: Values, gateway: GatewayProcess, relay: RelayPeer, batch: list[Sample]) -> None:
    before = cpu_seconds(gateway.pid)
    sent = send_all(batch, port=gateway.smtp_port, sessions=SESSIONS)
    answered = _answered(relay, batch, sent)
    values["SMTP to acknowledgement", "mails/s"].append(len(batch) / (max(answered.values()) - sent.began_at))
    values["SMTP to 250", "mails/s"].append(len(batch) / sent.seconds)
    wait_until_done(gateway)
    values["CPU", "ms a mail"].append(1000 * (cpu_seconds(gateway.pid) - before) / len(batch))
    values["memory afterwards", "MiB"].append(memory_mib(gateway.pid))


def _steady(values: Values, gateway: GatewayProcess, relay: RelayPeer, rate: int, batch: list[Sample]) -> None:
    before = cpu_seconds(gateway.pid)
    sent = send_all(batch, port=gateway.smtp_port, sessions=SESSIONS, per_second=rate)
    answered = _answered(relay, batch, sent)
    delays_ms = [1000 * (moment - sent.dots[an_id]) for an_id, moment in answered.items()]
    values[f"end of DATA to acknowledgement at {rate}/s, p50", "ms"].append(percentile(delays_ms, 50))
    values[f"end of DATA to acknowledgement at {rate}/s, p99", "ms"].append(percentile(delays_ms, 99))
    wait_until_done(gateway)
    values[f"CPU at {rate}/s", "ms a mail"].append(1000 * (cpu_seconds(gateway.pid) - before) / len(batch))


def _answered(relay: RelayPeer, batch: list[Sample], sent: Sent) -> dict[str, float]:
    wanted = {mail.message_id for mail in batch if mail.wants_acknowledgement}
    return relay.wait_for_answers(wanted & sent.dots.keys(), PATIENCE_SECONDS)


def wait_until_done(gateway: GatewayProcess) -> None:
    """Return when no mail waits, neither in the ledger nor in the outbox."""
    ends_at = monotonic() + PATIENCE_SECONDS
    while waiting := _waiting(gateway.folder / "storage" / "gateway.sqlite"):
        assert monotonic() < ends_at, f"{waiting} rows still wait"
        sleep(0.2)


def _waiting(path: Path) -> int:
    query = (
        "SELECT (SELECT COUNT(*) FROM ledger WHERE state = 'waiting')"
        " + (SELECT COUNT(*) FROM outbox WHERE state = 'waiting')"
    )
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return int(database.execute(query).fetchone()[0])
