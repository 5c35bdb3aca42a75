"""Opening hours: what is one, and what is none."""

from __future__ import annotations

import pytest

from gateway.worktime import is_opening_hours


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Mo-Fr 08:00-17:00", True), ("24/7", True), ("Mo-Fr 8 to 5", False), ("x", False)],
)
def test_opening_hours_are_told_from_other_text(text: str, expected: bool) -> None:
    assert is_opening_hours(text) is expected
