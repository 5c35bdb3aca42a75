"""The queue: every row to one claimer at a time, attempts counted before the work, finishes fenced."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import peewee
import pytest

from gateway.store.database import connection, migrate, open_database, savepoint, transaction
from gateway.store.queue import (
    LEASE,
    claim,
    finish,
    forget_workers,
    free_leases,
    free_own,
    last_written,
    owner_name,
    release,
    renew,
    split_parts,
)
from gateway.store.states import LedgerState, OutboxState, Outcome
from gateway.store.tables import PART_SIZE_BYTES, Contact, Event, Ledger, Outbox, Ticket, Worker
from tests.servers import prepared

sqlite_url, postgres_url = prepared.sqlite_url, prepared.postgres_url

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def database(database_url: str) -> Iterator[peewee.Database]:
    opened = open_database(database_url)
    with connection(opened):
        migrate(opened, now=NOW)
        yield opened


def waiting_mail(number: int = 1, **values: Any) -> int:
    row: dict[str, Any] = {
        "received_at": NOW,
        "transport": "smtp",
        "envelope": {},
        "size_bytes": 1,
        "sha256": b"s",
        "digest": b"d%d" % number,
        "part_count": 1,
        "state": LedgerState.WAITING,
    }
    return int(Ledger.create(**(row | values)).id)


def waiting_answer(rank: int, number: int) -> int:
    contact = Contact.get_or_none() or Contact.create(address="a@example.com", first_seen_at=NOW)
    row = {"notice": "answer", "rank": rank, "recipient": contact, "role": "requester", "context": {}}
    row |= {"message_id": f"<{number}>", "dedupe_key": str(number), "state": OutboxState.WAITING, "created_at": NOW}
    return int(Outbox.create(**row).id)


def test_the_oldest_mails_are_claimed_first_and_each_once(database: peewee.Database) -> None:
    ids = [waiting_mail(number) for number in range(5)]
    first = claim(database, Ledger, owner="one", now=NOW, limit=3)
    second = claim(database, Ledger, owner="two", now=NOW, limit=3)
    assert [one.id for one in first] + [one.id for one in second] == ids
    assert claim(database, Ledger, owner="three", now=NOW, limit=3) == []


def test_people_s_words_are_claimed_before_notices(database: peewee.Database) -> None:
    notice, answer = waiting_answer(2, 1), waiting_answer(0, 2)
    assert [one.id for one in claim(database, Outbox, owner="one", now=NOW, limit=9)] == [answer, notice]


def test_a_claim_counts_the_attempt_before_the_work(database: peewee.Database) -> None:
    row = waiting_mail()
    assert [one.attempt for one in claim(database, Ledger, owner="one", now=NOW, limit=1)] == [1]
    assert Ledger.get_by_id(row).attempts == 1
    assert [one.attempt for one in claim(database, Ledger, owner="two", now=NOW + LEASE, limit=1)] == [2]


def test_what_is_put_off_waits_for_its_time(database: peewee.Database) -> None:
    waiting_mail(not_before=NOW + timedelta(seconds=30))
    assert claim(database, Ledger, owner="one", now=NOW + timedelta(seconds=29), limit=1) == []
    assert len(claim(database, Ledger, owner="one", now=NOW + timedelta(seconds=30), limit=1)) == 1


def test_a_finish_after_the_lease_went_to_another_writes_nothing(database: peewee.Database) -> None:
    row = waiting_mail()
    (late,) = claim(database, Ledger, owner="one", now=NOW, limit=1)
    (heir,) = claim(database, Ledger, owner="two", now=NOW + LEASE, limit=1)
    assert not finish(Ledger, late, state=LedgerState.DONE, outcome=Outcome.FILED)
    assert Ledger.get_by_id(row).state == "waiting"
    assert finish(Ledger, heir, state=LedgerState.DONE, outcome=Outcome.FILED)
    assert (Ledger.get_by_id(row).lease_owner, Ledger.get_by_id(row).lease_until) == ("", None)


def test_the_same_owner_can_not_finish_an_earlier_attempt(database: peewee.Database) -> None:
    waiting_mail()
    (early,) = claim(database, Ledger, owner="one", now=NOW, limit=1)
    (late,) = claim(database, Ledger, owner="one", now=NOW + LEASE, limit=1)
    assert not finish(Ledger, early, state=LedgerState.FAILED)
    assert finish(Ledger, late, state=LedgerState.FAILED)


def test_what_is_given_back_did_not_cost_an_attempt(database: peewee.Database) -> None:
    row = waiting_mail()
    release(database, Ledger, claim(database, Ledger, owner="one", now=NOW, limit=1))
    assert (Ledger.get_by_id(row).attempts, Ledger.get_by_id(row).lease_owner) == (0, "")


def test_the_leases_of_the_dead_are_free_at_once_and_of_the_living_not(database: peewee.Database) -> None:
    first, second = waiting_mail(1), waiting_mail(2)
    claim(database, Ledger, owner="dead", now=NOW, limit=1)
    claim(database, Ledger, owner="living", now=NOW, limit=1)
    assert free_leases(database, is_dead=lambda owner: owner == "dead") == 1
    assert [one.id for one in claim(database, Ledger, owner="heir", now=NOW, limit=9)] == [first]
    assert Ledger.get_by_id(second).lease_owner == "living"


def test_the_heartbeats_of_the_dead_are_forgotten_those_of_the_living_and_of_their_parts_not(
    database: peewee.Database,
) -> None:
    for name in ("gateway a/1/dead", "a/1/dead", "gateway a/2/living", "a/2/living"):
        Worker.create(name=name, host="a", pid=1, started_at=NOW, beat_at=NOW)
    assert forget_workers(database, is_dead=lambda owner: owner == "a/1/dead") == 2
    assert {row.name for row in Worker.select()} == {"gateway a/2/living", "a/2/living"}
    assert forget_workers(database, is_dead=lambda owner: owner == "a/1/dead") == 0


def test_many_claimers_at_once_never_get_the_same_row(database: peewee.Database) -> None:
    ids = {waiting_mail(number) for number in range(60)}
    taken: list[list[int]] = [[] for _ in range(4)]

    def work(number: int) -> None:
        with connection(database):
            while claims := claim(database, Ledger, owner=f"w{number}", now=NOW, limit=3):
                taken[number] += [one.id for one in claims]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    everything = [row for rows in taken for row in rows]
    assert sorted(everything) == sorted(ids)


def test_a_savepoint_rolls_back_alone(database: peewee.Database) -> None:
    with transaction(database):
        waiting_mail(1)
        with contextlib.suppress(RuntimeError), savepoint(database):
            waiting_mail(2)
            raise RuntimeError
        waiting_mail(3)
    assert [bytes(row.digest) for row in Ledger.select().order_by(Ledger.id)] == [b"d1", b"d3"]


@pytest.mark.parametrize(
    "values",
    [
        {"state": "sleeping"},
        {"transport": "pigeon"},
        {"state": "done", "outcome": ""},
        {"state": "waiting", "outcome": "filed"},
        {"state": "done", "outcome": "duplicate"},
    ],
)
def test_the_database_itself_refuses_what_is_in_no_closed_set(database: peewee.Database, values: Any) -> None:
    with pytest.raises(peewee.IntegrityError), transaction(database):
        waiting_mail(1, **values)


@pytest.mark.parametrize("size", [0, 1, PART_SIZE_BYTES - 1, PART_SIZE_BYTES, PART_SIZE_BYTES + 1, 3 * PART_SIZE_BYTES])
def test_content_is_cut_into_parts_of_at_most_a_mebibyte_and_at_least_one(size: int) -> None:
    content = bytes(size)
    for source in (content, BytesIO(content)):
        parts = list(split_parts(source))
        assert b"".join(parts) == content
        assert max(map(len, parts)) <= PART_SIZE_BYTES
        assert len(parts) == max(1, -(-size // PART_SIZE_BYTES))


def claimed(database: peewee.Database, owner: str = "one", now: datetime = NOW, limit: int = 9) -> list[int]:
    return [one.id for one in claim(database, Ledger, owner=owner, now=now, limit=limit)]


def test_an_owners_name_says_where_it_runs_and_is_never_the_same(database: peewee.Database) -> None:
    first, second = owner_name(), owner_name()
    assert re.fullmatch(rf"{re.escape(socket.gethostname())}/{os.getpid()}/[0-9a-f]{{8}}", first)
    assert first != second


def test_a_lease_ends_when_it_says(database: peewee.Database) -> None:
    row = waiting_mail()
    (taken,) = claim(database, Ledger, owner="one", now=NOW, limit=1)
    assert (taken.owner, taken.until) == ("one", NOW + LEASE)
    assert (Ledger.get_by_id(row).lease_owner, Ledger.get_by_id(row).lease_until) == ("one", NOW + LEASE)
    assert timedelta(minutes=5) == LEASE
    assert claimed(database, "two", NOW + LEASE - timedelta(seconds=1)) == []
    assert claimed(database, "two", NOW + LEASE) == [row]


def test_what_a_wrong_clock_put_off_for_years_does_not_wait_so_long(database: peewee.Database) -> None:
    waiting_mail(1, not_before=NOW + timedelta(hours=12))
    years = waiting_mail(2, not_before=NOW + timedelta(hours=12, seconds=1))
    assert claimed(database) == [years]


def test_a_mail_that_may_have_killed_its_process_comes_alone(database: peewee.Database) -> None:
    first, second = waiting_mail(1), waiting_mail(2)
    suspect, last = waiting_mail(3, attempts=1), waiting_mail(4)
    assert claimed(database) == [first, second]
    assert claimed(database) == [suspect]
    assert claimed(database) == [last]


def test_a_rendered_mail_is_no_suspect(database: peewee.Database) -> None:
    ids = [waiting_answer(0, 1), waiting_answer(0, 2)]
    Outbox.update(attempts=2, part_count=1).execute()
    assert [one.id for one in claim(database, Outbox, owner="one", now=NOW, limit=9)] == ids


def test_what_people_write_to_one_person_on_one_ticket_goes_in_order(database: peewee.Database) -> None:
    contact = Contact.create(address="a@example.com", first_seen_at=NOW)
    fields = {"type": "incident", "status": "new", "impact": "low", "urgency": "low", "priority": "P4", "team": "desk"}
    more = {"fields": {}, "policy_version": "1", "desk_address": "helpdesk@example.com", "subject": "VPN"}
    ticket = Ticket.create(number=7, requester=contact, opened_at=NOW, updated_at=NOW, **fields, **more)
    first, second, notice = (waiting_answer(0, number) for number in (1, 2, 3))
    Outbox.update(ticket=ticket).execute()
    Outbox.update(notice="acknowledgement").where(Outbox.id == notice).execute()
    Outbox.update(notice="resolution").where(Outbox.id == first).execute()
    later = NOW + timedelta(hours=1)
    Outbox.update(not_before=later).where(Outbox.id == first).execute()
    assert [one.id for one in claim(database, Outbox, owner="one", now=NOW, limit=9)] == [notice]
    assert [one.id for one in claim(database, Outbox, owner="two", now=later, limit=1)] == [first]
    Outbox.update(state=OutboxState.SENT).where(Outbox.id == first).execute()
    assert second in [one.id for one in claim(database, Outbox, owner="two", now=later, limit=9)]


def test_a_finish_may_count_and_is_fenced_all_the_same(database: peewee.Database) -> None:
    row, other = waiting_mail(1), waiting_mail(2)
    (taken,) = claim(database, Ledger, owner="one", now=NOW, limit=1)
    counted: Any = Ledger.size_bytes + 1
    strangers = (replace(taken, owner="two"), replace(taken, attempt=2), replace(taken, id=other))
    assert not any(finish(Ledger, stranger, size_bytes=counted) for stranger in strangers)
    assert [mail.size_bytes for mail in Ledger.select()] == [1, 1]
    assert finish(Ledger, taken, size_bytes=counted, error="late") is True
    assert [mail.size_bytes for mail in Ledger.select().order_by(Ledger.id)] == [2, 1]
    assert (Ledger.get_by_id(row).lease_owner, Ledger.get_by_id(row).lease_until) == ("", None)


@pytest.mark.parametrize(("counts", "attempts"), [(True, 1), (False, 0)])
def test_work_that_broke_off_gives_back_what_it_held_but_not_what_it_keeps(
    database: peewee.Database, counts: bool, attempts: int
) -> None:
    free, kept, others, untouched = (waiting_mail(number) for number in range(4))
    claimed(database, "one", limit=2)
    claimed(database, "two", limit=1)
    free_own(database, Ledger, owner="one", keep=[kept], counts=counts)
    rows = {row.id: (row.attempts, row.lease_owner) for row in Ledger.select()}
    assert rows == {free: (attempts, ""), kept: (1, "one"), others: (1, "two"), untouched: (0, "")}
    assert Ledger.get_by_id(free).lease_until is None
    free_own(database, Ledger, owner="one", counts=counts)
    assert Ledger.get_by_id(kept).lease_owner == ""


def test_the_last_moment_that_was_written_down_is_that_of_a_mail_or_of_what_happened(
    database: peewee.Database,
) -> None:
    assert last_written() is None
    waiting_mail(1, received_at=NOW + timedelta(hours=1))
    waiting_mail(2)
    assert last_written() == NOW
    Event.create(at=NOW + timedelta(minutes=1), kind="k", actor="a", text="t", detail={})
    assert last_written() == NOW + timedelta(minutes=1)


def test_the_living_keep_their_leases_where_nobody_is_dead(database: peewee.Database) -> None:
    waiting_mail()
    claimed(database, "living")
    waiting_mail(2)
    asked: list[str] = []

    def is_dead(owner: str) -> bool:
        asked.append(owner)
        return False

    assert free_leases(database, is_dead=is_dead) == 0
    assert asked == ["living"]
    assert [row.lease_owner for row in Ledger.select().order_by(Ledger.id)] == ["living", ""]
    assert free_leases(database, is_dead=lambda owner: owner == "living") == 1
    assert {(row.lease_owner, row.lease_until) for row in Ledger.select()} == {("", None)}


def test_a_file_is_cut_from_its_beginning_and_an_empty_one_has_a_part() -> None:
    file = BytesIO(b"x" * (PART_SIZE_BYTES + 1))
    file.read()
    assert [len(part) for part in split_parts(file)] == [PART_SIZE_BYTES, 1]
    assert list(split_parts(BytesIO())) == [b""] == list(split_parts(b""))


def test_a_renewed_lease_lasts_anew_and_what_another_has_stays_theirs(database: peewee.Database) -> None:
    for number in (1, 2):
        waiting_mail(number)
    mine = claim(database, Ledger, owner="one", now=NOW, limit=2)
    later = NOW + timedelta(minutes=4)
    finish(Ledger, mine[1], state=LedgerState.DONE, outcome=Outcome.OPENED)
    Ledger.update(lease_owner="two", lease_until=NOW).where(Ledger.id == mine[0].id).execute()
    renew(database, Ledger, mine, now=later)
    assert Ledger.get_by_id(mine[0].id).lease_until == NOW
    assert Ledger.get_by_id(mine[1].id).lease_until is None

    Ledger.update(lease_owner="one").where(Ledger.id == mine[0].id).execute()
    renew(database, Ledger, mine[:1], now=later)
    assert Ledger.get_by_id(mine[0].id).lease_until == later + LEASE
    assert claim(database, Ledger, owner="two", now=later + LEASE - timedelta(seconds=1), limit=2) == []
