"""The house that most stories share: one gateway with a sink as its relay, for as long as the test session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.gateway import GatewayProcess
from tests.servers.sink import Sink, SinkOptions
from tests.stories.house import House, Person, furnish


def relay_settings(port: int, host: str = "127.0.0.1") -> dict[str, str]:
    return {"GATEWAY_RELAY_HOST": host, "GATEWAY_RELAY_PORT": str(port), "GATEWAY_RELAY_TLS": "none"}


# For the story of rules; no other one writes of such machines.
MACHINES = """
[[rule]]
name = "Machines"
when.pattern = '[Mm]achine (?P<machine>srv-\\d+) has stopped'
on = ["open", "reply"]
set.impact = "high"
set.asset = "{machine}"
set.tags = "machine"
set.fields = { hall = "north of {machine}" }
set.watchers = "foreman@example.com"
set.hold = "vendor"
set.acknowledge = "stopped"
"""
# For the story of due times; no other one writes of sundials.
PROMISES = """
[[team]]
name = "hours"
[[rule]]
name = "Hours"
when.words = "sundial"
set = { team = "hours", assignee = "anna" }
[[sla]]
name = "Hours"
team = "hours"
response = "1h"
resolution = "4h"
calendar = "always"
[[ladder]]
at = "75%"
remind = "assignee"
"""
STOPPED = "Subject: {{ subject }}\n\nWe know that {{ ticket.asset }} has stopped.\n"


@pytest.fixture(scope="session")
def shared_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One gateway for many stories; at the end everything that it did is audited and read."""
    folder = furnish(tmp_path_factory.mktemp("house"), more=MACHINES + PROMISES)
    (folder / "templates" / "stopped.txt").write_text(STOPPED, encoding="utf-8")
    with Sink(port=None, options=SinkOptions()) as sink:
        gateway = GatewayProcess(folder=folder, env=relay_settings(sink.port)).start()
        house = House(gateway=gateway, sink=sink)
        try:
            house.prove_border()
            yield house
            house.settles()
            assert gateway.stop() == 0
            assert house.audit() == []
            house.assert_discreet()
        finally:
            gateway.kill()


@pytest.fixture
def house(shared_house: House) -> Iterator[House]:
    """The shared house; after each story all that left it is read, and the audit finds nothing new."""
    known = shared_house.audit()
    yield shared_house
    shared_house.settles()
    shared_house.assert_discreet()
    assert [finding for finding in shared_house.audit() if finding not in known] == []
    shared_house.people.clear()


@pytest.fixture
def anna(house: House) -> Person:
    return _reader(house, "anna@example.com", "Anna Agent")


@pytest.fixture
def ben(house: House) -> Person:
    return _reader(house, "ben@example.com", "Ben Helper")


@pytest.fixture
def nora(house: House) -> Person:
    return _reader(house, "nora@example.com", "Nora Net")


@pytest.fixture
def erika(house: House, request: pytest.FixtureRequest) -> Person:
    """An employee whom no other story has."""
    return house.person(f"erika.{abs(hash(request.node.nodeid))}@example.com", "Erika Muster")


def _reader(house: House, address: str, name: str) -> Person:
    """An agent, who has read what came before this story."""
    agent = house.person(address, name)
    agent.has_read_everything()
    return agent
