"""An agent's name stands once below an answer: typed by hand, or else ours."""

from __future__ import annotations

import pytest

from tests.desk.harness import DeskUnderTest, Sent

ERIKA = "Erika Muster <erika@example.com>"
ANNA = "anna@example.com"


@pytest.fixture
def notice(desk: DeskUnderTest) -> Sent:
    desk.write(ERIKA, "It drops.")
    return desk.last(ANNA, "new_ticket")


@pytest.mark.parametrize("name", ["Anna", "ANNA AGENT", "anna agent", "Ànna Agent"])
def test_a_name_typed_by_hand_stands_alone(desk: DeskUnderTest, notice: Sent, name: str) -> None:
    desk.answer(ANNA, notice, f"Restart it.\n\nThanks,\n{name}")
    sent = desk.last("erika@example.com", "answer")
    assert sent.text.count(name) == 1
    assert sent.text.lower().count("agent") == name.lower().count("agent")
    assert "Help Desk" in sent.text
    assert "Anna Agent" in str(sent.message["From"])


def test_a_name_in_formatted_text_stands_alone_in_both_forms(desk: DeskUnderTest, notice: Sent) -> None:
    markup = "<p>Restart <b>it</b>.</p><p>Mit freundlichen Grüßen<br>Anna Agent</p>"
    desk.answer(ANNA, notice, "Restart it.\n\nMit freundlichen Grüßen\nAnna Agent", html=markup)
    sent = desk.last("erika@example.com", "answer")
    assert "<b>it</b>" in sent.html
    assert (sent.text.count("Anna Agent"), sent.html.count("Anna Agent")) == (1, 1)


def test_an_answer_without_a_name_gets_one(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "Anna from the other floor will restart it.\nRegards")
    sent = desk.last("erika@example.com", "answer")
    assert "\nAnna Agent\nHelp Desk\n" in sent.text.replace("\r\n", "\n")
    assert sent.html.count("Anna Agent") == 1


def test_the_words_of_a_resolution_are_signed_once_too(desk: DeskUnderTest, notice: Sent) -> None:
    desk.answer(ANNA, notice, "#resolve\n\nYour profile is new.\n\nBest, Anna")
    sent = desk.last("erika@example.com", "resolution")
    assert "Best, Anna" in sent.text
    assert "Anna Agent" not in sent.text
    desk.answer(ANNA, notice, "#reopen")
    desk.answer(ANNA, notice, "#resolve")
    assert "Anna Agent" in desk.last("erika@example.com", "resolution").text


PHONE_REPLY = (
    '<body dir="auto"><div dir="ltr">Restart <b>it</b>.</div><div dir="ltr">Anna</div>'
    '<br id="lineBreakAtBeginningOfSignature"><div dir="ltr">Von meinem iPhone gesendet</div><div dir="ltr"><br>'
    '<blockquote type="cite">Am 01.06.2026 um 10:00 schrieb Help Desk &lt;helpdesk@example.com&gt;:<br></blockquote>'
    '</div><blockquote type="cite"><div dir="ltr">It drops.</div></blockquote></body>'
)


def test_the_line_of_a_phone_goes_to_nobody_and_the_name_above_it_counts(desk: DeskUnderTest, notice: Sent) -> None:
    quote = "> Am 01.06.2026 um 10:00 schrieb Help Desk <helpdesk@example.com>:\n> It drops."
    desk.answer(ANNA, notice, f"Restart it.\nAnna\n\nVon meinem iPhone gesendet\n\n{quote}", html=PHONE_REPLY)
    sent = desk.last("erika@example.com", "answer")
    assert "<b>it</b>" in sent.html
    assert "iPhone" not in sent.text + sent.html and "Anna Agent" not in sent.text + sent.html
