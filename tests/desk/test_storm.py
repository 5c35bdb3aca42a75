"""No storm: floods, repeats, bombs, machines that answer machines. Nothing is lost by any of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway.desk.operating import release
from gateway.mail import Transport
from gateway.policy import Policy
from gateway.store.database import connection
from gateway.store.states import OutboxState
from gateway.store.tables import Contact, Event, Ledger, Outbox, Ticket
from tests.desk.harness import DESK, DeskUnderTest, policy_of

MakeDesk = Callable[[Policy], DeskUnderTest]

ERIKA = "Erika Muster <erika@example.com>"
ANNA, BEN = "anna@example.com", "ben@example.com"
OLGA = "Olga <olga@customer.example>"
PROVEN = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=customer.example"}


def suppressed(desk: DeskUnderTest) -> list[str]:
    """Why something was left out or held, in order."""
    with connection(desk.database):
        events = Event.select().where(Event.kind.in_(["suppressed", "held-back"])).order_by(Event.id)
        return [event.detail["why"] for event in events]


def burst(desk: DeskUnderTest, sender: str, count: int, *, seconds: float, **more: Any) -> list[Ledger]:
    """Many different mails of one sender, so many seconds apart, each sorted at once."""
    rows = []
    for number in range(count):
        desk.now += timedelta(seconds=seconds) - timedelta(minutes=1)
        rows.append(desk.write(sender, f"Matter {number}", subject=f"Matter {number}", **more))
    return rows


# ---- floods


def test_a_mail_bomb_in_a_strangers_name_answers_nobody_and_opens_few_tickets(make_desk: MakeDesk) -> None:
    """T16: a thousand mails in ten minutes, with a victim outside as their sender."""
    desk = make_desk(policy_of())
    raws = []
    for number in range(1000):
        desk.now += timedelta(seconds=0.6)
        raws.append((desk.now, desk.mail("victim@ext.example", f"Buy {number}", subject=f"Prize {number}")))
    rows = [desk.receive(raw, reverse_path="victim@ext.example", received_at=now) for now, raw in raws[:60]]
    rows += desk.receive_all([raw for _, raw in raws[60:]], reverse_path="victim@ext.example")
    opened = [row for row in rows if row.outcome == "opened"]
    assert 1 <= len(opened) <= 30
    assert {(row.state, row.reason_code) for row in rows if row not in opened} == {("quarantined", "flood")}
    assert desk.inbox("victim@ext.example") == []
    assert len(rows) == 1000


def test_a_sender_who_was_too_fast_waits_an_hour_and_is_heard_again(desk: DeskUnderTest) -> None:
    rows = burst(desk, OLGA, 12, seconds=10)
    assert [row.outcome for row in rows[:10]] == ["opened"] * 10
    assert [row.reason_code for row in rows[10:]] == ["flood", "flood"]
    desk.now += timedelta(minutes=30)
    assert desk.write(OLGA, "Still there?", subject="Later").reason_code == "flood"
    desk.now += timedelta(minutes=31)
    assert desk.write(OLGA, "And now?", subject="Much later").outcome == "opened"
    assert suppressed(desk).count("flood") == 3
    assert desk.audit() == []


def test_a_colleagues_burst_waits_too_and_the_agents_are_told_once(desk: DeskUnderTest) -> None:
    desk.change_policy(policy_of('time_zone = "Europe/Berlin"'))
    rows = burst(desk, ERIKA, 14, seconds=10)
    assert {row.reason_code for row in rows[10:]} == {"flood"}
    for agent in (ANNA, BEN):
        (told,) = desk.inbox(agent, "flood")
        assert "erika@example.com" in told.text
        assert "quarantine" in told.text
        assert "until 2 March 2026, 11:" in " ".join(told.text.split())
    with connection(desk.database):
        assert release(desk.database, [rows[10].id], by="admin", now=desk.now) == 1
    desk.sort()
    with connection(desk.database):
        assert Ledger.get_by_id(rows[10].id).outcome == "opened"
    assert desk.audit() == []


def test_a_strangers_flood_is_told_to_nobody(desk: DeskUnderTest) -> None:
    burst(desk, OLGA, 12, seconds=10)
    assert [one for one in desk.sent if one.notice == "flood"] == []


def test_a_new_tag_behind_the_plus_makes_no_new_sender(desk: DeskUnderTest) -> None:
    """Whatever stands behind the plus, it is one mailbox that our acknowledgements would fill."""
    rows = []
    for number in range(12):
        desk.now += timedelta(seconds=10) - timedelta(minutes=1)
        rows.append(desk.write(f"victim+{number}@example.com", f"Hello {number}", subject=f"Hello {number}"))
    assert [row.reason_code for row in rows] == [""] * 10 + ["flood"] * 2
    assert sum(one.notice == "acknowledgement" for one in desk.sent) <= 5
    other = desk.write("victims+1@example.com", "Me too", subject="Me too")
    assert other.outcome == "opened"
    assert desk.inbox("victims+1@example.com", "acknowledgement")


def test_a_flood_leaves_replies_to_tickets_alone(desk: DeskUnderTest) -> None:
    burst(desk, ERIKA, 11, seconds=10)
    answered = desk.answer(ERIKA, desk.last("erika@example.com"), "One thing more.")
    assert answered.outcome == "appended"


def test_a_backlog_is_no_flood(desk: DeskUnderTest) -> None:
    """After a standstill, mails of many days are sorted within a moment."""
    start = desk.now
    rows = []
    for number in range(15):
        raw = desk.mail(ERIKA, f"Day {number}", subject=f"Day {number}")
        then = start - timedelta(days=15 - number)
        rows.append(desk.receive(raw, transport=Transport.IMAP, internal_date=then, mailbox="d", uid=number))
    assert {row.outcome for row in rows} == {"opened"}


def test_imported_mail_is_no_flood(desk: DeskUnderTest) -> None:
    rows = burst(desk, ERIKA, 12, seconds=1, transport=Transport.IMPORT, quiet=True)
    assert {row.outcome for row in rows} == {"opened"}
    assert suppressed(desk) == []


def test_the_same_words_come_through_three_times_in_ten_minutes(desk: DeskUnderTest) -> None:
    rows = [desk.write(OLGA, "The door is open.", subject=subject) for subject in ("Door", "Re: Door", "DOOR", "Door ")]
    rows += [desk.write(OLGA, "The door is open.", subject="Window"), desk.write(OLGA, "It is shut.", subject="Door")]
    assert [row.reason_code for row in rows] == ["", "", "", "repeat", "", ""]
    desk.now += timedelta(minutes=11)
    assert desk.write(OLGA, "The door is open.", subject="Door").outcome == "opened"
    assert suppressed(desk).count("repeat") == 1


def test_the_same_words_again_and_again_on_one_ticket_wait_too(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    acknowledgement = desk.last("erika@example.com")
    rows = [desk.answer(ERIKA, acknowledgement, "I am away.") for _ in range(5)]
    assert [row.reason_code for row in rows] == ["", "", "", "repeat", "repeat"]
    assert len(desk.inbox(ANNA, "new_reply")) == 3


# ---- declared machines

MONITORING = """
[[source]]
name = "Monitoring"
from = ["*@monitor.example.net"]
header = { "X-Monitor" = ["*"] }
tickets_per_10_minutes = 12
"""
ALERT = {"X-Monitor": "yes"}


def test_a_declared_machine_has_a_budget_of_its_own_and_is_never_answered(make_desk: MakeDesk) -> None:
    desk = make_desk(policy_of('acknowledge = "everyone"', MONITORING))
    rows = burst(desk, "probe@monitor.example.net", 14, seconds=10, headers=ALERT)
    assert [row.reason_code for row in rows] == [""] * 12 + ["flood"] * 2
    assert desk.inbox("probe@monitor.example.net") == []
    assert len(desk.inbox(ANNA, "flood")) == 1, "what a machine that the desk knows reports may matter"
    assert rows[0].decision["kind"] == "notification"


def test_what_just_misses_a_declared_machine_is_anybodys_mail(make_desk: MakeDesk) -> None:
    desk = make_desk(policy_of('acknowledge = "everyone"', MONITORING))
    rows = burst(desk, "probe@monitor.example.net", 11, seconds=10)
    assert [row.reason_code for row in rows] == [""] * 10 + ["flood"]
    assert desk.inbox("probe@monitor.example.net")


def test_a_declared_machine_without_an_envelope_sender_opens_tickets(make_desk: MakeDesk) -> None:
    desk = make_desk(policy_of(more=MONITORING))
    assert desk.write("a@monitor.example.net", "Disk full", headers=ALERT, reverse_path="").outcome == "opened"
    row = desk.write("a@elsewhere.example.net", "Disk full", headers=ALERT, reverse_path="")
    assert row.reason_code == "null-sender"


# ---- machine speed


def test_whoever_answers_automatic_mails_at_machine_speed_is_muted_for_a_week(desk: DeskUnderTest) -> None:
    for number in range(6):
        desk.write(ERIKA, f"I am away {number}", subject=f"Away {number}")
    assert len(desk.inbox("erika@example.com")) == 3
    assert suppressed(desk) == ["muted"] * 3
    assert desk.ticket(1006)["messages"], "what is muted still opens tickets"
    assert "because it answers ours by itself" in " ".join(desk.last(ANNA, "new_ticket").text.split())
    desk.now += timedelta(days=6)
    desk.write(ERIKA, "Back again", subject="Day six")
    assert len(desk.inbox("erika@example.com")) == 3
    desk.now += timedelta(days=1)
    desk.write(ERIKA, "And now", subject="Day eight")
    assert len(desk.inbox("erika@example.com")) == 4
    with connection(desk.database):
        assert Event.select().where(Event.kind == "muted").count() == 1
    assert desk.audit() == []


def test_a_quick_person_is_no_machine(desk: DeskUnderTest) -> None:
    """Words for the desk, and replies in words of one's own, are as quick as people are."""
    desk.write(ERIKA, "It drops every hour.", subject="VPN")
    erika = "erika@example.com"
    desk.answer(ERIKA, desk.last(erika, "acknowledgement"), "I forgot: it is the third floor.")
    for number, word in enumerate(("Status", "Hilfe", "status")):
        desk.write(ERIKA, word, subject="")
        assert len([one for one in desk.inbox(erika) if one.notice in ("status", "guide")]) == number + 1
    desk.write(ERIKA, "No paper comes out.", subject="Printer")
    desk.answer(ERIKA, desk.last(erika, "acknowledgement"), "And the lamp blinks.")
    for word in ("status", "hilfe"):
        desk.write(ERIKA, word, subject="")
    desk.write(ERIKA, "The beamer stays dark.", subject="Beamer")
    assert len(desk.inbox(erika, "acknowledgement")) == 3
    assert suppressed(desk) == []
    assert desk.audit() == []


def test_a_machine_that_replies_with_the_same_words_is_muted_and_agents_read_why(desk: DeskUnderTest) -> None:
    erika = "erika@example.com"
    for number in range(4):
        desk.now += timedelta(minutes=20)
        desk.write(ERIKA, f"Matter {number}", subject=f"Matter {number}")
        if number < 3:
            words = f"Thank you. Your mail about case {1001 + number} was received; please do not answer this one."
            desk.answer(ERIKA, desk.last(erika, "acknowledgement"), words)
    assert len(desk.inbox(erika, "acknowledgement")) == 3
    assert suppressed(desk) == ["muted"]
    for notice in ("new_reply", "new_ticket"):
        text = " ".join(desk.last(ANNA, notice).text.split())
        assert "gets no automatic mail until 9 March 2026, because it answers ours by itself" in text, notice


def test_somebody_who_writes_every_few_minutes_is_not_muted(desk: DeskUnderTest) -> None:
    for number in range(5):
        desk.now += timedelta(minutes=2)
        desk.write(ERIKA, f"Matter {number}", subject=f"Matter {number}")
    assert len(desk.inbox("erika@example.com")) == 5
    assert suppressed(desk) == []


def test_an_agents_answers_reach_somebody_who_is_muted(desk: DeskUnderTest) -> None:
    for number in range(4):
        desk.write(ERIKA, f"I am away {number}", subject=f"Away {number}")
    desk.answer(ANNA, desk.last(ANNA), "Enjoy your days off.")
    assert "Enjoy your days off." in desk.last("erika@example.com", "answer").text


# ---- who may be answered at all


def test_every_suppression_is_on_the_ticket_with_its_reason(desk: DeskUnderTest) -> None:
    desk.write(OLGA, "Hello", subject="Question")
    told = [one["text"] for one in desk.ticket()["history"] if one["kind"] == "suppressed"]
    assert len(told) == 1
    assert "acknowledgement to olga@customer.example left out" in told[0]
    assert "nothing authenticates" in told[0]


def test_a_desk_for_the_public_repeats_nothing_of_what_a_stranger_wrote(make_desk: MakeDesk) -> None:
    """T16: neither subject, name, body nor file names; the own domains and proven senders see their subject."""
    desk = make_desk(policy_of('acknowledge = "everyone"'))
    words = ["Cheap", "Pills", "Buy", "prize"]
    desk.write(
        "Cheap Pills <victim@ext.example>",
        "Buy now",
        subject="Pills for you",
        files=[("prize.pdf", b"%PDF", "application/pdf")],
        headers={"Message-ID": "<cheap@pills.example>"},
    )
    acknowledgement = desk.last("victim@ext.example", "acknowledgement")
    seen = acknowledgement.text + acknowledgement.subject + str(acknowledgement.message["To"])
    assert not [word for word in words if word.lower() in seen.lower()]
    assert not [word for word in words if word.lower() in acknowledgement.html.lower()]
    desk.write(OLGA, "Hello", subject="My question", headers=PROVEN)
    assert "My question" in desk.last("olga@customer.example", "acknowledgement").subject


def test_one_domain_outside_gets_so_many_an_hour_and_everybody_together_too(make_desk: MakeDesk) -> None:
    tight = "[limits]\noutside_per_domain_per_hour = 3\noutside_per_hour = 5\n"
    desk = make_desk(policy_of('acknowledge = "everyone"', tight))
    for number in range(5):
        desk.write(f"p{number}@one.example", f"Hello {number}", subject=f"Hello {number}")
    assert suppressed(desk) == ["outside-domain"] * 2
    for number in range(4):
        desk.write(f"p@d{number}.example", f"Hi {number}", subject=f"Hi {number}")
    assert suppressed(desk)[2:] == ["outside-hour"] * 2
    with connection(desk.database):
        held = list(Outbox.select().where(Outbox.hold_reason == "outside-hour"))
    assert [row.state for row in held] == [OutboxState.HELD] * 2
    desk.write(ERIKA, "Mine", subject="Mine")
    assert desk.inbox("erika@example.com", "acknowledgement"), "colleagues are not counted"
    desk.now += timedelta(hours=1)
    desk.write("q@one.example", "Later", subject="Later")
    assert desk.inbox("q@one.example"), "the next hour is a new one"
    assert desk.audit() == []


# ---- T40, T41


def test_somebody_elses_mail_under_the_same_id_takes_no_mail_away(desk: DeskUnderTest) -> None:
    """T40: an attacker who sees a mail first sends another one under its Message-ID."""
    same = {"Message-ID": "<secret@example.com>"}
    assert desk.write("Eve <eve@evil.example>", "Nothing to see", subject="Spam", headers=same).outcome == "opened"
    row = desk.write(ERIKA, "The server is on fire", subject="Fire", headers=same)
    assert row.outcome == "opened"
    assert desk.ticket(1002)["requester"] == "erika@example.com"
    assert desk.inbox("erika@example.com", "acknowledgement")
    assert "same Message-ID" in desk.last(ANNA, "new_ticket").text
    assert desk.audit() == []


def test_a_copy_of_a_mail_by_another_way_joins_its_ticket(desk: DeskUnderTest) -> None:
    same = {"Message-ID": "<twice@example.com>"}
    desk.write(ERIKA, "The server is on fire", subject="Fire", headers=same)
    row = desk.write(ERIKA, "The server is on fire\n\n-- \nSent to all@example.com", subject="Fire", headers=same)
    assert row.outcome == "appended"
    told = "a second copy of the same mail, dated 2 March 2026, 09:02, differs"
    assert told in " ".join(desk.last(ANNA, "new_reply").text.split())
    assert "a second copy of the same mail, dated 2026-03-02 09:02, differs" in desk.ticket()["messages"][1]["marks"]
    # An answer that overtakes its mail is none.
    desk.write(ANNA, "I see it.", subject="Wind", headers={"In-Reply-To": "<late@example.com>"})
    desk.write(ERIKA, "The server is out of breath", subject="Wind", headers={"Message-ID": "<late@example.com>"})
    assert "second copy" not in "".join(one.text for one in desk.sent[-3:])


@pytest.mark.parametrize(
    ("headers", "acknowledged"),
    [
        ({"Precedence": "bulk"}, 0),
        ({"X-RT-Loop-Prevention": "example.com"}, 0),
        ({"Auto-Submitted": "no"}, 1),
        ({"X-Helpdesk-Gateway": "forged"}, 1),
    ],
)
def test_no_header_drops_a_mail(desk: DeskUnderTest, headers: dict[str, str], acknowledged: int) -> None:
    """T41: what others ignore opens a ticket; only whether it is answered differs."""
    assert desk.write(ERIKA, "Hello", headers=headers).outcome == "opened"
    assert len(desk.inbox("erika@example.com")) == acknowledged


# ---- a machine behind an agent's address


def test_an_agents_mailbox_that_answers_questions_by_itself_is_asked_five_times(desk: DeskUnderTest) -> None:
    """Each answer with a command that can't be understood asks again; a machine would do that for ever."""
    desk.write(ERIKA, "It drops.")
    for number in range(9):
        newest = desk.inbox(ANNA, "question")[-1:] or [desk.last(ANNA)]
        desk.answer(f"Anna <{ANNA}>", newest[0], f"Away {number}\n#away until Monday\nBest wishes")
    questions = desk.inbox(ANNA, "question")
    assert ["a program may be writing them" in " ".join(one.text.split()) for one in questions] == [*[False] * 4, True]
    assert "ping-pong" in suppressed(desk)
    muted = [one for one in desk.inbox(BEN, "changed") if "to and fro" in one.text]
    assert len(muted) == 1
    assert "what Anna Agent wrote waits there; it reached nobody" in muted[0].text
    with connection(desk.database):
        assert Ticket.get(Ticket.number == 1001).muted_at is not None
    desk.answer(f"Ben <{BEN}>", desk.last(BEN, "new_ticket"), "Restart it, please.")
    with connection(desk.database):
        assert Ticket.get(Ticket.number == 1001).muted_at is None, "an agent has acted"
    assert desk.audit() == []


def test_an_agent_is_told_of_every_held_mail(desk: DeskUnderTest) -> None:
    """Who is not told believes that it was sent: no pace of a ticket and no mute keeps it from a person."""
    desk.change_policy(policy_of(more='[limits]\nautomatic_per_ticket = ["2/60"]\nanswers_to_agent_per_hour = 7\n'))
    desk.write(ERIKA, "It drops.")
    notice = desk.last(ANNA)
    with connection(desk.database):
        Ticket.update(muted_at=desk.now).execute()
    for number, wrong in enumerate(("resolv a", "resolve1 b", "resolve c,d", "clsoe", "assing", "tkae", "notes x"), 1):
        desk.answer(f"Anna <{ANNA}>", notice, f"Hello, attempt {number} of it\n#{wrong}\nBest wishes")
        assert len(desk.inbox(ANNA, "question")) == number
        assert "may be writing" not in desk.last(ANNA).text
    assert suppressed(desk) == []
    # More in an hour than a person writes ends, with a mail that says so, once.
    for words in ("Hello again", "Once more", "And so on"):
        assert desk.answer(f"Anna <{ANNA}>", notice, f"{words}\n#resolv").outcome == "held"
    assert [one.notice for one in desk.inbox(ANNA)][-2:] == ["question", "pace"]
    assert "may get no mail that says that one of yours was held" in " ".join(desk.last(ANNA).text.split())


def test_mail_to_the_desk_without_any_sender_is_counted_as_one_senders(make_desk: MakeDesk) -> None:
    desk = make_desk(policy_of())
    rows = []
    for number in range(12):
        raw = f"To: {DESK}\r\nSubject: who {number}\r\n\r\nHello {number}\r\n".encode()
        rows.append(desk.receive(raw, reverse_path=None))
    assert [row.reason_code for row in rows] == [""] * 10 + ["flood"] * 2


def test_the_contact_remembers_what_the_limits_decided(desk: DeskUnderTest) -> None:
    burst(desk, ERIKA, 11, seconds=10)
    with connection(desk.database):
        contact = Contact.get(Contact.address == "erika@example.com")
    assert contact.flooding_until == desk.now + timedelta(hours=1)
    assert contact.muted_until == desk.now + timedelta(days=7) - timedelta(seconds=70)
