"""Every TOML snippet on the pages is read by the loader that reads the real file, and its examples come true."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.policy import parse_policy
from gateway.settings import load_settings
from gateway.settings.environment import mailbox_variable
from gateway.triage.classify import check_examples
from tests.docs.pages import CHECKOUT, Block, blocks, read

RULES, SETTINGS = "# rules.toml", "# gateway.toml"
# What a snippet of rules.toml leaves to the file that it is pasted into.
REST = {
    "desk": '[desk]\naddress = "helpdesk@example.com"\nown_domains = ["example.com"]\n',
    "team": '[[team]]\nname = "desk"\n',
    "agent": '[[agent]]\nname = "Anna Berger"\naddress = "anna.berger@example.com"\n',
}


def snippets(first_line: str) -> list[Block]:
    return [block for block in blocks("toml") if block.text.startswith(first_line)]


def completed(text: str) -> str:
    given = tomllib.loads(text)
    return "".join(rest + "\n" for name, rest in REST.items() if name not in given) + text


def test_every_snippet_says_which_file_it_is_for() -> None:
    silent = [str(block) for block in blocks("toml") if not block.text.startswith((RULES, SETTINGS))]
    assert silent == []
    assert snippets(RULES)
    assert snippets(SETTINGS)


@pytest.mark.parametrize("block", snippets(RULES), ids=str)
def test_snippets_of_rules_are_read_and_their_examples_come_true(block: Block, tmp_path: Path) -> None:
    # What a snippet takes from a file beside it stands on the same page.
    for beside in (one for one in blocks("csv") if one.page == block.page):
        (tmp_path / "people.csv").write_text(beside.text, encoding="utf-8")
    policy = parse_policy(completed(block.text), str(tmp_path / "rules.toml"))
    assert [str(problem) for problem in check_examples(policy)] == []


@pytest.mark.parametrize("block", snippets(SETTINGS), ids=str)
def test_snippets_of_settings_are_read(block: Block, tmp_path: Path) -> None:
    text = block.text
    (tmp_path / "gateway.toml").write_text(text, encoding="utf-8")
    given = tomllib.loads(text)
    # The passwords lie in files of a real machine.
    names = [f"MAILBOX_{mailbox_variable(box['name'])}" for box in given.get("mailbox", [])]
    names += [name.upper() for name in ("storage", "relay") if "password_file" in given.get(name, {})]
    variables = {f"GATEWAY_{name}_PASSWORD": "secret" for name in names if "oauth = " not in text}
    # So do the secrets of apps.
    with_secret = [name for name, one in given.get("oauth", {}).items() if "client_secret_file" in one]
    variables |= {f"GATEWAY_OAUTH_{mailbox_variable(name)}_CLIENT_SECRET": "secret" for name in with_secret}
    settings = load_settings(tmp_path, variables)
    assert settings.folder == tmp_path


def test_a_mistake_is_told_as_the_page_shows_it() -> None:
    rule = '[[rule]]\nname = "VPN"\nwhen.words = ["vpn"]\nset = { category = "network/vpn", team = "netwrok" }\n'
    with pytest.raises(ConfigurationError) as error:
        parse_policy("".join(REST.values()) + '[[team]]\nname = "network"\n' + rule)
    assert f"```\n{error.value}\n```" in read(CHECKOUT / "docs" / "rules.md")


def test_the_first_rule_of_the_readme_works_above_the_shipped_rules() -> None:
    block = next(block for block in snippets(RULES) if "Coffee machine" in block.text)
    shipped = read(CHECKOUT / "rules.toml")
    head, rule, tail = shipped.partition("\n[[rule]]")
    policy = parse_policy(f"{head}\n{block.text}{rule}{tail}")
    assert policy.rules[0].name == "Coffee machine"
    assert [str(problem) for problem in check_examples(policy)] == []
