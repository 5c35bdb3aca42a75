"""One pool of parse workers for all fuzzed mails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.parsing import Parser
from gateway.settings.tables import Sorting
from tests.desk.harness import DeskUnderTest


@pytest.fixture(scope="session")
def parser() -> Iterator[Parser]:
    limits = Sorting()
    pool = Parser(workers=1, parse_seconds=limits.parse_seconds, memory_bytes=limits.parse_memory_bytes)
    yield pool
    pool.close()


@pytest.fixture
def desk(sqlite_url: str, parser: Parser, tmp_path: Path) -> DeskUnderTest:
    return DeskUnderTest(sqlite_url, parser=parser, scratch=tmp_path)
