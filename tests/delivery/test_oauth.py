"""Mail goes out with a token: through a sink that refuses as providers do, and through a real Postfix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from gateway.delivery import check_relay
from gateway.oauth import Account
from gateway.settings import Relay
from gateway.store.states import OutboxState
from tests.delivery.house import NOW, House, relay_to
from tests.oauth.house import oauth_of
from tests.servers.certificates import Certificates
from tests.servers.dovecot import Mailbox
from tests.servers.faults import Stage
from tests.servers.postfix import PostfixServer
from tests.servers.sink import Sink
from tests.servers.token_server import TokenServer

USER = "helpdesk@example.com"
DISABLED = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox."


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with TokenServer(user=USER) as running:
        yield running


@pytest.fixture
def sink(new_sink: Callable[..., Sink], server: TokenServer) -> Sink:
    """Takes mail from those whom the token server's tokens let in."""
    return new_sink(token_reply=lambda user, token: "" if server.is_good(token, user) else "535 5.7.3 no")


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> Any:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def account(house: House, server: TokenServer, clock: Clock) -> Account:
    return Account("m365", oauth_of(server), database=lambda: house.database, clock=clock, owner="test")


def with_token(sink: Sink, **more: Any) -> Relay:
    return relay_to(sink, user=USER, oauth="m365", **more)


def test_a_mail_goes_out_with_a_token(house: House, sink: Sink, account: Account) -> None:
    numbers = [house.add(f"{name}@example.com") for name in ("erika", "jonas", "mina")]
    deliverer = house.deliverer(with_token(sink), account=account)
    assert deliverer.run_once(NOW) == 3
    assert {mail.user for mail in sink.mails} == {USER}
    assert {house.row(number).state for number in numbers} == {OutboxState.SENT}


def test_several_connections_show_one_token(house: House, sink: Sink, account: Account, server: TokenServer) -> None:
    for number in range(12):
        house.add(f"person{number}@example.com")
    house.deliverer(with_token(sink, connections=3), account=account).run_once(NOW)
    assert sink.most_sessions_at_once > 1
    assert len(server.asked()) == 1


def test_without_a_token_mail_waits_however_long_and_goes_out_afterwards(
    house: House, sink: Sink, account: Account, server: TokenServer, clock: Clock
) -> None:
    server.refuse("invalid_client", "AADSTS7000222: The provided client secret keys are expired.")
    number = house.add()
    deliverer = house.deliverer(with_token(sink, retry_days=1), account=account)
    for hours in (0, 1, 30, 300):
        clock.now = NOW + timedelta(hours=hours)
        assert deliverer.run_once(clock.now) == 0
    assert house.row(number).state == OutboxState.WAITING
    assert sink.sessions_seen == 0
    assert "the client secret has expired" in house.trouble()
    server.accept_again()
    clock.now += timedelta(hours=1)
    assert deliverer.run_once(clock.now) == 1
    assert house.trouble() == ""


def test_a_token_that_comes_back_is_found_within_half_a_minute(
    house: House, sink: Sink, account: Account, server: TokenServer, clock: Clock
) -> None:
    """The token server is asked rarely; whether somebody has logged in meanwhile is looked at often."""
    server.refuse("invalid_client", times=1)
    house.add()
    deliverer = house.deliverer(with_token(sink), account=account)
    asked = []
    for _ in range(50):
        deliverer.run_once(clock.now)
        asked.append(len(server.asked()))
        clock.now += timedelta(seconds=1)
    assert asked[-1] == 1
    another = Account("m365", oauth_of(server), database=lambda: house.database, clock=clock, owner="o", impatient=True)
    another.access()
    clock.now += timedelta(seconds=34)
    assert deliverer.run_once(clock.now) == 1


def test_a_token_that_was_revoked_is_replaced_within_the_same_attempt(
    house: House, sink: Sink, account: Account, server: TokenServer, clock: Clock
) -> None:
    house.add()
    house.deliverer(with_token(sink), account=account).run_once(clock.now)
    server.revoke_access()
    clock.now += timedelta(minutes=1)
    house.add()
    assert house.deliverer(with_token(sink), owner="second", account=account).run_once(clock.now) == 1
    assert len(server.asked()) == 2
    # The reason for the refusal was answered with the empty line that it waits for.
    assert sink.answers_to_challenges == [b""]


def test_a_login_that_is_switched_off_is_explained_and_costs_no_tokens(
    house: House, new_sink: Callable[..., Sink], account: Account, server: TokenServer, clock: Clock
) -> None:
    sink = new_sink(token_reply=lambda user, token: DISABLED)
    number = house.add()
    deliverer = house.deliverer(with_token(sink), account=account)
    for _ in range(4):
        deliverer.run_once(clock.now)
        clock.now += timedelta(seconds=70)
    assert house.row(number).state == OutboxState.WAITING
    error = house.trouble()
    assert error.startswith("535 5.7.139")
    assert f"Set-CASMailbox -Identity {USER} -SmtpClientAuthenticationDisabled $false" in error
    assert len(server.asked()) == 1


def test_a_relay_that_has_too_many_sessions_says_nothing_about_the_token(
    house: House, new_sink: Callable[..., Sink], account: Account, server: TokenServer
) -> None:
    sink = new_sink(token_reply=lambda user, token: "")
    sink.answer(Stage.AUTH, "432 4.3.2 Concurrent connections limit exceeded")
    number = house.add()
    deliverer = house.deliverer(with_token(sink), account=account)
    deliverer.run_once(NOW)
    assert house.row(number).state == OutboxState.WAITING
    assert deliverer.run_once(NOW + timedelta(seconds=5)) == 1
    assert len(server.asked()) == 1


def test_a_relay_that_takes_no_tokens_is_told(new_sink: Callable[..., Sink], account: Account) -> None:
    sink = new_sink(user=USER, password="x")
    [fact] = check_relay(with_token(sink), account=account)
    assert "neither XOAUTH2 nor OAUTHBEARER" in fact.text
    assert "PLAIN" in fact.text


def test_check_names_the_token_and_the_same_causes(
    new_sink: Callable[..., Sink], sink: Sink, account: Account, server: TokenServer, clock: Clock
) -> None:
    facts = {fact.name: fact.text for fact in check_relay(with_token(sink), account=account)}
    assert facts["login"] == f"accepted for {USER}, with the token of [oauth.m365]"
    [fact] = check_relay(with_token(new_sink(token_reply=lambda user, token: DISABLED)), account=account)
    assert "switched off for the mailbox" in fact.text
    server.refuse("invalid_grant", "AADSTS7000215: Invalid client secret provided.")
    clock.now += timedelta(hours=2)
    [fact] = check_relay(with_token(sink), account=account)
    assert "the client secret is wrong" in fact.text
    assert account.settings.client_secret.get_secret_value() not in fact.text


def test_a_real_postfix_takes_the_token(
    house: House, postfix: PostfixServer, certificates: Certificates, mailbox: Mailbox, token_server: TokenServer
) -> None:
    token_server.user = mailbox.address
    account = Account("m365", oauth_of(token_server), database=lambda: house.database, clock=lambda: NOW, owner="test")
    relay = Relay(
        host="localhost", port=postfix.submission_port, ca_file=certificates.ca, user=mailbox.address, oauth="m365"
    )
    house.add(mailbox.address)
    assert house.deliverer(relay, account=account).run_once(NOW) == 1
    assert len(mailbox.wait_for_mails(1)) == 1
    token_server.revoke()
    token_server.user = "somebody.else@box.example.com"
    [fact] = check_relay(relay, account=account)
    assert not fact.is_good
    assert "535" in fact.text
