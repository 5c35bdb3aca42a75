"""`kill -9` right before and right after every commit: nothing is lost, and nothing happens twice.

Then kills at random commits, up to three in one day: five of them, or as many as `CRASH_ROUNDS` says.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SHARES = 4
ROUNDS = int(os.environ.get("CRASH_ROUNDS", "5"))

pytestmark = pytest.mark.crash


# A killed process loses nothing that it has written, flushed or not: memory is as good as a disk here, and faster.
MEMORY = Path("/dev/shm")


def killed(*words: object) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        command = [sys.executable, "-m", "tests.crash.killer", *map(str, words), folder]
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("share", range(SHARES))
def test_killed_at_every_commit(share: int) -> None:
    found = killed("every", share, SHARES)
    assert found["wrong"] == []
    assert found["kills"] > 20


@pytest.mark.timeout(0)
def test_killed_at_random() -> None:
    seed = int(os.environ.get("CRASH_SEED", secrets.randbelow(1_000_000)))
    print(f"CRASH_SEED={seed}")
    found = killed("random", ROUNDS, seed)
    assert found["wrong"] == []
    assert found["kills"] >= ROUNDS
