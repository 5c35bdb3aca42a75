"""Reads the phrases out of the code: every `say("…", name=…)`, mechanically, so that no translation is forgotten."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "gateway"


@dataclass(frozen=True, kw_only=True)
class Said:
    """One place of the code that says a phrase; `text` is None where it is not written out."""

    place: str
    text: str | None
    names: frozenset[str]


def phrases_of(source: str, place: str) -> Iterator[Said]:
    """Every call of `say` in a module."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name != "say":
            continue
        literal = node.args[0] if node.args else None
        text = literal.value if isinstance(literal, ast.Constant) and isinstance(literal.value, str) else None
        names = frozenset(keyword.arg or "**" for keyword in node.keywords)
        yield Said(place=f"{place}:{node.lineno}", text=text, names=names)


@cache
def all_phrases() -> tuple[Said, ...]:
    paths = sorted(PACKAGE.rglob("*.py"))
    return tuple(
        said
        for path in paths
        for said in phrases_of(path.read_text(encoding="utf-8"), str(path.relative_to(PACKAGE.parent)))
    )
