"""What holds for every test: the fixtures that run real servers, and how hypothesis searches."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.servers.require import missing_servers, servers_are_required

pytest_plugins = ["tests.servers.fixtures"]

# No deadline for one example: on two busy cores it would measure the neighbours. CI looks where it looked before, so
# that a red run is the change's own doing; people's runs look elsewhere each time.
settings.register_profile("people", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("people"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "people")


# What the tests write lies in memory where there is room: nothing of it has to outlive a power cut, and a flush to a
# disk costs more than the test around it. `TMPDIR` names another place.
MEMORY, ROOM_BYTES = Path("/dev/shm"), 3 * 1024**3
if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM_BYTES:
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


# They begin first: a worker that began one last would leave the others without work.
LONGEST = ("tests/faults/test_random_kills.py", "tests/crash/")


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """A test that runs a command in its own process leaves logging as it was for the others."""
    root = logging.getLogger()
    level, is_configured = root.level, structlog.is_configured()
    yield
    if root.level != level:
        root.setLevel(level)
    if structlog.is_configured() and not is_configured:
        structlog.reset_defaults()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_report_header(config: pytest.Config) -> str:
    missing = missing_servers()
    if not missing:
        return "servers: all are here"
    consequence = "and required: their tests fail" if servers_are_required() else "their tests are skipped"
    return f"servers: {', '.join(missing)} missing, {consequence}"
