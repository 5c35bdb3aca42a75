"""Replies of people who write below our mail, without quote marks."""

from __future__ import annotations

from tests.desk.harness import DeskUnderTest

ERIKA = "Erika Muster <erika@example.com>"
ANNA = "anna@example.com"


def test_an_answer_below_the_unmarked_mail_is_found_and_nothing_of_ours_goes_out_with_it(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops since this morning.")
    notice = desk.last(ANNA, "new_ticket")
    desk.keep_bytes()
    text = notice.text + "\nPlease restart the VPN client.\n"
    headers = {"In-Reply-To": notice.message_id, "References": notice.message_id}
    desk.write(ANNA, text, subject=notice.subject, to=notice.reply_to, headers=headers, recipients=(notice.reply_to,))
    answer = desk.last("erika@example.com", "answer")
    assert "Please restart the VPN client." in answer.text
    assert "Why it is sorted" not in answer.text
    assert "Priority" not in answer.text


def test_a_reply_without_any_word_is_asked_about(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops since this morning.")
    row = desk.answer(ANNA, desk.last(ANNA), "")
    assert row.outcome == "held"
    assert "no words of yours" in desk.last(ANNA, "question").text
    assert desk.inbox("erika@example.com", "answer") == []
