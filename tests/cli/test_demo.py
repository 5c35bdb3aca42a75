"""`gateway demo`: the whole story, from anywhere, leaving nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.cli.commands import CHECKOUT, gateway


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_the_story_goes_as_it_is_written_and_leaves_nothing_behind(tmp_path: Path) -> None:
    temporary, cwd = tmp_path / "tmp", tmp_path / "cwd"
    temporary.mkdir()
    cwd.mkdir()
    done = gateway("demo", cwd=cwd, env={"TMPDIR": str(temporary)}, expect=0)
    assert leftovers(temporary) == leftovers(cwd) == []
    assert done.err == ""
    story, _, decisions = done.out.partition("What was decided, and why")
    assert "Erika Example → Help Desk" in story
    assert "[INC-1001]" in story
    assert "[REQ-1002]" in story
    # What the out-of-office causes: nothing.
    assert story.count("The desk sends nothing.") == 1
    assert "auto-reply" in decisions
    assert "a reply to a resolved ticket reopens it" in " ".join(decisions.split())
    assert "the ticket stays resolved" in " ".join(decisions.replace("│", "").split())
    assert "Nothing was lost and nothing happened twice" in decisions


def test_what_agents_say_among_themselves_is_never_shown_to_the_requester() -> None:
    story = gateway("demo", expect=0).out
    note = story.index("Bea leaves a note")
    scene = story[note : story.index("6/10")]
    assert "Bea Berger via Help Desk → Alex Agent" in scene
    assert "→ Erika" not in scene


def test_it_fits_into_a_narrow_terminal() -> None:
    done = gateway("demo", env={"COLUMNS": "60"}, expect=0)
    assert max(map(len, done.out.splitlines())) <= 60


def test_an_admins_own_settings_do_not_disturb_it(tmp_path: Path) -> None:
    gateway("demo", cwd=tmp_path, env={"GATEWAY_SMTP_PORT": "1", "GATEWAY_NONSENSE": "1"}, expect=0)


def test_without_room_for_its_folder_it_says_so(tmp_path: Path) -> None:
    code = "import tempfile, sys; tempfile.tempdir = '/nowhere'; from gateway.cli.demonstration import play as p; "
    code += "sys.exit(p())"
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run([sys.executable, "-c", code], env=environ, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "no temporary folder can be made" in done.stderr
    assert "Traceback" not in done.stderr


def test_when_it_is_stopped_it_leaves_nothing_behind(tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT), "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    child = subprocess.Popen(
        [sys.executable, "-m", "gateway", "demo"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with child:
        assert child.stdout is not None
        while b"1/10" not in child.stdout.readline():
            assert child.poll() is None
        child.send_signal(signal.SIGTERM)
        rest = child.stdout.read()
        errors = child.stderr.read() if child.stderr else b""
        assert child.wait(40) == 130
    assert b"Nothing is left behind" in rest
    assert b"Traceback" not in errors
    assert leftovers(tmp_path) == []
