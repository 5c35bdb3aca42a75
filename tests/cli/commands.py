"""Run `gateway` commands as a person does, and read what they print."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.commands import COMMANDS

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def json_lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def rows(self) -> list[dict[str, str]]:
        """What a list prints where there is no terminal: a line of names, then one line a row, apart by tabs."""
        names, *lines = [line.split("\t") for line in self.out.splitlines()]
        return [dict(zip(names, line, strict=True)) for line in lines]


def gateway(
    *arguments: str | Path,
    cwd: Path | None = None,
    stdin: bytes = b"",
    env: dict[str, str] | None = None,
    expect: int | None = None,
    timeout_seconds: float = 60.0,
) -> Done:
    """Run a command without a terminal; with `expect` fail where it ends with another exit code."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    finished = COMMANDS.run(
        [*map(str, arguments)],
        cwd=cwd,
        env=inherited | {"PYTHONPATH": str(CHECKOUT), "COLUMNS": "100"} | (env or {}),
        stdin=stdin,
        timeout_seconds=timeout_seconds,
    )
    done = Done(code=finished.returncode, out=finished.stdout.decode(), err=finished.stderr.decode())
    assert "Traceback" not in done.out + done.err, done.out + done.err
    assert expect in (None, done.code), f"exit code {done.code} instead of {expect}:\n{done.out}{done.err}"
    return done
