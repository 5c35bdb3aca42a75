"""Passwords stand in no repr, no error and no dump of the settings, wherever they came from."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.settings import Settings, load_settings

SECRET = "open-sesame-4711"
GATEWAY = """
[storage]
url = "postgresql://gateway@db.example.com/desk"
[relay]
host = "relay.example.com"
user = "desk"
[[mailbox]]
name = "support"
host = "imap.example.com"
user = "desk"
"""
NAMES = ("GATEWAY_STORAGE_PASSWORD", "GATEWAY_RELAY_PASSWORD", "GATEWAY_MAILBOX_SUPPORT_PASSWORD")


def settings(tmp_path: Path, more: str = "") -> Settings:
    (tmp_path / "gateway.toml").write_text(GATEWAY + more, encoding="utf-8")
    return load_settings(tmp_path, dict.fromkeys(NAMES, SECRET))


def test_no_form_of_the_settings_shows_a_secret(tmp_path: Path) -> None:
    read = settings(tmp_path)
    assert read.relay.password.get_secret_value() == SECRET
    for shown in (repr(read), str(read), repr(read.storage), repr(read.relay), repr(read.mailboxes), f"{read.relay!s}"):
        assert SECRET not in shown


@pytest.mark.parametrize(
    "more",
    ['[log]\nlevel = "loud"', f'[[mailbox]]\nname = "x"\nhost = "h"\nuser = "u"\npassword = "{SECRET}"', "[nonsense]"],
)
def test_no_error_of_the_settings_shows_a_secret(tmp_path: Path, more: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        settings(tmp_path, more)
    shown = "".join(traceback.format_exception(refused.value)) + repr(refused.value)
    # The line of the operator's own file, which a traceback of a test shows, is no word of ours.
    assert SECRET not in "\n".join(map(str, refused.value.problems)) + repr(refused.value)
    assert "Traceback" in shown


def test_a_secret_in_the_file_itself_is_refused_and_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(f'[relay]\nhost = "h"\npassword = "{SECRET}"\n', encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        load_settings(tmp_path, {})
    assert SECRET not in str(refused.value)
