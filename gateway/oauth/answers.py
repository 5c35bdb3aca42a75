"""What a token server answers, as values; apart from the module that speaks with it, whose libraries load slowly."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from gateway.oauth.explain import Cause


class NoToken(Exception):
    """The token server gave none; `cause` says why, `retry_after` when it wants to be asked again (None: unsaid)."""

    def __init__(self, cause: Cause, *, retry_after: timedelta | None = None, error: str = "") -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.retry_after = retry_after
        self.error = error


@dataclass(frozen=True, kw_only=True)
class Granted:
    """What a token server gave; `refresh_token` is "" where it gave none (then the old one stays good)."""

    access_token: str = field(repr=False)
    life: timedelta
    refresh_token: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class DeviceLogin:
    """A login that waits for a person: where to go and what to type there (RFC 8628 §3.2)."""

    device_code: str = field(repr=False)
    user_code: str
    url: str
    life: timedelta
    interval: timedelta
