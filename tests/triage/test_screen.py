"""The screens against mails of many servers and clients, and each sign alone against what just misses it.

`tests/mails/screen/expected.csv` says for every mail there what it is and what it must become.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail import (
    Address,
    Attachment,
    DeliveryReport,
    Envelope,
    FailedRecipient,
    Mail,
    MailKind,
    Structure,
    Transport,
    Verdict,
)
from gateway.parse import parse
from gateway.triage.screen import REASONS, SCREENS, House, Screen, Screening, screen
from gateway.triage.screens.kinds import declared_source, own_mail, too_many_hops
from gateway.triage.screens.signs import observe
from gateway.triage.screens.silence import SILENCERS

MAILS = Path(__file__).parent.parent / "mails" / "screen"
DESK = ("helpdesk@example.com",)
ENVELOPE = Envelope(transport=Transport.FILE, received_at=datetime(2026, 11, 20, tzinfo=UTC))
ADA = Address(address="ada@example.org", name="Ada")


def expectations() -> list[dict[str, str]]:
    with (MAILS / "expected.csv").open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


@cache
def read(name: str) -> Mail:
    return parse((MAILS / f"{name}.eml").read_bytes().replace(b"\n", b"\r\n"), own_addresses=DESK)


def a_mail(*headers: tuple[str, str], **values: object) -> Mail:
    """A person's ordinary mail to the desk, with some headers more."""
    mail = Mail(
        size_bytes=500,
        message_id="<m1@example.org>",
        subject="Printer",
        sender=ADA,
        to=(Address(address=DESK[0]),),
        return_path=ADA.address,
        headers=(("from", str(ADA)), *headers),
    )
    return replace(mail, **values)  # type: ignore[arg-type]


def screened(
    mail: Mail, *, envelope: Envelope = ENVELOPE, is_own: bool = False, house: House | None = None
) -> Screening:
    return screen(mail, envelope, desk_addresses=DESK, is_own=is_own, house=house)


def codes(screening: Screening) -> set[str]:
    return {reason.code for reason in screening.reasons}


# ---- the mails


@pytest.mark.parametrize("row", expectations(), ids=lambda row: row["mail"])
def test_a_mail_of_the_corpus_becomes_what_the_table_says(row: dict[str, str]) -> None:
    screening = screened(read(row["mail"]))
    assert {
        "kind": screening.kind.value,
        "verdict": screening.verdict.value,
        "quarantine_code": screening.quarantine_code,
        "auto_reply_ok": str(int(screening.auto_reply_ok)),
        "first_reason": screening.reasons[0].code,
    } == {key: row[key] for key in ("kind", "verdict", "quarantine_code", "auto_reply_ok", "first_reason")}


def test_every_mail_has_an_expectation_and_every_expectation_a_mail() -> None:
    assert sorted(path.stem for path in MAILS.glob("*.eml")) == sorted(row["mail"] for row in expectations())


@pytest.mark.parametrize(
    "one_screen", [one for one in SCREENS if one not in (own_mail, too_many_hops, declared_source)]
)
def test_every_screen_has_a_mail_that_hits_and_one_that_just_misses(one_screen: Screen) -> None:
    """What the table calls a near miss is asked of the screen itself, whatever another one sees in that mail."""
    name = one_screen.__name__
    hits = {row["mail"] for row in expectations() if finds(one_screen, row["mail"])}
    near = {row["mail"] for row in expectations() if name in row["just_misses"].split()}
    assert hits
    assert near or one_screen is SCREENS[-1], "the last screen takes whatever is left"
    assert not hits & near or one_screen is SCREENS[-1]


def finds(one_screen: Screen, name: str) -> bool:
    return one_screen(observe(read(name), ENVELOPE, desk_addresses=DESK, is_own=False)) is not None


# ---- what becomes of a mail


def test_our_own_mail_coming_back_is_quarantined_and_never_answered() -> None:
    screening = screened(a_mail(), is_own=True)
    assert (screening.kind, screening.quarantine_code) == (MailKind.OWN, "own-mail")
    assert not screening.auto_reply_ok
    assert "no-answer-own-mail" in codes(screening)


@pytest.mark.parametrize(("hops", "quarantined"), [(50, False), (51, True)])
def test_a_mail_of_more_than_fifty_hops_is_quarantined_under_its_own_kind(hops: int, quarantined: bool) -> None:
    received = [("received", "from a.example.org by b.example.org")] * hops
    screening = screened(a_mail(*received, in_reply_to=("<x@helpdesk.example.com>",)))
    assert screening.kind is MailKind.REPLY
    assert (screening.quarantine_code == "hops") is quarantined
    assert screening.auto_reply_ok is not quarantined


def test_the_envelope_counts_before_the_return_path_header() -> None:
    claimed = a_mail(return_path="")
    known = replace(ENVELOPE, reverse_path="ada@example.org")
    assert screened(claimed, envelope=known).kind is MailKind.NEW
    assert screened(claimed).quarantine_code == "null-sender"
    assert screened(a_mail(), envelope=replace(ENVELOPE, reverse_path="")).quarantine_code == "null-sender"


def test_an_unknown_reverse_path_is_no_null_path() -> None:
    screening = screened(a_mail(return_path=None))
    assert (screening.kind, screening.auto_reply_ok) == (MailKind.NEW, True)


@pytest.mark.parametrize(
    ("values", "addressed"),
    [
        ({}, True),
        ({"to": (Address(address="HelpDesk+k3y@Example.com"),)}, True),
        ({"to": (), "cc": (Address(address="helpdesk@example.com"),)}, True),
        ({"to": (Address(address="all@example.com"),)}, False),
        ({"to": (), "delivered_to": DESK}, False),
        ({"to": (Address(address="helpdesk@example.com.example.net"),)}, False),
    ],
)
def test_addressed_to_us_reads_to_and_cc_and_knows_plus_addresses(values: dict[str, object], addressed: bool) -> None:
    screening = screened(a_mail(**values))
    assert screening.addressed_to_us is addressed
    assert screening.auto_reply_ok, "whether we are addressed is another question than what the mail allows"


def test_a_redirected_mail_is_addressed_to_us_by_its_resent_to() -> None:
    mail = a_mail(("resent-to", "Help Desk <helpdesk@example.com>"), to=(Address(address="old@example.com"),))
    assert screened(mail).addressed_to_us


def test_a_list_not_addressed_to_us_is_quarantined_and_one_addressed_to_us_is_read() -> None:
    headers = ("list-id", "Staff <staff.example.org>")
    theirs = screened(a_mail(headers, to=(Address(address="staff@example.org"),)))
    ours = screened(a_mail(headers))
    assert (theirs.verdict, theirs.quarantine_code) == (Verdict.QUARANTINE, "list")
    assert (ours.kind, ours.verdict, ours.auto_reply_ok) == (MailKind.LIST, Verdict.ACCEPT, False)


def test_a_report_found_in_the_text_counts_only_from_a_server() -> None:
    report = DeliveryReport(recipients=(FailedRecipient(address="x@example.net"),))
    html = Structure(content_type="multipart/alternative")
    person = a_mail(report=report, structure=html)
    server = a_mail(
        ("from", '"Mail Delivery System" <out@example.org>'), report=report, sender=Address(address="out@example.org")
    )
    pasted = a_mail(report=report)
    assert screened(person).kind is MailKind.NEW
    assert (screened(server).kind, screened(server).verdict) == (MailKind.BOUNCE, Verdict.ACCEPT_QUIETLY)
    assert (screened(pasted).kind, screened(pasted).quarantine_code) == (MailKind.BOUNCE, "bounce-unmatched")
    assert screened(replace(pasted, headers=(*pasted.headers, ("x-mailer", "Outlook 16")))).kind is MailKind.NEW


def test_a_mail_that_complains_in_the_old_hotmail_form_is_an_abuse_report() -> None:
    attached = Attachment(number=1, filename="a.eml", content_type="message/rfc822", size_bytes=10)
    mail = a_mail(sender=Address(address="staff@hotmail.com"), attachments=(attached,))
    assert screened(mail).kind is MailKind.ARF
    assert screened(replace(mail, attachments=())).kind is MailKind.NEW


# ---- what forbids an answer

FORBIDDING: list[tuple[str, Mail, Mail]] = [
    ("no-answer-null-sender", a_mail(return_path=""), a_mail(return_path="<>@example.org")),
    (
        "no-answer-report",
        a_mail(structure=Structure(content_type="multipart/report", report_type="x-new")),
        a_mail(structure=Structure(content_type="multipart/related")),
    ),
    ("no-answer-auto-submitted", a_mail(("auto-submitted", "auto-notified")), a_mail(("auto-submitted", "No"))),
    ("no-answer-precedence", a_mail(("x-precedence", "Junk")), a_mail(("precedence", "first-class"))),
    ("no-answer-list", a_mail(("list-help", "<mailto:x@example.org>")), a_mail(("x-list", "none"))),
    (
        "no-answer-suppressed",
        a_mail(("x-auto-response-suppress", "DR, OOF")),
        a_mail(("x-auto-response-suppress", "DR")),
    ),
    ("no-answer-responder", a_mail(("x-autorespond", "Printer")), a_mail(("x-autorespond", "no"))),
    (
        "no-answer-address",
        a_mail(sender=Address(address="no-reply@example.org")),
        a_mail(sender=Address(address="casino.reply@example.org")),
    ),
    ("no-answer-loop", a_mail(("x-roundup-loop", "hello")), a_mail(("x-loop", "somebody@example.org"))),
    ("no-answer-hops", a_mail(*[("received", "from a by b")] * 51), a_mail(*[("received", "from a by b")] * 50)),
    (
        "no-answer-recipients",
        a_mail(cc=tuple(Address(address=f"p{number}@example.org") for number in range(50))),
        a_mail(cc=tuple(Address(address=f"p{number}@example.org") for number in range(49))),
    ),
]


@pytest.mark.parametrize(("code", "forbidden", "allowed"), FORBIDDING, ids=[row[0] for row in FORBIDDING])
def test_a_sign_forbids_the_answer_and_what_just_misses_it_does_not(code: str, forbidden: Mail, allowed: Mail) -> None:
    assert not screened(forbidden).auto_reply_ok
    assert code in codes(screened(forbidden))
    assert screened(allowed).auto_reply_ok
    assert not {one for one in codes(screened(allowed)) if one.startswith("no-answer")}


def test_every_row_of_the_table_of_silencers_is_tested() -> None:
    asked_elsewhere = {"no-answer-own-mail", "no-answer-source"}
    assert {code for _, code, _ in SILENCERS} - asked_elsewhere == {row[0] for row in FORBIDDING}


@pytest.mark.parametrize(
    "headers",
    [
        (("auto-submitted", "no"), ("auto-submitted", "auto-replied")),
        (("auto-submitted", "auto-replied"), ("auto-submitted", "no")),
        (("auto-submitted", "(who knows) Auto-Replied (vacation); owner=x"),),
        (("precedence", "normal"), ("precedence", "AUTO_REPLY")),
    ],
)
def test_the_most_suspicious_of_repeated_headers_counts(headers: tuple[tuple[str, str], ...]) -> None:
    assert screened(a_mail(*headers)).kind is MailKind.AUTO_REPLY


@pytest.mark.parametrize(
    "name", ["x-autoreply", "x-autorespond", "x-autoresponder", "x-autoresponse", "x-mail-autoreply"]
)
def test_a_responder_header_means_an_auto_reply_unless_it_says_no(name: str) -> None:
    assert screened(a_mail((name, "yes"))).kind is MailKind.AUTO_REPLY
    assert screened(a_mail((name, "No"))).kind is MailKind.NEW


@pytest.mark.parametrize(
    ("value", "kind"), [("Reply", MailKind.AUTO_REPLY), ("Forward", MailKind.NEW), ("Mirror", MailKind.NEW)]
)
def test_firstclass_marks_forwards_of_people_too(value: str, kind: MailKind) -> None:
    assert screened(a_mail(("x-autogenerated", value))).kind is kind


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (("delivered-to", "autoresponder"), MailKind.AUTO_REPLY),
        (("x-fc-machinegenerated", "TRUE"), MailKind.AUTO_REPLY),
        (("preference", "auto_reply"), MailKind.AUTO_REPLY),
        (("x-amazon-mail-relay-type", "notification"), MailKind.NOTIFICATION),
        (("delivered-to", "autoresponders@example.org"), MailKind.NEW),
        (("x-amazon-mail-relay-type", "customer"), MailKind.NEW),
    ],
)
def test_the_odd_marks_of_machines_are_known_by_their_values(header: tuple[str, str], kind: MailKind) -> None:
    assert screened(a_mail(header)).kind is kind


def test_nothing_is_dropped_by_a_header() -> None:
    """T41: bulk mail, a stranger's loop mark and `Auto-Submitted: no` open a ticket; only the last is acknowledged."""
    bulk = screened(a_mail(("precedence", "bulk")))
    loop = screened(a_mail(("x-rt-loop-prevention", "example.com")))
    said_no = screened(a_mail(("auto-submitted", "no")))
    assert {bulk.verdict, loop.verdict, said_no.verdict} == {Verdict.ACCEPT}
    assert not bulk.auto_reply_ok
    assert not loop.auto_reply_ok
    assert said_no.auto_reply_ok


# ---- reasons and properties


def all_screenings() -> Iterator[Screening]:
    for row in expectations():
        yield screened(read(row["mail"]))
    for _, forbidden, allowed in FORBIDDING:
        yield screened(forbidden)
        yield screened(allowed)
    yield screened(a_mail(), is_own=True)
    yield screened(a_mail(), house=House(source="Monitoring"))


def test_every_reason_of_the_list_is_given_by_some_mail_and_no_other() -> None:
    given_codes = {code for screening in all_screenings() for code in codes(screening)}
    assert given_codes == set(REASONS)


def test_a_reason_shows_what_a_stranger_wrote_short_and_on_one_line() -> None:
    screening = screened(a_mail(("auto-submitted", "auto-" + "x" * 400 + "\r\n\u202eevil")))
    text = next(reason.text for reason in screening.reasons if reason.code == "no-answer-auto-submitted")
    assert len(text) < 250
    assert text.isprintable()


def test_endless_headers_are_screened_in_a_moment() -> None:
    filler = ["a" * 60_000, "(" * 60_000, "; " * 30_000, "<a@b>," * 10_000, "no-" * 20_000, "=?" * 30_000]
    names = "list-post list-id resent-to auto-submitted precedence x-forefront-antispam-report from x-autoreply".split()
    mail = a_mail(*[(name, value) for name in names for value in filler], subject="auto: " + "(" * 60_000)
    before = perf_counter()
    screened(replace(mail, sender=Address(address="-no" * 20_000 + "@example.org")))
    assert perf_counter() - before < 2, "it takes some 20 ms"


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            "auto-submitted precedence list-id x-spam-flag delivered-to from resent-to list-post x-autoreply".split()
        ),
        st.text(max_size=60)
        | st.sampled_from("no yes auto-replied bulk <> <a.b> <mailto:helpdesk@example.com>".split()),
    ),
    max_size=8,
)
MAIL_VALUES = st.fixed_dictionaries(
    {
        "subject": st.text(max_size=80),
        "sender": st.none() | st.builds(Address, address=st.text(max_size=20)),
        "return_path": st.none() | st.text(max_size=20),
        "message_id": st.text(max_size=20),
        "in_reply_to": st.lists(st.text(max_size=20), max_size=2).map(tuple),
        "structure": st.builds(
            Structure,
            content_type=st.sampled_from(["text/plain", "multipart/report", "text/calendar"]),
            report_type=st.sampled_from(["", "delivery-status", "disposition-notification", "tlsrpt"]),
            calendar_method=st.sampled_from(["", "request", "REPLY", "x"]),
        ),
    }
)


@given(headers=HEADERS, values=MAIL_VALUES, is_own=st.booleans())
def test_any_mail_gets_one_verdict_with_reasons(
    headers: list[tuple[str, str]], values: dict[str, object], is_own: bool
) -> None:
    screening = screened(a_mail(*headers, **values), is_own=is_own)
    assert (screening.verdict is Verdict.QUARANTINE) == bool(screening.quarantine_code)
    assert screening.reasons
    assert codes(screening) <= set(REASONS)
    assert screening.auto_reply_ok == (not any(code.startswith("no-answer") for code in codes(screening)))
    if screening.auto_reply_ok:
        assert screening.kind in {MailKind.NEW, MailKind.REPLY, MailKind.CALENDAR, MailKind.SPAM}
        assert (screening.verdict is Verdict.ACCEPT) == (screening.kind is not MailKind.SPAM)


@given(headers=HEADERS, values=MAIL_VALUES)
def test_a_sign_of_a_machine_is_never_outweighed_by_other_headers(
    headers: list[tuple[str, str]], values: dict[str, object]
) -> None:
    assert not screened(a_mail(*headers, ("auto-submitted", "auto-generated"), **values)).auto_reply_ok
