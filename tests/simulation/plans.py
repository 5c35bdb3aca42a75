"""What comes when: the mails of each day, and what mails of the desk bring about by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.simulation import company
from tests.simulation.company import Matter
from tests.simulation.hands import Hands
from tests.simulation.staff import Staff
from tests.simulation.wall import clock_time, day_in_berlin
from tests.simulation.ways import EMPLOYEES, Ways, ways

if TYPE_CHECKING:
    from tests.desk.harness import Sent
    from tests.simulation.world import Letter, Script, Step, World

_DAY = timedelta(days=1)


class Plans:
    """The scripts of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._random = world.random
        self.hands = Hands(world)
        self._staff = Staff(world, self.hands)
        self._walks = Ways(world, self.hands)
        self._ways = ways(world.random)
        self._numbers = iter(range(1000, 10**6))

    def all_days(self, tickets: float) -> Iterator[tuple[datetime, Script]]:
        """Every script that begins by itself, with when it does."""
        world, random = self._world, self._random
        day = world.first
        while day < world.end:
            date = day_in_berlin(day, 0)
            works = world.walls["office"].is_open(clock_time(date, 12))
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
                yield clock_time(date, 5), self._staff.absences()
                yield clock_time(date, 16) + timedelta(minutes=40), self._staff.handover()
            if day == world.first or not works or random.random() < 0.3:
                yield clock_time(date, random.choice((2, 6, 19, 22))), self.ticket(is_pressing=True)
            day = clock_time(day_in_berlin(day, 1))

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
            self.hands.opened(step.ticket, step.sender, Matter(subject="", text=""), "left", is_machine=True)

    def ticket(self, *, is_pressing: bool = False) -> Script:
        """A person writes, and the ticket goes one of the ways."""
        world, random = self._world, self._random
        number, person, way = next(self._numbers), random.choice(world.people), next(self._ways)
        if random.random() < 0.04 and way not in EMPLOYEES:
            # An agent has a trouble of their own.
            there = [one.address for one in world.agents if not self.hands.is_away(one.address)]
            person = random.choice(there)
        said = company.matter(random, number, is_pressing=is_pressing)
        step = world.new_mail(person, said.subject, said.text)
        if step.ticket is None or step.ticket in world.accounts:
            world.troubles.append(f"no ticket for {said.subject} of {person}")
            return
        account = self.hands.opened(step.ticket, person, said, way)
        self._staff.called(account)
        if random.random() < 0.05:
            # Once more, out of impatience: it is the same ticket.
            yield world.now + timedelta(minutes=random.randrange(5, 40))
            again = world.new_mail(person, said.subject, said.text)
            if again.ticket != account.number:
                world.troubles.append(f"the same thing twice is {account.number} and {again.ticket}")
        yield from self._walks.walk(account)

    # --- what a mail brings about by itself ---

    def got(self, letter: Letter) -> None:
        """Somebody got a mail: out-of-office answers, answers to lists and to reminders."""
        world, random, hands = self._world, self._random, self.hands
        to, notice, number, sent = letter.to, letter.notice, letter.number, letter.sent
        at_once = world.now + timedelta(seconds=20)
        if notice in ("answer", "resolution", "acknowledgement") and hands.away_people.get(to, world.first) > world.now:
            if notice != "acknowledgement" or random.random() < 0.3:
                world.begin(at_once, self._out_of_office(to, sent))
        elif hands.is_away(to) and notice in ("new_ticket", "new_reply", "escalated", "changed"):
            world.begin(at_once, self._staff.out_of_office(to, sent))
        elif notice == "listing" and random.random() < 0.8:
            world.begin(world.now + timedelta(minutes=random.randrange(3, 45)), self._staff.work_through(to, sent))
        elif (
            notice == "reminder"
            and number is not None
            and world.accounts[number].plan == "left"
            and to != company.BOSS
            and random.random() < 0.3
        ):
            soon = world.now + timedelta(minutes=random.randrange(3, 30))
            world.begin(soon, self._staff.reminded(to, number, sent))

    def _out_of_office(self, person: str, sent: Sent) -> Script:
        self._world.answer(person, sent, "I am out of the office until Monday.", automatic=True)
        yield from ()
