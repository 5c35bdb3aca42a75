"""What really happened to a ticket, as its people know it, and what its clocks must say then.

An account of its own: nothing here reads the gateway or asks `gateway.sla`. People's turns are noted as they happen;
between them `pass_time` lets pass what comes by itself: the steps of the ladder, which remind, raise and give on, and
the day until which a ticket waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from tests.simulation.company import LADDER, MATRIX, PROMISES, URGENCIES, Promise, Rung
from tests.simulation.wall import Wall

OPEN = ("new", "in_progress", "on_hold")
KINDS = ("response", "resolution")
# "answered", "lost" (an answer came back, or was taken back before it left), "hold" ("vendor", or "vendor until" and a
# moment), "resume", "taken", "resolved", "closed", "cancelled", "merged", "reopened", "back" (to a status: what was
# undone), "acked", "rated", "fields" ("priority=P1,team=network"); each with what it says.
Turn = tuple[str, str]


@dataclass(kw_only=True)
class Happening:
    """One turn, by people or by the clock."""

    at: datetime
    kind: str
    value: str = ""
    by_clock: bool = False
    is_lost: bool = False


@dataclass(kw_only=True)
class Clock:
    """What a clock must say. Places are minutes on the wall; `told` is up to which used minute steps have spoken."""

    kind: str
    promise: Promise
    target: int
    limit: int
    since: int | None
    used: int = 0
    outcome: str = "running"
    breached: int | None = None
    told: int = 0
    is_acked: bool = False
    reminders: list[int] = field(default_factory=list)

    @property
    def runs(self) -> bool:
        return self.outcome == "running" and self.since is not None

    def rungs(self) -> list[tuple[int, Rung]]:
        """The steps beside it, each with how much must be used."""
        found = []
        for rung in LADDER:
            if self.kind in rung.clocks and (not rung.goals or self.promise.name in rung.goals):
                number = int(rung.at.strip("%+mh"))
                spans = {"%": -(-self.target * number // 100), "m": self.limit + number, "h": self.limit + 60 * number}
                found.append((self.limit if rung.at == "100%" else spans[rung.at[-1]], rung))
        return sorted(found, key=lambda one: one[0])

    def still_to_tell(self) -> list[tuple[int, Rung]]:
        return [one for one in self.rungs() if one[0] > self.told] if self.runs and not self.is_acked else []


@dataclass(kw_only=True)
class Account:
    """One ticket by the account of those who wrote about it."""

    number: int
    requester: str
    opened_at: datetime
    type: str
    priority: str
    team: str
    impact: str = "medium"
    urgency: str = "medium"
    walls: Mapping[str, Wall]
    is_machine: bool = False
    # In the account of an account no step speaks: it has happened, or has not.
    has_ladder: bool = True
    plan: str = ""
    status: str = "new"
    held: str = ""
    until: int | None = None
    rating: int | None = None
    reopenings: int = 0
    happenings: list[Happening] = field(default_factory=list)
    clocks: dict[str, Clock] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.first = {name: getattr(self, name) for name in ("type", "priority", "team", "impact", "urgency")}
        self._base = self.walls["always"]
        promise, place = self._promise(), self._base.place(self.opened_at)
        for kind in KINDS:
            target = promise.target(kind)
            self.clocks[kind] = Clock(kind=kind, promise=promise, target=target, limit=target, since=place)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def is_answered(self) -> bool:
        return any(one.kind == "answered" and not one.is_lost for one in self.happenings)

    def note(self, at: datetime, *turns: Turn) -> None:
        """People did something, all of it in one mail."""
        self.pass_time(at)
        for kind, value in turns:
            self._turn(Happening(at=at, kind=kind, value=value))
        self._climb(self._base.place(at))

    def kept(self) -> dict[str, Clock]:
        """The clocks as they are, to come back to."""
        return {kind: replace(clock, reminders=list(clock.reminders)) for kind, clock in self.clocks.items()}

    def take_back(self, at: datetime, before: dict[str, Clock], *turns: Turn) -> None:
        """A mail is taken back: what it did is undone by these turns, and the clocks go on as if it had never come."""
        self.pass_time(at)
        for kind, value in turns:
            self._turn(Happening(at=at, kind=kind, value=value))
        self.clocks = before
        self._climb(self._base.place(at))

    def pass_time(self, at: datetime) -> None:
        """What comes by itself up to a moment."""
        place = self._base.place(at)
        while True:
            step = self._next_step(place)
            if self.until is not None and self.until <= place and (step is None or self.until <= step):
                moment = self.until
                self._run(moment)
                self._turn(Happening(at=self._base.moment(moment), kind="resume", by_clock=True))
                self._climb(moment)
            elif step is not None:
                self._climb(step)
            else:
                break
        self._run(place)

    def due(self, kind: str) -> int | None:
        """The place of the last minute that is in time; the missed one; None while it stands or is over."""
        clock = self.clocks[kind]
        if clock.outcome != "running":
            return None
        if clock.breached is not None or clock.since is None:
            return clock.breached
        return self._wall(clock).after(clock.since, clock.limit - clock.used)

    # --- time ---

    def _wall(self, clock: Clock) -> Wall:
        return self.walls[clock.promise.calendar]

    def _run(self, place: int) -> None:
        """Count what was worked, and see what was missed."""
        for clock in self.clocks.values():
            if clock.since is None or clock.outcome != "running":
                continue
            if clock.breached is None:
                due = self._wall(clock).after(clock.since, clock.limit - clock.used)
                clock.breached = due if due < place else None
            clock.used += self._wall(clock).worked(clock.since, place)
            clock.since = max(place, clock.since)

    def _next_step(self, most: int) -> int | None:
        """The place, up to the last that counts, at which a step of the ladder is due."""
        places = []
        for clock in self.clocks.values() if self.has_ladder else ():
            ahead = clock.still_to_tell()
            if ahead and clock.since is not None:
                places.append(self._wall(clock).after(clock.since, ahead[0][0] - clock.used))
        place = min(places, default=most + 1)
        return place if place <= most else None

    def _climb(self, place: int) -> None:
        """Do what is due: of what has passed at once, only the last step speaks, and all of it is done."""
        self._run(place)
        for clock in self.clocks.values() if self.has_ladder else ():
            passed = [one for one in clock.still_to_tell() if one[0] <= clock.used]
            if passed:
                clock.told = passed[-1][0]
                clock.reminders.append(place)
                self._act([rung for _, rung in passed], place)

    def _act(self, rungs: list[Rung], place: int) -> None:
        urgency, priority, team = self.urgency, self.priority, self.team
        for rung in rungs:
            if rung.raises == "priority":
                priority = f"P{max(1, int(priority[1]) - 1)}"
            elif rung.raises == "urgency":
                urgency = URGENCIES[max(0, URGENCIES.index(urgency) - 1)]
                priority = min(priority, MATRIX[self.impact, urgency])
            team = rung.reassign or team
        wanted = {"urgency": urgency, "priority": priority, "team": team}
        changed = [f"{name}={value}" for name, value in wanted.items() if getattr(self, name) != value]
        if changed:
            at = self._base.moment(place)
            self._turn(Happening(at=at, kind="fields", value=",".join(changed), by_clock=True))

    # --- turns ---

    def _turn(self, one: Happening) -> None:
        place = self._base.place(one.at)
        self.happenings.append(one)
        if one.kind == "fields":
            self._set(one, place)
        elif one.kind == "lost":
            self._lose(one, place)
        elif one.kind == "acked":
            for clock in self.clocks.values():
                clock.is_acked = clock.is_acked or clock.outcome == "running"
        elif one.kind == "rated":
            self.rating = int(one.value)
        else:
            self._move(one)
            self._follow(place, is_merged=one.kind == "merged")

    def _move(self, one: Happening) -> None:
        before = self.status
        if one.kind in ("answered", "taken"):
            self.status = "in_progress" if before == "new" else before
            return
        named = {"hold": "on_hold", "resume": "in_progress", "reopened": "in_progress", "merged": "closed"}
        self.status, _, self.held = one.value.partition(" ") if one.kind == "back" else (one.kind, "", "")
        self.status, self.until = named.get(self.status, self.status), None
        if one.kind == "hold":
            self.held, _, until = one.value.partition(" until ")
            self.until = self._base.place(datetime.fromisoformat(until)) if until else None
        self.reopenings += one.kind == "reopened" and before in ("resolved", "closed")

    def _follow(self, place: int, *, is_merged: bool) -> None:
        """Let the clocks go on, stand or end, as the ticket does."""
        for clock in self.clocks.values():
            is_done = clock.kind == "response" and self.is_answered
            if self.is_open and not is_done:
                if clock.outcome != "running":
                    clock.outcome, clock.since, clock.is_acked = "running", place, False
                    self._retarget(clock, place, by_clock=False)
                self._stand_or_go(clock, place)
            elif self.is_open or not (is_merged or self.status == "cancelled"):
                settles = is_done or clock.kind == "resolution" or self.status == "resolved"
                self._stop(clock, "settled" if settles else "dropped")
            else:
                self._stop(clock, "dropped")

    def _stand_or_go(self, clock: Clock, place: int) -> None:
        waits = self.status == "on_hold" and self.held in clock.promise.pauses
        clock.since = None if waits else place if clock.since is None else clock.since

    def _stop(self, clock: Clock, how: str) -> None:
        if clock.outcome == "running":
            clock.since = None
            missed = "met" if clock.breached is None else "missed"
            clock.outcome = missed if how == "settled" else how

    def _promise(self) -> Promise:
        return next(one for one in PROMISES if one.fits(self.type, self.priority, self.team))

    def _set(self, one: Happening, place: int) -> None:
        for pair in one.value.split(","):
            name, _, word = pair.partition("=")
            setattr(self, name, word)
            if name in ("impact", "urgency") and not one.by_clock:
                self.priority = MATRIX[self.impact, self.urgency]
        for clock in self.clocks.values():
            if clock.outcome == "running":
                self._retarget(clock, place, by_clock=one.by_clock)
                self._stand_or_go(clock, place)

    def _retarget(self, clock: Clock, place: int, *, by_clock: bool) -> None:
        """Another promise holds from now on: what is used counts, and nothing is due before it was promised."""
        wanted = self._promise()
        if wanted == clock.promise:
            return
        target = wanted.target(clock.kind)
        stays = clock.breached is not None and clock.used > target
        if by_clock:
            # A step never causes another.
            clock.told = clock.used
        else:
            clock.told = 0 if target < clock.target else clock.told
            clock.is_acked = False
        clock.limit = clock.limit if stays else max(target, clock.used)
        clock.breached = clock.breached if stays else None
        clock.promise, clock.target = wanted, target
        clock.since = place if clock.since is not None else None

    def _lose(self, one: Happening, place: int) -> None:
        """An answer never arrived: its clock has never stopped, so it is counted once more without that answer."""
        lost = [each for each in self.happenings if each.kind == "answered" and not each.is_lost]
        for each in lost[-1:] if one.value == "last" else lost:
            each.is_lost = True
        if not self.is_open:
            return
        before = self.clocks["response"]
        twin = Account(
            number=self.number,
            requester=self.requester,
            opened_at=self.opened_at,
            type=self.first["type"],
            priority=self.first["priority"],
            team=self.first["team"],
            impact=self.first["impact"],
            urgency=self.first["urgency"],
            walls=self.walls,
            has_ladder=False,
        )
        for each in self.happenings[:-1]:
            if not each.is_lost and each.kind != "lost":
                twin._run(self._base.place(each.at))
                twin._turn(each)
        twin._run(place)
        clock = twin.clocks["response"]
        clock.told, clock.reminders, clock.is_acked = before.told, before.reminders, False
        self.clocks["response"] = clock
