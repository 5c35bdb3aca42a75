"""kill -9 at any moment: what was acknowledged is there with all its bytes, and nothing is there by half."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.intake.accept import Door
from gateway.store.database import connection
from gateway.store.tables import Dedupe, RawMailPart
from tests.intake import crash_child
from tests.intake.desk import Clock, an_envelope, crash_mail, new_database, rows, stored

pytestmark = pytest.mark.crash

KILLS = int(os.environ.get("CRASH_KILLS", "4"))
ROOT = Path(__file__).parents[2]


def killed_after(url: str, first_number: int, receipts: int) -> dict[int, int]:
    """Run the child until it has said so many receipts, kill it, and return what it said: mail number -> ledger row."""
    command = [sys.executable, crash_child.__file__, url, str(first_number)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=ROOT) as child:
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(receipts)]
        child.kill()
        said += child.stdout.read().splitlines(keepends=True)
    whole = [line.split() for line in said if line.endswith(b"\n")]
    return {int(number): int(ledger_id) for number, ledger_id in whole}


def test_what_was_acknowledged_survives_and_nothing_is_half(database_url: str) -> None:
    database = new_database(database_url)
    chance = random.Random()
    acknowledged: dict[int, int] = {}
    for turn in range(KILLS):
        acknowledged |= killed_after(database_url, turn * 100_000, chance.randint(1, 60))

    assert len(acknowledged) >= KILLS
    with connection(database):
        kept = {row.id for row in rows()}
        assert set(acknowledged.values()) <= kept
        for number, ledger_id in acknowledged.items():
            assert stored(ledger_id) == crash_mail(number)
        for ledger_id in kept:
            stored(ledger_id)
        assert set(RawMailPart.select(RawMailPart.ledger).tuples()) == {(ledger_id,) for ledger_id in kept}
        assert set(Dedupe.select(Dedupe.ledger).tuples()) == {(ledger_id,) for ledger_id in kept}

    with Door(database, clock=Clock()) as door:
        for number, ledger_id in acknowledged.items():
            assert door.accept(an_envelope(), crash_mail(number)).duplicate_of == ledger_id
