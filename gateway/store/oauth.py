"""The tokens at rest: one row for each `[oauth.NAME]`, shared by every process of the desk.

A rotated refresh token is a key that exists once. So only the holder of the row's lease asks for tokens, what it got is
committed before it is used, and it writes only over the generation that it had read: a login by a person meanwhile, or
another process after a lease that ran out, is never overwritten.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import peewee

from gateway.store.database import transaction
from gateway.store.tables import OauthAccount

# Longer than a token server can take to answer; after a crash elsewhere an account rests for so long.
LEASE = timedelta(seconds=90)


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A row as it was read; empty texts and None where there is nothing yet."""

    name: str
    identity: str = ""
    generation: int = 0
    refresh_token: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    access_from: datetime | None = None
    access_until: datetime | None = None
    logged_in_at: datetime | None = None
    secret_digest: str = ""
    failures: int = 0
    not_before: datetime | None = None
    last_ok_at: datetime | None = None
    last_error_at: datetime | None = None
    last_error: str = ""

    @property
    def has_trouble(self) -> bool:
        """Whether the last thing that happened was a failure."""
        return bool(self.last_error)


_COLUMNS = tuple(Stored.__dataclass_fields__)


def read_account(name: str) -> Stored:
    """The row, or an empty one."""
    row = OauthAccount.get_or_none(OauthAccount.name == name)
    return Stored(name=name) if row is None else _stored(row)


def read_accounts() -> list[Stored]:
    return [_stored(row) for row in OauthAccount.select().order_by(OauthAccount.name)]


def take_lease(database: peewee.Database, name: str, *, owner: str, now: datetime) -> Stored | None:
    """Get the right to ask for tokens, and the row as it is now; None while another process has it."""
    free = OauthAccount.lease_until.is_null() | (OauthAccount.lease_until <= now) | (OauthAccount.lease_owner == owner)
    # A lease that ends further away than any lasts was written by a wrong clock.
    free |= OauthAccount.lease_until > now + LEASE
    with transaction(database):
        OauthAccount.insert(name=name).on_conflict_ignore().execute()
        change = OauthAccount.update(lease_owner=owner, lease_until=now + LEASE)
        taken = change.where((OauthAccount.name == name) & free).execute()
        return read_account(name) if taken else None


def give_lease_back(database: peewee.Database, name: str, *, owner: str) -> None:
    with transaction(database):
        ours = (OauthAccount.name == name) & (OauthAccount.lease_owner == owner)
        OauthAccount.update(lease_owner="", lease_until=None).where(ours).execute()


def keep_tokens(
    database: peewee.Database,
    stored: Stored,
    *,
    identity: str,
    refresh_token: str,
    access_token: str,
    access_until: datetime,
    secret_digest: str,
    now: datetime,
) -> bool:
    """Commit what the token server gave; False (nothing written) where the row has moved on since it was read."""
    changes = {
        "identity": identity,
        "refresh_token": refresh_token,
        "access_token": access_token,
        "access_from": now,
        "access_until": access_until,
        "secret_digest": secret_digest,
        "last_ok_at": now,
    }
    with transaction(database):
        return _change(stored, generation=stored.generation + 1, **changes, **_WELL)


def keep_login(
    database: peewee.Database,
    name: str,
    *,
    identity: str,
    refresh_token: str,
    access_token: str,
    access_until: datetime,
    now: datetime,
) -> None:
    """Commit what a person's login gave, whatever was there: every process goes on with it."""
    row = {
        "identity": identity,
        "refresh_token": refresh_token,
        "access_token": access_token,
        "access_from": now,
        "access_until": access_until,
        "logged_in_at": now,
        "last_ok_at": now,
        **_WELL,
    }
    with transaction(database):
        OauthAccount.insert(name=name).on_conflict_ignore().execute()
        change = OauthAccount.update(generation=OauthAccount.generation + 1, **row)
        change.where(OauthAccount.name == name).execute()


def note_failure(
    database: peewee.Database,
    stored: Stored,
    *,
    error: str,
    not_before: datetime,
    secret_digest: str,
    forget_access: bool,
    now: datetime,
) -> bool:
    """Commit that the token server gave none and when to ask again; False where the row has moved on.

    `forget_access`: the last token is known to be worthless, too.
    """
    changes: dict[str, Any] = {
        "failures": stored.failures + 1,
        "not_before": not_before,
        "secret_digest": secret_digest,
    }
    if forget_access:
        changes |= {"access_token": "", "access_from": None, "access_until": None}
    with transaction(database):
        return _change(stored, last_error=error, last_error_at=now, **changes)


def note_missing_login(database: peewee.Database, stored: Stored, *, error: str, now: datetime) -> None:
    """Commit that a person has to log in; nobody was asked, so nothing has to rest."""
    with transaction(database):
        _change(stored, last_error=error, last_error_at=now)


def forget_troubles_of_others(database: peewee.Database, names: list[str]) -> None:
    """Let accounts that no settings name any more trouble nobody; their tokens stay, in case the table comes back."""
    with transaction(database):
        stale = OauthAccount.name.not_in(names) & (OauthAccount.last_error != "")
        OauthAccount.update(**_WELL).where(stale).execute()


_WELL: dict[str, Any] = {"failures": 0, "not_before": None, "last_error": "", "last_error_at": None}


def _change(stored: Stored, **changes: Any) -> bool:
    same = (OauthAccount.name == stored.name) & (OauthAccount.generation == stored.generation)
    return bool(OauthAccount.update(**changes).where(same).execute())


def _stored(row: OauthAccount) -> Stored:
    return Stored(**{column: getattr(row, column) for column in _COLUMNS})
