"""Trouble of the relay itself: everything waits, nothing is counted against a mail, and status turns red."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.delivery.outcome import Fate
from gateway.delivery.parcel import Parcel
from gateway.delivery.relay import RelayChannel
from gateway.settings import Relay
from gateway.store.tables import Outbox
from tests.delivery.house import NOW, House, relay_to, secure_relay_to
from tests.servers.certificates import Certificates
from tests.servers.ports import free_port
from tests.servers.sink import Fault, Sink, Stage

MONTH = timedelta(days=30)


def assert_that_everything_waits(house: House, *, words: str) -> None:
    """No attempt was counted, nobody was told, and the worker's row says why."""
    rows = list(Outbox.select())
    assert {(row.state, row.attempts, row.lease_owner) for row in rows} == {("waiting", 0, "")}
    assert {row.not_before for row in rows} == {None}
    assert house.refused == []
    assert words in house.trouble()


def test_over_starttls_with_a_verified_certificate_and_a_login(
    house: House, new_sink: Callable[..., Sink], certificates: Certificates
) -> None:
    sink = new_sink(tls=certificates.server_context(), require_starttls=True, user="desk", password="secret")
    house.add()
    relay = secure_relay_to(sink, certificates, user="desk", password="secret")
    assert house.deliverer(relay).run_once(NOW) == 1
    assert (sink.mails[0].tls, sink.mails[0].user, sink.mails[0].helo) == (True, "desk", "desk.example.com")
    assert house.trouble() == ""


def test_over_implicit_tls(small_house: House, new_sink: Callable[..., Sink], certificates: Certificates) -> None:
    sink = new_sink(tls=certificates.server_context(), implicit_tls=True)
    small_house.add()
    assert small_house.deliverer(secure_relay_to(sink, certificates, tls="implicit")).run_once(NOW) == 1
    assert sink.mails[0].tls


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_an_unverified_certificate_holds_everything_and_loses_nothing(
    house: House, new_sink: Callable[..., Sink], certificates: Certificates, tls: str
) -> None:
    """The certificate names the right host but is signed by nobody: T42, k35."""
    sink = new_sink(tls=certificates.server_context(stranger=True), implicit_tls=tls == "implicit")
    for _ in range(12):
        house.add()
    deliverer = house.deliverer(secure_relay_to(sink, certificates, tls=tls))
    assert deliverer.run_once(NOW) == 0
    assert_that_everything_waits(house, words="certificate")
    assert deliverer.run_once(NOW + MONTH) == 0
    assert_that_everything_waits(house, words="certificate")


def test_a_certificate_for_another_name_is_not_good(
    small_house: House, new_sink: Callable[..., Sink], certificates: Certificates
) -> None:
    sink = new_sink(tls=certificates.server_context())
    small_house.add()
    # The same machine, under a name that the certificate does not have.
    small_house.deliverer(secure_relay_to(sink, certificates, host="127.1")).run_once(NOW)
    assert_that_everything_waits(small_house, words="certificate")


def test_a_relay_without_starttls_gets_nothing_in_the_clear(
    house: House, sink: Sink, certificates: Certificates
) -> None:
    house.add()
    house.deliverer(secure_relay_to(sink, certificates, user="desk", password="secret")).run_once(NOW)
    assert_that_everything_waits(house, words="STARTTLS")
    assert sink.mails == ()


def test_a_refused_starttls_gets_nothing_in_the_clear(
    small_house: House, new_sink: Callable[..., Sink], certificates: Certificates
) -> None:
    sink = new_sink(tls=certificates.server_context())
    sink.answer(Stage.STARTTLS, "454 4.7.0 TLS not available due to temporary reason")
    small_house.add()
    deliverer = small_house.deliverer(secure_relay_to(sink, certificates))
    deliverer.run_once(NOW)
    assert_that_everything_waits(small_house, words="454 4.7.0")
    assert deliverer.run_once(NOW + timedelta(hours=1)) == 1


def test_a_wrong_password_holds_everything_until_it_is_right(house: House, new_sink: Callable[..., Sink]) -> None:
    sink = new_sink(user="desk", password="right")
    for _ in range(3):
        house.add(created_at=NOW - MONTH)
    house.deliverer(relay_to(sink, user="desk", password="wrong")).run_once(NOW)
    assert_that_everything_waits(house, words="535")
    assert house.deliverer(relay_to(sink, user="desk", password="right")).run_once(NOW) == 3
    assert house.trouble() == ""


def test_a_password_that_is_corrected_in_its_file_is_tried_at_once_and_without_a_restart(
    small_house: House, new_sink: Callable[..., Sink], tmp_path: Path
) -> None:
    sink = new_sink(user="desk", password="right")
    file = tmp_path / "relay-password"
    file.write_text("wrong\n")
    small_house.add()
    deliverer = small_house.deliverer(relay_to(sink, user="desk", password="wrong", password_file=file))
    assert [deliverer.run_once(NOW + timedelta(seconds=second)) for second in range(3)] == [0, 0, 0]
    assert sink.sessions_seen == 1
    file.write_text("wrong again\n")
    assert [deliverer.run_once(NOW + timedelta(seconds=second)) for second in (4, 5)] == [0, 0]
    assert sink.sessions_seen == 2
    file.unlink()
    assert deliverer.run_once(NOW + timedelta(seconds=6)) == 0
    file.write_text("right\n")
    assert deliverer.run_once(NOW + timedelta(seconds=7)) == 1
    assert small_house.trouble() == ""


def test_a_wrong_password_is_shown_to_the_relay_once(small_house: House, new_sink: Callable[..., Sink]) -> None:
    """Many servers lock an account after a few tries."""
    sink = new_sink(user="desk", password="right")
    for _ in range(20):
        small_house.add()
    deliverer = small_house.deliverer(relay_to(sink, user="desk", password="wrong", connections=3))
    for second in range(50):
        deliverer.run_once(NOW + timedelta(seconds=second))
    assert sink.sessions_seen == 1


def test_a_relay_that_wants_a_login_and_gets_none_holds_everything(house: House, new_sink: Callable[..., Sink]) -> None:
    sink = new_sink(user="desk", password="secret")
    house.add()
    house.deliverer(sink).run_once(NOW)
    assert_that_everything_waits(house, words="530 5.7.0 Authentication required")


def test_a_relay_name_that_does_not_exist_holds_everything(small_house: House) -> None:
    small_house.add(created_at=NOW - MONTH)
    small_house.deliverer(Relay(host="relay.invalid", tls="none")).run_once(NOW)
    assert_that_everything_waits(small_house, words="")
    assert small_house.trouble()


def test_a_missing_ca_file_holds_everything(small_house: House, sink: Sink, tmp_path: Path) -> None:
    small_house.add()
    small_house.deliverer(relay_to(sink, tls="starttls", ca_file=tmp_path / "missing.pem")).run_once(NOW)
    assert_that_everything_waits(small_house, words="missing.pem")


@pytest.mark.parametrize(
    ("stage", "reply"),
    [
        (Stage.CONNECT, "421 4.3.2 too many connections"),
        (Stage.CONNECT, "554 5.7.1 your address is on a list"),
        (Stage.EHLO, "421 4.3.2 closing"),
    ],
)
def test_a_refused_session_is_not_counted_against_the_mail(house: House, sink: Sink, stage: Stage, reply: str) -> None:
    sink.answer(stage, reply)
    house.add()
    deliverer = house.deliverer(sink)
    assert deliverer.run_once(NOW) == 0
    assert_that_everything_waits(house, words=reply)
    assert deliverer.run_once(NOW + timedelta(minutes=2)) == 1
    assert house.trouble() == ""


@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.EHLO])
def test_a_session_that_breaks_at_its_beginning_is_not_counted_against_the_mail(
    small_house: House, sink: Sink, stage: Stage
) -> None:
    sink.close_at(stage, times=None)
    small_house.add()
    deliverer = small_house.deliverer(sink)
    assert deliverer.run_once(NOW) == 0
    assert_that_everything_waits(small_house, words="")
    sink.clear_faults()
    assert deliverer.run_once(NOW + timedelta(minutes=1)) == 1


def test_a_relay_that_is_down_is_asked_seldom_and_gets_everything_when_it_is_back(house: House) -> None:
    port = free_port()
    ids = [house.add(f"person{number}@example.com") for number in range(10)]
    relay = Relay(host="127.0.0.1", port=port, tls="none")
    deliverer = house.deliverer(relay)
    now = NOW
    while now < NOW + timedelta(days=4):
        assert deliverer.run_once(now) == 0
        now += timedelta(hours=2)
    assert_that_everything_waits(house, words="")
    assert "refused" in house.trouble().lower() or "connect" in house.trouble().lower()
    with Sink(port=port) as sink:
        assert deliverer.run_once(now) == 10
        assert sorted(mail.recipients[0] for mail in sink.mails) == [
            f"person{number}@example.com" for number in range(10)
        ]
    assert {house.state(outbox_id) for outbox_id in ids} == {"sent"}


def test_while_the_relay_is_left_alone_nothing_is_claimed(small_house: House, sink: Sink) -> None:
    sink.answer(Stage.CONNECT, "421 4.3.2 busy", times=None)
    small_house.add()
    deliverer = small_house.deliverer(sink)
    for _ in range(5):
        deliverer.run_once(NOW)
    assert sink.sessions_seen == 1
    deliverer.run_once(NOW + timedelta(seconds=1))
    assert sink.sessions_seen == 1
    deliverer.run_once(NOW + timedelta(seconds=3))
    assert sink.sessions_seen == 2


def test_a_relay_that_was_away_for_too_long_fails_the_mail_and_tells(small_house: House) -> None:
    old, young = small_house.add(created_at=NOW - MONTH), small_house.add()
    small_house.deliverer(Relay(host="127.0.0.1", port=free_port(), tls="none", retry_days=5)).run_once(NOW)
    assert [small_house.state(old), small_house.state(young)] == ["failed", "waiting"]
    assert [outbox_id for outbox_id, _ in small_house.refused] == [old]


def test_a_session_too_many_only_makes_us_use_fewer(small_house: House, sink: Sink) -> None:
    """Exchange takes three sessions for each mailbox, and another client may hold one of them."""
    sink.script(Fault(stage=Stage.CONNECT))
    sink.answer(Stage.CONNECT, "421 4.3.2 concurrent connections limit exceeded", times=None)
    ids = [small_house.add(f"person{number}@example.com") for number in range(10)]
    deliverer = small_house.deliverer(relay_to(sink, connections=3))
    assert deliverer.run_once(NOW) == 10
    assert {small_house.state(outbox_id) for outbox_id in ids} == {"sent"}
    assert (sink.sessions_seen, small_house.trouble()) == (2, "")


def test_a_kept_session_that_the_relay_has_closed_costs_no_mail_anything(small_house: House, sink: Sink) -> None:
    first = small_house.add()
    deliverer = small_house.deliverer(sink)
    deliverer.run_once(NOW)
    sink.answer(Stage.MAIL, "421 4.3.2 too many mails in one session")
    second = small_house.add()
    assert deliverer.run_once(NOW) == 1
    sink.close_at(Stage.MAIL)
    third = small_house.add()
    assert deliverer.run_once(NOW) == 1
    assert [small_house.row(outbox_id).attempts for outbox_id in (first, second, third)] == [1, 1, 1]
    assert sink.sessions_seen == 3


def test_a_relay_that_restarts_between_two_mails_costs_nothing(small_house: House) -> None:
    sink = Sink().start()
    small_house.add()
    deliverer = small_house.deliverer(sink)
    deliverer.run_once(NOW)
    sink.stop()
    sink.start()
    second = small_house.add()
    assert deliverer.run_once(NOW) == 1
    assert small_house.row(second).attempts == 1
    sink.stop()


def parcel(content: bytes = b"Subject: x\r\n\r\nx\r\n") -> Parcel:
    return Parcel(
        id=1, attempt=1, created_at=NOW, recipient="a@example.com", reverse_path="", content=content, sha256=b""
    )


def test_an_idle_session_is_asked_before_its_next_mail_and_closed_after_a_while(sink: Sink) -> None:
    ticks = [0.0]

    async def story() -> None:
        channel = RelayChannel(relay_to(sink), ticks=lambda: ticks[0])
        assert (await channel.send(parcel())).fate is Fate.TAKEN
        ticks[0] += 29
        await channel.close_idle()
        assert (await channel.send(parcel())).fate is Fate.TAKEN
        assert sink.sessions_seen == 1
        ticks[0] += 31
        await channel.close_idle()
        assert (await channel.send(parcel())).fate is Fate.TAKEN
        assert sink.sessions_seen == 2
        await channel.close()

    asyncio.run(story())


def test_a_message_with_dots_and_a_null_sender_arrives_as_it_is(sink: Sink) -> None:
    content = b"Subject: x\r\n\r\n.\r\n..\r\n.x\r\n\r\n"

    async def story() -> None:
        channel = RelayChannel(relay_to(sink))
        assert (await channel.send(parcel(content))).fate is Fate.TAKEN
        await channel.close()

    asyncio.run(story())
    assert (sink.mails[0].sender, sink.mails[0].content) == ("", content)
