"""What commands share: the folder, opening the base, printing rows and JSON."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from gateway.service import Base
    from gateway.settings import Settings

Folder = Annotated[Path, typer.Option("--folder", "-C", help="The folder with rules.toml and gateway.toml.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

EXIT_TEMPORARY = 75


def settings_of(folder: Path) -> Settings:
    from gateway.settings import load_settings

    return load_settings(folder.resolve(), os.environ)


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Base]:
    """The base with this thread's connection open."""
    from gateway.service import Base
    from gateway.store.database import connection

    quiet_logs()
    base = Base(settings_of(folder))
    with connection(base.database):
        yield base


def quiet_logs() -> None:
    """Commands speak to a person: only errors are logged, and to standard error."""
    from gateway.logs import configure_logs

    configure_logs(level="error", form="text", to_stderr=True)


def print_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_as_json))


def print_json_line(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, default=_as_json))


def _as_json(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """A table that reads well in a terminal; plain lines apart by tabs where there is no terminal."""
    from rich.console import Console
    from rich.table import Table

    if not rows:
        typer.echo(empty)
        return
    console = Console()
    if not console.is_terminal:
        typer.echo("\t".join(columns))
        for row in rows:
            typer.echo("\t".join(shown(cell).replace("\t", " ") for cell in row))
        return
    from rich.text import Text

    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(shown(cell)) for cell in row))
    console.print(table)


def shown(value: object) -> str:
    """One cell: control characters out, moments to the second."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    text = str(value)
    return "".join(character if character.isprintable() else " " for character in text)


def age(since: datetime | None, now: datetime) -> str:
    """How long ago, in one unit."""
    if since is None:
        return ""
    seconds = max(0, int((now - since).total_seconds()))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def lines_of(values: Mapping[str, Any]) -> None:
    """Print a record as `key: value` lines."""
    width = max(map(len, values), default=0)
    for key, value in values.items():
        typer.echo(f"{key + ':':<{width + 2}}{shown(value)}")


def fail(text: str, code: int = 1) -> typer.Exit:
    typer.echo(text, err=True)
    return typer.Exit(code)
