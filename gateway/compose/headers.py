"""Headers that say what we planned and nothing else.

Three hurdles, each enough by itself: values are cleaned before they are written, our own writers encode instead of
parsing (the standard ones decode encoded words in a value, so that ``=?utf-8?q?x=0d=0aBcc:…?=`` writes a second header
on Python 3.11), and `check_plan` reads the written bytes again and compares them with the plan.

The standard policy also encodes In-Reply-To and References above 78 octets as words (cpython #100991); Exchange's ids
are that long and its clients then find no thread. `_folded` breaks at white space only and never encodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.header import Header, decode_header, make_header
from email.headerregistry import BaseHeader, HeaderRegistry
from email.policy import SMTP
from typing import Any, ClassVar, Literal

from gateway.compose.failures import LetterRefused
from gateway.mail import Address
from gateway.subject import one_line

MAX_LINE_OCTETS = 998  # RFC 5322 §2.1.1, without CRLF
_FOLD_AT = 76
_REFERENCES_LIMIT_OCTETS = 1024
_REFERENCES_LIMIT = 20
_NAME_LIMIT_CHARS = 100

Plan = tuple[tuple[str, str], ...]

# An id as others may have written it: no white space, nothing that a reader would decode (RFC 5322 §3.6.4, lenient).
_ID = re.compile(r"<[!-;=?-~]{1,900}>")
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}|\"[ !#-\[\]-~]{1,62}\"")
_LABEL = r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}"
_DOMAIN = re.compile(rf"(?:(?:{_LABEL}\.)*{_LABEL}|\[[A-Za-z0-9.:]{{1,60}}\])")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_PRINTABLE = re.compile(r"[ -~]*")


def clean_value(text: str) -> str:
    """Make text safe for a header: one line without controls and direction marks, and no encoded word in it.

    ``=?`` gets a space inside, so that no reader on the way decodes what a stranger encoded.
    """
    return one_line(text).replace("=?", "= ?")


def checked_address(address: str) -> str:
    """Return the addr-spec in ASCII (RFC 5321 §4.1.2; a domain in IDNA form), or raise `LetterRefused`."""
    local, at, domain = address.rpartition("@")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            domain = ""
    if not at or not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(domain) or len(local + domain) > 253:
        raise LetterRefused(f"not an address that can be written into a header: {address[:100]!r}")
    if "=?" in local:
        raise LetterRefused(f"an address must not contain an encoded word: {address[:100]!r}")
    return f"{local}@{domain}"


def checked_id(message_id: str) -> str:
    """Return a Message-ID that can be written, or raise `LetterRefused`."""
    if not is_writable_id(message_id):
        raise LetterRefused(f"not a Message-ID that can be written: {message_id[:100]!r}")
    return message_id


def checked_text(name: str, value: str) -> str:
    """Return a machine's value (printable ASCII on one line), or raise `LetterRefused`."""
    if not _PRINTABLE.fullmatch(value) or "=?" in value or len(value) > 500:
        raise LetterRefused(f"not a value for {name}: {value[:100]!r}")
    return value


def is_writable_id(message_id: str) -> bool:
    """The id stands in angle brackets, in printable ASCII without white space and without an encoded word."""
    return bool(_ID.fullmatch(message_id)) and "=?" not in message_id


def mailbox(address: Address) -> str:
    """Write a mailbox of RFC 5322 §3.4, its name decoded; the header class encodes what is not ASCII."""
    name = clean_value(address.name)[:_NAME_LIMIT_CHARS].strip()
    spec = checked_address(address.address)
    if not name:
        return spec
    if name.isascii() and not _PLAIN_NAME.fullmatch(name):
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name} <{spec}>"


def references(chain: Iterable[str], in_reply_to: str) -> tuple[str, ...]:
    """Return the ids for References: each once, the answered one last (RFC 5322 §3.6.4).

    A long thread keeps its first two (the root, and the one with the reply key) and its newest ids, at most 20 and
    about 1 KiB; ids are never cut, and one that can't be written (white space or 8-bit, as a few mailers make them) is
    left out.
    """
    ids = [item for item in dict.fromkeys(chain) if item != in_reply_to and is_writable_id(item)]
    if is_writable_id(in_reply_to):
        ids.append(in_reply_to)
    while len(ids) > 3 and (len(ids) > _REFERENCES_LIMIT or len(" ".join(ids)) > _REFERENCES_LIMIT_OCTETS):
        del ids[2]
    return tuple(ids)


def written_headers(plan: Plan) -> bytes:
    """The header lines of a plan, folded, in ASCII."""
    return "".join(_FOLDS.get(name, _folded)(name, value) for name, value in plan).encode("ascii", "replace")


def _folded(name: str, value: str) -> str:
    """Ids, URIs and machine words: folded at white space only, never encoded."""
    if len(name) + len(value) + 2 <= _FOLD_AT:
        return f"{name}: {value}\r\n"
    lines, line = [], f"{name}:"
    for word in value.split():
        if len(line) + 1 + len(word) > _FOLD_AT and line != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*lines, line]) + "\r\n"


def _folded_text(name: str, value: str) -> str:
    """Free text: as it is in ASCII, else in encoded words of at most 75 octets (RFC 2047 §2)."""
    return f"{name}: {_encoded(value, len(name) + 2)}\r\n"


def _folded_mailbox(name: str, value: str) -> str:
    """One mailbox: only the display name is ever encoded (RFC 2047 §5 (3))."""
    shown, opened, spec = value.rpartition(" <")
    if not opened:
        return f"{name}: {spec}\r\n"
    spec = f"<{spec}"
    if not shown.isascii():
        shown = _encoded(shown, len(name) + 2)
    separator = "\r\n " if len(name) + 3 + len(shown.rpartition("\n")[2]) + len(spec) > _FOLD_AT else " "
    return f"{name}: {shown}{separator}{spec}\r\n"


_FOLDS = {"From": _folded_mailbox, "To": _folded_mailbox, "Reply-To": _folded_mailbox, "Subject": _folded_text}


def _encoded(text: str, indent: int) -> str:
    """Fold ASCII text at white space; encode other text, and words too long to fold."""
    words = text.split(" ")
    long_word = any(len(word) > _FOLD_AT - 2 for word in words)
    if not long_word and _PRINTABLE.fullmatch(text) and "  " not in f" {text} ":
        return _folded_words(words, _FOLD_AT - indent)
    charset = "us-ascii" if text.isascii() and not long_word else "utf-8"
    header = Header(text, charset, continuation_ws=" ")
    return header.encode(splitchars=" ", maxlinelen=_FOLD_AT - indent, linesep="\r\n")


def _folded_words(words: list[str], most_octets: int) -> str:
    """What `Header` makes of words in ASCII with one space between them, which takes it ten times as long."""
    lines: list[str] = []
    line = words[0]
    for word in words[1:]:
        if len(line) + 1 + len(word) > most_octets:
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*lines, line])


class _Plain(BaseHeader):
    """A header of a MIME part that is taken as it is, never parsed."""

    max_count: ClassVar[Literal[1] | None] = 1

    @classmethod
    def parse(cls, string: str, kwds: dict[str, Any]) -> None:
        kwds["decoded"], kwds["parse_tree"] = string, None

    def fold(self, *, policy: object) -> str:
        return _folded(self.name, str(self))


def _registry() -> HeaderRegistry:
    """Our class for all but Content-Disposition, whose file name needs the standard one (RFC 2231)."""
    registry = HeaderRegistry()
    for name in ("content-type", "content-transfer-encoding", "content-id"):
        registry.map_to_type(name, _Plain)
    return registry


# For MIME parts; the headers of the mail itself are `written_headers`.
POLICY = SMTP.clone(header_factory=_registry(), cte_type="7bit", max_line_length=_FOLD_AT)

_FOLD = re.compile(r"\r\n([ \t])")
_FIELD_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322 §3.6.8
_MIME_HEADERS = {"mime-version", "content-type", "content-transfer-encoding"}


def check_plan(data: bytes, plan: Plan) -> None:
    """Raise `LetterRefused` unless the written mail says what was planned (T19).

    Its header fields, apart from MIME's own, are those of the plan in number, order and decoded value; it is 7-bit,
    has no NUL, no bare CR or LF, and no line above 998 octets.
    """
    if not data.isascii() or b"\0" in data:
        raise LetterRefused("the mail is not 7-bit clean")
    if not data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r"):
        raise LetterRefused("the mail has a bare CR or LF")
    if has_long_line(data, MAX_LINE_OCTETS):
        raise LetterRefused("the mail has a line above 998 octets")
    written = _fields(data.partition(b"\r\n\r\n")[0].decode("ascii"))
    mime_names = [name.lower() for name, _ in written if name.lower() in _MIME_HEADERS]
    if len(mime_names) != len(set(mime_names)):
        raise LetterRefused("a MIME header stands twice")
    fields = [(name, value) for name, value in written if name.lower() not in _MIME_HEADERS]
    if [name for name, _ in fields] != [name for name, _ in plan]:
        raise LetterRefused(f"headers written: {', '.join(name for name, _ in fields)}, not as planned")
    for (name, value), (_, planned) in zip(fields, plan, strict=True):
        if _read(value) != planned.split():
            raise LetterRefused(f"{name} does not read as planned")


def _fields(head: str) -> list[tuple[str, str]]:
    """The fields of a header block with CRLF lines, unfolded (RFC 5322 §2.2.3).

    The email package reads the same, as a test shows, and takes three times as long for each mail.
    """
    fields: list[tuple[str, str]] = []
    for line in _FOLD.sub(r"\1", head).split("\r\n"):
        name, colon, value = line.partition(":")
        if not colon or not _FIELD_NAME.fullmatch(name):
            raise LetterRefused(f"no header field: {line[:40]!r}")
        fields.append((name, value))
    return fields


def has_long_line(data: bytes, most_octets: int) -> bool:
    """Whether a line (LF or CRLF) has more octets; looks for one end of line in that many, not at every octet."""
    start = 0
    while len(data) - start > most_octets:
        end = data.rfind(b"\n", start, start + most_octets + 1)
        if end < 0 and data[start + most_octets : start + most_octets + 2] == b"\r\n":
            end = start + most_octets + 1
        if end < 0:
            return True
        start = end + 1
    return False


def _read(value: str) -> list[str]:
    """A written value as a reader decodes it, as words: folding may only change white space."""
    return str(make_header(decode_header(value))).split() if "=?" in value else value.split()
