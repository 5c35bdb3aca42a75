"""What the pages say about commands, settings, rules and templates is what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.triage.commands import COMMANDS
from tests.docs.pages import CHECKOUT, pages, read, shown
from tests.docs.regenerate import PART, PARTS, PIPE, commands, regenerated

README = CHECKOUT / "README.md"


@pytest.mark.parametrize("page", pages(), ids=shown)
def test_the_generated_parts_are_up_to_date(page: Path) -> None:
    assert regenerated(read(page)) == read(page), "run: python -m tests.docs.regenerate"


def test_every_generated_part_stands_on_some_page() -> None:
    assert {name for page in pages() for _, name, _ in PART.findall(read(page))} == set(PARTS)


def test_the_card_in_the_readme_shows_every_command_that_an_agent_can_give() -> None:
    card = read(README)
    assert commands() in card
    rows = commands().splitlines()[2:]
    paired = zip(rows, COMMANDS.items(), strict=True)
    assert [row for row, (name, command) in paired if f"#{name}" not in row or str(command.help) not in row] == []


def test_a_part_that_has_grown_old_is_noticed() -> None:
    old = "<!-- generated: commands -->\n| #old | Does nothing. |\n<!-- end: commands -->"
    assert regenerated(old) == f"<!-- generated: commands -->\n\n{commands()}\n\n<!-- end: commands -->"


def test_a_pipe_in_a_cell_does_not_end_the_cell() -> None:
    widths = {line.replace(PIPE, "").count("|") for line in commands().splitlines()}
    assert widths == {3}
