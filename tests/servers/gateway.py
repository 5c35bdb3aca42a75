"""The whole gateway as its users meet it: `python -m gateway serve` in a folder, stopped by a signal.

Environment variables of the tester that begin with GATEWAY_ never reach it; what a test sets does.
"""

from __future__ import annotations

import contextlib
import email
import email.policy
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Self

import psutil

from tests.servers.commands import COMMANDS
from tests.servers.forks import FORKS, Forked
from tests.servers.ports import LOOPBACK, free_port
from tests.servers.processes import with_parent_death_signal
from tests.servers.waiting import eventually

CHECKOUT = Path(__file__).resolve().parents[2]
READY_WORD = "ready"
START_SECONDS = 30.0
Child = subprocess.Popen[bytes] | Forked


def make_gateway_folder(folder: Path) -> Path:
    """Copy the shipped policy and templates into the folder, as an admin's starting point.

    Work never begins there: a digest of the quarantine depends on the day and the hour, which no test does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rules = (CHECKOUT / "rules.toml").read_text(encoding="utf-8")
    rules = rules.replace('# working_hours = "Mo-Fr 08:00-17:00"', 'working_hours = "off"')
    (folder / "rules.toml").write_text(rules, encoding="utf-8")
    shutil.copytree(CHECKOUT / "templates", folder / "templates", dirs_exist_ok=True)
    return folder


@dataclass(kw_only=True)
class GatewayProcess:
    """One `gateway serve`: `folder` holds its files and `env` its GATEWAY_… settings; start, stop and kill it at will.

    `wrapper` is put before the command (strace, prlimit). Two processes may share a folder's database: make the second
    with another `smtp_port`. It is forked from a process that has imported everything, unless `forked` is False.
    """

    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    smtp_port: int = field(default_factory=free_port)
    arguments: tuple[str, ...] = ()
    wrapper: tuple[str, ...] = ()
    forked: bool = True
    _child: Child | None = None
    _reader: threading.Thread | None = None
    _output: list[str] = field(default_factory=list)
    _all_read: bool = False
    _changed: threading.Condition = field(default_factory=threading.Condition)

    # --- life ---

    def start(self, *, wait: bool = True) -> Self:
        """Start the process; with `wait` return when it says that it is ready, or fail with what it printed."""
        assert self._child is None or self._child.poll() is not None, "it runs already"
        self._output.clear()
        self._all_read = False
        reading, writing = os.pipe()
        try:
            self._child = self._begin(writing)
        finally:
            os.close(writing)
        self._reader = threading.Thread(target=self._read, args=(reading,), name="gateway-output", daemon=True)
        self._reader.start()
        if wait:
            self.wait_for_output(lambda line: READY_WORD in line.lower(), timeout_seconds=START_SECONDS)
        return self

    def _begin(self, output: int) -> Child:
        arguments = ("serve", *self.arguments)
        if self.forked and not self.wrapper:
            return FORKS.start(arguments, cwd=self.folder, env=self._environ(), output=output)
        return subprocess.Popen(
            with_parent_death_signal([*self.wrapper, sys.executable, "-m", "gateway", *arguments]),
            cwd=self.folder,
            env=self._environ(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    def stop(self, timeout_seconds: float = 30.0) -> int:
        """Send SIGTERM, wait for the clean end and return the exit code (0 where it never ran)."""
        return self._end(signal.SIGTERM, timeout_seconds)

    def kill(self) -> None:
        """End it and its workers with SIGKILL, as a power cut would."""
        if self._child is not None and self._child.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                for process in psutil.Process(self._child.pid).children(recursive=True):
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.kill()
            self._end(signal.SIGKILL, 10.0)

    def wait_for_exit(self, timeout_seconds: float = 30.0) -> int:
        """Return the exit code when it ends by itself."""
        assert self._child is not None
        exit_code = self._child.wait(timeout_seconds)
        self._join()
        return exit_code

    @property
    def pid(self) -> int:
        """The process's own id (with a `wrapper`, the wrapper's)."""
        assert self._child is not None
        return self._child.pid

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    # --- what it says ---

    @property
    def output(self) -> str:
        """Everything that it printed since the last start."""
        with self._changed:
            return "".join(self._output)

    def wait_for_output(self, wanted: Callable[[str], bool], timeout_seconds: float = 15.0) -> str:
        """Return the first line, printed before or from now on, that `wanted` accepts."""

        def found() -> str | None:
            return next((line for line in self._output if wanted(line)), None)

        with self._changed:
            self._changed.wait_for(lambda: found() is not None or self._all_read, timeout_seconds)
            line = found()
        state = "it ended" if self._all_read else "it runs"
        assert line is not None, f"the wanted line did not come within {timeout_seconds} s ({state}):\n{self.output}"
        return line

    def run(
        self, *arguments: str, stdin: bytes = b"", timeout_seconds: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Run another `gateway` command in the folder with the same settings."""
        done = COMMANDS.run(
            arguments, cwd=self.folder, env=self._environ(), stdin=stdin, timeout_seconds=timeout_seconds
        )
        stdout, stderr = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        return subprocess.CompletedProcess(arguments, done.returncode, stdout, stderr)

    # --- what it sent, where no relay is configured ---

    def outgoing(self) -> tuple[EmailMessage, ...]:
        """The mails in the Maildir `storage/outgoing`, in the order of their delivery."""
        maildir = self.folder / "storage" / "outgoing"
        paths = [path for name in ("new", "cur") for path in (maildir / name).glob("*")]
        mails = []
        for path in sorted(paths, key=lambda path: (path.stat().st_mtime_ns, path.name)):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            assert isinstance(message, EmailMessage)
            mails.append(message)
        return tuple(mails)

    def wait_for_outgoing(self, wanted: Callable[[EmailMessage], bool], timeout_seconds: float = 15.0) -> EmailMessage:
        """Return the first mail of the Maildir that `wanted` accepts."""

        def found() -> EmailMessage | None:
            assert self.is_running, f"the gateway ended:\n{self.output}"
            return next((mail for mail in self.outgoing() if wanted(mail)), None)

        mail = eventually(found, timeout_seconds=timeout_seconds, reason="the wanted mail in storage/outgoing")
        assert mail is not None
        return mail

    # --- helpers ---

    def _environ(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        settings = {"GATEWAY_SMTP_HOST": LOOPBACK, "GATEWAY_SMTP_PORT": str(self.smtp_port), **self.env}
        # The checkout, whatever else is installed; and every line at once, so that a test can wait for it.
        return inherited | {"PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1", "COLUMNS": "120"} | settings

    def _read(self, reading: int) -> None:
        with open(reading, encoding="utf-8", errors="replace") as output:
            for line in output:
                with self._changed:
                    self._output.append(line)
                    self._changed.notify_all()
        with self._changed:
            self._all_read = True
            self._changed.notify_all()

    def _end(self, with_signal: signal.Signals, timeout_seconds: float) -> int:
        if self._child is None:
            return 0
        if self._child.poll() is None:
            self._child.send_signal(with_signal)
        try:
            exit_code = self._child.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait(10.0)
            raise AssertionError(f"still there {timeout_seconds} s after {with_signal.name}:\n{self.output}") from None
        self._join()
        return exit_code

    def _join(self) -> None:
        if self._reader is not None:
            self._reader.join(timeout=10)
