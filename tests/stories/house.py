"""A running gateway, the people who write to it, and what comes to each of them."""

from __future__ import annotations

import contextlib
import re
import shutil
import smtplib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from gateway.desk.audit import audit_all
from gateway.desk.people import read_secrets
from gateway.desk.views import ticket_record
from gateway.doctor import make_test_mails
from gateway.policy import parse_policy
from gateway.store.database import connection, open_database
from gateway.store.states import LedgerState, OutboxState
from gateway.store.tables import Ledger, Outbox
from tests.servers.client import send
from tests.servers.gateway import CHECKOUT, GatewayProcess
from tests.servers.sink import Sink
from tests.servers.waiting import eventually
from tests.stories.letters import File, Letter, compose_mail, quoted

DESK = "helpdesk@example.com"
# Every internal text of every story says this, and no mail that leaves the desk may.
SECRET = "just-between-us"
PATIENCE_SECONDS = 20.0

POLICY = """\
[desk]
address = "{desk}"
aliases = [{aliases}]
own_domains = ["example.com", "box.example.com"]
trusted_authserv_id = "mx.example.com"
# Who keeps the desk has a mailbox apart: a digest depends on the day and the hour, which no story does.
keepers = ["keeper"]
operators = ["keeper"]

[limits]
acknowledgements_per_hour = 1000
acknowledgements_per_day = 1000
tickets_per_10_minutes = 1000
tickets_per_hour = 1000
quick_replies = 1000

[[team]]
name = "desk"
escalates_to = "network"
[[team]]
name = "network"

[[agent]]
name = "Anna Agent"
address = "{anna}"
handle = "anna"
teams = ["desk"]
[[agent]]
name = "Ben Helper"
address = "{ben}"
handle = "ben"
teams = ["desk"]
[[agent]]
name = "Kim Keeper"
address = "keeper@example.com"
[[agent]]
name = "Nora Net"
address = "nora@example.com"
other_addresses = ["nora.private@example.org"]
teams = ["network"]
{more}
"""


def furnish(
    folder: Path,
    *,
    desk: str = DESK,
    aliases: Iterable[str] = ("it@example.com",),
    anna: str = "anna@example.com",
    ben: str = "ben@example.com",
    more: str = "",
) -> Path:
    """Write a small desk's policy and the shipped templates into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = ", ".join(f'"{alias}"' for alias in aliases)
    policy = POLICY.format(desk=desk, aliases=listed, anna=anna, ben=ben, more=more)
    (folder / "rules.toml").write_text(policy)
    shutil.copytree(CHECKOUT / "templates", folder / "templates", dirs_exist_ok=True)
    return folder


@dataclass(kw_only=True)
class House:
    """A gateway in its folder. `sink` is the world outside, unless people have mailboxes of their own."""

    gateway: GatewayProcess
    sink: Sink | None = None
    smtp_port: int = 0
    """Where people hand in their mail; 0 stands for the gateway's own port."""
    desk: str = DESK
    people: list[Person] = field(default_factory=list, repr=False)

    def person(self, address: str, name: str = "", *, inbox: Callable[[], Iterable[bytes]] | None = None) -> Person:
        """Somebody who writes and reads; `inbox` gives the bytes of what has come to them."""
        someone = Person(house=self, address=address, name=name, inbox=inbox or (lambda: self._from_sink(address)))
        self.people.append(someone)
        return someone

    def _from_sink(self, address: str) -> list[bytes]:
        assert self.sink is not None
        return [mail.content for mail in self.sink.mails if address in mail.recipients]

    def hand_in(self, mail: bytes, *, sender: str, to: str | Iterable[str]) -> None:
        """Give a mail to the first server on its way."""
        send(
            mail, port=self.smtp_port or self.gateway.smtp_port, from_=sender, to=[to] if isinstance(to, str) else [*to]
        )

    # --- what the operator sees ---

    @property
    def database_url(self) -> str:
        configured = self.gateway.env.get("GATEWAY_STORAGE_URL", "")
        return configured or f"sqlite:///{self.gateway.folder / 'storage' / 'gateway.sqlite'}"

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        database = open_database(self.database_url)
        with connection(database):
            yield

    def ticket(self, number: int) -> dict[str, Any]:
        policy = parse_policy((self.gateway.folder / "rules.toml").read_text(), "rules.toml")
        with self.reading():
            record = ticket_record(number, policy)
        assert record is not None, f"there is no ticket {number}"
        return record

    def status_of(self, number: int) -> str:
        return str(self.ticket(number)["status"])

    def prove_border(self) -> None:
        """What an operator does with `gateway doctor`, by a server that takes forged Authentication-Results out."""
        policy = parse_policy((self.gateway.folder / "rules.toml").read_text(), "rules.toml")
        with self.reading():
            mails = make_test_mails(
                policy, sender="probe@outside.example", secrets=read_secrets(), now=datetime.now(UTC)
            )
        genuine = b"Authentication-Results: mx.example.com; dmarc=none header.from=outside.example\r\n"
        forged = re.compile(rb"Authentication-Results:[^\r]*(?:\r\n[ \t][^\r]*)*\r\n")
        self.hand_in(genuine + forged.sub(b"", mails[0].content), sender="", to=mails[0].recipient)
        self.settles()

    def settles(self, timeout_seconds: float = PATIENCE_SECONDS) -> None:
        """Return when every mail that came is decided, and every mail that follows from it is out of the house."""
        eventually(self._is_settled, timeout_seconds=timeout_seconds, reason="nothing left to sort and to send")

    def _is_settled(self) -> bool:
        with self.reading():
            # In this order: sorting is what fills the outbox.
            waiting = Ledger.select().where(Ledger.state == LedgerState.WAITING).exists()
            return not waiting and not Outbox.select().where(Outbox.state == OutboxState.WAITING).exists()

    def quarantine(self) -> list[str]:
        """The reason codes of what waits for a person."""
        with self.reading():
            rows = Ledger.select().where(Ledger.state == LedgerState.QUARANTINED).order_by(Ledger.id)
            return [row.reason_code for row in rows]

    def audit(self) -> list[str]:
        with self.reading():
            return audit_all(read_secrets()).findings

    # --- what nobody outside may read ---

    def agents(self) -> frozenset[str]:
        policy = parse_policy((self.gateway.folder / "rules.toml").read_text(), "rules.toml")
        return frozenset(own for agent in policy.agents for own in (agent.address, *agent.other_addresses))

    def assert_discreet(self) -> int:
        """Read every byte of what went to requesters and watchers: no agent's address or key, no internal word.

        Returns how many mails were read.
        """
        agents = self.agents()
        inside = [letter for one in self.people if one.address in agents for letter in one.letters()]
        keys = frozenset(key for letter in inside for key in letter.keys)
        if self.sink is not None:
            mails = [Letter(mail.content) for mail in self.sink.mails if not agents & set(mail.recipients)]
        else:
            mails = [letter for one in self.people if one.address not in agents for letter in one.letters()]
        forbidden = {*agents, *keys, SECRET}
        for letter in mails:
            found = sorted(word for word in forbidden if word in letter.everything)
            assert not found, f"{letter.subject!r} to {letter.header('To')} says {found}:\n{letter.content.decode()}"
        return len(mails)


@dataclass(kw_only=True, eq=False)
class Person:
    """Somebody with a mail client."""

    house: House = field(repr=False)
    address: str
    name: str
    inbox: Callable[[], Iterable[bytes]] = field(repr=False)
    _known: dict[bytes, Letter] = field(default_factory=dict, repr=False)
    _read: set[bytes] = field(default_factory=set, repr=False)

    @property
    def mailbox(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address

    # --- writes ---

    def writes(
        self,
        text: str,
        *,
        subject: str = "My VPN is down",
        to: str = "",
        cc: str = "",
        html: str = "",
        files: Iterable[File] = (),
        headers: Mapping[str, str] | None = None,
        recipients: Iterable[str] = (),
    ) -> bytes:
        """Write a mail and hand it in; its bytes."""
        to = to or self.house.desk
        more = dict(headers or {}) | ({"Cc": cc} if cc else {})
        mail = compose_mail(
            sender=self.mailbox, to=to, subject=subject, text=text, html=html, files=files, headers=more
        )
        self.house.hand_in(mail, sender=self.address, to=[*recipients] or [to])
        return mail

    def answers(self, letter: Letter, text: str, **more: Any) -> bytes:
        """Answer as a client does: in the thread, to Reply-To, above the quoted letter."""
        headers = {"In-Reply-To": letter.message_id, "References": " ".join((*letter.references, letter.message_id))}
        subject = more.pop("subject", letter.subject if letter.subject.startswith("Re: ") else f"Re: {letter.subject}")
        more["headers"] = headers | dict(more.get("headers", {}))
        return self.writes(quoted(letter, text), subject=subject, to=more.pop("to", letter.reply_to), **more)

    def opens(self, text: str, **more: Any) -> int:
        """Write a first mail; the number of the ticket that it opened, by its acknowledgement."""
        self.writes(text, **more)
        return self.gets("Your number").ticket

    # --- reads ---

    def letters(self) -> list[Letter]:
        """All that has come, in order."""
        return [self._known.setdefault(content, Letter(content)) for content in self.inbox()]

    def unread(self) -> list[Letter]:
        return [letter for letter in self.letters() if letter.content not in self._read]

    def gets(self, words: str = "", *, about: int = 0) -> Letter:
        """Wait for the first unread mail with these words in text or subject (about that ticket), and read it."""

        def found() -> Letter | None:
            return next((one for one in self.unread() if _says(one, words) and about in (0, one.ticket)), None)

        try:
            letter = eventually(found, timeout_seconds=PATIENCE_SECONDS)
        except AssertionError:
            came = "\n".join(f"  {one.subject}: {one.text[:300]!r}" for one in self.unread()) or "  nothing"
            what = f"{self.address} did not get {words!r} about {about or 'anything'}; unread:\n{came}"
            raise AssertionError(f"{what}\n{self.house.gateway.output[-3000:]}") from None
        assert letter is not None
        self._read.add(letter.content)
        return letter

    def has_read_everything(self) -> None:
        """Forget what has come so far."""
        self._read.update(letter.content for letter in self.letters())

    def got(self, about: int = 0) -> list[str]:
        """Once the house has settled: the texts of what is unread (about that ticket)."""
        self.house.settles()
        return [letter.text for letter in self.unread() if about in (0, letter.ticket)]


def _says(letter: Letter, words: str) -> bool:
    wanted = " ".join(words.split())
    return wanted in " ".join(letter.text.split()) or wanted in letter.subject


def refused_by_server(hand_in: Callable[[], object]) -> str:
    """What the server said when it refused a mail; "" where it took it."""
    try:
        hand_in()
    except smtplib.SMTPResponseException as error:
        return f"{error.smtp_code} {error.smtp_error!r}"
    except smtplib.SMTPRecipientsRefused as error:
        return str(error.recipients)
    return ""


def just_begun() -> str:
    """Working hours that began a moment ago, whenever this runs; a day of work begins at five at the earliest."""
    now = datetime.now(UTC)
    five = datetime.combine((now - timedelta(hours=5)).date(), time(5), tzinfo=UTC)
    begins = max(now - timedelta(minutes=30), five)
    return f'working_hours = "{begins:%H:%M}-{begins + timedelta(hours=4):%H:%M}"'
