"""A letter becomes bytes.

::

    multipart/mixed            when files are attached
    └── multipart/related      when the HTML shows pictures
        └── multipart/alternative
            ├── text/plain
            └── text/html

The bytes are a function of letter and templates (boundaries come from the Message-ID), have CRLF line ends, are 7-bit
clean, and are read again and compared with the plan before they leave here.
"""

from __future__ import annotations

import hashlib
import re
from base64 import encodebytes
from binascii import b2a_qp
from collections.abc import Iterable, Mapping
from email import quoprimime
from email.message import MIMEPart
from email.utils import format_datetime
from functools import lru_cache, partial
from html import unescape

from gateway.compose.failures import LetterRefused, TemplateFailure
from gateway.compose.filters import Rendering
from gateway.compose.headers import (
    POLICY,
    Plan,
    check_plan,
    checked_id,
    checked_text,
    clean_value,
    has_long_line,
    is_writable_id,
    mailbox,
    references,
    written_headers,
)
from gateway.compose.language import base_language
from gateway.compose.letter import DELIMITER_MARK, Letter, LetterFile
from gateway.compose.person import clean_text
from gateway.compose.phrases import written_end
from gateway.compose.templates import Templates
from gateway.compose.words import page, plain_text, simple_html
from gateway.errors import Problem
from gateway.mail import Address
from gateway.phrase import spoken_context
from gateway.subject import clean_subject, one_line

# "All" would silence delivery reports too; see Microsoft's MS-OXCMAIL §2.2.3.2.14.
SUPPRESSED_RESPONSES = "DR, RN, NRN, OOF, AutoReply"

_LONGEST_ENCODED_OCTETS = 76  # RFC 2045 §6.7 (5)

# Neither quoted-printable nor base64 has such a line.
_PLACE = "=_here"
_BOUNDARY = "=_boundary"

_TOKEN = re.compile(r"\[([A-Za-z][A-Za-z0-9]*)-[1-9]\d*\]")
_CONTENT_ID = re.compile(r"[A-Za-z0-9!#$%&'*+/^_`{|}~.@-]{1,200}")
_CONTENT_TYPE = re.compile(r"(?!(?:multipart|message)/)[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,90}")
_SHOWN_PICTURE = re.compile(r'src="cid:([^"]+)"')


def compose(letter: Letter, templates: Templates) -> bytes:
    """Write the mail of a letter.

    Raises `TemplateFailure` for a broken template and `LetterRefused` for a value that no header can carry.
    """
    pictures = {file.content_id: file for file in letter.files if _is_picture(file)}
    subject, text, html = _render(letter, templates, frozenset(pictures))
    named = {unescape(name) for name in _SHOWN_PICTURE.findall(html)}
    shown = [file for name, file in pictures.items() if name in named]
    attached = [file for file in letter.files if not any(file is picture for picture in shown)]
    plan = _plan(letter, subject)

    boundary = "=_" + hashlib.sha256(letter.message_id.encode()).hexdigest()[:24]
    bodies = clean_text(text), clean_text(html)
    content = _content((_encoding(bodies[0]), _encoding(bodies[1])), boundary, shown, attached)
    encoded = [*map(_encoded, bodies), *(_base64(file.content) for file in [*shown, *attached])]
    data = _filled(written_headers(plan) + b"MIME-Version: 1.0\r\n" + content, encoded)
    check_plan(data, plan)
    return data


def _render(letter: Letter, templates: Templates, content_ids: frozenset[str]) -> tuple[str, str, str]:
    """Return subject, text body and HTML body."""
    notice, language = templates.chosen(letter.template, letter.notice, letter.language), letter.language
    found = templates.find(f"{notice}.txt", language)
    spoken = found[0].rpartition("/")[0] if found and "/" in found[0] else "en"
    subject = one_line(letter.subject)
    tongue = language if base_language(language) == base_language(spoken) else spoken
    look_up = partial(templates.phrases.look_up, language=tongue)
    said = spoken_context(letter.context, look_up, partial(written_end, language=base_language(spoken)))
    values = _plain_mapping(said) | {"subject": subject, "language": base_language(spoken)}

    rendering = Rendering(content_ids=content_ids, look_up=look_up)
    delimiter = templates.delimiter(language)
    if not (delimiter.startswith(DELIMITER_MARK) and delimiter.endswith(DELIMITER_MARK)):
        raise TemplateFailure(Problem(file="_delimiter.txt", message=f"does not stand between {DELIMITER_MARK} marks"))
    headers = templates.render_headers(notice, language, values | {"rendering": rendering})
    words = templates.render_words(f"{notice}.txt", language, values | {"rendering": rendering})
    text = plain_text(f"{delimiter}\n\n{words}", rendering.bodies)
    if templates.has_html(notice, language):
        as_html = Rendering(content_ids=content_ids, as_html=True, look_up=look_up)
        html = templates.render_html(notice, language, values | {"rendering": as_html, "delimiter": delimiter})
        if DELIMITER_MARK not in html:
            raise TemplateFailure(Problem(file=f"{notice}.html", message="must show {{ delimiter }} first"))
    else:
        html = page(simple_html(words, rendering.bodies), language=spoken, delimiter=delimiter)
    return _subject(headers.get("subject", ""), letter), text, html


def _subject(words: str, letter: Letter) -> str:
    """The subject line: "Re:" once where the mail answers one, the token once, then the template's words."""
    token = _TOKEN.fullmatch(letter.token)
    if letter.token and not token:
        raise LetterRefused(f"not a ticket token: {letter.token[:40]!r}")
    words = clean_subject(words, (token.group(1),) if token else ())
    parts = ["Re:" if letter.in_reply_to else "", letter.token, words]
    return clean_value(" ".join(filter(None, parts)))


def _plan(letter: Letter, subject: str) -> Plan:
    """Every header that we mean to send, each once; there is no Bcc, since a letter has one recipient."""
    if letter.automatic not in ("", "auto-replied", "auto-generated", "auto-notified"):
        raise LetterRefused(f"not an Auto-Submitted value: {letter.automatic[:40]!r}")
    if letter.importance not in ("", "high", "low"):
        raise LetterRefused(f"not an Importance value: {letter.importance[:40]!r}")
    if letter.date.tzinfo is None:
        raise LetterRefused("the date has no time zone")
    in_reply_to = letter.in_reply_to if is_writable_id(letter.in_reply_to) else ""
    headers = (
        ("From", mailbox(letter.sender)),
        ("To", mailbox(letter.recipient)),
        # Under the sender's name: clients show it, and not the address with the key, where people see whom they answer.
        ("Reply-To", mailbox(Address(address=letter.reply_to, name=letter.sender.name))),
        ("Subject", subject),
        ("Date", format_datetime(letter.date)),
        ("Message-ID", checked_id(letter.message_id)),
        ("In-Reply-To", in_reply_to),
        ("References", " ".join(references(letter.references, in_reply_to))),
        ("Auto-Submitted", letter.automatic),
        ("X-Auto-Response-Suppress", SUPPRESSED_RESPONSES if letter.automatic else ""),
        ("X-Helpdesk-Gateway", checked_text("X-Helpdesk-Gateway", letter.loop_mark)),
        ("List-Id", checked_text("List-Id", letter.list_id)),
        ("Importance", letter.importance),
    )
    return tuple((name, value) for name, value in headers if value)


def _content(encodings: tuple[str, str], boundary: str, shown: list[LetterFile], attached: list[LetterFile]) -> bytes:
    """Everything below our own headers, with places for the encoded bodies and files."""
    if not shown and not attached:
        # Most mails: the same octets but for the boundary, which stands in no other place of them.
        return _two_bodies(encodings).replace(_BOUNDARY.encode(), boundary.encode())
    content = _alternative(encodings, boundary)
    if shown:
        related = [content, *(_file_part(file, shown=True) for file in shown)]
        content = _multipart("related", boundary + "_r", related, root="multipart/alternative")
    if attached:
        content = _multipart("mixed", boundary + "_m", [content, *(_file_part(file) for file in attached)])
    return content.as_bytes(policy=POLICY)


@lru_cache(maxsize=4)
def _two_bodies(encodings: tuple[str, str]) -> bytes:
    return _alternative(encodings, _BOUNDARY).as_bytes(policy=POLICY)


def _alternative(encodings: tuple[str, str], boundary: str) -> MIMEPart:
    bodies = [_text_part(encoding, subtype) for encoding, subtype in zip(encodings, ("plain", "html"), strict=True)]
    return _multipart("alternative", boundary + "_a", bodies)


def _multipart(subtype: str, boundary: str, parts: Iterable[MIMEPart], root: str = "") -> MIMEPart:
    """A container. "=_" stands in no quoted-printable and no base64 line, so the boundary is unique (RFC 2045 §6.7)."""
    container = MIMEPart(policy=POLICY)
    parameter = f'; type="{root}"' if root else ""
    container["Content-Type"] = f'multipart/{subtype}{parameter}; boundary="{boundary}"'
    for part in parts:
        container.attach(part)
    return container


def _text_part(encoding: str, subtype: str) -> MIMEPart:
    part = MIMEPart(policy=POLICY)
    part["Content-Type"] = f'text/{subtype}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = encoding
    part.set_payload(_PLACE)
    return part


def _encoding(text: str) -> str:
    """Quoted-printable reads well in raw mail; for scripts of another alphabet base64 is half the size."""
    foreign = len(text.encode("utf-8", "replace")) - len(text)
    return "base64" if foreign * 3 > len(text) else "quoted-printable"


def _encoded(text: str) -> bytes:
    octets = text.encode("utf-8")
    if _encoding(text) == "base64":
        return _base64(octets.replace(b"\n", b"\r\n"))
    written = b2a_qp(octets)
    if has_long_line(written, _LONGEST_ENCODED_OCTETS):
        # binascii sometimes writes a space at the end of a full line as "=20" beyond its end; this one never, slowly.
        written = quoprimime.body_encode(octets.decode("latin-1")).encode("ascii")
    return written.replace(b"\n", b"\r\n") + b"\r\n"


def _base64(content: bytes) -> bytes:
    return encodebytes(content).replace(b"\n", b"\r\n")


def _file_part(file: LetterFile, *, shown: bool = False) -> MIMEPart:
    part = MIMEPart(policy=POLICY)
    content_type = file.content_type.strip().lower()
    # An attached message must not be encoded as one (RFC 2046 §5.2.1), so it travels as a file.
    part["Content-Type"] = content_type if _CONTENT_TYPE.fullmatch(content_type) else "application/octet-stream"
    part["Content-Transfer-Encoding"] = "base64"
    part.add_header("Content-Disposition", "inline" if shown else "attachment", filename=clean_filename(file.filename))
    if shown:
        part["Content-ID"] = f"<{file.content_id}>"
    part.set_payload(_PLACE)
    return part


def _filled(data: bytes, contents: list[bytes]) -> bytes:
    """Put the encoded contents in their places; the email package would take a second for 5 MB."""
    pieces = data.split(b"\r\n\r\n" + _PLACE.encode() + b"\r\n")
    if len(pieces) != len(contents) + 1:
        raise LetterRefused("a part of the mail imitates the place of another")
    written = [pieces[0]]
    for content, piece in zip(contents, pieces[1:], strict=True):
        written += [b"\r\n\r\n", content, piece]
    return b"".join(written)


def clean_filename(name: str) -> str:
    """Return a name without folders, controls and direction marks, at most 120 characters; its ending is kept."""
    base = re.split(r"[/\\]", clean_value(name))[-1].strip(" .") or "file"
    stem, dot, ending = base.rpartition(".")
    return base if len(base) <= 120 else f"{stem[:100]}{dot}{ending[:19]}"


def _is_picture(file: LetterFile) -> bool:
    is_image = file.content_type.lower().startswith("image/")
    return file.inline and is_image and bool(_CONTENT_ID.fullmatch(file.content_id))


def _plain_mapping(context: Mapping[str, object]) -> dict[str, object]:
    return {
        str(key): clean_text(value) if type(value) is str else value if type(value) in _PLAIN else _plain(value)
        for key, value in context.items()
    }


_PLAIN = frozenset({int, float, bool, type(None)})


def _plain(value: object) -> object:
    """JSON values only, with clean text: no object whose methods a template could call (T26)."""
    if isinstance(value, str):
        return clean_text(str(value))
    if value is None or isinstance(value, bool | int | float):
        return value
    # A dict is a Mapping, and known for one at a tenth of the cost.
    if type(value) is dict or isinstance(value, Mapping):
        return _plain_mapping(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    raise LetterRefused(f"a template's value must be plain JSON, not {type(value).__name__}")
