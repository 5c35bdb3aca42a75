"""`gateway explain`: what a mail is and what would happen, without writing anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import CHECKOUT, gateway

# What other programs rely on (the issue that introduced the command names them).
KEYS = {
    *("kind", "auto_reply_ok", "would_acknowledge", "verdict", "subject", "from", "text", "reply_text"),
    *("attachments", "auth", "auth_trusted", "bounced", "ticket", "type", "category", "subcategory", "impact"),
    *("urgency", "priority", "team", "rules", "reasons"),
}
MAIL = (
    b"From: Erika <erika@example.com>\r\nTo: helpdesk@example.com\r\nSubject: My VPN =?utf-8?Q?l=C3=A4uft?= not\r\n"
    b"Message-ID: <1@example.com>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nIt drops.\r\n--b\r\n'
    b'Content-Type: text/plain; name="log.txt"\r\nContent-Disposition: attachment; filename="log.txt"\r\n\r\nabc\r\n'
    b"--b--\r\n"
)


def named(folder: Path, name: str, content: bytes = MAIL) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def state_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file of a folder with its time and content."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".sqlite-shm"
    }


def test_a_mail_is_one_line_of_json_with_every_key(new_desk: Path, tmp_path: Path) -> None:
    path = named(tmp_path, "a.eml")
    (record,) = gateway("explain", path, "--json", cwd=new_desk, expect=0).json_lines
    assert record.keys() >= KEYS
    assert (record["kind"], record["verdict"], record["would_acknowledge"]) == ("new", "accept", True)
    assert (record["subject"], record["from"]) == ("My VPN läuft not", "erika@example.com")
    assert record["attachments"] == [{"filename": "log.txt", "size": 3, "type": "text/plain"}]
    assert record["auth"] == {"spf": "", "dkim": "", "dmarc": ""}
    assert (record["category"], record["subcategory"], record["type"]) == ("network", "vpn", "incident")
    assert record["rules"]["category"]
    assert record["reasons"]
    assert record["ticket"] is None
    assert record["file"] == str(path)


def test_a_person_reads_what_it_is_what_happens_and_why(new_desk: Path, tmp_path: Path) -> None:
    said = gateway("explain", named(tmp_path, "a.eml"), cwd=new_desk, expect=0).out
    for words in ("a ticket opens", "erika@example.com", "log.txt (3 bytes)", "network/vpn", "Why", "| It drops."):
        assert words in said, said


def test_nothing_is_written_where_no_gateway_has_run(new_desk: Path, tmp_path: Path) -> None:
    before = state_of(new_desk)
    gateway("explain", named(tmp_path, "a.eml"), cwd=new_desk, expect=0)
    assert state_of(new_desk) == before
    assert not (new_desk / "storage").exists()


def test_nothing_is_written_where_one_has_run_and_its_tickets_are_known(desk_copy: Path, tmp_path: Path) -> None:
    before = state_of(desk_copy)
    ticket = gateway("ticket", "list", "--json", cwd=desk_copy).json[0]
    reply = MAIL.replace(b"Subject: My VPN", f"Subject: Re: [{ticket['ticket']}] My VPN".encode())
    reply = reply.replace(b"erika@example.com", ticket["requester"].encode())
    record = gateway("explain", named(tmp_path, "r.eml", reply), "--json", cwd=desk_copy, expect=0).json
    assert (record["action"], record["ticket"]) == ("append", ticket["ticket"])
    assert state_of(desk_copy) == before


def test_without_a_policy_the_shipped_rules_explain_and_say_so(tmp_path: Path) -> None:
    done = gateway("explain", named(tmp_path, "a.eml"), "--json", cwd=tmp_path, expect=0)
    assert done.json["category"] == "network"
    assert "the shipped rules explain" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["a.eml"]


def test_a_mail_comes_from_standard_input(new_desk: Path) -> None:
    assert gateway("explain", "-", "--json", cwd=new_desk, stdin=MAIL, expect=0).json["file"] == "-"


def test_several_files_are_explained_in_their_order_and_a_missing_one_is_named(new_desk: Path, tmp_path: Path) -> None:
    names = [tmp_path / "a.eml", tmp_path / "missing.eml", tmp_path, tmp_path / "b.eml"]
    named(tmp_path, "a.eml")
    named(tmp_path, "b.eml", b"")
    done = gateway("explain", *names, "--json", cwd=new_desk, expect=1)
    assert [record["file"] for record in done.json_lines] == [str(name) for name in names]
    assert ["error" in record for record in done.json_lines] == [False, True, True, False]
    text = gateway("explain", *names, cwd=new_desk, expect=1)
    assert f"{names[1]}: No such file" in text.err
    assert str(names[3]) in text.out


def test_each_path_from_standard_input_is_answered_as_it_comes(new_desk: Path, tmp_path: Path) -> None:
    path = named(tmp_path, "a.eml")
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-m", "gateway", "explain", "--json", "--files-from", "-"]
    with subprocess.Popen(command, cwd=new_desk, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for _ in range(2):
            child.stdin.write(f"{path}\n".encode())
            child.stdin.flush()
            # Without an end of its input it would wait for ever, and the test's own time limit would end this.
            assert b'"kind": "new"' in child.stdout.readline()
        child.stdin.close()
        assert child.wait(30) == 0


def test_paths_that_are_no_text_and_empty_lines_do_no_harm(new_desk: Path, tmp_path: Path) -> None:
    path = named(tmp_path, "a.eml")
    lines = b"/tmp/no\xff\xfesuch\n\r\n" + bytes(path) + b"\r\n"
    records = gateway("explain", "--json", "--files-from", "-", cwd=new_desk, stdin=lines, expect=1).json_lines
    assert ["error" in record for record in records] == [True, False]


@pytest.mark.parametrize("arguments", [("--files-from", "list.txt"), ("--files-from", "-", "-"), ()])
def test_contradictory_wishes_are_wrong_usage(new_desk: Path, arguments: tuple[str, ...]) -> None:
    gateway("explain", *arguments, cwd=new_desk, expect=2)


def test_a_database_that_is_away_is_said_and_the_mail_is_explained_all_the_same(new_desk: Path) -> None:
    env = {"GATEWAY_STORAGE_URL": "postgresql://gateway@127.0.0.1:1/gateway"}
    done = gateway("explain", "-", "--json", cwd=new_desk, stdin=MAIL, env=env, expect=0)
    assert "explained without what the desk knows" in done.err
    assert done.json["kind"] == "new"


def test_words_of_a_stranger_cannot_steer_the_terminal(new_desk: Path) -> None:
    evil = MAIL.replace(b"It drops.", b"\x1b[2JIt drops.\x07").replace(b"Erika <", b"\x1b[31mErika <")
    said = gateway("explain", "-", cwd=new_desk, stdin=evil, expect=0).out
    assert "\x1b" not in said
    assert "\x07" not in said


def test_a_terminal_without_the_letters_gets_its_answer_too(new_desk: Path) -> None:
    env = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    assert "My VPN l" in gateway("explain", "-", cwd=new_desk, stdin=MAIL, env=env, expect=0).out
    assert gateway("explain", "-", "--json", cwd=new_desk, stdin=MAIL, env=env).json["subject"] == "My VPN läuft not"
