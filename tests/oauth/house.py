"""Accounts of one desk on a real database, a token server to ask, and a clock to turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import peewee
from pydantic import SecretStr

from gateway.oauth import Account, TokenTrouble
from gateway.settings import Oauth
from gateway.store.database import connection, migrate, open_database
from gateway.store.oauth import Stored, keep_login, read_account
from tests.servers.token_server import CLIENT_ID, TokenServer

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ADDRESS = "helpdesk@example.com"
_NAMES = count(1)


def oauth_of(server: TokenServer, **more: Any) -> Oauth:
    """Settings for the token server: an app by itself, unless they say otherwise."""
    if "client_secret" in more:
        more["client_secret"] = SecretStr(more["client_secret"])
    defaults: dict[str, Any] = {
        "provider": "microsoft",
        "grant": "client_credentials",
        "account": ADDRESS,
        "client_id": CLIENT_ID,
        "client_secret": SecretStr(server.secret),
        "token_url": f"{server.url}/token",
        "device_url": f"{server.url}/device",
        "scopes": ("https://outlook.office365.com/.default",),
        "timeout_seconds": 5,
    }
    if more.get("grant") == "device_code":
        defaults["client_secret"] = SecretStr("")
    return Oauth(**(defaults | more))


@dataclass(kw_only=True)
class House:
    """`account` makes another process's view of one account each time."""

    database: peewee.Database
    server: TokenServer
    now: datetime = START
    name: str = "m365"
    changes: dict[str, Any] = field(default_factory=dict)

    def clock(self) -> datetime:
        return self.now

    def turn(self, **span: float) -> None:
        self.now += timedelta(**span)

    @property
    def settings(self) -> Oauth:
        return oauth_of(self.server, **self.changes)

    def account(self, *, settings: Oauth | None = None, impatient: bool = False, fresh: bool = False) -> Account:
        return Account(
            self.name,
            settings or self.settings,
            database=lambda: self.database,
            clock=self.clock,
            owner=f"host/{next(_NAMES)}/x",
            impatient=impatient,
            fresh=fresh,
            chance=lambda: 0.5,
        )

    def log_in(self) -> str:
        """Somebody has run `gateway auth login`; the refresh token that it gave."""
        token = self.server.new_refresh_token()
        with connection(self.database):
            keep_login(
                self.database,
                self.name,
                identity=identity(self.settings),
                refresh_token=token,
                access_token="",
                access_until=self.now,
                now=self.now,
            )
        return token

    def row(self) -> Stored:
        with connection(self.database):
            return read_account(self.name)


def identity(settings: Oauth) -> str:
    from gateway.oauth.accounts import identity_of

    return identity_of(settings)


def trouble_of(account: Account) -> str:
    """Why there is no token."""
    try:
        account.access()
    except TokenTrouble as trouble:
        return trouble.public_text
    raise AssertionError("there is a token")


@contextmanager
def house_with(url: str, server: TokenServer, **changes: Any) -> Iterator[House]:
    database = open_database(url)
    with connection(database):
        migrate(database, now=START)
    yield House(database=database, server=server, changes=changes)
