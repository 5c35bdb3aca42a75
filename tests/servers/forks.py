"""`gateway serve` without its imports, which cost more than all else of a start: a process that has them forks.

What runs is the real `main` in a process and session of its own, killed and waited for like any other. Each tester has
one such process; it and all its forks end with the tester.

    python -m tests.servers.forks    (speaks on the socket that is its standard input)
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from tests.servers.commands import CHECKOUT, become, import_everything

_PDEATHSIG = 1
_NUMBER_BYTES = 8


class Forked:
    """A fork as `subprocess.Popen` would show it: `pid`, `poll`, `wait`, `send_signal`."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._reading = threading.Lock()
        self._code: int | None = None
        self.pid = self._read(30.0) or 0
        assert self.pid, "the process that forks gateways has ended"

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self._code

    def wait(self, timeout: float) -> int:
        """Return the exit code, below 0 for a signal; raises TimeoutExpired."""
        if self._code is None:
            with contextlib.suppress(ValueError):  # closed: another thread has had the answer
                if not select.select([self._line], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired("gateway serve", timeout)
        with self._reading:
            if self._code is None:
                # No answer: its keeper was killed too, by whoever ends all that is below the tester.
                code = self._read(10.0)
                self._code = -signal.SIGKILL if code is None else code
                self._line.close()
        return self._code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _read(self, timeout_seconds: float) -> int | None:
        self._line.settimeout(timeout_seconds)
        answer = self._line.recv(_NUMBER_BYTES, socket.MSG_WAITALL)
        return int.from_bytes(answer, "big", signed=True) if answer else None


class Forks:
    """The tester's side: starts the process at the first gateway."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None

    def start(self, arguments: Sequence[str], *, cwd: Path, env: dict[str, str], output: int) -> Forked:
        """Begin `gateway ARGUMENTS` with both its outputs in the descriptor."""
        request = json.dumps({"arguments": list(arguments), "cwd": str(cwd), "env": env}).encode()
        ours, theirs = socket.socketpair()
        with self._lock, theirs:
            if self._child is None or self._child.poll() is not None:
                self._begin()
            assert self._line is not None
            size = len(request).to_bytes(_NUMBER_BYTES, "big")
            socket.send_fds(self._line, [size], [theirs.fileno(), output])
            self._line.sendall(request)
        return Forked(ours)

    def _begin(self) -> None:
        ours, theirs = socket.socketpair()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        with theirs:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "tests.servers.forks"],
                cwd=CHECKOUT,
                env=inherited | {"PYTHONPATH": str(CHECKOUT)},
                stdin=theirs.fileno(),
            )
        self._line = ours
        atexit.register(self._end)

    def _end(self) -> None:
        if self._child is not None and self._line is not None:
            self._line.close()
            self._child.wait(10)


FORKS = Forks()


def main() -> None:
    """The other side: a keeper for each request, until the tester has gone."""
    line = socket.socket(fileno=os.dup(0))
    import_everything()
    gc.freeze()
    while True:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        head, descriptors, _, _ = socket.recv_fds(line, _NUMBER_BYTES, 2)
        if not head:
            return
        request = json.loads(line.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL))
        if os.fork() == 0:
            line.close()
            _keep(request, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _keep(request: dict[str, object], answer: int, output: int) -> None:
    """Fork the gateway, say who it is, wait, and say how it ended; never returns."""
    _end_with(os.getppid())
    keeper = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(answer)
        os.setsid()
        _end_with(keeper)
        for number, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), output, output)):
            os.dup2(descriptor, number)
        # Streams of its own: those that the interpreter began with remember what they were opened on.
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
        sys.stdout, sys.stderr = (open(number, "w", 1, closefd=False) for number in (1, 2))  # noqa: SIM115
        become(request, [])
    os.close(output)
    os.write(answer, pid.to_bytes(_NUMBER_BYTES, "big", signed=True))
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(BrokenPipeError):
        os.write(answer, os.waitstatus_to_exitcode(status).to_bytes(_NUMBER_BYTES, "big", signed=True))
    os._exit(0)


def _end_with(parent: int) -> None:
    """Get SIGTERM when the parent dies; at once if it is dead already. Only Linux knows that."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    main()
