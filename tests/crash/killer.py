"""Kill the day at every commit, before and after, and see what a restart makes of it.

A process of its own that has no threads when it forks: each try is a child that kills itself with SIGKILL at one commit
of one step, and a second child that finishes the step (or the whole day) and says what it found.

    python -m tests.crash.killer every SHARE SHARES FOLDER
    python -m tests.crash.killer random ROUNDS SEED FOLDER

Prints one line of JSON: how many kills there were, and everything that was wrong.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from gateway.policy_keeper import PolicyKeeper
from tests.crash.day import STEPS, Day, Outcome, new_keeper

OnCommit = Callable[[int, str], None]


def kill_at(number: int, moment: str) -> OnCommit:
    def on_commit(count: int, when: str) -> None:
        if (count, when) == (number, moment):
            os.kill(os.getpid(), signal.SIGKILL)

    return on_commit


def in_a_child(work: Callable[[], str]) -> tuple[int, str]:
    """Run `work` in a fork: the signal that ended it (0: none) and what it returned."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        try:
            answer = work()
        except BaseException as error:
            answer = f"{type(error).__name__}: {error}"
        os.write(writer, answer.encode()[:60_000])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read().decode()
    _, status = os.waitpid(pid, 0)
    return (os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0), answer


@dataclass(kw_only=True)
class Killer:
    """Undisturbed days, kept step by step, and what became of the disturbed ones."""

    folder: Path
    keeper: PolicyKeeper
    before: list[Path] = field(default_factory=list)
    expected: list[Outcome] = field(default_factory=list)
    kills: int = 0
    wrong: list[str] = field(default_factory=list)

    def live_undisturbed(self) -> None:
        """Keep a copy of the desk before each step and after the last, and what people could see then."""
        for number in range(len(STEPS) + 1):
            copy = self.folder / f"before{number}"
            if self.before:
                shutil.copytree(self.before[-1], copy)
            day = Day(copy, keeper=self.keeper, owner="nobody disturbs")
            day.run(number)
            self.expected.append(day.outcome())
            assert day.findings() == []
            day.close()
            self.before.append(copy)

    def place(self, step: int) -> Path:
        """A new desk that has come as far as this step."""
        place = Path(tempfile.mkdtemp(dir=self.folder))
        shutil.copytree(self.before[step], place, dirs_exist_ok=True)
        return place

    def live(self, place: Path, *, until: int, on_commit: OnCommit) -> str:
        """Open the desk as a starting gateway does and take the steps."""
        day = Day(place, keeper=self.keeper, owner=f"process {os.getpid()}", on_commit=on_commit)
        day.run(until)
        day.close()
        return "lived"

    def finish(self, place: Path, *, until: int) -> str:
        """Start anew, do what is left to do and compare; "" where all is as in an undisturbed run."""
        day = Day(place, keeper=self.keeper, owner=f"heir {os.getpid()}")
        day.run(until)
        found, wrong = day.outcome(), day.findings()
        day.close()
        for what, counted in self.expected[until].items():
            wrong += [f"{what} lost: {one}" for one in counted - found[what]]
            wrong += [f"{what} twice: {one}" for one in found[what] - counted]
        return "; ".join(wrong)

    def kill(self, place: Path, *, until: int, commit: int, moment: str) -> bool:
        """Live and be killed; False when there were not so many commits."""
        signalled, answer = in_a_child(lambda: self.live(place, until=until, on_commit=kill_at(commit, moment)))
        if signalled == signal.SIGKILL:
            self.kills += 1
        elif answer != "lived":
            self.wrong.append(answer)
        return signalled == signal.SIGKILL

    def restart(self, place: Path, *, until: int, what: str) -> None:
        _, answer = in_a_child(lambda: self.finish(place, until=until))
        if answer:
            self.wrong.append(f"{what}: {answer}")
        shutil.rmtree(place)

    def every(self, share: int, shares: int) -> None:
        """Every commit of every step of this share; some days are lived to their end, the rest to that of the step."""
        for step in range(share, len(STEPS), shares):
            commit, killed = 0, True
            while killed:
                commit += 1
                until = len(STEPS) if (step + commit) % 9 == 0 else step + 1
                for moment in ("before", "after"):
                    place = self.place(step)
                    killed = self.kill(place, until=step + 1, commit=commit, moment=moment)
                    self.restart(place, until=until, what=f"killed {moment} commit {commit} of step {step}")

    def at_random(self, rounds: int, seed: int) -> None:
        """Kills at random commits, up to three in one day, then to its end."""
        chance = random.Random(seed)
        while self.kills < rounds:
            place, points = self.place(0), []
            for _ in range(chance.randint(1, 3)):
                commit, moment = chance.randint(1, 150), chance.choice(["before", "after"])
                self.kill(place, until=len(STEPS), commit=commit, moment=moment)
                points.append(f"{moment} {commit}")
            self.restart(place, until=len(STEPS), what=f"killed {', '.join(points)}")


def main(mode: str, first: str, second: str, folder: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    killer = Killer(folder=Path(folder), keeper=new_keeper(Path(folder)))
    killer.live_undisturbed()
    run = {"every": killer.every, "random": killer.at_random}[mode]
    run(int(first), int(second))
    print(json.dumps({"kills": killer.kills, "wrong": killer.wrong}))


if __name__ == "__main__":
    main(*sys.argv[1:])
