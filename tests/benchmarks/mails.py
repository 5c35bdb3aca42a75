"""Made-up mails of the kinds that a help desk gets: all different, and the same for the same number in every run.

Of a hundred and one, 35 are plain text, 25 plain text with HTML beside it, 8 HTML alone, 13 have attachments, 15 are in
other charsets, 5 are automatic replies. Each comes from a person of its own, so that no budget holds an
acknowledgement back.
"""

from __future__ import annotations

import base64
import quopri
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.header import Header

DESK = "helpdesk@example.com"

KINDS = {"plain": 35, "plain+html": 25, "html": 8, "attachment": 13, "charset": 15, "auto-reply": 5}

_GIVEN = "Aino Bruno Chiara Dilan Ewa Farid Greta Hugo Irina Jonas Kemal Lucía Marek Noor Pilar Rui Sofia".split()
_FAMILY = "Ahlgren Barros Conti Demir Engel Ferrer Gruber Horák Iversen Jansen Kowalski Lefèvre Maier Nagy".split()
_THINGS = (
    "the printer on the second floor|my notebook|the VPN client|Outlook|the shared drive|my telephone|the badge reader"
    "|the projector in room 4|the payroll program|my account|the wireless network|the scanner|Teams|the second screen"
).split("|")
_TROUBLES = (
    "stopped working after lunch|asks for a password every ten minutes|is very slow today|shows error {code}"
    "|can't be reached from home|prints blank pages|lost its settings after the update|needs a new licence"
    "|makes a loud noise|does not find the server|should be moved to the new office|freezes when I open a big file"
).split("|")
_SENTENCES = (
    "I have restarted it twice and nothing changed.|My colleague next door has the same problem.|It worked yesterday."
    "|Could somebody have a look before noon, please?|The message appears as soon as I log in."
    "|I am at my desk until four and reachable on extension {extension}.|There is no hurry, tomorrow is early enough."
    "|We have a customer here in an hour and need it badly.|I tried another cable and another socket."
    "|The number on its label is {code}.|I did not change anything, I promise.|Last month you replaced a part of it."
    "|The same happens in the browser on my telephone.|If you need remote access, just call me."
).split("|")
# Text, charset, transfer encoding, language as a mail client would send it.
_ELSEWHERE = (
    ("Der Drucker im Großraumbüro druckt nur noch leere Seiten. Könnten Sie bitte nachsehen?", "iso-8859-1", "qp"),
    ("L’écran reste noir après la mise à jour – pouvez-vous m’aider avant midi ?", "windows-1252", "8bit"),
    ("Не могу войти в почту с самого утра. Пожалуйста, сбросьте пароль.", "koi8-r", "8bit"),
    ("После обновления программа расчёта зарплаты не запускается.", "windows-1251", "base64"),
    ("プリンターが動きません。再起動しても同じです。よろしくお願いします。", "iso-2022-jp", "7bit"),
    ("打印机无法连接,请帮忙检查一下。", "gb18030", "base64"),
    ("Tlačiareň na druhom poschodí nefunguje, ďakujem za pomoc.", "iso-8859-2", "qp"),
    ("프린터가 작동하지 않습니다. 확인 부탁드립니다.", "euc-kr", "base64"),
    ("Nie mogę się zalogować do sieci, wyświetla się błąd – proszę o pomoc.", "utf-8", "base64"),
    ("La impresora no imprime desde ayer. ¿Podría revisarla, por favor?", "utf-8", "qp"),
)
_FILES = (("screenshot.png", "image/png"), ("report.pdf", "application/pdf"), ("log.zip", "application/zip"))


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One mail with its envelope: `content` has CRLF lines and no dot stuffing."""

    kind: str
    sender: str
    message_id: str
    content: bytes = field(repr=False)

    @property
    def wants_acknowledgement(self) -> bool:
        return self.kind != "auto-reply"


def samples(count: int, *, seed: int = 1) -> Iterator[Sample]:
    """The first `count` mails of a seed; mails of two seeds have nothing in common but their words."""
    return (sample(number, seed=seed) for number in range(count))


def sample(number: int, *, seed: int = 1) -> Sample:
    chance = random.Random(f"{seed}/{number}")
    kind = chance.choices(list(KINDS), weights=list(KINDS.values()))[0]
    sender = f"p{seed}-{number}@example.com"
    message_id = f"<{chance.getrandbits(80):020x}@mail.example.com>"
    name = f"{chance.choice(_GIVEN)} {chance.choice(_FAMILY)}"
    subject = _filled(f"{chance.choice(_THINGS)} {chance.choice(_TROUBLES)}", chance)
    lines = [f"Hello,\r\n\r\n{subject}.", *_paragraphs(chance), f"Kind regards\r\n{name}"]
    text = "\r\n\r\n".join(lines) + "\r\n"
    more: list[str] = []
    if kind == "auto-reply":
        subject = "Automatic reply: your message"
        text = f"I am out of office until Monday. In urgent cases call extension {chance.randrange(100, 999)}.\r\n"
        more = ["Auto-Submitted: auto-replied", "X-Auto-Response-Suppress: All"]
    head = [
        f"Received: from client.example.com (client.example.com [192.0.2.{chance.randrange(1, 250)}])",
        f"\tby mail.example.com with ESMTPSA id {chance.getrandbits(48):012x}; Mon, 02 Mar 2026 09:00:00 +0000",
        f"From: {Header(name, 'utf-8').encode() if not name.isascii() else name} <{sender}>",
        f"To: Help Desk <{DESK}>",
        f"Subject: {subject[0].upper()}{subject[1:]}",
        f"Date: Mon, 02 Mar 2026 09:{number % 60:02}:{chance.randrange(60):02} +0000",
        f"Message-ID: {message_id}",
        "MIME-Version: 1.0",
        *more,
    ]
    body = _body(kind, text, number, chance)
    return Sample(kind=kind, sender=sender, message_id=message_id, content="\r\n".join(head).encode() + b"\r\n" + body)


def big_mail(size_bytes: int, *, number: int = 0) -> Sample:
    """A mail with one attachment that makes it about so big on the wire."""
    start = sample(number, seed=9)
    content = random.Random(number).randbytes(size_bytes * 57 // 78)
    parts = [_text_part("Please find the recording attached.\r\n"), _file_part("recording.bin", "video/mp4", content)]
    head = start.content.partition(b"MIME-Version: 1.0\r\n")[0] + b"MIME-Version: 1.0\r\n"
    return Sample(
        kind="attachment",
        sender=start.sender,
        message_id=start.message_id,
        content=head + _multipart("mixed", parts, "big"),
    )


def _paragraphs(chance: random.Random) -> list[str]:
    """A few short paragraphs; some people write a lot."""
    count = chance.choice((1, 1, 2, 2, 3, 4, 9))
    return [
        _filled("\r\n".join(chance.choice(_SENTENCES) for _ in range(chance.randint(2, 5))), chance)
        for _ in range(count)
    ]


def _filled(text: str, chance: random.Random) -> str:
    return text.format(code=f"0x{chance.getrandbits(24):06X}", extension=chance.randrange(100, 999))


def _body(kind: str, text: str, number: int, chance: random.Random) -> bytes:
    match kind:
        case "plain+html":
            return _multipart("alternative", [_text_part(text), _html_part(text, chance)], f"alt{number}")
        case "html":
            return _html_part(text, chance)
        case "attachment":
            name, content_type = chance.choice(_FILES)
            attached = _file_part(name, content_type, chance.randbytes(chance.randrange(6_000, 90_000)))
            words = _multipart("alternative", [_text_part(text), _html_part(text, chance)], f"alt{number}")
            return _multipart("mixed", [words, attached], f"mix{number}")
        case "charset":
            foreign, charset, encoding = chance.choice(_ELSEWHERE)
            return _text_part(f"{foreign}\r\n\r\n{foreign} ({number})\r\n", charset=charset, encoding=encoding)
        case _:
            return _text_part(text)


def _text_part(text: str, *, charset: str = "utf-8", encoding: str = "8bit", subtype: str = "plain") -> bytes:
    octets = text.encode(charset, "replace")
    name = {"qp": "quoted-printable"}.get(encoding, encoding)
    if encoding == "qp":
        octets = quopri.encodestring(octets.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    elif encoding == "base64":
        octets = _base64(octets)
    head = f'Content-Type: text/{subtype}; charset="{charset}"\r\nContent-Transfer-Encoding: {name}\r\n\r\n'
    return head.encode() + octets


def _html_part(text: str, chance: random.Random) -> bytes:
    """The text as an office program's mail client would send it: style sheets, a class on everything, a logo."""
    styles = "\r\n".join(
        f"p.Mso{number}, li.Mso{number} {{ margin:{number}px; font-size:11.0pt; color:#{chance.getrandbits(24):06x}; }}"
        for number in range(10)
    )
    paragraphs = "\r\n".join(
        f'<p class="MsoNormal" style="margin:0cm"><span lang="EN-US" style="color:black">{line or "&nbsp;"}</span></p>'
        for line in text.split("\r\n")
    )
    html = (
        f'<html><head><meta charset="utf-8"><style>\r\n{styles}\r\n</style></head>\r\n<body lang="EN-US">'
        f'<div class="WordSection1">\r\n{paragraphs}\r\n</div>\r\n'
        '<img src="https://www.example.com/logo.png" width="80" alt="Example"></body></html>\r\n'
    )
    return _text_part(html, encoding="qp", subtype="html")


def _file_part(filename: str, content_type: str, content: bytes) -> bytes:
    head = (
        f'Content-Type: {content_type}; name="{filename}"\r\nContent-Transfer-Encoding: base64\r\n'
        f'Content-Disposition: attachment; filename="{filename}"\r\n\r\n'
    )
    return head.encode() + _base64(content)


def _multipart(subtype: str, parts: list[bytes], boundary: str) -> bytes:
    head = f'Content-Type: multipart/{subtype}; boundary="=_{boundary}"\r\n\r\n'.encode()
    line = f"--=_{boundary}".encode()
    return head + b"".join(line + b"\r\n" + part + b"\r\n" for part in parts) + line + b"--\r\n"


def _base64(content: bytes) -> bytes:
    return base64.encodebytes(content).replace(b"\n", b"\r\n")
