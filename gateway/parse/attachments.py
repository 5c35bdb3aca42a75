"""Which MIME parts are files, what they are called and how big they are.

Part of `parse`. A file's bytes come from the MIME part, never from mail-parser (its payloads are text and can be
damaged). Names are what the sender wrote, made harmless for a screen and a header: they are never used as a path.
"""

from __future__ import annotations

import email.utils
import hashlib
import io
import mimetypes
import re
import unicodedata
from email.errors import MessageError
from email.generator import BytesGenerator
from email.message import Message
from urllib.parse import unquote_to_bytes

from gateway.keys import carries_key
from gateway.mail import Attachment
from gateway.parse import charsets, headers, limits
from gateway.parse.archives import Budget, archive_holds_key
from gateway.parse.tree import Part, Tree

_EMBEDDED = ("message/rfc822", "message/global", "message/news", "message/rfc822-headers", "text/rfc822-headers")
MACHINE_READABLE = ("message/delivery-status", "message/feedback-report", "message/disposition-notification")
_EXTENSIONS = {
    "message/rfc822": ".eml",
    "message/global": ".eml",
    "message/news": ".eml",
    "message/rfc822-headers": ".txt",
    "text/rfc822-headers": ".txt",
    "message/delivery-status": ".txt",
    "message/feedback-report": ".txt",
    "message/disposition-notification": ".txt",
    "text/plain": ".txt",
    "text/html": ".html",
    "text/calendar": ".ics",
    "image/jpeg": ".jpg",
    "image/jpg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "application/pdf": ".pdf",
    "application/pgp-signature": ".asc",
    "application/pkcs7-signature": ".p7s",
    "application/x-pkcs7-signature": ".p7s",
}
_PATH = re.compile(r"[\\/]+")


def is_embedded(part: Message) -> bool:
    """Whether the part is another mail, or the header of one: it is never body text."""
    return part.get_content_type() in _EMBEDDED


def is_file(part: Message) -> bool:
    """Whether a leaf part is a file and not body text or wrapping."""
    disposition = part.get_content_disposition()
    if disposition == "attachment":
        return True
    kind = part.get_content_type()
    if kind in MACHINE_READABLE or kind == "text/rfc822-headers" and not declared_name(part):
        return False
    if kind in ("text/plain", "text/html", "text/enriched", "text/richtext"):
        return bool(declared_name(part))
    # A container without parts lost its boundary: what it holds is text.
    return part.get_content_maintype() != "multipart"


def describe(tree: Tree, part: Part, budget: Budget) -> Attachment:
    """Say what a file part is: name, type, size, digest, and whether a key lies in it."""
    message = part.message
    kind = message.get_content_type()
    if len(tree.raw) > limits.DECODED_MAIL_BYTES:
        size, digest, has_key, key_inside = _estimated_size(tree, part), "", False, False
    else:
        data = content(tree, part)
        size, digest, has_key = len(data), hashlib.sha256(data).hexdigest(), carries_key(data)
        key_inside = archive_holds_key(data, budget)
    content_id = headers.decode_value(str(message.get("content-id", ""))).strip("<> ")
    name = clean_name(declared_name(message))
    return Attachment(
        number=part.number,
        filename=name or _derived_name(part),
        is_named=bool(name),
        content_type=kind,
        size_bytes=size,
        sha256=digest,
        content_id=content_id[:200],
        has_key=has_key,
        key_inside=key_inside,
        inline=bool(content_id) and message.get_content_disposition() != "attachment" and kind.startswith("image/"),
    )


def content(tree: Tree, part: Part) -> bytes:
    """The bytes of a file part."""
    return _embedded_bytes(tree, part.message) if part.message.is_multipart() else tree.content(part)


def _embedded_bytes(tree: Tree, message: Message) -> bytes:
    """The bytes of an embedded mail (or of a container sent as a file), as the parser reads them."""
    payload = message.get_payload()
    if not isinstance(payload, list):
        return b""
    out = io.BytesIO()
    try:
        for part in payload:
            if isinstance(part, Message):
                BytesGenerator(out, mangle_from_=False, maxheaderlen=0).flatten(part)
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError, MessageError):
        # email.generator fails on some charsets and headers that its own parser accepts; what it wrote so far counts.
        pass
    return tree.restore(out.getvalue())


def _estimated_size(tree: Tree, part: Part) -> int:
    size = tree.encoded_size(part)
    if str(part.message.get("content-transfer-encoding", "")).strip().lower() == "base64":
        # Lines of 76 characters and CRLF carry 57 bytes each (RFC 2045 §6.8).
        return size * 57 // 78
    return size


def declared_name(part: Message) -> str:
    """The file name that the sender wrote: filename, else name; RFC 2231, RFC 2047 or raw."""
    for header, parameter in (("content-disposition", "filename"), ("content-type", "name")):
        value = str(part.get(header, ""))
        if parameter not in value.lower():
            continue
        try:
            found = part.get_param(parameter, None, header)
        except (ValueError, UnicodeError, LookupError, TypeError):
            continue
        name = _name_text(found)
        if name:
            return name
    return ""


def _name_text(found: object) -> str:
    if found is None or found == "":
        return ""
    if isinstance(found, tuple):
        charset, _, value = found
        # email.message decoded the percent signs to bytes that it carries as Latin-1 characters.
        data = str(value).encode("utf-8", "surrogateescape") if not _latin(str(value)) else str(value).encode("latin-1")
        return charsets.decode(data, charset or "")
    text = email.utils.unquote(str(found))
    if text.lower().startswith(("utf-8''", "iso-8859-1''")):
        # RFC 2231 value without the asterisk that announces it.
        charset, _, rest = text.partition("''")
        return charsets.decode(unquote_to_bytes(rest), charset)
    return headers.decode_words(re.sub(r"\?=\s+=\?", "?= =?", text))


def _latin(value: str) -> bool:
    return all(ord(char) < 256 for char in value)


def clean_name(name: str) -> str:
    """Make a name harmless to show and to send on: no path, no control or direction characters, and at its
    beginning no dot (a hidden file) and no dash (an option)."""
    kept = "".join(char for char in name if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
    base = _PATH.split(kept)[-1].strip(' \t"').lstrip(".-").strip().rstrip(". ") or ""
    if len(base) > limits.FILENAME_CHARACTERS:
        stem, dot, extension = base.rpartition(".")
        base = (
            stem[: limits.FILENAME_CHARACTERS - 1 - len(extension)] + dot + extension if len(extension) < 20 else base
        )
    return base[: limits.FILENAME_CHARACTERS]


def _derived_name(part: Part) -> str:
    """A stable name for a nameless part: an embedded mail's subject, else part number and type."""
    message = part.message
    kind = message.get_content_type()
    extension = _EXTENSIONS.get(kind) or mimetypes.guess_extension(kind) or ".bin"
    if is_embedded(message):
        inner = message.get_payload(0) if message.is_multipart() else None
        if isinstance(inner, Message):
            subject = headers.decode_value(str(inner.get("subject", "")).replace("\n", " ").replace("\r", ""))
            stem = clean_name(re.sub(r'[\\/:*?"<>|]+', " ", subject)[:100])
            if stem:
                return f"{re.sub(r'  +', ' ', stem)}.eml"
    return f"part-{part.number}{extension}"
