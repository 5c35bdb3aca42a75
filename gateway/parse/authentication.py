"""Read the Authentication-Results headers (RFC 8601), as they stand on the wire.

Part of `parse`. Hand-written because the only library refuses Microsoft's form without an authserv-id and recurses on
nested comments. Two readings of each: a lenient one to show, and whether the header follows the grammar to its end
(`sound`), without which nobody believes it. Encoded words are never decoded here: decoding would make an id that the
server at the border, which removes forged headers by their id, has not seen. What the values are worth is not decided
here: anybody can write this header.
"""

from __future__ import annotations

import re

from gateway.mail import AuthResults
from gateway.parse import limits
from gateway.parse.headers import Headers

_RESULT = re.compile(r"^\s*([A-Za-z][A-Za-z0-9-]*)\s*(?:/\s*\d+)?\s*=\s*([A-Za-z]+)")
_NAME = r"[A-Za-z][A-Za-z0-9_-]*(?:\s*\.\s*[A-Za-z][A-Za-z0-9_-]*)?"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_VALUE = rf'(?:{_QUOTED}|[^\s;"()])+'
# A quoted value is taken as a whole, so that what stands inside of it is no property.
_PROPERTY = re.compile(rf"({_NAME})\s*=\s*({_VALUE})")
# §2.2; the type before a property's dot is missing in what Microsoft adds (action=none).
_SOUND_FIRST = re.compile(rf"\s*(?:{_QUOTED}|[^\s;\"()=]+)(?:\s+\d{{1,5}})?\s*")
_SOUND_RESULT = re.compile(
    r"\s*(?P<method>[A-Za-z][A-Za-z0-9_-]*)\s*(?:/\s*\d{1,5}\s*)?=\s*[A-Za-z][A-Za-z0-9_-]*"
    rf"(?:\s+{_NAME}\s*=\s*{_VALUE})*"
    # Some servers write nothing for the null sender.
    rf"(?:\s+{_NAME}\s*=)?\s*"
)
# A method that decides something and stands twice decides nothing.
_ONCE = frozenset({"dmarc", "auth"})
_MOST_HEADERS = 20


def read_authentications(headers: Headers) -> tuple[AuthResults, ...]:
    """Every header of that name from the top, of a mail whose values are still encoded; the topmost twenty of them."""
    values = [value for name, value in headers if name.lower() == "authentication-results"]
    return tuple(_read(value) for value in values[:_MOST_HEADERS])


def _read(value: str) -> AuthResults:
    segments = _sound_segments(value) if len(value) <= limits.AUTHENTICATION_BYTES else None
    sound = segments is not None
    first, *segments = segments or _without_comments(value[: limits.HEADER_BYTES]).split(";")
    authserv_id = ""
    if _RESULT.match(first):
        # Microsoft 365 writes no authserv-id.
        segments.insert(0, first)
    else:
        authserv_id = (first.split() or [""])[0].strip('"').lower()
    results: dict[str, str] = {}
    aligned: dict[str, str] = {}
    header_from = submitter = ""
    for segment in segments:
        found = _RESULT.match(segment)
        if not found:
            continue
        method, verdict = found[1].lower(), found[2].lower()
        properties = _properties(segment)
        header_from = header_from or properties.get("header.from", "")
        results.setdefault(method, verdict)
        if method == "auth" and verdict == "pass":
            submitter = submitter or properties.get("smtp.auth", "")
        if method == "dkim" and verdict == "pass":
            signer = properties.get("header.d") or properties.get("header.i", "").rpartition("@")[2]
            aligned.setdefault(signer, verdict)
    return AuthResults(
        authserv_id=authserv_id,
        spf=results.get("spf", ""),
        dkim=_dkim(results.get("dkim", ""), aligned, header_from),
        dmarc=results.get("dmarc", ""),
        header_from=header_from.rpartition("@")[2],
        submitter=submitter,
        sound=sound,
    )


def _properties(segment: str) -> dict[str, str]:
    """The properties of one result, by their names in lower case; of a name that stands twice the first."""
    found: dict[str, str] = {}
    for match in _PROPERTY.finditer(segment):
        name = "".join(match[1].split()).lower()
        found.setdefault(name, match[2].strip('"').lower().removeprefix("@"))
    return found


def _sound_segments(value: str) -> list[str] | None:
    """The segments of a value that follows the grammar to its end; None where two readers could differ about it."""
    if not value.isascii() or "=?" in value:
        return None
    segments = _segments(value)
    if segments is None or not _SOUND_FIRST.fullmatch(segments[0]):
        return None
    results = segments[1:] if segments[-1].strip() else segments[1:-1]
    if [result.strip().lower() for result in results] == ["none"]:
        return segments[:1]
    found = [_SOUND_RESULT.fullmatch(result) for result in results]
    methods = [match["method"].lower() for match in found if match is not None]
    repeated = {method for method in methods if methods.count(method) > 1}
    is_sound = len(methods) == len(results) > 0 and not repeated & _ONCE
    return [segments[0], *results] if is_sound else None


def _segments(value: str) -> list[str] | None:
    """Cut at the semicolons outside of quoted strings and comments; None where one of these is not ended."""
    segments: list[str] = []
    kept: list[str] = []
    depth = 0
    quoted = escaped = False
    for char in value:
        if escaped:
            escaped = False
        elif char == "\\" and (quoted or depth):
            escaped = True
        elif quoted:
            quoted = char != '"'
        elif depth:
            depth += (char == "(") - (char == ")")
            char = " " if depth == 0 else char
        elif char in "()":
            if char == ")":
                return None
            depth = 1
        elif char == '"':
            quoted = True
        elif char == ";":
            segments.append("".join(kept))
            kept = []
            continue
        if depth == 0:
            kept.append(char)
    return None if quoted or escaped or depth else [*segments, "".join(kept)]


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
