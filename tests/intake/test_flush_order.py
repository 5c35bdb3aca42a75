"""What the kernel saw: the database was flushed before each 250 went out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.intake import serving_child
from tests.intake.desk import RawClient, a_mail, new_database
from tests.servers.require import server_or_skip, skip_or_fail

ROOT = Path(__file__).parents[2]
MAILS = 20


@pytest.fixture
def strace(tmp_path: Path) -> str:
    program = server_or_skip("strace")["strace"]
    if subprocess.run([program, "-o", str(tmp_path / "trial"), "true"], capture_output=True, check=False).returncode:
        skip_or_fail("strace may not trace processes here")
    return program


def test_each_yes_follows_a_flush_of_its_own(sqlite_url: str, strace: str, tmp_path: Path) -> None:
    new_database(sqlite_url)
    trace = tmp_path / "trace"
    command = [strace, "-f", "-e", "trace=fsync,fdatasync,sendto", "-s", "40", "-o", str(trace)]
    command += [sys.executable, serving_child.__file__, sqlite_url]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=ROOT) as server:
        assert server.stdout is not None
        with RawClient(int(server.stdout.readline())) as client:
            for number in range(MAILS):
                client.begin()
                assert client.data(a_mail(number) + b".\r\n").startswith("250 2.0.0 Accepted")

    # A flush counts when it has come back, whether strace saw it in one piece or in two.
    calls = re.findall(r"sync(?:\(\d+\)| resumed>.*\)) += 0|\"250 2\.0\.0 Accepted", trace.read_text())
    story = "".join("y" if "Accepted" in call else "f" for call in calls)
    assert story.count("y") == MAILS
    assert "yy" not in story
    assert story.startswith("f")
