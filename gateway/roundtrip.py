"""Send one mail through the relay to the desk itself, find it where the desk reads its mail, and say what survived.

The work behind `gateway check --connect`. The mail carries a sealed key, as our real mails do, at the places where they
carry theirs; a running gateway knows it by that and files it without a ticket. Mailboxes are only read: neither \\Seen
nor the cursor moves. What may fail is a fact of the report; nothing is raised but for a broken storage.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import format_datetime
from typing import Any, Protocol

from gateway.delivery.outcome import Answer, Fate
from gateway.delivery.parcel import Parcel
from gateway.delivery.relay import RelayChannel
from gateway.desk.raw import read_head
from gateway.desk.views import ledger_rows
from gateway.errors import TemporaryFailure
from gateway.intake.imap_session import Session
from gateway.keys import PROBE_HEADER, Purpose, ReplyKey, issue_day, loop_mark, message_id, plus_address, seal
from gateway.oauth import Account
from gateway.settings import Mailbox, Relay, Settings
from gateway.storage import existing_database
from gateway.ticket import Role

HEAD_BYTES = 64 * 1024
_LOOK_AGAIN_SECONDS = 0.5
_MOST_NEW_MAILS = 200
_LEDGER_ROWS = 50


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A mail to ourselves; `key` stands in all that is to survive. `content` has CRLF lines."""

    key: str
    recipient: str
    reverse_path: str
    message_id: str
    parent_id: str
    root_id: str
    subject: str
    mark: str
    content: bytes = field(repr=False)

    @property
    def has_plus_address(self) -> bool:
        return self.key in self.recipient


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """The probe as it lay in `place`, or, `is_report`, what a server wrote about it instead."""

    probe: Probe
    place: str
    head: Message
    text: str
    is_report: bool


class Place(Protocol):
    """Where mail to the desk arrives; `look` gives what came since it was made."""

    name: str

    def look(self) -> Iterator[bytes]: ...


def make_probe(address: str, *, plus: bool, secret_id: int, secret: bytes, now: datetime) -> Probe:
    """A probe from the desk's address to itself, or to a plus address of it."""
    # A number of its own for each probe; tickets and contacts have nothing to do with it.
    number = secrets.randbelow(2**40)
    day = ReplyKey(ticket=number, person=0, role=Role.AGENT, issued_on=issue_day(now))
    key = seal(day, purpose=Purpose.PROBE, secret_id=secret_id, secret=secret)
    domain = address.rpartition("@")[2].encode("idna").decode("ascii")
    own, parent, root = (message_id(key, unique, domain) for unique in ("probe", "parent", "root"))
    to = plus_address(address, key) if plus else address
    subject = f"Test of the help desk's mail {key[-8:]}"
    mark = loop_mark(own, secret)
    lines = [
        f"From: {address}",
        f"To: {to}",
        f"Subject: {subject}",
        f"Date: {format_datetime(now)}",
        f"Message-ID: {own}",
        f"In-Reply-To: {parent}",
        "References:",
        f" {root}",
        f" {parent}",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
        f"X-Helpdesk-Gateway: {mark}",
        f"{PROBE_HEADER}: {key}",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "`gateway check --connect` has sent this mail to the help desk itself, to see what",
        "your mail servers do to it. Nobody needs to answer, and it may be deleted.",
        "",
    ]
    return Probe(
        key=key,
        recipient=to,
        reverse_path=to,
        message_id=own,
        parent_id=parent,
        root_id=root,
        subject=subject,
        mark=mark,
        content="\r\n".join(lines).encode("utf-8"),
    )


def send(probe: Probe, relay: Relay, *, now: datetime, account: Account | None = None) -> Answer:
    """Give the probe to the relay, as delivery would."""
    parcel = Parcel(
        id=0,
        attempt=1,
        created_at=now,
        recipient=probe.recipient,
        reverse_path=probe.reverse_path,
        content=probe.content,
        sha256=hashlib.sha256(probe.content).digest(),
    )
    return asyncio.run(_send(parcel, relay, account))


async def _send(parcel: Parcel, relay: Relay, account: Account | None) -> Answer:
    channel = RelayChannel(relay, account=account)
    try:
        return await channel.send(parcel)
    finally:
        await channel.close()


def wait_for(probes: Sequence[Probe], places: Sequence[Place], *, seconds: float) -> Arrival | None:
    """The first of the probes that is seen anywhere, or a report about the last; None when the time is over."""
    ends_at = time.monotonic() + seconds
    while True:
        for place in places:
            with contextlib.suppress(TemporaryFailure):
                for content in place.look():
                    arrival = next(filter(None, (_recognise(one, content, place.name) for one in probes)), None)
                    if arrival is not None and (arrival.probe is probes[-1] or not arrival.is_report):
                        return arrival
        if time.monotonic() >= ends_at:
            return None
        time.sleep(_LOOK_AGAIN_SECONDS)


def _recognise(probe: Probe, content: bytes, place: str) -> Arrival | None:
    text = content.decode("ascii", "replace")
    block = content.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    head = BytesHeaderParser().parsebytes(block)
    # A relay may rewrite anything else; nobody rewrites the words of a subject, though some put theirs before them.
    if probe.subject not in value_of(head, "Subject") and probe.key not in text:
        return None
    if probe.message_id in value_of(head, "In-Reply-To"):
        return None  # somebody's automatic answer
    kind = head.get_content_type()
    sender = value_of(head, "From").lower()
    is_report = kind == "multipart/report" or "mailer-daemon" in sender or "postmaster" in sender
    return Arrival(probe=probe, place=place, head=head, text=text, is_report=is_report)


def value_of(head: Message, name: str) -> str:
    """All headers of that name, unfolded, apart by a space."""
    return " ".join(" ".join(str(value).split()) for value in head.get_all(name, []))


class MailboxPlace:
    """A watched mailbox, with the folder that the gateway moves its mails to. Opened read-only, mails are peeked."""

    def __init__(self, settings: Mailbox, account: Account | None = None) -> None:
        self.name = f"the mailbox {settings.name}"
        self._session = Session(settings, account)
        self._next_uids: dict[str, int] = {}
        self._seen: set[tuple[str, int]] = set()
        for folder in filter(None, (settings.folder, settings.move_to)):
            self._next_uids[folder] = self._first_new_uid(folder)

    def _first_new_uid(self, folder: str) -> int:
        try:
            found = self._session.open_folder(folder, read_only=True)
        except TemporaryFailure:
            return 1  # the folder is made when the first mail is moved
        return found.uidnext or max(self._session.uids(), default=0) + 1

    def look(self) -> Iterator[bytes]:
        """The beginnings of mails that are new since the last look."""
        for folder, first in self._next_uids.items():
            try:
                self._session.open_folder(folder, read_only=True)
            except TemporaryFailure:
                continue
            uids = [uid for uid in self._session.uids(first) if (folder, uid) not in self._seen][-_MOST_NEW_MAILS:]
            for uid in uids:
                self._seen.add((folder, uid))
                yield from self._session.pieces([uid], start=0, length=HEAD_BYTES, expect_bytes=HEAD_BYTES).values()

    def close(self) -> None:
        self._session.close()


class LedgerPlace:
    """The ledger of a gateway that runs on this storage: mail that comes by SMTP, LMTP or the pipe."""

    name = "the ledger of the running gateway"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._last = max((row["id"] for row in self._rows()), default=0)

    def look(self) -> Iterator[bytes]:
        """The beginnings of mails that were accepted since the last look, under what their envelopes said."""
        for row in self._rows():
            if row["id"] <= self._last:
                continue
            self._last = row["id"]
            envelope = [f"Delivered-To: {address}\r\n" for address in row["to"]]
            if row["from"] is not None:
                envelope.append(f"Return-Path: <{row['from']}>\r\n")
            with existing_database(self._settings):
                yield "".join(envelope).encode("utf-8", "replace") + read_head(row["id"], HEAD_BYTES)

    def _rows(self) -> list[dict[str, Any]]:
        with existing_database(self._settings):
            return sorted(ledger_rows(state="", limit=_LEDGER_ROWS), key=lambda row: int(row["id"]))

    def close(self) -> None:
        """Nothing stays open between two looks."""


def is_taken(answer: Answer) -> bool:
    return answer.fate in (Fate.TAKEN, Fate.UNCERTAIN)
