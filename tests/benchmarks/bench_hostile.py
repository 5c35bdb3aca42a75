"""Hostile streams: how late the SMTP loop is for everybody else while somebody floods it, beside a bare aiosmtpd.

One connection sends a pathological DATA stream without end; another one says NOOP all the time, and the longest that
it waits for the answer is the loop's lag. Memory is the peak over what the process had before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from tests.benchmarks.meter import peak_mib, start_peak
from tests.benchmarks.peers import bare_server, relayed_gateway
from tests.benchmarks.report import Number, number
from tests.hostile.attackers import CONTENTS, Attackers
from tests.intake.desk import RawClient

SECONDS = 4.0
CONNECTIONS = 2

Values = dict[tuple[str, str], list[float]]


def measure(*, runs: int, seconds: float = SECONDS) -> Iterator[Number]:
    """Each stream for so many `seconds`, in turns with the bare server."""
    ours: Values = defaultdict(list)
    bare: Values = defaultdict(list)
    for _ in range(runs):
        with relayed_gateway() as (gateway, _relay):
            _all(ours, gateway.smtp_port, gateway.pid, seconds)
        for name in CONTENTS:
            # A bare server is not the same afterwards.
            with bare_server() as server:
                _one(bare, name, server.port, server.pid, seconds)
    for (name, unit), measured in ours.items():
        yield number("hostile", name, unit, measured, bare.get((name, unit), ()))


def _all(values: Values, port: int, pid: int, seconds: float) -> None:
    for name in CONTENTS:
        _one(values, name, port, pid, seconds)


def _one(values: Values, name: str, port: int, pid: int, seconds: float) -> None:
    base = start_peak(pid)
    with Attackers(port=port, attacks={name: CONTENTS[name]}, count=CONNECTIONS):
        worst = _worst_wait(port, seconds)
    values[f"{name}: worst answer to another client", "ms"].append(1000 * worst)
    values[f"{name}: memory above the base", "MiB"].append(peak_mib(pid) - base)


def _worst_wait(port: int, seconds: float) -> float:
    """The longest that a client waits for the answer to a command, in seconds."""
    worst = 0.0
    ends_at = monotonic() + seconds
    while monotonic() < ends_at:
        with _client(port) as client:
            for _ in range(50):
                began_at = monotonic()
                client.say("NOOP")
                worst = max(worst, monotonic() - began_at)
                if monotonic() > ends_at:
                    break
    return worst


@contextmanager
def _client(port: int) -> Iterator[RawClient]:
    client = RawClient(port)
    client.socket.settimeout(300)
    try:
        yield client
    finally:
        client.close()
