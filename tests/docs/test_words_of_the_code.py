"""Where a page lists what the code knows (codes, tables, filters, states, numbers), the two are the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from gateway import service, timers
from gateway.alarms import QUARANTINE_LATE_WORKING_DAYS, WAITS_LONG_MINUTES, WAITS_TOO_LONG_MINUTES
from gateway.compose.filters import FILTERS
from gateway.compose.templates import _JINJA_FILTERS
from gateway.mail import MailKind
from gateway.store.states import LedgerState, OutboxState, Outcome
from gateway.store.tables import TABLES
from gateway.triage import challenge
from gateway.triage.quarantine import QUARANTINE
from tests.docs.pages import CHECKOUT, inline_code, read

DOCS = CHECKOUT / "docs"
# Kinds that are filed quietly where they answer something of ours.
QUIET_KINDS = (MailKind.AUTO_REPLY, MailKind.RECEIPT, MailKind.CALENDAR)


def first_column(page: Path, heading: str) -> list[str]:
    """The words in backticks in the first column of the table under a heading."""
    section = read(page).partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


def quarantine_codes() -> set[str]:
    """Every code that a mail is quarantined with, as the code says it."""
    codes = {f"{kind.value}-unmatched" for kind in QUIET_KINDS}
    for path in (CHECKOUT / "gateway" / "triage").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            place = {"_quarantine": 1, "quarantine": 0, "quarantine_and_ask": 1, "_held_back": 1}.get(name)
            code = node.args[place] if place is not None and len(node.args) > place else None
            if isinstance(code, ast.Constant):
                codes.add(str(code.value))
    return codes


def test_every_quarantine_code_is_explained() -> None:
    written_as_a_name = {challenge.DENIED, "agent-unproven", "agent-unconfirmed", "spam"}
    assert set(QUARANTINE) == quarantine_codes() | written_as_a_name
    assert set(first_column(DOCS / "security.md", "What is quarantined")) == set(QUARANTINE)


def test_every_table_of_the_database_has_its_line() -> None:
    listed = first_column(DOCS / "storage.md", "What lies in the database") or re.findall(
        r"^\| `(\w+)` \|", read(DOCS / "storage.md"), re.MULTILINE
    )
    assert set(listed) == {table._meta.table_name for table in TABLES} | {"schema_migration"}


def test_every_state_of_a_mail_is_named() -> None:
    named = set(inline_code(DOCS / "storage.md"))
    wanted = {*map(str, LedgerState), *map(str, OutboxState), *(str(one) for one in Outcome if one)}
    assert wanted - named == set()


def test_every_filter_of_the_templates_is_explained() -> None:
    assert set(first_column(DOCS / "templates.md", "Writing one")) == set(FILTERS)
    named = set(inline_code(DOCS / "templates.md"))
    # d, count and e are short for others.
    assert set(_JINJA_FILTERS) - named <= {"d", "count", "e"}


def test_every_reason_to_hold_a_mail_is_explained() -> None:
    said = set(inline_code(DOCS / "operating.md"))
    calls = re.compile(r"reason=\"(\w+)\"")
    held = {code for path in (CHECKOUT / "gateway" / "delivery").glob("*.py") for code in calls.findall(read(path))}
    assert held
    assert held - said == set()


def test_the_parts_of_a_split_gateway_are_named() -> None:
    assert set(service.PARTS) - set(inline_code(DOCS / "operating.md")) == set()


def test_the_numbers_of_the_operating_page_are_those_of_the_code() -> None:
    page = read(DOCS / "operating.md")
    assert f"has waited for {WAITS_LONG_MINUTES} minutes" in page
    assert WAITS_TOO_LONG_MINUTES == 60
    assert "a queue has waited for an hour" in page
    assert QUARANTINE_LATE_WORKING_DAYS == 3
    assert "three working days" in page
    assert timers._BUNDLE_AT_LEAST == 10
    assert "Ten and more notices" in page
    assert f"| {service.NOTICE_FILES_BYTES // 1024 // 1024} MiB; the others are named" in page
    assert timers._TICK_SECONDS == 1.0
