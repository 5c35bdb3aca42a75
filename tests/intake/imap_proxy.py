"""A network between gateway and IMAP server that does what networks do, at the moment that a test chooses."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Self

from tests.servers.ports import LOOPBACK


class Proxy:
    """Forwards to a port of loopback. Faults strike once; use as a context manager."""

    def __init__(self, target_port: int, *, host: str = LOOPBACK) -> None:
        self._target_port = target_port
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._before: tuple[bytes, Callable[[], None]] | None = None
        self._lose_answer_to: bytes | None = None
        self._cut_after: int | None = None
        self.said = bytearray()
        """What the server has said so far, in all connections."""
        self._sockets: list[socket.socket] = []
        self.when_broken: Callable[[], None] = lambda: None
        """Runs when an answer has been lost, before the client can notice."""

    def before(self, words: bytes, act: Callable[[], None]) -> None:
        """Run something when a command with these words has been sent, before the server sees it."""
        self._before = (words, act)

    def lose_answer_to(self, words: bytes) -> None:
        """Pass the next command with these words on, then break the connection before its answer."""
        self._lose_answer_to = words

    def cut_after(self, octets: int) -> None:
        """Break the next connection after so many octets from the server."""
        self._cut_after = octets

    def cut_all(self) -> None:
        """Break every connection that there is now."""
        for each in tuple(self._sockets):
            _close(each)

    def forget(self) -> None:
        """Let no fault strike any more."""
        self._before = self._lose_answer_to = self._cut_after = None

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._sockets:
            _close(each)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection((LOOPBACK, self._target_port))
                self._sockets += [client, server]
                cut_after, self._cut_after = self._cut_after, None
                lost = threading.Event()
                threading.Thread(target=self._upwards, args=(client, server, lost), daemon=True).start()
                arguments = (client, server, lost, cut_after)
                threading.Thread(target=self._downwards, args=arguments, daemon=True).start()

    def _upwards(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while octets := client.recv(65536):
                if self._before is not None and self._before[0] in octets:
                    (_, act), self._before = self._before, None
                    act()
                if self._lose_answer_to is not None and self._lose_answer_to in octets:
                    self._lose_answer_to = None
                    lost.set()
                server.sendall(octets)
        _close(server)

    def _downwards(
        self, client: socket.socket, server: socket.socket, lost: threading.Event, cut_after: int | None
    ) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while octets := server.recv(65536):
                self.said += octets
                if lost.is_set():
                    self.when_broken()
                    break
                if cut_after is not None and passed + len(octets) >= cut_after:
                    client.sendall(octets[: cut_after - passed])
                    break
                passed += len(octets)
                client.sendall(octets)
        _close(client)
        _close(server)


def _close(each: socket.socket) -> None:
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
