"""The MIME tree of a mail, without the weight: long bodies stay in the raw bytes and are found by position.

Second step of `parse`, and the way back to an attachment's bytes. The standard library's compat32 parser builds the
tree (its newer policies hang on hostile headers); before that, each long body between two boundary lines is replaced
by a short marker, so that a 50 MB mail costs no more memory than its raw bytes. `MimeLimit` is raised for mails with
more or deeper parts than `limits` allows.
"""

from __future__ import annotations

import base64
import binascii
import email
import email.utils
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from gateway.errors import GatewayError
from gateway.parse import charsets, limits

_BOUNDARY = re.compile(rb'(?i)boundary\*?(?:0\*?)?\s*=\s*(?:"([^"\r\n]{1,200})"|([^\s;"]{1,200}))')
_BOUNDARY_WORD = b"boundary"
_WINDOW_BYTES = 64 * 1024
_DASH_LINE = re.compile(rb"--[^\r\n]{1,210}")
_PARAMETRISED = ("content-type", "content-disposition")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_HELD = "\x00held-body "
_MARKER = re.compile(rb"\x00held-body (\d{1,5})")
_EMBEDDING = re.compile(rb"(?im)^content-type:\s*message/(?:rfc822|global)")


class _Node(Message):
    """A part that knows its content type: `email` would read the headers anew for every question about it."""

    kind = ""

    def get_content_type(self) -> str:
        return self.kind or super().get_content_type()

    def get_param(self, *which: Any, **more: Any) -> Any:
        """As `email` reads a parameter; absent where it can't: RFC 2231 pieces of one name, some without a number."""
        try:
            return super().get_param(*which, **more)
        except TypeError:
            return which[1] if len(which) > 1 else more.get("failobj")


class MimeLimit(GatewayError):
    """The mail has more or deeper parts than we follow: keep it as it is and show the raw mail to a person."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One MIME part: `number` counts `Message.walk` from 0; `within` is the number of the embedded message that it
    belongs to, -1 for the mail itself."""

    number: int
    message: Message
    depth: int
    within: int
    parent: int


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The parsed mail, its parts in order, and where the bodies that were held back lie in the raw bytes."""

    raw: bytes
    message: Message
    parts: tuple[Part, ...]
    held: tuple[tuple[int, int], ...] = field(repr=False, default=())

    def held_range(self, part: Part) -> tuple[int, int] | None:
        """The raw range of a body that was held back, None for a short body."""
        payload = part.message.get_payload()
        if isinstance(payload, str) and payload.startswith(_HELD):
            index = payload[len(_HELD) :].strip()
            if index.isdecimal() and int(index) < len(self.held):
                return self.held[int(index)]
        return None

    def encoded_size(self, part: Part) -> int:
        """How many bytes the body has as it was sent."""
        held = self.held_range(part)
        if held:
            return held[1] - held[0]
        payload = part.message.get_payload()
        return len(payload) if isinstance(payload, str) else 0

    def content(self, part: Part, at_most: int | None = None) -> bytes:
        """The decoded body of a leaf part; of a long one no more than about `at_most` bytes."""
        held = self.held_range(part)
        if held is None:
            return _decoded(part.message)
        start, end = held
        if at_most is not None:
            end = min(end, start + at_most * 2)
        return _decode_transfer(self.raw[start:end], str(part.message.get("content-transfer-encoding", "")))

    def restore(self, content: bytes) -> bytes:
        """Put held bodies back into bytes that were written from parts of the tree."""
        if not self.held:
            return content
        return _MARKER.sub(lambda found: self._held_bytes(int(found[1])), content)

    def _held_bytes(self, index: int) -> bytes:
        if index >= len(self.held):
            return b""
        start, end = self.held[index]
        return self.raw[start:end]


def build(raw: bytes, head: bytes, body_start: int) -> Tree:
    """Parse a mail whose header block was repaired to `head`. Raises MimeLimit."""
    boundaries = _boundaries(head, raw)
    if len(boundaries) > limits.MIME_PARTS:
        raise MimeLimit("too many multiparts")
    light, held = _hold_long_bodies(raw, head, body_start, boundaries)
    try:
        message = email.message_from_bytes(light, _Node)
    except RecursionError as error:
        raise MimeLimit("parts nested too deeply") from error
    return Tree(raw=raw, message=message, parts=tuple(_walk(message)), held=tuple(held))


def _boundaries(head: bytes, raw: bytes) -> set[bytes]:
    found = {one or two for one, two in _BOUNDARY.findall(head)}
    if not found and b"essage/" not in head:
        return set()
    end = 0
    for place in _boundary_words(raw):
        match = _BOUNDARY.match(raw, place) if place >= end else None
        if match:
            end = match.end()
            found.add(match[1] or match[2])
            if len(found) > limits.MIME_PARTS:
                break
    return found


def _boundary_words(raw: bytes) -> Iterator[int]:
    """Where the word stands, in capitals or not; a pattern that ignores case takes five times as long over base64.

    Window by window: a copy of a big mail in lower case would be as big.
    """
    for start in range(0, len(raw), _WINDOW_BYTES):
        window = raw[start : start + _WINDOW_BYTES + len(_BOUNDARY_WORD) - 1].lower()
        place = window.find(_BOUNDARY_WORD)
        while place >= 0:
            yield start + place
            place = window.find(_BOUNDARY_WORD, place + 1)


def _hold_long_bodies(
    raw: bytes, head: bytes, body_start: int, boundaries: set[bytes]
) -> tuple[bytes, list[tuple[int, int]]]:
    """Rebuild the mail with each long body replaced by a marker; refuse too many parts on the way."""
    if len(raw) - body_start <= limits.HELD_BODY_BYTES and raw.count(b"\n--") <= limits.MIME_PARTS:
        return head + b"\n\n" + raw[body_start:], []
    pieces = [head, b"\n\n"]
    held: list[tuple[int, int]] = []
    position = body_start
    has_header = _EMBEDDING.search(head) is not None
    for count, (start, end) in enumerate(_boundary_lines(raw, body_start, boundaries)):
        if count > 2 * limits.MIME_PARTS:
            raise MimeLimit("too many parts")
        pieces += (*_light_part(raw, position, start, has_header, held), raw[start:end])
        position, has_header = end, True
    pieces += _light_part(raw, position, len(raw), has_header, held)
    return b"".join(pieces), held


def _boundary_lines(raw: bytes, start: int, boundaries: set[bytes]) -> Iterator[tuple[int, int]]:
    if not boundaries:
        return
    for place in _dashes(raw, start):
        line = _DASH_LINE.match(raw, place)
        if line is None:
            continue
        name = line[0][2:].rstrip()
        if name in boundaries or (name.endswith(b"--") and name[:-2] in boundaries):
            yield line.span()


def _dashes(raw: bytes, start: int) -> Iterator[int]:
    """Where lines begin with two dashes; a pattern for that would stop at every octet."""
    if start == 0 and raw.startswith(b"--"):
        yield 0
    place = raw.find(b"\n--", max(start - 1, 0))
    while place >= 0:
        yield place + 1
        place = raw.find(b"\n--", place + 1)


def _light_part(raw: bytes, start: int, end: int, has_header: bool, held: list[tuple[int, int]]) -> tuple[bytes, ...]:
    """The bytes between two boundary lines, with a marker for a long body.

    The line end before the boundary belongs to the boundary (RFC 2046 §5.1.1) and stays.
    """
    body = start
    while has_header and end - body > limits.HELD_BODY_BYTES:
        found = _HEAD_END.search(raw, body, end)
        if not found:
            break
        # The body of an embedded message begins with a header of its own.
        has_header = _EMBEDDING.search(raw, body, found.end()) is not None
        body = found.end()
    if end - body <= limits.HELD_BODY_BYTES:
        return (raw[start:end],)
    tail = end
    if end < len(raw):
        tail -= 2 if raw[end - 2 : end] == b"\r\n" else 1
    held.append((body, tail))
    return raw[start:body], f"{_HELD}{len(held) - 1}".encode("ascii"), raw[tail:end]


def _walk(message: Message) -> Iterator[Part]:
    """All parts depth first, in the order of `Message.walk`, without recursion."""
    stack: list[tuple[Message, int, int, int]] = [(message, 0, -1, -1)]
    number = 0
    while stack:
        node, depth, within, parent = stack.pop()
        if number >= limits.MIME_PARTS:
            raise MimeLimit("too many parts")
        if depth > limits.MIME_DEPTH:
            raise MimeLimit("parts nested too deeply")
        _repair_headers(node)
        _repair_charset(node)
        if isinstance(node, _Node):
            node.kind = node.get_content_type()
        yield Part(number=number, message=node, depth=depth, within=within, parent=parent)
        payload = node.get_payload() if node.is_multipart() else None
        if isinstance(payload, list):
            inside = number if node.get_content_maintype() == "message" else within
            for child in reversed(payload):
                if isinstance(child, Message):
                    stack.append((child, depth + 1, inside, number))
        number += 1


def _repair_headers(message: Message) -> None:
    """Make the headers of a part harmless for email.message: raw 8-bit values become text (it would give U+FFFD for
    each byte), NUL goes (codecs raise on it), and parameter lists are cut (it reads them in quadratic time)."""
    for name, value in message.raw_items():
        text = repaired = str(value)
        if not text.isascii():
            data = text.encode("utf-8", "surrogateescape")
            repaired = charsets.header_text(data[: limits.HEADER_BYTES], str(message.get_content_charset() or ""))
        if "\0" in repaired:
            repaired = repaired.replace("\0", "")
        if len(repaired) > limits.PARAMETER_BYTES or repaired.count(";") > limits.PARAMETERS:
            if name.lower() in _PARAMETRISED:
                repaired = ";".join(repaired[: limits.PARAMETER_BYTES].split(";")[: limits.PARAMETERS])
        if repaired is not text:
            message.replace_header(name, repaired)


def _repair_charset(message: Message) -> None:
    """Name a charset that email.message may decode with: it would raise on an RFC 2231 label, and take any codec."""
    if "charset" not in str(message.get("content-type", "")).lower():
        return
    label = message.get_param("charset", "")
    plain = email.utils.collapse_rfc2231_value(label) if isinstance(label, tuple) else str(label)
    name = charsets.codec_name(plain[:100])
    if isinstance(label, tuple) or not name:
        message.set_param("charset", name or "unknown-8bit")


def _decoded(message: Message) -> bytes:
    payload = message.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _decode_transfer(data: bytes, encoding: str) -> bytes:
    """Decode a held body as `Message.get_payload` would (RFC 2045 §6)."""
    name = encoding.strip().lower()
    if name == "quoted-printable":
        return quopri.decodestring(data)
    if name == "base64":
        try:
            return base64.b64decode(data)
        except binascii.Error:
            # Cut or damaged: what is left of the last group of four is lost, the rest is not.
            clean = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
            return base64.b64decode(clean[: len(clean) // 4 * 4])
    if name in ("x-uuencode", "uuencode", "uue", "x-uue"):
        carrier = Message()
        carrier["Content-Transfer-Encoding"] = "x-uuencode"
        carrier.set_payload(data.decode("latin-1"))
        return _decoded(carrier)
    return data
