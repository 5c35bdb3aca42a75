"""Let system calls of a running process fail, by strace, as a full or broken disk does, for the length of a block."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.servers.require import server_or_skip, skip_or_fail
from tests.servers.waiting import eventually


def strace_or_skip() -> str:
    """The path of strace, where it may trace processes."""
    program = server_or_skip("strace")["strace"]
    if subprocess.run([program, "-o", "/dev/null", "true"], capture_output=True, check=False).returncode:
        skip_or_fail("strace may not trace processes here")
    return program


@contextlib.contextmanager
def failing(pid: int, call: str, error: str, *, path: Path | None = None) -> Iterator[None]:
    """From the beginning to the end of the block every `call` of the process (on `path`) fails with `error`."""
    words = ["-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}"]
    if path is not None:
        words += ["-P", str(path)]
    command = [strace_or_skip(), *words, "-p", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        try:
            eventually(lambda: _is_traced(pid) or tracer.poll() is not None, reason="strace holds every thread")
            if tracer.poll() is not None and tracer.stderr is not None:
                skip_or_fail(f"strace may not attach to a running process here: {tracer.stderr.read()}")
            yield
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(10)


def _is_traced(pid: int) -> bool:
    states = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    return all("TracerPid:\t0\n" not in state for state in states)


def killing(call: str, *, nth: int, path: Path | None = None) -> tuple[str, ...]:
    """The words before a command that kill it when a thread of it makes `call` (on `path`) for the `nth` time."""
    words = ["-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={nth}"]
    if path is not None:
        words += ["-P", str(path)]
    return (strace_or_skip(), *words)
