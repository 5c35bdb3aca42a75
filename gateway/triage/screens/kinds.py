"""The screens one by one: each sees one kind of mail by its headers and structure, or sees nothing.

A screen gets the `Signs` of a mail and returns a `Finding` or None. It never looks at subject words alone. The order
that they are asked in, and why, stands in `gateway.triage.screen`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.mail import MailKind, Reason, Verdict
from gateway.triage.screens.reasons import reason
from gateway.triage.screens.signs import UNSUBSCRIBE_HEADERS, Signs

_CALENDAR_ANSWERS: Final = frozenset({"reply", "cancel", "refresh", "declinecounter"})
_CALENDAR_INVITATIONS: Final = frozenset({"request", "counter", "add"})
_RECEIPT_PARTS: Final = frozenset({"message/disposition-notification", "message/global-disposition-notification"})
_STATUS_PARTS: Final = frozenset({"message/delivery-status", "message/global-delivery-status"})
# Microsoft's JMRP, the one big feedback loop without RFC 5965: the mail complained about, attached, and nothing else.
_BARE_ABUSE_REPORTER: Final = "staff@hotmail.com"
# RFC 7489 §7.2.1.1: receiver "!" policy domain "!" begin "!" end [ "!" unique id ] "." extension
_DMARC_FILE: Final = re.compile(r"[^!\s]+![^!\s]+!\d+!\d+(?:![^!\s]+)?\.(?:xml|xml\.gz|gz|zip)", re.IGNORECASE)
_RETURNED_PARTS: Final = frozenset({"message/rfc822", "message/global", "text/rfc822-headers"})
# A reply code with its enhanced status (RFC 5321 §4.2, RFC 3463): "550 5.1.1", "552-5.2.2", "550 #5.1.1".
_SMTP_REFUSAL: Final = re.compile(r"\b[45]\d\d[ -]#?[45]\.\d{1,3}\.\d{1,3}\b")
_READ_LIMIT_CHARS: Final = 16_384


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a screen saw. `kind` None leaves the kind to the screens behind it; the verdict stands all the same.

    `answerable` is False for a kind that is never answered, whatever its headers say.
    """

    reason: Reason
    kind: MailKind | None
    verdict: Verdict = Verdict.ACCEPT
    quarantine_code: str = ""
    answerable: bool = True


def own_mail(signs: Signs) -> Finding | None:
    """Our own mail coming back: a loop, or a person who redirects what we sent."""
    return _quarantine(MailKind.OWN, "own-mail", signs.author) if signs.is_own else None


def too_many_hops(signs: Signs) -> Finding | None:
    """A mail that goes round; what kind it is remains to be seen."""
    return _quarantine(None, "hops", f"{signs.hops} Received lines") if signs.hops > signs.hop_limit else None


def flagged_spam(signs: Signs) -> Finding | None:
    """Marked by a filter on the way; nobody is answered out of the quarantine.

    Answerable all the same: which filter is believed is the desk's own choice, and a mail that a person lets in because
    the filter was wrong is like any other.
    """
    if not signs.spam_flag:
        return None
    return Finding(
        reason=reason("spam", signs.spam_flag),
        kind=MailKind.SPAM,
        verdict=Verdict.QUARANTINE,
        quarantine_code="spam",
    )


def declared_source(signs: Signs) -> Finding | None:
    """A machine that the policy names as a source: what it writes is to be read, whatever its headers leave out."""
    return _notification("declared-source", signs.source) if signs.source else None


def abuse_report(signs: Signs) -> Finding | None:
    """A complaint of a feedback loop (RFC 5965), also where its multipart/report was rewritten to multipart/mixed."""
    structure = signs.mail.structure
    is_report = structure.report_type == "feedback-report" or "message/feedback-report" in signs.part_types
    is_bare = signs.author == _BARE_ABUSE_REPORTER and "message/rfc822" in signs.part_types
    return _quarantine(MailKind.ARF, "abuse-report", signs.author) if is_report or is_bare else None


def delivery_report(signs: Signs) -> Finding | None:
    """A delivery report in the form of RFC 3464.

    Its message/delivery-status part alone is not enough: a person who forwards a bounce with all its parts keeps that.
    """
    structure = signs.mail.structure
    is_report = structure.report_type == "delivery-status"
    if is_report or (signs.part_types & _STATUS_PARTS and _is_from_a_server(signs)):
        return _quiet(MailKind.BOUNCE, "delivery-report", signs.author)
    return None


def odd_delivery_report(signs: Signs) -> Finding | None:
    """A delivery report of the many other forms.

    Failed recipients in the text (`mail.report`) count only from a server: people quote bounces when they ask why their
    mail did not arrive, and an auto-reply that says "my new address is" looks like one as well.
    """
    if signs.mailer_daemon:
        return _quiet(MailKind.BOUNCE, "odd-delivery-report", signs.author or "From has no address")
    if not _is_from_a_server(signs) or (not signs.daemon and _is_a_responder(signs)):
        return None
    if signs.mail.report:
        return _quiet(MailKind.BOUNCE, "odd-delivery-report", signs.author)
    is_refusal = bool(signs.null_sender or signs.part_types & _RETURNED_PARTS) or _is_receipt(signs)
    if signs.daemon and (is_refusal or _SMTP_REFUSAL.search(signs.mail.text[:_READ_LIMIT_CHARS])):
        return _quiet(MailKind.BOUNCE, "odd-delivery-report", signs.author)
    return None


def unsure_delivery_report(signs: Signs) -> Finding | None:
    """What may be a delivery report, and may be a person: one must look.

    A postmaster writes by hand as well; and the text of a report in a bare mail, from no mail client and in answer to
    nothing, may be pasted.
    """
    is_conversation = signs.has_ids or signs.forward_prefix or signs.mail.forwarded is not None
    if is_conversation or signs.auto_submitted or signs.list_headers or _has_dmarc_file(signs) or _is_receipt(signs):
        return None
    is_postmaster = signs.author.partition("@")[0] == "postmaster"
    has_client = any(name in {"user-agent", "x-mailer"} for name, _ in signs.mail.headers)
    is_bare = bool(signs.mail.report) and signs.mail.structure.content_type == "text/plain" and not has_client
    if is_postmaster or is_bare:
        return _quarantine(MailKind.BOUNCE, "bounce-unmatched", signs.author)
    return None


def receipt(signs: Signs) -> Finding | None:
    """A disposition notification (RFC 8098); not the report of a server that refused a mail in that form."""
    return _quiet(MailKind.RECEIPT, "receipt", signs.author) if _is_receipt(signs) else None


def calendar(signs: Signs) -> Finding | None:
    """iTIP by mail (RFC 6047): answers and withdrawals are filed, invitations and counter-proposals are a person's.

    A calendar file that somebody attaches has no method, or PUBLISH, and is an attachment like any other.
    """
    method = signs.mail.structure.calendar_method.lower()
    if method in _CALENDAR_ANSWERS:
        return _quiet(MailKind.CALENDAR, "calendar-answer", method.upper())
    if method in _CALENDAR_INVITATIONS or (method and signs.mail.structure.content_type == "text/calendar"):
        finding_reason = reason("calendar-invitation", method.upper())
        return Finding(reason=finding_reason, kind=MailKind.CALENDAR, answerable=method != "counter")
    return None


def unknown_report(signs: Signs) -> Finding | None:
    """A multipart/report of another type (TLS reports, RFC 8460) or of none: a machine's, and it answers nothing."""
    if signs.mail.structure.content_type == "multipart/report" and not signs.has_ids:
        return _notification("unknown-report", signs.mail.structure.report_type)
    return None


def declared_auto_reply(signs: Signs) -> Finding | None:
    """A responder that says so, in one of the many headers for that."""
    if signs.auto_submitted == "auto-replied":
        return _quiet(MailKind.AUTO_REPLY, "auto-replied", "Auto-Submitted: auto-replied")
    if signs.precedence == "auto_reply":
        return _quiet(MailKind.AUTO_REPLY, "auto-replied", "Precedence: auto_reply")
    return _quiet(MailKind.AUTO_REPLY, "auto-replied", signs.responder) if signs.responder else None


def undeclared_auto_reply(signs: Signs) -> Finding | None:
    """A responder that says only half of it, seen by two signs that must agree.

    Exchange and Notes write ``auto-generated`` on absences; old vacation programs write only ``Precedence: bulk`` or
    use the null path; some write nothing but their label before the subject of the mail that they name as answered.
    A mailbox rule that forwards a person's mail marks it as generated too: a forward is no answer. Other desks' systems
    mark their people's answers: they have a reverse path of their own, or name themselves.
    """
    if signs.forward_prefix or signs.list_headers or signs.daemon:
        return None
    is_bulk = signs.precedence in {"bulk", "junk"}
    is_personal = signs.reverse_path in {"", signs.author} and not signs.ticket_system
    if signs.null_sender and (signs.has_ids or signs.reply_prefix or signs.auto_reply_label):
        return _quiet(MailKind.AUTO_REPLY, "auto-answer", "null sender, and it answers")
    if is_personal and signs.auto_submitted and signs.answers_another:
        return _quiet(MailKind.AUTO_REPLY, "auto-answer", f"Auto-Submitted: {signs.auto_submitted}, and it answers")
    if is_personal and is_bulk and signs.answers_another and signs.mail.in_reply_to:
        return _quiet(MailKind.AUTO_REPLY, "auto-answer", f"Precedence: {signs.precedence}, and it answers")
    if signs.auto_reply_label and (signs.auto_submitted or signs.suppressed or is_bulk or signs.has_ids):
        return _quiet(MailKind.AUTO_REPLY, "auto-answer", "a responder's label before the subject that it answers")
    return None


def null_sender(signs: Signs) -> Finding | None:
    """The null path (RFC 5321 §4.5.5) on a mail that is neither a report nor an answer: a person must look."""
    return _quarantine(MailKind.NOTIFICATION, "null-sender") if signs.null_sender else None


def mailing_list(signs: Signs) -> Finding | None:
    """A list, a group or a newsletter; when it is not written to us by name, nobody meant the desk.

    An unsubscribe link alone on what a machine calls generated is a service's notice to one customer.
    """
    headers = set(signs.list_headers)
    if signs.auto_submitted and headers <= UNSUBSCRIBE_HEADERS:
        return None
    if not headers and signs.precedence != "list":
        return None
    seen = ", ".join(signs.list_headers) or "Precedence: list"
    if signs.addressed_to_us:
        return Finding(reason=reason("list", seen), kind=MailKind.LIST, answerable=False)
    return _quarantine(MailKind.LIST, "list", f"{seen}; not addressed to us")


def notification(signs: Signs) -> Finding | None:
    """What a machine wrote to be read: monitoring is a customer too, but nobody waits for our answer."""
    if signs.auto_submitted:
        return _notification("auto-generated", f"Auto-Submitted: {signs.auto_submitted}")
    if signs.machine_relay:
        return _notification("auto-generated", "X-AMAZON-MAIL-RELAY-TYPE: notification")
    if signs.precedence in {"bulk", "junk"}:
        return _notification("bulk", f"Precedence: {signs.precedence}")
    if _has_dmarc_file(signs):
        return _notification("dmarc-report", signs.author)
    if signs.author in signs.unread_addresses:
        return _notification("system-sender", signs.author)
    return None


def reply(signs: Signs) -> Finding | None:
    """A person's answer, by its ids or its prefix; whether it finds a ticket is another question."""
    if signs.has_ids:
        seen = signs.mail.in_reply_to or signs.mail.references[-1:]
        return Finding(reason=reason("answers-earlier-mail", seen[0]), kind=MailKind.REPLY)
    if signs.reply_prefix and not _is_only_a_forward(signs):
        return Finding(reason=reason("answers-earlier-mail", "reply prefix"), kind=MailKind.REPLY)
    return None


def new_mail(signs: Signs) -> Finding | None:
    return Finding(reason=reason("new-mail"), kind=MailKind.NEW)


def _is_from_a_server(signs: Signs) -> bool:
    """A mail server sent it: by name, by the null path, by its own word or by the shape of a report."""
    is_report = signs.mail.structure.content_type == "multipart/report"
    failed = any(name == "x-failed-recipients" for name, _ in signs.mail.headers)
    return signs.daemon or signs.null_sender or bool(signs.auto_submitted) or is_report or failed


def _is_a_responder(signs: Signs) -> bool:
    return signs.auto_submitted == "auto-replied" or bool(signs.responder) or signs.auto_reply_label


def _is_receipt(signs: Signs) -> bool:
    is_report = signs.mail.structure.report_type == "disposition-notification"
    return is_report or bool(signs.part_types & _RECEIPT_PARTS)


def _has_dmarc_file(signs: Signs) -> bool:
    return any(_DMARC_FILE.fullmatch(part.filename) for part in signs.mail.attachments)


def _is_only_a_forward(signs: Signs) -> bool:
    """A Finn's "VS:" is a reply, a Dane's a forward; without ids the passed-on mail inside tells them apart."""
    return signs.forward_prefix and signs.mail.forwarded is not None


def _quiet(kind: MailKind, code: str, detail: str = "") -> Finding:
    return Finding(reason=reason(code, detail), kind=kind, verdict=Verdict.ACCEPT_QUIETLY, answerable=False)


def _notification(code: str, detail: str) -> Finding:
    return Finding(reason=reason(code, detail), kind=MailKind.NOTIFICATION, answerable=False)


def _quarantine(kind: MailKind | None, code: str, detail: str = "") -> Finding:
    return Finding(
        reason=reason(code, detail),
        kind=kind,
        verdict=Verdict.QUARANTINE,
        quarantine_code=code,
        answerable=False,
    )
