"""What commands share: the folder, opening the storage, mistakes in words, JSON, ages."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.phrase import counted as counted

if TYPE_CHECKING:
    from gateway.errors import ConfigurationError
    from gateway.policy import Policy
    from gateway.service import Base
    from gateway.settings import Settings
    from gateway.storage import Opened

EXIT_USAGE = 2
EXIT_TEMPORARY = 75
EXIT_CONFIGURATION = 78


def _chosen_folder(context: typer.Context, folder: Path) -> Path:
    """The command's own -C, else the one before the command (`gateway -C DIR status`), else here."""
    before = context.find_root().obj
    return before if folder == Path() and isinstance(before, Path) else folder


Folder = Annotated[
    Path,
    typer.Option(
        "--folder",
        "-C",
        metavar="DIR",
        callback=_chosen_folder,
        show_default="here",
        help="The folder with rules.toml and gateway.toml.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Limit = Annotated[int, typer.Option(min=1, metavar="N", help="At most so many, the newest first.")]


def settings_of(folder: Path) -> Settings:
    """The settings of a folder. Raises ConfigurationError, also where the folder is not there."""
    from gateway.errors import ConfigurationError, Problem
    from gateway.settings import load_settings

    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "there is no such folder"
        raise ConfigurationError([Problem(file=str(folder), message=what, suggestion="name the desk's folder with -C")])
    return load_settings(folder.resolve(), os.environ)


def rules_in_force(settings: Settings) -> Policy:
    """The desk's rules; while rules.toml is broken, those that the gateway goes on with, which is said.

    Where it never had any, the command ends with exit code 78.
    """
    from gateway.errors import ConfigurationError
    from gateway.policy_keeper import policy_in_force

    try:
        policy, broken = policy_in_force(settings)
    except ConfigurationError as error:
        told = f"{error.in_short}\nThere are no rules of before to go by, so nothing was done."
        raise fail(told, EXIT_CONFIGURATION) from None
    if broken is not None:
        say_rules_of_before(broken)
    return policy


def rules_if_any(settings: Settings) -> Policy | None:
    """As `rules_in_force`; None where there is no rules.toml, so that the shipped rules explain."""
    return rules_in_force(settings) if settings.rules_file.exists() else None


def say_rules_of_before(error: ConfigurationError) -> None:
    """Say on standard error what is wrong with rules.toml, and what holds instead."""
    typer.echo(f"{error.in_short}\nUntil that is mended, the rules of before are in force.", err=True)


@contextlib.contextmanager
def opened(folder: Path, *, write: bool = False) -> Iterator[Opened]:
    """What a command needs that looks at rows, or with `write` changes some; makes no database and needs no rules."""
    from gateway.storage import Opened, existing_database

    quiet_logs()
    settings = settings_of(folder)
    _refuse_wrong_folder(settings)
    with existing_database(settings, write=write) as database:
        yield Opened(settings=settings, database=database, now=datetime.now(UTC))


@contextlib.contextmanager
def opened_base(folder: Path) -> Iterator[Base]:
    """The base that takes mail in: its storage is made where there is none; this thread's connection is open."""
    from gateway.service import Base
    from gateway.storage import explained, explained_start
    from gateway.store.database import connection

    quiet_logs()
    settings = settings_of(folder)
    with explained_start(settings):
        base = Base(settings)
    with explained(settings), connection(base.database):
        yield base


def _refuse_wrong_folder(settings: Settings) -> None:
    from gateway.errors import ConfigurationError, Problem

    if settings.rules_file.exists() or (settings.folder / "gateway.toml").exists() or settings.storage.folder.exists():
        return
    hint = f"name the desk's folder with -C, or make one: gateway init {settings.folder}"
    problem = Problem(file=str(settings.folder), message="there is no desk here: no rules.toml", suggestion=hint)
    raise ConfigurationError([problem])


def quiet_logs() -> None:
    """Commands speak to a person: only errors are logged, and to standard error."""
    from gateway.logs import configure_logs

    configure_logs(level="error", form="text", to_stderr=True)


def print_json(value: object) -> None:
    typer.echo(_json(value, indent=2))


def print_json_line(value: object) -> None:
    typer.echo(_json(value))


def _json(value: object, indent: int | None = None) -> str:
    """JSON in people's letters; escaped where standard output or UTF-8 has none for what a stranger wrote."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=_as_json)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=indent, default=_as_json)
    return text


def _as_json(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def shown(value: object) -> str:
    """What stands in one cell: control characters out, moments to the second, lists apart by commas."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ", ".join(shown(one) for one in value) if isinstance(value, list | tuple) else str(value)
    return "".join(character if character.isprintable() else " " for character in text)


def age(since: datetime | None, now: datetime) -> str:
    """How long ago, in one unit."""
    return "" if since is None else duration(int((now - since).total_seconds()))


def duration(seconds: int) -> str:
    """Seconds in the largest unit that they fill."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{max(0, seconds)} s"


def lines_of(values: Mapping[str, Any]) -> None:
    """Print a record as `key: value` lines, without the empty ones."""
    filled = {key.replace("_", " "): text for key, value in values.items() if (text := shown(value))}
    width = max(map(len, filled), default=0)
    for key, text in filled.items():
        print_line(f"{key + ':':<{width + 2}}{text}", hanging=" " * (width + 2))


def print_reasons(reasons: list[list[str]]) -> None:
    for code, text in reasons:
        print_line(f"  - {code}: {shown(text)}", hanging="    ")


def print_quoted(lines: Sequence[str], *, at_most: int) -> None:
    """What somebody wrote, marked as such; no more of it than fits on a screen."""
    for line in lines[:at_most]:
        print_line(f"  | {shown(line)}", hanging="  | ")
    if len(lines) > at_most:
        typer.echo(f"  … {len(lines) - at_most} lines more")


def print_line(text: str, *, hanging: str = "    ") -> None:
    """One line; in a terminal folded between words, later lines behind `hanging`."""
    if sys.stdout.isatty():
        text = textwrap.fill(
            text,
            shutil.get_terminal_size().columns,
            subsequent_indent=hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )
    typer.echo(text)


def fail(text: str, code: int = 1) -> typer.Exit:
    """Say on standard error why it was not done; to be raised."""
    typer.echo(text, err=True)
    return typer.Exit(code)


def print_left_out(numbers: Iterable[int], states: Mapping[int, str], words: Mapping[str, str]) -> None:
    """Say on standard error for each mail whose state is among `words`, or that is not there, why nothing was done."""
    for number in dict.fromkeys(numbers):
        if number not in states:
            typer.echo(f"{number}: there is no such mail", err=True)
        elif states[number] in words:
            typer.echo(f"{number}: {words[states[number]].format(number=number)}", err=True)


def operator() -> str:
    """Who does this, for the history: the login behind sudo too."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
