"""From the start of the process to a server that answers: on an empty folder, and again on its database."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from time import monotonic, sleep

from tests.benchmarks.peers import bare_server, scratch
from tests.benchmarks.report import Number, number
from tests.servers.gateway import GatewayProcess, make_gateway_folder

PATIENCE_SECONDS = 60.0


def measure(*, runs: int) -> Iterator[Number]:
    first: list[float] = []
    again: list[float] = []
    bare: list[float] = []
    for _ in range(runs):
        began_at = monotonic()
        with bare_server() as server:
            bare.append(_until_greeted(began_at, server.port))
        with scratch() as folder:
            gateway = GatewayProcess(folder=make_gateway_folder(folder / "desk"))
            for taken in (first, again):
                taken.append(_start(gateway.start, gateway.smtp_port))
                gateway.stop()
    yield number("start", "start to listening, empty folder", "s", first, bare)
    yield number("start", "start to listening, its database there", "s", again, bare)


def _start(start: Callable[..., object], port: int) -> float:
    began_at = monotonic()
    start(wait=False)
    return _until_greeted(began_at, port)


def _until_greeted(began_at: float, port: int) -> float:
    """Seconds until the port says 220."""
    while monotonic() - began_at < PATIENCE_SECONDS:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5.0) as client:
            if client.recv(3) == b"220":
                return monotonic() - began_at
        sleep(0.005)
    raise AssertionError(f"nothing listens on port {port} after {PATIENCE_SECONDS:.0f} s")
