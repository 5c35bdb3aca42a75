"""What really happened to a ticket, as its people know it, and what its clocks must say then.

An account of its own: nothing here reads the gateway or asks `gateway.sla`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tests.simulation.company import LADDER, PROMISES, Promise
from tests.simulation.wall import Wall

OPEN = ("new", "in_progress", "on_hold")


@dataclass(kw_only=True)
class Happening:
    """One turn: "answered", "hold", "resume", "resolved", "closed", "cancelled", "reopened", "acked" or "fields"."""

    at: datetime
    kind: str
    value: str = ""
    is_lost: bool = False


@dataclass(kw_only=True)
class Account:
    """One ticket by the account of those who wrote about it."""

    number: int
    requester: str
    opened_at: datetime
    type: str
    priority: str
    team: str
    is_machine: bool = False
    plan: str = ""
    status: str = "new"
    happenings: list[Happening] = field(default_factory=list)
    first: tuple[str, str, str] = ("", "", "")

    def __post_init__(self) -> None:
        self.first = (self.type, self.priority, self.team)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    def note(self, at: datetime, kind: str, value: str = "") -> None:
        self.happenings.append(Happening(at=at, kind=kind, value=value))
        if kind == "fields":
            name, _, word = value.partition("=")
            setattr(self, name, word)
        elif kind == "answered":
            self.status = "in_progress" if self.status == "new" else self.status
        elif kind != "acked":
            named = {"hold": "on_hold", "resume": "in_progress", "reopened": "in_progress", "taken": "in_progress"}
            self.status = named.get(kind, kind)


@dataclass(kw_only=True)
class Expected:
    """What a clock must say."""

    goal: str
    target: int
    used: int = 0
    limit: int = 0
    since: int | None = None
    outcome: str = "running"
    breached: int | None = None
    told: int = 0
    is_acked: bool = False
    reminders: list[tuple[int, int]] = field(default_factory=list)


class Reckoning:
    """Walks through a ticket's happenings with one clock."""

    def __init__(self, account: Account, kind: str, walls: Mapping[str, Wall]) -> None:
        self._account, self._kind, self._walls = account, kind, walls
        self._fields = dict(zip(("type", "priority", "team"), account.first, strict=True))
        self._promise = self._fitting()
        target = self._target()
        self._base = walls["always"]
        self.clock = Expected(
            goal=self._promise.name, target=target, limit=target, since=self._base.place(account.opened_at)
        )
        self._held = ""
        self._is_answered = False

    def _fitting(self) -> Promise:
        said = (self._fields["type"], self._fields["priority"], self._fields["team"])
        return next(one for one in PROMISES if one.fits(*said))

    def _target(self) -> int:
        return self._promise.response if self._kind == "response" else self._promise.resolution

    def at(self, moment: datetime) -> Expected:
        """The clock at a moment."""
        for one in self._account.happenings:
            if one.at > moment:
                break
            if not one.is_lost:
                self._turn(one, self._base.place(one.at))
        if self.clock.since is not None:
            self._advance(self._base.place(moment))
        return self.clock

    def _turn(self, one: Happening, place: int) -> None:
        clock = self.clock
        if one.kind == "fields":
            name, _, word = one.value.partition("=")
            self._fields[name] = word
            if clock.outcome == "running":
                self._retarget(place)
        elif one.kind == "answered":
            self._is_answered = True
            if self._kind == "response":
                self._stop(place, "stopped")
        elif one.kind == "hold":
            self._held = one.value
            if clock.outcome == "running":
                self._stand(place)
        elif one.kind in ("resume", "reopened", "taken"):
            self._held = ""
            is_over = self._kind == "response" and self._is_answered
            if one.kind == "reopened" and clock.outcome != "running" and not is_over:
                clock.outcome, clock.since, clock.is_acked = "running", place, False
                self._retarget(place)
                self._remind(place)
            if clock.outcome == "running" and clock.since is None:
                clock.since = place
        elif one.kind in ("resolved", "closed"):
            self._held = ""
            drops = one.kind == "closed" and self._kind == "response" and not self._is_answered
            self._stop(place, "dropped" if drops else "stopped")
        elif one.kind == "acked":
            self._advance(place)
            clock.is_acked = clock.outcome == "running"
        elif one.kind == "cancelled":
            self._stop(place, "dropped")

    def _stand(self, place: int) -> None:
        """Stand still, or go on where the promise does not wait for this one."""
        if self._held in self._promise.pauses:
            self._advance(place)
            self.clock.since = None
        elif self.clock.since is None:
            self.clock.since = place

    def _stop(self, place: int, how: str) -> None:
        clock = self.clock
        if clock.outcome != "running":
            return
        self._advance(place)
        clock.since = None
        clock.outcome = how
        if how == "stopped":
            clock.outcome = "met" if clock.breached is None else "missed"

    def _retarget(self, place: int) -> None:
        clock, before = self.clock, self._promise
        wanted = self._fitting()
        if wanted == before:
            return
        self._advance(place)
        self._promise = wanted
        target = self._target()
        stays = clock.breached is not None and clock.used > target
        if target < clock.target:
            clock.told = 0
        clock.limit = clock.limit if stays else max(target, clock.used)
        clock.breached = clock.breached if stays else None
        clock.goal, clock.target, clock.is_acked = wanted.name, target, False
        if clock.since is not None:
            clock.since = place
        if self._held:
            self._stand(place)
        self._remind(place)

    def _advance(self, place: int) -> None:
        """Let the time up to a place pass."""
        clock = self.clock
        if clock.since is None:
            return
        wall = self._walls[self._promise.calendar]
        if clock.breached is None:
            due = wall.after(clock.since, clock.limit - clock.used)
            clock.breached = due if due < place else None
        for threshold in self._steps():
            if clock.told < threshold and not clock.is_acked:
                reached = wall.after(clock.since, threshold - clock.used)
                if reached <= place:
                    self._tell(reached, threshold)
        clock.used += wall.worked(clock.since, place)
        clock.since = place

    def _remind(self, place: int) -> None:
        """Of what is passed all at once, only the last step speaks."""
        passed = [one for one in self._steps() if self.clock.told < one <= self.clock.used]
        if passed and self.clock.since is not None:
            self._tell(place, max(passed))

    def _tell(self, place: int, threshold: int) -> None:
        self.clock.told = threshold
        self.clock.reminders.append((place, threshold))

    def _steps(self) -> list[int]:
        clock = self.clock
        when = {"75%": -(-clock.target * 75 // 100), "100%": clock.limit, "+1h": clock.limit + 60}
        return sorted(when[at] for at, clocks, _ in LADDER if self._kind in clocks)

    def due(self) -> int | None:
        """The place of the last minute that is in time; the missed one; None while it stands."""
        clock = self.clock
        if clock.breached is not None:
            return clock.breached
        if clock.since is None or clock.outcome != "running":
            return None
        return self._walls[self._promise.calendar].after(clock.since, clock.limit - clock.used)
