"""What the people of the demonstration write, in order. Data only: who, as an answer to what, which words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DESK: Final = "helpdesk@example.com"


@dataclass(frozen=True, kw_only=True)
class Person:
    name: str
    address: str

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>"


ERIKA: Final = Person(name="Erika Example", address="erika@example.com")
JONAS: Final = Person(name="Jonas Jones", address="jonas@example.com")
ALEX: Final = Person(name="Alex Agent", address="alex@example.com")
BEA: Final = Person(name="Bea Berger", address="bea@example.com")
PEOPLE: Final = (ERIKA, JONAS, ALEX, BEA)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One mail to the desk. `matter` is its ticket: the first mail of a matter is new, the others are replies.

    A reply answers the newest mail that its author has got about the matter. `outcome` is what must become of it.
    """

    what: str
    author: Person
    matter: str
    text: str
    subject: str = ""
    is_automatic: bool = False
    outcome: str = "appended"


STORY: Final = (
    Scene(
        what="Erika reports that something is broken",
        author=ERIKA,
        matter="vpn",
        subject="VPN drops every few minutes",
        text="Hello,\n\nsince this morning my VPN drops every few minutes, and I can't work from home like this.\n\n"
        "-- \nErika Example, Accounting",
        outcome="opened",
    ),
    Scene(
        what="Jonas asks for something",
        author=JONAS,
        matter="monitor",
        subject="A second monitor, please",
        text="Hi, may I have a second monitor for my desk in room 204? Thank you, Jonas",
        outcome="opened",
    ),
    Scene(
        what="Alex takes Erika's ticket and answers her, from the mail client",
        author=ALEX,
        matter="vpn",
        text="#take\n\nHello Erika,\n\nplease restart the VPN client once and tell me whether it still drops.\n\n"
        "-- \nAlex Agent, IT, extension 42",
    ),
    Scene(
        what="Erika's out-of-office answers the desk, and must not be answered",
        author=ERIKA,
        matter="vpn",
        subject="Out of office: VPN drops every few minutes",
        text="I am at lunch and back at two.",
        is_automatic=True,
    ),
    Scene(
        what="Bea leaves a note for her colleague, which Erika never sees",
        author=BEA,
        matter="vpn",
        text="#note\nThree more people called about this. I think it is the certificate of gateway 2.",
    ),
    Scene(
        what="Alex resolves the ticket",
        author=ALEX,
        matter="vpn",
        text="#resolve We have renewed the certificate of the VPN gateway. Please connect once more.",
    ),
    Scene(
        what="Erika is not happy: the ticket opens again",
        author=ERIKA,
        matter="vpn",
        text="Sorry, it has just dropped again.",
    ),
    Scene(
        what="Bea orders the monitor and tells Jonas",
        author=BEA,
        matter="monitor",
        text="Hello Jonas,\n\nyour monitor is ordered and comes next week.\n\n#hold vendor",
    ),
    Scene(
        what="Alex resolves Erika's ticket once more",
        author=ALEX,
        matter="vpn",
        text="#resolve A second gateway had the same problem; both are fine now. I watched your line for ten minutes.",
    ),
    Scene(
        what="Erika says thanks, and the ticket stays resolved",
        author=ERIKA,
        matter="vpn",
        text="Great, thank you very much!",
    ),
)
