"""Damage mails as senders, relays and attackers do: at headers, boundaries, encodings, charsets, line ends.

A mutant is made again from its number alone, over the mails of tests/mails.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from random import Random

_MAILS = Path(__file__).resolve().parents[1] / "mails"
_BOUNDARY = re.compile(rb'(?i)boundary="?([^"\r\n;]+)')
_CHARSETS = (
    *(b"utf-8", b"us-ascii", b"iso-8859-1", b"gb2312", b"shift_jis", b"iso-2022-jp", b"koi8-r", b"utf-7", b"utf-16"),
    *(b"punycode", b"idna", b"zlib", b"rot13", b"undefined", b"unknown-8bit", b"hz", b"x", b"", b'"a\0b"', b"\xff"),
)
_ENCODINGS = (b"7bit", b"8bit", b"base64", b"quoted-printable", b"x-uuencode", b"binary", b"base64 (x)", b"", b"\xff")
_WORDS = (
    *(b"=?utf-8?q?a=0D=0ABcc:_x@evil.example?=", b"=?utf-8?b?4oCu?=", b"=?punycode?q?a-b?=", b"=?utf-8?b?!!!?="),
    *(b"=?utf-8*en?q?x?=", b"=?x?", b"=?iso-2022-jp?b?GyRC?=", b"=?utf-8?q?=FF?=", b"=?utf-8?q??=", b"=?=?=?"),
)
_NAMES = (
    *(b"From", b"To", b"Cc", b"Subject", b"Date", b"Message-ID", b"In-Reply-To", b"References", b"Reply-To"),
    *(b"Sender", b"Return-Path", b"Content-Type", b"Content-Disposition", b"Content-Transfer-Encoding"),
    *(b"MIME-Version", b"Auto-Submitted", b"Precedence", b"List-Id", b"X-Auto-Response-Suppress", b"Received"),
    *(b"Authentication-Results", b"X-Helpdesk-Gateway", b"Delivered-To", b"X-Failed-Recipients", b"DKIM-Signature"),
)
_VALUES = (
    *(b"", b"<>", b"a@b", b"<a@b>", b'"boss@example.com" <evil@evil.example>', b"boss@example.com <evil@evil.example>"),
    *(b"anna@example.com", b"helpdesk@example.com", b"a@b, c@d", b"g: a@b;", b"(((", b'"', b"\\", b"@", b"<<a@b>>"),
    *(b"auto-replied", b"bulk", b"yes", b"[INC-1001] x", b"[#1001]", b"Re: Fwd: Re:", b"multipart/mixed"),
    *(b"multipart/report; report-type=delivery-status; boundary=B", b"message/rfc822", b"text/html", b"text/calendar"),
    *(b"text/plain; charset*0=a; charset*1=b", b'attachment; filename="../../x"', b"attachment; filename*=utf-8''%FF"),
    *(b"Mon, 1 Jun 99999999999 10:00:00 +0000", b"Thu, 0 Foo 0 99:99:99 +9999", b"\0", b"\r", b"\x0b", b"a" * 2_000),
    *("\u202e\u200b\u2028".encode(), "ä".encode("latin-1"), "ü@bücher.example".encode(), b"\xed\xa0\x80"),
    b"mx.example.com; dmarc=pass header.from=example.com",
)
_LINES = (
    *(b"#close", b"#assign ben", b"> quoted", b"-- ", b"On Mon, 2 Mar 2026 at 09:00, a@b.example wrote:", b"From x"),
    *(b"=-=-=", b"________________________________", b"-----Original Message-----", b"From: a@b.example", b"--", b"."),
    *(
        b"<div><blockquote type=cite>",
        b"<!--",
        b"<a ",
        b"{{7*7}}",
        b"{% for %}",
        b"\0",
        b"\xff\xfe",
        b"thanks",
        b"approve",
    ),
)


@cache
def corpus() -> tuple[bytes, ...]:
    """Our own mails, with CRLF as they come over the wire."""
    raws = [path.read_bytes() for path in sorted(_MAILS.rglob("*.eml"))]
    return tuple(raw if b"\r\n" in raw else raw.replace(b"\n", b"\r\n") for raw in raws)


def mutant(number: int) -> bytes:
    """The mutated mail of this number."""
    chance = Random(number)
    raw = chance.choice(corpus())
    for _ in range(chance.choice((1, 1, 2, 2, 3, 5))):
        raw = chance.choice(_MUTATIONS)(raw, chance)[:200_000]
    return raw


def _split(raw: bytes) -> tuple[list[bytes], bytes]:
    """The header fields, each with its folds, and the body with the blank line before it."""
    head, blank, body = raw.partition(b"\r\n\r\n")
    fields = re.split(rb"\r\n(?![ \t])", head)
    return fields, blank + body


def _joined(fields: Sequence[bytes], body: bytes) -> bytes:
    return b"\r\n".join(fields) + body


def _repeat_header(raw: bytes, chance: Random) -> bytes:
    fields, body = _split(raw)
    fields.insert(chance.randrange(len(fields) + 1), chance.choice(fields))
    return _joined(fields, body)


def _drop_header(raw: bytes, chance: Random) -> bytes:
    fields, body = _split(raw)
    del fields[chance.randrange(len(fields))]
    return _joined(fields, body)


def _shuffle_headers(raw: bytes, chance: Random) -> bytes:
    fields, body = _split(raw)
    chance.shuffle(fields)
    return _joined(fields, body)


def _add_header(raw: bytes, chance: Random) -> bytes:
    fields, body = _split(raw)
    value = chance.choice(_VALUES) + chance.choice((b"", b"", b" ", b"\r\n ", b"\r\n\t")) + chance.choice(_VALUES)
    line = chance.choice(_NAMES) + chance.choice((b": ", b": ", b":", b" : ", b"\t:\r\n ")) + value
    fields.insert(chance.randrange(len(fields) + 1), line)
    return _joined(fields, body)


def _swap_value(raw: bytes, chance: Random) -> bytes:
    fields, body = _split(raw)
    one, other = chance.randrange(len(fields)), chance.randrange(len(fields))
    name, colon, _ = fields[one].partition(b":")
    fields[one] = name + colon + chance.choice((fields[other].partition(b":")[2], b" " + chance.choice(_VALUES)))
    return _joined(fields, body)


def _encoded_word(raw: bytes, chance: Random) -> bytes:
    fields, body = _split(raw)
    index = chance.randrange(len(fields))
    place = chance.randrange(len(fields[index]) + 1)
    fields[index] = fields[index][:place] + chance.choice(_WORDS) + fields[index][place:]
    return _joined(fields, body)


def _boundary_damage(raw: bytes, chance: Random) -> bytes:
    names = _BOUNDARY.findall(raw)
    if not names:
        return _wrap(raw, chance)
    name = chance.choice(names)
    new = chance.choice(
        (name + b"-", name[:-1], b"", b"x" * 300, name + b"--", name.upper(), b'"' + name, b"--" + name)
    )
    places = [found.start() for found in re.finditer(re.escape(name), raw)]
    place = chance.choice(places)
    return raw[:place] + new + raw[place + len(name) :]


def _wrap(raw: bytes, chance: Random) -> bytes:
    """Put the mail into another one, as a part, as a file, or as a mail."""
    kind = chance.choice((b"multipart/mixed", b"multipart/alternative", b"multipart/report", b"multipart/signed"))
    inner = chance.choice((b"message/rfc822", b"text/plain", b"text/rfc822-headers", b"message/delivery-status"))
    fields, body = _split(raw)
    kept = [field for field in fields if not field.lower().startswith(b"content-")]
    outer = b"Content-Type: " + kind + b"; boundary=W"
    part = b"\r\n\r\n--W\r\nContent-Type: " + inner + b"\r\n\r\n" + chance.choice((raw, body))
    return _joined([*kept, outer], part) + chance.choice((b"\r\n--W--\r\n", b"\r\n--W\r\n", b""))


def _charset(raw: bytes, chance: Random) -> bytes:
    label = chance.choice(_CHARSETS)
    changed = re.sub(
        rb'(?i)charset\s*=\s*"?[^";\r\n]*"?', lambda _: b"charset=" + label, raw, count=chance.randint(1, 3)
    )
    return changed if changed != raw else _joined([b"Content-Type: text/plain; charset=" + label], b"\r\n" + raw)


def _transfer_encoding(raw: bytes, chance: Random) -> bytes:
    label = chance.choice(_ENCODINGS)
    if b"ransfer-encoding:" not in raw.lower():
        fields, body = _split(raw)
        text = body[4:] if chance.random() < 0.5 else base64.encodebytes(body[4:])
        return _joined([*fields, b"Content-Transfer-Encoding: " + label], b"\r\n\r\n" + text)
    return re.sub(rb"(?i)(transfer-encoding:)[^\r\n]*", lambda found: found[1] + b" " + label, raw, count=1)


def _truncate(raw: bytes, chance: Random) -> bytes:
    return raw[: chance.randrange(len(raw) + 1)]


def _flip(raw: bytes, chance: Random) -> bytes:
    damaged = bytearray(raw)
    for _ in range(chance.choice((1, 1, 3, 10, 50))):
        if damaged:
            damaged[chance.randrange(len(damaged))] = chance.choice((chance.randrange(256), 0, 13, 10, 58, 60, 34, 61))
    return bytes(damaged)


def _line_ends(raw: bytes, chance: Random) -> bytes:
    ends = chance.choice(((b"\n",), (b"\r",), (b"\r\n", b"\n"), (b"\r\n", b"\r", b"\n"), (b"\r\r\n",), (b"\n\r",)))
    return b"".join(line + chance.choice(ends) for line in raw.split(b"\r\n"))


def _splice(raw: bytes, chance: Random) -> bytes:
    other = chance.choice(corpus())
    if chance.random() < 0.4:
        return _joined(_split(raw)[0], _split(other)[1])
    return raw[: chance.randrange(len(raw) + 1)] + other[chance.randrange(len(other) + 1) :]


def _insert_line(raw: bytes, chance: Random) -> bytes:
    lines = raw.split(b"\r\n")
    for _ in range(chance.choice((1, 2, 5))):
        lines.insert(chance.randrange(len(lines) + 1), chance.choice(_LINES) * chance.choice((1, 1, 1, 30)))
    return b"\r\n".join(lines)


def _repeat_piece(raw: bytes, chance: Random) -> bytes:
    start = chance.randrange(len(raw) + 1)
    piece = raw[start : start + chance.choice((1, 10, 100, 1_000))]
    return raw[:start] + piece * chance.choice((2, 10, 50)) + raw[start:]


def _move_blank_line(raw: bytes, chance: Random) -> bytes:
    fields, body = _split(raw)
    if chance.random() < 0.5:
        return _joined(fields, body[2:])
    place = chance.randrange(len(fields) + 1)
    return _joined([*fields[:place], b"", *fields[place:]], body)


_MUTATIONS: tuple[Callable[[bytes, Random], bytes], ...] = (
    *(_repeat_header, _drop_header, _shuffle_headers, _add_header, _add_header, _swap_value, _encoded_word),
    *(_boundary_damage, _wrap, _charset, _transfer_encoding, _truncate, _flip, _flip, _line_ends, _splice),
    *(_insert_line, _repeat_piece, _move_blank_line),
)
