"""Read delivery reports: who did not get which of our mails.

Part of `parse`, and the owner of flufl.bounce. The machine-readable part (RFC 3464) is read first, because it keeps
the enhanced status code; bounces of other shapes go to the library, but only mails that look like a bounce at all.
"""

from __future__ import annotations

import logging
import re
from email.message import Message

from gateway.mail import DeliveryReport, FailedRecipient
from gateway.parse import attachments, headers, limits
from gateway.parse.tree import Part, Tree

_STATUS = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
_DAEMON = re.compile(r"(?i)mailer-?daemon|postmaster|mail delivery|mdaemon|bounce|maildeliver|mail-delivery")
_SUBJECT = re.compile(
    r"(?i)undeliver|delivery (?:status|failure|report|problem|notification|has failed|incomplete)|returned mail|"
    r"mail (?:delivery|error|system error|failure)|failure notice|non remis|unzustellbar|nicht zugestellt|"
    r"zustellung|could not be delivered|message status|delivery fail|user unknown|not delivered|permanent error"
)
_RETURNED_ID = re.compile(r"(?im)^[ \t>]{0,8}(?:x-)?(?:original-)?message-id[ \t]*:\s*(<[^<>\s]{1,500}>)")
_ACTIONS = frozenset(("failed", "delayed", "delivered", "relayed", "expanded"))


def read_report(tree: Tree, mail_headers: headers.Headers) -> DeliveryReport | None:
    """What the mail reports about deliveries, None for a mail that is no report."""
    recipients = _from_status(tree)
    if not recipients and (_looks_like_bounce(tree, mail_headers)):
        recipients = _from_library(tree)
    if not recipients:
        return None
    return DeliveryReport(recipients=recipients, returned_ids=_returned_ids(tree))


def is_report(tree: Tree) -> bool:
    """Whether the mail has the parts of a report, in the right container or (older servers) in another."""
    return any(
        part.within < 0 and part.message.get_content_type() in ("multipart/report", *attachments.MACHINE_READABLE)
        for part in tree.parts
    )


def _looks_like_bounce(tree: Tree, mail_headers: headers.Headers) -> bool:
    kind = tree.message.get_content_type()
    if kind == "multipart/report":
        # A read receipt (RFC 8098) or an abuse report (RFC 5965) names recipients too, but reports no delivery.
        return str(tree.message.get_param("report-type") or "").lower() in ("", "delivery-status")
    if any(part.message.get_content_type() == "message/delivery-status" for part in tree.parts if part.within < 0):
        return True
    first: dict[str, str] = {}
    for name, value in mail_headers:
        first.setdefault(name, value)
    if "x-failed-recipients" in first or first.get("return-path", "").strip() == "<>":
        return True
    return bool(_DAEMON.search(first.get("from", "")) or _SUBJECT.search(first.get("subject", "")))


def _from_status(tree: Tree) -> tuple[FailedRecipient, ...]:
    found: list[FailedRecipient] = []
    for part in tree.parts:
        if part.within >= 0 or part.message.get_content_type() != "message/delivery-status":
            continue
        for block in _blocks(part.message):
            recipient = _recipient(block)
            if recipient and len(found) < limits.REPORT_RECIPIENTS:
                found.append(recipient)
    return tuple(found)


def _blocks(message: Message) -> list[Message]:
    payload = message.get_payload()
    return [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []


def _recipient(block: Message) -> FailedRecipient | None:
    address = ""
    for name in ("original-recipient", "final-recipient"):
        typed = headers.decode_value(str(block.get(name, "")))
        candidate = typed.rpartition(";")[2].strip().strip("<>").lower()
        if "@" in candidate:
            address = candidate
    if not address:
        return None
    action = str(block.get("action", "failed")).split(";")[0].split("(")[0].strip().lower()
    diagnostic = headers.decode_value(str(block.get("diagnostic-code", ""))[: limits.HEADER_BYTES].replace("\n", " "))
    status = _STATUS.search(str(block.get("status", ""))) or _STATUS.search(diagnostic)
    return FailedRecipient(
        address=address,
        action=action if action in _ACTIONS else "failed",
        status=status[0] if status else "",
        diagnostic=" ".join(diagnostic.split())[:500],
    )


def _from_library(tree: Tree) -> tuple[FailedRecipient, ...]:
    from flufl.bounce import all_failures

    # One of its detectors fails on every mail without a sender, and it logs each failure with a traceback.
    logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)
    try:
        temporary, permanent = all_failures(tree.message)
    except (AttributeError, LookupError, TypeError, ValueError, UnicodeError, RecursionError):
        # Its detectors trip over hostile or cut reports; then the mail is just a mail.
        return ()
    named = [(address, "failed") for address in sorted(permanent)]
    named += [(address, "delayed") for address in sorted(temporary) if address not in permanent]
    return tuple(
        FailedRecipient(address=_text(address).lower(), action=action)
        for address, action in named[: limits.REPORT_RECIPIENTS]
        if "@" in _text(address)
    )


def _text(address: object) -> str:
    text = address.decode("utf-8", "replace") if isinstance(address, bytes) else str(address)
    return text.strip("<> ")


def _returned_ids(tree: Tree) -> tuple[str, ...]:
    """Message-IDs of the mail that came back: as a part, as its header, or copied into the text."""
    found: list[str] = []
    for part in tree.parts[1:]:
        if part.within >= 0 and part.message.get("message-id"):
            found += headers.read_ids(str(part.message.get("message-id")))
            found += headers.read_ids(str(part.message.get("references", ""))[: limits.HEADER_BYTES])
    for part in tree.parts:
        if not part.message.is_multipart() and part.message.get_content_maintype() in ("text", "message"):
            found += _ids_in_text(tree, part)
    return tuple(dict.fromkeys(found))[: limits.IDS]


def _ids_in_text(tree: Tree, part: Part) -> list[str]:
    text = tree.content(part, limits.REPORT_BYTES)[: limits.REPORT_BYTES].decode("utf-8", "replace")
    return _RETURNED_ID.findall(text)
