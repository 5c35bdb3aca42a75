"""The whole loop: an employee writes, agents answer from their mail client, and both see one conversation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.servers.gateway import GatewayProcess
from tests.servers.sink import Sink
from tests.stories.conftest import relay_settings
from tests.stories.house import DESK, House, Person, furnish


def live_through(house: House, erika: Person, anna: Person, ben: Person) -> None:
    """From the first mail to "still broken"."""
    erika.writes("It drops since this morning.")
    acknowledgement = erika.gets("Your number")
    number = acknowledgement.ticket
    assert acknowledgement.subject.count(f"INC-{number}") == 1
    assert acknowledgement.header("Auto-Submitted") == "auto-replied"

    notice = anna.gets("It drops since this morning.", about=number)
    ben.gets("It drops since this morning.", about=number)
    anna.answers(notice, "Please restart the client.\n\n-- \nAnna Agent, anna@example.com")
    answer = erika.gets("Please restart the client.")
    assert answer.header("From") == f'"Anna Agent (Help Desk)" <{DESK}>'
    assert answer.header("Auto-Submitted") == ""
    assert acknowledgement.message_id in answer.references
    ben.gets("Anna Agent has answered", about=number)

    erika.answers(answer, "I did; it still drops.")
    reply = anna.gets("it still drops", about=number)
    assert "Please restart" not in reply.text.partition("Ticket:")[0]
    anna.answers(reply, "Your profile was broken, I have renewed it.\n#resolve")
    resolution = erika.gets("I have renewed it")
    assert "#resolve" not in resolution.everything
    assert house.status_of(number) == "resolved"

    erika.answers(resolution, "Sorry, it is still broken.")
    anna.gets("reopened", about=number)
    assert house.status_of(number) == "in_progress"


def test_from_the_first_mail_to_still_broken(house: House, erika: Person, anna: Person, ben: Person) -> None:
    live_through(house, erika, anna, ben)


def test_two_processes_share_the_work_on_postgresql(
    postgres_url: str, tmp_path: Path, new_gateway: Callable[..., GatewayProcess], sink: Sink
) -> None:
    folder = furnish(tmp_path / "desk")
    env = relay_settings(sink.port) | {"GATEWAY_STORAGE_URL": postgres_url}
    door = new_gateway(folder=folder, env=env, arguments=("--only", "smtp,imap")).start()
    desk = new_gateway(folder=folder, env=env, arguments=("--only", "sort,send,timers")).start()
    house = House(gateway=door, sink=sink)
    people = [house.person(f"{name}@example.com", name.title()) for name in ("erika", "anna", "ben")]
    live_through(house, *people)
    house.settles()
    assert (door.stop(), desk.stop()) == (0, 0)
    assert house.audit() == []
    assert house.assert_discreet() == 3
