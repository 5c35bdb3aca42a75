"""Rules that change while mails wait: each mail is decided by one version of the file, and its ticket says by which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.policy import Policy, parse_policy
from gateway.store.database import connection
from gateway.store.tables import Event, Ticket
from tests.desk.harness import DeskUnderTest, policy_of

RULE = """
[[rule]]
name = "{name}"
when.words = ["vpn"]
set = {{ category = "{name}", tags = ["{name}"], asset = "{name}" }}
"""


def version(name: str) -> Policy:
    return policy_of(more=RULE.format(name=name))


class Turning:
    """A policy that is another one each time somebody asks, as if an admin saved the file between any two questions."""

    def __init__(self, *versions: Policy) -> None:
        self.versions = versions
        self.asked = 0

    def __call__(self) -> Policy:
        self.asked += 1
        return self.versions[self.asked % len(self.versions)]


def test_no_mail_is_decided_by_half_a_policy(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    old, new = version("old"), version("new")
    desk = make_desk(old)
    turning = Turning(old, new)
    desk._sorter._policy = turning
    desk._sorter._batch = 3
    raws = [
        desk.mail(f"p{number}@example.com", f"VPN {number}", subject=f"No. {number} of its kind")
        for number in range(12)
    ]
    desk.receive_all(raws)
    by_version = {old.version: "old", new.version: "new"}
    with connection(desk.database):
        tickets = list(Ticket.select())
        opened = {
            event.ticket.id if event.ticket else 0: event for event in Event.select().where(Event.kind == "opened")
        }
    assert len(tickets) == 12
    assert {ticket.policy_version for ticket in tickets} == set(by_version)
    for ticket in tickets:
        name = by_version[ticket.policy_version]
        record: dict[str, Any] = desk.ticket(ticket.number)
        assert (ticket.category, ticket.asset) == (name, name)
        assert opened[ticket.id].detail["policy"] == ticket.policy_version
        assert str(record).count(f"'{name}'") >= 2


def test_the_history_of_a_ticket_names_the_version_that_was_in_force(
    make_desk: Callable[[Policy], DeskUnderTest],
) -> None:
    old = version("old")
    desk = make_desk(old)
    desk.write("erika@example.com", "My VPN drops.")
    changed = parse_policy(version("old").text + "# a word more\n")
    assert changed.version != old.version
    desk.change_policy(changed)
    desk.write("jonas@example.com", "My VPN drops too.", subject="Another")
    first, second = desk.ticket(1001), desk.ticket(1002)
    assert old.version in str(first)
    assert changed.version not in str(first)
    assert changed.version in str(second)
