"""`kill -9` at any moment: nothing is lost, and only a mail whose answer was lost is sent again, in the same bytes."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.delivery import Rendered
from gateway.store.database import connection, transaction
from gateway.store.states import OutboxState
from gateway.store.tables import Outbox
from tests.delivery.house import AFTER_THE_LEASE, NOW, House
from tests.servers.processes import with_parent_death_signal
from tests.servers.sink import Sink, Stage

CHECKOUT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def child(
    url: str, sink: Sink, *, connections: int = 1, owner: str = "child", mode: str = ""
) -> Iterator[subprocess.Popen[str]]:
    """A deliverer in another process, killed at the end of the block if it still lives."""
    words = [sys.executable, "-m", "tests.delivery.child", url, str(sink.port), str(connections), owner, mode]
    command = with_parent_death_signal(words, signal_name="KILL")
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def assert_that_all_arrive(house: House, sink: Sink, *, repeated: int) -> None:
    """A new deliverer finishes the work; at most `repeated` mails came twice, each time the same bytes."""
    house.deliverer(sink, owner="heir").run_once(AFTER_THE_LEASE)
    rows = list(Outbox.select())
    assert {row.state for row in rows} == {OutboxState.SENT}
    copies = Counter(mail.message["Message-ID"] for mail in sink.mails)
    assert set(copies) == {row.message_id for row in rows}
    assert copies.total() - len(copies) <= repeated
    stored = {row.message_id: house.stored_bytes(row.id) for row in rows}
    assert all(mail.content == stored[mail.message["Message-ID"]] for mail in sink.mails)


@pytest.mark.parametrize("stage", [Stage.EHLO, Stage.MAIL, Stage.DATA])
def test_killed_after_the_bytes_are_committed_and_before_the_mail_is_taken(
    house: House, database_url: str, sink: Sink, stage: Stage
) -> None:
    ids = [house.add() for _ in range(3)]
    gate = sink.hold(stage)
    with child(database_url, sink):
        gate.wait_until_reached()
    gate.release()
    row = house.row(ids[0])
    assert (row.state, row.part_count, row.attempts, row.lease_owner) == ("waiting", 1, 1, "child")
    stored = house.stored_bytes(ids[0])
    assert sink.mails == ()
    assert_that_all_arrive(house, sink, repeated=0)
    assert house.stored_bytes(ids[0]) == stored
    assert house.rendered == []


def test_killed_while_rendering(house: House, database_url: str, sink: Sink) -> None:
    outbox_id = house.add()
    with child(database_url, sink, mode="hang") as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["ready\n", "rendering\n"]
    assert (house.row(outbox_id).part_count, sink.sessions_seen) == (0, 0)
    assert_that_all_arrive(house, sink, repeated=0)
    assert house.rendered == [outbox_id]


def test_killed_after_the_relay_took_the_mail_and_before_its_answer_was_read(
    house: House, database_url: str, sink: Sink
) -> None:
    for _ in range(3):
        house.add()
    gate = sink.hold(Stage.BODY)
    with child(database_url, sink) as process:
        gate.wait_until_reached()
        process.send_signal(signal.SIGSTOP)
        gate.release()
        sink.wait_for_count(1)
    assert_that_all_arrive(house, sink, repeated=1)
    assert len(sink.mails) == 4


def test_killed_after_the_answer_and_before_sent_is_committed(house: House, database_url: str, sink: Sink) -> None:
    ids = [house.add() for _ in range(3)]
    gate = sink.hold(Stage.BODY)
    with child(database_url, sink) as process:
        gate.wait_until_reached()
        with transaction(house.database):
            # Keeps the child from writing anything down: the row's lock on PostgreSQL, the writer's on SQLite.
            Outbox.update(reply="").where(Outbox.id == ids[0]).execute()
            gate.release()
            sink.wait_for_count(1)
            process.kill()
    assert_that_all_arrive(house, sink, repeated=1)


def test_killed_again_and_again(house: House, database_url: str, sink: Sink) -> None:
    for number in range(60):
        house.add(f"person{number}@example.com")
    kills = 4
    for kill in range(1, kills + 1):
        already = len(sink.mails)
        with child(database_url, sink, connections=3, owner=f"child{kill}"):
            sink.wait_for_count(already + 7)
    assert Outbox.select().where(Outbox.state == OutboxState.SENT).count() >= kills * (7 - 3)
    assert_that_all_arrive(house, sink, repeated=3 * kills)


def test_two_processes_never_send_a_mail_twice(house: House, database_url: str, sink: Sink) -> None:
    for _ in range(600):
        house.add()
    with child(database_url, sink, owner="first") as first, child(database_url, sink, owner="second") as second:
        outputs = [process.communicate(timeout=60)[0].split() for process in (first, second)]
    counts = [int(words[-1]) for words in outputs]
    assert sum(counts) == 600
    assert min(counts) > 0
    assert set(Counter(mail.message["Message-ID"] for mail in sink.mails).values()) == {1}
    assert {(row.state, row.attempts) for row in Outbox.select()} == {("sent", 1)}


def test_a_deliverer_whose_lease_was_taken_over_while_it_rendered_sends_nothing(house: House, sink: Sink) -> None:
    outbox_id = house.add()

    def take_over(rendering: int) -> None:
        with connection(house.database):
            Outbox.update(lease_owner="other", attempts=2).where(Outbox.id == rendering).execute()

    def render(rendering: int) -> Rendered:
        other = threading.Thread(target=take_over, args=(rendering,))
        other.start()
        other.join()
        return house.render(rendering)

    assert house.deliverer(sink, render=render).run_once(NOW) == 0
    row = house.row(outbox_id)
    assert (row.state, row.lease_owner, row.part_count, sink.mails) == ("waiting", "other", 0, ())


def test_a_deliverer_whose_lease_was_taken_over_while_it_sent_writes_nothing(
    house: House, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a long sleep of the machine: the row says what its present owner knows."""
    outbox_id = house.add()

    gate = sink.hold(Stage.BODY)
    wake, stop = threading.Event(), threading.Event()
    deliverer = house.deliverer(sink, clock=lambda: NOW)
    thread = threading.Thread(target=deliverer.run, args=(stop, wake))
    thread.start()
    gate.wait_until_reached()
    Outbox.update(lease_owner="other", attempts=2).where(Outbox.id == outbox_id).execute()
    gate.release()
    sink.wait_for_count(1)
    stop.set()
    thread.join(timeout=30)
    row = house.row(outbox_id)
    assert (row.state, row.lease_owner, row.sent_at) == ("waiting", "other", None)
    assert "lease lost" in caplog.text


def test_what_another_process_has_claimed_is_left_alone_until_its_lease_is_over(house: House, sink: Sink) -> None:
    house.add()
    Outbox.update(lease_owner="other", lease_until=NOW + timedelta(minutes=5), attempts=1).execute()
    deliverer = house.deliverer(sink)
    assert deliverer.run_once(NOW + timedelta(minutes=4, seconds=59)) == 0
    assert deliverer.run_once(NOW + timedelta(minutes=5)) == 1
