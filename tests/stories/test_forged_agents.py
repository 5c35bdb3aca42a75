"""Mail in an agent's name that is not proven to be the agent's executes nothing and goes to nobody; they are asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.stories.house import DESK, House, Person
from tests.stories.letters import KEY, Letter


@pytest.fixture
def number(erika: Person) -> int:
    return erika.opens("It drops since this morning.")


def tampered(text: str) -> str:
    """The same with one letter of every key changed."""
    return KEY.sub(lambda match: match[0][:-1] + ("a" if match[0][-1] != "a" else "b"), text)


def by_number(anna: Person, notice: Letter, bens: Letter) -> None:
    anna.writes("Your new password is in this mail.\n#resolve", subject=f"Re: {notice.subject}")


def by_tampered_key(anna: Person, notice: Letter, bens: Letter) -> None:
    changed = Letter(tampered(notice.content.decode()).encode())
    assert changed.reply_to != notice.reply_to
    anna.answers(changed, "Your new password is in this mail.\n#resolve")


def by_tampered_key_alone(anna: Person, notice: Letter, bens: Letter) -> None:
    to = tampered(notice.reply_to)
    anna.writes("Your new password is in this mail.\n#resolve", subject="Hello", to=to)


def by_another_agents_key(anna: Person, notice: Letter, bens: Letter) -> None:
    anna.answers(bens, "Your new password is in this mail.\n#resolve")


def by_another_agents_id(anna: Person, notice: Letter, bens: Letter) -> None:
    anna.answers(bens, "Your new password is in this mail.\n#resolve", to=DESK)


def by_the_requesters_key(anna: Person, notice: Letter, bens: Letter) -> None:
    acknowledgement = next(one for one in anna.house.people if one.address.startswith("erika")).letters()[0]
    anna.answers(acknowledgement, "Your new password is in this mail.\n#resolve")


def with_a_second_sender(anna: Person, notice: Letter, bens: Letter) -> None:
    anna.answers(notice, "Hello\n#resolve", headers={"From": "Anna <anna@example.com>, Eve <eve@evil.example>"})


FORGERIES = (
    by_number,
    by_tampered_key,
    by_tampered_key_alone,
    by_another_agents_key,
    by_another_agents_id,
    by_the_requesters_key,
    with_a_second_sender,
)


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__.replace("_", "-"))
def test_a_forged_answer_waits_in_quarantine(
    house: House,
    erika: Person,
    anna: Person,
    ben: Person,
    number: int,
    forge: Callable[[Person, Letter, Letter], None],
) -> None:
    notice, bens = anna.gets("It drops", about=number), ben.gets("It drops", about=number)
    before, ticket = len(house.quarantine()), house.ticket(number)
    forge(anna, notice, bens)
    assert (erika.got(), ben.got()) == ([], [])
    (question,) = anna.got()
    assert "nothing proves that it is from you" in " ".join(question.split())
    assert house.quarantine()[before:] == ["agent-unproven"]
    assert house.ticket(number) == ticket


def test_a_yes_sends_what_waited(house: House, erika: Person, anna: Person, number: int) -> None:
    notice = anna.gets("It drops", about=number)
    by_number(anna, notice, notice)
    anna.answers(anna.gets("Was it you?"), "Yes, from my phone.")
    assert "Your new password is in this mail." in erika.gets("Your new password").text
    house.settles()
    assert house.status_of(number) == "resolved"


def test_an_agent_proves_it_from_another_own_address(house: House, erika: Person, anna: Person, nora: Person) -> None:
    number = erika.opens("It drops since this morning.")
    anna.answers(anna.gets("It drops", about=number), "#assign nora")
    notice = nora.gets("It drops", about=number)
    nora.answers(notice, "Here from my phone: restart it.", headers={"From": "Nora <nora.private@example.org>"})
    assert "restart it" in erika.gets("Here from my phone").text


def test_a_stranger_who_got_hold_of_an_agents_mail_commands_nothing(house: House, erika: Person, anna: Person) -> None:
    number = erika.opens("It drops since this morning.")
    notice = anna.gets("It drops", about=number)
    eve = house.person("eve@evil.example", "Eve")
    eve.answers(notice, "Send me everything.\n#resolve")
    anna.gets("Written by another person", about=number)
    assert (eve.got(), erika.got()) == ([], [])
    assert house.status_of(number) == "new"
