"""Every mail that hangs or swells some reader: through the whole desk, in bounded work, with one outcome."""

from __future__ import annotations

import sys

import pytest
from structlog.testing import capture_logs

from gateway.mail import Mail
from gateway.parse import extract_parts, limits, parse
from gateway.store.database import connection
from gateway.store.states import LedgerState
from gateway.store.tables import Ledger
from tests.desk.harness import DeskUnderTest
from tests.hostile.mails import CASES, GROUPS, HEAD

# Mails that do not begin with a subject and a sender that can be read.
_UNREADABLE = {
    *("240 kB of lines that are no header", "UTF-16 from the first octet"),
    *(name for name, case in CASES.items() if not case(0.001).startswith(HEAD)),
}


@pytest.mark.parametrize("group", GROUPS)
def test_a_hostile_mail_is_read_within_its_limits_and_has_one_outcome(desk: DeskUnderTest, group: str) -> None:
    """The workers have their default limits, so none of these mails takes 10 s of CPU or 512 MiB."""
    with capture_logs() as events:
        rows = [desk.receive(_with_an_id(name, case(1))) for name, case in GROUPS[group].items()]

    assert [event for event in events if event["log_level"] not in ("debug", "info")] == []
    assert {row.state for row in rows} <= {LedgerState.DONE, LedgerState.QUARANTINED}
    assert all(row.outcome or row.reason_code for row in rows)
    with connection(desk.database):
        assert Ledger.select().count() == len(GROUPS[group])
    assert desk.audit() == []


def _with_an_id(name: str, raw: bytes) -> bytes:
    """Equal words without an id would be duplicates."""
    return f"Message-ID: <{name.replace(' ', '.')}@hostile.example>\r\n".encode() + raw


@pytest.mark.parametrize("group", GROUPS)
def test_twice_as_much_of_it_is_about_twice_the_work(group: str) -> None:
    """Work is counted in calls, of Python's functions and of those in C."""
    too_steep = {}
    for name, case in GROUPS[group].items():
        half, whole = _calls(case(0.02)), _calls(case(0.04))
        # With some room for what lies below a limit of ours and is steeper there; square growth is four times as much.
        if whole > 2.5 * half + 10_000:
            too_steep[name] = (half, whole)
    assert too_steep == {}


def _calls(raw: bytes) -> int:
    """How many functions are called to read a mail."""
    parse(raw)  # so that nothing is imported or cached on the way
    counts = dict.fromkeys(("call", "c_call"), 0)

    def count(_: object, event: str, __: object) -> None:
        if event in counts:
            counts[event] += 1

    sys.setprofile(count)
    try:
        parse(raw)
    finally:
        sys.setprofile(None)
    return sum(counts.values())


@pytest.mark.parametrize("group", GROUPS)
def test_what_is_read_of_a_hostile_mail_is_bounded_and_keeps_who_wrote_and_what_it_is_called(group: str) -> None:
    for name, case in GROUPS[group].items():
        mail = parse(case(0.2))
        assert "unexpected" not in mail.defect, name
        assert _size(mail) <= 8 * limits.TEXTS_BYTES, name
        if name not in _UNREADABLE:
            assert mail.subject == "kept", name
            assert mail.sender is not None, name
            assert mail.sender.address == "a@example.net", name


def _size(mail: Mail) -> int:
    texts = [mail.text, mail.new_html, *(value for _, value in mail.headers)]
    return sum(map(len, texts)) + (len(mail.forwarded.text) if mail.forwarded else 0)


@pytest.mark.parametrize("group", GROUPS)
def test_any_file_can_be_taken_out_of_a_hostile_mail(group: str) -> None:
    for name, case in GROUPS[group].items():
        raw = case(0.05)
        numbers = [file.number for file in parse(raw).attachments]
        assert sorted(extract_parts(raw, numbers)) == sorted(numbers), name


@pytest.mark.parametrize(
    ("name", "defect"),
    [
        ("3,000 nested multiparts", "too many multiparts"),
        ("60 nested multiparts", "parts nested too deeply"),
        ("2,000 nested messages", "parts nested too deeply"),
        ("100,000 parts", "too many parts"),
        ("100,000 headers", "too many headers"),
        ("a header of 10 MB", "header block too large"),
    ],
)
def test_what_is_too_much_is_named(name: str, defect: str) -> None:
    assert parse(CASES[name](1)).defect == defect


def test_many_recipients_are_cut_to_a_hundred() -> None:
    assert len(parse(CASES["10,000 addresses"](1)).cc) == limits.ADDRESSES


def test_many_texts_are_cut_together() -> None:
    assert len(parse(CASES["500 parts of long texts"](1)).text) <= 1.01 * limits.TEXTS_BYTES


def test_a_tag_with_many_attributes_keeps_the_first_and_the_mail_its_text() -> None:
    many = b"".join(b" a%d='>\"'" % number for number in range(5_000))
    mail = parse(HEAD + b"Content-Type: text/html\r\n\r\n<p title='kept'" + many + b">the text <b>stays</b></p>")
    assert mail.text.strip() == "the text stays"
    assert 'title="kept"' in mail.new_html
