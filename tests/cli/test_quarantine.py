"""`gateway quarantine`: what it shows, what it does, and what it never does twice."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.cli.commands import gateway


def rows(folder: Path, *arguments: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = gateway("quarantine", "list", "--json", *arguments, cwd=folder, expect=0).json
    return found


def number(folder: Path, reason: str) -> str:
    return str(next(row["id"] for row in rows(folder) if row["reason"] == reason))


@pytest.mark.parametrize(
    ("arguments", "reasons"),
    [
        ((), {"own-mail", "auto-reply-unmatched"}),
        (("--reason", "own-mail"), {"own-mail"}),
        (("--sender", "away@example.net"), {"auto-reply-unmatched"}),
        (("--sender", "example.net"), {"auto-reply-unmatched"}),
        (("--sender", "net"), {"auto-reply-unmatched"}),
        (("--sender", "way@example.net"), set()),
        (("--since", "1h"), {"own-mail", "auto-reply-unmatched"}),
        (("--since", "2999-01-01"), set()),
    ],
)
def test_a_list_can_be_narrowed(lived_in: Path, arguments: tuple[str, ...], reasons: set[str]) -> None:
    assert {row["reason"] for row in rows(lived_in, *arguments)} == reasons


def test_a_wrong_reason_and_a_wrong_day_are_said_to_be_wrong(lived_in: Path) -> None:
    assert "own-mail" in gateway("quarantine", "list", "--reason", "own", cwd=lived_in, expect=2).err
    assert "7d" in gateway("quarantine", "list", "--since", "soon", cwd=lived_in, expect=2).err


def test_one_mail_is_shown_with_all_that_a_person_needs(lived_in: Path) -> None:
    shown = gateway("quarantine", "show", number(lived_in, "auto-reply-unmatched"), cwd=lived_in, expect=0).out
    for words in (
        "auto-reply-unmatched, an automatic reply that answers none of our mails",
        "What to do: delete it",
        "away@example.net (nothing proves it)",
        "1 in To, 0 in Cc",
        "peer:",
        "message id:",
        "digest:",
        "| It does not work.",
        "A release would open a ticket in team desk",
        "Acknowledgement: no, mail out of quarantine is not acknowledged",
    ):
        assert words in " ".join(shown.split()), words
    assert gateway("quarantine", "show", "99", cwd=lived_in, expect=1).err.startswith("mail 99 is not in quarantine")


def test_a_release_can_be_tried_and_is_done_once(desk_copy: Path) -> None:
    one = number(desk_copy, "own-mail")
    tried = gateway("quarantine", "release", one, "99", "--dry-run", cwd=desk_copy, expect=1).out
    assert f"{one}: A release would open a ticket" in tried
    assert "99: not in quarantine" in tried
    assert len(rows(desk_copy)) == 2
    assert gateway("quarantine", "release", one, "--json", cwd=desk_copy, expect=0).json == {"released": 1}
    assert "0 of 1" in gateway("quarantine", "release", one, cwd=desk_copy, expect=1).out


def test_an_acknowledgement_is_a_matter_of_saying_so_and_of_nothing_else_speaking_against_it(lived_in: Path) -> None:
    one = number(lived_in, "auto-reply-unmatched")
    tried = gateway("quarantine", "release", one, "--dry-run", "--ack", cwd=lived_in, expect=0).out
    assert "Acknowledgement: no, the mail must not be answered automatically" in tried


def test_a_sender_is_blocked_and_unblocked_once(desk_copy: Path) -> None:
    assert gateway("quarantine", "block", "Spam@Example.net", "--json", cwd=desk_copy, expect=0).json == {
        "blocked": 1,
        "pattern": "spam@example.net",
    }
    assert "already" in gateway("quarantine", "block", "spam@example.net", cwd=desk_copy, expect=0).out
    gateway("quarantine", "block", "*.example.org", "--reason", "rubbish", cwd=desk_copy, expect=0)
    listed = gateway("quarantine", "blocked", "--json", cwd=desk_copy, expect=0).json
    assert [(row["pattern"], row["reason"]) for row in listed] == [
        ("*.example.org", "rubbish"),
        ("spam@example.net", "by command"),
    ]
    assert "no longer blocked" in gateway("quarantine", "unblock", "*.example.org", cwd=desk_copy, expect=0).out
    assert "is not blocked" in gateway("quarantine", "unblock", "*.example.org", cwd=desk_copy, expect=1).out
    assert gateway("audit", cwd=desk_copy, expect=0).out.startswith("Clean")


@pytest.mark.parametrize(
    ("pattern", "code"),
    [("example.com", 1), ("anna@example.com", 1), ("nonsense", 2), ("a b@example.net", 2), ("*", 2), ("*.", 2)],
)
def test_what_must_not_be_blocked_is_refused(desk_copy: Path, pattern: str, code: int) -> None:
    gateway("quarantine", "block", pattern, cwd=desk_copy, expect=code)
    assert gateway("quarantine", "blocked", "--json", cwd=desk_copy, expect=0).json == []


def test_many_at_once_need_a_yes(desk_copy: Path) -> None:
    numbers = [str(one) for one in range(1000, 1021)]
    assert "say --yes" in gateway("quarantine", "release", *numbers, cwd=desk_copy, expect=1).err
    assert "0 of 21" in gateway("quarantine", "release", "--yes", *numbers, cwd=desk_copy, expect=1).out
    why = ("--reason", "rubbish")
    assert "say --yes" in gateway("quarantine", "delete", *numbers, *why, cwd=desk_copy, expect=1).err


def test_mails_are_exported_as_they_came_with_an_index(lived_in: Path, tmp_path: Path) -> None:
    target = tmp_path / "mails"
    done = gateway("quarantine", "export", target, "--reason", "own-mail", "--json", cwd=lived_in, expect=0).json
    assert done["exported"] == 1
    (row,) = json.loads((target / "index.json").read_text())
    content = (target / f"{row['id']}.eml").read_bytes()
    assert hashlib.sha256(content).hexdigest() == row["sha256"]
    assert b"Subject: A loop" in content
    assert "is not empty" in gateway("quarantine", "export", target, cwd=lived_in, expect=1).err


def test_mails_are_decided_once_more(desk_copy: Path) -> None:
    gateway("quarantine", "retry", cwd=desk_copy, expect=2)
    gateway("quarantine", "retry", "1", "--reason", "own-mail", cwd=desk_copy, expect=2)
    retried = gateway("quarantine", "retry", "--reason", "own-mail", "--json", cwd=desk_copy, expect=0).json
    assert retried == {"decided": 1}
    waiting = gateway("ledger", "list", "--state", "waiting", "--json", cwd=desk_copy, expect=0).json
    assert len(waiting) == 1


def test_what_waits_is_counted(lived_in: Path) -> None:
    record = gateway("quarantine", "stats", "--json", cwd=lived_in, expect=0).json
    assert {row["reason"]: row["count"] for row in record["waiting"]} == {"own-mail": 1, "auto-reply-unmatched": 1}
    assert record["done"] == {"released": 0, "deleted": 0, "denied": 0, "allowed": 0}
    assert "2 mails" in gateway("quarantine", "stats", cwd=lived_in, expect=0).out
