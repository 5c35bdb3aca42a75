"""1,000 damaged mails through a real desk: each has exactly one outcome in the ledger, and the audit is clean."""

from __future__ import annotations

import pytest

from gateway.store.database import connection
from gateway.store.states import LedgerState
from gateway.store.tables import Ledger
from tests.desk.harness import DeskUnderTest
from tests.fuzz.mutator import mutant

MAILS, BATCH, PIECES = 1_000, 50, 4


@pytest.mark.parametrize("piece", range(PIECES))
def test_each_damaged_mail_has_one_outcome_in_the_ledger(desk: DeskUnderTest, piece: int) -> None:
    first = 10_000_000 + piece * MAILS // PIECES
    senders = ("erika@example.com", "a@example.net", "", "anna@example.com")
    for start in range(first, first + MAILS // PIECES, BATCH):
        desk.receive_all(
            (mutant(number) for number in range(start, start + BATCH)), reverse_path=senders[start // BATCH % 4]
        )

    with connection(desk.database):
        rows = list(Ledger.select())
    assert len(rows) == MAILS // PIECES
    assert {row.state for row in rows} <= {LedgerState.DONE, LedgerState.QUARANTINED}
    assert [row.id for row in rows if bool(row.outcome) == (row.state == LedgerState.QUARANTINED)] == []
    assert desk.audit() == []
