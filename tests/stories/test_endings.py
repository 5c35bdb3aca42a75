"""How a matter ends by mail, and how it goes on to the next tier and the next shift, through the real servers."""

from __future__ import annotations

from tests.stories.house import House, Person


def test_a_workaround_a_complaint_a_rating(house: House, erika: Person, anna: Person) -> None:
    number = erika.opens("The slide projector hums.", subject="Slide projector")
    notice = anna.gets("The slide projector hums.", about=number)
    anna.answers(notice, "#workaround Use the one in room 2.")
    erika.gets("Use the one in room 2.", about=number)
    assert house.ticket(number)["workaround"] == "Use the one in room 2."
    anna.answers(notice, "#cause A loose fan\n#resolve The fan is fixed.")
    resolution = erika.gets("The fan is fixed.", about=number)
    assert 'Reply with just "yes"' in resolution.text
    assert "loose fan" not in resolution.everything
    erika.answers(resolution, "It hums again, and louder.")
    reopened = anna.gets("It hums again", about=number)
    assert "reopened it" in reopened.text
    assert "Workaround: Use the one in room 2." in reopened.text
    anna.answers(reopened, "#resolve A new fan is in.")
    erika.answers(erika.gets("A new fan is in.", about=number), "Yes, 5. Thanks!")
    anna.gets("rated 5 of 5 by", about=number)
    house.settles()
    ticket = house.ticket(number)
    assert (ticket["status"], ticket["reopened"]) == ("closed", 1)
    assert ticket["ratings"] == [f"5 of 5 by {erika.address}"]


def test_to_the_next_tier_with_all_that_is_known_and_over_to_a_colleague(
    house: House, erika: Person, anna: Person, ben: Person, nora: Person
) -> None:
    number = erika.opens("The card reader is mute.", subject="Card reader")
    notice = anna.gets("card reader is mute", about=number)
    anna.answers(notice, "#note\nChanged the cable, no help.")
    ben.gets("Changed the cable", about=number)
    anna.answers(notice, "#take")
    house.settles()
    anna.answers(notice, "#handover ben")
    listing = ben.gets("hands over to you")
    assert f"INC-{number}" in listing.text
    place = next(line.partition(".")[0] for line in listing.text.splitlines() if f"INC-{number} " in line)
    anna.gets("handed over to Ben Helper")
    ben.answers(listing, f"{place} escalate needs the vendor's key")
    escalated = nora.gets("needs the vendor's key", about=number)
    assert "Changed the cable, no help." in escalated.text
    assert "The card reader is mute." in escalated.text
    house.settles()
    ticket = house.ticket(number)
    assert (ticket["team"], ticket["assignee"], ticket["moves"]) == ("network", "", ["desk", "network"])
