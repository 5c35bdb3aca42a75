"""What agents do beside single tickets: they are away and come back, hand over, are called at night, answer lists."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gateway.store.database import connection
from gateway.store.rows import find_values
from tests.desk.harness import Sent
from tests.simulation import company
from tests.simulation.company import Agent
from tests.simulation.hands import Hands
from tests.simulation.wall import BERLIN, clock_time, day_in_berlin

if TYPE_CHECKING:
    from tests.simulation.ledger import Account, Turn
    from tests.simulation.world import Script, World

_OWNED = "SELECT number FROM ticket WHERE assignee = ? AND status IN ('new', 'in_progress', 'on_hold')"


class Staff:
    """The scripts of agents."""

    def __init__(self, world: World, hands: Hands) -> None:
        self._world = world
        self._hands = hands
        self._random = world.random

    # --- absences ---

    def absences(self) -> Script:
        """In the morning: some employees and agents are away today, or tomorrow too; not every agent says so."""
        world, hands, random = self._world, self._hands, self._random
        today = world.now + timedelta(hours=16)
        hands.away_people = dict.fromkeys(random.sample(world.people, max(2, len(world.people) // 20)), today)
        for one in random.sample(world.agents, max(2, len(world.agents) // 8)):
            there = [each for each in world.agents if each.team == one.team and not hands.is_away(each.address)]
            if one not in there or len(there) < 3:
                continue
            hands.silent.discard(one.address)
            days = random.choice((1, 1, 2))
            until = clock_time(day_in_berlin(world.now, days))
            hands.away_agents[one.address] = until
            way = random.choice(("says so", "says nothing", "comes back"))
            if way == "says nothing":
                hands.silent.add(one.address)
            else:
                said = "#away" if days == 1 else f"#away until {day_in_berlin(world.now, 1).isoformat()}"
                world.new_mail(one.address, said, "")
                hands.absences.append((one.address, world.now, until))
            if way == "comes back":
                world.begin(clock_time(day_in_berlin(world.now), 13), self._back(one.address))
        yield from ()

    def _back(self, agent: str) -> Script:
        """Sooner than it was said."""
        hands, now = self._hands, self._world.now
        self._world.new_mail(agent, "#back", "")
        hands.absences = [
            (who, begins, min(ends, now) if who == agent and begins <= now else ends)
            for who, begins, ends in hands.absences
        ]
        del hands.away_agents[agent]
        yield from ()

    def out_of_office(self, agent: str, sent: Sent) -> Script:
        """The agent's mailbox answers; of who had said nothing the desk knows by it."""
        world, hands = self._world, self._hands
        if not hands.is_away(agent):
            return
        until = hands.away_agents[agent]
        last = until.astimezone(BERLIN).date() - timedelta(days=1)
        world.answer(agent, sent, f"I am out of the office until {last.day} {last:%B %Y}.", automatic=True)
        if agent in hands.silent:
            hands.silent.discard(agent)
            hands.absences.append((agent, world.now, until))
        yield from ()

    # --- shifts ---

    def handover(self) -> Script:
        """At the end of the day somebody gives all away, or a lead gives away what somebody has who is not there."""
        world, hands, random = self._world, self._hands, self._random
        busy = [one for one in world.agents if self._owned(one)]
        random.shuffle(busy)
        for giver in busy[:2]:
            there = [one for one in world.agents if one.team == giver.team and not hands.is_away(one.address)]
            lead = next(one for one in world.agents if one.team == giver.team)
            takers = [one for one in there if one != giver]
            if not takers or (giver not in there and lead not in there):
                continue
            taker = random.choice(takers)
            if giver in there:
                self._hand_over(giver, giver, taker, f"#handover {taker.handle}")
            else:
                self._hand_over(lead, giver, taker, f"#handover {giver.handle} {taker.handle}")
        yield from ()

    def _hand_over(self, author: Agent, giver: Agent, taker: Agent, words: str) -> None:
        world, numbers = self._world, self._owned(giver)
        step = world.new_mail(author.address, words, words)
        lists = [one.sent for one in step.sent if one.notice == "listing" and one.to == taker.address]
        shown = set(world.entries(lists[0]).values()) if len(lists) == 1 else set()
        if not step.wrote(author.address, "result") or self._owned(giver) or not numbers <= self._owned(taker):
            world.troubles.append(f"{words} of {author.address}: not carried out at {world.now}")
        elif shown != numbers:
            world.troubles.append(f"{words} of {author.address}: the list has {shown}, not {numbers}")
        world.counts["handed over"] += len(numbers)

    def _owned(self, agent: Agent) -> set[int]:
        with connection(self._world.desk.database):
            return {int(number) for (number,) in find_values(_OWNED, agent.address)}

    # --- the rota ---

    def called(self, account: Account) -> None:
        """A ticket has just come in: outside working hours, what presses is somebody's at once."""
        world = self._world
        expected = self._on_call(world.now) if account.team == company.ON_CALL else ""
        if account.priority not in ("P1", "P2") or world.walls["office"].is_open(world.now) or not expected:
            return
        owner = self._hands.owner(account)
        world.counts["called"] += 1
        if owner != expected or (owner, account.number) not in world.boxes:
            world.troubles.append(f"ticket {account.number} at {world.now} is {owner or 'nobody'}'s, not {expected}'s")

    def _on_call(self, moment: datetime) -> str:
        """Whose week it is by the clock on the wall; for one who is away the next."""
        agents = company.on_call_agents(self._world.agents)
        there, since = (one.astimezone(BERLIN).replace(tzinfo=None) for one in (moment, company.ON_CALL_SINCE))
        weeks = (there - since) // timedelta(days=7)
        order = [agents[(weeks + place) % len(agents)].address for place in range(len(agents))]
        away = {who for who, begins, ends in self._hands.absences if begins <= moment < ends}
        return next((one for one in order if one not in away), "")

    # --- lists and reminders ---

    def reminded(self, agent: str, number: int, sent: Sent) -> Script:
        account = self._world.accounts[number]
        account.pass_time(self._world.now)
        is_alone = not account.is_answered and not self._hands.is_away(agent)
        if account.is_open and not account.is_machine and is_alone:
            said: tuple[str, Turn] = self._random.choice(
                (("#ack", ("acked", "")), ("I am on it, sorry for the wait.", ("answered", "")))
            )
            self._world.answer(agent, sent, said[0])
            account.note(self._world.now, said[1])
        yield from ()

    def work_through(self, agent: str, listing: Sent) -> Script:
        """Some of a list's tickets that nobody does anything on are done line by line."""
        world, random = self._world, self._random
        lines: list[str] = []
        turns: list[tuple[Account, tuple[Turn, ...]]] = []
        for place, number in world.entries(listing).items():
            account = world.accounts.get(number)
            if account is None or account.plan != "left" or self._hands.is_away(agent):
                continue
            account.pass_time(world.now)
            if not account.is_open or account.is_answered or random.random() < 0.4:
                # Words beside a colleague's are held; that is another story.
                continue
            order = random.choice(("take", "note looked at it", "p4", "done It was the cable.", "hold vendor"))
            if account.is_machine and order.startswith("done"):
                order = "close"
            if order.startswith("note"):
                order = self._hands.for_colleagues(order)
            lines.append(f"{place} {order}")
            done: dict[str, tuple[Turn, ...]] = {
                "take": (("taken", ""),),
                "p4": (("fields", "priority=P4"),),
                "done": (("answered", ""), ("resolved", "")),
                "close": (("closed", ""),),
                "hold": (("hold", "vendor"),),
            }
            turns.append((account, done.get(order.split()[0], ())))
        if lines:
            world.answer(agent, listing, "\n".join(lines))
            for account, made in turns:
                account.note(world.now, *made)
        yield from ()
