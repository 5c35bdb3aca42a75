"""Every command line on the pages can be typed: the command exists, and so do its options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest

from tests.docs.pages import CHECKOUT, blocks, inline_code, pages, read, shown
from tests.docs.regenerate import command_line_group, command_tree

GATEWAY = re.compile(r"(?:^|[\s/])gateway (?=[a-z-])(.*)$")
MAKE = re.compile(r"^make ([a-z]+)\b")


def shell_lines() -> Iterator[tuple[str, str]]:
    for block in blocks("sh", "ini", "cfg"):
        for line in block.text.splitlines():
            yield str(block), line.strip()


def written_commands() -> Iterator[tuple[str, str]]:
    """Where each `gateway …` stands and what follows the word."""
    for place, line in shell_lines():
        if match := GATEWAY.search(line):
            yield place, match.group(1)
    for page in pages():
        for code in inline_code(page):
            if match := GATEWAY.search(code):
                yield shown(page), match.group(1)


def problem_of(line: str) -> str:
    """Why a command line can't be typed, "" where it can."""
    group = command_line_group()
    options = {option for one in group.params for option in one.opts}
    words = shlex.split(line)
    known = command_tree()
    while words and words[0].startswith("-"):
        if words[0] not in options:
            return f"{words[0]} is no option of gateway"
        words = words[2:]
    depth = next((depth for depth in (2, 1) if " ".join(words[:depth]) in known), 0)
    if not depth:
        # "gateway quarantine" alone names a group.
        return "" if [*words] == words[:1] and words[0] in group.commands else f"there is no command {words[:2]}"
    command = known[" ".join(words[:depth])]
    options = {option for one in command.params for option in one.opts} | {"--help", "-h"}
    given = [word.partition("=")[0] for word in words[depth:] if word.startswith("-") and word != "-"]
    wrong = [option for option in given if option not in options]
    return f"{' '.join(words[:depth])} has no {wrong}" if wrong else ""


@pytest.mark.parametrize(("place", "line"), sorted(set(written_commands())))
def test_every_command_on_the_pages_can_be_typed(place: str, line: str) -> None:
    assert problem_of(line) == "", place


@pytest.mark.parametrize("line", ["stauts", "ledger lost", "status --jason", "outbox retry 3 --everything"])
def test_a_mistyped_command_is_noticed(line: str) -> None:
    assert problem_of(line)


def test_the_pages_name_every_command() -> None:
    text = "\n".join(read(page) for page in pages())
    assert [words for words in command_tree() if f"gateway {words}" not in text] == []


def test_the_two_commands_of_the_readme_are_in_the_makefile() -> None:
    makefile = read(CHECKOUT / "Makefile")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    readme = [line for block in blocks("sh") if shown(block.page) == "README.md" for line in block.text.splitlines()]
    assert {"make serve", "make test"} <= set(readme)
    named = {match.group(1) for page in pages() for code in inline_code(page) if (match := MAKE.match(code))}
    assert named - targets == set()
