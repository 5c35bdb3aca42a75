"""`gateway rules check` says everything that is wrong or odd at once, and ends as scripts need it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.commands import gateway

ODD = '\n[[rule]]\nname = "Odd"\nwhen.words = ["vpn", "vpn"]\nset.category = "x"\n'


def with_more(folder: Path, text: str) -> None:
    with (folder / "rules.toml").open("a") as rules:
        rules.write(text)


def test_a_warning_names_its_place_and_fails_only_where_it_is_asked_to(new_desk: Path) -> None:
    with_more(new_desk, ODD)
    done = gateway("rules", "check", cwd=new_desk, expect=0)
    assert "all as expected." in done.out
    assert 'when.words[2]: "vpn" stands there already (leave one out) [useless]' in done.err
    assert f"warning: {new_desk / 'rules.toml'}:" in done.err
    strict = gateway("rules", "check", "--strict", "--json", cwd=new_desk, expect=1).json
    assert {"line", "column", "key", "message", "suggestion", "lint", "file"} == set(strict["warnings"][0])
    assert "useless" in {one["lint"] for one in strict["warnings"]}
    assert strict["problems"] == []


def test_a_machine_reads_the_mistakes_of_a_broken_file_too(new_desk: Path) -> None:
    with_more(new_desk, ODD.replace("when.words", "when.wrods"))
    found = gateway("rules", "check", "--json", cwd=new_desk, expect=78).json["problems"]
    assert [(one["key"].partition(".")[2], one["suggestion"]) for one in found] == [
        ("when.wrods", 'did you mean "words"?')
    ]


def test_a_candidate_is_checked_where_it_lies_and_examples_wait_for_a_sound_file(new_desk: Path) -> None:
    candidate = new_desk / "new.toml"
    candidate.write_text((new_desk / "rules.toml").read_text() + ODD)
    assert "new.toml: " in gateway("rules", "check", "--rules", "new.toml", cwd=new_desk, expect=0).out
    candidate.write_text(candidate.read_text().replace('when.words = ["vpn"', 'when.category = ["vpn"'))
    told = gateway("rules", "check", "--rules", "new.toml", cwd=new_desk, expect=78).err
    assert "add what you want to the `set` of the rules that set category" in told
    assert "The examples wait until this is mended." in told


def test_many_warnings_of_a_kind_are_told_shortly(new_desk: Path) -> None:
    words = ", ".join(f'"w{number}", "w{number}"' for number in range(15))
    with_more(new_desk, ODD.replace('"vpn", "vpn"', words))
    done = gateway("rules", "check", cwd=new_desk, expect=0)
    assert "warning: 3 more of [useless]; --json shows all" in done.err


def test_the_schema_is_printed_for_editors(tmp_path: Path) -> None:
    schema = json.loads(gateway("rules", "schema", cwd=tmp_path, expect=0).out)
    assert schema["$schema"].endswith("2020-12/schema")
