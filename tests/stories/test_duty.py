"""Who gets a ticket, from outside: in turn, not to who is away, and in the morning a list that is answered by line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.desk.morning import MORNING
from gateway.store.database import transaction
from gateway.store.tables import Chore, database_proxy
from tests.servers.gateway import GatewayProcess
from tests.servers.sink import Sink
from tests.stories.conftest import relay_settings
from tests.stories.house import House, furnish, just_begun

RULES = (
    ('keepers = ["keeper"]', f'keepers = ["keeper"]\n{just_begun()}'),
    ('[[team]]\nname = "desk"\n', '[[team]]\nname = "desk"\nassign = "round_robin"\n'),
)


def make_house(folder: Path, new_gateway: Callable[..., GatewayProcess], sink: Sink) -> House:
    rules = furnish(folder) / "rules.toml"
    for before, after in RULES:
        rules.write_text(rules.read_text().replace(before, after, 1))
    gateway = new_gateway(folder=folder, env=relay_settings(sink.port), arguments=("--only", "smtp,sort,send"))
    return House(gateway=gateway.start(), sink=sink)


def slept_since_yesterday(house: House) -> None:
    """As if the gateway had run yesterday; what a new desk finds on its first day is told on the next."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    with house.reading(), transaction(database_proxy.obj):
        Chore.insert(name=MORNING, done_at=yesterday, detail={"since": yesterday.isoformat()}).execute()


def test_tickets_go_round_past_who_is_away_and_the_morning_list_is_answered(
    tmp_path: Path, new_gateway: Callable[..., GatewayProcess], sink: Sink
) -> None:
    house = make_house(tmp_path / "desk", new_gateway, sink)
    erika = house.person("erika@example.com", "Erika Muster")
    anna, ben = house.person("anna@example.com", "Anna Agent"), house.person("ben@example.com", "Ben Helper")
    first = erika.opens("The mouse is broken.", subject="Mouse")
    second = erika.opens("The beamer is dark.", subject="Beamer")
    assert "given to Anna Agent: in turn in desk" in " ".join(
        anna.gets("The mouse is broken.", about=first).text.split()
    )
    mail = ben.gets("The beamer is dark.", about=second)
    until = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    ben.answers(mail, f"I am out of the office until {until}.", headers={"Auto-Submitted": "auto-replied"})
    anna.gets("seems to be away", about=second)
    third = erika.opens("The phone is dead.", subject="Phone")
    assert house.ticket(third)["assignee"] == anna.address
    slept_since_yesterday(house)
    with_timers = GatewayProcess(
        folder=house.gateway.folder, env=relay_settings(sink.port), arguments=("--only", "timers")
    )
    try:
        with_timers.start()
        listing = anna.gets("Your tickets")
    finally:
        with_timers.kill()
    assert "1. INC-1001" in listing.text
    anna.answers(listing, "1 done You have a new mouse.\n2 note called her")
    assert f"INC-{first}: resolved" in anna.gets("Your answer, line by line").text
    erika.gets("You have a new mouse.", about=first)
    house.settles()
    assert not [one for one in ben.letters() if "Your tickets" in one.subject]
    assert house.audit() == []
    house.assert_discreet()
