"""Open the storage for a command, and say in an operator's words why that can't be done.

A command that only looks makes nothing: no folder, no database, no schema step. What may fail: `NoDatabase` where no
gateway has run yet, `ConfigurationError` where a person must act, `TemporaryFailure` where the server is away.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import peewee

from gateway.alarms import Disk
from gateway.desk.health import Watched
from gateway.errors import ConfigurationError, GatewayError, Problem, TemporaryFailure
from gateway.settings import Settings, Storage
from gateway.store.database import connection, execute, is_sqlite, migrate, open_database


class NoDatabase(GatewayError):
    """Start the gateway once: `gateway serve` makes its database."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An existing storage with this thread's connection open, and the moment of the command."""

    settings: Settings
    database: peewee.Database
    now: datetime


def minimum_free_bytes(storage: Storage) -> int:
    """How much must be free on the disk of the database; with less, new mail is put off."""
    total = shutil.disk_usage(storage.folder).total
    return min(storage.minimum_free_bytes, total * storage.minimum_free_percent // 100)


def watched_by(settings: Settings) -> Watched:
    """What these settings say should be looked after, with the room that is left now."""
    storage, disk = settings.storage, None
    if storage.url.startswith("sqlite:") and storage.folder.exists():
        free = shutil.disk_usage(storage.folder).free
        disk = Disk(free_bytes=free, limit_bytes=minimum_free_bytes(storage))
    return Watched(
        mailboxes=tuple(mailbox.name for mailbox in settings.mailboxes),
        mailbox_minutes=settings.alarms.mailbox_minutes,
        disk=disk,
        heartbeat_minutes=settings.alarms.heartbeat_minutes if settings.relay.host else 0,
        heartbeat_missing_minutes=settings.alarms.heartbeat_missing_minutes,
    )


@contextlib.contextmanager
def existing_database(settings: Settings, *, write: bool = False) -> Iterator[peewee.Database]:
    """The database as it is, connected for the length of the block; without `write` it refuses changes.

    Raises NoDatabase where there is none or nothing in it.
    """
    with explained(settings):
        database = open_database(settings.storage.url)
        place = f"in {settings.storage.folder}" if is_sqlite(database) else "behind [storage] url"
        missing = NoDatabase(f"there is no database of a gateway {place} yet; `gateway serve` makes it")
        if is_sqlite(database) and not Path(database.database).exists():
            raise missing
        with connection(database):
            if not database.table_exists("ledger"):
                raise missing
            if not write and is_sqlite(database):
                execute(database, "PRAGMA query_only = 1")
            yield database


@contextlib.contextmanager
def made_database(settings: Settings) -> Iterator[peewee.Database]:
    """The database, made or brought up to date where it must be, connected for the length of the block."""
    with explained_start(settings):
        settings.storage.folder.mkdir(parents=True, exist_ok=True)
        database = open_database(settings.storage.url)
        with connection(database):
            migrate(database, now=datetime.now(UTC))
            yield database


@contextlib.contextmanager
def explained(settings: Settings) -> Iterator[None]:
    """Turn what a database or its driver raises inside the block into a text that says what to do."""
    try:
        yield
    except peewee.PeeweeException as error:
        raise _explanation(settings, error) from error


@contextlib.contextmanager
def explained_start(settings: Settings) -> Iterator[None]:
    """The same where the storage is made: a folder that can't be written is said to be one."""
    folder = settings.storage.folder
    try:
        with explained(settings):
            yield
    except OSError as error:
        reason = error.strerror or str(error)
        hint = "make it writable for the gateway's user, or name another folder"
        problem = Problem(
            file="gateway.toml", key="storage.folder", message=f"can't write to {folder}: {reason}", suggestion=hint
        )
        raise ConfigurationError([problem]) from error


def _explanation(settings: Settings, error: peewee.PeeweeException) -> GatewayError:
    said = (str(error).strip() or type(error).__name__).splitlines()[0]
    if not settings.storage.url.startswith("sqlite:"):
        return _explanation_of_server(said)
    path = unquote(settings.storage.url.removeprefix("sqlite:///"))
    if "locked" in said:
        return TemporaryFailure(f"{path} is busy ({said}); try again")
    if "no such" in said:
        return TemporaryFailure(
            f"{path} was made by another version of the gateway ({said}); start `gateway serve` of this version once"
        )
    hint = "is the folder writable for this user, is the disk full, is it a database of the gateway?"
    if "malformed" in said:
        hint = "it is damaged: restore a backup (docs/operating.md), or save what is readable: sqlite3 FILE .recover"
    problem = Problem(file="gateway.toml", key="storage", message=f"can't use {path}: {said}", suggestion=hint)
    return ConfigurationError([problem])


def _explanation_of_server(said: str) -> GatewayError:
    if "does not exist" in said and "relation" in said:
        return TemporaryFailure(
            f"the database was made by another version of the gateway ({said}); start `gateway serve` once"
        )
    if "authentication failed" in said or "does not exist" in said:
        hint = "url without the password, and GATEWAY_STORAGE_PASSWORD or password_file"
        return ConfigurationError([Problem(file="gateway.toml", key="storage.url", message=said, suggestion=hint)])
    return TemporaryFailure(f"the database of [storage] url can't be used: {said}")
