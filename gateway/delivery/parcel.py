"""What a way out gets: final bytes and an envelope."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gateway.delivery.outcome import Answer


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """One mail to one recipient; `reverse_path` "" is the null sender, `content` has CRLF lines."""

    id: int
    attempt: int
    created_at: datetime
    recipient: str
    reverse_path: str
    content: bytes = field(repr=False)
    sha256: bytes = field(repr=False)


class Channel(Protocol):
    """A way out. `send` never raises for what a relay or a disk does; at most `connections` run at a time.

    `has_new_login`: what was refused as a login is another one by now, so that there is no reason to wait.
    """

    @property
    def connections(self) -> int: ...

    @property
    def has_new_login(self) -> bool: ...

    async def send(self, parcel: Parcel) -> Answer: ...

    async def close_idle(self) -> None: ...

    async def close(self) -> None: ...
