"""`#escalate` gives a ticket to the next tier, `#handover` gives all open tickets of an agent to another one."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.store.states import LedgerState, Outcome
from tests.desk.harness import DESK, DeskUnderTest, Sent
from tests.desk.test_listings import lines_of

ERIKA, ANNA, BEN, NORA, LEA = (f"{name}@example.com" for name in ("erika", "anna", "ben", "nora", "lea"))
# A proof of the sender's domain, as the mail server at the border writes it.
PROVEN = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}


def flat(mail: Sent) -> str:
    return " ".join(mail.text.split())


def tiers(more: str = "") -> Any:
    from gateway.policy import parse_policy

    return parse_policy(
        f"""
[desk]
address = "{DESK}"
own_domains = ["example.com"]
trusted_authserv_id = "mx.example.com"
[[team]]
name = "desk"
leads = ["lea"]
escalates_to = "network"
[[team]]
name = "network"
escalates_to = "makers"
[[team]]
name = "makers"
[[agent]]
name = "Anna Agent"
address = "{ANNA}"
teams = ["desk"]
[[agent]]
name = "Ben Helper"
address = "{BEN}"
teams = ["desk"]
[[agent]]
name = "Lea Lead"
address = "{LEA}"
[[agent]]
name = "Nora Net"
address = "{NORA}"
teams = ["network"]
[[agent]]
name = "Max Maker"
address = "max@example.com"
teams = ["makers"]
{more}""",
        "rules.toml",
    )


@pytest.fixture
def tiered(desk: DeskUnderTest) -> DeskUnderTest:
    desk.change_policy(tiers())
    return desk


def matters(desk: DeskUnderTest, *subjects: str, to: str = ANNA) -> None:
    for subject in subjects:
        desk.write(ERIKA, f"{subject}. Please help.", subject=subject)
        desk.answer(to, desk.last(to, "new_ticket"), "#take")


def shift(desk: DeskUnderTest, command: str, sender: str = ANNA, **more: Any) -> Any:
    return desk.write(sender, command, subject="shift", headers=PROVEN, **more)


# --- escalate ---


def test_escalating_carries_all_that_is_known_to_the_next_team(tiered: DeskUnderTest) -> None:
    tiered.write(ERIKA, "It drops since this morning.")
    tiered.answer(BEN, tiered.last(BEN), "#workaround Use the web mail.")
    tiered.answer(BEN, tiered.last(BEN), "#note\nChanged the cable, no help.")
    tiered.answer(ERIKA, tiered.last(ERIKA, "answer"), "Web mail is slow too.")
    tiered.answer(ANNA, tiered.last(ANNA), "#escalate Needs the firewall's log.")
    ticket = tiered.ticket()
    assert (ticket["team"], ticket["assignee"], ticket["moves"]) == ("network", "", ["desk", "network"])
    mail = tiered.last(NORA, "escalated")
    assert tiered.inbox("max@example.com") == []
    for words in (
        "Anna Agent gives this ticket from the team desk to you.",
        "Why: Needs the firewall's log.",
        "Workaround: Use the web mail.",
        "Moves between teams: 1 (desk → network)",
        "It drops since this morning.",
        "Changed the cable, no help.",
        "Web mail is slow too.",
    ):
        assert words in mail.text
    assert "escalated to the team network: Needs the firewall's log." in tiered.last(BEN, "changed").text
    assert "firewall" not in "".join(one.text for one in tiered.inbox(ERIKA))
    assert tiered.audit() == []


def test_who_withdraws_what_was_escalated_tells_the_new_team_too(tiered: DeskUnderTest) -> None:
    tiered.write(ERIKA, "It drops since this morning.")
    tiered.answer(ANNA, tiered.last(ANNA), "#escalate")
    tiered.answer(ERIKA, tiered.last(ERIKA, "acknowledgement"), "cancel")
    for agent in (ANNA, NORA):
        assert "has withdrawn it" in tiered.last(agent, "changed").text
    assert tiered.inbox("max@example.com") == []
    assert tiered.audit() == []


def test_the_previous_tier_hears_what_happens_also_who_never_wrote(tiered: DeskUnderTest) -> None:
    tiered.write(ERIKA, "It drops since this morning.")
    tiered.answer(ANNA, tiered.last(ANNA), "#assign ben")
    tiered.answer(ANNA, tiered.last(ANNA, "new_ticket"), "#escalate")
    assert tiered.ticket()["followers"] == [BEN]
    tiered.answer(NORA, tiered.last(NORA, "escalated"), "The port was blocked. Try again, please.")
    for follower in (ANNA, BEN):
        assert "The port was blocked." in tiered.last(follower, "agent_answered").text
    assert tiered.audit() == []


def test_a_ticket_goes_up_tier_by_tier_and_every_move_is_shown(tiered: DeskUnderTest) -> None:
    tiered.write(ERIKA, "It drops since this morning.")
    tiered.answer(ANNA, tiered.last(ANNA), "#escalate")
    tiered.answer(NORA, tiered.last(NORA), "#escalate a bug in the client")
    tiered.answer("max@example.com", tiered.last("max@example.com"), "#assign desk")
    assert tiered.ticket()["moves"] == ["desk", "network", "makers", "desk"]
    assert "Moves between teams: 3 (desk → network → makers → desk)" in tiered.last(BEN, "new_ticket").text
    assert tiered.audit() == []


def test_where_nobody_is_above_the_reason_and_other_teams_are_told(tiered: DeskUnderTest) -> None:
    tiered.write(ERIKA, "It drops since this morning.")
    tiered.answer(ANNA, tiered.last(ANNA), "#assign makers")
    tiered.answer("max@example.com", tiered.last("max@example.com"), "#escalate")
    question = tiered.last("max@example.com", "question")
    assert "no team is above makers" in question.text
    assert "#assign desk|network" in question.text
    assert tiered.ticket()["team"] == "makers"


def test_what_is_over_is_not_escalated(tiered: DeskUnderTest) -> None:
    tiered.write(ERIKA, "It drops since this morning.")
    tiered.answer(ANNA, tiered.last(ANNA), "#resolve Done.")
    tiered.answer(ANNA, tiered.last(ANNA), "#escalate")
    assert "the ticket is resolved" in tiered.last(ANNA, "question").text


def test_a_line_of_a_list_escalates_too(tiered: DeskUnderTest) -> None:
    matters(tiered, "Mouse", "Beamer")
    tiered.write(ANNA, "#list mine", subject="list")
    tiered.answer(ANNA, tiered.last(ANNA, "listing"), "2 escalate needs the vendor")
    assert tiered.ticket(1002)["team"] == "network"
    assert "needs the vendor" in tiered.last(NORA, "escalated").text
    assert tiered.audit() == []


# --- hand-over ---


def handed(desk: DeskUnderTest, reader: str = BEN) -> Sent:
    mails = desk.inbox(reader, "listing")
    assert len(mails) == 1
    return mails[0]


def test_all_open_tickets_go_to_the_colleague_with_one_list_and_one_result(tiered: DeskUnderTest) -> None:
    matters(tiered, "Mouse", "Beamer", "Printer")
    matters(tiered, "Lamp", to=BEN)
    tiered.write(ERIKA, "Another one.", subject="Unowned")
    before = len(tiered.sent)
    row = shift(tiered, "#handover ben")
    assert (row.state, row.outcome, row.ticket_id) == (LedgerState.DONE, Outcome.COMMANDED, None)
    assert [tiered.ticket(number)["assignee"] for number in range(1001, 1006)] == [BEN, BEN, BEN, BEN, ""]
    assert sorted((one.to, one.notice) for one in tiered.sent[before:]) == [(ANNA, "result"), (BEN, "listing")]
    mail = handed(tiered)
    assert mail.subject == "Anna Agent hands over to you (3)"
    assert tiered.last(ANNA, "result").subject == "Done: #handover ben"
    assert "Ben Helper" in mail.text
    result = " ".join(tiered.last(ANNA, "result").text.split())
    assert "3 tickets handed over to Ben Helper: INC-1001, INC-1002, INC-1003" in result
    event = tiered.ticket(1001)["history"][-1]
    assert (event["actor"], event["kind"], event["text"]) == (ANNA, "field", f"assignee: {ANNA} → {BEN}")
    assert tiered.audit() == []


def test_the_list_can_be_answered_line_by_line(tiered: DeskUnderTest) -> None:
    matters(tiered, "Mouse", "Beamer")
    shift(tiered, "#handover ben")
    tiered.answer(BEN, handed(tiered), "1 done\n2 note looked at it")
    assert tiered.ticket(1001)["status"] == "resolved"
    assert tiered.ticket(1002)["messages"][-1]["text"] == "looked at it"
    assert tiered.audit() == []


def test_the_list_says_what_was_said_last_on_each(tiered: DeskUnderTest) -> None:
    matters(tiered, "Mouse", "Beamer", "Printer")
    notices = {number: tiered.inbox(ANNA)[number] for number in range(3)}
    tiered.answer(ANNA, notices[0], f"#note\nCalled the vendor. {'They look into it. ' * 20}")
    # Commands and an out-of-office say nothing.
    tiered.answer(ANNA, notices[0], "#priority P2")
    tiered.answer(ANNA, notices[1], "Please restart it.")
    answer = tiered.last(ERIKA, "answer")
    tiered.answer(ERIKA, answer, "I am away until Monday.", headers={"Auto-Submitted": "auto-replied"})
    shift(tiered, "#handover ben")
    text = " ".join(handed(tiered).text.split())
    assert "(internal note): Called the vendor. They look into it." in text
    assert text.count("They look into it") <= 7 and "…" in text
    assert "Last: Anna Agent, 2 March 2026, 09:" in text and ": Please restart it." in text
    assert "away until Monday" not in text
    assert "Last: erika@example.com, " in text and ": Printer. Please help." in text
    # Whom such a ticket is shown to reads what the automatic reply is.
    tiered.answer(BEN, handed(tiered), "#show INC-1002")
    assert "automatic reply:" in tiered.last(BEN, "new_ticket").text
    assert tiered.audit() == []


def test_the_list_says_how_to_read_one_and_shows_it(tiered: DeskUnderTest) -> None:
    matters(tiered, "Mouse", "Beamer")
    shift(tiered, "#handover ben")
    assert 'More about one: answer "#show INC-1001".' in handed(tiered).text
    row = tiered.answer(BEN, handed(tiered), "#show INC-1001\n#list mine\n2 note looked at it")
    assert row.outcome == Outcome.COMMANDED
    shown = tiered.last(BEN, "new_ticket")
    assert "[INC-1001]" in shown.subject
    assert "Mouse. Please help." in shown.text and "shown to you because you asked" in shown.text
    assert "Your open tickets" in tiered.last(BEN, "listing").subject
    assert tiered.ticket(1002)["messages"][-1]["text"] == "looked at it"
    tiered.answer(BEN, shown, "#priority P1")
    assert tiered.ticket(1001)["priority"] == "P1"
    assert tiered.audit() == []


def test_in_a_reply_the_mail_does_both(tiered: DeskUnderTest) -> None:
    matters(tiered, "Mouse", "Beamer")
    row = tiered.answer(ANNA, tiered.last(ANNA, "new_ticket"), "We look into it tomorrow.\n\n#handover ben")
    assert row.ticket is not None
    assert (row.outcome, row.ticket.number) == (Outcome.APPENDED, 1002)
    assert "tomorrow" in tiered.last(ERIKA, "answer").text
    assert [tiered.ticket(number)["assignee"] for number in (1001, 1002)] == [BEN, BEN]
    assert "2 tickets handed over" in tiered.last(ANNA, "result").text
    tiered.answer(BEN, handed(tiered), "1 done")
    assert tiered.ticket(1001)["status"] == "resolved"
    assert tiered.audit() == []


def test_it_may_stand_in_the_answer_to_a_list(tiered: DeskUnderTest) -> None:
    matters(tiered, "Mouse", "Beamer")
    tiered.write(ANNA, "#list mine", subject="list")
    tiered.answer(ANNA, tiered.last(ANNA, "listing"), "1 done\n#handover ben")
    assert "handed over" in tiered.last(ANNA, "result").text
    assert tiered.ticket(1002)["assignee"] == BEN
    assert tiered.ticket(1001)["status"] == "resolved"
    assert tiered.audit() == []


def test_a_lead_hands_over_another_agents_tickets_who_hears_of_it(tiered: DeskUnderTest) -> None:
    matters(tiered, "Mouse")
    shift(tiered, "#handover anna to ben", sender=LEA)
    assert tiered.ticket(1001)["assignee"] == BEN
    assert "INC-1001 handed over to Ben Helper" in " ".join(tiered.last(LEA, "result").text.split())
    told = " ".join(tiered.last(ANNA, "result").text.split())
    assert "Lea Lead has handed your open tickets over to Ben Helper:" in told
    shift(tiered, "#handover ben to lea", sender=LEA)
    assert "Lea Lead has taken over your open tickets:" in " ".join(tiered.last(BEN, "result").text.split())
    assert tiered.last(LEA, "listing").subject == "You have taken over from Ben Helper (1)"
    assert tiered.audit() == []


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("#handover anna ben", "is for those who lead a team of Anna Agent"),
        ("#handover", "names no colleague"),
        ("#handover nobody", "names no colleague"),
        ("#handover nora", "names the one who has them already"),
        ("#handover ben", "Nora Net has no open tickets"),
    ],
)
def test_what_can_not_be_is_told_with_its_reason(tiered: DeskUnderTest, command: str, why: str) -> None:
    matters(tiered, "Mouse")
    shift(tiered, command, sender=NORA)
    assert tiered.ticket(1001)["assignee"] == ANNA
    assert any(why in line for line in lines_of(" ".join(tiered.last(NORA, "result").text.split("\n  "))))


def test_of_one_who_is_away_the_deputy_gets_the_list_too(tiered: DeskUnderTest) -> None:
    person = f'[[person]]\naddress = "{BEN}"\ndeputy = "nora"\n'
    tiered.change_policy(tiers(person))
    matters(tiered, "Mouse")
    shift(tiered, "#away until Friday", sender=BEN)
    shift(tiered, "#handover ben")
    assert "Ben Helper is away until 6 March 2026; Nora Net hears of it too" in flat(tiered.last(ANNA, "result"))
    assert handed(tiered).subject == "Anna Agent hands over to you (1)"
    mail = tiered.last(NORA, "listing")
    assert mail.subject == "Anna Agent hands over to Ben Helper, who is away (1)"
    assert ", Ben Helper, opened" in flat(mail)
    tiered.answer(NORA, mail, "1 take")
    assert tiered.ticket(1001)["assignee"] == NORA
    assert tiered.audit() == []


def test_a_new_mail_that_proves_nothing_is_asked_about_once(tiered: DeskUnderTest) -> None:
    matters(tiered, "Mouse")
    row = tiered.write(ANNA, "#handover ben", subject="shift")
    assert row.state == LedgerState.QUARANTINED
    assert tiered.ticket(1001)["assignee"] == ANNA
    tiered.answer(ANNA, tiered.last(ANNA, "challenge"), "yes")
    assert tiered.ticket(1001)["assignee"] == BEN
    assert tiered.audit() == []
