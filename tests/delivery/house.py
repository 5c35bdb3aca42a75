"""A database with an outbox, and deliverers that work on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from gateway.delivery import Deliverer, Rendered
from gateway.settings import Relay
from gateway.store.database import connection, migrate, open_database
from gateway.store.outbox import Database
from gateway.store.states import OutboxState
from gateway.store.tables import Contact, Outbox, OutboxPart, Worker
from gateway.ticket import Role
from tests.servers.certificates import Certificates
from tests.servers.sink import Sink

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
REVERSE_PATH = "helpdesk@example.com"
# Longer than any lease: what a killed process had claimed is free again.
AFTER_THE_LEASE = NOW + timedelta(minutes=6)


def relay_to(sink: Sink, **settings: Any) -> Relay:
    """Settings for the sink without TLS, unless they say otherwise."""
    if "password" in settings:
        settings["password"] = SecretStr(settings["password"])
    defaults: dict[str, Any] = {"host": sink.host, "port": sink.port, "tls": "none", "hostname": "desk.example.com"}
    return Relay(**(defaults | settings))


def secure_relay_to(sink: Sink, certificates: Certificates, **settings: Any) -> Relay:
    """Settings for a sink with TLS that trust the test's own authority."""
    return relay_to(sink, **({"host": "localhost", "tls": "starttls", "ca_file": certificates.ca} | settings))


@dataclass(kw_only=True)
class House:
    """`refused` and `rendered` list what deliverers told and asked; `broken` maps outbox ids to what render raises."""

    database: Database
    folder: Path
    refused: list[tuple[int, str]] = field(default_factory=list)
    rendered: list[int] = field(default_factory=list)
    broken: dict[int, Exception] = field(default_factory=dict)
    contents: dict[int, bytes] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _deliverers: list[Deliverer] = field(default_factory=list)

    def add(
        self,
        recipient: str = "erika@example.com",
        *,
        rank: int = 0,
        notice: str = "answer",
        created_at: datetime = NOW,
        content: bytes = b"",
    ) -> int:
        """Put a mail into the outbox and return its id."""
        number = next(self._numbers)
        Contact.insert(address=recipient, first_seen_at=NOW).on_conflict_ignore().execute()
        row = Outbox.create(
            notice=notice,
            rank=rank,
            recipient=Contact.get(Contact.address == recipient),
            role=Role.REQUESTER,
            context={},
            message_id=f"<mail.{number}@example.com>",
            dedupe_key=f"test:{number}",
            state=OutboxState.WAITING,
            created_at=created_at,
        )
        if content:
            self.contents[row.id] = content
        return int(row.id)

    def render(self, outbox_id: int) -> Rendered:
        self.rendered.append(outbox_id)
        if outbox_id in self.broken:
            raise self.broken[outbox_id]
        row = Outbox.get_by_id(outbox_id)
        address = row.recipient.address
        # Counts the renderings, so that a second one would show in the bytes.
        text = f"Rendered {len(self.rendered)} times in all.\r\n.\r\n..dots\r\n"
        head = f"From: {REVERSE_PATH}\r\nTo: <{address}>\r\nSubject: {row.notice}\r\nMessage-ID: {row.message_id}\r\n"
        content = self.contents.get(outbox_id) or f"{head}\r\n{text}".encode()
        return Rendered(content=content, recipient=address, reverse_path=REVERSE_PATH)

    def deliverer(self, relay: Relay | Sink | None = None, *, owner: str = "test", **options: Any) -> Deliverer:
        """A deliverer for the relay (or sink, or the Maildir `out`), closed when the test ends."""
        settings = relay_to(relay) if isinstance(relay, Sink) else relay or Relay()
        defaults: dict[str, Any] = {
            "render": self.render,
            "on_refused": lambda outbox_id, reply: self.refused.append((outbox_id, str(reply))),
        }
        made = Deliverer(
            self.database, relay=settings, outgoing=self.folder / "out", owner=owner, **(defaults | options)
        )
        self._deliverers.append(made)
        return made

    def row(self, outbox_id: int) -> Any:
        return Outbox.get_by_id(outbox_id)

    def state(self, outbox_id: int) -> str:
        return str(self.row(outbox_id).state)

    def waits(self, outbox_id: int, *, after: datetime = NOW) -> timedelta | None:
        """For how long a waiting mail is put off."""
        row = self.row(outbox_id)
        assert row.state == OutboxState.WAITING
        return None if row.not_before is None else row.not_before - after

    def stored_bytes(self, outbox_id: int) -> bytes:
        parts = OutboxPart.select().where(OutboxPart.outbox == outbox_id).order_by(OutboxPart.sequence)
        return b"".join(bytes(part.content) for part in parts)

    def trouble(self, owner: str = "test") -> str:
        """What `gateway status` would show of a deliverer."""
        return str(Worker.get_by_id(owner).last_error)

    def finish(self, deliverer: Deliverer) -> None:
        """Close a deliverer before the test ends; all its copies are filed then."""
        self._deliverers.remove(deliverer)
        deliverer.close()

    def close(self) -> None:
        for deliverer in tuple(self._deliverers):
            self.finish(deliverer)


@contextmanager
def open_house(url: str, folder: Path) -> Iterator[House]:
    """A migrated database and this thread's connection to it."""
    database = open_database(url)
    with connection(database):
        migrate(database, now=NOW)
        house = House(database=database, folder=folder)
        try:
            yield house
        finally:
            house.close()


def is_about(moment: timedelta | None, minutes: float) -> bool:
    """Within the jitter of 10 %."""
    wanted = timedelta(minutes=minutes)
    return moment is not None and wanted * 0.9 <= moment <= wanted * 1.1


NewSink = Callable[..., Sink]
