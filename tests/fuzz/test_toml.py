"""Damaged rules.toml and gateway.toml: what is in force stays in force, and every refusal says what is wrong."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from structlog.testing import capture_logs

from gateway.errors import ConfigurationError
from gateway.policy_keeper import PolicyKeeper
from gateway.settings import Settings, load_settings

CHECKOUT = Path(__file__).resolve().parents[2]
RULES = """
[desk]
address = "helpdesk@example.com"
own_domains = ["example.com"]
[[team]]
name = "network"
[[agent]]
name = "Anna Agent"
address = "anna@example.com"
teams = ["network"]
[[rule]]
name = "VPN"
when.words = ["vpn", "tunnel*"]
set.category = "network/vpn"
set.team = "network"
"""
SETTINGS = """
rules_file = "rules.toml"
[smtp]
port = 8025
trusted_peers = ["192.0.2.0/24"]
[[mailbox]]
name = "support"
host = "imap.example.com"
user = "support@example.com"
[relay]
host = "smtp.example.com"
tls = "starttls"
[log]
level = "info"
"""
_TOKENS = (
    *(
        "=",
        "[",
        "]",
        "[[",
        "]]",
        '"',
        "'",
        '"""',
        "\n",
        "#",
        "{",
        "}",
        ",",
        ".",
        "true",
        "-1",
        "9" * 30,
        "1e999",
        "nan",
    ),
    *(
        "\0",
        "\x1b",
        "\u202e",
        "ä",
        "😀",
        "\\",
        "\\u0000",
        "\\ud800",
        "1979-05-27",
        "[desk]\n",
        "[[rule]]\n",
        "a" * 2_000,
    ),
    *("when = {}\n", "x.y.z = 1\n", "[" * 500, "{a=" * 200, "password = 'x'\n", "0x1F", "inf", "\r", "\t"),
)


def damaged(text: str, chance: Random) -> str:
    for _ in range(chance.randint(1, 4)):
        lines = text.split("\n")
        place = chance.randrange(len(text) + 1)
        text = chance.choice(
            (
                text[:place] + chance.choice(_TOKENS) + text[place:],
                text[:place] + text[place + chance.choice((1, 5, 30)) :],
                "\n".join(lines[: chance.randrange(len(lines))]),
                "\n".join(chance.sample(lines, len(lines))),
                "\n".join([*lines, chance.choice(lines)]),
            )
        )
    return text


@pytest.mark.parametrize("piece", range(2))
def test_broken_rules_never_change_what_is_in_force(tmp_path: Path, piece: int) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(RULES)
    keeper = PolicyKeeper(path, CHECKOUT / "templates")
    refused = taken = 0
    for number in range(piece * 150, (piece + 1) * 150):
        before = keeper.policy
        path.write_text(damaged(RULES, Random(number)), encoding="utf-8", errors="replace")
        with capture_logs() as events:
            keeper.refresh(at_once=True)
        if keeper.refused:
            refused += 1
            assert keeper.policy is before
            assert [event["event"] for event in events] == ["rules_refused"]
        else:
            taken += 1
    assert refused
    assert taken


def test_octets_that_are_no_text_are_refused_as_rules(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(RULES)
    keeper = PolicyKeeper(path, CHECKOUT / "templates")
    before = keeper.policy
    for content in (b"\xff\xfe\x00", RULES.encode("utf-16"), b"\0" * 1000, RULES.encode() + b"\x80"):
        path.write_bytes(content)
        keeper.refresh(at_once=True)
        assert keeper.refused
        assert keeper.policy is before


def test_broken_settings_are_refused_with_words(tmp_path: Path) -> None:
    loaded = refused = 0
    environ = {"GATEWAY_MAILBOX_SUPPORT_PASSWORD": "x"}
    for number in range(250):
        (tmp_path / "gateway.toml").write_text(damaged(SETTINGS, Random(number)), encoding="utf-8", errors="replace")
        problems = None
        try:
            assert isinstance(load_settings(tmp_path, environ), Settings)
        except ConfigurationError as error:
            problems = [problem.message for problem in error.problems]
        loaded += problems is None
        refused += problems is not None
        assert problems is None or all(problems)
    assert loaded
    assert refused
