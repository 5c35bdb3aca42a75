"""A private PostgreSQL cluster in a temporary folder, on a free loopback port and a Unix socket.

PostgreSQL refuses to run as root, so root runs it as the `postgres` user that Debian's package makes. Flushing is off:
what dies with the machine is a test's data. A test about durability asks for `flushing=True` by its own server.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

from tests.servers.ports import LOOPBACK, free_port
from tests.servers.processes import start_child, stop_child, tail
from tests.servers.require import server_or_skip, skip_or_fail
from tests.servers.waiting import eventually

OWNER = "postgres"
NAMES = count(1)


@dataclass(kw_only=True)
class PostgresServer:
    """A running cluster; `url()` is its maintenance database, `new_database()` an empty one of your own."""

    port: int
    password: str = field(repr=False)
    folder: Path
    log: Path
    child: subprocess.Popen[bytes]

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{OWNER}:{self.password}@{LOOPBACK}:{self.port}/{database}"

    def new_database(self, *, like: str = "template0") -> str:
        """Create an empty database, or a copy of one that nobody is connected to, and return its URL."""
        name = f"test_{os.getpid()}_{next(NAMES)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'")
        self._command(statement.format(sql.Identifier(name), sql.Identifier(like)))
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Drop a database of `new_database`, also when somebody is still connected to it."""
        name = url.rpartition("/")[2]
        self._command(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _command(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)


@contextlib.contextmanager
def running_postgres(folder: Path, *, flushing: bool = False) -> Iterator[PostgresServer]:
    """Run a cluster in the folder (which must be empty or new) until the end of the block."""
    programs = server_or_skip("postgres")
    as_owner = _become_owner(folder)
    data, log, password = folder / "data", folder / "log", secrets.token_hex(12)
    (folder / "password").write_text(password)
    _give_to_owner(folder)
    initdb = [programs["initdb"], "--pgdata", str(data), "--username", OWNER, "--encoding=UTF8", "--locale=C.UTF-8"]
    # Plain passwords over loopback: a test opens thousands of connections, and SCRAM costs each some milliseconds.
    initdb += ["--auth=password", f"--pwfile={folder / 'password'}", "--no-sync"]
    done = subprocess.run([*as_owner, *initdb], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"initdb failed: {done.stdout}{done.stderr}"
    port = free_port()
    settings = {
        "listen_addresses": LOOPBACK,
        "port": port,
        "unix_socket_directories": folder,
        "fsync": "on" if flushing else "off",
        "synchronous_commit": "on" if flushing else "off",
        "full_page_writes": "on" if flushing else "off",
        "max_connections": 100,
        "shared_buffers": "64MB",
        "max_wal_size": "512MB",
        "timezone": "UTC",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    child = start_child([programs["postgres"], "-D", str(data), *options], log=log, user=OWNER, cwd=folder)
    server = PostgresServer(port=port, password=password, folder=folder, log=log, child=child)
    try:
        eventually(lambda: _answers(server), timeout_seconds=60, reason="PostgreSQL's first answer")
        yield server
    finally:
        # SIGQUIT is the immediate shutdown: nothing that it would flush is wanted any more.
        stop_child(server.child, with_signal=signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


def _become_owner(folder: Path) -> list[str]:
    """The words that start a command as the cluster's owner: none unless we are root."""
    if os.geteuid() != 0:
        return []
    try:
        pwd.getpwnam(OWNER)
    except KeyError:
        skip_or_fail(f"postgres does not run as root and there is no user {OWNER!r} here")
    folder.chmod(0o755)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        skip_or_fail("postgres does not run as root and setpriv (util-linux) is not installed here")
    return [setpriv, "--reuid", OWNER, "--regid", OWNER, "--init-groups", "--"]


def _give_to_owner(folder: Path) -> None:
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, OWNER)


def _answers(server: PostgresServer) -> bool:
    exit_code = server.child.poll()
    assert exit_code is None, f"PostgreSQL ended with {exit_code}:\n{tail(server.log)}"
    try:
        with psycopg.connect(server.url(), connect_timeout=5):
            return True
    except psycopg.OperationalError:
        return False
