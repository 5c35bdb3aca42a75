"""What becomes of an outbox row when all goes well, and when the relay answers no."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.compose import TemplateFailure
from gateway.delivery import Rendered
from gateway.errors import Problem
from gateway.store.rows import find_values
from gateway.store.states import OutboxState
from gateway.store.tables import Outbox, OutboxPart
from tests.delivery.house import NOW, REVERSE_PATH, House, is_about, relay_to
from tests.servers.sink import Sink, Stage

DAY = timedelta(days=1)


def test_a_waiting_mail_is_rendered_once_stored_sent_and_marked(house: House, sink: Sink) -> None:
    outbox_id = house.add("erika@example.com")
    assert house.deliverer(sink).run_once(NOW) == 1

    [mail] = sink.mails
    assert (mail.sender, mail.recipients) == (REVERSE_PATH, ("erika@example.com",))
    assert mail.content == house.stored_bytes(outbox_id)
    row = house.row(outbox_id)
    assert (row.state, row.sent_at, row.reply) == ("sent", NOW, "250 2.0.0 taken")
    assert (row.attempts, row.uncertain_count, row.lease_owner, row.lease_until) == (1, 0, "", None)
    assert (row.reverse_path, row.size_bytes) == (REVERSE_PATH, len(mail.content))
    assert bytes(row.sha256) == hashlib.sha256(mail.content).digest()
    assert house.rendered == [outbox_id]


def test_nothing_is_sent_twice(house: House, sink: Sink) -> None:
    house.add()
    deliverer = house.deliverer(sink)
    assert [deliverer.run_once(NOW), deliverer.run_once(NOW + DAY)] == [1, 0]
    assert len(sink.mails) == 1


def test_a_mail_of_several_parts_arrives_whole(house: House, sink: Sink) -> None:
    lines = b"".join(b"%070d\r\n" % number for number in range(40_000))
    outbox_id = house.add(content=b"Subject: big\r\n\r\n" + lines)
    house.deliverer(sink).run_once(NOW)
    assert house.row(outbox_id).part_count == 3
    assert sink.mails[0].content == b"Subject: big\r\n\r\n" + lines


def test_peoples_answers_go_first_then_acknowledgements_notices_and_digests(small_house: House, sink: Sink) -> None:
    for rank in (3, 1, 0, 2, 0):
        small_house.add(f"rank{rank}@example.com", rank=rank)
    small_house.deliverer(relay_to(sink, connections=1)).run_once(NOW)
    assert [mail.recipients[0][4] for mail in sink.mails] == ["0", "0", "1", "2", "3"]


def test_connections_are_kept_and_no_more_than_configured_are_open(small_house: House, sink: Sink) -> None:
    for number in range(30):
        small_house.add(f"person{number}@example.com")
    deliverer = small_house.deliverer(relay_to(sink, connections=2))
    assert deliverer.run_once(NOW) == 30
    small_house.add()
    assert deliverer.run_once(NOW) == 1
    assert (sink.sessions_seen, sink.most_sessions_at_once) == (2, 2)


# --- the relay says no, or nothing ---

LATER_AT = [
    (Stage.MAIL, "421 4.3.2 shutting down"),
    (Stage.MAIL, "451 4.3.0 try later"),
    (Stage.MAIL, "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded"),
    (Stage.RCPT, "450 4.2.1 mailbox busy"),
    (Stage.RCPT, "421 4.7.0 too much"),
    (Stage.DATA, "451 4.3.0 try later"),
    (Stage.BODY, "452 4.3.1 disk full"),
    (Stage.BODY, "421 4.3.2 shutting down"),
]


@pytest.mark.parametrize(("stage", "reply"), LATER_AT)
def test_a_temporary_refusal_puts_only_that_mail_off(house: House, sink: Sink, stage: Stage, reply: str) -> None:
    sink.answer(stage, reply)
    first, second = house.add("first@example.com"), house.add("second@example.com")
    deliverer = house.deliverer(relay_to(sink, connections=1))
    assert deliverer.run_once(NOW) == 1
    row = house.row(first)
    assert (row.reply, row.attempts, row.uncertain_count, house.state(second)) == (reply, 1, 0, "sent")
    assert is_about(house.waits(first), 1)
    assert house.refused == []
    content = house.stored_bytes(first)
    assert deliverer.run_once(NOW + DAY) == 1
    assert [mail.content for mail in sink.mails if "first@example.com" in mail.recipients] == [content]
    assert house.rendered == [first, second]


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT])
def test_a_connection_lost_before_data_is_tried_again(house: House, sink: Sink, stage: Stage) -> None:
    sink.close_at(stage)
    outbox_id = house.add()
    deliverer = house.deliverer(sink)
    assert deliverer.run_once(NOW) == 0
    assert is_about(house.waits(outbox_id), 1)
    assert house.row(outbox_id).uncertain_count == 0
    assert deliverer.run_once(NOW + DAY) == 1


def test_a_lost_answer_is_counted_and_the_same_bytes_are_sent_again(house: House, sink: Sink) -> None:
    sink.lose_answer(times=2)
    outbox_id = house.add()
    deliverer = house.deliverer(sink)
    assert deliverer.run_once(NOW) == 0
    assert is_about(house.waits(outbox_id), 1)
    assert deliverer.run_once(NOW + DAY) == 0
    assert deliverer.run_once(NOW + 2 * DAY) == 1
    row = house.row(outbox_id)
    assert (row.state, row.uncertain_count, row.attempts) == ("sent", 2, 3)
    assert len(sink.mails) == 3
    assert {mail.content for mail in sink.mails} == {house.stored_bytes(outbox_id)}
    assert {mail.message["Message-ID"] for mail in sink.mails} == {row.message_id}
    assert house.rendered == [outbox_id]


def test_a_relay_that_never_answers_the_final_dot_is_uncertain(small_house: House, sink: Sink) -> None:
    gate = sink.hold(Stage.BODY)
    outbox_id = small_house.add()
    impatient = relay_to(sink).model_copy(update={"timeout_seconds": 0.05})
    assert small_house.deliverer(impatient).run_once(NOW) == 0
    gate.release()
    row = small_house.row(outbox_id)
    assert (row.state, row.uncertain_count) == ("waiting", 1)


@pytest.mark.parametrize(
    ("stage", "reply"),
    [
        (Stage.RCPT, "550 5.1.1 no such user"),
        (Stage.DATA, "554 5.7.1 refused"),
        (Stage.BODY, "550 5.7.1 content refused"),
        (Stage.MAIL, "552 5.3.4 message too big"),
    ],
)
def test_a_refusal_for_good_fails_the_mail_and_is_told(house: House, sink: Sink, stage: Stage, reply: str) -> None:
    sink.answer(stage, reply)
    first, second = house.add("first@example.com"), house.add("second@example.com")
    deliverer = house.deliverer(relay_to(sink, connections=1))
    assert deliverer.run_once(NOW) == 1
    assert [house.state(first), house.state(second)] == ["failed", "sent"]
    assert house.refused == [(first, reply)]
    assert house.row(first).reply == reply
    assert deliverer.run_once(NOW + DAY) == 0


@pytest.mark.parametrize(
    ("stage", "reply"),
    [
        (Stage.MAIL, "553 5.7.1 sender not owned by user"),
        (Stage.BODY, "554 5.2.252 SendAsDenied; helpdesk@example.com not allowed to send as"),
        (Stage.MAIL, "550 5.7.60 SMTP; Client does not have permissions to send as this sender"),
    ],
)
def test_a_refused_sender_holds_the_mail_for_the_operator(house: House, sink: Sink, stage: Stage, reply: str) -> None:
    sink.answer(stage, reply)
    outbox_id = house.add()
    house.deliverer(sink).run_once(NOW)
    row = house.row(outbox_id)
    assert (row.state, row.hold_reason, row.reply) == ("held", "sender", reply)
    assert house.refused == []


def test_a_mail_waits_longer_after_each_refusal(small_house: House, sink: Sink) -> None:
    sink.answer(Stage.RCPT, "450 4.2.1 busy", times=None)
    outbox_id = small_house.add()
    deliverer = small_house.deliverer(relay_to(sink, retry_days=5))
    now = NOW
    for minutes in (1, 2, 5, 10, 20, 40, 60, 60, 60):
        deliverer.run_once(now)
        assert is_about(small_house.waits(outbox_id, after=now), minutes)
        now = small_house.row(outbox_id).not_before
    assert small_house.refused == []


def test_a_mail_is_given_up_after_the_configured_days(house: House, sink: Sink) -> None:
    sink.answer(Stage.RCPT, "450 4.2.1 busy", times=None)
    outbox_id = house.add()
    deliverer = house.deliverer(relay_to(sink, retry_days=5))
    deliverer.run_once(NOW)
    deliverer.run_once(NOW + 5 * DAY - timedelta(minutes=1))
    assert house.state(outbox_id) == "waiting"
    deliverer.run_once(NOW + 5 * DAY + timedelta(minutes=2))
    assert house.state(outbox_id) == "failed"
    assert house.refused == [(outbox_id, "given up after 5 days; the last answer was: 450 4.2.1 busy")]


def test_the_report_of_a_refusal_is_committed_with_it(house: House, sink: Sink) -> None:
    """Whatever the desk writes to tell the agent is undone when it fails, and the mail is failed all the same."""
    sink.answer(Stage.RCPT, "550 5.1.1 no such user", times=2)
    first, second = house.add("first@example.com"), house.add("second@example.com")

    def tell(outbox_id: int, reply: str) -> None:
        house.add("agent@example.com", rank=2, notice="undeliverable")
        if outbox_id == first:
            raise RuntimeError("the desk is broken")

    house.deliverer(relay_to(sink, connections=1), on_refused=tell).run_once(NOW)
    assert [house.state(first), house.state(second)] == ["failed", "failed"]
    assert [mail.recipients for mail in sink.mails] == [("agent@example.com",)]


# --- before sending ---


def test_a_mail_above_the_relays_size_fails_before_a_byte_is_sent(house: House, new_sink: Callable[..., Sink]) -> None:
    sink = new_sink(size_limit_bytes=10_000)
    big = house.add(content=b"Subject: big\r\n\r\n" + b"x\r\n" * 5_000)
    small = house.add()
    assert house.deliverer(sink).run_once(NOW) == 1
    assert [house.state(big), house.state(small)] == ["failed", "sent"]
    assert house.refused == [(big, "the mail has 15016 bytes, the relay takes at most 10000")]


def test_an_international_address_needs_a_relay_that_takes_it(
    small_house: House, new_sink: Callable[..., Sink]
) -> None:
    outbox_id = small_house.add("müller@example.com")
    small_house.deliverer(new_sink(smtputf8=False)).run_once(NOW)
    assert small_house.state(outbox_id) == "failed"
    [(_, reply)] = small_house.refused
    assert "SMTPUTF8" in reply

    able = new_sink()
    small_house.add("müller@example.com")
    assert small_house.deliverer(able).run_once(NOW) == 1
    assert able.mails[0].recipients == ("müller@example.com",)
    assert "SMTPUTF8" in able.mails[0].mail_options


def test_an_international_domain_needs_nothing_of_the_relay(small_house: House, new_sink: Callable[..., Sink]) -> None:
    sink = new_sink(smtputf8=False)
    small_house.add("erika@bücher.example", content=b"Subject: x\r\n\r\nx\r\n")
    assert small_house.deliverer(sink).run_once(NOW) == 1
    assert sink.mails[0].recipients == ("erika@xn--bcher-kva.example",)


def test_eight_bit_bytes_are_announced_or_not_sent(small_house: House, new_sink: Callable[..., Sink]) -> None:
    content = b"Subject: x\r\n\r\n\xc3\xbc\r\n"
    able, unable = new_sink(), new_sink(hide_extensions=("8BITMIME",))
    small_house.add(content=content)
    assert small_house.deliverer(able).run_once(NOW) == 1
    assert "BODY=8BITMIME" in able.mails[0].mail_options
    small_house.add(content=content)
    assert small_house.deliverer(unable).run_once(NOW) == 0
    assert "8BITMIME" in small_house.refused[0][1]


@pytest.mark.parametrize(
    "address",
    ["a(b)@example.com", "\x01a@example.com", "a@example.com\nrcpt to:<b@example.com>", "a b@example.com,c@d"],
)
def test_an_address_that_would_become_another_one_is_not_sent_to(small_house: House, sink: Sink, address: str) -> None:
    outbox_id = small_house.add(address, content=b"Subject: x\r\n\r\nx\r\n")
    small_house.deliverer(sink).run_once(NOW)
    assert (small_house.state(outbox_id), sink.mails) == ("failed", ())


# --- rendering ---


def test_a_broken_template_holds_its_mail_and_nothing_else(house: House, sink: Sink) -> None:
    broken, good = house.add(), house.add()
    house.broken[broken] = TemplateFailure(Problem(file="templates/answer.txt", message="no such name", line=3))
    assert house.deliverer(sink).run_once(NOW) == 1
    row = house.row(broken)
    assert (row.state, row.hold_reason, row.part_count) == ("held", "template", 0)
    assert "templates/answer.txt:3" in row.reply
    assert house.state(good) == "sent"


def test_any_other_failure_to_render_is_tried_five_times_and_then_held(house: House, sink: Sink) -> None:
    broken, good = house.add(), house.add()
    house.broken[broken] = KeyError("surprise")
    deliverer = house.deliverer(sink)
    for attempt in range(1, 5):
        deliverer.run_once(NOW + attempt * DAY)
        row = house.row(broken)
        assert (row.state, row.attempts) == ("waiting", attempt)
        assert row.not_before > NOW + attempt * DAY
    deliverer.run_once(NOW + 5 * DAY)
    row = house.row(broken)
    assert (row.state, row.hold_reason) == ("held", "render")
    assert "surprise" in row.reply
    assert (house.state(good), house.rendered.count(broken)) == ("sent", 5)


def test_a_mail_that_spoils_the_reading_of_the_database_spoils_no_other(house: House, sink: Sink) -> None:
    """PostgreSQL answers nothing any more in a transaction in which one statement failed."""
    broken, good = house.add(), house.add()

    def render(outbox_id: int) -> Rendered:
        table = "nowhere" if outbox_id == broken else "outbox"
        find_values(f"SELECT id FROM {table}")
        return house.render(outbox_id)

    house.deliverer(sink, render=render).run_once(NOW)
    assert (house.state(broken), house.state(good)) == ("waiting", "sent")
    assert "nowhere" in house.row(broken).reply


def test_a_mail_whose_rendering_ends_the_process_is_held_in_the_end(small_house: House, sink: Sink) -> None:
    outbox_id = small_house.add()
    Outbox.update(attempts=5).execute()
    small_house.deliverer(sink).run_once(NOW)
    assert (small_house.row(outbox_id).hold_reason, small_house.rendered) == ("render", [])


def test_a_mail_composed_for_somebody_else_never_leaves(small_house: House, sink: Sink) -> None:
    outbox_id = small_house.add("erika@example.com")

    def render(_: int) -> Rendered:
        return Rendered(content=b"Subject: x\r\n\r\nx\r\n", recipient="mallory@example.com", reverse_path="")

    small_house.deliverer(sink, render=render).run_once(NOW)
    assert small_house.state(outbox_id) == "waiting"
    assert "somebody else" in small_house.row(outbox_id).reply
    assert sink.mails == ()


def test_damaged_bytes_are_held_and_not_sent(small_house: House, sink: Sink) -> None:
    sink.answer(Stage.RCPT, "450 4.2.1 busy")
    outbox_id, other = small_house.add(), small_house.add()
    deliverer = small_house.deliverer(relay_to(sink, connections=1))
    deliverer.run_once(NOW)
    OutboxPart.update(content=b"Subject: forged\r\n\r\nx\r\n").where(OutboxPart.outbox == outbox_id).execute()
    deliverer.run_once(NOW + DAY)
    assert (small_house.state(outbox_id), small_house.row(outbox_id).hold_reason) == ("held", "damaged")
    assert [small_house.state(other), len(sink.mails)] == ["sent", 1]


# --- the copy in the Sent folder ---


def test_a_copy_is_filed_after_sent_is_committed(small_house: House, sink: Sink) -> None:
    outbox_id = small_house.add()
    filed: list[tuple[int, bytes, str]] = []

    def file(sent_id: int, content: bytes) -> None:
        filed.append((sent_id, content, small_house.state(sent_id)))
        small_house.database.close()

    deliverer = small_house.deliverer(sink, on_sent=file)
    deliverer.run_once(NOW)
    small_house.finish(deliverer)
    assert filed == [(outbox_id, sink.mails[0].content, "sent")]


def test_a_copy_that_fails_changes_nothing(small_house: House, sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
    first, second = small_house.add(), small_house.add()

    def fail(_: int, __: bytes) -> None:
        raise OSError("IMAP is down")

    deliverer = small_house.deliverer(sink, on_sent=fail)
    assert deliverer.run_once(NOW) == 2
    small_house.finish(deliverer)
    assert [small_house.state(first), small_house.state(second)] == [OutboxState.SENT, OutboxState.SENT]
    assert caplog.text.count("no copy in the Sent folder") == 2


def test_nothing_of_a_mail_is_logged(small_house: House, sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="gateway.delivery")
    small_house.add("erika@example.com", content=b"Subject: my salary\r\n\r\nsecret\r\n")
    small_house.deliverer(sink).run_once(NOW)
    assert "sent outbox=" in caplog.text
    assert not any(word in caplog.text for word in ("salary", "secret", "erika"))


def test_without_mail_no_connection_is_opened(small_house: House, sink: Sink, tmp_path: Path) -> None:
    assert small_house.deliverer(sink).run_once(NOW) == 0
    assert (sink.sessions_seen, (tmp_path / "out").exists()) == (0, False)
