"""What the tests of the intake share: a clock, a fresh database, a client that says exactly what it is told to say."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import peewee

from gateway.mail import Envelope, Transport
from gateway.store.database import connection, migrate, open_database
from gateway.store.states import LedgerState
from gateway.store.tables import Ledger, RawMailPart

DESK = "helpdesk@example.com"
MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


# Starts an SMTP listener in front of a door, with settings of the test's own, and returns its port.
Start = Callable[..., int]


class Clock:
    """A clock that stands still until a test moves it on."""

    def __init__(self) -> None:
        self.now = MORNING

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> None:
        self.now += timedelta(**duration)


def is_recipient(address: str) -> bool:
    """The desk's address and its plus addresses."""
    local, _, domain = address.lower().partition("@")
    return domain == "example.com" and local.partition("+")[0] == "helpdesk"


def new_database(url: str) -> peewee.Database:
    database = open_database(url)
    with connection(database):
        migrate(database, now=MORNING)
    return database


def an_envelope(**fields: Any) -> Envelope:
    defaults: dict[str, Any] = {"transport": Transport.SMTP, "received_at": MORNING, "recipients": (DESK,)}
    return Envelope(**(defaults | fields))


def a_mail(number: int = 1, text: str = "My printer is on fire.") -> bytes:
    return (
        f"From: Erika <erika@example.com>\r\nTo: {DESK}\r\nSubject: Printer {number}\r\n"
        f"Message-ID: <{number}@client.example.com>\r\nDate: Mon, 2 Mar 2026 08:59:00 +0000\r\n\r\n{text}\r\n"
    ).encode()


def rows() -> list[Any]:
    """All ledger rows, oldest first."""
    return list(Ledger.select().order_by(Ledger.id))


def waiting_rows() -> list[Any]:
    return [row for row in rows() if row.state == LedgerState.WAITING]


def stored(ledger_id: int) -> bytes:
    """The raw bytes of a ledger row, whose number of parts, size and hash are what the row says."""
    row: Any = Ledger.get_by_id(ledger_id)
    query = RawMailPart.select().where(RawMailPart.ledger == ledger_id).order_by(RawMailPart.sequence)
    parts = [bytes(part.content) for part in query]
    content = b"".join(parts)
    assert len(parts) == row.part_count
    assert len(content) == row.size_bytes
    assert hashlib.sha256(content).digest() == bytes(row.sha256)
    return content


def greeting(port: int) -> str:
    """What the server says first to one more client."""
    with RawClient(port) as client:
        return client.greeting


class RawClient:
    """A mail client without manners: it sends octets and reads replies."""

    def __init__(self, place: int | str) -> None:
        if isinstance(place, int):
            self.socket = socket.create_connection(("127.0.0.1", place), timeout=20)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(20)
            self.socket.connect(place)
        self._file = self.socket.makefile("rb")
        self.greeting = self.reply()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def send(self, octets: bytes, *, chunk_size: int = 0) -> None:
        for piece in _cut(octets, chunk_size or len(octets)):
            self.socket.sendall(piece)

    def lines(self) -> list[str]:
        """Read one reply, all its lines; [] when the server has hung up."""
        found: list[str] = []
        while line := self._file.readline():
            found.append(line.decode().removesuffix("\r\n"))
            if line[3:4] != b"-":
                break
        return found

    def reply(self) -> str:
        return "\n".join(self.lines())

    def say(self, line: str | bytes) -> str:
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.reply()

    def begin(self, *recipients: str, sender: str = "erika@example.com", hello: str = "EHLO client") -> None:
        """Greet and name sender and recipients."""
        assert self.say(hello).startswith("250")
        assert self.say(f"MAIL FROM:<{sender}>") == "250 2.1.0 OK"
        for recipient in recipients or (DESK,):
            assert self.say(f"RCPT TO:<{recipient}>") == "250 2.1.5 OK"

    def data(self, octets: bytes, *, chunk_size: int = 0) -> str:
        """Say DATA and send exactly these octets; the end of the data is up to the caller."""
        assert self.say("DATA").startswith("354")
        self.send(octets, chunk_size=chunk_size)
        return self.reply()

    def is_closed(self) -> bool:
        """Tell whether the server hangs up now (waits for it)."""
        return self._file.read() == b""


def _cut(octets: bytes, size: int) -> Iterator[bytes]:
    return (octets[start : start + size] for start in range(0, len(octets), max(size, 1)))


def crash_mail(number: int) -> bytes:
    """A mail that can be made again from its number; every fourth is of several parts."""
    return a_mail(number, "x" * (2_500_000 if number % 4 == 0 else 1000))
