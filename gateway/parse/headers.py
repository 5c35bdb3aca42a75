"""Read the header block: decoded values, ids, addresses, and who the one sender is.

Third step of `parse`, and the owner of mail-parser: its address and date readers survive what the standard library's
do not (measured). Nothing here raises for odd headers; an identity that two readers could read differently gets
defects (`sender_defects`), because authority must never rest on it.
"""

from __future__ import annotations

import itertools
import logging
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.message import Message
from functools import lru_cache

from gateway.mail import Address
from gateway.parse import charsets, limits

Headers = tuple[tuple[str, str], ...]

_FOLD = re.compile(r"[\r\n]+[ \t]?")
_ID = re.compile(r"<[^<>\s]{1,996}>")
_NOT_IN_ID = re.compile(r"[<>\s,]+")
_ENCODED_WORD = re.compile(r"=\?[^?\s]{1,60}\?[bBqQ]\?[^?]{0,4000}\?=")
_NOT_IN_ADDRESS = re.compile(r"[\s<>\"'(),;:\[\]]+")
_CONTROLS = dict.fromkeys((*range(32), 127, 8232, 8233), " ")
# RFC 5322 §3.6: at most once in a mail. A second one is read differently by different readers.
_SINGLE = (
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "content-type",
    "mime-version",
    "content-transfer-encoding",
)
# One mailbox as every reader reads it alike (RFC 5322 §3.4): a name of words, quoted strings and harmless comments
# before an address in angle brackets, or the address alone. Possessive, so that it costs no more than the length.
_NAME_PART = r'(?:"(?:[^"\\]|\\.)*+"|\([^()<>@,;:"\\]*+\)|[^\x00-\x20\x7f()<>@,;:\\"]++|[ \t])*+'
_SPEC = r"[^\x00-\x20\x7f()<>@,;:\\\"\[\]]++@[^\x00-\x20\x7f()<>@,;:\\\"\[\]]++"
_PLAIN_MAILBOX = re.compile(rf"[ \t]*+(?:{_NAME_PART}<({_SPEC})>|({_SPEC}))[ \t]*+(?:\([^()<>@\\]*+\)[ \t]*+)?")
_SPECIALS = frozenset('()<>@,;:\\"')
# Long names come in encoded words that are longer than RFC 2047 §2 allows; every reader decodes them alike.
_HARMLESS = ("overlong-encoded-word",)
_SHORT_CHARS = 200
# RFC 5321 §4.5.3.1: nothing longer can be answered.
_LOCAL_PART_CHARS, _ADDRESS_CHARS = 64, 254
_ADDRESS_HEADERS = ("from", "reply-to", "to", "cc")


@dataclass(frozen=True, kw_only=True)
class People:
    """The mailboxes of a mail. `sender` is the best reading of From; `defects` says why it is no identity."""

    sender: Address | None
    defects: tuple[str, ...]
    reply_to: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    date: datetime | None


def read_headers(message: Message) -> Headers:
    """All headers in order: lower-case name, decoded and unfolded value."""
    return tuple((name.lower(), decode_value(value)) for name, value in raw_headers(message))


def first_value(message: Message, name: str) -> str:
    """The first header of that (lower-case) name, decoded, "" where there is none."""
    return next((decode_value(value) for key, value in raw_headers(message) if key.lower() == name), "")


def raw_headers(message: Message) -> list[tuple[str, str]]:
    """Names and still encoded values, unfolded, as Unicode text, each within the limit."""
    return [
        (name, _FOLD.sub(" ", _as_text(str(value)[: limits.HEADER_BYTES])).strip())
        for name, value in message.raw_items()
    ]


def _as_text(value: str) -> str:
    """Undo the surrogates by which email.message carries 8-bit bytes (they are UTF-8 since the scan)."""
    return value if value.isascii() else value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def decode_value(value: str) -> str:
    """Decode the RFC 2047 words of a header value. Control characters become spaces."""
    value = decode_words(value)
    if not value.isprintable():
        value = value.translate(_CONTROLS)
    return value.strip()


def decode_words(value: str) -> str:
    """Decode the RFC 2047 words of a value and nothing else; words behind the limit are cut off."""
    if "=?" not in value:
        return value
    from mailparser.utils import decode_header_part

    words = list(itertools.islice(_ENCODED_WORD.finditer(value), limits.ENCODED_WORDS))
    if not words:
        return value
    if len(words) == limits.ENCODED_WORDS:
        value = value[: words[-1].end()]
    if '"' in value:
        # Some senders put quotes around encoded words, which hides them from the decoder (RFC 2047 §5 forbids it).
        value = re.sub(r'"(=\?[^"]*\?=)"', r"\1", value)
    modern = charsets.modernise_encoded_words(value)
    return str(decode_header_part(_closed_up(modern)))


def _closed_up(value: str) -> str:
    """Spaces inside an encoded word are not allowed (RFC 2047 §2) but common; "_" is what they mean."""
    return _ENCODED_WORD.sub(lambda word: re.sub(r"\s", "_" if "?q?" in word[0].lower() else "", word[0]), value)


def read_ids(value: str) -> tuple[str, ...]:
    """The message ids of In-Reply-To, References or Message-ID, with their angle brackets."""
    if "<" in value:
        found = _ID.findall(value)
        if found:
            return tuple(found[: limits.IDS])
    # Split, not searched: a pattern for "something@something" takes quadratic time where no @ comes.
    return tuple(f"<{bare}>" for bare in _NOT_IN_ID.split(value) if "@" in bare[1:-1])[: limits.IDS]


def read_people(message: Message, scan_defects: tuple[str, ...]) -> People:
    """Read the address headers and the date through mail-parser."""
    from mailparser.dates import parse_mail_date

    # It logs what strangers write, kilobytes of it.
    _silence("mailparser")
    raw = raw_headers(message)
    view = Message()
    seen: dict[str, int] = {}
    for name, value in raw:
        key = name.lower()
        seen[key] = seen.get(key, 0) + 1
        if seen[key] == 1 and (key in _ADDRESS_HEADERS or key == "date"):
            view[key] = charsets.modernise_encoded_words(_first_addresses(value))
    try:
        found: dict[str, tuple[Address, ...]] = {}
        defects: list[str] = []
        for name in _ADDRESS_HEADERS:
            if name in view:
                found[name], reasons = _mailboxes(view[name])
                defects += reasons if name == "from" else ()
        date = parse_mail_date(dict(view.raw_items())["date"]).value if "date" in view else None
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError, MessageError):
        # Seen on hostile headers; whoever sends them has no identity, but the mail is kept.
        found, defects, date = {}, ["unreadable-addresses"], None
    from_value = str(view.get("from", ""))
    defects = [defect for defect in defects if defect not in _HARMLESS]
    defects += [f"repeated-{name}" for name in _SINGLE if seen.get(name, 0) > 1]
    written = next((value for name, value in raw if name.lower() == "from"), "")
    sender, sender_defects = _judge_sender(from_value, found.get("from", ()), written=written)
    return People(
        sender=sender,
        defects=tuple(dict.fromkeys((*scan_defects, *defects, *sender_defects))),
        reply_to=found.get("reply-to", ()),
        to=found.get("to", ()),
        cc=found.get("cc", ()),
        date=date if isinstance(date, datetime) and date.tzinfo else None,
    )


def _silence(library: str) -> None:
    logger = logging.getLogger(library)
    # Once, not for each mail: to set a level empties the caches of all loggers.
    if logger.level != logging.CRITICAL:
        logger.setLevel(logging.CRITICAL)


def _first_addresses(value: str) -> str:
    """Cut an address list behind its first hundred or so members; reading more is a stranger's way to cost us time."""
    if value.count("@") <= limits.ADDRESSES:
        return value[: limits.ADDRESSES * 200]
    position = -1
    for _ in range(limits.ADDRESSES):
        position = value.find("@", position + 1)
    comma = value.find(",", position)
    return value if comma < 0 else value[:comma]


def _mailboxes(value: object) -> tuple[tuple[Address, ...], tuple[str, ...]]:
    """The mailboxes of an address header, and why they are no identities. Raises what mail-parser raises."""
    return _known_mailboxes(value) if isinstance(value, str) and len(value) <= _SHORT_CHARS else _read_mailboxes(value)


def _read_mailboxes(value: object) -> tuple[tuple[Address, ...], tuple[str, ...]]:
    from mailparser.utils import get_addresses

    defects: list[dict[str, object]] = []
    found = _addresses(get_addresses(value, defects=defects, decode_names=True))
    return found, tuple(str(defect["reason"]) for defect in defects)


# The desk's own address stands in nearly every mail, and people write more than once.
_known_mailboxes = lru_cache(maxsize=1024)(_read_mailboxes)


def _addresses(pairs: Sequence[tuple[str, str]]) -> tuple[Address, ...]:
    result = []
    for display, address in pairs[: limits.ADDRESSES]:
        clean = str(address).strip().lower()
        if clean:
            name = "" if display == address else str(display)  # who has no name is shown under the address
            result.append(Address(address=clean, name=clean_display_name(name)))
    return tuple(result)


def clean_display_name(name: str) -> str:
    """A display name without quotes, control and direction characters (they disguise who writes)."""
    shown = decode_value(name).strip(" \t\"'")
    return "".join(char for char in shown if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co"))[:200].strip()


def _judge_sender(value: str, mailboxes: tuple[Address, ...], *, written: str) -> tuple[Address | None, list[str]]:
    """The sender, and what speaks against taking it for an identity; `written` is the value as it came."""
    if not value.strip():
        return None, ["no-from"]
    defects = ["encoded-address"] if _encoded_address(value) else []
    if len(mailboxes) > 1:
        defects.append("several-mailboxes")
    if not mailboxes:
        defects.append("no-mailbox")
        return _recovered(value), defects
    sender = mailboxes[0]
    if not _is_plain(written, sender.address):
        defects.append("odd-from")
    if "=?" in sender.address:
        defects.append("encoded-address")
    if not sender.address.isascii():
        defects += _judge_international(sender.address)
    if len(sender.address.rpartition("@")[0]) > _LOCAL_PART_CHARS or len(sender.address) > _ADDRESS_CHARS:
        defects.append("odd-address")
    if sender.address.count("@") != 1 or any(char.isspace() for char in sender.address) or '"' in sender.address:
        defects.append("odd-address")
    return sender, defects


def _recovered(value: str) -> Address | None:
    """What stands in the last angle brackets, else the first words that look like an address.

    A display name decodes to whatever its writer likes, so it comes last.
    """
    _, bracket, rest = value.rpartition("<")
    bracketed = rest.partition(">")[0] if bracket else ""
    for word in (*_NOT_IN_ADDRESS.split(bracketed), *_NOT_IN_ADDRESS.split(decode_value(value))):
        local, _, domain = word.strip(".").rstrip("@").rpartition("@")
        if local and domain:
            return Address(address=f"{local}@{domain}".lower())
    return None


def _is_plain(value: str, address: str) -> bool:
    """Whether the value is one plain mailbox, and that one; letters that some readers take for specials are not."""
    found = _PLAIN_MAILBOX.fullmatch(value)
    if found is None or (found[1] or found[2]).lower() != address:
        return False
    if value.isascii():
        return True
    if unicodedata.normalize("NFKC", address) != address:
        return False
    folded = (unicodedata.normalize("NFKC", char) for char in set(value) if not char.isascii())
    return all(char.isprintable() and _SPECIALS.isdisjoint(char) for char in folded)


def _encoded_address(value: str) -> bool:
    """An encoded word may stand in a display name only (RFC 2047 §5): decoding must not make an address."""
    angle = value.rfind("<")
    return "=?" in (value[angle:] if angle >= 0 else value)


def _judge_international(address: str) -> list[str]:
    """A non-ASCII address may look like another one: its domain must be IDNA and use one script (RFC 5891)."""
    local, _, domain = address.rpartition("@")
    if not local.isascii():
        return ["non-ascii-local-part"]
    try:
        domain.encode("idna")
    except UnicodeError:
        return ["bad-domain"]
    scripts = {unicodedata.name(char, "?").split(" ")[0] for char in domain if char.isalpha()}
    return ["mixed-scripts"] if len(scripts) > 1 else []
