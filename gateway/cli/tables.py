"""Tables: one line a row that fits into the terminal; without a terminal plain lines, apart by tabs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from gateway.cli.common import shown
from gateway.phrase import NO_SUBJECT

# From here on there is room for the columns that only help.
_WIDE_TERMINAL_COLUMNS = 110
_SUBJECT = "subject"
_SUBJECT_CHARS = 200


@dataclass(frozen=True, kw_only=True)
class Column:
    """`key` finds the value in a row and is its name for machines; `title` is what a person reads above it.

    A `bends` column is cut with … where the terminal is narrow; a `wide` one is left out there.
    """

    key: str
    title: str = ""
    bends: bool = False
    wide: bool = False


def print_table(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], *, empty: str) -> None:
    """Print rows, or say that there are none."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        typer.echo("\t".join(column.key for column in columns))
        for row in rows:
            typer.echo("\t".join(_cell(column, row) for column in columns))
    elif not rows:
        typer.echo(empty)
    else:
        _print_to_terminal(console, columns, rows)


def cut_subject(subject: str) -> str:
    """A stranger's subject, no longer than a person reads; --json gives all of it."""
    return subject if len(subject) <= _SUBJECT_CHARS else subject[: _SUBJECT_CHARS - 1] + "…"


def _cell(column: Column, row: Mapping[str, Any]) -> str:
    value = row[column.key]
    return shown(cut_subject(value) if column.key == _SUBJECT and isinstance(value, str) else value)


def _print_to_terminal(console: Any, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    is_wide = console.width >= _WIDE_TERMINAL_COLUMNS
    kept = [column for column in columns if is_wide or not column.wide]
    # A column in which nothing stands says nothing either.
    kept = [column for column in kept if any(shown(row[column.key]) for row in rows)]
    table = Table(header_style="bold", box=None, pad_edge=False)
    for column in kept:
        table.add_column(column.title or column.key, no_wrap=not column.bends, min_width=8 if column.bends else None)
    for row in rows:
        cells = (_cell(column, row) or (str(NO_SUBJECT) if column.key == _SUBJECT else "") for column in kept)
        table.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in cells))
    console.print(table)
