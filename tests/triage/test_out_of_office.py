"""Until when an out-of-office says that its author is away, and what `#away` means: only what is clearly said."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail import Mail, Passage, PassageRole
from gateway.policy import parse_policy
from gateway.triage.absence import read_away, read_out_of_office
from gateway.triage.decision import SetAbsence
from gateway.triage.out_of_office import ends_in
from gateway.triage.work import Refusal

# Friday, 18 December 2026, ten o'clock in Berlin.
NOW = datetime(2026, 12, 18, 9, 0, tzinfo=UTC)
POLICY = parse_policy(
    """
[desk]
address = "helpdesk@example.com"
time_zone = "Europe/Berlin"
[[team]]
name = "desk"
[[agent]]
name = "Ben Helper"
address = "ben@example.com"
teams = ["desk"]
"""
)
BEN = POLICY.agents[0]
TODAY = "2026-12-18T23:00"  # midnight in Berlin, in UTC
# Until the end of Sunday the 3rd, which is the beginning of Monday the 4th.
THIRD = "2027-01-03T23:00"


def away_until(text: str, language: str = "", subject: str = "Automatic reply") -> str:
    words = (Passage(role=PassageRole.NEW, text=text),)
    mail = Mail(message_id="<a@example.com>", size_bytes=0, subject=subject, language=language, passages=words)
    said = read_out_of_office(mail, agent=BEN, policy=POLICY, now=NOW)
    return said.ends_at.strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I am out of the office until 3 January 2027 and will answer then."),
        ("en", "I'm on leave from 20 December to 3 January. Back on Monday, January 4th."),
        ("en", "I will return on January 4, 2027."),
        ("en", "Out of office from 2026-12-20 until 2027-01-03"),
        (
            "de",
            "Ich bin vom 21.12.2026 bis einschließlich 03.01.2027 nicht im Haus. Ab dem 4. Januar wieder erreichbar.",
        ),
        ("de", "bis zum 3. Januar"),
        ("de", "Ich bin ab Montag, 4. Januar wieder da."),
        ("de", "abwesend 20.12. – 03.01."),
        ("de", "Ich bin am 4.1. zurück."),
        ("fr", "Je suis absent du 20 décembre au 3 janvier inclus. De retour le lundi 4 janvier."),
        ("fr", "Absente jusqu’au 03/01/2027."),
        ("es", "Estaré fuera hasta el 3 de enero de 2027."),
        ("es", "Vacaciones del 20 de diciembre al 3 de enero; de vuelta el lunes 4 de enero."),
        ("pt", "Estou de férias até 3 de janeiro."),
        ("pt", "Ausente de 20 de dezembro a 3 de janeiro. Volto em 4 de janeiro."),
    ],
)
def test_a_clearly_stated_end_counts_in_five_languages(language: str, text: str) -> None:
    assert away_until(text, language) == THIRD


def test_the_end_may_stand_in_the_subject() -> None:
    assert away_until("I read your mail later.", "en", subject="Out of office until 3 January 2027") == THIRD


def test_until_friday_on_a_friday_is_today_and_back_on_monday_ends_with_the_sunday() -> None:
    assert away_until("I am away until Friday", "en") == TODAY
    assert away_until("I'll be back in the office on Monday.", "en") == "2026-12-20T23:00"
    assert away_until("Bin bis Mittwoch unterwegs.", "de") == "2026-12-23T23:00"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I am out of the office. Call 030/12 34 or write by 12.30."),
        ("en", "On vacation 12/20/2026 - 01/03/2027"),  # which of the two is the month?
        ("en", "Until 01/03/2027"),
        ("en", "Away until 24 November."),  # nobody has switched it off
        ("en", "Away until 24 December 2025."),
        ("en", "Out until 3 January. For project Alpha ask Carla until 30 June."),
        ("en", "Away until further notice, office hours Monday to Friday"),
        ("en", "Away until 31 February"),
        ("en", "Away until 3 January 2031"),
        ("en", "Away until 9999-12-31"),
        ("de", "Ich bin nicht im Büro."),
        ("", ""),
    ],
)
def test_without_an_end_beyond_doubt_it_is_for_that_day(language: str, text: str) -> None:
    assert away_until(text, language) == TODAY


@given(st.text(max_size=300), st.sampled_from(["", "en", "de", "fr", "es", "pt"]))
def test_no_text_breaks_it(text: str, language: str) -> None:
    ends_in(text, today=date(2026, 12, 18), language=language)


def said(argument: str) -> tuple[str, str]:
    absence = read_away(argument, agent=BEN, policy=POLICY, now=NOW)
    if isinstance(absence, Refusal):
        return "", str(absence.suggestion)
    assert isinstance(absence, SetAbsence)
    return absence.starts_at.strftime("%m-%dT%H:%M"), absence.ends_at.strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("", ("12-18T09:00", TODAY)),
        ("today", ("12-18T09:00", TODAY)),
        ("until Monday", ("12-18T09:00", "2026-12-21T23:00")),
        ("until 2027-01-03", ("12-18T09:00", THIRD)),
        ("bis 3.1.", ("12-18T09:00", THIRD)),
        ("jusqu'au 3 janvier", ("12-18T09:00", THIRD)),
        ("2026-12-20 to 2027-01-03", ("12-19T23:00", THIRD)),
        ("2026-12-20 - 2027-01-03", ("12-19T23:00", THIRD)),
        ("from 20 December until 3 January", ("12-19T23:00", THIRD)),
        ("vom 20.12. bis 3.1.", ("12-19T23:00", THIRD)),
        ("del 20 de diciembre al 3 de enero", ("12-19T23:00", THIRD)),
        ("2 weeks", ("12-18T09:00", "2027-01-01T23:00")),
    ],
)
def test_what_away_says(argument: str, expected: tuple[str, str]) -> None:
    assert said(argument) == expected


@pytest.mark.parametrize(
    "argument",
    ["until soon", "until yesterday", "2027-01-03 to 2026-12-20", "until 2031-01-01", "on holiday", "Mo to Tu to We"],
)
def test_an_end_that_is_not_understood_is_refused_with_a_form_that_fits(argument: str) -> None:
    assert said(argument) == ("", "#away until 2026-12-25")
