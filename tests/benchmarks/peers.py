"""Processes beside the gateway in a measurement: the relay behind it, and the bare server to compare with."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

from tests.servers.gateway import CHECKOUT, GatewayProcess, make_gateway_folder
from tests.servers.ports import free_port
from tests.servers.processes import with_parent_death_signal


class Peer:
    """A module of this folder as a process of its own: it has started when it says so, and is read until its end."""

    def __init__(self, module: str, *arguments: str) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", f"tests.benchmarks.{module}", str(self.port), *arguments]
        self._child = subprocess.Popen(
            with_parent_death_signal(command),
            cwd=CHECKOUT,
            env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._child.stdout is not None
        assert self._child.stdout.readline(), f"{module} does not start"
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._child.pid

    def stop(self) -> None:
        self._child.terminate()
        self._child.wait(10)
        self._reader.join(10)

    def _read(self) -> None:
        assert self._child.stdout is not None
        with self._child.stdout:
            for line in self._child.stdout:
                self._heard(line)

    def _heard(self, line: str) -> None:
        """What it says is nothing to us."""


class RelayPeer(Peer):
    """The relay: remembers when it took the first answer to each mail, by the monotonic clock."""

    def __init__(self) -> None:
        self._taken_at: dict[str, float] = {}
        self.mails = 0
        super().__init__("relay_process")

    def _heard(self, line: str) -> None:
        seconds, _, answered = line.strip().partition(" ")
        with self._changed:
            self.mails += 1
            self._taken_at.setdefault(answered, float(seconds))
            self._changed.notify_all()

    def wait_for_answers(self, message_ids: set[str], timeout_seconds: float) -> dict[str, float]:
        """When each of these mails had its answer; an AssertionError when some have none in the end."""
        ends_at = monotonic() + timeout_seconds
        with self._changed:
            while missing := message_ids - self._taken_at.keys():
                self._changed.wait(1.0)
                assert monotonic() < ends_at, f"{len(missing)} of {len(message_ids)} mails were not acknowledged"
            return {an_id: self._taken_at[an_id] for an_id in message_ids}


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder for the length of a measurement."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-bench-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def bare_server() -> Iterator[Peer]:
    with scratch() as folder:
        peer = Peer("bare_process", str(folder))
        try:
            yield peer
        finally:
            peer.stop()


@contextlib.contextmanager
def relayed_gateway() -> Iterator[tuple[GatewayProcess, RelayPeer]]:
    """A gateway with the shipped policy on a fresh SQLite database, and the relay that takes what it sends."""
    with scratch() as folder:
        relay = RelayPeer()
        environ = {"HOST": "127.0.0.1", "PORT": str(relay.port), "TLS": "none"}
        gateway = GatewayProcess(
            folder=make_gateway_folder(folder / "desk"),
            env={f"GATEWAY_RELAY_{key}": value for key, value in environ.items()},
        )
        try:
            yield gateway.start(), relay
        finally:
            gateway.stop()
            relay.stop()
