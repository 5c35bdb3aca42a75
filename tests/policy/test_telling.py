"""`[[notice]]` and `[notices]`: moments by the clock on the wall, and files that are refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.compose import NOTICES
from gateway.errors import ConfigurationError
from gateway.policy.telling import EVENTS, FIXED_MAILS, Event, next_at, quiet_until
from gateway.ticket import Role
from tests.desk.harness import policy_of

BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-02T06:59:59+00:00", "2026-03-02T07:00:00+00:00"),
        ("2026-03-02T07:00:00+00:00", "2026-03-03T07:00:00+00:00"),
        # The night that lacks an hour, and the one that has one more.
        ("2026-03-28T20:00:00+00:00", "2026-03-29T06:00:00+00:00"),
        ("2026-10-24T20:00:00+00:00", "2026-10-25T07:00:00+00:00"),
    ],
)
def test_the_next_eight_oclock_is_one_of_the_readers_clock(now: str, expected: str) -> None:
    moment = datetime.fromisoformat(now)
    assert next_at("08:00", now=moment, zone=BERLIN) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("span", "clock", "until"),
    [
        ("22:00-07:00", "21:59", None),
        ("22:00-07:00", "22:00", "07:00"),
        ("22:00-07:00", "03:00", "07:00"),
        ("22:00-07:00", "07:00", None),
        ("12:00-13:00", "12:30", "13:00"),
        ("12:00-13:00", "13:00", None),
        ("", "03:00", None),
    ],
)
def test_quiet_hours_may_go_over_midnight(span: str, clock: str, until: str | None) -> None:
    now = datetime.fromisoformat(f"2026-03-02T{clock}:00").replace(tzinfo=UTC)
    found = quiet_until(span, now=now, zone="UTC")
    assert (found.strftime("%H:%M") if found else None) == until


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ('[[notice]]\nevent = "new_ticket"\nwhen = "never"\n', "nobody would hear of new_ticket"),
        ('[[notice]]\nevent = "assigned"\nto = "lead"\n', "leave out to"),
        ('[[notice]]\nevent = "changd"\n', "changed"),
        ('[[notice]]\nevent = "changed"\nto = "boss"\n', "boss"),
        ('[[notice]]\nevent = "changed"\n[[notice]]\nevent = ["absent", "changed"]\n', "an earlier [[notice]]"),
        ('[notice]\nevent = "changed"\n', "write [[notice]]"),
        ('[[notice]]\nevent = "changed"\nto = "requester"\n', "changed can't tell requester"),
        ('[[notice]]\nevent = "on_hold"\nto = ["requester", "lead"]\n', "on_hold can't tell lead"),
        ('[[notice]]\nevent = "on_hold"\n', "does not say who is told of on_hold"),
        ('[[notice]]\nevent = "merged"\nto = "requester"\nwhen = "digest"\n', "whose mails never wait"),
        ('[[notice]]\nevent = "resolution"\nto = "watchers"\n', "resolution must tell the requester"),
        ('[[notice]]\nevent = "resolution"\nwhen = "never"\n', "nobody would hear of resolution"),
        ('[[notice]]\nevent = "answer"\nwhen = "never"\n', "is an agent's own words"),
        ('[[notice]]\nevent = ["changed", "challenge"]\n', "asks an agent about a mail in that agent's name"),
        ('[[notice]]\nevent = "reminder"\n', "as `[[ladder]]` says"),
        ('[notices]\nquiet_hours = "22-7"\n', '"22:00-07:00"'),
        ('[notices]\ndigest_at = "8"\n', "time of day"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(tables: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=r"rules\.toml") as refused:
        policy_of(more=tables)
    assert says in str(refused.value)


def test_each_mail_of_the_desk_is_an_events_or_says_why_it_is_nobodys_choice() -> None:
    of_events = {mail for told in EVENTS.values() for mail in told.mails}
    assert set(NOTICES) == of_events | (set(FIXED_MAILS) - {"workaround"})
    # Both: a mail of a choice whose name stands for more than that.
    assert of_events & set(FIXED_MAILS) == {"escalated", "noted", "update"}


def test_whom_people_hear_of_follows_the_table_and_the_older_options() -> None:
    both, one = frozenset({Role.REQUESTER, Role.WATCHER}), frozenset({Role.REQUESTER})
    plain = policy_of()
    said = {event: plain.people_told(event) for event, told in EVENTS.items() if not told.is_of_agents}
    assert {event for event, roles in said.items() if roles} == {
        Event.ACKNOWLEDGEMENT,
        Event.ADDED,
        Event.RESOLUTION,
    }
    assert plain.updates == frozenset()
    assert policy_of("closing_mail = true").people_told(Event.CLOSING) == both
    table = '[[notice]]\nevent = "closing"\nto = "requester"\n'
    assert policy_of(more=table).people_told(Event.CLOSING) == one
    silent = '[[notice]]\nevent = ["closing", "acknowledgement"]\nwhen = "never"\n'
    assert policy_of("closing_mail = true", silent).people_told(Event.CLOSING) == frozenset()
