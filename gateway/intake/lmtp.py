"""Listen for LMTP (RFC 2033) on a TCP port or a Unix socket: for the mail server that stands before us.

One mail, one ledger row, and one reply for each recipient; with a single reply a Postfix waits in vain for the others
and delivers again.

What may fail: `ConfigurationError` for a place that can't be had.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from gateway.intake.accept import Door
from gateway.intake.data import SpoolMemory
from gateway.intake.listener import GuestBook, Listener, Place
from gateway.intake.smtp_limits import Limits, Timeouts
from gateway.intake.smtp_session import HOP_LIMIT, SessionOptions, SmtpSession
from gateway.mail import Transport
from gateway.settings.tables import Lmtp

CONNECTIONS = 50
_EVERYBODY = ("0.0.0.0/0", "::/0")


class LmtpListener(Listener):
    """Listen for LMTP. Whoever can reach the place is one of our own mail servers."""

    def __init__(
        self,
        settings: Lmtp,
        *,
        size_limit_bytes: int,
        is_recipient: Callable[[str], bool],
        door: Door,
        clock: Callable[[], datetime],
        hostname: str = "",
        memory: SpoolMemory,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        spool_folder: Path | None = None,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
        hop_limit: Callable[[], int] = lambda: HOP_LIMIT,
    ) -> None:
        options = SessionOptions(
            hop_limit=hop_limit,
            door=door,
            is_recipient=is_recipient,
            clock=clock,
            size_limit_bytes=size_limit_bytes,
            hostname=hostname or socket.gethostname(),
            memory=memory,
            limits=limits,
            spool_folder=spool_folder,
            submitters_only=settings.submitters_only,
            timeouts=timeouts,
        )
        book = GuestBook(connections=CONNECTIONS, connections_per_peer=CONNECTIONS, trusted_peers=_EVERYBODY)
        super().__init__(_place(settings.listen), book=book, session=lambda: LmtpSession(options, book))


def _place(listen: str) -> Place:
    if listen.startswith("unix:"):
        return Place(key="lmtp.listen", path=Path(listen.removeprefix("unix:")))
    host, _, port = listen.rpartition(":")
    return Place(key="lmtp.listen", host=host.strip("[]"), port=int(port))


class LmtpSession(SmtpSession):
    """One LMTP connection: SMTP with another greeting and more answers."""

    greeting = "LMTP"
    kind = Transport.LMTP

    def __init__(self, options: SessionOptions, book: GuestBook) -> None:
        super().__init__(options, book)
        # RFC 2033 §4.1: the SMTP greetings are not to be understood.
        del self._smtp_methods["EHLO"], self._smtp_methods["HELO"]

    async def smtp_LHLO(self, hostname: str) -> None:  # noqa: N802 - aiosmtpd's name
        await self.smtp_EHLO(hostname)

    async def _answer(self, reply: str, recipients: list[str]) -> None:
        """Answer once for each accepted recipient (RFC 2033 §4.2), in one write."""
        for _ in recipients[1:]:
            self._write(reply)
        await super()._answer(reply, recipients)
