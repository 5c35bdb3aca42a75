"""The whole loop: an employee writes, agents answer from their mail client, and both see one conversation."""

from __future__ import annotations

from tests.stories.house import DESK, House, Person


def test_from_the_first_mail_to_still_broken(house: House, erika: Person, anna: Person, ben: Person) -> None:
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
