"""The pages that people read (README.md, CHANGELOG.md, docs/), taken apart for the tests and the generator."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

# In a list, a block is indented as a whole.
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True, kw_only=True)
class Block:
    """One fenced block: the word behind its fence, its text, and the page and line where it begins."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{shown(self.page)}:{self.line}"


def pages() -> list[Path]:
    return [CHECKOUT / "README.md", CHECKOUT / "CHANGELOG.md", *sorted((CHECKOUT / "docs").glob("*.md"))]


def shown(page: Path) -> str:
    return page.relative_to(CHECKOUT).as_posix()


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(*languages: str) -> Iterator[Block]:
    """Every fenced block of all pages in one of these languages, or in any."""
    for page in pages():
        text = read(page)
        for match in FENCE.finditer(text):
            if not languages or match.group(2) in languages:
                line = text.count("\n", 0, match.start()) + 1
                yield Block(page=page, line=line, language=match.group(2), text=textwrap.dedent(match.group(3)))


def inline_code(page: Path) -> Iterator[str]:
    """Every `word` between backticks outside fenced blocks."""
    yield from _INLINE.findall(FENCE.sub("", read(page)))
