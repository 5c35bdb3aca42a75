"""Look at the raw bytes before any library does: cut the header block off, repair it, refuse what would hang.

First step of `parse`. Linear in the size of the mail, never raises. The repairs keep what a person would read and are
reported as defects, because two readers that repair differently see two senders (RFC 5322 §2.2, smuggled headers).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.parse import charsets, limits

_BLANK_LINE = re.compile(rb"\r*\n\r*\n|\r\r")
_NOT_A_HEADER = re.compile(rb"(?m)^(?![!-9;-~]+:|[ \t]|$)")
_HEADER_LINE = re.compile(rb"[!-9;-~]+:|[ \t]")
_MBOX_LINE = re.compile(rb">?From [^\s:]")
_SPACED_HEADER = re.compile(rb"([!-9;-~]+)[ \t]+:")
_WELL_KNOWN = re.compile(rb"(?im)^(?:from|to|subject|date|message-id|content-type|mime-version|received|cc|reply-to):")
_CHARSET = re.compile(rb"charset\s*=\s*\"?([\w.:+-]+)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Scanned:
    """A mail cut in two: `head` with LF line ends, UTF-8, one header a line group, without the blank line; `body`
    begins at `body_start` of the raw bytes. `defects` are those of the header block, `refusal` names the limit that
    the mail breaks (then only the head may be parsed)."""

    head: bytes
    body_start: int
    defects: tuple[str, ...] = ()
    refusal: str = ""


def scan(raw: bytes) -> Scanned:
    """Cut the header block off and repair it."""
    start = _first_header(raw)
    if raw[start : start + 1] == b"\n" or raw[start : start + 2] == b"\r\n":
        return Scanned(head=b"", body_start=start, defects=("no-header",))
    found = _BLANK_LINE.search(raw, start, start + limits.HEADER_BLOCK_BYTES)
    refusal = ""
    if found:
        end, body_start = found.start(), found.end()
    elif len(raw) - start > limits.HEADER_BLOCK_BYTES:
        end = body_start = start + limits.HEADER_BLOCK_BYTES
        refusal = "header block too large"
    else:
        end = body_start = len(raw)
    head, defects = _unify_line_ends(raw[start:end])
    if found and not _is_plain_end(raw, start, found):
        defects.append("odd-blank-line")
    head, body_lost, malformed = _drop_malformed(head)
    if body_lost:
        # No blank line before the text (RFC 5322 §2.1 asks for one): the text begins at the first line that is no
        # header. Nothing was repaired before it but line ends, so its place is found by its own bytes.
        body_start = max(raw.find(body_lost, start, end), start)
    if malformed:
        defects.append("malformed-header")
    if head.count(b"\n") + 1 > limits.HEADER_COUNT and _count_headers(head) > limits.HEADER_COUNT:
        refusal = "too many headers"
        head = b"\n".join(head.split(b"\n", limits.HEADER_COUNT)[: limits.HEADER_COUNT])
    if not head.isascii():
        head = charsets.headers_to_utf8(head, _declared_charset(raw))
    return Scanned(head=head, body_start=body_start, defects=tuple(defects), refusal=refusal)


def _first_header(raw: bytes) -> int:
    """Step over a byte order mark, an mbox separator line and blank lines that some stores put in front."""
    start = 3 if raw.startswith(b"\xef\xbb\xbf") else 0
    while raw[start : start + 1] in (b"\r", b"\n") and start < 64:
        start += 1
    if _MBOX_LINE.match(raw, start):
        line_end = raw.find(b"\n", start, start + 1_000)
        start = line_end + 1 if line_end >= 0 else start
    return start


def _is_plain_end(raw: bytes, start: int, found: re.Match[bytes]) -> bool:
    """Whether every reader sees the end of the header there: it is written as all line ends of the mail are."""
    head = raw[start : found.start()]
    if found[0] == b"\r\n\r\n":
        return b"\n" not in head or b"\r\n" in head
    # A reader that knows CRLF only would find the end later.
    later = raw.find(b"\r\n\r\n", found.end(), found.end() + limits.HEADER_BLOCK_BYTES)
    return found[0] == b"\n\n" and b"\r" not in head and later < 0


def _unify_line_ends(head: bytes) -> tuple[bytes, list[str]]:
    """Turn every line end into LF; a lone CR, LF among CRLF or NUL becomes harmless and a defect."""
    defects: list[str] = []
    if b"\r" in head:
        if head.count(b"\r\n") != head.count(b"\n"):
            defects.append("bare-lf")
        head = head.replace(b"\r\n", b"\n")
        if b"\r" in head:
            defects.append("bare-cr")
            # A mail with CR alone (old Mac mailboxes) has lines only if CR ends them; elsewhere CR must end none.
            head = head.replace(b"\r", b" " if b"\n" in head else b"\n")
    if b"\0" in head:
        defects.append("nul")
        # A line of NUL alone must not become the empty line behind which no header is looked for.
        head = b"\n".join(filter(None, head.replace(b"\0", b"").split(b"\n")))
    return head, defects


def _drop_malformed(head: bytes) -> tuple[bytes, bytes, bool]:
    """Take out lines that are no header. Returns the rest, the line where the text seems to begin, and whether any
    line was malformed.

    A stray line among headers is dropped, since headers that a person relies on follow it; without any header behind
    it, it is the text.
    """
    if not _NOT_A_HEADER.search(head):
        return head, b"", False
    lines = head.split(b"\n")
    last_header = max((found.start() for found in _WELL_KNOWN.finditer(head)), default=-1)
    kept: list[bytes] = []
    position = 0
    for line in lines:
        position += len(line) + 1
        if _HEADER_LINE.match(line):
            kept.append(line)
            continue
        spaced = _SPACED_HEADER.match(line)
        if spaced:
            # "From : x" is the obsolete syntax of RFC 5322 §4.5; some readers drop it, so it is a defect too.
            kept.append(spaced[1] + b":" + line[spaced.end() :])
        elif last_header < position:
            return b"\n".join(kept), line, True
    return b"\n".join(kept), b"", True


def _count_headers(head: bytes) -> int:
    return sum(1 for line in head.split(b"\n") if line[:1] not in (b" ", b"\t"))


def _declared_charset(raw: bytes) -> str:
    found = _CHARSET.search(raw, 0, 20_000)
    return found[1].decode("ascii") if found else ""
