"""What the pages say about commands, settings, rules and templates is what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import pages, read, shown
from tests.docs.regenerate import PART, PARTS, PIPE, card, duties, regenerated


@pytest.mark.parametrize("page", pages(), ids=shown)
def test_the_generated_parts_are_up_to_date(page: Path) -> None:
    assert regenerated(read(page)) == read(page), "run: python -m tests.docs.regenerate"


def test_every_generated_part_stands_on_some_page() -> None:
    assert {name for page in pages() for _, name, _ in PART.findall(read(page))} == set(PARTS)


def test_a_part_that_has_grown_old_is_noticed() -> None:
    old = "<!-- generated: duties -->\n| old | yes |\n<!-- end: duties -->"
    assert regenerated(old) == f"<!-- generated: duties -->\n\n{duties()}\n\n<!-- end: duties -->"


def test_a_pipe_in_a_cell_does_not_end_the_cell() -> None:
    widths = {line.replace(PIPE, "").count("|") for line in card().splitlines()}
    assert widths == {3}
