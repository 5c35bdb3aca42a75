"""Mails as the people of the stories write and read them, made and taken apart by the standard library alone."""

from __future__ import annotations

import base64
import email
import email.policy
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from functools import cached_property

TOKEN = re.compile(r"\[((?:INC|REQ)-(\d+))\]")
KEY = re.compile(r"[a-z2-7]{40}")


@dataclass(frozen=True, kw_only=True)
class File:
    """Something that goes along; with a `content_id` it is a picture of the HTML body."""

    name: str
    content: bytes = field(repr=False)
    content_type: str = "application/octet-stream"
    content_id: str = ""


@dataclass(frozen=True)
class Letter:
    """A mail as it came to somebody: `content` are its bytes."""

    content: bytes = field(repr=False)

    @cached_property
    def message(self) -> EmailMessage:
        parsed = email.message_from_bytes(self.content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    def header(self, name: str) -> str:
        return str(self.message[name] or "")

    @property
    def subject(self) -> str:
        return self.header("Subject")

    @property
    def ticket(self) -> int:
        """The number in the subject, 0 where there is none."""
        found = TOKEN.search(self.subject)
        return int(found[2]) if found else 0

    @property
    def message_id(self) -> str:
        return self.header("Message-ID").strip()

    @property
    def references(self) -> tuple[str, ...]:
        return tuple(self.header("References").split())

    @property
    def reply_to(self) -> str:
        return parseaddr(self.header("Reply-To"))[1]

    @property
    def text(self) -> str:
        return self._body("plain")

    @property
    def html(self) -> str:
        return self._body("html")

    def _body(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return str(part.get_content()).replace("\r\n", "\n") if isinstance(part, EmailMessage) else ""

    @property
    def files(self) -> dict[str, bytes]:
        """Every part with a name, pictures of the body too."""
        return {part.get_filename() or "": content_of(part) for part in self.message.walk() if part.get_filename()}

    @property
    def pictures(self) -> dict[str, bytes]:
        """The parts that the HTML shows, by Content-ID."""
        found = {str(part["Content-ID"]).strip("<> "): part for part in self.message.walk() if part["Content-ID"]}
        return {cid: content_of(part) for cid, part in found.items() if f"cid:{cid}" in self.html}

    @cached_property
    def everything(self) -> str:
        """All that anybody could read in it: the bytes as they are, every header and part decoded; lower case."""
        pieces = [self.content.decode("latin-1")]
        for part in self.message.walk():
            pieces += [f"{name}: {value}" for name, value in part.items()]
            if not part.is_multipart():
                pieces.append(content_of(part).decode("utf-8", "replace"))
        joined = "\n".join(pieces)
        # Folded headers and quoted-printable line ends must not hide what they part.
        return (joined + re.sub(r"=?\r?\n[ \t]*", "", joined)).lower()

    @property
    def keys(self) -> frozenset[str]:
        """Everything in the head that looks like a reply key."""
        names = ("Reply-To", "Message-ID", "References", "In-Reply-To", "Return-Path")
        return frozenset(key for name in names for key in KEY.findall(re.sub(r"\s", " ", self.header(name)).lower()))


def content_of(part: EmailMessage) -> bytes:
    """The decoded bytes of a part that is no container; of an attached mail its bytes."""
    if part.get_content_type() == "message/rfc822":
        return bytes(part.get_content())
    decoded = part.get_payload(decode=True)
    return decoded if isinstance(decoded, bytes) else b""


def compose_mail(
    *,
    sender: str,
    to: str,
    subject: str,
    text: str,
    html: str = "",
    files: Iterable[File] = (),
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """A mail as an ordinary client writes it. A header given in `headers` takes the place of the usual one."""
    message = EmailMessage()
    usual = {"From": sender, "To": to, "Subject": subject, "Date": formatdate(), "Message-ID": make_msgid(domain="pc")}
    for name, value in (usual | dict(headers or {})).items():
        message[name] = value
    message.set_content(text)
    files = tuple(files)
    if html:
        message.add_alternative(html, subtype="html")
        shown = message.get_body(("html",))
        assert isinstance(shown, EmailMessage)
        for one in (one for one in files if one.content_id):
            main, _, sub = one.content_type.partition("/")
            shown.add_related(
                one.content, main, sub, cid=f"<{one.content_id}>", filename=one.name, disposition="inline"
            )
    for one in (one for one in files if not one.content_id):
        main, _, sub = one.content_type.partition("/")
        message.add_attachment(one.content, maintype=main, subtype=sub, filename=one.name)
    return message.as_bytes(policy=email.policy.SMTP)


def quoted(letter: Letter, text: str) -> str:
    """`text` above the letter, as mail clients quote it."""
    lines = "\n".join(f"> {line}".rstrip() for line in letter.text.splitlines())
    return f"{text}\n\nOn Mon, 2 Mar 2026 at 09:00, {letter.header('From')} wrote:\n{lines}\n"


# One pixel, in colours of one's choice, so that two pictures differ.
def picture(colour: int) -> bytes:
    return base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
    ) + bytes([colour])
