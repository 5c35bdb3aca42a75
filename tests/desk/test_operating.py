"""What operators do to the queues: nothing is lost by it, and the history says who did it."""

from __future__ import annotations

from gateway.desk.operating import delete, release, retry_ledger, retry_outbox
from gateway.desk.refusals import record_refusal
from gateway.store.database import connection, transaction
from gateway.store.tables import Contact, Event, Ledger, Outbox, RawMailPart, Ticket
from tests.desk.harness import DeskUnderTest

SPAM = (
    b"From: Erika <erika@example.com>\r\nTo: helpdesk@example.com\r\nSubject: Lost\r\nMessage-ID: <s@example.com>\r\n"
    b"X-Spam-Flag: YES\r\n\r\nMy bag.\r\n"
)
ERIKA, ANNA, BEN = "erika@example.com", "anna@example.com", "ben@example.com"


def test_what_is_released_from_quarantine_opens_a_ticket_and_is_not_acknowledged(desk: DeskUnderTest) -> None:
    row = desk.receive(SPAM)
    assert row.state == "quarantined"
    with connection(desk.database):
        assert release(desk.database, [row.id, 99], by="admin", now=desk.now) == 1
    desk.sort()
    desk.wait()
    assert desk.ticket()["requester"] == ERIKA
    assert desk.inbox(ERIKA) == []
    with connection(desk.database):
        assert Ledger.get_by_id(row.id).decision["verdict"] == "accept"
        assert [(event.kind, event.actor) for event in Event.select().where(Event.ticket.is_null())] == [
            ("released", "admin")
        ]
        assert release(desk.database, [row.id], by="admin", now=desk.now) == 0
    assert desk.audit() == []


def test_what_is_released_keeps_the_date_on_which_it_came_and_the_history_says_both(desk: DeskUnderTest) -> None:
    row, came = desk.receive(SPAM), desk.now
    desk.wait(days=3)
    with connection(desk.database):
        release(desk.database, [row.id], by="admin", now=desk.now)
    desk.sort()
    desk.wait()
    assert "2 March 2026" in desk.last(ANNA, "new_ticket").text
    ticket = desk.ticket()
    assert ticket["messages"][0]["arrived"] == came
    assert ticket["opened_at"] == desk.now
    told = [event["text"] for event in ticket["history"] if event["kind"] == "let-in"]
    assert told == ["came on 2026-03-02 09:00 UTC, released on 2026-03-05 09:00 UTC by admin"]
    with connection(desk.database):
        assert Ticket.get().arrived_at == came
    assert desk.audit() == []


def test_what_is_released_in_an_agents_name_joins_its_ticket_unseen_by_the_requester_and_does_nothing(
    desk: DeskUnderTest,
) -> None:
    desk.write(ERIKA, "It drops.", subject="My VPN is down")
    subject = f"Re: {desk.last(ANNA).subject}"
    row = desk.write(ANNA, "Tell Erika that it is done.\n#resolve Done.\n#priority P1", subject=subject)
    assert (row.state, row.reason_code) == ("quarantined", "agent-unproven")
    before, count = desk.ticket(), len(desk.inbox(ERIKA))
    with connection(desk.database):
        assert release(desk.database, [row.id], by="admin", now=desk.now) == 1
    desk.sort()
    desk.wait()
    with connection(desk.database):
        assert Ledger.get_by_id(row.id).outcome == "appended"
        assert Ticket.select().count() == 1
    after = desk.ticket()
    assert {key: after[key] for key in ("status", "priority", "assignee")} == {
        key: before[key] for key in ("status", "priority", "assignee")
    }
    message = after["messages"][-1]
    assert (message["from"], message["as"], message["visibility"]) == (ANNA, "other", "internal")
    mark = "not verified: released from quarantine by a person"
    assert mark in message["marks"]
    assert len(desk.inbox(ERIKA)) == count
    for agent in (ANNA, BEN):
        told = desk.last(agent, "new_reply").text
        assert mark in told
        assert "Tell Erika that it is done." in told
    assert desk.audit() == []


def test_what_is_deleted_from_quarantine_stays_known(desk: DeskUnderTest) -> None:
    row = desk.receive(SPAM)
    with connection(desk.database):
        assert delete(desk.database, [row.id], by="admin", reason="spam", now=desk.now) == 1
        assert RawMailPart.select().count() == 0
        assert delete(desk.database, [row.id], by="admin", reason="spam", now=desk.now) == 0
    assert desk.receive(SPAM).outcome == "duplicate"
    assert desk.audit() == []


def test_only_failed_mails_are_sorted_again_and_only_held_ones_sent(desk: DeskUnderTest) -> None:
    row = desk.write(ERIKA, "It drops.")
    with connection(desk.database):
        assert retry_ledger(desk.database, None, by="admin", now=desk.now) == 0
        assert retry_ledger(desk.database, [row.id], by="admin", now=desk.now) == 0
        Outbox.update(state="sent", hold_reason="").where(Outbox.id == 1).execute()
        assert retry_outbox(desk.database, [1], by="admin", now=desk.now) == 0
        assert not Event.select().where(Event.kind == "retried").exists()
        count = retry_outbox(desk.database, None, by="admin", now=desk.now)
        told = list(Event.select().where(Event.kind == "retried"))
        assert count == len(told) == Outbox.select().count() - 1
        assert {(one.actor, one.at) for one in told} == {("admin", desk.now)}


def test_whoever_lets_a_failed_mail_be_sorted_again_is_in_the_history(desk: DeskUnderTest) -> None:
    row = desk.receive(SPAM)
    with connection(desk.database):
        Ledger.update(state="failed", error="ValueError: a bug").where(Ledger.id == row.id).execute()
        assert retry_ledger(desk.database, [row.id], by="admin", now=desk.now) == 1
        (told,) = Event.select().where(Event.kind == "retried")
    assert (told.ledger_id, told.actor, told.at) == (row.id, "admin", desk.now)
    assert "ValueError: a bug" in told.text
    desk.sort()
    assert desk.audit() == []


def test_a_refused_mail_is_told_to_the_agents_once_and_marks_the_address(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    acknowledgement = desk.last(ERIKA)
    for _ in range(2):
        with connection(desk.database), transaction(desk.database):
            values = {"policy": desk.policy, "secrets": desk.secrets, "now": desk.now}
            if not Event.select().where(Event.kind == "refused").exists():
                record_refusal(acknowledgement.id, "550 5.1.1 no such user", **values)  # type: ignore[arg-type]
    desk.wait()
    assert {sent.to for sent in desk.sent if sent.notice == "undeliverable"} == {ANNA, BEN}
    with connection(desk.database):
        assert Contact.get(Contact.address == ERIKA).bounced_at == desk.now


def test_a_refused_notice_to_an_agent_reaches_the_colleagues_and_a_refused_refusal_nobody(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    for _ in range(2):
        notice = desk.sent[-1] if desk.inbox(BEN, "undeliverable") else desk.last(ANNA)
        with connection(desk.database), transaction(desk.database):
            record_refusal(notice.id, "552 5.3.4 too big", policy=desk.policy, secrets=desk.secrets, now=desk.now)
        desk.wait()
    assert [sent.to for sent in desk.sent if sent.notice == "undeliverable"] == [BEN]
    with connection(desk.database):
        assert Contact.get(Contact.address == ANNA).bounced_at is None
