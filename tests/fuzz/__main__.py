"""Fuzz: ``python -m tests.fuzz [mails dots] [--rounds N] [--first N] [--jobs N]``; ``make fuzz ROUNDS=…``.

`mails` takes damaged mails down the pure chain, `dots` compares the reader of DATA with the standard. What is found is
saved in `fuzz-findings/` with the number that makes it again; the exit code is 1 then.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path
from time import monotonic

from tests.fuzz import dots
from tests.fuzz.chain import check
from tests.fuzz.mutator import mutant

FINDINGS = Path("fuzz-findings")
_PIECE = 1_000
# What a whole mail may cost in production (`gateway.parsing`); most take a few thousandths of a second.
_MOST_CPU_SECONDS = 10.0

Found = tuple[str, bytes, str]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which: mails, dots; default: both")
    parser.add_argument("--rounds", type=int, default=20_000, help="how many of each")
    parser.add_argument("--first", type=int, default=0, help="the number of the first; go on where another run ended")
    parser.add_argument("--jobs", type=int, default=None, help="processes; default: one for each core")
    options = parser.parse_args()
    unknown = set(options.names) - {"mails", "dots"}
    if unknown:
        parser.error(f"there is no fuzzer {sorted(unknown)[0]!r}")
    findings = 0
    for name in options.names or ["mails", "dots"]:
        findings += _run(name, first=options.first, rounds=options.rounds, jobs=options.jobs)
    return 1 if findings else 0


def _run(name: str, *, first: int, rounds: int, jobs: int | None) -> int:
    began_at = monotonic()
    outcomes: Counter[str] = Counter()
    findings = 0
    pieces = [(start, min(start + _PIECE, first + rounds)) for start in range(first, first + rounds, _PIECE)]
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        for done, (counted, found) in enumerate(pool.map(_piece, repeat(name), pieces), start=1):
            outcomes += counted
            findings += len(found)
            for title, content, why in found:
                _save(f"{name}-{title}", content, why)
            print(f"\r{name}: {done}/{len(pieces)} thousands, {findings} findings", end="", file=sys.stderr)
    print(file=sys.stderr)
    told = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    print(f"{name}: {rounds} in {monotonic() - began_at:.0f} s, {findings} findings ({told})")
    return findings


def _piece(name: str, bounds: tuple[int, int]) -> tuple[Counter[str], list[Found]]:
    if name == "dots":
        differences = dots.differences(rounds=bounds[1] - bounds[0], seed=bounds[0])
        return Counter(streams=bounds[1] - bounds[0]), [
            (f"{bounds[0]}-{index}", stream, f"cut into {sizes}") for index, (stream, sizes) in enumerate(differences)
        ]
    outcomes: Counter[str] = Counter()
    found = list(_escapes(bounds, outcomes))
    return outcomes, found


def _escapes(bounds: tuple[int, int], outcomes: Counter[str]) -> Iterator[Found]:
    for number in range(*bounds):
        raw = mutant(number)
        try:
            with _at_most(_MOST_CPU_SECONDS):
                outcomes[check(raw)] += 1
        except Exception:
            outcomes["escaped"] += 1
            yield str(number), raw, traceback.format_exc()


@contextlib.contextmanager
def _at_most(cpu_seconds: float) -> Iterator[None]:
    """Raise where the work takes longer, also inside a regular expression."""

    def stop(number: int, frame: object) -> None:
        raise TimeoutError(f"not done within {cpu_seconds} CPU seconds")

    signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, cpu_seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _save(name: str, content: bytes, why: str) -> None:
    FINDINGS.mkdir(exist_ok=True)
    (FINDINGS / f"{name}.eml").write_bytes(content)
    (FINDINGS / f"{name}.txt").write_text(why)


if __name__ == "__main__":
    sys.exit(main())
