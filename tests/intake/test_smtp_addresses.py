"""The quick reading of SMTP paths says what aiosmtpd's own says, whatever stands in the command."""

from __future__ import annotations

import pytest
from aiosmtpd import smtp
from hypothesis import given
from hypothesis import strategies as st

from gateway.intake.smtp_addresses import QuickAddresses, is_sound

PIECES = (
    "anna",
    "b",
    "@",
    "example.com",
    "[192.0.2.1]",
    '"x y"',
    "(c)",
    ".",
    "-",
    "+k",
    "é",
    " ",
    "<",
    ">",
    "=",
    "SIZE=1",
    ":",
    ",",
)


class Quick(QuickAddresses):
    def __init__(self) -> None:
        """No connection: reading an address needs none."""


def read(session_class: type[smtp.SMTP], session: Quick, argument: str) -> object:
    """What comes out, an IndexError of the standard library's grammar too: the session answers that with 500."""
    try:
        return session_class._getaddr(session, argument)
    except IndexError as error:
        return repr(error)


@given(
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=4).map("".join),
)
def test_an_address_is_read_as_aiosmtpd_reads_it(local: str, behind: str) -> None:
    session = Quick()
    for argument in (local, f"<{local}@example.com>{behind}", f"<{local}> {behind}"):
        assert read(QuickAddresses, session, argument) == read(smtp.SMTP, session, argument)


@pytest.mark.parametrize("space", ["", " ", "  "])
@pytest.mark.parametrize("behind", ["", "SIZE=100 BODY=8BITMIME"])
@pytest.mark.parametrize("address", ["anna+k@mail.example.com", "a.b.c@d", "anna@example.com"])
def test_an_ordinary_address_needs_no_grammar(
    space: str, address: str, behind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever asks the grammar gets this.
    monkeypatch.setattr(smtp.SMTP, "_getaddr", lambda session, argument: None)
    assert Quick()._getaddr(f"{space}<{address}> {behind}".rstrip()) == (address, behind)


@pytest.mark.parametrize(
    "argument", ['<"anna"@example.com>', "<anna@example.com>junk", "<a@b> [junk]", "anna@example.com"]
)
def test_what_is_not_ordinary_is_read_by_the_grammar(argument: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp.SMTP, "_getaddr", lambda session, argument: ("by", "grammar"))
    assert Quick()._getaddr(argument) == ("by", "grammar")


def test_a_session_that_limits_the_local_part_reads_everything_by_the_grammar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp.SMTP, "_getaddr", lambda session, argument: ("by", "grammar"))
    session = Quick()
    session.local_part_limit = 5
    assert session._getaddr("<anna@example.com>") == ("by", "grammar")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("anna@example.com", True),
        ("ü" * 127, True),
        ("x" * 254, True),
        ("x" * 255, False),
        ("ü" * 127 + "x", False),
        ("a\x1b@example.com", False),
        ("a\udcff@example.com", False),
        ("", True),
    ],
)
def test_an_address_that_may_stand_in_a_log_is_sound(address: str, expected: bool) -> None:
    assert is_sound(address) is expected
