"""Say whether two mails are the same: by their bytes, and by what their author wrote.

Place in the mail's way: `accept` asks before it writes a ledger row. The same mail comes by SMTP retry, IMAP refetch
or through two addresses, each time with other trace and filter headers on top; the digest here leaves those out.
Nothing fails: any bytes have a digest.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import IO

from gateway.store.queue import split_parts

# What the author wrote, in the order in which it is hashed (servers reorder header fields).
_AUTHOR_FIELDS = (b"from", b"to", b"cc", b"date", b"subject", b"message-id")
_IDENTITY_FIELDS = (b"date", b"message-id")

# A header that has not ended by here is no header: all of it counts as text, so that nothing of it is overlooked.
HEADER_LIMIT_BYTES = 256 * 1024

_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")


@dataclass(frozen=True, kw_only=True)
class Digest:
    """`sha256` is of the raw bytes, `digest` (32 bytes too) of what the author wrote.

    `has_identity` tells whether the mail has a Message-ID or a Date; without both, equal digests may still be two
    mails, such as a machine's daily report.
    """

    sha256: bytes
    digest: bytes
    has_identity: bool
    size_bytes: int


def message_digest(content: bytes | IO[bytes]) -> Digest:
    """Hash a mail in one pass, with at most a few pieces of 1 MiB in memory; a file is read from its beginning."""
    raw, author, size_bytes = hashlib.sha256(), _AuthorHash(), 0
    for piece in split_parts(content):
        raw.update(piece)
        author.update(piece)
        size_bytes += len(piece)
    digest = author.finish()
    return Digest(sha256=raw.digest(), digest=digest, has_identity=author.has_identity, size_bytes=size_bytes)


class _AuthorHash:
    """SHA-256 over the author's header fields and the body, whatever the line ends and the size of the pieces."""

    def __init__(self) -> None:
        self.has_identity = False
        self._hash = hashlib.sha256()
        self._header: bytes | None = b""
        self._carriage_return = b""
        self._line_feeds = 0

    def update(self, piece: bytes) -> None:
        """Take the next piece: CRLF and LF count alike, also where a piece ends in between."""
        piece = self._carriage_return + piece
        self._carriage_return = b"\r" if piece.endswith(b"\r") else b""
        self._take(piece[: len(piece) - len(self._carriage_return)].replace(b"\r\n", b"\n"))

    def finish(self) -> bytes:
        self._take(self._carriage_return)
        if self._header is not None:
            self._end_header()
        return self._hash.digest()

    def _take(self, text: bytes) -> None:
        if self._header is None:
            self._add_body(text)
            return
        self._header += text
        if len(self._header) > HEADER_LIMIT_BYTES or _header_end(self._header) is not None:
            self._end_header()

    def _end_header(self) -> None:
        """Hash the author's fields, then whatever is not header."""
        text, self._header = self._header or b"", None
        end = _header_end(text)
        fields, unread = _author_fields(text[: min(len(text), HEADER_LIMIT_BYTES) if end is None else end])
        self.has_identity = any(value for name in _IDENTITY_FIELDS for value in fields[name])
        for name in _AUTHOR_FIELDS:
            for value in fields[name]:
                self._hash.update(name + b":" + value + b"\n")
        self._hash.update(b"\n")
        # Without an empty line nobody can say which line is header and which is text ("Printer: broken").
        self._add_body(text if end is None else unread + text[end:])

    def _add_body(self, text: bytes) -> None:
        """Hash text, holding back the line feeds at its end: servers add and cut empty last lines (RFC 6376 §3.4.3)."""
        kept = text.rstrip(b"\n")
        if kept:
            while self._line_feeds:
                count = min(self._line_feeds, HEADER_LIMIT_BYTES)
                self._hash.update(b"\n" * count)
                self._line_feeds -= count
            self._hash.update(kept)
        self._line_feeds += len(text) - len(kept)


def _header_end(text: bytes) -> int | None:
    """Where the empty line after the header begins (RFC 5322 §2.1), None where there is none within the limit."""
    found = text.find(b"\n\n", 0, HEADER_LIMIT_BYTES)
    return None if found < 0 else found + 1


def _author_fields(header: bytes) -> tuple[dict[bytes, list[bytes]], bytes]:
    """Collect the author's fields, unfolded, white space collapsed; the rest from the first line that is no field."""
    fields: dict[bytes, list[bytes]] = {name: [] for name in _AUTHOR_FIELDS}
    name, values, position = b"", [b""], 0
    for line in header.split(b"\n"):
        found = _NAME.match(line)
        if name and line[:1] in (b" ", b"\t"):
            values.append(line)
        elif found:
            _keep(fields, name, values)
            name, values = found[1].lower(), [line[found.end() :]]
        else:
            break
        position += len(line) + 1
    _keep(fields, name, values)
    return fields, header[position:]


def _keep(fields: dict[bytes, list[bytes]], name: bytes, values: list[bytes]) -> None:
    if name in fields:
        fields[name].append(b" ".join(b" ".join(values).split()))
