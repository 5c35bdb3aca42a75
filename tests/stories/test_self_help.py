"""An employee who never opens a portal: asks by one word, withdraws, comes back, reads along and leaves."""

from __future__ import annotations

from tests.stories.house import House, Person


def test_one_word_is_enough(house: House, erika: Person, anna: Person) -> None:
    fred = house.person("fred@example.com", "Fred Fern")
    erika.writes("The lamp above my desk flickers.", subject="Lamp")
    acknowledgement = erika.gets("Your subject: Lamp")
    number = int(acknowledgement.subject.partition("[INC-")[2].partition("]")[0])
    anna.answers(anna.gets("lamp above my desk"), "#take\n#cc fred@example.com\n\nThe electrician comes at noon.")
    answer = fred.gets("electrician")
    erika.answers(erika.gets("electrician"), "Hello,\n\nstatus please\n\nErika")
    standing = erika.gets("Who has it: Anna Agent")
    assert "It stands: in progress" in standing.text
    fred.answers(answer, "leave")
    fred.gets(f"You get no more mails about INC-{number}")
    erika.answers(standing, "Cancel")
    withdrawn = erika.gets("as you wish")
    anna.gets("has withdrawn it")
    assert (house.ticket(number)["status"], house.ticket(number)["watchers"]) == ("cancelled", [])
    erika.answers(withdrawn, "No, it flickers again.")
    anna.gets("it flickers again")
    assert house.ticket(number)["status"] == "in_progress"
    erika.writes("", subject="Hilfe")
    erika.gets("arbeitet per Mail")
