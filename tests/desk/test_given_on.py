"""A ticket that comes to a team later is given there as a new one is: by #escalate, by the ladder, and by #assign."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from gateway.desk.commanding import command_ticket
from gateway.policy import Policy, parse_policy
from gateway.store.database import connection
from gateway.store.tables import Turn
from tests.desk.harness import DESK, DeskUnderTest

ERIKA, ANNA, BEN, NORA, NILS, LEA = (f"{name}@example.com" for name in ("erika", "anna", "ben", "nora", "nils", "lea"))
PROVEN = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}
LADDER = """
[[sla]]
name = "Usual"
resolution = "8h"
[[ladder]]
at = "50%"
clock = "resolution"
reassign = "network"
remind = ["assignee", "lead"]
"""


def tiers(more: str = "", *, assign: str = "round_robin", skill: str = "") -> Policy:
    agents = "".join(
        f'[[agent]]\nname = "{name}"\naddress = "{name.split()[0].lower()}@example.com"\nteams = {teams}\n{own}\n'
        for name, teams, own in (
            ("Anna Agent", '["desk"]', ""),
            ("Ben Helper", '["desk"]', ""),
            ("Nora Net", '["network"]', ""),
            ("Nils Net", '["network"]', skill),
            ("Lea Lead", "[]", ""),
        )
    )
    return parse_policy(
        f'[desk]\naddress = "{DESK}"\nown_domains = ["example.com"]\ntrusted_authserv_id = "mx.example.com"\n'
        '[[team]]\nname = "desk"\nescalates_to = "network"\n'
        f'[[team]]\nname = "network"\nassign = "{assign}"\nleads = ["lea"]\n{agents}{more}',
        "rules.toml",
    )


def matter(desk: DeskUnderTest, subject: str = "VPN") -> None:
    desk.write(ERIKA, f"{subject} drops since this morning.", subject=subject)


def given_to(desk: DeskUnderTest, number: int = 1001) -> tuple[str, str]:
    ticket = desk.ticket(number)
    return ticket["team"], ticket["assignee"]


def events(desk: DeskUnderTest, kind: str, number: int = 1001) -> list[tuple[str, str]]:
    return [(one["actor"], one["text"]) for one in desk.ticket(number)["history"] if one["kind"] == kind]


def test_who_is_next_in_the_team_above_is_given_what_was_escalated(desk: DeskUnderTest) -> None:
    desk.change_policy(tiers())
    matter(desk)
    desk.answer(ANNA, desk.last(ANNA), "#assign ben")
    before = len(desk.sent)
    desk.answer(ANNA, desk.last(ANNA), "#escalate Needs the firewall's log.")
    assert given_to(desk) == ("network", NORA)
    assert Counter((one.to, one.notice) for one in desk.sent[before:]) == {(NORA, "escalated"): 1, (BEN, "changed"): 1}
    mail = desk.last(NORA, "escalated").text
    assert "Why: Needs the firewall's log." in mail
    assert "Why you: in turn in network" in mail
    changed = " ".join(desk.last(BEN, "changed").text.split())
    assert "escalated to the team network: Needs the firewall's log." in changed
    assert "given to Nora Net: in turn in network" in changed
    assert events(desk, "given") == [(ANNA, "given to Nora Net: in turn in network")]
    with connection(desk.database):
        assert {(row.team, row.agent, row.times) for row in Turn.select()} == {("network", NORA, 1)}
    matter(desk, "Phone")
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#escalate")
    assert given_to(desk, 1002) == ("network", NILS)
    assert desk.audit() == []


def test_absence_and_hours_count_and_where_nobody_is_there_all_of_the_team_hear(desk: DeskUnderTest) -> None:
    desk.change_policy(tiers())
    for _ in range(2):
        matter(desk, f"Phone {len(desk.sent)}")
    first, second = desk.inbox(ANNA, "new_ticket")
    desk.write(NORA, "#away until Friday", subject="away", headers=PROVEN)
    desk.answer(ANNA, first, "#escalate")
    assert given_to(desk, 1001) == ("network", NILS)
    desk.now = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
    desk.answer(ANNA, second, "#escalate")
    assert given_to(desk, 1002) == ("network", "")
    assert {one.to for one in desk.sent if one.notice == "escalated" and "INC-1002" in one.subject} == {NORA, NILS}
    assert desk.audit() == []


def test_lines_of_one_answer_give_each_to_the_next_and_so_does_the_command_line(desk: DeskUnderTest) -> None:
    desk.change_policy(tiers(assign="least_loaded"))
    for name in ("Mouse", "Beamer", "Printer", "Lamp"):
        matter(desk, name)
    desk.write(ANNA, "#list team", subject="list")
    desk.answer(ANNA, desk.last(ANNA, "listing"), "1 escalate\n2 @network\n3 escalate")
    with connection(desk.database):
        anna = desk.policy.agent_named("anna")
        assert anna is not None
        args = (desk.database, desk.policy, desk.secrets, 1004, "#escalate")
        command_ticket(*args, agent=anna, by="root", now=desk.now)
    teams = Counter(given_to(desk, number) for number in range(1001, 1005))
    assert teams == {("network", NORA): 2, ("network", NILS): 2}
    assert desk.audit() == []


@pytest.mark.parametrize("hours", [4, 5], ids=["on time", "late"])
def test_a_step_of_the_ladder_gives_it_to_who_knows_it_and_tells_each_once(desk: DeskUnderTest, hours: int) -> None:
    desk.change_policy(tiers(LADDER, skill='skills = ["general"]'))
    matter(desk)
    desk.answer(ANNA, desk.last(ANNA), "#assign ben")
    before = len(desk.sent)
    desk.wait(hours=hours)
    assert given_to(desk) == ("network", NILS)
    went = Counter((one.to, one.notice) for one in desk.sent[before:])
    assert went == {(NILS, "new_ticket"): 1, (LEA, "reminder"): 1, (ANNA, "changed"): 1, (BEN, "changed"): 1}
    words = "given to the team network, there to Nils Net: in turn in network, among those who know this"
    for mail in (desk.last(NILS), *((desk.last(LEA),) if hours == 4 else ()), desk.last(BEN)):
        assert words in " ".join(mail.text.split())
    who = "given to Nils Net: in turn in network, among those who know this"
    assert events(desk, "given") == [("clock", who)]
    assert ("clock", f"assignee: {BEN} → {NILS}") in events(desk, "field")
    assert desk.audit() == []


def test_without_anyone_at_work_the_ladder_tells_the_team_each_once(desk: DeskUnderTest) -> None:
    desk.change_policy(tiers(LADDER.replace("8h", '8h"\ncalendar = "always')))
    desk.now = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)
    matter(desk)
    before = len(desk.sent)
    desk.wait(hours=4)
    assert given_to(desk) == ("network", "")
    went = Counter((one.to, one.notice) for one in desk.sent[before:])
    assert went == {
        **{(one, "new_ticket"): 1 for one in (NORA, NILS)},
        (LEA, "reminder"): 1,
        **{(one, "changed"): 1 for one in (ANNA, BEN)},
    }
    assert desk.audit() == []
