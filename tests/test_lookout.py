"""The lookout: one tick says all that is due, and a command of the admin's hears of alarms too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from gateway.alarms import Disk
from gateway.desk.health import Watched
from gateway.desk.people import mirror_policy, read_secrets
from gateway.lookout import Lookout
from gateway.policy_keeper import PolicyKeeper
from gateway.store.database import connection, migrate, open_database, transaction
from gateway.store.tables import Outbox
from tests.servers.gateway import make_gateway_folder
from tests.servers.waiting import eventually

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FULL = Watched(disk=Disk(free_bytes=1, limit_bytes=100))


class Ticking:
    """A lookout over an empty desk."""

    def __init__(self, folder: Path, url: str, *, command: tuple[str, ...] = (), watched: Watched = FULL) -> None:
        make_gateway_folder(folder)
        self.database = open_database(url)
        keeper = PolicyKeeper(folder / "rules.toml", folder / "templates")
        with connection(self.database):
            migrate(self.database, now=BEGIN)
            with transaction(self.database):
                mirror_policy(keeper.policy, now=BEGIN)
            secrets = read_secrets()
        self.lookout = Lookout(self.database, keeper=keeper, secrets=secrets, watched=lambda: watched, command=command)

    def at(self, minutes: int, *, may_expire: bool = True) -> int:
        with connection(self.database):
            return self.lookout.run_once(BEGIN + timedelta(minutes=minutes), may_expire=may_expire)


def test_an_alarm_goes_to_the_admins_command_as_text(tmp_path: Path, sqlite_url: str) -> None:
    page = tmp_path / "page.txt"
    script = tmp_path / "page"
    script.write_text(f'#!/bin/sh\ncat > "{page}.new" && mv "{page}.new" "{page}"\n')
    script.chmod(0o755)
    ticking = Ticking(tmp_path / "desk", sqlite_url, command=(str(script),))
    assert [ticking.at(0), ticking.at(1), ticking.at(2)] == [0, 1, 0]
    text = eventually(lambda: page.exists() and page.read_text(), reason="the command was called")
    assert text == "Wrong:\n- the disk is full: 0.0 GiB left, new mail is put off\n"


@pytest.mark.parametrize("command", [("/no/such/command",), ("/bin/false",)])
def test_a_command_that_fails_is_logged_and_the_mail_goes_all_the_same(
    tmp_path: Path, sqlite_url: str, command: tuple[str, ...]
) -> None:
    ticking = Ticking(tmp_path / "desk", sqlite_url, command=command)
    with structlog.testing.capture_logs() as logs:
        assert [ticking.at(0), ticking.at(1)] == [0, 1]
        eventually(lambda: [line for line in logs if line["event"] == "alarm_command_failed"], reason="it is logged")
    with connection(ticking.database):
        assert [row.notice for row in Outbox.select()] == ["alarm"]


def test_the_desk_writes_to_itself_only_where_that_is_asked_for(tmp_path: Path, sqlite_url: str) -> None:
    assert Ticking(tmp_path / "one", sqlite_url, watched=Watched()).at(0) == 0
    ticking = Ticking(tmp_path / "two", sqlite_url, watched=Watched(heartbeat_minutes=15, heartbeat_missing_minutes=90))
    assert [ticking.at(0), ticking.at(14), ticking.at(15)] == [1, 0, 0]  # the first has not left yet
    with connection(ticking.database):
        Outbox.update(state="sent").execute()
    assert ticking.at(30) == 1


def test_with_a_clock_that_jumped_nothing_expires_and_alarms_go_on(tmp_path: Path, sqlite_url: str) -> None:
    ticking = Ticking(tmp_path / "desk", sqlite_url)
    assert [ticking.at(0, may_expire=False), ticking.at(1, may_expire=False)] == [0, 1]
