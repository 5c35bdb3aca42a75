"""Files as admins break them, each with the exact words that it is refused with, in its first lines behind `#>`.

A place in the file itself begins with its line; one in a file beside it, with that file's name.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import ConfigurationError, Problem
from gateway.policy import load_policy
from gateway.triage.classify import check_examples

FILES = sorted((Path(__file__).parent / "broken").glob("*.toml"))


def problems_of(path: Path) -> list[Problem]:
    """Why a file is not taken into service: what is wrong in it, or examples that come out otherwise."""
    try:
        return check_examples(load_policy(path))
    except ConfigurationError as error:
        return error.problems


def shown(problem: Problem, path: Path) -> str:
    return str(problem).replace(f"{path.parent}/", "").removeprefix(f"{path.name}:").lstrip()


def test_there_are_files_for_every_kind_of_mistake() -> None:
    kinds = {path.name.partition("-")[0] for path in FILES}
    assert len(FILES) >= 100
    assert kinds >= {"syntax", "nesting", "keys", "types", "names", "matrix", "csv", "capture", "pattern", "example"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_broken_file_is_refused_in_these_words(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    expected = [line.removeprefix("#> ") for line in lines if line.startswith("#> ")]
    said = [shown(problem, path) for problem in problems_of(path)]
    assert expected
    assert said == expected
