"""`gateway answers list`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.commands import gateway


def test_canned_answers_are_listed_with_their_languages(tmp_path: Path) -> None:
    gateway("init", tmp_path, expect=0)
    folder = tmp_path / "templates" / "answers"
    (folder / "fixed.txt").write_text("It works again.")
    listed = gateway("answers", "list", "--json", cwd=tmp_path, expect=0).json
    found = {row["name"]: row["languages"] for row in listed}
    assert found["fixed"] == ["en"]
    assert found["vpn-reset"] == ["de", "en", "es", "fr", "pt"]
    assert "vpn-reset" in [row["name"] for row in gateway("answers", "list", cwd=tmp_path, expect=0).rows]
    (folder / "fixed.txt").write_text("It works again, {{ requster.name }}.")
    told = gateway("check", cwd=tmp_path)
    assert told.code != 0
    assert "did you mean requester?" in told.out + told.err
