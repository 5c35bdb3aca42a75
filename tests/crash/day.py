"""A small desk that can be killed: the real door, sorter, deliverer and timers on SQLite, moved step by step.

A step is one mail (or the clock), and all that it leads to. The mail of a step is written down before it is handed
over, as a client keeps what it has not been told is taken; after a kill the step is begun anew with the same bytes.
Only the mails are parsed in this process: workers that are killed have tests of their own.
"""

from __future__ import annotations

import email
import email.policy
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from peewee import JOIN

from gateway.compose import compose
from gateway.delivery import Deliverer, Rendered
from gateway.desk.audit import audit_all
from gateway.desk.letters import LetterBuilder
from gateway.desk.people import mirror_policy, read_secrets
from gateway.desk.raw import read_outgoing
from gateway.desk.refusals import record_refusal
from gateway.intake.accept import Door
from gateway.mail import Envelope, Mail, Transport
from gateway.parse import extract_parts, parse
from gateway.parsing import Raw
from gateway.phrase import Phrase
from gateway.policy_keeper import PolicyKeeper
from gateway.settings import Relay
from gateway.sorting import Sorter
from gateway.store.database import connection, migrate, open_database, transaction
from gateway.store.outbox import Database
from gateway.store.queue import free_leases
from gateway.store.states import LedgerState
from gateway.store.tables import Contact, Event, Ledger, Message, Outbox, Ticket
from gateway.timers import Timers

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DESK = "helpdesk@example.com"
ERIKA, CARL, ANNA, BEN = (f"{name}@example.com" for name in ("erika", "carl", "anna", "ben"))
RULES = f"""
[desk]
address = "{DESK}"
own_domains = ["example.com"]
[[team]]
name = "desk"
[[agent]]
name = "Anna Agent"
address = "{ANNA}"
teams = ["desk"]
[[agent]]
name = "Ben Helper"
address = "{BEN}"
teams = ["desk"]
"""


class ParserOfThisProcess:
    """What the sorter and the letters ask of a parser."""

    def parse_many(
        self, mails: Sequence[Raw], own_addresses: tuple[str, ...], meanwhile: Callable[[], None] | None = None
    ) -> list[Mail]:
        return [parse(mail.read(), own_addresses=own_addresses) for mail in mails]

    def extract(self, raw: bytes, numbers: Sequence[int]) -> dict[int, bytes]:
        return extract_parts(raw, list(numbers))


@dataclass(frozen=True, kw_only=True)
class Step:
    """Who writes what, in answer to which mail of ours (notice and number of its ticket), or how long nothing happens.

    `again` sends the mail of an earlier step once more.
    """

    sender: str = ""
    text: str = ""
    subject: str = ""
    answers: tuple[str, int] | None = None
    again: int | None = None
    bounces: bool = False
    file: bool = False
    days: int = 0


STEPS = (
    Step(sender=ERIKA, subject="VPN", text="It drops since this morning.", file=True),
    Step(sender=CARL, subject="Printer", text="It is on fire."),
    Step(again=0),
    Step(sender=ANNA, text="#take\n#cc dora@example.com\nPlease restart it.", answers=("new_ticket", 1001), file=True),
    Step(sender=ERIKA, text="I did.", answers=("answer", 1001)),
    Step(sender=BEN, text="Have you tried the other one?\n#frobnicate", answers=("new_ticket", 1001)),
    Step(sender=BEN, text="#send", answers=("question", 1001)),
    Step(sender="spam@example.org", subject="Buy", text="now"),
    Step(bounces=True, answers=("acknowledgement", 1002)),
    Step(sender=ANNA, text="#note\nBoth are the same switch.\n#link INC-1001", answers=("new_ticket", 1002)),
    Step(sender=ANNA, text="#resolve A new switch.", answers=("agent_answered", 1001)),
    Step(sender=ERIKA, text="Thanks a lot!", answers=("resolution", 1001)),
    Step(days=10),
    Step(sender=ERIKA, text="It is broken again.", answers=("resolution", 1001)),
)


Outcome = dict[str, Counter[tuple[object, ...]]]


def new_keeper(folder: Path) -> PolicyKeeper:
    """The policy and the templates; read once for all the days of one process."""
    (folder / "rules.toml").write_text(RULES, encoding="utf-8")
    (folder / "templates").mkdir(exist_ok=True)
    return PolicyKeeper(folder / "rules.toml", folder / "templates")


class Day:
    """The desk in a folder. `commits` are counted from the moment it is opened."""

    def __init__(
        self, folder: Path, *, keeper: PolicyKeeper, owner: str, on_commit: Callable[[int, str], None] | None = None
    ) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.commits = 0
        self._on_commit = on_commit
        self._keeper = keeper
        self.database: Database = open_database(f"sqlite:///{folder / 'gateway.sqlite'}")
        self._count_commits()
        with connection(self.database):
            migrate(self.database, now=BEGIN)
            with transaction(self.database):
                mirror_policy(self._keeper.policy, now=BEGIN)
            self._secrets = read_secrets()
            free_leases(self.database, is_dead=lambda _: True)
        self._build(owner)

    def _count_commits(self) -> None:
        commit: Callable[[], None] = self.database.commit

        def counted() -> None:
            self.commits += 1
            if self._on_commit is not None:
                self._on_commit(self.commits, "before")
            commit()
            if self._on_commit is not None:
                self._on_commit(self.commits, "after")

        self.database.commit = counted  # type: ignore[method-assign]

    def _build(self, owner: str) -> None:
        parser: Any = ParserOfThisProcess()
        self._sorter = Sorter(
            self.database,
            parser=parser,
            policy=lambda: self._keeper.policy,
            secrets=self._secrets,
            clock=self.clock,
            owner=owner,
            batch=64,
            scratch=self.folder,
            on_sorted=lambda: None,
        )
        self._letters = LetterBuilder(
            policy=lambda: self._keeper.policy,
            secrets=self._secrets,
            extract=parser.extract,
            file_limit_bytes=5_000_000,
        )
        self._deliverer = Deliverer(
            self.database,
            relay=Relay(),
            outgoing=self.folder / "outgoing",
            render=self._render,
            on_refused=self._on_refused,
            clock=self.clock,
            owner=owner,
        )
        self._timers = Timers(
            self.database,
            keeper=self._keeper,
            secrets=self._secrets,
            clock=self.clock,
            on_work=lambda: None,
        )

    def _render(self, outbox_id: int) -> Rendered:
        letter, reverse_path = self._letters.build(outbox_id)
        content = compose(letter, self._keeper.templates)
        return Rendered(content=content, recipient=letter.recipient.address, reverse_path=reverse_path)

    def _on_refused(self, outbox_id: int, reply: Phrase | str) -> None:
        record_refusal(outbox_id, reply, policy=self._keeper.policy, secrets=self._secrets, now=self.clock())

    def clock(self) -> datetime:
        return BEGIN + timedelta(minutes=self.steps_done, days=sum(step.days for step in STEPS[: self.steps_done + 1]))

    @property
    def _progress(self) -> Path:
        return self.folder / "progress"

    @property
    def steps_done(self) -> int:
        return int(self._progress.read_text(encoding="ascii")) if self._progress.exists() else 0

    def run(self, until: int = len(STEPS)) -> None:
        """Take the steps that are not done yet."""
        while self.steps_done < until:
            number = self.steps_done
            self._step(number, STEPS[number])
            temporary = self._progress.with_suffix(".new")
            temporary.write_text(str(number + 1), encoding="ascii")
            temporary.rename(self._progress)

    def _step(self, number: int, step: Step) -> None:
        taken = self.folder / f"{number}.taken"
        if not step.days and not taken.exists():
            envelope, raw = self._written(number, step)
            with Door(self.database, clock=self.clock, free_bytes=None) as door:
                door.accept(envelope, raw)
            taken.touch()
        with connection(self.database):
            while self._sorter.run_once(self.clock()) or self._let_be_tried_again():
                pass
            self._timers.run_once(self.clock())
            self._deliverer.run_once(self.clock())

    def _let_be_tried_again(self) -> int:
        """What an operator does with a mail that three kills in a row have struck."""
        struck = (Ledger.state == LedgerState.FAILED) & Ledger.error.contains("broke off")
        again = Ledger.update(state=LedgerState.WAITING, attempts=0).where(struck)
        return int(again.execute()) if Ledger.select().where(struck).exists() else 0

    def close(self) -> None:
        self._deliverer.close()

    # --- the mail of a step ---

    def _written(self, number: int, step: Step) -> tuple[Envelope, bytes]:
        """The mail of a step, as it was written at the first try."""
        source = number if step.again is None else step.again
        mail, envelope = self.folder / f"{source}.eml", self.folder / f"{source}.json"
        if not envelope.exists():
            with connection(self.database):
                raw, recipient, reverse_path = self._write(number, step)
            mail.write_bytes(raw)
            envelope.write_text(json.dumps([recipient, reverse_path]), encoding="utf-8")
        recipient, reverse_path = json.loads(envelope.read_text(encoding="utf-8"))
        values: dict[str, Any] = {"reverse_path": reverse_path, "recipients": (recipient,)}
        return Envelope(transport=Transport.SMTP, received_at=self.clock(), **values), mail.read_bytes()

    def _write(self, number: int, step: Step) -> tuple[bytes, str, str]:
        message = EmailMessage()
        message["From"], message["Date"] = step.sender, format_datetime(self.clock())
        message["Message-ID"] = f"<{number}@client.example.com>"
        if step.answers is None:
            message["To"], message["Subject"] = DESK, step.subject
            recipient = DESK
        else:
            answered, row = self._answered(step)
            if step.bounces:
                return _bounce_of(row), row.reverse_path, ""
            recipient = str(answered["Reply-To"])
            message["To"], message["Subject"] = recipient, f"Re: {answered['Subject']}"
            message["In-Reply-To"] = message["References"] = str(answered["Message-ID"])
        if step.sender.startswith("spam"):
            message["X-Spam-Flag"] = "YES"
        message.set_content(step.text)
        if step.file:
            message.add_attachment(b"a log\n" * 99, maintype="text", subtype="plain", filename=f"log{number}.txt")
        return message.as_bytes(policy=email.policy.SMTP), recipient, step.sender

    def _answered(self, step: Step) -> tuple[EmailMessage, Any]:
        assert step.answers is not None
        notice, number = step.answers
        query = Outbox.select().join(Ticket).switch(Outbox).join(Contact)
        query = query.where((Outbox.notice == notice) & (Ticket.number == number))
        if step.sender:
            query = query.where(Contact.address == step.sender)
        row: Any = query.order_by(Outbox.id.desc()).first()
        assert row is not None, step
        message = email.message_from_bytes(read_outgoing(row.id), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return message, row

    # --- what is there in the end ---

    def outcome(self) -> Outcome:
        """All that people can see, without what differs from run to run; mails of the ledger that are duplicates of
        one another count once."""
        with connection(self.database):
            tickets: Counter[tuple[object, ...]] = Counter(
                (row.number, row.status, row.priority, row.assignee, row.subject, row.requester.address, row.close_at)
                for row in Ticket.select(Ticket, Contact).join(Contact)
            )
            messages: Counter[tuple[object, ...]] = Counter(
                (row.ticket.number, row.author_role, row.visibility, row.state, row.text, row.at)
                for row in Message.select(Message, Ticket).join(Ticket)
            )
            written = Outbox.select(Outbox, Contact, Ticket).join(Contact).switch(Outbox).join(Ticket, JOIN.LEFT_OUTER)
            mails: Counter[tuple[object, ...]] = Counter(
                (row.notice, row.recipient.address, row.ticket.number if row.ticket is not None else 0, row.state)
                for row in written
            )
            events: Counter[tuple[object, ...]] = Counter((row.kind, row.actor, row.text) for row in Event.select())
            ledger: Counter[tuple[object, ...]] = Counter(
                (row.state, row.outcome) for row in Ledger.select() if row.outcome != "duplicate"
            )
        return {
            "tickets": tickets,
            "messages": messages,
            "mails": mails,
            "events": events,
            "ledger": ledger,
            "delivered": self._delivered(),
        }

    def _delivered(self) -> Counter[tuple[object, ...]]:
        folder = self.folder / "outgoing" / "new"
        ids = [
            str(BytesHeaderParser().parsebytes(path.read_bytes())["Message-ID"])
            for path in (folder.iterdir() if folder.exists() else ())
        ]
        assert len(set(ids)) == len(ids), "a mail went out twice"
        return Counter({("mails",): len(ids)})

    def findings(self) -> list[str]:
        with connection(self.database):
            return audit_all(self._secrets).findings


def _bounce_of(row: Any) -> bytes:
    return (
        f"From: MAILER-DAEMON@mx.example.com\r\nTo: {row.reverse_path}\r\nMessage-ID: <b@mx.example.com>\r\n"
        "Subject: Undelivered\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\r\n"
        f"Final-Recipient: rfc822; {row.recipient.address}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
    ).encode()
