"""A matter with due times: all read by when, a person's answer ends the first of them, `#ack` the reminders."""

from __future__ import annotations

from tests.stories.house import House, Person


def test_by_when_somebody_answers_and_what_ends_that(house: House, erika: Person, anna: Person) -> None:
    erika.writes("The sundial goes wrong.", subject="Hall 4")
    acknowledgement = erika.gets("Our goal: an answer by")
    assert "Our goal: settled by" in acknowledgement.text
    notice = anna.gets("sundial goes wrong")
    assert "Answer due:" in notice.text
    number = int(acknowledgement.subject.partition("[INC-")[2].partition("]")[0])
    response, resolution = house.ticket(number)["due"]
    assert (response["kind"], response["outcome"], response["target_minutes"]) == ("response", "running", 60)
    assert (resolution["due"] - resolution["started"]).total_seconds() == 4 * 3600
    anna.answers(notice, "#ack")
    house.settles()
    assert {clock["acknowledged_by"] for clock in house.ticket(number)["due"]} == {"anna@example.com"}
    anna.answers(notice, "It was set to winter time.")
    erika.gets("winter time")
    assert [clock["outcome"] for clock in house.ticket(number)["due"]] == ["met", "running"]
