"""A connection to an IMAP server that may lie, drip or never stop talking.

imapclient and imaplib believe their server: they allocate what a literal announces, collect answers without end, and
their timeout is for each `recv`, which a server that sends a byte now and then never meets. Here every command has an
allowance of octets and a limit by the wall clock, and every literal has a limit. What is exceeded ends the connection;
the mail stays on the server. Everything above talks to the server through `BoundedClient`.
"""

from __future__ import annotations

import contextlib
import imaplib
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

from imapclient import IMAPClient, SocketTimeout

CONNECT_SECONDS = 10

# One piece of a mail, with room for a server that sends a little more than it was asked for.
LITERAL_LIMIT_BYTES = 2 * 1024 * 1024

# What any command's answer may be long without having asked for mail: a SEARCH in a folder of 1.5 million mails.
ALLOWANCE_BYTES = 16 * 1024 * 1024

# A command that fetches or sends mail has a second more for each of these.
SLOWEST_BYTES_PER_SECOND = 64 * 1024

_RECEIVE_BYTES = 64 * 1024


class Watchdog:
    """Cuts a connection when a step takes too long by the wall clock.

    It holds a duplicate of the socket: TLS wraps (and detaches) the original in the middle of a step.
    """

    def __init__(self) -> None:
        self.bit_after_seconds = 0.0
        self._handle: socket.socket | None = None

    def hold(self, connected: socket.socket) -> None:
        """Watch over this connection."""
        self.release()
        self._handle = connected.dup()

    def release(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()

    @contextlib.contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Cut the connection unless the block ends within so many seconds."""
        timer = threading.Timer(seconds, self._bite, (seconds,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _bite(self, seconds: float) -> None:
        handle = self._handle
        if handle is None:
            return
        self.bit_after_seconds = seconds
        with contextlib.suppress(OSError):
            handle.shutdown(socket.SHUT_RDWR)


class BoundedIMAP4(imaplib.IMAP4):
    """imaplib's protocol over a reader of our own, which counts and limits what the server sends."""

    def __init__(
        self, host: str, port: int, *, context: ssl.SSLContext | None, watchdog: Watchdog, read_seconds: float
    ) -> None:
        self.octets_left = ALLOWANCE_BYTES
        self.has_ended = False
        self._context = context
        self._watchdog = watchdog
        self._read_seconds = read_seconds
        self._buffer = bytearray()
        self._buffer_of: socket.socket | None = None
        super().__init__(host, port)

    def _create_socket(self, timeout: float | None = None) -> socket.socket:
        connected = socket.create_connection((self.host, self.port), timeout=CONNECT_SECONDS)
        self._watchdog.hold(connected)
        connected.settimeout(self._read_seconds)
        if self._context is None:
            return connected
        return self._context.wrap_socket(connected, server_hostname=self.host)

    def read(self, size: int) -> bytes:
        """Read a literal of exactly that many octets."""
        if size > LITERAL_LIMIT_BYTES:
            raise self.abort(f"the server announces a piece of {size} octets")
        self._refuse_octets_before_tls()
        while len(self._buffer) < size:
            self._receive()
        return self._take(size)

    def readline(self) -> bytes:
        """Read up to and with the next LF."""
        self._refuse_octets_before_tls()
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            self._receive()
        return self._take(end + 1)

    def has_unread_octets(self) -> bool:
        """Tell whether something has come that waiting for the socket would not notice."""
        return bool(self._buffer) or (isinstance(self.sock, ssl.SSLSocket) and self.sock.pending() > 0)

    def _take(self, size: int) -> bytes:
        taken = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return taken

    def _refuse_octets_before_tls(self) -> None:
        """Make sure that nothing sent in the clear is read as if it had come inside TLS (RFC 9051 §11.1)."""
        if self._buffer_of is not self.sock:
            if self._buffer:
                raise self.abort("the server (or somebody between) sent octets before TLS had begun")
            self._buffer_of = self.sock

    def _receive(self) -> None:
        try:
            piece = self.sock.recv(_RECEIVE_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, TimeoutError):
            raise
        except OSError:
            self.has_ended = True
            raise
        if not piece:
            self.has_ended = True
            # imapclient recognises the end of the connection by this word.
            raise self.abort("socket error: EOF")
        self.octets_left -= len(piece)
        if self.octets_left < 0:
            raise self.abort("the server's answer is longer than it may be")
        self._buffer += piece


class BoundedClient(IMAPClient):  # type: ignore[misc]  # imapclient has no types
    """An imapclient whose connection is limited in octets and in time."""

    def __init__(self, host: str, port: int, *, context: ssl.SSLContext | None, timeout_seconds: float) -> None:
        self.watchdog = Watchdog()
        self._timeout_seconds = timeout_seconds
        try:
            with self.watchdog.limit(CONNECT_SECONDS + timeout_seconds):
                super().__init__(
                    host,
                    port,
                    ssl=context is not None,
                    ssl_context=context,
                    timeout=SocketTimeout(connect=CONNECT_SECONDS, read=timeout_seconds),
                )
        except BaseException:
            self.watchdog.release()
            raise
        # imapclient sets 5, which writes every mail as a repr into a log line that nobody reads.
        self._imap.debug = 0
        self.normalise_times = False

    def _create_IMAP4(self) -> BoundedIMAP4:  # noqa: N802 (imapclient's name)
        return BoundedIMAP4(
            self.host,
            self.port,
            context=self.ssl_context,
            watchdog=self.watchdog,
            read_seconds=self._timeout_seconds,
        )

    @contextlib.contextmanager
    def command(self, *, mail_bytes: int = 0, seconds: float | None = None) -> Iterator[None]:
        """Limit what runs in the block: `mail_bytes` is how much mail it is to fetch or send at most."""
        wire: Any = self._imap
        wire.octets_left = ALLOWANCE_BYTES + 2 * mail_bytes
        allowed = seconds if seconds is not None else self._timeout_seconds + mail_bytes / SLOWEST_BYTES_PER_SECOND
        with self.watchdog.limit(allowed):
            yield

    def has_unread_octets(self) -> bool:
        return bool(self._imap.has_unread_octets())

    def take_news(self) -> bool:
        """Tell whether the server has announced mail since this was last asked.

        Any command's answer may carry an EXISTS (RFC 9051 §7.4.1), and IDLE does not repeat it; imaplib only keeps it.
        """
        announced = [self._imap.untagged_responses.pop(word, None) for word in ("EXISTS", "RECENT")]
        return announced[0] is not None

    def has_ended(self) -> bool:
        """Tell whether the other side has closed the connection; imapclient's `idle_check` does not say (issue 565)."""
        return bool(self._imap.has_ended)

    def hang_up(self) -> None:
        """Close the connection, whatever state it is in; never raises."""
        with contextlib.suppress(Exception):
            self._imap.shutdown()
        self.watchdog.release()
