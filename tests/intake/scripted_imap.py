"""An IMAP server of a few lines on loopback that lies, drips and dies when it is told to."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable
from typing import Self

from tests.servers.ports import LOOPBACK

Fault = Callable[[socket.socket, bytes, bytes], bool]
"""Gets the socket, the tag and the rest of a command; True means that it has answered."""

FETCH_PIECE = re.compile(rb"UID FETCH (\S+) \(BODY\.PEEK\[\]<(\d+)\.(\d+)>\)")


class ScriptedServer:
    """Serves `mails` (by UID) from one folder; `fault` may answer any command in its place."""

    def __init__(self, *, capabilities: str = "IMAP4rev1 IDLE MOVE UIDPLUS", fault: Fault | None = None) -> None:
        self.mails: dict[int, bytes] = {}
        self.sizes: dict[int, int] = {}
        """What RFC822.SIZE says where it is not the truth."""
        self.commands: list[bytes] = []
        self.fault = fault
        self.greeting = b"* OK ready\r\n"
        self.uidnext = 1
        self.uidvalidity: int | None = 55
        self._capabilities = capabilities.encode()
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []

    def add(self, mail: bytes) -> int:
        """Put a mail into the folder; returns its UID."""
        uid, self.uidnext = self.uidnext, self.uidnext + 1
        self.mails[uid] = mail
        return uid

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for each in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._sockets.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), client, client.makefile("rb") as lines:
            client.sendall(self.greeting)
            for line in lines:
                tag, _, command = line.rstrip(b"\r\n").partition(b" ")
                self.commands.append(line.rstrip(b"\r\n"))
                if self.fault is not None and self.fault(client, tag, command):
                    continue
                client.sendall(self._answer(command) + tag + b" OK done\r\n")

    def _answer(self, command: bytes) -> bytes:
        if command.startswith(b"CAPABILITY"):
            return b"* CAPABILITY " + self._capabilities + b"\r\n"
        if command.startswith((b"SELECT", b"EXAMINE")):
            validity = b"" if self.uidvalidity is None else b"* OK [UIDVALIDITY %d] v\r\n" % self.uidvalidity
            counts = b"* %d EXISTS\r\n* OK [UIDNEXT %d] n\r\n" % (len(self.mails), self.uidnext)
            return counts + validity + b"* OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] f\r\n* OK [READ-WRITE] w\r\n"
        if command.startswith(b"UID SEARCH"):
            return b"* SEARCH " + b" ".join(b"%d" % uid for uid in self._searched(command)) + b"\r\n"
        if found := FETCH_PIECE.match(command):
            start, length = int(found[2]), int(found[3])
            return b"".join(self._piece(uid, start, length) for uid in self._named(found[1]))
        if command.startswith(b"UID FETCH"):
            return b"".join(self._size(uid) for uid in self._named(command.split()[2]))
        return b""

    def _searched(self, command: bytes) -> list[int]:
        first, _, last = command.split()[3].partition(b":")
        top = max(self.mails, default=0) if last == b"*" else int(last or first)
        # RFC 9051 §6.4.9: "n:*" always names the newest, whatever n is.
        bottom = min(int(first), top) if last == b"*" else int(first)
        return [uid for uid in self.mails if bottom <= uid <= top]

    def _named(self, uids: bytes) -> list[int]:
        return [uid for uid in map(int, uids.split(b",")) if uid in self.mails]

    def _size(self, uid: int) -> bytes:
        size = self.sizes.get(uid, len(self.mails[uid]))
        return b'* %d FETCH (UID %d RFC822.SIZE %d INTERNALDATE "02-Mar-2026 09:00:00 +0000")\r\n' % (uid, uid, size)

    def _piece(self, uid: int, start: int, length: int) -> bytes:
        piece = self.mails[uid][start : start + length]
        return b"* %d FETCH (UID %d BODY[]<%d> {%d}\r\n" % (uid, uid, start, len(piece)) + piece + b")\r\n"
