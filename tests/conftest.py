"""What holds for every test: the fixtures that run real servers, and how hypothesis searches."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from tests.servers.require import missing_servers, servers_are_required

pytest_plugins = ["tests.servers.fixtures"]

# No deadline for one example: on two busy cores it would measure the neighbours. CI looks where it looked before, so
# that a red run is the change's own doing; people's runs look elsewhere each time.
settings.register_profile("people", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("people"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "people")


def pytest_report_header(config: pytest.Config) -> str:
    missing = missing_servers()
    if not missing:
        return "servers: all are here"
    consequence = "and required: their tests fail" if servers_are_required() else "their tests are skipped"
    return f"servers: {', '.join(missing)} missing, {consequence}"
