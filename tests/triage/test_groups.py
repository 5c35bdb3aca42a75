"""Mail that comes through a group under the desk's own address."""

from __future__ import annotations

import pytest

from gateway.mail import Address, Mail
from gateway.triage.groups import through_group
from tests.desk.harness import policy_of

VIA = Address(address="helpdesk@example.com", name="'Olga' via Help Desk")
OLGA = "olga@customer.example"
LIST = ("list-id", "<helpdesk.example.com>")


@pytest.mark.parametrize(
    ("header", "author"),
    [
        (
            ("x-original-from", "Olga Out <olga@customer.example>"),
            Address(address="olga@customer.example", name="Olga Out"),
        ),
        (
            ("x-original-from", '"Out, Olga" <Olga@Customer.example>'),
            Address(address="olga@customer.example", name="Out, Olga"),
        ),
        (("x-original-sender", "olga@customer.example"), Address(address="olga@customer.example")),
    ],
)
def test_the_author_is_who_the_group_says(header: tuple[str, str], author: Address) -> None:
    mail = through_group(Mail(size_bytes=1, sender=VIA, headers=(LIST, header)), policy_of())
    assert mail.sender == author
    assert mail.sender_defects == ("passed on by a group",)


@pytest.mark.parametrize(
    "mail",
    [
        Mail(size_bytes=1, sender=VIA, headers=(LIST,)),
        Mail(size_bytes=1, sender=VIA, headers=(("x-original-from", "olga@customer.example"),)),
        Mail(size_bytes=1, sender=VIA, headers=(LIST, ("x-original-from", "it@example.com"))),
        Mail(size_bytes=1, sender=VIA, headers=(LIST, ("x-original-from", "a@b.example, c@d.example"))),
        Mail(size_bytes=1, sender=Address(address="e@example.com"), headers=(LIST, ("x-original-from", "x@y.example"))),
        Mail(size_bytes=1),
    ],
)
def test_any_other_mail_keeps_its_sender(mail: Mail) -> None:
    assert through_group(mail, policy_of()) is mail
