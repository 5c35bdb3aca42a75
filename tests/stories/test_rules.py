"""A mail that rules read: what its words become on the ticket, who hears of it, and an agent who corrects it."""

from __future__ import annotations

from tests.stories.house import House, Person


def test_a_captured_host_its_colleagues_and_what_the_agent_makes_of_it(
    house: House, erika: Person, anna: Person
) -> None:
    foreman = house.person("foreman@example.com", "Fred Foreman")
    erika.writes("Machine srv-7 has stopped.", subject="Hall 3")
    acknowledgement = erika.gets("We know that srv-7 has stopped.")
    notice = anna.gets("Machine srv-7 has stopped.")
    for line in ("Asset: srv-7", "Hall: north of srv-7", "Tags: machine", "impact high"):
        assert line in notice.text
    number = int(acknowledgement.subject.partition("[INC-")[2].partition("]")[0])
    ticket = house.ticket(number)
    assert (ticket["status"], ticket["asset"], ticket["watchers"]) == ("on_hold", "srv-7", ["foreman@example.com"])
    who = ticket["set_by"]["fields.hall"]
    assert (who["by"], who["rule"], who["version"]) == ("rule", "Machines", ticket["rules_version"])
    anna.answers(notice, "#set hall=south\n#tag -machine press\n\nThe fitter comes at ten.")
    assert "The fitter comes at ten." in erika.gets("fitter").text
    assert "The fitter comes at ten." in foreman.gets("fitter").text
    erika.answers(acknowledgement, "Machine srv-7 has stopped again.")
    anna.gets("stopped again", about=number)
    ticket = house.ticket(number)
    assert (ticket["fields"], ticket["tags"]) == ({"hall": "south"}, ["press"])
    assert ticket["set_by"]["fields.hall"]["by"] == "agent"
