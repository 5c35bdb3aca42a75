"""Start a server as a child that can't outlive the test run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import psutil

from tests.servers.require import program


def start_child(
    command: list[str], *, log: Path, user: str = "", cwd: Path | None = None, environ: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a command with its output in `log`, as another user if named; it gets SIGTERM when our process dies.

    A session of its own keeps Ctrl-C for us, who then stop the servers in order.
    """
    command = with_parent_death_signal(command, user=user)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=environ,
            start_new_session=True,
        )


def with_parent_death_signal(command: list[str], *, user: str = "", signal_name: str = "TERM") -> list[str]:
    """The command so that it gets a signal when our process dies, as another user if named and if we are root.

    This keeps a killed test run from leaving servers behind; where there is no `setpriv` (not Linux) the fixtures' own
    clean-up has to do.
    """
    setpriv = program("setpriv")
    if setpriv is None:
        return command
    words = [setpriv, "--pdeathsig", signal_name]
    if user and os.geteuid() == 0:
        words += ["--reuid", user, "--regid", user, "--init-groups"]
    return [*words, "--", *command]


def stop_child(child: subprocess.Popen[bytes], *, with_signal: int = signal.SIGTERM, wait_seconds: float = 10.0) -> int:
    """Stop a child and whatever it started, with SIGKILL after `wait_seconds`; returns its exit code."""
    descendants = []
    with contextlib.suppress(psutil.NoSuchProcess):
        descendants = psutil.Process(child.pid).children(recursive=True)
    if child.poll() is None:
        child.send_signal(with_signal)
        try:
            child.wait(wait_seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    for process in descendants:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(descendants, timeout=10)
    return child.returncode


def tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log, for the message of a failure."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
