"""The tables of due times in docs/rules.md and docs/admins.md are what the rules above them say."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
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


PAGES = ("rules.md", "admins.md")


def rows() -> list[tuple[str, ...]]:
    found = []
    for name in PAGES:
        table = read(CHECKOUT / "docs" / name).partition("<!-- due times")[2].partition(" |\n\n")[0] + " |"
        here = [(name, *match.groups()) for match in ROW.finditer(table)]
        assert len(here) == table.count("\n| 2") > 0, "every row of the table is read"
        found += here
    return found


@cache
def policy_of(name: str) -> Policy:
    block = next(one for one in snippets(RULES) if one.page.name == name and "[[ladder]]" in one.text)
    return parse_policy(completed(block.text))


@pytest.mark.parametrize(("page", "comes", "kind", "priority", "due"), rows())
def test_a_row_of_the_table_is_true(page: str, comes: str, kind: str, priority: str, due: str) -> None:
    policy = policy_of(page)
    sla = policy.sla_of(kind, priority, "desk")
    assert sla is not None
    start = datetime.fromisoformat(comes).replace(tzinfo=BERLIN)
    found = policy.work_calendar(sla.calendar).after(start, sla.target_minutes(ClockKind.RESOLUTION) or 0)
    assert f"{found.astimezone(BERLIN):%Y-%m-%d %H:%M}" == due
