"""An account asks once for everybody, keeps what it gets before it uses it, and leaves a server that refuses alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import peewee
import pytest

from gateway.oauth import Account
from gateway.oauth.accounts import OURS_DELAYS_SECONDS
from gateway.store.database import connection, execute
from gateway.store.oauth import LEASE, forget_troubles_of_others, give_lease_back, take_lease
from gateway.store.queue import free_leases
from tests.oauth.house import START, House, house_with, oauth_of, trouble_of
from tests.servers import prepared
from tests.servers.token_server import TokenServer

sqlite_url, postgres_url = prepared.sqlite_url, prepared.postgres_url


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with TokenServer() as running:
        yield running


@pytest.fixture
def house(database_url: str, server: TokenServer) -> Iterator[House]:
    """An app by itself (client credentials)."""
    with house_with(database_url, server) as made:
        yield made


@pytest.fixture
def person(database_url: str, server: TokenServer) -> Iterator[House]:
    """An account that a person logs in for (device code)."""
    with house_with(database_url, server, grant="device_code") as made:
        yield made


def test_a_token_is_asked_for_once_and_shared_by_every_thread_and_process(house: House) -> None:
    account = house.account()
    with house.server.held(), ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(account.access) for _ in range(8)]
        house.server.wait_for_requests(1)
        house.server._gate.set()
        tokens = {future.result().token for future in futures}
    tokens |= {house.account().access().token for _ in range(3)}
    assert len(tokens) == 1
    assert len(house.server.asked("client_credentials")) == 1


def test_it_is_renewed_five_minutes_before_its_end(house: House) -> None:
    account = house.account()
    first = account.access()
    house.turn(minutes=54)
    assert account.access() == first
    house.turn(minutes=2)
    second = account.access()
    assert second.token != first.token
    assert second.until == house.now + timedelta(hours=1)
    assert len(house.server.asked()) == 2


def test_a_token_of_a_short_life_is_renewed_in_its_last_tenth(house: House) -> None:
    house.server.life_seconds = 100
    account = house.account()
    first = account.access()
    house.turn(seconds=89)
    assert account.access() == first
    house.turn(seconds=2)
    assert account.access() != first


def test_what_the_token_server_is_asked(house: House) -> None:
    house.account().access()
    [form] = house.server.asked()
    assert form == {
        "grant_type": "client_credentials",
        "client_id": house.settings.client_id,
        "client_secret": house.server.secret,
        "scope": "https://outlook.office365.com/.default",
    }


def test_a_rotated_refresh_token_is_kept_before_its_access_token_is_used(person: House) -> None:
    first = person.log_in()
    access = person.account().access()
    row = person.row()
    assert row.access_token == access.token
    assert row.refresh_token not in ("", first)
    assert [one["refresh_token"] for one in person.server.asked("refresh_token")] == [first]


def test_every_process_goes_on_with_the_refresh_token_of_the_one_before(person: House) -> None:
    """The server takes each of them once, as strict ones do."""
    person.log_in()
    for _ in range(6):
        person.account().access()
        person.turn(hours=1)
    used = [one["refresh_token"] for one in person.server.asked("refresh_token")]
    assert len(set(used)) == 6


def test_many_processes_at_once_lose_no_rotation(person: House) -> None:
    person.server.life_seconds = 100
    person.log_in()
    accounts = [person.account() for _ in range(6)]
    for round_number in range(1, 5):
        with ThreadPoolExecutor(len(accounts)) as pool:
            tokens = {access.token for access in pool.map(Account.access, accounts)}
        assert len(tokens) == 1
        assert len(person.server.asked("refresh_token")) == round_number
        person.turn(seconds=95)


def test_a_server_that_keeps_the_refresh_token_is_asked_with_it_again(person: House) -> None:
    person.server.rotates = False
    first = person.log_in()
    for _ in range(2):
        person.account().access()
        person.turn(hours=1)
    assert {one["refresh_token"] for one in person.server.asked()} == {first}
    assert person.row().refresh_token == first


def test_nobody_is_asked_before_somebody_has_logged_in(person: House) -> None:
    account = person.account()
    assert "gateway auth login m365" in trouble_of(account)
    assert person.server.asked() == []
    assert "nobody has logged in as helpdesk@example.com" in person.row().last_error
    person.log_in()
    assert account.access().token
    assert person.row().last_error == ""


def test_a_refused_token_server_is_left_alone_for_longer_and_longer(house: House) -> None:
    house.server.refuse("invalid_client", "AADSTS7000215: Invalid client secret provided.")
    accounts = [house.account() for _ in range(2)]
    asked_at: list[datetime] = []
    for _ in range(60):
        for account in accounts:
            assert "the client secret is wrong" in trouble_of(account)
        if len(house.server.asked()) > len(asked_at):
            asked_at.append(house.now)
        house.turn(minutes=1)
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(asked_at)]
    assert pauses == [*OURS_DELAYS_SECONDS[:5]]
    assert len(house.server.asked()) == 6  # in an hour


def test_a_restart_does_not_shorten_the_pause(house: House) -> None:
    house.server.refuse("invalid_client")
    for _ in range(20):
        trouble_of(house.account())
    assert len(house.server.asked()) == 1


def test_a_person_who_tries_does_not_wait_for_the_pause(house: House) -> None:
    house.server.refuse("invalid_client", times=1)
    trouble_of(house.account())
    running = house.account()
    trouble_of(running)
    token = house.account(impatient=True).access().token
    assert running.access().token == token
    assert house.row().failures == 0


def test_one_question_is_enough_for_a_person_who_tries(house: House) -> None:
    house.server.refuse("invalid_client")
    account = house.account(impatient=True, fresh=True)
    for _ in range(3):
        trouble_of(account)
    assert len(house.server.asked()) == 1


def test_a_person_who_wants_to_know_gets_a_new_token_once(house: House) -> None:
    old = house.account().access()
    house.turn(minutes=1)
    account = house.account(fresh=True)
    new = account.access()
    assert new.token != old.token
    assert account.access() == new
    assert house.account().access() == new


def test_a_token_that_is_worthless_is_forgotten_when_there_is_no_new_one(house: House) -> None:
    account = house.account()
    first = account.access()
    account.accepted(first, "helpdesk@imap")
    account.refused(first, "helpdesk@imap")
    house.server.refuse("invalid_client")
    trouble_of(account)
    assert (house.row().access_token, house.row().access_until) == ("", None)


def test_a_new_secret_in_the_file_is_tried_at_once(house: House, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("the old one\n")
    house.changes = {"client_secret": "the old one", "client_secret_file": file}
    account = house.account()
    assert "the client secret is wrong" in trouble_of(account)
    trouble_of(account)
    file.write_text(f"{house.server.secret}\n")
    assert account.access().token
    assert len(house.server.asked()) == 2


def test_a_secret_of_the_environment_wins_over_the_file(house: House, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("an old one\n")
    house.changes = {"client_secret": house.server.secret, "client_secret_file": file}
    assert house.account().access().token


def test_a_token_server_that_is_away_or_busy_is_tried_soon(house: House) -> None:
    account = house.account()
    house.server.stop()
    assert "can't be reached: Connection refused" in trouble_of(account)
    house.server.start()
    house.turn(seconds=6)
    house.server.refuse("", status=503, body=b"<html>busy</html>", times=1)
    assert "HTTP 503" in trouble_of(account)
    house.turn(seconds=11)
    assert account.access().token


def test_retry_after_is_respected(house: House) -> None:
    account = house.account()
    house.server.refuse("", status=429, body=b"slow down", headers={"Retry-After": "300"}, times=1)
    trouble_of(account)
    house.turn(seconds=290)
    assert "HTTP 429" in trouble_of(account)
    assert len(house.server.asked()) == 1
    house.turn(seconds=15)
    assert account.access().token


def test_a_revoked_login_is_red_until_somebody_logs_in_elsewhere(person: House) -> None:
    person.log_in()
    account = person.account()
    account.access()
    person.server.revoke()
    person.turn(hours=1)
    for _ in range(40):
        assert "no longer valid" in trouble_of(account)
        person.turn(seconds=1)
    assert len(person.server.asked()) == 2
    assert "gateway auth login m365" in person.row().last_error
    person.log_in()
    assert account.access().token
    assert person.row().last_error == ""


def test_a_token_that_a_server_took_and_then_refuses_is_replaced_at_once(house: House) -> None:
    account = house.account()
    first = account.access()
    account.accepted(first, "helpdesk@imap")
    house.turn(minutes=1)
    assert account.refused(first, "helpdesk@imap")
    assert account.access().token != first.token


def test_a_new_token_that_a_server_never_took_is_not_blamed(house: House) -> None:
    """The permissions are wrong, and another token would have the same: no storm."""
    account = house.account()
    for _ in range(120):
        access = account.access()
        account.refused(access, "helpdesk@imap")
        house.turn(seconds=10)
    # They may have been given meanwhile, so a new one is asked for every five minutes.
    assert len(house.server.asked()) <= 5
    assert len(house.server.asked()) >= 3


def test_a_mailbox_that_is_refused_does_not_cost_the_others_their_token(house: House) -> None:
    account = house.account()
    access = account.access()
    account.accepted(access, "good@imap")
    house.turn(minutes=1)
    assert not account.refused(access, "forbidden@imap")
    assert account.access() == access


def test_tokens_of_other_settings_are_nobodys(person: House) -> None:
    person.log_in()
    person.account().access()
    other = person.account(settings=oauth_of(person.server, grant="device_code", account="other@example.com"))
    assert "nobody has logged in as other@example.com" in trouble_of(other)


def test_who_was_killed_while_asking_holds_nobody_up_for_long(house: House) -> None:
    with connection(house.database):
        assert take_lease(house.database, house.name, owner="elsewhere/1/dead", now=house.now)
    house.turn(seconds=LEASE.total_seconds() + 1)
    assert house.account().access().token


def test_a_restart_on_the_same_host_frees_the_lease_at_once(house: House) -> None:
    with connection(house.database):
        take_lease(house.database, house.name, owner="here/1/dead", now=house.now)
        assert free_leases(house.database, is_dead=lambda owner: owner.startswith("here/")) == 1
    assert house.account().access().token


def test_who_finds_another_process_asking_waits_and_takes_what_it_got(house: House) -> None:
    first, second = house.account(), house.account()
    with house.server.held(), ThreadPoolExecutor(2) as pool:
        one = pool.submit(first.access)
        house.server.wait_for_requests(1)
        other = pool.submit(second.access)
        house.server._gate.set()
        assert one.result().token == other.result().token
    assert len(house.server.asked()) == 1


def test_a_login_while_another_process_asks_is_not_overwritten(person: House) -> None:
    person.log_in()
    account = person.account()
    with person.server.held(), ThreadPoolExecutor(1) as pool:
        future = pool.submit(account.access)
        person.server.wait_for_requests(1)
        newer = person.log_in()
        person.server._gate.set()
        future.result()
    assert [one["refresh_token"] for one in person.server.asked()][1:] == [newer]


def test_what_could_not_be_kept_is_kept_later_and_not_used_before(sqlite_url: str, server: TokenServer) -> None:
    """The database goes away while the token server answers: the rotated token exists only in memory."""
    with house_with(sqlite_url, server, grant="device_code") as person:
        person.log_in()
        account = person.account()
        with server.held(), ThreadPoolExecutor(1) as pool:
            future = pool.submit(trouble_of, account)
            server.wait_for_requests(1)
            with connection(person.database):
                execute(person.database, "ALTER TABLE oauth_account RENAME TO moved")
            server._gate.set()
            assert "database is away" in future.result()
        with connection(person.database):
            execute(person.database, "ALTER TABLE moved RENAME TO oauth_account")
        person.turn(seconds=2)
        token = account.access().token
        assert len(server.asked()) == 1
        assert person.row().access_token == token
        assert person.row().refresh_token in server._refresh


def test_without_a_database_nothing_is_kept(server: TokenServer) -> None:
    def account(**changes: Any) -> Account:
        settings = oauth_of(server, **changes)
        return Account("m365", settings, database=None, clock=lambda: START, owner="x")

    assert account().access().token
    assert "nobody has logged in" in trouble_of(account(grant="device_code"))
    server.refuse("invalid_client")
    assert "secret" in trouble_of(account())


def test_a_clock_that_was_set_back_prolongs_neither_a_token_nor_a_pause(house: House) -> None:
    account = house.account()
    first = account.access()
    house.turn(days=-3)
    assert account.access() != first
    house.server.refuse("invalid_client", times=1)
    house.turn(hours=2)
    trouble_of(account)
    house.turn(days=-1)
    assert account.access().token


def test_nobody_is_troubled_by_an_account_that_no_settings_name_any_more(house: House) -> None:
    house.server.refuse("invalid_client")
    trouble_of(house.account())
    with connection(house.database):
        forget_troubles_of_others(house.database, ["other"])
    assert house.row().last_error == ""


def test_no_secret_is_in_what_an_account_and_a_row_say_of_themselves(person: House) -> None:
    person.log_in()
    access = person.account().access()
    row = person.row()
    told = repr(row) + repr(access) + str(row) + str(access)
    assert access.token not in told
    assert row.refresh_token not in told


def test_a_lease_is_its_owners_only(house: House) -> None:
    with connection(house.database):
        assert take_lease(house.database, "a", owner="one", now=START) is not None
        assert take_lease(house.database, "a", owner="two", now=START) is None
        give_lease_back(house.database, "a", owner="two")
        assert take_lease(house.database, "a", owner="two", now=START) is None
        assert take_lease(house.database, "a", owner="one", now=START) is not None
        give_lease_back(house.database, "a", owner="one")
        assert take_lease(house.database, "a", owner="two", now=START) is not None


def test_threads_without_a_connection_of_their_own_leave_none_behind(house: House) -> None:
    left: list[bool] = []

    def run() -> None:
        house.account().access()
        left.append(not house.database.is_closed())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert left == [False]
    assert isinstance(house.database, peewee.Database)
