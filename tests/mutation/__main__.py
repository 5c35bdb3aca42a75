"""Do the tests bite? ``python -m tests.mutation [MODULE …] [--jobs N] [--only TEXT]``; ``make mutants``.

Makes every mutant of each module, runs the module's fast tests on it, and prints those that no test noticed. The exit
code is 1 when one of them is not listed in `modules.EQUIVALENT`, or when one that is listed can't be made any more.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from tests.mutation.modules import EQUIVALENT, TESTS, is_meant
from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.running import Child, libraries_of, load_libraries, pause


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"default: {' '.join(TESTS)}")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time")
    parser.add_argument("--only", default="", metavar="TEXT", help="only mutants with this text in their name")
    options = parser.parse_args()
    if unknown := set(options.modules) - TESTS.keys():
        parser.error(f"no tests are named for {sorted(unknown)[0]!r}")
    return max([_examine(module, jobs=options.jobs, only=options.only) for module in options.modules or TESTS])


def _examine(module: str, *, jobs: int, only: str) -> int:
    """Print the survivors of a module; 1 when one of them is a surprise."""
    tests, known = TESTS[module], EQUIVALENT.get(module, {})
    source = Path(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
    made = list(mutants_of(source))
    excused = [one for one in made if any(is_meant(one.name, listed) for listed in known)]
    for stale in [listed for listed in known if not any(is_meant(one.name, listed) for one in made)]:
        raise SystemExit(f"{module}: there is no such mutant any more: {stale}")
    mutants = [one for one in made if only in one.name and one not in excused]
    load_libraries(())
    began = monotonic()
    libraries = libraries_of(tests)
    patience_seconds = 20 + 5 * (monotonic() - began)
    load_libraries(libraries)
    survivors = _survivors(module, mutants, tests, jobs=jobs, seconds=patience_seconds)
    killed = len(mutants) - len(survivors)
    equivalent = f", {len(excused)} known to change nothing" if excused else ""
    print(f"{module}: {killed} of {len(mutants)} noticed{equivalent}, {monotonic() - began:.0f} s", flush=True)
    return 1 if survivors else 0


def _survivors(
    module: str, mutants: Sequence[Mutant], tests: Sequence[str], *, jobs: int, seconds: float
) -> list[Mutant]:
    waiting, running, survivors = list(mutants), list[tuple[Mutant, Child]](), list[Mutant]()
    while waiting or running:
        while waiting and len(running) < jobs:
            one = waiting.pop(0)
            running.append((one, Child(module, one.tree, tests, seconds=seconds)))
        pause()
        left = []
        for one, child in running:
            noticed = child.noticed()
            if noticed is None:
                left.append((one, child))
            elif not noticed:
                survivors.append(one)
                print(f"{module}:{one.line}: {one.name}", flush=True)
        running = left
    return survivors


if __name__ == "__main__":
    raise SystemExit(main())
