"""How a matter ends: a yes, a rating, silence, a complaint; workaround, cause, code, and what must be known before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.store.database import connection
from gateway.store.tables import Contact, Rating, Ticket
from tests.desk.harness import DeskUnderTest, Sent, policy_of

ERIKA, ANNA, BEN = "Erika Muster <erika@example.com>", "anna@example.com", "ben@example.com"
LEAD = """
[[agent]]
name = "Lea Lead"
address = "lea@example.com"
"""
CLOSING = """
[closing]
codes = ["fixed", "user-error"]
[[closing.require]]
facts = ["cause", "code", "fields.host"]
type = "incident"
[[closing.require]]
facts = "asset"
priority = "P1"
"""


@pytest.fixture
def led(make_desk: Any) -> DeskUnderTest:
    """A desk whose first team has a lead who follows nothing by herself."""
    policy = policy_of(more=LEAD)
    teams = tuple(team.model_copy(update={"leads": ("lea",)}) for team in policy.teams)
    object.__setattr__(policy, "teams", teams)
    desk: DeskUnderTest = make_desk(policy)
    return desk


def resolved(desk: DeskUnderTest, words: str = "#resolve Profile renewed.", sender: str = ERIKA) -> Sent:
    desk.write(sender, "It drops since this morning.")
    desk.answer(ANNA, desk.last(ANNA), words)
    return desk.last("erika@example.com", "resolution")


def kinds(desk: DeskUnderTest, number: int = 1001) -> list[str]:
    return [event["kind"] for event in desk.ticket(number)["history"]]


# --- yes, ratings, thanks ---


@pytest.mark.parametrize("words", ["Yes", "Ja, danke!", "Solved, thanks. Erika"])
def test_a_yes_of_the_requester_closes(desk: DeskUnderTest, words: str) -> None:
    mail = resolved(desk)
    assert 'Reply with just "yes"' in mail.text
    desk.answer(ERIKA, mail, words)
    assert desk.ticket()["status"] == "closed"
    assert "Erika Muster says that it is solved: closed" in desk.last(ANNA, "changed").text
    assert desk.inbox(ANNA, "new_reply") == []
    assert desk.audit() == []


@pytest.mark.parametrize(("words", "status"), [("5", "closed"), ("3, thanks", "closed"), ("2", "resolved")])
def test_a_rating_is_kept_and_closes_from_three_on(desk: DeskUnderTest, words: str, status: str) -> None:
    desk.answer(ERIKA, resolved(desk), words)
    ticket = desk.ticket()
    assert (ticket["status"], ticket["ratings"]) == (status, [f"{words[0]} of 5 by erika@example.com"])
    assert "rating" in kinds(desk)
    assert desk.audit() == []


def test_a_bad_rating_tells_the_assignee_and_the_lead_and_ends_nothing(led: DeskUnderTest) -> None:
    led.answer(ERIKA, resolved(led), "1")
    assert led.ticket()["status"] == "resolved"
    for reader in (ANNA, "lea@example.com"):
        mail = led.last(reader, "bad_rating")
        assert "Erika Muster rates how this was handled: 1 of 5." in mail.text
        assert "Profile renewed." in mail.text
    assert led.inbox("nora@example.com", "bad_rating") == []
    led.answer("lea@example.com", led.last("lea@example.com", "bad_rating"), "#reopen")
    assert led.ticket()["status"] == "in_progress"
    assert led.audit() == []


def test_who_rates_again_changes_the_rating_also_after_closure(desk: DeskUnderTest) -> None:
    mail = resolved(desk)
    desk.answer(ERIKA, mail, "4")
    desk.answer(ERIKA, mail, "2")
    assert desk.ticket()["status"] == "closed"
    assert desk.ticket()["ratings"] == ["2 of 5 by erika@example.com"]
    assert len(desk.inbox(ANNA, "bad_rating")) == 1
    with pytest.raises(AssertionError):
        desk.ticket(1002)
    assert desk.audit() == []


@pytest.mark.parametrize("words", ["Thanks!", "It works again.", "Vielen Dank, läuft wieder!"])
def test_thanks_neither_close_nor_reopen(desk: DeskUnderTest, words: str) -> None:
    desk.answer(ERIKA, resolved(desk), words)
    assert desk.ticket()["status"] == "resolved"
    desk.wait(days=10)
    assert desk.ticket()["status"] == "closed"


@pytest.mark.parametrize("words", ["Yes, but the other one fails", "1 still broken"])
def test_any_other_words_reopen_and_tell_the_assignee(desk: DeskUnderTest, words: str) -> None:
    desk.answer(ERIKA, resolved(desk), words)
    ticket = desk.ticket()
    assert (ticket["status"], ticket["reopened"], ticket["ratings"]) == ("in_progress", 1, [])
    assert "reopened it" in desk.last(ANNA, "new_reply").text
    assert desk.audit() == []


def test_a_rule_raises_the_urgency_when_a_ticket_is_reopened(desk: DeskUnderTest) -> None:
    rule = """
[[rule]]
name = "Still broken"
on = "reopen"
when.kind = ["reply"]
set = { urgency = "high" }
"""
    desk.change_policy(policy_of(more=rule))
    mail = resolved(desk)
    assert desk.ticket()["urgency"] == "medium"
    desk.answer(ERIKA, mail, "It still drops.")
    assert (desk.ticket()["urgency"], desk.ticket()["priority"]) == ("high", "P2")


def test_an_answer_to_a_later_question_is_no_rating(desk: DeskUnderTest) -> None:
    resolved(desk)
    desk.answer(ANNA, desk.last(ANNA), "One more thing: on which floor are you?")
    desk.answer(ERIKA, desk.last("erika@example.com", "answer"), "3")
    assert (desk.ticket()["status"], desk.ticket()["ratings"]) == ("in_progress", [])


def test_out_of_office_answers_confirm_rate_and_reopen_nothing(desk: DeskUnderTest) -> None:
    mail = resolved(desk)
    for words in ("Yes", "5", "I am away until Monday"):
        desk.answer(ERIKA, mail, words, headers={"Auto-Submitted": "auto-replied"})
    ticket = desk.ticket()
    assert (ticket["status"], ticket["ratings"], ticket["reopened"]) == ("resolved", [], 0)


def test_what_a_watcher_says_counts_for_nobody_else(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops since this morning.")
    desk.answer(ANNA, desk.last(ANNA), "#cc dora@example.com\nWe look into it.")
    desk.answer(ANNA, desk.last(ANNA), "#resolve Done.")
    mail = desk.last("dora@example.com", "resolution")
    assert "Is it solved?" not in mail.text
    for words in ("yes", "1"):
        desk.answer("dora@example.com", mail, words)
    assert (desk.ticket()["status"], desk.ticket()["ratings"]) == ("resolved", [])


def test_an_outsider_who_proves_nothing_closes_nothing(desk: DeskUnderTest) -> None:
    desk.write("carl@client.example.org", "It drops since this morning.")
    desk.answer(ANNA, desk.last(ANNA), "#resolve Done.")
    mail = desk.last("carl@client.example.org", "resolution")
    desk.write("carl@client.example.org", "Yes", subject=mail.subject)
    assert desk.ticket()["status"] == "resolved"
    # The reply key went to nobody else.
    desk.answer("carl@client.example.org", mail, "Yes")
    assert desk.ticket()["status"] == "closed"


def test_a_number_in_the_subject_alone_closes_nothing_in_the_own_domain_either(desk: DeskUnderTest) -> None:
    resolved(desk)
    desk.write("erika@example.com", "yes", subject="Re: [INC-1001] My VPN is down")
    assert desk.ticket()["status"] == "resolved"


def test_nobody_is_asked_for_a_rating_too_often(desk: DeskUnderTest) -> None:
    asking = "Reply with just a number, from 1 (bad) to 5 (very good)."
    assert asking in " ".join(resolved(desk).text.split())
    desk.write(ERIKA, "And the printer too.", subject="Printer")
    desk.answer(ANNA, desk.last(ANNA), "#resolve Toner.")
    assert "How did we do?" not in desk.last("erika@example.com", "resolution").text
    desk.now += timedelta(days=31)
    desk.write(ERIKA, "And the mouse.", subject="Mouse")
    desk.answer(ANNA, desk.last(ANNA), "#resolve Cleaned.")
    assert "How did we do?" in desk.last("erika@example.com", "resolution").text


def test_a_list_asks_one_person_once(desk: DeskUnderTest) -> None:
    for subject in ("Mouse", "Beamer"):
        desk.write(ERIKA, "Broken.", subject=subject)
    desk.write(ANNA, "#list team", subject="list")
    desk.answer(ANNA, desk.last(ANNA, "listing"), "1-2 done")
    mails = desk.inbox("erika@example.com", "resolution")
    assert ["How did we do?" in mail.text for mail in mails] == [True, False]


def test_a_desk_may_ask_for_no_ratings(make_desk: Any) -> None:
    desk = make_desk(policy_of(more="[closing]\nrating_days = 0\n"))
    assert "How did we do?" not in resolved(desk).text


# --- to and fro ---


def test_reopened_too_often_it_waits_for_the_yes_and_the_lead_hears_of_it(led: DeskUnderTest) -> None:
    for number in range(3):
        mail = resolved(led) if number == 0 else led.last("erika@example.com", "resolution")
        led.answer(ERIKA, mail, f"Still broken, say I, {number}.")
        led.answer(ANNA, led.last(ANNA, "new_reply"), "#resolve Tried once more.")
    told = led.inbox("lea@example.com", "new_reply")
    assert len(told) == 1
    assert "reopened 3 times by now" in told[0].text
    ticket = led.ticket()
    assert (ticket["status"], ticket["hold"], ticket["reopened"]) == ("on_hold", "requester", 3)
    last = led.last("erika@example.com", "resolution")
    assert "or do nothing" not in " ".join(last.text.split())
    led.answer(ERIKA, last, "Thanks!")
    assert led.ticket()["status"] == "on_hold"
    led.answer(ERIKA, last, "Still not.")
    assert led.ticket()["status"] == "in_progress"
    led.answer(ANNA, led.last(ANNA, "new_reply"), "#resolve Now.")
    led.wait(days=20)
    assert led.ticket()["status"] == "in_progress"
    assert "no longer on hold" in led.last(ANNA, "changed").text
    led.answer(ANNA, led.last(ANNA, "changed"), "#resolve Really.")
    led.answer(ERIKA, led.last("erika@example.com", "resolution"), "Yes, thank you")
    assert led.ticket()["status"] == "closed"
    assert led.audit() == []


def to_and_fro(desk: DeskUnderTest) -> Sent:
    """The resolution that waits for a yes, since the ticket was reopened three times."""
    for number in range(3):
        mail = resolved(desk) if number == 0 else desk.last("erika@example.com", "resolution")
        desk.answer(ERIKA, mail, f"Still broken, say I, {number}.")
        desk.answer(ANNA, desk.last(ANNA, "new_reply"), "#resolve Tried once more.")
    return desk.last("erika@example.com", "resolution")


@pytest.mark.parametrize("words", ["Yes", "4"])
def test_the_yes_that_a_ticket_waits_for_closes_it_also_when_it_comes_late(led: DeskUnderTest, words: str) -> None:
    asked = to_and_fro(led)
    led.wait(days=20)
    assert led.ticket()["status"] == "in_progress"
    led.answer(ERIKA, asked, words)
    assert led.ticket()["status"] == "closed"
    assert "closed" in led.last(ANNA, "changed").text
    assert led.audit() == []


def test_the_yes_counts_whatever_else_the_ticket_waits_for_but_not_after_another_question(led: DeskUnderTest) -> None:
    asked = to_and_fro(led)
    led.answer(ANNA, led.last(ANNA, "new_reply"), "#hold vendor")
    led.answer(ANNA, led.last(ANNA, "new_reply"), "Was it the green cable?\n#hold requester")
    led.answer(ERIKA, asked, "Yes")
    assert led.ticket()["status"] == "in_progress"
    led.answer(ANNA, led.last(ANNA, "new_reply"), "#resolve Now.")
    led.answer(ANNA, led.last(ANNA, "new_reply"), "#hold vendor")
    led.answer(ERIKA, led.last("erika@example.com", "resolution"), "Yes")
    assert led.ticket()["status"] == "closed"
    assert led.audit() == []


# --- workaround, cause, code ---


def test_a_workaround_goes_to_the_requester_and_the_ticket_goes_on(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops since this morning.")
    desk.answer(ANNA, desk.last(ANNA), "#workaround Use the web mail.")
    ticket = desk.ticket()
    assert (ticket["status"], ticket["workaround"], ticket["assignee"]) == ("in_progress", "Use the web mail.", ANNA)
    assert "Use the web mail." in desk.last("erika@example.com", "answer").text
    assert desk.inbox("erika@example.com", "resolution") == []
    desk.answer(ERIKA, desk.last("erika@example.com", "answer"), "That helps for now.")
    assert "Workaround: Use the web mail." in desk.last(ANNA, "new_reply").text
    assert desk.audit() == []


def test_the_words_of_a_mail_may_be_the_workaround(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops since this morning.")
    desk.answer(ANNA, desk.last(ANNA), "#workaround\nPlease use the\nweb mail.")
    assert desk.ticket()["workaround"] == "Please use the web mail."
    assert "Please use the" in desk.last("erika@example.com", "answer").text
    desk.answer(ANNA, desk.last(ANNA), "#workaround")
    assert "says no workaround" in desk.last(ANNA, "question").text


def test_cause_and_code_are_for_colleagues(make_desk: Any) -> None:
    desk = make_desk(policy_of(more='[closing]\ncodes = ["fixed"]\n'))
    resolved(desk, "#cause A dead switch in rack 4\n#code FIXED\n#resolve It works again.")
    ticket = desk.ticket()
    assert (ticket["cause"], ticket["code"], ticket["status"]) == ("A dead switch in rack 4", "fixed", "resolved")
    assert "rack 4" not in "".join(mail.text + mail.html for mail in desk.inbox("erika@example.com"))
    assert "Cause: A dead switch in rack 4" in desk.last(BEN, "agent_answered").text
    assert desk.audit() == []


def test_a_code_that_there_is_not_is_told_with_those_that_there_are(make_desk: Any) -> None:
    desk = make_desk(policy_of(more='[closing]\ncodes = ["fixed", "user-error"]\n'))
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA), "#code done")
    assert "#code fixed|user-error" in desk.last(ANNA, "question").text


# --- what must be known first ---


@pytest.fixture
def strict(make_desk: Any) -> DeskUnderTest:
    desk: DeskUnderTest = make_desk(policy_of(more=CLOSING))
    desk.write(ERIKA, "It drops since this morning.")
    return desk


def asked(desk: DeskUnderTest, words: str) -> Sent:
    desk.answer(ANNA, desk.last(ANNA), words)
    mail = desk.last(ANNA, "question")
    assert "before the ticket ends, this must be known" in " ".join(mail.text.split())
    return mail


@pytest.mark.parametrize(
    "answer",
    [
        "cause: a dead switch\ncode: fixed\nhost: srv1",
        "Ursache: a dead switch\nCode = Fixed\nfields.host: srv1\n\nAnna",
        "#cause a dead switch\n#code fixed\n#set host=srv1",
        "#cause a dead switch\ncode: fixed\nhost: srv1",
    ],
)
def test_what_is_missing_is_asked_for_and_the_answer_completes_the_command(strict: DeskUnderTest, answer: str) -> None:
    mail = asked(strict, "The profile was old.\n\n#resolve It works now.\n#priority P2")
    assert [line.strip() for line in mail.text.splitlines() if line.startswith("    ")][:3] == [
        "cause:",
        "code: fixed|user-error",
        "host:",
    ]
    assert (strict.ticket()["status"], strict.ticket()["priority"]) == ("new", "P3")
    assert strict.inbox("erika@example.com", "resolution") == []
    strict.answer(ANNA, mail, answer)
    ticket = strict.ticket()
    assert (ticket["status"], ticket["priority"]) == ("resolved", "P2")
    assert (ticket["cause"], ticket["code"], ticket["fields"]) == ("a dead switch", "fixed", {"host": "srv1"})
    sent = strict.last("erika@example.com", "resolution")
    assert "The profile was old." in sent.text
    assert "It works now." in sent.text
    assert "switch" not in sent.text + sent.html
    assert len(strict.inbox(ANNA, "question")) == 1
    assert strict.audit() == []


def test_a_mere_resolve_is_completed_too(strict: DeskUnderTest) -> None:
    mail = asked(strict, "#resolve")
    strict.answer(ANNA, mail, "cause: x\ncode: user-error\nhost: srv1")
    assert strict.ticket()["status"] == "resolved"
    assert strict.audit() == []


def test_what_is_given_at_once_is_not_asked_for(strict: DeskUnderTest) -> None:
    strict.answer(ANNA, strict.last(ANNA), "#cause x\n#code fixed\n#set host=srv1\n#resolve Done.")
    assert strict.ticket()["status"] == "resolved"
    assert strict.inbox(ANNA, "question") == []


def test_half_an_answer_is_kept_and_the_rest_asked_for_once_more(strict: DeskUnderTest) -> None:
    first = asked(strict, "#resolve It works now.")
    strict.answer(ANNA, first, "cause: a dead switch\ncode: whatever")
    second = strict.last(ANNA, "question")
    assert "is no code" in second.text
    assert "cause:" not in second.text.partition("filled in")[2].partition("What you can do")[0]
    strict.answer(ANNA, second, "code: fixed\nhost: srv1")
    assert (strict.ticket()["status"], strict.ticket()["cause"]) == ("resolved", "a dead switch")
    assert "It works now." in strict.last("erika@example.com", "resolution").text
    assert strict.audit() == []


def test_a_line_without_a_name_is_the_one_fact_that_is_missing(strict: DeskUnderTest) -> None:
    mail = asked(strict, "#code fixed\n#set host=srv1\n#resolve It works now.")
    strict.answer(ANNA, mail, "a dead switch")
    assert (strict.ticket()["status"], strict.ticket()["cause"]) == ("resolved", "a dead switch")


def test_words_in_answer_to_the_question_never_go_to_the_requester(strict: DeskUnderTest) -> None:
    mail = asked(strict, "#resolve It works now.")
    strict.answer(ANNA, mail, "It was the old switch again,\nthe one that the boss would not replace.")
    assert "none of the facts" in " ".join(strict.last(ANNA, "question").text.split())
    assert "the boss" not in "".join(one.text for one in strict.inbox("erika@example.com"))
    assert strict.ticket()["status"] == "new"


def test_send_sends_the_words_and_leaves_the_ticket_open(strict: DeskUnderTest) -> None:
    mail = asked(strict, "#resolve It works now.")
    strict.answer(ANNA, mail, "#send")
    assert strict.ticket()["status"] == "in_progress"
    assert "It works now." in strict.last("erika@example.com", "answer").text
    assert "#resolve: before the ticket ends" in " ".join(strict.last(ANNA, "result").text.split())
    assert strict.audit() == []


def test_close_asks_as_well_and_spam_does_not(strict: DeskUnderTest) -> None:
    asked(strict, "#close")
    strict.answer(ANNA, strict.last(ANNA, "new_ticket"), "#spam")
    assert strict.ticket()["status"] == "cancelled"


def test_a_request_of_another_kind_is_not_asked_for_it(strict: DeskUnderTest) -> None:
    strict.answer(ANNA, strict.last(ANNA), "#type request\n#resolve Done.")
    assert strict.ticket()["status"] == "resolved"


def test_what_fits_by_priority_adds_up(strict: DeskUnderTest) -> None:
    mail = asked(strict, "#priority P1\n#resolve Done.")
    assert "asset:" in mail.text


def test_a_list_names_what_is_missing_and_takes_it_line_by_line(strict: DeskUnderTest) -> None:
    strict.write(ANNA, "#list team", subject="list")
    listing = strict.last(ANNA, "listing")
    strict.answer(ANNA, listing, "1 done all well\n1 take")
    assert (strict.ticket()["status"], strict.ticket()["assignee"]) == ("in_progress", ANNA)
    assert "must be known: cause, code, host" in " ".join(strict.last(ANNA, "result").text.split())
    strict.answer(ANNA, listing, "1 done all well\n1 cause a switch\n1 code fixed\n1 set host=srv1")
    assert strict.ticket()["status"] == "resolved"
    assert strict.audit() == []


# --- what is damaged is found ---


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda: Rating.update(score=5).execute(), "has the ratings"),
        (lambda: Rating.delete().execute(), "has the ratings"),
        (lambda: Ticket.update(reopened=7).execute(), "was reopened 0 times by its history, 7 by its row"),
        (lambda: Ticket.update(moves=["desk", "network"]).execute(), "went desk network, but by its history (none)"),
        (lambda: Ticket.update(followers=[BEN]).execute(), "is followed by ben@example.com"),
        (lambda: Ticket.update(cause="nothing").execute(), "cause is nothing"),
    ],
)
def test_the_audit_sees_what_was_changed_by_hand(make_desk: Any, damage: Any, words: str) -> None:
    desk = make_desk(policy_of())
    desk.answer(ERIKA, resolved(desk), "2")
    assert desk.audit() == []
    with connection(desk.database):
        damage()
    assert any(words in finding for finding in desk.audit())


def test_when_somebody_was_asked_is_kept_with_the_person(desk: DeskUnderTest) -> None:
    resolved(desk)
    with connection(desk.database):
        row = Contact.get(Contact.address == "erika@example.com")
    assert row.rating_asked_at == desk.now > datetime(2026, 3, 2, tzinfo=UTC)


# --- in a new mail of an agent ---

PROVEN = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}


def test_a_call_that_is_logged_and_settled_is_asked_about_too(make_desk: Any) -> None:
    desk = make_desk(policy_of(more=CLOSING))
    words = "#requester erika@example.com\n#resolve Told her the password.\n\nForgot her password."
    desk.write(ANNA, words, subject="Call", headers=PROVEN)
    assert desk.ticket()["status"] == "new"
    desk.answer(ANNA, desk.last(ANNA, "question"), "cause: a holiday\ncode: user-error\nhost: none")
    assert (desk.ticket()["status"], desk.ticket()["cause"]) == ("resolved", "a holiday")
    assert "Told her the password." in desk.last("erika@example.com", "resolution").text
    assert desk.audit() == []


def test_a_workaround_in_a_logged_call_reaches_the_person(desk: DeskUnderTest) -> None:
    words = "#requester erika@example.com\n#workaround Use the web mail.\n\nHer mail client hangs."
    desk.write(ANNA, words, subject="Call", headers=PROVEN)
    assert desk.ticket()["workaround"] == "Use the web mail."
    assert "Use the web mail." in desk.last("erika@example.com", "answer").text
    assert desk.inbox("erika@example.com", "acknowledgement")
    assert desk.audit() == []


def test_who_found_out_that_it_ended_by_a_yes_reads_it_in_their_language(make_desk: Any) -> None:
    desk = make_desk(policy_of('language = "de"'))
    desk.write(ERIKA, "Hallo, mein VPN bricht seit heute früh ständig ab.")
    desk.answer(ANNA, desk.last(ANNA), "#resolve Profil erneuert.")
    mail = desk.last("erika@example.com", "resolution")
    assert "Antworten Sie nur mit „ja“" in mail.text
    desk.answer(ERIKA, mail, "Ja, 5")
    assert "mit 5 von 5 bewertet: geschlossen" in " ".join(desk.last(ANNA, "changed").text.split())
