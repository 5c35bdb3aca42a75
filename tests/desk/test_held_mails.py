"""Held mails: `#send` sends the one whose question it answers, and nothing that was dropped or sent before."""

from __future__ import annotations

import pytest

from tests.desk.harness import DeskUnderTest, Sent

ERIKA = "Erika Muster <erika@example.com>"
ANNA, BEN, NORA = "anna@example.com", "ben@example.com", "nora@example.com"


@pytest.fixture
def notice(desk: DeskUnderTest) -> Sent:
    desk.write(ERIKA, "It drops since this morning.")
    return desk.last(ANNA, "new_ticket")


def answers(desk: DeskUnderTest) -> list[str]:
    return [sent.text for sent in desk.inbox("erika@example.com", "answer")]


def test_a_second_send_sends_no_other_mail(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "DROPPED words\n\n#resolv")
    desk.answer(ANNA, notice, "GOOD words\n\n#tak")
    question = desk.last(ANNA, "question")
    desk.answer(ANNA, question, "#send")
    desk.answer(ANNA, question, "#send")
    assert len(answers(desk)) == 1
    assert "GOOD words" in answers(desk)[0]
    assert "settled before" in desk.last(ANNA, "question").text
    assert desk.audit() == []


def test_what_was_written_anew_is_never_sent_in_its_old_form(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "OLD words\n\n#tak")
    first = desk.last(ANNA, "question")
    desk.answer(ANNA, first, "NEW words\n\n#tak")
    second = desk.last(ANNA, "question")
    desk.answer(ANNA, second, "FINAL words")
    desk.answer(ANNA, second, "#send")
    desk.answer(ANNA, first, "#send")
    assert len(answers(desk)) == 1
    assert "FINAL words" in answers(desk)[0]
    assert desk.audit() == []


def test_several_held_mails_need_the_one_that_is_meant(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "ONE\n\n#tak")
    desk.answer(ANNA, notice, "TWO\n\n#tak")
    desk.answer(ANNA, notice, "#send")
    assert answers(desk) == []
    assert "several mails of yours are held" in desk.last(ANNA, "question").text


def test_every_wrong_line_is_named_at_once_and_what_is_left_out_is_told(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "#priority P9\n#assign nobody\n#priority P1\nHello Erika")
    question = desk.last(ANNA, "question")
    assert "#priority P9" in question.text
    assert "#assign nobody: names no agent" in question.text
    assert "without the lines" in question.text
    desk.answer(ANNA, question, "#send")
    assert "Hello Erika" in answers(desk)[0]
    assert desk.ticket()["priority"] == "P1"
    told = desk.last(ANNA, "result").text
    assert "#priority P9" in told
    assert "#assign nobody" in told


def test_commands_alone_offer_no_send(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "#priority P9")
    assert "nothing but #send" not in desk.last(ANNA, "question").text
    desk.answer(ANNA, notice, "#send")
    assert "no mail of yours is held" in desk.last(ANNA, "question").text


def test_commands_alone_are_refused_as_commands(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "#undo")
    text = desk.last(ANNA, "question").text
    assert "No command of your mail on INC-1001 was carried out." in text
    assert not any(words in text for words in ("has not been sent", "What would fit", "Commands in it"))
    desk.answer(ANNA, notice, "#priority:")
    assert "Why: #priority: is no priority\r\n" in desk.last(ANNA, "question").text
    desk.answer(ANNA, notice, "Hello Erika,\u00a0 #\u00a0Note: secret\nmore # notes:")
    asked = desk.last(ANNA, "question")
    assert asked.subject.startswith("Re: [INC-1001] Not sent yet: Hello Erika,")
    assert "Your mail on INC-1001 has not been sent yet" in asked.text
    assert answers(desk) == [] and "::" not in asked.text


def test_a_second_yes_is_asked_about_and_does_not_reach_the_requester(desk: DeskUnderTest) -> None:
    desk.write(ANNA, "#requester erika@example.com\n#priority P1\n\nShe called: no network.", subject="Call")
    confirmation = desk.last(ANNA, "confirmation")
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "yes")
    assert "still waits for your yes" in desk.last(ANNA, "question").text
    desk.answer(ANNA, confirmation, "yes")
    assert desk.ticket()["priority"] == "P1"
    desk.answer(ANNA, confirmation, "yes")
    assert "answered before" in desk.last(ANNA, "question").text
    assert answers(desk) == []


def test_the_words_of_resolve_stand_where_they_were_written(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "#resolve The client needed an update.\n\nPlease restart it.")
    text = desk.last("erika@example.com", "resolution").text
    assert text.index("The client needed") < text.index("Please restart")


def test_words_after_spam_are_held_until_the_ticket_is_reopened(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "#spam")
    desk.answer(ANNA, notice, "Sorry, that was a mistake.")
    question = desk.last(ANNA, "question")
    assert "cancelled as spam" in question.text
    assert "#reopen" in question.text
    desk.answer(ANNA, question, "#reopen\n#send")
    assert "that was a mistake" in answers(desk)[0]
    assert desk.audit() == []


def test_what_a_held_resolve_says_goes_out_though_a_colleague_has_resolved_the_ticket(
    desk: DeskUnderTest, notice: Sent
) -> None:
    desk.answer(ANNA, notice, "#resolve Please restart the client.\n#tak")
    question = desk.last(ANNA, "question")
    desk.answer(BEN, desk.last(BEN, "new_ticket"), "#resolve")
    desk.answer(ANNA, question, "#send")
    assert "Please restart the client." in answers(desk)[0]
    assert desk.ticket()["status"] == "resolved"
    told = desk.last(ANNA, "result").text
    assert "Sent. Left out of it:" in told
    assert "#resolve Please restart the client.: the ticket is resolved" in told
    assert "The ticket is resolved meanwhile and stays so; #reopen" in told
    assert desk.audit() == []


@pytest.mark.parametrize("days", [0, 12])
def test_words_on_a_ticket_that_has_ended_meanwhile_go_out_and_their_author_is_told(
    desk: DeskUnderTest, notice: Sent, days: int
) -> None:
    desk.answer(BEN, desk.last(BEN, "new_ticket"), "#resolve")
    desk.wait(days=days)
    status = desk.ticket()["status"]
    assert status == ("closed" if days else "resolved")
    desk.answer(ANNA, notice, "Try the other port.")
    assert "Try the other port." in answers(desk)[0]
    assert desk.ticket()["status"] == status
    assert f"Sent. The ticket is {status} meanwhile and stays so" in desk.last(ANNA, "result").text

    desk.sent.clear()
    desk.answer(ANNA, notice, "#reopen\nAnd the third port.")
    assert desk.inbox(ANNA) == []


def test_who_has_seen_that_it_is_resolved_is_told_nothing(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(BEN, desk.last(BEN, "new_ticket"), "#resolve It works again.")
    desk.answer(ANNA, desk.last(ANNA, "agent_answered"), "And the printer too.")
    assert desk.inbox(ANNA, "result") == []


def test_a_send_of_which_nothing_is_left_does_not_say_sent(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "#note\nWait for Ben.\n\n#tak")
    desk.answer(ANNA, desk.last(ANNA, "question"), "#send")
    assert answers(desk) == []
    assert "Done. Left out of it:" in desk.last(ANNA, "result").text


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("#assign bobb", "Re: [INC-1001] Not done: #assign bobb"),
        ("Dear Erika, it works.\n#resolv", "Re: [INC-1001] Not sent yet: #resolv"),
        ("#priority P9\n#assign bobb", "Re: [INC-1001] Not done: #priority P9"),
        (f"#assign {'bobb' * 20}", f"Re: [INC-1001] Not done: #assign {'bobb' * 7}bob…"),
    ],
)
def test_the_subject_says_what_was_not_done_and_the_ticket_once(desk: DeskUnderTest, text: str, subject: str) -> None:
    desk.write("erika@example.com", "It drops.")
    desk.answer("anna@example.com", desk.last("anna@example.com", "new_ticket"), text)
    question = desk.last("anna@example.com", "question")
    assert question.subject == subject
    assert question.message["In-Reply-To"] == desk.last("anna@example.com", "new_ticket").message_id


def test_a_second_copy_of_an_answer_that_differs_is_not_sent_twice(desk: DeskUnderTest, notice: Sent) -> None:
    same = {"Message-ID": "<once@example.com>"}
    desk.answer(ANNA, notice, "Please restart it.", headers=same)
    desk.answer(ANNA, notice, "Please restart it.\n\nChecked by example.com", headers=same)
    question = desk.last(ANNA, "question")
    assert "same Message-ID" in " ".join(question.text.split())
    assert len(answers(desk)) == 1
    desk.answer(ANNA, question, "#send")
    assert len(answers(desk)) == 2
    assert desk.audit() == []


def test_a_word_that_people_write_alone_is_no_answer_of_an_agent(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "leave")
    assert "#unwatch" in desk.last(ANNA, "question").text
    desk.answer(ANNA, notice, f"#cc {NORA}")
    desk.answer(NORA, desk.last(NORA), "Status?")
    assert "#show 1001 in a new mail" in " ".join(desk.last(NORA, "question").text.split())
    assert answers(desk) == []
