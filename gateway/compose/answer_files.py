"""Where canned answers lie: `answers/vpn-reset.txt`, `answers/vpn-reset.de.txt` or `de/answers/vpn-reset.txt`.

Each becomes a source under a key of its own, so that it is found like a template (language, first subtag, top level)
and never taken for a notice: "de/_answer.vpn-reset.txt". A file whose name begins with ``_`` is a part that answers
include. A folder of templates without `answers/` has the shipped examples.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

FOLDER = "answers"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}")
_PREFIX = "_answer."
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*")


def key_of(name: str) -> str:
    """The key of an answer's source, without the language."""
    return f"{_PREFIX}{name}.txt"


def name_of(key: str) -> str:
    """The name of the answer that a source is, "" for a part of others."""
    stem = key.rpartition("/")[2].removesuffix(".txt")
    return stem.removeprefix(_PREFIX) if stem.startswith(_PREFIX) else ""


def answer_files(folder: Path, shipped: Path) -> Iterator[tuple[str, Path]]:
    """Every answer of a folder of templates, with its key."""
    root = folder if any(folder.glob(f"{FOLDER}/*.txt")) or any(folder.glob(f"*/{FOLDER}/*.txt")) else shipped
    for path in sorted([*root.glob(f"{FOLDER}/*.txt"), *root.glob(f"*/{FOLDER}/*.txt")]):
        language = "" if path.parent.parent == root else path.parent.parent.name.lower().replace("_", "-")
        if path.name.startswith(".") or not (language == "" or _LANGUAGE.fullmatch(language)):
            continue
        stem, _, tag = path.stem.lower().rpartition(".")
        tag = tag.replace("_", "-")
        if not stem or not _LANGUAGE.fullmatch(tag):
            stem, tag = path.stem.lower(), language
        key = f"{stem}.txt" if stem.startswith("_") else key_of(stem)
        yield f"{tag}/{key}" if tag else key, path
