"""DKIM signatures (RFC 6376) on what the desk sends, for desks whose relay signs nothing.

Part of rendering: the final bytes are signed once, before they are committed, so that every attempt sends the same.
An extra (`pip install helpdesk-gateway[dkim]`): the library is loaded only where a key is configured.
What may fail: ConfigurationError at the start, where the library, the file or the key is not what it should be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.errors import ConfigurationError, Problem
from gateway.settings import Relay

# All that we write and that a reader could be misled by; a name more than it is there keeps others from adding one.
_SIGNED = (
    *("from", "to", "subject", "date", "message-id", "reply-to", "in-reply-to", "references", "mime-version"),
    *("content-type", "content-transfer-encoding", "auto-submitted", "list-id"),
)
_ONCE_MORE = (
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "in-reply-to",
    "references",
    "cc",
    "content-type",
)
_PROBE = b"From: a@example.com\r\nSubject: x\r\n\r\nx\r\n"


def signer(relay: Relay, *, desk_domain: str) -> Callable[[bytes], bytes]:
    """What puts a signature in front of a mail; without a key it gives the mail back as it is.

    Raises ConfigurationError for a key that can't sign, here and not with the first mail.
    """
    if relay.dkim_key_file is None:
        return lambda content: content
    try:
        import dkim
    except ImportError as error:
        raise _wrong("dkim_key_file", "needs a library", "pip install helpdesk-gateway[dkim]") from error
    try:
        key = relay.dkim_key_file.read_bytes()
    except OSError as error:
        raise _wrong("dkim_key_file", f"can't read {relay.dkim_key_file}: {error.strerror or error}", "") from error
    domain = (relay.dkim_domain or desk_domain).encode("idna")
    selector = relay.dkim_selector.encode("ascii")

    def sign(content: bytes) -> bytes:
        made = dkim.DKIM(content)
        there = {name.lower().decode("ascii", "replace") for name, _ in made.headers}
        covered = [name for name in _SIGNED if name in there] + list(_ONCE_MORE)
        canonical = (b"relaxed", b"relaxed")
        signature: Any = made.sign(selector, domain, key, canonicalize=canonical, include_headers=_octets(covered))
        return bytes(signature) + content

    try:
        sign(_PROBE)
    except Exception as error:  # the library has a dozen ways to say that a key is none
        hint = "write an RSA key in PEM (openssl genrsa -out dkim.pem 2048)"
        raise _wrong("dkim_key_file", f"{relay.dkim_key_file} is no key that can sign", hint) from error
    return sign


def _octets(names: list[str]) -> list[bytes]:
    return [name.encode("ascii") for name in names]


def _wrong(key: str, message: str, hint: str) -> ConfigurationError:
    return ConfigurationError([Problem(file="gateway.toml", key=f"relay.{key}", message=message, suggestion=hint)])
