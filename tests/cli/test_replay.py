"""`gateway rules replay`: what other rules would have made of the mail that is stored."""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import typer

from gateway.cli.replay import moment_of
from gateway.cli.replay_page import page
from gateway.cli.replay_words import percent, verdict
from gateway.replay import Period, Replay
from gateway.ticket import Authority, Field, FieldValue
from gateway.triage.replay import Replayed, Treatment, compare
from tests.cli.commands import gateway
from tests.cli.test_explain import state_of

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
RULE = """
[[rule]]
name = "Erika goes first"
when = { words = "vpn", from = "erika@example.com" }
set = { category = "tunnels" }
override = true
"""
WRONG_EXAMPLE = '[[example]]\nsubject = "Hello"\nexpect = { category = "tunnels" }\n'


def test_an_admin_tries_a_change_on_the_mail_of_the_last_month(lived_in: Path, tmp_path: Path) -> None:
    before = state_of(lived_in)
    assert "\nNothing differs.\n" in gateway("rules", "replay", cwd=lived_in, expect=0).out
    candidate, written = tmp_path / "new.toml", tmp_path / "new.html"
    candidate.write_text((lived_in / "rules.toml").read_text(encoding="utf-8") + RULE, encoding="utf-8")
    tried = ("rules", "replay", "--since", "30d", "--rules", candidate)
    said = gateway(*tried, "--html", written, "--json", cwd=lived_in, expect=0)
    assert said.err == ""  # no bar where a machine reads
    assert "Erika goes first" in written.read_text(encoding="utf-8")
    found = said.json
    (row,) = found["rows"]
    assert (row["sender"], row["subject"], row["standing"]) == ("erika@example.com", "My VPN is down", "other")
    changed = {one["field"]: (one["before"], one["after"], one["after_by"]) for one in row["changes"]}
    assert changed["category"] == ("network", "tunnels", "Erika goes first")
    assert (found["mails"], found["tickets"], found["changed"]) == (4, 2, 1)
    assert found["rules"]["file"] == str(candidate)
    assert sum(found["against"]["versions"].values()) == 4
    assert state_of(lived_in) == before


def test_a_broken_candidate_is_refused_with_its_mistakes(lived_in: Path, tmp_path: Path) -> None:
    candidate = tmp_path / "new.toml"
    candidate.write_text('[desk]\naddress = "helpdesk@example.com"\n[[rule]]\nname = "x"\nwhen.word = "y"\n')
    said = gateway("rules", "replay", "--rules", candidate, cwd=lived_in, expect=78)
    assert f"{candidate}:5" in said.err
    assert said.out == ""


def test_a_check_of_the_rules_fails_where_a_field_falls(desk_copy: Path) -> None:
    with sqlite3.connect(next(desk_copy.rglob("gateway.sqlite"))) as database:
        database.execute("UPDATE ticket SET status = 'closed'")
        database.execute("UPDATE message SET author_role = 'agent'")
    rules = desk_copy / "rules.toml"
    rules.write_text(rules.read_text(encoding="utf-8") + RULE + WRONG_EXAMPLE, encoding="utf-8")
    said = gateway("rules", "replay", "--fail-if-worse", cwd=desk_copy, expect=1)
    assert "1 worse (0 against an agent’s correction)" in said.out
    assert re.search(r"category\t1\t2\t100\.0 %\t50\.0 % ↓", said.out)
    assert "1 example is wrong: a running gateway would refuse this file." in said.err
    assert "“Erika goes first”" in said.out


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30d", datetime(2026, 1, 31, 9, tzinfo=UTC)),
        ("2w", datetime(2026, 2, 16, 9, tzinfo=UTC)),
        ("12h", datetime(2026, 3, 1, 21, tzinfo=UTC)),
        ("2026-02-01", datetime(2026, 1, 31, 23, tzinfo=UTC)),
        ("2026-02-01T08:00Z", datetime(2026, 2, 1, 8, tzinfo=UTC)),
    ],
)
def test_a_period_begins_by_the_clock_where_the_desk_is(text: str, moment: datetime) -> None:
    assert moment_of(text, "--since", now=NOW, zone=ZoneInfo("Europe/Berlin")) == moment


@pytest.mark.parametrize("text", ["", "soon", "30", "-3d", "0001-01-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="write 30d"):
        moment_of(text, "--since", now=NOW, zone=ZoneInfo("Europe/Berlin"))


def test_not_all_is_never_a_hundred_percent() -> None:
    assert (percent(9999, 10000), percent(3, 3), percent(0, 7), percent(0, 0)) == ("99.9 %", "100.0 %", "0.0 %", "")


HOSTILE = '<script>alert("x")</script><img src=x onerror=a()>&amp;‮'


def hostile_replay() -> Replay:
    def treatment(team: str, action: str = "open") -> Treatment:
        value = FieldValue(field=Field.TEAM, value=team, authority=Authority.RULE, rule=HOSTILE)
        return Treatment(action=action, values=(value,), why=HOSTILE)

    def mail(now: str) -> Replayed:
        return Replayed(
            ledger=1,
            arrived_at=NOW,
            sender=HOSTILE,
            subject=HOSTILE,
            ticket="INC-1",
            before=treatment(HOSTILE),
            after=treatment("b", now),
        )

    return Replay(
        period=Period(since=NOW, until=NOW),
        before={HOSTILE: 1},
        before_file="",
        after="v",
        after_file=HOSTILE,
        mails_stored=2,
        trust_unknown=1,
        seconds=1.0,
        report=compare([mail("open"), mail("quarantine")]),
    )


class Tags(HTMLParser):
    """Which elements and attributes a page has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_the_page_holds_nothing_that_a_stranger_wrote_as_html_and_nothing_from_elsewhere() -> None:
    text = page(hostile_replay(), ZoneInfo("UTC"))
    found = Tags(text)
    assert not found.names & {"script", "img", "link", "iframe", "a"}
    assert not {name for name in found.attributes if name.startswith("on")} | found.attributes & {"src", "href"}
    assert "&lt;script&gt;" in text
    assert "\u202e" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert verdict(hostile_replay().report) in text
