"""What a measurement needs to know of the machine and of process trees: CPU, memory, load, the disk's flushes."""

from __future__ import annotations

import contextlib
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import psutil

MEBIBYTE = 1024 * 1024
_WATCH_SECONDS = 1.0
_FLUSHES = 200


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The facts without which no number means anything. `busy_cores` is what others used just before."""

    system: str
    python: str
    cores: int
    memory_gib: float
    busy_cores: float
    fdatasync_per_second: float
    fdatasync_p99_ms: float

    def __str__(self) -> str:
        return (
            f"{self.system}, Python {self.python}, {self.cores} cores, {self.memory_gib:.0f} GiB; just before:"
            f" {self.busy_cores:.2f} cores busy, {self.fdatasync_per_second:.0f} fdatasync/s"
            f" (p99 {self.fdatasync_p99_ms:.1f} ms)"
        )


def look_at_machine() -> Machine:
    cores = psutil.cpu_count() or 1
    busy_percent = psutil.cpu_percent(interval=_WATCH_SECONDS)
    flushes_ms = _flushes_ms()
    return Machine(
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=sys.version.split()[0],
        cores=cores,
        memory_gib=psutil.virtual_memory().total / 1024**3,
        busy_cores=cores * busy_percent / 100,
        fdatasync_per_second=1000 / statistics.mean(flushes_ms),
        fdatasync_p99_ms=percentile(flushes_ms, 99),
    )


def _flushes_ms() -> list[float]:
    """How long it takes to flush 4 KiB more of a file, where the databases of the measurements lie."""
    taken = []
    with tempfile.TemporaryFile() as file:
        for _ in range(_FLUSHES):
            file.write(bytes(4096))
            file.flush()
            began_at = monotonic()
            os.fdatasync(file.fileno())
            taken.append(1000 * (monotonic() - began_at))
    return taken


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of the values that so many percent of them don't exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100).__int__() - 1)]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, of its children, and of those children that have ended already."""
    total = 0.0
    for process in _tree(pid):
        with contextlib.suppress(psutil.Error):
            total += sum(process.cpu_times()[:4])
    return total


def memory_mib(pid: int) -> float:
    """Resident memory of a process and its children (pages that they share count for each)."""
    total = 0
    for process in _tree(pid):
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total / MEBIBYTE


def children(pid: int) -> list[int]:
    return [process.pid for process in _tree(pid)[1:]]


def _tree(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def start_peak(pid: int) -> float:
    """Forget a process's memory peak so far; its resident memory now, in MiB."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return _status_mib(pid, "VmRSS")


def peak_mib(pid: int) -> float:
    """The most resident memory since `start_peak`, in MiB."""
    return _status_mib(pid, "VmHWM")


def _status_mib(pid: int, key: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{key}:"))) / 1024


def settle(pid: int, *, seconds: float = 30.0) -> None:
    """Wait until a process tree has done next to nothing for half a second."""
    ends_at = monotonic() + seconds
    before = cpu_seconds(pid)
    while monotonic() < ends_at:
        sleep(0.5)
        now = cpu_seconds(pid)
        if now - before <= 0.02:
            return
        before = now
