"""Listen, count the guests, stop politely: what SMTP and LMTP have in common below their protocol.

asyncio lives only here and in the sessions; `SmtpThread` gives it a thread of its own, so that the rest of the gateway
need not know of it. What may fail: `ConfigurationError` when the place to listen can't be had.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import stat
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from gateway.errors import ConfigurationError, Problem

GRACE_SECONDS = 30.0
_BACKLOG = 128


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where to listen: a TCP host and port (0 = a free one), or the path of a Unix socket. `key` is its setting."""

    key: str
    host: str = ""
    port: int = 0
    path: Path | None = None


class Guest(Protocol):
    """A session as the listener sees it."""

    def leave_when_idle(self) -> None:
        """End the session now, or after the mail that is being taken."""

    def cut(self) -> None:
        """Drop the connection, whatever is going on."""


class GuestBook:
    """Who is connected. Trusted peers have no limit of their own and may use twice as many places."""

    def __init__(self, *, connections: int, connections_per_peer: int, trusted_peers: tuple[str, ...]) -> None:
        self._connections = connections
        self._connections_per_peer = connections_per_peer
        self._trusted = tuple(ipaddress.ip_network(peer) for peer in trusted_peers)
        self._guests: dict[Guest, str] = {}
        self._by_peer: Counter[str] = Counter()
        self._empty = asyncio.Event()
        self._empty.set()

    def trusts(self, peer: str) -> bool:
        """Tell whether `peer` (an IP address, "" for a Unix socket) is one of our own mail servers."""
        return not peer or any(ipaddress.ip_address(peer) in network for network in self._trusted)

    def enter(self, guest: Guest, peer: str) -> str:
        """Write a guest in; a reply that refuses it when there is no place, else ""."""
        if self.trusts(peer):
            full = len(self._guests) >= 2 * self._connections
        else:
            full = len(self._guests) >= self._connections or self._by_peer[peer] >= self._connections_per_peer
        if full:
            return "421 4.7.0 Too many connections, please try again later"
        self._guests[guest] = peer
        self._by_peer[peer] += 1
        self._empty.clear()
        return ""

    def leave(self, guest: Guest) -> None:
        peer = self._guests.pop(guest, None)
        if peer is not None:
            self._by_peer[peer] -= 1
            self._by_peer += Counter()
        if not self._guests:
            self._empty.set()

    async def send_home(self, grace_seconds: float) -> None:
        """Ask all guests to leave, and cut the connections of those who have not after the grace."""
        for guest in tuple(self._guests):
            try:
                guest.leave_when_idle()
            except Exception:  # noqa: BLE001 - a connection that died half-way must not keep the others from leaving
                guest.cut()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), grace_seconds)
        for guest in tuple(self._guests):
            guest.cut()


class Listener:
    """A server socket; `session` makes the protocol object of each connection, which writes itself into the book."""

    def __init__(self, place: Place, *, book: GuestBook, session: Callable[[], asyncio.Protocol]) -> None:
        self._place = place
        self._book = book
        self._session = session
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The TCP port that is listened on, 0 for a Unix socket or before the start."""
        sockets = self._server.sockets if self._server else ()
        return next((each.getsockname()[1] for each in sockets if each.family != socket.AF_UNIX), 0)

    async def start(self) -> None:
        """Listen from now on; raises ConfigurationError where the place can't be had."""
        loop, place = asyncio.get_running_loop(), self._place
        try:
            if place.path is not None:
                _remove_dead_socket(place.path)
                self._server = await loop.create_unix_server(self._session, str(place.path))
                # Like a port on this machine: whoever may enter the folder may deliver.
                place.path.chmod(0o666)
            else:
                # asyncio makes "::" mean IPv6 only; None is every address of this machine.
                host = None if place.host in ("", "::") else place.host
                self._server = await loop.create_server(self._session, host, place.port, backlog=_BACKLOG)
        except OSError as error:
            where = str(place.path) if place.path else f"{place.host}:{place.port}"
            message = f"can't listen on {where}: {error.strerror or error}"
            raise ConfigurationError([Problem(file="gateway.toml", key=place.key, message=message)]) from error

    async def stop(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """Take no new connections, let mails that are being taken be finished, close the rest; once, after `start`."""
        assert self._server is not None
        self._server.close()
        await self._book.send_home(grace_seconds)
        if self._place.path is not None:
            self._place.path.unlink(missing_ok=True)
        self._server = None


class SmtpThread:
    """Host a listener's event loop in a thread of its own."""

    def __init__(self, listener: Listener, *, name: str = "smtp") -> None:
        self._listener = listener
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name=name, daemon=True)
        self._listening: Future[int] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leave: asyncio.Event | None = None
        self._grace_seconds = GRACE_SECONDS

    @property
    def port(self) -> int:
        """The TCP port that is listened on, 0 for a Unix socket; valid after `start`."""
        return self._listening.result()

    def start(self) -> Self:
        """Return when the listener listens; raises what its start raises."""
        self._thread.start()
        self._listening.result()
        return self

    def stop(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """Stop the listener and end the thread; to be called before the door is shut."""
        if self._loop is not None and self._leave is not None and self._thread.is_alive():
            self._grace_seconds = grace_seconds
            self._loop.call_soon_threadsafe(self._leave.set)
            self._thread.join()

    async def _main(self) -> None:
        self._loop, self._leave = asyncio.get_running_loop(), asyncio.Event()
        try:
            await self._listener.start()
        except BaseException as error:  # noqa: BLE001 - handed to the thread that called start
            self._listening.set_exception(error)
            return
        self._listening.set_result(self._listener.port)
        await self._leave.wait()
        await self._listener.stop(self._grace_seconds)


def ip_address(peername: object) -> str:
    """The client's IP address from what its transport says of it, "" on a Unix socket."""
    if not isinstance(peername, tuple):
        return ""
    address = ipaddress.ip_address(peername[0])
    return str(getattr(address, "ipv4_mapped", None) or address)


def _remove_dead_socket(path: Path) -> None:
    """Remove the socket that a killed process left behind; raises OSError where another process still answers on it."""
    if not path.exists() or not stat.S_ISSOCK(path.stat().st_mode):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError("another process listens there")
