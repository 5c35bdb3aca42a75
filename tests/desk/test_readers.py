"""What each reader of a ticket sees of it: newcomers, colleagues of who logged it, people merged in or added."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.policy import Policy
from tests.desk.harness import DeskUnderTest, Sent, policy_of

ERIKA = "Erika Muster <erika@example.com>"
OTTO = "Otto Other <otto@example.com>"
CARA = "cara@example.com"
ANNA = "anna@example.com"
BEN = "ben@example.com"
NORA = "nora@example.com"
PROVEN = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}


def lines_of(sent: Sent) -> str:
    return sent.text.replace("\r\n", "\n")


def test_whom_a_ticket_is_given_to_sees_the_whole_conversation(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    notice = desk.last(ANNA)
    desk.answer(ANNA, notice, "Restart it.")
    desk.answer(ANNA, notice, "#note\nHer laptop is old.")
    desk.answer(ERIKA, desk.last("erika@example.com", "answer"), "Did not help.")
    desk.answer(ANNA, notice, "#assign nora@example.com\n#note\nPlease look at the router.")
    sent = desk.last(NORA, "new_ticket")
    words = ["It drops.", "Restart it.", "Her laptop is old.", "Did not help.", "Please look at the router."]
    for said in (sent.text, sent.html):
        places = [said.index(one) for one in words]
        assert places == sorted(places)
    assert "anna@example.com (Anna Agent), 2 March 2026, 09:02, public:" in sent.text
    assert "anna@example.com (Anna Agent), 2 March 2026, 09:03, internal note:" in sent.text
    assert "What happened:\n- assigned to Nora Net" in lines_of(sent)
    assert "Why it is sorted like this" not in sent.text
    assert desk.audit() == []


def test_what_is_written_after_an_assignment_is_no_part_of_its_mail(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    notice = desk.last(ANNA)
    desk.answer(ANNA, notice, "#take")
    desk.answer(ANNA, notice, "#assign nora@example.com")
    text = desk.last(NORA, "new_ticket").text
    assert "What has been written" not in text
    assert "#take" not in text


def test_a_long_conversation_is_cut_and_says_so(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    notice = desk.last(ANNA)
    for number in range(4):
        desk.answer(ANNA, notice, f"#note\nPart {number}. " + "many words " * 700)
    desk.answer(ANNA, notice, "#assign nora@example.com")
    text = desk.last(NORA, "new_ticket").text
    assert "(Older messages are left out.)" in text
    assert "Part 3." in text
    assert "Part 0." not in text
    assert "[…]" in text


def test_a_ticket_given_to_a_team_is_not_said_to_be_given_to_you(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA), "#assign network")
    assert "given to the team network by Anna Agent" in desk.last(NORA, "new_ticket").text


def test_an_assignment_that_changes_the_team_says_so(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA), "#assign nora@example.com")
    text = desk.last(NORA, "new_ticket").text
    assert "given to you by Anna Agent" in text
    assert "- assigned to Nora Net, and with it given to the team network" in text


def test_colleagues_see_the_note_of_who_logged_the_matter(desk: DeskUnderTest) -> None:
    text = "#requester erika@example.com\n\nNo light.\n\n#note\nShe called twice."
    desk.write(f"Anna Agent <{ANNA}>", text, subject="Light", headers=PROVEN)
    sent = desk.last(BEN, "new_ticket")
    for said in (sent.text, sent.html):
        assert "Note by Anna Agent." in said
        assert "She called twice." in said
    assert all("She called twice." not in one.text for one in desk.inbox("erika@example.com"))
    assert desk.audit() == []


def test_only_the_requesters_words_classify_a_logged_ticket(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    rule = """
[[rule]]
name = "printer"
when.words = ["printer"]
set.team = "network"
"""
    desk = make_desk(policy_of(more=rule))
    forwarded = (
        "-----Original Message-----\nFrom: Erika Muster <erika@example.com>\nSent: Monday, 2 March 2026 08:00\n"
        "To: Anna Agent <anna@example.com>\nSubject: {subject}\n\nIt is dark.\n"
    )
    comment = "Not the printer again, I hope.\n\n"
    desk.write(f"Anna Agent <{ANNA}>", comment + forwarded.format(subject="Light"), subject="FW: Light", headers=PROVEN)
    assert desk.ticket(1001)["team"] == "desk"
    assert "Not the printer again" in desk.last(BEN, "new_ticket").text
    text = forwarded.format(subject="Printer")
    desk.write(f"Anna Agent <{ANNA}>", text, subject="FW: Printer", headers=PROVEN)
    assert desk.ticket(1002)["team"] == "network"


def test_nobody_sees_the_subject_of_the_ticket_that_theirs_was_merged_into(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.", subject="Erika's secret")
    desk.write(OTTO, "Mine too.", subject="Otto's matter")
    desk.answer(ANNA, desk.inbox(ANNA, "new_ticket")[1], f"#cc {CARA}")
    desk.write("Ida <ida@example.com>", "And mine.", subject="Ida's problem")
    desk.answer(ANNA, desk.inbox(ANNA, "new_ticket")[1], "#merge INC-1003")
    desk.answer(ANNA, desk.inbox(ANNA, "new_ticket")[2], "#merge INC-1001")
    desk.answer(ANNA, desk.inbox(ANNA, "new_ticket")[0], "It works again.\n#resolve")
    own = {
        "erika@example.com": ("[INC-1001] Erika's secret", "INC-1001"),
        "otto@example.com": ("[INC-1002] Otto's matter", "INC-1002"),
        CARA: ("[INC-1002] Otto's matter", "INC-1002"),
        "ida@example.com": ("[INC-1003] Ida's problem", "INC-1003"),
    }
    for address, (subject, number) in own.items():
        sent = desk.last(address, "resolution")
        assert sent.subject.removeprefix("Re: ") == subject
        assert f"Your number: {number}\n" in lines_of(sent)
        # Whose own matter it is knows why the mail comes.
        assert ("You get this because Anna Agent added you to INC-1002." in sent.text) == (address == CARA)
        others = {name for name, _ in own.values()} - {subject}
        assert not [name for name in others if name.partition("] ")[2] in sent.message.as_string() + sent.text]
    desk.answer(OTTO, desk.last("otto@example.com", "resolution"), "Not with me.")
    assert desk.ticket(1001)["messages"][-1]["text"] == "Not with me."
    assert desk.audit() == []


def test_of_a_merger_those_hear_who_have_the_ticket_that_goes_on_and_who_reads_along(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.write("Helga Hof <helga@example.com>", "Mine too.", subject="VPN for me")
    desk.answer(BEN, desk.inbox(BEN, "new_ticket")[0], "#take")
    desk.answer(ANNA, desk.inbox(ANNA, "new_ticket")[1], "#take")
    before = len(desk.inbox(BEN))
    assert "Also reads" not in desk.last(BEN).text
    desk.answer(ANNA, desk.inbox(ANNA, "new_ticket")[1], "#merge INC-1001")
    told = desk.last(BEN, "changed")
    assert len(desk.inbox(BEN)) == before + 1
    assert "[INC-1001]" in told.subject
    assert (
        "INC-1002 was merged into this ticket; from now on the answers here also go to: helga@example.com"
        in " ".join(told.text.split())
    )
    assert "Also reads: helga@example.com (Helga Hof)" in told.text
    desk.answer(ERIKA, desk.last("erika@example.com"), "And now?")
    assert "Also reads: helga@example.com (Helga Hof)" in desk.last(BEN, "new_reply").text
    desk.answer(ANNA, desk.inbox(ANNA, "new_ticket")[0], "#watch")
    desk.answer(BEN, told, "#unwatch helga@example.com")
    desk.answer(ERIKA, desk.last("erika@example.com"), "And then?")
    assert "Also reads" not in desk.last(BEN, "new_reply").text
    assert desk.audit() == []


def test_what_is_opened_and_merged_at_once_has_no_number_to_tell(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.answer(BEN, desk.inbox(BEN, "new_ticket")[0], "#take")
    text = "#requester helga@example.com\n#merge INC-1001\nShe called."
    desk.write(f"Anna Agent <{ANNA}>", text, subject="Call", headers=PROVEN)
    told = " ".join(desk.last(BEN, "changed").text.split())
    assert (
        "A new ticket was merged into this ticket; from now on the answers here also go to: helga@example.com" in told
    )


def test_who_heard_of_a_merger_hears_that_it_was_taken_back(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.write("Helga Hof <helga@example.com>", "Mine too.", subject="VPN for me")
    desk.answer(BEN, desk.inbox(BEN, "new_ticket")[0], "#take")
    own = desk.inbox(ANNA, "new_ticket")[1]
    desk.answer(ANNA, own, "#merge INC-1001")
    before = len(desk.inbox(BEN, "changed"))
    desk.answer(ANNA, own, "#undo")
    assert len(desk.inbox(BEN, "changed")) == before + 1
    assert "no longer merged into INC-1001" in " ".join(desk.last(BEN, "changed").text.split())
    assert desk.audit() == []


def test_whose_ticket_was_merged_reads_by_status_where_it_goes_on(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.", subject="Erika's secret")
    helga = "Helga Hof <helga@example.com>"
    desk.write(helga, "Mine too.", subject="VPN for me")
    desk.answer(BEN, desk.inbox(BEN, "new_ticket")[0], "#take")
    desk.answer(ANNA, desk.inbox(ANNA, "new_ticket")[1], "#merge INC-1001")
    desk.write(helga, "status", subject="status")
    text = " ".join(desk.last("helga@example.com", "status").text.split())
    assert "INC-1002, VPN for me: in progress; Ben Helper" in text
    assert "secret" not in text
    desk.answer(BEN, desk.inbox(BEN, "new_ticket")[0], "#unwatch helga@example.com")
    desk.write(helga, "status", subject="status")
    assert "Nothing of yours is open" in desk.last("helga@example.com", "status").text


@pytest.mark.parametrize("command", ["", "\n#resolve"])
def test_who_was_added_is_told_why_the_mail_comes(desk: DeskUnderTest, command: str) -> None:
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA), f"#cc {CARA}")
    desk.answer(BEN, desk.last(BEN), f"Restart it.{command}")
    assert "You get this because Anna Agent added you to INC-1001." in desk.last(CARA).text
    assert "You get this" not in desk.last("erika@example.com").text


def test_the_help_is_a_list_and_no_code(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA), "#help")
    sent = desk.last(ANNA, "result")
    assert "\n- #take: The ticket is yours.\n" in lines_of(sent)
    assert "<li><b>#take</b>: The ticket is yours.</li>" in sent.html
    assert "monospace" not in sent.html
    assert max(map(len, sent.text.splitlines())) <= 72


def test_a_ticket_without_files_says_so_in_a_sentence(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA), "#files")
    sent = desk.last(ANNA, "result")
    assert "\nThis ticket has no files.\n" in lines_of(sent)
    assert "monospace" not in sent.html
    desk.write(ERIKA, "See.", subject="Other", files=[("log.txt", b"x", "text/plain")])
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#files")
    assert "Files of the ticket, mail 1 of 1:\n- log.txt\n" in lines_of(desk.last(ANNA, "result"))


def test_colleagues_are_told_in_words_what_the_commands_of_an_answer_did(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#take\nI look into it.")
    assert "- taken by Anna Agent" in desk.last(BEN, "agent_answered").text
    desk.wait(hours=1)
    desk.answer(BEN, desk.last(BEN, "new_ticket"), "#take\n#hold vendor until 2026-03-20\nThe vendor has it.")
    told = desk.last(ANNA, "agent_answered").text
    assert "- taken over by Ben Helper from Anna Agent" in told
    assert "- on hold, waiting for the vendor, until 20 March 2026" in " ".join(told.split())
    desk.answer(BEN, desk.last(BEN, "new_ticket"), "#resolve")
    assert "- resolved" in desk.last(ANNA, "changed").text
    desk.answer(BEN, desk.last(BEN, "new_ticket"), "#reopen\n#note\nNot yet.")
    assert "- reopened" in desk.last(ANNA, "internal_note").text
    assert desk.audit() == []


def test_each_of_several_wrong_lines_is_told_what_would_fit(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#priority P9\n#impact huge\nHello")
    told = " ".join(desk.last(ANNA, "question").text.split())
    assert "#priority P9: is no priority; what would fit: #priority P1 … P5" in told
    assert "#impact huge: is no impact; what would fit: #impact high|medium|low" in told
