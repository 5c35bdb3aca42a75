"""T17: two gateways, wired to each other through machines that mark nothing, for seven days.

Both desks acknowledge everybody, which is the worst that an admin can set. Every mail between them goes its way through
the real door, sorter and letters of a desk; the machines are functions here. Nothing runs for ever: a wire that carries
more than a few hundred mails has failed already.
"""

from __future__ import annotations

import email
import email.policy
import heapq
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from gateway.parsing import Parser
from gateway.policy import Policy, parse_policy
from gateway.store.database import connection
from gateway.store.tables import Ledger, database_proxy
from tests.desk.harness import DeskUnderTest, Sent

A, B = "desk@a.example", "desk@b.example"
MOST_MAILS = 500
DAYS = 7


def policy_for(address: str) -> Policy:
    domain = address.partition("@")[2]
    return parse_policy(
        f"""
[desk]
address = "{address}"
acknowledge = "everyone"
[[team]]
name = "desk"
[[agent]]
name = "Anna"
address = "anna@{domain}"
teams = ["desk"]
""",
        "rules.toml",
    )


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a machine writes: from whom, to whom, and under which headers."""

    sender: str
    to: str
    subject: str
    text: str
    headers: tuple[tuple[str, str], ...] = ()

    def raw(self, number: int) -> bytes:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, self.to, self.subject
        message["Message-ID"] = f"<{number}@{self.sender.partition('@')[2]}>"
        for name, value in self.headers:
            message[name] = value
        message.set_content(self.text)
        return message.as_bytes(policy=email.policy.SMTP)


Machine = Callable[[Sent, int], Iterable[Written]]


def answers(sent: Sent, number: int, *, bot: str, to: str = "", subject: str = "", keeps_ids: bool = False) -> Written:
    ids = (("In-Reply-To", sent.message_id), ("References", sent.message_id)) if keeps_ids else ()
    return Written(
        sender=bot,
        to=to or (sent.reply_to if keeps_ids else str(sent.message["From"].addresses[0].addr_spec)),
        subject=subject or f"Re: {sent.subject}",
        text=f"I am away until Monday ({number}).",
        headers=ids,
    )


def vacation(sent: Sent, number: int) -> Iterable[Written]:
    """Out of office as an old mailer does it: into the thread, and without a single header that says so."""
    yield answers(sent, number, bot=sent.to, keeps_ids=True)


def forgetful(sent: Sent, number: int) -> Iterable[Written]:
    """Another subject each time, and no ids."""
    yield answers(sent, number, bot=sent.to, subject=f"Your message no. {number}")


def constant(sent: Sent, number: int) -> Iterable[Written]:
    """The same words each time, and no ids."""
    yield Written(sender=sent.to, to=str(sent.message["From"].addresses[0].addr_spec), subject="Away", text="Away.")


def crossed(sent: Sent, number: int) -> Iterable[Written]:
    """Whatever comes from one desk goes to the other, as a new mail of its own."""
    other = B if "a.example" in str(sent.message["From"]) else A
    yield answers(sent, number, bot=sent.to, to=other, subject=f"Forwarded message no. {number}")


def echoing(sent: Sent, number: int) -> Iterable[Written]:
    """To both desks at once."""
    for to in (A, B):
        yield answers(sent, number, bot=sent.to, to=to, subject=f"Notice no. {number}")


class World:
    """Two desks, machines by address, and a clock; mail in between takes `seconds`."""

    def __init__(self, folder: Path, parser: Parser, machines: dict[str, Machine], *, seconds: float) -> None:
        self.desks: dict[str, DeskUnderTest] = {}
        for address in (A, B):
            place = folder / address
            place.mkdir()
            url = f"sqlite:///{place}/desk.db"
            self.desks[address] = DeskUnderTest(url, parser=parser, scratch=place, policy=policy_for(address))
        self.machines = machines
        self.seconds = seconds
        self.start = self.now = self.desks[A].now
        self.automatic: Counter[tuple[str, str]] = Counter()
        self.accepted: Counter[str] = Counter()
        self._numbers = itertools.count(1)
        self._queue: list[Any] = []

    def post(self, written: Written, *, after: float = 0.0) -> None:
        number = next(self._numbers)
        moment = self.now + timedelta(seconds=after or self.seconds)
        heapq.heappush(self._queue, (moment, number, written.to, written.sender, written.raw(number)))

    def run(self) -> None:
        """Carry mail until nothing is under way or the seven days are over."""
        while self._queue and self._queue[0][0] <= self.start + timedelta(days=DAYS):
            self.now, _, to, sender, raw = heapq.heappop(self._queue)
            self._deliver(to, sender, raw)
            assert sum(self.accepted.values()) < MOST_MAILS, f"a storm: {self.automatic.most_common(5)}"

    def _deliver(self, to: str, sender: str, raw: bytes) -> None:
        """A mail reaches a desk, and what the desk writes sets out."""
        local, _, domain = to.partition("@")
        address = f"{local.partition('+')[0]}@{domain}"
        desk = self.desks.get(address)
        if desk is None:
            return
        database_proxy.initialize(desk.database)
        desk.now, before = self.now, len(desk.sent)
        self.accepted[address] += 1
        desk.receive(raw, reverse_path=sender, recipients=(to,))
        for sent in desk.sent[before:]:
            if sent.to.startswith("anna@"):
                continue
            self.automatic[address, sent.to] += 1
            if sent.to in self.desks:
                then = self.now + timedelta(seconds=self.seconds)
                entry = (then, next(self._numbers), sent.to, sent.reverse_path, sent.content)
                heapq.heappush(self._queue, entry)
            elif machine := self.machines.get(sent.to):
                for written in machine(sent, next(self._numbers)):
                    self.post(written)

    def check(self) -> None:
        """At most six automatic mails for a pair, and every mail on a ticket or with a person."""
        assert max(self.automatic.values(), default=0) <= 6, self.automatic.most_common(5)
        for address, desk in self.desks.items():
            database_proxy.initialize(desk.database)
            with connection(desk.database):
                rows = list(Ledger.select())
            assert len(rows) == self.accepted[address], "a mail is lost"
            for row in rows:
                assert row.ticket_id is not None or row.state == "quarantined", (row.state, row.outcome)
            assert desk.audit() == []


BOT = "bot@bots.example"
WIRES: list[tuple[str, dict[str, Machine]]] = [
    ("a vacation program without headers", {BOT: vacation}),
    ("a machine with another subject each time", {BOT: forgetful}),
    ("a machine with the same words each time", {BOT: constant}),
    ("a machine between the two", {BOT: crossed}),
    ("a ring of three", {BOT: crossed, "two@bots.example": echoing, "three@bots.example": forgetful}),
]


# Each with a fast mail way or a slow one in turn; `STORM_DELAYS=all` tries both with each.
DELAYS = [
    (name, machines, seconds)
    for number, (name, machines) in enumerate(WIRES)
    for seconds in ((1, 50) if os.environ.get("STORM_DELAYS") == "all" else ((1, 50)[number % 2],))
]


@pytest.mark.parametrize(("name", "machines", "seconds"), DELAYS, ids=[f"{one[0]}-{one[2]}" for one in DELAYS])
def test_two_gateways_and_machines_fall_silent(
    tmp_path: Path, parser: Parser, name: str, machines: dict[str, Machine], seconds: float
) -> None:
    world = World(tmp_path, parser, machines, seconds=seconds)
    for bot in machines:
        for desk in (A, B):
            # It begins anew twice a day: a report, a colleague who writes to the machine, a job of the night.
            for half_day in range(2 * DAYS):
                text = f"Report {half_day}"
                world.post(Written(sender=bot, to=desk, subject=text, text=text), after=12 * 3600 * half_day + 1)
    world.run()
    world.check()
    assert world.accepted[A] >= 2 * DAYS


def test_two_desks_that_write_to_each_other_themselves_fall_silent(tmp_path: Path, parser: Parser) -> None:
    world = World(tmp_path, parser, {}, seconds=1)
    for day in range(DAYS):
        for sender, to in ((A, B), (B, A)):
            written = Written(sender=sender, to=to, subject=f"Copy {day}", text=f"Please see {day}.")
            world.post(written, after=86_400 * day + 1)
    world.run()
    assert world.automatic, "the first mail was acknowledged"
    assert sum(world.accepted.values()) <= 4 * DAYS
    for address, desk in world.desks.items():
        database_proxy.initialize(desk.database)
        with connection(desk.database):
            rows = list(Ledger.select())
        assert len(rows) == world.accepted[address]
        assert all(row.ticket_id is not None or row.state == "quarantined" for row in rows)
