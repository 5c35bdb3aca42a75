"""Memory and CPU of a 50 MB mail through SMTP into the database.

Not a part of the suite; run: pytest tests/benchmarks/intake_memory.py -s
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from gateway.store.database import connection
from tests.intake import serving_child
from tests.intake.desk import RawClient, new_database, rows

pytestmark = pytest.mark.timeout(600)

MEBIBYTE = 1024 * 1024
ROOT = Path(__file__).parents[2]

LINES = {"78 octets": b"x" * 76 + b"\r\n", "CRLF only": b"\r\n", "one endless line": b"x"}


@pytest.mark.parametrize("lines", LINES)
def test_a_mail_of_50_mb_needs_a_few_mb_of_memory(database_url: str, lines: str) -> None:
    database = new_database(database_url)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, serving_child.__file__, database_url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=ROOT) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        process = psutil.Process(server.pid)
        with RawClient(port) as client:
            client.begin()
            assert client.data(b"Subject: warm\r\n\r\n.\r\n").startswith("250")
            before = process.memory_info().rss
            cpu_before = sum(process.cpu_times()[:2])
            client.begin()
            content = b"Subject: big\r\n\r\n" + LINES[lines] * (50_000_000 // len(LINES[lines]))
            assert client.data(content + b"\r\n.\r\n").startswith("250")
        peak = int(_status(server.pid, "VmHWM")) * 1024
        cpu_seconds = sum(process.cpu_times()[:2]) - cpu_before
        server.kill()

    print(f"\n50 MB, {lines}: +{(peak - before) / MEBIBYTE:.0f} MiB at the peak, {cpu_seconds:.2f} s of CPU")
    assert peak - before < 64 * MEBIBYTE
    with connection(database):
        assert rows()[-1].size_bytes == len(content) + 2


def _status(pid: int, key: str) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"{key}:"))
