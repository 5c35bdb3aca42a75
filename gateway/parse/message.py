"""Read a mail: bytes in, a `Mail` out, whatever the bytes are.

The first step behind the ledger, run in a worker process with limits on time and memory. Pure: no clock, no network,
no files. Nothing a stranger sends raises here; what cannot be parsed is named in `Mail.defect` and keeps subject,
sender and ids as far as the header block gives them, so that it still becomes a ticket with the raw mail attached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from email.message import Message
from email.parser import BytesHeaderParser

from gateway.mail import Attachment, Mail, Passage, PassageRole, Structure
from gateway.parse import attachments, body, forwards, headers, html, language, limits, quote_lines, quotes, reports
from gateway.parse.archives import Budget
from gateway.parse.authentication import read_authentications
from gateway.parse.scan import Scanned, scan
from gateway.parse.tree import MimeLimit, Tree, build

# All that `scan` looks at to find the header block and its end, however big the mail is.
HEAD_BYTES = 2 * limits.HEADER_BLOCK_BYTES + 2_048

_DELIVERED_TO = ("delivered-to", "x-original-to", "x-delivered-to", "envelope-to", "x-envelope-to", "x-forwarded-to")


def parse(raw: bytes, *, own_addresses: tuple[str, ...] = (), full_size_bytes: int | None = None) -> Mail:
    """Read a mail. Never raises for what the mail contains.

    `own_addresses` are the desk's: what quotes them is history. `full_size_bytes` is the size of the whole mail where
    only its beginning was fetched.
    """
    size = full_size_bytes if full_size_bytes is not None else len(raw)
    scanned = scan(raw)
    if scanned.refusal:
        return _headers_only(scanned, size, scanned.refusal)
    try:
        return _read(build(raw, scanned.head, scanned.body_start), scanned, size, own_addresses)
    except MimeLimit as refusal:
        return _headers_only(scanned, size, str(refusal))
    except Exception as error:  # noqa: BLE001 - the promise of this room: four libraries read hostile bytes here
        return _headers_only(scanned, size, f"unexpected {type(error).__name__} while parsing")


def parse_head(raw: bytes, *, size_bytes: int, defect: str) -> Mail:
    """Read the header block alone of a mail that could not be read as a whole, because of `defect`.

    The first `HEAD_BYTES` of the mail suffice: sender, subject, date and ids are those that `parse` would have found.
    """
    return _headers_only(scan(raw), size_bytes, defect)


def extract_parts(raw: bytes, numbers: Sequence[int]) -> dict[int, bytes]:
    """The decoded bytes of attachments by their number; numbers that the mail does not have are left out."""
    scanned = scan(raw)
    try:
        tree = build(raw, scanned.head, scanned.body_start)
    except MimeLimit:
        return {}
    wanted = set(numbers)
    return {part.number: attachments.content(tree, part) for part in tree.parts if part.number in wanted}


def _read(tree: Tree, scanned: Scanned, size: int, own: tuple[str, ...]) -> Mail:
    mail = _from_headers(tree.message, scanned, size)
    chosen = body.choose(tree, body.text_leaves(tree))
    passages, from_html = _passages(chosen, own, quote_lines.is_forward_subject(mail.subject))
    report = reports.read_report(tree, mail.headers)
    is_report = report is not None or reports.is_report(tree)
    forwarded = None if is_report else forwards.find_forwarded(tree, mail.subject, passages)
    above = _html(chosen.html, passages, whole=forwarded is not None and not forwarded.attached)
    return replace(
        mail,
        passages=passages,
        new_html=above,
        from_html=from_html,
        attachments=_attachments(tree, is_report=is_report),
        enclosed=_enclosed(tree),
        structure=_structure(tree),
        report=report,
        forwarded=forwarded,
        language=language.guess_language(mail.headers, _joined(passages, PassageRole.NEW)),
    )


def _from_headers(message: Message, scanned: Scanned, size: int) -> Mail:
    found = headers.read_headers(message)
    first: dict[str, str] = {}
    for name, value in found:
        first.setdefault(name, value)
    people = headers.read_people(message, scanned.defects)
    authentications = read_authentications(tuple(headers.raw_headers(message)))
    return_path = first.get("return-path")
    return Mail(
        size_bytes=size,
        message_id=next(iter(headers.read_ids(first.get("message-id", ""))), ""),
        in_reply_to=headers.read_ids(first.get("in-reply-to", "")),
        references=headers.read_ids(first.get("references", "")),
        subject=first.get("subject", ""),
        sender=people.sender,
        sender_defects=people.defects,
        reply_to=people.reply_to,
        to=people.to,
        cc=people.cc,
        delivered_to=tuple(
            dict.fromkeys(value.strip("<> ").lower() for name, value in found if name in _DELIVERED_TO and "@" in value)
        ),
        return_path=return_path.strip("<> ").lower() if return_path is not None else None,
        date=people.date,
        headers=found,
        auth=next(iter(authentications), None),
        authentications=authentications,
    )


def _headers_only(scanned: Scanned, size: int, defect: str) -> Mail:
    """What the header block alone tells of a mail that is not parsed."""
    try:
        return replace(
            _from_headers(BytesHeaderParser().parsebytes(scanned.head + b"\n\n"), scanned, size), defect=defect
        )
    except Exception:  # noqa: BLE001 - the header block itself breaks a library: the mail is still a mail
        return Mail(size_bytes=size, sender_defects=("unreadable-header",), defect=defect)


def _passages(chosen: body.Body, own: tuple[str, ...], is_forward: bool) -> tuple[tuple[Passage, ...], bool]:
    texts: list[str] = []
    length = 0
    cut: int | None = None
    for is_html, piece in chosen.pieces:
        if is_html:
            made = html.to_text(html.tame(piece), quotes_are_content=is_forward)
            cut = length + made.cut if made.cut is not None and cut is None else cut
            piece = made.text
        texts.append(piece)
        length += len(piece) + 1
    text = "\n".join(texts)
    passages = quotes.mark(text, own_addresses=own, forwarded=is_forward, cut=cut)
    return passages, any(is_html for is_html, _ in chosen.pieces)


def _html(source: str, passages: tuple[Passage, ...], *, whole: bool) -> str:
    """The sanitised HTML above the quote; `whole`: all of it is content (a forwarded mail)."""
    if not source.strip():
        return ""
    tamed = html.tame(source)
    if whole and not any(passage.role is PassageRole.QUOTED for passage in passages):
        return html.sanitise(tamed)
    return html.above_quote(
        tamed,
        expected=_joined(passages, PassageRole.NEW),
        allowed=_joined(passages, PassageRole.SIGNATURE),
        quote=next((passage.text for passage in passages if passage.role is PassageRole.QUOTED), ""),
    )


def _joined(passages: tuple[Passage, ...], role: PassageRole) -> str:
    return "".join(passage.text for passage in passages if passage.role is role)


def _attachments(tree: Tree, *, is_report: bool) -> tuple[Attachment, ...]:
    texts = {part.number for part in body.text_leaves(tree)}
    found = []
    inside: set[int] = set()
    budget = Budget()
    for part in tree.parts:
        message = part.message
        if part.within >= 0 or part.parent in inside:
            inside.add(part.number)
        elif part.number in texts or not attachments.is_file(message):
            continue
        elif is_report and message.get_content_maintype() == "message" and not attachments.declared_name(message):
            # The nameless mail in a report is what came back, not a file that somebody sent (RFC 6522 §3).
            continue
        else:
            found.append(attachments.describe(tree, part, budget))
            inside.add(part.number)
    return tuple(found)


def _enclosed(tree: Tree) -> tuple[Attachment, ...]:
    """The files that have a name inside the mails that are attached. They go nowhere by themselves."""
    unseen = Budget(entries=0, octets=0)
    return tuple(
        attachments.describe(tree, part, unseen)
        for part in tree.parts
        if part.within >= 0 and attachments.is_file(part.message) and attachments.declared_name(part.message)
    )


def _structure(tree: Tree) -> Structure:
    message = tree.message
    calendars = [
        part.message for part in tree.parts if part.within < 0 and part.message.get_content_type() == "text/calendar"
    ]
    return Structure(
        content_type=message.get_content_type(),
        report_type=_parameter(message, "report-type"),
        calendar_method=_parameter(calendars[0], "method") if calendars else "",
        has_calendar=bool(calendars),
        part_count=len(tree.parts),
        part_types=tuple(part.message.get_content_type() for part in tree.parts if part.within < 0),
    )


def _parameter(message: Message, name: str) -> str:
    value = message.get_param(name, "")
    return str(value[2] if isinstance(value, tuple) else value).strip().lower()[:100]
