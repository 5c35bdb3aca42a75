"""`gateway init`, `gateway check`, `gateway rules check`, and what every command says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli.app import app
from tests.cli.commands import CHECKOUT, gateway


def test_init_writes_a_desk_that_passes_its_own_check(tmp_path: Path) -> None:
    folder = tmp_path / "help desk"
    said = gateway("init", folder, expect=0).out
    assert f"gateway serve -C '{folder}'" in said
    assert {path.name for path in folder.iterdir()} == {
        *("gateway.toml", "rules.toml", ".rules.schema.json", "templates", "storage")
    }
    assert (folder / ".rules.schema.json").read_bytes() == (CHECKOUT / ".rules.schema.json").read_bytes()
    assert (folder / "rules.toml").read_bytes() == (CHECKOUT / "rules.toml").read_bytes()
    # A checkout's files may have been edited by whoever runs `make serve` there.
    assert f"copied from {CHECKOUT}, including your changes there" in said
    assert "ok" in gateway("check", cwd=folder, expect=0).out
    assert not list((folder / "storage").iterdir())


def test_init_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text("mine")
    done = gateway("init", tmp_path, expect=1)
    assert "rules.toml already" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["rules.toml"]


def test_init_says_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "can't write to" in gateway("init", tmp_path / "file" / "desk", expect=1).err


def test_a_check_finds_a_broken_template_and_a_wrong_example(new_desk: Path) -> None:
    (new_desk / "templates" / "answer.txt").write_text("Subject: x\n\n{{ nobody_knows_this }}\n")
    rules = (new_desk / "rules.toml").read_text()
    example = '[[example]]\nsubject = "Something else entirely"\nexpect = { category = "printing" }\n'
    (new_desk / "rules.toml").write_text(rules + example)
    done = gateway("check", "--json", cwd=new_desk, expect=1)
    told = [fact["text"] for fact in done.json["facts"] if not fact["good"]]
    assert any("answer.txt" in text and "nobody_knows_this" in text for text in told), told
    assert any("rules.toml" in text for text in told), told
    assert gateway("rules", "check", "--json", cwd=new_desk, expect=1).json["problems"]


def test_the_rules_are_counted_where_all_is_well(new_desk: Path) -> None:
    record = gateway("rules", "check", "--json", cwd=new_desk, expect=0).json
    assert record["problems"] == []
    assert f"{record['examples']} examples, all as expected" in gateway("rules", "check", cwd=new_desk, expect=0).out


def commands() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [(str(one.callback.__name__),) for one in app.registered_commands if one.callback]
    for group in app.registered_groups:
        assert group.typer_instance is not None
        for one in group.typer_instance.registered_commands:
            assert one.callback is not None
            name = one.name or one.callback.__name__
            found.append((str(group.name), name))
    return found


def test_every_command_says_what_it_does() -> None:
    for group in [app, *(one.typer_instance for one in app.registered_groups if one.typer_instance)]:
        for command in group.registered_commands:
            assert command.callback is not None
            assert command.callback.__doc__, command.callback


@pytest.mark.parametrize("command", [("serve",), ("explain",), ("quarantine", "delete"), ("mailbox", "import")])
def test_help_is_given_at_once(command: tuple[str, ...]) -> None:
    assert set(command) <= {word for one in commands() for word in one}
    said = gateway(*command, "--help", expect=0).out
    assert "Usage: gateway" in said
    assert "--folder" in said


def test_the_help_of_all_names_the_exit_codes() -> None:
    said = " ".join(gateway("-h", expect=0).out.split())
    assert "78 a file of yours is wrong" in said
