"""The quick reading of SMTP paths says what aiosmtpd's own says, whatever stands in the command."""

from __future__ import annotations

from aiosmtpd import smtp
from hypothesis import given
from hypothesis import strategies as st

from gateway.intake.smtp_addresses import QuickAddresses

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


def test_an_ordinary_address_needs_no_grammar() -> None:
    assert Quick()._getaddr("<anna+k@mail.example.com> SIZE=100 BODY=8BITMIME") == (
        "anna+k@mail.example.com",
        "SIZE=100 BODY=8BITMIME",
    )
