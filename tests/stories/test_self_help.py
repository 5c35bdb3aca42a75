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


def test_a_colleague_follows_and_stops_and_a_reader_is_taken_off(
    house: House, erika: Person, anna: Person, ben: Person
) -> None:
    gina = house.person("gina@example.com", "Gina Green")
    erika.writes("The blind on my window is stuck.", subject="Blind")
    notice, seen = anna.gets("blind on my window"), ben.gets("blind on my window")
    anna.answers(notice, "#take\n#cc gina@example.com\n\nThe fitter comes.")
    gina.gets("fitter")
    ben.answers(seen, "#watch")
    answer = erika.gets("fitter")
    erika.answers(answer, "Which day do they come?")
    ben.gets("Which day")
    ben.answers(seen, "#unwatch")
    house.settles()
    anna.answers(anna.gets("Which day"), "#unwatch gina@example.com\n\nOn Friday at nine.")
    erika.gets("Friday at nine")
    erika.answers(answer, "Friday suits me.")
    anna.gets("suits me")
    assert house.ticket(notice.ticket)["watchers"] == []
    assert gina.got() == []
    assert not [text for text in ben.got() if "suits me" in text]
