"""Wait for what another process does, with a bound and a reason."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

Value = TypeVar("Value")

PAUSE_SECONDS = 0.02


def eventually(check: Callable[[], Value], *, timeout_seconds: float = 15.0, reason: str = "") -> Value:
    """Return the first true answer of `check`; an AssertionError of its last one when the time is over.

    For states of other processes, which can't tell us; inside one process use a condition variable.
    """
    ends_at = monotonic() + timeout_seconds
    pause = threading.Event()
    while True:
        answer = check()
        if answer:
            return answer
        if monotonic() >= ends_at:
            raise AssertionError(f"{reason or 'what was waited for'}: not within {timeout_seconds} s, last {answer!r}")
        pause.wait(PAUSE_SECONDS)


def is_listening(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether a TCP connection to the port succeeds."""
    try:
        with socket.create_connection((host, port), timeout=1.0):
            return True
    except OSError:
        return False
