"""`[relay] per_minute`: what the relay allows, whoever counts and however often we restart."""

from __future__ import annotations

from datetime import timedelta

from gateway.store.tables import Outbox
from tests.delivery.house import NOW, House, relay_to
from tests.servers.sink import Sink

SECOND = timedelta(seconds=1)


def busiest_minute(house: House) -> int:
    """The most mails that were sent in any sixty seconds."""
    moments = sorted(row.sent_at for row in Outbox.select() if row.sent_at is not None)
    return max(sum(1 for later in moments if moment <= later < moment + 60 * SECOND) for moment in moments)


def test_never_more_than_configured_in_any_minute_and_hardly_less(house: House, sink: Sink) -> None:
    for _ in range(100):
        house.add()
    deliverer = house.deliverer(relay_to(sink, per_minute=30))
    sent = sum(deliverer.run_once(NOW + second * SECOND) for second in range(181))
    assert busiest_minute(house) == 30
    assert 85 <= sent <= 95


def test_a_restart_does_not_forget_what_was_sent(house: House, sink: Sink) -> None:
    for _ in range(100):
        house.add()
    relay = relay_to(sink, per_minute=30)
    for second in range(60):
        house.deliverer(relay, owner=f"test{second}").run_once(NOW + second * SECOND)
    assert len(sink.mails) == 30


def test_two_deliverers_share_one_allowance(house: House, sink: Sink) -> None:
    for _ in range(60):
        house.add()
    first, second = (house.deliverer(relay_to(sink, per_minute=12), owner=name) for name in ("first", "second"))
    sent = sum(one.run_once(NOW + tick * SECOND) for tick in range(0, 60, 2) for one in (first, second))
    assert sent == 12


def test_an_answer_that_comes_into_a_backlog_waits_ten_seconds_at_most(small_house: House, sink: Sink) -> None:
    for _ in range(100):
        small_house.add(rank=2)
    deliverer = small_house.deliverer(relay_to(sink, per_minute=30))
    deliverer.run_once(NOW)
    answer = small_house.add(rank=0)
    for second in range(1, 11):
        deliverer.run_once(NOW + second * SECOND)
    assert small_house.state(answer) == "sent"


def test_one_a_minute_is_possible(small_house: House, sink: Sink) -> None:
    for _ in range(3):
        small_house.add()
    deliverer = small_house.deliverer(relay_to(sink, per_minute=1))
    assert [deliverer.run_once(NOW + second * SECOND) for second in (0, 1, 59, 60, 61, 121)] == [1, 0, 0, 1, 0, 1]


def test_what_a_killed_process_had_claimed_does_not_block_the_others_for_long(small_house: House, sink: Sink) -> None:
    for _ in range(40):
        small_house.add()
    Outbox.update(lease_owner="dead", lease_until=NOW + timedelta(minutes=5), attempts=1).where(
        Outbox.id <= 20
    ).execute()
    deliverer = small_house.deliverer(relay_to(sink, per_minute=30))
    assert deliverer.run_once(NOW) == 0
    assert deliverer.run_once(NOW + 61 * SECOND) == 5
