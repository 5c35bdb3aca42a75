"""Every command once, by mail; and what happens to a mail that can't be carried out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.triage.commands import COMMANDS
from tests.stories.house import SECRET, House, Person
from tests.stories.letters import File, Letter, picture

# What is only a setting: the command, and what the ticket says afterwards.
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "take": ("#take", {"assignee": "anna@example.com", "status": "in_progress"}),
    "assign": ("#assign ben", {"assignee": "ben@example.com"}),
    "priority": ("#priority P1", {"priority": "P1"}),
    "impact": ("#impact high", {"impact": "high", "priority": "P2"}),
    "urgency": ("#urgency low", {"urgency": "low", "priority": "P4"}),
    "category": ("#category network/vpn", {"category": "network", "subcategory": "vpn"}),
    "type": ("#type request", {"type": "request"}),
    "tag": ("#tag VPN urgent", {"tags": ["vpn", "urgent"]}),
    "set": ("#set asset=PC-0815", {"asset": "PC-0815"}),
    "ack": ("#ack", {"status": "new"}),
    "hold": (f"#hold vendor until {datetime.now(UTC).year + 1}-12-24", {"status": "on_hold", "hold": "vendor"}),
    "close": ("#close", {"status": "closed"}),
    "spam": ("#spam", {"status": "cancelled"}),
    "retry": ("#retry", {"status": "new"}),
}
ELSEWHERE = {
    "away",
    "back",
    "resolve",
    "reopen",
    "cc",
    "watch",
    "unwatch",
    "requester",
    "merge",
    "link",
    "note",
    "send",
    "files",
    "help",
    "why",
    "rules",
} | {
    *("workaround", "cause", "code", "escalate", "handover"),
    *("use", "preview", "undo"),
}


@pytest.fixture
def number(erika: Person) -> int:
    """A ticket of Erika's."""
    return erika.opens("It drops since this morning.")


@pytest.fixture
def notice(anna: Person, number: int) -> Letter:
    return anna.gets("It drops", about=number)


def test_every_command_has_its_story() -> None:
    assert set(COMMANDS) == set(SETTINGS) | ELSEWHERE


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_made_and_tells_the_requester_nothing(
    house: House, erika: Person, anna: Person, number: int, notice: Letter, name: str
) -> None:
    command, expected = SETTINGS[name]
    anna.answers(notice, command)
    assert erika.got() == []
    ticket = house.ticket(number)
    assert {key: ticket[key] for key in expected} == expected


def test_reopen_takes_a_closed_ticket_up_again(house: House, anna: Person, number: int, notice: Letter) -> None:
    anna.answers(notice, "#close")
    house.settles()
    anna.answers(notice, "#reopen")
    house.settles()
    assert house.status_of(number) == "in_progress"


def test_whom_a_ticket_is_given_to_gets_its_first_mail(anna: Person, nora: Person, number: int, notice: Letter) -> None:
    anna.answers(notice, "#assign network")
    assert "It drops since this morning." in nora.gets("given to the team network by Anna Agent", about=number).text


def test_a_ticket_of_another_type_answers_to_its_old_token(
    house: House, erika: Person, anna: Person, number: int, notice: Letter
) -> None:
    anna.answers(notice, "Ordered.\n\n#type request")
    answer = erika.gets("Ordered.")
    assert f"[REQ-{number}]" in answer.subject
    erika.writes("When will it come?", subject=f"AW: [INC-{number}] My VPN is down")
    assert f"[REQ-{number}]" in anna.gets("When will it come?", about=number).subject
    assert len(house.ticket(number)["messages"]) == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("All fine now.\n\n#reslove", "#resolve"),
        ("Hello,\n#resolve\nit works again.", "in the middle"),
        ("Fixed.\n#priority urgent", "is no priority"),
        ("Fixed.\n#reopen", "the ticket is new"),
        ("It is the same matter.\n#merge INC-99999", "there is no such ticket"),
        ("#spam\nPlease stop writing to us.", "#note"),
        ("#assign nobody-here\nIt is yours.", "names no agent and no team"),
    ],
)
def test_a_mail_with_a_wrong_command_is_held_whole_and_its_author_asked(
    house: House, erika: Person, anna: Person, ben: Person, number: int, notice: Letter, text: str, why: str
) -> None:
    ben.gets("It drops", about=number)
    anna.answers(notice, text)
    question = anna.gets(why, about=number)
    assert "has not been sent yet" in question.text
    assert (erika.got(), ben.got(number)) == ([], [])
    assert house.status_of(number) == "new"


def test_send_sends_a_held_mail_as_it_was_written(
    house: House, erika: Person, anna: Person, number: int, notice: Letter
) -> None:
    files = [File(name="manual.pdf", content=b"%PDF-1.4 manual", content_type="application/pdf")]
    html = "<p>See the <b>manual</b>, page 3.</p><p>#reslove</p>"
    anna.answers(notice, "See the manual, page 3.\n\n#reslove", html=html, files=files)
    question = anna.gets("has not been sent yet", about=number)
    anna.answers(question, "#send")
    answer = erika.gets("See the manual, page 3.")
    assert answer.files["manual.pdf"] == b"%PDF-1.4 manual"
    assert "<b>manual</b>" in answer.html.replace("strong>", "b>")
    assert "#reslove" not in answer.everything
    assert "#send" not in answer.everything
    assert house.status_of(number) == "in_progress"


def test_send_carries_the_words_when_the_command_stays_impossible(
    house: House, erika: Person, anna: Person, number: int, notice: Letter
) -> None:
    anna.answers(notice, "One more thing: restart it first.\n\n#reopen")
    question = anna.gets("the ticket is new", about=number)
    anna.answers(question, "#send")
    erika.gets("restart it first")


def test_a_corrected_mail_takes_the_place_of_the_held_one(
    house: House, erika: Person, anna: Person, number: int, notice: Letter
) -> None:
    anna.answers(notice, "It works again.\n#reslove")
    anna.answers(anna.gets("has not been sent yet", about=number), "It works again.\n#resolve")
    erika.gets("It works again.")
    house.settles()
    assert house.status_of(number) == "resolved"
    assert [one["state"] for one in house.ticket(number)["messages"]] == ["posted", "dropped", "posted"]


def test_two_agents_who_answer_at_once_do_not_talk_over_each_other(
    house: House, erika: Person, anna: Person, ben: Person, number: int, notice: Letter
) -> None:
    bens_notice = ben.gets("It drops", about=number)
    anna.answers(notice, "Please restart the client.")
    erika.gets("Please restart the client.")
    ben.answers(bens_notice, "Please reinstall the client.")
    question = ben.gets("Anna Agent answered", about=number)
    assert "Please restart the client." in question.text
    assert "Please reinstall the client." in question.text
    assert erika.got() == []
    ben.answers(question, "#send")
    erika.gets("Please reinstall the client.")


def test_what_follows_a_note_is_for_colleagues_only(
    house: House, erika: Person, anna: Person, ben: Person, number: int, notice: Letter
) -> None:
    ben.gets("It drops", about=number)
    anna.answers(notice, f"We are looking into it.\n#note\nThe gateway is full, {SECRET}.")
    answer = erika.gets("We are looking into it.")
    assert SECRET not in answer.everything
    told = ben.gets("We are looking into it.", about=number).text
    assert "The requester does not see it:" in told
    assert f"The gateway is full, {SECRET}." in told


def test_a_note_on_the_first_line_is_the_whole_mail(
    erika: Person, anna: Person, ben: Person, number: int, notice: Letter
) -> None:
    html = f"<div>#note</div><div>Nothing of this goes out, <b>{SECRET}</b>.</div>"
    anna.answers(notice, f"#note\nNothing of this goes out, {SECRET}.", html=html)
    ben.gets(f"Nothing of this goes out, {SECRET}.", about=number)
    assert erika.got() == []


def test_files_sends_every_file_of_the_ticket(erika: Person, anna: Person) -> None:
    log = File(name="error.log", content=b"line\r\n" * 10, content_type="application/octet-stream")
    number = erika.opens("See the log.", files=[log])
    anna.answers(anna.gets("See the log.", about=number), "#files")
    assert anna.gets("Files of the ticket", about=number).files == {"error.log": log.content}


def test_help_lists_every_command(anna: Person, number: int, notice: Letter) -> None:
    anna.answers(notice, "#help")
    text = anna.gets("#assign NAME|TEAM", about=number).text
    assert all(str(command.usage) in text for command in COMMANDS.values())


def test_why_and_the_rules_are_explained_to_the_agent_alone(
    erika: Person, anna: Person, number: int, notice: Letter
) -> None:
    anna.answers(notice, "#why")
    assert "category general" in anna.gets("What set the fields of this ticket", about=number).text
    anna.answers(notice, "#rules stats")
    anna.gets("#rules", about=number)
    assert erika.got() == []


def test_a_watcher_gets_what_is_answered_from_now_on_and_no_history(
    house: House, erika: Person, anna: Person, number: int, notice: Letter
) -> None:
    boss = house.person(f"boss.{number}@example.com", "The Boss")
    anna.answers(notice, "The old password was hunter2.")
    first = erika.gets("hunter2")
    anna.answers(notice, f"#cc {boss.address}\nYour new VPN profile is ready.")
    copy = boss.gets("Your new VPN profile is ready.")
    erika.gets("Your new VPN profile is ready.")
    assert "hunter2" not in copy.everything
    assert "it drops since this morning" not in copy.everything
    boss.answers(copy, "Thank you, I tell the team.")
    reply = anna.gets("I tell the team", about=number)
    assert first.message_id not in copy.references
    anna.answers(reply, "Good. #done is not a command here")
    assert "#done is not a command here" in boss.gets("Good.").text
    assert [message["as"] for message in house.ticket(number)["messages"]][-2:] == ["watcher", "agent"]


def test_a_ticket_gets_another_requester(
    house: House, erika: Person, anna: Person, number: int, notice: Letter
) -> None:
    carl = house.person(f"carl.{number}@example.com", "Carl")
    anna.answers(notice, f"#requester {carl.address}\nCarl, is it yours?")
    answer = carl.gets("Carl, is it yours?")
    assert erika.got() == []
    carl.answers(answer, "Yes, it is mine.")
    anna.gets("Yes, it is mine.", about=number)
    assert house.ticket(number)["requester"] == carl.address


def test_a_merged_ticket_goes_on_in_the_other_one(
    house: House, erika: Person, anna: Person, ben: Person, number: int, notice: Letter
) -> None:
    dora = house.person(f"dora.{number}@example.com", "Dora")
    dora.writes("Same here: no VPN.")
    dora_acknowledgement = dora.gets("Your number")
    second = dora_acknowledgement.ticket
    second_notice = anna.gets("Same here", about=second)
    bens_second = ben.gets("Same here", about=second)
    anna.answers(second_notice, f"#merge INC-{number}")
    house.settles()
    assert (dora.got(), erika.got()) == ([], [])
    assert house.ticket(second)["merged_into"] == number

    dora.answers(dora_acknowledgement, "Still no VPN.")
    anna.gets("Still no VPN.", about=number)
    ben.answers(bens_second, "The gateway is back.")
    erika.gets("The gateway is back.")
    answer = dora.gets("The gateway is back.")
    assert answer.ticket == second
    assert dora_acknowledgement.message_id in answer.references
    anna.answers(notice, f"#merge INC-{second}")
    anna.gets("is this ticket itself", about=number)


def test_linked_tickets_name_each_other_and_tell_the_requester_nothing(
    house: House, erika: Person, anna: Person, number: int, notice: Letter
) -> None:
    second = erika.opens("And my phone is dead.", subject="Phone")
    anna.answers(notice, f"#link INC-{second}")
    assert erika.got() == []
    assert house.ticket(number)["links"] == [f"related {second}"]


def test_an_answer_of_nothing_but_a_pasted_screenshot_is_sent(erika: Person, anna: Person, notice: Letter) -> None:
    shot = File(name="image001.png", content=picture(7), content_type="image/png", content_id="shot@pc")
    anna.answers(notice, "", html='<div><img src="cid:shot@pc"></div>', files=[shot])
    assert shot.content in erika.gets().files.values()


def test_a_mail_without_any_new_word_is_not_lost_in_silence(
    erika: Person, anna: Person, number: int, notice: Letter
) -> None:
    anna.answers(notice, "")
    anna.gets("has not been sent yet", about=number)
    assert erika.got() == []
