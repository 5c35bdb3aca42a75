"""The schema steps: together they make the tables as the code knows them, once, whoever runs them and how often."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import peewee
import pytest

from gateway.store.database import connection, is_sqlite, migrate, open_database
from gateway.store.tables import TABLES, Contact, Secret
from tests.servers.postgres import PostgresServer

CHECKOUT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STEPS = sorted(path.stem for path in (CHECKOUT / "gateway/store/migrations").glob("[0-9]*.py"))

_POSTGRESQL_SCHEMA = (
    "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns "
    "WHERE table_schema = 'public'",
    "SELECT conrelid::regclass::text, contype::text, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE connamespace = 'public'::regnamespace",
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
)


def schema(database: peewee.Database) -> set[tuple[Any, ...]]:
    """Every column, type, constraint and index, in any order; not what the runner keeps, nor the search's table."""
    found = _sqlite_schema(database) if is_sqlite(database) else _postgresql_schema(database)
    return {one for one in found if not str(one[0]).startswith(("schema_migration", "message_words"))}


def _postgresql_schema(database: Any) -> set[tuple[Any, ...]]:
    return {tuple(row) for query in _POSTGRESQL_SCHEMA for row in database.execute_sql(query).fetchall()}


def _sqlite_schema(database: Any) -> set[tuple[Any, ...]]:
    found: set[tuple[Any, ...]] = set()
    for table, sql in database.execute_sql("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall():
        found |= {(table, "column", *row[1:]) for row in database.execute_sql(f"PRAGMA table_info({table})").fetchall()}
        keys = database.execute_sql(f"PRAGMA foreign_key_list({table})").fetchall()
        found |= {(table, "foreign key", *row[2:]) for row in keys}
        checks = re.findall(r"CHECK \(.*?\)(?=\s*(?:,|\)$))", sql, re.DOTALL)
        found |= {(table, "check", " ".join(text.split())) for text in checks}
    indexes = database.execute_sql("SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'index'").fetchall()
    return found | {(table, "index", name, sql) for table, name, sql in indexes}


def test_the_steps_make_the_tables_as_the_code_knows_them(
    database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database = open_database(database_url)
    with connection(database):
        migrate(database, now=NOW)
        migrated = schema(database)
    other_url = f"sqlite:///{tmp_path / 'other.sqlite'}"
    if not is_sqlite(database):
        server: PostgresServer = request.getfixturevalue("postgres")
        other_url = server.new_database()
        request.addfinalizer(lambda: server.drop_database(other_url))
    other = open_database(other_url)
    with connection(other):
        other.create_tables(TABLES)
        expected = schema(other)
    assert len(expected) > 200
    assert migrated == expected, "python -m tests.store.frozen_schema > gateway/store/migrations/0001_initial.py"


def test_the_schema_reader_sees_every_check(database_url: str) -> None:
    """A comparison that reads nothing would hold for everything."""
    database = open_database(database_url)
    with connection(database):
        migrate(database, now=NOW)
        text = "\n".join(map(str, schema(database)))
    for word in ("P5", "follow_up", "quarantined", "duplicate_of_id", "cancelled", "automatic", "watcher", "lmtp"):
        assert re.search(rf"(?i)check.*{word}", text), word


@pytest.mark.parametrize("step", STEPS)
def test_no_step_reads_what_later_changes_change(step: str) -> None:
    source = (CHECKOUT / f"gateway/store/migrations/{step}.py").read_text(encoding="utf-8")
    assert "gateway" not in source


def test_a_second_run_changes_nothing(database_url: str) -> None:
    database = open_database(database_url)
    with connection(database):
        assert migrate(database, now=NOW) == STEPS
        secret = bytes(Secret.get().content)
        Contact.create(address="erika@example.com", first_seen_at=NOW)
        assert migrate(database, now=NOW) == []
        assert (bytes(Secret.get().content), Contact.select().count()) == (secret, 1)
        assert Secret.select().count() == 1


_MIGRATE = """
import sys
from datetime import UTC, datetime
from gateway.store.database import connection, migrate, open_database
database = open_database(sys.argv[1])
sys.stdin.readline()
with connection(database):
    print(",".join(migrate(database, now=datetime.now(UTC))))
"""


def test_three_processes_that_start_at_once_make_one_schema(database_url: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _MIGRATE, database_url],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    outcomes = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], [error for _, error in outcomes]
    assert sorted(output.strip() for output, _ in outcomes) == ["", "", ",".join(STEPS)]
    database = open_database(database_url)
    with connection(database):
        assert Secret.select().count() == 1


def test_a_step_that_breaks_leaves_nothing_behind(database_url: str, tmp_path: Path) -> None:
    """Killed or broken half-way, the next start begins the step anew."""
    from playhouse.migrations import Runner

    source = (CHECKOUT / "gateway/store/migrations/0001_initial.py").read_text(encoding="utf-8")
    (tmp_path / "0001_initial.py").write_text(source + "    raise RuntimeError\n", encoding="utf-8")
    database = open_database(database_url)
    with connection(database):
        with pytest.raises(RuntimeError):
            Runner(database, directory=str(tmp_path)).up()
        assert schema(database) == set()
        assert migrate(database, now=NOW) == STEPS
