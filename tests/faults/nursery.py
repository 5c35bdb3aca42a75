"""Starts gateways fast, to be killed often: a process that has imported everything and forks `gateway serve`.

    python -m tests.faults.nursery FOLDER

Each line on standard input starts one; its process id is printed. What they say goes to FOLDER/log.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path

import gateway.service
from gateway.cli.running import serve


def main(folder: str) -> None:
    place = Path(folder)
    assert gateway.service.Gateway is not None
    # The kernel buries the dead.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _begin(place)
        print(pid, flush=True)


def _begin(folder: Path) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(folder)
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    try:
        serve(folder=folder)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
