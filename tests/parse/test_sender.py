"""Who is the sender? Only one unambiguous mailbox in one From header may ever be trusted."""

from __future__ import annotations

import pytest

from gateway.mail import Mail
from gateway.parse import parse


def read(header: str) -> Mail:
    return parse(header.encode("utf-8", "surrogateescape") + b"\r\n\r\nhello\r\n")


def test_an_ordinary_sender_has_no_defect() -> None:
    mail = read('From: "Meyer, Anna" <Anna.Meyer@Example.org>\r\nTo: a@example.com, B <b@example.com>')
    assert mail.sender is not None
    assert (mail.sender.address, mail.sender.name) == ("anna.meyer@example.org", "Meyer, Anna")
    assert mail.sender_defects == ()
    assert [to.address for to in mail.to] == ["a@example.com", "b@example.com"]


@pytest.mark.parametrize(
    ("header", "defect"),
    [
        ("From: a@evil.example\r\nFrom: boss@corp.example", "repeated-from"),
        ("From: a@evil.example, boss@corp.example", "several-mailboxes"),
        ("From: a@evil.example\r\nSubject: one\r\nSubject: two", "repeated-subject"),
        ("Subject: hi\rFrom: boss@corp.example\r\nFrom: a@evil.example", "bare-cr"),
        ("Subject: hi\nFrom: boss@corp.example\r\nX: y\r\nFrom: a@evil.example", "bare-lf"),
        ("From: a@ev\0il.example", "nul"),
        ("From: =?utf-8?q?boss=40corp.example?=", "encoded-address"),
        ("From: Boss <=?utf-8?q?boss?=@corp.example>", "encoded-address"),
        ("Subject: nobody", "no-from"),
        ("From: nobody at all", "no-mailbox"),
        ("From : boss@corp.example", "malformed-header"),
        ("From: boss@соrp.example", "mixed-scripts"),
        ("From: böss@corp.example", "non-ascii-local-part"),
        ("From: a@evil@corp.example", "no-mailbox"),
    ],
)
def test_an_identity_that_readers_disagree_about_has_defects(header: str, defect: str) -> None:
    assert defect in read(header).sender_defects


@pytest.mark.parametrize(
    "header",
    [
        "From: boss@corp.example <a@evil.example>",
        "From: boss@corp.example(<a@evil.example>",
        "From: boss@corp.example;<a@evil.example>",
        'From: "boss@corp.example"@evil.example',
        "From: (boss@corp.example) a@evil.example, b@evil.example",
        "From: boss@corp.example\r\n <a@evil.example>",
        "From: <<boss@corp.example>",
        "From: =?utf-8?q?x=0D=0AFrom:_boss=40corp.example?= <a@evil.example>\r\nFrom: a@evil.example",
    ],
)
def test_no_odd_from_gives_a_trusted_foreign_identity(header: str) -> None:
    mail = read(header)
    assert mail.sender_defects or (mail.sender is not None and mail.sender.domain == "evil.example")


def test_a_bare_cr_makes_no_header() -> None:
    mail = read("From: a@evil.example\r\nSubject: hi\rFrom: boss@corp.example\rAuthentication-Results: mx; dmarc=pass")
    assert mail.sender is not None and mail.sender.address == "a@evil.example"
    assert mail.auth is None
    assert len(mail.all_headers("from")) == 1


def test_the_best_address_is_shown_even_if_it_is_not_trusted() -> None:
    mail = read("From: Anna (anna@example.org")
    assert mail.sender is not None and mail.sender.address == "anna@example.org"
    assert mail.sender_defects


def test_a_mail_with_unix_line_ends_has_no_defect() -> None:
    assert parse(b"From: a@example.org\nSubject: x\n\nhello\n").sender_defects == ()


def test_an_mbox_line_in_front_is_no_header() -> None:
    mail = parse(b"From a@example.org Mon Jun  1 10:00:00 2026\nFrom: a@example.org\nSubject: x\n\nhello\n")
    assert mail.subject == "x" and mail.sender is not None and mail.text == "hello\n"


def test_a_text_without_blank_line_before_it_is_not_lost() -> None:
    mail = parse(b"From: a@example.org\r\nSubject: x\r\nThe printer is broken.\r\n\r\nPlease help.\r\n")
    assert mail.subject == "x"
    assert "The printer is broken." in mail.text and "Please help." in mail.text


def test_ids_keep_their_angle_brackets() -> None:
    ids = "In-Reply-To: <a@x> (of Monday)\r\nReferences: <r1@x>\r\n <r2@x>\r\nMessage-ID: <m@x>"
    mail = read(f"From: a@example.org\r\n{ids}")
    assert mail.in_reply_to == ("<a@x>",)
    assert mail.references == ("<r1@x>", "<r2@x>")
    assert mail.message_id == "<m@x>"


def test_delivered_to_and_return_path_are_plain_addresses() -> None:
    delivered = "Delivered-To: Desk@example.com\r\nX-Original-To: desk@example.com"
    mail = read(f"Return-Path: <A@Example.org>\r\n{delivered}\r\nFrom: a@x.example")
    assert mail.return_path == "a@example.org"
    assert mail.delivered_to == ("desk@example.com",)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("mx.example.com; spf=pass smtp.mailfrom=a@b; dkim=pass (good) header.d=b; dmarc=fail header.from=b.example",
         ("mx.example.com", "pass", "pass", "fail", "b.example")),
        ("spf=pass (sender IP) smtp.mailfrom=b.example; dkim=none; dmarc=bestguesspass header.from=b.example",
         ("", "pass", "none", "bestguesspass", "b.example")),
        ("mx (a (nested; spf=pass) comment); none", ("mx", "", "", "", "")),
        ("mx; dkim=fail header.d=list.example; dkim=pass header.d=b.example; dmarc=pass header.from=b.example",
         ("mx", "", "pass", "pass", "b.example")),
    ],
)  # fmt: skip
def test_the_topmost_authentication_results_are_read(value: str, expected: tuple[str, ...]) -> None:
    auth = read(f"Authentication-Results: {value}\r\nAuthentication-Results: other; spf=fail\r\nFrom: a@b.example").auth
    assert auth is not None
    assert (auth.authserv_id, auth.spf, auth.dkim, auth.dmarc, auth.header_from) == expected


def test_an_encoded_word_that_cannot_be_decoded_is_no_identity() -> None:
    mail = read("From: =?utf-8?b?Q=UJD?= <a@example.org>\r\nSubject: kept")
    assert mail.subject == "kept" and mail.defect == ""


@pytest.mark.parametrize(
    "value",
    [
        "Anna M. Meyer <a@example.org>",
        "Jörg Müller <a@example.org>",
        "=?iso-8859-1?q?M=FCller=2C_J=F6rg?= <a@example.org>",
        "=?utf-8?q?" + "Anna_" * 20 + "?= <a@example.org>",
        "a@example.org (Anna)",
        "<a@example.org>",
    ],
)
def test_ordinary_names_leave_the_identity_alone(value: str) -> None:
    mail = read(f"From: {value}")
    assert mail.sender is not None and mail.sender.address == "a@example.org"
    assert mail.sender_defects == ()


@pytest.mark.parametrize("line", ["\0\r\n", "\0\0\n", "\0\r\n\0\r\n"])
def test_a_line_of_nothing_but_nul_hides_no_header_behind_it(line: str) -> None:
    mail = read(f"From: a@evil.example\r\n{line}From: boss@corp.example\r\nSubject: hi")
    assert {"repeated-from", "nul"} <= set(mail.sender_defects)
    assert (mail.subject, mail.text.strip()) == ("hi", "hello")
