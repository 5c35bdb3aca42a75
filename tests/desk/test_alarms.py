"""What is wrong is told once when it has held, once when it is over, and never twice."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from gateway.alarms import (
    CONDITIONS,
    IN_TEMPLATES,
    Disk,
    Health,
    HeartbeatMail,
    MailboxHealth,
    QuarantineHealth,
    alarms,
)
from gateway.compose.filters import FILTERS
from gateway.desk.alarming import ALARM, Told, watch
from gateway.desk.beating import beat_due
from gateway.desk.health import Watched, read_health, status_record
from gateway.desk.refusals import record_refusal
from gateway.policy import Policy
from gateway.store.database import connection, transaction
from gateway.store.queue import PROCESS_PREFIX
from gateway.store.tables import AlarmRow, Contact, Event, Ledger, Mailbox, OauthAccount, Outbox, Worker
from tests.desk.harness import DESK, DeskUnderTest, Sent, policy_of

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ANNA, BEN, ERIKA = "anna@example.com", "ben@example.com", "erika@example.com"
WELL = Health(now=NOW, is_running=True)
RELAY_DOWN = "connection refused"


def codes(health: Health) -> list[str]:
    return [alarm.code for alarm in alarms(health)]


def beat(*, back: timedelta | None) -> HeartbeatMail:
    since = NOW - timedelta(hours=5)
    return HeartbeatMail(
        since=since, last_back_at=None if back is None else NOW - back, seconds=None, missing_minutes=30
    )


def health_with(**values: object) -> Health:
    return Health(**{"now": NOW, "is_running": True} | values)  # type: ignore[arg-type]


SEEN = {
    "not-running": health_with(is_running=False),
    "died": health_with(died=("process 7 on here",)),
    "files-refused": health_with(files_error="rules.toml:3: no such key"),
    "mailbox": health_with(mailboxes=(MailboxHealth(name="box", last_ok_at=NOW, error="login refused"),)),
    "mailbox-silent": health_with(mailboxes=(MailboxHealth(name="box", last_ok_at=NOW - timedelta(minutes=15)),)),
    "login": health_with(logins={"m365": "the secret has expired"}),
    "disk-full": health_with(disk=Disk(free_bytes=99, limit_bytes=100)),
    "disk-fills": health_with(disk=Disk(free_bytes=199, limit_bytes=100)),
    "ledger-failed": health_with(ledger_failed=1),
    "ledger-old": health_with(ledger_minutes=60),
    "ledger-slow": health_with(ledger_minutes=59),
    "relay": health_with(relay_error=RELAY_DOWN),
    "outbox-held": health_with(outbox_held=1),
    "outbox-old": health_with(outbox_minutes=60),
    "outbox-slow": health_with(outbox_minutes=5),
    "outbox-refused": health_with(outbox_failed=1),
    "quarantine-late": health_with(quarantine=QuarantineHealth(count=2, late=1)),
    "quarantine": health_with(quarantine=QuarantineHealth(count=1)),
    "quarantine-large": health_with(quarantine=QuarantineHealth(all_mails=40_000)),
    "border": health_with(border=("Authentication-Results of mx.example.com are not believed",)),
    "border-lost": health_with(border=("smtp: the test is too old",), border_lost=("smtp",)),
    "heartbeat": health_with(heartbeat=beat(back=timedelta(minutes=30))),
}
NEARLY = [
    health_with(mailboxes=(MailboxHealth(name="box", last_ok_at=NOW - timedelta(minutes=14)),)),
    health_with(mailboxes=(MailboxHealth(name="box", last_ok_at=NOW - timedelta(days=1), is_watched=False),)),
    health_with(mailboxes=(MailboxHealth(name="box", last_ok_at=None),)),
    health_with(disk=Disk(free_bytes=200, limit_bytes=100)),
    health_with(ledger_minutes=4, outbox_minutes=4),
    health_with(quarantine=QuarantineHealth(all_mails=39_999, all_bytes=4 * 1024**3 - 1)),
    health_with(heartbeat=beat(back=timedelta(minutes=29))),
]


def test_every_condition_has_a_case_that_shows_it_and_nothing_else() -> None:
    assert {code: codes(health) for code, health in SEEN.items()} == {code: [code] for code in SEEN}
    assert set(SEEN) == set(CONDITIONS)


@pytest.mark.parametrize("health", NEARLY)
def test_what_just_misses_is_no_alarm(health: Health) -> None:
    assert codes(health) == []


def test_every_alarm_is_said_in_words_and_with_its_command() -> None:
    for code, health in SEEN.items():
        (alarm,) = alarms(health)
        assert alarm.text
        assert "{" not in alarm.text
        assert alarm.colour in ("red", "yellow")
        assert alarm.condition.hint in alarm.text
        assert CONDITIONS[code].what


# --- told once ---


class Operated:
    """A desk whose health a test turns, and what its operators are told."""

    def __init__(self, desk: DeskUnderTest) -> None:
        self.desk = desk

    def after(self, minutes: float, **wrong: object) -> Told | None:
        desk = self.desk
        desk.now += timedelta(minutes=minutes)
        health = Health(**{"now": desk.now, "is_running": True} | wrong)  # type: ignore[arg-type]
        with connection(desk.database):
            told = watch(desk.database, health, desk.policy, desk.secrets, now=desk.now)
        desk._send()
        return told


@pytest.fixture
def operated(desk: DeskUnderTest) -> Operated:
    return Operated(desk)


def test_an_alarm_is_told_when_it_has_held_and_again_when_it_is_over(operated: Operated, desk: DeskUnderTest) -> None:
    assert operated.after(0, relay_error=RELAY_DOWN) is None
    assert operated.after(4, relay_error=RELAY_DOWN) is None
    assert operated.after(1, relay_error=RELAY_DOWN) is not None
    for _ in range(10):
        assert operated.after(10, relay_error=RELAY_DOWN) is None
    assert operated.after(1) is None
    told = operated.after(5)
    assert told is not None
    assert operated.after(60) is None
    first, last = desk.inbox(ANNA, ALARM)
    assert "the relay takes no mail: connection refused" in first.text
    assert "Trouble at the desk" in first.subject
    assert "This is over" in last.text
    assert [sent.to for sent in desk.sent] == [ANNA, ANNA]
    assert desk.audit() == []


def test_what_comes_and_goes_is_one_alarm(operated: Operated, desk: DeskUnderTest) -> None:
    for _ in range(20):
        operated.after(1, relay_error=RELAY_DOWN)
        operated.after(1)
    assert len(desk.inbox(ANNA, ALARM)) == 1


def test_what_did_not_hold_is_never_told(operated: Operated, desk: DeskUnderTest) -> None:
    operated.after(0, relay_error=RELAY_DOWN)
    operated.after(2)
    operated.after(10)
    operated.after(10)
    assert desk.inbox(ANNA, ALARM) == []
    with connection(desk.database):
        assert AlarmRow.select().count() == 0


def test_several_at_once_are_one_mail_and_later_ones_name_what_still_holds(
    operated: Operated, desk: DeskUnderTest
) -> None:
    operated.after(0, ledger_failed=1, outbox_held=2)
    operated.after(2, ledger_failed=1, outbox_held=2)
    (mail,) = desk.inbox(ANNA, ALARM)
    assert "one mail failed" in mail.text
    assert "2 outgoing mails are held" in mail.text
    operated.after(1, ledger_failed=1, outbox_held=2, logins={"m365": "expired"})
    operated.after(4, ledger_failed=1, outbox_held=2, logins={"m365": "expired"})
    assert "This is still wrong" in desk.last(ANNA, ALARM).text


def test_news_within_minutes_wait_for_one_mail(operated: Operated, desk: DeskUnderTest) -> None:
    operated.after(0, ledger_failed=1)
    operated.after(2, ledger_failed=1)
    operated.after(0, ledger_failed=1, ledger_minutes=60)
    assert len(desk.inbox(ANNA, ALARM)) == 1
    operated.after(5, ledger_failed=1, ledger_minutes=65)
    assert len(desk.inbox(ANNA, ALARM)) == 2


def test_two_mailboxes_are_two_alarms(operated: Operated, desk: DeskUnderTest) -> None:
    boxes = tuple(MailboxHealth(name=name, last_ok_at=None, error="login refused") for name in ("one", "two"))
    operated.after(0, mailboxes=boxes)
    operated.after(5, mailboxes=boxes)
    text = desk.last(ANNA, ALARM).text
    assert "mailbox one" in text
    assert "mailbox two" in text


def test_refused_rules_are_yellow_and_one_mail_however_many_hosts_refuse_them(
    operated: Operated, desk: DeskUnderTest
) -> None:
    for host in ("a", "b", "c"):
        runs(desk, error=f"/srv/{host}/rules.toml:3:1: rule: no such key", name=f"{PROCESS_PREFIX}{host}")
    assert (record(desk)["colour"], troubles(desk)) == ("yellow", ["files-refused"])

    def look(minutes: int) -> Told | None:
        with connection(desk.database):
            health = read_health(now=desk.now, policy=desk.policy, watched=Watched())
        return operated.after(minutes, files_error=health.files_error)

    # Every host looks, and none tells what another one has told.
    told = [look(0), look(0)]
    # Still broken when it is told, but otherwise.
    with connection(desk.database), transaction(desk.database):
        Worker.update(last_error="/srv/a/rules.toml:9:1: rule: no such team").execute()
    told += [look(minutes) for minutes in (1, 0, 0)]
    assert len([one for one in told if one is not None]) == 1
    (mail,) = desk.inbox(ANNA, ALARM)
    assert mail.subject == "Trouble at the desk: changed rules were refused, those of before stay in force"
    assert "held" not in mail.text
    assert "rules.toml:9:1: rule: no such team" in mail.text
    assert "rules.toml:3:1" not in mail.text
    with connection(desk.database), transaction(desk.database):
        Worker.update(last_error="").execute()
    told = [look(minutes) for minutes in (1, 0, 5, 0, 60)]
    assert len([one for one in told if one is not None]) == 1
    assert "This is over" in desk.last(ANNA, ALARM).text


def test_refused_rules_are_told_to_those_who_tune_them_and_other_trouble_is_not(
    make_desk: Callable[[Policy], DeskUnderTest],
) -> None:
    desk = make_desk(policy_of('operators = ["anna"]\nadmins = ["ben", "anna"]'))
    operated = Operated(desk)
    operated.after(0, files_error="rules.toml:3: no such key")
    operated.after(1, files_error="rules.toml:3: no such key")
    assert sorted(sent.to for sent in desk.sent) == [ANNA, BEN]
    operated.after(1)
    operated.after(5)
    assert [len(desk.inbox(one, ALARM)) for one in (ANNA, BEN)] == [2, 2]
    operated.after(0, ledger_failed=1)
    operated.after(6, ledger_failed=1)
    assert [len(desk.inbox(one, ALARM)) for one in (ANNA, BEN)] == [3, 2]


def test_a_broken_template_is_told_apart_from_refused_rules() -> None:
    health = health_with(files_error=f"{IN_TEMPLATES}acknowledgement.txt:4: unclosed\nrules.toml:3: no such key")
    assert [(one.code, one.about, str(one.words)) for one in alarms(health)] == [
        ("files-refused", "", "changed rules were refused, those of before stay in force: rules.toml:3: no such key"),
        (
            *("files-refused", "templates"),
            "a template is broken, mails of it are held: acknowledgement.txt:4: unclosed",
        ),
    ]


def test_yellow_is_worth_no_mail(operated: Operated, desk: DeskUnderTest) -> None:
    for _ in range(3):
        operated.after(60, quarantine=QuarantineHealth(count=1), ledger_minutes=5)
    assert desk.sent == []


@pytest.mark.parametrize(
    ("more", "readers"),
    [("", {ANNA}), ('operators = ["ben", "pager@sms.example.org"]', {BEN, "pager@sms.example.org"})],
)
def test_the_operators_are_the_first_agent_or_those_who_are_named(
    make_desk: Callable[[Policy], DeskUnderTest], more: str, readers: set[str]
) -> None:
    desk = make_desk(policy_of(more))
    operated = Operated(desk)
    operated.after(0, ledger_failed=1)
    operated.after(2, ledger_failed=1)
    assert {sent.to for sent in desk.sent} == readers


def test_an_alarm_is_read_in_the_operators_language(make_desk: Callable[[Policy], DeskUnderTest]) -> None:
    desk = make_desk(policy_of('language = "de"'))
    operated = Operated(desk)
    operated.after(0, relay_error=RELAY_DOWN)
    told = operated.after(5, relay_error=RELAY_DOWN)
    assert "das Relay nimmt keine Mail an" in desk.last(ANNA, ALARM).text
    assert told is not None
    assert told.text == "Wrong:\n- the relay takes no mail: connection refused\n"


# --- what is known of the gateway ---


def record(desk: DeskUnderTest, **watched: object) -> dict[str, object]:
    with connection(desk.database):
        return status_record(now=desk.now, policy=desk.policy, watched=Watched(**watched))  # type: ignore[arg-type]


def troubles(desk: DeskUnderTest, **watched: object) -> list[str]:
    return [one["code"] for one in record(desk, **watched)["troubles"]]  # type: ignore[attr-defined]


def runs(desk: DeskUnderTest, *, pid: int | None = None, error: str = "", name: str = f"{PROCESS_PREFIX}here") -> None:
    with connection(desk.database), transaction(desk.database):
        Worker.create(
            name=name,
            host=socket.gethostname(),
            pid=pid or os.getpid(),
            started_at=desk.now,
            beat_at=desk.now,
            detail="sort" if name.startswith(PROCESS_PREFIX) else "",
            last_error=error,
        )


def test_all_is_well(desk: DeskUnderTest) -> None:
    runs(desk)
    assert record(desk)["colour"] == "green"


def test_a_killed_process_is_seen_at_once(desk: DeskUnderTest) -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    runs(desk, pid=child.pid)
    assert troubles(desk) == ["not-running", "died"]


def test_refused_files_and_a_relay_in_trouble_are_told_apart(desk: DeskUnderTest) -> None:
    runs(desk, error="rules.toml:3: no such key")
    runs(desk, error=RELAY_DOWN, name="here")
    assert troubles(desk) == ["files-refused", "relay"]


def test_a_mailbox_that_is_no_longer_configured_is_nobodys_trouble(desk: DeskUnderTest) -> None:
    runs(desk)
    with connection(desk.database):
        Mailbox.create(name="old", folder="INBOX", last_error="no such host", last_error_at=desk.now)
        Mailbox.create(name="box", folder="INBOX", last_ok_at=desk.now - timedelta(minutes=20))
        OauthAccount.create(name="m365", last_error="the secret has expired")
    assert troubles(desk, mailboxes=("box",)) == ["mailbox-silent", "login"]
    assert troubles(desk, mailboxes=("box", "old"), mailbox_minutes=60) == ["mailbox", "login"]


def test_what_waits_for_three_working_days_is_red_and_spam_is_not(desk: DeskUnderTest) -> None:
    runs(desk)
    desk.write("x@example.net", "Win.", headers={"X-Spam-Flag": "YES"})
    desk.write("list@example.net", "News.", headers={"List-Id": "<l.example.net>", "To": "all@example.net"})
    with connection(desk.database):
        assert Ledger.select().where(Ledger.state == "quarantined").count() == 2
        Outbox.delete().execute()

    def at(day: int, hour: int = 17) -> dict[str, object]:
        desk.now = datetime(2026, 3, day, hour, tzinfo=UTC)
        with connection(desk.database):
            Worker.update(beat_at=desk.now).execute()
        return record(desk)

    assert at(5, 16)["colour"] == "yellow"
    assert at(5, 18)["colour"] == "red"
    with connection(desk.database):
        Ledger.update(reason_code="spam").execute()
    assert at(30)["colour"] == "yellow"


# --- the mail to itself ---


def beats(desk: DeskUnderTest, every: int = 15) -> int:
    with connection(desk.database):
        count = beat_due(desk.database, desk.policy, desk.secrets, every=timedelta(minutes=every), now=desk.now)
    desk._send()
    return count


def let_go(desk: DeskUnderTest) -> None:
    """The harness keeps what it rendered as held; here it left."""
    with connection(desk.database):
        Outbox.update(state="sent", hold_reason="").execute()


def test_the_mail_to_itself_comes_round_and_makes_no_ticket(desk: DeskUnderTest) -> None:
    assert beats(desk) == 1
    assert beats(desk) == 0
    let_go(desk)
    mail = desk.last(DESK, "heartbeat")
    desk.now += timedelta(seconds=42)
    row = desk.receive(mail.content, reverse_path=mail.reverse_path, recipients=(mail.reply_to,))
    assert (row.state, row.outcome, row.ticket_id) == ("done", "filed", None)
    shown = record(desk, heartbeat_minutes=15)["heartbeat"]
    assert shown == {"last_back": desk.now, "seconds": 42}
    assert len(desk.sent) == 1


def test_mails_to_itself_are_forgotten_after_a_week_and_nothing_else_is(desk: DeskUnderTest) -> None:
    desk.write("erika@example.com", "It drops.")
    with connection(desk.database):
        kept = [(table, table.select().count()) for table in (Ledger, Outbox, Event)]
    for _ in range(2):
        beats(desk)
        let_go(desk)
        mail = desk.last(DESK, "heartbeat")
        for _ in range(2):
            desk.receive(mail.content, reverse_path=mail.reverse_path, recipients=(mail.reply_to,))
        desk.now += timedelta(minutes=15)
    desk.now += timedelta(days=7, minutes=-25)
    beats(desk)
    with connection(desk.database):
        rows = [(row.notice, row.created_at) for row in Outbox.select() if row.notice == "heartbeat"]
        assert len(rows) == 2
        assert all(desk.now - at < timedelta(days=7) for _, at in rows)
        assert Ledger.select().where(Ledger.reason_code == "heartbeat").count() == 1
    let_go(desk)
    # What the harness let go has no bytes; nothing else is amiss, and nothing belongs to what is gone.
    assert [one for one in desk.audit() if "is sent, but its bytes" not in one] == []
    desk.now += timedelta(days=8)
    beats(desk)
    with connection(desk.database):
        assert Outbox.select().where(Outbox.notice == "heartbeat").count() == 1
        assert [(table, table.select().count() - (table is Outbox)) for table, _ in kept] == kept


def bounce_of(sent: Sent) -> bytes:
    return (
        f"From: MAILER-DAEMON@mx.example.com\r\nTo: {sent.reverse_path}\r\nSubject: Undelivered\r\n"
        "Message-ID: <b1@mx.example.com>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\r\n"
        f"Final-Recipient: rfc822; {sent.to}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
    ).encode()


def test_a_bounce_of_the_mail_to_itself_leaves_the_desks_address_a_good_one(desk: DeskUnderTest) -> None:
    beats(desk)
    let_go(desk)
    row = desk.receive(bounce_of(desk.last(DESK, "heartbeat")), reverse_path="")
    assert row.outcome == "filed"
    with connection(desk.database):
        (sent,) = Outbox.select().where(Outbox.notice == "heartbeat")
        assert sent.bounced_at == desk.now
        assert Contact.get(Contact.address == DESK).bounced_at is None
        with transaction(desk.database):
            record_refusal(sent.id, "550 5.1.1 no such user", policy=desk.policy, secrets=desk.secrets, now=desk.now)
        assert Contact.get(Contact.address == DESK).bounced_at is None


@pytest.mark.parametrize("lost", [b"Message-ID", b"References", b"X-Helpdesk-Gateway", b"Reply-To"])
def test_the_mail_to_itself_is_known_by_what_a_server_has_left_of_it(desk: DeskUnderTest, lost: bytes) -> None:
    beats(desk)
    let_go(desk)
    content, keep = b"", True
    for line in desk.last(DESK, "heartbeat").content.splitlines(keepends=True):
        if not line.startswith((b" ", b"\t")):
            keep = not line.startswith(lost)
        content += line if keep else b""
    row = desk.receive(content, recipients=(DESK,))
    assert row.outcome == "filed"


def test_one_that_is_forged_is_our_own_mail_and_waits_for_a_person(desk: DeskUnderTest) -> None:
    raw = desk.mail(DESK, "Beat.", subject="The desk's mail to itself")
    assert desk.receive(raw).reason_code == "own-mail"


def test_one_that_does_not_come_back_is_an_alarm_and_no_second_one_waits(desk: DeskUnderTest) -> None:
    runs(desk)
    beats(desk)  # the harness holds it: it does not leave
    for _ in range(3):
        desk.now += timedelta(minutes=15)
        assert beats(desk) == 0
    with connection(desk.database):
        Outbox.update(state="sent", hold_reason="").execute()
        Worker.update(beat_at=desk.now).execute()
    assert troubles(desk, heartbeat_minutes=15, heartbeat_missing_minutes=30) == ["heartbeat"]
    assert troubles(desk) == []


def test_after_a_pause_of_the_gateway_the_way_is_measured_anew(desk: DeskUnderTest) -> None:
    runs(desk)
    beats(desk)
    let_go(desk)
    desk.now += timedelta(days=2)
    assert beats(desk) == 1
    let_go(desk)
    with connection(desk.database):
        Worker.update(beat_at=desk.now).execute()
    assert troubles(desk, heartbeat_minutes=15) == []


@pytest.mark.parametrize(
    ("sentence", "subject"),
    [
        ("the relay takes no mail: refused", "the relay takes no mail: refused"),
        (f"mailbox support can't be read: {'x ' * 60}", "mailbox support can't be read"),
        (f"les règles modifiées ont été refusées : {'x ' * 60}", "les règles modifiées ont été refusées"),
        (f"a: {'word ' * 30}", "a: word word word word word word word word word word word word word …"),
    ],
)
def test_the_subject_of_an_alarm_is_short(sentence: str, subject: str) -> None:
    assert FILTERS["short"](sentence) == subject
