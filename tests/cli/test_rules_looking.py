"""`gateway rules explain`, `stats` and `suggest` as their readers see them, in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli.app import app
from gateway.parsing import Parser
from gateway.policy import parse_policy
from tests.desk.harness import DeskUnderTest

RULES = """
[desk]
address = "helpdesk@example.com"
own_domains = ["example.com"]
[[team]]
name = "desk"
[[agent]]
name = "Anna Agent"
address = "anna@example.com"
teams = ["desk"]
[[rule]]
name = "VPN"
when.words = ["vpn", "tunnel"]
set = { category = "network/vpn", urgency = "high" }
[[rule]]
name = "Boss"
when = { words = "vpn", from = "boss@example.com" }
set.impact = "high"
[[rule]]
name = "Night"
when.words = "outage"
stop = true
set.priority = "P1"
"""
MAIL = b"From: erika@example.com\r\nTo: helpdesk@example.com\r\nSubject: Trouble\r\n\r\nSince today my VPN is down.\r\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A desk with two tickets, one of them corrected, and a pair of rules."""
    place = tmp_path_factory.mktemp("rules")
    (place / "rules.toml").write_text(RULES)
    (place / "mail.eml").write_bytes(MAIL)
    (place / "storage").mkdir()
    parser = Parser(workers=1, parse_seconds=10, memory_bytes=512 * 1024 * 1024)
    desk = DeskUnderTest(
        f"sqlite:///{place / 'storage' / 'gateway.sqlite'}",
        parser=parser,
        scratch=place,
        policy=parse_policy(RULES),
        now=datetime.now(UTC) - timedelta(days=1),
    )
    desk.write("erika@example.com", "Since today my VPN is down.", subject="Trouble")
    desk.answer("anna@example.com", desk.last("anna@example.com"), "#category hosts")
    desk.write("dora@example.com", "A secret of Dora's", subject="Other")
    yield place
    parser.close()


def run(*arguments: str | Path, expect: int = 0, stdin: bytes = b"") -> str:
    done = CliRunner().invoke(app, ["rules", *map(str, arguments)], input=stdin)
    assert done.exit_code == expect, done.output
    return done.output


def record(*arguments: str | Path, stdin: bytes = b"") -> Any:
    return json.loads(run(*arguments, "--json", stdin=stdin))


def test_a_file_is_explained_with_the_words_marked(folder: Path) -> None:
    version = parse_policy(RULES).version
    assert (
        run("explain", folder / "mail.eml", "-C", folder)
        == f"""\
== {folder / "mail.eml"}
from erika@example.com: Trouble
Rules {version} of rules.toml

1. VPN: holds
   + words: vpn (1 of 2)
       body: Since today my [[VPN]] is down.
   sets category = network
   sets subcategory = vpn
   sets urgency = high
2. Boss: does not hold
   + words: vpn
       body: Since today my [[VPN]] is down.
   - from: boss@example.com (it is erika@example.com)
1 rule did not come near: Night
(--all shows them in full)

Fields
  type         incident  default
  category     network   rule “VPN”
  subcategory  vpn       rule “VPN”
  impact       medium    default
  urgency      high      rule “VPN”
  priority     P2        matrix: incident, impact medium, urgency high
  team         desk      default
"""
    )


def test_a_ticket_is_explained_with_what_was_decided_and_corrected(folder: Path, tmp_path: Path) -> None:
    told = run("explain", "INC-1001", "-C", folder)
    assert "of rules.toml, which decided it" in told
    assert "  category     network   rule “VPN”\n               since: anna@example.com" in told
    assert "hosts" in told and "Dora" not in told and "dora@" not in told
    candidate = tmp_path / "new.toml"
    candidate.write_text(RULES.replace('urgency = "high"', 'urgency = "low"'))
    told = run("explain", "1", "--rules", candidate, "-C", folder)
    assert "of new.toml; it was decided by " in told
    assert "  urgency      low       rule “VPN”\n               then: high, rule “VPN” of " in told


def test_machines_get_the_same(folder: Path) -> None:
    told = record("explain", "-", "-C", folder, stdin=MAIL)
    assert [one["outcome"] for one in told["rules"]] == ["holds", "near", "far"]
    (condition,) = told["rules"][0]["when"]
    (span,) = condition["found"]
    assert told["text"][span["start"] : span["end"]] == "VPN"
    assert told["matrix_cell"] == ["incident", "medium", "high"]
    stored = record("explain", "INC-1001", "-C", folder)["stored"]
    assert [(one["field"], one["value"], one["agent"]) for one in stored["corrections"]] == [
        ("category", "hosts", "anna@example.com"),
        ("subcategory", "", "anna@example.com"),
    ]


def test_an_agents_answer_is_no_mail_for_rules(folder: Path) -> None:
    assert "No rule is asked" in run("explain", "2", "-C", folder)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("nothing.eml", "nothing.eml: No such file or directory"),
        ("INC-4711", "there is no ticket INC-4711 that a mail has opened"),
        ("99", "there is no stored mail 99"),
    ],
)
def test_what_is_not_there_is_said(folder: Path, what: str, words: str) -> None:
    assert words in run("explain", what, "-C", folder, expect=1)


def test_a_desk_that_has_not_begun_has_no_stored_mail(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES)
    assert "no mail is stored here" in run("explain", "1", "-C", tmp_path, expect=1)


def test_stats_show_hits_corrections_and_what_never_hit(folder: Path) -> None:
    told = run("stats", "-C", folder)
    assert told.startswith("2 tickets, ")
    assert "no rule set anything: 1 (50 %)" in told
    assert "1\tVPN\t1\t" in told and "\t1 (100 %)\n" in told
    assert "2 rules have never hit: 2. Boss, 3. Night\n" in told
    counted = record("stats", "--since", "2d", "-C", folder)
    assert sum(counted["rules"][0]["hits_over_time"]) == 1 and len(counted["buckets"]) == 12
    assert counted["confusions"] == [
        {"field": "category", "rule": "VPN", "set": "network", "finally": "hosts", "tickets": 1}
    ]
    assert "write a day" in run("stats", "--since", "2999-01-01", "-C", folder, expect=2)


def test_with_little_to_learn_from_nothing_is_suggested(folder: Path) -> None:
    assert run("suggest", "-C", folder).startswith("No rule to propose from 1 ticket that agents have settled since ")
    assert record("suggest", "-C", folder)["proposals"] == []
