"""The desk that is attacked: played once, then copied for each attack.

Erika, Petra, Paul and Walter are employees; Olga, Otto and Hugo write from outside. Anna, Ben, Sam and Nora are agents;
Rita was one, and Sam moved from the team network to the team desk. Its tickets:

=========  =========================================================================================================
ancient    Erika's, untouched for so long that its keys have expired
network    Petra's, with the team network; Sam has a key for it from the time when he was there
vpn        Erika's, Anna's; Walter watches it; an internal note of Ben's says ZEBRAFISH-41
order      Olga's, from outside, Anna's; Hugo, from outside, watches it; Olga wrote QUOKKA-7731
resolved   Erika's, resolved
closed     Paul's, closed
waiting    Otto's, from outside, on hold until he answers
settled    Otto's, resolved
challenge  not a ticket: Anna was asked whether a mail in her name is hers
=========  =========================================================================================================
"""

from __future__ import annotations

import base64
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.desk.audit import audit_all
from gateway.keys import Purpose, key_in_id, plus_address, plus_suffix, seal, unseal
from gateway.parsing import Parser
from gateway.policy import Policy
from gateway.store.database import connection
from gateway.store.tables import Agent, Contact, Event, Message, Ticket, TicketLink, TicketWatcher
from gateway.ticket import Role
from tests.desk.harness import DESK, DeskUnderTest, Sent, policy_of

ANNA, BEN, NORA, SAM, RITA = (f"{name}@example.com" for name in ("anna", "ben", "nora", "sam", "rita"))
ERIKA, PETRA, PAUL, WALTER = (f"{name}@example.com" for name in ("erika", "petra", "paul", "walter"))
OLGA, OTTO, HUGO = "olga@example.org", "otto@example.org", "hugo@example.net"
TEAMS = {"@desk": {ANNA, BEN, SAM}, "@network": {ANNA, NORA}}

INTERNAL_SECRET = "ZEBRAFISH-41"
OLGAS_SECRET = "QUOKKA-7731"
MORNING = datetime(2026, 7, 7, 9, 0, tzinfo=UTC)
PROVEN = {"Authentication-Results": "mx.example.com; dmarc=pass header.from=example.com"}

_AROUND = """
[[source]]
name = "Monitoring"
from = ["*@monitor.example.net"]
header = { "X-Monitor" = ["*"] }
"""
_BEFORE = """
[[agent]]
name = "Rita Former"
address = "rita@example.com"
teams = ["desk"]
[[agent]]
name = "Sam Mover"
address = "sam@example.com"
teams = ["network"]
"""
_AFTER = """
[[agent]]
name = "Sam Mover"
address = "sam@example.com"
teams = ["desk"]
"""
_DESK = 'own_lists = ["all.lists.example.com"]'


def policy_after(desk: str = "", more: str = "") -> Policy:
    return policy_of(f"{_DESK}\n{desk}", _AFTER + _AROUND + more)


class AttackedDesk(DeskUnderTest):
    """A desk with a past. `numbers` are the tickets of its story by their names, `past` what was sent until now."""

    numbers: dict[str, int]
    past: dict[tuple[str, str], Sent]

    def __init__(self, url: str, **more: Any) -> None:
        super().__init__(url, **more)
        self.numbers, self.past = {}, {}

    # --- what placeholders stand for ---

    def fill(self, word: str, arguments: list[str]) -> str:
        """What a placeholder of a file stands for."""
        if word in ("token", "number"):
            number = self.numbers[arguments[0]]
            return f"[INC-{number}]" if word == "token" else str(number)
        person, ticket, *tampering = arguments
        sent = self.past[person, ticket]
        if word == "bounce":
            return sent.reverse_path
        if word == "mark":
            return str(sent.message["X-Helpdesk-Gateway"])
        if word == "id":
            sealed = key_in_id(sent.message_id)
            return sent.message_id.replace(sealed, self._tampered(sealed, tampering))
        sealed = self._tampered(plus_suffix(sent.reply_to), tampering)
        return sealed if word == "sealed" else plus_address(DESK, sealed)

    def _tampered(self, sealed: str, tampering: list[str]) -> str:
        how = tampering[0] if tampering else ""
        if how == "":
            return sealed
        if how == "flip":
            # The last letter carries bits of the tag alone.
            return sealed[:-1] + ("a" if sealed[-1] != "a" else "b")
        if how == "upper":
            return sealed.upper()
        if how == "short":
            return sealed[:-1]
        key = unseal(sealed, purpose=Purpose.REPLY, secrets=self.secrets)
        assert key is not None
        secret_id, secret = max(self.secrets.items())
        if how == "purpose":
            return seal(key, purpose=Purpose.BOUNCE, secret_id=secret_id, secret=secret)
        if how == "foreign":
            return seal(key, purpose=Purpose.REPLY, secret_id=secret_id, secret=b"\x01" * 32)
        changed = {
            "ticket": replace(key, ticket=self.numbers[tampering[1]]) if how == "ticket" else key,
            "person": replace(key, person=self._person(tampering[1])) if how == "person" else key,
            "role": replace(key, role=Role.AGENT),
        }[how]
        payload = base64.b32decode(seal(changed, purpose=Purpose.REPLY, secret_id=secret_id, secret=secret).upper())[
            :14
        ]
        return base64.b32encode(payload + base64.b32decode(sealed.upper())[14:]).decode().lower()

    def _person(self, address: str) -> int:
        with connection(self.database):
            return int(Contact.get(Contact.address == address).id)

    # --- what can be seen from outside ---

    def state(self) -> dict[int, dict[str, Any]]:
        """Every ticket by its number: whatever a mail might change of it."""
        with connection(self.database):
            watchers: dict[int, list[str]] = {}
            watching: Any = TicketWatcher.select(TicketWatcher.ticket, Contact.address).join(Contact).tuples()
            for ticket, address in watching:
                watchers.setdefault(ticket, []).append(address)
            counts: dict[int, int] = {}
            messages: Any = Message.select(Message.ticket).tuples()
            for (ticket,) in messages:
                counts[ticket] = counts.get(ticket, 0) + 1
            return {
                one.number: {
                    "status": one.status,
                    "hold": one.hold_reason,
                    "requester": one.requester.address,
                    "watchers": sorted(watchers.get(one.id, [])),
                    "assignee": one.assignee,
                    "team": one.team,
                    "priority": one.priority,
                    "type": one.type,
                    "category": one.category,
                    "subject": one.subject,
                    "messages": counts.get(one.id, 0),
                    "merged_into": one.merged_into_id,
                }
                for one in Ticket.select(Ticket, Contact).join(Contact)
            }

    def agents(self) -> list[tuple[str, bool, object]]:
        """Who is an agent, which no mail may change."""
        with connection(self.database):
            rows = Agent.select(Agent, Contact).join(Contact).order_by(Contact.address)
            return [(row.contact.address, row.active, row.teams) for row in rows]

    def links(self, number: int) -> list[str]:
        """The tickets that a ticket names, by their names in the story."""
        names = {number: name for name, number in self.numbers.items()}
        with connection(self.database):
            rows = TicketLink.select().where(TicketLink.ticket == Ticket.get(Ticket.number == number))
            return sorted(f"{row.kind} {names.get(row.other.number, row.other.number)}" for row in rows)

    def suppressed(self, since: int) -> list[str]:
        """Why something was left out or held behind the event of that id."""
        with connection(self.database):
            rows = Event.select().where((Event.id > since) & Event.kind.in_(["suppressed", "held-back"]))
            return [row.detail["why"] for row in rows.order_by(Event.id)]

    def last_event(self) -> int:
        with connection(self.database):
            row = Event.select().order_by(Event.id.desc()).first()
            return int(row.id) if row is not None else 0

    def audit_findings(self) -> list[str]:
        with connection(self.database):
            return audit_all(self.secrets).findings

    # --- the past ---

    def remember(self, name: str) -> None:
        """Give a name to the ticket that was opened last."""
        with connection(self.database):
            self.numbers[name] = Ticket.select().order_by(Ticket.number.desc()).first().number

    def learn(self) -> None:
        """Keep the last mail to each person on each ticket of the story."""
        names = {str(number): name for name, number in self.numbers.items()}
        for one in self.sent:
            number = re.search(r"(?:INC|REQ)-(\d+)", one.subject)
            name = "challenge" if one.notice == "challenge" else names.get(number[1] if number else "", "")
            if name:
                self.past[one.to, name] = self.past[one.to, f"{name}/{one.notice}"] = one


def play(url: str, *, parser: Parser, scratch: Path) -> AttackedDesk:
    """Play the past of the desk into an empty database."""
    desk = AttackedDesk(url, parser=parser, scratch=scratch, policy=policy_of(_DESK, _BEFORE + _AROUND))
    _first(desk, "ancient", ERIKA, "The old scanner whirrs.", "Old scanner")
    desk.answer(BEN, desk.last(BEN), "Please send a photo.")
    desk.now = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
    desk.prove_border()
    _first(desk, "network", PETRA, "The switch in room 4 is dead.", "Switch")
    desk.answer(ANNA, desk.last(ANNA), "#assign network")
    _first(desk, "vpn", ERIKA, "The tunnel drops every hour.", "VPN drops")
    desk.answer(ANNA, desk.last(ANNA), f"#take\n#cc {WALTER}\n\nPlease restart the client.")
    desk.answer(BEN, desk.last(BEN), f"#note\nThe master password is {INTERNAL_SECRET}.")
    desk.answer(ERIKA, desk.last(ERIKA, "answer"), "Restarting did not help.")
    _first(desk, "order", OLGA, f"My order has the number {OLGAS_SECRET}.", "Order", cc=HUGO)
    desk.answer(ANNA, desk.last(ANNA), f"#take\n#cc {HUGO}\n\nWe look for it.", headers=PROVEN)
    _first(desk, "resolved", ERIKA, "Paper is stuck.", "Printer jam")
    desk.answer(ANNA, desk.last(ANNA), "#resolve Please use tray 2.")
    _first(desk, "closed", PAUL, "The badge does not open the gate.", "Badge")
    desk.answer(ANNA, desk.last(ANNA), "A new badge lies at the reception.\n#close")
    _first(desk, "waiting", OTTO, "The invoice is wrong.", "Invoice")
    desk.answer(BEN, desk.last(BEN), "Which line of it?\n#hold requester")
    _first(desk, "settled", OTTO, "The parcel is lost.", "Parcel")
    desk.answer(BEN, desk.last(BEN), "#resolve It was found.")
    unproven = f"[INC-{desk.numbers['order']}] Re: Order"
    desk.write(ANNA, "Forward everything to me.", subject=unproven, peer="198.51.100.66")
    desk.learn()
    return desk


def _first(desk: AttackedDesk, name: str, sender: str, text: str, subject: str, *, cc: str = "") -> None:
    headers = {"Message-ID": f"<{name}.1@client.{sender.partition('@')[2]}>"} | ({"Cc": cc} if cc else {})
    desk.write(sender, text, subject=subject, headers=headers)
    desk.remember(name)


def copy(played: AttackedDesk, database: Path, target: Path, *, parser: Parser, policy: Policy) -> AttackedDesk:
    """A desk with the same past, under a policy of its own, on the morning of the attack."""
    for suffix in ("", "-wal"):
        if (origin := database.with_name(database.name + suffix)).exists():
            shutil.copyfile(origin, target.with_name(target.name + suffix))
    url, scratch = f"sqlite:///{target}", target.parent
    desk = AttackedDesk(url, parser=parser, scratch=scratch, policy=policy, now=MORNING, templates=played.templates)
    desk.numbers, desk.past = played.numbers, played.past
    return desk
