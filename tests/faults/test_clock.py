"""k34, k36: five days without a relay, and clocks that jump: no storm, nothing expires at once or stands still."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.heartbeat import Heartbeat
from gateway.intake.imap_troubles import Troubles
from gateway.policy_keeper import PolicyKeeper
from gateway.steady import ABSENCE, DOUBT_SECONDS, SteadyClock
from gateway.store.database import connection
from gateway.store.states import OutboxState
from gateway.store.tables import Event, Outbox, Ticket, Worker
from gateway.timers import Timers
from tests.crash.day import new_keeper
from tests.delivery.house import NOW, open_house
from tests.desk.harness import DeskUnderTest
from tests.servers import prepared
from tests.servers.sink import Sink

sqlite_url, postgres_url = prepared.sqlite_url, prepared.postgres_url

HOUR, DAY, DECADE = timedelta(hours=1), timedelta(days=1), timedelta(days=3650)
ERIKA, ANNA = "erika@example.com", "anna@example.com"


class Ticks:
    """The machine's own seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def steady_clock(ticks: Ticks, **values: Any) -> SteadyClock:
    return SteadyClock(**({"now": NOW, "last_known": NOW} | values), ticks=ticks)


@pytest.mark.parametrize("jump", [DECADE, DAY, 2 * HOUR, -2 * HOUR, -DAY])
def test_k36_a_clock_that_jumped_is_believed_an_hour_later(jump: timedelta) -> None:
    ticks = Ticks()
    clock = steady_clock(ticks)
    assert clock.is_steady(NOW)
    ticks.now += 10
    now = NOW + timedelta(seconds=10) + jump
    assert not clock.is_steady(now)
    ticks.now += DOUBT_SECONDS - 1
    now += timedelta(seconds=DOUBT_SECONDS - 1)
    assert not clock.is_steady(now)
    ticks.now += 1
    assert clock.is_steady(now + timedelta(seconds=1))


def test_k36_a_clock_that_is_put_right_a_little_is_believed() -> None:
    ticks = Ticks()
    clock = steady_clock(ticks)
    for minutes in (5, -5, 40, -15):
        ticks.now += 60
        assert clock.is_steady(NOW + timedelta(seconds=ticks.now - 1000, minutes=minutes))


def test_k36_a_desk_that_was_away_for_days_waits_an_hour_before_anything_expires() -> None:
    ticks = Ticks()
    clock = steady_clock(ticks, last_known=NOW - ABSENCE - HOUR)
    assert not clock.is_steady(NOW)
    assert steady_clock(ticks, last_known=None).is_steady(NOW)
    ticks.now += DOUBT_SECONDS
    assert clock.is_steady(NOW + timedelta(seconds=DOUBT_SECONDS))


def test_k36_a_jump_of_ten_years_while_the_relay_is_away_gives_no_mail_up_and_makes_no_storm(
    sqlite_url: str, tmp_path: Path, sink: Sink
) -> None:
    ticks = Ticks()
    with open_house(sqlite_url, tmp_path) as house:
        ids = [house.add(f"reader.{number}@example.com") for number in range(5)]
        sink.stop()
        steady = steady_clock(ticks)
        deliverer = house.deliverer(sink, may_expire=steady.is_steady)
        deliverer.run_once(NOW)
        for second in range(120):
            ticks.now += 1
            steady.is_steady(NOW + DECADE + timedelta(seconds=second))
            deliverer.run_once(NOW + DECADE + timedelta(seconds=second))
        assert {house.state(one) for one in ids} == {"waiting"}
        assert house.refused == []
        sink.start()
        # The clock is right again, ten years earlier: the pause was that of a wrong clock.
        deliverer.run_once(NOW + timedelta(minutes=3))
        assert {house.state(one) for one in ids} == {"sent"}
        assert len(sink.mails) == 5


def test_k36_what_is_really_too_old_is_given_up_after_the_hour(sqlite_url: str, tmp_path: Path, sink: Sink) -> None:
    ticks = Ticks()
    with open_house(sqlite_url, tmp_path) as house:
        outbox_id = house.add()
        sink.stop()
        steady = steady_clock(ticks, last_known=NOW - 10 * DAY)
        deliverer = house.deliverer(sink, may_expire=steady.is_steady)
        deliverer.run_once(NOW + 6 * DAY)
        assert house.state(outbox_id) == "waiting"
        ticks.now += 2 * DOUBT_SECONDS
        steady.is_steady(NOW + 6 * DAY + 2 * HOUR)
        ticks.now += DOUBT_SECONDS
        deliverer.run_once(NOW + 6 * DAY + 3 * HOUR)
        assert house.state(outbox_id) == "failed"
        assert len(house.refused) == 1


def test_k36_a_clock_that_is_set_back_does_not_keep_the_relay_paused_nor_the_report_silent(
    sqlite_url: str, tmp_path: Path, sink: Sink
) -> None:
    with open_house(sqlite_url, tmp_path) as house:
        outbox_id = house.add()
        sink.stop()
        deliverer = house.deliverer(sink)
        deliverer.run_once(NOW)
        assert house.trouble()
        sink.start()
        deliverer.run_once(NOW - DAY)
        assert house.state(outbox_id) == "sent"
        deliverer.run_once(NOW - DAY + timedelta(minutes=1))
        assert Worker.get_by_id("test").beat_at == NOW - DAY + timedelta(minutes=1)


def test_k36_heartbeat_and_mailbox_go_on_when_the_clock_is_set_back(sqlite_url: str, tmp_path: Path) -> None:
    with open_house(sqlite_url, tmp_path) as house:
        beat = Heartbeat(house.database, keeper=new_keeper(tmp_path), clock=lambda: NOW, owner="one", parts=["sort"])
        for now in (NOW, NOW - DAY):
            beat.run_once(now)
            assert Worker.get(Worker.name == "gateway one").beat_at == now
    troubles = Troubles()
    troubles.failed(7, "why", NOW)
    assert troubles.due([7], NOW) == []
    assert troubles.due([7], NOW - DAY) == [7]


@pytest.fixture
def desk(database_url: str, parser: Any, tmp_path: Path) -> DeskUnderTest:
    return DeskUnderTest(database_url, parser=parser, scratch=tmp_path)


def timers_of(desk: DeskUnderTest, folder: Path, may_expire: Callable[[datetime], bool]) -> Timers:
    keeper = PolicyKeeper(folder / "rules.toml", folder / "templates")
    return Timers(
        desk.database,
        keeper=keeper,
        secrets=desk.secrets,
        clock=desk.clock,
        on_work=lambda: None,
        may_expire=may_expire,
    )


def test_k36_timers_close_nothing_by_a_clock_that_jumped_and_do_not_stand_still_when_it_is_set_back(
    desk: DeskUnderTest, tmp_path: Path
) -> None:
    new_keeper(tmp_path)
    ticks = Ticks()
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA), "#resolve Done.")
    steady = SteadyClock(now=desk.now, last_known=desk.now, ticks=ticks)
    timers = timers_of(desk, tmp_path, steady.is_steady)
    with connection(desk.database):
        timers.run_once(desk.now)
        for now in (desk.now + DECADE, desk.now - DAY, desk.now + 20 * DAY):
            ticks.now += 20
            timers.run_once(now)
        assert Ticket.get().status == "resolved"
        ticks.now += DOUBT_SECONDS
        timers.run_once(desk.now + 20 * DAY + timedelta(seconds=DOUBT_SECONDS))
        assert Ticket.get().status == "closed"
    assert desk.audit() == []


def test_k36_reply_keys_and_mails_of_tomorrow_are_good_when_the_clock_is_set_back(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.now -= DAY
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "Please restart.")
    desk.answer(ERIKA, desk.last(ERIKA, "answer"), "I did.")
    assert [len(desk.ticket()["messages"])] == [3]
    with connection(desk.database):
        assert Event.select().where(Event.kind == "message").count() == 3
    assert desk.audit() == []


def test_k34_five_days_without_a_relay_and_all_mails_go_out_in_order(
    database_url: str, tmp_path: Path, sink: Sink
) -> None:
    with open_house(database_url, tmp_path) as house:
        sink.stop()
        deliverer = house.deliverer(sink)
        added: dict[str, list[str]] = {"erika@example.com": [], "carl@example.com": []}
        now = NOW
        for hour in range(5 * 24 - 1):
            if hour % 6 == 0:
                for person, ids in added.items():
                    ids.append(house.row(house.add(person, created_at=now)).message_id)
            deliverer.run_once(now)
            now += HOUR
        assert not Outbox.select().where(Outbox.state != OutboxState.WAITING).exists()
        assert max(row.attempts for row in Outbox.select()) == 0
        sink.start()
        deliverer.run_once(now)
        came: dict[str, list[str]] = {person: [] for person in added}
        for mail in sink.mails:
            came[mail.recipients[0]].append(str(mail.message["Message-ID"]))
        assert came == added
