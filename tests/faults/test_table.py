"""docs/durability.md and the tests hold each other: every point has its tests, and every test of a point is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs" / "durability.md"
ROW = re.compile(r"^\| ([Ik]\d+) \|(.*)\|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
POINT = re.compile(r"(?<=_)k\d\d(?=_)")


def table() -> dict[str, set[tuple[str, str]]]:
    """The tests that each promise and each failure point names."""
    return {name: set(TEST.findall(cells)) for name, cells in ROW.findall(PAGE.read_text(encoding="utf-8"))}


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_promise_and_every_point_is_in_the_table_once_with_a_test() -> None:
    names = [name for name, _ in ROW.findall(PAGE.read_text(encoding="utf-8"))]
    assert names == [f"I{number}" for number in range(1, 14)] + [f"k{number:02}" for number in range(1, 43)]
    assert [name for name, tests in table().items() if not tests] == []


def test_every_test_that_the_table_names_exists() -> None:
    named = {one for tests in table().values() for one in tests}
    files = {file: names_in(CHECKOUT / file) if (CHECKOUT / file).exists() else set() for file, _ in named}
    assert sorted(f"{file}::{test}" for file, test in named if test not in files[file]) == []


def test_every_test_of_a_point_stands_beside_it() -> None:
    rows, missing = table(), []
    for path in sorted((CHECKOUT / "tests" / "faults").glob("test_*.py")):
        file = path.relative_to(CHECKOUT).as_posix()
        for test in names_in(path):
            points = POINT.findall(test)
            # Of several tests of one point the table names those that say it; one is enough for the rest.
            missing += [f"{point}: {file}" for point in points if not any(one == file for one, _ in rows[point])]
    assert missing == []
