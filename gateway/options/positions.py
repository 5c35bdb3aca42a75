"""Where in a TOML file a key stands: loaded only to print an error, since no TOML reader tells positions of values.

tree-sitter reads the file a second time, tolerantly; the result is a map from paths as pydantic writes them
("rule", 3, "when", "subject") to line and column, both counted from 1. Nothing fails here: what is not found has no
position.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

Path = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Position:
    """Line and column, counted from 1; columns count characters, not bytes."""

    line: int
    column: int


@dataclass
class _Finder:
    lines: list[bytes]
    places: dict[Path, Position] = field(default_factory=dict)
    # How many [[tables]] of one path were seen, so that a path below it gets its number.
    counts: dict[Path, int] = field(default_factory=dict)

    def note(self, path: Path, node: Node) -> None:
        row, offset = node.start_point[0], node.start_point[1]
        column = len(self.lines[row][:offset].decode("utf-8", "replace")) + 1
        self.places.setdefault(path, Position(line=row + 1, column=column))

    def table(self, node: Node) -> None:
        name = next(child for child in node.children if child.type in ("bare_key", "quoted_key", "dotted_key"))
        keys = _keys(name)
        path: Path = ()
        for key in keys[:-1]:
            path = self.numbered((*path, key))
        path = (*path, keys[-1])
        if node.type == "table_array_element":
            self.note(path, node)
            self.counts[path] = self.counts.get(path, -1) + 1
        path = self.numbered(path)
        self.note(path, node)
        for child in node.children:
            if child.type == "pair":
                self.pair(child, path)

    def numbered(self, path: Path) -> Path:
        return (*path, self.counts[path]) if path in self.counts else path

    def pair(self, node: Node, path: Path) -> None:
        key_node, value = node.children[0], node.children[-1]
        for key in _keys(key_node):
            path = (*path, key)
            self.note(path, key_node)
        self.value(value, path)

    def value(self, node: Node, path: Path) -> None:
        if node.type == "inline_table":
            for child in node.children:
                if child.type == "pair":
                    self.pair(child, path)
        elif node.type == "array":
            items = [child for child in node.named_children if child.type != "comment"]
            for number, item in enumerate(items):
                self.note((*path, number), item)
                self.value(item, (*path, number))


def find_positions(text: str) -> dict[Path, Position]:
    """Find line and column of every key, table and list item of a TOML file."""
    source = text.encode()
    finder = _Finder(source.split(b"\n"))
    for node in Parser(Language(tree_sitter_toml.language())).parse(source).root_node.children:
        if node.type in ("table", "table_array_element"):
            finder.table(node)
        elif node.type == "pair":
            finder.pair(node, ())
    return finder.places


def nearest(places: dict[Path, Position], path: Path) -> Position | None:
    """Find the position of a path, or of the innermost table around it that has one, or of the first below it."""
    for length in range(len(path), 0, -1):
        if path[:length] in places:
            return places[path[:length]]
    # A table that is only there as part of another one's name, [rule.when].
    return next((place for known, place in places.items() if known[0] == path[0]), None)


def _keys(node: Node) -> list[str]:
    if node.type == "dotted_key":
        return [key for child in node.named_children for key in _keys(child)]
    text = (node.text or b"").decode("utf-8", "replace")
    if node.type == "quoted_key":
        return [_unquoted(text)]
    return [text]


def _unquoted(text: str) -> str:
    try:
        return str(tomllib.loads(f"key = {text}")["key"])
    except tomllib.TOMLDecodeError:
        return text.strip("\"'")
