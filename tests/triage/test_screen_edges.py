"""Where two kinds of mail look alike: one test for each pair that the screens must tell apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from gateway.mail import (
    Address,
    DeliveryReport,
    Envelope,
    FailedRecipient,
    Forwarded,
    Mail,
    MailKind,
    Passage,
    PassageRole,
    Structure,
    Transport,
    Verdict,
)
from gateway.triage.screen import Screening, screen

ADA = Address(address="ada@example.org", name="Ada")
OURS = ("<ack.1.k3y@helpdesk.example.com>",)
REPORT = DeliveryReport(recipients=(FailedRecipient(address="x@example.net"),))


def a_mail(*headers: tuple[str, str], **values: object) -> Mail:
    mail = Mail(
        size_bytes=500,
        message_id="<m1@example.org>",
        subject="Printer",
        sender=ADA,
        to=(Address(address="helpdesk@example.com"),),
        return_path=ADA.address,
        headers=(("from", str(ADA)), *headers),
    )
    return replace(mail, **values)  # type: ignore[arg-type]


def screened(mail: Mail) -> Screening:
    envelope = Envelope(transport=Transport.FILE, received_at=datetime(2026, 11, 20, tzinfo=UTC))
    return screen(mail, envelope, desk_addresses=("helpdesk@example.com",), is_own=False)


def test_a_responder_that_names_an_address_that_failed_is_no_bounce() -> None:
    answer = a_mail(("auto-submitted", "auto-replied"), return_path="", in_reply_to=OURS, report=REPORT)
    assert screened(answer).kind is MailKind.AUTO_REPLY
    assert screened(replace(answer, headers=())).kind is MailKind.BOUNCE


def test_a_postmaster_who_quotes_a_servers_refusal_is_a_server() -> None:
    text = (Passage(role=PassageRole.NEW, text="Not delivered:\n550 5.1.1 User unknown\n"),)
    mail = a_mail(sender=Address(address="postmaster@example.org"), return_path=None, passages=text)
    assert (screened(mail).kind, screened(mail).verdict) == (MailKind.BOUNCE, Verdict.ACCEPT_QUIETLY)
    assert screened(replace(mail, passages=())).quarantine_code == "bounce-unmatched"


def test_a_servers_refusal_in_the_form_of_a_receipt_is_a_bounce() -> None:
    """Dovecot's sieve `reject` answers with a disposition notification (RFC 5429 §2.1.1)."""
    structure = Structure(content_type="multipart/report", report_type="disposition-notification")
    refusal = a_mail(structure=structure, sender=Address(address="mailer@example.org"))
    refusal = replace(refusal, headers=(("from", "Mail Delivery Subsystem <mailer@example.org>"),))
    assert screened(refusal).kind is MailKind.BOUNCE
    assert screened(a_mail(structure=structure)).kind is MailKind.RECEIPT


def test_a_services_notice_with_an_unsubscribe_link_is_no_list() -> None:
    notice = a_mail(("auto-submitted", "auto-generated"), ("list-unsubscribe", "<https://example.org/u>"))
    assert screened(notice).kind is MailKind.NOTIFICATION
    listed = replace(notice, headers=(*notice.headers, ("list-id", "<news.example.org>")))
    assert screened(listed).kind is MailKind.LIST


def test_a_prefix_of_both_meanings_is_a_forward_when_a_mail_was_passed_on() -> None:
    answer = a_mail(subject="VS: Printer")
    passed_on = replace(answer, forwarded=Forwarded(sender=Address(address="bo@example.net")))
    assert screened(answer).kind is MailKind.REPLY
    assert screened(passed_on).kind is MailKind.NEW
    assert screened(replace(passed_on, in_reply_to=("<x@example.net>",))).kind is MailKind.REPLY


def test_an_answer_in_the_shape_of_a_report_is_an_answer() -> None:
    structure = Structure(content_type="multipart/report")
    report = a_mail(("auto-submitted", "auto-replied"), structure=structure)
    assert screened(report).kind is MailKind.NOTIFICATION
    assert screened(replace(report, in_reply_to=OURS)).kind is MailKind.AUTO_REPLY


def test_bulk_mail_that_only_has_references_is_no_answer_to_us() -> None:
    bulk = a_mail(("precedence", "bulk"), references=OURS)
    assert screened(bulk).kind is MailKind.NOTIFICATION
    assert screened(replace(bulk, in_reply_to=OURS)).kind is MailKind.AUTO_REPLY


def test_a_generated_mail_without_an_id_of_its_own_may_still_answer_ours() -> None:
    answer = a_mail(("auto-submitted", "auto-generated"), message_id="", in_reply_to=OURS)
    assert screened(answer).kind is MailKind.AUTO_REPLY
    assert screened(replace(answer, message_id="<2@helpdesk.example.com>")).kind is MailKind.NOTIFICATION


def test_a_list_whose_id_is_our_address_hides_nobody_behind_it() -> None:
    group = ("list-id", "Help Desk <helpdesk.example.com>")
    behind = a_mail(group, ("precedence", "list"), return_path="helpdesk-bounces@example.com")
    assert (screened(behind).kind, screened(behind).auto_reply_ok) == (MailKind.NEW, True)
    other = a_mail(("list-id", "Help Desk <helpdesk.example.org>"), return_path="helpdesk-bounces@example.com")
    assert (screened(other).kind, screened(other).auto_reply_ok) == (MailKind.LIST, False)


def test_a_person_whose_answers_go_nowhere_is_read_and_not_answered() -> None:
    mail = a_mail(reply_to=(Address(address="no-reply@example.org"),))
    assert (screened(mail).kind, screened(mail).verdict) == (MailKind.NEW, Verdict.ACCEPT)
    assert not screened(mail).auto_reply_ok
