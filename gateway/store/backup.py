"""Copy the whole database while the gateway runs: one file that is all of one moment.

SQLite is copied by its own backup, page by page in one read transaction that writers do not wait for; PostgreSQL by
`pg_dump`. The copy gets its name when it is whole and flushed, so an older one is replaced by a good one or not at all.
What may fail: TemporaryFailure with what the database or the tool said, ConfigurationError where `pg_dump` is missing.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gateway.errors import ConfigurationError, Problem, TemporaryFailure

_LONGEST_SECONDS = 6 * 3600


def copy_database(url: str, folder: Path) -> Path:
    """Write `gateway.sqlite` or `gateway.dump` (pg_dump's custom format) into the folder and return its path."""
    is_sqlite = url.startswith("sqlite:")
    target = folder / ("gateway.sqlite" if is_sqlite else "gateway.dump")
    unfinished = target.with_name(target.name + ".unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        if is_sqlite:
            _copy_sqlite(Path(unquote(url.removeprefix("sqlite:///"))), unfinished)
        else:
            _dump(url, unfinished)
        _flush(unfinished)
        unfinished.rename(target)
        _flush(folder)
    except OSError as error:
        raise TemporaryFailure(f"the backup can't be written: {error.strerror or error}") from error
    finally:
        # Where this can't be done either, what went wrong before is what is told.
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return target


def _copy_sqlite(path: Path, target: Path) -> None:
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
            # One file, without the two that stand beside a database in use.
            copy.execute("PRAGMA journal_mode = DELETE")
            (said,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise TemporaryFailure(f"{path} can't be copied: {error}") from error
    if said != "ok":
        raise TemporaryFailure(f"{path} is damaged: {said}")


def _dump(url: str, target: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        hint = "install PostgreSQL's client tools, of the server's version or newer"
        raise ConfigurationError(
            [Problem(file="gateway.toml", key="storage.url", message="no pg_dump", suggestion=hint)]
        )
    parts = urlsplit(url)
    # Not on the command line, where every user of the machine could read it.
    environment = os.environ | {"PGPASSWORD": unquote(parts.password or "")}
    shown = parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", "@")).geturl() if parts.password else url
    command = [program, "--format=custom", f"--file={target}", f"--dbname={shown}"]
    done = subprocess.run(  # noqa: S603 - our own words and the admin's settings
        command, env=environment, capture_output=True, text=True, timeout=_LONGEST_SECONDS, check=False
    )
    if done.returncode:
        raise TemporaryFailure(f"pg_dump: {(done.stderr.strip() or 'failed').splitlines()[-1]}")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
