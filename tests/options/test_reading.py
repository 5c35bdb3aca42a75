"""Where keys stand in a TOML file, and how defaults are written."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from gateway.errors import ConfigurationError
from gateway.options.positions import Position, find_positions, nearest
from gateway.options.problems import key_path
from gateway.options.reading import read_text
from gateway.options.suggestions import did_you_mean, nearest_or_all
from gateway.options.tables import toml_literal

TEXT = """\
top = 1
[desk]
name = "ä" # comment
"quoted key" = [1, # one
  2]
when.words = ["x"]
[[rule]]
set = { a = 1, b = { c = [{ d = 2 }] } }
[[rule]]
[rule.when]
any = [
  { words = "x" },
]
[[rule.when.all]]
e = 1
[[rule.when.all]]
f = 1
"""


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        (("top",), 1, 1),
        (("desk",), 2, 1),
        (("desk", "name"), 3, 1),
        (("desk", "quoted key", 1), 5, 3),
        (("desk", "when", "words", 0), 6, 15),
        (("rule", 0, "set", "b", "c", 0, "d"), 8, 29),
        (("rule", 1, "when"), 10, 1),
        (("rule", 1, "when", "any", 0, "words"), 12, 5),
        (("rule", 1, "when", "all", 1, "f"), 17, 1),
    ],
)
def test_a_key_is_found_where_it_stands(path: tuple[str | int, ...], line: int, column: int) -> None:
    assert find_positions(TEXT)[path] == Position(line=line, column=column)


def test_what_is_not_there_has_the_place_of_what_is_around_it() -> None:
    places = find_positions(TEXT)
    assert nearest(places, ("rule", 0, "set", "z")) == Position(line=8, column=1)
    assert nearest(places, ("nothing",)) is None


@given(st.text())
def test_no_text_stops_the_search_for_positions(text: str) -> None:
    find_positions(text.encode("utf-8", "replace").decode())


def test_a_path_counts_from_one_as_people_do() -> None:
    assert key_path(("rule", 2, "when", "words", 0)) == "rule[3].when.words[1]"


def test_the_nearest_word_is_asked_for_in_its_own_spelling() -> None:
    assert did_you_mean("netwrok", ["Network", "sales"]) == 'did you mean "Network"?'
    assert did_you_mean("zzz", ["Network"]) == ""
    assert nearest_or_all("zzz", ["a", "b"]) == "possible: a, b"
    assert nearest_or_all("zzz", [str(number) for number in range(13)]) == ""


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])))
def test_a_default_is_written_as_toml_reads_it(text: str) -> None:
    written = toml_literal((text, 1, True))
    assert tomllib.loads(f"key = {written}")["key"] == [text, 1, True]


def test_no_secret_is_written() -> None:
    assert toml_literal(SecretStr("sesame")) == '""'


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfkey = 1")
    assert read_text(tmp_path / "a.toml") == "key = 1"


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.toml").open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    with pytest.raises(ConfigurationError, match="is larger than 16 MiB"):
        read_text(tmp_path / "a.toml")
