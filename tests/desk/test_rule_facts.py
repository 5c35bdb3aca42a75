"""What rules may ask beside the mail is read for them: tickets before, believed results, the time, the address."""

from __future__ import annotations

import pytest

from tests.desk.harness import DESK, DeskUnderTest, policy_of

RULES = """
[[rule]]
name = "Again"
when.tickets = "3 today"
set.category = "again"
[[rule]]
name = "Often"
when.tickets = "2 in 3 days"
set.urgency = "high"
[[rule]]
name = "Forged"
when.auth = { dmarc = ["fail"] }
set.category = "forged"
[[rule]]
name = "Authenticated"
when.authenticated = true
set.impact = "high"
[[rule]]
name = "Hidden copy"
when = { desk = "it@example.com", time = "outside working hours" }
set.team = "network"
"""
ERIKA = "erika@example.com"
RESULTS = "mx.example.com; dmarc={} header.from=example.com"


def fields(desk: DeskUnderTest, number: int, *names: str) -> list[str]:
    ticket = desk.ticket(number)
    return [ticket[name] for name in names]


@pytest.fixture
def ruled(desk: DeskUnderTest) -> DeskUnderTest:
    desk.change_policy(policy_of(more=RULES))
    return desk


def test_the_tickets_of_a_sender_are_counted_by_day_and_by_period(ruled: DeskUnderTest) -> None:
    for number in range(3):
        ruled.write(ERIKA, f"Matter {number}", subject=f"Matter {number}")
    ruled.write("dora@example.com", "Mine", subject="Another's")
    assert [fields(ruled, 1001 + n, "category", "urgency") for n in range(4)] == [
        ["general", "medium"],
        ["general", "high"],
        ["again", "high"],
        ["general", "medium"],
    ]
    ruled.wait(days=1)
    ruled.write(ERIKA, "Tomorrow", subject="Tomorrow")
    assert fields(ruled, 1005, "category", "urgency") == ["general", "high"]
    ruled.wait(days=4)
    ruled.write(ERIKA, "Next week", subject="Next week")
    assert fields(ruled, 1006, "category", "urgency") == ["general", "medium"]


def test_results_of_the_mail_server_count_only_where_it_is_proven(ruled: DeskUnderTest) -> None:
    fail = {"Authentication-Results": RESULTS.format("fail")}
    ruled.write(ERIKA, "One", subject="One", headers=fail, peer="192.0.2.25")
    ruled.write(ERIKA, "Two", subject="Two", headers=fail)
    ruled.write("dora@example.com", "3", subject="Three", headers={"Authentication-Results": RESULTS.format("pass")})
    assert [fields(ruled, 1001 + n, "category", "impact") for n in range(3)] == [
        ["general", "medium"],
        ["forged", "medium"],
        ["general", "high"],
    ]


def test_an_alias_that_only_the_envelope_names_and_the_time_of_arrival_are_known(ruled: DeskUnderTest) -> None:
    ruled.write(ERIKA, "One", subject="One", to="staff@example.com", recipients=("it@example.com",))
    ruled.wait(hours=12)
    ruled.write(ERIKA, "Two", subject="Two", to="staff@example.com", recipients=("it@example.com",))
    ruled.write(ERIKA, "Three", subject="Three", recipients=(DESK,))
    assert [fields(ruled, 1001 + n, "team")[0] for n in range(3)] == ["desk", "network", "desk"]
