"""`gateway backup DIR`: everything that a desk needs to begin anew elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import Folder, Json, opened, print_json

if TYPE_CHECKING:
    from gateway.settings import Settings


def backup(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; made if need be, an older one replaced.")],
    folder: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Copy the database as it is at one moment, rules.toml, gateway.toml and templates/; the gateway may run.

    Exit 75 where it could not be done; an older backup in DIR is untouched then.
    """
    from gateway.errors import TemporaryFailure

    with opened(folder) as desk:
        settings = desk.settings
    try:
        copied = _copy_all(settings, target)
        size_bytes = copied[0].stat().st_size
    except OSError as error:
        # An error of many files names them itself.
        why = f"{error.strerror}: {error.filename}" if error.strerror else str(error)
        raise TemporaryFailure(f"the backup can't be written to {target}: {why}") from error
    if as_json:
        print_json({"files": [str(path) for path in copied], "database_bytes": size_bytes})
    else:
        typer.echo(f"{target}: {', '.join(path.name for path in copied)}; the database has {size_bytes:,} bytes.")


def _copy_all(settings: Settings, target: Path) -> list[Path]:
    """The database first: without it the others are not touched."""
    from gateway.store.backup import copy_database

    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    copied = [copy_database(settings.storage.url, target)]
    for path in (settings.rules_file, settings.folder / "gateway.toml"):
        if path.is_file():
            copied.append(Path(shutil.copy2(path, target / path.name)))
    if settings.templates_folder.is_dir():
        shutil.copytree(settings.templates_folder, target / "templates", dirs_exist_ok=True)
        copied.append(target / "templates")
    return copied
