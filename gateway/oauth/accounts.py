"""The accounts of `[oauth.NAME]`: who wants to log in gets a token here that is good now, or the reason why not.

Place: behind the logins of intake and delivery. One account serves all its mailboxes and the relay; its token is asked
for once, by one thread of one process, and shared through the database. What is kept there is committed before it is
used, because a rotated refresh token exists nowhere else. When the token server refuses, nobody asks it again before a
pause is over that all processes share and that a restart does not shorten; a login by a person, or another secret in
the file, ends it. What may fail: `TokenTrouble`, which is temporary for every mail.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import logging
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import peewee

from gateway.errors import ConfigurationError, Problem, TemporaryFailure
from gateway.oauth.answers import Granted, NoToken
from gateway.oauth.explain import Cause, login_refusal
from gateway.settings import Oauth, Settings
from gateway.store import oauth as store
from gateway.store.database import connection
from gateway.store.oauth import Stored

_log = logging.getLogger(__name__)

# A token is renewed so long before its end, or in the last tenth of a short life.
RENEW_BEFORE = timedelta(minutes=5)
# A token that a server refuses, and never took, is replaced when it is so old: permissions may have been given since.
UNPROVEN_LIFE = timedelta(minutes=5)
# How long to leave the token server alone: where a person must act, and where it is away or busy.
OURS_DELAYS_SECONDS = (60, 120, 300, 600, 1200, 1800)
AWAY_DELAYS_SECONDS = (5, 10, 20, 40, 60, 120)
LONGEST_PAUSE = timedelta(minutes=35)
JITTER = 0.1
# How long to wait for another process that asks at this moment, and how often to look.
_PATIENCE_LOOKS, _LOOK_SECONDS = 100, 0.2


class TokenTrouble(TemporaryFailure):
    """There is no token now; the text says why and what to do. Mail waits, and the next try asks again."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """A token to show to a mail server, and when it was given and ends."""

    token: str = field(repr=False)
    since: datetime
    until: datetime

    def is_good(self, now: datetime) -> bool:
        life = self.until - self.since
        return self.since - RENEW_BEFORE <= now < self.until - min(RENEW_BEFORE, life / 10)


class Tokens:
    """All accounts of the settings; `database` gives that of the tables, None where there is none: nothing is kept."""

    def __init__(
        self,
        settings: Settings,
        *,
        database: Callable[[], peewee.Database] | None,
        clock: Callable[[], datetime],
        owner: str,
        impatient: bool = False,
        fresh: bool = False,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`owner` names this process in leases; `impatient` asks in spite of a pause, `fresh` in spite
        of a token that is good still: a person wants to know."""
        require_libraries(settings)
        self._accounts = {
            name: Account(
                name, one, database=database, clock=clock, owner=owner, impatient=impatient, fresh=fresh, chance=chance
            )
            for name, one in settings.oauth.items()
        }

    def account(self, name: str) -> Account | None:
        """The account of that name; None for "", which is a login by password."""
        return self._accounts[name] if name else None


class Account:
    """One account, for all threads of this process."""

    def __init__(
        self,
        name: str,
        settings: Oauth,
        *,
        database: Callable[[], peewee.Database] | None,
        clock: Callable[[], datetime],
        owner: str,
        impatient: bool = False,
        fresh: bool = False,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.settings = settings
        self._database = database
        self._clock = clock
        self._owner = owner
        self._impatient = impatient
        self._not_older_than = clock() if fresh else None
        self._chance = chance
        # A variable wins over the file.
        self._follows_file = _first_line(settings.client_secret_file) == self._first_secret() != ""
        self._turn = threading.Lock()
        self._current: Access | None = None
        self._refused: set[str] = set()
        self._proven: set[tuple[str, str]] = set()
        self._unsaved: tuple[Stored, Granted, datetime] | None = None

    def access(self) -> Access:
        """A token that is good now; may ask the token server, so never within a transaction. Raises TokenTrouble."""
        with self._turn:
            current = self._current
            if current is not None and current.is_good(self._clock()):
                return current
            self._current = current = self._new_access()
            return current

    def accepted(self, access: Access, place: str) -> None:
        """Note that a server (`place`: "user@host:port") took the token."""
        self._proven.add((access.token, place))

    def refused(self, access: Access, place: str) -> bool:
        """Note that a server refused the token; True where another one may help, and will be given the next time."""
        with self._turn:
            age = self._clock() - access.since
            if (access.token, place) not in self._proven and timedelta(0) <= age < UNPROVEN_LIFE:
                return False  # it is new and was never good here: the permissions are what is wrong
            if self._current is not None and self._current.token == access.token:
                self._current = None
            self._refused = {access.token}
            self._proven = {one for one in self._proven if one[0] != access.token}
            return True

    def why_refused(self, access: Access, *, service: str, said: str, server_error: str, user: str) -> str:
        """What to do about a mail server that refuses a token."""
        return login_refusal(
            provider=self.settings.provider,
            service=service,
            said=said,
            server_error=server_error,
            token=access.token,
            user=user,
        )

    # --- a new token ---

    def _new_access(self) -> Access:
        if self._database is None:
            return self._without_database()
        try:
            database = self._database()
            with _connected(database):
                self._save_unsaved(database)
                return self._from_database(database)
        except peewee.PeeweeException as error:
            raise TokenTrouble(f"[oauth.{self.name}]: the database is away, and the tokens with it") from error

    def _without_database(self) -> Access:
        if self.settings.grant == "device_code":
            raise self._trouble(self._missing_login())
        now = self._clock()
        try:
            granted = self._ask("")
        except NoToken as error:
            raise self._trouble(error.cause) from error
        return Access(token=granted.access_token, since=now, until=now + granted.life)

    def _from_database(self, database: peewee.Database) -> Access:
        waiting = threading.Event()
        for _ in range(_PATIENCE_LOOKS):
            now = self._clock()
            seen = store.read_account(self.name)
            if (access := self._good_access(seen, now)) is not None:
                return access
            self._respect_pause(seen, now)
            leased = store.take_lease(database, self.name, owner=self._owner, now=now)
            if leased is None:
                waiting.wait(_LOOK_SECONDS)
                continue
            try:
                # Somebody may have asked between the look and the lease.
                access = self._good_access(leased, now)
                if access is None:
                    self._respect_pause(leased, now)
                    access = self._asked(database, leased, now)
            finally:
                store.give_lease_back(database, self.name, owner=self._owner)
            if access is not None:
                return access
        raise TokenTrouble(f"[oauth.{self.name}]: another process is asking for a token; it takes long")

    def _good_access(self, stored: Stored, now: datetime) -> Access | None:
        if stored.identity != self._identity() or not stored.access_token or stored.access_token in self._refused:
            return None
        assert stored.access_from is not None
        assert stored.access_until is not None
        access = Access(token=stored.access_token, since=stored.access_from, until=stored.access_until)
        if self._not_older_than is not None and access.since < self._not_older_than:
            return None
        return access if access.is_good(now) else None

    def _respect_pause(self, stored: Stored, now: datetime) -> None:
        until = stored.not_before
        if self._impatient or until is None or stored.identity not in ("", self._identity()):
            return
        # A pause that ends further away than any lasts was written by a wrong clock.
        if now < until <= now + LONGEST_PAUSE and stored.secret_digest == self._secret_digest():
            raise self._trouble_text(stored.last_error)

    def _asked(self, database: peewee.Database, leased: Stored, now: datetime) -> Access | None:
        """Ask with the lease held; None where the row has moved on meanwhile: look again."""
        refresh_token = leased.refresh_token if leased.identity == self._identity() else ""
        if self.settings.grant == "device_code" and not refresh_token:
            cause = self._missing_login()
            if leased.last_error != str(cause):
                store.note_missing_login(database, leased, error=str(cause), now=now)
            raise self._trouble(cause)
        self._impatient = False  # one question is enough for whoever wants to know
        try:
            granted = self._ask(refresh_token)
        except NoToken as error:
            if not self._note_failure(database, leased, error, now):
                return None
            raise self._trouble(error.cause) from error
        self._unsaved = (leased, granted, now)
        if not self._save_unsaved(database):
            return None
        return Access(token=granted.access_token, since=now, until=now + granted.life)

    def _save_unsaved(self, database: peewee.Database) -> bool:
        """Commit what was given; what can't be committed now is kept for the next time, and not used before."""
        if self._unsaved is None:
            return True
        leased, granted, at = self._unsaved
        old = leased.refresh_token if leased.identity == self._identity() else ""
        kept = store.keep_tokens(
            database,
            leased,
            identity=self._identity(),
            refresh_token=granted.refresh_token or old,
            access_token=granted.access_token,
            access_until=at + granted.life,
            secret_digest=self._secret_digest(),
            now=at,
        )
        self._unsaved = None
        if kept and leased.has_trouble:
            _log.info("oauth: account=%s has a token again", self.name)
        return kept

    def _note_failure(self, database: peewee.Database, leased: Stored, error: NoToken, now: datetime) -> bool:
        steps = OURS_DELAYS_SECONDS if error.cause.is_ours else AWAY_DELAYS_SECONDS
        seconds = steps[min(leased.failures, len(steps) - 1)] * (1 - JITTER + 2 * JITTER * self._chance())
        pause = max(timedelta(seconds=seconds), error.retry_after or timedelta(0))
        noted = store.note_failure(
            database,
            leased,
            error=str(error.cause),
            not_before=now + pause,
            secret_digest=self._secret_digest(),
            forget_access=leased.access_token in self._refused,
            now=now,
        )
        if noted:
            level = logging.ERROR if error.cause.is_ours else logging.WARNING
            text = "oauth: account=%s has no token, asked again in %.0f s: %s"
            _log.log(level, text, self.name, pause.total_seconds(), error.cause)
        return noted

    def _ask(self, refresh_token: str) -> Granted:
        from gateway.oauth.client import ask

        return ask(self.settings, name=self.name, secret=self.secret(), refresh_token=refresh_token)

    def _missing_login(self) -> Cause:
        whose = self.settings.account
        return Cause(text=f"nobody has logged in as {whose} yet", hint=f"run `gateway auth login {self.name}`")

    def _trouble(self, cause: Cause) -> TokenTrouble:
        return self._trouble_text(str(cause))

    def _trouble_text(self, text: str) -> TokenTrouble:
        return TokenTrouble(f"[oauth.{self.name}]: {text}")

    # --- what the tokens belong to ---

    def secret(self) -> str:
        """The client's secret: as its file has it now, so that a new one needs no restart, or the environment's."""
        return (_first_line(self.settings.client_secret_file) if self._follows_file else "") or self._first_secret()

    def _first_secret(self) -> str:
        return self.settings.client_secret.get_secret_value()

    def _identity(self) -> str:
        return identity_of(self.settings)

    def _secret_digest(self) -> str:
        """Which secret (and key file) was tried last, so that a new one is tried at once."""
        parts = [self.secret()]
        for file in (self.settings.certificate_file, self.settings.service_account_file):
            with contextlib.suppress(OSError):
                parts.append(str(file.stat().st_mtime_ns) if file is not None else "")
        return _digest(*parts)


@contextlib.contextmanager
def _connected(database: peewee.Database) -> Iterator[None]:
    """This thread's connection, or one for the length of the block where it has none."""
    if database.is_closed():
        with connection(database):
            yield
    else:
        yield


def identity_of(one: Oauth) -> str:
    """A digest of all that a token is bound to: with other settings it is somebody else's."""
    return _digest(one.provider, one.grant, one.account.lower(), one.client_id, one.token_url, *one.scopes)


def _first_line(file: Path | None) -> str:
    if file is not None:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    return ""


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def require_libraries(settings: Settings) -> None:
    """Refuse settings that need the extra where it is not installed."""
    if settings.oauth and any(importlib.util.find_spec(name) is None for name in ("authlib", "requests")):
        problem = Problem(
            file="gateway.toml",
            key="oauth",
            message="OAuth needs its libraries",
            suggestion="pip install 'helpdesk-gateway[oauth]'",
        )
        raise ConfigurationError([problem])
