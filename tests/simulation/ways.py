"""The ways that a ticket takes, from its first mail to its last: a script each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from tests.simulation import company
from tests.simulation.company import ABOVE
from tests.simulation.hands import Hands
from tests.simulation.ledger import Account, Clock, Turn
from tests.simulation.wall import clock_time, day_in_berlin

if TYPE_CHECKING:
    from tests.desk.harness import Sent
    from tests.simulation.world import Script, World

# How often a ticket goes which way.
WAYS = {
    "answer": 24,
    "asked_back": 16,
    "taken": 9,
    "vendor": 5,
    "approval": 3,
    "escalated": 6,
    "pressing": 5,
    "another_matter": 4,
    "given_on": 5,
    "another_type": 4,
    "closed": 3,
    "spam": 2,
    "left": 9,
    "bounced": 3,
    "bounced_late": 2,
    "self_closed": 2,
    "undone": 4,
    "undone_in_time": 3,
    "withdrawn": 3,
    "asked_how_it_is": 4,
    "taken_up_again": 3,
    "rated_badly": 3,
    "to_and_fro": 1,
    "merged": 4,
}
# What only employees do: an agent's answer is an agent's.
EMPLOYEES = frozenset({"withdrawn", "asked_how_it_is", "taken_up_again", "merged"})


def ways(random: Random) -> Iterator[str]:
    """Each way once, in any order, and then as often as they are gone."""
    every = list(WAYS)
    random.shuffle(every)
    yield from every
    while True:
        yield random.choices(list(WAYS), list(WAYS.values()))[0]


class Ways:
    """The scripts of single tickets."""

    def __init__(self, world: World, hands: Hands) -> None:
        self._world = world
        self._hands = hands
        self._random = world.random

    def walk(self, account: Account) -> Script:
        yield from getattr(self, f"_{account.plan}")(account)

    def _answer(self, account: Account) -> Script:
        hands, random = self._hands, self._random
        yield hands.soon(account, 90)
        # A colleague reads along, or an agent does; of two roles only one counts.
        reader = random.choice((random.choice(self._world.people), random.choice(self._world.agents).address))
        also = f"#cc {reader}\n" if random.random() < 0.15 and reader != account.requester else ""
        hands.agent(account, f"{also}Please restart it, and tell me whether that helps.", ("answered", ""))
        for number in range(random.choice((1, 2, 3, 5, 6))):
            yield hands.later(60)
            hands.person(account, f"I did it, try {number}, and it is a little better.")
            yield hands.soon(account, 100)
            hands.agent(account, f"Then please send me what it says now, picture {number}.", ("answered", ""))
        yield hands.later(90)
        yield from self._solved(account)

    def _asked_back(self, account: Account) -> Script:
        hands = self._hands
        yield hands.soon(account, 120)
        until = self._random.choice((0, 0, 1, 2))
        words = f"#hold requester{_until(until)}\nWhich room is it?"
        if not hands.agent(account, words, ("answered", ""), self._held("requester", until)):
            return
        yield hands.later(self._random.choice((30, 300, 1500)))
        # In answer to a question the word is an answer.
        hands.person(account, self._random.choice(("It is room 12.", "It is room 12.", "cancel")))
        if self._random.random() < 0.5:
            yield hands.later(20)
            hands.person(account, "And the door on the left.")
        yield hands.soon(account, 200)
        yield from self._solved(account)

    def _taken(self, account: Account) -> Script:
        hands = self._hands
        yield hands.soon(account, 30)
        hands.agent(account, "#take", ("taken", ""))
        yield hands.soon(account, 300)
        hands.agent(account, hands.for_colleagues("#note called her, she is at lunch"))
        yield hands.soon(account, 300)
        yield from self._solved(account)

    def _vendor(self, account: Account) -> Script:
        hands, days = self._hands, self._random.choice((1, 2, 3))
        yield hands.soon(account, 60)
        words = f"#hold vendor{_until(days)}\nThe maker sends a part."
        hands.agent(account, words, ("answered", ""), self._held("vendor", days))
        yield self._world.now + timedelta(days=4)
        yield hands.soon(account, 60)
        yield from self._solved(account)

    def _approval(self, account: Account) -> Script:
        """It waits for one, then for another, and is taken up in between or not."""
        hands, random = self._hands, self._random
        yield hands.soon(account, 60)
        days = random.choice((0, 1))
        hands.agent(account, f"#hold approval{_until(days)}", self._held("approval", days))
        yield hands.later(random.choice((100, 700)))
        hands.agent(account, "#hold vendor", ("hold", "vendor"))
        yield hands.later(random.choice((60, 400)))
        hands.agent(account, "#hold requester until tomorrow", self._held("requester", 1))
        yield hands.later(random.choice((200, 2000)))
        yield hands.soon(account, 60)
        yield from self._solved(account)

    def _escalated(self, account: Account) -> Script:
        hands = self._hands
        while ABOVE[account.team]:
            yield hands.soon(account, 100)
            account.pass_time(self._world.now)
            if not ABOVE[account.team]:
                break
            reason = hands.for_colleagues("#escalate needs somebody who knows more")
            if not hands.agent(account, reason, ("fields", f"team={ABOVE[account.team]}")):
                break
            if self._random.random() < 0.5:
                break
        yield hands.soon(account, 200)
        hands.agent(account, "I look into it.", ("answered", ""))
        yield hands.soon(account, 300)
        yield from self._solved(account)

    def _pressing(self, account: Account) -> Script:
        hands = self._hands
        yield hands.soon(account, 60)
        priority = self._random.choice(("P1", "P2", "P4"))
        hands.agent(
            account, f"#priority {priority}\nWe are at it.", ("answered", ""), ("fields", f"priority={priority}")
        )
        yield hands.soon(account, 400)
        hands.agent(account, "#priority P3", ("fields", "priority=P3"))
        yield hands.soon(account, 200)
        yield from self._solved(account)

    def _another_matter(self, account: Account) -> Script:
        """Wider, less pressing, and then something else: nobody answers before all of that is known."""
        hands, random = self._hands, self._random
        for _ in range(3):
            yield hands.soon(account, 150)
            name, level = random.choice(("impact", "urgency")), random.choice(("high", "medium", "low"))
            hands.agent(account, f"#{name} {level}", ("fields", f"{name}={level}"))
        yield hands.soon(account, 200)
        other = "request" if account.type == "incident" else "incident"
        hands.agent(account, f"#type {other}\n#priority P2", ("fields", f"type={other},priority=P2"))
        yield hands.soon(account, 150)
        words = "#workaround Please use the other one meanwhile."
        hands.agent(account, words, ("answered", ""))
        yield hands.soon(account, 300)
        yield from self._solved(account)

    def _given_on(self, account: Account) -> Script:
        hands = self._hands
        yield hands.soon(account, 60)
        team = self._random.choice([name for name in ABOVE if name != account.team])
        hands.agent(account, f"#assign {team}", ("fields", f"team={team}"))
        yield hands.soon(account, 120)
        hands.agent(account, "It is with us now.", ("answered", ""))
        yield hands.soon(account, 120)
        yield from self._solved(account)

    def _another_type(self, account: Account) -> Script:
        hands = self._hands
        yield hands.soon(account, 60)
        other = "request" if account.type == "incident" else "incident"
        hands.agent(account, f"#type {other}", ("fields", f"type={other}"))
        yield hands.soon(account, 200)
        hands.agent(account, "#hold vendor", ("hold", "vendor"))
        yield hands.later(400)
        hands.agent(account, "#take", ("taken", ""))
        yield hands.soon(account, 60)
        yield from self._solved(account)

    def _closed(self, account: Account) -> Script:
        yield self._hands.soon(account, 100)
        self._hands.agent(account, "#close", ("closed", ""))

    def _spam(self, account: Account) -> Script:
        yield self._hands.soon(account, 100)
        self._hands.agent(account, "#spam", ("cancelled", ""))

    def _left(self, account: Account) -> Script:
        """Nobody does anything, until a list or a reminder says so."""
        yield from ()

    # --- what comes back ---

    def _bounced(self, account: Account) -> Script:
        """The first answer comes back at once; the ticket ends without one, or by another that arrives."""
        hands = self._hands
        yield hands.soon(account, 100)
        if not hands.agent(account, "Please restart it.", ("answered", "")):
            return
        yield self._world.now + timedelta(minutes=company.SEND_DELAY_MINUTES + 2)
        self._came_back(account)
        yield hands.soon(account, 100)
        hands.agent(account, hands.for_colleagues("#note called"))
        yield hands.soon(account, 100)
        if self._random.random() < 0.5:
            hands.agent(account, "#retry\nOnce more: please restart it.", ("answered", ""))
            yield hands.soon(account, 100)
        hands.agent(account, "#close", ("closed", ""))

    def _bounced_late(self, account: Account) -> Script:
        """Hours later: it was on hold in between, and its priority is another one."""
        hands = self._hands
        yield hands.soon(account, 30)
        if not hands.agent(account, "Please restart it.", ("answered", "")):
            return
        yield hands.soon(account, 60)
        hands.agent(account, "#hold vendor", ("hold", "vendor"))
        yield hands.soon(account, 200)
        hands.agent(account, "#take", ("taken", ""))
        yield hands.soon(account, 60)
        priority = self._random.choice(("P2", "P4"))
        hands.agent(account, f"#priority {priority}", ("fields", f"priority={priority}"))
        yield self._world.now + timedelta(minutes=self._random.choice((20, 300)))
        self._came_back(account)
        yield hands.soon(account, 200)
        hands.agent(account, "#retry\nOnce more: please restart it.", ("answered", ""))
        yield hands.soon(account, 100)
        hands.agent(account, "#close", ("closed", ""))

    def _came_back(self, account: Account) -> None:
        account.pass_time(self._world.now)
        answer = self._world.boxes.get((account.requester, account.number))
        answers = [one for one in account.happenings if one.kind == "answered" and not one.is_lost]
        if account.is_open and answer is not None and answer.notice == "answer" and len(answers) == 1:
            self._hands.bounce(answer)
            self._hands.unreachable.add(account.requester)
            account.note(self._world.now, ("lost", "all"))

    # --- what is taken back ---

    def _undone(self, account: Account) -> Script:
        """Too late for the words, if there were any; in time for all else."""
        hands, random = self._hands, self._random
        yield hands.soon(account, 100)
        account.pass_time(self._world.now)
        before, fields = account.kept(), {name: getattr(account, name) for name in ("priority", "team")}
        slips: tuple[tuple[str, tuple[Turn, ...], tuple[Turn, ...]], ...] = (
            ("#priority P1", (("fields", "priority=P1"),), ()),
            ("#hold vendor", (("hold", "vendor"),), (("back", "new"),)),
            ("#priority P4\n#hold approval", (("fields", "priority=P4"), ("hold", "approval")), (("back", "new"),)),
            ("#resolve It was the cable.", (("answered", ""), ("resolved", "")), (("back", "in_progress"),)),
        )
        text, turns, back = random.choice(slips)
        if account.status != "new":
            back = tuple((kind, account.status) for kind, _ in back)
        actor = hands.agent(account, text, *turns)
        if not actor:
            return
        missed = _missed(account)
        yield self._world.now + timedelta(minutes=random.randrange(company.SEND_DELAY_MINUTES + 1, 9))
        undone = [(name, value) for name, value in fields.items() if getattr(account, name) != value]
        if self._is_untouched(account, before, missed):
            self._take_back(actor, account, before, *(("fields", f"{name}={value}") for name, value in undone), *back)
        yield hands.soon(account, 200)
        yield from self._solved(account)

    def _undone_in_time(self, account: Account) -> Script:
        """The answer has not left yet: nobody ever reads it."""
        hands = self._hands
        yield hands.soon(account, 60)
        account.pass_time(self._world.now)
        before, status, first = account.kept(), account.status, not account.is_answered
        words = self._random.choice(("#resolve It was the wrong cable.", "Please buy the wrong cable."))
        turns = (("answered", ""), ("resolved", ""))[: 2 if words.startswith("#") else 1]
        actor = hands.agent(account, words, *turns)
        if not actor:
            return
        missed = _missed(account)
        yield self._world.now + timedelta(seconds=self._random.randrange(30, 60 * company.SEND_DELAY_MINUTES - 20))
        if self._is_untouched(account, before, missed):
            self._take_back(actor, account, before, ("back", status), *([("lost", "last")] if first else []))
            self._see_that_nobody_read(account, "wrong cable")
        yield hands.soon(account, 200)
        yield from self._solved(account)

    def _see_that_nobody_read(self, account: Account, words: str) -> None:
        if any(words in one.text for one in self._world.desk.inbox(account.requester)):
            self._world.troubles.append(f"ticket {account.number}: an answer left that had been taken back")

    def _is_untouched(self, account: Account, before: dict[str, Clock], missed: list[int | None]) -> bool:
        """Whether the clock has done nothing since the mail; what it has done stays, and is another story."""
        account.pass_time(self._world.now)
        has_spoken = any(clock.reminders != before[kind].reminders for kind, clock in account.clocks.items())
        return not has_spoken and missed == _missed(account)

    def _take_back(self, actor: str, account: Account, before: dict[str, Clock], *turns: Turn) -> None:
        world = self._world
        step = world.answer(actor, world.boxes[actor, account.number], "#undo")
        if not step.wrote(actor, "result"):
            world.troubles.append(f"ticket {account.number}: {actor} does not hear what #undo has done")
        if turns[-1:] == (("back", "in_progress"),) and before["response"].runs:
            # Whoever got the answer has it: the ticket is no longer new, and its clocks do not go back.
            account.note(world.now, *turns)
        else:
            account.take_back(world.now, before, *turns)

    # --- what employees do by one word ---

    def _withdrawn(self, account: Account) -> Script:
        """The person needs it no more, and half of them do after all."""
        hands, world = self._hands, self._world
        yield hands.soon(account, 60)
        if self._random.random() < 0.6:
            hands.agent(account, "Please wait a little.", ("answered", ""))
        yield hands.later(60)
        account.pass_time(world.now)
        mail = world.boxes.get((account.requester, account.number))
        if mail is None or not account.is_open:
            return
        self._word(account, mail, "cancel", "noted", ("cancelled", ""))
        yield hands.later(40)
        if self._random.random() < 0.5:
            # An answer to the confirmation takes it up again.
            noted = world.boxes[account.requester, account.number]
            world.answer(account.requester, noted, "Sorry, it is there again.")
            account.note(world.now, ("reopened", ""))
            yield hands.soon(account, 200)
            yield from self._solved(account)

    def _asked_how_it_is(self, account: Account) -> Script:
        """Status and help, about the ticket and without one; neither changes anything."""
        hands, world = self._hands, self._world
        yield hands.later(60)
        mail = world.boxes.get((account.requester, account.number))
        if mail is not None:
            self._word(account, mail, "status", "status")
        yield hands.later(60)
        for word, notice in (("Status", "status"), ("help", "guide")):
            step = world.new_mail(account.requester, word, word)
            is_answered = step.wrote(account.requester, notice) or account.requester in hands.unreachable
            if step.ticket is not None or not is_answered:
                world.troubles.append(f"{account.requester} wrote {word} and got no {notice}")
        yield hands.soon(account, 200)
        yield from self._solved(account)

    def _taken_up_again(self, account: Account) -> Script:
        """What is resolved, or closed by a yes, is reopened by the word."""
        hands, world = self._hands, self._world
        yield hands.soon(account, 100)
        if not hands.agent(account, "#resolve It was the cable.", ("answered", ""), ("resolved", "")):
            return
        yield hands.later(60)
        if self._random.random() < 0.5:
            hands.person(account, "yes")
            yield hands.later(60)
        account.pass_time(world.now)
        mail = world.boxes.get((account.requester, account.number))
        if mail is not None and account.status in ("resolved", "closed"):
            self._word(account, mail, "reopen", "noted", ("reopened", ""))
            yield hands.soon(account, 200)
            yield from self._solved(account)

    def _word(self, account: Account, mail: Sent, word: str, notice: str, *turns: Turn) -> None:
        step = self._world.answer(account.requester, mail, word)
        is_reachable = account.requester not in self._hands.unreachable
        if is_reachable and not step.wrote(account.requester, notice):
            self._world.troubles.append(f"ticket {account.number}: {word} and no {notice} to {account.requester}")
        account.note(self._world.now, *turns)

    # --- ends ---

    def _rated_badly(self, account: Account) -> Script:
        hands = self._hands
        yield hands.soon(account, 100)
        hands.agent(account, "#resolve\nI think it was the cable.", ("answered", ""), ("resolved", ""))
        yield hands.later(60)
        resolution = self._world.boxes.get((account.requester, account.number))
        step = hands.person(account, self._random.choice(("1", "2")))
        if step is not None and account.rating in (1, 2) and not any(one.notice == "bad_rating" for one in step.sent):
            self._world.troubles.append(f"ticket {account.number}: nobody hears of a bad rating")
        yield hands.later(60)
        if account.rating and resolution is not None and self._random.random() < 0.5:
            hands.person(account, "4", mail=resolution)

    def _to_and_fro(self, account: Account) -> Script:
        """It comes back and back; from the third time on only a yes ends it."""
        hands = self._hands
        for number in range(3):
            yield hands.soon(account, 60)
            words = f"#resolve It was the cable number {number}."
            hands.agent(account, words, ("answered", ""), ("resolved", ""))
            yield hands.later(40)
            hands.person(account, f"No, try {number} and it is as it was.")
        yield hands.soon(account, 60)
        yield from self._solved(account)

    def _self_closed(self, account: Account) -> Script:
        hands = self._hands
        yield hands.soon(account, 60)
        hands.agent(account, "#resolve", ("resolved", ""))
        yield hands.later(60)
        hands.person(account, "No, it is as it was.")
        yield hands.soon(account, 60)
        yield from self._solved(account)

    def _merged(self, account: Account) -> Script:
        """The same person has something else to say of it, as a ticket of its own; an agent puts the two together."""
        hands, world = self._hands, self._world
        yield hands.soon(account, 60)
        words = f"Number {account.number} has a sister that is broken too: there is smoke."
        step = world.new_mail(account.requester, f"Smoke beside {account.number}", words)
        if step.ticket is None or step.ticket in world.accounts:
            world.troubles.append(f"no ticket for the smoke beside {account.number}")
            return
        second = hands.opened(step.ticket, account.requester, company.Matter(subject="", text=""), "merged away")
        yield hands.soon(account, 100)
        account.pass_time(world.now)
        if not account.is_open or not hands.agent(second, f"#merge {account.number}", ("merged", "")):
            return
        yield hands.later(40)
        account.pass_time(world.now)
        mail = world.boxes.get((second.requester, second.number))
        if mail is not None and account.is_open:
            step = world.answer(second.requester, mail, "The smoke is gone.")
            if step.ticket != account.number:
                world.troubles.append(f"an answer to {second.number} is not on {account.number}, but on {step.ticket}")
            if account.status == "on_hold" and account.held == "requester":
                account.note(world.now, ("resume", ""))
        yield hands.soon(account, 200)
        yield from self._solved(account)

    def _solved(self, account: Account) -> Script:
        """Resolve it, and what the person says to that."""
        hands, random = self._hands, self._random
        if not self._resolve(account, "It was the cable."):
            return
        yield hands.later(60)
        said = random.choices(("yes", "4", "It still happens.", "Thanks!", "2", ""), (20, 15, 12, 25, 3, 25))[0]
        if account.status == "on_hold" and not said.startswith("It still"):
            # It came back so often that only a yes ends it.
            said = "yes"
        if said:
            hands.person(account, said)
        if account.status == "in_progress":
            yield hands.soon(account, 200)
            self._resolve(account, "Now it was the other cable.")
            yield hands.later(60)
            hands.person(account, "yes, thanks")

    def _resolve(self, account: Account, words: str) -> str:
        account.pass_time(self._world.now)
        end = ("hold", "requester") if account.reopenings >= 3 else ("resolved", "")
        cause = self._hands.for_colleagues("#cause it was never plugged in")
        return self._hands.agent(account, f"#resolve {words}\n{cause}", ("answered", ""), end)

    def _held(self, reason: str, days: int) -> Turn:
        """On hold until work begins on the day so many days from now; 0 is without end."""
        if not days:
            return "hold", reason
        morning = clock_time(day_in_berlin(self._world.now, days), 8)
        return "hold", f"{reason} until {morning.isoformat()}"


def _missed(account: Account) -> list[int | None]:
    return [clock.breached for clock in account.clocks.values()]


def _until(days: int) -> str:
    return f" until {days}d" if days else ""
