"""Which automatic mail is left out or held: each limit, at the last mail that goes and the first that does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.mail import Envelope, Transport
from gateway.policy.limits import windows
from gateway.triage.restraint import (
    RESTRAINTS,
    arrived_at,
    is_ping_pong,
    is_quick_reply,
    quick_replies_with,
    reads_alike,
    restraint_on,
    too_fast,
)
from gateway.triage.traffic import AutomaticMail, Outside, Traffic
from tests.triage.values import ANNA, ERIKA, EVE, NOW, policy


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


def acknowledged(*moments: datetime, ticket: int = 7) -> tuple[AutomaticMail, ...]:
    return tuple(AutomaticMail(notice="acknowledgement", ticket=ticket, at=moment) for moment in moments)


def asked(*moments: datetime) -> tuple[AutomaticMail, ...]:
    return tuple(AutomaticMail(notice="question", ticket=1001, at=moment) for moment in moments)


def answered(count: int, *, at: datetime = NOW) -> tuple[AutomaticMail, ...]:
    """So many answers to an agent's commands, half of them on one ticket."""
    kinds = (("listing", None), ("result", 1001))
    return tuple(AutomaticMail(notice=kinds[one % 2][0], ticket=kinds[one % 2][1], at=at) for one in range(count))


def restrained(
    notice: str = "acknowledgement",
    address: str = ERIKA,
    *,
    ticket: int | None = None,
    outside: Outside | None = None,
    muted: bool = False,
    rules: Any = None,
    **traffic: Any,
) -> str:
    """The code of the restraint, with a ! where it holds the mail; "" where the mail goes out."""
    found = restraint_on(
        notice,
        address,
        ticket=ticket,
        now=NOW,
        policy=rules or policy(),
        traffic=Traffic(address=address, **traffic),
        outside=outside or Outside(),
        is_muted_ticket=muted,
    )
    if found is None:
        return ""
    assert found.code in RESTRAINTS
    return found.code + "!" * found.holds


FULL = Outside(to_all=300)
DOMAIN_FULL = Outside(to_all=60, to_domain={"evil.example": 60})
CASES: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    # For each recipient: five an hour, twenty a day.
    ("", {"automatic": acknowledged(*[ago(minutes=59)] * 4)}),
    ("recipient-hour", {"automatic": acknowledged(*[ago(minutes=59)] * 5)}),
    ("", {"automatic": acknowledged(*[ago(hours=1)] * 5)}),
    ("", {"automatic": acknowledged(*[ago(hours=23)] * 19)}),
    ("recipient-day", {"automatic": acknowledged(*[ago(hours=23)] * 20)}),
    ("", {"automatic": acknowledged(*[ago(hours=24)] * 20)}),
    # On each ticket: 10 in ten minutes, and so on up to 100 in ten hours.
    ("", {"notice": "confirmation", "address": ANNA, "ticket": 1001, "automatic": asked(*[ago(minutes=9)] * 9)}),
    ("ticket", {"notice": "confirmation", "address": ANNA, "ticket": 1001, "automatic": asked(*[ago(minutes=9)] * 10)}),
    ("", {"notice": "confirmation", "address": ANNA, "ticket": 1001, "automatic": asked(*[ago(minutes=29)] * 14)}),
    (
        "ticket",
        {"notice": "confirmation", "address": ANNA, "ticket": 1001, "automatic": asked(*[ago(minutes=29)] * 15)},
    ),
    ("", {"notice": "confirmation", "address": ANNA, "ticket": 1001, "automatic": asked(*[ago(minutes=599)] * 99)}),
    (
        "ticket",
        {"notice": "confirmation", "address": ANNA, "ticket": 1001, "automatic": asked(*[ago(minutes=599)] * 100)},
    ),
    # What was held has the pace of the hour alone, on one ticket or many.
    ("", {"notice": "question", "address": ANNA, "ticket": 1001, "automatic": asked(*[NOW] * 59)}),
    ("agent-hour", {"notice": "question", "address": ANNA, "ticket": 1002, "automatic": asked(*[NOW] * 60)}),
    # What an agent asks for has a pace of its own, by the hour of the clock, and no limit on a ticket.
    ("", {"notice": "result", "address": ANNA, "ticket": 1001, "automatic": answered(59), "muted": True}),
    ("agent-hour", {"notice": "result", "address": ANNA, "ticket": 1001, "automatic": answered(60)}),
    ("agent-hour", {"notice": "listing", "address": ANNA, "automatic": answered(60)}),
    ("", {"notice": "listing", "address": ANNA, "automatic": answered(200, at=NOW - timedelta(hours=1))}),
    ("", {"notice": "question", "address": ANNA, "ticket": 1001, "automatic": answered(200)}),
    ("", {"notice": "confirmation", "address": ANNA, "ticket": 1002, "automatic": asked(*[ago(minutes=9)] * 10)}),
    ("ticket", {"notice": "closing", "ticket": 7, "automatic": acknowledged(*[ago(minutes=9)] * 10)}),
    # Muted, and out of reach.
    ("muted", {"muted_until": NOW + timedelta(seconds=1)}),
    ("", {"muted_until": NOW}),
    ("undeliverable!", {"bounced_at": ago(days=29)}),
    ("undeliverable!", {"notice": "closing", "bounced_at": ago(days=29)}),
    ("", {"bounced_at": ago(days=30)}),
    # People outside: all of them, and each domain.
    ("", {"address": EVE, "outside": Outside(to_all=299, to_domain={"evil.example": 59})}),
    ("outside-hour!", {"address": EVE, "outside": FULL}),
    ("outside-domain", {"address": EVE, "outside": DOMAIN_FULL}),
    # Colleagues and agents are not counted, and not stopped by what was.
    ("", {"address": ERIKA, "outside": FULL}),
    ("", {"address": "anna@home.example", "outside": FULL}),
    # A muted ticket gets no automatic answer, but news for agents go on.
    ("ping-pong", {"notice": "confirmation", "address": ANNA, "ticket": 1001, "muted": True}),
    # Who is not told that a mail was held believes that it was sent; what was held five times is a machine's.
    ("", {"notice": "question", "address": ANNA, "ticket": 1001, "muted": True, "same": 4}),
    ("ping-pong", {"notice": "question", "address": ANNA, "ticket": 1001, "muted": True, "same": 5}),
    ("", {"notice": "new_reply", "address": ANNA, "ticket": 1001, "muted": True}),
    # Whoever writes by hand is never restrained.
    ("", {"notice": "answer", "bounced_at": ago(days=1), "muted_until": NOW + timedelta(days=1)}),
    ("", {"notice": "resolution", "address": EVE, "outside": FULL, "bounced_at": ago(days=1)}),
]


@pytest.mark.parametrize(("code", "case"), CASES, ids=[f"{number}-{code}" for number, (code, _) in enumerate(CASES)])
def test_a_limit_restrains_what_is_over_it_and_nothing_before(code: str, case: dict[str, Any]) -> None:
    assert restrained(**case) == code


def test_limits_are_settings() -> None:
    tight = policy(
        more="[limits]\nacknowledgements_per_hour = 1\nautomatic_per_ticket = '2/60'\nundeliverable_days = 1\n"
    )
    once = acknowledged(ago(minutes=1))
    assert restrained(rules=tight, automatic=once) == "recipient-hour"
    twice = asked(ago(minutes=59), NOW)
    assert restrained("confirmation", ANNA, ticket=1001, rules=tight, automatic=twice) == "ticket"
    assert restrained(rules=tight, bounced_at=ago(days=1)) == ""
    assert windows(tight.limits) == ((2, 60),)


# ---- machine speed


@pytest.mark.parametrize(
    ("sent", "arrived", "quick"),
    [
        (ago(seconds=120), NOW, True),
        (ago(seconds=121), NOW, False),
        (NOW, NOW, False),  # it came before ours could have been seen
        (NOW, ago(minutes=5), False),
    ],
)
def test_a_mail_within_two_minutes_after_ours_came_at_machine_speed(
    sent: datetime, arrived: datetime, quick: bool
) -> None:
    assert is_quick_reply(Traffic(address=ERIKA, automatic=acknowledged(sent)), arrived, policy()) is quick


def test_what_the_relay_took_late_is_answered_at_machine_speed_all_the_same() -> None:
    mail = AutomaticMail(notice="acknowledgement", ticket=7, at=ago(hours=3), sent_at=ago(seconds=5))
    assert is_quick_reply(Traffic(address=ERIKA, automatic=(mail,)), NOW, policy())


def test_a_reply_counts_where_it_reads_like_earlier_ones() -> None:
    known = Traffic(address=ERIKA, automatic=acknowledged(*[ago(seconds=60)] * 3))
    counts = [quick_replies_with(replace(known, alike=alike), NOW, is_reply=True) for alike in range(5)]
    assert counts == [0, 2, 3, 3, 3], "no more than there were mails to answer"
    assert quick_replies_with(known, NOW) == 1


@pytest.mark.parametrize(
    ("text", "other", "alike"),
    [
        ("Thank you, case 17 was opened.", "Thank you, case 18 was opened.", True),
        ("We got your mail “VPN” and answer soon.", "We got your mail “Printer” and answer soon.", True),
        ("It is the third floor.", "The lamp blinks, too.", False),
        ("", "", False),
        ("17", "18", False),
    ],
)
def test_what_a_machine_writes_reads_alike(text: str, other: str, alike: bool) -> None:
    assert reads_alike(text, other) is alike


def test_after_what_somebody_asked_for_by_a_word_nothing_is_quick() -> None:
    mails = tuple(AutomaticMail(notice=one, ticket=None, at=ago(seconds=5)) for one in ("status", "guide"))
    assert not is_quick_reply(Traffic(address=ERIKA, automatic=mails), NOW, policy())


def test_one_automatic_mail_counts_once_however_many_mails_follow_it() -> None:
    known = Traffic(address=ERIKA, automatic=acknowledged(ago(seconds=60)), quick_reply_at=ago(seconds=30))
    assert not is_quick_reply(known, NOW, policy())


def test_notices_to_agents_are_answered_as_fast_as_agents_can() -> None:
    notice = AutomaticMail(notice="question", ticket=7, at=ago(seconds=5))
    assert not is_quick_reply(Traffic(address=ANNA, automatic=(notice,)), NOW, policy())


def test_quick_replies_are_counted_within_a_day() -> None:
    assert quick_replies_with(Traffic(address=ERIKA), NOW) == 1
    assert quick_replies_with(Traffic(address=ERIKA, quick_replies=2, quick_reply_at=ago(hours=24)), NOW) == 3
    assert quick_replies_with(Traffic(address=ERIKA, quick_replies=2, quick_reply_at=ago(hours=25)), NOW) == 1


# ---- to and fro


@pytest.mark.parametrize(
    ("minutes", "goes_on"),
    [
        ((50, 40, 30, 20, 10), True),
        ((40, 30, 20, 10), False),
        ((290, 240, 180, 120, 60), True),
        ((291, 241, 181, 121, 61), False),  # the last one was answered after more than an hour
        ((350, 240, 180, 120, 60), False),  # four, and one long before
    ],
)
def test_five_automatic_mails_each_answered_within_the_hour_are_ping_pong(
    minutes: tuple[int, ...], goes_on: bool
) -> None:
    known = Traffic(address=ANNA, automatic=asked(*(ago(minutes=one) for one in minutes)))
    assert is_ping_pong(known, 1001, NOW, policy()) is goes_on
    assert not is_ping_pong(known, 1002, NOW, policy())


def test_help_that_an_agent_asks_for_is_no_ping_pong() -> None:
    results = tuple(AutomaticMail(notice="result", ticket=1001, at=ago(minutes=one)) for one in range(9))
    assert not is_ping_pong(Traffic(address=ANNA, automatic=results), 1001, NOW, policy())


# ---- floods


@pytest.mark.parametrize(
    ("minutes_ago", "over"),
    [
        ([1] * 9, False),
        ([1] * 10, True),
        ([10] * 10, False),
        ([11] * 29, False),
        ([11] * 30, True),
        ([60] * 30, False),
        ([-1] * 30, False),  # they arrived after this one, though they were sorted before
    ],
)
def test_a_sender_opens_ten_tickets_in_ten_minutes_and_thirty_in_an_hour(minutes_ago: list[int], over: bool) -> None:
    arrived = [ago(minutes=one) for one in minutes_ago]
    assert bool(too_fast(arrived, at=NOW, ten_minutes=10, hour=30)) is over


def test_a_mail_counts_from_when_it_arrived_not_from_when_it_was_fetched() -> None:
    fetched = Envelope(transport=Transport.IMAP, received_at=NOW, internal_date=ago(days=2))
    assert arrived_at(fetched, NOW) == ago(days=2)
    assert arrived_at(Envelope(transport=Transport.SMTP, received_at=ago(hours=1)), NOW) == ago(hours=1)
    assert arrived_at(Envelope(transport=Transport.IMAP, received_at=NOW, internal_date=NOW + timedelta(1)), NOW) == NOW
