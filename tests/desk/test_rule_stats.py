"""What the tickets say of the rules: hits, corrections, what is left to the defaults, and rules that would be right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway.desk import rule_material
from gateway.desk.rule_material import opened_tickets
from gateway.desk.rule_stats import Stats, rule_stats
from gateway.desk.rule_suggestions import gather_material
from gateway.policy import Policy, parse_policy
from gateway.store.database import connection, execute, is_sqlite
from gateway.ticket import Field
from gateway.triage.classify import check_examples
from gateway.triage.suggest import propose
from gateway.triage.suggested_rules import as_toml
from tests.desk.harness import DeskUnderTest, policy_of

ANNA = "anna@example.com"
RULES = """
[[rule]]
name = "VPN"
when.words = "vpn"
set = { category = "network", team = "desk" }
[[rule]]
name = "Quiet"
when.words = "outage"
set.acknowledge = false
[[rule]]
name = "Again"
on = ["reply"]
when.words = "again"
set.urgency = "high"
[[rule]]
name = "Never"
when.words = "fax"
set.category = "fax"
"""


@pytest.fixture
def ruled(desk: DeskUnderTest) -> DeskUnderTest:
    desk.change_policy(policy_of(more=RULES))
    return desk


def report(desk: DeskUnderTest, subject: str, person: int = 0) -> None:
    desk.write(f"person{person}@example.com", "Hello", subject=subject)


def count(desk: DeskUnderTest, days: int = 30) -> Stats:
    with connection(desk.database):
        if is_sqlite(desk.database):
            execute(desk.database, "PRAGMA query_only = 1")
        since = desk.now - timedelta(days=days)
        return rule_stats(desk.policy, since=since, until=desk.now + timedelta(minutes=1))


def test_hits_corrections_and_what_nobody_caught_are_counted(ruled: DeskUnderTest) -> None:
    report(ruled, "vpn")
    ruled.answer(ANNA, ruled.last(ANNA, "new_ticket"), "#category hosts/web\n#priority P1")
    report(ruled, "vpn once more")
    report(ruled, "outage")
    ruled.answer("person0@example.com", ruled.last("person0@example.com", "acknowledgement"), "down again")
    stats = count(ruled)
    by_name = {one.name: one for one in stats.rules}
    assert (stats.tickets, stats.without_rule, stats.without_category, stats.corrected) == (3, 1, 1, 1)
    vpn = by_name["VPN"]
    assert (vpn.number, vpn.hits, vpn.corrected, sum(vpn.buckets), vpn.buckets[-1]) == (1, 2, 1, 2, 2)
    assert by_name["Again"].hits == 1
    assert [one.name for one in stats.never_hit] == ["Never"]
    assert not by_name["Quiet"].leaves_trace
    found = {(one.field, one.rule, one.set, one.finally_): one.count for one in stats.confusions}
    assert found == {("category", "VPN", "network", "hosts"): 1, ("priority", "", "P3", "P1"): 1}


def test_an_older_hit_and_a_rule_that_is_gone_are_known(ruled: DeskUnderTest) -> None:
    report(ruled, "vpn")
    then = ruled.now
    ruled.now += timedelta(days=200)
    report(ruled, "fax")
    ruled.change_policy(policy_of(more=RULES.replace('"Never"', '"Renamed"')))
    by_name = {one.name: one for one in count(ruled).rules}
    assert (by_name["VPN"].hits, by_name["VPN"].last_hit) == (0, then)
    assert (by_name["Never"].number, by_name["Never"].hits) == (0, 1)
    assert by_name["Renamed"].last_hit is None


def test_words_of_what_nobody_caught_come_from_several_people(ruled: DeskUnderTest) -> None:
    for person in range(4):
        report(ruled, "pipedrive is empty", person)
        report(ruled, "vpn is down", person)
    for _ in range(4):
        report(ruled, "yours sincerely wilhelmina")
    assert [one.word for one in count(ruled).words] == ["empty", "pipedrive"]


def test_the_slices_give_every_ticket_once(ruled: DeskUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        report(ruled, f"vpn {number}", number)
    monkeypatch.setattr(rule_material, "_TICKETS", rule_material._TICKETS.replace("LIMIT 1000", "LIMIT 2"))
    with connection(ruled.database):
        found = list(opened_tickets(ruled.now - timedelta(days=1), ruled.now + timedelta(days=1), with_text=True))
    assert [one.subject for one in found] == [f"vpn {number}" for number in range(5)]
    assert {one.text.strip() for one in found} == {"Hello"}


def test_what_agents_set_becomes_a_rule_to_paste(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    ruled = make_desk(policy_of(more=RULES))
    for number in range(36):
        report(ruled, "pipedrive shows nothing" if number % 2 else "something else", number % 9)
        if number % 2:
            ruled.answer(ANNA, ruled.last(ANNA, "new_ticket"), "#category crm/pipedrive\n#close")
        else:
            ruled.answer(ANNA, ruled.last(ANNA, "new_ticket"), "#close")
    with connection(ruled.database):
        material = gather_material(ruled.policy, since=ruled.now - timedelta(days=9), until=ruled.now)
    assert len(material) >= 35
    ((proposal, text),) = as_toml(ruled.policy, propose(material))
    assert (proposal.sets[0].field, proposal.sets[0].value) == (Field.CATEGORY, "crm/pipedrive")
    after = parse_policy(f"{ruled.policy.text}\n{text}")
    assert check_examples(after) == []
    # Under these rules nothing is left to propose, though the tickets were decided by older ones.
    with connection(ruled.database):
        material = gather_material(after, since=ruled.now - timedelta(days=9), until=ruled.now)
    assert propose(material) == []
