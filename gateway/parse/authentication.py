"""Read the topmost Authentication-Results header (RFC 8601).

Part of `parse`. Hand-written because the only library refuses Microsoft's form without an authserv-id and recurses on
nested comments. What the values are worth is not decided here: anybody can write this header.
"""

from __future__ import annotations

import re

from gateway.mail import AuthResults
from gateway.parse import limits
from gateway.parse.headers import Headers

_RESULT = re.compile(r"^\s*([A-Za-z][A-Za-z0-9-]*)\s*(?:/\s*\d+)?\s*=\s*([A-Za-z]+)")
_PROPERTY = re.compile(r"\b(header\.from|header\.d|header\.i)\s*=\s*\"?@?([^\s;\"]+)", re.IGNORECASE)


def read_authentication(headers: Headers) -> AuthResults | None:
    """The verdicts of the topmost header, None without one."""
    value = next((value for name, value in headers if name == "authentication-results"), None)
    if value is None:
        return None
    first, *segments = _without_comments(value[: limits.HEADER_BYTES]).split(";")
    authserv_id = ""
    if _RESULT.match(first):
        # Microsoft 365 writes no authserv-id.
        segments.insert(0, first)
    else:
        authserv_id = (first.split() or [""])[0].lower()
    results: dict[str, str] = {}
    aligned: dict[str, str] = {}
    header_from = ""
    for segment in segments:
        found = _RESULT.match(segment)
        if not found:
            continue
        method, verdict = found[1].lower(), found[2].lower()
        properties = {name.lower(): text.lower() for name, text in _PROPERTY.findall(segment)}
        header_from = header_from or properties.get("header.from", "")
        results.setdefault(method, verdict)
        if method == "dkim" and verdict == "pass":
            signer = properties.get("header.d") or properties.get("header.i", "").rpartition("@")[2]
            aligned.setdefault(signer, verdict)
    return AuthResults(
        authserv_id=authserv_id,
        spf=results.get("spf", ""),
        dkim=_dkim(results.get("dkim", ""), aligned, header_from),
        dmarc=results.get("dmarc", ""),
        header_from=header_from.rpartition("@")[2],
    )


def _dkim(first: str, passed: dict[str, str], header_from: str) -> str:
    """Of several signatures the one of the author's domain counts, else the first that is named."""
    domain = header_from.rpartition("@")[2]
    if domain and any(domain == signer or domain.endswith("." + signer) for signer in passed if signer):
        return "pass"
    return first


def _without_comments(value: str) -> str:
    """Take RFC 5322 comments out, nested ones too, but not parentheses in quoted strings."""
    kept: list[str] = []
    depth = 0
    quoted = escaped = False
    for char in value:
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif quoted:
            quoted = char != '"'
        elif char == '"' and depth == 0:
            quoted = True
        elif char == "(":
            depth += 1
        elif char == ")" and depth:
            depth -= 1
            continue
        if depth == 0:
            kept.append(char)
    return "".join(kept)
