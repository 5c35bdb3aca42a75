"""What replies mean, and how long to wait."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.delivery.outcome import Fate, channel_delay, is_given_up, mail_delay, of_reply, one_line
from tests.delivery.house import NOW


@pytest.mark.parametrize(
    ("code", "message", "fate"),
    [
        (421, "4.3.2 shutting down", Fate.LATER),
        (432, "4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", Fate.LATER),
        (450, "4.2.1 busy", Fate.LATER),
        (530, "5.7.0 authentication required", Fate.MISCONFIGURED),
        (535, "5.7.8 bad credentials", Fate.MISCONFIGURED),
        (550, "5.1.1 no such user", Fate.REFUSED),
        (554, "5.2.252 SendAsDenied", Fate.SENDER_REFUSED),
        (554, "message refused", Fate.REFUSED),
        (299, "what?", Fate.LATER),
    ],
)
def test_a_reply_to_recipient_or_data(code: int, message: str, fate: Fate) -> None:
    assert of_reply(code, message).fate is fate


@pytest.mark.parametrize(
    ("code", "message", "fate"),
    [
        (550, "5.7.1 not your address", Fate.SENDER_REFUSED),
        (552, "too big", Fate.REFUSED),
        (550, "5.3.4 message size exceeds limit", Fate.REFUSED),
        (451, "4.3.0 later", Fate.LATER),
        (530, "5.7.0 Must issue a STARTTLS command first", Fate.MISCONFIGURED),
    ],
)
def test_a_reply_to_the_sender(code: int, message: str, fate: Fate) -> None:
    assert of_reply(code, message, to_mail_command=True).fate is fate


def test_a_reply_of_several_lines_becomes_one() -> None:
    assert one_line(550, "5.1.1 no such user\n5.1.1 ask postmaster") == "550 5.1.1 no such user / 5.1.1 ask postmaster"


@given(st.integers(200, 599), st.text(st.characters(), max_size=2_000))
def test_a_reply_can_always_be_stored_and_shown(code: int, message: str) -> None:
    line = one_line(code, message)
    assert len(line) <= 500
    assert line.isprintable()
    line.encode()


@pytest.mark.parametrize(("attempt", "minutes"), [(1, 1), (2, 2), (3, 5), (4, 10), (5, 20), (6, 40), (7, 60), (99, 60)])
def test_a_mail_waits_longer_each_time_up_to_an_hour(attempt: int, minutes: int) -> None:
    assert mail_delay(attempt, chance=0.5) == timedelta(minutes=minutes)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_jitter_stays_within_ten_percent(attempt: int, chance: float) -> None:
    middle = mail_delay(attempt, chance=0.5)
    assert middle * 0.9 <= mail_delay(attempt, chance=chance) <= middle * 1.1


def test_an_unreachable_relay_is_asked_sooner_than_one_that_refuses_our_login() -> None:
    assert channel_delay(Fate.UNREACHABLE, 1, chance=0.5) == timedelta(seconds=2)
    assert channel_delay(Fate.UNREACHABLE, 50, chance=0.5) == timedelta(seconds=30)
    assert channel_delay(Fate.MISCONFIGURED, 1, chance=0.5) == timedelta(minutes=1)
    assert channel_delay(Fate.MISCONFIGURED, 50, chance=0.5) == timedelta(hours=1)


def test_a_mail_is_given_up_exactly_after_the_days() -> None:
    days = timedelta(days=5)
    assert not is_given_up(NOW, now=NOW + days - timedelta(microseconds=1), retry_days=5)
    assert is_given_up(NOW, now=NOW + days, retry_days=5)
