"""The way out to a relay: a few sessions that are kept open and used again.

A kept session that the relay has closed meanwhile is replaced without any mail noticing. Never raises for what the
relay does: each mail gets an `Answer`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from time import monotonic

from gateway.delivery.outcome import Answer, ChannelTrouble, Fate
from gateway.delivery.parcel import Parcel
from gateway.delivery.session import Session, StaleSession, open_session
from gateway.oauth import Account
from gateway.settings import Relay, password_of

# Shorter than any relay's own patience; a session that was idle for a moment is asked whether it still lives.
IDLE_SECONDS = 30.0
ASK_AFTER_SECONDS = 1.0


class RelayChannel:
    """At most `connections` sessions with the relay of the settings; `account` is that of `[relay] oauth`."""

    def __init__(
        self, settings: Relay, *, ticks: Callable[[], float] = monotonic, account: Account | None = None
    ) -> None:
        self._settings = settings
        self._account = account
        self._ticks = ticks
        self._context: ssl.SSLContext | None = None
        self._hostname = settings.hostname
        self._kept: list[Session] = []
        self._opening = asyncio.Lock()
        self._trouble: ChannelTrouble | None = None
        self._refused_password: str | None = None

    @property
    def has_new_login(self) -> bool:
        return self._refused_password is not None and password_of(self._settings) != self._refused_password

    @property
    def connections(self) -> int:
        return self._settings.connections

    async def send(self, parcel: Parcel) -> Answer:
        """Send one mail through a kept session, or through a new one."""
        while True:
            try:
                session = await self._kept_session() or await self._new_session()
            except ChannelTrouble as trouble:
                return trouble.answer
            try:
                answer = await session.deliver(parcel)
            except StaleSession:
                session.abort()
                continue
            except BaseException:
                # Cancelled in the middle of a dialogue, or a mistake of ours: nobody may go on in this session.
                session.abort()
                raise
            if session.is_open:
                self._kept.append(session)
            return answer

    async def _kept_session(self) -> Session | None:
        while self._kept:
            session = self._kept.pop()
            if self._ticks() - session.last_used > ASK_AFTER_SECONDS:
                await session.reset()
            if session.is_open:
                return session
        return None

    async def _new_session(self) -> Session:
        """Open a session, one at a time: a wrong password is not to be shown to the relay by all of us at once."""
        known = self._trouble
        async with self._opening:
            if self._trouble is not None and self._trouble is not known:
                # Whoever went before us has found out.
                raise ChannelTrouble(self._trouble.answer)
            password = password_of(self._settings)
            try:
                session = await self._open()
            except ChannelTrouble as trouble:
                self._trouble = trouble
                self._refused_password = password if trouble.answer.fate is Fate.MISCONFIGURED else None
                raise
            self._refused_password = None
            return session

    async def _open(self) -> Session:
        if self._context is None:
            self._context = make_tls_context(self._settings)
        if not self._hostname:
            self._hostname = await asyncio.to_thread(socket.getfqdn)
        return await open_session(
            self._settings, self._context, hostname=self._hostname, ticks=self._ticks, account=self._account
        )

    async def close_idle(self) -> None:
        """Close the sessions that nobody has used for a while."""
        now = self._ticks()
        idle = [session for session in self._kept if now - session.last_used > IDLE_SECONDS]
        self._kept = [session for session in self._kept if session not in idle]
        for session in idle:
            await session.close()

    async def close(self) -> None:
        """Say goodbye in all kept sessions."""
        kept, self._kept = self._kept, []
        for session in kept:
            await session.close()
        # One turn of the loop, so that the transports close their sockets.
        await asyncio.sleep(0)


def make_tls_context(settings: Relay) -> ssl.SSLContext | None:
    """A context that checks certificate and name, None for tls = "none"; raises ChannelTrouble for a bad `ca_file`."""
    if settings.tls == "none":
        return None
    # The library's own default would do, but whether certificates are checked must not hang on a default.
    try:
        return ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    except OSError as error:
        reply = f"ca_file {settings.ca_file}: {error.strerror or error}"
        raise ChannelTrouble(Answer(fate=Fate.MISCONFIGURED, reply=reply)) from error
