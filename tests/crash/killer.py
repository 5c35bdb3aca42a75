"""Kill the day at every commit, before and after, and see what a restart makes of it.

A process of its own without threads, so that it can fork: each try is a child that kills itself with SIGKILL at one
commit of one step, and a second child that finishes the step (or the whole day) and says what it found.

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

from tests.crash.day import STEPS, Day


@dataclass(kw_only=True)
class Tally:
    kills: int = 0
    wrong: list[str] = field(default_factory=list)


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


def live(folder: Path, *, until: int, on_commit: Callable[[int, str], None] | None = None) -> str:
    """Open the desk as a starting gateway does and take the steps; how many commits that were."""
    day = Day(folder, owner=f"process {os.getpid()}", on_commit=on_commit)
    day.run(until)
    day.close()
    return str(day.commits)


def kill_at(number: int, moment: str) -> Callable[[int, str], None]:
    def on_commit(count: int, when: str) -> None:
        if (count, when) == (number, moment):
            os.kill(os.getpid(), signal.SIGKILL)

    return on_commit


def difference(folder: Path, undisturbed: Path, *, until: int) -> str:
    """Finish the work and compare with a run that nobody disturbed; "" where all is as it should be."""
    day = Day(folder, owner=f"heir {os.getpid()}")
    day.run(until)
    found, findings = day.outcome(), day.findings()
    day.close()
    other = Day(undisturbed, owner="reader")
    expected = other.outcome()
    other.close()
    wrong = [*findings]
    for what, counted in expected.items():
        wrong += [f"{what} lost: {one}" for one in counted - found[what]]
        wrong += [f"{what} twice: {one}" for one in found[what] - counted]
    return "; ".join(wrong)


def record(folder: Path) -> list[Path]:
    """Live the day undisturbed, and keep a copy of the desk before each step and after the last."""
    copies = []
    for number in range(len(STEPS) + 1):
        copy = folder / f"before{number}"
        if number:
            shutil.copytree(copies[-1], copy)
            signalled, answer = in_a_child(lambda copy=copy, number=number: live(copy, until=number))  # type: ignore[misc]
            assert not signalled, answer
            assert answer.isdigit(), answer
        else:
            copy.mkdir()
        copies.append(copy)
    return copies


def try_one(copies: list[Path], step: int, commit: int, moment: str, folder: Path, tally: Tally, *, on: int) -> bool:
    """Kill once, finish, compare after `on` more steps; False when the step had fewer commits than that."""
    place = Path(tempfile.mkdtemp(dir=folder))
    shutil.copytree(copies[step], place, dirs_exist_ok=True)
    until = min(step + 1 + on, len(STEPS))
    signalled, answer = in_a_child(lambda: live(place, until=step + 1, on_commit=kill_at(commit, moment)))
    if signalled == signal.SIGKILL:
        tally.kills += 1
        undisturbed = place.with_name(f"{place.name}-undisturbed")
        shutil.copytree(copies[until], undisturbed)
        _, answer = in_a_child(lambda: difference(place, undisturbed, until=until))
        if answer:
            tally.wrong.append(f"killed {moment} commit {commit} of step {step}: {answer}")
        shutil.rmtree(undisturbed)
    elif not answer.isdigit():
        tally.wrong.append(f"step {step}: {answer}")
    shutil.rmtree(place)
    return signalled == signal.SIGKILL


def every(share: int, shares: int, folder: Path) -> Tally:
    """Every commit of every step of this share; each seventh day is lived to its end."""
    copies, tally = record(folder), Tally()
    for step in range(share, len(STEPS), shares):
        for commit in range(1, 1000):
            on = len(STEPS) if (step + commit) % 7 == 0 else 0
            if not all(try_one(copies, step, commit, moment, folder, tally, on=on) for moment in ("before", "after")):
                break
    return tally


def at_random(rounds: int, seed: int, folder: Path) -> Tally:
    """Kills at random commits, up to three in one day, then to its end."""
    copies, tally, chance = record(folder), Tally(), random.Random(seed)
    while tally.kills < rounds:
        place = Path(tempfile.mkdtemp(dir=folder))
        shutil.copytree(copies[0], place, dirs_exist_ok=True)
        for _ in range(chance.randint(1, 3)):
            kill = kill_at(chance.randint(1, 150), chance.choice(["before", "after"]))
            signalled, answer = in_a_child(lambda kill=kill, place=place: live(place, until=len(STEPS), on_commit=kill))  # type: ignore[misc]
            tally.kills += signalled == signal.SIGKILL
        _, answer = in_a_child(lambda place=place: difference(place, copies[-1], until=len(STEPS)))  # type: ignore[misc]
        if answer:
            tally.wrong.append(answer)
        shutil.rmtree(place)
    return tally


def main(mode: str, first: str, second: str, folder: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(60))
    run = {"every": every, "random": at_random}[mode]
    tally = run(int(first), int(second), Path(folder))
    print(json.dumps({"kills": tally.kills, "wrong": tally.wrong}))


if __name__ == "__main__":
    main(*sys.argv[1:])
