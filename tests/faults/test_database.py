"""k11, k15–k18, k26, k27: the database is busy, away, cut off within a commit, damaged, of another version."""

from __future__ import annotations

import itertools
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import peewee
import psycopg
import pytest

from gateway.errors import ConfigurationError
from gateway.intake.accept import Door
from gateway.store.database import connection, execute, is_trouble_of_storage, migrate, open_database
from gateway.store.states import LedgerState
from gateway.store.tables import Ledger
from tests.desk.harness import DeskUnderTest
from tests.faults.closing import assert_nothing_lost_nothing_twice
from tests.faults.injection import killing
from tests.intake.desk import MORNING, Clock, a_mail, an_envelope, new_database, rows
from tests.intake.imap_proxy import Proxy
from tests.servers.gateway import GatewayProcess
from tests.servers.postgres import PostgresServer, running_postgres
from tests.servers.processes import start_child, stop_child
from tests.servers.sink import Sink
from tests.servers.waiting import eventually
from tests.stories.conftest import relay_settings
from tests.stories.house import House, furnish
from tests.stories.test_trouble import Crowd

ROOT = Path(__file__).parents[2]


def through(proxy: Proxy, url: str) -> str:
    """The same database behind the proxy."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{proxy.port}").geturl()


@pytest.mark.parametrize("arrives", [True, False])
def test_k11_a_commit_whose_outcome_nobody_knows_stores_a_mail_once(postgres_url: str, arrives: bool) -> None:
    new_database(postgres_url)
    with Proxy(urlsplit(postgres_url).port or 0) as proxy:
        database = open_database(through(proxy, postgres_url))
        with Door(database, clock=Clock()) as door:
            door.accept(an_envelope(), a_mail(1))
            break_at_commit(proxy, arrives=arrives)
            receipt = door.accept(an_envelope(), a_mail(2))
            assert door.accept(an_envelope(), a_mail(3)).duplicate_of is None
        with connection(database):
            waiting = [row.id for row in rows() if row.state == LedgerState.WAITING]
            assert len(waiting) == 3
            assert (receipt.duplicate_of or receipt.ledger_id) == waiting[1]


def break_at_commit(proxy: Proxy, *, arrives: bool) -> None:
    """Cut the next connection that commits: behind the COMMIT, or right before it."""
    if arrives:
        proxy.lose_answer_to(b"COMMIT")
    else:
        proxy.before(b"COMMIT", proxy.cut_all)


def test_k11_commits_that_are_cut_off_everywhere_lose_nothing_and_repeat_nothing(
    postgres_url: str, tmp_path: Path, new_gateway: Callable[..., GatewayProcess], sink: Sink
) -> None:
    """The door's commits, the sorter's, the delivery's: whose commit comes next after each mail is cut."""
    with Proxy(urlsplit(postgres_url).port or 0) as proxy:
        env = relay_settings(sink.port) | {"GATEWAY_STORAGE_URL": through(proxy, postgres_url)}
        house = House(gateway=new_gateway(folder=furnish(tmp_path / "desk"), env=env).start(), sink=sink)
        crowd = Crowd(house, 16, at_once=1)
        crowd.start()
        for count in range(1, 16):
            break_at_commit(proxy, arrives=count % 3 != 0)
            crowd.wait_until_taken(count)
        crowd.wait_until_taken(16)
        crowd.end()
        proxy.forget()
        assert_nothing_lost_nothing_twice(house, crowd.taken, sent=[mail.content for mail in sink.mails], repeated=15)


def test_k15_a_database_that_is_locked_for_too_long_costs_no_mail_an_attempt(
    sqlite_url: str, tmp_path: Path, parser: object
) -> None:
    desk = DeskUnderTest(sqlite_url, parser=parser, scratch=tmp_path)  # type: ignore[arg-type]
    assert isinstance(desk.database, peewee.SqliteDatabase)
    with Door(desk.database, clock=desk.clock) as door:
        door.accept(an_envelope(reverse_path="erika@example.com"), a_mail(1))
    desk.database.timeout = 0.05
    stop, wake = threading.Event(), threading.Event()
    with closing(sqlite3.connect(desk.database.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with connection(desk.database), pytest.raises(peewee.OperationalError) as caught:
            desk._sorter.run_once(desk.now)
        assert is_trouble_of_storage(caught.value)
        thread = threading.Thread(target=desk._sorter.run, args=(stop, wake))
        thread.start()
        other.execute("COMMIT")
    try:
        eventually(lambda: row_one(desk).state == "done", reason="the mail is sorted")
    finally:
        stop.set()
        wake.set()
        thread.join(20)
    assert row_one(desk).attempts == 1
    desk.database.timeout = 5
    assert desk.audit() == []


def row_one(desk: DeskUnderTest) -> Ledger:
    with connection(desk.database):
        row: Ledger = Ledger.get_by_id(1)
    return row


def test_k16_a_database_server_that_crashes_under_load_delays_mail_and_loses_none(
    server_folder: Path, tmp_path: Path, new_gateway: Callable[..., GatewayProcess], sink: Sink
) -> None:
    folder = server_folder / "crashing-postgres"
    folder.mkdir()
    with running_postgres(folder, flushing=True) as server:
        env = relay_settings(sink.port) | {"GATEWAY_STORAGE_URL": server.new_database()}
        house = House(gateway=new_gateway(folder=furnish(tmp_path / "desk"), env=env).start(), sink=sink)
        crowd = Crowd(house, 60)
        crowd.start()
        for count in (15, 35):
            crowd.wait_until_taken(count)
            crash(server)
        crowd.wait_until_taken(60)
        crowd.end()
        assert_nothing_lost_nothing_twice(house, crowd.taken, sent=[mail.content for mail in sink.mails], repeated=8)
        assert house.gateway.stop() == 0
        # Two crashes within the minute: the causes in a line or two, and the end; nobody reads tracebacks of them.
        log = house.gateway.output
        assert "Traceback" not in log
        assert 1 <= log.count("database_trouble") <= 3


def crash(server: PostgresServer) -> None:
    """`pg_ctl stop -m immediate`, then start: it recovers from its log."""
    stop_child(server.child, with_signal=3)
    command = server.child.args
    assert isinstance(command, list)
    server.child = start_child([str(word) for word in command], log=server.log, cwd=server.folder)

    def answers() -> bool:
        try:
            with psycopg.connect(server.url(), connect_timeout=5):
                return True
        except psycopg.OperationalError:
            return False

    eventually(answers, timeout_seconds=30, reason="PostgreSQL's answer after its crash")


def damaged(path: Path) -> None:
    """Overwrite every page but the first, as a disk that lies does."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


def test_k17_a_damaged_database_is_said_and_nothing_is_taken(
    tmp_path: Path, new_gateway: Callable[..., GatewayProcess]
) -> None:
    gateway = new_gateway(folder=furnish(tmp_path / "desk")).start()
    house = House(gateway=gateway)
    erika = house.person("erika@example.com", inbox=lambda: ())
    erika.writes("It drops.")
    house.settles()
    assert gateway.stop() == 0
    damaged(gateway.folder / "storage" / "gateway.sqlite")
    gateway.start(wait=False)
    assert gateway.wait_for_exit() == 78
    assert "damaged: restore a backup" in gateway.output
    audit = gateway.run("audit")
    assert audit.returncode == 78
    assert "damaged: restore a backup" in audit.stderr


def test_k17_a_database_that_breaks_under_a_running_gateway_is_answered_with_try_again(sqlite_url: str) -> None:
    database = new_database(sqlite_url)
    with Door(database, clock=Clock()) as door:
        door.accept(an_envelope(), a_mail(1))
    damaged(Path(database.database))
    with Door(database, clock=Clock()) as door:
        failure = door.submit(an_envelope(), a_mail(2)).exception(timeout=30)
    assert getattr(failure, "status", "") == "4.3.0"
    with pytest.raises(peewee.DatabaseError) as caught, connection(database):
        rows()
    assert is_trouble_of_storage(caught.value)


def test_k17_a_database_of_a_later_version_is_refused_in_words(database_url: str) -> None:
    database = new_database(database_url)
    with connection(database):
        stamp = "'2030-01-01 00:00:00'"
        execute(database, f"INSERT INTO schema_migration (name, applied) VALUES ('9999_later', {stamp})")
        with pytest.raises(ConfigurationError, match=r"later version of the gateway \(schema step 9999_later\)"):
            migrate(database, now=MORNING)


@pytest.mark.crash
@pytest.mark.parametrize(("call", "nth"), [("fdatasync", 1), ("fdatasync", 3), ("pwrite64", 3), ("pwrite64", 40)])
def test_k18_a_migration_that_is_killed_is_taken_up_again(sqlite_url: str, call: str, nth: int) -> None:
    code = "import sys; from tests.intake.desk import new_database; new_database(sys.argv[1])"
    command = [*killing(call, nth=nth), sys.executable, "-c", code, sqlite_url]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode != 0
    with Door(new_database(sqlite_url), clock=Clock()) as door:
        assert door.accept(an_envelope(), a_mail(1)).duplicate_of is None


class TwoGateways(House):
    """People's mail goes to the one or the other."""

    ports: Iterator[int]

    def hand_in(self, mail: bytes, *, sender: str, to: str | Iterable[str]) -> None:
        self.smtp_port = next(self.ports)
        super().hand_in(mail, sender=sender, to=to)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_k26_k27_two_gateways_on_one_database_and_one_is_killed(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, new_gateway: Callable[..., GatewayProcess], sink: Sink
) -> None:
    """One storage folder, or one PostgreSQL: both do all the work, each mail is one's."""
    env = relay_settings(sink.port)
    if kind == "postgres":
        env |= {"GATEWAY_STORAGE_URL": request.getfixturevalue("postgres_url")}
    folder = furnish(tmp_path / "desk")
    first, second = (new_gateway(folder=folder, env=env) for _ in range(2))
    first.start()
    second.start()
    house = TwoGateways(gateway=first, sink=sink)
    house.ports = itertools.cycle([first.smtp_port, second.smtp_port])
    crowd = Crowd(house, 60)
    crowd.start()
    crowd.wait_until_taken(30)
    second.kill()
    crowd.wait_until_taken(60)
    crowd.end()
    # What the dead one had claimed on this host is free as soon as a process starts.
    second.start()
    assert_nothing_lost_nothing_twice(house, crowd.taken, sent=[mail.content for mail in sink.mails], repeated=4)
    assert (first.stop(), second.stop()) == (0, 0)


def test_a_trouble_of_storage_is_told_from_a_question_that_is_wrong(database_url: str) -> None:
    database = new_database(database_url)
    with connection(database):
        for wrong in ("SELEC", "SELECT * FROM nowhere", "SELECT 1/0 FROM ledger WHERE nothing"):
            with pytest.raises(peewee.DatabaseError) as caught, database.atomic():
                execute(database, wrong)
            assert not is_trouble_of_storage(caught.value)
    away = open_database("postgresql://nobody:nothing@127.0.0.1:9/nowhere")
    with pytest.raises(peewee.OperationalError) as lost:
        away.connect()
    assert is_trouble_of_storage(lost.value)
