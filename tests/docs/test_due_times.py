"""The table of due times in docs/rules.md is what the rules above it say."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.policy import Policy, parse_policy
from gateway.sla import ClockKind
from tests.docs.pages import CHECKOUT, read
from tests.docs.test_toml_snippets import RULES, completed, snippets

BERLIN = ZoneInfo("Europe/Berlin")
ROW = re.compile(
    r"^\| (\d{4}-\d\d-\d\d \d\d:\d\d)[^|]*\| (\w+) (P[1-5]) \| (\d{4}-\d\d-\d\d \d\d:\d\d) \|$", re.MULTILINE
)


def rows() -> list[tuple[str, ...]]:
    table = read(CHECKOUT / "docs" / "rules.md").partition("<!-- due times")[2].partition("What a clock does")[0]
    found = [match.groups() for match in ROW.finditer(table)]
    assert len(found) == table.count("\n| 2"), "every row of the table is read"
    return found


@pytest.fixture(scope="module")
def policy() -> Policy:
    block = next(block for block in snippets(RULES) if "[[ladder]]" in block.text)
    return parse_policy(completed(block.text))


@pytest.mark.parametrize(("comes", "kind", "priority", "due"), rows())
def test_a_row_of_the_table_is_true(policy: Policy, comes: str, kind: str, priority: str, due: str) -> None:
    sla = policy.sla_of(kind, priority, "desk")
    assert sla is not None
    start = datetime.fromisoformat(comes).replace(tzinfo=BERLIN)
    found = policy.work_calendar(sla.calendar).after(start, sla.target_minutes(ClockKind.RESOLUTION) or 0)
    assert f"{found.astimezone(BERLIN):%Y-%m-%d %H:%M}" == due
