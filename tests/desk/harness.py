"""A desk without sockets: the real door, sorter, parser, letters and clockwork, a real database, a clock to turn.

A story writes mails as a person's client would (`write`, `answer`) and reads what everybody would get (`inbox`).
"""

from __future__ import annotations

import email
import email.policy
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

import peewee

from gateway.compose import CannedAnswers, Templates, compose, load_templates
from gateway.desk.audit import audit_all
from gateway.desk.border import FORGED, record_border_test
from gateway.desk.bundles import merge_waiting
from gateway.desk.clockwork import close_due, resume_due
from gateway.desk.ladder import climb
from gateway.desk.letters import LetterBuilder
from gateway.desk.outgoing import unbound_message_id
from gateway.desk.people import mirror_policy, read_secrets
from gateway.desk.searching import remember_new_words
from gateway.desk.views import ticket_record
from gateway.dkim_proof import Lookup
from gateway.intake.accept import Door
from gateway.mail import Envelope, Transport
from gateway.parsing import Parser
from gateway.policy import Policy, parse_policy
from gateway.sorting import Sorter
from gateway.store.database import connection, migrate, open_database, transaction
from gateway.store.states import OutboxState
from gateway.store.tables import Ledger, Outbox, OutboxPart
from gateway.stored import read_stored
from gateway.triage.facts import BorderTest
from tests.servers.prepared import keep_connections

CHECKOUT = Path(__file__).resolve().parents[2]
DESK = "helpdesk@example.com"


@lru_cache(maxsize=1)
def shipped_templates() -> Templates:
    """A snapshot that never changes: what is compiled of it serves all desks."""
    return load_templates(CHECKOUT / "templates")


_ANSWERS = CannedAnswers(shipped_templates())


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A mail that left the desk; what was read of it once stays read, so change a `message` only as a copy."""

    id: int
    notice: str
    to: str
    reverse_path: str
    content: bytes = field(repr=False)

    @cached_property
    def message(self) -> EmailMessage:
        parsed = email.message_from_bytes(self.content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @cached_property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        assert isinstance(body, EmailMessage)
        return str(body.get_content())

    @cached_property
    def html(self) -> str:
        body = self.message.get_body(("html",))
        assert isinstance(body, EmailMessage)
        return str(body.get_content())

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def reply_to(self) -> str:
        return str(self.message["Reply-To"].addresses[0].addr_spec)

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])


def policy_of(desk: str = "", more: str = "") -> Policy:
    """Two teams, three agents, one rule; `desk` are more lines of [desk], `more` more tables."""
    return parse_policy(
        f"""
[desk]
address = "{DESK}"
aliases = ["it@example.com"]
own_domains = ["example.com"]
trusted_authserv_id = "mx.example.com"
{desk}

[[team]]
name = "desk"
[[team]]
name = "network"

[[agent]]
name = "Anna Agent"
address = "anna@example.com"
teams = ["desk", "network"]
[[agent]]
name = "Ben Helper"
address = "ben@example.com"
teams = ["desk"]
[[agent]]
name = "Nora Net"
address = "nora@example.com"
other_addresses = ["nora.private@example.org"]
teams = ["network"]
{more}
""",
        "rules.toml",
    )


class DeskUnderTest:
    """One desk on one database. `now` is its clock; every mail takes it one minute further."""

    def __init__(
        self,
        url: str,
        *,
        parser: Parser,
        scratch: Path,
        policy: Policy | None = None,
        now: datetime | None = None,
        templates: Templates | None = None,
        lookup: Lookup | None = None,
    ) -> None:
        self.now = now or datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        self.policy = (policy or policy_of()).with_answers(_ANSWERS)
        self.database: peewee.Database = open_database(url)
        keep_connections(self.database, url)
        with connection(self.database):
            migrate(self.database, now=self.now)
            with transaction(self.database):
                mirror_policy(self.policy, now=self.now)
                self.prove_border()
            self.secrets = read_secrets()
        self.templates = templates or shipped_templates()
        self._door = Door(self.database, clock=self.clock, free_bytes=None)
        # Another one is a process of its own.
        self.new_sorter = partial(
            Sorter,
            self.database,
            parser=parser,
            policy=lambda: self.policy,
            secrets=self.secrets,
            clock=self.clock,
            scratch=scratch,
            on_sorted=lambda: None,
            lookup=lookup,
        )
        self._sorter = self.new_sorter(owner="test", batch=64)
        self._letters = LetterBuilder(
            policy=lambda: self.policy,
            secrets=self.secrets,
            extract=parser.extract,
            file_limit_bytes=5_000_000,
            recall=partial(read_stored, parser=parser),
        )
        self._numbers = itertools.count(1)
        self.sent: list[Sent] = []

    def prove_border(self, intake: str = "smtp", *, passed: bool = True) -> None:
        """Record that `gateway doctor` has seen forged Authentication-Results being taken out on the way in."""
        findings = tuple((name, passed) for name in ("forged-removed", "genuine-present", "no-smuggling"))
        trusted = self.policy.desk.trusted_authserv_id
        record_border_test(
            BorderTest(number=FORGED, intake=intake, authserv_id=trusted, findings=findings), now=self.now
        )

    def clock(self) -> datetime:
        return self.now

    def change_policy(self, policy: Policy) -> None:
        self.policy = policy.with_answers(_ANSWERS)
        with connection(self.database), transaction(self.database):
            mirror_policy(policy, now=self.now)

    # --- mail in ---

    def receive(self, raw: bytes, **envelope: Any) -> Ledger:
        """Accept a mail and sort all that waits; its ledger row afterwards."""
        return self.receive_all([raw], **envelope)[0]

    def receive_all(self, raws: Iterable[bytes], **envelope: Any) -> list[Ledger]:
        """Accept several mails before any of them is sorted."""
        values: dict[str, Any] = {
            "transport": Transport.SMTP,
            "received_at": self.now,
            "reverse_path": "sender@example.com",
            "recipients": (DESK,),
        } | envelope
        with self._door as door:
            receipts = [door.accept(Envelope(**values), raw) for raw in raws]
        self.sort()
        with connection(self.database):
            rows = [Ledger.get_by_id(receipt.ledger_id) for receipt in receipts]
        self._send()
        return rows

    def sort(self) -> None:
        with connection(self.database):
            while self._sorter.run_once(self.now):
                pass

    def write(
        self,
        sender: str,
        text: str,
        *,
        subject: str = "My VPN is down",
        to: str = DESK,
        headers: dict[str, str] | None = None,
        html: str = "",
        files: Iterable[tuple[str, bytes, str]] = (),
        **envelope: Any,
    ) -> Ledger:
        """A mail as a person writes it; files are (name, bytes, type)."""
        self.now += timedelta(minutes=1)
        raw = self.mail(sender, text, subject=subject, to=to, headers=headers, html=html, files=files)
        envelope.setdefault("reverse_path", sender.rpartition("<")[2].rstrip(">"))
        return self.receive(raw, **envelope)

    def mail(
        self,
        sender: str,
        text: str,
        *,
        subject: str,
        to: str = DESK,
        headers: dict[str, str] | None = None,
        html: str = "",
        files: Iterable[tuple[str, bytes, str]] = (),
    ) -> bytes:
        message = EmailMessage()
        message["From"] = sender
        message["To"] = to
        message["Subject"] = subject
        message["Date"] = format_datetime(self.now)
        message["Message-ID"] = f"<{next(self._numbers)}.client@{sender.rpartition('@')[2].rstrip('>')}>"
        for name, value in (headers or {}).items():
            del message[name]
            message[name] = value
        message.set_content(text)
        if html:
            message.add_alternative(html, subtype="html")
        for name, content, kind in files:
            maintype, _, subtype = kind.partition("/")
            message.add_attachment(content, maintype=maintype, subtype=subtype, filename=name)
        return message.as_bytes(policy=email.policy.SMTP)

    def answer(self, sender: str, sent: Sent, text: str, **more: Any) -> Ledger:
        """Answer a mail of the desk as a client does: its thread, its reply address, its text quoted."""
        headers = {
            "In-Reply-To": sent.message_id,
            "References": f"{sent.message['References'] or ''} {sent.message_id}".strip(),
        } | more.pop("headers", {})
        quoted = "\n".join(f"> {line}" for line in sent.text.splitlines())
        body = f"{text}\n\nOn Mon, 2 Mar 2026 at 09:00, Help Desk <{DESK}> wrote:\n{quoted}\n"
        subject = more.pop("subject", "Re: " + sent.subject.removeprefix("Re: "))
        more.setdefault("recipients", (sent.reply_to,))
        return self.write(sender, body, subject=subject, to=more.pop("to", sent.reply_to), headers=headers, **more)

    # --- mail out ---

    def _send(self) -> None:
        """Render what waits, as the delivery would, and call it sent."""
        with connection(self.database):
            due = Outbox.not_before.is_null() | (Outbox.not_before <= self.now)
            ready = (Outbox.state == OutboxState.WAITING) & due & Outbox.hold_reason.in_(["", "send_delay"])
            for row in list(Outbox.select().where(ready).order_by(Outbox.id)):
                letter, reverse_path = self._letters.build(row.id)
                content = compose(letter, self.templates)
                self.sent.append(
                    Sent(
                        id=row.id,
                        notice=row.notice,
                        to=letter.recipient.address,
                        reverse_path=reverse_path,
                        content=content,
                    )
                )
                # Nobody has it any more, and it can't be called back.
                gone = {"state": OutboxState.HELD, "hold_reason": "test", "uncertain_count": 1}
                Outbox.update(gone).where(Outbox.id == row.id).execute()

    def keep_bytes(self) -> None:
        """Store what was rendered, as the delivery does before it connects."""
        with connection(self.database), transaction(self.database):
            for one in self.sent:
                if not OutboxPart.select().where(OutboxPart.outbox == one.id).exists():
                    OutboxPart.create(outbox=one.id, sequence=0, content=one.content)

    def inbox(self, address: str, notice: str = "") -> list[Sent]:
        return [one for one in self.sent if one.to == address and notice in ("", one.notice)]

    def last(self, address: str, notice: str = "") -> Sent:
        found = self.inbox(address, notice)
        assert found, f"{address} got no {notice or 'mail'}; sent were {[(one.notice, one.to) for one in self.sent]}"
        return found[-1]

    # --- time and knowledge ---

    def wait(self, **duration: float) -> None:
        """Let time pass, and do what is due."""
        self.now += timedelta(**duration)
        with connection(self.database):
            close_due(self.database, self.policy, self.secrets, now=self.now)
            resume_due(self.database, self.policy, self.secrets, now=self.now)
            climb(self.database, self.policy, self.secrets, now=self.now)
            remember_new_words(self.database, now=self.now)
            merge_waiting(
                self.database,
                now=self.now,
                new_message_id=lambda: unbound_message_id(self.policy),
                token=self.policy.token,
                at_least=10,
            )
        self._send()

    def ticket(self, number: int = 1001) -> dict[str, Any]:
        with connection(self.database):
            record = ticket_record(number, self.policy)
        assert record is not None, f"there is no ticket {number}"
        return record

    def audit(self) -> list[str]:
        """What the audit finds, apart from mails that this harness never really sends."""
        with connection(self.database):
            return audit_all(self.secrets).findings


__all__ = ["DESK", "DeskUnderTest", "Sent", "policy_of"]
