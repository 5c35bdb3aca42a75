"""The corpus itself: every row of the threat table and of the table of automatic mail is in it, and so are near misses.

Rows T1 to T42 are threats to the desk as a whole, A1 to A20 the signs of automatic mail; docs/security.md and
docs/measurements.md name them. What is no mail and no dialogue is proven elsewhere: `ELSEWHERE` says where.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.attacks.casefile import FOLDER, all_attacks, filled, on_the_wire

CHECKOUT = Path(__file__).resolve().parents[2]
ATTACKS = all_attacks()
ROWS = (*(f"T{number}" for number in range(1, 43)), *(f"A{number}" for number in range(1, 21)))

ELSEWHERE = {
    # Secrets and internals in replies and logs: no mail makes an exception with a password in it.
    "T22": "tests/intake/test_smtp_trouble.py::test_an_unexpected_error_is_451_with_a_fixed_text",
    # Templates that cost too much are written by an admin, not by a stranger.
    "T27": "tests/compose/test_templates.py::test_too_much_output_is_refused",
    # A lying IMAP server.
    "T33": "tests/intake/test_imap_hostile.py::test_one_bad_mail_costs_little_and_is_given_up_while_the_others_come",
    # A full disk.
    "T35": "tests/faults/test_disk.py::test_k13_a_disk_that_is_really_full_is_said_and_got_over",
    # A mail that kills its reader; none does, so the reader is made to die.
    "T36": "tests/faults/test_poison.py::"
    "test_k08_a_mail_that_kills_its_process_is_failed_after_three_lives_and_the_others_are_sorted",
    # Killed after 250.
    "T38": "tests/crash/test_every_commit.py::test_killed_at_every_commit",
    # TLS to relay and mailbox.
    "T42": "tests/delivery/test_channel.py::test_an_unverified_certificate_holds_everything_and_loses_nothing",
}
# In these rows nothing is refused, so nothing just misses.
ALL_ACCEPTED = {"A12", "A20"}
FEWEST_FILES, FEWEST_OF_A_ROW = 300, 3

_ADDRESS = re.compile(r"@([a-z0-9-]+(?:\.[a-z0-9-]+)+)", re.IGNORECASE)
_HOST = re.compile(r"https?://([a-z0-9.-]+)", re.IGNORECASE)
_IP = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
# RFC 2606 and RFC 5737.
_OURS = re.compile(r"(?:.*\.)?example\.(?:com|org|net)(?:\.example\.(?:org|net))?\.?", re.IGNORECASE)
_TEST_NETWORKS = ("192.0.2.", "198.51.100.", "203.0.113.")


def test_there_are_enough_and_every_row_has_some() -> None:
    counts = Counter(attack.row for attack in ATTACKS)
    assert sum(counts.values()) >= FEWEST_FILES
    assert set(counts) <= set(ROWS)
    assert {row: counts[row] for row in ROWS if row not in ELSEWHERE and counts[row] < FEWEST_OF_A_ROW} == {}


@pytest.mark.parametrize("row", ELSEWHERE)
def test_what_is_no_mail_is_proven_by_a_test_that_exists(row: str) -> None:
    path, name = ELSEWHERE[row].split("::")
    tree = ast.parse((CHECKOUT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_row_has_a_mail_that_just_misses() -> None:
    """A corpus in which everything is refused would be passed by a desk that refuses everything."""
    near = {attack.row for attack in ATTACKS if attack.path.stem.startswith("near-")}
    assert {attack.row for attack in ATTACKS} - near == ALL_ACCEPTED
    refused = [
        attack.name
        for attack in ATTACKS
        if attack.path.stem.startswith("near-")
        and not (attack.expected.get("action") in ("open", "append", "file") or attack.expected.get("opened"))
        and not attack.expected.get("stored")
        and not attack.head.get("tls")
    ]
    assert refused == []


def test_titles_say_something_and_no_two_say_the_same() -> None:
    titles = Counter(attack.head["title"] for attack in ATTACKS)
    assert [title for title, count in titles.items() if count > 1] == []
    assert [title for title in titles if len(title.split()) < 4] == []
    assert [attack.name for attack in ATTACKS if len(attack.head["danger"].split()) < 3] == []


def test_every_file_expects_something() -> None:
    vague = []
    for attack in ATTACKS:
        expected = attack.expected
        if attack.is_dialogue:
            is_plain = "stored" in expected
        else:
            is_plain = bool({"action", "one_of", "opened"} & set(expected))
            is_plain &= bool({"told", "people", "sent", "kind", "changes", "ticket", "agents_see"} & set(expected)) or (
                attack.row in ("T31", "T37", "T24", "A2")
            )
        vague += [] if is_plain else [attack.name]
    assert vague == []


def test_nothing_in_the_corpus_belongs_to_anybody() -> None:
    foreign: list[str] = []
    for attack in ATTACKS:
        text = attack.path.read_bytes().decode("utf-8", "replace")
        hosts = [*_ADDRESS.findall(text), *_HOST.findall(text)]
        foreign += [f"{attack.name}: {host}" for host in hosts if not _OURS.fullmatch(host) and not _IP.fullmatch(host)]
        foreign += [f"{attack.name}: {ip}" for ip in _IP.findall(text) if not ip.startswith(_TEST_NETWORKS)]
    assert foreign == []


def test_known_gaps_say_what_is_missing() -> None:
    gaps = {attack.name: attack.head["known_gap"] for attack in ATTACKS if "known_gap" in attack.head}
    assert all(len(text.split()) > 5 for text in gaps.values()), gaps


def test_a_file_means_the_octets_that_it_says(tmp_path: Path) -> None:
    def fill(word: str, arguments: list[str]) -> str:
        return f"<{word} {'+'.join(arguments)}>"

    text = "a{{cr}}b{{lf}}c{{nul}}d{{x:e9ff}}{{times:3:x%d\\n}}{{n}} {{key:anna:vpn:flip}} {{7*7}}\n"
    expected = b"a\rb\nc\0d\xe9\xffx0\r\nx1\r\nx2\r\n2 <key anna+vpn+flip> {{7*7}}\r\n"
    assert on_the_wire(text.encode(), fill, copy=2) == expected
    assert filled({"to": ["{{key:a:b}}", "{{x:ff}}"]}, fill) == {"to": ["<key a+b>", "\udcff"]}


def test_every_file_lies_in_the_folder_of_its_row() -> None:
    stray = [path for path in FOLDER.rglob("*") if path.is_file() and path.suffix not in (".py", ".mail", ".pyc")]
    assert stray == []
    assert [attack.name for attack in ATTACKS if not attack.mails and not attack.is_dialogue] == []
