"""Read a TOML file of options: syntax first, then every key and value against its table."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from gateway.errors import ConfigurationError, Problem
from gateway.options.problems import Mistake, Source, mistakes_of
from gateway.options.syntax import explained
from gateway.options.tables import OptionTable

Table = TypeVar("Table", bound=OptionTable)

# An admin's file; anything longer is a mistake (a mailbox given as rules.toml), and reading it would take minutes.
SIZE_LIMIT_BYTES = 16 * 1024 * 1024


def read_text(path: Path) -> str:
    """Read a file of an admin as UTF-8; what can't be read is a `ConfigurationError`."""
    try:
        if path.stat().st_size > SIZE_LIMIT_BYTES:
            raise ConfigurationError([Problem(file=str(path), message="is larger than 16 MiB")])
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError([Problem(file=str(path), message=f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problem = Problem(file=str(path), line=line, message="is not UTF-8 text", suggestion="save it as UTF-8")
        raise ConfigurationError([problem]) from error


def read_toml(source: Source) -> dict[str, Any]:
    """Read TOML; a syntax error is a `ConfigurationError` with line and column."""
    try:
        return tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([_syntax_problem(source, str(error))]) from error
    except RecursionError as error:
        problem = Problem(file=source.name, message="lists or tables are nested too deeply to be read")
        raise ConfigurationError([problem]) from error


def validated(model: type[Table], data: Mapping[str, Any]) -> tuple[Table | None, list[Mistake]]:
    """Check data against a table: the table, or every mistake in it."""
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        return None, mistakes_of(error, model)


def _syntax_problem(source: Source, text: str) -> Problem:
    """Take line and column out of tomllib's words (attributes of the exception exist only from Python 3.14 on)."""
    line = column = None
    at_end = ""
    found = re.search(r" \(at line (\d+), column (\d+)\)$", text)
    if found:
        line, column = int(found[1]), int(found[2])
        text = text[: found.start()]
    elif text.endswith(" (at end of document)"):
        line = source.text.count("\n") + 1
        text, at_end = text.removesuffix(" (at end of document)"), ", at the end of the file"
    message, hint = explained(text, source.text, line, column)
    return Problem(file=source.name, line=line, column=column, message=f"not TOML: {message}{at_end}", suggestion=hint)
