"""The few words that the screens know, each beside one that only looks like it."""

from __future__ import annotations

import pytest

from gateway.triage.screens.words import is_daemon_name, is_mailer_daemon, is_unread_address, labels_an_auto_reply

UNREAD = """
    no-reply@a.example noreply@a.example NoReply2@a.example do-not-reply@a.example donotreply@a.example
    noreply-billing@a.example mail-noreply@a.example ne-pas-repondre@a.example nicht.antworten@a.example
    no_responder@a.example naoresponda@a.example non-rispondere@a.example MAILER-DAEMON@a.example
    postmaster@a.example bounces+12-ab=c@a.example bounce-7@a.example staff-bounces@a.example mailer-daemon
    owner-staff@a.example staff-request@a.example listserv@a.example root@a.example nobody@a.example
    srs0=hhh=tt=a.example=noreply@b.example prvs=012345=no-reply@a.example
"""
READ = """
    nora.reply@a.example casino-replies@a.example reply@a.example support@a.example info@a.example
    requests@a.example bouncer@a.example rootsy@a.example owner@a.example daemonica@a.example
    svarta@a.example n.antwort@a.example prvs=012345=gina@a.example noah.reply@a.example
"""


@pytest.mark.parametrize("address", UNREAD.split())
def test_an_address_that_nobody_reads_is_known(address: str) -> None:
    assert is_unread_address(address)


@pytest.mark.parametrize("address", ["", *READ.split()])
def test_an_address_that_only_looks_so_is_read(address: str) -> None:
    assert not is_unread_address(address)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Automatic reply: printer", True),
        ("Re\u0301ponse automatique : imprimante", True),
        ("自動応答: プリンター", True),
        ("自动答复：打印机", True),
        ("Out of Office AutoReply: printer", True),
        ("[EXTERNAL] Automatische Antwort: Drucker", True),
        ("AUTO: Ada Example is out of the office (returning 05/12/2026)", True),
        ("Auto: Dienstwagen springt nicht an", False),
        ("Out of office is broken", False),
        ("Re: Automatic reply: printer", False),
        ("Automatic replies: how to", False),
        ("", False),
    ],
)
def test_a_responders_label_is_known_only_with_its_colon(subject: str, expected: bool) -> None:
    assert labels_an_auto_reply(subject) is expected


def test_a_server_is_known_by_its_address_or_its_display_name() -> None:
    assert is_daemon_name("postmaster\\@example.com@example.org", [])
    assert is_daemon_name("x@example.org", ["mail delivery subsystem <x@example.org>"])
    assert not is_daemon_name("postmasters@example.org", ["master of posts <postmasters@example.org>"])


@pytest.mark.parametrize("value", ["mailer-daemon <>", '"jetmail system" <>', "mailer-daemon", "<mailer_daemon>"])
def test_a_from_without_an_address_is_a_servers(value: str) -> None:
    assert is_mailer_daemon("", [value])


def test_a_from_that_names_nobody_at_all_is_no_servers() -> None:
    assert not is_mailer_daemon("", ["", "ada", "undisclosed"])
    assert not is_mailer_daemon("mailer-daemons@example.org", ["<>"])
