"""Turn bytes into text when labels lie: the WHATWG names of charsets, detection only where nothing else helps.

Used for headers and bodies by the rest of `parse`. Never raises; what cannot be decoded becomes U+FFFD.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

# Labels that Python does not know, or knows as something else.
_LABELS = {
    "gb_2312-80": "gb18030",
    "x-gbk": "gb18030",
    "ks_c_5601": "cp949",
    "x-sjis": "cp932",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "unicode-1-1-utf-7": "utf-7",
    "utf-8mb4": "utf-8",
    "cp-850": "cp850",
    "cp-1252": "cp1252",
    "windows-874": "cp874",
}
# The WHATWG Encoding Standard §4.2 reads these charsets as the superset that senders really use.
_SUPERSETS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
    "iso2022_jp": "iso2022_jp_ext",
}
# Codecs that Python knows under mail-like names but that no mail may ask for (quadratic, or no charsets at all).
_ALLOWED = re.compile(
    r"utf-(?:7|8|16|32)|iso8859-\d+|cp\d+|koi8-[rut]|iso2022|gb|big5|euc_|johab|hz$|mac-|tis|ptcp|shift"
)
_ENCODED_WORD_LABEL = re.compile(r"=\?([^?*\s]{1,40})(\*[^?\s]*)?\?(?=[bBqQ]\?)")


@lru_cache(maxsize=256)
def codec_name(label: str) -> str:
    """The Python codec for a charset label; "" where the label is unknown or not allowed."""
    name = label.strip(" \t\"'").lower().replace("\0", "")
    name = _LABELS.get(name, name)
    if name.startswith("windows-"):
        name = "cp" + name[8:]
    elif name.startswith("x-mac-"):
        name = "mac-" + name[6:]
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return _from_html_label(name)
    return _SUPERSETS.get(found.name, found.name) if _ALLOWED.match(found.name) or found.name == "ascii" else ""


def _from_html_label(name: str) -> str:
    from resiliparse.parse.encoding import map_encoding_to_html5

    try:
        mapped = map_encoding_to_html5(name, False)
    except (ValueError, LookupError, UnicodeError):
        return ""
    if not mapped:
        return ""
    try:
        return codecs.lookup(mapped).name
    except LookupError:
        return ""


def decode(data: bytes, label: str) -> str:
    """Decode a body: as declared, else UTF-8, else as detected. Line ends become LF."""
    return _decode(data, label).replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _decode(data: bytes, label: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    declared = codec_name(label) if label else ""
    if data.isascii() and not declared.startswith(("utf-7", "iso2022", "hz", "utf-16", "utf-32")):
        return data.decode("ascii")
    if declared and declared != "cp1252":
        try:
            return data.decode(declared)
        except UnicodeError:
            pass
    try:
        return data.decode("utf-8-sig")
    except UnicodeError:
        pass
    if declared == "cp1252":
        return data.decode("cp1252", "replace") if b"\x81" not in data else data.decode("latin-1")
    if declared:
        # One broken character must not throw a whole honest label away.
        text = data.decode(declared, "replace")
        if text.count("\N{REPLACEMENT CHARACTER}") * 20 < len(text):
            return text
    return data.decode(_detect(data), "replace")


def _detect(data: bytes) -> str:
    import chardet

    guess = chardet.detect(data[:20_000]).get("encoding")
    return (codec_name(guess) if isinstance(guess, str) else "") or "cp1252"


def headers_to_utf8(head: bytes, declared: str) -> bytes:
    """Turn raw 8-bit header lines into UTF-8 (RFC 6532): UTF-8 stays, else the mail's charset, else as detected."""
    return b"\n".join(
        line if line.isascii() else header_text(line, declared).encode("utf-8") for line in head.split(b"\n")
    )


def header_text(line: bytes, declared: str = "") -> str:
    """Decode one raw 8-bit header line. UTF-8 that was cut in the middle of a character is still UTF-8."""
    text = line.decode("utf-8", "replace")
    beyond_ascii = sum(not char.isascii() for char in text)
    if text.count("\N{REPLACEMENT CHARACTER}") * 10 <= beyond_ascii:
        return text
    name = codec_name(declared) if declared else ""
    if name and name != "utf-8":
        try:
            return line.decode(name)
        except UnicodeError:
            pass
    return line.decode(_detect(line), "replace").replace("\n", " ")


def modernise_encoded_words(value: str) -> str:
    """Rename charset labels inside RFC 2047 encoded words to codecs that decode what senders put there.

    RFC 2231 §5 allows a language after the charset ("=?utf-8*en?q?…?="), which older decoders do not know.
    """

    def renamed(found: re.Match[str]) -> str:
        return f"=?{codec_name(found[1]) or 'utf-8'}?"

    return _ENCODED_WORD_LABEL.sub(renamed, value)
