"""Mails made to hang, swell or break a reader: each by a function, nothing stored.

`GROUPS` and `CASES` name each; a case takes a scale (1 = as hostile as a test needs, 0.5 = half as large), so
that a test can also ask how the work grows.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

Case = Callable[[float], bytes]

HEAD = b"From: a@example.net\r\nTo: helpdesk@example.com\r\nSubject: kept\r\nMIME-Version: 1.0\r\n"
TEXT = HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
HTML = HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n"
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=B\r\n\r\n"
BOUNCE = (
    b"Return-Path: <>\r\nFrom: MAILER-DAEMON@example.net\r\nTo: helpdesk@example.com\r\nSubject: Undelivered mail\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=B\r\n\r\n"
)


def plain(subject: str = "kept", text: str = "hello") -> bytes:
    return (
        f"From: Erika <erika@example.com>\r\nTo: helpdesk@example.com\r\nSubject: {subject}\r\n\r\n{text}\r\n"
    ).encode()


def _header(before: bytes, unit: bytes, count: int, after: bytes = b"") -> Case:
    """A mail with one header that repeats something."""
    return lambda scale: HEAD + before + unit * int(count * scale) + after + b"\r\n\r\nhi\r\n"


def _instead(name: bytes, before: bytes, unit: bytes, count: int, after: bytes = b"") -> Case:
    """A mail whose own From, To or Subject repeats something."""
    kept = b"".join(line for line in HEAD.splitlines(keepends=True) if not line.startswith(name + b":"))
    return lambda scale: kept + name + b": " + before + unit * int(count * scale) + after + b"\r\n\r\nhi\r\n"


def _body(head: bytes, before: bytes, unit: bytes, count: int, after: bytes = b"") -> Case:
    return lambda scale: head + before + unit * int(count * scale) + after


def _numbered(head: bytes, pattern: bytes, count: int, after: bytes = b"\r\nhi\r\n") -> Case:
    return lambda scale: head + b"".join(pattern % number for number in range(int(count * scale))) + after


def _nested(scale: float, depth: int, *, same: bool = False) -> bytes:
    opening = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (number, number)
        for number in ((0,) * int(depth * scale) if same else range(int(depth * scale)))
    )
    return HEAD + opening + b"Content-Type: text/plain\r\n\r\nhi\r\n"


def _part(headers: bytes, body: bytes = b"x") -> bytes:
    return b"--B\r\n" + headers + b"\r\n\r\n" + body + b"\r\n"


def _encoded(kind: bytes, unit: bytes, count: int, encoding: bytes = b"base64") -> Case:
    def made(scale: float) -> bytes:
        content = unit * int(count * scale)
        data = base64.encodebytes(content).replace(b"\n", b"\r\n") if encoding == b"base64" else content
        return HEAD + b"Content-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n" % (kind, encoding) + data

    return made


_HEADERS: dict[str, Case] = {
    "100,000 headers": _numbered(HEAD, b"X-H%d: v\r\n", 100_000),
    "100,000 times the same header": _body(HEAD, b"", b"Received: x\r\n", 100_000, b"\r\nhi"),
    "1,000 From": _body(HEAD, b"", b"From: b@example.net\r\n", 990, b"\r\nhi"),
    "a header of 10 MB": _header(b"X-Long: ", b"a", 10_000_000),
    "a header of 250 kB in one line": _header(b"X-Long: ", b"a", 250_000),
    "a header of 60,000 folds": _header(b"X-Long: a", b"\r\n ", 60_000),
    "a header of 60,000 folds with tabs": _header(b"References: a", b"\r\n\t<a@b>", 20_000),
    "240 kB of lines that are no header": _body(b"", b"", b"nonsense\r\n", 24_000, HEAD + b"\r\nhi"),
    "lines that are no header between headers": _body(HEAD, b"", b"nonsense\r\nX-A: b\r\n", 12_000, b"\r\nhi"),
    "10 MB without a line end": _body(HEAD, b"X: ", b"a", 10_000_000),
    "240 kB of colons": _body(HEAD, b"", b":\r\n", 80_000, b"\r\nhi"),
    "spaces before colons": _body(HEAD, b"X", b" ", 200_000, b": y\r\n\r\nhi"),
    "a subject of 10 MB": _instead(b"Subject", b"", b"a", 10_000_000),
    "a subject of 60 kB of short words": _instead(b"Subject", b"", b"a ", 30_000),
    "a subject of 20,000 encoded words": _instead(b"Subject", b"", b"=?utf-8?q?a?= ", 20_000),
    "a subject of encoded words without spaces": _instead(b"Subject", b"", b"=?utf-8?q?a?=", 4_000),
    "a subject of 60 kB of the beginnings of encoded words": _instead(b"Subject", b"", b"=?", 30_000),
    "a subject of open encoded words": _instead(b"Subject", b"", b"=?utf-8?q?", 6_000),
    "a subject in a slow charset": _instead(b"Subject", b"=?punycode?q?", b"a", 60_000, b"?="),
    "a subject in many slow charsets": _instead(b"Subject", b"", b"=?punycode?q?" + b"a" * 900 + b"?= ", 60),
    "a subject of base64 without an end": _instead(b"Subject", b"=?utf-8?b?", b"QUFB", 15_000),
    "a subject in a charset that is none": _instead(b"Subject", b"=?zlib?b?", b"eJwD", 10_000, b"?="),
    "a subject of combining marks": _instead(b"Subject", b"e", "\u0301".encode(), 30_000),
    "a subject of direction marks": _instead(b"Subject", b"", "\u202e".encode(), 20_000),
    "a subject of raw octets": _instead(b"Subject", b"", b"\xff\xfe", 30_000),
    "a subject of Re:": _instead(b"Subject", b"", b"Re: ", 15_000),
    "a subject of brackets": _instead(b"Subject", b"", b"[", 60_000),
    "a subject of ticket numbers": _instead(b"Subject", b"", b"[#1001] ", 7_000),
    "a date far away": _header(b"Date: Mon, 1 Jun 99999999999 10:00:00 +0000", b"", 0),
    "a date of digits": _header(b"Date: ", b"9", 60_000),
    "a date of zones": _header(b"Date: Mon, 1 Jun 2026 10:00:00 ", b"+", 60_000),
    "a date of comments": _header(b"Date: ", b"(", 60_000),
    "nested comments in Authentication-Results": _header(b"Authentication-Results: mx.example.com; ", b"(", 60_000),
    "20,000 results": _header(b"Authentication-Results: mx.example.com", b"; spf=pass", 6_000),
    "60,000 ids": _header(b"References:", b" <a@b>", 10_000),
    "an id without an end": _header(b"In-Reply-To: <", b"a", 60_000),
    "ids of angles": _header(b"References: ", b"<", 60_000),
    "NUL in the header": _header(b"X-N: ", b"\0", 60_000),
    "CR in the header": _header(b"X-C: ", b"\ra: b", 12_000),
}
_ADDRESSES: dict[str, Case] = {
    "10,000 addresses": (
        lambda scale: (
            HEAD + b"Cc: " + b",".join(b"u%d@example.org" % n for n in range(int(10_000 * scale))) + b"\r\n\r\n"
        )
    ),
    "100,000 addresses": (
        lambda scale: HEAD + b"Cc: " + b", ".join(b"u%d@e.org" % n for n in range(int(100_000 * scale))) + b"\r\n\r\n"
    ),
    "quotes in From": _instead(b"From", b"", b'"', 50_000),
    "commas in From": _instead(b"From", b"", b"a,", 30_000),
    "commas alone in From": _instead(b"From", b"", b",", 60_000),
    "comments in From": _instead(b"From", b"", b"(", 60_000, b" a@example.net"),
    "closed comments in From": _instead(b"From", b"", b"()", 30_000, b" a@example.net"),
    "angles in From": _instead(b"From", b"", b"<", 60_000),
    "routes in From": _instead(b"From", b"<", b"@a,", 20_000, b":b@example.net>"),
    "groups in From": _instead(b"From", b"", b"g:", 30_000, b";"),
    "at signs in From": _instead(b"From", b"a", b"@", 60_000),
    "encoded words in From": _instead(b"From", b"", b"=?utf-8?q?a?= ", 4_000, b"<a@example.net>"),
    "dots in From": _instead(b"From", b"a", b".", 60_000, b"@example.net"),
    "a domain of labels": _instead(b"From", b"a@", b"a.", 30_000, b"example"),
    "an international domain": _instead(b"From", b"a@", "ü".encode(), 30_000, b".example"),
    "escaped quotes in Cc": _header(b"Cc: ", b'"\\', 30_000),
    "brackets in Reply-To": _header(b"Reply-To: ", b"(", 60_000),
    "literals in To": _instead(b"To", b"a@", b"[", 60_000),
}
_PARTS: dict[str, Case] = {
    "3,000 nested multiparts": lambda scale: _nested(scale, 3_000),
    "60 nested multiparts": lambda scale: _nested(scale, 60),
    "900 nested multiparts of one boundary": lambda scale: _nested(scale, 900, same=True),
    "the same boundary nested once": lambda _: (
        MIXED + b"--B\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\nx\r\n--B--\r\n"
    ),
    "2,000 nested messages": _body(HEAD, b"", b"Content-Type: message/rfc822\r\n\r\nSubject: n\r\n", 2_000, b"\r\nhi"),
    "nested messages with long bodies": _body(
        HEAD, b"", b"Content-Type: message/rfc822\r\n\r\nX: " + b"n" * 70_000 + b"\r\n", 30, b"\r\nhi"
    ),
    "100,000 parts": _body(MIXED, b"", b"--B\r\n\r\nx\r\n", 100_000),
    "100,000 empty parts": _body(MIXED, b"", b"--B\r\n", 100_000),
    "a million lines like a boundary": _body(MIXED, b"--B\r\n\r\n", b"--C\r\n", 1_000_000),
    "a million lines that begin like the boundary": _body(MIXED, b"--B\r\n\r\n", b"--BB\r\n", 1_000_000),
    "lines of dashes": _body(MIXED, b"--B\r\n\r\n", b"-" * 2_000 + b"\r\n", 2_000),
    "10 MB of dashes": _body(MIXED, b"--B\r\n\r\n", b"-", 10_000_000),
    "500 parts of long texts": _body(
        MIXED, b"", _part(b"Content-Type: text/plain", b"word word. " * 9_000), 400, b"--B--\r\n"
    ),
    "500 parts of HTML": _body(MIXED, b"", _part(b"Content-Type: text/html", b"<p>x<b>y" * 2_000), 400, b"--B--\r\n"),
    "alternatives in alternatives": lambda scale: (
        HEAD
        + b"".join(
            b"Content-Type: multipart/alternative; boundary=b%d\r\n\r\n" % n
            + b"--b%d\r\nContent-Type: text/plain\r\n\r\nx\r\n--b%d\r\n" % (n, n)
            for n in range(int(18 * scale))
        )
        + b"\r\nend"
    ),
    "20,000 boundaries declared": lambda scale: (
        MIXED + b"".join(b"boundary=c%d\r\n" % number for number in range(int(20_000 * scale)))
    ),
    "a boundary of 200 characters": lambda scale: (
        HEAD
        + b"Content-Type: multipart/mixed; boundary="
        + b"a" * 200
        + b"\r\n\r\n"
        + (b"--" + b"a" * 199 + b"\r\n") * int(20_000 * scale)
    ),
    "20,000 parameters": _numbered(HEAD + b"Content-Type: text/plain", b"; name*%d*=a", 20_000),
    "parameters in the wrong order": lambda scale: (
        HEAD
        + b"Content-Type: text/plain"
        + b"".join(b"; name*%d=a" % n for n in range(int(4_000 * scale), 0, -1))
        + b"\r\n\r\nhi"
    ),
    "100,000 semicolons": _header(b"Content-Disposition: attachment", b";", 60_000),
    "quotes in a parameter": _header(b"Content-Disposition: attachment; filename=", b'"', 60_000),
    "backslashes in a parameter": _header(b'Content-Disposition: attachment; filename="', b"\\", 60_000, b'"'),
    "semicolons in 400 parts": _body(MIXED, b"", _part(b"Content-Disposition: attachment" + b";" * 20_000), 400),
    "slow charset names in parts": _body(
        MIXED, b"", _part(b"Content-Type: text/plain; charset*=punycode'x'" + b"a" * 60_000), 20
    ),
    "charset with NUL": lambda _: HEAD + b'Content-Type: text/plain; charset="a\0b"\r\n\r\nh\xffi',
    "charset with NUL in a part": lambda _: MIXED + _part(b'Content-Type: text/plain; charset="a\0b"', b"h\xffi"),
    "a charset name of 60 kB": _header(b"Content-Type: text/plain; charset=", b"a", 60_000),
    "punycode text": _body(HEAD + b"Content-Type: text/plain; charset=punycode\r\n\r\n", b"", b"a", 400_000),
    "punycode in base64": _encoded(b"text/plain; charset=punycode", b"a-b", 130_000),
    "idna text": _body(HEAD + b"Content-Type: text/plain; charset=idna\r\n\r\n", b"", b"xn--a.", 60_000),
    "utf-7 text": _body(HEAD + b"Content-Type: text/plain; charset=utf-7\r\n\r\n", b"", b"+AAA", 250_000),
    "utf-16 text": _body(HEAD + b"Content-Type: text/plain; charset=utf-16\r\n\r\n", b"", b"\xd8\x00", 500_000),
    "escapes of ISO-2022": _body(
        HEAD + b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n", b"", b"\x1b$B", 300_000
    ),
    "HZ text": _body(HEAD + b"Content-Type: text/plain; charset=hz-gb-2312\r\n\r\n", b"", b"~{", 500_000),
    "undeclared octets": _body(HEAD + b"\r\n", b"", bytes(range(128, 256)), 8_000),
    "25 MB of base64": _encoded(b"application/zip", bytes(range(256)), 100_000),
    "base64 of nothing": _encoded(b"text/plain", b"\0", 1_000_000),
    "base64 with noise": _body(
        HEAD + b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n", b"", b"QQ==\r\n!", 300_000
    ),
    "10 MB of soft line ends": _encoded(b"text/plain", b"=\r\n", 3_300_000, b"quoted-printable"),
    "quoted-printable of broken escapes": _encoded(b"text/plain", b"=x", 1_000_000, b"quoted-printable"),
    "uuencode without an end": _encoded(b"text/plain", b"M" + b"a" * 60 + b"\r\n", 30_000, b"x-uuencode"),
    "an unknown transfer encoding": _encoded(b"text/plain", b"a", 1_000_000, b"x" * 60_000),
    "a text/rtf bomb": _encoded(b"text/rtf", b"{", 1_000_000, b"7bit"),
    "TNEF": _encoded(b"application/ms-tnef", b"\x78\x9f\x3e\x22", 100_000),
    "a zip that would be large": _encoded(b"application/zip", b"PK\x03\x04", 100_000),
    "a calendar of lines": _encoded(b"text/calendar; method=REQUEST", b"ATTENDEE:mailto:a@b\r\n", 40_000, b"7bit"),
    "file names of separators": _header(b'Content-Disposition: attachment; filename="', b"../", 20_000, b'"'),
}
_TEXTS: dict[str, Case] = {
    "10 MB of LF": _body(TEXT, b"", b"\n", 10_000_000),
    "10 MB of CR": _body(TEXT, b"", b"\r", 10_000_000),
    "10 MB of NUL": _body(TEXT, b"", b"\0", 10_000_000),
    "blank lines and an attribution": _body(TEXT, b"", b"\r\n", 100_000, b"On x wrote:\r\n"),
    "On On On": _body(TEXT, b"", b"On ", 100_000, b"\r\nOn a@b.example wrote:"),
    "Op schreef": _body(TEXT, b"", b"Op a schreef ", 40_000, b":"),
    "Am schrieb": _body(TEXT, b"", b"Am 1.1.2026 schrieb ", 40_000, b":"),
    "spaces": _body(TEXT, b"", b" ", 300_000, b"x:\r\n________\r\n"),
    "tabs in lines": _body(TEXT, b"", b"\t" * 990 + b"x\r\n", 1_000),
    "no-break spaces": _body(TEXT, b"", "\xa0".encode(), 300_000, b":"),
    "labels": _body(TEXT, b"x\r\n", b"From: a@b.example\r\nTo: b\r\n", 10_000),
    "labels without values": _body(TEXT, b"x\r\n", b"From:\r\nSent:\r\n", 10_000),
    "attributions": _body(TEXT, b"", b"On 2026-01-01 10:00 a@b.example wrote\r\n", 10_000),
    "attributions with colons": _body(TEXT, b"x\r\n", b"On 2026-01-01 10:00 a@b.example wrote:\r\n", 10_000),
    "quotes in turn": _body(TEXT, b"", b"> x\r\ny 2026 10:00 a@b.example:\r\n", 10_000),
    "quotes of growing depth": lambda scale: TEXT + b"".join(b">" * n + b" x\r\n" for n in range(int(1_400 * scale))),
    "marks": _body(TEXT, b"", b">", 300_000),
    "marks and spaces": _body(TEXT, b"", b"> ", 300_000),
    "rules": _body(TEXT, b"x\r\n", b"________________________________\r\n", 20_000),
    "original messages": _body(TEXT, b"x\r\n", b"-----Original Message-----\r\n", 20_000),
    "delimiters": _body(TEXT, b"x\r\n", b"-- \r\n", 100_000),
    "signatures": _body(TEXT, b"x\r\n", b"-- \r\nErika\r\n", 50_000),
    "thanks": _body(TEXT, b"", b"thanks ", 100_000),
    "one word of 1 MB": _body(TEXT, b"", b"a", 1_000_000),
    "one word of combining marks": _body(TEXT, b"e", "\u0301".encode(), 300_000),
    "lone continuation octets": _body(TEXT, b"", b"\x80", 1_000_000),
    "commands": _body(TEXT, b"", b"#close\r\n", 50_000),
    "a command of 1 MB": _body(TEXT, b"#to ", b"a", 1_000_000),
    "addresses in the text": _body(TEXT, b"", b"<a@b.example> ", 60_000),
    "links in the text": _body(TEXT, b"", b"http://a.example/" + b"a" * 900 + b" ", 1_000),
}
_PAGES: dict[str, Case] = {
    "50,000 nested div": _body(HTML, b"", b"<div>", 100_000, b"x"),
    "900 nested tables": _body(HTML, b"", b"<table><tr><td>", 900, b"x"),
    "open comments": _body(HTML, b"", b"<!--", 100_000),
    "open tags": _body(HTML, b"", b"<a ", 100_000),
    "open brackets": _body(HTML, b"", b"<", 500_000),
    "open CDATA": _body(HTML, b"", b"<![CDATA[", 50_000),
    "attributes": _body(HTML, b"<p", b" a=b", 100_000, b">x"),
    "numbered attributes": lambda scale: (
        HTML + b"<p" + b"".join(b" a%d=b" % n for n in range(int(20_000 * scale))) + b">"
    ),
    "entities": _body(HTML, b"", b"&amp;", 100_000),
    "broken entities": _body(HTML, b"", b"&#x110000000;&", 40_000),
    "hidden parts": _body(HTML, b"", b"<p style='display:none'>z</p>", 17_000),
    "styles": _body(HTML, b"<p style='", b"color:red;", 50_000, b"'>x"),
    "links": _body(HTML, b"", b"<a href='http://x.example/y'>z</a>", 15_000),
    "nested links": _body(HTML, b"", b"<a href='http://x.example/y'>", 15_000),
    "nested formatting": _body(HTML, b"", b"<b><i><u><font color=red>", 900, b"x" * 10_000),
    "misnested formatting": _body(HTML, b"", b"<b><p></b>", 20_000),
    "quotes of HTML": _body(HTML, b"", b"<blockquote type=cite>a:</blockquote>", 13_000),
    "nested quotes of HTML": _body(HTML, b"", b"<blockquote type=cite>", 900, b"x"),
    "signatures of HTML": _body(HTML, b"", b"<div class=gmail_signature>x</div>", 15_000),
    "rows of a table": _body(HTML, b"<table>", b"<tr><td>x<td>y", 30_000),
    "a select of options": _body(HTML, b"<select>", b"<option>x", 50_000),
    "scripts": _body(HTML, b"", b"<script>x</script>", 28_000),
    "an open script": _body(HTML, b"<script>", b"</scrip", 70_000),
    "pictures": _body(HTML, b"", b"<img src=http://x.example/y.png>", 16_000),
    "MathML and SVG": _body(HTML, b"", b"<svg><math>", 40_000),
    "frames": _body(HTML, b"", b"<iframe><noscript><template>", 18_000),
}
_REPORTS: dict[str, Case] = {
    "a report with 10,000 recipients": _numbered(
        BOUNCE + b"--B\r\nContent-Type: message/delivery-status\r\n\r\n",
        b"Final-Recipient: rfc822; u%d@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n",
        10_000,
    ),
    "a report of blank blocks": _body(
        BOUNCE, b"--B\r\nContent-Type: message/delivery-status\r\n\r\n", b"\r\n\r\n", 200_000
    ),
    "a report with a diagnosis of 1 MB": _body(
        BOUNCE,
        b"--B\r\nContent-Type: message/delivery-status\r\n\r\nFinal-Recipient: rfc822; a@b\r\nDiagnostic-Code: ",
        b"5.1.1 ",
        160_000,
    ),
    "a report without recipients": _body(BOUNCE, b"--B\r\n\r\n", b"<a@b.example>\r\n", 60_000),
    "a report of nested reports": _body(
        BOUNCE,
        b"",
        b"--B\r\nContent-Type: message/delivery-status\r\n\r\nContent-Type: multipart/report\r\n\r\n",
        5_000,
    ),
    "a bounce of words": _body(
        b"From: MAILER-DAEMON@example.net\r\nSubject: failure notice\r\n\r\n", b"Hi. This is the", b" qmail", 100_000
    ),
    "a bounce of addresses": _body(
        b"From: MAILER-DAEMON@example.net\r\nSubject: failure notice\r\nX-Failed-Recipients: a@b.example\r\n\r\n",
        b"Hi. This is the qmail-send program\r\n\r\n",
        b"<a@b.example>:\r\nno such user\r\n\r\n",
        30_000,
    ),
    "a bounce of Exim's words": _body(
        b"From: Mail Delivery System <Mailer-Daemon@example.net>\r\nSubject: Mail delivery failed\r\n\r\n",
        b"This message was created automatically by mail delivery software.\r\n\r\n",
        b"  a@b.example\r\n    all relevant MX records point to non-existent hosts\r\n",
        20_000,
    ),
    "ids in a returned mail": _body(
        BOUNCE, b"--B\r\nContent-Type: message/rfc822\r\n\r\n", b"Message-ID: <a@b>\r\n", 20_000, b"\r\nx"
    ),
}
_REST: dict[str, Case] = {
    "nothing": lambda _: b"",
    "one octet": lambda _: b"\xff",
    "NUL only": lambda scale: b"\0" * int(1_000_000 * scale),
    "CRLF only": lambda scale: b"\r\n" * int(1_000_000 * scale),
    "a header's end only": lambda _: b"\r\nonly text",
    "an mbox line of 1 MB": lambda scale: b"From a" + b"a" * int(1_000_000 * scale),
    "octets in turn": lambda scale: bytes(range(256)) * int(4_000 * scale),
    "a byte order mark alone": lambda _: b"\xef\xbb\xbf",
    "UTF-16 from the first octet": lambda scale: HEAD.decode().encode("utf-16") * int(100 * scale),
}

GROUPS: dict[str, dict[str, Case]] = {
    "headers": _HEADERS,
    "addresses": _ADDRESSES,
    "parts": _PARTS,
    "texts": _TEXTS,
    "pages": _PAGES,
    "reports": _REPORTS,
    "rest": _REST,
}
CASES: dict[str, Case] = {name: case for group in GROUPS.values() for name, case in group.items()}
