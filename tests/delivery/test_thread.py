"""The deliverer's thread: it wakes, waits for a slow relay, survives the database, and stops cleanly."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import psycopg
import pytest
from structlog.testing import capture_logs

from gateway.delivery import Deliverer
from gateway.outage import Outage
from gateway.store.queue import LEASE
from gateway.store.tables import Outbox, Worker
from tests.delivery.house import NOW, House, relay_to
from tests.servers.sink import Sink, Stage
from tests.servers.waiting import eventually


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@contextlib.contextmanager
def running(*deliverers: Deliverer, wake: threading.Event) -> Iterator[threading.Event]:
    """Run each in a thread; yields the stop event, and stops and joins in the end."""
    stop = threading.Event()
    threads = [threading.Thread(target=deliverer.run, args=(stop, wake)) for deliverer in deliverers]
    for thread in threads:
        thread.start()
    try:
        yield stop
    finally:
        stop.set()
        wake.set()
        for thread in threads:
            thread.join(timeout=30)
    assert not any(thread.is_alive() for thread in threads)


def test_it_wakes_up_for_a_new_mail(house: House, sink: Sink) -> None:
    wake = threading.Event()
    with running(house.deliverer(sink, clock=lambda: NOW), wake=wake):
        house.add("first@example.com")
        wake.set()
        sink.wait_for_mail_to("first@example.com")
        house.add("second@example.com")
        wake.set()
        sink.wait_for_mail_to("second@example.com")
    assert {row.state for row in Outbox.select()} == {"sent"}
    assert Worker.get_by_id("test").last_error == ""


def test_two_threads_never_send_a_mail_twice(house: House, sink: Sink) -> None:
    wake = threading.Event()
    deliverers = [house.deliverer(sink, owner=name, clock=lambda: NOW) for name in ("first", "second")]
    with running(*deliverers, wake=wake):
        for number in range(80):
            house.add(f"person{number}@example.com")
            wake.set()
        sink.wait_for_count(80)
    assert set(Counter(mail.message["Message-ID"] for mail in sink.mails).values()) == {1}
    assert {(row.state, row.attempts) for row in Outbox.select()} == {("sent", 1)}


def test_a_mail_that_takes_its_time_does_not_stop_the_others(house: House, sink: Sink) -> None:
    gate = sink.hold(Stage.BODY)
    slow = house.add("slow@example.com")
    wake = threading.Event()
    with running(house.deliverer(relay_to(sink, connections=2), clock=lambda: NOW), wake=wake):
        gate.wait_until_reached()
        house.add("quick@example.com")
        sink.wait_for_mail_to("quick@example.com")
        assert house.state(slow) == "waiting"
        gate.release()
        sink.wait_for_mail_to("slow@example.com")


def test_the_lease_is_renewed_while_the_relay_takes_its_time(house: House, sink: Sink) -> None:
    gate = sink.hold(Stage.BODY)
    outbox_id = house.add()
    clock, wake = Clock(), threading.Event()
    with running(house.deliverer(sink, clock=clock), wake=wake):
        gate.wait_until_reached()
        clock.now = NOW + LEASE * 0.6
        eventually(lambda: house.row(outbox_id).lease_until == clock.now + LEASE, reason="a renewed lease")
        other = house.deliverer(sink, owner="other")
        assert other.run_once(NOW + LEASE + timedelta(seconds=1)) == 0
        gate.release()
        eventually(lambda: house.state(outbox_id) == "sent", reason="the mail sent")
    assert len(sink.mails) == 1


def test_a_stop_waits_for_the_answer_and_claims_nothing_new(house: House, sink: Sink) -> None:
    gate = sink.hold(Stage.BODY)
    ids = [house.add() for _ in range(6)]
    wake = threading.Event()
    with running(house.deliverer(relay_to(sink, connections=1), clock=lambda: NOW), wake=wake) as stop:
        gate.wait_until_reached()
        stop.set()
        eventually(lambda: house.row(ids[-1]).lease_owner == "", reason="what was claimed is given back")
        gate.release()
    assert [house.state(outbox_id) for outbox_id in ids] == ["sent"] + ["waiting"] * 5
    assert {house.row(outbox_id).attempts for outbox_id in ids[1:]} == {0}
    assert len(sink.mails) == 1


def test_a_stop_does_not_wait_for_ever(house: House, sink: Sink) -> None:
    gate = sink.hold(Stage.BODY)
    outbox_id = house.add()
    with running(house.deliverer(sink, clock=lambda: NOW, grace_seconds=0.1), wake=threading.Event()):
        gate.wait_until_reached()
    gate.release()
    row = house.row(outbox_id)
    assert (row.state, row.uncertain_count, row.lease_owner) == ("waiting", 1, "")


def test_a_lost_database_connection_costs_nothing(
    postgres_house: House, postgres_url: str, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = postgres_house
    # One that no test before has met trouble with.
    outage = Outage()
    monkeypatch.setattr("gateway.delivery.worker.OUTAGE", outage)
    gate = sink.hold(Stage.BODY)
    first = house.add()
    with capture_logs() as lines, running(house.deliverer(sink, clock=lambda: NOW), wake=threading.Event()):
        gate.wait_until_reached()
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            others = "pid <> pg_backend_pid() AND datname = current_database()"
            admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
        house.database.close()
        gate.release()
        eventually(lambda: house.state(first) == "sent", reason="the result written down by a new connection")
        second = house.add()
        eventually(lambda: house.state(second) == "sent", reason="the next mail")
    assert len(sink.mails) == 2
    assert [line["event"] for line in lines] == ["database_trouble", "database_well_again"]
