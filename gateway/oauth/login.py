"""A person logs in once, on any device with a browser: RFC 8628, the work behind `gateway auth login`.

What may fail: `NoToken` with its cause. The tokens are committed before anybody hears of success; running gateways
find them there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import peewee

from gateway.oauth.accounts import Account, identity_of
from gateway.oauth.answers import DeviceLogin, Granted, NoToken
from gateway.oauth.client import begin_login, poll_login
from gateway.oauth.explain import Cause, token_refusal
from gateway.store.oauth import keep_login

# RFC 8628 §3.5: how much more patience slow_down asks for.
SLOWER = timedelta(seconds=5)
LONGEST_INTERVAL = timedelta(minutes=1)


def log_in(
    account: Account,
    *,
    database: peewee.Database,
    clock: Callable[[], datetime],
    wait: Callable[[float], object],
    show: Callable[[DeviceLogin], object],
    progress: Callable[[timedelta], object],
) -> Granted:
    """Show where to go and which code to type, wait until that is done, keep the tokens; raises NoToken.

    `wait` gets seconds; `progress` is told before each wait how much time is left.
    """
    one, secret = account.settings, account.secret()
    login = begin_login(one, name=account.name, secret=secret)
    show(login)
    ends_at, interval = clock() + login.life, login.interval
    while (left := ends_at - clock()) > timedelta(0):
        progress(left)
        wait(interval.total_seconds())
        asked_at = clock()
        try:
            granted = poll_login(one, login, name=account.name, secret=secret)
        except NoToken as failure:
            if failure.error == "slow_down":
                interval += SLOWER
                continue
            # RFC 8628 §3.5: a server that can't be reached is asked again, more slowly.
            if failure.cause.is_ours:
                raise
            interval = min(2 * interval, LONGEST_INTERVAL)
            continue
        if granted is not None:
            return _kept(account, granted, database=database, now=asked_at)
    expired = token_refusal(
        error="expired_token", description="", name=account.name, account=one.account, grant=one.grant
    )
    raise NoToken(expired)


def _kept(account: Account, granted: Granted, *, database: peewee.Database, now: datetime) -> Granted:
    if not granted.refresh_token:
        text = "the token server gave no refresh token, so the login would end within the hour"
        hint = "leave scopes out, or add offline_access to them"
        raise NoToken(Cause(text=text, hint=hint))
    keep_login(
        database,
        account.name,
        identity=identity_of(account.settings),
        refresh_token=granted.refresh_token,
        access_token=granted.access_token,
        access_until=now + granted.life,
        now=now,
    )
    return granted
