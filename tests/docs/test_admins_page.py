"""docs/admins.md: its pieces make one file, and what its tables say comes of them, comes of them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from gateway.cli.app import app
from gateway.parsing import Parser
from gateway.policy import Policy, parse_policy
from gateway.ticket import Role
from gateway.triage.classify import check_examples
from gateway.triage.facts import DutyFacts
from gateway.triage.routing import Matter, given
from gateway.triage.telling import delay_of
from tests.desk.harness import DeskUnderTest
from tests.docs.pages import CHECKOUT, Block, blocks, read
from tests.docs.test_toml_snippets import RULES, completed, snippets

PAGE = CHECKOUT / "docs" / "admins.md"
BERLIN, UTC = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
MAIL = b"From: erika@example.com\r\nTo: helpdesk@example.com\r\nSubject: VPN drops every hour\r\n\r\nPlease help.\r\n"
FILES = (".toml", ".eml")
Row = tuple[str, ...]


def here(language: str) -> list[Block]:
    return [block for block in blocks(language) if block.page == PAGE]


def policy_with(words: str) -> Policy:
    """The piece of the page in which these words stand."""
    (block,) = [one for one in snippets(RULES) if one.page == PAGE and words in one.text]
    return parse_policy(completed(block.text))


def rows(name: str, columns: int) -> list[Row]:
    table = read(PAGE).partition(f"<!-- {name}: a test reads this table -->\n\n")[2].partition("\n\n")[0]
    found = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table.splitlines()[2:]]
    assert found
    assert {len(row) for row in found} == {columns}
    return found


def moment(text: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(text[:16]).replace(tzinfo=zone)


def whole() -> str:
    return "\n".join(block.text for block in here("toml"))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The folder of the example company, with a ticket in its database."""
    (tmp_path / "rules.toml").write_text(whole(), encoding="utf-8")
    (beside,) = here("csv")
    (tmp_path / "people.csv").write_text(beside.text, encoding="utf-8")
    (tmp_path / "mail.eml").write_bytes(MAIL)
    (tmp_path / "storage").mkdir()
    parser = Parser(workers=1, parse_seconds=10, memory_bytes=512 * 1024 * 1024)
    policy = parse_policy(whole(), str(tmp_path / "rules.toml"))
    url = f"sqlite:///{tmp_path / 'storage' / 'gateway.sqlite'}"
    now = datetime.now(UTC) - timedelta(days=1)
    desk = DeskUnderTest(url, parser=parser, scratch=tmp_path, policy=policy, now=now)
    desk.write("erika@example.com", "Please help.", subject="VPN drops every hour")
    yield tmp_path
    parser.close()


def test_all_the_pieces_may_stand_in_one_file(tmp_path: Path) -> None:
    (beside,) = here("csv")
    (tmp_path / "people.csv").write_text(beside.text, encoding="utf-8")
    policy = parse_policy(whole(), str(tmp_path / "rules.toml"))
    assert [str(problem) for problem in check_examples(policy)] == []
    assert [team.name for team in policy.tiers_above("desk")] == ["network"]
    assert [agent.name for agent in policy.admins] == ["Anna Agent"]
    assert policy.language_of("pierre.paye@example.com") == "fr"


@pytest.mark.parametrize("row", rows("given", 5), ids=str)
def test_a_ticket_goes_to_whom_the_page_says(row: Row) -> None:
    opens, about, last, away, goes_to = row
    topic, _, priority = about.rpartition(" ")
    category, _, subcategory = topic.partition("/")
    turns = {("network", f"{last.lower()}@example.com"): 1} if last else {}
    found = given(
        Matter(team="network", priority=priority, category=category, subcategory=subcategory),
        policy_with("[[rota]]"),
        DutyFacts(turns=turns),
        {f"{away.lower()}@example.com": True} if away else {},
        moment(opens, BERLIN),
    )
    name = found.agent.name.split()[0] if found else "nobody"
    assert name == re.split(r"[, ]", goes_to)[0]


@pytest.mark.parametrize(("ticket", "asks_for"), rows("required", 2))
def test_a_ticket_asks_for_what_the_page_says_before_it_ends(ticket: str, asks_for: str) -> None:
    kind, priority, _, category = ticket.split()
    facts = policy_with("[[closing.require]]").closing.required(kind, priority, category, "desk")
    assert ", ".join(fact.removeprefix("fields.") for fact in facts) == asks_for.replace("nothing", "")


@pytest.mark.parametrize(("event", "priority", "leaves"), rows("told", 3))
def test_a_mail_leaves_when_the_page_says(event: str, priority: str, leaves: str) -> None:
    found = delay_of(
        event.split()[2],
        {},
        role=Role.AGENT,
        priority=priority,
        reader="anna.berger@example.com",
        policy=policy_with("quiet_hours"),
        now=moment(event, UTC),
    )
    assert (f"{found[0]:%Y-%m-%d %H:%M}" if found else "at once") == leaves


def test_what_the_page_types_runs_and_says_what_the_page_shows(folder: Path) -> None:
    said = ""
    for block in here("sh"):
        for line in block.text.splitlines():
            program, *words = [str(folder / word) if word.endswith(FILES) else word for word in line.split()]
            if program != "gateway":
                source, target = words
                if program == "cp":
                    shutil.copyfile(source, target)
                else:
                    assert program == "mv"
                    Path(source).replace(target)
                continue
            done = CliRunner().invoke(app, [*words, "-C", str(folder)])
            assert done.exit_code == 0, f"{line}: {done.output}"
            said += done.output
    (shown,) = here("text")
    assert shown.text in said
    assert not (folder / "new.toml").exists()
