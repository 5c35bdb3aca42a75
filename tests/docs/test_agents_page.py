"""docs/agents.md: each command on it is one, each mail on it does what it says, and the card fits one printed page."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from gateway.compose import CannedAnswers
from gateway.parsing import Parser
from gateway.policy import Policy, parse_policy
from gateway.store.states import Outcome
from gateway.ticket import Status
from gateway.triage.commands import COMMANDS, run_commands
from gateway.triage.desk_commands import DESK_COMMANDS, DeskWork, run_desk_commands
from gateway.triage.facts import OwnedTicket
from gateway.triage.grammar import CommandLine, command_lines
from gateway.triage.orders import read_orders
from gateway.triage.work import Refusal, Work
from tests.desk.harness import DeskUnderTest, Sent, policy_of, shipped_templates
from tests.docs.pages import CHECKOUT, Block, blocks, inline_code, read, shown
from tests.docs.regenerate import CARD, PIPE
from tests.servers.prepared import sqlite_url
from tests.triage.values import NOW, ticket

__all__ = ["sqlite_url"]

PAGE = CHECKOUT / "docs" / "agents.md"
ERIKA, ANNA, BEN, NORA = "erika@example.com", "anna@example.com", "ben@example.com", "nora@example.com"
PROVEN = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}
KINDS = {"reply", "mail", "list", "facts", "undo"}
# Not commands: what one looks like, and what is none.
SHAPES = ("#", "#word", "# 1", "#12")
# What stands for an argument in the usages and sentences of the page, and arguments that it stands for.
STANDS_FOR = {
    "… until": "vendor until Friday",
    "NAME=VALUE": "host=srv1",
    "NAME|TEAM": "ben",
    "#code NAME": "#code fixed",
    "#code …": "#code fixed",
    "FROM TO": "nora ben",
    "NAME": "ben",
    "[until DAY]": "until Friday",
    "DAY": "Friday",
    "[a@b]": "dora@example.com",
    "a@b": "dora@example.com",
    "[text]": "It works again.",
    "[reason]": "it needs the firewall's log",
    "host=…": "host=srv1",
    " …": " it was the switch",
    " text": " Use the web mail.",
}
# About an earlier mail of the agent's, which a story has (`tests/desk/test_undo.py`, `test_held_mails.py`).
ABOUT_A_MAIL = ("undo", "send")
# A4 with usual margins, letters of nine points; what stands before a row's commands takes a fifth of the width.
PAGE_LINES, LINE_CHARS, CELL_CHARS = 62, 118, 95
MORE = """
[[sla]]
name = "All"
resolution = "8h"
[closing]
codes = ["fixed", "no-fault-found"]
[[closing.require]]
facts = ["cause", "code", "fields.host"]
category = "servers"
"""


def mails(*kinds: str) -> list[Block]:
    return [block for block in blocks(*kinds) if block.page == PAGE or shown(block.page) == "README.md"]


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    pool = Parser(workers=1, parse_seconds=10, memory_bytes=512 * 1024 * 1024)
    yield pool
    pool.close()


@pytest.fixture
def desk(sqlite_url: str, parser: Parser, tmp_path: Path) -> DeskUnderTest:
    return DeskUnderTest(sqlite_url, parser=parser, scratch=tmp_path, policy=desk_policy())


@cache
def desk_policy() -> Policy:
    """The desk of the harness with a next tier, due times, closing codes and what has to be known of servers."""
    text = policy_of(more=MORE).text
    first = 'name = "desk"\n'
    return parse_policy(text.replace(first, f'{first}leads = ["ben"]\nescalates_to = "network"\n', 1), "rules.toml")


def notice(desk: DeskUnderTest) -> Sent:
    desk.write(f"Erika Muster <{ERIKA}>", "It drops since this morning.")
    return desk.last(ANNA, "new_ticket")


# --- the card ---


def card() -> str:
    return read(PAGE).partition("\n## The card\n")[2].partition("\n## ")[0]


def test_the_card_has_every_command_once() -> None:
    usages = re.findall(r"(?:<br>|^\| \*\*.*\*\* \| )`#([a-z]+)", card(), re.MULTILINE)
    assert sorted(usages) == sorted({*usages})
    placed = " ".join(CARD.values()).split()
    assert sorted(placed) == sorted(COMMANDS | DESK_COMMANDS) == sorted(usages)


def test_the_card_fits_one_printed_page() -> None:
    printed = 0
    for line in re.sub(r"<!--.*?-->", "", card()).splitlines():
        if line.startswith("| "):
            cells = [cell.replace("\\|", "|").replace("`", "") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            printed += sum(max(1, len(textwrap.wrap(entry, CELL_CHARS))) for entry in cells[1].split("<br>"))
        else:
            printed += len(textwrap.wrap(line, LINE_CHARS))
    assert printed <= PAGE_LINES


# --- the examples ---


def test_every_example_says_what_kind_of_mail_it_is() -> None:
    here = [block for block in blocks() if block.page == PAGE]
    assert [str(block) for block in here if block.language not in KINDS] == []
    assert {block.language for block in here} == KINDS


@pytest.mark.parametrize("block", mails("reply"), ids=str)
def test_a_reply_on_the_page_is_carried_out_as_a_whole(desk: DeskUnderTest, block: Block) -> None:
    row = desk.answer(ANNA, notice(desk), block.text)
    assert row.outcome == Outcome.APPENDED
    assert desk.inbox(ANNA, "question") == []
    (heard,) = [one for one in desk.inbox(ERIKA) if one.notice in ("answer", "resolution")]
    new = heard.text.partition("wrote:\n>")[0]
    assert not command_lines(new)
    _, _, note = block.text.partition("#note\n")
    assert not note or note.strip() not in heard.text
    assert desk.audit() == []


@pytest.mark.parametrize("block", mails("mail"), ids=str)
def test_a_new_mail_on_the_page_does_what_it_says(desk: DeskUnderTest, block: Block) -> None:
    notice(desk)
    desk.answer(ANNA, desk.last(ANNA), "#take")
    row = desk.write(ANNA, block.text, subject="A word to the desk", headers=PROVEN)
    (first, *_) = command_lines(block.text)
    if first.name == "requester":
        assert row.outcome == Outcome.OPENED
        assert desk.ticket(1002)["requester"] == first.argument
        return
    assert row.outcome in (Outcome.FILED, Outcome.COMMANDED)
    answers = [one for one in desk.inbox(ANNA) if one.notice in ("listing", "result")]
    assert answers
    assert "Nothing was done" not in answers[-1].text
    if first.name == "handover":
        assert desk.ticket(1001)["assignee"] == BEN


@pytest.mark.parametrize("block", mails("list"), ids=str)
def test_a_list_is_answered_as_on_the_page(desk: DeskUnderTest, block: Block) -> None:
    for number in range(1, 8):
        desk.write(ERIKA, f"Device {number} is broken. Please help.", subject=f"Device {number} is broken")
    desk.write(ANNA, "#list team", subject="list")
    desk.answer(ANNA, desk.last(ANNA, "listing"), block.text)
    told = [line[2:] for line in desk.last(ANNA, "result").text.splitlines() if line.startswith("- ")]
    orders, others = read_orders(block.text, desk.policy, COMMANDS)
    assert others == ()
    numbers = [number for order in orders for number in order.numbers]
    assert [line.partition(":")[0] for line in told] == [f"{number} · INC-{1000 + number}" for number in numbers]
    assert desk.ticket(1001)["status"] == "resolved"
    assert desk.ticket(1002)["assignee"] == BEN
    assert desk.ticket(1003)["priority"] == "P1"
    assert desk.ticket(1006)["assignee"] == ANNA
    assert desk.ticket(1007)["status"] == "on_hold"


@pytest.mark.parametrize("block", mails("facts"), ids=str)
def test_the_answer_to_the_question_for_facts_ends_the_ticket(desk: DeskUnderTest, block: Block) -> None:
    desk.answer(ANNA, notice(desk), "#category servers\n#resolve It runs again.")
    assert desk.ticket()["status"] == "new"
    desk.answer(ANNA, desk.last(ANNA, "question"), block.text)
    assert desk.ticket()["status"] == "resolved"
    assert "It runs again." in desk.last(ERIKA, "resolution").text
    assert "rack 4" not in "".join(one.text for one in desk.inbox(ERIKA))


@pytest.mark.parametrize("block", mails("undo"), ids=str)
def test_the_last_mail_is_taken_back_as_on_the_page(desk: DeskUnderTest, block: Block) -> None:
    desk.answer(ANNA, notice(desk), "#priority P1")
    assert desk.ticket()["priority"] == "P1"
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), block.text)
    assert desk.ticket()["priority"] == "P3"


# --- what stands between backticks ---


def inline() -> list[str]:
    return sorted({code for code in inline_code(PAGE) if code.startswith("#") and code not in SHAPES})


USAGES = {str(row.usage) for row in (DESK_COMMANDS | COMMANDS).values()}


def lines_of(code: str) -> Iterator[CommandLine]:
    """A command as it could be typed, once for each choice that the usage gives."""
    code = code.replace(PIPE, "|")
    for shape, words in STANDS_FOR.items():
        code = code.replace(shape, words)
    choices = next((word for word in code.split() if "|" in word), "")
    for choice in choices.split("|"):
        yield from command_lines(code.replace(choices, choice) if choices else code)


def works() -> Iterator[Work]:
    """Tickets of every status, with an agent who may do all."""
    policy = desk_policy().with_answers(CannedAnswers(shipped_templates()))
    agent = policy.agent_of(ANNA)
    assert agent is not None
    others = tuple(ticket(number) for number in (7, 9, 12))
    owned = tuple(
        OwnedTicket(owner=who, number=number, token=f"INC-{number}") for who, number in ((ANNA, 7), (NORA, 9))
    )
    for status in Status:
        one = ticket(status=status, tags=("printer",))
        yield Work(ticket=one, others=others, policy=policy, agent=agent, now=NOW, owned=owned)


@pytest.mark.parametrize("code", inline())
def test_every_command_in_the_text_can_be_typed(code: str) -> None:
    lines = list(lines_of(code))
    assert lines
    for line in lines:
        assert line.name in COMMANDS | DESK_COMMANDS
        if line.name in ABOUT_A_MAIL or code not in USAGES and not line.argument:
            # A sentence may name a command without all that belongs to it.
            continue
        found = [run_commands(work, [line]) for work in works() if line.name in COMMANDS]
        here = [one.why for one in found if isinstance(one, Refusal)]
        assert len(here) < len(Status), (line.raw, [str(why) for why in here])
        if line.name in DESK_COMMANDS:
            work = next(works())
            asked = DeskWork(policy=work.policy, agent=work.agent, now=NOW, tickets=work.others, owned=work.owned)
            assert run_desk_commands(asked, [line])[1] == []


def test_the_numbers_of_the_page_are_the_defaults() -> None:
    policy = policy_of()
    options = policy.desk.model_dump() | policy.closing.model_dump()
    said = re.findall(r"(\d+) [a-z ]+\(`(\w+)`\)", read(PAGE))
    assert [(name, int(number)) for number, name in said] == [(name, options[name]) for _, name in said]
    assert len(said) == 5
