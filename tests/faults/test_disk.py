"""k01–k06, k12–k14, k41: the disk fails, fills up or forgets, at each call that the way of a mail makes to it."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.intake.accept import Door
from gateway.store.database import connection
from tests.delivery.house import NOW, open_house
from tests.faults.closing import assert_nothing_lost_nothing_twice
from tests.faults.injection import failing, killing
from tests.intake import serving_child
from tests.intake.desk import Clock, RawClient, a_mail, an_envelope, crash_mail, new_database, rows, stored
from tests.servers.gateway import GatewayProcess
from tests.servers.require import skip_or_fail
from tests.servers.sink import Sink
from tests.servers.waiting import eventually, is_listening
from tests.stories.conftest import relay_settings
from tests.stories.house import DESK, House, furnish, refused_by_server
from tests.stories.letters import compose_mail

ROOT = Path(__file__).parents[2]
BIG_BYTES = 2_000_000


class Desk(House):
    """A house that remembers whose mail was taken."""

    senders: list[str]

    def mail_from(self, sender: str, size_bytes: int = 0) -> str:
        """Hand in a mail; what the server said against it, "" where it took it."""
        line = "So it goes on and on, and on and on.\n"
        text = "It drops.\n" + line * (size_bytes // len(line))
        mail = compose_mail(sender=sender, to=DESK, subject=f"From {sender}", text=text)
        refusal = refused_by_server(lambda: self.hand_in(mail, sender=sender, to=DESK))
        if not refusal:
            self.senders.append(sender)
        return refusal


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One running gateway for all these faults: it has to get over each by itself. In the end it is audited."""
    gateway = GatewayProcess(folder=furnish(tmp_path_factory.mktemp("disk") / "desk")).start()
    house = Desk(gateway=gateway)
    house.senders = []
    try:
        yield house
        assert gateway.is_running
        assert_nothing_lost_nothing_twice(house, house.senders)
    finally:
        gateway.kill()


WAL, MAIN, SPOOL = "gateway.sqlite-wal", "gateway.sqlite", "tmp"
# Call, error, file, size of the mail, and how the answer begins: "" where the mail must be taken all the same.
FAULTS: dict[str, tuple[str, str, str, int, str]] = {
    "the flush of the log": ("fdatasync", "EIO", WAL, 0, "451"),
    "a write to the log": ("pwrite64", "EIO", WAL, 0, "451"),
    "no room for the log": ("pwrite64", "ENOSPC", WAL, 0, "452"),
    "no quota for the log": ("pwrite64", "EDQUOT", WAL, 0, "45"),
    "a read-only disk": ("pwrite64", "EROFS", WAL, 0, "451"),
    "a big mail and no room for the log": ("pwrite64", "ENOSPC", WAL, BIG_BYTES, "452"),
    # What is in the log is safe; it goes to the main file later.
    "the main file": ("pwrite64", "EIO", MAIN, BIG_BYTES, ""),
    "no room for the main file": ("pwrite64", "ENOSPC", MAIN, BIG_BYTES, ""),
    "the flush of the main file": ("fdatasync", "EIO", MAIN, BIG_BYTES, ""),
    "no room for what a big mail passes through, nor for the log of events": ("write", "ENOSPC", "", BIG_BYTES, "452"),
    "an error where a big mail passes through": ("write", "EIO", "", BIG_BYTES, "451"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_k13_k14_a_disk_that_fails_is_answered_with_try_again_and_got_over(desk: Desk, name: str) -> None:
    call, error, file, size_bytes, answer = FAULTS[name]
    path = desk.gateway.folder / "storage" / file if file else None
    sender = f"{'.'.join(name.replace(',', '').split())}@example.com"
    with failing(desk.gateway.pid, call, error, path=path):
        refusal = desk.mail_from(sender, size_bytes)
    assert refusal.startswith(answer)
    assert bool(refusal) == bool(answer)
    # The same mail again, as its sender's server does.
    assert desk.mail_from(f"again.{sender}", size_bytes) == ""
    desk.settles()


def test_k41_a_log_that_can_not_be_written_stops_no_mail(
    tmp_path: Path, new_gateway: Callable[..., GatewayProcess]
) -> None:
    gateway = new_gateway(
        folder=furnish(tmp_path / "desk"), wrapper=("sh", "-c", 'exec "$@" >/dev/full 2>&1', "sh")
    ).start(wait=False)
    eventually(lambda: is_listening(gateway.smtp_port), timeout_seconds=30, reason="the gateway's port")
    house = Desk(gateway=gateway)
    house.senders = []
    assert house.mail_from("unlogged@example.com") == ""
    assert_nothing_lost_nothing_twice(house, house.senders)


def test_k01_killed_in_the_middle_of_a_mail_nothing_of_it_is_left(desk: Desk) -> None:
    desk.settles()
    with RawClient(desk.gateway.smtp_port) as client:
        client.begin()
        client.send(a_mail() + b"word\r\n" * (BIG_BYTES // 6))
        desk.gateway.kill()
    assert list((desk.gateway.folder / "storage" / "tmp").iterdir()) == []
    desk.gateway.start()
    assert desk.mail_from("after.a.kill@example.com") == ""
    assert_nothing_lost_nothing_twice(desk, desk.senders)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_k13_a_disk_that_is_really_full_is_said_and_got_over(
    tmp_path: Path, new_gateway: Callable[..., GatewayProcess], sink: Sink
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        skip_or_fail("nothing may be mounted here")
    try:
        env = relay_settings(sink.port) | {"GATEWAY_STORAGE_MINIMUM_FREE_BYTES": "0"}
        house = Desk(gateway=new_gateway(folder=furnish(disk / "desk"), env=env).start(), sink=sink)
        house.senders = []
        answers = [house.mail_from(f"employee.{number}@example.com", BIG_BYTES) for number in range(12)]
        assert answers[0] == ""
        assert {answer[:3] for answer in answers} == {"", "452"}
        subprocess.run(["mount", "-o", "remount,size=200m", disk], check=True)
        assert house.mail_from("late@example.com", BIG_BYTES) == ""
        assert_nothing_lost_nothing_twice(house, house.senders)
        assert house.gateway.stop() == 0
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


KILLS = [("fdatasync", 1), ("fdatasync", 3), ("pwrite64", 2), ("pwrite64", 17), ("sendto", 9), ("sendto", 14)]


@pytest.mark.crash
@pytest.mark.parametrize(("call", "nth"), KILLS)
def test_k02_k03_k04_killed_at_a_call_between_the_dot_and_the_yes(sqlite_url: str, call: str, nth: int) -> None:
    database = new_database(sqlite_url)
    command = [*killing(call, nth=nth), sys.executable, serving_child.__file__, sqlite_url]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    taken: dict[int, int] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=ROOT) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        with contextlib.suppress(OSError, EOFError, AssertionError, IndexError), RawClient(port) as client:
            for number in range(12):
                client.begin()
                reply = client.data(crash_mail(number) + b".\r\n")
                assert reply.startswith("250")
                taken[number] = int(reply.rpartition(" ")[2])
        server.kill()
    assert len(taken) < 12, "it was not killed"
    with connection(database):
        for number, ledger_id in taken.items():
            assert stored(ledger_id) == crash_mail(number)
        for row in rows():
            stored(row.id)
        assert len(rows()) - len(taken) <= 1
    with Door(database, clock=Clock()) as door:
        again = [door.accept(an_envelope(), crash_mail(number)) for number in range(12)]
    with connection(database):
        assert sum(row.duplicate_of_id is None for row in rows()) == 12
    assert {number: receipt.duplicate_of for number, receipt in enumerate(again) if number in taken} == taken


def test_k06_clients_that_hang_up_right_after_the_dot_have_each_mail_stored_once(
    sqlite_url: str, start: Callable[..., int]
) -> None:
    database = new_database(sqlite_url)
    with Door(database, clock=Clock()) as door:
        port = start(door)
        for number in range(100):
            with RawClient(port) as client:
                client.begin()
                client.send(a_mail(number) + b".\r\n")
                if number % 2:
                    # Not a polite end but a reset: what the server says next can't be sent.
                    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        for number in range(100):
            door.accept(an_envelope(), a_mail(number))
        with connection(database):
            assert sum(row.duplicate_of_id is None for row in rows()) == 100


def test_k12_whatever_of_the_log_is_lost_what_was_flushed_before_a_yes_is_there(
    sqlite_url: str, tmp_path: Path
) -> None:
    """A power cut may lose any end of the log that was not flushed; each yes came after a flush of what it needs."""
    database = new_database(sqlite_url)
    path = Path(database.database)
    log = path.with_name(path.name + "-wal")
    with connection(database), Door(database, clock=Clock()) as door:
        yeses: list[tuple[int, int]] = []
        for number in range(8):
            receipt = door.accept(an_envelope(), a_mail(number))
            yeses.append((log.stat().st_size, receipt.ledger_id))
        main, octets = path.read_bytes(), log.read_bytes()
    step = int(os.environ.get("FAULT_STEP_BYTES", "2048"))
    copy = tmp_path / "copy.sqlite"
    for length in [*range(0, len(octets), step), *(size for size, _ in yeses), len(octets)]:
        copy.write_bytes(main)
        copy.with_name("copy.sqlite-wal").write_bytes(octets[:length])
        copy.with_name("copy.sqlite-shm").unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(copy)) as opened:
            assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            there = {ledger_id for (ledger_id,) in opened.execute("SELECT ledger_id FROM raw_mail_part")}
        assert {ledger_id for size, ledger_id in yeses if size <= length} <= there


@pytest.mark.parametrize(("call", "error"), [("fsync", "EIO"), ("rename", "ENOSPC"), ("openat", "EROFS")])
def test_k13_a_maildir_that_can_not_be_written_holds_the_mail_and_gets_it_once(
    sqlite_url: str, tmp_path: Path, call: str, error: str
) -> None:
    with open_house(sqlite_url, tmp_path) as house:
        outbox_id = house.add()
        deliverer = house.deliverer()
        # Nobody else makes the first two calls here; the third opens the folder to flush it.
        name = f"{int(NOW.timestamp())}.outbox{outbox_id}"
        channel_folder = tmp_path / "out"
        for folder in ("tmp", "new", "cur"):
            (channel_folder / folder).mkdir(parents=True, exist_ok=True)
        path = channel_folder / "new" if call == "openat" else None
        with failing(os.getpid(), call, error, path=path):
            deliverer.run_once(NOW)
        assert (house.state(outbox_id), house.row(outbox_id).attempts) == ("waiting", 0)
        assert str(channel_folder) in house.trouble()
        deliverer.run_once(NOW + timedelta(minutes=5))
        assert house.state(outbox_id) == "sent"
        assert house.trouble() == ""
        assert [file.name.startswith(name) for file in (channel_folder / "new").iterdir()] == [True]
        assert list((channel_folder / "tmp").iterdir()) == []
