"""`gateway auth login` and `gateway auth status`, as a person at the terminal meets them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.store.database import connection, open_database
from gateway.store.oauth import read_account
from tests.cli.commands import gateway
from tests.servers.token_server import CLIENT_ID, TokenServer

TOML = """
[oauth.m365]
provider = "microsoft"
grant = "{grant}"
account = "helpdesk@example.com"
client_id = "{client}"
token_url = "{url}/token"
device_url = "{url}/device"
timeout_seconds = 5
[relay]
host = "smtp.example.com"
user = "helpdesk@example.com"
oauth = "m365"
"""
SECRET = {"GATEWAY_OAUTH_M365_CLIENT_SECRET": "the client's secret"}


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with TokenServer() as running:
        yield running


@pytest.fixture
def desk(new_desk: Path, server: TokenServer) -> Path:
    """A desk where no gateway has run yet, whose relay wants a person's login."""
    (new_desk / "gateway.toml").write_text(TOML.format(grant="device_code", client=CLIENT_ID, url=server.url))
    return new_desk


def status(desk: Path, *, expect: int, **env: str) -> dict[str, Any]:
    [record] = gateway("auth", "status", "--json", cwd=desk, env=env, expect=expect).json["accounts"]
    assert isinstance(record, dict)
    return record


def test_a_login_before_the_first_start_is_kept(desk: Path, server: TokenServer) -> None:
    server.approved = True
    done = gateway("auth", "login", "m365", cwd=desk, expect=0)
    assert done.out.splitlines()[:3] == [
        "In a browser on any device, go to  https://login.example.com/device",
        "and enter the code                 ABCD-EFGH",
        "Log in there as                    helpdesk@example.com",
    ]
    assert "Logged in as helpdesk@example.com; the first token is good for 1 h." in done.out
    database = open_database(f"sqlite:///{desk / 'storage' / 'gateway.sqlite'}")
    with connection(database):
        row = read_account("m365")
    assert row.refresh_token in server._refresh
    assert row.refresh_token not in done.out + done.err
    assert status(desk, expect=0)["colour"] == "green"


def test_it_waits_until_the_code_is_entered(desk: Path, server: TokenServer) -> None:
    # One request for the code, then one for each look whether it was entered.
    server.approve_after_requests = 4
    gateway("auth", "login", "m365", cwd=desk, expect=0)
    assert len(server.asked()) == 4


@pytest.mark.parametrize(
    ("error", "description", "words"),
    [
        ("authorization_declined", "AADSTS65004: User declined to consent.", "the login was declined"),
        ("expired_token", "AADSTS70020: expired.", "nobody entered the code in time"),
        ("invalid_client", "AADSTS7000218: The request body must contain…", "Allow public client flows"),
    ],
)
def test_a_login_that_fails_says_why(desk: Path, server: TokenServer, error: str, description: str, words: str) -> None:
    server.refuse(error, description, path="/token")
    done = gateway("auth", "login", "m365", cwd=desk, expect=1)
    server.accept_again()
    assert words in done.err
    assert status(desk, expect=2)["error"].startswith("nobody has logged in")


def test_a_login_without_a_refresh_token_would_not_last(desk: Path, server: TokenServer) -> None:
    server.refuse("", path="/token", status=200, body=b'{"access_token": "a", "expires_in": 3600}')
    assert "offline_access" in gateway("auth", "login", "m365", cwd=desk, expect=1).err


def test_a_name_that_is_not_there_is_told_with_those_that_are(desk: Path) -> None:
    assert "m365" in gateway("auth", "login", "m366", cwd=desk, expect=2).err


def test_an_app_needs_no_login(desk: Path, server: TokenServer) -> None:
    text = TOML.format(grant="client_credentials", client=CLIENT_ID, url=server.url)
    (desk / "gateway.toml").write_text(text)
    assert "needs no login" in gateway("auth", "login", "m365", cwd=desk, env=SECRET, expect=2).err
    record = status(desk, expect=1, **SECRET)
    assert (record["colour"], record["used_by"]) == ("yellow", ["relay"])
    assert not (desk / "storage").exists() or server.asked() == []


def test_status_of_a_desk_without_accounts(new_desk: Path) -> None:
    assert "nobody logs in with tokens" in gateway("auth", "status", cwd=new_desk, expect=0).out


def test_status_for_people_says_what_to_do(desk: Path, server: TokenServer) -> None:
    done = gateway("auth", "status", cwd=desk, expect=2)
    assert done.out.startswith("[oauth.m365] has no token\n")
    assert "run `gateway auth login m365`" in done.out
    server.approved = True
    gateway("auth", "login", "m365", cwd=desk, expect=0)
    done = gateway("auth", "status", cwd=desk, expect=0)
    assert done.out.startswith("[oauth.m365] has a token\n")
    assert "used by:     relay" in done.out


def test_a_login_belongs_to_its_settings(desk: Path, server: TokenServer) -> None:
    server.approved = True
    gateway("auth", "login", "m365", cwd=desk, expect=0)
    toml = (desk / "gateway.toml").read_text().replace('account = "helpdesk@', 'account = "other@')
    (desk / "gateway.toml").write_text(toml)
    assert "nobody has logged in as other@example.com" in status(desk, expect=2)["error"]


def test_gateway_status_is_red_with_the_cause(desk: Path, server: TokenServer) -> None:
    server.approved = True
    gateway("auth", "login", "m365", cwd=desk, expect=0)
    server.revoke()
    check = gateway("check", "--connect", "--seconds", "1", cwd=desk, expect=1)
    assert "FAIL  oauth m365: the login is no longer valid" in check.out
    done = gateway("status", cwd=desk, expect=2)
    assert "the login is no longer valid" in done.out
