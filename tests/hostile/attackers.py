"""Connections that misbehave, as many as you like, pumped by one thread: for a test and for a benchmark."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic
from types import TracebackType
from typing import Self

from tests.intake.desk import DESK

_OPENING = f"EHLO evil.example\r\nMAIL FROM:<evil@evil.example>\r\nRCPT TO:<{DESK}>\r\nDATA\r\n".encode()
_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Attack:
    """What is sent: `opening` once, then `flood` for ever, with `pause_seconds` between its pieces."""

    opening: bytes
    flood: bytes = b""
    pause_seconds: float = 0.0
    reads: bool = True


def _flood(unit: bytes) -> bytes:
    return unit * (_CHUNK_BYTES // len(unit))


# In DATA: what hangs or swells readers of content. The rest: dialogues that never come to an end.
CONTENTS: dict[str, Attack] = {
    "CRLF": Attack(opening=_OPENING, flood=_flood(b"\r\n")),
    "CR": Attack(opening=_OPENING, flood=_flood(b"\r")),
    "LF": Attack(opening=_OPENING, flood=_flood(b"\n")),
    "dots": Attack(opening=_OPENING, flood=_flood(b"\r\n..")),
    "a line without end": Attack(opening=_OPENING, flood=_flood(b"x")),
    "lines": Attack(opening=_OPENING, flood=_flood(b"x" * 76 + b"\r\n")),
    "octet by octet": Attack(opening=_OPENING, flood=b"\r", pause_seconds=0.01),
}
DIALOGUES: dict[str, Attack] = {
    "a command without end": Attack(opening=b"EHLO ", flood=_flood(b"x")),
    "NOOP for ever": Attack(opening=b"EHLO evil.example\r\n", flood=b"NOOP\r\n", pause_seconds=0.01),
    "50,000 recipients": Attack(opening=_OPENING.removesuffix(b"DATA\r\n"), flood=_flood(b"RCPT TO:<a@b.example>\r\n")),
    "never reads": Attack(opening=b"EHLO evil.example\r\n", flood=_flood(b"VRFY erika\r\n"), reads=False),
    "half of TLS": Attack(opening=b"EHLO evil.example\r\nSTARTTLS\r\n\x16\x03\x01\x02\x00\x01"),
    "silent": Attack(opening=b""),
}
ATTACKS = CONTENTS | DIALOGUES


@dataclass
class _Client:
    name: str
    attack: Attack
    host: str
    socket: socket.socket
    left: bytes = b""
    next_at: float = 0.0


@dataclass
class Attackers:
    """`count` connections at any time, of these attacks in turn, from 127.0.0.`10` on, ten from each address.

    Who is cut off comes back at once. `sent` counts octets and `cut` hang-ups, by the attack's name.
    """

    port: int
    attacks: dict[str, Attack]
    count: int
    sent: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="attackers", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        with contextlib.ExitStack() as stack:
            clients = [
                self._connected(name, attack, f"127.0.0.{10 + number // 10}")
                for number, (name, attack) in zip(range(self.count), self._in_turn(), strict=False)
            ]
            stack.callback(_close_all, clients)
            while not self._stop.is_set():
                for client in clients:
                    self._pump(client)

    def _in_turn(self) -> Iterator[tuple[str, Attack]]:
        return itertools.cycle(self.attacks.items())

    def _connected(self, name: str, attack: Attack, host: str) -> _Client:
        client = _Client(name=name, attack=attack, host=host, socket=socket.socket())
        self._connect(client)
        return client

    def _connect(self, client: _Client) -> None:
        client.socket.close()
        client.socket = socket.create_connection(("127.0.0.1", self.port), 20, source_address=(client.host, 0))
        client.socket.setblocking(False)
        client.left = client.attack.opening
        client.next_at = 0.0

    def _pump(self, client: _Client) -> None:
        try:
            if client.attack.reads:
                with contextlib.suppress(BlockingIOError):
                    if not client.socket.recv(_CHUNK_BYTES):
                        raise ConnectionResetError
            if not client.left and monotonic() >= client.next_at:
                client.left = client.attack.flood
                client.next_at = monotonic() + client.attack.pause_seconds
            if client.left:
                with contextlib.suppress(BlockingIOError):
                    sent = client.socket.send(client.left)
                    client.left = client.left[sent:]
                    self.sent[client.name] += sent
        except OSError:
            self.cut[client.name] += 1
            self._connect(client)


def _close_all(clients: list[_Client]) -> None:
    for client in clients:
        client.socket.close()
