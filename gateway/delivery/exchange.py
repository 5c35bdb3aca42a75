"""The words of one mail's transaction with the relay: MAIL, RCPT, DATA and the mail itself, and the answers to them.

aiosmtplib begins, secures and ends the session; for a mail this protocol takes its transport over, since the library
can't write a command before the last one is answered. A relay that offers PIPELINING (RFC 2920; Postfix, Exchange and
Gmail do) gets the three commands in one packet, which saves it and us two round trips a mail.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import aiosmtplib

# Far more than RFC 5321 §4.5.3.1.5 allows, and than three commands in one packet ask for; without these limits a relay
# could fill the memory.
_LONGEST_REPLY_BYTES = 64 * 1024
_MOST_UNREAD = 10
_REPLY_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)
_STRAY_LINE_END = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_DOT = re.compile(rb"^\.", re.MULTILINE)


class Reply(NamedTuple):
    """One reply of the relay; the texts of its lines stand with LF between."""

    code: int
    words: str


class Exchange(asyncio.Protocol):
    """What is written in one transaction, and the replies in their order."""

    def __init__(self, transport: asyncio.Transport, library: asyncio.BaseProtocol) -> None:
        self._transport = transport
        self._library = library
        self._unread = bytearray()
        self._lines: list[str] = []
        self._replies: deque[Reply] = deque()
        self._failure: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def is_ahead(self) -> bool:
        """Whether the relay has said more than was asked for so far."""
        return bool(self._replies)

    def write(self, data: bytes) -> None:
        """Raises SMTPServerDisconnected."""
        if self._transport.is_closing():
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        self._transport.write(data)

    async def reply(self, patience_seconds: float) -> Reply:
        """The next reply. Raises SMTPServerDisconnected, SMTPReadTimeoutError, and SMTPResponseException for what is
        no reply at all."""
        while not self._replies:
            if self._failure is not None:
                raise self._failure
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(patience_seconds):
                    await self._waiter
            except TimeoutError as error:
                raise aiosmtplib.SMTPReadTimeoutError("Timed out waiting for server response") from error
        return self._replies.popleft()

    def abort(self) -> None:
        """Close without a word, and send nothing that is still buffered."""
        self._transport.abort()

    # --- called by the transport ---

    def data_received(self, data: bytes) -> None:
        if self._failure is not None:
            return
        self._unread += data
        while (end := self._unread.find(b"\n")) >= 0:
            line = bytes(self._unread[:end]).rstrip(b"\r")
            del self._unread[: end + 1]
            self._hear(line)
        if len(self._unread) + sum(len(line) + 1 for line in self._lines) > _LONGEST_REPLY_BYTES:
            self._fail(aiosmtplib.SMTPResponseException(-1, "Response too long"))
        if len(self._replies) > _MOST_UNREAD:
            self._fail(aiosmtplib.SMTPResponseException(-1, "More replies than commands"))
        self._wake()

    def eof_received(self) -> None:
        self._fail(aiosmtplib.SMTPServerDisconnected("Unexpected EOF received"))

    def connection_lost(self, exc: Exception | None) -> None:
        lost = aiosmtplib.SMTPServerDisconnected("Connection lost")
        lost.__cause__ = exc
        self._fail(lost)
        self._library.connection_lost(exc)

    def _hear(self, line: bytes) -> None:
        read = _REPLY_LINE.fullmatch(line)
        if read is None:
            words = line[:200].decode("utf-8", "replace")
            self._fail(aiosmtplib.SMTPResponseException(-1, f"Malformed SMTP response line: {words}"))
            return
        self._lines.append((read[3] or b"").strip().decode("utf-8", "replace"))
        if read[2] != b"-":
            self._replies.append(Reply(int(read[1]), "\n".join(self._lines)))
            self._lines.clear()

    def _fail(self, failure: Exception) -> None:
        if self._failure is None:
            self._failure = failure
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


@contextmanager
def taken_over(client: aiosmtplib.SMTP) -> Iterator[Exchange]:
    """The library's transport in our hands for one transaction. Raises SMTPServerDisconnected."""
    transport, library = client.transport, client.protocol
    if not isinstance(transport, asyncio.Transport) or library is None:
        raise aiosmtplib.SMTPServerDisconnected("Server not connected")
    exchange = Exchange(transport, library)
    transport.set_protocol(exchange)
    try:
        yield exchange
    finally:
        if not transport.is_closing():
            transport.set_protocol(library)


def on_the_wire(content: bytes) -> bytes:
    """A mail as it follows DATA: CRLF lines, dots doubled where they begin one, the final dot (RFC 5321 §4.5.2)."""
    if not content.count(b"\r\n") == content.count(b"\n") == content.count(b"\r"):
        content = _STRAY_LINE_END.sub(b"\r\n", content)
    if content.startswith(b".") or b"\n." in content:
        content = _DOT.sub(b"..", content)
    return content + (b".\r\n" if not content or content.endswith(b"\r\n") else b"\r\n.\r\n")
