"""Send mails to an SMTP server, as fast as it takes them or at a steady rate, and note when each was handed over."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic

from tests.benchmarks.mails import DESK, Sample

REPLY_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class Sent:
    """By the monotonic clock: the begin, the end, and for each Message-ID when its final dot was on the way."""

    began_at: float
    ended_at: float
    dots: dict[str, float] = field(repr=False)

    @property
    def seconds(self) -> float:
        return self.ended_at - self.began_at


def send_all(mails: Sequence[Sample], *, port: int, sessions: int, per_second: float = 0.0) -> Sent:
    """Send over so many open sessions; with `per_second` each mail has its moment, whatever became of the one before.

    Raises AssertionError when the server refuses anything.
    """
    return asyncio.run(_send_all(mails, port=port, sessions=sessions, per_second=per_second))


async def _send_all(mails: Sequence[Sample], *, port: int, sessions: int, per_second: float) -> Sent:
    waiting: asyncio.Queue[Sample | None] = asyncio.Queue()
    dots: dict[str, float] = {}
    clients = [await _Client.connect(port) for _ in range(sessions)]
    began_at = monotonic()
    work = [asyncio.create_task(client.send_from(waiting, dots)) for client in clients]
    for number, mail in enumerate(mails):
        if per_second:
            await asyncio.sleep(began_at + number / per_second - monotonic())
        waiting.put_nowait(mail)
    for _ in clients:
        waiting.put_nowait(None)
    await asyncio.gather(*work)
    return Sent(began_at=began_at, ended_at=monotonic(), dots=dots)


class _Client:
    """One SMTP session."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int) -> _Client:
        client = cls(*await asyncio.open_connection("127.0.0.1", port))
        await client._reply("220")
        await client._say(b"EHLO client.example.com\r\n", "250")
        return client

    async def send_from(self, waiting: asyncio.Queue[Sample | None], dots: dict[str, float]) -> None:
        while mail := await waiting.get():
            # The desk's mail servers and ours may both answer 8BITMIME; who does not offer it takes the bytes anyway.
            await self._say(f"MAIL FROM:<{mail.sender}>\r\n".encode(), "250")
            await self._say(f"RCPT TO:<{DESK}>\r\n".encode(), "250")
            await self._say(b"DATA\r\n", "354")
            self._writer.write(mail.content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
            await self._writer.drain()
            dots[mail.message_id] = monotonic()
            await self._reply("250")
        self._writer.write(b"QUIT\r\n")
        self._writer.close()

    async def _say(self, line: bytes, expected: str) -> None:
        self._writer.write(line)
        await self._reply(expected)

    async def _reply(self, expected: str) -> None:
        async with asyncio.timeout(REPLY_SECONDS):
            while (line := await self._reader.readline())[3:4] == b"-":
                pass
        assert line.startswith(expected.encode()), f"the server said {line!r} where {expected} was due"
