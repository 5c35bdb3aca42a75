"""What people do: the ways that a ticket takes, from the first mail to the last, and all that comes besides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from gateway.store.database import connection
from gateway.store.tables import Ticket
from tests.desk.harness import Sent
from tests.simulation import company
from tests.simulation.company import ABOVE, Matter
from tests.simulation.ledger import Account
from tests.simulation.wall import BERLIN

if TYPE_CHECKING:
    from tests.simulation.world import Script, Step, World

_DAY = timedelta(days=1)
# How often a ticket goes which way.
_WAYS = {
    "answer": 30,
    "asked_back": 18,
    "taken": 10,
    "vendor": 5,
    "escalated": 6,
    "pressing": 5,
    "given_on": 5,
    "another_type": 4,
    "closed": 4,
    "spam": 2,
    "left": 8,
    "bounced": 2,
    "self_closed": 1,
}


class Plans:
    """The scripts of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._random = world.random
        self._numbers = iter(range(1000, 10**6))
        # Tickets on hold until a day, and when that is over.
        self.until: dict[int, datetime] = {}
        # Whose mail came back: they get nothing that is automatic.
        self.unreachable: set[str] = set()

    # --- the days ---

    def all_days(self, tickets: float) -> Iterator[tuple[datetime, Script]]:
        """Every script that begins by itself, with when it does."""
        world, random = self._world, self._random
        day = world.first
        while day < world.end:
            works = world.walls["office"].is_open(day + _DAY / 2)
            for _ in range(round(tickets * (1 if works else 0.08))):
                # Most of it comes in the morning; a few write at night.
                minute = (
                    int(random.triangular(7 * 60, 18 * 60, 10 * 60))
                    if random.random() < 0.95
                    else random.randrange(1440)
                )
                yield day + timedelta(minutes=minute), self.ticket()
            for _ in range(round(tickets * 0.15)):
                yield day + timedelta(minutes=random.randrange(5 * 60, 17 * 60)), self.machine()
            if works:
                yield day + timedelta(hours=5), self.absences()
            day += _DAY

    def machine(self) -> Script:
        """A newsletter, a report of monitoring, or somebody's out-of-office out of the blue."""
        world, number = self._world, next(self._numbers)
        kind = self._random.choice(("monitor", "news", "away", "no-reply"))
        person = self._random.choice(world.people)
        if kind == "monitor":
            step = world.new_mail(company.MONITOR, f"Disk {number} full", f"Disk {number} is at 98%.")
            self._of_machine(step)
        elif kind == "news":
            headers = {
                "List-Unsubscribe": "<mailto:off@news.example.net>",
                "Precedence": "bulk",
                "List-Id": "<n.example.net>",
            }
            self._of_machine(world.new_mail("news@news.example.net", f"Offer {number}", "Buy now.", headers=headers))
        elif kind == "away":
            headers = {"Auto-Submitted": "auto-replied"}
            self._of_machine(world.new_mail(person, f"Out of office {number}", "I am away.", headers=headers))
        else:
            headers = {"Auto-Submitted": "auto-generated"}
            self._of_machine(
                world.new_mail("no-reply@shop.example.net", f"Order {number}", "It is on its way.", headers=headers)
            )
        yield from ()

    def _of_machine(self, step: Step) -> None:
        if step.ticket is not None and step.ticket not in self._world.accounts:
            self._opened(step.ticket, step.sender, Matter(subject="", text=""), "left", is_machine=True)

    def absences(self) -> Script:
        """In the morning: some employees and an agent are away today, and one of these says so by mail."""
        world = self._world
        today = world.now + timedelta(hours=16)
        world.away_people = dict.fromkeys(self._random.sample(world.people, max(2, len(world.people) // 20)), today)
        for one in self._random.sample(world.agents, max(1, len(world.agents) // 10)):
            if sum(agent.team == one.team and agent.address not in world.away_agents for agent in world.agents) < 3:
                continue
            world.new_mail(one.address, "#away", "#away")
            world.away_agents[one.address] = _midnight(world)
            world.absences.append((one.address, world.now, _midnight(world)))
        yield _midnight(world)
        for address, until in list(world.away_agents.items()):
            if until <= world.now:
                del world.away_agents[address]

    # --- a ticket ---

    def ticket(self) -> Script:
        """A person writes, and the ticket goes one of the ways."""
        world, random = self._world, self._random
        number, person = next(self._numbers), random.choice(world.people)
        if random.random() < 0.04:
            # An agent has a trouble of their own.
            person = random.choice(world.agents).address
        said = company.matter(random, number)
        step = world.new_mail(person, said.subject, said.text)
        assert step.ticket is not None, f"no ticket for {said.subject}"
        way = random.choices(list(_WAYS), list(_WAYS.values()))[0]
        account = self._opened(step.ticket, person, said, way)
        if random.random() < 0.05:
            # Once more, out of impatience: it is the same ticket.
            yield world.now + timedelta(minutes=random.randrange(5, 40))
            again = world.new_mail(person, said.subject, said.text)
            assert again.ticket == account.number, "the same thing twice is one ticket"
        yield from getattr(self, f"_{way}")(account)

    def _opened(self, number: int, sender: str, said: Matter, way: str, *, is_machine: bool = False) -> Account:
        account = Account(
            number=number,
            requester=sender,
            opened_at=self._world.now,
            type=said.type,
            priority=said.priority,
            team=said.team,
            is_machine=is_machine,
            plan=way,
        )
        self._world.accounts[number] = account
        return account

    def _answer(self, account: Account) -> Script:
        yield self._soon(account, 90)
        world, random = self._world, self._random
        # A colleague reads along, or an agent does; of two roles only one counts.
        reader = random.choice((random.choice(world.people), random.choice(world.agents).address))
        also = f"#cc {reader}\n" if random.random() < 0.15 and reader != account.requester else ""
        self._agent(account, f"{also}Please restart it, and tell me whether that helps.", ("answered", ""))
        for number in range(random.choice((1, 2, 3, 5, 6))):
            yield self._later(60)
            self._person(account, f"I did it, try {number}, and it is a little better.")
            yield self._soon(account, 100)
            self._agent(account, f"Then please send me what it says now, picture {number}.", ("answered", ""))
        yield self._later(90)
        yield from self._solved(account)

    def _asked_back(self, account: Account) -> Script:
        yield self._soon(account, 120)
        self._agent(account, "#hold requester\nWhich room is it?", ("answered", ""), ("hold", "requester"))
        yield self._later(self._random.choice((30, 300, 1500)))
        self._person(account, "It is room 12.")
        if self._random.random() < 0.5:
            yield self._later(20)
            self._person(account, "And the door on the left.")
        yield self._soon(account, 200)
        yield from self._solved(account)

    def _taken(self, account: Account) -> Script:
        yield self._soon(account, 30)
        self._agent(account, "#take", ("taken", ""))
        yield self._soon(account, 300)
        self._agent(account, "#note called her, she is at lunch")
        yield self._soon(account, 300)
        yield from self._solved(account)

    def _vendor(self, account: Account) -> Script:
        yield self._soon(account, 60)
        self._agent(account, "#hold vendor until 2d\nThe maker sends a part.", ("answered", ""), ("hold", "vendor"))
        if account.status == "on_hold":
            day = self._world.in_berlin(self._world.now).date() + timedelta(days=3)
            # The day counts to its last minute.
            midnight = datetime.combine(day, datetime.min.time(), tzinfo=BERLIN)
            self.until[account.number] = midnight.astimezone(UTC) - timedelta(minutes=1)
        yield self._world.now + timedelta(days=4)
        yield self._soon(account, 60)
        yield from self._solved(account)

    def _escalated(self, account: Account) -> Script:
        while ABOVE[account.team]:
            yield self._soon(account, 100)
            if not self._agent(
                account, "#escalate needs somebody who knows more", ("fields", f"team={ABOVE[account.team]}")
            ):
                break
            if self._random.random() < 0.7:
                break
        yield self._soon(account, 200)
        self._agent(account, "I look into it.", ("answered", ""))
        yield self._soon(account, 300)
        yield from self._solved(account)

    def _pressing(self, account: Account) -> Script:
        yield self._soon(account, 60)
        priority = self._random.choice(("P1", "P2", "P4"))
        self._agent(
            account, f"#priority {priority}\nWe are at it.", ("answered", ""), ("fields", f"priority={priority}")
        )
        yield self._soon(account, 400)
        self._agent(account, "#priority P3", ("fields", "priority=P3"))
        yield self._soon(account, 200)
        yield from self._solved(account)

    def _given_on(self, account: Account) -> Script:
        yield self._soon(account, 60)
        team = self._random.choice([name for name in ABOVE if name != account.team])
        self._agent(account, f"#assign {team}", ("fields", f"team={team}"))
        yield self._soon(account, 120)
        self._agent(account, "It is with us now.", ("answered", ""))
        yield self._soon(account, 120)
        yield from self._solved(account)

    def _another_type(self, account: Account) -> Script:
        yield self._soon(account, 60)
        other = "request" if account.type == "incident" else "incident"
        self._agent(account, f"#type {other}", ("fields", f"type={other}"))
        yield self._soon(account, 200)
        self._agent(account, "#hold vendor", ("hold", "vendor"))
        yield self._later(400)
        self._agent(account, "#take", ("nothing", ""))
        yield self._soon(account, 60)
        yield from self._solved(account)

    def _closed(self, account: Account) -> Script:
        yield self._soon(account, 100)
        self._agent(account, "#close", ("closed", ""))

    def _spam(self, account: Account) -> Script:
        yield self._soon(account, 100)
        self._agent(account, "#spam", ("cancelled", ""))

    def _left(self, account: Account) -> Script:
        """Nobody does anything, until a list or a reminder says so."""
        yield from ()

    def _bounced(self, account: Account) -> Script:
        yield self._soon(account, 100)
        if not self._agent(account, "Please restart it.", ("answered", "")):
            return
        answer = self._world.boxes[account.requester, account.number]
        yield self._world.now + timedelta(minutes=2)
        if answer.notice == "answer" and len([one for one in account.happenings if one.kind == "answered"]) == 1:
            self._bounce(answer)
            self.unreachable.add(account.requester)
            account.happenings[-1].is_lost = True
            for one in account.happenings:
                one.is_lost = one.is_lost or one.kind == "answered"
        yield self._soon(account, 100)
        self._agent(account, "#note called", *())
        yield self._soon(account, 100)
        self._agent(account, "#close", ("closed", ""))

    def _bounce(self, sent: Sent) -> None:
        world = self._world
        raw = (
            f"From: MAILER-DAEMON@mx.example.com\r\nTo: {sent.reverse_path}\r\nSubject: Undelivered\r\n"
            f"Message-ID: <b{sent.id}@mx.example.com>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
            "--b\r\nContent-Type: text/plain\r\n\r\nYour mail did not arrive.\r\n"
            "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\n\r\n"
            f"Final-Recipient: rfc822; {sent.to}\r\nAction: failed\r\nStatus: 5.1.1\r\n"
            "Diagnostic-Code: smtp; 550 5.1.1 user unknown\r\n\r\n--b--\r\n"
        ).encode()
        world.receive(raw, "mailer-daemon@mx.example.com", to=sent.reverse_path, automatic=True)

    def _self_closed(self, account: Account) -> Script:
        yield self._soon(account, 60)
        self._agent(account, "#resolve", ("resolved", ""))
        yield self._later(60)
        self._person(account, "No, it is as it was.")
        yield self._soon(account, 60)
        yield from self._solved(account)

    def _solved(self, account: Account) -> Script:
        """Resolve it, and what the person says to that."""
        random = self._random
        if not self._agent(account, "#resolve It was the cable.", ("answered", ""), ("resolved", "")):
            return
        yield self._later(60)
        said = random.choices(("yes", "4", "Thanks!", "It still happens.", ""), (20, 15, 25, 12, 28))[0]
        if said:
            self._person(account, said)
        if account.status == "in_progress":
            yield self._soon(account, 200)
            self._agent(account, "#resolve Now it was the other cable.", ("answered", ""), ("resolved", ""))
            yield self._later(60)
            self._person(account, "yes, thanks")

    # --- who writes ---

    def _agent(self, account: Account, text: str, *turns: tuple[str, str]) -> bool:
        """Whoever has the ticket, or one of those who were told of it, answers the last mail about it."""
        world = self._world
        if not account.is_open:
            return False
        actor = self._actor(account)
        if actor is None:
            world.counts["nobody there"] += 1
            return False
        world.answer(actor, world.boxes[actor, account.number], text)
        for kind, value in turns:
            if kind == "taken" and account.status != "new":
                continue
            if kind != "nothing":
                account.note(world.now, kind, value)
        return True

    def _actor(self, account: Account) -> str | None:
        """The assignee, if there; else somebody of the team who was told and is there."""
        world = self._world
        with connection(world.desk.database):
            assignee = Ticket.get(Ticket.number == account.number).assignee
        there = [one for one in world.agents if one.address not in world.away_agents]
        told = [one for one in there if (one.address, account.number) in world.boxes]
        told = [one for one in told if one.address != account.requester] or told
        for one in told:
            if one.address == assignee:
                return one.address
        members = [one for one in told if one.team == account.team] or told
        return self._random.choice(members).address if members else None

    def _person(self, account: Account, text: str) -> None:
        """The requester answers the last mail about it, and what that does."""
        world = self._world
        mail = world.boxes.get((account.requester, account.number))
        if mail is None or account.status in ("closed", "cancelled") or account.is_machine:
            return
        world.answer(account.requester, mail, text)
        if account.status == "resolved":
            if text.startswith(("yes", "4")):
                account.note(world.now, "closed")
            elif not text.startswith("Thanks"):
                account.note(world.now, "reopened")
        elif account.status == "on_hold" and self._held_for(account) == "requester":
            account.note(world.now, "resume")

    def _held_for(self, account: Account) -> str:
        return next((one.value for one in reversed(account.happenings) if one.kind == "hold"), "")

    def _soon(self, account: Account, most: int) -> datetime:
        """In so many minutes at most, or when people are at work again; what presses does not wait for that."""
        moment = self._world.now + timedelta(minutes=self._random.randrange(3, most + 3))
        if account.priority in ("P1", "P2") and self._random.random() < 0.7:
            return moment
        return self._world.walls["office"].opens(moment)

    def _later(self, most: int) -> datetime:
        return self._world.now + timedelta(minutes=self._random.randrange(most // 2 + 3, most + 6))

    # --- what a mail brings about by itself ---

    def got(self, to: str, notice: str, number: int | None, sent: Sent) -> None:
        """Somebody got a mail: out-of-office answers, answers to lists and to reminders."""
        world, random = self._world, self._random
        if notice in ("answer", "resolution", "acknowledgement") and world.away_people.get(to, world.first) > world.now:
            if notice != "acknowledgement" or random.random() < 0.3:
                world.begin(world.now + timedelta(seconds=20), self._out_of_office(to, sent))
        elif to in world.away_agents and notice in ("new_ticket", "new_reply"):
            world.begin(world.now + timedelta(seconds=20), self._out_of_office(to, sent))
        elif notice == "listing" and random.random() < 0.8:
            world.begin(world.now + timedelta(minutes=random.randrange(3, 45)), self._work_through(to, sent))
        elif (
            notice == "reminder"
            and number is not None
            and world.accounts[number].plan == "left"
            and random.random() < 0.3
        ):
            if to != company.BOSS:
                world.begin(world.now + timedelta(minutes=random.randrange(3, 30)), self._reminded(to, number, sent))

    def _out_of_office(self, person: str, sent: Sent) -> Script:
        self._world.answer(person, sent, "I am out of the office until Monday.", automatic=True)
        yield from ()

    def _reminded(self, agent: str, number: int, sent: Sent) -> Script:
        account = self._world.accounts[number]
        if account.is_open and not account.is_machine:
            text, kind = self._random.choice((("#ack", "acked"), ("I am on it, sorry for the wait.", "answered")))
            self._world.answer(agent, sent, text)
            account.note(self._world.now, kind)
        yield from ()

    def _work_through(self, agent: str, listing: Sent) -> Script:
        """Some of a list's tickets that nobody does anything on are done line by line."""
        world, random = self._world, self._random
        lines, turns = [], []
        for place, number in world.entries(listing).items():
            account = world.accounts.get(number)
            if account is None or account.plan != "left" or not account.is_open or random.random() < 0.4:
                continue
            if any(one.kind == "answered" for one in account.happenings):
                # Words beside a colleague's are held; that is another story.
                continue
            order = random.choice(("take", "note looked at it", "p4", "done It was the cable."))
            if account.is_machine and order.startswith("done"):
                order = "close"
            lines.append(f"{place} {order}")
            if order == "take" and account.status == "new":
                turns.append((account, "taken", ""))
            elif order == "p4":
                turns.append((account, "fields", "priority=P4"))
            elif order.startswith("done"):
                turns += [(account, "answered", ""), (account, "resolved", "")]
            elif order == "close":
                turns.append((account, "closed", ""))
        if lines:
            world.answer(agent, listing, "\n".join(lines))
            for account, kind, value in turns:
                account.note(world.now, kind, value)
        yield from ()


def _midnight(world: World) -> datetime:
    day = world.in_berlin(world.now).date() + timedelta(days=1)
    return datetime.combine(day, datetime.min.time(), tzinfo=BERLIN).astimezone(UTC)
