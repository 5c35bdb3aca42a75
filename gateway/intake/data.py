"""Read the DATA of RFC 5321 §4.1.1.4 with bounded memory: find its end, undo dot-stuffing, spill what is big.

Place in the mail's way: between the socket of an SMTP or LMTP session (or the standard input of the pipe) and the door.
Only CRLF . CRLF ends a mail; a bare CR or LF is content like any other octet, so that no server before us can be made
to see another end than we do (SMTP smuggling, 2023). Lines may have any length.

What may fail: `Spool.write` raises OSError when the temporary file can't take more.
"""

from __future__ import annotations

import io
import re
import tempfile
import threading
from pathlib import Path
from typing import IO

MEMORY_LIMIT_BYTES = 1024 * 1024

_END = b"\r\n.\r\n"
_HEADER_LIMIT_BYTES = 256 * 1024
_HEADER_END = re.compile(rb"\n\r?\n")
_RECEIVED = re.compile(rb"(?im)^received[ \t]*:")
# A piece that ends in the beginning of an end may be content or not; the longest one is looked for first.
_BEGINNINGS = (b"\r\n.\r", b"\r\n.", b"\r\n", b"\r")


class DotDecoder:
    """Turn what comes over the wire into the mail's octets, piece by piece.

    `rest` is None until the end was found, then what came behind it: the client's next commands.
    """

    def __init__(self) -> None:
        # The line end before the first line is the one of the DATA command.
        self._held = b"\r\n"
        self._not_content = 2
        self.rest: bytes | None = None

    def feed(self, piece: bytes) -> bytes:
        """Return the content that is certain by now; not to be called once the end was found."""
        piece = self._held + piece
        end = piece.find(_END)
        if end >= 0:
            self.rest = piece[end + len(_END) :]
            return self._content(piece[: end + 2])
        self._held = next((beginning for beginning in _BEGINNINGS if piece.endswith(beginning)), b"")
        return self._content(piece[: len(piece) - len(self._held)])

    def _content(self, stuffed: bytes) -> bytes:
        content = stuffed.replace(b"\r\n.", b"\r\n")
        if self._not_content and content:
            content, self._not_content = content[self._not_content :], 0
        return content


def count_hops(spool: Spool) -> int:
    """How many servers say that they passed the mail on (RFC 5321 §6.3); raises OSError."""
    head = spool.beginning(_HEADER_LIMIT_BYTES)
    end = _HEADER_END.search(head)
    return sum(1 for _ in _RECEIVED.finditer(head, 0, end.start() if end else len(head)))


class SpoolMemory:
    """How much of all mails on their way in may lie in memory together; for any number of threads."""

    def __init__(self, limit_bytes: int) -> None:
        self._left_bytes = limit_bytes
        self._lock = threading.Lock()

    def take(self, size_bytes: int) -> bool:
        """Tell whether there is room for so much more, and take it."""
        with self._lock:
            if size_bytes > self._left_bytes:
                return False
            self._left_bytes -= size_bytes
            return True

    def give_back(self, size_bytes: int) -> None:
        with self._lock:
            self._left_bytes += size_bytes


class Spool:
    """Keep a mail on its way in: in memory up to 1 MiB and while `memory` has room, then in a temporary file without a
    name.

    What goes beyond `size_limit_bytes` is counted and thrown away. The file vanishes with `close` or with the process.
    """

    def __init__(self, *, size_limit_bytes: int, folder: Path | None = None, memory: SpoolMemory | None = None) -> None:
        self.size_bytes = 0
        self._size_limit_bytes = size_limit_bytes
        self._folder = folder
        self._room = memory or SpoolMemory(MEMORY_LIMIT_BYTES)
        self._taken_bytes = 0
        self._memory = io.BytesIO()
        self._file: IO[bytes] | None = None

    @property
    def too_big(self) -> bool:
        return self.size_bytes > self._size_limit_bytes

    def write(self, piece: bytes) -> None:
        """Append content; raises OSError when there is no room for it."""
        self.size_bytes += len(piece)
        if self.too_big:
            self.close()
            return
        if self._file is None and not self._fits_in_memory(len(piece)):
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed by `close`
            self._file.write(self._memory.getbuffer())
            self._leave_memory()
        (self._file or self._memory).write(piece)

    def _fits_in_memory(self, size_bytes: int) -> bool:
        if self.size_bytes > MEMORY_LIMIT_BYTES or not self._room.take(size_bytes):
            return False
        self._taken_bytes += size_bytes
        return True

    def _leave_memory(self) -> None:
        self._memory = io.BytesIO()
        taken, self._taken_bytes = self._taken_bytes, 0
        self._room.give_back(taken)

    def content(self) -> bytes | IO[bytes]:
        """Hand out what was written; a file is valid until `close`. Raises OSError when there is no room for it."""
        if self._file is None:
            return self._memory.getvalue()
        self._file.flush()
        return self._file

    def beginning(self, size_bytes: int) -> bytes:
        """The first octets of what was written; raises OSError."""
        if self._file is None:
            return bytes(self._memory.getbuffer()[:size_bytes])
        self._file.seek(0)
        read = self._file.read(size_bytes)
        self._file.seek(0, 2)
        return read

    def close(self) -> None:
        """Throw the content away."""
        self._leave_memory()
        if self._file is not None:
            self._file.close()
            self._file = None
