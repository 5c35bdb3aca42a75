"""The quarantine by mail: what its keepers read once a day, and what their answers do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.desk.quarantine_views import quarantine_rows
from gateway.desk.quarantining import DIGEST, denied_by, digest_due, expire_due, urgent_due
from gateway.keys import Purpose, plus_suffix, unseal
from gateway.policy import Policy
from gateway.store.database import connection
from gateway.store.tables import Denied, Event, Ledger, Outbox, RawMailPart, Ticket
from gateway.triage.digest import read_answer
from gateway.triage.quarantine import QUARANTINE, release_in_words, why_quarantined
from tests.desk.harness import DESK, DeskUnderTest, Sent, policy_of

ERIKA, ANNA, BEN, NORA = "erika@example.com", "anna@example.com", "ben@example.com", "nora@example.com"
PHISHER = "phisher@evil.example.net"


def spam(desk: DeskUnderTest, subject: str = "Win at http://pay.example.net now", sender: str = PHISHER) -> Ledger:
    return desk.write(f"Prince <{sender}>", "Click.", subject=subject, headers={"X-Spam-Flag": "YES"})


def lists(desk: DeskUnderTest, subject: str = "News", sender: str = "news@list.example.net") -> Ledger:
    headers = {"List-Id": "<news.list.example.net>", "To": "everybody@list.example.net"}
    return desk.write(sender, "Read.", subject=subject, headers=headers)


def run(desk: DeskUnderTest, duty: Callable[..., int] = digest_due) -> int:
    with connection(desk.database):
        if duty is expire_due:
            count = expire_due(desk.database, desk.policy, now=desk.now)
        else:
            count = duty(desk.database, desk.policy, desk.secrets, now=desk.now)
    desk._send()
    return count


def row_of(desk: DeskUnderTest, row: Ledger) -> Ledger:
    with connection(desk.database):
        found: Ledger = Ledger.get_by_id(row.id)
        return found


def digest(desk: DeskUnderTest, keeper: str = ANNA) -> Sent:
    run(desk)
    return desk.last(keeper, DIGEST)


def answer(desk: DeskUnderTest, mail: Sent, text: str, sender: str = ANNA, **more: Any) -> str:
    """The keeper's answer; what the desk says to it."""
    before = len(desk.inbox(ANNA, "result"))
    desk.answer(sender, mail, text, **more)
    desk.sort()
    desk._send()
    results = desk.inbox(ANNA, "result")
    return results[-1].text if len(results) > before else ""


def test_the_digest_shows_what_waits_and_nothing_in_it_can_be_clicked(desk: DeskUnderTest) -> None:
    spam(desk)
    lists(desk)
    mail = digest(desk)
    assert {sent.to for sent in desk.sent if sent.notice == DIGEST} == {ANNA, BEN}
    assert "No. 1: a filter on the way marked it as spam" in mail.text
    assert f"From: {PHISHER} (Prince)" in mail.text
    assert "Subject: Win at hxxp://pay[.]example[.]net now" in mail.text
    assert "If let in: opens a ticket in team desk" in mail.text
    assert "No. 2: list or mass mail that does not name the desk" in mail.text
    for body in (mail.text, mail.html):
        assert "http://pay" not in body
    assert [part.get_content_type() for part in mail.message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert mail.message["Auto-Submitted"] == "auto-generated"


def test_what_stays_as_it_was_is_told_when_it_is_late_and_then_once_a_week(desk: DeskUnderTest) -> None:
    lists(desk)
    told: list[int] = []
    # Three working weeks from a Monday on; each morning, and twice that nobody is told the same twice.
    for day in range(2, 24):
        desk.now = datetime(2026, 3, day, 8, day % 2, tzinfo=UTC)
        if day == 19:
            spam(desk)
        if run(desk):
            told.append(day)
        assert run(desk) == 0
    # New; after the third working day; a week later; something new; and a week after the last one, on the 26th, again.
    assert told == [2, 6, 13, 19]
    desk.now = datetime(2026, 3, 26, 8, 0, tzinfo=UTC)
    assert run(desk) == 2


def test_what_the_agent_calls_foreign_is_new_to_the_keepers(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.write(ANNA, "Tell her.", subject=f"Re: {desk.last(ANNA).subject}")
    assert run(desk) == 2
    desk.answer(ANNA, desk.last(ANNA, "challenge"), "No, that was not me.")
    assert run(desk, urgent_due) == 2
    assert "who says that it is not theirs" in " ".join(desk.last(BEN, DIGEST).text.split())


def test_there_is_one_digest_a_working_day_and_none_where_nothing_waits(desk: DeskUnderTest) -> None:
    assert run(desk) == 0
    lists(desk)
    assert run(desk) == 0  # today's was looked at when nothing waited
    desk.now = datetime(2026, 3, 3, 7, 59, tzinfo=UTC)
    assert run(desk) == 0  # work has not begun
    desk.now = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
    assert run(desk) == 2
    assert run(desk) == 0
    desk.now = datetime(2026, 3, 7, 12, 0, tzinfo=UTC)
    assert run(desk) == 0  # a Saturday
    desk.now = datetime(2026, 3, 9, 9, 0, tzinfo=UTC)
    assert run(desk) == 2
    assert "(shown before)" in desk.last(ANNA, DIGEST).text


def test_what_expires_by_itself_is_listed_once(desk: DeskUnderTest) -> None:
    spam(desk)
    assert run(desk) == 2
    desk.wait(days=1)
    assert run(desk) == 0


def test_a_keeper_answers_with_lines_and_gets_one_answer_with_a_line_for_each(desk: DeskUnderTest) -> None:
    first, second, third = spam(desk, "One"), spam(desk, "Two"), lists(desk, "Three")
    mail = digest(desk)
    told = answer(desk, mail, "Good morning,\n\nrelease 1\ndelete 2 rubbish\nblock 3\n\nAnna")
    assert "Done:" in told
    assert "1 let in: One" in told
    assert "2 deleted: Two" in told
    assert "3 blocked: mail from news@list.example.net is set aside from now on" in told
    assert "Left alone: Good morning," in told
    assert desk.ticket()["subject"] == "One"
    assert f"released from quarantine by {ANNA}" in desk.ticket()["messages"][0]["marks"]
    assert row_of(desk, first).outcome == "opened"
    assert row_of(desk, second).outcome == "deleted"
    assert row_of(desk, third).state == "quarantined"
    assert desk.inbox(PHISHER) == []
    with connection(desk.database):
        told_of = [(event.kind, event.actor, event.text) for event in Event.select().where(Event.ticket.is_null())]
        assert RawMailPart.select().where(RawMailPart.ledger == second.id).count() == 0
    assert ("released", ANNA, f"released from quarantine by {ANNA}") in told_of
    assert ("deleted", ANNA, f"deleted from quarantine by {ANNA}: rubbish") in told_of
    assert desk.audit() == []


def test_the_numbers_are_those_of_the_digest_that_is_answered(desk: DeskUnderTest) -> None:
    one = lists(desk, "One")
    old = digest(desk)
    answer(desk, old, "delete 1")
    two = lists(desk, "Two")
    desk.wait(days=1)
    new = digest(desk)
    assert "No. 1" in new.text
    told = " ".join(answer(desk, old, "release 1").split())
    assert "1 was settled before: deleted by anna@example.com" in told
    assert "Your answer:" in told
    assert "Done:" not in told
    assert row_of(desk, one).outcome == "deleted"
    assert row_of(desk, two).state == "quarantined"
    assert "1 let in: Two" in answer(desk, new, "Release 1")
    assert row_of(desk, two).outcome == "opened"


def test_each_line_counts_for_itself_and_what_is_wrong_is_named(desk: DeskUnderTest) -> None:
    rows = [lists(desk, f"News {number}") for number in range(4)]
    mail = digest(desk)
    for text, said in (
        ("relase 3", "Not understood: relase 3"),
        ("1 relase", "Not understood: 1 relase"),
        ("delete 9", "9 is not in that digest"),
        ("release 1\ndelete 1", "1 is both to be let in and to be deleted"),
        ("2 3", "Not understood: 2 3"),
        ("release", "Not understood: release"),
        ("release 1 please", "Not understood: release 1 please"),
    ):
        told = answer(desk, mail, text)
        assert "Nothing was done. Correct these lines" in told
        assert said in told
        assert {row_of(desk, row).state for row in rows} == {"quarantined"}
    assert "there is no line" in answer(desk, mail, "Thank you, I will look at it tomorrow.")
    told = answer(desk, mail, "delete 1\n2 release\n99 x\nrelase 3\ndelete 88\nrelease 4\ndelete 4")
    for said in (
        "1 deleted: News",
        "2 let in: News",
        "Not understood: relase 3",
        "88 is not in that digest",
        "4 is both to be let in and to be deleted",
        "Left alone: 99 x",
    ):
        assert told.count(said) == 1
    assert "Nothing was done" not in told
    assert desk.last(ANNA, "result").subject == "Re: 2 of 6 done"
    assert sorted(row_of(desk, row).outcome for row in rows) == ["", "", "deleted", "opened"]
    assert desk.audit() == []


def test_the_example_in_a_digest_of_one_mail_names_number_1(desk: DeskUnderTest) -> None:
    lists(desk)
    assert '"release 1", "delete 1" or "block 1"' in " ".join(digest(desk).text.split())


def test_the_command_line_shows_a_subject_as_it_is_and_the_digest_no_numbers(desk: DeskUnderTest) -> None:
    spam(desk, "Re: Buy INC-1001 pills")
    with connection(desk.database):
        assert [row["subject"] for row in quarantine_rows()] == ["Re: Buy INC-1001 pills"]
    assert "Subject: Buy pills\r\n" in digest(desk).text


def test_only_the_keeper_who_got_the_digest_can_answer_it(desk: DeskUnderTest) -> None:
    row = lists(desk)
    mail = digest(desk)
    answered = desk.answer("stranger@example.net", mail, "release 1")
    assert (answered.state, answered.reason_code) == ("quarantined", "agent-unproven")
    assert desk.inbox("stranger@example.net") == []
    for sender, why in (
        (BEN, "that mail went to anna@example.com alone"),
        (NORA, "is decided by: Anna Agent, Ben Helper"),
    ):
        answered = desk.answer(sender, mail, "release 1")
        assert (answered.state, answered.outcome) == ("done", "filed")
        assert why in " ".join(desk.last(sender, "result").text.split())
    assert row_of(desk, row).state == "quarantined"
    assert "1 let in" in answer(desk, mail, "release 1")


def test_a_colleague_who_answers_the_digest_is_told_who_decides_and_no_ticket_gets_it(desk: DeskUnderTest) -> None:
    """The list names tickets; whoever passes it on and answers it means none of them."""
    desk.write(ERIKA, "It drops.")
    forged = desk.write(ANNA, "Tell her.", subject="Re: [INC-1001] My VPN is down")
    before = desk.ticket()
    mail = digest(desk)
    assert "INC-1001" in mail.text
    passed_on = desk.answer("Boss <boss@example.com>", mail, "release 1", to=DESK, recipients=(DESK,))
    assert (passed_on.outcome, passed_on.ticket_id) == ("filed", None)
    assert "is decided by: Anna Agent, Ben Helper" in " ".join(desk.last("boss@example.com", "result").text.split())
    for _ in range(5):
        desk.answer("Boss <boss@example.com>", mail, "release 1", to=DESK, recipients=(DESK,))
    assert len(desk.inbox("boss@example.com", "result")) == desk.policy.limits.acknowledgements_per_hour
    assert row_of(desk, forged).state == "quarantined"
    assert desk.ticket() == before
    assert desk.audit() == []


def test_a_stranger_who_answers_the_digest_and_is_let_in_joins_no_ticket(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.write(ANNA, "Tell her.", subject="Re: [INC-1001] My VPN is down")
    row = desk.answer("stranger@example.net", digest(desk), "release 1")
    assert row.decision["quarantine"]["release"]["action"] == "open"
    assert row.decision["quarantine"]["release"]["token"] == ""


def test_whoever_is_blocked_twice_is_said_to_have_been_blocked(desk: DeskUnderTest) -> None:
    lists(desk)
    mail = digest(desk)
    assert "1 blocked: mail from" in answer(desk, mail, "block 1")
    assert "was already blocked" in answer(desk, mail, "block 1")


def test_a_forged_key_is_no_digest(desk: DeskUnderTest) -> None:
    row = lists(desk)
    mail = digest(desk)
    assert unseal(plus_suffix(mail.reply_to), purpose=Purpose.DIGEST, secrets=desk.secrets) is not None
    forged = mail.reply_to.replace("+", "+a", 1).replace("@", "@", 1)[:-1]
    desk.write(ANNA, "release 1", subject="Re: 1 in quarantine", to=DESK, recipients=(forged,))
    assert row_of(desk, row).state == "quarantined"


def test_where_the_server_knows_no_plus_addresses_the_ids_are_enough(
    make_desk: Callable[[Policy], DeskUnderTest],
) -> None:
    desk = make_desk(policy_of("plus_addresses = false"))
    lists(desk)
    mail = digest(desk)
    assert mail.reply_to == DESK
    assert "1 let in" in answer(desk, mail, "release 1")


def test_an_out_of_office_answers_no_digest(desk: DeskUnderTest) -> None:
    row = lists(desk)
    mail = digest(desk)
    assert answer(desk, mail, "release 1", headers={"Auto-Submitted": "auto-replied"}) == ""
    assert row_of(desk, row).state == "quarantined"


def test_a_digest_can_be_answered_for_a_week(desk: DeskUnderTest) -> None:
    row = lists(desk)
    mail = digest(desk)
    desk.wait(days=7, minutes=1)
    assert desk.answer(ANNA, mail, "release 1").outcome == "filed"
    assert "more than a week old" in " ".join(desk.last(ANNA, "result").text.split())
    assert row_of(desk, row).state == "quarantined"


def test_what_a_key_alone_may_not_let_in_is_told_the_command(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    subject = f"Re: {desk.last(ANNA).subject}"
    desk.write(ANNA, "This one is asked about.", subject=subject)
    forged = desk.write(ANNA, "Tell her.", subject=subject)
    assert forged.reason_code == "agent-unproven"
    assert run(desk, urgent_due) == 2
    mail = desk.last(ANNA, DIGEST)
    assert "urgent" in mail.subject
    assert f"gateway quarantine release {forged.id}" in " ".join(mail.text.split())
    assert "can't be let in by mail" in " ".join(answer(desk, mail, "release 1").split())
    # What is not offered is no example either.
    assert 'no line like "delete 1" above' in " ".join(answer(desk, mail, "Thank you!").split())
    assert row_of(desk, forged).state == "quarantined"
    # What the desk's own server vouches for may.
    proof = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}
    assert "1 let in" in answer(desk, mail, "release 1", headers=proof)
    assert row_of(desk, forged).outcome == "appended"


def test_urgent_ones_are_told_once_and_not_every_minute(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    subject = f"Re: {desk.last(ANNA).subject}"
    desk.write(ANNA, "Zero.", subject=subject)
    desk.write(BEN, "Zero.", subject=subject)
    # They are asked whether these are theirs, and that comes first.
    assert run(desk, urgent_due) == 0
    desk.write(ANNA, "One.", subject=subject)
    assert run(desk, urgent_due) == 2
    assert run(desk, urgent_due) == 0
    desk.write(BEN, "Two.", subject=subject)
    assert run(desk, urgent_due) == 0
    desk.wait(minutes=15)
    assert run(desk, urgent_due) == 2
    assert "No. 2" not in desk.last(ANNA, DIGEST).text


def test_a_keeper_may_be_named_and_loses_the_right_with_the_name(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    desk = make_desk(policy_of('keepers = ["nora"]'))
    lists(desk)
    mail = digest(desk, NORA)
    assert desk.inbox(ANNA, DIGEST) == []
    desk.change_policy(policy_of('keepers = ["anna"]'))
    assert desk.answer(NORA, mail, "release 1").outcome == "filed"
    assert "is decided by: Anna Agent" in " ".join(desk.last(NORA, "result").text.split())


def test_nobody_can_block_the_own_people(desk: DeskUnderTest) -> None:
    spam(desk, sender=ERIKA)
    told = answer(desk, digest(desk), "block 1")
    assert "1 not blocked: erika@example.com is one of your own" in told
    with connection(desk.database):
        assert Denied.select().count() == 0


def test_a_blocked_sender_is_kept_aside_quietly_and_a_bounce_of_theirs_is_not(desk: DeskUnderTest) -> None:
    lists(desk)
    answer(desk, digest(desk), "block 1")
    row = desk.write("news@list.example.net", "A real question this time?", subject="Question")
    assert (row.state, row.reason_code) == ("quarantined", "denied")
    desk.wait(days=7)
    run(desk)
    assert "Question" not in desk.last(ANNA, DIGEST).text
    assert "One mail of a blocked sender is kept aside." in desk.last(ANNA, DIGEST).text


@pytest.mark.parametrize(
    ("entry", "address", "falls"),
    [
        ("a@example.net", "A@Example.net", True),
        ("a@example.net", "b@example.net", False),
        ("example.net", "b@example.net", True),
        ("example.net", "b@mail.example.net", False),
        ("*.example.net", "b@mail.example.net", True),
        ("*.example.net", "b@deep.mail.example.net", True),
        ("*.example.net", "b@example.net", False),
        ("*.example.net", "b@badexample.net", False),
        ("a@example.net", "no address", False),
    ],
)
def test_the_deny_list_knows_addresses_domains_and_what_is_below(
    desk: DeskUnderTest, entry: str, address: str, falls: bool
) -> None:
    with connection(desk.database):
        Denied.create(pattern=entry, at=desk.now, by="admin")
        assert denied_by(address) == (entry if falls else "")


def test_nothing_expires_that_was_not_shown_and_announced(desk: DeskUnderTest) -> None:
    row, kept = spam(desk), lists(desk)
    run(desk)
    desk.wait(days=82)
    run(desk)
    assert run(desk, expire_due) == 0
    assert "will be deleted" not in desk.last(ANNA, DIGEST).text
    desk.wait(days=2)
    run(desk)
    told = desk.last(ANNA, DIGEST).text
    assert "These will be deleted by themselves" in told
    assert "- 1: a filter on the way marked it as spam" in told
    desk.wait(days=6)
    assert run(desk, expire_due) == 0
    desk.wait(days=1)
    assert run(desk, expire_due) == 1
    assert row_of(desk, row).outcome == "deleted"
    assert row_of(desk, kept).state == "quarantined"
    with connection(desk.database):
        assert Event.get(Event.kind == "deleted").actor == "clock"
    assert desk.audit() == []


def test_a_desk_may_keep_everything_for_ever(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    desk = make_desk(policy_of("quarantine_days = 0"))
    row = spam(desk)
    run(desk)
    desk.wait(days=1000)
    run(desk)
    assert run(desk, expire_due) == 0
    assert row_of(desk, row).state == "quarantined"


def test_more_than_fits_is_counted_and_comes_tomorrow(desk: DeskUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.desk.quarantining.MOST_ENTRIES", 2)
    for number in range(3):
        lists(desk, f"News {number}")
    assert "One more waits" in digest(desk).text
    desk.wait(days=1)
    assert "No. 1: " in digest(desk).text
    with connection(desk.database):
        assert Ledger.select().where(Ledger.shown_at.is_null() & (Ledger.state == "quarantined")).count() == 0


def test_two_processes_write_one_digest(desk: DeskUnderTest) -> None:
    lists(desk)
    run(desk)
    run(desk)
    with connection(desk.database):
        assert Outbox.select().where(Outbox.notice == DIGEST).count() == 2


@pytest.mark.parametrize("language", ["de", "fr", "es", "pt"])
def test_a_keeper_reads_it_in_the_own_language(make_desk: Callable[[Policy], DeskUnderTest], language: str) -> None:
    desk = make_desk(policy_of(f'language = "{language}"'))
    spam(desk)
    text = digest(desk).text
    assert "marked it as spam" not in text
    assert "opens a ticket" not in text
    assert "let in" not in answer(desk, desk.last(ANNA, DIGEST), "release 1")


def test_a_question_was_it_you_and_a_digest_do_not_answer_each_other(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    forged = desk.write(ANNA, "Tell her.", subject=f"Re: {desk.last(ANNA).subject}")
    run(desk)
    assert "there is no line" in answer(desk, desk.last(ANNA, DIGEST), "Yes, that was me.")
    assert row_of(desk, forged).state == "quarantined"
    with connection(desk.database):
        assert Ticket.select().count() == 1


# --- words ---


@pytest.mark.parametrize(
    ("text", "verb", "numbers", "reason"),
    [
        ("release 4 7 9", "release", (4, 7, 9), ""),
        ("Release: 4, 7, 9.", "release", (4, 7, 9), ""),
        ("#release 4", "release", (4,), ""),
        ("release 4 and 7", "release", (4, 7), ""),
        ("release 4 und 7", "release", (4, 7), ""),
        ("release 4-6 9", "release", (4, 5, 6, 9), ""),
        ("delete 2 3 spam again", "delete", (2, 3), "spam again"),
        ("  BLOCK 5", "block", (5,), ""),
        ("release 4 4", "release", (4,), ""),
        ("4 release", "release", (4,), ""),
        ("4, 7-9 Release", "release", (4, 7, 8, 9), ""),
        ("2 and 3: delete spam again", "delete", (2, 3), "spam again"),
        ("5. block", "block", (5,), ""),
    ],
)
def test_an_order_is_read_as_people_write_it(text: str, verb: str, numbers: tuple[int, ...], reason: str) -> None:
    (order,) = read_answer(text).orders
    assert (order.verb, order.numbers, order.reason) == (verb, numbers, reason)


@pytest.mark.parametrize(
    "text",
    ["Hello", '"release 1 3", "delete 2" or "block 2"', "released 3 yesterday?", "Room 12", "No. 4: spam", "4 mails"],
)
def test_other_words_are_no_orders(text: str) -> None:
    answered = read_answer(text)
    assert answered.orders == ()
    if text != "released 3 yesterday?":
        assert answered.wrong == ()


def test_an_endless_answer_costs_little() -> None:
    answered = read_answer("release " + " " * 100_000 + "\n" + "release 1-9999\n" * 5000)
    assert len(answered.orders) <= 200
    assert any("more" in line for line in answered.wrong)


def test_every_reason_says_what_to_do() -> None:
    for code, why in QUARANTINE.items():
        assert why.code == code
        assert why.todo
        assert len(str(why.text)) <= 100
        assert "\n" not in str(why.text)
    assert why_quarantined("of-an-older-version").by_mail is False
    assert str(release_in_words({"action": "file"})) == "is filed on no ticket"
