"""Notices to one agent become one mail when many wait."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from gateway.desk.bundles import merge_waiting
from gateway.phrase import listed
from gateway.store.database import connection, migrate, open_database
from gateway.store.outbox import Database
from gateway.store.states import AuthorRole, MessageState, OutboxState
from gateway.store.tables import Contact, Message, Outbox, Ticket
from gateway.ticket import Level, Priority, Role, Status, TicketType, Visibility

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
OLD = NOW - timedelta(minutes=1)
AGENT = "agent@example.com"
NUMBERS = count(1)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = open_database(database_url)
    with connection(database):
        migrate(database, now=NOW)
        yield database


def person(address: str, name: str = "") -> Any:
    Contact.insert(address=address, name=name, first_seen_at=NOW).on_conflict_ignore().execute()
    return Contact.get(Contact.address == address)


def ticket(subject: str, *, number: int) -> Any:
    return Ticket.create(
        number=number,
        type=TicketType.INCIDENT,
        status=Status.NEW,
        subject=subject,
        requester=person("erika@example.com", "Erika Employee"),
        impact=Level.MEDIUM,
        urgency=Level.MEDIUM,
        priority=Priority.P3,
        team="it",
        fields={},
        policy_version="",
        desk_address="helpdesk@example.com",
        opened_at=NOW,
        updated_at=NOW,
    )


def message(of: Any, text: str) -> Any:
    return Message.create(
        ticket=of,
        author=of.requester,
        author_role=AuthorRole.REQUESTER,
        visibility=Visibility.PUBLIC,
        state=MessageState.POSTED,
        text=text,
        passages=[],
        marks=[],
        at=NOW,
    )


def notice(name: str = "new_reply", *, recipient: str = AGENT, created_at: datetime = OLD, **more: Any) -> Any:
    number = next(NUMBERS)
    defaults = {
        "notice": name,
        "rank": 2,
        "recipient": person(recipient),
        "role": Role.AGENT,
        "context": {},
        "message_id": f"<notice.{number}@example.com>",
        "dedupe_key": f"test:{number}",
        "state": OutboxState.WAITING,
        "created_at": created_at,
    }
    return Outbox.create(**(defaults | more))


def merge(database: Database, *, now: datetime = NOW, at_least: int = 4) -> int:
    return merge_waiting(
        database,
        now=now,
        at_least=at_least,
        new_message_id=lambda: f"<bundle.{next(NUMBERS)}@example.com>",
        token=lambda type_, number: f"[{'INC' if type_ is TicketType.INCIDENT else 'REQ'}-{number}]",
    )


def bundles() -> list[Any]:
    return list(Outbox.select().where(Outbox.notice == "bundle").order_by(Outbox.id))


def test_four_that_wait_become_one_mail_that_names_them_all(database: Database) -> None:
    printer, door = ticket("Printer on fire", number=1042), ticket("Door stuck", number=1043)
    rows = [
        notice("new_ticket", ticket=printer, about=message(printer, "The printer\n\nis on fire")),
        notice("new_ticket", ticket=door, about=message(door, "x" * 500)),
        notice("changed", ticket=door, context={"changes": ["assigned to you", "priority P2"]}),
        notice("absent"),
    ]
    assert merge(database) == 1
    [bundle] = bundles()
    assert bundle.recipient.address == AGENT
    assert (bundle.rank, bundle.role, bundle.state, bundle.ticket_id) == (2, "agent", "waiting", None)
    letters = bundle.context["letters"]
    assert letters[0] == {
        "token": "[INC-1042]",
        "subject": "Printer on fire",
        "line": "Erika Employee: The printer is on fire",
    }
    assert len(letters[1]["line"]) == 160
    changed = listed(["assigned to you", "priority P2"]).to_json()
    assert letters[2] == {"token": "[INC-1043]", "subject": "Door stuck", "line": changed}
    assert letters[3] == {"token": "", "subject": "", "line": ""}
    merged = list(Outbox.select().where(Outbox.id.in_([row.id for row in rows])))
    assert {(row.state, row.merged_into_id) for row in merged} == {("merged", bundle.id)}


def test_three_go_out_one_by_one(database: Database) -> None:
    for _ in range(3):
        notice()
    assert merge(database) == 0
    assert {row.state for row in Outbox.select()} == {"waiting"}


def test_each_agent_gets_a_bundle_of_their_own(database: Database) -> None:
    for recipient in (AGENT, "other@example.com"):
        for _ in range(4):
            notice(recipient=recipient)
    assert merge(database) == 2
    assert {bundle.recipient.address for bundle in bundles()} == {AGENT, "other@example.com"}
    assert {len(bundle.context["letters"]) for bundle in bundles()} == {4}


@pytest.mark.parametrize(
    "apart",
    [
        {"name": "question"},
        {"name": "confirmation"},
        {"name": "result"},
        {"role": Role.REQUESTER},
        {"rank": 0},
        {"part_count": 1},
        {"lease_owner": "deliverer", "lease_until": NOW - timedelta(minutes=1)},
        {"state": OutboxState.HELD},
        {"state": OutboxState.SENT},
        {"created_at": NOW - timedelta(seconds=1)},
    ],
)
def test_what_must_go_out_by_itself_is_left_alone(database: Database, apart: dict[str, Any]) -> None:
    alone = notice(**apart)
    for _ in range(3):
        notice()
    assert merge(database) == 0
    notice()
    assert merge(database) == 1
    row = Outbox.get_by_id(alone.id)
    assert (row.state, row.merged_into_id) == (alone.state, None)


def test_a_flood_is_merged_at_once(database: Database) -> None:
    for _ in range(20):
        notice(created_at=NOW)
    assert merge(database) == 1
    assert len(bundles()[0].context["letters"]) == 20


def test_a_bundle_that_still_waits_is_taken_into_the_next_one(database: Database) -> None:
    for _ in range(4):
        notice()
    merge(database)
    for _ in range(3):
        notice(created_at=NOW)
    assert merge(database, now=NOW + timedelta(minutes=1)) == 1
    first, second = bundles()
    assert (first.state, first.merged_into_id, len(second.context["letters"])) == ("merged", second.id, 7)


def test_a_bundle_stays_readable(database: Database) -> None:
    for _ in range(150):
        notice()
    assert merge(database) == 1
    assert len(bundles()[0].context["letters"]) == 100
    # What is left is merged by the next call; the full bundle is not touched again.
    assert merge(database, now=NOW + timedelta(minutes=1)) == 1
    assert sorted(len(bundle.context["letters"]) for bundle in bundles() if bundle.state == "waiting") == [50, 100]


def test_merging_again_merges_nothing(database: Database) -> None:
    for _ in range(6):
        notice()
    assert [merge(database), merge(database)] == [1, 0]
    assert len(bundles()) == 1
