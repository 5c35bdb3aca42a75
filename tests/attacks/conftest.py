"""The attacked desk: played once for each process, copied for each attack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.parsing import Parser
from gateway.policy import Policy
from tests.attacks.house import AttackedDesk, copy, play

NewDesk = Callable[[Policy], AttackedDesk]


@pytest.fixture(scope="session")
def parser() -> Iterator[Parser]:
    pool = Parser(workers=1, parse_seconds=10, memory_bytes=512 * 1024 * 1024)
    yield pool
    pool.close()


@pytest.fixture(scope="session")
def played(parser: Parser, tmp_path_factory: pytest.TempPathFactory) -> tuple[AttackedDesk, Path]:
    folder = tmp_path_factory.mktemp("attacked")
    database = folder / "played.sqlite"
    return play(f"sqlite:///{database}", parser=parser, scratch=folder), database


@pytest.fixture
def new_desk(played: tuple[AttackedDesk, Path], parser: Parser, tmp_path: Path) -> NewDesk:
    return lambda policy: copy(*played, tmp_path / "attacked.sqlite", parser=parser, policy=policy)
