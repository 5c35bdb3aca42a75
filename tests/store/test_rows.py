"""Rows go in and out unchanged, whichever way they come, and hostile text is storable on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import peewee
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigurationError
from gateway.store.database import connection, is_sqlite, migrate, open_database, transaction
from gateway.store.fields import UtcDateTime, clean_text
from gateway.store.rows import find, find_all, insert, insert_if_new, insert_returning, marks, write_over
from gateway.store.tables import Contact, Event
from tests.servers import prepared

sqlite_url, postgres_url = prepared.sqlite_url, prepared.postgres_url

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOSTILE = "a\x00b\ud800c\udfffd e\u0301 \U0001f600 ' \" \\ % ? ﷽"


@pytest.fixture
def database(database_url: str) -> Iterator[peewee.Database]:
    opened = open_database(database_url)
    with connection(opened):
        migrate(opened, now=NOW)
        yield opened


def test_both_ways_in_and_both_ways_out_give_the_same_row(database: peewee.Database) -> None:
    values = {"at": NOW, "kind": "k", "actor": HOSTILE, "text": HOSTILE, "detail": {"deep": [HOSTILE, {"n": 1}]}}
    ids = [insert(Event, **values), Event.create(**values).id]
    rows = [find(Event, "id = ?", ids[0]), find(Event, "id = ?", ids[1]), *Event.select().order_by(Event.id)]
    assert len(rows) == 4
    assert {(row.at, row.actor, row.text, str(row.detail)) for row in rows if row is not None} == {
        (NOW, clean_text(HOSTILE), clean_text(HOSTILE), str({"deep": [clean_text(HOSTILE), {"n": 1}]}))
    }


def test_a_second_insert_of_a_key_that_is_there_is_left_out(database: peewee.Database) -> None:
    insert_if_new(Contact, address="a@example.com", name="First", first_seen_at=NOW)
    insert_if_new(Contact, address="a@example.com", name="Second", first_seen_at=NOW)
    assert [row.name for row in Contact.select()] == ["First"]


def test_defaults_are_filled_in(database: peewee.Database) -> None:
    row = find(Contact, "id = ?", insert(Contact, address="a@example.com", first_seen_at=NOW))
    assert row is not None
    assert (row.name, row.language, row.bounced_at) == ("", "", None)


def test_rows_are_found_by_moment_in_order_and_up_to_a_limit(database: peewee.Database) -> None:
    for minute in (3, 1, 2):
        insert(Contact, address=f"{minute}@example.com", first_seen_at=NOW + timedelta(minutes=minute))
    found = find_all(Contact, "first_seen_at > ?", NOW + timedelta(minutes=1), order="first_seen_at")
    assert [row.address for row in found] == ["2@example.com", "3@example.com"]
    assert len(find_all(Contact, "first_seen_at > ?", NOW, limit=2)) == 2
    assert find(Contact, "address = ?", "nobody") is None
    assert len(find_all(Contact, f"address IN ({marks('ab')})", "1@example.com", "3@example.com")) == 2


def test_moments_come_back_as_utc_whatever_zone_they_had(database: peewee.Database) -> None:
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    insert(Contact, address="a@example.com", first_seen_at=NOW.astimezone(kathmandu))
    stored = Contact.get().first_seen_at
    assert (stored, stored.tzinfo) == (NOW, UTC)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        UtcDateTime().db_value(NOW.replace(tzinfo=None))


@given(st.text(), st.text())
def test_cleaning_text_again_changes_nothing_and_keeps_equal_texts_equal(one: str, other: str) -> None:
    cleaned = clean_text(one)
    assert clean_text(cleaned) == cleaned
    assert "\x00" not in cleaned
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned
    assert (one == other) <= (cleaned == clean_text(other))


@given(st.integers(0, 10**17).map(lambda microseconds: EPOCH + timedelta(microseconds=microseconds)))
def test_stored_moments_sort_as_text_as_they_sort_in_time(moment: datetime) -> None:
    field: Any = UtcDateTime()
    later = field.db_value(moment + timedelta(microseconds=1))
    assert field.db_value(moment) < later
    assert field.python_value(later) == moment + timedelta(microseconds=1)


def test_a_connection_that_died_is_replaced(database_url: str) -> None:
    database: Any = open_database(database_url)
    with connection(database):
        migrate(database, now=NOW)
    if not is_sqlite(database):
        database.connect()
        with pytest.raises(peewee.OperationalError):
            database.execute_sql("SELECT pg_terminate_backend(pg_backend_pid())")
    with connection(database):
        assert Contact.select().count() == 0


@pytest.mark.parametrize("url", ["mysql://localhost/desk", "desk.sqlite", ""])
def test_a_url_of_another_kind_is_refused_with_what_would_be_right(url: str) -> None:
    with pytest.raises(ConfigurationError, match="sqlite:///PATH"):
        open_database(url)


def test_sqlite_flushes_every_commit_and_holds_foreign_keys(sqlite_url: str) -> None:
    database: Any = open_database(sqlite_url)
    with connection(database):
        pragmas = {
            name: database.execute_sql(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")
        }
        assert pragmas == {"synchronous": 2, "journal_mode": "wal"}
        migrate(database, now=NOW)
        with pytest.raises(peewee.IntegrityError):
            Event.create(at=NOW, kind="k", actor="a", ticket=7, text="", detail={})


def test_many_rows_are_inserted_once_and_written_over_by_their_ids(database: peewee.Database) -> None:
    rows = [{"address": f"p{number}@example.com", "first_seen_at": NOW} for number in range(3)]
    with transaction(database):
        ids = insert_returning(Contact, rows[:2], "address")
        again = insert_returning(Contact, rows, "address")
        assert (sorted(ids), sorted(again)) == (["p0@example.com", "p1@example.com"], ["p2@example.com"])
        changed = [row | {"id": ids[row["address"]], "name": "Changed", "language": "de"} for row in rows[:2]]
        write_over(Contact, changed, ["name"])
    found = {row.address: (row.name, row.language) for row in Contact.select()}
    assert found == dict.fromkeys(ids, ("Changed", "")) | {"p2@example.com": ("", "")}
    assert insert_returning(Contact, [], "address") == {}
    write_over(Contact, [], ["name"])
