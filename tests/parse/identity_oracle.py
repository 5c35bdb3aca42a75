"""Who sends a mail, read by another hand: an oracle for the tests, strict, and without any code of the product.

It knows RFC 5322 §3.4 without its obsolete forms and comments at most at the end. What it does not understand has no
identity (None), so a privileged identity that the product finds and the oracle does not is a finding.
"""

from __future__ import annotations

import re
import unicodedata

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?+"
_ADDRESS = rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*"
_QUOTED = r'"(?:[^"\\\r\n]|\\.)*"'
# Words of a display name; a dot in one is obsolete, and written everywhere.
_WORDS = rf"(?:{_QUOTED}|[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~.-]++|[^\x00-\x7f]++|\s)*+"
_COMMENT = r"\([^()<>@\\]*\)"
_MAILBOX = re.compile(rf"\s*(?:{_WORDS}<(?P<angle>{_ADDRESS})>|(?P<plain>{_ADDRESS}))\s*(?:{_COMMENT}\s*)?", re.DOTALL)
_FIELD = re.compile(r"([!-9;-~]+):(.*)", re.DOTALL)
_SINGLE = {
    *("from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references"),
    *("mime-version", "content-type", "content-transfer-encoding"),
}


def identity(raw: bytes) -> str | None:
    """The one address in the one From header of a mail that every reader reads alike, in lower case; else None."""
    head, _, _ = raw.partition(b"\r\n\r\n")
    if b"\0" in head or head.count(b"\r\n") != head.count(b"\r") or head.count(b"\r\n") != head.count(b"\n"):
        return None
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError:
        return None
    fields: dict[str, list[str]] = {}
    for line in re.split(r"\r\n(?![ \t])", text):
        found = _FIELD.fullmatch(line)
        if found is None:
            return None
        fields.setdefault(found[1].lower(), []).append(re.sub(r"\r\n(?=[ \t])", "", found[2]))
    if len(fields.get("from", [])) != 1 or any(len(fields.get(name, [])) > 1 for name in _SINGLE):
        return None
    # Letters that some readers fold into the signs that addresses are made of.
    letters = (unicodedata.normalize("NFKC", char) for char in fields["from"][0] if not char.isascii())
    if any(set(letter) & set('@<>,;:"()\\') for letter in letters):
        return None
    found = _MAILBOX.fullmatch(fields["from"][0])
    address = (found["angle"] or found["plain"]).lower() if found else None
    # Names come in raw UTF-8 too; an encoded word is no part of an address (RFC 2047 §5).
    return None if address is None or "=?" in address else address
