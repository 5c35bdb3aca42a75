"""The minutes while a person looks for the browser: how often the token server is asked, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from gateway.oauth.answers import NoToken
from gateway.oauth.login import log_in
from gateway.store.database import connection
from tests.oauth.house import ADDRESS, House, house_with, trouble_of
from tests.servers.token_server import TokenServer


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with TokenServer() as running:
        yield running


@pytest.fixture
def house(sqlite_url: str, server: TokenServer) -> Iterator[House]:
    with house_with(sqlite_url, server, grant="device_code") as made:
        yield made


def logged_in(house: House) -> list[float]:
    """Log in; how long was waited before each question, in seconds."""
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        house.turn(seconds=seconds)

    with connection(house.database):
        log_in(
            house.account(),
            database=house.database,
            clock=house.clock,
            wait=wait,
            show=lambda login: None,
            progress=lambda left: None,
        )
    return waits


def test_a_running_gateway_goes_on_at_once(house: House, server: TokenServer) -> None:
    running = house.account()
    assert "nobody has logged in" in trouble_of(running)
    server.approved = True
    logged_in(house)
    assert server.is_good(running.access().token, ADDRESS)
    assert len(server.asked("refresh_token")) == 0


def test_a_server_that_asks_for_patience_gets_it(house: House, server: TokenServer) -> None:
    server.approved = True
    server.refuse("slow_down", path="/token", times=2)
    assert logged_in(house) == [1, 6, 11]


def test_a_server_that_is_away_for_a_moment_ends_no_login(house: House, server: TokenServer) -> None:
    server.approved = True
    server.refuse("", path="/token", status=503, body=b"busy", times=1)
    assert len(logged_in(house)) == 2


def test_nobody_waits_longer_than_the_code_is_good(house: House, server: TokenServer) -> None:
    start = house.now
    with pytest.raises(NoToken, match="nobody entered the code in time"):
        logged_in(house)
    assert house.now - start <= timedelta(minutes=15, seconds=1)


def test_a_login_ends_the_pause_of_the_one_before(house: House, server: TokenServer) -> None:
    house.log_in()
    server.revoke()
    running = house.account()
    trouble_of(running)
    assert house.row().not_before is not None
    server.approved = True
    logged_in(house)
    assert running.access().token
    assert house.row().not_before is None
