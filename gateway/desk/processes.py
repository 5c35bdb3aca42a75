"""Which processes of this host are still there."""

from __future__ import annotations

import os
import socket


def is_gone(host: str, pid: int) -> bool:
    """Whether a process of this host is gone. Of other hosts we know nothing: their heartbeats stop."""
    if host != socket.gethostname():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False
