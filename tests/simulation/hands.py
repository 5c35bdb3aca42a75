"""Whose hand writes: an agent who was told of a ticket, or its requester, and what becomes of the ticket by it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gateway.store.database import connection
from gateway.store.tables import Ticket
from tests.desk.harness import Sent
from tests.simulation.company import SECRET, Matter
from tests.simulation.ledger import Account, Turn

if TYPE_CHECKING:
    from tests.simulation.world import Step, World


class Hands:
    """How the people of a world write."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._random = world.random
        self._secrets = iter(range(10**6))
        # Who is not there, until when; and who says so by nothing but an out-of-office.
        self.away_people: dict[str, datetime] = {}
        self.away_agents: dict[str, datetime] = {}
        self.silent: set[str] = set()
        # Who is away as the desk knows it: the agent, since when and until when.
        self.absences: list[tuple[str, datetime, datetime]] = []
        # Whose mail came back: they get nothing that is automatic.
        self.unreachable: set[str] = set()

    def opened(
        self, number: int, sender: str, said: Matter, plan: str, *, is_machine: bool = False, at: datetime | None = None
    ) -> Account:
        account = Account(
            number=number,
            requester=sender,
            opened_at=at or self._world.now,
            type=said.type,
            priority=said.priority,
            team=said.team,
            impact=said.impact,
            urgency=said.urgency,
            walls=self._world.walls,
            is_machine=is_machine,
            plan=plan,
        )
        self._world.accounts[number] = account
        return account

    # --- agents ---

    def is_away(self, agent: str) -> bool:
        return self.away_agents.get(agent, self._world.first) > self._world.now

    def agent(self, account: Account, text: str, *turns: Turn) -> str:
        """Whoever has the ticket, or one of those who were told of it, answers the last mail about it; who, or ""."""
        world = self._world
        account.pass_time(world.now)
        if not account.is_open:
            return ""
        actor = self._actor(account)
        if actor is None:
            world.counts["nobody there"] += 1
            return ""
        self.write(actor, account, text, *turns)
        return actor

    def write(self, actor: str, account: Account, text: str, *turns: Turn) -> Step:
        """This agent answers the last mail about the ticket."""
        step = self._world.answer(actor, self._world.boxes[actor, account.number], text)
        account.note(self._world.now, *turns)
        return step

    def for_colleagues(self, text: str) -> str:
        """Words that no requester may ever read."""
        return f"{text} ({SECRET} {next(self._secrets)})"

    def owner(self, account: Account) -> str:
        with connection(self._world.desk.database):
            return str(Ticket.get(Ticket.number == account.number).assignee)

    def _actor(self, account: Account) -> str | None:
        """The assignee, if there; else somebody of the team who was told and is there."""
        world, number = self._world, account.number
        there = [one for one in world.agents if not self.is_away(one.address)]
        owner = self.owner(account)
        if any(one.address == owner for one in there) and owner != account.requester:
            if (owner, number) not in world.boxes:
                # Known from a list alone.
                world.new_mail(owner, f"#show {number}", "")
            if (owner, number) in world.boxes:
                return owner
        told = [one for one in there if (one.address, number) in world.boxes]
        told = [one for one in told if one.address != account.requester] or told
        members = [one for one in told if one.team == account.team] or told
        return self._random.choice(members).address if members else None

    # --- requesters ---

    def person(self, account: Account, text: str, *, mail: Sent | None = None) -> Step | None:
        """The requester answers the last mail about it, or this one, and what that does."""
        world = self._world
        account.pass_time(world.now)
        mail = mail or world.boxes.get((account.requester, account.number))
        is_over = account.status in ("closed", "cancelled")
        if mail is None or is_over or account.is_machine or self.is_away(account.requester):
            return None
        step = world.answer(account.requester, mail, text)
        waits = account.status == "on_hold" and account.held == "requester"
        asked = mail.notice == "resolution" and (waits or account.status == "resolved")
        word = text.split()[0].strip(",.!") if text.strip() else ""
        if asked and word in ("1", "2"):
            account.note(world.now, ("rated", word))
        elif asked and word in ("3", "4", "5"):
            account.note(world.now, ("rated", word), ("closed", ""))
        elif asked and word == "yes":
            account.note(world.now, ("closed", ""))
        elif word in ("Thanks", "status", "help"):
            pass
        elif account.status == "resolved":
            account.note(world.now, ("reopened", ""))
        elif waits:
            account.note(world.now, ("resume", ""))
        return step

    # --- when ---

    def soon(self, account: Account, most: int) -> datetime:
        """In so many minutes at most, or when people are at work again; what presses does not wait for that."""
        moment = self._world.now + timedelta(minutes=self._random.randrange(3, most + 3))
        if account.priority in ("P1", "P2") and self._random.random() < 0.7:
            return moment
        return self._world.walls["office"].opens(moment)

    def later(self, most: int) -> datetime:
        return self._world.now + timedelta(minutes=self._random.randrange(most // 2 + 3, most + 6))

    # --- what comes back ---

    def bounce(self, sent: Sent) -> None:
        raw = (
            f"From: MAILER-DAEMON@mx.example.com\r\nTo: {sent.reverse_path}\r\nSubject: Undelivered\r\n"
            f"Message-ID: <b{sent.id}@mx.example.com>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
            "--b\r\nContent-Type: text/plain\r\n\r\nYour mail did not arrive.\r\n"
            "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\r\n"
            f"Final-Recipient: rfc822; {sent.to}\r\nAction: failed\r\nStatus: 5.1.1\r\n"
            "Diagnostic-Code: smtp; 550 5.1.1 user unknown\r\n\r\n--b--\r\n"
        ).encode()
        self._world.receive(raw, "mailer-daemon@mx.example.com", to=sent.reverse_path, automatic=True)
