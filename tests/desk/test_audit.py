"""The audit finds and names every kind of damage, and nothing where there is none.

Each case takes a whole small desk, damages one row as a bad disk, a bug or a hand could, and says which words the
finding has.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import peewee
import pytest

from gateway.compose import compose
from gateway.desk.audit import audit_all, findings_of
from gateway.desk.audit.tickets import tickets
from gateway.desk.letters import LetterBuilder
from gateway.desk.operating import delete, release
from gateway.desk.refusals import record_refusal
from gateway.parsing import Parser
from gateway.store import outbox
from gateway.store.database import connection, is_sqlite, transaction
from gateway.store.fields import UtcDateTime
from gateway.store.states import OutboxState
from gateway.store.tables import (
    TABLES,
    AttachmentRow,
    Contact,
    Dedupe,
    Event,
    Ledger,
    Message,
    Outbox,
    OutboxPart,
    RawMailPart,
    Secret,
    ThreadReference,
    Ticket,
    TicketLink,
    TicketWatcher,
    database_proxy,
)
from tests.desk.harness import DESK, DeskUnderTest

# Which rows are drawn by lot, and how many: of each table to be removed, of each column to be altered.
SEED = int(os.environ.get("AUDIT_SEED", "1"))
ROWS = int(os.environ.get("AUDIT_ROWS", "4"))
DRAWN = int(os.environ.get("AUDIT_ROWS", "1"))
ERIKA = "Erika Muster <erika@example.com>"
ANNA = "anna@example.com"
BEN = "ben@example.com"
TEXT_FILE = ("log.txt", b"a log\n", "text/plain")


def a_busy_day(desk: DeskUnderTest) -> None:
    """A dozen mails of every kind: tickets, replies, answers, notes, holds, merges, duplicates, quarantine, bounces."""
    desk.write(ERIKA, "It drops since this morning.", files=[TEXT_FILE], headers={"Message-ID": "<first@example.com>"})
    raw = desk.mail("Carl <carl@example.com>", "The printer is dead.", subject="Printer")
    desk.receive(raw)
    desk.receive(b"Received: from b by a\r\n" + raw, recipients=("it@example.com",))
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#link INC-1001\n#cc dora@example.com\n#priority P2\nWe come.")
    first = desk.inbox(ANNA, "new_ticket")[0]
    desk.answer(ANNA, first, "#take\n#hold requester until tomorrow\nWhich client?\n#note\nProbably the old one.")
    desk.answer(BEN, desk.inbox(BEN, "new_ticket")[0], "Take the new client.\n#resolv it", files=[TEXT_FILE])
    desk.answer(BEN, desk.last(BEN, "question"), "#send")
    desk.answer(ANNA, first, "Words that wait.\n#frobnicate")
    desk.answer(ERIKA, desk.last("erika@example.com", "answer"), "The old client.")
    desk.answer(ANNA, desk.inbox(ANNA, "new_ticket")[1], "#resolve New paper.\n#link INC-1001")
    desk.write("Emil <emil@example.com>", "VPN too.", subject="VPN")
    desk.answer(ANNA, desk.last(ANNA, "new_ticket"), "#merge INC-1001")
    desk.receive(
        b"From: MAILER-DAEMON@mx.example.org\r\nTo: " + DESK.encode() + b"\r\nSubject: x\r\n\r\nx", reverse_path=""
    )
    desk.receive(desk.sent[0].content)
    desk.receive(b"From: a@example.org\r\nX-Spam-Flag: YES\r\nMessage-ID: <s@x>\r\nSubject: buy\r\n\r\nnow")
    bounce = desk.last("erika@example.com", "acknowledgement").reverse_path
    desk.receive(
        f"From: MAILER-DAEMON@mx.example.com\r\nTo: {bounce}\r\nMessage-ID: <b@mx>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n"
        "Final-Recipient: rfc822; erika@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n".encode(),
        reverse_path="",
        recipients=(bounce,),
    )
    desk.write(ERIKA, "x" * 1500000, subject="A big one")


def sent_out(desk: DeskUnderTest, parser: Parser) -> None:
    """Deliver as the deliverer does: bytes committed, then sent; one refused, one left waiting."""
    letters = LetterBuilder(
        policy=lambda: desk.policy, secrets=desk.secrets, extract=parser.extract, file_limit_bytes=5_000_000
    )
    Outbox.update(state=OutboxState.WAITING, hold_reason="").execute()
    claimed = outbox.claim(desk.database, owner="test", now=desk.now, limit=1000)
    for one in claimed[:-1]:
        letter, reverse_path = letters.build(one.id)
        with transaction(desk.database):
            rendered = outbox.store_bytes(one, compose(letter, desk.templates), reverse_path=reverse_path)
            assert rendered is not None
            if one.id == claimed[-2].id:
                assert outbox.mark_failed(rendered, reply="550 5.1.1 no such user")
                refusal: dict[str, Any] = {"policy": desk.policy, "secrets": desk.secrets, "now": desk.now}
                record_refusal(one.id, "550 5.1.1 no such user", **refusal)
            else:
                assert outbox.mark_sent(rendered, now=desk.now, reply="250 taken")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def whole(
    request: pytest.FixtureRequest, parser: Parser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DeskUnderTest]:
    """One day for all cases, which costs as much as all of them; nobody but `busy` gives it away."""
    folder = tmp_path_factory.mktemp("audit")
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            url = f"sqlite:///{shutil.copy(request.getfixturevalue('prepared_sqlite'), folder / 'gateway.sqlite')}"
        else:
            lender = request.getfixturevalue("prepared_postgres")
            lent = lender.lend()
            stack.callback(lender.take_back, lent)
            url = lent.url
        desk = DeskUnderTest(url, parser=parser, scratch=folder)
        a_busy_day(desk)
        with connection(desk.database):
            quarantined = [row.id for row in Ledger.select().where(Ledger.state == "quarantined").order_by(Ledger.id)]
            assert len(quarantined) == 3
            delete(desk.database, quarantined[:1], by="admin", reason="no", now=desk.now)
            release(desk.database, quarantined[2:], by="admin", now=desk.now)
        desk.sort()
        with connection(desk.database):
            sent_out(desk, parser)
        yield desk


@pytest.fixture
def busy(whole: DeskUnderTest) -> Iterator[DeskUnderTest]:
    """The whole small desk; whatever a case does to it is undone."""
    database_proxy.initialize(whole.database)
    with connection(whole.database):
        unguard(whole.database)
        with whole.database.atomic() as case:
            yield whole
            case.rollback()


def unguard(database: Any) -> None:
    """Let rows be damaged that the database itself would guard."""
    if is_sqlite(database):
        database.execute_sql("PRAGMA foreign_keys = OFF")
        database.execute_sql("PRAGMA ignore_check_constraints = ON")
    else:
        database.execute_sql("SET session_replication_role = replica")


def findings(desk: DeskUnderTest) -> list[str]:
    return audit_all(desk.secrets).findings


def notices(word: str, secrets: Mapping[int, bytes] | None = None) -> bool:
    """Whether one of the findings has the word; looks no further than that."""
    if secrets is None:
        secrets = {row.id: bytes(row.content) for row in Secret.select()}
    return any(word in finding for finding in findings_of(secrets))


def test_a_whole_desk_gives_no_finding(busy: DeskUnderTest) -> None:
    assert findings(busy) == []
    outcomes = {row.outcome for row in Ledger.select()}
    assert outcomes == {"opened", "appended", "held", "filed", "duplicate", "deleted", ""}
    assert {row.state for row in Outbox.select()} >= {"sent", "waiting", "failed"}


# --- removed ---


def first(table: Any, *conditions: Any) -> Any:
    query = table.select()
    for condition in conditions:
        query = query.where(condition)
    # The first that was written; where no number says so, that which PostgreSQL finds first, but for parts of mails.
    names = key_names(table) if table is RawMailPart or len(key_names(table)) == 1 else ()
    row = query.order_by(*(getattr(table, name) for name in names)).first()
    assert row is not None
    return row


def remove(table: Any, *conditions: Any) -> Callable[[], Any]:
    return lambda: first(table, *conditions).delete_instance()


def every(table: Any) -> Callable[[], list[Any]]:
    return lambda: list(table.select())


REMOVED: dict[str, tuple[Any, str]] = {
    "a part of a raw mail": (RawMailPart, "the raw mail"),
    "a mail of the ledger": (Ledger, "ledger"),
    "a dedupe key": (Dedupe, "dedupe"),
    "a ticket": (Ticket, "ticket"),
    "a message": (Message, "message"),
    "an attachment": (AttachmentRow, "attachment"),
    "a watcher": (TicketWatcher, "watcher"),
    "a link": (TicketLink, "link"),
    "a thread reference": (ThreadReference, "thread reference"),
    "an outgoing mail": (Outbox, "outbox"),
    "a part of an outgoing mail": (OutboxPart, "outbox"),
    "a contact": (Contact, "contact"),
    "an event": (Event, ""),
    "a secret": (Secret, "secret"),
}


@pytest.mark.parametrize("what", REMOVED)
def test_each_row_that_is_removed_is_missed(busy: DeskUnderTest, what: str) -> None:
    """Every row of every table, one after the other; on PostgreSQL, where that takes longer, some of them."""
    table, word = REMOVED[what]
    rows = list(table.select().dicts())
    assert rows
    unnoticed = []
    for row in rows if is_sqlite(busy.database) else random.Random(SEED).sample(rows, min(ROWS, len(rows))):
        with busy.database.atomic() as attempt:
            assert table.delete().where(*key_of(table, row)).execute() == 1
            if not notices(word):
                unnoticed.append(row)
            attempt.rollback()
    assert unnoticed == []


def key_names(table: Any) -> tuple[str, ...]:
    key = table._meta.primary_key
    return tuple(getattr(key, "field_names", (getattr(key, "name", ""),)))


def key_of(table: Any, row: Mapping[str, Any]) -> list[Any]:
    return [getattr(table, name) == row[name] for name in key_names(table)]


# --- doubled ---


def doubled(table: Any, **changes: Any) -> Callable[[], None]:
    def double() -> None:
        row = dict(first(table).__data__)
        row.pop("id", None)
        table.insert(**(row | changes)).execute()

    return double


def doubled_event(kind: str) -> Callable[[], None]:
    def double() -> None:
        row = dict(first(Event, Event.kind == kind).__data__)
        del row["id"]
        Event.insert(**row).execute()

    return double


def latest(table: Any) -> int:
    return int(table.select(peewee.fn.MAX(table.id)).scalar())


KINDS = ("opened", "status", "field", "watcher", "link", "message", "note", "held", "released", "bounce-failed")

DOUBLED: dict[str, tuple[Callable[[], None], str]] = {
    "a mail of the ledger": (doubled(Ledger), "was opened by 2 mails"),
    "a ticket": (doubled(Ticket, number=1999), "ticket 1999"),
    "a message": (doubled(Message), "is in no history"),
    "an attachment": (doubled(AttachmentRow, number=99), "the attachments of message"),
    "a part of a raw mail": (doubled(RawMailPart, sequence=1), "2 parts of the raw mail instead of 1"),
    "a part of an outgoing mail": (doubled(OutboxPart, sequence=1), "its bytes are not"),
    "a dedupe key": (doubled(Dedupe, digest=b"another"), "dedupe key that is not of its words"),
    "an outgoing mail": (doubled(Outbox, message_id="<x@y>", dedupe_key="x"), "no secret of ours"),
    "a watcher": (doubled(TicketWatcher, contact=1), "was added by no event"),
    "a link": (doubled(TicketLink, kind="claimed"), "was made by no event"),
    "a thread reference": (doubled(ThreadReference, digest=b"another"), "under another id"),
    "a contact": (doubled(Contact, address="erica@example.com"), "is named by nothing"),
} | {f"an event {kind}": (doubled_event(kind), "") for kind in KINDS}


def unnoticed(desk: DeskUnderTest, cases: dict[str, tuple[Callable[[], Any], str]]) -> dict[str, list[str]]:
    """Do each damage, audit, undo it: what was done where no finding has the word, with what was found instead."""
    missed = {}
    for what, (damage, word) in cases.items():
        with desk.database.atomic() as attempt:
            damage()
            if not notices(word):
                missed[what] = audit_all({row.id: bytes(row.content) for row in Secret.select()}).findings
            attempt.rollback()
    assert findings(desk) == []
    return missed


def test_each_row_that_is_doubled_is_named(busy: DeskUnderTest) -> None:
    assert unnoticed(busy, DOUBLED) == {}


# What makes another row of a row.
COPIES: dict[Any, dict[str, Any]] = {
    Ledger: {},
    Dedupe: {"digest": b"another"},
    RawMailPart: {"sequence": 9},
    Ticket: {"number": 1999},
    TicketWatcher: {"contact": 1},
    TicketLink: {"kind": "claimed"},
    Message: {},
    AttachmentRow: {"number": 99},
    Outbox: {"message_id": "<x@y>", "dedupe_key": "x"},
    OutboxPart: {"sequence": 9},
    ThreadReference: {"digest": b"another"},
    Contact: {"address": "erica@example.com"},
    Event: {},
}


def test_whatever_row_is_doubled_some_finding_tells_of_it(busy: DeskUnderTest) -> None:
    rng = random.Random(SEED)
    unseen = []
    for table, changes in COPIES.items():
        rows = list(table.select().dicts())
        for row in rng.sample(rows, min(ROWS, len(rows))):
            with busy.database.atomic() as attempt:
                table.insert(**({name: value for name, value in row.items() if name != "id"} | changes)).execute()
                if not notices(""):
                    unseen.append(row)
                attempt.rollback()
    assert unseen == []


def test_an_outgoing_mail_that_is_doubled_with_all_that_hangs_on_it_is_acknowledged_twice(busy: DeskUnderTest) -> None:
    row = dict(first(Outbox, Outbox.notice == "acknowledgement").__data__)
    key = row.pop("id")
    an_id = row["message_id"].replace("@", "2@")
    copy = Outbox.insert(**(row | {"message_id": an_id, "dedupe_key": "x"})).execute()
    assert any(f"outbox {copy}" in finding for finding in findings(busy)), key
    assert any("acknowledged 2 times" in finding for finding in findings(busy))


# --- altered ---


def set_to(table: Any, *conditions: Any, **values: Any) -> Callable[[], None]:
    def change() -> None:
        row = first(table, *conditions)
        assert table.update(**values).where(*key_of(table, row.__data__)).execute() == 1

    return change


def cut_by_a_byte(table: Any) -> Callable[[], None]:
    def change() -> None:
        set_to(table, content=bytes(first(table).content)[:-1])()

    return change


def flip_a_bit(table: Any) -> Callable[[], None]:
    def change() -> None:
        content = bytearray(first(table).content)
        content[len(content) // 2] ^= 1
        set_to(table, content=bytes(content))()

    return change


def swap_parts() -> None:
    ledger = first(RawMailPart, RawMailPart.sequence == 1).ledger_id
    for before, after in ((0, 9), (1, 0), (9, 1)):
        RawMailPart.update(sequence=after).where(
            (RawMailPart.ledger == ledger) & (RawMailPart.sequence == before)
        ).execute()


LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
OPENED = Ledger.outcome == "opened"
RESOLVED = Ticket.status == "resolved"
ALTERED: dict[str, tuple[Callable[[], Any], str]] = {
    "a raw mail cut by a byte": (cut_by_a_byte(RawMailPart), "ledger 1: the raw mail is not the one"),
    "a bit of a raw mail": (flip_a_bit(RawMailPart), "ledger 1: the raw mail is not the one"),
    "the order of the parts of a raw mail": (swap_parts, "the raw mail is not the one"),
    "a part's number": (set_to(RawMailPart, sequence=7), "ledger 1: the parts of the raw mail are not numbered"),
    "a ledger's size": (set_to(Ledger, size_bytes=1), "ledger 1: the raw mail is not the one"),
    "a ledger's hash": (set_to(Ledger, sha256=b"x"), "ledger 1: the raw mail is not the one"),
    "a ledger's digest": (set_to(Ledger, digest=b"x"), "ledger 1 has no dedupe key"),
    "a ledger's outcome": (
        set_to(Ledger, OPENED, outcome="appended"),
        "ledger 1 is appended, but what was decided is open",
    ),
    "a ledger's outcome to filed": (
        set_to(Ledger, OPENED, outcome="filed"),
        "ledger 1 is filed but has left a message",
    ),
    "a ledger's state": (set_to(Ledger, OPENED, state="waiting", outcome=""), "ledger 1 is waiting but has left"),
    "a ledger's ticket": (set_to(Ledger, OPENED, ticket=2), "ledger 1 came to ticket row 2"),
    "a ledger's decision": (
        set_to(Ledger, OPENED, decision=None),
        "ledger 1 is opened, but what was decided is nothing",
    ),
    "how many copies a mail has": (set_to(Dedupe, Dedupe.copies == 1, copies=2), "of its copies 1 are in the ledger"),
    "a ledger's original": (set_to(Ledger, Ledger.outcome == "duplicate", duplicate_of=1), "says something else"),
    "a quarantine's reason": (set_to(Ledger, Ledger.state == "quarantined", reason_code=""), "in quarantine without"),
    "a dedupe key's mail": (set_to(Dedupe, Dedupe.ledger == 1, ledger=2), "is not of its words"),
    "a dedupe key's words": (set_to(Dedupe, Dedupe.ledger == 1, digest=b"x"), "ledger 1 has no dedupe key"),
    "a dedupe key's time": (set_to(Dedupe, received_at="2020-01-01 00:00:00.000000+00:00"), "or its time"),
    "a ticket's status": (set_to(Ticket, RESOLVED, status="in_progress"), "but its history says"),
    "a ticket's status to closed": (set_to(Ticket, status="closed"), "but its history says"),
    "a ticket's closing": (set_to(Ticket, RESOLVED, close_at=None), "but its history says"),
    "a ticket's end": (set_to(Ticket, RESOLVED, resolved_at=None), "its times say something else"),
    "a ticket's priority": (set_to(Ticket, priority="P5"), "ticket 1001: priority is P5"),
    "a ticket's team": (set_to(Ticket, team="network"), "ticket 1001: team is network"),
    "who set a ticket's fields": (set_to(Ticket, fields={}), "ticket 1001: type is incident, but"),
    "a ticket's requester": (set_to(Ticket, requester=1), "ticket 1001: the requester is contact 1"),
    "a ticket's subject": (set_to(Ticket, subject="x"), "ticket 1001: its subject"),
    "a ticket's number": (set_to(Ticket, number=1500), "1500"),
    "a message's text": (set_to(Message, text="x"), "message 1 is not what was written"),
    "a message's HTML": (set_to(Message, html="<b>x</b>"), "message 1 is not what was written"),
    "a message's passages": (set_to(Message, passages=[["new", "x"]]), "message 1 is not what was written"),
    "a message's marks": (set_to(Message, marks=["x"]), "message 1 is not what was written"),
    "a note made public": (
        set_to(Message, Message.visibility == "internal", visibility="public"),
        "is not what was written",
    ),
    "a held message posted": (set_to(Message, Message.state == "held", state="posted"), "is not what was written"),
    "a message's author": (set_to(Message, author=3), "message 1 is not what was written"),
    "a message's ticket": (set_to(Message, ticket=2), "message 1 is in no history"),
    "a message's mail": (set_to(Message, ledger=5), "message 1 is not what was written"),
    "a message's time": (set_to(Message, at="2020-01-01 00:00:00.000000+00:00"), "message 1 is not what was written"),
    "an attachment's name": (set_to(AttachmentRow, filename="x"), "the attachments of message 1"),
    "an attachment's hash": (set_to(AttachmentRow, sha256="x"), "the attachments of message 1"),
    "an attachment set aside": (set_to(AttachmentRow, set_aside=True), "the attachments of message 1"),
    "a watcher": (set_to(TicketWatcher, contact=1), "watcher"),
    "a link's kind": (set_to(TicketLink, kind="claimed"), "link to"),
    "a link's other end": (set_to(TicketLink, other=4), "link to"),
    "a thread reference's ticket": (set_to(ThreadReference, ticket=4), "thread reference"),
    "a thread reference's id": (set_to(ThreadReference, message_id="<x@y>"), "is filed under another id"),
    "a thread reference's people": (set_to(ThreadReference, named=["eve@example.org"]), "names other people"),
    "a thread reference's mail": (set_to(ThreadReference, outbox=5), "belongs to outbox"),
    "an outgoing mail's Message-ID": (set_to(Outbox, message_id="<x@y>"), "outbox 1"),
    "an outgoing mail's recipient": (
        set_to(Outbox, recipient=1),
        "outbox 1: its Message-ID carries the key of another",
    ),
    "an outgoing mail's role": (set_to(Outbox, role="watcher"), "outbox 1: its Message-ID carries the key of another"),
    "an outgoing mail's ticket": (set_to(Outbox, ticket=2), "outbox 1: its Message-ID carries the key of another"),
    "an outgoing mail's notice": (set_to(Outbox, notice="answer"), "that was decided is not in the outbox"),
    "an outgoing mail's cause": (set_to(Outbox, dedupe_key="x"), "that was decided is not in the outbox"),
    "an outgoing mail's state": (set_to(Outbox, state="waiting"), "was sent at"),
    "an outgoing mail sent too early": (
        set_to(Outbox, Outbox.state == "waiting", state="sent"),
        "is sent, but its bytes",
    ),
    "an outgoing mail held": (set_to(Outbox, Outbox.state == "waiting", state="held"), "held because of nothing"),
    "an outgoing mail merged": (set_to(Outbox, Outbox.state == "waiting", state="merged"), "merged into nothing"),
    "an outgoing mail refused": (set_to(Outbox, Outbox.state == "waiting", state="failed"), "nobody was told"),
    "an outgoing mail given up": (set_to(Outbox, Outbox.state == "waiting", state="cancelled"), "will never be sent"),
    "an outgoing mail's bytes cut": (cut_by_a_byte(OutboxPart), "its bytes are not the ones that were rendered"),
    "a bit of an outgoing mail": (flip_a_bit(OutboxPart), "its bytes are not the ones that were rendered"),
    "an outgoing mail's hash": (set_to(Outbox, sha256=b"x"), "its bytes are not the ones that were rendered"),
    "an event's kind": (set_to(Event, Event.kind == "message", kind="x"), "is in no history"),
    "an event's ticket": (set_to(Event, Event.kind == "opened", ticket=4), "was opened 0 times"),
    "an event's detail": (set_to(Event, Event.kind == "status", detail={}), "can't be read"),
    "an event's detail to another": (set_to(Event, Event.kind == "field", detail={"field": "type"}), "can't be read"),
    "an event's words": (set_to(Event, text="x"), "event 1 (opened) is not what was written"),
    "one letter of an event": (
        set_to(Event, Event.kind == "deleted", text="admin deleted mail 12: nо"),
        "(deleted) is not what was written",
    ),
    "who did it": (set_to(Event, Event.kind == "note", actor="ben"), "(note) is not what was written"),
    "when it was done": (
        set_to(Event, Event.kind == "field", at="2020-01-01 00:00:00.000000+00:00"),
        "(field) is not what was written",
    ),
    "what an event says beside": (
        set_to(Event, Event.kind == "bounce-failed", detail={"recipient": "x"}),
        "(bounce-failed) is not what was written",
    ),
    "which mail an event is of": (set_to(Event, Event.kind == "note", ledger=1), "(note) is not what was written"),
    "an event's fingerprint": (set_to(Event, fingerprint=""), "event 1 (opened) is not what was written"),
    "a contact's address": (
        set_to(Contact, Contact.address == "erika@example.com", address="x@y"),
        "names other people",
    ),
    "a secret": (set_to(Secret, content=b"x" * 32), "no secret of ours"),
    "a decision that is none": (set_to(Ledger, OPENED, decision=["x"]), "can't be read"),
    # Who reads what, and when
    "a mail outside about a note": (
        set_to(Outbox, Outbox.notice == "answer", Outbox.ticket == 1, about=5),
        "goes to somebody outside, but tells of message 5, which is internal",
    ),
    "a mail about another ticket": (set_to(Outbox, Outbox.about == 1, about=2), "which is of another ticket"),
    "the way back of an outgoing mail": (
        lambda: set_to(Outbox, reverse_path=first(Outbox, Outbox.id == 2).reverse_path)(),
        "would not be known as its own",
    ),
    "a mail that came back": (set_to(Outbox, bounced_at=None), "outbox 1 came back at no time"),
    "a requester's address": (
        set_to(Contact, Contact.address == "a@example.org", address="b@example.org"),
        "contact 8 is b@example.org, but was not: [INC-1005] opened for a@example.org",
    ),
    "a first answer": (set_to(Ticket, Ticket.id == 2, first_answer_at=None), "but it counts as not answered"),
    "a first answer's time": (set_to(Ticket, Ticket.id == 2, first_answer_at=LONG_AGO), "its first_answer_at"),
    "when a ticket was opened": (set_to(Ticket, opened_at=LONG_AGO), "it was opened at 2020"),
    "when a ticket's mail came": (set_to(Ticket, arrived_at=LONG_AGO), "it came at 2020"),
    "when a late message came": (
        set_to(Message, Message.arrived_at.is_null(False), arrived_at=LONG_AGO),
        "but its mail did not",
    ),
    "since when somebody watches": (set_to(TicketWatcher, added_at=LONG_AGO), "watches it since 2020"),
    "when a link was made": (set_to(TicketLink, at=LONG_AGO), "was not made at 2020"),
    "when an id was seen": (set_to(ThreadReference, at=LONG_AGO), "or another time"),
    "when a mail was decided": (set_to(Ledger, decided_at=LONG_AGO), "was decided at 2020"),
    "the rules of a ticket": (set_to(Ticket, policy_version="x"), "was opened under the rules"),
}


def test_each_row_that_is_altered_is_named(busy: DeskUnderTest) -> None:
    assert unnoticed(busy, ALTERED) == {}


def test_what_no_row_may_say_is_named_and_stops_no_check(busy: DeskUnderTest) -> None:
    cases = {}
    database: Any = busy.database
    for column, value in (("role", "keeper"), ("state", "gone")):
        if not is_sqlite(database):
            database.execute_sql(f"ALTER TABLE outbox DROP CONSTRAINT outbox_{column}_check")
        cases[column] = (set_to(Outbox, **{column: value}), "outbox 1 says what its table does not allow")
    assert unnoticed(busy, cases) == {}


def test_each_thread_reference_that_is_moved_to_another_ticket_is_missed_there(busy: DeskUnderTest) -> None:
    """Every one of them, whichever the database would find first, to any other ticket."""
    rng = random.Random(SEED)
    numbers = {row.id: row.number for row in Ticket.select()}
    unseen = []
    rows: Any = ThreadReference.select().dicts()
    for row in list(rows):
        with busy.database.atomic() as attempt:
            to = rng.choice([one for one in numbers if one != row["ticket"]])
            ThreadReference.update(ticket=to).where(*key_of(ThreadReference, row)).execute()
            found = [one for one in tickets(busy.secrets) if "thread reference" in one]
            if {one.partition(":")[0] for one in found} != {f"ticket {numbers[one]}" for one in (row["ticket"], to)}:
                unseen.append((row["message_id"], row["ticket"], to, found))
            attempt.rollback()
    assert unseen == []


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_whatever_column_of_whatever_row_is_altered_some_finding_tells_of_it(busy: DeskUnderTest, table: Any) -> None:
    """Every column, in rows drawn by lot; `UNTOLD` lists those that nothing else tells of, or only of some values."""
    rng = random.Random(f"{SEED}/{table.__name__}")
    rows = [row for row in table.select().dicts() if (table.__name__, row.get("outcome")) not in WITHOUT_BYTES]
    if table is Contact:
        # The rules name agents, whom nobody may have written to yet.
        rows = [row for row in rows if not row["address"].startswith("nora")]
    unseen = []
    for column in told_columns(table):
        for row in rng.sample(rows, min(DRAWN, len(rows))):
            new = other_value(column, row[column.name], rng)
            with contextlib.suppress(peewee.IntegrityError), busy.database.atomic() as attempt:
                table.update(**{column.name: new}).where(*key_of(table, row)).execute()
                if not notices(""):
                    unseen.append((column.name, [row[name] for name in key_names(table)], row[column.name], new))
                attempt.rollback()
    assert unseen == []


# What only one account tells of: how far a mail has come in its queue, what is known of people, copies of the rules,
# words for people. `Table.*` is all of a table.
UNTOLD = frozenset(
    {
        *("Agent.*", "Team.*", "BorderProof.*", "Secret.created_at", "Turn.place", "Absence.said_at"),
        *(f"Contact.{name}" for name in ("name", "language", "first_seen_at", "bounced_at", "muted_until")),
        *(f"Contact.{name}" for name in ("flooding_until", "quick_replies", "quick_reply_at", "rating_asked_at")),
        *("Ticket.language", "Ticket.desk_address", "Ticket.named", "Rating.assignee"),
        *(f"Ledger.{name}" for name in ("state", "decision", "decided_at", "reason_code", "shown_at", "source_key")),
        *(f"Ledger.{name}" for name in ("expiry_told_at", "attempts", "not_before", "lease_owner", "lease_until")),
        *(f"Outbox.{name}" for name in ("rank", "context", "attempts", "uncertain_count", "not_before", "sent_at")),
        *(f"Outbox.{name}" for name in ("lease_owner", "lease_until", "reply", "reverse_path", "outside_domain")),
        *("Ledger.error", "Outbox.state", "Outbox.about", "Outbox.notice", "Outbox.dedupe_key", "Event.id"),
    }
)
# Of these nothing is left that could be compared.
WITHOUT_BYTES = (("Ledger", "duplicate"), ("Ledger", "deleted"))


def told_columns(table: Any) -> list[Any]:
    name = table.__name__
    if f"{name}.*" in UNTOLD:
        return []
    return [one for one in table._meta.sorted_fields if f"{name}.{one.name}" not in UNTOLD]


def other_value(column: Any, value: Any, rng: random.Random) -> Any:
    """Another value such as could stand there."""
    rules = " ".join(one.sql for one in column.model._meta.constraints or ())
    if words := re.search(rf"CHECK \({column.column_name} IN \((.*?)\)\)", rules):
        return rng.choice([word for word in words[1].replace("'", "").split(", ") if word != value])
    if isinstance(column, peewee.ForeignKeyField):
        there = column.rel_model.select(column.rel_field).order_by(column.rel_field).tuples()
        return rng.choice([*(one for (one,) in there if one != value), 999])
    if value is None:
        return LONG_AGO if isinstance(column, UtcDateTime) else b"x"
    others: dict[type, Callable[[Any], Any]] = {
        bool: lambda one: not one,
        int: lambda one: one + rng.choice([-1, 1, 100]),
        str: lambda one: rng.choice([one[1:], one + "x"]) if one else "x",
        bytes: lambda one: bytes(one[:-1]) if one else b"x",
        memoryview: lambda one: bytes(one[:-1]) if one else b"x",
        list: lambda one: one[:-1] if one else ["x"],
        dict: lambda one: {key: kept for key, kept in one.items() if key != min(one)} if one else {"x": "x"},
        datetime: lambda one: one + timedelta(minutes=rng.choice([-7000, 7000])),
    }
    return others[type(value)](value)


def test_the_audit_reads_one_moment_while_the_gateway_works(desk: DeskUnderTest, tmp_path: Path) -> None:
    """A mail that is sorted between two checks is in neither or in both."""
    stop = threading.Event()

    def work() -> None:
        number = 0
        while not stop.is_set() and number < 60:
            number += 1
            desk.write(ERIKA, f"Mail {number}", subject=f"Matter {number}")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(12):
            with connection(desk.database):
                assert audit_all(desk.secrets).findings == []
    finally:
        stop.set()
        thread.join(60)


def test_waiting_for_the_relay_and_closing_by_the_clock_is_no_damage(desk: DeskUnderTest) -> None:
    desk.write(ERIKA, "It drops.")
    desk.answer(ANNA, desk.last(ANNA), "#resolve Done.")
    desk.now += timedelta(days=1)
    desk.wait(days=10)
    assert desk.ticket()["status"] == "closed"
    assert desk.audit() == []
