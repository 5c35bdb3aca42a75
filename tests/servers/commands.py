"""`gateway` commands without their start: a process that has imported everything forks once for each.

Importing costs half a second and the command itself often a tenth of that. What runs is the real `main`, in a process
of its own with its own folder, environment and streams; only that the interpreter began long ago is different. Each
tester has one such process; it ends with the tester.

    python -m tests.servers.commands    (speaks on the socket that is its standard input)
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NoReturn

CHECKOUT = Path(__file__).resolve().parents[2]
_REQUEST_BYTES = 1024 * 1024


class Commands:
    """The tester's side: starts the process at the first command. Commands of several threads wait for one another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None

    def run(
        self, arguments: Sequence[str], *, cwd: Path | None, env: dict[str, str], stdin: bytes, timeout_seconds: float
    ) -> subprocess.CompletedProcess[bytes]:
        """Like `subprocess.run` of `python -m gateway` with captured output; raises TimeoutExpired likewise."""
        request = json.dumps({"arguments": list(arguments), "cwd": str(cwd or Path.cwd()), "env": env}).encode()
        with tempfile.TemporaryFile() as written, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            written.write(stdin)
            written.seek(0)
            with self._lock:
                code = self._ask(request, (written, out, err), arguments, timeout_seconds)
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(arguments, code, out.read(), err.read())

    def _ask(self, request: bytes, streams: Sequence[IO[bytes]], what: Sequence[str], timeout_seconds: float) -> int:
        if self._child is None or self._child.poll() is not None:
            self._begin()
        assert self._line is not None
        self._line.settimeout(timeout_seconds)
        socket.send_fds(self._line, [len(request).to_bytes(8, "big")], [stream.fileno() for stream in streams])
        self._line.sendall(request)
        pid = int.from_bytes(self._read(8), "big")
        try:
            return int.from_bytes(self._read(8), "big", signed=True)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            self._read(8)
            raise subprocess.TimeoutExpired(list(what), timeout_seconds) from None

    def _read(self, size: int) -> bytes:
        assert self._line is not None
        answer = self._line.recv(size, socket.MSG_WAITALL)
        assert len(answer) == size, "the process that runs the commands has ended"
        return answer

    def _begin(self) -> None:
        ours, theirs = socket.socketpair()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        with theirs:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "tests.servers.commands"],
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


COMMANDS = Commands()


def main() -> None:
    """The other side: fork for each request until the tester has gone."""
    line = socket.socket(fileno=os.dup(0))
    import_everything()
    gc.freeze()
    while True:
        head, descriptors, _, _ = socket.recv_fds(line, 8, 3)
        if not head:
            return
        size = int.from_bytes(head, "big")
        request = json.loads(line.recv(size, socket.MSG_WAITALL))
        pid = os.fork()
        if pid == 0:
            line.close()
            become(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        line.sendall(pid.to_bytes(8, "big"))
        _, status = os.waitpid(pid, 0)
        line.sendall(os.waitstatus_to_exitcode(status).to_bytes(8, "big", signed=True))


def import_everything() -> None:
    package = importlib.import_module("gateway")
    for module in pkgutil.walk_packages(package.__path__, "gateway."):
        if module.name != "gateway.__main__" and ".migrations." not in module.name:
            importlib.import_module(module.name)


def become(request: dict[str, object], descriptors: list[int]) -> None:
    """Be the command: its streams, folder, environment and arguments; never returns."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    env, arguments = request["env"], request["arguments"]
    assert isinstance(env, dict)
    assert isinstance(arguments, list)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(str(request["cwd"]))
    sys.argv = ["gateway", *arguments]
    end = 0
    try:
        importlib.import_module("gateway.cli").main()
    except SystemExit as asked:
        end = asked.code if isinstance(asked.code, int) else int(asked.code is not None)
        if isinstance(asked.code, str):
            print(asked.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        end = 1
    _end(end)


def _end(code: int) -> NoReturn:
    """What an interpreter does at its end, but for taking each of a thousand modules apart."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
