"""20,000 damaged mails down the pure chain, and some through a real desk; `make fuzz ROUNDS=…` looks at millions."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.fuzz.chain import check
from tests.fuzz.mutator import mutant

MUTANTS, PIECES = 20_000, 20


@pytest.mark.parametrize("piece", range(PIECES))
def test_no_damaged_mail_escapes_and_each_has_one_outcome(piece: int) -> None:
    outcomes: Counter[str] = Counter()
    for number in range(piece * MUTANTS // PIECES, (piece + 1) * MUTANTS // PIECES):
        try:
            outcomes[check(mutant(number))] += 1
        except Exception as error:
            raise AssertionError(f"mutant {number}: python -m tests.fuzz mails --first {number} --rounds 1") from error
    assert outcomes.total() == MUTANTS // PIECES
    # Damage that made every mail the same would prove nothing.
    assert len(outcomes) >= 2
