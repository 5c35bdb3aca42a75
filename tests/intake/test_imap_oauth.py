"""A mailbox that is read with a token: from a real Dovecot, which asks the token server whose it is."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import peewee
import pytest

from gateway.errors import TemporaryFailure
from gateway.intake.imap import MailboxWatcher
from gateway.intake.imap_errands import append_sent, check_connection
from gateway.intake.imap_session import Session
from gateway.oauth import Account, TokenTrouble
from gateway.settings import Mailbox as MailboxSettings
from tests.intake.imap_house import House, mail_bytes, plain
from tests.intake.scripted_imap import ScriptedServer
from tests.oauth.house import oauth_of
from tests.servers.dovecot import Mailbox
from tests.servers.token_server import TokenServer


@pytest.fixture
def house(mailbox: Mailbox, sqlite: peewee.Database, token_server: TokenServer) -> Iterator[House]:
    token_server.user = mailbox.address
    made = House(sqlite, **{**plain(mailbox), "password": "", "oauth": "m365"})
    yield made
    made.close()


@pytest.fixture
def account(house: House, token_server: TokenServer) -> Account:
    return account_of(house, token_server)


def account_of(house: House, server: TokenServer, **changes: Any) -> Account:
    return Account("m365", oauth_of(server, **changes), database=lambda: house.database, clock=house.clock, owner="x")


def watcher_of(house: House, account: Account) -> MailboxWatcher:
    return MailboxWatcher(
        house.settings, database=house.database, door=house.door, clock=house.clock, owner="test", account=account
    )


def test_a_mailbox_is_read_with_a_token(house: House, account: Account, mailbox: Mailbox) -> None:
    watcher = watcher_of(house, account)
    house.drain(watcher)
    mailbox.append(mail_bytes("With a token"))
    assert house.drain(watcher).fetched == 1
    watcher.close()


def test_one_token_serves_every_mailbox_and_errand(
    house: House, account: Account, mailbox: Mailbox, token_server: TokenServer
) -> None:
    watcher = watcher_of(house, account)
    house.drain(watcher)
    append_sent(house.settings, "Sent", mail_bytes("Answer"), house.clock(), account=account)
    assert check_connection(house.settings, account=account)[0].is_good
    watcher.close()
    assert len(mailbox.mails("Sent")) == 1
    assert len(token_server.asked()) == 1


def test_a_token_that_has_ended_meanwhile_is_replaced_at_the_next_login(
    house: House, account: Account, mailbox: Mailbox, token_server: TokenServer
) -> None:
    watcher = watcher_of(house, account)
    house.drain(watcher)
    house.clock.ahead += timedelta(hours=1)
    mailbox.kick()
    with pytest.raises(TemporaryFailure):
        house.drain(watcher)
    mailbox.append(mail_bytes("Later"))
    assert house.drain(watcher).fetched == 1
    watcher.close()
    assert len(token_server.asked()) == 2


def test_a_token_that_was_revoked_is_replaced_within_the_same_login(
    house: House, account: Account, mailbox: Mailbox, token_server: TokenServer
) -> None:
    watcher = watcher_of(house, account)
    house.drain(watcher)
    token_server.revoke_access()
    mailbox.kick()
    with pytest.raises(TemporaryFailure):
        house.drain(watcher)
    house.drain(watcher)
    watcher.close()
    assert len(token_server.asked()) == 2


def test_without_a_token_the_server_is_not_troubled(house: House, account: Account, token_server: TokenServer) -> None:
    token_server.refuse("invalid_client", "AADSTS7000222: The provided client secret keys are expired.")
    settings = house.settings.model_copy(update={"port": 9})
    with pytest.raises(TokenTrouble, match="the client secret has expired"):
        Session(settings, account)


def test_a_mailbox_that_is_not_permitted_is_explained_and_costs_no_tokens(
    house: House, account: Account, token_server: TokenServer
) -> None:
    token_server.user = "somebody.else@box.example.com"
    for _ in range(10):
        with pytest.raises(TemporaryFailure, match="New-ServicePrincipal"):
            Session(house.settings, account)
    assert len(token_server.asked()) == 1


def test_a_permission_that_the_token_lacks_is_named(house: House, token_server: TokenServer) -> None:
    token_server.user = "somebody.else@box.example.com"
    token_server.claims = {"aud": "https://outlook.office365.com", "idtyp": "app", "roles": ["Mail.Read"]}
    account = account_of(house, token_server)
    [login] = check_connection(house.settings, account=account)
    assert not login.is_good
    assert "no IMAP.AccessAsApp" in login.text
    assert account.access().token not in login.text


def test_the_trouble_stands_in_the_mailboxs_row_and_goes_by_itself(
    house: House, account: Account, token_server: TokenServer
) -> None:
    watcher = watcher_of(house, account)
    token_server.refuse("invalid_grant", "AADSTS50173: The provided grant has expired.", times=1)
    with pytest.raises(TemporaryFailure):
        house.drain(watcher)
    assert "no longer valid" in house.row()["last_error"]
    house.clock.ahead += timedelta(minutes=2)
    house.drain(watcher)
    watcher.close()
    assert house.row()["last_ok_at"] > house.row()["last_error_at"]


Dialogue = Callable[[socket.socket, bytes, bytes], bool]


class _Refuses:
    """A server that refuses a token as RFC 7628 wants it: the reason as a challenge, and "no" after our answer."""

    def __init__(self, no: bytes) -> None:
        self.no = no
        self.lines: list[bytes] = []

    def __call__(self, client: socket.socket, tag: bytes, command: bytes) -> bool:
        if not command.startswith(b"AUTHENTICATE"):
            return False
        client.sendall(b"+ \r\n")
        self.lines.append(_line(client))
        client.sendall(b"+ " + base64.b64encode(b'{"status":"400","schemes":"Bearer","scope":"mail"}') + b"\r\n")
        self.lines.append(_line(client))
        client.sendall(tag + b" " + self.no + b"\r\n")
        return True


def _line(client: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        line += client.recv(65536)
    return line


def scripted(port: int, **changes: Any) -> MailboxSettings:
    values: dict[str, Any] = {
        "name": "s",
        "host": "127.0.0.1",
        "port": port,
        "tls": "none",
        "user": "desk@example.com",
        "oauth": "m365",
    }
    return MailboxSettings.model_validate(values | changes)


@pytest.mark.parametrize(("mechanism", "answer"), [(b"XOAUTH2", b"\r\n"), (b"OAUTHBEARER", b"AQ==\r\n")])
def test_the_reason_of_a_refusal_is_answered_as_the_mechanism_wants_it(
    house: House, token_server: TokenServer, mechanism: bytes, answer: bytes
) -> None:
    dialogue = _Refuses(b"NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)")
    capabilities = f"IMAP4rev1 AUTH={mechanism.decode()}"
    account = account_of(house, token_server, provider="other")
    refused = pytest.raises(TemporaryFailure, match="a token with the scope mail")
    with ScriptedServer(capabilities=capabilities, fault=dialogue) as server, refused:
        Session(scripted(server.port), account)
    assert dialogue.lines[1] == answer
    assert account.access().token.encode() in base64.b64decode(dialogue.lines[0])


def test_a_server_that_is_busy_says_nothing_about_the_token(house: House, account: Account) -> None:
    dialogue = _Refuses(b"NO [UNAVAILABLE] Temporary authentication failure.")
    first = account.access()
    account.accepted(first, "desk@example.com@127.0.0.1:1")
    busy = pytest.raises(TemporaryFailure, match="Temporary authentication failure")
    with ScriptedServer(capabilities="IMAP4rev1 AUTH=XOAUTH2", fault=dialogue) as server, busy as failure:
        Session(scripted(server.port), account)
    assert "ServicePrincipal" not in failure.value.public_text
    assert account.access() == first


def test_a_server_that_takes_no_tokens_is_told(house: House, account: Account) -> None:
    with ScriptedServer(capabilities="IMAP4rev1 IDLE") as server:
        with pytest.raises(TemporaryFailure, match="neither XOAUTH2 nor OAUTHBEARER"):
            Session(scripted(server.port), account)
        assert not any(b"AUTHENTICATE" in line for line in server.commands)
