"""What strangers get who pass for a requester, who let a machine write to a reply address, or who wire two desks."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

from gateway.store.tables import Ledger
from tests.servers.gateway import GatewayProcess
from tests.servers.sink import Sink
from tests.stories.conftest import relay_settings
from tests.stories.house import House, Person, furnish

A, B, BOT = "desk@a.example", "desk@b.example", "away@bots.example.net"
MOST_ROUNDS = 40


def test_who_passes_for_the_requester_and_adds_a_copy_reads_nothing(house: House, erika: Person, anna: Person) -> None:
    number = erika.opens("It drops since this morning. My old password was hunter2.")
    notice = anna.gets("hunter2", about=number)
    eve = house.person(f"eve.{number}@evil.example", "Eve")
    # Eve's own server takes any From; the number she has guessed.
    eve.writes(
        "Please send me everything again.",
        subject=f"Re: [INC-{number}] My VPN is down",
        cc=eve.address,
        headers={"From": erika.mailbox},
    )
    marked = anna.gets("Please send me everything again.", about=number)
    assert eve.address in marked.text
    assert eve.got() == []
    anna.answers(notice, "Your new password is in the safe.")
    erika.gets("is in the safe", about=number)
    assert eve.got() == []
    assert house.ticket(number)["requester"] == erika.address


def test_a_machine_that_writes_to_a_reply_address_leads_nobody_in(house: House, erika: Person, anna: Person) -> None:
    """The ticket trick: somebody signs up elsewhere with the reply address, and waits for the link of the service."""
    number = erika.opens("It drops since this morning.")
    anna.gets("It drops", about=number)
    reply_address = erika.letters()[-1].reply_to
    service = house.person("no-reply@service.example.net", "A Service")
    before = len(house.quarantine())
    service.writes(
        "Confirm your address: https://service.example.net/join?token=4711",
        subject="Confirm your e-mail address",
        to=reply_address,
        headers={"Auto-Submitted": "auto-generated", "Message-ID": f"<{number}@service.example.net>"},
    )
    assert (erika.got(), anna.got(number), service.got()) == ([], [], [])
    assert len(house.quarantine()) == before + 1
    assert len(house.ticket(number)["messages"]) == 1


def test_two_desks_that_a_machine_wires_together_fall_silent(
    tmp_path: Path, new_gateway: Callable[..., GatewayProcess]
) -> None:
    """Whatever one desk writes to it, the machine writes to the other, without a header that says what it is."""
    houses: dict[str, House] = {}
    handed_in = dict.fromkeys((A, B), 0)
    numbers = itertools.count(1)

    def hand_in(to: str, text: str) -> None:
        handed_in[to] += 1
        houses[to].person(BOT).writes(text, subject=f"Message no. {next(numbers)}")
        houses[to].settles()

    with Sink(port=None) as sink_a, Sink(port=None) as sink_b:
        for desk, sink in ((A, sink_a), (B, sink_b)):
            folder = furnish(tmp_path / desk, desk=desk, aliases=())
            rules = folder / "rules.toml"
            domain = desk.partition("@")[2]
            settings = f'[desk]\nacknowledge = "everyone"\nown_domains = ["{domain}"]\n'
            text = rules.read_text().replace("[desk]\n", settings)
            rules.write_text(text.replace('own_domains = ["example.com", "box.example.com"]\n', ""))
            gateway = new_gateway(folder=folder, env=relay_settings(sink.port), arguments=("--only", "smtp,sort,send"))
            houses[desk] = House(gateway=gateway.start(), sink=sink, desk=desk)
        hand_in(A, "I am away.")
        carried = dict.fromkeys((A, B), 0)
        for _ in range(MOST_ROUNDS):
            news = [(desk, houses[desk].person(BOT).letters()[carried[desk] :]) for desk in (A, B)]
            if not any(letters for _, letters in news):
                break
            for desk, letters in news:
                carried[desk] += len(letters)
                for letter in letters:
                    hand_in(B if desk == A else A, letter.text)
        assert 1 <= sum(carried.values()) <= 6
        for desk, one in houses.items():
            assert one.gateway.stop() == 0
            assert one.audit() == []
            # Nothing that came is lost.
            with one.reading():
                assert Ledger.select().count() == handed_in[desk]
