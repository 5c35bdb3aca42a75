"""The house looks as the design says: what stands at the top, how long a file may be, what must not be left behind."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import gateway
from gateway.compose.notices import NOTICES
from tests.servers.require import skip_or_fail

CHECKOUT = Path(__file__).resolve().parents[1]

TOP_LEVEL = {
    *("gateway", "templates", "rules.toml", "storage", "tests", "docs"),
    *("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "Makefile"),
}
LONGEST_FILE_LINES = 400
LONGEST_FUNCTION_LINES = 60

# Marks of unfinished work, spelt so that this file does not find itself.
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b|NotImplemented" r"Error")
# Paths that exist on the machine of whoever wrote them.
MACHINE_PATHS = re.compile(r"(?<![\w./-])/(?:home/\w|Users/\w|root/|work/|workspace/|mnt/)")
TEXT_SUFFIXES = {".py", ".md", ".toml", ".txt", ".html", ".css", ".sh", ".cfg", ".yml", ".json", ""}


def repository_files() -> list[Path]:
    """Every file that git keeps or would keep."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        names = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=30).stdout
    except (OSError, subprocess.CalledProcessError):
        skip_or_fail("this is no git checkout, so nothing says what belongs to the house")
    paths = [CHECKOUT / name for name in names.split("\0") if name]
    return [path for path in paths if path.is_file()]


def shown(path: Path) -> str:
    return path.relative_to(CHECKOUT).as_posix()


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (CHECKOUT / folder).rglob("*.py"))


def text_files() -> Iterator[tuple[Path, str]]:
    """Our own texts: mails under tests/mails are other people's words."""
    for path in repository_files():
        if path.suffix in TEXT_SUFFIXES and "mails" not in path.relative_to(CHECKOUT).parts:
            yield path, path.read_text(encoding="utf-8", errors="replace")


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_nothing_stands_at_the_top_but_what_the_design_names() -> None:
    names = {path.relative_to(CHECKOUT).parts[0] for path in repository_files()}
    assert {name for name in names if not name.startswith(".")} - TOP_LEVEL == set()


def test_storage_is_empty_but_for_its_page() -> None:
    kept = [shown(path) for path in repository_files() if path.is_relative_to(CHECKOUT / "storage")]
    assert kept == ["storage/README.md"]


def test_no_file_is_longer_than_its_meaning() -> None:
    # A schema step is a frozen copy of the tables and is never edited; it is as long as they are.
    paths = [path for path in python_files("gateway") if path.parent.name != "migrations"]
    lengths = {shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE_LINES} == {}


def test_every_function_fits_a_screen() -> None:
    long = []
    for path in python_files("gateway"):
        for function in functions_of(path):
            assert function.end_lineno is not None
            length = function.end_lineno - function.lineno + 1
            if length > LONGEST_FUNCTION_LINES:
                long.append(f"{shown(path)}:{function.lineno} {function.name}: {length} lines")
    assert long == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [shown(path) for path in python_files("gateway") if len(docstring(path)) < 10]
    silent += [shown(path) for path in python_files("tests") if not docstring(path)]
    assert silent == []


def docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def test_nothing_is_left_unfinished() -> None:
    assert found_in_texts(UNFINISHED) == []


def test_no_path_of_somebodys_machine_stands_anywhere() -> None:
    assert found_in_texts(MACHINE_PATHS) == []


def found_in_texts(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{shown(path)}:{number}: {line.strip()[:100]}"
        for path, text in text_files()
        if path != Path(__file__)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_every_notice_has_its_template_and_every_template_its_notice() -> None:
    names = {path.stem for path in (CHECKOUT / "templates").glob("*.txt") if not path.name.startswith("_")}
    assert names - {"layout"} == set(NOTICES)


def test_what_is_translated_exists_in_the_first_language_too() -> None:
    templates = CHECKOUT / "templates"
    originals = {path.name for path in templates.glob("*.*")}
    translated = [path for path in templates.glob("*/*.*") if path.parent.name != "answers"]
    assert [shown(path) for path in translated if path.name not in originals] == []


def test_every_html_template_has_its_text() -> None:
    templates = CHECKOUT / "templates"
    pages = [path for path in templates.rglob("*.html") if not path.name.startswith("_")]
    assert [shown(path) for path in pages if not path.with_suffix(".txt").exists()] == []


def test_the_version_stands_in_two_places_and_is_one() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == gateway.__version__


def test_every_dependency_says_who_owns_it_and_why() -> None:
    text = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.partition("\ndependencies = [\n")[2].partition("\n]")[0]
    lines = block.splitlines()
    assert len(lines) > 10
    assert [line for line in lines if not re.search(r'",\s+# [\w/, ]+(?:: \S|$)', line)] == []


def test_every_skip_has_a_reason() -> None:
    """A test that is always skipped is no test: only a missing server may skip, and `.ci/run` forbids even that."""
    skipping = re.compile(r"pytest\.mark\.(?:skip|xfail)\b|pytest\.(?:skip|xfail)\(")
    allowed = {"tests/servers/require.py", "tests/test_house.py"}
    found = [
        f"{shown(path)}:{number}"
        for path in python_files("tests")
        if shown(path) not in allowed
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if skipping.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("in /home/erika/desk", True),
        ("/root/.cache", True),
        ("GET /homepage", False),
        ("https://example.com/work/x", False),
        ("network/vpn", False),
        ("/var/lib/gateway", False),
    ],
)
def test_machine_paths_are_told_from_other_paths(text: str, found: bool) -> None:
    assert bool(MACHINE_PATHS.search(text)) is found
