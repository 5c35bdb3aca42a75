"""`gateway agent`: who is there, and saying that somebody is away or back."""

from __future__ import annotations

from pathlib import Path

from tests.cli.commands import gateway


def test_an_operator_sees_and_says_who_is_away(desk_copy: Path) -> None:
    first = gateway("agent", "list", "--json", cwd=desk_copy, expect=0).json
    name = first[0]["agent"]
    assert {"agent", "name", "address", "teams", "state", "until", "on_call", "open"} <= set(first[0])
    assert first[0]["state"] in ("at work", "off")
    said = gateway("agent", "away", name, "until", "2", "weeks", "--json", cwd=desk_copy, expect=0).json
    assert said["agent"] == name
    listed = gateway("agent", "list", cwd=desk_copy, expect=0).rows
    assert (listed[0]["agent"], listed[0]["state"]) == (name, "away")
    assert listed[0]["until"] == f"{said['until'][:10]} {said['until'][11:19]}Z"
    assert "is back" in gateway("agent", "back", name, cwd=desk_copy, expect=0).out
    assert "was not away" in gateway("agent", "back", name, cwd=desk_copy, expect=1).out
    gateway("audit", cwd=desk_copy, expect=0)


def test_a_day_that_is_not_understood_and_an_unknown_agent_are_told(desk_copy: Path) -> None:
    name = gateway("agent", "list", "--json", cwd=desk_copy, expect=0).json[0]["agent"]
    wrong = gateway("agent", "away", name, "until", "soon", cwd=desk_copy, expect=1)
    assert f"what would fit: gateway agent away {name} until 2" in wrong.err
    assert "there is no agent" in gateway("agent", "back", "nobody", cwd=desk_copy, expect=2).err
