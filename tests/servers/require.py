"""Skip a test whose server is not installed here, or fail it where all servers must be there (`.ci/run`)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

# What a server needs on this machine: programs to find, and whether only root can start it.
PROGRAMS: dict[str, tuple[str, ...]] = {
    "dovecot": ("dovecot", "doveadm", "openssl", "setpriv"),
    "postfix": ("postfix", "postqueue", "postsuper", "openssl"),
    "postgres": ("initdb", "postgres"),
    "openssl": ("openssl",),
    "swaks": ("swaks",),
    "mutt": ("mutt", "tmux"),
    "strace": ("strace",),
}
NEEDS_ROOT = frozenset({"dovecot", "postfix"})

# Debian keeps these out of an ordinary user's PATH.
EXTRA_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin")


def servers_are_required() -> bool:
    """Tell whether REQUIRE_SERVERS is set: then a missing server is a failure."""
    return os.environ.get("REQUIRE_SERVERS", "") not in ("", "0")


def program(name: str) -> str | None:
    """Find a program, also where Debian hides servers (`/usr/sbin`, `/usr/lib/postgresql/*/bin`)."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    folders = [os.environ.get("PATH", os.defpath), *EXTRA_FOLDERS, *map(str, versions)]
    return shutil.which(name, path=os.pathsep.join(folders))


def missing_servers() -> tuple[str, ...]:
    """The names of the servers that can't be started here."""
    return tuple(name for name in PROGRAMS if _obstacle(name))


def skip_or_fail(reason: str) -> NoReturn:
    """Skip with the reason, or fail with it where servers are required."""
    if servers_are_required():
        pytest.fail(f"REQUIRE_SERVERS is set, but {reason}", pytrace=False)
    pytest.skip(reason)


def server_or_skip(name: str) -> dict[str, str]:
    """Return the paths of the programs that server needs, by name; skip (or fail) where one is missing."""
    obstacle = _obstacle(name)
    if obstacle:
        skip_or_fail(obstacle)
    found = {wanted: program(wanted) for wanted in PROGRAMS[name]}
    return {wanted: path for wanted, path in found.items() if path is not None}


def _obstacle(name: str) -> str:
    """Why that server can't be started here, "" where it can."""
    missing = [wanted for wanted in PROGRAMS[name] if program(wanted) is None]
    if missing:
        return f"{name} is not installed here: {', '.join(missing)} not found"
    if name in NEEDS_ROOT and os.geteuid() != 0:
        return f"{name} can only be started by root"
    return ""
