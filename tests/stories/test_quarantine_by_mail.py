"""The quarantine from outside: a digest in a keeper's mailbox, answered by SMTP, and what becomes of the mail."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.store.database import transaction
from gateway.store.tables import AlarmRow, Event, Ledger, database_proxy
from tests.cli.commands import gateway as command
from tests.servers.gateway import GatewayProcess
from tests.servers.sink import Sink
from tests.servers.waiting import eventually
from tests.stories.conftest import relay_settings
from tests.stories.house import House, Person, furnish, just_begun


@pytest.fixture
def house(tmp_path: Path, new_gateway: Callable[..., GatewayProcess], sink: Sink) -> House:
    """A house of this story's own, in which the digest is due when the gateway starts."""
    folder = furnish(tmp_path / "desk")
    rules = folder / "rules.toml"
    rules.write_text(rules.read_text().replace('keepers = ["keeper"]', f'keepers = ["anna"]\n{just_begun()}'))
    gateway = new_gateway(folder=folder, env=relay_settings(sink.port), arguments=("--only", "smtp,sort,send"))
    return House(gateway=gateway.start(), sink=sink)


@pytest.fixture
def anna(house: House) -> Person:
    return house.person("anna@example.com", "Anna Agent")


@pytest.fixture
def mallory(house: House) -> Person:
    return house.person("mallory@example.net", "Mallory")


def outcomes(house: House) -> dict[str, str]:
    """Subject → what became of the mail, for those that a stranger wrote."""
    with house.reading():
        rows = list(Ledger.select().order_by(Ledger.id))
    return {str(row.id): row.outcome or row.state for row in rows}


def test_a_keeper_lets_a_mail_in_from_the_mail_client(house: House, anna: Person, mallory: Person, sink: Sink) -> None:
    flagged = {"X-Spam-Flag": "YES"}
    mallory.writes("My order is late.", subject="A real question", headers=flagged)
    mallory.writes("Click http://pay.example.net", subject="Win", headers=flagged)
    house.settles()
    assert house.quarantine() == ["spam", "spam"]
    folder = house.gateway.folder
    with_timers = GatewayProcess(folder=folder, env=relay_settings(sink.port), arguments=("--only", "timers"))
    try:
        with_timers.start()
        digest = anna.gets("This waits in quarantine")
        assert "A real question" in digest.text
        assert "http://" not in digest.everything.replace("http://www.w3.org", "")
        anna.answers(digest, "release 1\nblock 2\nThanks")
        result = anna.gets("1 let in: A real question")
        assert "2 blocked: mail from mallory@example.net" in result.text
        assert digest.message_id in result.references or result.header("In-Reply-To")
        opened = anna.gets("My order is late.")
        assert "released from quarantine by anna@example.com" in " ".join(opened.text.split())
        house.settles()
        assert list(outcomes(house).values()) == ["opened", "quarantined", "filed"]
        assert mallory.letters() == []
        mallory.writes("Once more.", subject="Win again")
        house.settles()
        assert sorted(house.quarantine()) == ["denied", "spam"]
    finally:
        with_timers.stop()
    shown = command("quarantine", "stats", "--json", cwd=folder, expect=0).json
    assert (shown["done"]["released"], shown["blocked"]) == (1, 1)
    assert house.gateway.stop() == 0
    assert house.audit() == []
    house.assert_discreet()
    with house.reading():
        told = {event.kind: event.actor for event in Event.select().where(Event.kind.in_(["released", "denied"]))}
    assert told == {"released": "anna@example.com", "denied": "anna@example.com"}


def noted(house: House) -> list[str]:
    with house.reading():
        return [row.code for row in AlarmRow.select()]


def test_an_alarm_reaches_the_operator_by_mail_and_by_command(
    tmp_path: Path, new_gateway: Callable[..., GatewayProcess], sink: Sink
) -> None:
    folder, page = furnish(tmp_path / "desk"), tmp_path / "page.txt"
    script = tmp_path / "page"
    script.write_text(f"#!/bin/sh\ncat > {page}\n")
    script.chmod(0o755)
    env = relay_settings(sink.port) | {"GATEWAY_ALARMS_COMMAND": str(script)}
    # More must be free than any disk has: the disk is full from the beginning.
    env |= {"GATEWAY_STORAGE_MINIMUM_FREE_BYTES": str(2**60), "GATEWAY_STORAGE_MINIMUM_FREE_PERCENT": "99"}
    house = House(gateway=new_gateway(folder=folder, env=env).start(), sink=sink)
    keeper = house.person("keeper@example.com", "Kim Keeper")
    eventually(lambda: "disk-full" in noted(house), timeout_seconds=60, reason="the alarm is written down")
    with house.reading(), transaction(database_proxy.obj):
        # As if it had held for a while: what a test must not wait for.
        AlarmRow.update(since=datetime(2026, 1, 1, tzinfo=UTC)).execute()
    letter = eventually(lambda: next(iter(keeper.letters()), None), timeout_seconds=60, reason="the alarm has come")
    assert letter is not None
    assert "the disk is full" in letter.text
    paged = eventually(lambda: page.read_text() if page.exists() else "", reason="the command was called")
    assert "the disk is full" in paged
    status = command("status", "--json", cwd=folder, env=env, expect=2).json
    assert "disk-full" in [trouble["code"] for trouble in status["troubles"]]
