"""k37, k38, k40, k42: broken files, a stop under load, a backup of a running desk and the desk that begins with it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import pytest

from gateway.store.states import OutboxState
from gateway.store.tables import Outbox
from tests.faults.closing import assert_no_mail_twice, assert_nothing_lost_nothing_twice
from tests.servers.gateway import GatewayProcess
from tests.servers.postgres import PostgresServer
from tests.servers.sink import Sink
from tests.servers.waiting import eventually
from tests.stories.conftest import relay_settings
from tests.stories.house import House, furnish
from tests.stories.test_trouble import Crowd

STOP_SECONDS = 30.0


def test_k38_a_template_that_breaks_while_the_gateway_runs_holds_its_mails_until_it_is_mended(
    tmp_path: Path, new_gateway: Callable[..., GatewayProcess], sink: Sink
) -> None:
    house = House(
        gateway=new_gateway(folder=furnish(tmp_path / "desk"), env=relay_settings(sink.port)).start(), sink=sink
    )
    template = house.gateway.folder / "templates" / "acknowledgement.txt"
    good = template.read_text()
    template.write_text(good + "\n{{ nobody.knows.this }} {% if %}\n")
    house.gateway.wait_for_output(lambda line: "templates_broken" in line)
    eventually(lambda: "acknowledgement.txt:" in house.gateway.run("status").stdout, reason="status names the template")
    erika, anna = house.person("erika@example.com"), house.person("anna@example.com")
    erika.writes("It drops.")
    anna.gets("It drops.")
    house.settles()
    assert erika.unread() == []
    with house.reading():
        assert [row.hold_reason for row in Outbox.select().where(Outbox.state == OutboxState.HELD)] == ["template"]
    template.write_text(good)
    # What is being written is judged when nothing was written for a moment.
    eventually(lambda: "acknowledgement.txt:" not in house.gateway.run("status").stdout, reason="it is in force")
    assert house.gateway.run("outbox", "retry", "--all").returncode == 0
    erika.gets("Your number")
    assert_nothing_lost_nothing_twice(house, ["erika@example.com"], sent=[mail.content for mail in sink.mails])


def test_k40_a_stop_under_load_ends_in_time_and_keeps_all_that_was_taken(
    tmp_path: Path, new_gateway: Callable[..., GatewayProcess], sink: Sink
) -> None:
    gateway = new_gateway(folder=furnish(tmp_path / "desk"), env=relay_settings(sink.port)).start()
    house = House(gateway=gateway, sink=sink)
    crowd = Crowd(house, 80)
    crowd.start()
    crowd.wait_until_taken(30)
    began = monotonic()
    assert gateway.stop(STOP_SECONDS) == 0
    assert monotonic() - began < STOP_SECONDS
    gateway.start()
    crowd.wait_until_taken(80)
    crowd.end()
    # A clean stop leaves no mail with the relay of which nobody knows.
    assert_nothing_lost_nothing_twice(house, crowd.taken, sent=[mail.content for mail in sink.mails])


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_k42_a_backup_of_a_running_desk_is_whole_and_sends_nothing_again(
    kind: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    new_gateway: Callable[..., GatewayProcess],
    sink: Sink,
) -> None:
    env = relay_settings(sink.port)
    if kind == "postgres":
        env |= {"GATEWAY_STORAGE_URL": request.getfixturevalue("postgres_url")}
    gateway = new_gateway(folder=furnish(tmp_path / "desk"), env=env).start()
    house = House(gateway=gateway, sink=sink)
    crowd = Crowd(house, 60)
    crowd.start()
    crowd.wait_until_taken(20)
    for _ in range(2):
        done = gateway.run("backup", str(tmp_path / "backup"))
        assert done.returncode == 0, done.stderr
    crowd.wait_until_taken(60)
    crowd.end()
    house.settles()
    before = len(sink.mails)
    assert gateway.stop() == 0

    restored = restore(tmp_path / "backup", kind, request)
    twin = new_gateway(folder=tmp_path / "twin", env=env | restored)
    house = House(gateway=twin, sink=sink)
    with house.reading():
        unsent = Outbox.select().where(Outbox.state == OutboxState.WAITING).count()
    audited = twin.run("audit")
    assert audited.returncode == 0, audited.stdout
    twin.start()
    house.settles()
    # Only what waited at the moment of the backup, and for that the relay sees the same Message-IDs.
    assert_no_mail_twice([mail.content for mail in sink.mails], repeated=unsent + 60)
    assert len(sink.mails) - before <= unsent + 3 * 60
    assert house.audit() == []


def restore(backup: Path, kind: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """As docs/operating.md says; returns the settings of the new desk."""
    twin = backup.parent / "twin"
    (twin / "storage").mkdir(parents=True)
    shutil.copy(backup / "rules.toml", twin)
    shutil.copytree(backup / "templates", twin / "templates")
    if kind == "sqlite":
        assert (backup / "gateway.sqlite").stat().st_mode & 0o077 == 0
        shutil.copy(backup / "gateway.sqlite", twin / "storage" / "gateway.sqlite")
        return {}
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.new_database()
    shown = urlsplit(url)
    command = ["pg_restore", f"--dbname={url}", str(backup / "gateway.dump")]
    assert shown.scheme == "postgresql"
    subprocess.run(command, check=True)
    return {"GATEWAY_STORAGE_URL": url}


def test_k42_a_backup_that_can_not_be_written_leaves_the_older_one(
    tmp_path: Path, gateway_process: GatewayProcess
) -> None:
    target = tmp_path / "backup"
    eventually(lambda: gateway_process.is_running, reason="it runs")
    assert gateway_process.run("backup", str(target)).returncode == 0
    before = (target / "gateway.sqlite").read_bytes()
    gateway_process.env["GATEWAY_STORAGE_FOLDER"] = str(tmp_path / "nowhere")
    assert gateway_process.run("backup", str(target)).returncode == 1
    assert (target / "gateway.sqlite").read_bytes() == before
    assert sorted(path.name for path in target.glob("*.unfinished")) == []
