"""What is made of a server's answers, without any server: values, hints, places, and mails that give trouble."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from gateway.intake.envelope import source_key
from gateway.intake.imap_answers import is_news, moment, number, printable, text_of, word_of
from gateway.intake.imap_envelopes import envelope_of, source_keys
from gateway.intake.imap_fetch import Fetched
from gateway.intake.imap_hints import HINTS, hint_for
from gateway.intake.imap_session import Listed
from gateway.intake.imap_troubles import Troubles
from gateway.mail import MailboxRole, Transport
from gateway.settings import Mailbox as MailboxSettings

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_a_servers_words_are_made_printable_and_short() -> None:
    assert printable("a\x1b[31m\nb") == "a [31m b"
    assert printable("x" * 400) == "x" * 300


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ((1, b"EXISTS"), True),
        ((1, b"RECENT"), True),
        ((1, b"EXPUNGE"), False),
        ((1,), False),
        (b"EXISTS", False),
        ([1, b"EXISTS"], False),
        (None, False),
    ],
)
def test_news_is_what_announces_mail(response: object, expected: bool) -> None:
    assert is_news(response) is expected


def test_a_word_that_is_not_there_is_none() -> None:
    assert word_of((b"BYE", b"tired"), 0) == b"BYE"
    assert word_of((b"BYE",), 1) is None
    assert word_of("BYE", 0) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 0), (7, 7), (2**63 - 1, 2**63 - 1), (2**63, 0), (-1, 0), (b"7", 0), (None, 0)],
)
def test_a_number_that_is_none_is_zero(value: object, expected: int) -> None:
    assert number(value) == expected


def test_words_of_octets_are_read_as_ascii() -> None:
    assert text_of(b"IDLE") == "IDLE"
    assert text_of(b"\xff") == "\ufffd"
    assert text_of(7) == "7"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (datetime(2026, 3, 2, 10, 0, tzinfo=timezone(timedelta(hours=1))), NOW),
        (datetime(2026, 3, 2, 10, 0), None),  # noqa: DTZ001 - what it is about
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))), None),
        (datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-2))), None),
        (b"02-Mar-2026", None),
        (None, None),
    ],
)
def test_an_internal_date_is_a_moment_on_earth_or_none(value: object, expected: datetime | None) -> None:
    found = moment(value)
    assert found == expected
    assert found is None or found.tzinfo is UTC


def test_every_hint_is_given_for_its_words_and_the_special_before_the_general() -> None:
    for words, hint in HINTS:
        assert hint_for(f"127.0.0.1: login: {words.upper()}!") == hint
    assert hint_for("all is well") == ""
    assert "app password" in hint_for("[AUTHENTICATIONFAILED] Application-specific password required")


def a_mailbox(**changes: Any) -> MailboxSettings:
    values = {"name": "support", "host": "127.0.0.1", "user": "u", "password": "p", "folder": "In", "role": "sent"}
    return MailboxSettings.model_validate(values | changes)


def test_a_mail_is_no_import_unless_it_is_said() -> None:
    fetched = Fetched(listed=Listed(uid=7, size_bytes=9, internal_date=NOW), content=b"")
    assert envelope_of(a_mailbox(), 5, fetched, received_at=NOW).transport is Transport.IMAP


@pytest.mark.parametrize("imported", [False, True])
def test_the_envelope_of_a_fetched_mail_says_where_it_lay(imported: bool) -> None:
    fetched = Fetched(listed=Listed(uid=7, size_bytes=9, internal_date=NOW), content=b"", full_size_bytes=9)
    moment = NOW + timedelta(hours=1)
    envelope = envelope_of(a_mailbox(), 5, fetched, received_at=moment, imported=imported)
    assert envelope.transport is (Transport.IMPORT if imported else Transport.IMAP)
    assert (envelope.mailbox, envelope.folder, envelope.uidvalidity, envelope.uid) == ("support", "In", 5, 7)
    assert (envelope.mailbox_role, envelope.internal_date, envelope.received_at) == (MailboxRole.SENT, NOW, moment)
    assert (envelope.full_size_bytes, envelope.quiet) == (9, imported)


def test_a_place_has_the_same_name_however_and_whenever_its_mail_came() -> None:
    fetched = Fetched(listed=Listed(uid=7, size_bytes=9, internal_date=NOW), content=b"")
    names = source_keys(a_mailbox(), 5, [7, 8])
    assert list(names.values()) == [7, 8]
    for imported in (False, True):
        assert source_key(envelope_of(a_mailbox(), 5, fetched, received_at=NOW, imported=imported)) == next(iter(names))
    assert not names.keys() & source_keys(a_mailbox(), 6, [7, 8]).keys()
    assert not names.keys() & source_keys(a_mailbox(folder="Other"), 5, [7, 8]).keys()


# --- mails that give trouble ---


def test_a_suspect_is_tried_alone_at_once_and_forgotten_when_it_came() -> None:
    troubles = Troubles()
    troubles.suspect([1, 2])
    assert [troubles.knows(uid) for uid in (1, 2, 3)] == [True, True, False]
    assert troubles.due([2, 1, 3], NOW) == [1, 2]
    assert troubles.still_failing() == []
    troubles.fetched(1)
    troubles.forget(2)
    assert not troubles.knows(1)
    assert not troubles.knows(2)
    troubles.forget(2)


def test_a_failure_is_remembered_over_a_new_suspicion_and_rests_longer_each_time() -> None:
    troubles = Troubles()
    for failures, seconds in enumerate((2, 4, 8, 16, 32, 64, 128, 256, 300, 300), start=1):
        troubles.failed(1, f"no {failures}", NOW)
        troubles.suspect([1])
        assert troubles.why(1) == f"no {failures}"
        assert troubles.due([1], NOW + timedelta(seconds=seconds - 1)) == []
        assert troubles.due([1], NOW + timedelta(seconds=seconds)) == [1]
        assert troubles.failed_too_often() == ([1] if failures >= 3 else [])
    for _ in range(2000):
        troubles.failed(1, "no", NOW)
    assert troubles.still_failing() == [1]


def test_a_clock_that_was_set_back_keeps_nobody_waiting() -> None:
    troubles = Troubles()
    troubles.failed(1, "no", NOW)
    assert troubles.due([1], NOW - timedelta(seconds=298)) == []
    assert troubles.due([1], NOW - timedelta(seconds=299)) == [1]


def test_who_never_failed_comes_before_those_that_may_end_the_connection() -> None:
    troubles = Troubles()
    troubles.failed(1, "no", NOW)
    troubles.suspect([2, 3])
    later = NOW + timedelta(seconds=2)
    assert troubles.due([3, 2, 1], later) == [2, 3, 1]
    assert troubles.due([1, 3], later) == [3, 1]


def test_a_server_has_proved_well_with_what_it_gave_after_the_failure() -> None:
    troubles = Troubles()
    troubles.fetched(1)
    troubles.failed(2, "no", NOW)
    assert not troubles.server_gave_others(2)
    troubles.fetched(3)
    assert troubles.server_gave_others(2)
    troubles.failed(2, "no", NOW)
    assert not troubles.server_gave_others(2)


def test_what_is_no_longer_in_the_folder_is_forgotten() -> None:
    troubles = Troubles()
    for uid in (3, 1, 2):
        for _ in range(3):
            troubles.failed(uid, "no", NOW)
    assert troubles.still_failing() == troubles.failed_too_often() == [1, 2, 3]
    troubles.retain(iter([1, 3]))
    assert troubles.still_failing() == [1, 3]
